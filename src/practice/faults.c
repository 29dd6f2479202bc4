/* SPDX-License-Identifier: MIT */
#include "practice/faults.h"

#include "practice/practice.h"

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MS_MAX 600000
#define TIMED_FORM "a share and milliseconds such as 10%:200"

/* Knobs that take a share of the requests: name, kind, help behind the name. */
#define SHARES(X)                                                                             \
    X("429", ML_BREAK_429, "=P%                      429 instead of the answer; not applied") \
    X("500", ML_BREAK_500, "=P%                      500 before anything is applied")         \
    X("502", ML_BREAK_502, "=P%                      502 with HTML; not applied")             \
    X("503", ML_BREAK_503,                                                                    \
      "=P%                      "                                                             \
      "503 with HTML, Retry-After if retry-after= is given; not applied")                     \
    X("reset", ML_BREAK_RESET,                                                                \
      "=P%                    "                                                               \
      "connection reset without an answer; not applied")                                      \
    X("500-after-apply", ML_BREAK_500_AFTER, "=P%          applied, then 500")                \
    X("reset-after-apply", ML_BREAK_RESET_AFTER,                                              \
      "=P%        "                                                                           \
      "applied, then the connection is reset")                                                \
    X("close-after-apply", ML_BREAK_CLOSE_AFTER,                                              \
      "=P%        "                                                                           \
      "applied, then the connection is closed without an answer")                             \
    X("half-body", ML_BREAK_HALF,                                                             \
      "=P%                "                                                                   \
      "applied; half of the declared length, then cut")                                       \
    X("half-body-chunked", ML_BREAK_HALF_CHUNKED,                                             \
      "=P%        "                                                                           \
      "the same without a declared length")                                                   \
    X("garbage", ML_BREAK_GARBAGE, "=P%                  applied; 200 with HTML")             \
    X("empty", ML_BREAK_EMPTY, "=P%                    applied; 200 without a body")          \
    X("drip", ML_BREAK_DRIP, "=P%                     applied; the body in small pieces")     \
    X("hang", ML_BREAK_HANG, "=P%                     applied, never answered")               \
    X("stale", ML_BREAK_STALE,                                                                \
      "=P%                    "                                                               \
      "PATCH: 200 with the old object; not applied")                                          \
    X("accept-drop", ML_BREAK_ACCEPT_DROP,                                                    \
      "=P%              "                                                                     \
      "writes: 202, and never applied")

/* Those that also take milliseconds: name, kind, parser, help behind the name. */
#define TIMED(X)                                            \
    X("late-apply", ML_BREAK_LATE, parse_late,              \
      "=P%:MS            "                                  \
      "writes: closed without an answer, applied MS later") \
    X("accept", ML_BREAK_ACCEPT, parse_accept,              \
      "=P%:MS                "                              \
      "writes: 202, applied MS later")

/* The others: name, parser, member, help behind the name. */
#define SETTINGS(X)                                                   \
    X("slow", parse_slow, slow_share,                                 \
      "=MS or P%:MS            "                                      \
      "applied; answered late")                                       \
    X("rate", parse_rate, rate,                                       \
      "=N/s                    "                                      \
      "a real limit, 429 above it; not applied")                      \
    X("burst", parse_count, burst,                                    \
      "=N                     "                                       \
      "this many at once before the rate counts (1)")                 \
    X("only", parse_only, only,                                       \
      "=read|write             "                                      \
      "all of the above for these requests alone")                    \
    X("latency", parse_ms, latency_ms,                                \
      "=MS                  "                                         \
      "every answer is late by this")                                 \
    X("retry-after", parse_seconds, retry_after,                      \
      "=S               "                                             \
      "seconds in Retry-After (0.2; of the rate: until it has room)") \
    X("429-form", parse_form, form,                                   \
      "=FORM               "                                          \
      "of Retry-After: seconds, decimal, date, none, mixed")          \
    X("shifting-pages", parse_share, shift_share,                     \
      "=P%           "                                                \
      "a recording or the like comes or goes before a later page")    \
    X("loop-pages", parse_flag, loop_pages,                           \
      "                  "                                            \
      "the next page of page 2 is page 1")                            \
    X("repeat-page", parse_flag, repeat_page,                         \
      "                 "                                             \
      "page 2 holds what page 1 held")                                \
    X("shrink-pages", parse_flag, shrink_pages,                       \
      "                "                                              \
      "from page 2 on the list is half as long")                      \
    X("late-page-error", parse_count, late_page,                      \
      "=N           "                                                 \
      "page N is always 500")                                         \
    X("twins", parse_flag, twins,                                     \
      "                       "                                       \
      "names and addresses of users need not be unique")              \
    X("queue", parse_ms, queue_ms,                                    \
      "=MS                    "                                       \
      "Screendragon: queued work is done MS after it was accepted")   \
    X("queue-drop", parse_share, queue_drop,                          \
      "=P%               "                                            \
      "Screendragon: this share of queued work is never done")        \
    X("storage-fail", parse_count, storage_fail,                      \
      "=N              "                                              \
      "the first N uploads are answered with 503")                    \
    X("as-printed", parse_flag, as_printed,                           \
      "                  "                                            \
      "WorkDrive: courses are listed at the path of categories")

