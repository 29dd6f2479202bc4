/* SPDX-License-Identifier: MIT */
#include "task/task.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 16 /* drives within drives: each holds C stack */

/* --- operations --- */

void ml_op_create(struct ml_op *op, void (*cancel)(struct ml_op *op))
{
    *op = (struct ml_op){.cancel = cancel};
}

static void make_ready(struct ml_task *task)
{
    struct ml_sched *s = task->sched;
    task->state = ML_TASK_READY;
    task->ready_next = NULL;
    *s->ready_end = task;
    s->ready_end = &task->ready_next;
}

void ml_op_finish(struct ml_op *op)
{
    if (op->done)
        return;
    op->done = true;
    if (op->task && op->task->state == ML_TASK_WAITING && op->task->op == op)
        make_ready(op->task);
}

/* --- the one resume --- */

/* Runs `co` until it yields, returns or fails. Everything in this program that resumes a thread
 * does it here, so that a wait can tell whether a yield would reach the scheduler. */
static int resume(struct ml_sched *s, lua_State *co, lua_State *from, int nargs, int *nres)
{
    lua_State *outer = s->running;
    s->running = co;
    int status = lua_resume(co, from, nargs, nres);
    s->running = outer;
    return status;
}

/* --- the one yield --- */

static struct ml_sched *sched_of(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "moonlever.sched");
    struct ml_sched *s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return s;
}

static int raise_cancelled(lua_State *L, struct ml_sched *s)
{
    return s->raise(L, "cancelled", "cancelled");
}

/* Where a waiting thread comes back: `ctx` is the continuation of the wait. */
static int woken(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct ml_sched *s = sched_of(L);
    struct ml_task *task = s->current;
    if (!task || !task->op || (!task->op->done && !task->cancelled))
        return s->raise(L, "usage",
                        "a coroutine was resumed while a call in it is still under way");
    struct ml_op *op = task->op;
    task->op = NULL;
    op->task = NULL;
    if (task->cancelled && !(op->done && task->shield)) {
        task->cancelled = false;
        return raise_cancelled(L, s);
    }
    return ((lua_KFunction)ctx)(L, LUA_YIELD, 0);
}

static int yield(lua_State *L, struct ml_sched *s, lua_KContext ctx, lua_KFunction k)
{
    s->engine_yield = true;
    return lua_yieldk(L, 0, ctx, k);
}

/* Does a cancel of the task have to wait for the end of op? */
static bool deferred(const struct ml_task *task, const struct ml_op *op)
{
    return task->shield && !(op->idle && op->idle(op));
}

/* Would a yield of this thread come to the scheduler? */
static bool can_yield(const struct ml_sched *s, lua_State *L)
{
    return s->current && s->running == L && lua_isyieldable(L);
}

/* Turns the world until op is done. */
static int drive(lua_State *L, struct ml_sched *s, struct ml_op *op)
{
    struct ml_task *self = s->current;
    if (s->depth >= MAX_DEPTH)
        return s->raise(L, "usage",
                        "too many waits within waits (in sort, gsub or foreign coroutines)");
    while (!op->done) {
        bool cancelled =
            (s->stopping || (self && self->cancelled)) && !(self && deferred(self, op));
        lua_State *running = s->running;
        int rc = -1;
        if (!cancelled) {
            s->depth++;
            s->current = NULL;
            rc = s->drive(s->drive_ud);
            s->current = self;
            s->running = running;
            s->depth--;
        }
        if (rc == 0 || op->done)
            continue;
        op->cancel(op);
        if (!cancelled)
            return s->raise(L, "usage", "waiting for something that can never happen");
        if (self)
            self->cancelled = false;
        return raise_cancelled(L, s);
    }
    return 0;
}

static bool is_cancelled(struct ml_sched *s)
{
    if (s->current && s->current->shield)
        return false;
    bool cancelled = s->stopping || (s->current && s->current->cancelled);
    if (s->current)
        s->current->cancelled = false;
    return cancelled;
}

void ml_task_check(lua_State *L, struct ml_sched *s)
{
    if (is_cancelled(s))
        raise_cancelled(L, s);
}

int ml_task_wait(lua_State *L, struct ml_sched *s, struct ml_op *op, lua_KFunction k)
{
    op->sched = s;
    if (op->done)
        return k(L, LUA_OK, 0);
    if (is_cancelled(s)) {
        op->cancel(op);
        return raise_cancelled(L, s);
    }
    if (!can_yield(s, L)) {
        drive(L, s, op);
        return k(L, LUA_OK, 0);
    }
    op->task = s->current;
    s->current->op = op;
    s->current->state = ML_TASK_WAITING;
    return yield(L, s, (lua_KContext)k, woken);
}

/* --- tasks --- */

