/* SPDX-License-Identifier: MIT */
#include "practice/fate.h"

#include "practice/seed.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

#define RETRY_AFTER_S 0.2 /* long enough to be noticed, short enough for tests */

void ml_fate_date(int64_t wall_ms, char out[40])
{
    /* Not strftime: names of days and months would follow the locale. */
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    time_t seconds = (time_t)((wall_ms + 999) / 1000);
    if (!gmtime_r(&seconds, &tm)) {
        out[0] = '\0';
        return;
    }
    snprintf(out, 40, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void write_after(enum ml_after form, double seconds, int64_t wall_ms, char out[40])
{
    out[0] = '\0';
    if (form == ML_AFTER_SECONDS)
        snprintf(out, 40, "%.0f", ceil(seconds));
    else if (form == ML_AFTER_DECIMAL)
        snprintf(out, 40, "%d.%03d", (int)seconds, (int)((seconds - (int)seconds) * 1000));
    else if (form == ML_AFTER_DATE)
        ml_fate_date(wall_ms + (int64_t)(seconds * 1000), out);
}

/* The header of a 429. Mixed goes none, seconds, decimal, date and round again. */
static void tell_after(const struct ml_faults *f, struct ml_dice *dice, enum ml_after unset,
                       double seconds, int64_t wall_ms, char out[40])
{
    static const enum ml_after round[] = {ML_AFTER_NONE, ML_AFTER_SECONDS, ML_AFTER_DECIMAL,
                                          ML_AFTER_DATE};
    enum ml_after form = f->form ? f->form : unset;
    if (form == ML_AFTER_MIXED)
        form = round[dice->told++ % 4];
    write_after(form, f->retry_after >= 0 ? f->retry_after : seconds, wall_ms, out);
}

/* Takes a token of the rate limit: 0, or seconds until there is one. */
static double take_token(const struct ml_faults *f, struct ml_dice *dice, int64_t now_us)
{
    double fresh = (double)(now_us - dice->filled_us) / 1e6 * f->rate;
    dice->tokens = dice->filled_us ? fmin(dice->tokens + fresh, f->burst) : f->burst;
    dice->filled_us = now_us;
    if (dice->tokens < 1)
        return (1 - dice->tokens) / f->rate;
    dice->tokens -= 1;
    return 0;
}

/* One throw decides: the shares lie side by side, so they are exact and at most one hits. */
static enum ml_break throw_dice(const struct ml_faults *f, uint64_t seed, unsigned long n)
{
    double at = ml_seed_chance(seed, ML_SEED_FAULT, n);
    for (int kind = ML_BREAK_NONE + 1; kind < ML_BREAKS; kind++) {
        at -= f->share[kind];
        if (at < 0)
            return (enum ml_break)kind;
    }
    return ML_BREAK_NONE;
}

void ml_fate_choose(const struct ml_faults *f, struct ml_dice *dice, uint64_t seed,
                    unsigned long n, bool write, int64_t now_us, int64_t wall_ms,
                    struct ml_fate *fate)
{
    *fate = (struct ml_fate){.kind = ML_BREAK_NONE, .delay_ms = f->latency_ms};
    if (f->only != ML_ONLY_ALL && write != (f->only == ML_ONLY_WRITE))
        return;
    if (ml_seed_chance(seed, ML_SEED_SLOW, n) < f->slow_share)
        fate->delay_ms += f->slow_ms;
    double wait = f->rate > 0 ? take_token(f, dice, now_us) : 0;
    if (wait > 0) {
        fate->kind = ML_BREAK_429;
        fate->limited = true;
        tell_after(f, dice, ML_AFTER_SECONDS, wait, wall_ms, fate->retry_after);
        return;
    }
    fate->kind = throw_dice(f, seed, n);
    fate->late_ms = fate->kind == ML_BREAK_LATE     ? f->late_ms
                    : fate->kind == ML_BREAK_ACCEPT ? f->accept_ms
                                                    : 0;
    if (fate->kind == ML_BREAK_429)
        tell_after(f, dice, ML_AFTER_MIXED, RETRY_AFTER_S, wall_ms, fate->retry_after);
    else if (fate->kind == ML_BREAK_503 && f->retry_after >= 0)
        tell_after(f, dice, ML_AFTER_SECONDS, f->retry_after, wall_ms, fate->retry_after);
}
