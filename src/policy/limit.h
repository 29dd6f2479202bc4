/* SPDX-License-Identifier: MIT */
/*
 * Pacing of one lane: how fast and how many at once, learned from answers.
 *
 * A lane is one (origin, credential, read or write). The services document no
 * limits (WD-50), so the lane starts slowly, doubles its rate each second
 * until the first reject or the ceiling, then backs off at most once a second
 * (x0.85; in the search for a first rate x0.5, once a round trip), recovers
 * quickly to 97 % of the rate that failed, and probes above it by 1 % a second,
 * faster once it is past it. A reject on the way back up takes the recovery
 * back. Sending is smooth: a lane never saves up permissions for a burst. It
 * does not grow while it is not used.
 *
 * Pure: time comes in as microseconds of a monotonic clock, nothing is read
 * or slept. A rate of 0 means "no limit".
 *
 *     int64_t wait = ml_limit_ask(&lane, now);
 *     if (wait == 0) send();                      // a slot is taken
 *     else if (wait == ML_LIMIT_FULL) ...         // ask again when one is done
 *     else arm_timer(now + wait);                 // ask again then
 *     ...
 *     ml_limit_done(&lane, now, latency, ML_LIMIT_OK);   // gives the slot back
 */
#ifndef ML_POLICY_LIMIT_H
#define ML_POLICY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define ML_LIMIT_FULL INT64_MAX

struct ml_limit_conf {
    double start;       /* requests a second to begin with; 0 = no limit at all */
    double ceiling;     /* never faster than this; 0 = no ceiling */
    unsigned in_flight; /* never more at once than this (1..) */
    double headroom;    /* share of a known quota to use, 0..1; 0 means 1 */
};

enum ml_limit_outcome {
    ML_LIMIT_OK,       /* an answer that is no reject, whatever its status */
    ML_LIMIT_REJECTED, /* 429, or 503 with Retry-After */
    ML_LIMIT_BROKEN    /* no answer: says nothing about the rate */
};

struct ml_limit {
    struct ml_limit_conf conf;
    /* The implementation's own state follows; see limit.c. */
    double rate;        /* now allowed, requests a second; 0 = no limit */
    double failed_rate; /* rate at the last reject, 0 = none yet */
    double hint_rate;   /* cap from headers until hint_until_us, 0 = none */
    int64_t hint_until_us;
    int64_t next_us;      /* earliest next send */
    int64_t pause_us;     /* nothing before this (Retry-After) */
    int64_t grown_us;     /* last growth step */
    int64_t backed_us;    /* last back-off, INT64_MIN = none yet */
    int64_t recent_sends; /* sends since grown_us: has the rate been used? */
    double latency_us;    /* smoothed latency */
    unsigned busy;        /* slots taken */
    int64_t slowed_us; /* last time the rate was lowered; what was sent before is no evidence */
    double low_rate;   /* rate after the last back-off */
    unsigned accepted; /* answers to what was sent since slowed_us */
    bool searching;    /* no rate has proved itself yet: each round trip may halve it */
};

/* A lane at its starting rate. */
void ml_limit_create(struct ml_limit *l, const struct ml_limit_conf *conf, int64_t now_us);
/* 0: go, and a slot is taken. ML_LIMIT_FULL: all slots are taken. Else microseconds to wait. */
int64_t ml_limit_ask(struct ml_limit *l, int64_t now_us);
/* Gives back a slot and learns. latency_us: from send to the end of the answer. */
void ml_limit_done(struct ml_limit *l, int64_t now_us, int64_t latency_us,
                   enum ml_limit_outcome outcome);
/* Gives back a slot whose request was never sent: nothing is learned. */
void ml_limit_unsent(struct ml_limit *l);
/* Nothing is sent for this long (Retry-After: the whole lane waits). A longer pause stands. */
void ml_limit_pause(struct ml_limit *l, int64_t now_us, int64_t pause_us);
/* What headers say of the quota: `remaining` requests (< 0 = unknown) within `reset_us`, and
 * `quota` in a window of `window_us` (<= 0 where unknown). Only ever lowers the rate, until the
 * reset or for 15 minutes; an empty quota pauses the lane until then. No effect on a lane
 * without a limit. */
void ml_limit_hint(struct ml_limit *l, int64_t now_us, double remaining, int64_t reset_us,
                   double quota, int64_t window_us);
/* How many may be in flight now: rate x latency x 1.5, at least 1, at most conf.in_flight. */
unsigned ml_limit_slots(const struct ml_limit *l);
/* Microseconds left of a pause, 0 when there is none. */
int64_t ml_limit_paused(const struct ml_limit *l, int64_t now_us);

#endif
