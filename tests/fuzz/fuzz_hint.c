/* SPDX-License-Identifier: MIT */
/*
 * Rate headers are hostile input. The first byte chooses the header, the rest is
 * its value; whatever it is, nothing is read past its end and the results stay
 * in their ranges.
 *
 *     clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc \
 *         tests/fuzz/fuzz_hint.c src/policy/hint.c -o fuzz_hint
 *     ./fuzz_hint -max_total_time=60 tests/fuzz/corpus/hint
 */
#include "policy/hint.h"
#include "policy/retry.h"

#include <stdlib.h>

static const char *const names[] = {
    "Retry-After",     "RateLimit",           "RateLimit-Policy",  "RateLimit-Limit",
    "RateLimit-Reset", "RateLimit-Remaining", "X-RateLimit-Limit", "X-RateLimit-Reset"};

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check(double member)
{
    require(member == -1 || (member >= 0 && member <= 1e15));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *value = (const char *)data + 1;
    const char *name = names[data[0] % (sizeof names / sizeof *names)];
    int64_t wall_ms = 1700000000000LL;
    int64_t wait_ms = ml_hint_retry_after(value, size - 1, wall_ms);
    require(wait_ms >= -1 && wait_ms <= ML_RETRY_AFTER_MAX_MS);
    int64_t date = ml_hint_http_date(value, size - 1);
    require(date >= -1);
    require(date < 0 || wait_ms >= 0); /* every date is a Retry-After */
    struct ml_hint h;
    ml_hint_create(&h);
    int used = ml_hint_header(&h, name, value, size - 1, wall_ms);
    check(h.remaining);
    check(h.reset_s);
    check(h.quota);
    check(h.window_s);
    int said = h.remaining >= 0 || h.reset_s >= 0 || h.quota >= 0;
    require(used == said);
    return 0;
}
