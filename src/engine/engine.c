/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <lauxlib.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bind/json.h"
#include "engine/confine.h"

#define ISOLATED "return require('moonlever.isolated').main(...)"
#define TASKS_A_TURN 256
#define TASKS_US 2000 /* after so long a turn leaves the other tasks to the next one */
#define RETENTION 365
#define GRACE_US 5000000   /* what tasks get to clean up after a cancel */
#define SHIELD_US 75000000 /* ... and those with a write under way to settle it */
#define TEXT_MAX (256 * 1024)

/* --- life --- */

void ml_engine_create(struct ml_engine *e)
{
    memset(e, 0, sizeof *e);
    ml_net_defaults(&e->net_conf);
    e->net_conf.complete = ml_json_complete;
    e->net_conf.on_turn = ml_record_turn;
    e->net_conf.on_turn_ud = &e->bind.record;
    e->retention = RETENTION;
    ml_log_create(&e->log);
    ml_bind_create(&e->bind);
    ml_buf_create(&e->error, TEXT_MAX);
    ml_buf_create(&e->result, TEXT_MAX);
    ml_buf_create(&e->report, TEXT_MAX * 8);
    e->exit_code = -1;
}

struct ml_engine *ml_engine_new(struct ml_err *err)
{
    struct ml_engine *e = malloc(sizeof *e);
    if (e)
        ml_engine_create(e);
    else
        ml_err_set(err, ML_MEMORY, "out of memory");
    return e;
}

static void free_arguments(struct ml_engine *e)
{
    for (int i = 0; i < e->argc; i++)
        free(e->argv[i]);
    free(e->argv);
    free(e->name);
    free(e->source);
    e->argv = NULL;
    e->name = e->source = NULL;
    e->argc = 0;
}

/* From here on no other thread touches what the run owns. A signal handler on this thread has
 * returned before we go on, so this never waits for itself. */
static void shut_out(struct ml_engine *e)
{
    atomic_store(&e->phase, ML_IDLE);
    while (atomic_load(&e->cancelling))
        sched_yield();
}

/* Lua first: finalizers and pending __close handlers still find network and scheduler. */
static void close_run(struct ml_engine *e)
{
    shut_out(e);
    if (e->L) {
        ml_sched_destroy(&e->sched);
        lua_close(e->L);
        ml_pool_destroy(&e->pool);
        e->L = NULL;
        e->main = NULL;
    }
    ml_isolate_close(e);
    ml_record_close(&e->bind.record); /* its thread wakes the net */
    ml_net_free(e->net);
    e->net = NULL;
    free_arguments(e);
}

void ml_engine_destroy(struct ml_engine *e)
{
    close_run(e);
    e->bind.closed = true;
    ml_bind_destroy(&e->bind);
    ml_log_destroy(&e->log);
    ml_buf_destroy(&e->error);
    ml_buf_destroy(&e->result);
    ml_buf_destroy(&e->report);
    free(e->ca_file);
    free(e->plan_file);
    free(e->isolate.program);
    e->isolate.program = NULL;
    e->ca_file = e->plan_file = NULL;
}

void ml_engine_free(struct ml_engine *e)
{
    if (!e)
        return;
    ml_engine_destroy(e);
    free(e);
}

/* --- one turn --- */

/* Protected: ready tasks, for as long as a host can spare us. */
static int l_run_tasks(lua_State *L)
{
    struct ml_sched *s = lua_touserdata(L, 1);
    int64_t end = ml_clock_us() + TASKS_US;
    for (int n = 0; n < TASKS_A_TURN && ml_sched_run(s, 1); n++)
        if (ml_clock_us() >= end)
            break;
    return 0;
}

static void stop_tasks(struct ml_engine *e)
{
    if (e->stopping)
        return;
    e->stopping = true;
    e->stop_us = ml_clock_us() + GRACE_US;
    ml_sched_stop(&e->sched);
}

