/* SPDX-License-Identifier: MIT */
#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define ML_POOL_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ML_POOL_MALLOC 1
#endif
#endif
#ifndef ML_POOL_MALLOC
#define ML_POOL_MALLOC 0
#endif

enum {
    SLAB = 32 * 1024,  /* bytes; also the alignment */
    REGION_SLABS = 8,  /* slabs mapped at once */
    PAGE = 4096,       /* the header's page stays when a spare slab is given back */
    RESERVE_SLABS = 32 /* spare slabs kept in memory: 1 MiB, about one page of 500 records */
};

/* The head of a slab; blocks follow. */
struct ml_slab {
    struct ml_slab *next, *prev; /* the list it is in (prev only in a class's list) */
    struct ml_slab *next_region; /* in the first slab of a region: the next region */
    void *free;                  /* blocks freed, linked through their first word */
    uint16_t class, size;        /* size class, and bytes of a block */
    uint16_t used, made, room;   /* blocks in use, ever handed out, that fit */
};

enum { HEAD = (sizeof(struct ml_slab) + 15) / 16 * 16 };

void ml_pool_create(struct ml_pool *pool, size_t cap)
{
    *pool = (struct ml_pool){.cap = cap};
}

void ml_pool_destroy(struct ml_pool *pool)
{
    struct ml_slab *region = pool->regions;
    while (region) {
        struct ml_slab *next = region->next_region;
        munmap(region, (size_t)SLAB * REGION_SLABS);
        region = next;
    }
    ml_pool_create(pool, pool->cap);
}

static unsigned class_of(size_t n)
{
    if (n <= 128)
        return (unsigned)((n + 7) / 8 - 1);
    if (n <= 256)
        return (unsigned)(16 + (n - 128 + 15) / 16 - 1);
    return (unsigned)(24 + (n - 256 + 31) / 32 - 1);
}

static unsigned class_size(unsigned class)
{
    if (class < 16)
        return (class + 1) * 8;
    if (class < 24)
        return 128 + (class - 15) * 16;
    return 256 + (class - 23) * 32;
}

