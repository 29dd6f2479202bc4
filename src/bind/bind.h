/* SPDX-License-Identifier: MIT */
/*
 * The C side of `require "moonlever.raw"`: primitives only, the comfort is in
 * Lua. Each file binds one thing and adds its functions to the one table.
 *
 * The engine travels as the first upvalue of every function (a light
 * userdata), never as a global: two engines never meet.
 *
 * Rules kept by every binding: the userdata is made first, in a closed state;
 * arguments are checked before any C resource exists; closing marks closed
 * and then acts; __gc is __close.
 */
#ifndef ML_BIND_BIND_H
#define ML_BIND_BIND_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "bind/door.h"
#include "bind/host.h"
#include "bind/reach.h"
#include "bind/record.h"
#include "net/net.h"
#include "task/task.h"

struct ml_channel;
struct ml_setting;
struct change;
struct ask;

/* What the bindings of one run share. The engine owns it and outlives the Lua state. */
struct ml_bind {
    struct ml_net *net;
    struct ml_sched *sched;
    struct ml_log *log;
    struct ml_door door;
    struct ml_reach reach;
    struct ml_record record;
    struct ml_host host;
    unsigned concurrency;
    bool env;                    /* credentials and settings may be read from the environment */
    struct ml_setting *settings; /* NAME=VALUE pairs given by the host; owned, values wiped */
    struct ml_buf profiles;      /* names of those in use in this run, apart by commas */
    /* Runs a program without a shell: the first line of its output. NULL = nobody does. */
    ptrdiff_t (*command)(void *ud, const char *const *argv, char *out, size_t size);
    void *command_ud;
    /* Starts the process of isolated scripts; NULL = they are not isolated. -1 with err. */
    int (*isolate)(void *ud, struct ml_err *err);
    /* How that process has ended, which it has; a text of the engine's. */
    const char *(*isolate_end)(void *ud);
    void *isolate_ud;
    struct ml_channel *channel; /* to it; NULL = not started */
    const char *kind;           /* of the run, for the journal; NULL = "run" */
    const char *script_name;
    int argc; /* the script's own arguments */
    const char *const *argv;
    const char *const *flags; /* long names of Moonlever's flags, ended by NULL */
    void (*output)(void *ud, const char *text, size_t len);
    void *output_ud;
    struct ml_buf report;   /* what scripts add to the closing report */
    struct ml_buf plan;     /* the first changes that a dry run has planned, a line each */
    struct ml_buf failures; /* reasons of the first items that failed, a line each */
    unsigned plan_lines;
    uint64_t items, items_total;                 /* handed out by lists; promised by them */
    uint64_t item_ok, item_failed, item_skipped; /* of each() */
    char current[96];                            /* the operation sent last */
    bool exits;    /* raw.exit ends the program: there is no engine that would end a run */
    int exit_code; /* asked for by raw.exit, -1 = not */
    struct ml_task *failed_tasks; /* whose failure nobody has seen, in order; anchored */
    unsigned failed_kept;         /* how many these are */
    bool failed_more;             /* there were more than are kept */
    bool closed;                  /* the engine is gone (stock lua, finalizers at its end) */
    bool answers;                 /* the host answers raw.ask */
    struct ask *ask;              /* what is asked just now, NULL = nothing */
    struct ml_task *foreground;   /* what an interrupt stops, NULL = nothing; Lua holds it */
    size_t (*width)(void *ud, const char *text, size_t len); /* in columns; NULL = unknown */
    void *width_ud;
};

#define ML_ERROR_TYPE "moonlever.error"
/* In the registry: the globals of confined scripts; not there = the state's own. */
#define ML_ENVIRONMENT "moonlever.environment"

void ml_bind_create(struct ml_bind *b);
void ml_bind_destroy(struct ml_bind *b);
/* Makes ready for another run: counters and what the last script declared; settings stay. */
void ml_bind_reset(struct ml_bind *b);
/* Remembers NAME=VALUE for credentials and origins; goes before the environment. */
int ml_bind_set(struct ml_bind *b, const char *name, const char *value);
/* The host's setting, or the environment's where that is allowed; NULL when there is none. */
const char *ml_bind_get(const struct ml_bind *b, const char *name);