/* The engine itself fails: nothing of the script's does. */
static void break_off(struct ml_engine *e, enum ml_kind kind, const char *text)
{
    ml_result_text(e, kind, text);
    stop_tasks(e);
}

static void run_tasks(struct ml_engine *e)
{
    struct ml_sched *s = &e->sched;
    if (!ml_sched_ready(s))
        return;
    lua_pushcfunction(e->L, l_run_tasks);
    lua_pushlightuserdata(e->L, s);
    if (lua_pcall(e->L, 1, 0, 0) == LUA_OK)
        return;
    lua_pop(e->L, 1); /* memory: what scripts raise ends with their task */
    s->current = NULL;
    s->running = NULL;
    s->depth = 0;
    break_off(e, ML_MEMORY, "not enough memory");
}

/* Somebody at the prompt has stopped what is under way. */
static void take_interrupt(struct ml_engine *e)
{
    if (!atomic_exchange(&e->interrupt, false))
        return;
    ml_sched_broke(&e->sched, e->bind.foreground);
    ml_bind_interrupt(&e->bind);
}

/* The world as a wait that cannot yield turns it. */
static int drive(void *ud, lua_State *L)
{
    struct ml_engine *e = ud;
    (void)L;
    if (atomic_load(&e->cancel))
        ml_sched_stop(&e->sched);
    take_interrupt(e);
    bool ready = ml_sched_ready(&e->sched);
    if (!ready && ml_net_idle(e->net) && !ml_isolate_lives(e))
        return -1;
    if (ml_net_turn(e->net, ready ? 0 : -1) < 0)
        return -1;
    ml_isolate_pump(e);
    ml_sched_run(&e->sched, TASKS_A_TURN);
    ml_record_tell(&e->bind.record);
    return 0;
}

void ml_engine_attach(struct ml_engine *e, lua_State *L)
{
    ml_sched_create(&e->sched, L, drive, e);
    e->sched.raise = ml_bind_raise_text;
}

/* A failure that nobody awaited is the run's error, unless there is a better one. */
static void note_unseen(struct ml_engine *e)
{
    const struct ml_bind *b = &e->bind;
    if (e->error_kind != ML_NONE || e->script_error || b->exit_code >= 0)
        return;
    if (b->failed_tasks)
        ml_result_task(e, b->failed_tasks);
    else if (b->failed_more)
        ml_result_text(e, ML_NONE, "a task has failed, and nobody awaited it");
}

static void end_run(struct ml_engine *e)
{
    bool stopped = e->sched.stopping;
    note_unseen(e);
    ml_isolate_stop(e);
    ml_sched_destroy(&e->sched);
    if (e->bind.door.open) /* changes that were dropped are counted by their finalizers */
        lua_gc(e->L, LUA_GCCOLLECT);
    /* Cancelled within this very turn, at the question for instance. */
    if (atomic_load(&e->cancel) &&
        (stopped || e->bind.door.tripped || e->error_kind == ML_CANCELLED))
        e->interrupted = true;
    ml_result_make(e);
    ml_record_close(&e->bind.record);
    e->phase = ML_ENDED;
}

/* When tasks that do not end are killed: later, while one of them has a write to settle. */
static int64_t kill_time(const struct ml_engine *e)
{
    bool shielded = false;
    for (const struct ml_task *t = e->sched.tasks; t; t = t->next)
        shielded |= t->shield > 0;
    return e->stop_us + (shielded ? SHIELD_US - GRACE_US : 0);
}

