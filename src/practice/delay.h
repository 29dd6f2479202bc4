/* SPDX-License-Identifier: MIT */
/*
 * Answers that come late, or never, and changes that come late: connections are
 * put to sleep in libmicrohttpd and woken by a thread of our own, so that one
 * slow answer does not hold up the others. The same thread carries out what is
 * to happen later.
 *
 * Invariants: a connection is suspended exactly while its ml_wait is in the
 * heap; each ml_wait with a function has it called once; after ml_delay_release none is, and
 * none can be any more, which is what libmicrohttpd demands before it is stopped.
 *
 *     if (ml_delay_hold(&p->delay, &x->wait, connection, 200000) == 0)
 *         return MHD_YES;                   // the handler is called again in 0.2 s
 */
#ifndef ML_PRACTICE_DELAY_H
#define ML_PRACTICE_DELAY_H

#include "base/err.h"
#include "base/heap.h"

#include <pthread.h>
#include <stdbool.h>

struct MHD_Connection;

#define ML_DELAY_FOREVER INT64_MAX /* until the server stops */

struct ml_wait;
/* What is to happen when a wait is over, without a lock held; it may free the wait. released:
 * the server stops. */
typedef void (*ml_wait_fn)(struct ml_wait *wait, bool released);

struct ml_wait {
    struct ml_timer timer; /* first: a timer of the heap is a wait */
    struct MHD_Connection *connection;
    ml_wait_fn due; /* NULL: the connection is woken */
};

struct ml_delay {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ml_heap heap;
    pthread_t thread;
    bool started;
    bool released;
};

int ml_delay_start(struct ml_delay *d, struct ml_err *err);
/* Suspends the connection for us microseconds; `wait` lives until then. Only from callbacks of
 * libmicrohttpd. -1: it goes on at once (the server stops, or no memory). */
int ml_delay_hold(struct ml_delay *d, struct ml_wait *wait, struct MHD_Connection *connection,
                  int64_t us);
/* Calls `due` after us microseconds on the thread; `wait` lives until then. -1: it never will
 * (the server stops, or no memory). */
int ml_delay_later(struct ml_delay *d, struct ml_wait *wait, int64_t us, ml_wait_fn due);
/* Wakes everything and refuses what comes later. */
void ml_delay_release(struct ml_delay *d);
/* Ends the thread; release came before. */
void ml_delay_stop(struct ml_delay *d);

#endif
