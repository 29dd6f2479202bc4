/* SPDX-License-Identifier: MIT */
/*
 * The scheduler in a world of its own: operations that end when the test says so, tasks that
 * are destroyed in every state, states that close while everything waits.
 */
#include "task/task.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The operation of these tests; a userdata that registers itself by number. */
struct event {
    struct ml_op op;
    struct world *world;
    int number;
    bool idle;
};

struct world {
    lua_State *L;
    struct ml_sched s;
    struct event *events[16];
    int cancelled[16];
    int ended;     /* tasks whose on_end came */
    int turn;      /* turns of drive() */
    int finish_at; /* the turn in which drive() finishes event `finish` */
    int finish;
};

static struct world *world_of(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "test.world");
    struct world *w = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return w;
}

static int drive(void *ud, lua_State *L)
{
    struct world *w = ud;
    (void)L;
    if (++w->turn == w->finish_at)
        ml_op_finish(&w->events[w->finish]->op);
    if (ml_sched_run(&w->s, 100) || w->turn <= w->finish_at)
        return 0;
    return -1;
}

static int raise(lua_State *L, const char *kind, const char *text)
{
    return luaL_error(L, "%s: %s", kind, text);
}

static void cancel_event(struct ml_op *op)
{
    struct event *e = (struct event *)op;
    e->world->cancelled[e->number]++;
}

static bool event_is_idle(const struct ml_op *op)
{
    return ((const struct event *)op)->idle;
}

static int event_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    lua_pushliteral(L, "done");
    return 1;
}

/* wait(n): until the test finishes event n */
static int l_wait(lua_State *L)
{
    struct world *w = world_of(L);
    struct event *e = lua_newuserdatauv(L, sizeof *e, 0);
    *e = (struct event){.world = w, .number = (int)luaL_checkinteger(L, 1)};
    ml_op_create(&e->op, cancel_event);
    e->op.idle = event_is_idle;
    luaL_setmetatable(L, "test.event");
    w->events[e->number] = e;
    return ml_task_wait(L, &w->s, &e->op, event_done);
}

static int l_event_gc(lua_State *L)
{
    struct event *e = lua_touserdata(L, 1);
    if (e->world->events[e->number] == e)
        e->world->events[e->number] = NULL;
    ml_op_destroy(&e->op);
    return 0;
}

static int l_task_gc(lua_State *L)
{
    ml_task_destroy(lua_touserdata(L, 1));
    return 0;
}

static void on_end(struct ml_task *task)
{
    struct world *w = (struct world *)((char *)task->sched - offsetof(struct world, s));
    w->ended++;
}

/* The task's userdata goes under its name into the globals. */
static struct ml_task *create(struct world *w, const char *name, const char *text)
{
    lua_State *L = w->L;
    struct ml_task *task = lua_newuserdatauv(L, sizeof *task, 0);
    *task = (struct ml_task){.ref = LUA_NOREF, .state = ML_TASK_DONE};
    luaL_setmetatable(L, "test.task");
    if (luaL_loadstring(L, text) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    ml_task_create(task, &w->s, L, 0);
    task->on_end = on_end;
    lua_setglobal(L, name);
    return task;
}

static struct ml_task *spawn(struct world *w, const char *name, const char *text)
{
    struct ml_task *task = create(w, name, text);
    ml_task_start(task);
    return task;
}

static void type(lua_State *L, const char *name, lua_CFunction gc)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

static void open_world(struct world *w)
{
    *w = (struct world){.L = luaL_newstate()};
    luaL_openlibs(w->L);
    lua_pushlightuserdata(w->L, w);
    lua_setfield(w->L, LUA_REGISTRYINDEX, "test.world");
    type(w->L, "test.event", l_event_gc);
    type(w->L, "test.task", l_task_gc);
    lua_register(w->L, "wait", l_wait);
    lua_getglobal(w->L, "coroutine");
    ml_task_open_coroutine(w->L);
    lua_pop(w->L, 1);
    ml_sched_create(&w->s, w->L, drive, w);
    w->s.raise = raise;
}

static void assert_global(struct world *w, const char *name, const char *want)
{
    lua_getglobal(w->L, name);
    assert_string_equal(luaL_tolstring(w->L, -1, NULL), want);
    lua_pop(w->L, 2);
}

static void assert_failure(struct world *w, struct ml_task *task, const char *part)
{
    assert_int_equal(task->state, ML_TASK_FAILED);
    assert_int_equal(ml_task_results(task, w->L), -1);
    if (!strstr(lua_tostring(w->L, -1), part))
        fail_msg("%s", lua_tostring(w->L, -1));
    lua_pop(w->L, 1);
}

static void waits_and_ends(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ml_task *task = spawn(&w, "task", "return wait(1), wait(2)");
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(ml_sched_run(&w.s, 100), 1);
        assert_false(ml_sched_ready(&w.s));
        ml_op_finish(&w.events[i]->op);
        ml_op_finish(&w.events[i]->op); /* twice is once */
    }
    assert_int_equal(ml_sched_run(&w.s, 100), 1);
    assert_int_equal(task->state, ML_TASK_DONE);
    assert_int_equal(ml_task_results(task, w.L), 2);
    assert_string_equal(lua_tostring(w.L, -1), "done");
    assert_int_equal(w.ended, 1);
    lua_close(w.L);
}

