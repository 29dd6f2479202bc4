/* SPDX-License-Identifier: MIT */
/*
 * Tasks: Lua threads that wait for operations. THE one yield and THE one
 * resume of the program are here.
 *
 * An operation is anything a task can wait for: a call, a timer, another
 * task. It owns its cancel, and it is embedded in a userdata that stands on
 * the waiting thread's stack, so it lives as long as the wait.
 *
 * Invariants
 *   1. A completion only marks its operation and queues the waiting task
 *      (ml_op_finish); the scheduler resumes it later. So an operation may
 *      end at any moment, before or after the wait began.
 *   2. A wait yields only where the scheduler is what resumed the thread. In
 *      every other place (stock lua's main chunk, a table.sort comparator, a
 *      gsub callback, a foreign coroutine) it drives the loop itself until
 *      its operation is done. One binding serves both worlds.
 *   3. Waiting inside a script's own coroutine travels up through it:
 *      coroutine.resume and wrap of ml_task_open_coroutine pass the engine's
 *      yield on and come back to the inner thread afterwards. Nobody else can
 *      resume a thread that waits: both sides get an error.
 *   4. A cancelled task sees an error of kind "cancelled" raised from its
 *      wait, once; it may clean up, even with calls.
 *   5. A task with a write under way is shielded: it sees the cancel when the
 *      write is settled, so that stopping a run leaves nothing in doubt. Only
 *      a write that provably did nothing yet (op->idle) is cut short.
 *
 *   6. The owner of an operation calls ml_op_destroy before its memory goes, so
 *      a task never points to an operation that is gone.
 *   7. When the scheduler stops, Lua code has STEP_US (interrupt.c) of each step for
 *      cleaning up; after that every instruction raises. So a loop that never
 *      waits, or that catches every error, ends as well.
 *
 *     static int sleep_done(lua_State *L, int status, lua_KContext ctx) { return 0; }
 *     static int l_sleep(lua_State *L) {
 *         struct sleep *s = lua_newuserdatauv(L, sizeof *s, 0);   // holds the op
 *         ml_op_create(&s->op, cancel_sleep);
 *         ...start the timer, whose callback calls ml_op_finish(&s->op)...
 *         return ml_task_wait(L, sched, &s->op, sleep_done);
 *     }
 */
#ifndef ML_TASK_TASK_H
#define ML_TASK_TASK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ml_meter;
struct ml_sched;
struct ml_task;

/* What a task waits for. */
struct ml_op {
    struct ml_task *task;                 /* who waits, NULL = nobody (yet) */
    struct ml_sched *sched;               /* set by the wait */
    bool done;                            /* ended: the result is with the operation's owner */
    lua_KFunction k;                      /* where the waiting thread goes on */
    void (*cancel)(struct ml_op *op);     /* stops it; sets nothing, reports nothing */
    bool (*idle)(const struct ml_op *op); /* may be cancelled although its task is shielded */
    struct ml_op *next;                   /* next waiter for the same task, for joins */
};

enum ml_task_state {
    ML_TASK_READY,
    ML_TASK_RUNNING,
    ML_TASK_WAITING,
    ML_TASK_DONE,
    ML_TASK_FAILED,
    ML_TASK_CANCELLED
};

struct ml_task {
    struct ml_sched *sched;
    lua_State *co; /* anchored by ref until the task is freed */
    int ref;
    enum ml_task_state state;
    uint64_t id;       /* no other task of this scheduler ever has it */
    struct ml_op *op;  /* what it waits for */
    bool started;      /* its function has been called */
    bool cancelled;    /* raise at the next wait of the task */
    bool cancel_asked; /* somebody asked it to end */
    unsigned shield;   /* writes under way: a cancel waits until they are settled */
    const char *ill;   /* raise this, for a wait of an inner thread that cannot end */
    bool observed;     /* somebody awaited it: its error is theirs */
    int results;       /* values on co's stack: arguments before it starts, results when DONE */
    char *traceback;   /* of a failure with a plain message, malloc'd */
    struct ml_op *joiners;                /* operations that wait for its end */
    void (*on_end)(struct ml_task *task); /* told once, NULL = nobody */
    struct ml_task *prev, *next;          /* all tasks that have not ended */
    struct ml_task *ready_next;
};

/* One turn of the world for a wait of thread L that cannot yield. 0 = go on, -1 = there is
 * nothing left to wait for. May raise errors on L. */
typedef int (*ml_drive_fn)(void *ud, lua_State *L);

