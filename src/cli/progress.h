/* SPDX-License-Identifier: MIT */
/*
 * How far a run is: what to say and when, apart from where it is said.
 *
 * On a terminal one line is rewritten, at most five times a second and not
 * before half a second, so that short runs stay silent. Elsewhere there is one
 * line a minute, so that logs stay short; for programs there is a line of JSON a
 * second, and one at the end. The work that is counted: changes,
 * once there are any; else items of lists; else requests.
 *
 * Pure: time and numbers come in, a line goes out. The rate is smoothed over
 * about eight seconds, and starts anew when another kind of work is counted.
 *
 *     if (ml_progress_due(&p, now_us) && ml_progress_line(&p, now_us, &status, width, &buf) ==
 * 0) show(buf);
 */
#ifndef ML_CLI_PROGRESS_H
#define ML_CLI_PROGRESS_H

#include "base/buf.h"

#include <moonlever.h>
#include <stdbool.h>
#include <stdint.h>

enum ml_progress_mode { ML_PROGRESS_OFF, ML_PROGRESS_LIVE, ML_PROGRESS_LOG, ML_PROGRESS_JSON };
enum ml_progress_work { ML_WORK_REQUESTS, ML_WORK_ITEMS, ML_WORK_CHANGES };

struct ml_progress {
    enum ml_progress_mode mode;
    int64_t next_us;            /* earliest time of the next line */
    enum ml_progress_work work; /* what is counted now */
    uint64_t seen;              /* count at seen_us */
    int64_t seen_us;
    double rate; /* smoothed, a second; below 0 = not known yet */
};

/* Begins at now_us (monotonic microseconds). */
void ml_progress_create(struct ml_progress *p, enum ml_progress_mode mode, int64_t now_us);
/* Whether a line should be written now. */
bool ml_progress_due(const struct ml_progress *p, int64_t now_us);
/* Puts the line for now into out (emptied first; no newline) and arms the next one. It has at
 * most `width` columns, 0 = any; it ends before the first part that does not fit. -1: no
 * memory. */
int ml_progress_line(struct ml_progress *p, int64_t now_us, const struct moonlever_status *s,
                     size_t width, struct ml_buf *out);
/* As ml_progress_line, as an object of JSON: work (changes, items or requests), done, total,
 * rate and eta (seconds; null = not known), in_flight, failed, wait (null, or {status,
 * seconds}), current. */
int ml_progress_json(struct ml_progress *p, int64_t now_us, const struct moonlever_status *s,
                     struct ml_buf *out);

#endif
