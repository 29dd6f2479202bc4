/* SPDX-License-Identifier: MIT */
/*
 * The allocator of a Lua state: many small blocks that come and go together.
 *
 * Decoding one page of records makes some ten thousand strings and tables; the
 * collector drops them all a moment later. A general allocator looks for a
 * place each time and merges neighbours on each free; here a small block costs
 * a handful of instructions either way, and carries no header.
 *
 * Small blocks (up to ML_POOL_SMALL bytes) are cut from slabs of 32 KiB, each
 * holding blocks of one size class; larger ones come from malloc. A slab that
 * empties serves any class again, and beyond a reserve its pages go back to
 * the system, so a burst does not stay in memory.
 *
 * Invariants:
 * 1. A slab is aligned to its size, so a block finds its slab by masking.
 * 2. A slab is in the list of its class while it has both used and free room;
 *    full ones are in no list, empty ones are spare (but a class keeps one).
 * 3. used is the sum of the sizes that Lua asked for and has not freed, and
 *    never above cap unless cap is 0.
 *
 * One pool, one thread. Under AddressSanitizer each block comes from malloc,
 * so that a stale pointer is seen; counting and the cap stay.
 *
 *     struct ml_pool pool;
 *     ml_pool_create(&pool, 0);
 *     lua_State *L = lua_newstate(ml_pool_alloc, &pool);
 *     ...
 *     lua_close(L);
 *     ml_pool_destroy(&pool);
 */
#ifndef ML_BASE_POOL_H
#define ML_BASE_POOL_H

#include <stddef.h>

/* Larger blocks go to malloc. */
#define ML_POOL_SMALL 512
/* Number of size classes: steps of 8 bytes to 128, 16 to 256, 32 to 512. */
#define ML_POOL_CLASSES 32

struct ml_slab;

struct ml_pool {
    struct ml_slab *partial[ML_POOL_CLASSES]; /* slabs with room, by class */
    struct ml_slab *spare;                    /* empty slabs, any class may take one */
    struct ml_slab *regions;                  /* first slab of each piece of mapped memory */
    size_t spares;                            /* slabs in spare */
    size_t slabs;                             /* slabs mapped */
    size_t used;                              /* bytes handed out */
    size_t peak;                              /* highest value of used */
    size_t cap;                               /* ceiling of used, 0 = none; may be changed */
};

/* An empty pool that never hands out more than `cap` bytes at a time (0 = no ceiling). */
void ml_pool_create(struct ml_pool *pool, size_t cap);
/* Gives every slab back at once, whatever is still in use. Blocks above ML_POOL_SMALL are
 * malloc's: close the Lua state first. */
void ml_pool_destroy(struct ml_pool *pool);
/*
 * A lua_Alloc (Lua 5.4 manual, lua_Alloc): ud is the struct ml_pool, nsize 0 frees, ptr NULL
 * allocates (osize is then a type tag and ignored), anything else moves or resizes a block of
 * osize bytes. NULL when memory is out or the cap would be passed; the block then stays as it
 * was. Blocks are aligned to 8 bytes, all that Lua needs.
 */
void *ml_pool_alloc(void *ud, void *ptr, size_t osize, size_t nsize);

#endif
