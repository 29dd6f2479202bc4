/* SPDX-License-Identifier: MIT */
/* The handle behind include/moonlever.h, for the files that implement it. */
#ifndef ML_ENGINE_HANDLE_H
#define ML_ENGINE_HANDLE_H

#include "engine/engine.h"
#include "moonlever.h"

struct moonlever {
    struct ml_engine *engine;
    bool inside;                  /* a callback of ours is running below us */
    int plan_fd;                  /* the plan that is applied: its lock, -1 = none */
    int64_t told_us;              /* when the last progress was told */
    struct moonlever_status told; /* ... and what it was */
};

/* Keeps the text for moonlever_errmsg(); the code to return. */
int ml_handle_fail(moonlever *h, const struct ml_err *err);
/* May no setting change now: a run is under way, or a callback below us? */
bool ml_handle_busy(const moonlever *h);
/* Tells how far the run is, if the host listens, something moved, and the last time was long
 * enough ago or the run has ended. */
void ml_handle_progress(moonlever *h);

#endif
