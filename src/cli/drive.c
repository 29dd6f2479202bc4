/* SPDX-License-Identifier: MIT */
#include "cli/drive.h"

#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/signals.h"

#include <errno.h>
#include <string.h>

#define TICK_MS 200
#define LINE_MAX_BYTES 2000
#define CLOSING_MAX (64 * 1024)
#define RUN_ID_MAX 64

struct run {
    const struct ml_options *o;
    struct ml_term *t;
    moonlever *h;
    ml_drive_start start;
    const char *what;             /* for start: the script, the plan or the run */
    struct ml_practice *practice; /* owned, NULL without --practice */
    struct ml_progress progress;
    struct ml_buf line;                 /* the progress line being made */
    const char *reserved[ML_FLAGS + 1]; /* names that a script may not use for its arguments */
    char id[RUN_ID_MAX];                /* of the run, "" while it has none */
    bool begun;                         /* it was started */
    bool told_run;                      /* its id was told: it has begun to write */
    int64_t flush_us;                   /* when standard output is flushed next */
    bool told_stop;                     /* "stopping" has been said */
    bool told_output; /* the run has been cancelled because nobody takes its output */
};

static void on_log(void *ud, int level, const char *text, size_t len)
{
    struct run *r = ud;
    ml_term_note(r->t, "%s%.*s", level == MOONLEVER_LOG_WARN ? "warning: " : "", (int)len,
                 text);
}

/* Through stdout, as io.write of a script does: the order of what it prints is kept. */
static void on_output(void *ud, const char *text, size_t len)
{
    struct run *r = ud;
    (void)fwrite(text, 1, len, r->t->out.file); /* ml_term_flush knows whether it worked */
}

static int on_confirm(void *ud, const char *text, size_t len)
{
    struct run *r = ud;
    return ml_prompt_ask(r->t, text, len, moonlever_confirm_word(r->h), ml_signals_fd());
}

static ptrdiff_t on_command(void *ud, const char *const *argv, char *out, size_t size)
{
    struct run *r = ud;
    return ml_command_line(r->t, argv, out, size);
}

/* The promised line, in every mode and however quiet. */
static void on_run(void *ud, const char *run_id)
{
    struct run *r = ud;
    char line[RUN_ID_MAX + 10];
    snprintf(r->id, sizeof r->id, "%s", run_id);
    r->told_run = true;
    int n = snprintf(line, sizeof line, "run: %s\n", r->id);
    ml_term_text(r->t, line, (size_t)n);
}

static int engine_error(struct run *r, struct ml_err *err)
{
    return ml_err_set(err, ML_USAGE, "%s", moonlever_errmsg(r->h));
}

static int set(struct run *r, const char *key, const char *value, struct ml_err *err)
{
    return moonlever_set(r->h, key, value) == MOONLEVER_OK ? 0 : engine_error(r, err);
}

/* "NAME=value" for the keys origin and credential; the text is wiped, it may be secret. */
static int set_pair(struct run *r, const char *key, const char *name, const char *value,
                    struct ml_err *err)
{
    struct ml_buf b;
    ml_buf_create(&b, 4096);
    int rc = ml_buf_addf(&b, "%s=%s", name, value);
    if (rc < 0)
        ml_err_set(err, ML_MEMORY, "out of memory");
    else
        rc = set(r, key, b.data, err);
    if (b.data)
        explicit_bzero(b.data, b.len);
    ml_buf_destroy(&b);
    return rc;
}

const char *ml_drive_log_level(const struct ml_options *o)
{
    static const char *const levels[] = {"1", "2", "3"};
    unsigned verbose = o->count[ML_FLAG_VERBOSE];
    return o->count[ML_FLAG_QUIET] && !verbose ? "0" : levels[verbose < 2 ? verbose : 2];
}

/* The value of a flag as the engine takes it: durations in seconds, switches as true. */
static int set_flag(struct run *r, enum ml_flag flag, const char *key, struct ml_err *err)
{
    char seconds[40];
    const char *value = r->o->values[flag] ? r->o->values[flag] : "true";
    if (ml_flag_rows[flag].type == ML_TYPE_DURATION) {
        snprintf(seconds, sizeof seconds, "%.15g", ml_options_seconds(r->o, flag));
        value = seconds;
    }
    return set(r, key, value, err);
}

