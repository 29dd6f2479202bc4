/* SPDX-License-Identifier: MIT */
/*
 * The JSON codec against random inputs: numbers survive decode and encode,
 * documents mean the same to lua-cjson, and running out of memory at any
 * allocation is an error that leaks nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <lualib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/json.h"
#include "bind/json_number.h"

int luaopen_cjson(lua_State *L);

/* Nothing here goes through the Lua functions that would call it. */
int ml_bind_raise(lua_State *L, const struct ml_err *err);
int ml_bind_raise(lua_State *L, const struct ml_err *err)
{
    return luaL_error(L, "%s", err->text);
}

/* The same numbers in each run, so that what fails once fails again (splitmix64). */
static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned below(uint64_t *seed, unsigned n)
{
    return (unsigned)(next_random(seed) >> 33) % n;
}

/* ---- numbers ---- */

/* Decodes, encodes and compares with `want`; the type of what is between must be `type`. */
static void survives(lua_State *L, struct ml_buf *out, const char *text, const char *want,
                     int type)
{
    struct ml_err err;
    ml_buf_clear(out);
    if (ml_json_decode(L, text, strlen(text), NULL, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    if (lua_type(L, -1) != type)
        fail_msg("%s became a %s", text, luaL_typename(L, -1));
    if (ml_json_encode(L, -1, out, NULL, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    if (strcmp(ml_buf_str(out), want) != 0)
        fail_msg("%s became %s, not %s", text, ml_buf_str(out), want);
    lua_settop(L, 0);
}

static void test_integers_survive(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    struct ml_buf out;
    uint64_t seed = 1;
    char text[64];
    ml_buf_create(&out, 1000);
    for (int i = 0; i < 60000; i++) {
        uint64_t u = next_random(&seed) >> below(&seed, 64);
        snprintf(text, sizeof text, "%" PRIu64, u);
        survives(L, &out, text, text, u > INT64_MAX ? LUA_TUSERDATA : LUA_TNUMBER);
        if (u == 0)
            continue;
        snprintf(text, sizeof text, "-%" PRIu64, u);
        survives(L, &out, text, text, u > (uint64_t)1 << 63 ? LUA_TUSERDATA : LUA_TNUMBER);
    }
    ml_buf_destroy(&out);
    lua_close(L);
}

/* Integers of up to 60 digits: those that fit are integers, the others keep every digit. */
static void test_long_integers_survive(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    struct ml_buf out;
    uint64_t seed = 2;
    char text[64];
    ml_buf_create(&out, 1000);
    for (int i = 0; i < 8000; i++) {
        int digits = 20 + (int)below(&seed, 40), n = 0;
        if (below(&seed, 2))
            text[n++] = '-';
        text[n++] = (char)('1' + below(&seed, 9));
        while (--digits > 0)
            text[n++] = (char)('0' + below(&seed, 10));
        text[n] = '\0';
        survives(L, &out, text, text, LUA_TUSERDATA);
    }
    ml_buf_destroy(&out);
    lua_close(L);
}

static double random_double(uint64_t *seed)
{
    double d;
    do {
        uint64_t bits = next_random(seed);
        memcpy(&d, &bits, sizeof d);
    } while (!isfinite(d));
    return d;
}

/* Any bits of a double: text and back gives the same bits, and no digit is too many. */
static void check_double(double d)
{
    char text[ML_JSON_DOUBLE], shorter[64];
    size_t n = ml_json_format_double(d, text);
    assert_int_equal(n, strlen(text));
    assert_true(strchr(text, '.') || strchr(text, 'e'));
    double back = ml_json_parse_double(text, n);
    if (memcmp(&back, &d, sizeof d) != 0 || strtod(text, NULL) != d)
        fail_msg("%a became %s", d, text);
    int digits = 0;
    for (const char *p = text; *p && *p != 'e'; p++)
        digits += *p >= '0' && *p <= '9' && (digits > 0 || *p != '0');
    if (digits < 16)
        return;
    snprintf(shorter, sizeof shorter, "%.15g", d);
    if (strtod(shorter, NULL) == d && !strstr(text, ".0"))
        fail_msg("%s is shorter than %s", shorter, text);
}

static void test_doubles_survive(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 40000; i++)
        check_double(random_double(&seed));
    for (int i = 0; i < 20000; i++) {
        check_double((double)(int64_t)next_random(&seed) / 1000);
        check_double(below(&seed, 1000000) / 100.0);
    }
    for (int e = -1074; e < 1024; e++)
        check_double(ldexp(1, e));
}

/* Decimals as a server might write them: the double that strtod gives in the C locale. */
static void test_decimals_are_nearest(void **state)
{
    (void)state;
    uint64_t seed = 4;
    char text[80];
    for (int i = 0; i < 60000; i++) {
        int n = snprintf(text, sizeof text, "%" PRIu64, next_random(&seed) >> below(&seed, 64));
        if (below(&seed, 4))
            n += snprintf(text + n, sizeof text - (size_t)n, ".%0*u", (int)below(&seed, 20) + 1,
                          below(&seed, 1000000));
        if (below(&seed, 2))
            n += snprintf(text + n, sizeof text - (size_t)n, "e%d",
                          (int)below(&seed, 700) - 350);
        double got = ml_json_parse_double(text, (size_t)n), want = strtod(text, NULL);
        if (got != want)
            fail_msg("%s: %a is not %a", text, got, want);
    }
}

/* Half way between two doubles, decided by a digit a thousand places behind. */
static void test_far_digits_count(void **state)
{
    (void)state;
    struct ml_buf b;
    ml_buf_create(&b, 10000);
    ml_buf_adds(&b, "1.00000000000000011102230246251565404236316680908203125");
    assert_true(ml_json_parse_double(b.data, b.len) == 1.0);
    for (int i = 0; i < 2000; i++)
        ml_buf_adds(&b, "0");
    assert_true(ml_json_parse_double(b.data, b.len) == 1.0);
    ml_buf_adds(&b, "1");
    assert_true(ml_json_parse_double(b.data, b.len) > 1.0);
    ml_buf_clear(&b);
    for (int i = 0; i < 2000; i++)
        ml_buf_adds(&b, "9");
    ml_buf_adds(&b, "e-2000");
    assert_true(ml_json_parse_double(b.data, b.len) == 1.0);
    ml_buf_destroy(&b);
}

/* ---- documents, with lua-cjson as the second opinion ---- */

static void add_text(struct ml_buf *b, uint64_t *seed)
{
    static const char *const piece[] = {"a",
                                        "Z",
                                        " ",
                                        "/",
                                        "\\/",
                                        "\\\"",
                                        "\\\\",
                                        "\\b\\f\\n\\r\\t",
                                        "\\u0000",
                                        "\\u00e9",
                                        "\\uD83D\\uDE00",
                                        "\xC3\xA9",
                                        "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "0123456789abcdef",
                                        "created_at",
                                        "\x7f"};
    ml_buf_adds(b, "\"");
    for (unsigned n = below(seed, 8); n > 0; n--)
        ml_buf_adds(b, piece[below(seed, sizeof piece / sizeof *piece)]);
    ml_buf_adds(b, "\"");
}

/* Names that come again, and so many that the decoder cannot remember them all. */
static void add_name(struct ml_buf *b, uint64_t *seed)
{
    if (below(seed, 8) == 0)
        add_text(b, seed);
    else
        ml_buf_addf(b, "\"name_%u\"", below(seed, below(seed, 2) ? 40 : 600));
}

static void add_space(struct ml_buf *b, uint64_t *seed)
{
    static const char *const space[] = {"", "", "", " ", "\n  ", "\t", "\r\n"};
    ml_buf_adds(b, space[below(seed, 7)]);
}

static void add_value(struct ml_buf *b, uint64_t *seed, int depth);

static void add_container(struct ml_buf *b, uint64_t *seed, int depth, bool object)
{
    unsigned n = below(seed, 12) == 0 ? below(seed, 200) : below(seed, 6);
    ml_buf_adds(b, object ? "{" : "[");
    for (unsigned i = 0; i < n; i++) {
        ml_buf_adds(b, i ? "," : "");
        add_space(b, seed);
        if (object) {
            add_name(b, seed);
            add_space(b, seed);
            ml_buf_adds(b, ":");
        }
        add_value(b, seed, depth - 1);
    }
    ml_buf_adds(b, object ? "}" : "]");
}

static void add_value(struct ml_buf *b, uint64_t *seed, int depth)
{
    static const char *const word[] = {"true", "false", "null", "0", "-1", "1e3", "0.1"};
    add_space(b, seed);
    switch (below(seed, depth > 0 ? 7 : 4)) {
    case 0:
        ml_buf_addf(b, "%d", (int)next_random(seed));
        break;
    case 1:
        ml_buf_addf(b, "%.17g", below(seed, 1000000) / 977.0 + 0.5);
        break;
    case 2:
        ml_buf_adds(b, word[below(seed, 7)]);
        break;
    case 3:
        add_text(b, seed);
        break;
    default:
        add_container(b, seed, depth, below(seed, 2));
    }
    add_space(b, seed);
}

static bool same(lua_State *L, int a, int b);

/* Every member of a is in b, the same. */
static bool covers(lua_State *L, int a, int b)
{
    luaL_checkstack(L, 10, NULL);
    lua_pushnil(L);
    while (lua_next(L, a)) {
        lua_pushvalue(L, -2);
        lua_rawget(L, b);
        if (!same(L, lua_gettop(L) - 1, lua_gettop(L)))
            return false;
        lua_pop(L, 2);
    }
    return true;
}

static bool same(lua_State *L, int a, int b)
{
    if (lua_type(L, a) != lua_type(L, b))
        return false;
    if (lua_istable(L, a))
        return covers(L, a, b) && covers(L, b, a);
    return lua_compare(L, a, b, LUA_OPEQ);
}

/* Takes the nulls out of all objects in the value at index `at`, the slow way. */
static void strip_nulls(lua_State *L, int at)
{
    if (!lua_istable(L, at))
        return;
    luaL_checkstack(L, 10, NULL);
    bool array = lua_getmetatable(L, at);
    if (array)
        lua_pop(L, 1);
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        strip_nulls(L, lua_gettop(L));
        if (!array && lua_islightuserdata(L, -1)) {
            lua_pushvalue(L, -2);
            lua_pushnil(L);
            lua_rawset(L, at);
        }
    }
}

/* Decodes the text once more with nulls left out, and compares with the value at index 3. */
static void check_without_nulls(lua_State *L, const struct ml_buf *text)
{
    struct ml_err err;
    struct ml_json_opts drop = {.drop_null = true};
    assert_int_equal(ml_json_decode(L, text->data, text->len, &drop, &err), 0);
    strip_nulls(L, 3);
    if (!same(L, 3, lua_gettop(L)))
        fail_msg("nulls are not left out as they should be: %s", text->data);
}

static void test_documents_as_cjson(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    struct ml_buf text, again;
    struct ml_err err;
    uint64_t seed = 5;
    ml_buf_create(&text, 1 << 24);
    ml_buf_create(&again, 1 << 24);
    luaL_requiref(L, "cjson", luaopen_cjson, 0);
    lua_getfield(L, 1, "decode");
    for (int i = 0; i < 800; i++) {
        ml_buf_clear(&text);
        add_value(&text, &seed, 4);
        assert_true(ml_json_complete(text.data, text.len));
        if (ml_json_decode(L, text.data, text.len, NULL, &err) < 0)
            fail_msg("%s: %s", text.data, err.text);
        lua_pushvalue(L, 2);
        lua_pushlstring(L, text.data, text.len);
        lua_call(L, 1, 1);
        if (!same(L, 3, 4))
            fail_msg("not as lua-cjson: %s", text.data);
        ml_buf_clear(&again);
        assert_int_equal(ml_json_encode(L, 3, &again, NULL, &err), 0);
        assert_int_equal(ml_json_decode(L, again.data, again.len, NULL, &err), 0);
        if (!same(L, 3, 5))
            fail_msg("not the same after encode: %s and %s", text.data, again.data);
        check_without_nulls(L, &text);
        lua_settop(L, 2);
    }
    ml_buf_destroy(&text);
    ml_buf_destroy(&again);
    lua_close(L);
}

/* ---- memory that runs out ---- */

struct meter {
    long left; /* allocations that still succeed */
    size_t used;
};

static void *failing_alloc(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct meter *m = ud;
    size_t old = ptr ? osize : 0;
    if (nsize == 0) {
        free(ptr);
        m->used -= old;
        return NULL;
    }
    if (nsize > old && m->left-- <= 0)
        return NULL;
    void *to = realloc(ptr, nsize);
    if (to)
        m->used = m->used - old + nsize;
    return to;
}

static const char busy[] =
    "{\"a\":[1,2.5,\"\\u00e9 escaped, and longer than forty bytes to be a long string\"],"
    "\"big\":123456789012345678901234567890,\"n\":{\"x\":{},\"y\":[[],[]]},"
    "\"a name that is longer than forty bytes, for once\":null}";

struct job {
    struct ml_buf *out;
    bool done;
};

static int out_of_memory(lua_State *L, const struct ml_err *err)
{
    assert_int_equal(err->kind, ML_MEMORY);
    return luaL_error(L, "no memory");
}

/* Decode and encode in one protected call; fails only when memory is out. */
static int l_job(lua_State *L)
{
    struct job *job = lua_touserdata(L, 1);
    const struct ml_json_wopts sorted = {.sorted = true};
    struct ml_err err;
    if (ml_json_decode(L, busy, strlen(busy), NULL, &err) < 0)
        return out_of_memory(L, &err);
    if (ml_json_encode(L, -1, job->out, &sorted, &err) < 0)
        return out_of_memory(L, &err);
    job->done = true;
    return 0;
}

static bool job_with(long allocations)
{
    struct meter m = {.left = LONG_MAX};
    struct ml_buf out;
    struct job job = {.out = &out};
    lua_State *L = lua_newstate(failing_alloc, &m);
    ml_buf_create(&out, 10000);
    lua_pushcfunction(L, l_job);
    lua_pushlightuserdata(L, &job);
    m.left = allocations;
    int rc = lua_pcall(L, 1, 0, 0);
    m.left = LONG_MAX;
    assert_int_equal(rc == LUA_OK, job.done);
    lua_close(L);
    ml_buf_destroy(&out);
    assert_int_equal(m.used, 0);
    return job.done;
}

/* A failure at the first allocation, then the second, …, until nothing fails any more. Memory
 * outside Lua is counted by the leak check of the sanitizer. */
static void test_memory_runs_out(void **state)
{
    (void)state;
    long n = 0;
    while (!job_with(n))
        n++;
    assert_true(n > 20); /* or nothing was tested */
}

/* After a failure on the way the types are made again, whole. */
static int l_types(lua_State *L)
{
    ml_json_push_number_type(L);
    ml_json_push_array_type(L);
    return 0;
}

static void test_types_after_a_failure(void **state)
{
    (void)state;
    for (long n = 0, made = 0; !made; n++) {
        struct meter m = {.left = LONG_MAX};
        lua_State *L = lua_newstate(failing_alloc, &m);
        lua_pushcfunction(L, l_types);
        m.left = n;
        made = lua_pcall(L, 0, 0, 0) == LUA_OK;
        m.left = LONG_MAX;
        lua_settop(L, 0);
        ml_json_push_number_type(L);
        assert_int_equal(lua_getfield(L, 1, "__tostring"), LUA_TFUNCTION);
        assert_int_equal(lua_getfield(L, 1, "__eq"), LUA_TFUNCTION);
        assert_int_equal(lua_getfield(L, 1, "__name"), LUA_TSTRING);
        ml_json_push_array_type(L);
        assert_int_equal(lua_getfield(L, -1, "__name"), LUA_TSTRING);
        lua_close(L);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_survive), cmocka_unit_test(test_long_integers_survive),
        cmocka_unit_test(test_doubles_survive),  cmocka_unit_test(test_decimals_are_nearest),
        cmocka_unit_test(test_far_digits_count), cmocka_unit_test(test_documents_as_cjson),
        cmocka_unit_test(test_memory_runs_out),  cmocka_unit_test(test_types_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
