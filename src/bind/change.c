/* SPDX-License-Identifier: MIT */
/*
 * raw.change: one change as Lua holds it, from the door to its end state.
 *
 * The userdata is the change: as long as it is open it may be sent; dropped
 * while open it counts as unknown, or as planned where the service provably
 * saw nothing of it, so nothing leaves the count.
 */
#include <lauxlib.h>
#include <string.h>

#include "bind/bind.h"

#define CHANGE_TYPE "moonlever.change"

struct change {
    struct ml_door *door;
    bool open;
    bool touched;           /* the service may have seen it */
    struct ml_sched *sched; /* set when it is sent */
    uint64_t task;          /* id of the task that is shielded until the end, 0 = none */
};

static struct change *check_change(lua_State *L, int idx)
{
    return luaL_checkudata(L, idx, CHANGE_TYPE);
}

static const char *field(lua_State *L, int idx, const char *name)
{
    if (lua_getfield(L, idx, name) != LUA_TSTRING)
        luaL_error(L, "raw.change: %s is not a string", name);
    return lua_tostring(L, -1); /* stays on the stack: anchored */
}

/* raw.change(client, {operation=, resource=, target=, method=, path=}) -> change */
static int l_change(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_err err;
    luaL_checkudata(L, 1, "moonlever.client");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    struct change *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct change){.door = &b->door};
    luaL_setmetatable(L, CHANGE_TYPE);
    lua_getiuservalue(L, 1, 1); /* the client's origin, a string */
    const char *origin = lua_tostring(L, -1);
    const char *resource = field(L, 2, "resource"), *operation = field(L, 2, "operation");
    ml_task_check(L, b->sched);
    if (ml_door_enter(&b->door, resource, operation, origin ? origin : "?", &err) < 0)
        return ml_bind_raise(L, &err);
    c->open = true;
    lua_pushvalue(L, 3);
    return 1;
}

/* The task may have ended meanwhile: it is looked up. */
static void unshield(struct change *c)
{
    if (!c->task)
        return;
    for (struct ml_task *t = c->sched->tasks; t; t = t->next)
        if (t->id == c->task)
            t->shield--;
    c->task = 0;
}

static int l_planned(lua_State *L)
{
    lua_pushboolean(L, check_change(L, 1)->door->dry_run);
    return 1;
}

static enum ml_kind kind_of(const char *name)
{
    for (int k = ML_NONE; k < ML_KINDS; k++)
        if (strcmp(ml_kind_name(k), name) == 0)
            return k;
    return ML_NONE;
}

/* change:finish(state[, reason[, kind]]) */
static int l_finish(lua_State *L)
{
    struct change *c = check_change(L, 1);
    const char *name = luaL_checkstring(L, 2);
    int state = ml_state_parse(name);
    luaL_argcheck(L, state >= 0, 2, "not a state");
    if (!c->open)
        return luaL_error(L, "the change has ended already");
    luaL_argcheck(
        L, !c->door->dry_run || (state != ML_STATE_CONFIRMED && state != ML_STATE_ACCEPTED), 2,
        "nothing is confirmed in dry run");
    c->open = false;
    unshield(c);
    ml_door_leave(c->door, state, kind_of(luaL_optstring(L, 4, "none")));
    return 0;
}

static int l_change_gc(lua_State *L)
{
    struct change *c = check_change(L, 1);
    if (c->open) {
        c->open = false;
        unshield(c);
        ml_door_leave(c->door, c->touched ? ML_STATE_UNKNOWN : ML_STATE_PLANNED, ML_NONE);
    }
    return 0;
}

struct change *ml_change_send(lua_State *L, int idx, struct ml_sched *s)
{
    struct change *c = luaL_testudata(L, idx, CHANGE_TYPE);
    struct ml_err err;
    if (c && c->open && !c->door->dry_run) {
        if (!c->task && s->current) {
            c->sched = s;
            c->task = s->current->id;
            s->current->shield++;
        }
        return c;
    }
    ml_err_set(&err, ML_GUARD, "%s",
               c && c->open ? "dry run: the write was not sent"
                            : "a write without a change that the door let in");
    ml_bind_raise(L, &err);
    return NULL;
}

void ml_change_touch(struct change *change)
{
    change->touched = true;
}

/* raw.noop(operation, target) */
static int l_noop(lua_State *L)
{
    ml_door_noop(&ml_bind_of(L)->door);
    return 0;
}

/* raw.licence{"service.resource", ...} */
static int l_licence(lua_State *L)
{
    const char *names[64];
    struct ml_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 1);
    luaL_argcheck(L, n <= 64, 1, "too many resources");
    luaL_checkstack(L, (int)n, "too many resources");
    for (lua_Integer i = 0; i < n; i++) {
        luaL_argcheck(L, lua_rawgeti(L, 1, i + 1) == LUA_TSTRING, 1, "resources are strings");
        names[i] = lua_tostring(L, -1);
    }
    if (ml_door_license(&ml_bind_of(L)->door, names, (size_t)n, &err) < 0)
        return ml_bind_raise(L, &err);
    return 0;
}

/* raw.licensed(resource) -> boolean */
static int l_licensed(lua_State *L)
{
    lua_pushboolean(L, ml_door_licensed(&ml_bind_of(L)->door, luaL_checkstring(L, 1)));
    return 1;
}

/* raw.mode() -> "run" | "dry-run" */
static int l_mode(lua_State *L)
{
    lua_pushstring(L, ml_bind_of(L)->door.dry_run ? "dry-run" : "run");
    return 1;
}

void ml_bind_change(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg methods[] = {{"planned", l_planned},
                                       {"finish", l_finish},
                                       {"__gc", l_change_gc},
                                       {"__close", l_change_gc},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"change", l_change},   {"noop", l_noop},
                                         {"licence", l_licence}, {"licensed", l_licensed},
                                         {"mode", l_mode},       {NULL, NULL}};
    ml_bind_type(L, b, CHANGE_TYPE, methods);
    ml_bind_functions(L, b, functions);
}
