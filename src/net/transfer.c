/* SPDX-License-Identifier: MIT */
#include "net/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/form.h"
#include "net/headers.h"

#define HINT_MAX (1024 * 1024) /* Content-Length is believed up to here */

void ml_transfer_create(struct ml_transfer *t, struct ml_loop *loop, size_t max_body)
{
    *t = (struct ml_transfer){.loop = loop};
    ml_buf_create(&t->body, max_body);
    ml_buf_create(&t->headers, ML_HEADERS_MAX);
}

void ml_transfer_destroy(struct ml_transfer *t)
{
    ml_transfer_cancel(t);
    ml_buf_destroy(&t->body);
    ml_buf_destroy(&t->headers);
}

/* --- curl callbacks: they only record --- */

static size_t on_body(char *bytes, size_t size, size_t n, void *ud)
{
    struct ml_transfer *t = ud;
    size_t len = size * n;
    if (t->body.cap == 0) {
        curl_off_t hint = 0;
        curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &hint);
        if (hint > 0 && hint <= HINT_MAX)
            ml_buf_reserve(&t->body, (size_t)hint); /* a hint: failing here is no failure */
    }
    if (ml_buf_add(&t->body, bytes, len) == 0)
        return len;
    t->too_large = len > t->body.max - t->body.len;
    t->no_memory = !t->too_large;
    return 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *ud)
{
    struct ml_transfer *t = ud;
    size_t len = size * n;
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        t->headed = false;
    else if (len <= 2 && strchr("\r\n", line[0]))
        t->headed = true;
    ml_headers_line(&t->headers, line, len);
    return len;
}

/* Called before each time the request goes out, also when libcurl repeats it by itself. */
static int on_prereq(void *ud, char *ip, char *local, int port, int local_port)
{
    (void)ip, (void)local, (void)port, (void)local_port;
    struct ml_transfer *t = ud;
    if (t->write && t->sends >= 1)
        return CURL_PREREQFUNC_ABORT;
    t->sends++;
    return CURL_PREREQFUNC_OK;
}

/* --- start --- */

static bool is_head(const struct ml_exchange *x)
{
    return strcmp(x->method, "HEAD") == 0;
}

/* An option that libcurl copies. Where memory is out it keeps the old value, and the request
 * would go to the address of the one before. */
static int set_text(CURL *easy, CURLoption option, const char *text)
{
    return curl_easy_setopt(easy, option, text) == CURLE_OK ? 0 : -1;
}

/* Where the path of a URL begins. */
static const char *path_of(const char *url)
{
    return strchr(strstr(url, "://") + 3, '/');
}

/* The origin of the URL, for all requests of a recipe. NULL: without memory each goes by its
 * URL.
 */
static CURLU *new_place(const char *url)
{
    CURLU *place = curl_url();
    char *origin = strndup(url, (size_t)(path_of(url) - url));
    if (!place || !origin || curl_url_set(place, CURLUPART_URL, origin, 0) != CURLUE_OK) {
        curl_url_cleanup(place);
        place = NULL;
    }
    free(origin);
    return place;
}

/* Of a request with a recipe only the path is new: to take its whole URL apart is a tenth of
 * what libcurl does for it. Where there is a query, or an escape, which libcurl would write
 * with other letters, the URL goes as it is. */
static int set_place(CURL *easy, CURLU *place, const char *url)
{
    const char *path = path_of(url);
    bool plain = place && !strpbrk(path, "?%") &&
                 curl_url_set(place, CURLUPART_PATH, path, 0) == CURLUE_OK;
    if (curl_easy_setopt(easy, CURLOPT_CURLU, plain ? place : NULL) != CURLE_OK)
        return -1;
    return plain ? 0 : set_text(easy, CURLOPT_URL, url);
}

/* What differs from one request of a recipe to the next. */
static int set_request(struct ml_transfer *t, CURL *easy, const struct ml_exchange *x)
{
    bool custom = x->body || strcmp(x->method, "GET") != 0;
    if (set_place(easy, t->place, x->url) < 0)
        return -1;
    if (x->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body_len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, x->body);
    }
    if (is_head(x))
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (set_text(easy, CURLOPT_CUSTOMREQUEST, custom ? x->method : NULL) < 0)
        return -1;
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)x->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->text);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
    return 0;
}

static int set_form(struct ml_transfer *t, CURL *easy, const struct ml_form *form)
{
    t->mime = ml_form_make(form, easy);
    if (!t->mime)
        return -1;
    return curl_easy_setopt(easy, CURLOPT_MIMEPOST, t->mime) == CURLE_OK ? 0 : -1;
}

/* The handle is out of libcurl's hands by then. */
static void free_form(struct ml_transfer *t)
{
    curl_mime_free(t->mime);
    t->mime = NULL;
}

static int set_transport(CURL *easy, const struct ml_exchange *x)
{
    if (set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") < 0 ||
        set_text(easy, CURLOPT_ACCEPT_ENCODING, "gzip") < 0 ||
        (!x->proxy && set_text(easy, CURLOPT_PROXY, "") < 0))
        return -1;
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    /* Only where ALPN tells at once: over plain http, a request would wait for the answer to
     * the first one before it gets a connection, be it minutes. */
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, x->http1 ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 300L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(x->http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
    /* A short idle age makes it rare that a write meets a connection which the server closes.
     */
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, x->write ? 20L : 60L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (!x->ca_file)
        return 0;
    curl_easy_setopt(easy, CURLOPT_CAPATH,
                     NULL); /* the system's, which libcurl would also search */
    return set_text(easy, CURLOPT_CAINFO, x->ca_file);
}

static void set_limits(CURL *easy, const struct ml_exchange *x)
{
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_ms);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, 30L);
}

