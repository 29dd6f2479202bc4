/* SPDX-License-Identifier: MIT */
/*
 * `require "moonlever"` in a stock lua5.4: the same bindings in a state that
 * is not ours. The host's allocator, hooks, signals, coroutines and print are
 * left alone; calls outside a task drive the loop themselves.
 *
 * The engine is a userdata made before any other of ours, so that at the end
 * of the state its finalizer runs last of them. It is anchored in the registry.
 * Finalizers of the script's that run even later find it closed.
 *
 * Writes are journalled as everywhere; a run of a stock lua has no stored script,
 * so it can be looked at and undone, and what a dead one left is settled by resume,
 * which cannot run the script again.
 *
 * There is nobody to ask for confirmation: writes need MOONLEVER_YES=1 in the
 * environment.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/json.h"
#include "engine/engine.h"
#include "moonlever.h"

#define ENGINE_TYPE "moonlever.engine"

/* Ctrl-C in lua5.4 sets a hook on the main thread and interrupts our wait; running any Lua code
 * there lets it raise. The error belongs to the thread that waits. */
static void let_hook_run(lua_State *main, lua_State *L)
{
    if (!lua_gethook(main) || !lua_checkstack(main, 2))
        return;
    if (luaL_loadstring(main, "") != LUA_OK || lua_pcall(main, 0, 0, 0) != LUA_OK) {
        lua_xmove(main, L, 1);
        lua_error(L);
    }
}

static int drive(void *ud, lua_State *L)
{
    struct ml_engine *e = ud;
    bool ready = ml_sched_ready(&e->sched);
    if (!ready && ml_net_idle(e->net))
        return -1;
    if (ml_net_turn(e->net, ready ? 0 : -1) < 0)
        return -1;
    let_hook_run(e->sched.L, L);
    ml_sched_run(&e->sched, 256);
    return 0;
}

static void write_out(void *ud, const char *text, size_t len)
{
    (void)ud;
    fwrite(text, 1, len, stdout);
}

/* The end of the state is the end of the run; how the program itself ends nobody tells us. */
static void end_run(struct ml_engine *e)
{
    const struct ml_door *d = &e->bind.door;
    bool bad = d->open || d->counts[ML_STATE_FAILED] || d->counts[ML_STATE_CONFLICT] ||
               d->counts[ML_STATE_UNKNOWN] || d->counts[ML_STATE_ACCEPTED];
    ml_record_finish(&e->bind.record, bad ? "partial" : "done", bad ? 3 : 0, d->noops);
}

static int l_gc(lua_State *L)
{
    struct ml_engine *e = luaL_checkudata(L, 1, ENGINE_TYPE);
    end_run(e);
    ml_engine_destroy(e);
    return 0;
}

/* The script's arguments as lua put them into the global `arg`. */
static void take_arguments(lua_State *L, struct ml_engine *e)
{
    if (lua_getglobal(L, "arg") == LUA_TTABLE) {
        int n = (int)luaL_len(L, -1);
        e->argv = calloc((size_t)n + 1, sizeof *e->argv);
        for (; e->argv && e->argc < n; e->argc++) {
            lua_rawgeti(L, -1, e->argc + 1);
            e->argv[e->argc] = strdup(luaL_tolstring(L, -1, NULL));
            lua_pop(L, 2);
        }
        if (lua_rawgeti(L, -1, 0) == LUA_TSTRING)
            e->name = strdup(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    e->bind.argc = e->argc;
    e->bind.argv = (const char *const *)e->argv;
    e->bind.script_name = e->name ? e->name : "script";
}

static struct ml_engine *new_engine(lua_State *L)
{
    struct ml_err err;
    struct ml_engine *e = lua_newuserdatauv(L, sizeof *e, 0);
    ml_engine_create(e);
    if (luaL_newmetatable(L, ENGINE_TYPE)) {
        lua_pushcfunction(L, l_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, "moonlever.anchor");
    if ((e->net = ml_net_new(&e->net_conf, &e->log, &err)) == NULL)
        luaL_error(L, "moonlever: %s", err.text);
    return e;
}

MOONLEVER_API int luaopen_moonlever(lua_State *L)
{
    const char *yes = getenv("MOONLEVER_YES");
    struct ml_engine *e = new_engine(L);
    e->bind.net = e->net;
    e->bind.sched = &e->sched;
    e->bind.log = &e->log;
    e->bind.concurrency = e->net_conf.concurrency;
    e->bind.env = true;
    e->bind.output = write_out;
    e->bind.door.how = "MOONLEVER_YES=1 in the environment";
    e->bind.exits = true;
    e->bind.door.yes = yes && strcmp(yes, "1") == 0;
    take_arguments(L, e);
    ml_engine_set_record(e);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    lua_State *main = lua_tothread(L, -1);
    lua_pop(L, 1);
    ml_sched_create(&e->sched, main, drive, e);
    e->sched.raise = ml_bind_raise_text;
    ml_state_preload(L, &e->bind);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_getfield(L, -1, "moonlever");
    lua_pushliteral(L, "moonlever");
    lua_call(L, 1, 1);
    return 1;
}
