/* SPDX-License-Identifier: MIT */
/*
 * raw.host_functions and raw.host_call: a script calls a function of its host.
 *
 * The task waits until the host has answered, in its callback or later; the
 * others go on. Where a wait cannot yield (a sort comparator, a gsub callback)
 * only an answer in the callback will do: the host could not get at its loop.
 *
 *     raw.host_call("book", "T-1", 5)     -- {"minutes":5,"ticket":"T-1"} to the host
 */
#include "bind/host.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/json.h"
#include "bind/json_number.h"

#define CALL_TYPE "moonlever.host_call"
#define ARGS_MAX ((size_t)16 << 20)
#define SIGNATURE_MAX 1024

struct host_call {
    struct ml_op op;
    struct ml_host *host;
    struct host_call *next; /* in host->calls */
    uint64_t id;
    struct ml_buf args;
    char *answer; /* JSON, or the text of an error; owned */
    size_t len;
    enum ml_kind kind; /* of the error, ML_NONE = it is a result */
};

/* --- the list of those that wait --- */

static void forget(struct host_call *call)
{
    for (struct host_call **at = &call->host->calls; *at; at = &(*at)->next)
        if (*at == call) {
            *at = call->next;
            return;
        }
}

static void cancel_call(struct ml_op *op)
{
    forget((struct host_call *)((char *)op - offsetof(struct host_call, op)));
}

static struct host_call *waiting(const struct ml_host *host, uint64_t id, struct ml_err *err)
{
    for (struct host_call *call = host->calls; call; call = call->next)
        if (call->id == id)
            return call;
    ml_err_set(err, ML_USAGE,
               "nobody waits for an answer to call %llu: it has one, or its run has ended",
               (unsigned long long)id);
    return NULL;
}

/* --- answers --- */

static int answer(struct host_call *call, enum ml_kind kind, const char *text, size_t len,
                  struct ml_err *err)
{
    call->answer = malloc(len + 1);
    if (!call->answer)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    memcpy(call->answer, text, len);
    call->answer[len] = '\0';
    call->len = len;
    call->kind = kind;
    forget(call);
    ml_op_finish(&call->op);
    return 0;
}

int ml_host_return(struct ml_host *host, uint64_t id, const char *json, size_t len,
                   struct ml_err *err)
{
    struct host_call *call = waiting(host, id, err);
    if (!call)
        return -1;
    if (json && !ml_json_complete(json, len))
        return ml_err_set(err, ML_USAGE, "the answer to call %llu is not one JSON value",
                          (unsigned long long)id);
    return json ? answer(call, ML_NONE, json, len, err) : answer(call, ML_NONE, "null", 4, err);
}

int ml_host_raise(struct ml_host *host, uint64_t id, const char *kind, const char *text,
                  struct ml_err *err)
{
    struct host_call *call = waiting(host, id, err);
    enum ml_kind k = kind ? ml_kind_parse(kind) : ML_REMOTE;
    if (!call)
        return -1;
    if (k == ML_NONE || k == ML_MEMORY)
        return ml_err_set(err, ML_USAGE, "there is no kind of error called \"%.40s\"", kind);
    return answer(call, k, text, strlen(text), err);
}

/* --- arguments --- */

static int refuse(lua_State *L, const struct ml_host_function *f, const char *what, int number)
{
    char signature[SIGNATURE_MAX];
    struct ml_err err;
    ml_host_signature(f, signature, sizeof signature);
    if (number)
        ml_err_set(&err, ML_USAGE, "host.%s: argument %d is %s", signature, number, what);
    else
        ml_err_set(&err, ML_USAGE, "host.%s: %s", signature, what);
    return ml_bind_raise(L, &err);
}

static bool is_empty(lua_State *L, int idx)
{
    lua_pushnil(L);
    if (!lua_next(L, idx))
        return true;
    lua_pop(L, 2);
    return false;
}

/* An empty table without a mark may be either. What else it holds the encoder looks at. */
static bool table_fits(lua_State *L, int idx, enum ml_host_type type)
{
    if (!lua_istable(L, idx))
        return false;
    bool array = ml_json_is_marked(L, idx) || lua_rawlen(L, idx) > 0;
    return array == (type == ML_HOST_ARRAY) || (!array && is_empty(L, idx));
}

static bool fits(lua_State *L, int idx, enum ml_host_type type)
{
    switch (type) {
    case ML_HOST_STRING:
        return lua_type(L, idx) == LUA_TSTRING;
    case ML_HOST_INTEGER:
        return lua_isinteger(L, idx);
    case ML_HOST_NUMBER:
        return lua_type(L, idx) == LUA_TNUMBER;
    case ML_HOST_BOOLEAN:
        return lua_isboolean(L, idx);
    case ML_HOST_ARRAY:
    case ML_HOST_OBJECT:
        return table_fits(L, idx, type);
    default:
        return true;
    }
}

/* Pushes the value at idx as it is to be written. */
static void push_argument(lua_State *L, int idx, enum ml_host_type type)
{
    if (type != ML_HOST_ARRAY || ml_json_is_marked(L, idx) || lua_rawlen(L, idx) > 0) {
        lua_pushvalue(L, idx);
        return;
    }
    lua_newtable(L);
    ml_json_push_array_type(L);
    lua_setmetatable(L, -2);
}

