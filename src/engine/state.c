/* SPDX-License-Identifier: MIT */
/*
 * The Lua state of a run: standard library, our modules from inside the
 * binary, and the few functions of the library that must know the engine
 * (print, os.exit, coroutine.resume and wrap).
 */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "base/embedded.h"
#include "engine/confine.h"
#include "engine/engine.h"

int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);

/* package.preload: the file is the upvalue; loaded when somebody requires it. */
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

/* The same for a file that is no Lua: the module is its text. */
static int l_text(lua_State *L)
{
    const struct ml_embedded *file = lua_touserdata(L, lua_upvalueindex(1));
    lua_pushlstring(L, file->text, file->len);
    return 1;
}

static int l_raw(lua_State *L)
{
    return ml_bind_open(L, lua_touserdata(L, lua_upvalueindex(1)));
}

static void preload(lua_State *L, const struct ml_embedded *files, lua_CFunction loader)
{
    for (const struct ml_embedded *f = files; f->name; f++) {
        lua_pushlightuserdata(L, (void *)f);
        lua_pushcclosure(L, loader, 1);
        lua_setfield(L, -2, f->name);
    }
}

void ml_state_preload(lua_State *L, struct ml_bind *b)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    preload(L, ml_lua_files, l_embedded);
    preload(L, ml_text_files, l_text);
    lua_pushlightuserdata(L, b);
    lua_pushcclosure(L, l_raw, 1);
    lua_setfield(L, -2, "moonlever.raw");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    lua_pushcfunction(L, luaopen_cjson_safe);
    lua_setfield(L, -2, "cjson.safe");
    lua_pop(L, 1);
}

static void require(lua_State *L, const char *module)
{
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
}

/* os.exit would end the host's process and leave what is in flight behind. */
static int l_os_exit(lua_State *L)
{
    int code = lua_isnoneornil(L, 1) || lua_isboolean(L, 1)
                   ? !(lua_isnoneornil(L, 1) || lua_toboolean(L, 1))
                   : (int)luaL_checkinteger(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushinteger(L, code);
    lua_call(L, 1, 0);
    return 0;
}

static void replace_functions(lua_State *L)
{
    require(L, "moonlever.raw");
    lua_getfield(L, -1, "print");
    lua_setglobal(L, "print");
    lua_getglobal(L, "os");
    lua_getfield(L, -2, "exit");
    lua_pushcclosure(L, l_os_exit, 1);
    lua_setfield(L, -2, "exit");
    lua_getglobal(L, "coroutine");
    ml_task_open_coroutine(L);
    lua_pop(L, 3);
    require(L, "moonlever.strict");
    lua_getfield(L, -1, "apply");
    lua_pushglobaltable(L);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
}

/* Protected: everything that may run out of memory. */
static int open_state(lua_State *L)
{
    struct ml_engine *e = lua_touserdata(L, 1);
    luaL_openlibs(L);
    ml_engine_attach(e, L);
    e->sched.no_drives = e->limits.confine;
    if (e->limits.confine)
        ml_confine_harden(L);
    ml_state_preload(L, &e->bind);
    replace_functions(L);
    if (e->limits.confine)
        ml_confine_open(L);
    if (e->meter.on)
        ml_meter_attach(&e->meter, &e->sched);
    return 0;
}

/* A run that was cancelled from another thread is stopped here, on its own thread: a loop that
 * never waits still needs memory now and then. */
static void *allocate(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct ml_engine *e = ud;
    if (atomic_load_explicit(&e->cancel, memory_order_relaxed))
        ml_sched_interrupt(&e->sched);
    return ml_pool_alloc(&e->pool, ptr, osize, nsize);
}

/* As above for a run with limits. */
static void *allocate_counted(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct ml_engine *e = ud;
    size_t old = ptr ? osize : 0;
    void *block = allocate(ud, ptr, osize, nsize);
    if (nsize > old)
        ml_meter_memory(&e->meter, &(struct ml_request){ptr, osize, nsize}, block != NULL);
    return block;
}

/* Warnings (errors in __gc above all) go to the log instead of nowhere. */
static void on_warning(void *ud, const char *text, int more)
{
    (void)more;
    ml_log(ud, ML_LOG_WARN, "%s", text);
}

/* A state that did not open says why, as far as it can. */
static void give_up(struct ml_engine *e)
{
    const char *why = e->L ? lua_tostring(e->L, -1) : NULL;
    ml_buf_clear(&e->error);
    ml_buf_adds(&e->error, why ? why : "out of memory");
    if (e->L)
        lua_close(e->L);
    e->L = NULL;
    ml_pool_destroy(&e->pool);
}

int ml_state_new(struct ml_engine *e)
{
    ml_pool_create(&e->pool, 0);
    e->L = lua_newstate(e->meter.on ? allocate_counted : allocate, e);
    if (e->L) {
        lua_setwarnf(e->L, on_warning, &e->log);
        lua_pushcfunction(e->L, open_state);
        lua_pushlightuserdata(e->L, e);
        if (lua_pcall(e->L, 1, 0, 0) == LUA_OK)
            return 0;
    }
    give_up(e);
    return -1;
}