/* The engine behind a C function of ours; raises when it is gone. */
struct ml_bind *ml_bind_of(lua_State *L);
/* Raises an error object. Never returns. */
int ml_bind_raise(lua_State *L, const struct ml_err *err);
/* As ml_bind_raise, for the scheduler. */
int ml_bind_raise_text(lua_State *L, const char *kind, const char *text);
/* Pushes an error object {kind=, message=}. */
void ml_bind_push_error(lua_State *L, enum ml_kind kind, const char *text);
/* Raises what a guard has refused; caught or not, the run ends with 6. */
int ml_bind_refuse(lua_State *L, struct ml_bind *b, const struct ml_err *err);
/* Adds functions to the table on top of the stack, each with the engine as upvalue. */
void ml_bind_functions(lua_State *L, struct ml_bind *b, const luaL_Reg *functions);
/* Makes the metatable `name` with these methods, all with the engine as upvalue. */
void ml_bind_type(lua_State *L, struct ml_bind *b, const char *name, const luaL_Reg *methods);

/* Pushes the raw module. Needs lua-cjson's null only by value (lightuserdata NULL). */
int ml_bind_open(lua_State *L, struct ml_bind *b);

/* common.c: pushes the part of raw that needs no engine: error_metatable, null, json, spawn,
 * failed. Of b only the scheduler is used. */
void ml_bind_common(lua_State *L, struct ml_bind *b);

/* The parts; each adds to the table on top of the stack. */
void ml_bind_http(lua_State *L, struct ml_bind *b);
void ml_bind_change(lua_State *L, struct ml_bind *b);
void ml_bind_call(lua_State *L, struct ml_bind *b);
void ml_bind_upload(lua_State *L, struct ml_bind *b);
void ml_bind_task(lua_State *L, struct ml_bind *b);
void ml_bind_sleep(lua_State *L, struct ml_bind *b);
/* raw.isolate() -> the functions of bind/channel.h to the process of isolated scripts, which it
 * starts; nil where scripts are not isolated. */
void ml_bind_isolation(lua_State *L, struct ml_bind *b);
void ml_bind_iterator(lua_State *L, struct ml_bind *b);
void ml_bind_system(lua_State *L, struct ml_bind *b);
void ml_bind_records(lua_State *L);
void ml_bind_patch(lua_State *L, struct ml_bind *b);
void ml_bind_journal(lua_State *L, struct ml_bind *b);
void ml_bind_credential(lua_State *L, struct ml_bind *b);
void ml_bind_console(lua_State *L, struct ml_bind *b);
void ml_bind_host(lua_State *L, struct ml_bind *b);

/* strings.c: replaces find, match, gmatch and gsub in the string library on top of the stack:
 * as in Lua, but their steps are charged to the meter of the state (task/meter.h). */
void ml_bind_strings(lua_State *L);

/* console.c: what raw.ask waits for an answer to, NULL = nothing. */
const char *ml_bind_asks(const struct ml_bind *b);
/* Answers it; text NULL: there are no answers any more. -1: nothing is asked, or no memory. */
int ml_bind_answer(struct ml_bind *b, const char *text, size_t len);
/* Cancels the task in the foreground, if there is one. */
void ml_bind_interrupt(struct ml_bind *b);

/* event.c: the members of an event that name a change, malloc'd; NULL when nobody listens. */
char *ml_event_about(const struct ml_bind *b, const char *operation, const char *target);
/* Tells the host, if it listens, that a change has ended. about, kind and reason may be NULL.
 */
void ml_event_change(struct ml_bind *b, const char *about, uint64_t seq, enum ml_state state,
                     const char *kind, const char *reason);

/* change.c, for http.c: checks that the value at idx is a change that may be sent now, and
 * shields the running task until the change has ended. */
struct change *ml_change_send(lua_State *L, int idx, struct ml_sched *s);
/* Something of the change may have reached the service: dropped now, it counts as unknown. */
void ml_change_touch(struct change *change);
struct ml_noted *ml_change_noted(struct change *change);
/* change.c, for patch.c. Pushes a change that has not begun. */
struct change *ml_change_new(lua_State *L, struct ml_bind *b);
/* Takes it through the door and into the journal. -1: it is not let in, or cannot be written
 * down. */
int ml_change_begin(struct ml_bind *b, struct change *change,
                    const struct ml_journal_change *row, struct ml_err *err);
/* It is as was sent. */
void ml_change_confirm(struct change *change);
/* task.c: pushes the userdata of the task that runs; false (nothing is pushed): none does. */
bool ml_bind_push_task(lua_State *L, struct ml_bind *b);
/* records.c: dresses the record at stack index `record`; the dress lies right above it. */
void ml_records_dress(lua_State *L, int record);
/* task.c: spawns the function and nargs arguments on top of the stack; pushes the task's
 * userdata. */
struct ml_task *ml_bind_spawn(lua_State *L, struct ml_bind *b, int nargs);

#endif
