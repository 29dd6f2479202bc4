/* SPDX-License-Identifier: MIT */
/*
 * How well does the pacing of a lane fit a limit it does not know?
 *
 * The lane of policy/limit.c against the leaky bucket of nginx's limit_req, in
 * virtual time: ten minutes take milliseconds. Goals: at least 95 % of the
 * allowance used (94 % in a run during which the limit changes and has to be
 * found again), at most 2 % rejected (6 % at 5/s), and 10 s after the limit was
 * halved at most that again. Each figure is the mean of five seeds.
 *
 * Beside each steady row stands the best fixed rate that keeps to 2 % rejected,
 * sent by a client that knows the limit: what the network's jitter and the
 * grain of the timers leave of the allowance. Where no pacing can reach 95 %,
 * the goal is to stay within 4 points of it. Short runs contain the search from 5/s on, so
 * their share is measured against what doubling each second could have used at most.
 *
 *     cc -O2 -D_GNU_SOURCE -Isrc bench/limit_sim.c src/policy/limit.c src/base/clock.c -lm
 *
 * A "!" marks a missed goal; the exit code is 1 when there is one.
 */
#include "../tests/unit/leaky.h"

#include <math.h>
#include <stdio.h>

#define SEEDS 5
#define LIMITS 4

static const double limits[LIMITS] = {5, 20, 50, 100};

struct scene {
    const char *name;
    struct leaky_run run; /* limit and seed are filled in */
    bool short_run;       /* printed, not judged: it is mostly search */
};

#define EXACT .timer_us = 0
#define GRAIN .timer_us = 1000
#define FAR .rtt_us = 80000
#define NEAR .rtt_us = 2000
#define LONG .seconds = 600
#define HALVED .change = 0.5, .change_s = 200
#define DOUBLED .change = 2, .change_s = 200

static const struct scene scenes[] = {
    {"10 s, burst 5", {FAR, GRAIN, .burst = 5, .jitter_us = 500, .seconds = 10}, true},
    {"30 s, burst 0", {FAR, EXACT, .burst = 0, .jitter_us = 200, .seconds = 30}, true},
    {"30 s, burst 5", {FAR, GRAIN, .burst = 5, .jitter_us = 500, .seconds = 30}, true},
    {"30 s, burst 20", {FAR, GRAIN, .burst = 20, .jitter_us = 500, .seconds = 30}, true},
    {"burst 5, jitter 2 ms", {FAR, GRAIN, LONG, .burst = 5, .jitter_us = 2000}, false},
    {"burst 20, jitter 2 ms", {FAR, GRAIN, LONG, .burst = 20, .jitter_us = 2000}, false},
    {"burst 10, RTT 2 ms", {NEAR, GRAIN, LONG, .burst = 10, .jitter_us = 100}, false},
    {"burst 0, us timers", {FAR, EXACT, LONG, .burst = 0, .jitter_us = 200}, false},
    {"burst 0, ms timers", {FAR, GRAIN, LONG, .burst = 0, .jitter_us = 200}, false},
    {"burst 0, jitter 2 ms", {FAR, GRAIN, LONG, .burst = 0, .jitter_us = 2000}, false},
    {"burst 0, RTT 2 ms", {NEAR, GRAIN, LONG, .burst = 0, .jitter_us = 100}, false},
    {"burst 5, halved", {FAR, GRAIN, LONG, HALVED, .burst = 5, .jitter_us = 500}, false},
    {"burst 0, halved", {FAR, EXACT, LONG, HALVED, .burst = 0, .jitter_us = 200}, false},
    {"  10 to 70 s, burst 5",
     {FAR, GRAIN, HALVED, .burst = 5, .jitter_us = 500, .seconds = 270, .count_s = 210},
     false},
    {"  10 to 70 s, burst 0",
     {FAR, EXACT, HALVED, .burst = 0, .jitter_us = 200, .seconds = 270, .count_s = 210},
     false},
    {"burst 5, doubled", {FAR, GRAIN, LONG, DOUBLED, .burst = 5, .jitter_us = 500}, false},
    {"burst 0, doubled", {FAR, EXACT, LONG, DOUBLED, .burst = 0, .jitter_us = 200}, false},
};

static struct leaky_result mean_of(struct leaky_run run)
{
    struct leaky_result mean = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run.seed = seed;
        struct leaky_result r = leaky_simulate(&run);
        mean.used += r.used / SEEDS;
        mean.rejected += r.rejected / SEEDS;
    }
    return mean;
}

/* The most that a client which knows the limit and keeps to 2 % rejected can use. */
static double best_fixed(struct leaky_run run)
{
    double best = 0;
    run.limit *= run.change > 0 ? run.change : 1;
    run.change = 0;
    for (double part = 0.70; part < 1.001; part += 0.01) {
        run.fixed = part * run.limit;
        run.seed = 1;
        struct leaky_result r = leaky_simulate(&run);
        if (r.rejected <= 0.02)
            best = fmax(best, r.used);
    }
    return best;
}

/* The part of the allowance that is left when the rate starts at 5 and doubles each second. */
static double reachable(const struct leaky_run *run)
{
    double sum = 0;
    for (double s = 0; s < run->seconds; s += 0.01)
        sum += fmin(5 * exp2(s), run->limit) * 0.01;
    return sum / (run->limit * run->seconds);
}

/* Prints one cell; 1 when a goal is missed. */
static int cell(const struct scene *scene, double limit)
{
    struct leaky_run run = scene->run;
    run.limit = limit;
    struct leaky_result r = mean_of(run);
    if (scene->short_run) {
        printf("  %5.1f %4.1f %5s ", 100 * r.used / reachable(&run), 100 * r.rejected, "-");
        return 0;
    }
    double best = best_fixed(run);
    bool after = run.count_s > 0; /* only about rejects */
    bool used = after || r.used >= fmin(run.change > 0 ? 0.94 : 0.95, best - 0.04);
    bool polite = r.rejected <= (limit <= 5 ? 0.06 : 0.02);
    printf("  %5.1f %4.1f %5.1f%c", 100 * r.used, 100 * r.rejected, 100 * best,
           used && polite ? ' ' : '!');
    return !(used && polite);
}

int main(void)
{
    int missed = 0;
    printf("%-22s", "used / rejected / best");
    for (int i = 0; i < LIMITS; i++)
        printf("  %13.0f/s   ", limits[i]);
    printf("\n");
    for (size_t s = 0; s < sizeof scenes / sizeof *scenes; s++) {
        printf("%-22s", scenes[s].name);
        for (int i = 0; i < LIMITS; i++)
            missed += cell(&scenes[s], limits[i]);
        printf("\n");
    }
    printf("%d goals missed\n", missed);
    return missed > 0;
}
