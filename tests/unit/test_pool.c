/* SPDX-License-Identifier: MIT */
/* The allocator of the Lua state: contents survive, counts add up, memory comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define SLABS 0 /* every block is malloc's there */
#else
#define SLABS 1
#endif

enum { BLOCKS = 2000, SLAB = 32 * 1024 };

struct block {
    unsigned char *at;
    size_t size;
    unsigned char fill;
};

static unsigned below(uint64_t *seed, unsigned n)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33) % n;
}

static void check(const struct block *b)
{
    for (size_t i = 0; i < b->size; i++)
        if (b->at[i] != b->fill)
            fail_msg("byte %zu of a block of %zu was overwritten", i, b->size);
}

static void resize(struct ml_pool *pool, struct block *b, size_t size, unsigned char fill)
{
    b->at = ml_pool_alloc(pool, b->at, b->size, size);
    if (size == 0) {
        assert_null(b->at);
        *b = (struct block){NULL, 0, 0};
        return;
    }
    assert_non_null(b->at);
    assert_int_equal((uintptr_t)b->at % 8, 0);
    struct block kept = {b->at, size < b->size ? size : b->size, b->fill};
    check(&kept);
    *b = (struct block){b->at, size, fill};
    memset(b->at, fill, size);
}

static size_t random_size(uint64_t *seed)
{
    switch (below(seed, 8)) {
    case 0:
        return 0;
    case 1:
        return below(seed, 5000);
    case 2:
        return ML_POOL_SMALL - 2 + below(seed, 5);
    default:
        return below(seed, 200);
    }
}

/* Blocks of all sizes are made, moved and freed in disorder; each keeps its bytes. */
static void test_contents_survive(void **state)
{
    (void)state;
    struct ml_pool pool;
    struct block *block = calloc(BLOCKS, sizeof *block);
    uint64_t seed = 7;
    size_t sum = 0;
    ml_pool_create(&pool, 0);
    for (int i = 0; i < 60000; i++) {
        struct block *b = &block[below(&seed, BLOCKS)];
        check(b);
        sum -= b->size;
        resize(&pool, b, random_size(&seed), (unsigned char)i);
        sum += b->size;
        assert_int_equal(pool.used, sum);
    }
    for (int i = 0; i < BLOCKS; i++) {
        check(&block[i]);
        resize(&pool, &block[i], 0, 0);
    }
    assert_int_equal(pool.used, 0);
    assert_true(pool.peak > 0);
    ml_pool_destroy(&pool);
    free(block);
}

/* Each size once: no two blocks overlap, whatever the class. */
static void test_every_size(void **state)
{
    (void)state;
    struct ml_pool pool;
    struct block block[2 * ML_POOL_SMALL] = {{NULL, 0, 0}};
    ml_pool_create(&pool, 0);
    for (int round = 0; round < 2; round++)
        for (size_t i = 1; i < 2 * ML_POOL_SMALL; i++)
            resize(&pool, &block[i], round ? 2 * ML_POOL_SMALL - i : i, (unsigned char)i);
    for (size_t i = 1; i < 2 * ML_POOL_SMALL; i++) {
        check(&block[i]);
        resize(&pool, &block[i], 0, 0);
    }
    assert_int_equal(pool.used, 0);
    ml_pool_destroy(&pool);
}

static void test_cap(void **state)
{
    (void)state;
    struct ml_pool pool;
    ml_pool_create(&pool, 1000);
    char *a = ml_pool_alloc(&pool, NULL, LUA_TSTRING, 400);
    char *b = ml_pool_alloc(&pool, NULL, 0, 600);
    assert_non_null(a);
    assert_non_null(b);
    memset(b, 'b', 600);
    assert_null(ml_pool_alloc(&pool, NULL, 0, 1));
    assert_null(ml_pool_alloc(&pool, b, 600, 601));
    assert_null(ml_pool_alloc(&pool, b, 600, SIZE_MAX));
    assert_int_equal(pool.used, 1000);
    assert_int_equal(b[599], 'b');
    pool.cap = 500; /* below what is in use: shrinking goes on, growing does not */
    b = ml_pool_alloc(&pool, b, 600, 100);
    assert_non_null(b);
    assert_int_equal(b[99], 'b');
    assert_null(ml_pool_alloc(&pool, b, 100, 101));
    assert_null(ml_pool_alloc(&pool, b, 100, 0));
    assert_null(ml_pool_alloc(&pool, a, 400, 0));
    assert_int_equal(pool.used, 0);
    assert_int_equal(pool.peak, 1000);
    ml_pool_destroy(&pool);
}

static void fill_and_free(struct ml_pool *pool, void **block, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++)
        assert_non_null(block[i] = ml_pool_alloc(pool, NULL, 0, size));
    for (size_t i = 0; i < n; i++)
        ml_pool_alloc(pool, block[i], size, 0);
}

/* A burst of one size leaves its slabs to the next size: the pool does not grow. */
static void test_slabs_are_reused(void **state)
{
    (void)state;
    enum { BYTES = 4 << 20 };
    struct ml_pool pool;
    void **block = calloc(BYTES / 16, sizeof *block);
    ml_pool_create(&pool, 0);
    fill_and_free(&pool, block, BYTES / 512, 512);
    size_t slabs = pool.slabs;
    for (size_t size = 16; size <= 512; size += 16)
        fill_and_free(&pool, block, BYTES / size, size);
    assert_true(pool.slabs <= slabs + 64); /* a class keeps a slab; blocks leave a rest */
    if (SLABS)
        assert_true(pool.slabs * SLAB >= BYTES);
    assert_true(pool.spares + ML_POOL_CLASSES >= pool.slabs);
    ml_pool_destroy(&pool);
    free(block);
}

/* A real state on it: a script that makes much garbage, with the collector at work. */
static void test_lua_on_it(void **state)
{
    (void)state;
    struct ml_pool pool;
    ml_pool_create(&pool, 64 << 20);
    lua_State *L = lua_newstate(ml_pool_alloc, &pool);
    luaL_openlibs(L);
    if (luaL_dostring(L, "local keep = {}\n"
                         "for i = 1, 50000 do\n"
                         "  keep[i % 1000] = {tostring(i), ('x'):rep(i % 700), {a = i}}\n"
                         "end\n"
                         "for i, t in pairs(keep) do\n"
                         "  local n = tonumber(t[1])\n"
                         "  assert(n % 1000 == i and #t[2] == n % 700 and t[3].a == n)\n"
                         "end"))
        fail_msg("%s", lua_tostring(L, -1));
    assert_true(pool.peak < (16 << 20));
    pool.cap = pool.used + 100000;
    assert_true(luaL_dostring(L, "local t = {} for i = 1, 1e7 do t[i] = {i} end"));
    assert_string_equal(lua_tostring(L, -1), "not enough memory");
    pool.cap = 0;
    assert_false(luaL_dostring(L, "local t = {} for i = 1, 1e5 do t[i] = {i} end"));
    lua_close(L);
    assert_int_equal(pool.used, 0);
    ml_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contents_survive),
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_slabs_are_reused),
        cmocka_unit_test(test_lua_on_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