static void a_bare_yield_gives_way(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    spawn(&w, "a", "log = 'a' coroutine.yield(1, 2, 3) log = log .. 'a'");
    spawn(&w, "b", "log = log .. 'b'");
    assert_int_equal(ml_sched_run(&w.s, 100), 3);
    assert_global(&w, "log", "aba");
    lua_close(w.L);
}

/* Each state that a task can be destroyed in; its __close handlers run, once. */
static void destroys_in_every_state(void **state)
{
    (void)state;
    static const char body[] = "local x <close> = setmetatable({}, {__close = function()"
                               " closed = (closed or 0) + 1 end}) return wait(1)";
    struct world w;
    open_world(&w);
    struct ml_task *created = create(&w, "a", body), *ready = spawn(&w, "b", body);
    ml_task_destroy(created);
    assert_int_equal(w.ended, 0);
    ml_task_destroy(ready);
    assert_int_equal(w.ended, 1);
    assert_int_equal(ml_sched_run(&w.s, 100), 0);
    assert_global(&w, "closed", "nil");
    struct ml_task *waiting = spawn(&w, "c", body);
    ml_sched_run(&w.s, 100);
    ml_task_destroy(waiting);
    assert_int_equal(w.cancelled[1], 1);
    assert_global(&w, "closed", "1");
    struct ml_task *woken = spawn(&w, "d", body);
    ml_sched_run(&w.s, 100);
    ml_op_finish(&w.events[1]->op);
    ml_task_destroy(woken);
    assert_int_equal(ml_sched_run(&w.s, 100), 0);
    assert_global(&w, "closed", "2");
    struct ml_task *done = spawn(&w, "e", "return 1");
    ml_sched_run(&w.s, 100);
    for (int i = 0; i < 2; i++) {
        ml_task_destroy(created);
        ml_task_destroy(ready);
        ml_task_destroy(waiting);
        ml_task_destroy(woken);
        ml_task_destroy(done);
    }
    assert_int_equal(w.ended, 4);
    assert_null(w.s.tasks);
    lua_close(w.L);
}

/* The thread of a destroyed task is gone: asking for results says so. */
static int l_results(lua_State *L)
{
    return ml_task_results(lua_touserdata(L, 1), L);
}

static void a_destroyed_task_has_no_results(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ml_task *task = spawn(&w, "task", "return wait(1)");
    ml_sched_run(&w.s, 100);
    ml_task_destroy(task);
    lua_gc(w.L, LUA_GCCOLLECT);
    lua_pushcfunction(w.L, l_results);
    lua_pushlightuserdata(w.L, task);
    assert_int_equal(lua_pcall(w.L, 1, 1, 0), LUA_ERRRUN);
    assert_non_null(strstr(lua_tostring(w.L, -1), "cancelled"));
    lua_close(w.L);
}

static void cancels_before_the_start(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ml_task *task = spawn(&w, "task", "began = true");
    ml_task_cancel(task);
    ml_task_cancel(task);
    ml_sched_run(&w.s, 100);
    assert_failure(&w, task, "cancelled");
    assert_global(&w, "began", "nil");
    lua_close(w.L);
}

/* 5 of task.h: with a write under way the cancel comes when that is settled. */
static void a_shield_defers_a_cancel(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ml_task *task = spawn(&w, "task", "first = wait(1) second = wait(2) wait(3)");
    ml_sched_run(&w.s, 100);
    task->shield = 1;
    ml_task_cancel(task);
    assert_false(ml_sched_ready(&w.s));
    assert_int_equal(w.cancelled[1], 0);
    ml_op_finish(&w.events[1]->op);
    ml_sched_run(&w.s, 100);
    assert_global(&w, "first", "done");
    ml_op_finish(&w.events[2]->op);
    task->shield = 0;
    ml_sched_run(&w.s, 100);
    assert_failure(&w, task, "cancelled");
    assert_global(&w, "second", "nil");
    struct ml_task *idle = spawn(&w, "idle", "wait(4)");
    ml_sched_run(&w.s, 100);
    idle->shield = 1;
    w.events[4]->idle = true;
    ml_task_cancel(idle);
    assert_int_equal(w.cancelled[4], 1);
    ml_sched_run(&w.s, 100);
    assert_failure(&w, idle, "cancelled");
    lua_close(w.L);
}

/* 6 of task.h: a coroutine that waits is closed and collected; its owner goes on. */
static void survives_the_end_of_an_operation(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ml_task *owner = spawn(&w, "owner",
                                  "co = coroutine.create(function() wait(1) end)"
                                  " return coroutine.resume(co)");
    ml_sched_run(&w.s, 100);
    spawn(&w, "other", "coroutine.close(co) co = nil");
    ml_sched_run(&w.s, 100);
    lua_gc(w.L, LUA_GCCOLLECT);
    /* The owner's stack holds the closed thread, which holds the operation no more. */
    assert_null(w.events[1]);
    assert_null(owner->op);
    ml_sched_run(&w.s, 100);
    assert_int_equal(owner->state, ML_TASK_DONE);
    assert_int_equal(ml_task_results(owner, w.L), 2);
    assert_string_equal(lua_tostring(w.L, -1), "cannot resume dead coroutine");
    lua_close(w.L);
}