/* Argument number i, at stack index idx, into the table on top. */
static void add_argument(lua_State *L, const struct ml_host_function *f, unsigned i, int idx)
{
    const struct ml_host_parameter *p = &f->parameters[i];
    char what[160];
    if (lua_isnil(L, idx) && p->optional)
        return;
    if (!fits(L, idx, p->type)) {
        const char *actual = lua_type(L, idx) == LUA_TNUMBER && !lua_isinteger(L, idx)
                                 ? "number with a fraction"
                                 : luaL_typename(L, idx);
        if (lua_istable(L, idx))
            actual = p->type == ML_HOST_ARRAY ? "table that is no list" : "list";
        snprintf(what, sizeof what, "a %s where %s has to be a value of type %s", actual,
                 p->name, ml_host_type_name(p->type));
        refuse(L, f, what, (int)i + 1);
    }
    push_argument(L, idx, p->type);
    lua_setfield(L, -2, p->name);
}

/* Pushes {name = value} of the arguments from stack index 2 on. */
static void push_arguments(lua_State *L, const struct ml_host_function *f)
{
    unsigned given = (unsigned)lua_gettop(L) - 1;
    char what[80];
    for (; given > f->count && lua_isnil(L, -1); given--)
        lua_pop(L, 1);
    if (given > f->count) {
        snprintf(what, sizeof what, "there are %u arguments where it takes %u", given,
                 f->count);
        refuse(L, f, what, 0);
    }
    lua_settop(L, (int)f->count + 1);
    lua_createtable(L, 0, (int)f->count);
    for (unsigned i = 0; i < f->count; i++)
        add_argument(L, f, i, (int)i + 2);
}

/* --- the call --- */

static int call_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct host_call *call = luaL_checkudata(L, 1, CALL_TYPE);
    struct ml_err err;
    if (call->kind != ML_NONE) {
        ml_bind_push_error(L, call->kind, call->answer);
        return lua_error(L);
    }
    if (ml_json_decode(L, call->answer, call->len, NULL, &err) < 0)
        return ml_bind_raise(L, &err);
    if (lua_islightuserdata(L, -1))
        lua_pushnil(L); /* null alone */
    return 1;
}

static struct host_call *new_call(lua_State *L, struct ml_host *host)
{
    struct host_call *call = lua_newuserdatauv(L, sizeof *call, 0);
    *call = (struct host_call){.host = host};
    ml_op_create(&call->op, cancel_call);
    ml_buf_create(&call->args, ARGS_MAX);
    luaL_setmetatable(L, CALL_TYPE);
    return call;
}

/* Only from here on the host knows of it. */
static void tell_host(struct host_call *call, const struct ml_host_function *f)
{
    struct ml_host *host = call->host;
    call->id = ++host->last_call;
    call->next = host->calls;
    host->calls = call;
    f->fn(f->ud, call->id, ml_buf_str(&call->args), call->args.len);
    ml_buf_destroy(&call->args);
}

/* raw.host_call(name, ...) -> value */
static int l_host_call(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    const char *name = luaL_checkstring(L, 1);
    const struct ml_host_function *f = ml_host_find(&b->host, name);
    struct ml_err err;
    if (!f)
        return luaL_error(L, "the host has no function %s", name);
    luaL_checkstack(L, ML_HOST_PARAMETERS + 10, NULL);
    push_arguments(L, f);
    struct host_call *call = new_call(L, &b->host);
    const struct ml_json_wopts sorted = {.sorted = true};
    if (ml_json_encode(L, -2, &call->args, &sorted, &err) < 0)
        return refuse(L, f, err.text, 0);
    lua_replace(L, 1);
    lua_settop(L, 1);
    ml_task_check(L, b->sched);
    tell_host(call, f);
    if (!call->op.done && !lua_isyieldable(L)) {
        forget(call);
        return refuse(L, f,
                      "the host answers later, and here nothing can wait for it; call it "
                      "outside of a sort comparator, gsub callback or metamethod",
                      0);
    }
    return ml_task_wait(L, b->sched, &call->op, call_done);
}

static int l_call_gc(lua_State *L)
{
    struct host_call *call = luaL_checkudata(L, 1, CALL_TYPE);
    forget(call);
    ml_buf_destroy(&call->args);
    free(call->answer);
    call->answer = NULL;
    ml_op_destroy(&call->op);
    return 0;
}

/* raw.host_functions() -> { name = signature } */
static int l_host_functions(lua_State *L)
{
    const struct ml_host *host = &ml_bind_of(L)->host;
    char signature[SIGNATURE_MAX];
    lua_newtable(L);
    for (const struct ml_host_function *f = host->functions; f; f = f->next) {
        ml_host_signature(f, signature, sizeof signature);
        lua_pushstring(L, signature);
        lua_setfield(L, -2, f->name);
    }
    return 1;
}

void ml_bind_host(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg call[] = {{"__gc", l_call_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"host_call", l_host_call}, {"host_functions", l_host_functions}, {NULL, NULL}};
    ml_bind_type(L, b, CALL_TYPE, call);
    ml_bind_functions(L, b, functions);
}
