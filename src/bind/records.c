/* SPDX-License-Identifier: MIT */
/*
 * raw.records: what is done to every single record of a page. In C, because done in Lua it is a
 * fifth of the time of a long list.
 *
 * A dress is an array { metatable or false, name, dress, name, dress, ... }: the metatable of
 * a table, and what to do with the members that are tables themselves. Members are read raw: a
 * record that was dressed before reads as if it had all.
 */
#include <lauxlib.h>
#include <stdbool.h>

#include "bind/bind.h"

enum { DEPTH = 32 }; /* of a dress; those of the catalogues have three levels */

/* The table at stack index `record`, a dress above it at the top; the stack is left as it is.
 * There must be room for four values a level. */
static void dress(lua_State *L, int record, int depth)
{
    int with = record + 1;
    if (depth == DEPTH)
        luaL_error(L, "a shape is nested too deep");
    for (lua_Integer i = 2, n = (lua_Integer)lua_rawlen(L, with); i < n; i += 2) {
        lua_rawgeti(L, with, i);
        bool table = lua_rawget(L, record) == LUA_TTABLE;
        if (table) {
            lua_rawgeti(L, with, i + 1);
            dress(L, with + 1, depth + 1);
        }
        lua_pop(L, 1 + table);
    }
    if (lua_rawgeti(L, with, 1) == LUA_TTABLE)
        lua_setmetatable(L, record);
    else
        lua_pop(L, 1);
}

void ml_records_dress(lua_State *L, int record)
{
    dress(L, record, 0);
}

/* raw.records.dress(items, dress): dresses every item. */
static int l_dress(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    luaL_checkstack(L, 4 * (DEPTH + 1), NULL);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
    for (lua_Integer i = 1; i <= n; i++) {
        if (lua_rawgeti(L, 1, i) != LUA_TTABLE)
            return luaL_error(L, "item %d is no table", (int)i);
        lua_pushvalue(L, 2);
        dress(L, 3, 0);
        lua_settop(L, 2);
    }
    return 0;
}

/* raw.records.dress_one(record, dress) */
static int l_dress_one(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    luaL_checkstack(L, 4 * (DEPTH + 1), NULL);
    dress(L, 1, 0);
    return 0;
}

/* raw.records.keys(items, name, previous) -> set, twice: the values of the member `name` as a
 * set { [value] = true }, and how many of them are in the set `previous`. */
static int l_keys(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_settop(L, 3);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1), twice = 0;
    lua_createtable(L, 0, (int)(n < 10000 ? n : 10000));
    for (lua_Integer i = 1; i <= n; i++) {
        luaL_argcheck(L, lua_rawgeti(L, 1, i) == LUA_TTABLE, 1, "an item is no table");
        lua_pushvalue(L, 2);
        if (lua_rawget(L, 5) != LUA_TNIL) {
            lua_pushvalue(L, -1);
            twice += lua_rawget(L, 3) != LUA_TNIL;
            lua_pop(L, 1);
            lua_pushboolean(L, 1);
            lua_rawset(L, 4);
        }
        lua_settop(L, 4);
    }
    lua_pushinteger(L, twice);
    return 2;
}

void ml_bind_records(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"dress", l_dress}, {"dress_one", l_dress_one}, {"keys", l_keys}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "records");
}
