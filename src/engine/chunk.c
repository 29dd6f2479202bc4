/* SPDX-License-Identifier: MIT */
/* Loading the text of a script, in the host's process or in the script's own. */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "engine/confine.h"
#include "engine/engine.h"

/* Protected: the chunk at 1 gets what scripts see, if it may be run at all. */
static int l_enter_environment(lua_State *L)
{
    if (ml_confine_is_too_long(L)) {
        lua_pushliteral(L, "a function of the script has too many index operations in a row");
        return lua_error(L);
    }
    ml_confine_environment(L);
    lua_setupvalue(L, 1, 1);
    return 0;
}

/* The same for the chunk on top of the stack, which stays there, or else the reason does. */
static int enter_environment(lua_State *L)
{
    lua_pushcfunction(L, l_enter_environment);
    lua_pushvalue(L, -2);
    int status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK)
        lua_remove(L, -2);
    return status;
}

int ml_state_load(lua_State *L, const char *name, const char *text, size_t len, bool own,
                  struct ml_err *err)
{
    char chunk[512];
    snprintf(chunk, sizeof chunk, "@%s", name);
    if (len &&
        text[0] ==
            '#') { /* the line for the shell: its newline stays, so that line numbers hold */
        const char *end = memchr(text, '\n', len);
        size_t skip = end ? (size_t)(end - text) : len;
        text += skip;
        len -= skip;
    }
    int status = luaL_loadbufferx(L, text, len, chunk, "t");
    if (status == LUA_OK && !own)
        status = enter_environment(L);
    if (status == LUA_OK)
        return 0;
    ml_err_set(err, status == LUA_ERRMEM ? ML_MEMORY : ML_USAGE, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    return -1;
}
