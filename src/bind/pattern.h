/* SPDX-License-Identifier: MIT */
/*
 * Lua's patterns (manual, 6.4.1) with a count of the work.
 *
 * "(.-)b" on a long subject can take hours, in C, where no hook looks. This matcher takes the
 * same patterns and finds the same captures as Lua 5.4, but asks whether it may go on every
 * STEPS steps, and never nests deeper than ML_PATTERN_DEPTH. No Lua here, so that it can be
 * fuzzed; the functions for scripts are in strings.c.
 *
 *     struct ml_pattern p;
 *     ml_pattern_create(&p, subject, len, pattern, plen);
 *     const char *end = ml_pattern_match(&p, subject);      // at this place only
 *     if (p.fault)  ...the pattern is wrong, or there was too much work (p.stopped)...
 *     else if (end) ...matched up to end; p.captures...
 */
#ifndef ML_BIND_PATTERN_H
#define ML_BIND_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ML_PATTERN_CAPTURES 32
#define ML_PATTERN_DEPTH 200

/* Lengths of captures that are no text. */
enum { ML_CAPTURE_OPEN = -1, ML_CAPTURE_POSITION = -2 };

struct ml_pattern {
    const char *text, *text_end;       /* the subject */
    const char *pattern, *pattern_end; /* without a leading '^' */
    unsigned depth;                    /* that may still be nested */
    unsigned level;                    /* captures, open ones too */
    struct {
        const char *at;
        ptrdiff_t len;
    } captures[ML_PATTERN_CAPTURES];
    const char *fault; /* what is wrong with the pattern, NULL = nothing yet */
    int fault_arg;     /* the number of a capture in the fault's text, 0 = none */
    bool stopped;      /* `may` has said no; the result means nothing */
    unsigned steps;    /* until `may` is asked */
    bool (*may)(void *ud, uint64_t steps); /* go on after so many steps? NULL = always */
    void *ud;
};

/* Everything else is zero. The texts are borrowed. */
void ml_pattern_create(struct ml_pattern *p, const char *text, size_t len, const char *pattern,
                       size_t pattern_len);
/* Matches at `at`: the end of the match, or NULL. Captures are those of this match. */
const char *ml_pattern_match(struct ml_pattern *p, const char *at);
/* Has the pattern no special characters? */
bool ml_pattern_is_plain(const char *pattern, size_t len);

#endif
