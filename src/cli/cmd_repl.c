/* SPDX-License-Identifier: MIT */
/*
 * `moonlever repl`: the host of a session (include/moonlever.h): the terminal,
 * the lines, Ctrl-C, and the runs that send what a session has planned.
 *
 * The engine turns while somebody types: whenever no key is there, the loop
 * waits for keys, for the engine and for signals at once.
 */
#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/command.h"
#include "cli/commit.h"
#include "cli/drive.h"
#include "cli/line.h"
#include "cli/progress.h"
#include "cli/prompt.h"
#include "cli/signals.h"
#include "cli/width.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 200
#define LINE_MAX_BYTES 8000
#define ANSWER_MAX (17u * 1024 * 1024)
#define RESULT_MAX (64 * 1024)

struct session {
    const struct ml_options *o;
    const struct ml_secrets *secrets;
    struct ml_term *t;
    moonlever *h;
    struct ml_practice *practice;
    struct ml_line *line;
    struct ml_history history;
    enum ml_line_mode mode;
    struct ml_buf typed, answer, shown;
    struct ml_progress progress;
    struct moonlever_status before; /* the numbers when the line at work began */
    int breaks, windows;            /* signals that have been looked at */
    bool leaving;                   /* no line is asked for any more */
    bool told_stop;                 /* "stopping" has been said */
};

/* --- callbacks --- */

static void on_log(void *ud, int level, const char *text, size_t len)
{
    struct session *s = ud;
    if (s->mode != ML_LINE_PIPE && s->breaks != ml_signals_breaks())
        s->t->fresh = false; /* the terminal has shown ^C */
    if (level == MOONLEVER_LOG_ERROR && s->mode != ML_LINE_PIPE) {
        ml_buf_clear(&s->shown);
        if (ml_buf_add(&s->shown, text, len) == 0 && ml_buf_adds(&s->shown, "\n") == 0)
            ml_term_text(s->t, s->shown.data, s->shown.len);
        return;
    }
    ml_term_note(s->t, "%s%.*s", level == MOONLEVER_LOG_WARN ? "warning: " : "", (int)len,
                 text);
}

static void on_output(void *ud, const char *text, size_t len)
{
    struct session *s = ud;
    (void)fwrite(text, 1, len, s->t->out.file); /* ml_term_flush knows whether it worked */
}

static int on_confirm(void *ud, const char *text, size_t len)
{
    struct session *s = ud;
    return ml_prompt_ask(s->t, text, len, moonlever_confirm_word(s->h), ml_signals_fd());
}

static ptrdiff_t on_command(void *ud, const char *const *argv, char *out, size_t size)
{
    struct session *s = ud;
    return ml_command_line(s->t, argv, out, size);
}

/* A session that only plans writes nothing; its commits tell their own runs. */
static void on_run(void *ud, const char *run_id)
{
    struct session *s = ud;
    char line[80];
    int n = snprintf(line, sizeof line, "run: %.60s\n", run_id);
    if (s->o->count[ML_FLAG_LIVE])
        ml_term_text(s->t, line, (size_t)n);
}

static size_t on_width(void *ud, const char *text, size_t len)
{
    (void)ud;
    return ml_width(text, len);
}

/* --- waiting for keys --- */

/* One turn of the engine while a line is edited. The line counts as a progress line, so that
 * whatever is written takes it away first; then it is drawn again. */
static void turn_behind(struct session *s)
{
    bool edits = s->mode == ML_LINE_EDIT;
    s->t->line_shown = edits;
    moonlever_dispatch(s->h);
    ml_term_flush(s->t);
    bool written = edits && !s->t->line_shown;
    s->t->line_shown = false;
    if (written && !s->t->fresh)
        ml_term_text(s->t, "\n", 1);
    if (written)
        ml_line_refresh(s->line);
}

/* What the signals have said. ML_LINE_TEXT: nothing of interest here. */
static enum ml_line_end look_at_signals(struct session *s)
{
    ml_signals_drain();
    if (ml_signals_count() > 0)
        return ML_LINE_END;
    if (s->windows != ml_signals_windows()) {
        s->windows = ml_signals_windows();
        ml_line_resize(s->line);
    }
    if (s->breaks == ml_signals_breaks())
        return ML_LINE_TEXT;
    s->breaks = ml_signals_breaks();
    return ML_LINE_BREAK;
}

