/* SPDX-License-Identifier: MIT */
/*
 * The event loop: one epoll, two curl multi handles, one timer heap.
 *
 * Two, because libcurl 7.88 decides by host, not by connection, whether a
 * connection in use may take one more request: where connections of HTTP/2 and
 * of HTTP/1.1 to one host are in one multi handle, requests get each other's
 * answers (curl issue 4885).
 *
 * libcurl tells us about sockets and timeouts through callbacks about twice a
 * request. They only record; one flush before waiting makes the system calls
 * that are really needed, which halves the CPU of a request against doing
 * them in the callbacks.
 *
 * Invariants
 *   1. No Lua, and nothing that could call back into curl, runs inside a curl
 *      callback.
 *   2. A finished transfer is taken out of the multi handle before its owner
 *      hears of it.
 *   3. The descriptor of ml_loop_fd() is readable whenever a turn has work,
 *      provided ml_loop_flush() ran since the last change.
 *
 *     ml_loop_create(&loop, &err);
 *     while (busy)
 *         ml_loop_turn(&loop, -1);         // wait, then do what is due
 *     ml_loop_destroy(&loop);
 */
#ifndef ML_NET_LOOP_H
#define ML_NET_LOOP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/heap.h"

#define ML_LOOP_POOL 128 /* idle easy handles kept for the next request */

/* What curl wants of a descriptor, and what epoll has been told. */
struct ml_loop_multi;

struct ml_loop_fd {
    uint8_t want;                /* EPOLLIN | EPOLLOUT bits, 0 = nothing */
    uint8_t told;                /* as want */
    bool dirty;                  /* on the dirty list */
    bool ours;                   /* a socket opened by on_open, whose close we see */
    struct ml_loop_multi *multi; /* whose it is, or was last */
};

enum ml_loop_kind {
    ML_LOOP_HTTP1, /* every transfer asks for HTTP/1.1 */
    ML_LOOP_HTTP2, /* ... for HTTP/2 */
    ML_LOOP_MULTIS
};

struct ml_loop_multi {
    struct ml_loop *loop;
    CURLM *curl;
    int64_t due_us; /* when curl wants to be called, INT64_MAX = never */
    int added;      /* transfers in it */
};

/* An idle easy handle. Its options are those of the requests that have this recipe. */
struct ml_loop_idle {
    CURL *easy;
    CURLU *place; /* where the last one went, owned; NULL = not kept */
    const void *recipe;
};

struct ml_loop {
    struct ml_loop_multi multi[ML_LOOP_MULTIS];
    CURLSH *share; /* TLS sessions, shared by all handles */
    int epoll_fd;
    int timer_fd;     /* armed only when a host drives us */
    int wake_fd;      /* eventfd: ml_loop_wake */
    bool hosted;      /* a host polls our descriptor */
    int64_t armed_us; /* what timer_fd is set to */
    struct ml_heap timers;
    struct ml_loop_fd *fds; /* by descriptor number */
    int fds_len;
    int *dirty;
    int dirty_len, dirty_cap;
    bool early;     /* a turn is due: a kick has ended a transfer, or calls wait to be begun */
    bool coarse;    /* epoll_pwait2 is not there */
    bool no_memory; /* a callback could not record: the next turn fails */
    struct ml_loop_idle pool[ML_LOOP_POOL];
    int pool_len;
};

/* Called with a finished transfer, already out of the multi handle. `private` is what
 * CURLOPT_PRIVATE holds. */
typedef void (*ml_loop_done_fn)(void *private, CURLcode code);

/* -1 when descriptors or memory are out. */
int ml_loop_create(struct ml_loop *loop, struct ml_err *err);
/* All transfers must have been removed. */
void ml_loop_destroy(struct ml_loop *loop);
/* Connections to one host at most, and how many are kept in all; of each kind. */
void ml_loop_limits(struct ml_loop *loop, long host_conns, long kept);

/* An easy handle from the pool, or NULL when memory is out. *ready: it was given with this
 * recipe (not NULL), has its options still and comes with its place; otherwise it is clean, and
 * *place NULL. Forty options cost as much as sending the request. */
CURL *ml_loop_take(struct ml_loop *loop, const void *recipe, CURLU **place, bool *ready);
/* Sets what every clean handle needs. */
void ml_loop_prepare(struct ml_loop *loop, CURL *easy);
/* Back into the pool, both. `recipe`: stands for the options that it has, and is never used for
 * others while the loop lives; NULL = none. */
void ml_loop_give(struct ml_loop *loop, CURL *easy, CURLU *place, const void *recipe);
/* Starts and stops a transfer. */
int ml_loop_add(struct ml_loop *loop, CURL *easy, enum ml_loop_kind kind);
void ml_loop_remove(struct ml_loop *loop, CURL *easy, enum ml_loop_kind kind);

/* Arms or moves a timer of the owner's; it fires inside a turn. -1: out of memory. */
int ml_loop_timer(struct ml_loop *loop, struct ml_timer *timer, int64_t at_us);
void ml_loop_timer_cancel(struct ml_loop *loop, struct ml_timer *timer);

/* Lets curl start what was added, without waiting: the bytes go out before the caller goes on.
 */
void ml_loop_kick(struct ml_loop *loop);
/* Waits at most timeout_us (-1 = until something happens, 0 = not at all), then handles
 * sockets, curl's timeouts, finished transfers (done) and timers. -1 when the system or memory
 * fails. */
int ml_loop_turn(struct ml_loop *loop, int64_t timeout_us, ml_loop_done_fn done);
/* When the next turn is due without any event: INT64_MAX = never. */
int64_t ml_loop_next(const struct ml_loop *loop);
/* Tells the kernel what changed; for hosts, after each step. */
void ml_loop_flush(struct ml_loop *loop);
/* The same for hosts that have something to do at at_us (monotonic, INT64_MAX = nothing): the
 * descriptor is readable by then. */
void ml_loop_alarm(struct ml_loop *loop, int64_t at_us);
/* The descriptor for a host's own loop; from now on the timer is kept in it too. */
int ml_loop_fd(struct ml_loop *loop);
/* Makes a turn return when the descriptor, which is not curl's, can be read, and with `write`
 * when it can be written. -1: the system refuses. */
int ml_loop_watch(struct ml_loop *loop, int fd, bool write);
void ml_loop_unwatch(struct ml_loop *loop, int fd);
/* Makes a waiting turn return. From any thread or signal handler. */
void ml_loop_wake(struct ml_loop *loop);

#endif
