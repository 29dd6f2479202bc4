/* SPDX-License-Identifier: MIT */
#include "task/task.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "task/meter.h"
#include "task/private.h"

#define MAX_DEPTH 16 /* drives within drives: each holds C stack */

static const char too_deep[] =
    "too many waits within waits (in sort, gsub or foreign coroutines)";
static const char no_drives[] =
    "a confined script cannot wait here: in a sort comparator, a gsub callback, __tostring, or "
    "when it is cut off";
static const char hopeless[] = "waiting for something that can never happen";
static const char stolen[] = "a coroutine was resumed while a call in it is still under way";

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

void ml_op_destroy(struct ml_op *op)
{
    struct ml_task *task = op->task;
    op->task = NULL;
    if (!task || task->op != op)
        return;
    task->op = NULL;
    if (task->state == ML_TASK_WAITING)
        make_ready(task);
}

struct ml_sched *ml_sched_of(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "moonlever.sched");
    struct ml_sched *s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return s;
}

/* --- the one resume --- */

/* Everything in this program that resumes a thread does it here, so that a wait can tell
 * whether a yield would reach the scheduler. */
int ml_sched_resume(struct ml_sched *s, lua_State *co, lua_State *from, int nargs, int *nres)
{
    lua_State *outer = s->running;
    ml_sched_watch(s, co);
    s->running = co;
    int status = lua_resume(co, from, nargs, nres);
    s->running = outer;
    ml_sched_watch(s, outer);
    return status;
}

/* --- the one yield --- */

/* Where a waiting thread comes back. `ctx` is the operation; its userdata stands on L's stack.
 */
static int woken(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct ml_op *op = (struct ml_op *)ctx;
    struct ml_sched *s = op->sched;
    struct ml_task *task = op->task;
    const char *ill = task ? task->ill : NULL;
    bool stopped = task && task->cancelled && !(op->done && task->shield);
    bool mine = task && task == s->current && (op->done || stopped || ill);
    if (!mine)
        op->cancel(op);
    ml_op_destroy(op);
    if (!mine)
        return s->raise(L, "usage", stolen);
    task->ill = NULL;
    if (stopped) {
        task->cancelled = false;
        return ml_sched_cancelled(L, s);
    }
    return op->done ? op->k(L, LUA_YIELD, 0) : s->raise(L, "usage", ill);
}

int ml_sched_yield(lua_State *L, struct ml_sched *s, lua_KContext ctx, lua_KFunction k)
{
    s->engine_yield = true;
    return lua_yieldk(L, 0, ctx, k);
}

/* Does a cancel of the task have to wait for the end of op? */
static bool deferred(const struct ml_task *task, const struct ml_op *op)
{
    return task->shield && !(op->idle && op->idle(op));
}

bool ml_sched_yields(const struct ml_sched *s, lua_State *L)
{
    return s->current && s->running == L && lua_isyieldable(L);
}

/* --- waiting without a yield --- */

static int l_turn(lua_State *L)
{
    struct ml_sched *s = lua_touserdata(L, 1);
    lua_pushinteger(L, s->drive(s->drive_ud, L));
    return 1;
}

enum outcome { ENDED, CANCELLED, HOPELESS, TOO_DEEP, REFUSED, RAISED };

/* One turn of the world, protected: whatever is raised, the scheduler's state holds. RAISED
 * leaves the error on top of L. */
static enum outcome turn(lua_State *L, struct ml_sched *s)
{
    struct ml_task *self = s->current;
    lua_State *running = s->running;
    int64_t step_us = s->step_us;
    lua_pushcfunction(L, l_turn);
    lua_pushlightuserdata(L, s);
    s->depth++;
    s->current = NULL;
    int status = lua_pcall(L, 1, 1, 0);
    s->depth--;
    s->current = self;
    s->running = running;
    s->step_us = s->stopping ? ml_clock_us() : step_us;
    if (status != LUA_OK)
        return RAISED;
    bool idle = lua_tointeger(L, -1) < 0;
    lua_pop(L, 1);
    return idle ? HOPELESS : ENDED;
}

/* Turns the world until op is done, or says why it is not; the operation is cancelled then. An
 * operation of an inner thread is gone (task->op) when somebody resumed or closed that thread.
 */
