/* SPDX-License-Identifier: MIT */
/*
 * A server in the test's own process that plays a script: the n-th request,
 * on whichever connection it comes, gets the n-th answer. And a small bench
 * for calls against it, on which no test has to sleep: waits that the retry
 * rules ask for are made due at once by hurry().
 *
 *     static const struct answer script[] = {{OK_JSON, KEEP}};
 *     struct bench b;
 *     bench_open(&b, script, 1, 4);
 *     struct ml_call *call = get(&b, "/x");
 *     settle(&b);
 *     assert_int_equal(ml_call_status(call), 200);
 *     ml_call_free(call);
 *     bench_close(&b);                 // fails when a request was not scripted
 */
#ifndef TEST_NET_SERVER_H
#define TEST_NET_SERVER_H

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "bind/json.h"
#include "net/private.h"

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define OK_JSON JSON_HEAD "Content-Length: 2\r\n\r\n{}"
#define STATUS(line) "HTTP/1.1 " line "\r\nContent-Length: 2\r\n\r\n{}"
#define PATIENCE_US 20000000 /* a test that waits longer has failed */

enum then { KEEP, CLOSE, RESET, HOLD }; /* HOLD: silent until the server stops */

struct answer {
    const char *text; /* NULL = nothing */
    enum then then;
};

enum { MOST = 128, HEAD_MAX = 4096 };

struct server {
    int fd;
    int port;
    const struct answer *script;
    unsigned len;
    size_t blanks;        /* so many KiB of them follow each answer */
    const char *greeting; /* sent before a request was read; NULL = none */
    atomic_uint requests, connections, surprises;
    char head[MOST][HEAD_MAX]; /* of each request; complete once `requests` counts it */
    pthread_mutex_t lock;
    pthread_t acceptor, thread[MOST];
    int sock[MOST];
    int open_len;
};

struct connection {
    struct server *s;
    int sock;
};

static inline void send_text(int sock, const char *text, size_t len)
{
    while (len) {
        ssize_t n = send(sock, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the client went away */
        text += n;
        len -= (size_t)n;
    }
}

/* Reads a request into head (body left out). False at the end of the connection. */
static inline bool read_request(int sock, char *head)
{
    size_t len = 0, body = 0;
    char skip[512];
    head[0] = '\0';
    while (!strstr(head, "\r\n\r\n")) {
        if (len == HEAD_MAX - 1 || recv(sock, head + len, 1, 0) != 1)
            return false;
        head[++len] = '\0';
    }
    const char *length = strcasestr(head, "\r\nContent-Length:");
    if (length)
        body = strtoul(length + 17, NULL, 10);
    while (body) {
        ssize_t n = recv(sock, skip, body < sizeof skip ? body : sizeof skip, 0);
        if (n <= 0)
            return false;
        body -= (size_t)n;
    }
    return true;
}

static inline void play(const struct server *s, int sock, const struct answer *a)
{
    char block[1024];
    if (a->text)
        send_text(sock, a->text, strlen(a->text));
    memset(block, ' ', sizeof block);
    for (size_t i = 0; i < s->blanks; i++)
        send_text(sock, block, sizeof block);
    if (a->then == RESET) {
        struct linger now = {1, 0};
        setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
}

static inline void *serve(void *ud)
{
    struct connection *c = ud;
    struct server *s = c->s;
    char head[HEAD_MAX], rest;
    if (s->greeting)
        send_text(c->sock, s->greeting, strlen(s->greeting));
    while (read_request(c->sock, head)) {
        pthread_mutex_lock(&s->lock);
        unsigned n = atomic_load(&s->requests);
        if (n < MOST)
            memcpy(s->head[n], head, HEAD_MAX);
        static const struct answer unasked = {STATUS("599 Not Scripted"), KEEP};
        const struct answer *a = n < s->len ? &s->script[n] : &unasked;
        if (n >= s->len)
            atomic_fetch_add(&s->surprises, 1);
        atomic_fetch_add(&s->requests, 1);
        pthread_mutex_unlock(&s->lock);
        play(s, c->sock, a);
        while (a->then == HOLD && recv(c->sock, &rest, 1, 0) > 0)
            ;
        if (a->then != KEEP)
            break;
    }
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->open_len; i++)
        if (s->sock[i] == c->sock)
            s->sock[i] = -1; /* its number may be another's in a moment */
    close(c->sock);
    pthread_mutex_unlock(&s->lock);
    free(c);
    return NULL;
}

static inline void *accept_all(void *ud)
{
    struct server *s = ud;
    int sock;
    while ((sock = accept(s->fd, NULL, NULL)) >= 0) {
        struct connection *c = malloc(sizeof *c);
        *c = (struct connection){s, sock};
        pthread_mutex_lock(&s->lock);
        int i = s->open_len++;
        s->sock[i] = sock;
        atomic_fetch_add(&s->connections, 1);
        pthread_mutex_unlock(&s->lock);
        pthread_create(&s->thread[i], NULL, serve, c);
        if (i == MOST - 1)
            break;
    }
    return NULL;
}

static inline void server_open(struct server *s, const struct answer *script, unsigned len)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    memset(s, 0, sizeof *s);
    s->script = script;
    s->len = len;
    pthread_mutex_init(&s->lock, NULL);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 64), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &size), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&s->acceptor, NULL, accept_all, s), 0);
}

