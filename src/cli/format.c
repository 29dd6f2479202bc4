/* SPDX-License-Identifier: MIT */
#include "cli/format.h"

#include <inttypes.h>
#include <string.h>

int ml_format_count(struct ml_buf *b, uint64_t n)
{
    if (n < 1000)
        return ml_buf_addf(b, "%" PRIu64, n);
    if (ml_format_count(b, n / 1000) < 0)
        return -1;
    return ml_buf_addf(b, ",%03" PRIu64, n % 1000);
}

static int two_units(struct ml_buf *b, int64_t big, const char *big_name, int64_t small,
                     const char *small_name)
{
    if (ml_buf_addf(b, "%" PRId64 " %s", big, big_name) < 0)
        return -1;
    return small ? ml_buf_addf(b, " %" PRId64 " %s", small, small_name) : 0;
}

int ml_format_duration(struct ml_buf *b, int64_t seconds)
{
    if (seconds < 0)
        seconds = 0;
    if (seconds < 60)
        return ml_buf_addf(b, "%" PRId64 " s", seconds);
    if (seconds < 3600)
        return two_units(b, seconds / 60, "min", seconds % 60, "s");
    if (seconds < 86400)
        return two_units(b, seconds / 3600, "h", seconds % 3600 / 60, "min");
    return two_units(b, seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

int ml_format_rate(struct ml_buf *b, double per_second)
{
    if (per_second < 9.95)
        return ml_buf_addf(b, "%.1f/s", per_second);
    if (per_second > 1e15)
        per_second = 1e15;
    if (ml_format_count(b, (uint64_t)(per_second + 0.5)) < 0)
        return -1;
    return ml_buf_adds(b, "/s");
}

/* A quote inside ends the quoted text, is escaped, and begins it anew. */
int ml_format_word(struct ml_buf *b, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~:/@%+";
    if (*word && word[strspn(word, plain)] == '\0')
        return ml_buf_adds(b, word);
    int rc = ml_buf_adds(b, "'");
    for (; rc == 0 && *word; word++)
        rc = *word == '\'' ? ml_buf_adds(b, "'\\''") : ml_buf_add(b, word, 1);
    return rc < 0 ? -1 : ml_buf_adds(b, "'");
}
