/* SPDX-License-Identifier: MIT */
/*
 * A lane (policy/limit.h) against a leaky bucket, in virtual time.
 *
 * The server is nginx's limit_req as src/http/modules/ngx_http_limit_req_module.c
 * computes it: whole milliseconds, thousandths of a request, and a rejected
 * request leaves the bucket as it was. The client always has something to send,
 * and its loop asks the lane the way the engine does: when a timer fires (in
 * whole milliseconds where the timers are) and after every answer. Nothing
 * sleeps and chance comes from a seed, so a run is the same every time.
 *
 *     struct leaky_run run = {.limit = 50, .burst = 5, .rtt_us = 80000, .seconds = 60, .seed =
 * 1}; struct leaky_result r = leaky_simulate(&run); printf("%.1f %% used, %.1f %% rejected\n",
 * 100 * r.used, 100 * r.rejected);
 */
#ifndef ML_TEST_LEAKY_H
#define ML_TEST_LEAKY_H

#include "base/clock.h"
#include "policy/limit.h"

#include <stddef.h>

#define LEAKY_SLOTS 64

struct leaky_run {
    double limit;      /* requests a second the server allows at first */
    double change;     /* the limit is multiplied by this after change_s; 0 = it stays */
    double change_s;   /* when */
    double back_s;     /* when the first limit comes back; 0 = never */
    unsigned burst;    /* limit_req burst= (nodelay) */
    int64_t rtt_us;    /* round trip */
    int64_t jitter_us; /* the way there takes up to this much longer, evenly spread */
    int64_t timer_us;  /* grain of the client's timers; 0 = exact */
    double seconds;    /* how long the run is */
    double count_s;    /* counting starts here */
    double fixed;   /* not the lane but this fixed rate (what an all-knowing client could do) */
    double start;   /* start rate of the lane; 0 = 5 */
    double ceiling; /* ceiling of the lane; 0 = none */
    uint64_t seed;
};

struct leaky_result {
    double used;     /* accepted / allowed while counting */
    double rejected; /* rejected / sent while counting */
    double sent;     /* requests sent while counting */
    double rate;     /* the lane's rate at the end */
};

enum leaky_state { LEAKY_FREE, LEAKY_GOING, LEAKY_ACCEPTED, LEAKY_REJECTED };

struct leaky_request {
    enum leaky_state state;
    int64_t sent_us;
    int64_t next_us; /* when it arrives, then when its answer does */
};

struct leaky {
    const struct leaky_run *run;
    struct ml_limit lane;
    struct leaky_request request[LEAKY_SLOTS];
    int64_t now_us;
    int64_t timer_us;
    int64_t fixed_us; /* earliest next send at a fixed rate */
    uint64_t chance;
    int64_t excess; /* of the bucket, thousandths of a request */
    int64_t last_ms;
    double accepted, rejected, allowed;
};

static inline double leaky_limit_at(const struct leaky_run *run, double s)
{
    bool changed =
        run->change > 0 && s >= run->change_s && (run->back_s == 0 || s < run->back_s);
    return changed ? run->limit * run->change : run->limit;
}

/* limit_req: ngx_http_limit_req_lookup(). */
static inline bool leaky_accepts(struct leaky *sim)
{
    int64_t rate = (int64_t)(leaky_limit_at(sim->run, (double)sim->now_us / 1e6) * 1000);
    int64_t ms = sim->now_us / 1000 - sim->last_ms;
    int64_t excess = sim->excess - rate * ms / 1000 + 1000;
    if (excess < 0)
        excess = 0;
    if (excess > (int64_t)sim->run->burst * 1000)
        return false;
    sim->excess = excess;
    sim->last_ms += ms;
    return true;
}

static inline int64_t leaky_ask(struct leaky *sim)
{
    if (sim->run->fixed <= 0)
        return ml_limit_ask(&sim->lane, sim->now_us);
    if (sim->now_us < sim->fixed_us)
        return sim->fixed_us - sim->now_us;
    sim->fixed_us = sim->now_us + (int64_t)(1e6 / sim->run->fixed);
    return 0;
}

