/* SPDX-License-Identifier: MIT */
/*
 * Any bytes: refused, or a value that is the same after encode and decode.
 * ml_json_complete gives the same answer as the decoder each time.
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bind/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The Lua functions of the codec are not called here. */
int ml_bind_raise(lua_State *L, const struct ml_err *err);
int ml_bind_raise(lua_State *L, const struct ml_err *err)
{
    return luaL_error(L, "%s", err->text);
}

static void must(int holds)
{
    if (!holds)
        abort();
}

/* Encodes the value on top of the stack, names in order. */
static void encode(lua_State *L, struct ml_buf *out)
{
    struct ml_err err;
    ml_buf_create(out, 1 << 24);
    must(ml_json_encode(L, -1, out, &(struct ml_json_wopts){.sorted = true}, &err) == 0);
}

static void there_and_back(lua_State *L)
{
    struct ml_buf first, second;
    struct ml_err err;
    encode(L, &first);
    must(ml_json_complete(first.data, first.len));
    must(ml_json_decode(L, first.data, first.len, NULL, &err) == 0);
    encode(L, &second);
    must(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    ml_buf_destroy(&first);
    ml_buf_destroy(&second);
}

static void without_nulls(lua_State *L, const char *text, size_t size)
{
    struct ml_err err;
    const struct ml_json_opts drop = {.drop_null = true};
    struct ml_buf out;
    must(ml_json_decode(L, text, size, &drop, &err) == 0);
    encode(L, &out);
    ml_buf_destroy(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ml_err err = {.kind = ML_NONE};
    const char *text = (const char *)data;
    lua_State *L = luaL_newstate();
    must(L != NULL);
    int rc = ml_json_decode(L, text, size, NULL, &err);
    must(ml_json_complete(text, size) == (rc == 0));
    must(lua_gettop(L) == (rc == 0));
    if (rc == 0) {
        there_and_back(L);
        without_nulls(L, text, size);
    } else {
        must(err.kind == ML_DECODE && strstr(err.text, " at byte ") != NULL);
    }
    lua_close(L);
    return 0;
}
