/* SPDX-License-Identifier: MIT */
/*
 * Any text as a confined script: it ends within its limits, leaves nothing behind, and never
 * has more memory than it may. Everything is written by somebody else here, Lua's compiler
 * included.
 */
#include <stdint.h>
#include <stdlib.h>

#include "engine/engine.h"

#define INSTRUCTIONS 50000
#define MEMORY ((size_t)12 << 20)
#define RESERVE ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ml_limits limits(void)
{
    return (struct ml_limits){.confine = true,
                              .instructions_set = true,
                              .instructions = INSTRUCTIONS,
                              .memory_set = true,
                              .memory = MEMORY,
                              .time_set = true,
                              .time_us = 5000000,
                              .output_set = true,
                              .output = 10000};
}

/* Scripts that sleep, or talk to services that are not there, would wait: they are cancelled.
 */
static void run(struct ml_engine *e, const char *text, size_t len)
{
    struct ml_err err;
    if (ml_engine_start(e, "fuzz", text, len, 0, NULL, &err) < 0)
        return;
    for (int turns = 0; e->phase == ML_RUNNING; turns++) {
        ml_engine_turn(e, 0);
        if (turns == 50)
            ml_engine_cancel(e);
    }
    if (e->pool.peak > MEMORY + RESERVE || e->exit_code < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ml_err err;
    struct ml_engine *e = ml_engine_new(&err);
    if (!e)
        return 0;
    e->limits = limits();
    run(e, (const char *)data, size);
    ml_engine_free(e);
    return 0;
}
