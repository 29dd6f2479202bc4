/* SPDX-License-Identifier: MIT */
/*
 * raw.iterator(refill, close): what `for` gets from a list.
 *
 * A userdata, not a closure: it has __gc and __close, so that what was read
 * ahead is dropped with it. It returns one value to `for`, never four: on
 * Lua 5.4.4 a closing value plus `break` plus a closure in the body raises.
 *
 * User values: 1 the refill function, 2 the close function or nil, 3 the
 * array that is being handed out.
 */
#include <lauxlib.h>

#include "bind/bind.h"

#define ITERATOR_TYPE "moonlever.iterator"

enum { REFILL = 1, CLOSE, ITEMS };

struct iterator {
    lua_Integer at, len; /* place in the array */
    bool ended, closed;
    bool busy; /* a refill is under way */
};

static struct iterator *check(lua_State *L)
{
    return luaL_checkudata(L, 1, ITERATOR_TYPE);
}

/* raw.iterator(refill[, close]) -> iterator */
static int l_iterator(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 2);
    struct iterator *it = lua_newuserdatauv(L, sizeof *it, 3);
    *it = (struct iterator){0};
    luaL_setmetatable(L, ITERATOR_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 3, REFILL);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, 3, CLOSE);
    return 1;
}

static int refilled(lua_State *L, int status, lua_KContext ctx);

/* Protected, so that `busy` is true only as long as the refill runs. */
static int refill(lua_State *L, struct iterator *it)
{
    struct ml_err err;
    if (it->busy) {
        ml_err_set(&err, ML_USAGE,
                   "two tasks read from one iterator; let one read and spawn tasks for the "
                   "items, or use moonlever.each");
        return ml_bind_raise(L, &err);
    }
    it->busy = true;
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, REFILL);
    return refilled(L, lua_pcallk(L, 0, 1, 0, 0, refilled), 0);
}

static int step(lua_State *L, struct iterator *it)
{
    if (it->at < it->len) {
        lua_getiuservalue(L, 1, ITEMS);
        lua_rawgeti(L, -1, ++it->at);
        return 1;
    }
    if (!it->ended && !it->closed)
        return refill(L, it);
    lua_pushnil(L);
    return 1;
}

/* The refill function has returned an array, or nil at the end. The iterator may have been
 * closed while it waited: then what it brought is dropped. */
static int refilled(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    struct iterator *it = check(L);
    it->busy = false;
    if (status != LUA_OK && status != LUA_YIELD)
        return lua_error(L);
    it->at = 0;
    it->ended = lua_isnil(L, -1);
    it->len = it->ended || it->closed ? 0 : (lua_Integer)lua_rawlen(L, -1);
    if (!it->closed)
        lua_setiuservalue(L, 1, ITEMS);
    return step(L, it);
}

/* As check(), with the metatable at hand: this runs for every record. */
static struct iterator *check_known(lua_State *L)
{
    bool ours = lua_getmetatable(L, 1) && lua_rawequal(L, -1, lua_upvalueindex(2));
    return ours ? lua_touserdata(L, 1) : check(L);
}

static int l_next(lua_State *L)
{
    struct iterator *it = check_known(L);
    lua_settop(L, 1);
    return step(L, it);
}

static int l_close(lua_State *L)
{
    struct iterator *it = check(L);
    if (it->closed)
        return 0;
    it->closed = true;
    it->at = it->len = 0;
    lua_settop(L, 1);
    lua_pushnil(L);
    lua_setiuservalue(L, 1, ITEMS);
    if (lua_getiuservalue(L, 1, CLOSE) == LUA_TFUNCTION)
        lua_call(L, 0, 0);
    return 0;
}

void ml_bind_iterator(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg methods[] = {
        {"close", l_close}, {"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"iterator", l_iterator}, {NULL, NULL}};
    ml_bind_type(L, b, ITERATOR_TYPE, methods);
    luaL_getmetatable(L, ITERATOR_TYPE);
    lua_pushlightuserdata(L, b);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, l_next, 2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "next");
    lua_setfield(L, -2, "__call");
    lua_pop(L, 1);
    ml_bind_functions(L, b, functions);
}