static enum ml_line_end wait_for_key(void *ud)
{
    struct session *s = ud;
    for (;;) {
        struct pollfd fds[3] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = moonlever_fd(s->h), .events = POLLIN},
                                {.fd = ml_signals_fd(), .events = POLLIN}};
        int n = poll(fds, 3, moonlever_timeout_ms(s->h));
        if (n < 0 && errno != EINTR)
            return ML_LINE_END;
        enum ml_line_end end = look_at_signals(s);
        if (end != ML_LINE_TEXT || moonlever_run_done(s->h))
            return end == ML_LINE_TEXT ? ML_LINE_END : end;
        if (n >= 0 && (n == 0 || fds[1].revents))
            turn_behind(s);
        if (n > 0 && fds[0].revents)
            return ML_LINE_TEXT;
    }
}

/* --- lines --- */

/* Turns until the session asks again. */
static const char *next_question(struct session *s)
{
    while (!moonlever_asks(s->h) && !moonlever_run_done(s->h))
        if (moonlever_wait(s->h, TICK_MS) != MOONLEVER_OK)
            return NULL;
    return moonlever_asks(s->h);
}

static int answer(struct session *s, const char *sign, const char *text, size_t len)
{
    ml_buf_clear(&s->answer);
    if (ml_buf_adds(&s->answer, sign) < 0 || ml_buf_add(&s->answer, text, len) < 0) {
        ml_term_error(s->t, "out of memory");
        return moonlever_answer(s->h, "!", 1);
    }
    return moonlever_answer(s->h, ml_buf_str(&s->answer), s->answer.len);
}

/* "words AT\nWORD\nWORD": what the session has found. */
static int complete(void *ud, const char *text, size_t len, struct ml_buf *words, size_t *at)
{
    struct session *s = ud;
    if (!moonlever_asks(s->h) || answer(s, "?", text, len) != MOONLEVER_OK)
        return -1;
    const char *found = next_question(s);
    const char *list = found && strncmp(found, "words ", 6) == 0 ? strchr(found, '\n') : NULL;
    if (!list || !list[1])
        return -1;
    *at = strtoul(found + 6, NULL, 10) - 1;
    return ml_buf_adds(words, list + 1) < 0 || ml_buf_adds(words, "\n") < 0 ? -1 : 0;
}

/* Wide enough for tables, or 0 where no person reads them. */
static size_t columns(const struct session *s)
{
    return s->t->out.tty ? ml_term_width(s->t) : 0;
}

static void begin_line(struct session *s)
{
    s->before = (struct moonlever_status){.size = sizeof s->before};
    (void)moonlever_status(s->h, &s->before); /* the size is right: it cannot fail */
    bool quiet = s->o->count[ML_FLAG_QUIET] || !s->t->live || s->mode == ML_LINE_PIPE;
    ml_progress_create(&s->progress, quiet ? ML_PROGRESS_OFF : ML_PROGRESS_LIVE, ml_clock_us());
}

static void hint_at_quit(struct session *s)
{
    if (s->typed.len == 0)
        ml_term_text(s->t, "(:quit or Ctrl-D leaves)\n", 25);
}

static int ask_for_line(struct session *s, const char *prompt)
{
    char sign[24];
    s->breaks = ml_signals_breaks();
    if (s->mode != ML_LINE_PIPE)
        ml_signals_session(NULL); /* Ctrl-C is about the line now */
    ml_term_flush(s->t);
    enum ml_line_end end = ml_line_read(s->line, prompt, &s->typed);
    if (s->mode != ML_LINE_PIPE)
        ml_signals_session(s->h);
    if (moonlever_run_done(s->h))
        return MOONLEVER_OK;
    begin_line(s);
    if (end == ML_LINE_END)
        return moonlever_answer(s->h, NULL, 0);
    if (end == ML_LINE_BREAK) {
        hint_at_quit(s);
        return answer(s, "!", "", 0);
    }
    snprintf(sign, sizeof sign, "=%zu ", columns(s));
    return answer(s, sign, ml_buf_str(&s->typed), s->typed.len);
}

