/* SPDX-License-Identifier: MIT */
/*
 * Moments as clients write them: RFC 3339, and its relatives in the samples of
 * the services (a bare date, no zone, a blank for the T), which mean UTC.
 *
 *     int64_t ms;
 *     if (ml_moment_read("2025-01-20T10:00:00+01:00", &ms) == 0) ...   // since 1970, UTC
 */
#ifndef ML_PRACTICE_MOMENT_H
#define ML_PRACTICE_MOMENT_H

#include <stdint.h>

#define ML_MOMENT_MAX 40

/* Milliseconds since 1970. -1: it is no moment of the years 1970 to 9999. */
int ml_moment_read(const char *text, int64_t *ms);
/* "2025-01-20T09:00:00.000Z" */
void ml_moment_write(int64_t ms, char out[ML_MOMENT_MAX]);

#endif
