/* SPDX-License-Identifier: MIT */
/*
 * Sends the plan of a session: a run of its own, in an engine of its own, as
 * `moonlever apply` would. The session's engine never sends a write.
 *
 *     struct ml_commit c = {.o = o, .secrets = secrets, .t = t, .practice = &practice,
 *                           .plan = text, .len = len};
 *     ml_commit(&c, &result);       // {"run":"…","state":"done",…}
 */
#ifndef ML_CLI_COMMIT_H
#define ML_CLI_COMMIT_H

#include "base/buf.h"
#include "cli/drive.h"

struct ml_commit {
    const struct ml_options *o;
    const struct ml_secrets *secrets;
    struct ml_term *t;
    struct ml_practice **practice; /* of the session */
    const char *plan;              /* its text */
    size_t len;
    unsigned long number; /* of deletes that were confirmed, 0 = none */
    bool typed;           /* somebody at a terminal has asked for it: no --yes is needed */
    int turn_ms;          /* how long one turn may wait */
    void *ud;
    void (*turn)(void *ud, moonlever *h); /* after each turn: progress, Ctrl-C */
};

/* Sends it and says how it went. What came of it, one line of JSON, goes to result: "{}" where
 * it did not come to a run. */
void ml_commit(const struct ml_commit *c, struct ml_buf *result);

#endif
