/* SPDX-License-Identifier: MIT */
/*
 * The codec as Lua functions: arguments are checked first, an error becomes an
 * error object, and the text under way belongs to a userdata, so that a memory
 * error in between leaves nothing behind.
 */
#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bind/json.h"
#include "bind/json_number.h"

/* bind/bind.h has it too; all else there would tie the codec to the engine. */
int ml_bind_raise(lua_State *L, const struct ml_err *err);

static int raise_usage(lua_State *L, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int raise_usage(lua_State *L, const char *fmt, ...)
{
    struct ml_err err = {.kind = ML_USAGE};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err.text, sizeof err.text, fmt, ap);
    va_end(ap);
    return ml_bind_raise(L, &err);
}

/* ---- options ---- */

static void check_names(lua_State *L, int idx, const char *const names[], const char *all)
{
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        int i = 0;
        while (names[i] && strcmp(names[i], key) != 0)
            i++;
        if (!names[i])
            raise_usage(L, "unknown option '%s' (there are %s)", key, all);
        lua_pop(L, 1);
    }
}

static bool has_options(lua_State *L, int idx, const char *const names[], const char *all)
{
    if (lua_isnoneornil(L, idx))
        return false;
    if (!lua_istable(L, idx))
        raise_usage(L, "the options must be a table, not a %s", luaL_typename(L, idx));
    check_names(L, idx, names, all);
    return true;
}

static int depth_option(lua_State *L, int idx)
{
    int depth = 0;
    if (lua_getfield(L, idx, "depth") != LUA_TNIL) {
        int is_integer = 0;
        lua_Integer n = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || n < 1 || n > ML_JSON_DEPTH_MAX)
            raise_usage(L, "the option 'depth' must be an integer from 1 to %d",
                        ML_JSON_DEPTH_MAX);
        depth = (int)n;
    }
    lua_pop(L, 1);
    return depth;
}

static bool drop_option(lua_State *L, int idx)
{
    bool drop = false;
    int type = lua_getfield(L, idx, "null");
    if (type != LUA_TNIL) {
        const char *word = type == LUA_TSTRING ? lua_tostring(L, -1) : "?";
        drop = strcmp(word, "drop") == 0;
        if (!drop && strcmp(word, "keep") != 0)
            raise_usage(L, "the option 'null' must be \"drop\" or \"keep\"");
    }
    lua_pop(L, 1);
    return drop;
}

static bool sorted_option(lua_State *L, int idx)
{
    int type = lua_getfield(L, idx, "sorted");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        raise_usage(L, "the option 'sorted' must be true or false, not a %s",
                    luaL_typename(L, -1));
    bool sorted = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return sorted;
}

/* ---- functions ---- */

static int l_decode(lua_State *L)
{
    static const char *const names[] = {"null", "depth", NULL};
    struct ml_json_opts opts = {.drop_null = false};
    struct ml_err err;
    if (lua_type(L, 1) != LUA_TSTRING)
        raise_usage(L, "the text to decode must be a string, not a %s", luaL_typename(L, 1));
    if (has_options(L, 2, names, "null and depth")) {
        opts.drop_null = drop_option(L, 2);
        opts.depth = depth_option(L, 2);
    }
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);
    return ml_json_decode(L, text, len, &opts, &err) < 0 ? ml_bind_raise(L, &err) : 1;
}

static int l_buffer_gc(lua_State *L)
{
    ml_buf_destroy(lua_touserdata(L, 1));
    return 0;
}

/* Pushes a buffer that dies with its userdata. */
static struct ml_buf *push_buffer(lua_State *L)
{
    struct ml_buf *out = lua_newuserdatauv(L, sizeof *out, 0);
    ml_buf_create(out, ML_JSON_SIZE);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_buffer_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return out;
}

static int l_encode(lua_State *L)
{
    static const char *const names[] = {"sorted", "depth", NULL};
    struct ml_json_wopts opts = {.sorted = false};
    struct ml_err err;
    if (lua_isnone(L, 1))
        raise_usage(L, "encode needs a value");
    if (has_options(L, 2, names, "sorted and depth")) {
        opts.sorted = sorted_option(L, 2);
        opts.depth = depth_option(L, 2);
    }
    struct ml_buf *out = push_buffer(L);
    int rc = ml_json_encode(L, 1, out, &opts, &err);
    if (rc == 0)
        lua_pushlstring(L, ml_buf_str(out), out->len);
    ml_buf_destroy(out); /* now, not when the collector comes by */
    return rc < 0 ? ml_bind_raise(L, &err) : 1;
}

static int l_array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_createtable(L, 0, 0);
        lua_replace(L, 1);
    }
    if (!lua_istable(L, 1))
        raise_usage(L, "only a table can be marked as an array, not a %s", luaL_typename(L, 1));
    if (lua_getmetatable(L, 1) && !ml_json_is_marked(L, 1))
        raise_usage(L, "a table with a metatable of its own cannot be marked as an array%s",
                    "");
    lua_settop(L, 1);
    ml_json_push_array_type(L);
    lua_setmetatable(L, 1);
    return 1;
}

/* Exactly the keys 1..n, n > 0. */
static bool is_sequence(lua_State *L, int idx)
{
    lua_Integer count = 0, highest = 0;
    bool good = true;
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        good = good && key > 0;
        highest = key > highest ? key : highest;
        count++;
    }
    return good && count > 0 && count == highest;
}

static int l_is_array(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushboolean(L, lua_istable(L, 1) && (ml_json_is_marked(L, 1) || is_sequence(L, 1)));
    return 1;
}

int ml_json_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"decode", l_decode},
                                         {"encode", l_encode},
                                         {"array", l_array},
                                         {"is_array", l_is_array},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