struct knob {
    const char *name;
    /* Fills the member at offset; NULL, or what the value should have been. */
    const char *(*parse)(const char *value, void *member, struct ml_faults *f);
    size_t offset;
};

const char *ml_practice_fault_help(void)
{
#define SHARE_LINE(name, kind, help) "  " name help "\n"
#define TIMED_LINE(name, kind, parse, help) "  " name help "\n"
#define SETTING_LINE(name, parse, member, help) "  " name help "\n"
    return SHARES(SHARE_LINE) TIMED(TIMED_LINE) SETTINGS(SETTING_LINE);
}

const char *ml_break_name(enum ml_break kind)
{
#define BREAK_NAME(name, kind, help) [kind] = (name),
#define TIMED_NAME(name, kind, parse, help) [kind] = (name),
    static const char *const names[ML_BREAKS] = {SHARES(BREAK_NAME) TIMED(TIMED_NAME)};
    return kind < ML_BREAKS ? names[kind] : NULL;
}

/* A plain decimal number of up to max at the start of text; *rest is what follows. Returns -1
 * when there is none. strtod alone would take "inf", "0x1p3" and blanks. */
static int parse_number(const char *text, double max, double *number, const char **rest)
{
    size_t len = strspn(text, "0123456789.");
    char digits[24];
    if (len == 0 || len >= sizeof digits || !isdigit((unsigned char)text[0]))
        return -1;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (strchr(digits, '.') != strrchr(digits, '.'))
        return -1;
    double whole = 0, scale = 1;
    bool fraction = false;
    for (size_t i = 0; i < len; i++) {
        if (digits[i] == '.') {
            fraction = true;
            continue;
        }
        whole = whole * 10 + (digits[i] - '0');
        scale *= fraction ? 10 : 1;
    }
    *number = whole / scale;
    *rest = text + len;
    return *number <= max ? 0 : -1;
}

static const char *parse_share(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    double percent;
    const char *rest;
    if (parse_number(value, 100, &percent, &rest) < 0 || strcmp(rest, "%") != 0)
        return "a share such as 5% or 0.5%, up to 100%";
    *(double *)member = percent / 100;
    return NULL;
}

static const char *parse_ms(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    double number;
    const char *rest;
    if (parse_number(value, MS_MAX, &number, &rest) < 0 || (*rest && strcmp(rest, "ms") != 0))
        return "milliseconds such as 200, up to 600000";
    *(unsigned *)member = (unsigned)number;
    return NULL;
}

/* "10%:300": a share and milliseconds. -1: it is not of that form. */
static int parse_both(const char *value, double *share, unsigned *ms)
{
    double percent;
    const char *rest;
    if (parse_number(value, 100, &percent, &rest) < 0 || rest[0] != '%' || rest[1] != ':' ||
        parse_ms(rest + 2, ms, NULL) != NULL)
        return -1;
    *share = percent / 100;
    return 0;
}

static const char *parse_late(const char *value, void *member, struct ml_faults *f)
{
    return parse_both(value, member, &f->late_ms) < 0 ? TIMED_FORM : NULL;
}

static const char *parse_accept(const char *value, void *member, struct ml_faults *f)
{
    return parse_both(value, member, &f->accept_ms) < 0 ? TIMED_FORM : NULL;
}

static const char *parse_slow(const char *value, void *member, struct ml_faults *f)
{
    double *share = member;
    if (parse_both(value, share, &f->slow_ms) == 0)
        return NULL;
    *share = 1;
    return parse_ms(value, &f->slow_ms, f) ? "milliseconds such as 200, or " TIMED_FORM : NULL;
}

static const char *parse_rate(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    double rate;
    const char *rest;
    if (parse_number(value, 1e6, &rate, &rest) < 0 || rate <= 0 ||
        (*rest && strcmp(rest, "/s") != 0))
        return "requests a second such as 50/s, above 0";
    *(double *)member = rate;
    return NULL;
}

static const char *parse_count(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    double count;
    const char *rest;
    if (parse_number(value, 1e6, &count, &rest) < 0 || *rest || count < 1 || strchr(value, '.'))
        return "a whole number from 1 on";
    *(unsigned *)member = (unsigned)count;
    return NULL;
}

static const char *parse_seconds(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    double seconds;
    const char *rest;
    if (parse_number(value, 3600, &seconds, &rest) < 0 || (*rest && strcmp(rest, "s") != 0))
        return "seconds such as 0.05 or 2, up to 3600";
    *(double *)member = seconds;
    return NULL;
}