static void drives_where_it_cannot_yield(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ml_task *task =
        spawn(&w, "task", "table.sort({2, 1}, function() r = wait(1) return false end)");
    w.finish = 1;
    w.finish_at = 3;
    ml_sched_run(&w.s, 100);
    assert_int_equal(task->state, ML_TASK_DONE);
    assert_global(&w, "r", "done");
    task = spawn(&w, "never", "table.sort({2, 1}, function() wait(2) end)");
    ml_sched_run(&w.s, 100);
    assert_failure(&w, task, "can never happen");
    assert_int_equal(w.cancelled[2], 1);
    assert_int_equal(w.s.depth, 0);
    assert_null(w.s.current);
    assert_null(w.s.running);
    lua_close(w.L);
}

/* What raises out of a turn (a hook of the host's, memory) leaves the scheduler as it was. */
static int raising_drive(void *ud, lua_State *L)
{
    (void)ud;
    return luaL_error(L, "interrupted!");
}

static void an_error_out_of_a_turn(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    w.s.drive = raising_drive;
    for (int i = 0; i < 40; i++) {
        assert_true(luaL_dostring(w.L, "wait(1)"));
        assert_non_null(strstr(lua_tostring(w.L, -1), "interrupted!"));
        lua_settop(w.L, 0);
    }
    assert_int_equal(w.cancelled[1], 40);
    assert_int_equal(w.s.depth, 0);
    struct ml_task *task = spawn(&w, "task",
                                 "table.sort({2, 1}, function()"
                                 " coroutine.wrap(function() wait(2) end)() return false end)");
    ml_sched_run(&w.s, 100);
    assert_failure(&w, task, "interrupted!");
    w.s.drive = drive;
    w.finish = 1;
    w.finish_at = 1;
    assert_false(luaL_dostring(w.L, "return wait(1)"));
    lua_close(w.L);
}

static void stops_everything(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ml_task *waiting = spawn(&w, "a", "pcall(wait, 1) again = pcall(wait, 2)");
    struct ml_task *busy = spawn(&w, "b", "wait(3)");
    struct ml_task *stubborn =
        spawn(&w, "c", "pcall(wait, 4) while true do pcall(wait, 5) end");
    ml_sched_run(&w.s, 100);
    ml_sched_stop(&w.s);
    ml_sched_stop(&w.s);
    struct ml_task *late = spawn(&w, "d", "began = true");
    while (ml_sched_run(&w.s, 100))
        ;
    assert_int_equal(waiting->state, ML_TASK_DONE);
    assert_global(&w, "again", "false");
    assert_failure(&w, busy, "cancelled");
    assert_failure(&w, stubborn, "cancelled"); /* 7 of task.h */
    assert_failure(&w, late, "cancelled");
    assert_global(&w, "began", "nil");
    assert_null(w.s.tasks);
    lua_close(w.L);
}

static const char *const lives[] = {
    "wait(1)",
    "local x <close> = setmetatable({}, {__close = function() pcall(wait, 2) error 'odd' end})"
    " wait(3)",
    "coroutine.wrap(function() coroutine.wrap(function() wait(4) end)() end)()",
    "for i = 1, 10 do wait(5) end",
    "setmetatable({}, {__gc = function() pcall(wait, 6) end}) wait(7)",
    "error 'early'",
    "coroutine.yield()",
};

static void fill(struct world *w)
{
    char name[8];
    open_world(w);
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        snprintf(name, sizeof name, "t%zu", i);
        spawn(w, name, lives[i]);
    }
}

/* The engine's order: scheduler, then state. And a host's: the state alone, in whatever order
 * its finalizers come. Before and after the tasks have run. */
static void closes_in_any_order(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 20; turns++)
        for (int order = 0; order < 2; order++) {
            struct world w;
            fill(&w);
            ml_sched_run(&w.s, turns);
            if (order == 0)
                ml_sched_destroy(&w.s);
            else
                w.s.stopping = true; /* nothing may wait in a finalizer at the end */
            lua_close(w.L);
            assert_null(w.s.tasks);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_and_ends),
        cmocka_unit_test(a_bare_yield_gives_way),
        cmocka_unit_test(destroys_in_every_state),
        cmocka_unit_test(a_destroyed_task_has_no_results),
        cmocka_unit_test(cancels_before_the_start),
        cmocka_unit_test(a_shield_defers_a_cancel),
        cmocka_unit_test(survives_the_end_of_an_operation),
        cmocka_unit_test(drives_where_it_cannot_yield),
        cmocka_unit_test(an_error_out_of_a_turn),
        cmocka_unit_test(stops_everything),
        cmocka_unit_test(closes_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