/* --- the other questions --- */

static uint64_t since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static void show_progress(struct session *s, moonlever *h, const struct moonlever_status *then)
{
    struct moonlever_status now = {.size = sizeof now};
    int64_t at = ml_clock_us();
    if (!ml_progress_due(&s->progress, at) || moonlever_status(h, &now) != MOONLEVER_OK)
        return;
    now.requests = since(now.requests, then->requests);
    now.items_done = since(now.items_done, then->items_done);
    now.items_total = since(now.items_total, then->items_total);
    now.changes_done = since(now.changes_done, then->changes_done);
    now.changes_failed = since(now.changes_failed, then->changes_failed);
    now.changes_total = since(now.changes_total, then->changes_total);
    if (ml_progress_line(&s->progress, at, &now, ml_term_width(s->t) - 1, &s->shown) == 0)
        ml_term_progress(s->t, s->shown.data, s->shown.len);
}

static void turn_of_commit(void *ud, moonlever *h)
{
    static const struct moonlever_status none;
    struct session *s = ud;
    if (s->breaks != ml_signals_breaks() || ml_signals_count() > 0) {
        moonlever_cancel(h);
        s->breaks = ml_signals_breaks();
        s->t->fresh = false; /* the terminal has shown ^C */
    }
    show_progress(s, h, &none);
}

/* "commit N\nPLAN" */
static int commit(struct session *s, const char *text)
{
    const char *plan = strchr(text, '\n');
    struct ml_buf result;
    if (!plan)
        return moonlever_answer(s->h, "{}", 2);
    struct ml_commit c = {.o = s->o,
                          .secrets = s->secrets,
                          .t = s->t,
                          .practice = &s->practice,
                          .plan = plan + 1,
                          .len = strlen(plan + 1),
                          .number = strtoul(text, NULL, 10),
                          .typed = s->mode != ML_LINE_PIPE,
                          .turn_ms = TICK_MS,
                          .ud = s,
                          .turn = turn_of_commit};
    s->breaks = ml_signals_breaks();
    if (s->mode != ML_LINE_PIPE)
        ml_signals_session(NULL);
    ml_buf_create(&result, RESULT_MAX);
    ml_commit(&c, &result);
    if (s->mode != ML_LINE_PIPE)
        ml_signals_session(s->h);
    int rc = moonlever_answer(s->h, ml_buf_str(&result), result.len);
    ml_buf_destroy(&result);
    return rc;
}

static int tell_history(struct session *s)
{
    ml_buf_clear(&s->answer);
    for (size_t i = 0; i < s->history.count; i++)
        if (ml_buf_addf(&s->answer, "%s\n", s->history.lines[i]) < 0)
            break; /* so many lines nobody looks at */
    return moonlever_answer(s->h, ml_buf_str(&s->answer), s->answer.len);
}

static int hello(struct session *s)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%s%s", s->mode == ML_LINE_PIPE ? "" : "terminal ",
                     s->practice ? "practice" : "");
    return moonlever_answer(s->h, text, (size_t)n);
}

/* Nothing is typed from now on; what still runs is stopped by Ctrl-C like a script. */
static int leave(struct session *s)
{
    ml_signals_leave();
    s->leaving = true;
    return moonlever_answer(s->h, "", 0);
}

static void watch_leaving(struct session *s)
{
    if (!s->leaving || s->told_stop || ml_signals_count() == 0)
        return;
    s->told_stop = true;
    s->t->fresh = s->mode == ML_LINE_PIPE; /* the terminal has shown ^C */
    ml_term_note(s->t, "stopping; once more leaves at once");
}

static int serve(struct session *s, const char *asks)
{
    if (strncmp(asks, "line ", 5) == 0)
        return ask_for_line(s, asks + 5);
    if (strncmp(asks, "commit ", 7) == 0)
        return commit(s, asks + 7);
    if (strcmp(asks, "history") == 0)
        return tell_history(s);
    if (strcmp(asks, "hello") == 0)
        return hello(s);
    if (strcmp(asks, "leave") == 0)
        return leave(s);
    return ask_for_line(s, "> "); /* "words" that nobody waits for any more */
}

/* --- the session --- */

