/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t ml_clock_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t ml_clock_cpu_us(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t ml_clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

/* splitmix64: small, and good enough for jitter. */
double ml_random01(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return (double)(z >> 11) * 0x1p-53;
}

uint64_t ml_random_seed(void)
{
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = (uint64_t)ml_clock_us();
    return seed | 1;
}