/* The profile of a login need not be there yet. */
static bool is_for_us(const struct ml_options *o, enum ml_flag flag)
{
    return flag == ML_FLAG_PROFILE && o->command == ML_CMD_LOGIN;
}

static int apply_flags(struct run *r, struct ml_err *err)
{
    static const struct {
        enum ml_flag flag;
        const char *key;
    } passed[] = {
        {ML_FLAG_DRY_RUN, "dry_run"},
        {ML_FLAG_PLAN, "plan_file"},
        {ML_FLAG_PROFILE, "profile"},
        {ML_FLAG_YES, "yes"},
        {ML_FLAG_CONFIRM, "confirm"},
        {ML_FLAG_CANARY, "canary"},
        {ML_FLAG_WAIT, "wait"},
        {ML_FLAG_RATE, "rate"},
        {ML_FLAG_CONCURRENCY, "concurrency"},
        {ML_FLAG_MAX_CHANGES, "max_changes"},
        {ML_FLAG_MAX_REQUESTS, "max_requests"},
        {ML_FLAG_MAX_TIME, "max_time"},
    };
    if (set(r, "confine", "false", err) < 0) /* whoever types a command trusts its script */
        return -1;
    for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
        if (r->o->count[passed[i].flag] && !is_for_us(r->o, passed[i].flag) &&
            set_flag(r, passed[i].flag, passed[i].key, err) < 0)
            return -1;
    if (r->o->count[ML_FLAG_PLAN] && set(r, "dry_run", "true", err) < 0)
        return -1;
    if (set(r, "log_level", ml_drive_log_level(r->o), err) < 0 ||
        set(r, "proxy", "true", err) < 0)
        return -1;
    return set(r, "env", "true", err);
}

static int start_practice(struct run *r, struct ml_err *err)
{
    bool first = !r->practice;
    if (first && ml_practice_from(r->o, &r->practice, err) < 0)
        return -1;
    const char *origin = ml_practice_origin(r->practice);
    if (first && !r->o->count[ML_FLAG_QUIET])
        ml_term_note(r->t, "practice account at %s, for this run only", origin);
    struct ml_practice_variable v;
    for (size_t i = 0; ml_practice_variable(r->practice, i, &v); i++)
        if (set_pair(r, v.secret ? "credential" : "origin", v.name, v.value, err) < 0)
            return -1;
    return 0;
}

/* A practice run gets none of the real credentials, and no profiles: whatever the script does
 * with other services, it cannot touch a real account. */
static int apply_account(struct run *r, const struct ml_secrets *secrets, struct ml_err *err)
{
    if (r->o->count[ML_FLAG_PRACTICE])
        return set(r, "config", "", err) < 0 ? -1 : start_practice(r, err);
    if (ml_secrets_close_process(err) < 0)
        return -1; /* profiles may bring some as well */
    for (size_t i = 0; i < secrets->count; i++)
        if (set(r, "credential", secrets->text[i], err) < 0)
            return -1;
    return 0;
}

int ml_drive_settings(moonlever *h, const struct ml_options *o,
                      const struct ml_secrets *secrets, struct ml_term *t,
                      struct ml_practice **practice, struct ml_err *err)
{
    struct run r = {.o = o, .t = t, .h = h, .practice = *practice};
    int rc = apply_flags(&r, err);
    if (rc == 0)
        rc = apply_account(&r, secrets, err);
    *practice = r.practice;
    return rc;
}

/* A script is run and planned with the same words, so the flags of both are Moonlever's; --help
 * and --version are the script's when they stand behind it. */
static void reserve_flags(struct run *r)
{
    size_t n = 0;
    for (int f = 0; f < ML_FLAGS; f++)
        if ((ml_command_has(ML_CMD_RUN, (enum ml_flag)f) ||
             ml_command_has(ML_CMD_PLAN, (enum ml_flag)f)) &&
            f != ML_FLAG_HELP && f != ML_FLAG_VERSION)
            r->reserved[n++] = ml_flag_rows[f].name;
    r->reserved[n] = NULL;
    moonlever_reserve_flags(r->h, r->reserved);
}