/* libedit takes bytes for characters as the locale says, and knows none but ASCII in "C". */
static void use_utf8(void)
{
    const char *name = setlocale(LC_CTYPE, "");
    if (!name || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static enum ml_line_mode mode_of(const struct ml_term *t)
{
    const char *kind = getenv("TERM");
    if (!isatty(STDIN_FILENO) || !t->out.tty)
        return ML_LINE_PIPE;
    return kind && *kind && strcmp(kind, "dumb") != 0 ? ML_LINE_EDIT : ML_LINE_PLAIN;
}

static int open_line(struct session *s, struct ml_err *err)
{
    struct ml_line_host host = {.ud = s, .wait = wait_for_key, .complete = complete};
    s->mode = mode_of(s->t);
    if (s->mode != ML_LINE_PIPE)
        ml_history_open(&s->history, s->secrets);
    s->line = ml_line_new(&host, s->t, &s->history, s->mode);
    return s->line ? 0 : ml_err_set(err, ML_MEMORY, "cannot use the terminal");
}

static int prepare(struct session *s, struct ml_err *err)
{
    use_utf8();
    if (moonlever_open(&s->h) != MOONLEVER_OK)
        return ml_err_set(err, ML_MEMORY,
                          "the engine does not start: out of memory or descriptors");
    if (ml_drive_settings(s->h, s->o, s->secrets, s->t, &s->practice, err) < 0)
        return -1;
    if (!s->o->count[ML_FLAG_LIVE] && moonlever_set(s->h, "dry_run", "true") != MOONLEVER_OK)
        return ml_err_set(err, ML_USAGE, "%s", moonlever_errmsg(s->h));
    moonlever_on_log(s->h, on_log, s);
    moonlever_on_output(s->h, on_output, s);
    moonlever_on_run(s->h, on_run, s);
    moonlever_on_width(s->h, on_width, s);
    moonlever_on_command(s->h, on_command, s);
    if (ml_prompt_possible(s->t)) /* with --yes it is asked for production only */
        moonlever_on_confirm(s->h, on_confirm, s);
    return open_line(s, err);
}

static int turn(struct session *s)
{
    int rc = moonlever_session_start(s->h);
    while (rc == MOONLEVER_OK && !moonlever_run_done(s->h)) {
        const char *asks = moonlever_asks(s->h);
        if (asks) {
            ml_term_clear(s->t);
            rc = serve(s, asks);
            if (rc == MOONLEVER_EUSAGE)
                rc = MOONLEVER_OK; /* nobody waits for the answer any more */
        } else {
            rc = moonlever_wait(s->h, TICK_MS);
            watch_leaving(s);
            show_progress(s, s->h, &s->before);
        }
    }
    ml_term_clear(s->t);
    return rc;
}

static int run(struct session *s)
{
    ml_signals_guard(s->h);
    if (s->mode != ML_LINE_PIPE)
        ml_signals_session(s->h);
    int rc = turn(s);
    const char *report = moonlever_report(s->h), *why = moonlever_errmsg(s->h);
    ml_term_flush(s->t);
    if (*report && s->o->count[ML_FLAG_LIVE])
        ml_term_text(s->t, report, strlen(report));
    if (*why)
        ml_term_error(s->t, why);
    int code = ml_drive_code(s->h, rc);
    ml_signals_release();
    return code;
}

int ml_cmd_repl(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    struct session s = {.o = o, .secrets = secrets, .t = t};
    struct ml_err err;
    int code;
    ml_buf_create(&s.typed, ANSWER_MAX);
    ml_buf_create(&s.answer, ANSWER_MAX);
    ml_buf_create(&s.shown, LINE_MAX_BYTES);
    if (prepare(&s, &err) == 0) {
        code = run(&s);
    } else {
        ml_term_error(t, err.text);
        code = err.kind == ML_USAGE ? ML_EXIT_USAGE : ML_EXIT_FAILED;
    }
    ml_line_free(s.line);
    ml_history_close(&s.history);
    moonlever_close(s.h);
    ml_practice_stop(s.practice);
    ml_secrets_wipe(secrets);
    ml_buf_destroy(&s.typed);
    ml_buf_destroy(&s.answer);
    ml_buf_destroy(&s.shown);
    return code;
}
