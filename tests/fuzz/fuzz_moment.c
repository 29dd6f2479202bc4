/* SPDX-License-Identifier: MIT */
/*
 * Moments of any kind: what is read lies in the years that can be written, and reading what was
 * written gives the same moment. Built with clang -fsanitize=fuzzer,address,undefined.
 */
#include "practice/moment.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void require(int promise)
{
    if (!promise)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    char written[ML_MOMENT_MAX];
    int64_t ms = -1, again = -1;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    /* A zone may move a moment out of the years that are written with four digits. */
    if (ml_moment_read(text, &ms) == 0 && ms >= 0 && ms < INT64_C(253402300800000)) {
        ml_moment_write(ms, written);
        require(strlen(written) == strlen("2025-06-01T00:00:00.000Z"));
        require(ml_moment_read(written, &again) == 0 && again == ms);
    }
    free(text);
    return 0;
}
