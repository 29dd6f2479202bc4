/* SPDX-License-Identifier: MIT */
#include "cli/progress.h"

#include "cli/format.h"

#include <inttypes.h>

#define LIVE_DELAY_US 500000
#define LIVE_EVERY_US 200000
#define LOG_EVERY_US 60000000
#define JSON_EVERY_US 1000000
#define SMOOTH_S 8.0
#define PART_MAX 200

struct counts {
    uint64_t done, total;
    const char *unit; /* of one */
};

void ml_progress_create(struct ml_progress *p, enum ml_progress_mode mode, int64_t now_us)
{
    *p = (struct ml_progress){.mode = mode, .seen_us = now_us, .rate = -1};
    p->next_us = now_us + (mode == ML_PROGRESS_LOG ? LOG_EVERY_US : LIVE_DELAY_US);
}

bool ml_progress_due(const struct ml_progress *p, int64_t now_us)
{
    return p->mode != ML_PROGRESS_OFF && now_us >= p->next_us;
}

static enum ml_progress_work work_of(const struct moonlever_status *s)
{
    if (s->changes_done > 0 || s->changes_total > 0)
        return ML_WORK_CHANGES;
    return s->items_done > 0 || s->items_total > 0 ? ML_WORK_ITEMS : ML_WORK_REQUESTS;
}

static struct counts count_of(enum ml_progress_work work, const struct moonlever_status *s)
{
    switch (work) {
    case ML_WORK_CHANGES:
        return (struct counts){s->changes_done, s->changes_total, "change"};
    case ML_WORK_ITEMS:
        return (struct counts){s->items_done, s->items_total, "record"};
    case ML_WORK_REQUESTS:
        break;
    }
    return (struct counts){s->requests, 0, "request"};
}

/* Exponential smoothing over time: a sample weighs as much as the time it covers. */
static void learn_rate(struct ml_progress *p, int64_t now_us, enum ml_progress_work work,
                       uint64_t done)
{
    if (work != p->work || done < p->seen) {
        p->work = work;
        p->rate = -1;
        p->seen = done;
        p->seen_us = now_us;
        return;
    }
    double seconds = (double)(now_us - p->seen_us) / 1e6;
    if (seconds <= 0)
        return;
    double sample = (double)(done - p->seen) / seconds;
    p->rate =
        p->rate < 0 ? sample : p->rate + (sample - p->rate) * seconds / (seconds + SMOOTH_S);
    p->seen = done;
    p->seen_us = now_us;
}

/* Adds a part, or returns 1 when it does not fit: cut in the middle of a number it would lie.
 */
static int add_part(struct ml_buf *out, const struct ml_buf *part, size_t width)
{
    size_t gap = out->len ? 2 : 0;
    if (part->len == 0)
        return 0;
    if (width && out->len + gap + part->len > width)
        return 1;
    if (ml_buf_add(out, "  ", gap) < 0)
        return -1;
    return ml_buf_add(out, part->data, part->len);
}

static int count_part(struct ml_buf *b, const struct counts *c)
{
    int rc = ml_format_count(b, c->done);
    /* What a list promised may be less than what it holds. */
    bool total = c->total >= c->done && c->total > 0;
    if (total)
        rc |= ml_buf_adds(b, " of ") | ml_format_count(b, c->total);
    return rc | ml_buf_addf(b, " %s%s", c->unit, (total ? c->total : c->done) == 1 ? "" : "s");
}

static int eta_part(struct ml_buf *b, const struct ml_progress *p, const struct counts *c)
{
    if (c->total <= c->done || p->rate < 0.001)
        return 0;
    double seconds = (double)(c->total - c->done) / p->rate;
    if (seconds > 1e9)
        return 0;
    return ml_buf_adds(b, "ETA ") | ml_format_duration(b, (int64_t)(seconds + 0.999));
}

static int wait_part(struct ml_buf *b, const struct moonlever_status *s)
{
    if (s->pause_us <= 0)
        return 0;
    int rc = s->pause_status ? ml_buf_addf(b, "%d: ", s->pause_status) : 0;
    return rc | ml_buf_adds(b, "waiting ") |
           ml_format_duration(b, (s->pause_us + 999999) / 1000000);
}

#define MB 1000000.0

static int upload_part(struct ml_buf *b, const struct moonlever_status *s)
{
    return s->upload_total ? ml_buf_addf(b, "%.1f of %.1f MB sent", (double)s->upload_done / MB,
                                         (double)s->upload_total / MB)
                           : 0;
}

