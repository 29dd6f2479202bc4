/* SPDX-License-Identifier: MIT */
/*
 * The only reads of the clock in the engine. Everything above takes the time
 * as an argument, so that tests walk through hours without sleeping.
 */
#ifndef ML_BASE_CLOCK_H
#define ML_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds of a clock that never jumps (CLOCK_MONOTONIC). */
int64_t ml_clock_us(void);
/* Microseconds of processor time that the calling thread has used. */
int64_t ml_clock_cpu_us(void);
/* Milliseconds since 1970 in UTC: for HTTP dates and for people. */
int64_t ml_clock_wall_ms(void);
/* A number in [0,1) from a generator seeded by the kernel, one state per caller. */
double ml_random01(uint64_t *state);
/* A seed from the kernel; never 0. */
uint64_t ml_random_seed(void);

#endif
