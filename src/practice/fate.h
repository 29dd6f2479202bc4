/* SPDX-License-Identifier: MIT */
/*
 * What happens to one request, decided from the fault settings.
 *
 * Chance is a function of (seed, number of the request), so a run with one
 * request at a time is repeatable to the byte. Pure: time comes in.
 *
 *     struct ml_fate fate;
 *     ml_fate_choose(&faults, &dice, seed, n, true, ml_clock_us(), ml_clock_wall_ms(), &fate);
 *     if (fate.kind == ML_BREAK_429) ...   // fate.retry_after holds the header, "" for none
 */
#ifndef ML_PRACTICE_FATE_H
#define ML_PRACTICE_FATE_H

#include "practice/faults.h"

#include <stdint.h>

/* What has to be remembered between requests. All zero to begin with. */
struct ml_dice {
    double tokens;           /* of the rate limit */
    int64_t filled_us;       /* when they were counted last, 0 = never */
    unsigned long told;      /* Retry-After forms handed out so far */
    unsigned storage_failed; /* uploads that came to nothing by storage-fail */
};

struct ml_fate {
    enum ml_break kind;
    bool limited;         /* a 429 of the rate limit, not of chance */
    unsigned delay_ms;    /* before the answer */
    unsigned late_ms;     /* until a change that comes late is applied */
    char retry_after[40]; /* value of the header, "" = none */
};

/* Decides; n counts requests from 1. now_us is monotonic, wall_ms since 1970. */
void ml_fate_choose(const struct ml_faults *f, struct ml_dice *dice, uint64_t seed,
                    unsigned long n, bool write, int64_t now_us, int64_t wall_ms,
                    struct ml_fate *fate);
/* Writes an HTTP-date (RFC 9110 5.6.7, IMF-fixdate) that is not before wall_ms. */
void ml_fate_date(int64_t wall_ms, char out[40]);

#endif
