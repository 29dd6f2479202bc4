/* SPDX-License-Identifier: MIT */
/*
 * The lane's rate over its life (the numbers were tuned with bench/limit_sim.c):
 *
 *   search    doubles each second; a reject halves it, once a round trip, until answers pass
 *   low       after a back-off, until GOOD_AGAIN answers passed
 *   recovery  x2 a second up to 97 % of the rate that failed, and not beyond
 *   hold      there for HOLD answers, so that slow lanes do not pay for each probe
 *   probe     +1 % a second; past the old failure faster and faster, as the limit has risen
 *
 * A reject during recovery or hold says that the failed rate was noted too high
 * (a bucket with a burst fails late): it is lowered by 6 %, and the lane goes
 * back to where it was after the back-off.
 */
#include "policy/limit.h"

#include <math.h>

#define SECOND_US 1000000
#define LONGEST_US (15LL * 60 * SECOND_US) /* no pause and no spacing is longer */
#define SLOWEST 0.5 /* requests a second that rejects alone never go below */
#define FIRST_BACK_OFF 0.5
#define BACK_OFF 0.85
#define GOOD_AGAIN 2   /* answers that end the low phase */
#define RECOVERY M_LN2 /* growth as an exponent of e a second: x2 */
#define RECOVERED 0.97 /* of the rate that failed */
#define HOLD 70        /* answers */
#define PROBE 0.01     /* as RECOVERY: 1 % */
#define FASTER 5       /* probing grows by this part of what the rate is above the failure */
#define NOTED_TOO_HIGH 0.94
#define NEGLIGIBLE 0.005 /* of the failed rate: above RECOVERED by more is a probe */

/* A timer of whole milliseconds comes up to 1 ms late and the loop adds some. That much is made
 * good while no limit is known and where sends are close together. Not else: it would shorten
 * the next gap, which a server without a burst rejects, while the rate learns the mean anyway.
 */
#define MADE_GOOD_US 2000
#define CLOSE_US 4000

void ml_limit_create(struct ml_limit *l, const struct ml_limit_conf *conf, int64_t now_us)
{
    *l = (struct ml_limit){.conf = *conf, .backed_us = INT64_MIN, .slowed_us = INT64_MIN};
    if (conf->ceiling > 0)
        l->conf.start = fmin(conf->start, conf->ceiling);
    l->rate = l->conf.start;
    l->searching = true;
    l->next_us = l->pause_us = l->grown_us = now_us;
}

/* The rate in force: what was learned, or less when headers say so. */
static double rate_now(const struct ml_limit *l, int64_t now_us)
{
    bool hinted = l->hint_rate > 0 && now_us < l->hint_until_us;
    return hinted ? fmin(l->rate, l->hint_rate) : l->rate;
}

/* Microseconds between two sends. */
static int64_t spacing(const struct ml_limit *l, int64_t now_us)
{
    double rate = rate_now(l, now_us);
    return rate > 0 ? (int64_t)fmin(SECOND_US / rate, LONGEST_US) : 0;
}

unsigned ml_limit_slots(const struct ml_limit *l)
{
    unsigned most = l->conf.in_flight ? l->conf.in_flight : 1;
    if (l->rate <= 0 || l->latency_us <= 0)
        return most;
    double slots = ceil(l->rate * l->latency_us / SECOND_US * 1.5);
    return slots < most ? (unsigned)slots : most;
}

/* How the rate grows now, as an exponent of e a second. */
static double growth(const struct ml_limit *l)
{
    if (l->failed_rate <= 0)
        return M_LN2;
    if (l->rate < l->failed_rate * RECOVERED)
        return l->accepted >= GOOD_AGAIN ? RECOVERY : 0;
    if (l->accepted < HOLD)
        return 0;
    return fmin(fmax(PROBE, (l->rate / l->failed_rate - 1) / FASTER), M_LN2);
}

static void grow(struct ml_limit *l, double seconds)
{
    double most = l->conf.ceiling > 0 ? l->conf.ceiling : INFINITY;
    double known = l->failed_rate * RECOVERED;
    if (l->rate < known)
        most = fmin(most, known);
    l->rate = fmin(l->rate * exp(growth(l) * fmin(seconds, 1)), most);
}

/* Takes a slot and sets the time of the next send. A send that comes much later than it might
 * have shows a lane that is not used to the full: no growth then. */
static void take(struct ml_limit *l, int64_t now_us)
{
    int64_t gap = spacing(l, now_us);
    int64_t late = now_us - l->next_us;
    bool in_use = late <= gap / 2 + MADE_GOOD_US && rate_now(l, now_us) >= l->rate;
    if (in_use)
        grow(l, (double)(now_us - l->grown_us) / SECOND_US);
    l->grown_us = now_us;
    int64_t most = l->failed_rate <= 0 || gap < CLOSE_US ? MADE_GOOD_US : 0;
    l->next_us = now_us - (late < most ? late : most) + gap;
    l->busy++;
}