/* No connection is accepted any more, and those that are open end. */
static inline void server_stop(struct server *s)
{
    if (s->fd < 0)
        return;
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    close(s->fd);
    s->fd = -1;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->open_len; i++)
        if (s->sock[i] >= 0)
            shutdown(s->sock[i], SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < s->open_len; i++)
        pthread_join(s->thread[i], NULL);
}

/* --- the bench --- */

struct bench {
    struct server server;
    struct ml_log log;
    struct ml_net_conf conf;
    struct ml_net *net;
    struct ml_origin *origin;
    int ends; /* calls that have reported their end */
};

static inline void bench_net(struct bench *b)
{
    struct ml_err err;
    char text[64];
    b->net = ml_net_new(&b->conf, &b->log, &err);
    assert_non_null(b->net);
    snprintf(text, sizeof text, "http://127.0.0.1:%d", b->server.port);
    b->origin = ml_net_origin(b->net, text, &err);
    assert_non_null(b->origin);
}

static inline void bench_open(struct bench *b, const struct answer *script, unsigned len,
                              unsigned concurrency)
{
    server_open(&b->server, script, len);
    ml_log_create(&b->log);
    ml_net_defaults(&b->conf);
    b->conf.concurrency = concurrency;
    b->conf.rate = 0;
    b->conf.complete = ml_json_complete;
    b->ends = 0;
    bench_net(b);
}

/* With settings of one's own: change b->conf first. */
static inline void bench_renew(struct bench *b)
{
    ml_net_free(b->net);
    bench_net(b);
}

static inline void bench_close(struct bench *b)
{
    assert_int_equal(b->net->stats.in_flight, 0);
    assert_int_equal(b->net->stats.queued, 0);
    assert_int_equal(b->origin->in_flight, 0);
    assert_int_equal(b->origin->in_flight_http1, 0);
    for (struct ml_lane *lane = b->net->lanes; lane; lane = lane->next)
        assert_int_equal(lane->limit.busy, 0);
    ml_net_free(b->net);
    server_stop(&b->server);
    ml_log_destroy(&b->log);
    assert_int_equal(b->server.surprises, 0);
    pthread_mutex_destroy(&b->server.lock);
}

static inline void on_end(struct ml_call *call, void *ud)
{
    struct bench *b = ud;
    assert_true(ml_call_ended(call));
    b->ends++;
}

static inline struct ml_call *start_spec(struct bench *b, struct ml_call_spec *spec)
{
    struct ml_call *call = NULL;
    struct ml_err err;
    spec->origin = b->origin;
    spec->rate = -1;
    if (ml_call_start(b->net, spec, on_end, b, &call, &err) < 0)
        fail_msg("%s", err.text);
    return call;
}

static inline struct ml_call *get(struct bench *b, const char *target)
{
    struct ml_call_spec spec = {
        .method = "GET", .target = target, .effect = ML_READ, .json = true};
    return start_spec(b, &spec);
}

static inline struct ml_call *put(struct bench *b, const char *target, enum ml_effect effect)
{
    struct ml_call_spec spec = {.method = effect == ML_CREATE ? "POST" : "PUT",
                                .target = target,
                                .body = "{\"a\":1}",
                                .body_len = 7,
                                .effect = effect,
                                .json = true};
    return start_spec(b, &spec);
}

/* Makes due what only waits for time: retries and pauses. */
static inline void hurry(struct bench *b)
{
    for (struct ml_lane *lane = b->net->lanes; lane; lane = lane->next)
        lane->limit.pause_us = 0;
    for (struct ml_call *call = b->net->calls; call; call = call->next)
        if (call->retry.pos)
            ml_loop_timer(&b->net->loop, &call->retry, 0);
}

static inline void turn(struct bench *b, int64_t since_us)
{
    if (ml_clock_us() - since_us > PATIENCE_US)
        fail_msg("nothing happened for too long");
    assert_int_equal(ml_net_turn(b->net, 10000), 0);
}

/* Until every call has ended, without waiting for retries. */
static inline void settle(struct bench *b)
{
    int64_t since = ml_clock_us();
    while (b->net->calls) {
        turn(b, since);
        hurry(b);
    }
}

/* Until this call has ended; others may go on. */
static inline void settle_one(struct bench *b, const struct ml_call *call)
{
    int64_t since = ml_clock_us();
    while (!ml_call_ended(call)) {
        turn(b, since);
        hurry(b);
    }
}

/* Until the server has n requests; retries wait. */
static inline void until_requests(struct bench *b, unsigned n)
{
    int64_t since = ml_clock_us();
    while (atomic_load(&b->server.requests) < n)
        turn(b, since);
}

/* Until the call waits for its next attempt. */
static inline void until_backoff(struct bench *b, const struct ml_call *call)
{
    int64_t since = ml_clock_us();
    while (!call->retry.pos && !ml_call_ended(call))
        turn(b, since);
    assert_int_equal(call->state, ML_CALL_BACKOFF);
}

/* Makes the call's deadline due and lets it fire. */
static inline void expire(struct bench *b, struct ml_call *call)
{
    int64_t since = ml_clock_us();
    ml_loop_timer(&b->net->loop, &call->deadline, 0);
    while (!ml_call_ended(call))
        turn(b, since);
}

static inline unsigned requests(struct bench *b)
{
    return atomic_load(&b->server.requests);
}

#define SCRIPT(b, concurrency, ...)                      \
    static const struct answer script[] = {__VA_ARGS__}; \
    struct bench b;                                      \
    bench_open(&b, script, sizeof script / sizeof *script, concurrency)

#endif
