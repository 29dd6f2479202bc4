/* SPDX-License-Identifier: MIT */
#include "practice/delay.h"

#include "base/clock.h"

#include <microhttpd.h>
#include <string.h>
#include <time.h>

/* Wakes what is due. The lock is held, but not while a function runs: it may want to wait. */
static void wake_due(struct ml_delay *d, int64_t now_us)
{
    struct ml_timer *timer;
    while ((timer = ml_heap_pop(&d->heap, now_us))) {
        struct ml_wait *wait = (struct ml_wait *)timer;
        bool released = d->released;
        if (!wait->due) {
            MHD_resume_connection(wait->connection);
            continue;
        }
        pthread_mutex_unlock(&d->lock);
        wait->due(wait, released);
        pthread_mutex_lock(&d->lock);
    }
}

static void wait_for_change(struct ml_delay *d, int64_t until_us)
{
    if (until_us == INT64_MAX) {
        pthread_cond_wait(&d->changed, &d->lock);
        return;
    }
    struct timespec at = {.tv_sec = (time_t)(until_us / 1000000),
                          .tv_nsec = (long)(until_us % 1000000) * 1000};
    pthread_cond_timedwait(&d->changed, &d->lock, &at);
}

static void *run(void *arg)
{
    struct ml_delay *d = arg;
    pthread_mutex_lock(&d->lock);
    while (!d->released) {
        wake_due(d, ml_clock_us());
        wait_for_change(d, ml_heap_next(&d->heap));
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

int ml_delay_start(struct ml_delay *d, struct ml_err *err)
{
    pthread_condattr_t attr;
    *d = (struct ml_delay){.started = false};
    ml_heap_create(&d->heap);
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* the clock of ml_clock_us */
    pthread_cond_init(&d->changed, &attr);
    pthread_condattr_destroy(&attr);
    int rc = pthread_create(&d->thread, NULL, run, d);
    d->started = rc == 0;
    if (rc == 0)
        return 0;
    ml_delay_stop(d);
    return ml_err_set(err, ML_MEMORY, "cannot start a thread for late answers: %s",
                      strerror(rc));
}

int ml_delay_hold(struct ml_delay *d, struct ml_wait *wait, struct MHD_Connection *connection,
                  int64_t us)
{
    int64_t at = us == ML_DELAY_FOREVER ? INT64_MAX : ml_clock_us() + us;
    wait->connection = connection;
    wait->due = NULL;
    pthread_mutex_lock(&d->lock);
    /* Armed before it sleeps: the waker needs the lock that is held here. */
    int rc = d->released ? -1 : ml_heap_add(&d->heap, &wait->timer, at);
    if (rc == 0) {
        MHD_suspend_connection(connection);
        pthread_cond_signal(&d->changed);
    }
    pthread_mutex_unlock(&d->lock);
    return rc;
}

int ml_delay_later(struct ml_delay *d, struct ml_wait *wait, int64_t us, ml_wait_fn due)
{
    wait->connection = NULL;
    wait->due = due;
    pthread_mutex_lock(&d->lock);
    int rc = d->released ? -1 : ml_heap_add(&d->heap, &wait->timer, ml_clock_us() + us);
    if (rc == 0)
        pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
    return rc;
}

void ml_delay_release(struct ml_delay *d)
{
    pthread_mutex_lock(&d->lock);
    d->released = true;
    wake_due(d, INT64_MAX);
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

void ml_delay_stop(struct ml_delay *d)
{
    if (d->started)
        pthread_join(d->thread, NULL);
    ml_heap_destroy(&d->heap);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    d->started = false;
}
