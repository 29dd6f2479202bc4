/* SPDX-License-Identifier: MIT */
#include "engine/confine.h"

#include <lauxlib.h>
#include <string.h>

#include "bind/bind.h"
#include "task/meter.h"

#define SOURCE_MAX (1024 * 1024) /* of a chunk that a script loads */
#define STEP_CHARGE 1000         /* instructions for a step of the collector */
#define BYTES_A_CHARGE 64

/* --- metatables --- */

/* setmetatable(t, metatable): upvalue 1 holds the metatables that scripts have made. */
static int l_setmetatable(lua_State *L)
{
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    lua_settop(L, 2);
    if (lua_getmetatable(L, 1)) {
        lua_rawget(L, lua_upvalueindex(1));
        if (!lua_toboolean(L, -1) || luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
            return luaL_error(L, "cannot change a protected metatable");
    }
    lua_settop(L, 2);
    if (type == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "__gc is not for confined scripts; use a local with <close>");
        lua_pushvalue(L, 2);
        lua_pushboolean(L, 1);
        lua_rawset(L, lua_upvalueindex(1));
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* getmetatable(v): false for those that scripts have not made. */
static int l_getmetatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushvalue(L, -1);
    lua_rawget(L, lua_upvalueindex(1));
    bool made = lua_toboolean(L, -1);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return 1;
    lua_settop(L, 2);
    if (!made)
        lua_pushboolean(L, 0);
    return 1;
}

static void add_metatables(lua_State *L)
{
    lua_newtable(L); /* weak: a metatable that is in use is held by who uses it */
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, l_setmetatable, 1);
    lua_setfield(L, -3, "setmetatable");
    lua_pushcclosure(L, l_getmetatable, 1);
    lua_setfield(L, -2, "getmetatable");
}

/* --- load --- */

/* The pieces that the function at 1 returns, as one string at 1. */
static void join_pieces(lua_State *L)
{
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (size_t len = 0, total = 0;; total += len) {
        lua_pushvalue(L, 1);
        lua_call(L, 0, 1);
        const char *piece = lua_tolstring(L, -1, &len);
        if (!lua_isnil(L, -1) && !piece)
            luaL_error(L, "reader function must return a string");
        if (len == 0 || lua_isnil(L, -1))
            break;
        if (total + len > SOURCE_MAX)
            luaL_error(L, "the chunk is larger than %d bytes", SOURCE_MAX);
        luaL_addvalue(&text);
    }
    lua_pop(L, 1);
    luaL_pushresult(&text);
    lua_replace(L, 1);
}

static int refuse(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* load(chunk [, name [, mode [, env]]]): text only, and small. Upvalue 1: the environment. */
static int l_load(lua_State *L)
{
    bool has_env = !lua_isnone(L, 4);
    lua_settop(L, 4);
    if (lua_type(L, 1) != LUA_TSTRING) {
        luaL_checktype(L, 1, LUA_TFUNCTION);
        join_pieces(L);
    }
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);
    const char *name = luaL_optstring(L, 2, lua_type(L, 2) == LUA_TNIL ? text : "=(load)");
    if (!strchr(luaL_optstring(L, 3, "bt"), 't'))
        return refuse(L, "attempt to load a text chunk where only bytecode is asked for");
    if (len > SOURCE_MAX)
        return refuse(L, "the chunk is too large");
    ml_meter_charge(L, len);
    if (luaL_loadbufferx(L, text, len, name, "t") != LUA_OK) {
        ml_meter_check(L);
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    if (ml_confine_is_too_long(L))
        return refuse(L, "the chunk has a function with too many index operations");
    lua_pushvalue(L, has_env ? 4 : lua_upvalueindex(1));
    lua_setupvalue(L, -2, 1);
    return 1;
}

/* --- other functions --- */

/* collectgarbage("count") and ("step"). */
static int l_collectgarbage(lua_State *L)
{
    static const char *const options[] = {"count", "step", NULL};
    if (luaL_checkoption(L, 1, "step", options) == 0) {
        lua_pushnumber(L, lua_gc(L, LUA_GCCOUNT) + lua_gc(L, LUA_GCCOUNTB) / 1024.0);
        return 1;
    }
    ml_meter_charge(L, STEP_CHARGE);
    lua_pushboolean(L, lua_gc(L, LUA_GCSTEP, 0));
    return 1;
}

/* coroutine.wrap, the upvalue: the new thread is charged its first tick. */
static int l_wrap(lua_State *L)
{
    ml_meter_charge(L, ML_METER_TICK);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* Calls the function in upvalue 1, whose work grows with its strings. */
static int l_charged(lua_State *L)
{
    uint64_t bytes = 0;
    int n = lua_gettop(L);
    for (int i = 1; i <= n && i <= 3; i++)
        bytes += lua_type(L, i) == LUA_TSTRING ? lua_rawlen(L, i) : 0;
    ml_meter_charge(L, bytes / BYTES_A_CHARGE + 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, LUA_MULTRET);
    return lua_gettop(L);
}

/* string.rep: nothing, repeated, is nothing, however often; anything else needs memory. */
static int l_rep(lua_State *L)
{
    size_t len, apart;
    luaL_checklstring(L, 1, &len);
    luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &apart);
    if (len == 0 && apart == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* require: upvalue 1 is moonlever.confined, which knows what may be had. */
static int l_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (lua_getfield(L, lua_upvalueindex(1), name) != LUA_TFUNCTION)
        return luaL_error(L, "module '%s' not found: a confined script has moonlever and cjson",
                          name);
    lua_call(L, 0, 1);
    lua_pushvalue(L, 1);
    return 2;
}

/* --- the environment; its table is at `env` --- */

/* Copies these members of the table at the top into a new one, which takes its place. */
static void copy(lua_State *L, const char *const *names)
{
    lua_newtable(L);
    for (; *names; names++) {
        lua_getfield(L, -2, *names);
        lua_setfield(L, -2, *names);
    }
    lua_remove(L, -2);
}

static void add_library(lua_State *L, int env, const char *name, const char *const *members)
{
    lua_getglobal(L, name);
    copy(L, members);
    lua_setfield(L, env, name);
}

/* Puts `wrapper` around the function of that name in the table at the top. */
static void wrap(lua_State *L, const char *name, lua_CFunction wrapper)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, wrapper, 1);
    lua_setfield(L, -2, name);
}