int64_t ml_limit_ask(struct ml_limit *l, int64_t now_us)
{
    if (l->busy >= ml_limit_slots(l))
        return ML_LIMIT_FULL;
    int64_t paused = ml_limit_paused(l, now_us);
    if (paused > 0)
        return paused;
    /* A hint that has run out may have left a long wait behind. */
    int64_t gap = spacing(l, now_us);
    if (l->next_us > now_us + gap)
        l->next_us = now_us + gap;
    if (l->next_us > now_us)
        return l->next_us - now_us;
    take(l, now_us);
    return 0;
}

/* Goes down to `rate`; what was sent before now is no evidence about it. */
static void slow_down(struct ml_limit *l, int64_t now_us, double rate)
{
    int64_t gap = spacing(l, now_us);
    l->rate = fmin(l->rate, fmax(rate, fmin(SLOWEST, l->conf.start)));
    l->next_us +=
        spacing(l, now_us) - gap; /* the send that is due next keeps the new distance */
    l->slowed_us = now_us;
    l->accepted = 0;
}

static void back_off(struct ml_limit *l, int64_t now_us, int64_t sent_us)
{
    l->rate = rate_now(l, now_us);
    /* What failed is the rate at which it was sent, not the one reached since. */
    double age = (double)(now_us - sent_us + spacing(l, now_us)) / SECOND_US;
    double failed = l->rate * exp(-growth(l) * fmin(age, 1));
    bool probing = l->rate > l->failed_rate * (RECOVERED + NEGLIGIBLE);
    l->failed_rate = probing || l->searching ? failed : failed * NOTED_TOO_HIGH;
    l->low_rate = l->rate * (l->searching ? FIRST_BACK_OFF : BACK_OFF);
    l->backed_us = now_us;
    slow_down(l, now_us, l->low_rate);
}

static void rejected(struct ml_limit *l, int64_t now_us, int64_t sent_us)
{
    if (l->rate <= 0 || sent_us < l->slowed_us)
        return;
    if (l->failed_rate > 0 && l->accepted > GOOD_AGAIN)
        l->searching = false;
    if (l->searching || now_us - l->backed_us >= SECOND_US) {
        back_off(l, now_us, sent_us);
    } else if (l->rate > l->low_rate) {
        l->failed_rate *= NOTED_TOO_HIGH;
        slow_down(l, now_us, l->low_rate);
    }
}

void ml_limit_done(struct ml_limit *l, int64_t now_us, int64_t latency_us,
                   enum ml_limit_outcome outcome)
{
    ml_limit_unsent(l);
    if (latency_us < 1)
        latency_us = 1;
    int64_t sent_us = now_us - latency_us;
    if (outcome == ML_LIMIT_REJECTED)
        rejected(l, now_us, sent_us);
    if (outcome != ML_LIMIT_OK)
        return;
    if (sent_us >= l->slowed_us)
        l->accepted++;
    double latency = (double)latency_us;
    l->latency_us += l->latency_us > 0 ? (latency - l->latency_us) / 8 : latency;
}

void ml_limit_unsent(struct ml_limit *l)
{
    if (l->busy)
        l->busy--;
}

void ml_limit_pause(struct ml_limit *l, int64_t now_us, int64_t pause_us)
{
    int64_t until = now_us + (pause_us < LONGEST_US ? pause_us : LONGEST_US);
    if (until > l->pause_us)
        l->pause_us = until;
}

int64_t ml_limit_paused(const struct ml_limit *l, int64_t now_us)
{
    return l->pause_us > now_us ? l->pause_us - now_us : 0;
}

void ml_limit_hint(struct ml_limit *l, int64_t now_us, double remaining, int64_t reset_us,
                   double quota, int64_t window_us)
{
    if (l->rate <= 0)
        return;
    double share = l->conf.headroom > 0 ? fmin(l->conf.headroom, 1) : 1;
    double rate = INFINITY;
    int64_t until = 0;
    if (quota > 0 && window_us > 0) {
        rate = share * quota / ((double)window_us / SECOND_US);
        until = window_us;
    }
    if (remaining >= 0 && reset_us > 0) {
        /* The share that is not ours is what must be left at the end, where that is known. */
        double ours = quota > 0 ? remaining - quota * (1 - share) : remaining * share;
        if (ours < 1)
            ml_limit_pause(l, now_us, reset_us);
        rate = fmin(rate, fmax(ours, 1) / ((double)reset_us / SECOND_US));
        until = reset_us;
    }
    if (until == 0)
        return;
    l->hint_rate = rate;
    l->hint_until_us = now_us + (until < LONGEST_US ? until : LONGEST_US);
}
