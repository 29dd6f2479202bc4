/* SPDX-License-Identifier: MIT */
/*
 * moonlever-isolate: the process in which an isolated script runs.
 *
 * Started by the library, with a socket as descriptor 3 and the limits of the run as arguments:
 * bytes of memory, microseconds of processor time, instructions (0 = none). There is nothing
 * else for it to have: environment, descriptors, files, network. It closes the door behind
 * itself (sandbox.c) before it has read a byte, runs what comes over the socket in a confined
 * state of Lua, and ends with the socket.
 *
 *     moonlever-isolate 268435456 60000000 5000000000 3<socket
 */
#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/embedded.h"
#include "base/pool.h"
#include "bind/bind.h"
#include "bind/channel.h"
#include "engine/confine.h"
#include "engine/engine.h"
#include "isolate/sandbox.h"
#include "task/meter.h"

#define SOCKET 3
#define TASKS_A_TURN 256

struct isolate {
    struct ml_pool pool;
    struct ml_meter meter;
    struct ml_sched sched;
    struct ml_channel channel;
    struct ml_bind bind;
    lua_State *L;
};

/* --- the state --- */

static void *allocate(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct isolate *i = ud;
    size_t old = ptr ? osize : 0;
    void *block = ml_pool_alloc(&i->pool, ptr, osize, nsize);
    if (nsize > old)
        ml_meter_memory(&i->meter, &(struct ml_request){ptr, osize, nsize}, block != NULL);
    return block;
}

static struct isolate *isolate_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* raw.current() -> the task that runs; false while none does */
static int l_current(lua_State *L)
{
    if (!ml_bind_push_task(L, &isolate_of(L)->bind))
        lua_pushboolean(L, 0);
    return 1;
}

static void set_arg(lua_State *L, int first, int last)
{
    ml_confine_environment(L);
    lua_createtable(L, last - first + 1, 1);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 0);
    for (int k = first; k <= last; k++) {
        lua_pushvalue(L, k);
        lua_rawseti(L, -2, k - first + 1);
    }
    lua_setfield(L, -2, "arg");
    lua_pop(L, 1);
}

/* raw.load(name, source, ...) -> function, or nil and why; ... = its arguments, for `arg` */
static int l_load(lua_State *L)
{
    size_t len;
    struct ml_err err;
    const char *name = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &len);
    set_arg(L, 3, lua_gettop(L));
    if (ml_state_load(L, name, text, len, false, &err) == 0)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
}

static int l_embedded(lua_State *L)
{
    const struct ml_embedded *file = lua_touserdata(L, lua_upvalueindex(1));
    lua_pushfstring(L, "@%s.lua", file->name);
    if (luaL_loadbufferx(L, file->text, file->len, lua_tostring(L, -1), "t") != LUA_OK)
        return lua_error(L);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int l_raw(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"current", l_current}, {"load", l_load}, {NULL, NULL}};
    struct isolate *i = isolate_of(L);
    ml_bind_common(L, &i->bind);
    lua_pushlightuserdata(L, i);
    luaL_setfuncs(L, functions, 1);
    return 1;
}

/* What isolate.lua offers stands in for moonlever.confined. */
static int l_confined(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "moonlever.isolate");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "modules");
    return 1;
}

static void preload(lua_State *L, struct isolate *i)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (const struct ml_embedded *f = ml_lua_files; f->name; f++) {
        lua_pushlightuserdata(L, (void *)f);
        lua_pushcclosure(L, l_embedded, 1);
        lua_setfield(L, -2, f->name);
    }
    lua_pushlightuserdata(L, i);
    lua_pushcclosure(L, l_raw, 1);
    lua_setfield(L, -2, "moonlever.raw");
    lua_pushcfunction(L, l_confined);
    lua_setfield(L, -2, "moonlever.confined");
    lua_pop(L, 1);
}

static int turn(struct isolate *i);

static int drive(void *ud, lua_State *L)
{
    (void)L;
    return turn(ud);
}