/* The scheduler; one per engine. */
struct ml_sched {
    lua_State *L;       /* main thread of the state */
    lua_State *running; /* thread that the scheduler (or our resume) runs now */
    struct ml_task *current;
    struct ml_task *ready, **ready_end;
    struct ml_task *tasks; /* all that have not ended */
    uint64_t last_id;
    bool engine_yield;   /* the yield under way is a wait, not the script's */
    bool stopping;       /* every wait raises "cancelled" at once */
    unsigned breaking;   /* code that does not wait is broken off (ml_sched_break); 0 = not */
    uint64_t break_task; /* with a meter: the task whose code that is, ... */
    int break_left;      /* ... and its instructions until then */
    int64_t step_us;     /* while stopping: when the step under way began */
    unsigned depth;      /* nested drives */
    bool no_drives;      /* a wait that cannot yield raises: to drive would block the host */
    struct ml_meter *meter; /* what Lua code may use (meter.h), NULL = anything */
    ml_drive_fn drive;
    void *drive_ud;
    int (*raise)(lua_State *L, const char *kind, const char *text); /* raises an error object */
};

/* Raises when memory is out. */
void ml_sched_create(struct ml_sched *s, lua_State *L, ml_drive_fn drive, void *ud);
/* Kills what is left: closes the threads (running their __close handlers, which cannot wait) in
 * reverse order of creation. The state must still be open. */
void ml_sched_destroy(struct ml_sched *s);
/* Resumes ready tasks until none is ready or `most` steps were made. Returns how many. */
unsigned ml_sched_run(struct ml_sched *s, unsigned most);
bool ml_sched_ready(const struct ml_sched *s);
/* Cancels every task; from then on each wait raises "cancelled", and no task starts. Once. */
void ml_sched_stop(struct ml_sched *s);
/* Makes Lua code that runs just now stop the scheduler, even if it never waits. From a signal
 * handler on the scheduler's thread, or from the allocator of its state. */
void ml_sched_interrupt(struct ml_sched *s);
/* Makes Lua code that runs just now raise "cancelled" if it goes on for long without a wait;
 * the scheduler goes on. From a signal handler as above. */
void ml_sched_break(struct ml_sched *s);
/* Who turns the scheduler has seen it, and cancels `task` (NULL = none): code that was running
 * is through. With a meter it may just have been put off: that of the task is still broken off.
 */
void ml_sched_broke(struct ml_sched *s, const struct ml_task *task);

void ml_op_create(struct ml_op *op, void (*cancel)(struct ml_op *op));
/* The operation has ended: queues who waits for it. */
void ml_op_finish(struct ml_op *op);
/* The memory of op goes: nobody waits for it any more. A task that did so through a coroutine
 * which was closed meanwhile is woken. Twice is fine. */
void ml_op_destroy(struct ml_op *op);
/* Waits for op, then calls k(L, LUA_OK or LUA_YIELD, 0) and returns what it returns. To be
 * called as `return ml_task_wait(...)`; the userdata that holds op must be on L's stack. Raises
 * "cancelled", and a usage error when waiting here could never end. */
int ml_task_wait(lua_State *L, struct ml_sched *s, struct ml_op *op, lua_KFunction k);

/* A new task for the function and `nargs` arguments on top of L's stack (they are popped). The
 * memory of *task is the caller's (a userdata) and must live until ml_task_destroy. Raises when
 * memory is out. */
void ml_task_create(struct ml_task *task, struct ml_sched *s, lua_State *L, int nargs);
/* It runs from the next turn on. Never fails. */
void ml_task_start(struct ml_task *task);
/* Cancels what it waits for and lets go of the thread. Safe in any state, twice too. */
void ml_task_destroy(struct ml_task *task);
/* Asks the task to end: its wait raises "cancelled"; one that has not started yet never runs.
 */
void ml_task_cancel(struct ml_task *task);
bool ml_task_ended(const struct ml_task *task);
/* Raises "cancelled" when the running task has been asked to end: for operations that start
 * something before they wait. */
void ml_task_check(lua_State *L, struct ml_sched *s);
/* Registers op to be finished when the task ends. */
void ml_task_join(struct ml_task *task, struct ml_op *op);
void ml_task_unjoin(struct ml_task *task, struct ml_op *op);
/* Pushes copies of the results (returns how many), or of the error value (returns -1). Raises
 * "cancelled" for a task that was destroyed. */
int ml_task_results(struct ml_task *task, lua_State *L);

/* Replaces resume and wrap in the coroutine table on top of the stack. */
void ml_task_open_coroutine(lua_State *L);

#endif