void ml_task_create(struct ml_task *task, struct ml_sched *s, lua_State *L, int nargs)
{
    *task = (struct ml_task){.sched = s, .ref = LUA_NOREF, .state = ML_TASK_DONE};
    lua_State *co = lua_newthread(L);
    lua_insert(L, -nargs - 2);
    lua_xmove(L, co, nargs + 1);
    task->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    task->co = co;
    task->results = nargs; /* arguments until it starts */
    task->next = s->tasks;
    if (s->tasks)
        s->tasks->prev = task;
    s->tasks = task;
    make_ready(task);
}

static void unlink_task(struct ml_task *task)
{
    if (task->prev)
        task->prev->next = task->next;
    else
        task->sched->tasks = task->next;
    if (task->next)
        task->next->prev = task->prev;
    task->prev = task->next = NULL;
}

static void unready(struct ml_task *task)
{
    struct ml_sched *s = task->sched;
    for (struct ml_task **at = &s->ready; *at; at = &(*at)->ready_next)
        if (*at == task) {
            *at = task->ready_next;
            if (s->ready_end == &task->ready_next)
                s->ready_end = at;
            return;
        }
}

bool ml_task_ended(const struct ml_task *task)
{
    return task->state >= ML_TASK_DONE;
}

static void end_task(struct ml_task *task, enum ml_task_state state)
{
    task->state = state;
    unlink_task(task);
    while (task->joiners) {
        struct ml_op *op = task->joiners;
        task->joiners = op->next;
        ml_op_finish(op);
    }
    if (task->on_end)
        task->on_end(task);
}

/* The error value is on top of the thread; what it leaves open is closed below it. */
static void fail_task(struct ml_task *task)
{
    lua_State *co = task->co;
    if (lua_type(co, -1) == LUA_TSTRING) {
        luaL_traceback(task->sched->L, co, lua_tostring(co, -1), 0);
        task->traceback = strdup(lua_tostring(task->sched->L, -1));
        lua_pop(task->sched->L, 1);
    }
    lua_resetthread(co); /* closes pending variables; the error value stays on top */
    end_task(task, ML_TASK_FAILED);
}

/* A yield that is not a wait is the script being polite: it goes on at the next turn. */
static void after_yield(struct ml_task *task, int nres)
{
    struct ml_sched *s = task->sched;
    lua_pop(task->co, nres);
    bool waits = s->engine_yield;
    s->engine_yield = false;
    if (!waits) {
        task->results = 0;
        make_ready(task);
    }
}

static void step(struct ml_sched *s, struct ml_task *task)
{
    struct ml_task *outer = s->current;
    int nargs = task->results, nres = 0;
    task->results = 0;
    task->state = ML_TASK_RUNNING;
    s->current = task;
    int status = resume(s, task->co, s->running ? s->running : s->L, nargs, &nres);
    s->current = outer;
    if (status == LUA_YIELD) {
        after_yield(task, nres);
    } else if (status == LUA_OK) {
        task->results = nres;
        end_task(task, ML_TASK_DONE);
    } else {
        fail_task(task);
    }
}

void ml_task_cancel(struct ml_task *task)
{
    if (ml_task_ended(task) || task->cancelled)
        return;
    task->cancelled = task->cancel_asked = true;
    if (task->state == ML_TASK_WAITING && !deferred(task, task->op)) {
        task->op->cancel(task->op);
        make_ready(task);
    }
}

void ml_task_destroy(struct ml_task *task)
{
    if (task->ref == LUA_NOREF)
        return;
    if (!ml_task_ended(task)) {
        if (task->op)
            task->op->cancel(task->op);
        if (task->state == ML_TASK_READY)
            unready(task);
        if (task->state != ML_TASK_RUNNING)
            lua_resetthread(task->co);
        end_task(task, ML_TASK_CANCELLED);
    }
    luaL_unref(task->sched->L, LUA_REGISTRYINDEX, task->ref);
    task->ref = LUA_NOREF;
    free(task->traceback);
    task->traceback = NULL;
}

void ml_task_join(struct ml_task *task, struct ml_op *op)
{
    op->next = task->joiners;
    task->joiners = op;
}

void ml_task_unjoin(struct ml_task *task, struct ml_op *op)
{
    for (struct ml_op **at = &task->joiners; *at; at = &(*at)->next)
        if (*at == op) {
            *at = op->next;
            return;
        }
}

int ml_task_results(struct ml_task *task, lua_State *L)
{
    int n = task->state == ML_TASK_DONE ? task->results : 1;
    luaL_checkstack(L, n, "too many results");
    if (!lua_checkstack(task->co, n))
        return luaL_error(L, "too many results");
    int first = lua_gettop(task->co) - n + 1;
    for (int i = 0; i < n; i++)
        lua_pushvalue(task->co, first + i);
    lua_xmove(task->co, L, n);
    return task->state == ML_TASK_DONE ? n : -1;
}

/* --- the scheduler --- */

void ml_sched_create(struct ml_sched *s, lua_State *L, int (*drive_fn)(void *ud), void *ud)
{
    *s = (struct ml_sched){.L = L, .drive = drive_fn, .drive_ud = ud};
    s->ready_end = &s->ready;
    lua_pushlightuserdata(L, s);
    lua_setfield(L, LUA_REGISTRYINDEX, "moonlever.sched");
}