/* Has the run come to its end? The script has ended, and with it every task it started. */
static void check_end(struct ml_engine *e)
{
    if (!e->stopping && ml_limits_spent(e))
        stop_tasks(e);
    if (!e->stopping && ml_task_ended(e->main) && e->main->state != ML_TASK_DONE) {
        ml_result_task(e, e->main);
        stop_tasks(e);
    }
    if (e->bind.exit_code >= 0) /* raw.exit in another task, or one that was caught */
        stop_tasks(e);
    if (!e->sched.tasks || (e->stopping && ml_clock_us() >= kill_time(e))) {
        end_run(e);
        return;
    }
    if (!ml_sched_ready(&e->sched) && ml_net_idle(e->net) && !e->stopping &&
        !ml_bind_asks(&e->bind) && !e->bind.host.calls && !ml_isolate_lives(e))
        break_off(e, ML_NONE, "every task waits for something that can never happen");
}

/* At most until something has to be done without any event. */
static int64_t shorten(const struct ml_engine *e, int64_t timeout_us)
{
    if (ml_sched_ready(&e->sched) ||
        (e->isolate.open && ml_channel_paused(&e->isolate.channel)))
        return 0;
    if (!e->stopping && !e->max_time_us)
        return timeout_us;
    int64_t at = e->stopping ? kill_time(e) : e->started_us + e->max_time_us;
    int64_t left = at - ml_clock_us();
    left = left > 0 ? left : 0;
    return timeout_us < 0 || timeout_us > left ? left : timeout_us;
}

/* What stops a run from outside of its script. */
static void watch_run(struct ml_engine *e)
{
    take_interrupt(e);
    if (atomic_load(&e->cancel) && !e->interrupted) {
        e->interrupted = true;
        stop_tasks(e);
    }
    if (e->bind.record.broken)
        stop_tasks(e);
    if (ml_net_outage(e->net) && !e->stopping)
        break_off(e, ML_NETWORK, "the service has not been well for too long; resume later");
    if (e->max_time_us && !e->stopping && ml_clock_us() - e->started_us >= e->max_time_us) {
        e->timed_out = true;
        ml_door_stop(&e->bind.door, "stopped: the time of the run is over (--max-time)");
        stop_tasks(e);
    }
}

static void turn(struct ml_engine *e, int64_t timeout_us)
{
    watch_run(e);
    if (ml_net_turn(e->net, shorten(e, timeout_us)) < 0) {
        if (e->stopping) { /* again: there is nothing to wait for any more */
            end_run(e);
            return;
        }
        break_off(e, ML_NONE, "the event loop failed: out of memory or descriptors");
    }
    ml_isolate_pump(e);
    run_tasks(e);
    ml_record_tell(&e->bind.record);
    check_end(e);
    if (e->phase == ML_RUNNING)
        ml_net_kick(e->net);
}

void ml_engine_turn(struct ml_engine *e, int64_t timeout_us)
{
    if (e->phase != ML_RUNNING)
        return;
    atomic_store(&e->owner, pthread_self());
    atomic_store(&e->turning, true);
    turn(e, timeout_us);
    atomic_store(&e->turning, false);
}

int64_t ml_engine_timeout(const struct ml_engine *e)
{
    if (e->phase != ML_RUNNING)
        return -1;
    int64_t next = ml_net_next(e->net), left = -1;
    if (next != INT64_MAX) {
        left = next - ml_clock_us();
        left = left > 0 ? left : 0;
    }
    return shorten(e, left);
}

/* Raises the flag of a run that is under way, stops Lua code that runs below us with `stop`,
 * and wakes the loop. */
static void signal_run(struct ml_engine *e, atomic_bool *flag, void (*stop)(struct ml_sched *))
{
    atomic_fetch_add(&e->cancelling, 1);
    if (atomic_load(&e->phase) == ML_RUNNING) {
        atomic_store(flag, true);
        if (atomic_load(&e->turning) && pthread_equal(atomic_load(&e->owner), pthread_self()))
            stop(&e->sched);
        ml_net_wake(e->net);
    }
    atomic_fetch_sub(&e->cancelling, 1);
}

void ml_engine_cancel(struct ml_engine *e)
{
    signal_run(e, &e->cancel, ml_sched_interrupt);
}

void ml_engine_interrupt(struct ml_engine *e)
{
    signal_run(e, &e->interrupt, ml_sched_break);
}

