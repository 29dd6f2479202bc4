/* SPDX-License-Identifier: MIT */
/*
 * What goes wrong on purpose: the text of --faults, and the settings it means.
 *
 * The text is a list of knobs with commas between, such as
 * "429=5%,reset-after-apply=1%,slow=10%:300". It comes from people, so a part
 * that is not understood is named together with what would be understood.
 *
 * Invariants of a parsed struct ml_faults: shares are 0..1 and those of
 * `share` add up to at most 1; a refused text leaves the struct untouched.
 *
 *     struct ml_faults f;
 *     if (ml_faults_parse("429=5%,only=write", &f, &err) < 0) ...   // err.text says why
 */
#ifndef ML_PRACTICE_FAULTS_H
#define ML_PRACTICE_FAULTS_H

#include "base/err.h"

#include <stdbool.h>

/* A request has at most one of these. Those up to ML_BREAK_RESET happen instead of the request;
 * the three behind them later or never; the rest after it was carried out. */
enum ml_break {
    ML_BREAK_NONE,
    ML_BREAK_429,
    ML_BREAK_500,
    ML_BREAK_502,
    ML_BREAK_503,
    ML_BREAK_RESET,
    ML_BREAK_LATE,
    ML_BREAK_ACCEPT,
    ML_BREAK_ACCEPT_DROP,
    ML_BREAK_500_AFTER,
    ML_BREAK_RESET_AFTER,
    ML_BREAK_CLOSE_AFTER,
    ML_BREAK_HALF,
    ML_BREAK_HALF_CHUNKED,
    ML_BREAK_GARBAGE,
    ML_BREAK_EMPTY,
    ML_BREAK_DRIP,
    ML_BREAK_HANG,
    ML_BREAK_STALE,
    ML_BREAKS
};

/* How Retry-After is written (RFC 9110 10.2.3; decimals are outside it and seen all the same).
 */
enum ml_after {
    ML_AFTER_UNSET,
    ML_AFTER_SECONDS,
    ML_AFTER_DECIMAL,
    ML_AFTER_DATE,
    ML_AFTER_NONE,
    ML_AFTER_MIXED
};

enum ml_only { ML_ONLY_ALL, ML_ONLY_READ, ML_ONLY_WRITE };

struct ml_faults {
    double share[ML_BREAKS]; /* of all requests */
    unsigned late_ms;        /* of ML_BREAK_LATE: applied this much later */
    unsigned accept_ms;      /* of ML_BREAK_ACCEPT */
    double slow_share;
    unsigned slow_ms;
    unsigned latency_ms;
    double shift_share;
    bool loop_pages;
    bool repeat_page;
    bool shrink_pages;
    bool twins;            /* userName and externalId need not be unique */
    unsigned late_page;    /* this page answers 500, 0 = none */
    unsigned queue_ms;     /* Screendragon's queued work is done this much later */
    double queue_drop;     /* and this share of it never */
    unsigned storage_fail; /* this many uploads come to nothing first */
    bool as_printed;       /* courses are served where WorkDrive's manual has them */
    double rate;           /* requests a second, 0 = no limit */
    unsigned burst;        /* requests at once, at least 1 where there is a rate */
    double retry_after;    /* seconds, negative = not given */
    enum ml_after form;
    enum ml_only only;
};

/* Reads a fault text; NULL and "" mean no faults. ML_USAGE names the part that is wrong. */
int ml_faults_parse(const char *text, struct ml_faults *f, struct ml_err *err);
/* "429", "reset-after-apply": the knob's name, NULL for ML_BREAK_NONE. */
const char *ml_break_name(enum ml_break kind);

#endif
