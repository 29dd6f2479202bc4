/* SPDX-License-Identifier: MIT */
/*
 * Breaking off Lua code that does not wait, without ending the run: a prompt
 * where somebody has typed `while true do end` and then Ctrl-C.
 *
 * The code gets STEPS instructions to come to a wait by itself: a task that
 * merely happens to run when the key is pressed is left alone. One that settles
 * a write is never broken off.
 */
#include <lua.h>

#include "task/private.h"
#include "task/task.h"

#define STEPS 1000000

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

void ml_sched_break(struct ml_sched *s)
{
    lua_State *co = s->running;
    if (!s->breaking)
        s->breaking = 1;
    if (co && !s->stopping && lua_gethook(co) != on_break)
        lua_sethook(co, on_break, LUA_MASKCOUNT, patience(s));
}
