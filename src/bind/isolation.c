/* SPDX-License-Identifier: MIT */
/* raw.isolate: the host's side of the process of isolated scripts. */
#include "bind/bind.h"
#include "bind/channel.h"

static int l_isolate(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_err err;
    if (!b->isolate)
        return 0;
    if (!b->channel && b->isolate(b->isolate_ud, &err) < 0)
        return ml_bind_raise(L, &err);
    ml_channel_open(L, b->channel);
    return 1;
}

/* raw.isolates() -> are scripts isolated? */
static int l_isolates(lua_State *L)
{
    lua_pushboolean(L, ml_bind_of(L)->isolate != NULL);
    return 1;
}

/* raw.isolate_end() -> how the process has ended */
static int l_isolate_end(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    lua_pushstring(L, b->isolate_end(b->isolate_ud));
    return 1;
}

/* raw.isolate_script() -> name and text of the run's script */
static int l_isolate_script(lua_State *L)
{
    const struct ml_bind *b = ml_bind_of(L);
    lua_pushstring(L, b->script_name);
    lua_pushstring(L, b->record.run.source);
    return 2;
}

void ml_bind_isolation(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg functions[] = {{"isolate", l_isolate},
                                         {"isolates", l_isolates},
                                         {"isolate_end", l_isolate_end},
                                         {"isolate_script", l_isolate_script},
                                         {NULL, NULL}};
    ml_bind_functions(L, b, functions);
}
