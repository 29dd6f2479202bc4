/* SPDX-License-Identifier: MIT */
/*
 * coroutine.resume and wrap that let a wait inside a script's own coroutine
 * travel up to the scheduler. Apart from that they do what lcorolib.c does.
 */
#include <lauxlib.h>

#include "task/meter.h"
#include "task/private.h"

/* Values of a finished step move from the inner thread to the caller. */
static int move_results(lua_State *L, lua_State *co, int n)
{
    if (!lua_checkstack(L, n + 1)) {
        lua_pop(co, n);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, n);
    return n;
}

static int auxresume_done(lua_State *L, int status, lua_KContext ctx);

/* Resumes the inner thread `co` with nargs arguments on its stack until it is through with one
 * step of the script's; its waits become waits of L. Returns the number of results moved to L,
 * or -1 with the error value on L. */
static int auxresume(lua_State *L, struct ml_sched *s, lua_State *co, int nargs,
                     lua_KContext ctx)
{
    for (;;) {
        int nres = 0, status = ml_sched_resume(s, co, L, nargs, &nres);
        if (s->meter && status == LUA_YIELD && !s->engine_yield)
            ml_meter_check(L);
        if (status == LUA_OK || (status == LUA_YIELD && !s->engine_yield))
            return move_results(L, co, nres);
        if (status != LUA_YIELD) {
            lua_xmove(co, L, 1);
            return -1;
        }
        if (ml_sched_yields(s, L))
            ml_sched_yield(L, s, ctx, auxresume_done); /* comes back in auxresume_done */
        ml_sched_drive_inner(L, s);
        nargs = 0;
    }
}

enum { RESUME, WRAP };

static int finish_resume(lua_State *L, lua_State *co, int n, int mode)
{
    if (n < 0)
        ml_meter_check(L);
    if (mode == RESUME) {
        lua_pushboolean(L, n >= 0);
        int values = n >= 0 ? n : 1;
        lua_insert(L, -values - 1);
        return values + 1;
    }
    if (n >= 0)
        return n;
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD) { /* closing may raise an error of its own */
        ml_meter_stack(L);
        lua_pop(L, 1);
        lua_resetthread(co);
        lua_xmove(co, L, 1);
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int run_inner(lua_State *L, lua_State *co, int nargs, int mode)
{
    int n = auxresume(L, ml_sched_of(L), co, nargs, mode);
    return finish_resume(L, co, n, mode);
}

/* The outer thread comes back after a wait of the inner one: the inner one goes on. The thread
 * is at index 1 (resume) or the first upvalue (wrap). */
static int auxresume_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    lua_State *co = lua_tothread(L, ctx == WRAP ? lua_upvalueindex(1) : 1);
    return run_inner(L, co, 0, (int)ctx);
}

static int l_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    int nargs = lua_gettop(L) - 1;
    if (!lua_checkstack(co, nargs)) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "too many arguments to resume");
        return 2;
    }
    lua_xmove(L, co, nargs);
    return run_inner(L, co, nargs, RESUME);
}

static int l_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int nargs = lua_gettop(L);
    luaL_argcheck(L, lua_checkstack(co, nargs), 1, "too many arguments");
    lua_xmove(L, co, nargs);
    return run_inner(L, co, nargs, WRAP);
}

static int l_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, l_wrapped, 1);
    return 1;
}

void ml_task_open_coroutine(lua_State *L)
{
    static const luaL_Reg functions[] = {{"resume", l_resume}, {"wrap", l_wrap}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
