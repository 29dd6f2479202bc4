/* SPDX-License-Identifier: MIT */
/*
 * The practice server's ear: libmicrohttpd on a thread of its own.
 *
 * The library calls us with headers, then with pieces of the body, then once
 * more; the last call answers, or puts the connection to sleep and is repeated
 * when it wakes. One struct exchange holds what belongs to a request meanwhile;
 * it is made when the request line is read and freed when the library is done.
 */
#include "practice/deliver.h"
#include "practice/server.h"
#include "practice/upload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)1 << 20)
#define CONNECTIONS 4096
#define BACKLOG 1024

enum stage { STAGE_HEADERS, STAGE_BODY, STAGE_SERVED };

struct exchange {
    enum stage stage;
    char *uri; /* owned, as sent */
    struct ml_buf body;
    struct ml_upload *upload; /* owned; reads the body instead, NULL = none */
    struct ml_ask ask;
    struct ml_answer ans;
    struct ml_wait wait;
};

/* The request line as it came: the library's own URL is decoded, which would turn %2F into a
 * separator. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    (void)cls;
    (void)connection;
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->uri = strdup(uri);
    ml_buf_create(&x->body, BODY_MAX);
    ml_answer_create(&x->ans, 0);
    return x;
}

static void on_done(void *cls, struct MHD_Connection *connection, void **con_cls,
                    enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    struct exchange *x = *con_cls;
    if (!x)
        return;
    ml_answer_destroy(&x->ans);
    ml_upload_free(x->upload);
    ml_buf_destroy(&x->body);
    free(x->uri);
    free(x);
    *con_cls = NULL;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static void collect(struct exchange *x, const char *bytes, size_t n)
{
    if (x->upload)
        ml_upload_feed(x->upload, bytes, n);
    else if (ml_buf_add(&x->body, bytes, n) < 0)
        x->ask.too_large = true;
}

/* Carries out the request; afterwards the answer goes out, now or later. */
static enum MHD_Result serve(struct ml_practice *p, struct MHD_Connection *connection,
                             const char *method, struct exchange *x)
{
    struct ml_ask *ask = &x->ask;
    ask->method = method;
    ask->uri = x->uri;
    ask->type = header(connection, "Content-Type");
    ask->authorization = header(connection, "Authorization");
    ask->api_key = header(connection, "X-API-KEY");
    ask->accept = header(connection, "Accept");
    ask->upload = x->upload;
    ask->body = ml_buf_str(&x->body);
    ask->body_len = ask->too_large ? 0 : x->body.len;
    ml_serve(p, ask, &x->ans);
    x->stage = STAGE_SERVED;

    int64_t us =
        ask->fate.kind == ML_BREAK_HANG ? ML_DELAY_FOREVER : (int64_t)ask->fate.delay_ms * 1000;
    if (us > 0 && ml_delay_hold(&p->delay, &x->wait, connection, us) == 0)
        return MHD_YES; /* called again when it wakes */
    return ml_deliver(&p->delay, connection, ask, &x->ans);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **con_cls)
{
    (void)url;
    (void)version;
    struct ml_practice *p = cls;
    struct exchange *x = *con_cls;
    if (!x || !x->uri)
        return MHD_NO; /* no memory: the connection is closed */
    if (x->stage == STAGE_HEADERS) {
        x->stage = STAGE_BODY;
        if (!ml_upload_is(method, x->uri))
            return MHD_YES;
        x->upload = ml_upload_new(connection);
        return x->upload ? MHD_YES : MHD_NO;
    }
    if (x->stage == STAGE_SERVED)
        return ml_deliver(&p->delay, connection, &x->ask, &x->ans);
    if (*upload_size) {
        collect(x, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    return serve(p, connection, method, x);
}

/* Bytes of a path are decoded by route.c; libmicrohttpd leaves them alone. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *s)
{
    (void)cls;
    (void)connection;
    return strlen(s);
}

int ml_http_start(struct ml_practice *p, unsigned port, struct ml_err *err)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    unsigned flags =
        MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    errno = 0;
    p->daemon =
        MHD_start_daemon(flags, (uint16_t)port, NULL, NULL, on_request, p, MHD_OPTION_SOCK_ADDR,
                         &at, MHD_OPTION_URI_LOG_CALLBACK, on_uri, p,
                         MHD_OPTION_NOTIFY_COMPLETED, on_done, p, MHD_OPTION_UNESCAPE_CALLBACK,
                         keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                         MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)BACKLOG, MHD_OPTION_END);
    if (!p->daemon)
        return ml_err_set(err, ML_USAGE,
                          "the practice server cannot listen on 127.0.0.1 port %u: %s; take "
                          "another port, 0 is any free one",
                          port, errno ? strerror(errno) : "the port is not free");
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (!info || info->port == 0) {
        ml_http_stop(p);
        return ml_err_set(err, ML_NETWORK, "the practice server cannot tell its own port");
    }
    snprintf(p->origin, sizeof p->origin, "http://127.0.0.1:%u", (unsigned)info->port);
    return 0;
}

void ml_http_stop(struct ml_practice *p)
{
    if (p->daemon)
        MHD_stop_daemon(p->daemon);
    p->daemon = NULL;
}
