/* SPDX-License-Identifier: MIT */
/*
 * What the Lua code of a run may use: instructions, processor time, memory.
 *
 * A meter that is on puts a count hook on every thread of the state. What is
 * spent is spent for good: the next tick of the hook ends its thread, which
 * yields and is never resumed. Where a thread cannot yield the tick raises
 * instead, again and again, and the pcall, xpcall and coroutine functions of
 * ml_meter_open pass that on, so that no script can catch it. C functions that
 * run long without a tick (patterns, sorting, moves) charge what they do.
 *
 * Invariants
 *   1. Off costs nothing: no hook, no look at the clock, the functions of Lua.
 *   2. Memory never passes memory_max, but for a small reserve when it is spent
 *      already, so that the end of the run can be told.
 *   3. A task that settles a write (task->shield) is let go on for GRACE
 *      instructions, and a fifth of the time, beyond the end.
 *   4. A message handler never runs for an error that the hook raised: it would
 *      run without hooks.
 *   5. Every thread that is made is charged its first tick, so many threads of
 *      few instructions count as well.
 *   6. A task that runs for long is put off to the next turn, and no other runs
 *      before it goes on.
 *
 *     struct ml_meter m = {.instructions_max = 1000000};
 *     ml_meter_begin(&m, &pool);
 *     ml_meter_attach(&m, &sched);       // L's hook; threads made later inherit it
 *     ...run...
 *     if (m.spent)
 *         puts(ml_meter_text(&m, text, sizeof text));
 */
#ifndef ML_TASK_METER_H
#define ML_TASK_METER_H

#include <lua.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"

/* Instructions between two looks at what is used. */
#define ML_METER_TICK 100

struct ml_sched;

enum ml_spent {
    ML_SPENT_NOT,
    ML_SPENT_INSTRUCTIONS,
    ML_SPENT_TIME,
    ML_SPENT_MEMORY,
    ML_SPENT_OUTPUT
};

/* What an allocator is asked for (lua_Alloc). */
struct ml_request {
    const void *ptr;
    size_t osize, nsize;
};

struct ml_meter {
    /* Settings; 0 = no limit. */
    uint64_t instructions_max;
    int64_t time_max_us; /* of processor time in Lua code */
    size_t memory_max;   /* bytes of the Lua state */
    uint64_t output_max; /* bytes of output and log lines */
    /* The run. */
    bool on;
    enum ml_spent spent;
    uint64_t used;       /* instructions, and what was charged as such */
    uint64_t grace;      /* instructions left to those who settle a write */
    uint64_t output;     /* bytes written */
    int64_t time_us;     /* processor time of the steps that have ended */
    int64_t look_us;     /* when the processor's clock has to be read */
    int64_t step_cpu_us; /* it stood there when the step began, -1 = no step is under way */
    int64_t step_us;     /* when that was by the other clock */
    bool sliced;         /* a task was put off to the next turn */
    char *stack;         /* where the C stack of the step begins */
    size_t outside;      /* bytes that are held for the script outside of Lua */
    size_t debt;         /* bytes asked for that are not charged yet */
    size_t collected;    /* bytes in use after the last collection of ours */
    bool refused;        /* memory was refused, and this may be asked for once more: */
    struct ml_request request;
    bool raised;               /* the hook has raised an error: no message handler for it */
    const atomic_bool *cancel; /* the same, from any thread; NULL = nobody does */
    volatile sig_atomic_t interrupted; /* somebody outside wants the code stopped */
    struct ml_pool *pool;
    struct ml_sched *sched;
};

/* Begins a run: nothing is used. Without any limit it stays off. */
void ml_meter_begin(struct ml_meter *m, struct ml_pool *pool);
/* Hooks the state of the scheduler. */
void ml_meter_attach(struct ml_meter *m, struct ml_sched *s);
/* The allocator of the state was asked for more: did it have it? */
void ml_meter_memory(struct ml_meter *m, const struct ml_request *request, bool had);
/* Something of so many bytes is held for the script outside of Lua, until it is let go: with
 * what Lua has it may not pass the limit. m NULL: no limit. */
void ml_meter_hold(struct ml_meter *m, size_t bytes);
void ml_meter_let_go(struct ml_meter *m, size_t bytes);
/* The scheduler enters Lua and comes back. */
void ml_meter_enter(struct ml_meter *m);
void ml_meter_leave(struct ml_meter *m);
/* Counts `n` instructions for work that a C function is about to do. Ends the thread when they
 * are spent. Fine on any thread of any state; without a meter it does nothing. */
void ml_meter_charge(lua_State *L, uint64_t n);
/* The same for whoever has caught an error, or comes back from a thread. */
void ml_meter_check(lua_State *L);
/* As ml_meter_charge, for code without Lua: false = spent. */
bool ml_meter_take(struct ml_meter *m, uint64_t n);
/* Raises "C stack overflow" where closing one more coroutine could run out of it. */
void ml_meter_stack(lua_State *L);
/* The meter of the state, NULL = none. */
struct ml_meter *ml_meter_of(lua_State *L);
/* Writes what was spent, for people; returns text. */
const char *ml_meter_text(const struct ml_meter *m, char *text, size_t size);
/* Is the meter spent, also for the task that runs? */
bool ml_meter_is_over(const struct ml_meter *m);
/* Marks as spent, unless something is already. */
void ml_meter_spend(struct ml_meter *m, enum ml_spent what);
/* Counts bytes of output before they are written. Raises when there have been too many. */
void ml_meter_output(lua_State *L, size_t bytes);
/* Replaces pcall and xpcall of the global table, and create and close of coroutine. */
void ml_meter_open(lua_State *L);

#endif