static void set_callbacks(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prereq);
}

/* What a handle keeps for the next request with the same recipe. */
static int set_recipe(struct ml_loop *loop, CURL *easy, const struct ml_exchange *x)
{
    ml_loop_prepare(loop, easy);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
    set_limits(easy, x);
    set_callbacks(easy);
    return set_transport(easy, x);
}

/* The exchange before. */
static void forget(struct ml_transfer *t)
{
    ml_buf_clear(&t->body);
    ml_buf_clear(&t->headers);
    t->sends = 0;
    t->headed = t->too_large = t->long_header = t->no_memory = t->http2 = false;
    t->fault = ML_FAULT_NONE;
    t->status = 0;
    t->text[0] = '\0';
}

/* Handle and place go back into the pool. */
static void give(struct ml_transfer *t, CURL *easy, const void *recipe)
{
    ml_loop_give(t->loop, easy, t->place, recipe);
    t->place = NULL;
}

int ml_transfer_start(struct ml_transfer *t, const struct ml_exchange *x)
{
    forget(t);
    t->body.max = x->max_body;
    t->write = x->write;
    t->kind = x->http1 ? ML_LOOP_HTTP1 : ML_LOOP_HTTP2;
    /* Over HTTP/2 too many things differ; a HEAD or a form leaves an option behind. */
    bool ready;
    t->recipe = x->http1 && !is_head(x) && !x->form ? x->recipe : NULL;
    CURL *easy = ml_loop_take(t->loop, t->recipe, &t->place, &ready);
    if (!easy)
        return -1;
    if (!ready && t->recipe)
        t->place = new_place(x->url);
    t->started_us = ml_clock_us();
    if ((ready || set_recipe(t->loop, easy, x) == 0) && set_request(t, easy, x) == 0 &&
        (!x->form || set_form(t, easy, x->form) == 0)) {
        t->easy = easy;
        if (ml_loop_add(t->loop, easy, t->kind) == 0)
            return 0;
        t->easy = NULL;
    }
    free_form(t);
    give(t, easy, NULL);
    return -1;
}

/* --- end --- */

static enum ml_fault fault_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return ML_FAULT_NONE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return ML_FAULT_RESOLVE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return ML_FAULT_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CLIENTCERT:
        return ML_FAULT_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
        return ML_FAULT_CERT;
    case CURLE_OPERATION_TIMEDOUT:
        return ML_FAULT_TIMEOUT;
    case CURLE_PARTIAL_FILE:
    case CURLE_BAD_CONTENT_ENCODING:
        return ML_FAULT_TRUNCATED;
    case CURLE_ABORTED_BY_CALLBACK:
        return ML_FAULT_RESENT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ML_FAULT_REFUSED;
    default:
        return ML_FAULT_BROKEN;
    }
}

/* With the request out, two of libcurl's codes are about the answer: "unsupported protocol" is
 * one that is not HTTP, and memory "runs out" when a header line passes libcurl's own ceiling.
 */
static enum ml_fault fault_with(struct ml_transfer *t, CURLcode code)
{
    bool memory = code == CURLE_OUT_OF_MEMORY;
    t->long_header = memory && t->sends && !t->no_memory;
    t->no_memory |= memory && !t->long_header;
    if (t->too_large || t->long_header)
        return ML_FAULT_TOO_LARGE;
    if (t->no_memory)
        return ML_FAULT_REFUSED;
    if (code == CURLE_UNSUPPORTED_PROTOCOL && t->sends)
        return ML_FAULT_BROKEN;
    /* libcurl takes a connection that ends among the headers, or behind a 1xx, for an answer
     * without a body. */
    if (code == CURLE_OK && (!t->headed || (t->status < 200 && t->status != 101)))
        return ML_FAULT_TRUNCATED;
    return fault_of(code);
}

/* Takes out of the handle what is wanted of it, and gives it back; with its options, where
 * nothing unusual has happened to it (libcurl counts its own repetitions until a reset). */
static void release(struct ml_transfer *t, bool well)
{
    long status = 0, version = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
    t->status = (int)status;
    t->http2 = version == CURL_HTTP_VERSION_2_0;
    t->elapsed_us = ml_clock_us() - t->started_us;
    free_form(t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL);
    give(t, t->easy, well && t->sends == 1 ? t->recipe : NULL);
    t->easy = NULL;
}

void ml_transfer_done(void *private, CURLcode code)
{
    struct ml_transfer *t = private;
    release(t, code == CURLE_OK);
    t->fault = fault_with(t, code);
    if (code != CURLE_OK && !t->text[0])
        strncat(t->text, curl_easy_strerror(code), sizeof t->text - 1);
    t->on_done(t);
}

void ml_transfer_cancel(struct ml_transfer *t)
{
    if (!t->easy)
        return;
    ml_loop_remove(t->loop, t->easy, t->kind);
    release(t, false);
}
