/* SPDX-License-Identifier: MIT */
/*
 * Fault texts of any kind: whatever is accepted keeps the promises of faults.h,
 * whatever is refused leaves the settings alone and says why. Built with
 * clang -fsanitize=fuzzer,address,undefined.
 */
#include "practice/fate.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(int promise)
{
    if (!promise)
        abort();
}

static void check_accepted(const struct ml_faults *f)
{
    double sum = 0;
    for (int kind = 0; kind < ML_BREAKS; kind++) {
        require(f->share[kind] >= 0 && f->share[kind] <= 1);
        sum += f->share[kind];
    }
    require(sum <= 1.000001 && f->share[ML_BREAK_NONE] == 0);
    require(f->slow_share >= 0 && f->slow_share <= 1);
    require(f->rate >= 0 && (f->rate == 0) == (f->burst == 0));
    require(f->late_ms <= 600000 && f->accept_ms <= 600000);
    require(f->slow_ms <= 600000 && f->latency_ms <= 600000 && f->queue_ms <= 600000);
    require(f->queue_drop >= 0 && f->queue_drop <= 1);

    struct ml_dice dice = {0};
    struct ml_fate fate;
    for (unsigned long n = 1; n <= 8; n++) {
        ml_fate_choose(f, &dice, 1, n, n % 2, (int64_t)n * 1000, 1748736000000, &fate);
        require(fate.kind < ML_BREAKS && fate.delay_ms <= 1200000);
        require(fate.late_ms == 0 || fate.kind == ML_BREAK_LATE ||
                fate.kind == ML_BREAK_ACCEPT);
        require(memchr(fate.retry_after, '\0', sizeof fate.retry_after) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct ml_faults f, before;
    struct ml_err err = {.kind = ML_NONE};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    memset(&f, 0x55, sizeof f);
    memcpy(&before, &f, sizeof f);
    if (ml_faults_parse(text, &f, &err) == 0) {
        check_accepted(&f);
    } else {
        require(err.kind == ML_USAGE && err.text[0] != '\0');
        require(memcmp(&f, &before, sizeof f) == 0);
    }
    free(text);
    return 0;
}
