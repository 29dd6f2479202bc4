/* SPDX-License-Identifier: MIT */
/*
 * Takes from a process what an isolated script has no need of, before it reads its first byte.
 *
 * Limits of the kernel stand behind those of Lua; no more descriptors, no files, no core, no
 * other processes; no system call but those for memory, clocks, the end, and reading and
 * writing what is open.
 */
#ifndef ML_ISOLATE_SANDBOX_H
#define ML_ISOLATE_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

/* memory in bytes and time in microseconds of processor time as the run has them, 0 = no limit.
 * -1: the kernel refuses what it has to grant. */
int ml_sandbox_enter(size_t memory, int64_t time_us);

#endif
