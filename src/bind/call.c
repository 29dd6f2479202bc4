/* SPDX-License-Identifier: MIT */
/*
 * What Lua does with a call that was started (http.c): waits for it, reads its answer, closes
 * it.
 */
#include <lauxlib.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/http.h"
#include "bind/json.h"
#include "task/meter.h"

static struct ml_http_call *check_call(lua_State *L, int idx)
{
    struct ml_http_call *c = luaL_checkudata(L, idx, ML_HTTP_CALL);
    luaL_argcheck(L, c->call, idx, "the call is closed");
    return c;
}

static struct ml_http_call *check_ended(lua_State *L)
{
    struct ml_http_call *c = check_call(L, 1);
    luaL_argcheck(L, ml_call_ended(c->call), 1, "the call has not ended: wait for it");
    return c;
}

static int wait_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct ml_http_call *c = check_call(L, 1);
    const struct ml_err *err = ml_call_error(c->call);
    if (err->kind == ML_GUARD)
        ml_door_trip(&ml_bind_of(L)->door, err->text);
    if (err->kind == ML_NONE) {
        lua_pushinteger(L, ml_call_status(c->call));
        return 1;
    }
    lua_pushnil(L);
    lua_createtable(L, 0, 5);
    lua_pushstring(L, ml_kind_name(err->kind));
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, err->text);
    lua_setfield(L, -2, "message");
    lua_pushinteger(L, ml_call_sends(c->call));
    lua_setfield(L, -2, "sends");
    lua_pushboolean(L, c->write && ml_call_sends(c->call) > 0);
    lua_setfield(L, -2, "sent");
    lua_pushinteger(L, ml_call_attempts(c->call));
    lua_setfield(L, -2, "attempts");
    return 2;
}

/* call:wait() -> status | nil, fault */
static int l_wait(lua_State *L)
{
    struct ml_http_call *c = check_call(L, 1);
    if (ml_call_ended(c->call))
        return wait_done(L, LUA_OK, 0);
    luaL_argcheck(L, !c->op.task, 1, "another task waits for this call");
    lua_settop(L, 1);
    return ml_task_wait(L, ml_bind_of(L)->sched, &c->op, wait_done);
}

static int l_done(lua_State *L)
{
    lua_pushboolean(L, ml_call_ended(check_call(L, 1)->call));
    return 1;
}

/* call:json([{null="drop"}]) -> value */
static int l_json(lua_State *L)
{
    struct ml_http_call *c = check_ended(L);
    struct ml_json_opts opts = {0};
    struct ml_err err;
    size_t len;
    if (lua_istable(L, 2))
        opts.drop_null = lua_getfield(L, 2, "null") == LUA_TSTRING;
    const char *body = ml_call_body(c->call, &len);
    if (ml_json_decode(L, body, len, &opts, &err) < 0)
        return ml_bind_raise(L, &err);
    return 1;
}

static int l_body(lua_State *L)
{
    size_t len;
    const char *body = ml_call_body(check_ended(L)->call, &len);
    lua_pushlstring(L, body, len);
    return 1;
}

static int push_header(lua_State *L, const struct ml_http_call *c, const char *name)
{
    size_t len;
    const char *value = ml_call_header(c->call, name, &len);
    if (value)
        lua_pushlstring(L, value, len);
    else
        lua_pushnil(L);
    return 1;
}

static int l_header(lua_State *L)
{
    return push_header(L, check_ended(L), luaL_checkstring(L, 2));
}

static int l_request_id(lua_State *L)
{
    return push_header(L, check_ended(L), "x-request-id");
}

static int l_attempts(lua_State *L)
{
    lua_pushinteger(L, ml_call_attempts(check_call(L, 1)->call));
    return 1;
}

/* call:doubt() -> boolean: may an attempt have had an effect that no answer told of? */
static int l_doubt(lua_State *L)
{
    lua_pushboolean(L, ml_call_doubt(check_call(L, 1)->call));
    return 1;
}

static int l_elapsed(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)ml_call_elapsed_us(check_ended(L)->call) / 1e6);
    return 1;
}

static int l_cancel(lua_State *L)
{
    struct ml_http_call *c = check_call(L, 1);
    ml_call_cancel(c->call);
    ml_op_finish(&c->op);
    return 0;
}

void ml_http_close(struct ml_http_call *c)
{
    struct ml_call *call = c->call;
    if (call && c->change && (ml_call_doubt(call) || ml_call_status(call)))
        ml_change_touch(c->change);
    c->call = NULL;
    if (call)
        ml_meter_let_go(c->meter, c->held);
    ml_call_free(call);
    ml_op_finish(&c->op); /* who waits for it hears that it is closed */
}

/* call:close(), __close */
static int l_call_close(lua_State *L)
{
    ml_http_close(luaL_checkudata(L, 1, ML_HTTP_CALL));
    return 0;
}

static int l_call_gc(lua_State *L)
{
    struct ml_http_call *c = luaL_checkudata(L, 1, ML_HTTP_CALL);
    l_call_close(L);
    ml_op_destroy(&c->op);
    return 0;
}

void ml_bind_call(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg methods[] = {{"wait", l_wait},          {"done", l_done},
                                       {"json", l_json},          {"body", l_body},
                                       {"header", l_header},      {"request_id", l_request_id},
                                       {"attempts", l_attempts},  {"doubt", l_doubt},
                                       {"elapsed", l_elapsed},    {"cancel", l_cancel},
                                       {"close", l_call_close},   {"__gc", l_call_gc},
                                       {"__close", l_call_close}, {NULL, NULL}};
    ml_bind_type(L, b, ML_HTTP_CALL, methods);
}