/* Sets the global print to what isolate.lua gives. */
static void start(lua_State *L, struct isolate *i)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "moonlever.isolate");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "start");
    ml_channel_open(L, &i->channel);
    lua_call(L, 1, 1);
    lua_setglobal(L, "print");
    lua_pop(L, 1);
}

/* Protected: everything that may run out of memory. */
static int open_state(lua_State *L)
{
    struct isolate *i = lua_touserdata(L, 1);
    luaL_openlibs(L);
    ml_sched_create(&i->sched, L, drive, i);
    i->sched.raise = ml_bind_raise_text;
    i->sched.no_drives = true; /* as in the host's process */
    ml_confine_harden(L);
    preload(L, i);
    lua_getglobal(L, "coroutine");
    ml_task_open_coroutine(L);
    lua_pop(L, 1);
    if (i->meter.on) /* before there is a thread: those made later inherit the hook */
        ml_meter_attach(&i->meter, &i->sched);
    start(L, i);
    ml_confine_open(L);
    return 0;
}

/* --- the loop --- */

/* Tells the host which limit is spent, and ends. */
static void end_spent(struct isolate *i)
{
    char text[200];
    ml_meter_text(&i->meter, text, sizeof text);
    ml_channel_tell(&i->channel, ML_CHANNEL_SPENT, text);
    while (ml_channel_full(&i->channel)) {
        struct pollfd p = {SOCKET, POLLOUT, 0};
        poll(&p, 1, -1);
        ml_channel_pump(&i->channel);
    }
    _exit(0);
}

/* Protected */
static int l_run_tasks(lua_State *L)
{
    ml_sched_run(lua_touserdata(L, 1), TASKS_A_TURN);
    return 0;
}

static void run_tasks(struct isolate *i)
{
    lua_pushcfunction(i->L, l_run_tasks);
    lua_pushlightuserdata(i->L, &i->sched);
    if (lua_pcall(i->L, 1, 0, 0) != LUA_OK)
        ml_meter_spend(&i->meter, ML_SPENT_MEMORY);
    if (i->meter.spent)
        end_spent(i);
}

/* Once what there is to do is done, waits for the host. */
static int turn(struct isolate *i)
{
    struct pollfd p = {SOCKET, POLLIN, 0};
    i->sched.no_drives = true;
    if (ml_channel_full(&i->channel))
        p.events |= POLLOUT;
    if (!ml_sched_ready(&i->sched) && poll(&p, 1, -1) < 0 && errno != EINTR)
        _exit(1);
    ml_channel_pump(&i->channel);
    if (i->channel.ended)
        _exit(0);
    ml_sched_run(&i->sched, i->sched.depth ? TASKS_A_TURN : 0);
    return 0;
}

static uint64_t number(int argc, char **argv, int n)
{
    return n < argc ? strtoull(argv[n], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    static struct isolate i;
    i.meter.memory_max = (size_t)number(argc, argv, 1);
    i.meter.time_max_us = (int64_t)number(argc, argv, 2);
    i.meter.instructions_max = number(argc, argv, 3);
    if (ml_sandbox_enter(i.meter.memory_max, i.meter.time_max_us) < 0)
        return 2;
    ml_pool_create(&i.pool, 0);
    ml_meter_begin(&i.meter, &i.pool);
    ml_channel_create(&i.channel, SOCKET, &i.sched);
    i.channel.patient = true;
    i.bind.sched = &i.sched;
    i.L = lua_newstate(allocate, &i);
    if (!i.L)
        return 3;
    lua_pushcfunction(i.L, open_state);
    lua_pushlightuserdata(i.L, &i);
    if (lua_pcall(i.L, 1, 0, 0) != LUA_OK) {
        if (i.meter.spent)
            end_spent(&i);
        ml_channel_tell(&i.channel, ML_CHANNEL_SPENT, lua_tostring(i.L, -1));
        ml_channel_pump(&i.channel);
        return 4;
    }
    for (;;) {
        turn(&i);
        run_tasks(&i);
    }
}