/* Maps `bytes` at a multiple of SLAB: maps one slab more and cuts off both ends. */
static char *map_aligned(size_t bytes)
{
    char *at =
        mmap(NULL, bytes + SLAB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    size_t head = (SLAB - ((uintptr_t)at & (SLAB - 1))) & (SLAB - 1);
    if (head)
        munmap(at, head);
    munmap(at + head + bytes, SLAB - head);
    return at + head;
}

static bool map_region(struct ml_pool *pool)
{
    char *region = map_aligned((size_t)SLAB * REGION_SLABS);
    if (!region)
        return false;
    ((struct ml_slab *)region)->next_region = pool->regions;
    pool->regions = (struct ml_slab *)region;
    for (int i = REGION_SLABS - 1; i >= 0; i--) {
        struct ml_slab *slab = (struct ml_slab *)(region + (size_t)i * SLAB);
        slab->next = pool->spare;
        pool->spare = slab;
    }
    pool->spares += REGION_SLABS;
    pool->slabs += REGION_SLABS;
    return true;
}

static void link_partial(struct ml_pool *pool, struct ml_slab *slab)
{
    struct ml_slab *first = pool->partial[slab->class];
    slab->prev = NULL;
    slab->next = first;
    if (first)
        first->prev = slab;
    pool->partial[slab->class] = slab;
}

static void unlink_partial(struct ml_pool *pool, struct ml_slab *slab)
{
    if (slab->prev)
        slab->prev->next = slab->next;
    else
        pool->partial[slab->class] = slab->next;
    if (slab->next)
        slab->next->prev = slab->prev;
}

/* A spare slab, made ready for blocks of this class. */
static struct ml_slab *take_slab(struct ml_pool *pool, unsigned class)
{
    if (!pool->spare && !map_region(pool))
        return NULL;
    struct ml_slab *slab = pool->spare;
    pool->spare = slab->next;
    pool->spares--;
    slab->free = NULL;
    slab->used = slab->made = 0;
    slab->class = (uint16_t) class;
    slab->size = (uint16_t)class_size(class);
    slab->room = (uint16_t)((SLAB - HEAD) / slab->size);
    link_partial(pool, slab);
    return slab;
}

/* An empty slab becomes spare; above the reserve its pages go back to the system. */
static void spare_slab(struct ml_pool *pool, struct ml_slab *slab)
{
    unlink_partial(pool, slab);
    slab->next = pool->spare;
    pool->spare = slab;
    pool->spares++;
    if (pool->spares > RESERVE_SLABS && pool->spares > pool->slabs / 4)
        madvise((char *)slab + PAGE, SLAB - PAGE, MADV_DONTNEED);
}

static void *take_block(struct ml_pool *pool, size_t n)
{
    unsigned class = class_of(n);
    struct ml_slab *slab = pool->partial[class];
    if (!slab && !(slab = take_slab(pool, class)))
        return NULL;
    void *block = slab->free;
    if (block) {
        memcpy(&slab->free, block, sizeof slab->free);
        __builtin_prefetch(slab->free); /* its link is read next, and was written long ago */
    } else
        block = (char *)slab + HEAD + (size_t)slab->made++ * slab->size;
    if (++slab->used == slab->room)
        unlink_partial(pool, slab);
    return block;
}

static struct ml_slab *slab_of(void *block)
{
    return (struct ml_slab *)((char *)block - ((uintptr_t)block & (SLAB - 1)));
}

static void drop_block(struct ml_pool *pool, void *block)
{
    struct ml_slab *slab = slab_of(block);
    memcpy(block, &slab->free, sizeof slab->free);
    slab->free = block;
    if (slab->used-- == slab->room)
        link_partial(pool, slab);
    if (slab->used == 0 && (slab->next || slab->prev))
        spare_slab(pool, slab);
}

static bool is_small(size_t n)
{
    return !ML_POOL_MALLOC && n <= ML_POOL_SMALL;
}

static void *take(struct ml_pool *pool, size_t n)
{
    return is_small(n) ? take_block(pool, n) : malloc(n);
}

static void drop(struct ml_pool *pool, void *ptr, size_t n)
{
    if (is_small(n))
        drop_block(pool, ptr);
    else
        free(ptr);
}

static void *move(struct ml_pool *pool, void *ptr, size_t osize, size_t nsize)
{
    if (!is_small(osize) && !is_small(nsize))
        return realloc(ptr, nsize);
    bool both_small = is_small(osize) && is_small(nsize);
    if (both_small && slab_of(ptr)->class == class_of(nsize))
        return ptr;
    void *to = take(pool, nsize);
    if (!to) /* a block that shrinks may stay: its slab knows its real size */
        return both_small && nsize < osize ? ptr : NULL;
    memcpy(to, ptr, nsize < osize ? nsize : osize);
    drop(pool, ptr, osize);
    return to;
}

static bool over_cap(const struct ml_pool *pool, size_t more)
{
    return pool->cap && (pool->used > pool->cap || more > pool->cap - pool->used);
}

static void count(struct ml_pool *pool, size_t osize, size_t nsize)
{
    pool->used = pool->used - osize + nsize;
    if (pool->used > pool->peak)
        pool->peak = pool->used;
}

static void *resize(struct ml_pool *pool, void *ptr, size_t osize, size_t nsize)
{
    if (nsize > osize && over_cap(pool, nsize - osize))
        return NULL;
    void *block = move(pool, ptr, osize, nsize);
    if (block)
        count(pool, osize, nsize);
    return block;
}

/* What comes often comes first: new blocks, then freed ones. */
void *ml_pool_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct ml_pool *pool = ud;
    if (ptr && nsize)
        return resize(pool, ptr, osize, nsize);
    if (ptr) {
        drop(pool, ptr, osize);
        pool->used -= osize;
        return NULL;
    }
    if (nsize == 0 || over_cap(pool, nsize))
        return NULL;
    void *block = take(pool, nsize);
    if (block)
        count(pool, 0, nsize);
    return block;
}
