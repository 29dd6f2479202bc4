/* SPDX-License-Identifier: MIT */
/* raw.sleep: apart from tasks, which need no network side. */
#include <lauxlib.h>
#include <math.h>

#include "base/clock.h"
#include "bind/bind.h"

#define SLEEP_TYPE "moonlever.sleep"

struct sleep {
    struct ml_op op;
    struct ml_timer timer;
    struct ml_net *net;
};

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
    struct sleep *s = NULL;
    bool task = ml_bind_push_task(L, b);
    if (task) {
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

void ml_bind_sleep(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg sleep[] = {{"__gc", l_sleep_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"sleep", l_sleep}, {NULL, NULL}};
    ml_bind_type(L, b, SLEEP_TYPE, sleep);
    ml_bind_functions(L, b, functions);
}