static enum outcome turn_until(lua_State *L, struct ml_sched *s, struct ml_op *op, bool inner)
{
    struct ml_task *self = s->current;
    enum outcome how = s->no_drives ? REFUSED : s->depth >= MAX_DEPTH ? TOO_DEEP : ENDED;
    while (how == ENDED && !(inner && self->op != op) && !op->done) {
        bool stop = s->stopping || (self && self->cancelled);
        how = stop && !(self && deferred(self, op)) ? CANCELLED : turn(L, s);
    }
    if (inner && self->op != op)
        return how == RAISED ? how : ENDED;
    if (how == HOPELESS && op->done)
        how = ENDED;
    if (how != ENDED)
        op->cancel(op);
    return how;
}

static int drive(lua_State *L, struct ml_sched *s, struct ml_op *op)
{
    switch (turn_until(L, s, op, false)) {
    case ENDED:
        return 0;
    case CANCELLED:
        if (s->current)
            s->current->cancelled = false;
        return ml_sched_cancelled(L, s);
    case HOPELESS:
        return s->raise(L, "usage", hopeless);
    case TOO_DEEP:
        return s->raise(L, "usage", too_deep);
    case REFUSED:
        return s->raise(L, "usage", no_drives);
    default:
        return lua_error(L);
    }
}

void ml_sched_drive_inner(lua_State *L, struct ml_sched *s)
{
    struct ml_task *task = s->current;
    s->engine_yield = false;
    task->state = ML_TASK_RUNNING;
    switch (turn_until(L, s, task->op, true)) {
    case ENDED:
        return;
    case CANCELLED:
        task->cancelled = true;
        return;
    case HOPELESS:
        task->ill = hopeless;
        return;
    case TOO_DEEP:
        task->ill = too_deep;
        return;
    case REFUSED:
        task->ill = no_drives;
        return;
    default:
        if (task->op)
            ml_op_destroy(task->op);
        lua_error(L);
    }
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
        ml_sched_cancelled(L, s);
}

int ml_task_wait(lua_State *L, struct ml_sched *s, struct ml_op *op, lua_KFunction k)
{
    op->sched = s;
    if (op->done)
        return k(L, LUA_OK, 0);
    if (is_cancelled(s)) {
        op->cancel(op);
        return ml_sched_cancelled(L, s);
    }
    if (!ml_sched_yields(s, L)) {
        drive(L, s, op);
        return k(L, LUA_OK, 0);
    }
    op->k = k;
    op->task = s->current;
    s->current->op = op;
    s->current->state = ML_TASK_WAITING;
    return ml_sched_yield(L, s, (lua_KContext)op, woken);
}

/* --- tasks --- */

/* DONE until it starts: then destroying it has nothing to stop. */
void ml_task_create(struct ml_task *task, struct ml_sched *s, lua_State *L, int nargs)
{
    *task = (struct ml_task){.sched = s, .ref = LUA_NOREF, .state = ML_TASK_DONE};
    lua_State *co = lua_newthread(L);
    if (!lua_checkstack(co, nargs + 1))
        luaL_error(L, "too many arguments");
    lua_insert(L, -nargs - 2);
    lua_xmove(L, co, nargs + 1);
    task->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    task->co = co;
    task->results = nargs; /* arguments until it starts */
}