static int prepare(struct run *r, struct ml_secrets *secrets, struct ml_err *err)
{
    if (moonlever_open(&r->h) != MOONLEVER_OK)
        return ml_err_set(err, ML_MEMORY,
                          "the engine does not start: out of memory or descriptors");
    if (apply_flags(r, err) < 0)
        return -1;
    int rc = apply_account(r, secrets, err);
    ml_secrets_wipe(secrets);
    reserve_flags(r);
    moonlever_on_log(r->h, on_log, r);
    moonlever_on_output(r->h, on_output, r);
    moonlever_on_run(r->h, on_run, r);
    moonlever_on_command(r->h, on_command, r);
    if (ml_prompt_possible(r->t)) /* with --yes it is asked for production only */
        moonlever_on_confirm(r->h, on_confirm, r);
    return rc;
}

/* Output that nobody takes: a run that goes on would change things unseen. */
static void watch_output(struct run *r, int64_t now)
{
    if (r->told_output || now < r->flush_us)
        return;
    r->flush_us = now + TICK_MS * 1000;
    if (ml_term_flush(r->t) == 0)
        return;
    r->told_output = true;
    moonlever_cancel(r->h);
}

static void watch_signals(struct run *r)
{
    if (r->told_stop || ml_signals_count() == 0)
        return;
    r->told_stop = true;
    ml_term_note(r->t, "stopping; once more leaves at once");
}

static void show_progress(struct run *r, int64_t now)
{
    struct moonlever_status status = {.size = sizeof status};
    if (!ml_progress_due(&r->progress, now) || moonlever_status(r->h, &status) != MOONLEVER_OK)
        return;
    bool live = r->progress.mode == ML_PROGRESS_LIVE;
    if (r->progress.mode == ML_PROGRESS_JSON) {
        if (ml_progress_json(&r->progress, now, &status, &r->line) == 0 &&
            ml_buf_adds(&r->line, "\n") == 0)
            ml_term_text(r->t, r->line.data, r->line.len);
        return;
    }
    size_t width = live ? ml_term_width(r->t) - 1 : 0;
    if (ml_progress_line(&r->progress, now, &status, width, &r->line) < 0)
        return; /* no memory for a line of progress: the run itself will say so, if it matters
                 */
    if (live)
        ml_term_progress(r->t, r->line.data, r->line.len);
    else
        ml_term_note(r->t, "%s", ml_buf_str(&r->line));
}

static void tick(struct run *r)
{
    int64_t now = ml_clock_us();
    watch_signals(r);
    watch_output(r, now);
    show_progress(r, now);
}

static enum ml_progress_mode progress_mode(const struct run *r)
{
    const char *how = r->o->values[ML_FLAG_PROGRESS];
    if (how && strcmp(how, "json") == 0)
        return ML_PROGRESS_JSON;
    if (r->o->count[ML_FLAG_QUIET] || (how && strcmp(how, "none") == 0))
        return ML_PROGRESS_OFF;
    return r->t->live ? ML_PROGRESS_LIVE : ML_PROGRESS_LOG;
}

/* Starts the run and turns the loop until it is done. What the run comes to is asked of the
 * handle afterwards; -1 only when the loop itself breaks. */
static int turn(struct run *r)
{
    int rc = r->start(r->h, r->o, r->what);
    if (rc != MOONLEVER_OK)
        return rc;
    r->begun = true;
    ml_progress_create(&r->progress, progress_mode(r), ml_clock_us());
    while (!moonlever_run_done(r->h)) {
        rc = moonlever_wait(r->h, TICK_MS);
        if (rc != MOONLEVER_OK)
            return rc;
        tick(r);
    }
    ml_term_clear(r->t);
    if (r->progress.mode == ML_PROGRESS_JSON) { /* how it was in the end */
        r->progress.next_us = 0;
        show_progress(r, ml_clock_us());
    }
    return MOONLEVER_OK;
}

int ml_drive_code(const moonlever *h, int rc)
{
    int code = moonlever_exit_code(h);
    if (rc == MOONLEVER_OK || code > 0)
        return code;
    if (rc == MOONLEVER_ELOCKED)
        return ML_EXIT_LATER;
    return rc == MOONLEVER_EUSAGE ? ML_EXIT_USAGE : ML_EXIT_FAILED;
}

