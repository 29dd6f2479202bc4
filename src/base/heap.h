/* SPDX-License-Identifier: MIT */
/*
 * Timers in a binary heap, intrusive: the owner embeds a struct ml_timer.
 *
 * Invariants: a timer is in at most one heap; pos is 0 while it is in none;
 * the earliest timer is first. The heap grows on add only, so cancelling and
 * firing cannot fail.
 *
 *     t->fire = on_timeout;
 *     ml_heap_add(&heap, t, now + 1000000);
 *     ml_heap_remove(&heap, t);             // harmless when not in the heap
 */
#ifndef ML_BASE_HEAP_H
#define ML_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct ml_timer {
    int64_t at_us;                        /* when, on the monotonic clock */
    size_t pos;                           /* 1-based place in the heap, 0 = not armed */
    void (*fire)(struct ml_timer *timer); /* called with the timer already removed */
};

struct ml_heap {
    struct ml_timer **slot; /* slot[1..len] */
    size_t len;
    size_t cap;
};

void ml_heap_create(struct ml_heap *h);
/* Frees the heap; timers still in it are disarmed, not fired. */
void ml_heap_destroy(struct ml_heap *h);
/* Arms the timer for at_us, moving it when it is armed already. -1: out of memory. */
int ml_heap_add(struct ml_heap *h, struct ml_timer *t, int64_t at_us);
/* Disarms the timer; nothing happens when it is not armed. */
void ml_heap_remove(struct ml_heap *h, struct ml_timer *t);
/* Time of the earliest timer, INT64_MAX when there is none. */
int64_t ml_heap_next(const struct ml_heap *h);
/* Removes and returns a timer that is due at now_us, or NULL. */
struct ml_timer *ml_heap_pop(struct ml_heap *h, int64_t now_us);

#endif