void ml_task_start(struct ml_task *task)
{
    struct ml_sched *s = task->sched;
    task->id = ++s->last_id;
    task->cancelled = task->cancel_asked = s->stopping;
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

/* Protected: the traceback of a task that failed with a plain message. */
static int l_traceback(lua_State *L)
{
    struct ml_task *task = lua_touserdata(L, 1);
    const char *message = lua_tostring(task->co, -1);
    if (strstr(message, "\nstack traceback:")) /* of another task, raised again in this one */
        lua_pushstring(L, message);
    else
        luaL_traceback(L, task->co, message, 0);
    task->traceback = strdup(lua_tostring(L, -1));
    return 0;
}

static void take_traceback(struct ml_task *task)
{
    struct ml_sched *s = task->sched;
    lua_State *L = s->running ? s->running : s->L;
    if (lua_type(task->co, -1) != LUA_TSTRING || !lua_checkstack(L, 4))
        return;
    lua_pushcfunction(L, l_traceback);
    lua_pushlightuserdata(L, task);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* memory is out: the message itself stays */
}

/* The meter looks at the time of the outermost step. */
static bool enter(struct ml_sched *s)
{
    bool outermost = s->meter && s->meter->step_cpu_us < 0;
    if (outermost)
        ml_meter_enter(s->meter);
    return outermost;
}

static void leave(struct ml_sched *s, bool outermost)
{
    if (outermost)
        ml_meter_leave(s->meter);
}

/* Runs the pending __close handlers of the thread, as the task. They cannot yield. */
static void close_thread(struct ml_task *task)
{
    struct ml_sched *s = task->sched;
    struct ml_task *outer = s->current;
    lua_State *running = s->running;
    task->state = ML_TASK_RUNNING;
    s->current = task;
    s->running = task->co;
    s->step_us = ml_clock_us();
    ml_sched_watch(s, task->co);
    bool outermost = enter(s);
    lua_resetthread(task->co);
    leave(s, outermost);
    s->current = outer;
    s->running = running;
}

/* The error value is on top of the thread and stays there; what it leaves open is closed. */
static void fail_task(struct ml_task *task)
{
    take_traceback(task);
    close_thread(task);
    end_task(task, ML_TASK_FAILED);
}

/* What the script may use is spent: its code never goes on. */
static void kill_task(struct ml_task *task)
{
    close_thread(task);
    lua_settop(task->co, 0);
    end_task(task, ML_TASK_CANCELLED);
}

/* A task that was put off goes on before any other runs: code between two waits is never
 * interrupted by other Lua code. */
static void put_first(struct ml_task *task)
{
    struct ml_sched *s = task->sched;
    task->state = ML_TASK_READY;
    task->ready_next = s->ready;
    if (!s->ready)
        s->ready_end = &task->ready_next;
    s->ready = task;
}

/* A yield that is not a wait is the script being polite: it goes on at the next turn. */
static void after_yield(struct ml_task *task, int nres)
{
    struct ml_sched *s = task->sched;
    lua_pop(task->co, nres);
    bool waits = s->engine_yield;
    s->engine_yield = false;
    if (waits)
        return;
    task->results = 0;
    if (s->meter && s->meter->sliced)
        put_first(task);
    else
        make_ready(task);
}

static int l_cancelled(lua_State *L)
{
    return ml_sched_cancelled(L, ml_sched_of(L));
}

/* A task that was cancelled before it began raises that instead of beginning. */
static int begin(struct ml_task *task)
{
    int nargs = task->results;
    task->results = 0;
    if (task->started || !task->cancelled) {
        task->started = true;
        return nargs;
    }
    task->started = true;
    task->cancelled = false;
    lua_settop(task->co, 0);
    lua_pushcfunction(task->co, l_cancelled);
    return 0;
}

static void step(struct ml_sched *s, struct ml_task *task)
{
    struct ml_task *outer = s->current;
    bool outermost = enter(s);
    int nargs = begin(task), nres = 0;
    task->state = ML_TASK_RUNNING;
    s->current = task;
    if (s->stopping)
        s->step_us = ml_clock_us();
    int status = ml_sched_resume(s, task->co, s->running ? s->running : s->L, nargs, &nres);
    bool killed =
        status == LUA_YIELD && !s->engine_yield && s->meter && ml_meter_is_over(s->meter);
    s->current = outer;
    if (killed) {
        kill_task(task);
    } else if (status == LUA_YIELD) {
        after_yield(task, nres);
    } else if (status == LUA_OK) {
        task->results = nres;
        end_task(task, ML_TASK_DONE);
    } else {
        fail_task(task);
    }
    leave(s, outermost);
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
        if (task->op) {
            task->op->cancel(task->op);
            task->op->task = NULL;
            task->op = NULL;
        }
        if (task->state == ML_TASK_READY)
            unready(task);
        if (task->state != ML_TASK_RUNNING)
            close_thread(task);
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
    if (task->state == ML_TASK_CANCELLED)
        return ml_sched_cancelled(L, task->sched);
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

void ml_sched_create(struct ml_sched *s, lua_State *L, ml_drive_fn fn, void *ud)
{
    *s = (struct ml_sched){.L = L, .drive = fn, .drive_ud = ud};
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
    bool sliced = false;
    while (s->ready && ran < most && !sliced) {
        struct ml_task *task = s->ready;
        s->ready = task->ready_next;
        if (!s->ready)
            s->ready_end = &s->ready;
        step(s, task);
        sliced = s->meter && s->depth == 0 && s->meter->sliced;
        ran++;
    }
    if (sliced)
        s->meter->sliced = false;
    return ran;
}

void ml_sched_stop(struct ml_sched *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    for (struct ml_task *t = s->tasks, *next; t; t = next) {
        next = t->next;
        ml_task_cancel(t);
    }
}
