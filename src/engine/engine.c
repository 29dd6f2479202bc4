/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bind/json.h"

#define TASKS_A_TURN 256
#define GRACE_US 5000000   /* what tasks get to clean up after a cancel */
#define SHIELD_US 75000000 /* ... and those with a write under way to settle it */
#define TEXT_MAX (256 * 1024)

/* --- life --- */

struct ml_engine *ml_engine_new(struct ml_err *err)
{
    struct ml_engine *e = calloc(1, sizeof *e);
    if (!e) {
        ml_err_set(err, ML_MEMORY, "out of memory");
        return NULL;
    }
    ml_net_defaults(&e->net_conf);
    e->net_conf.complete = ml_json_complete;
    ml_log_create(&e->log);
    ml_bind_create(&e->bind);
    ml_buf_create(&e->error, TEXT_MAX);
    ml_buf_create(&e->result, TEXT_MAX);
    ml_buf_create(&e->report, TEXT_MAX * 8);
    e->exit_code = -1;
    return e;
}

static void free_arguments(struct ml_engine *e)
{
    for (int i = 0; i < e->argc; i++)
        free(e->argv[i]);
    free(e->argv);
    free(e->name);
    e->argv = NULL;
    e->name = NULL;
    e->argc = 0;
}

/* Lua first: finalizers and pending __close handlers still find network and scheduler. */
static void close_run(struct ml_engine *e)
{
    if (e->L) {
        ml_sched_destroy(&e->sched);
        lua_close(e->L);
        ml_pool_destroy(&e->pool);
        e->L = NULL;
        e->main = NULL;
    }
    ml_net_free(e->net);
    e->net = NULL;
    free_arguments(e);
}

void ml_engine_free(struct ml_engine *e)
{
    if (!e)
        return;
    close_run(e);
    ml_bind_destroy(&e->bind);
    ml_log_destroy(&e->log);
    ml_buf_destroy(&e->error);
    ml_buf_destroy(&e->result);
    ml_buf_destroy(&e->report);
    free(e->ca_file);
    free(e);
}

/* --- one turn --- */

/* Protected: ready tasks. */
static int l_run_tasks(lua_State *L)
{
    struct ml_sched *s = lua_touserdata(L, 1);
    ml_sched_run(s, TASKS_A_TURN);
    return 0;
}

static void run_tasks(struct ml_engine *e)
{
    if (!ml_sched_ready(&e->sched))
        return;
    lua_pushcfunction(e->L, l_run_tasks);
    lua_pushlightuserdata(e->L, &e->sched);
    if (lua_pcall(e->L, 1, 0, 0) != LUA_OK) {
        ml_result_error(e, e->L, NULL); /* memory: nothing of the script's raises here */
        ml_sched_stop(&e->sched);
        e->stopping = true;
    }
}

/* The world as a wait that cannot yield turns it. */
static int drive(void *ud)
{
    struct ml_engine *e = ud;
    if (atomic_load(&e->cancel))
        ml_sched_stop(&e->sched);
    bool ready = ml_sched_ready(&e->sched);
    if (!ready && ml_net_idle(e->net))
        return -1;
    if (ml_net_turn(e->net, ready ? 0 : -1) < 0)
        return -1;
    ml_sched_run(&e->sched, TASKS_A_TURN);
    return 0;
}

/* Why the main task ended, once: a clean exit counts as no error. */
static void note_failure(struct ml_engine *e, struct ml_task *task)
{
    lua_State *L = e->L;
    if (ml_task_results(task, L) >= 0)
        return;
    if (lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == &e->bind)
        lua_pop(L, 1);
    else
        ml_result_error(e, L, task->traceback);
}

static void stop_tasks(struct ml_engine *e)
{
    e->stopping = true;
    e->stop_us = ml_clock_us() + GRACE_US;
    ml_sched_stop(&e->sched);
}

static void end_run(struct ml_engine *e)
{
    struct ml_task *unseen = e->bind.failed_tasks;
    if (unseen && e->error_kind == ML_NONE && !e->script_error && e->bind.exit_code < 0)
        note_failure(e, unseen);
    ml_sched_destroy(&e->sched);
    lua_gc(e->L, LUA_GCCOLLECT); /* changes that were dropped are counted by their finalizers */
    /* Cancelled within this very turn, at the question for instance. */
    if (atomic_load(&e->cancel) && (e->bind.door.tripped || e->error_kind == ML_CANCELLED))
        e->interrupted = true;
    ml_result_make(e);
    e->phase = ML_ENDED;
}

static bool is_time_up(const struct ml_engine *e)
{
    bool shielded = false;
    for (const struct ml_task *t = e->sched.tasks; t; t = t->next)
        shielded |= t->shield > 0;
    return ml_clock_us() >= e->stop_us + (shielded ? SHIELD_US - GRACE_US : 0);
}

/* Has the run come to its end? The script has ended, and with it every task it started. */
static void check_end(struct ml_engine *e)
{
    if (!e->stopping && ml_task_ended(e->main) && e->main->state != ML_TASK_DONE) {
        note_failure(e, e->main);
        stop_tasks(e);
    }
    if (!e->sched.tasks || (e->stopping && is_time_up(e))) {
        end_run(e);
        return;
    }
    if (!ml_sched_ready(&e->sched) && ml_net_idle(e->net) && !e->stopping) {
        lua_pushliteral(e->L, "every task waits for something that can never happen");
        ml_result_error(e, e->L, NULL);
        stop_tasks(e);
    }
}