static void add_libraries(lua_State *L, int env)
{
    static const char *const string[] = {
        "byte", "char", "find", "format", "gmatch", "gsub",     "len",     "lower", "match",
        "pack", "rep",  "sub",  "upper",  "unpack", "packsize", "reverse", NULL};
    static const char *const table[] = {"concat", "insert", "move",   "pack",
                                        "remove", "sort",   "unpack", NULL};
    static const char *const math[] = {
        "abs", "acos",       "asin", "atan",      "ceil", "cos",    "deg",
        "exp", "floor",      "fmod", "huge",      "log",  "max",    "maxinteger",
        "min", "mininteger", "modf", "pi",        "rad",  "random", "randomseed",
        "sin", "sqrt",       "tan",  "tointeger", "type", "ult",    NULL};
    static const char *const utf8[] = {"char", "charpattern", "codepoint", "codes",
                                       "len",  "offset",      NULL};
    static const char *const os[] = {"clock", "date", "difftime", "time", NULL};
    static const char *const coroutine[] = {
        "close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield", NULL};
    add_library(L, env, "string", string);
    add_library(L, env, "table", table);
    add_library(L, env, "math", math);
    add_library(L, env, "utf8", utf8);
    add_library(L, env, "os", os);
    add_library(L, env, "coroutine", coroutine);
}

static void add_functions(lua_State *L, int env)
{
    static const char *const names[] = {"_VERSION", "assert", "error",  "ipairs",   "next",
                                        "pairs",    "pcall",  "print",  "rawequal", "rawget",
                                        "rawlen",   "rawset", "select", "tonumber", "tostring",
                                        "type",     "xpcall", NULL};
    for (const char *const *name = names; *name; name++) {
        lua_getglobal(L, *name);
        lua_setfield(L, env, *name);
    }
    lua_pushvalue(L, env);
    lua_setfield(L, env, "_G");
    lua_pushcfunction(L, l_collectgarbage);
    lua_setfield(L, env, "collectgarbage");
    lua_pushvalue(L, env);
    lua_pushcclosure(L, l_load, 1);
    lua_setfield(L, env, "load");
    lua_pushvalue(L, env);
    add_metatables(L);
    wrap(L, "tonumber", l_charged);
    lua_pop(L, 1);
}

static void require_own(lua_State *L, const char *module)
{
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    lua_call(L, 1, 1);
}

/* Undefined globals are errors here as well. */
static void finish(lua_State *L, int env)
{
    require_own(L, "moonlever.confined");
    lua_pushcclosure(L, l_require, 1);
    lua_setfield(L, env, "require");
    require_own(L, "moonlever.strict");
    lua_getfield(L, -1, "apply");
    lua_pushvalue(L, env);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
    lua_pushvalue(L, env);
    lua_setfield(L, LUA_REGISTRYINDEX, ML_ENVIRONMENT);
}

/* What scripts reach through the state's own library, whoever calls it. */
void ml_confine_harden(lua_State *L)
{
    static const char *const long_ones[] = {"format", "pack", "packsize", "unpack", NULL};
    static const char *const slow[] = {"codepoint", "len", "offset", NULL};
    ml_meter_open(L);
    lua_getglobal(L, "string");
    ml_bind_strings(L);
    for (const char *const *name = long_ones; *name; name++)
        wrap(L, *name, l_charged);
    wrap(L, "rep", l_rep);
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_getglobal(L, "utf8");
    for (const char *const *name = slow; *name; name++)
        wrap(L, *name, l_charged);
    lua_getglobal(L, "table");
    ml_confine_table(L);
    lua_pop(L, 3);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

void ml_confine_open(lua_State *L)
{
    lua_getglobal(L, "coroutine");
    wrap(L, "wrap", l_wrap);
    lua_pop(L, 1);
    lua_newtable(L);
    int env = lua_gettop(L);
    add_libraries(L, env);
    add_functions(L, env);
    finish(L, env);
    lua_pop(L, 1);
}

void ml_confine_environment(lua_State *L)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, ML_ENVIRONMENT) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_pushglobaltable(L);
}
