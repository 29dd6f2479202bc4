/* SPDX-License-Identifier: MIT */
/* raw.spawn, task:await/cancel/status, raw.failed, raw.tasks. */
#include <lauxlib.h>

#include "bind/bind.h"

#define TASK_TYPE "moonlever.task"
#define JOIN_TYPE "moonlever.join"

#define FAILURES_KEPT 64 /* tasks whose failure nobody has seen yet */

/* The task as Lua holds it. While the task runs it is anchored, so that a task that nobody
 * keeps goes on; one that failed unobserved stays anchored until the run ends and is reported
 * then. User value 1: the sleep that it uses again and again. */
struct spawned {
    struct ml_task task; /* first: the scheduler's pointer is ours too */
    struct ml_bind *b;
    int anchor;
    struct spawned *next; /* in ml_bind.failed_tasks */
};

struct join {
    struct ml_op op;
    struct ml_task *task;
};

/* --- tasks --- */

/* In the order in which they failed; the first that nobody sees is the run's error. */
static bool keep_failure(struct spawned *s)
{
    struct ml_bind *b = s->b;
    if (b->failed_kept == FAILURES_KEPT) {
        b->failed_more = true;
        return false;
    }
    struct spawned **at = (struct spawned **)&b->failed_tasks;
    while (*at)
        at = &(*at)->next;
    *at = s;
    b->failed_kept++;
    return true;
}

/* Somebody looks at how the task ends: a failure is theirs. */
static void observe(struct spawned *s)
{
    struct ml_bind *b = s->b;
    s->task.observed = true;
    for (struct spawned **at = (struct spawned **)&b->failed_tasks; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            s->next = NULL;
            b->failed_kept--;
            luaL_unref(s->task.sched->L, LUA_REGISTRYINDEX, s->anchor);
            s->anchor = LUA_NOREF;
            return;
        }
}

static void on_task_end(struct ml_task *task)
{
    struct spawned *s = (struct spawned *)task;
    lua_State *L = task->sched->L;
    if (task->state == ML_TASK_FAILED && !task->observed && !task->cancel_asked)
        if (keep_failure(s))
            return;
    luaL_unref(L, LUA_REGISTRYINDEX, s->anchor);
    s->anchor = LUA_NOREF;
}

struct ml_task *ml_bind_spawn(lua_State *L, struct ml_bind *b, int nargs)
{
    luaL_checkstack(L, 4, "too many arguments");
    struct spawned *s = lua_newuserdatauv(L, sizeof *s, 1);
    *s = (struct spawned){.b = b, .anchor = LUA_NOREF};
    s->task.ref = LUA_NOREF; /* half-open: __gc must find nothing to free */
    luaL_setmetatable(L, TASK_TYPE);
    lua_insert(L, -nargs - 2);
    ml_task_create(&s->task, b->sched, L, nargs);
    lua_pushvalue(L, -1);
    s->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
    s->task.on_end = on_task_end;
    ml_task_start(&s->task); /* nothing may fail any more */
    return &s->task;
}

/* raw.spawn(fn, ...) -> task */
static int l_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    ml_bind_spawn(L, ml_bind_of(L), lua_gettop(L) - 1);
    return 1;
}

static struct ml_task *check_task(lua_State *L, int idx)
{
    return luaL_checkudata(L, idx, TASK_TYPE);
}

static void cancel_join(struct ml_op *op)
{
    struct join *j = (struct join *)((char *)op - offsetof(struct join, op));
    ml_task_unjoin(j->task, op);
}

static int await_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct ml_task *task = check_task(L, 1);
    int n = ml_task_results(task, L);
    return n >= 0 ? n : lua_error(L);
}

/* task:await() -> results; raises the task's error */
static int l_await(lua_State *L)
{
    struct ml_task *task = check_task(L, 1);
    struct ml_bind *b = ml_bind_of(L);
    lua_settop(L, 1);
    observe((struct spawned *)task);
    if (ml_task_ended(task))
        return await_done(L, LUA_OK, 0);
    if (task == b->sched->current)
        return ml_bind_raise_text(L, "usage", "a task cannot wait for itself");
    struct join *j = lua_newuserdatauv(L, sizeof *j, 1);
    ml_op_create(&j->op, cancel_join);
    j->task = task;
    luaL_setmetatable(L, JOIN_TYPE);
    lua_pushvalue(L, 1); /* the join keeps the task alive */
    lua_setiuservalue(L, 2, 1);
    ml_task_join(task, &j->op);
    return ml_task_wait(L, b->sched, &j->op, await_done);
}

static int l_join_gc(lua_State *L)
{
    struct join *j = luaL_checkudata(L, 1, JOIN_TYPE);
    if (!j->op.done)
        ml_task_unjoin(j->task, &j->op);
    ml_op_destroy(&j->op);
    return 0;
}

static int l_cancel(lua_State *L)
{
    ml_task_cancel(check_task(L, 1));
    return 0;
}

/* task:status() -> "running" | "done" | "failed" | "cancelled" */
static int l_status(lua_State *L)
{
    const struct ml_task *task = check_task(L, 1);
    lua_pushstring(L, !ml_task_ended(task)          ? "running"
                      : task->state == ML_TASK_DONE ? "done"
                      : task->cancel_asked          ? "cancelled"
                                                    : "failed");
    return 1;
}

/* task:traceback() -> string|nil: of a failure that is no error object */
static int l_traceback(lua_State *L)
{
    lua_pushstring(L, check_task(L, 1)->traceback);
    return 1;
}

static int l_task_gc(lua_State *L)
{
    ml_task_destroy(check_task(L, 1));
    return 0;
}

/* raw.failed() -> the first task whose failure nobody has seen, or nil; awaiting it is seeing
 * it
 */
static int l_failed(lua_State *L)
{
    const struct spawned *s = (const struct spawned *)ml_bind_of(L)->failed_tasks;
    if (!s)
        return 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, s->anchor);
    return 1;
}

/* raw.tasks() -> how many tasks besides the one that asks have not ended */
static int l_tasks(lua_State *L)
{
    const struct ml_sched *sched = ml_bind_of(L)->sched;
    lua_Integer count = 0;
    for (const struct ml_task *task = sched->tasks; task; task = task->next)
        count += task != sched->current;
    lua_pushinteger(L, count);
    return 1;
}

bool ml_bind_push_task(lua_State *L, struct ml_bind *b)
{
    const struct spawned *task = (const struct spawned *)b->sched->current;
    if (task)
        lua_rawgeti(L, LUA_REGISTRYINDEX, task->anchor);
    return task != NULL;
}

void ml_bind_task(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg task[] = {{"await", l_await},   {"cancel", l_cancel},
                                    {"status", l_status}, {"traceback", l_traceback},
                                    {"__gc", l_task_gc},  {NULL, NULL}};
    static const luaL_Reg join[] = {{"__gc", l_join_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"spawn", l_spawn}, {"failed", l_failed}, {"tasks", l_tasks}, {NULL, NULL}};
    ml_bind_type(L, b, TASK_TYPE, task);
    ml_bind_type(L, b, JOIN_TYPE, join);
    ml_bind_functions(L, b, functions);
}