void ml_engine_turn(struct ml_engine *e, int64_t timeout_us)
{
    if (e->phase != ML_RUNNING)
        return;
    if (atomic_load(&e->cancel) && !e->interrupted) {
        e->interrupted = true;
        stop_tasks(e);
    }
    if (ml_sched_ready(&e->sched))
        timeout_us = 0;
    else if (e->stopping && (timeout_us < 0 || timeout_us > GRACE_US))
        timeout_us = GRACE_US;
    if (ml_net_turn(e->net, timeout_us) < 0) {
        lua_pushliteral(e->L, "the event loop failed: out of memory or descriptors");
        ml_result_error(e, e->L, NULL);
        stop_tasks(e);
    }
    run_tasks(e);
    check_end(e);
    if (e->phase == ML_RUNNING)
        ml_net_kick(e->net);
}

int64_t ml_engine_timeout(const struct ml_engine *e)
{
    if (e->phase != ML_RUNNING)
        return -1;
    if (ml_sched_ready(&e->sched))
        return 0;
    int64_t next = ml_net_next(e->net);
    if (next == INT64_MAX)
        return -1;
    int64_t left = next - ml_clock_us();
    return left > 0 ? left : 0;
}

/* lua_sethook is what a signal handler may call: it ends Lua code that never waits. */
static void on_cancel_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_getfield(L, LUA_REGISTRYINDEX, "moonlever.sched");
    struct ml_sched *s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    s->raise(L, "cancelled", "cancelled");
}

void ml_engine_cancel(struct ml_engine *e)
{
    if (e->phase != ML_RUNNING)
        return;
    atomic_store(&e->cancel, true);
    lua_State *running = e->sched.running;
    if (running)
        lua_sethook(running, on_cancel_hook, LUA_MASKCOUNT, 1);
    ml_net_wake(e->net);
}

/* --- start --- */

static int copy_arguments(struct ml_engine *e, const char *name, int argc,
                          const char *const *argv)
{
    e->name = strdup(name);
    e->argv = calloc((size_t)argc + 1, sizeof *e->argv);
    if (!e->name || !e->argv)
        return -1;
    for (; e->argc < argc; e->argc++)
        if ((e->argv[e->argc] = strdup(argv[e->argc])) == NULL)
            return -1;
    e->bind.script_name = e->name;
    e->bind.argc = e->argc;
    e->bind.argv = (const char *const *)e->argv;
    return 0;
}

static void reset(struct ml_engine *e)
{
    close_run(e);
    ml_buf_clear(&e->error);
    ml_buf_clear(&e->result);
    ml_buf_clear(&e->report);
    atomic_store(&e->cancel, false);
    e->interrupted = e->stopping = e->script_error = e->config_error = false;
    e->error_kind = ML_NONE;
    e->exit_code = -1;
    e->phase = ML_IDLE;
}

/* The global `arg` of a script, as in lua: 0 is the script. */
static void set_arg(lua_State *L, const struct ml_engine *e)
{
    lua_createtable(L, e->argc, 1);
    lua_pushstring(L, e->name);
    lua_rawseti(L, -2, 0);
    for (int i = 0; i < e->argc; i++) {
        lua_pushstring(L, e->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setglobal(L, "arg");
}

/* Protected: upvalues are none; arguments are the engine and the loaded script. */
static int l_spawn_main(lua_State *L)
{
    struct ml_engine *e = lua_touserdata(L, 1);
    set_arg(L, e);
    luaL_checkstack(L, e->argc + 1, "too many arguments");
    for (int i = 0; i < e->argc; i++)
        lua_pushstring(L, e->argv[i]);
    e->main = ml_bind_spawn(L, &e->bind, e->argc);
    e->main->observed = true; /* the engine itself looks at how it ends */
    luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int spawn_main(struct ml_engine *e, const char *text, size_t len, struct ml_err *err)
{
    lua_State *L = e->L;
    lua_pushcfunction(L, l_spawn_main);
    lua_pushlightuserdata(L, e);
    if (ml_state_load(L, e->name, text, len, err) < 0)
        return -1;
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    return 0;
}

int ml_engine_start(struct ml_engine *e, const char *name, const char *text, size_t len,
                    int argc, const char *const *argv, struct ml_err *err)
{
    reset(e);
    if (copy_arguments(e, name, argc, argv) < 0)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    e->net_conf.read_only = e->bind.door.dry_run;
    e->net_conf.ca_file = e->ca_file;
    e->net = ml_net_new(&e->net_conf, &e->log, err);
    if (!e->net)
        return -1;
    e->bind.net = e->net;
    e->bind.sched = &e->sched;
    e->bind.log = &e->log;
    e->bind.concurrency = e->net_conf.concurrency;
    ml_pool_create(&e->pool, 0);
    if (!ml_state_new(e))
        return ml_err_set(err, ML_MEMORY, "cannot start Lua: %s", ml_buf_str(&e->error));
    ml_sched_create(&e->sched, e->L, drive, e);
    e->sched.raise = ml_bind_raise_text;
    if (spawn_main(e, text, len, err) < 0)
        return -1;
    e->started_us = ml_clock_us();
    e->phase = ML_RUNNING;
    return 0;
}
