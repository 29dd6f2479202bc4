/* SPDX-License-Identifier: MIT */
/*
 * The last words of a run: its exit code, the line of JSON that ends standard
 * output, and what to do next.
 *
 * Pure: what is known of the run comes in, text goes out.
 *
 *     struct ml_closing c = {.o = o, .run = "k3j9...", .code = 130};
 *     ml_closing_next(&c, &buf);          // resume with: moonlever resume k3j9...
 */
#ifndef ML_CLI_CLOSING_H
#define ML_CLI_CLOSING_H

#include "base/buf.h"
#include "cli/flags.h"

#include <stdint.h>

/* Exit codes by contract; a script may choose others. */
enum {
    ML_EXIT_DONE = 0,
    ML_EXIT_FAILED = 1,
    ML_EXIT_USAGE = 2,
    ML_EXIT_PARTIAL = 3,
    ML_EXIT_DENIED = 4,
    ML_EXIT_REMOTE = 5,
    ML_EXIT_GUARD = 6,
    ML_EXIT_PENDING = 10,
    ML_EXIT_LATER = 75,
    ML_EXIT_INTERRUPTED = 130
};

struct ml_closing {
    const struct ml_options *o;
    const char *run;  /* its id, "" when it has none */
    int code;         /* how it ended */
    uint64_t planned; /* changes that a dry run or a plan has planned */
    uint64_t changes; /* changes that were made, or tried */
    uint64_t failed;  /* changes that failed, conflicted or are unknown */
};

/* Does the command send nothing that writes? */
bool ml_closing_is_dry(const struct ml_options *o);
/* How many changes are in a state ("planned"), by a result of moonlever_result_json; 0 when it
 * does not say. */
uint64_t ml_closing_count(const char *result, const char *state);
/* How many of them `moonlever runs --failed` shows. */
uint64_t ml_closing_failed(const char *result);
/* The exit code with regard to --exit-code. */
int ml_closing_code(const struct ml_closing *c);
/* Appends the result as one line with newline, its exit code being c->code; `result` is that of
 * moonlever_result_json, "{}" when nothing was run. */
int ml_closing_json(const struct ml_closing *c, const char *result, struct ml_buf *out);
/* Appends a line that says what to do next; nothing when that is clear. */
int ml_closing_next(const struct ml_closing *c, struct ml_buf *out);

#endif