void ml_sched_destroy(struct ml_sched *s)
{
    s->stopping = true;
    while (s->tasks)
        ml_task_destroy(s->tasks);
}

bool ml_sched_ready(const struct ml_sched *s)
{
    return s->ready != NULL;
}

unsigned ml_sched_run(struct ml_sched *s, unsigned most)
{
    unsigned ran = 0;
    while (s->ready && ran < most) {
        struct ml_task *task = s->ready;
        s->ready = task->ready_next;
        if (!s->ready)
            s->ready_end = &s->ready;
        step(s, task);
        ran++;
    }
    return ran;
}

void ml_sched_stop(struct ml_sched *s)
{
    s->stopping = true;
    for (struct ml_task *t = s->tasks, *next; t; t = next) {
        next = t->next;
        ml_task_cancel(t);
    }
}

/* --- coroutine.resume and wrap --- */

/* Values of a finished step move from the inner thread to the caller. */
static int move_results(lua_State *L, lua_State *co, int n)
{
    if (!lua_checkstack(L, n + 1)) {
        lua_pop(co, n);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, n);
    return n;
}

static int auxresume_done(lua_State *L, int status, lua_KContext ctx);

/* Drives the loop where a yield cannot travel up, until the inner thread's operation is done.
 */
static void drive_inner(struct ml_sched *s)
{
    struct ml_task *task = s->current;
    struct ml_op *op = task->op;
    s->engine_yield = false;
    task->state = ML_TASK_RUNNING;
    while (!op->done && (!(task->cancelled || s->stopping) || deferred(task, op))) {
        lua_State *running = s->running;
        s->current = NULL;
        int rc = s->drive(s->drive_ud);
        s->current = task;
        s->running = running;
        if (rc < 0)
            break;
    }
    if (!op->done) {
        op->cancel(op);
        task->cancelled = true;
    }
}

/* Resumes the inner thread `co` with nargs arguments on its stack until it is through with one
 * step of the script's; its waits become waits of L. Returns the number of results moved to L,
 * or -1 with the error value on L. */
static int auxresume(lua_State *L, struct ml_sched *s, lua_State *co, int nargs,
                     lua_KContext ctx)
{
    for (;;) {
        int nres = 0, status = resume(s, co, L, nargs, &nres);
        if (status == LUA_OK || (status == LUA_YIELD && !s->engine_yield))
            return move_results(L, co, nres);
        if (status != LUA_YIELD) {
            lua_xmove(co, L, 1);
            return -1;
        }
        if (can_yield(s, L))
            yield(L, s, ctx, auxresume_done); /* comes back in auxresume_done */
        drive_inner(s);
        nargs = 0;
    }
}

enum { RESUME, WRAP };

static int finish_resume(lua_State *L, lua_State *co, int n, int mode)
{
    if (mode == RESUME) {
        lua_pushboolean(L, n >= 0);
        int values = n >= 0 ? n : 1;
        lua_insert(L, -values - 1);
        return values + 1;
    }
    if (n >= 0)
        return n;
    int status = lua_status(co);
    if (status != LUA_OK && status != LUA_YIELD)
        lua_resetthread(co);
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int run_inner(lua_State *L, lua_State *co, int nargs, int mode)
{
    int n = auxresume(L, sched_of(L), co, nargs, mode);
    return finish_resume(L, co, n, mode);
}

/* The outer thread comes back after a wait of the inner one: the inner one goes on. The thread
 * is at index 1 (resume) or the first upvalue (wrap). */
static int auxresume_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    lua_State *co = lua_tothread(L, ctx == WRAP ? lua_upvalueindex(1) : 1);
    return run_inner(L, co, 0, (int)ctx);
}

static int l_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    int nargs = lua_gettop(L) - 1;
    if (lua_status(co) == LUA_OK && lua_gettop(co) == 0) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "cannot resume dead coroutine");
        return 2;
    }
    if (!lua_checkstack(co, nargs)) {
        lua_pushboolean(L, 0);
        lua_pushliteral(L, "too many arguments to resume");
        return 2;
    }
    lua_xmove(L, co, nargs);
    return run_inner(L, co, nargs, RESUME);
}

static int l_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int nargs = lua_gettop(L);
    if (lua_status(co) == LUA_OK && lua_gettop(co) == 0)
        return luaL_error(L, "cannot resume dead coroutine");
    luaL_argcheck(L, lua_checkstack(co, nargs), 1, "too many arguments");
    lua_xmove(L, co, nargs);
    return run_inner(L, co, nargs, WRAP);
}

static int l_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, l_wrapped, 1);
    return 1;
}

void ml_task_open_coroutine(lua_State *L)
{
    static const luaL_Reg functions[] = {{"resume", l_resume}, {"wrap", l_wrap}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
