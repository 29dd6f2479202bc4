/* SPDX-License-Identifier: MIT */
#include "base/heap.h"

#include <stdlib.h>

void ml_heap_create(struct ml_heap *h)
{
    *h = (struct ml_heap){0};
}

void ml_heap_destroy(struct ml_heap *h)
{
    for (size_t i = 1; i <= h->len; i++)
        h->slot[i]->pos = 0;
    free(h->slot);
    ml_heap_create(h);
}

static void place(struct ml_heap *h, size_t pos, struct ml_timer *t)
{
    h->slot[pos] = t;
    t->pos = pos;
}

static void sift_up(struct ml_heap *h, struct ml_timer *t)
{
    size_t pos = t->pos;
    while (pos > 1 && h->slot[pos / 2]->at_us > t->at_us) {
        place(h, pos, h->slot[pos / 2]);
        pos /= 2;
    }
    place(h, pos, t);
}

static void sift_down(struct ml_heap *h, struct ml_timer *t)
{
    size_t pos = t->pos;
    for (size_t kid = pos * 2; kid <= h->len; kid = pos * 2) {
        if (kid < h->len && h->slot[kid + 1]->at_us < h->slot[kid]->at_us)
            kid++;
        if (h->slot[kid]->at_us >= t->at_us)
            break;
        place(h, pos, h->slot[kid]);
        pos = kid;
    }
    place(h, pos, t);
}

static int grow(struct ml_heap *h)
{
    if (h->len + 2 <= h->cap)
        return 0;
    size_t cap = h->cap ? h->cap * 2 : 64;
    struct ml_timer **slot = realloc(h->slot, cap * sizeof *slot);
    if (!slot)
        return -1;
    h->slot = slot;
    h->cap = cap;
    return 0;
}

int ml_heap_add(struct ml_heap *h, struct ml_timer *t, int64_t at_us)
{
    if (t->pos) {
        t->at_us = at_us;
        sift_up(h, t);
        sift_down(h, t);
        return 0;
    }
    if (grow(h) < 0)
        return -1;
    t->at_us = at_us;
    place(h, ++h->len, t);
    sift_up(h, t);
    return 0;
}

void ml_heap_remove(struct ml_heap *h, struct ml_timer *t)
{
    if (!t->pos)
        return;
    size_t pos = t->pos;
    struct ml_timer *last = h->slot[h->len--];
    t->pos = 0;
    if (last == t)
        return;
    place(h, pos, last);
    sift_up(h, last);
    sift_down(h, last);
}

int64_t ml_heap_next(const struct ml_heap *h)
{
    return h->len ? h->slot[1]->at_us : INT64_MAX;
}

struct ml_timer *ml_heap_pop(struct ml_heap *h, int64_t now_us)
{
    if (!h->len || h->slot[1]->at_us > now_us)
        return NULL;
    struct ml_timer *t = h->slot[1];
    ml_heap_remove(h, t);
    return t;
}