/* --- start --- */

static int copy_script(struct ml_engine *e, const char *name, const char *text, size_t len,
                       int argc, const char *const *argv)
{
    e->name = strdup(name);
    e->source = strndup(text, len);
    e->argv = calloc((size_t)argc + 1, sizeof *e->argv);
    if (!e->name || !e->source || !e->argv)
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
    ml_bind_reset(&e->bind);
    e->sched = (struct ml_sched){0};
    atomic_store(&e->cancel, false);
    atomic_store(&e->interrupt, false);
    e->interrupted = e->stopping = e->script_error = e->config_error = e->timed_out = false;
    e->error_kind = ML_NONE;
    e->exit_code = -1;
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
    if (e->limits.own)
        lua_pushglobaltable(L);
    else
        ml_confine_environment(L);
    lua_insert(L, -2);
    lua_setfield(L, -2, "arg");
    lua_pop(L, 1);
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
    if (ml_state_load(L, e->name, text, len, !e->limits.confine || e->limits.own, err) < 0)
        return -1;
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
        return 0;
    bool memory =
        lua_type(L, -1) != LUA_TSTRING || strcmp(lua_tostring(L, -1), "not enough memory") == 0;
    ml_err_set(err, memory ? ML_MEMORY : ML_USAGE, "%s",
               memory ? "out of memory" : lua_tostring(L, -1));
    return -1;
}

/* MOONLEVER_OUTAGE: seconds after which a service that fails ends the run, for tests. */
static int outage_of(struct ml_engine *e, struct ml_err *err)
{
    const char *text = ml_bind_get(&e->bind, "MOONLEVER_OUTAGE");
    char *end;
    double seconds = text && *text ? strtod(text, &end) : 0;
    if (!text || !*text)
        return 0;
    if (*end || !(seconds > 0) || seconds > 1e6)
        return ml_err_set(err, ML_USAGE, "MOONLEVER_OUTAGE is \"%.40s\", not seconds above 0",
                          text);
    e->net_conf.outage_us = (int64_t)(seconds * 1e6);
    return 0;
}

void ml_engine_set_record(struct ml_engine *e)
{
    struct ml_record *r = &e->bind.record;
    r->net = e->net;
    r->log = &e->log;
    r->env = e->bind.env;
    r->run = (struct ml_record_run){.kind = e->bind.kind ? e->bind.kind : "run",
                                    .script = e->name,
                                    .source = e->source,
                                    .argc = e->argc,
                                    .argv = (const char *const *)e->argv};
    if (e->bind.door.dry_run)
        r->run.kind = "plan";
}

int ml_engine_start(struct ml_engine *e, const char *name, const char *text, size_t len,
                    int argc, const char *const *argv, struct ml_err *err)
{
    reset(e);
    if (copy_script(e, name, text, len, argc, argv) < 0)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    bool isolated = e->isolate.on && !e->limits.own;
    ml_limits_begin(e);
    ml_isolate_begin(e);
    e->net_conf.read_only = e->bind.door.dry_run;
    e->net_conf.ca_file = e->ca_file;
    if (outage_of(e, err) < 0)
        return -1;
    e->net = ml_net_new(&e->net_conf, &e->log, err);
    if (!e->net)
        return -1;
    ml_engine_set_record(e);
    e->bind.net = e->net;
    e->bind.sched = &e->sched;
    e->bind.log = &e->log;
    e->bind.concurrency = e->net_conf.concurrency;
    if (ml_state_new(e) < 0)
        return ml_err_set(err, ML_MEMORY, "cannot start Lua: %s", ml_buf_str(&e->error));
    if (isolated) {
        e->limits.own = true;
        text = ISOLATED;
        len = sizeof ISOLATED - 1;
    }
    if (spawn_main(e, text, len, err) < 0)
        return -1;
    e->started_us = ml_clock_us();
    e->phase = ML_RUNNING;
    return 0;
}
