/* SPDX-License-Identifier: MIT */
/*
 * Numbers for people: "1,170", "12.3", "5 min 20 s". Plain ASCII, no locale.
 *
 *     ml_format_count(&b, 1170);        // 1,170
 *     ml_format_duration(&b, 320);      // 5 min 20 s
 */
#ifndef ML_CLI_FORMAT_H
#define ML_CLI_FORMAT_H

#include "base/buf.h"

#include <stdint.h>

/* Appends a count with a comma between thousands. */
int ml_format_count(struct ml_buf *b, uint64_t n);
/* Appends a duration in whole seconds with at most two units: "8 s", "5 min 20 s", "2 h 5 min",
 * "3 d 4 h"; seconds below 0 count as 0. */
int ml_format_duration(struct ml_buf *b, int64_t seconds);
/* Appends a word as a shell reads it, quoted where that is needed. */
int ml_format_word(struct ml_buf *b, const char *word);
/* Appends a rate a second: one decimal below 10 ("0.4/s"), none above ("120/s"). */
int ml_format_rate(struct ml_buf *b, double per_second);

#endif
