/* SPDX-License-Identifier: MIT */
/* What every binding needs, and a state without an engine as well: error objects, types, and
 * the part of raw that touches nothing outside of Lua. */
#include <lauxlib.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/json.h"

void ml_bind_push_error(lua_State *L, enum ml_kind kind, const char *text)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, ml_kind_name(kind));
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, text);
    lua_setfield(L, -2, "message");
    luaL_setmetatable(L, ML_ERROR_TYPE);
}

int ml_bind_raise(lua_State *L, const struct ml_err *err)
{
    ml_bind_push_error(L, err->kind, err->text);
    return lua_error(L);
}

int ml_bind_raise_text(lua_State *L, const char *kind, const char *text)
{
    ml_bind_push_error(L,
                       strcmp(kind, "cancelled") == 0 ? ML_CANCELLED
                       : strcmp(kind, "guard") == 0   ? ML_GUARD
                                                      : ML_USAGE,
                       text);
    return lua_error(L);
}

struct ml_bind *ml_bind_of(lua_State *L)
{
    struct ml_bind *b = lua_touserdata(L, lua_upvalueindex(1));
    if (b->closed)
        luaL_error(L, "moonlever is closed: the program is ending");
    return b;
}

void ml_bind_functions(lua_State *L, struct ml_bind *b, const luaL_Reg *functions)
{
    lua_pushlightuserdata(L, b);
    luaL_setfuncs(L, functions, 1);
}

void ml_bind_type(lua_State *L, struct ml_bind *b, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    ml_bind_functions(L, b, methods);
    lua_pop(L, 1);
}

/* Until moonlever.errors, which knows more of an error, is there. */
static int l_error_text(lua_State *L)
{
    lua_getfield(L, 1, "message");
    return 1;
}

static int l_error_metatable(lua_State *L)
{
    luaL_newmetatable(L, ML_ERROR_TYPE);
    return 1;
}

void ml_bind_common(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg functions[] = {{"error_metatable", l_error_metatable}, {NULL, NULL}};
    if (luaL_newmetatable(L, ML_ERROR_TYPE)) {
        lua_pushcfunction(L, l_error_text);
        lua_setfield(L, -2, "__tostring");
    }
    lua_pop(L, 1);
    lua_newtable(L);
    ml_bind_functions(L, b, functions);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    ml_json_open(L);
    lua_setfield(L, -2, "json");
    ml_bind_task(L, b);
}
