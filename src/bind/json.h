/* SPDX-License-Identifier: MIT */
/*
 * JSON (RFC 8259) straight between bytes and Lua values.
 *
 * Ids must survive: an integer stays an integer to 64 bits, a larger number
 * becomes an exact number that encodes as the very text it came from, an empty
 * array stays an array, and what is not JSON or not UTF-8 is refused with the
 * place instead of being guessed at.
 *
 *     JSON                          Lua
 *     null                          lightuserdata NULL (== cjson.null)
 *     42, -9223372036854775808      integer
 *     9223372036854775808, 1e400    exact number: userdata, metatable "moonlever.number",
 *                                   tostring() and .. give the text, == compares the text
 *     1.0, -0, 2e3                  float (the nearest double; encodes as 1.0, -0.0, 2000.0)
 *     "text"                        string, strict UTF-8
 *     [..]                          table with the metatable "moonlever.array", keys 1..n
 *     {..}                          table, string keys; the last of equal names wins
 *
 * To be written as an array a table has that mark or keys 1..n with n > 0; an
 * empty table without the mark is an object. Metamethods are never called.
 * A BOM at the start is skipped. Byte offsets in messages count from 0.
 *
 * Lua raises (longjmp) only when its memory is out. Nothing here owns memory
 * outside Lua at such a moment, except the caller's ml_buf: see ml_json_encode.
 *
 *     struct ml_err err;
 *     if (ml_json_decode(L, "[1,2]", 5, NULL, &err) < 0)
 *         puts(err.text);          // otherwise the value is on top of the stack
 */
#ifndef ML_BIND_JSON_H
#define ML_BIND_JSON_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define ML_JSON_DEPTH 512      /* levels of arrays and objects, unless told otherwise */
#define ML_JSON_DEPTH_MAX 2000 /* what opts may ask for: bounded by the C stack */
#define ML_JSON_SIZE ((size_t)256 << 20) /* bytes of text, unless told otherwise */

struct ml_json_opts {
    bool drop_null; /* members that are null are left out; elements of arrays stay null */
    int depth;      /* 1..ML_JSON_DEPTH_MAX, 0 = ML_JSON_DEPTH */
    size_t size;    /* bytes, 0 = ML_JSON_SIZE */
};

struct ml_json_wopts {
    bool sorted; /* names of objects in byte order */
    int depth;   /* 1..ML_JSON_DEPTH_MAX, 0 = ML_JSON_DEPTH */
};

/* Fills opts with the defaults; the same as all zero. */
void ml_json_defaults(struct ml_json_opts *opts);

/*
 * Decodes text[0..len) and pushes the one value in it. opts may be NULL. Any Lua thread will
 * do; the stack is grown as needed. -1: nothing is pushed; err has kind ML_DECODE, or ML_MEMORY
 * when the Lua stack cannot grow, and a text that ends in "at byte N" and quotes at most one
 * byte of the input. `text` must stay where it is during the call, which runs the collector:
 * keep a Lua string that it belongs to anchored.
 */
int ml_json_decode(lua_State *L, const char *text, size_t len, const struct ml_json_opts *opts,
                   struct ml_err *err);

/*
 * Appends the value at idx to out; the stack is left as it was. opts may be NULL. -1: out holds
 * part of the text; err has kind ML_USAGE and names the place in the value
 * ("records[2].title"), or ML_MEMORY. Because Lua may raise a memory error meanwhile, out must
 * be owned by something that is freed then: a userdata with __gc, or a caller above a
 * lua_pcall.
 */
int ml_json_encode(lua_State *L, int idx, struct ml_buf *out, const struct ml_json_wopts *opts,
                   struct ml_err *err);

/* Appends the text as a JSON string, without Lua; bytes that are not UTF-8 become U+FFFD. -1:
 * it is too long for out, or no memory. */
int ml_json_quote(struct ml_buf *out, const char *text);

/*
 * Is text[0..len) one JSON value, to its end? The same answer as ml_json_decode with default
 * ceilings, without Lua and without memory.
 */
bool ml_json_complete(const char *text, size_t len);

/*
 * Pushes the table {decode, encode, array, is_array, null} for scripts.
 *   decode(text[, {null = "drop"|"keep", depth = n}]) -> value
 *   encode(value[, {sorted = boolean, depth = n}]) -> text
 *   array([t]) -> t marked as an array (a new one without t)
 *   is_array(t) -> would t be written as an array?
 * Errors go through ml_bind_raise. Always 1.
 */
int ml_json_open(lua_State *L);

#endif
