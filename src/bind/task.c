/* SPDX-License-Identifier: MIT */
/* raw.spawn, task:await/cancel/status, raw.tasks, raw.sleep. */
#include <lauxlib.h>
#include <math.h>

#include "base/clock.h"
#include "bind/bind.h"

#define TASK_TYPE "moonlever.task"
#define JOIN_TYPE "moonlever.join"
#define SLEEP_TYPE "moonlever.sleep"

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

struct sleep {
    struct ml_op op;
    struct ml_timer timer;
    struct ml_net *net;
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

/* --- sleep --- */

static void on_timer(struct ml_timer *timer)
{
    struct sleep *s = (struct sleep *)((char *)timer - offsetof(struct sleep, timer));
    ml_op_finish(&s->op);
}

static void cancel_sleep(struct ml_op *op)
{
    struct sleep *s = (struct sleep *)((char *)op - offsetof(struct sleep, op));
    ml_net_timer_cancel(s->net, &s->timer);
}

static int sleep_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)L, (void)status, (void)ctx;
    return 0;
}

/* Pushes a sleep that nobody uses: a task waits for one thing at a time, so it needs but one.
 * Not making a new one each time matters: userdata with finalizers live through two cycles of
 * the collector, and a loop that sleeps makes nothing else. */
static struct sleep *push_sleep(lua_State *L, struct ml_bind *b)
{
    struct spawned *task = (struct spawned *)b->sched->current;
    struct sleep *s = NULL;
    if (task) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, task->anchor);
        lua_getiuservalue(L, -1, 1);
        s = lua_touserdata(L, -1);
    }
    if (s && !s->timer.pos && !s->op.task) {
        ml_op_create(&s->op, cancel_sleep);
        return s;
    }
    s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (struct sleep){.net = b->net, .timer.fire = on_timer};
    ml_op_create(&s->op, cancel_sleep);
    luaL_setmetatable(L, SLEEP_TYPE);
    if (task) {
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, -4, 1);
    }
    return s;
}

/* raw.sleep(seconds): 0 and below let the others run once */
static int l_sleep(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    lua_Number seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, isfinite(seconds) && seconds < 1e9, 1, "not a time in seconds");
    struct sleep *s = push_sleep(L, b);
    int64_t us = seconds > 0 ? (int64_t)(seconds * 1e6) : 0;
    if (ml_net_timer(b->net, &s->timer, ml_clock_us() + us) < 0)
        return luaL_error(L, "not enough memory");
    return ml_task_wait(L, b->sched, &s->op, sleep_done);
}

static int l_sleep_gc(lua_State *L)
{
    struct sleep *s = luaL_checkudata(L, 1, SLEEP_TYPE);
    ml_net_timer_cancel(s->net, &s->timer);
    ml_op_destroy(&s->op);
    return 0;
}

void ml_bind_task(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg task[] = {{"await", l_await},   {"cancel", l_cancel},
                                    {"status", l_status}, {"traceback", l_traceback},
                                    {"__gc", l_task_gc},  {NULL, NULL}};
    static const luaL_Reg join[] = {{"__gc", l_join_gc}, {NULL, NULL}};
    static const luaL_Reg sleep[] = {{"__gc", l_sleep_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"spawn", l_spawn},
                                         {"sleep", l_sleep},
                                         {"failed", l_failed},
                                         {"tasks", l_tasks},
                                         {NULL, NULL}};
    ml_bind_type(L, b, TASK_TYPE, task);
    ml_bind_type(L, b, JOIN_TYPE, join);
    ml_bind_type(L, b, SLEEP_TYPE, sleep);
    ml_bind_functions(L, b, functions);
}
