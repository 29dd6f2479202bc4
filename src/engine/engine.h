/* SPDX-License-Identifier: MIT */
/*
 * The engine: one Lua state, one network side, one scheduler, one run.
 *
 * The only place that knows all parts. One turn does, always in this order:
 * network (sockets, timers, ended calls: queue only), then Lua (ready tasks),
 * then network again (what Lua asked for is started). Lua runs in its phase
 * only; the exception is a wait that cannot yield, which turns the world from
 * inside (task/task.h).
 *
 *     struct ml_engine *e = ml_engine_new(&err);
 *     ml_engine_start(e, "retag", text, len, argc, argv, &err);
 *     while (e->phase == ML_RUNNING)
 *         ml_engine_turn(e, -1);
 *     puts(ml_buf_str(&e->result));
 *     ml_engine_free(e);
 */
#ifndef ML_ENGINE_ENGINE_H
#define ML_ENGINE_ENGINE_H

#include <lua.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/pool.h"
#include "bind/bind.h"
#include "engine/isolate.h"
#include "net/net.h"
#include "task/meter.h"
#include "task/task.h"

enum ml_phase { ML_IDLE, ML_RUNNING, ML_ENDED };

/* What a host allows the Lua code of a run. */
struct ml_limits {
    bool confine; /* scripts see an allow-listed environment, and ... */
    bool own;     /* the text that is started is Moonlever's own: it sees all */
    bool instructions_set, time_set, memory_set, output_set,
        files_set;                 /* ... have limits unless set */
    bool files;                    /* scripts may use some */
    uint64_t instructions, output; /* 0 = none, as the following */
    int64_t time_us;
    size_t memory;
};

struct ml_engine {
    struct ml_net_conf net_conf;
    struct ml_limits limits;   /* of Lua code */
    struct ml_isolate isolate; /* the process of a script */
    struct ml_meter meter;     /* what a run may use by them, and has used */
    char *ca_file;
    char *plan_file;      /* where the changes of a dry run go; owned, NULL = nowhere */
    int64_t plan_changes; /* how many went there, -1 = nothing was written */
    struct ml_log log;
    struct ml_pool pool;
    struct ml_bind bind;
    struct ml_net *net;
    struct ml_sched sched;
    lua_State *L;         /* NULL between runs */
    struct ml_task *main; /* the script; lives in a userdata of L */
    int main_ref;         /* anchors it */
    _Atomic(enum ml_phase) phase;
    atomic_bool cancel;       /* set from anywhere: stop the run */
    atomic_bool interrupt;    /* set from anywhere: stop what the session's line has begun */
    atomic_int cancelling;    /* threads inside ml_engine_cancel */
    atomic_bool turning;      /* a turn is under way ... */
    _Atomic(pthread_t) owner; /* ... on this thread */
    bool interrupted;         /* the run was cancelled from outside */
    bool stopping;            /* the script has failed: the other tasks are being ended */
    int64_t stop_us;          /* when tasks that do not end are killed */
    int64_t started_us;
    char *name;          /* of the script */
    char *source;        /* its text: the journal keeps it for resume */
    unsigned retention;  /* days that a run stays in the journal, 0 = for ever */
    int64_t max_time_us; /* the run is stopped after this, 0 = never */
    bool timed_out;      /* ... and was */
    char **argv;
    int argc;
    enum ml_kind error_kind; /* of the error that ended the run; ML_NONE = none */
    bool script_error;       /* it was a programming error */
    bool config_error;       /* it was a setting, not the script */
    int exit_code;
    struct ml_buf error;  /* why, for people */
    struct ml_buf result; /* the closing JSON line */
    struct ml_buf report; /* the closing report for people */
};

/* In place, for the module of stock lua, whose functions may be called once more after the end:
 * destroyed, it says so to them (ml_bind.closed). */
void ml_engine_create(struct ml_engine *e);
void ml_engine_destroy(struct ml_engine *e);
struct ml_engine *ml_engine_new(struct ml_err *err);
void ml_engine_free(struct ml_engine *e);
/* Loads the text of a script and starts it; arguments and name are copied. -1: ML_USAGE with
 * the syntax error, ML_MEMORY; nothing has run then. */
int ml_engine_start(struct ml_engine *e, const char *name, const char *text, size_t len,
                    int argc, const char *const *argv, struct ml_err *err);
/* One turn; waits at most timeout_us (-1 = until something happens). */
void ml_engine_turn(struct ml_engine *e, int64_t timeout_us);
/* Microseconds until the next turn is due, -1 = only when the descriptor is readable. */
int64_t ml_engine_timeout(const struct ml_engine *e);
/* From any thread or signal handler. Lua code that never waits is stopped too: at once from a
 * signal handler on the thread that turns the engine, from elsewhere when it next needs memory
 * (with limits: within 100 instructions).
 */
void ml_engine_cancel(struct ml_engine *e);
/* As ml_engine_cancel, but for the task in the foreground (bind/console.c) alone. */
void ml_engine_interrupt(struct ml_engine *e);

/* What the journal has to know of a run whose net, name and arguments are there. */
void ml_engine_set_record(struct ml_engine *e);
/* state.c: a Lua state with everything in it, in e->L, ready for ml_sched_run. -1 with why in
 * e->error; e->L is NULL then. */
int ml_state_new(struct ml_engine *e);
/* limits.c: what the run that begins may use. */
void ml_limits_begin(struct ml_engine *e);
/* limits.c: sees whether it has used that up; the run is stopped then. */
bool ml_limits_spent(struct ml_engine *e);
/* Makes the scheduler of e in its state. Raises when memory is out. */
void ml_engine_attach(struct ml_engine *e, lua_State *L);
/* state.c: hangs raw, cjson and the embedded modules into package.preload. L raises on no
 * memory. */
void ml_state_preload(lua_State *L, struct ml_bind *b);
/* state.c: loads a script's text ('#' line allowed) and leaves the function on the stack. It
 * sees the environment of scripts, unless it is our own. */
int ml_state_load(lua_State *L, const char *name, const char *text, size_t len, bool own,
                  struct ml_err *err);

/* result.c: what the run has come to: exit code, closing JSON, report. */
void ml_result_make(struct ml_engine *e);
/* result.c: the error of a failed task becomes the run's; a clean exit is none. */
void ml_result_task(struct ml_engine *e, struct ml_task *task);
/* result.c: the same for a failure of the engine itself. */
void ml_result_text(struct ml_engine *e, enum ml_kind kind, const char *text);

#endif