static const char *parse_flag(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    if (*value)
        return "the name alone";
    *(bool *)member = true;
    return NULL;
}

/* The place of value among `count` words, -1 when it is none of them. */
static int word_index(const char *value, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(value, words[i]) == 0)
            return i;
    return -1;
}

static const char *parse_form(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    static const char *const words[] = {"seconds", "decimal", "date", "none", "mixed"};
    int at = word_index(value, words, 5);
    if (at < 0)
        return "seconds, decimal, date, none or mixed";
    *(enum ml_after *)member = (enum ml_after)(ML_AFTER_SECONDS + at);
    return NULL;
}

static const char *parse_only(const char *value, void *member, struct ml_faults *f)
{
    (void)f;
    static const char *const words[] = {"read", "write"};
    int at = word_index(value, words, 2);
    if (at < 0)
        return "read or write";
    *(enum ml_only *)member = (enum ml_only)(ML_ONLY_READ + at);
    return NULL;
}

static const struct knob knobs[] = {
#define SHARE_KNOB(name, kind, help) \
    {name, parse_share, offsetof(struct ml_faults, share) + (kind) * sizeof(double)},
#define TIMED_KNOB(name, kind, parse, help) \
    {name, parse, offsetof(struct ml_faults, share) + (kind) * sizeof(double)},
#define SETTING_KNOB(name, parse, member, help) \
    {name, parse, offsetof(struct ml_faults, member)},
    SHARES(SHARE_KNOB) TIMED(TIMED_KNOB) SETTINGS(SETTING_KNOB)};

#define KNOBS (sizeof knobs / sizeof *knobs)

static const struct knob *knob_find(const char *name)
{
    for (size_t i = 0; i < KNOBS; i++)
        if (strcmp(knobs[i].name, name) == 0)
            return &knobs[i];
    return NULL;
}

static int refuse_unknown(const char *name, struct ml_err *err)
{
    ml_err_set(err, ML_USAGE, "there is no fault '%.40s'; there are", name);
    for (size_t i = 0; i < KNOBS; i++) {
        size_t used = strlen(err->text);
        size_t left = sizeof err->text - used;
        if (strlen(knobs[i].name) + 3 > left)
            break;
        strcat(err->text + used, i ? ", " : " ");
        strcat(err->text + used, knobs[i].name);
    }
    return -1;
}

/* One "name=value" or "name", without blanks around it. seen: a bit for each knob given. */
static int parse_part(char *part, struct ml_faults *f, uint64_t *seen, struct ml_err *err)
{
    char *equals = strchr(part, '=');
    const char *value = equals ? equals + 1 : "";
    if (equals)
        *equals = '\0';
    const struct knob *knob = knob_find(part);
    if (!knob)
        return refuse_unknown(part, err);
    uint64_t bit = UINT64_C(1) << (knob - knobs);
    if (*seen & bit)
        return ml_err_set(err, ML_USAGE, "the fault '%s' is given twice; say it once", part);
    *seen |= bit;
    const char *wanted = knob->parse(value, (char *)f + knob->offset, f);
    if (wanted)
        return ml_err_set(err, ML_USAGE, "the fault '%s%s%.40s' is not understood: it takes %s",
                          part, equals ? "=" : "", value, wanted);
    return 0;
}

/* What only the whole can show to be wrong. */
static int check_whole(struct ml_faults *f, struct ml_err *err)
{
    double sum = 0;
    for (int i = 0; i < ML_BREAKS; i++)
        sum += f->share[i];
    if (sum > 1 + 1e-9)
        return ml_err_set(
            err, ML_USAGE,
            "the shares of the faults add up to %.1f%%; a request can have only one, "
            "so 100%% is the most",
            sum * 100);
    if (f->burst && f->rate == 0)
        return ml_err_set(err, ML_USAGE, "burst needs a rate; add rate=N/s");
    if (f->rate > 0 && f->burst == 0)
        f->burst = 1;
    return 0;
}

static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    return text;
}

int ml_faults_parse(const char *text, struct ml_faults *f, struct ml_err *err)
{
    struct ml_faults fresh = {.retry_after = -1};
    uint64_t seen = 0;
    int rc = -1;
    char *copy = strdup(text ? text : "");
    if (!copy)
        return ml_err_set(err, ML_MEMORY, "out of memory for the fault text");
    char *next = *trim(copy) ? copy : NULL;
    while (next) {
        char *part = strsep(&next, ",");
        if (parse_part(trim(part), &fresh, &seen, err) < 0)
            goto out;
    }
    rc = check_whole(&fresh, err);
    if (rc == 0)
        *f = fresh;
out:
    free(copy);
    return rc;
}