static uint64_t changes_done(const struct run *r)
{
    struct moonlever_status status = {.size = sizeof status};
    return moonlever_status(r->h, &status) == MOONLEVER_OK ? status.changes_done : 0;
}

/* A run that another process is at work on is not ours to resume. */
static void next_words(struct run *r, const struct ml_closing *c)
{
    struct ml_buf b;
    if (!r->begun || (c->code == ML_EXIT_LATER && !r->told_run))
        return;
    ml_buf_create(&b, CLOSING_MAX);
    if (ml_closing_next(c, &b) == 0 && b.len)
        ml_term_text(r->t, b.data, b.len);
    ml_buf_destroy(&b);
}

/* What was shown is all there is to say. */
static bool is_mere_look(const struct ml_options *o)
{
    return (o->command == ML_CMD_GET || o->command == ML_CMD_LOGIN ||
            o->command == ML_CMD_DOCTOR) &&
           !o->count[ML_FLAG_VERBOSE];
}

/* The closing words on standard error: the report, what went wrong, and what to do next. A
 * reader that went away (head) is no failure and no news, unless something had been changed. */
static void close_words(struct run *r, const struct ml_closing *c)
{
    bool left = r->told_output && ml_term_flush(r->t) == EPIPE;
    const char *report = moonlever_report(r->h), *why = moonlever_errmsg(r->h);
    bool well = c->code == ML_EXIT_DONE || c->code == ML_EXIT_PENDING;
    ml_term_flush(r->t);
    if (left && c->changes == 0)
        return;
    if (*report && !is_mere_look(r->o) && !(well && r->o->count[ML_FLAG_QUIET]))
        ml_term_text(r->t, report, strlen(report));
    if (*why && !r->told_output)
        ml_term_error(r->t, why);
    next_words(r, c);
}

/* The last line of standard output, on a line of its own. */
static void result_line(struct ml_term *t, const struct ml_closing *c, const char *result)
{
    struct ml_buf b;
    if (!c->o->count[ML_FLAG_JSON])
        return;
    ml_term_flush(t);
    if (t->out.last != '\n')
        fputc('\n', t->out.file);
    ml_buf_create(&b, CLOSING_MAX);
    if (ml_closing_json(c, result, &b) == 0)
        fwrite(b.data, 1, b.len, t->out.file);
    else
        ml_term_error(t, "out of memory: the result is not shown");
    ml_buf_destroy(&b);
}

int ml_drive_refuse(const struct ml_options *o, struct ml_term *t, int code)
{
    struct ml_closing c = {.o = o, .run = "", .code = code};
    result_line(t, &c, "{}");
    return code;
}

static void end(struct run *r)
{
    ml_signals_release();
    moonlever_close(r->h);
    ml_practice_stop(r->practice);
    ml_buf_destroy(&r->line);
}

/* Runs what has been prepared. Returns what it came to. */
static struct ml_closing run(struct run *r)
{
    ml_signals_guard(r->h);
    int rc = turn(r);
    const char *result = moonlever_result_json(r->h);
    struct ml_closing c = {
        .o = r->o,
        .run = r->id,
        .code = ml_drive_code(r->h, rc),
        .planned = ml_closing_count(result, "planned"),
        .changes = changes_done(r),
        .failed = ml_closing_failed(result),
    };
    c.code = ml_closing_code(&c);
    close_words(r, &c);
    return c;
}

int ml_drive(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t,
             ml_drive_start start, const char *what)
{
    struct run r = {.o = o, .t = t, .start = start, .what = what};
    struct ml_err err;
    struct ml_closing c = {.o = o, .run = r.id, .code = ML_EXIT_FAILED};
    if (o->command == ML_CMD_RESUME)
        snprintf(r.id, sizeof r.id, "%s", what);
    ml_buf_create(&r.line, LINE_MAX_BYTES);
    if (prepare(&r, secrets, &err) < 0) {
        c.code = err.kind == ML_USAGE ? ML_EXIT_USAGE : ML_EXIT_FAILED;
        ml_term_error(t, err.text);
    } else {
        c = run(&r);
    }
    result_line(t, &c, r.h ? moonlever_result_json(r.h) : "{}");
    end(&r);
    return c.code;
}