static inline void leaky_send(struct leaky *sim)
{
    int i = 0;
    while (i < LEAKY_SLOTS - 1 && sim->request[i].state != LEAKY_FREE)
        i++;
    double late = ml_random01(&sim->chance) * (double)sim->run->jitter_us;
    sim->request[i] = (struct leaky_request){
        LEAKY_GOING, sim->now_us, sim->now_us + sim->run->rtt_us / 2 + (int64_t)late};
}

/* One turn of the client's loop: sends what it may and arms the timer. */
static inline void leaky_turn(struct leaky *sim)
{
    int64_t wait;
    while ((wait = leaky_ask(sim)) == 0)
        leaky_send(sim);
    if (wait == ML_LIMIT_FULL) {
        sim->timer_us = INT64_MAX;
        return;
    }
    int64_t grain = sim->run->timer_us;
    if (grain)
        wait = (wait + grain - 1) / grain * grain;
    /* No loop wakes up on the microsecond. */
    sim->timer_us = sim->now_us + wait + (int64_t)(ml_random01(&sim->chance) * 100);
}

static inline void leaky_arrive(struct leaky *sim, struct leaky_request *r)
{
    bool ok = leaky_accepts(sim);
    r->state = ok ? LEAKY_ACCEPTED : LEAKY_REJECTED;
    r->next_us = sim->now_us + sim->run->rtt_us / 2;
    if ((double)sim->now_us < sim->run->count_s * 1e6)
        return;
    sim->accepted += ok;
    sim->rejected += !ok;
}

static inline void leaky_answer(struct leaky *sim, struct leaky_request *r)
{
    bool ok = r->state == LEAKY_ACCEPTED;
    r->state = LEAKY_FREE;
    if (sim->run->fixed <= 0)
        ml_limit_done(&sim->lane, sim->now_us, sim->now_us - r->sent_us,
                      ok ? ML_LIMIT_OK : ML_LIMIT_REJECTED);
    leaky_turn(sim);
}

static inline struct leaky_request *leaky_next(struct leaky *sim)
{
    struct leaky_request *first = NULL;
    for (int i = 0; i < LEAKY_SLOTS; i++) {
        struct leaky_request *r = &sim->request[i];
        if (r->state != LEAKY_FREE && (!first || r->next_us < first->next_us))
            first = r;
    }
    return first;
}

static inline void leaky_step(struct leaky *sim)
{
    struct leaky_request *r = leaky_next(sim);
    if (!r || sim->timer_us < r->next_us) {
        sim->now_us = sim->timer_us;
        leaky_turn(sim);
        return;
    }
    sim->now_us = r->next_us;
    if (r->state == LEAKY_GOING)
        leaky_arrive(sim, r);
    else
        leaky_answer(sim, r);
}

static inline double leaky_allowance(const struct leaky_run *run)
{
    double sum = 0;
    for (double s = run->count_s; s < run->seconds; s += 0.01)
        sum += leaky_limit_at(run, s) * 0.01;
    return sum;
}

static inline struct leaky_result leaky_simulate(const struct leaky_run *run)
{
    struct leaky sim = {.run = run, .chance = run->seed, .last_ms = -60000};
    struct ml_limit_conf conf = {
        .start = run->start > 0 ? run->start : 5, .ceiling = run->ceiling, .in_flight = 32};
    ml_limit_create(&sim.lane, &conf, 0);
    while ((double)sim.now_us < run->seconds * 1e6)
        leaky_step(&sim);
    double sent = sim.accepted + sim.rejected;
    return (struct leaky_result){.used = sim.accepted / leaky_allowance(run),
                                 .rejected = sent > 0 ? sim.rejected / sent : 0,
                                 .sent = sent,
                                 .rate = sim.lane.rate};
}

#endif
