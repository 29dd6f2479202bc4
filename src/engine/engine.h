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
#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/pool.h"
#include "bind/bind.h"
#include "net/net.h"
#include "task/task.h"

enum ml_phase { ML_IDLE, ML_RUNNING, ML_ENDED };

struct ml_engine {
    struct ml_net_conf net_conf;
    char *ca_file;
    struct ml_log log;
    struct ml_pool pool;
    struct ml_bind bind;
    struct ml_net *net;
    struct ml_sched sched;
    lua_State *L;         /* NULL between runs */
    struct ml_task *main; /* the script; lives in a userdata of L */
    int main_ref;         /* anchors it */
    enum ml_phase phase;
    atomic_bool cancel; /* set from anywhere: stop the run */
    bool interrupted;   /* the run was cancelled from outside */
    bool stopping;      /* the script has failed: the other tasks are being ended */
    int64_t stop_us;    /* when tasks that do not end are killed */
    int64_t started_us;
    char *name; /* of the script */
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
/* From any thread or signal handler. */
void ml_engine_cancel(struct ml_engine *e);

/* state.c: a Lua state with everything in it, NULL when memory is out. */
lua_State *ml_state_new(struct ml_engine *e);
/* state.c: hangs raw, cjson and the embedded modules into package.preload. L raises on no
 * memory. */
void ml_state_preload(lua_State *L, struct ml_bind *b);
/* state.c: loads a script's text ('#' line allowed) and leaves the function on the stack. */
int ml_state_load(lua_State *L, const char *name, const char *text, size_t len,
                  struct ml_err *err);

/* result.c: what the run has come to: exit code, closing JSON, report. */
void ml_result_make(struct ml_engine *e);
/* result.c: takes kind and text from the error value on top of L; pops it. */
void ml_result_error(struct ml_engine *e, lua_State *L, const char *traceback);

#endif