/* The parts in their order: what matters most first, as the end may not fit. */
static int fill_part(int number, struct ml_buf *b, const struct ml_progress *p,
                     const struct counts *c, const struct moonlever_status *s)
{
    switch (number) {
    case 0:
        return count_part(b, c);
    case 1:
        return wait_part(b, s);
    case 2:
        return s->changes_failed
                   ? ml_format_count(b, s->changes_failed) | ml_buf_adds(b, " failed")
                   : 0;
    case 3:
        return p->rate >= 0 ? ml_format_rate(b, p->rate) : 0;
    case 4:
        return eta_part(b, p, c);
    case 5:
        return upload_part(b, s);
    case 6:
        return s->in_flight ? ml_format_count(b, s->in_flight) | ml_buf_adds(b, " in flight")
                            : 0;
    default:
        return ml_buf_adds(b, s->current);
    }
}

int ml_progress_line(struct ml_progress *p, int64_t now_us, const struct moonlever_status *s,
                     size_t width, struct ml_buf *out)
{
    enum ml_progress_work work = work_of(s);
    struct counts counts = count_of(work, s);
    struct ml_buf part;
    int rc = 0;
    learn_rate(p, now_us, work, counts.done);
    p->next_us = now_us + (p->mode == ML_PROGRESS_LOG ? LOG_EVERY_US : LIVE_EVERY_US);
    ml_buf_create(&part, PART_MAX);
    ml_buf_clear(out);
    for (int number = 0; number <= 7 && rc == 0; number++) {
        ml_buf_clear(&part);
        rc = fill_part(number, &part, p, &counts, s);
        if (rc == 0)
            rc = add_part(out, &part, width);
    }
    ml_buf_destroy(&part);
    return rc < 0 ? -1 : 0;
}

/* A number or null. */
static int json_number(struct ml_buf *b, const char *name, double value, bool known)
{
    return known ? ml_buf_addf(b, ",\"%s\":%.15g", name, value)
                 : ml_buf_addf(b, ",\"%s\":null", name);
}

static int json_upload(struct ml_buf *b, const struct moonlever_status *s)
{
    return s->upload_total
               ? ml_buf_addf(b, ",\"upload\":{\"done\":%" PRIu64 ",\"total\":%" PRIu64 "}",
                             s->upload_done, s->upload_total)
               : 0;
}

static int json_wait(struct ml_buf *b, const struct moonlever_status *s)
{
    if (s->pause_us <= 0)
        return ml_buf_adds(b, ",\"wait\":null");
    if (ml_buf_addf(b, ",\"wait\":{\"status\":") < 0)
        return -1;
    int rc = s->pause_status ? ml_buf_addf(b, "%d", s->pause_status) : ml_buf_adds(b, "null");
    return rc < 0 ? -1 : ml_buf_addf(b, ",\"seconds\":%.1f}", (double)s->pause_us / 1e6);
}

/* The operation is a name of a catalogue: plain letters, which need no escapes. */
int ml_progress_json(struct ml_progress *p, int64_t now_us, const struct moonlever_status *s,
                     struct ml_buf *out)
{
    static const char *const names[] = {"requests", "items", "changes"};
    enum ml_progress_work work = work_of(s);
    struct counts c = count_of(work, s);
    learn_rate(p, now_us, work, c.done);
    p->next_us = now_us + JSON_EVERY_US;
    double rate = p->rate > 0 ? (double)(int64_t)(p->rate * 100 + 0.5) / 100 : p->rate;
    bool ahead = rate > 0 && c.total > c.done;
    ml_buf_clear(out);
    if (ml_buf_addf(out, "{\"work\":\"%s\",\"done\":%" PRIu64, names[work], c.done) < 0 ||
        json_number(out, "total", (double)c.total, c.total > 0) < 0 ||
        json_number(out, "rate", rate, rate >= 0) < 0 ||
        json_number(out, "eta",
                    ahead ? (double)(int64_t)((double)(c.total - c.done) / rate + 0.999) : 0,
                    ahead) < 0 ||
        ml_buf_addf(out, ",\"in_flight\":%" PRIu64 ",\"failed\":%" PRIu64, s->in_flight,
                    s->changes_failed) < 0 ||
        json_upload(out, s) < 0 || json_wait(out, s) < 0)
        return -1;
    return ml_buf_addf(out, ",\"current\":\"%s\"}", s->current);
}
