/* SPDX-License-Identifier: MIT */
/*
 * What task.c and coroutine.c share: the one resume, the one yield, and
 * waiting where a yield cannot travel up.
 */
#ifndef ML_TASK_PRIVATE_H
#define ML_TASK_PRIVATE_H

#include "task/task.h"

/* The scheduler of this state. */
struct ml_sched *ml_sched_of(lua_State *L);

/* Count hook of a state with a meter: `n` instructions of the running thread are over. Raises
 * "cancelled" where it is stopped or broken off. */
void ml_sched_tick(lua_State *L, struct ml_sched *s, int n);
/* Lua code is about to run on this thread: while the scheduler stops it is watched. */
void ml_sched_watch(const struct ml_sched *s, lua_State *co);
/* Raises "cancelled". */
int ml_sched_cancelled(lua_State *L, struct ml_sched *s);
/* Runs `co` until it yields, returns or fails; as lua_resume. */
int ml_sched_resume(struct ml_sched *s, lua_State *co, lua_State *from, int nargs, int *nres);
/* Would a yield of this thread come to the scheduler? */
bool ml_sched_yields(const struct ml_sched *s, lua_State *L);
/* Yields to the scheduler; never returns. */
int ml_sched_yield(lua_State *L, struct ml_sched *s, lua_KContext ctx, lua_KFunction k);
/* The running task waits for task->op in an inner thread whose yield ends at L: turns the world
 * until the operation is done. When that cannot be, the inner thread raises why when it is
 * resumed. Raises on L what the turns raise. */
void ml_sched_drive_inner(lua_State *L, struct ml_sched *s);

#endif
