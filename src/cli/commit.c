/* SPDX-License-Identifier: MIT */
#include "cli/commit.h"

#include "cli/command.h"
#include "cli/prompt.h"
#include "cli/signals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct sending {
    const struct ml_commit *c;
    moonlever *h;
};

static void on_log(void *ud, int level, const char *text, size_t len)
{
    const struct sending *s = ud;
    ml_term_note(s->c->t, "%s%.*s", level == MOONLEVER_LOG_WARN ? "warning: " : "", (int)len,
                 text);
}

static void on_output(void *ud, const char *text, size_t len)
{
    const struct sending *s = ud;
    (void)fwrite(text, 1, len, s->c->t->out.file); /* ml_term_flush knows whether it worked */
}

/* Asked for production only: whoever typed commit() has said yes. */
static int on_confirm(void *ud, const char *text, size_t len)
{
    const struct sending *s = ud;
    return ml_prompt_ask(s->c->t, text, len, moonlever_confirm_word(s->h), ml_signals_fd());
}

static ptrdiff_t on_command(void *ud, const char *const *argv, char *out, size_t size)
{
    const struct sending *s = ud;
    return ml_command_line(s->c->t, argv, out, size);
}

static void on_run(void *ud, const char *run_id)
{
    const struct sending *s = ud;
    char line[80];
    int n = snprintf(line, sizeof line, "run: %.60s\n", run_id);
    ml_term_text(s->c->t, line, (size_t)n);
}

/* The plan as a file that is nowhere on the disk. */
static int plan_file(const struct ml_commit *c, struct ml_err *err)
{
    size_t at = 0;
    int fd = memfd_create("moonlever-plan", MFD_CLOEXEC);
    while (fd >= 0 && at < c->len) {
        ssize_t n = write(fd, c->plan + at, c->len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            close(fd);
            fd = -1;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return fd >= 0 ? fd
                   : ml_err_set(err, ML_MEMORY, "cannot hold the plan: %s", strerror(errno));
}

static int set(const struct sending *s, const char *key, const char *value, struct ml_err *err)
{
    return moonlever_set(s->h, key, value) == MOONLEVER_OK
               ? 0
               : ml_err_set(err, ML_USAGE, "%s", moonlever_errmsg(s->h));
}

static int prepare(struct sending *s, struct ml_err *err)
{
    char number[24];
    const struct ml_commit *c = s->c;
    if (moonlever_open(&s->h) != MOONLEVER_OK)
        return ml_err_set(err, ML_MEMORY,
                          "the engine does not start: out of memory or descriptors");
    if (ml_drive_settings(s->h, c->o, c->secrets, c->t, c->practice, err) < 0 ||
        (c->typed && set(s, "yes", "true", err) < 0))
        return -1;
    snprintf(number, sizeof number, "%lu", c->number);
    if (c->number && set(s, "confirm", number, err) < 0)
        return -1;
    moonlever_on_log(s->h, on_log, s);
    moonlever_on_output(s->h, on_output, s);
    moonlever_on_run(s->h, on_run, s);
    moonlever_on_command(s->h, on_command, s);
    if (ml_prompt_possible(c->t))
        moonlever_on_confirm(s->h, on_confirm, s);
    return 0;
}

static void say_how_it_went(const struct sending *s)
{
    const char *report = moonlever_report(s->h), *why = moonlever_errmsg(s->h);
    ml_term_flush(s->c->t);
    if (*report)
        ml_term_text(s->c->t, report, strlen(report));
    if (*why)
        ml_term_error(s->c->t, why);
}

/* Applies the plan; what is wrong with it shows as the run's own error. */
static void apply(const struct sending *s, int fd)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = moonlever_apply_start(s->h, path);
    while (rc == MOONLEVER_OK && !moonlever_run_done(s->h)) {
        rc = moonlever_wait(s->h, s->c->turn_ms);
        s->c->turn(s->c->ud, s->h);
    }
    ml_term_clear(s->c->t);
    say_how_it_went(s);
}

void ml_commit(const struct ml_commit *c, struct ml_buf *result)
{
    struct sending s = {.c = c};
    struct ml_err err;
    int fd = -1;
    if (prepare(&s, &err) < 0 || (fd = plan_file(c, &err)) < 0)
        ml_term_error(c->t, err.text);
    else
        apply(&s, fd);
    if (ml_buf_adds(result, s.h && fd >= 0 ? moonlever_result_json(s.h) : "{}") < 0)
        ml_term_error(c->t, "out of memory: moonlever runs knows what came of it");
    if (fd >= 0)
        close(fd);
    moonlever_close(s.h);
}
