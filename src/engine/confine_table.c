/* SPDX-License-Identifier: MIT */
/*
 * The functions of the table library that work through ranges in C, where no hook sees them:
 * each charges the meter what it is about to do, and takes no length from a metamethod, which
 * could say another one the second time.
 */
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/confine.h"
#include "task/meter.h"

#define COMPARISON 4 /* instructions that one counts as */

static lua_Integer length(lua_State *L, int idx)
{
    luaL_checktype(L, idx, LUA_TTABLE);
    if (luaL_getmetafield(L, idx, "__len") != LUA_TNIL)
        luaL_error(L, "a confined script's table functions take no tables with __len");
    return luaL_len(L, idx);
}

static uint64_t span(lua_Integer from, lua_Integer to)
{
    return to >= from ? (uint64_t)to - (uint64_t)from + 1 : 1;
}

/* Calls the library's own function, the upvalue, with all arguments. */
static int pass_on(lua_State *L, int results)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, results);
    return lua_gettop(L);
}

/* What stands behind the position at index 2 moves. */
static int shift(lua_State *L, bool at)
{
    lua_Integer n = length(L, 1);
    ml_meter_charge(L, at ? span(luaL_checkinteger(L, 2), n) : 1);
    return pass_on(L, LUA_MULTRET);
}

/* insert(t, [pos,] v) */
static int l_insert(lua_State *L)
{
    return shift(L, lua_gettop(L) > 2);
}

/* remove(t [, pos]) */
static int l_remove(lua_State *L)
{
    return shift(L, lua_gettop(L) > 1);
}

/* A range from i to j, at index `first`. A table without a metatable ends it where it has
 * nothing more. */
static int charge_range(lua_State *L, int first)
{
    bool plain = !lua_getmetatable(L, 1);
    if (!plain) /* an argument that is not there stays so */
        lua_pop(L, 1);
    lua_Integer n = length(L, 1), i = luaL_optinteger(L, first, 1);
    uint64_t work = span(i, luaL_optinteger(L, first + 1, n));
    if (plain && work > span(0, n))
        work = span(0, n);
    ml_meter_charge(L, work);
    return pass_on(L, LUA_MULTRET);
}

/* concat(t [, sep [, i [, j]]]) */
static int l_concat(lua_State *L)
{
    return charge_range(L, 3);
}

/* unpack(t [, i [, j]]) */
static int l_unpack(lua_State *L)
{
    return charge_range(L, 2);
}

/* move(t, from, to, at [, other]) */
static int l_move(lua_State *L)
{
    ml_meter_charge(L, span(luaL_checkinteger(L, 2), luaL_checkinteger(L, 3)));
    return pass_on(L, LUA_MULTRET);
}

/* Upvalue 1: the script's comparator, or nil. */
static int l_less(lua_State *L)
{
    ml_meter_charge(L, COMPARISON);
    if (lua_isnil(L, lua_upvalueindex(1))) {
        lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
        return 1;
    }
    return pass_on(L, 1);
}

/* sort(t [, less]): each comparison is counted. */
static int l_sort(lua_State *L)
{
    length(L, 1);
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_pushcclosure(L, l_less, 1);
    return pass_on(L, 0);
}

void ml_confine_table(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"insert", l_insert}, {"remove", l_remove}, {"concat", l_concat}, {"unpack", l_unpack},
        {"move", l_move},     {"sort", l_sort},     {NULL, NULL}};
    for (const luaL_Reg *f = functions; f->name; f++) {
        lua_getfield(L, -1, f->name);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
}
