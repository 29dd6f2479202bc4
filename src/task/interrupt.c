/* SPDX-License-Identifier: MIT */
/*
 * Lua code that does not wait, and what ends it: the stop of the whole scheduler, and a break
 * that the run survives, at a prompt where somebody has typed `while true do end` and then
 * Ctrl-C.
 *
 * In a stop, code has STEP_US of each step for cleaning up; after that every instruction
 * raises. Broken off, it gets STEPS instructions to come to a wait by itself: a task that
 * merely happens to run when the key is pressed is left alone. One that settles a write is
 * never broken off.
 */
#include <lua.h>

#include "base/clock.h"
#include "task/meter.h"
#include "task/private.h"
#include "task/task.h"

#define STEPS 1000000
#define STEP_US 500000
#define STEP_COUNT 1000 /* instructions between two looks at the clock */

int ml_sched_cancelled(lua_State *L, struct ml_sched *s)
{
    return s->raise(L, "cancelled", "cancelled");
}

/* --- a stop --- */

/* Lua code runs while the scheduler stops: raises when its time is over. From then on `hook`
 * sees every instruction of the thread, before that one in `steps`. */
static void press(lua_State *L, struct ml_sched *s, lua_Hook hook, int steps)
{
    struct ml_task *task = s->current;
    bool late = ml_clock_us() - s->step_us > STEP_US;
    bool now = task && task->cancelled && !task->shield;
    steps = late ? 1 : steps;
    if (lua_gethookcount(L) != steps || lua_gethook(L) != hook)
        lua_sethook(L, hook, LUA_MASKCOUNT, steps);
    if (now)
        task->cancelled = false;
    if (late || now)
        ml_sched_cancelled(L, s);
}

static void begin_stop(struct ml_sched *s)
{
    if (s->stopping)
        return;
    s->step_us = ml_clock_us();
    ml_sched_stop(s);
}

/* Count hook of every thread that runs while the scheduler stops. */
static void on_count(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct ml_sched *s = ml_sched_of(L);
    begin_stop(s);
    press(L, s, on_count, STEP_COUNT);
}

/* lua_sethook is what a signal handler may call. */
void ml_sched_interrupt(struct ml_sched *s)
{
    lua_State *co = s->running;
    if (s->meter)
        s->meter->interrupted = 1;
    else if (co && lua_gethook(co) != on_count)
        lua_sethook(co, on_count, LUA_MASKCOUNT, 1);
}

void ml_sched_watch(const struct ml_sched *s, lua_State *co)
{
    if (s->stopping && !s->meter && co && lua_gethook(co) != on_count)
        lua_sethook(co, on_count, LUA_MASKCOUNT, STEP_COUNT);
}

/* --- a break --- */

/* How many instructions a thread has until the next error is raised in it: fewer each time,
 * down to one, so that code which catches the errors and goes on comes to its end as well. */
static int patience(const struct ml_sched *s)
{
    unsigned halvings = 2 * (s->breaking - 1);
    int steps = halvings < 20 ? STEPS >> halvings : 1;
    return steps > 0 ? steps : 1;
}

/* Count hook of the thread that ran when the break was asked for. */
static void on_break(lua_State *L, lua_Debug *ar)
{
    struct ml_sched *s = ml_sched_of(L);
    (void)ar;
    if (!s->breaking) {
        lua_sethook(L, NULL, 0, 0);
        return;
    }
    if (!s->current || s->current->shield)
        return;
    s->breaking++;
    lua_sethook(L, on_break, LUA_MASKCOUNT, patience(s));
    s->raise(L, "cancelled", "cancelled");
}

/* The same for a state whose threads have a hook already. */
static void tick_break(lua_State *L, struct ml_sched *s, int n)
{
    if (!s->current || s->current->id != s->break_task)
        return;
    s->break_left -= n;
    if (s->current->shield || s->break_left > 0)
        return;
    s->breaking++;
    s->break_left = patience(s);
    if (s->break_left < n)
        lua_sethook(L, lua_gethook(L), LUA_MASKCOUNT, s->break_left);
    s->raise(L, "cancelled", "cancelled");
}

/* A break that is under way goes on as it is. */
static void aim(struct ml_sched *s, uint64_t task)
{
    if (s->breaking && s->break_task == task)
        return;
    s->breaking = 1;
    s->break_task = task;
    s->break_left = STEPS;
}

void ml_sched_break(struct ml_sched *s)
{
    lua_State *co = s->running;
    if (s->meter) {
        if (s->current)
            aim(s, s->current->id);
        return;
    }
    if (!s->breaking)
        s->breaking = 1;
    if (co && !s->stopping && lua_gethook(co) != on_break)
        lua_sethook(co, on_break, LUA_MASKCOUNT, patience(s));
}

void ml_sched_broke(struct ml_sched *s, const struct ml_task *task)
{
    if (!s->meter)
        s->breaking = 0;
    else if (task && !ml_task_ended(task))
        aim(s, task->id);
}

void ml_sched_tick(lua_State *L, struct ml_sched *s, int n)
{
    const atomic_bool *cancel = s->meter->cancel;
    if (s->meter->interrupted || (cancel && atomic_load_explicit(cancel, memory_order_relaxed)))
        begin_stop(s);
    if (s->stopping)
        press(L, s, lua_gethook(L), n);
    else if (s->breaking)
        tick_break(L, s, n);
}
