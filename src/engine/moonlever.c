/* SPDX-License-Identifier: MIT */
/* The public door: include/moonlever.h over the engine. */
#include "engine/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "bind/json.h"
#include "engine/settings.h"
#include "net/net.h"

#define SCRIPT_MAX (16u * 1024 * 1024)

static int code_of(const struct ml_err *err)
{
    return err->kind == ML_MEMORY ? MOONLEVER_ENOMEM : MOONLEVER_EUSAGE;
}

int ml_handle_fail(moonlever *h, const struct ml_err *err)
{
    struct ml_engine *e = h->engine;
    ml_buf_clear(&e->error);
    ml_buf_adds(&e->error, err->text);
    if (e->error.data)
        ml_log_redact(&e->log, e->error.data);
    e->error.len = strlen(ml_buf_str(&e->error));
    return code_of(err);
}

bool ml_handle_busy(const moonlever *h)
{
    return h->inside || h->engine->phase == ML_RUNNING;
}

const char *moonlever_version(void)
{
    return MOONLEVER_VERSION;
}

const char *moonlever_libraries(void)
{
    return ml_net_libraries();
}

int moonlever_open(moonlever **out)
{
    struct ml_err err;
    moonlever *h = calloc(1, sizeof *h);
    *out = NULL;
    if (!h)
        return MOONLEVER_ENOMEM;
    h->engine = ml_engine_new(&err);
    if (!h->engine) {
        free(h);
        return MOONLEVER_ENOMEM;
    }
    h->engine->limits.confine = true;
    h->plan_fd = -1;
    *out = h;
    return MOONLEVER_OK;
}

static void unlock_plan(moonlever *h)
{
    if (h->plan_fd >= 0)
        close(h->plan_fd);
    h->plan_fd = -1;
}

void moonlever_close(moonlever *h)
{
    if (!h)
        return;
    ml_engine_free(h->engine);
    unlock_plan(h);
    free(h);
}

int moonlever_set(moonlever *h, const char *key, const char *value)
{
    struct ml_err err;
    if (ml_handle_busy(h))
        return MOONLEVER_EBUSY;
    if (!key || !value) {
        ml_err_set(&err, ML_USAGE, "a setting needs a key and a value");
        return ml_handle_fail(h, &err);
    }
    return ml_settings_set(h->engine, key, value, &err) < 0 ? ml_handle_fail(h, &err)
                                                            : MOONLEVER_OK;
}

void moonlever_on_log(moonlever *h, moonlever_log_fn fn, void *ud)
{
    h->engine->log.sink = fn;
    h->engine->log.ud = ud;
}

void moonlever_on_output(moonlever *h, moonlever_output_fn fn, void *ud)
{
    h->engine->bind.output = fn;
    h->engine->bind.output_ud = ud;
}

void moonlever_on_confirm(moonlever *h, moonlever_confirm_fn fn, void *ud)
{
    h->engine->bind.door.confirm = fn;
    h->engine->bind.door.confirm_ud = ud;
}

const char *moonlever_confirm_word(const moonlever *h)
{
    return h->engine->bind.door.production;
}

void moonlever_on_command(moonlever *h, moonlever_command_fn fn, void *ud)
{
    h->engine->bind.command = fn;
    h->engine->bind.command_ud = ud;
}

void moonlever_on_run(moonlever *h, moonlever_run_fn fn, void *ud)
{
    h->engine->bind.door.on_run = fn;
    h->engine->bind.door.run_ud = ud;
}

void moonlever_reserve_flags(moonlever *h, const char *const *names)
{
    h->engine->bind.flags = names;
}

const char *const *moonlever_credential_names(void)
{
    static const char *const names[] = {"SCREENDESK_TOKEN", "SCREENDESK_SCIM_TOKEN",
                                        "SCREENDRAGON_TOKEN", "WORKDRIVE_API_KEY", NULL};
    return names;
}

/* --- runs --- */

static int read_file(const char *path, struct ml_buf *out, struct ml_err *err)
{
    char piece[65536];
    size_t n;
    FILE *f = fopen(path, "rbe");
    if (!f)
        return ml_err_set(err, ML_USAGE, "cannot read the script %.300s: %s", path,
                          strerror(errno));
    int rc = 0;
    while (rc == 0 && (n = fread(piece, 1, sizeof piece, f)) > 0)
        rc = ml_buf_add(out, piece, n);
    if (rc < 0)
        ml_err_set(err, ML_USAGE, "the script %.300s is larger than %u MiB", path,
                   SCRIPT_MAX >> 20);
    else if (ferror(f))
        rc = ml_err_set(err, ML_USAGE, "cannot read the script %.300s: %s", path,
                        strerror(errno));
    fclose(f);
    return rc;
}

/* `own`: the text is Moonlever's, which no confinement is for. */
static int run_text(moonlever *h, bool own, const char *name, const char *text, size_t len,
                    int argc, const char *const *argv)
{
    struct ml_err err;
    if (ml_handle_busy(h))
        return MOONLEVER_EBUSY;
    h->told = (struct moonlever_status){.size = 0};
    h->inside = true; /* callbacks (the log) may come from here as well */
    h->engine->limits.own = own;
    int rc = ml_engine_start(h->engine, name, text, len, argc, argv, &err);
    h->inside = false;
    return rc < 0 ? ml_handle_fail(h, &err) : MOONLEVER_OK;
}

int moonlever_run_text(moonlever *h, const char *name, const char *text, size_t len, int argc,
                       const char *const *argv)
{
    return run_text(h, false, name, text, len, argc, argv);
}

int moonlever_run_start(moonlever *h, const char *script, int argc, const char *const *argv)
{
    struct ml_err err;
    const struct ml_embedded *ready = ml_embedded_find(ml_script_files, script);
    if (ready)
        return run_text(h, true, ready->name, ready->text, ready->len, argc, argv);
    struct ml_buf text;
    ml_buf_create(&text, SCRIPT_MAX);
    int rc = read_file(script, &text, &err) < 0
                 ? ml_handle_fail(h, &err)
                 : moonlever_run_text(h, script, ml_buf_str(&text), text.len, argc, argv);
    ml_buf_destroy(&text);
    return rc;
}

/* A run whose script is one of ours: `require("moonlever.MODULE").FUNCTION(...)`. */
static int start_own(moonlever *h, const char *kind, const char *name, const char *text,
                     const char *argument)
{
    const char *argv[] = {argument, NULL};
    if (ml_handle_busy(h))
        return MOONLEVER_EBUSY;
    h->engine->bind.kind = kind;
    int rc = run_text(h, true, name, text, strlen(text), 1, argv);
    h->engine->bind.kind = NULL;
    return rc;
}

/* One apply of a plan at a time, whatever the journal: the kernel locks the file. What is wrong
 * with the file itself is said by who reads it. */
static int lock_plan(moonlever *h, const char *path)
{
    struct ml_err err;
    unlock_plan(h);
    h->plan_fd = open(path, O_RDONLY | O_CLOEXEC);
    if (h->plan_fd < 0 || flock(h->plan_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return MOONLEVER_OK;
    ml_err_set(&err, ML_USAGE, "another process is applying %.300s; wait for its end", path);
    ml_handle_fail(h, &err);
    return MOONLEVER_ELOCKED;
}

int moonlever_apply_start(moonlever *h, const char *plan_path)
{
    if (ml_handle_busy(h))
        return MOONLEVER_EBUSY;
    int rc = lock_plan(h, plan_path);
    if (rc != MOONLEVER_OK)
        return rc;
    return start_own(h, "apply", "apply", "return require('moonlever.apply').main(...)",
                     plan_path);
}

int moonlever_resume_start(moonlever *h, const char *run)
{
    return start_own(h, "run", "resume", "return require('moonlever.resume').main(...)", run);
}

int moonlever_undo_start(moonlever *h, const char *run)
{
    return start_own(h, "undo", "undo", "return require('moonlever.undo').main(...)", run);
}

int moonlever_rerun_start(moonlever *h, const char *run)
{
    return start_own(h, "run", "rerun", "return require('moonlever.resume').only_failed(...)",
                     run);
}

int moonlever_tool_start(moonlever *h, const char *tool, int argc, const char *const *argv)
{
    char name[80];
    struct ml_err err;
    snprintf(name, sizeof name, "moonlever.tools.%.60s", tool);
    const struct ml_embedded *file = ml_embedded_find(ml_lua_files, name);
    if (file)
        return run_text(h, true, tool, file->text, file->len, argc, argv);
    ml_err_set(&err, ML_USAGE, "there is no tool \"%.40s\"", tool);
    return ml_handle_fail(h, &err);
}

/* --- sessions --- */

int moonlever_session_start(moonlever *h)
{
    static const char text[] = "return require('moonlever.repl').main()";
    struct ml_err err;
    if (h->engine->isolate.on) {
        ml_err_set(&err, ML_USAGE,
                   "the lines of a session have no process of their own: set "
                   "isolate to none");
        return ml_handle_fail(h, &err);
    }
    int rc = run_text(h, true, "repl", text, sizeof text - 1, 0, NULL);
    h->engine->bind.answers = rc == MOONLEVER_OK;
    return rc;
}

const char *moonlever_asks(const moonlever *h)
{
    return h->engine->phase == ML_RUNNING ? ml_bind_asks(&h->engine->bind) : NULL;
}

int moonlever_answer(moonlever *h, const char *text, size_t len)
{
    if (h->inside)
        return MOONLEVER_EBUSY;
    if (!moonlever_asks(h))
        return MOONLEVER_EUSAGE;
    return ml_bind_answer(&h->engine->bind, text, len) < 0 ? MOONLEVER_ENOMEM : MOONLEVER_OK;
}

void moonlever_interrupt(moonlever *h)
{
    ml_engine_interrupt(h->engine);
}

void moonlever_on_width(moonlever *h, moonlever_width_fn fn, void *ud)
{
    h->engine->bind.width = fn;
    h->engine->bind.width_ud = ud;
}

int moonlever_run_done(const moonlever *h)
{
    return h->engine->phase != ML_RUNNING;
}

/* A host may watch the descriptor alone: what is due without any event makes it readable too.
 */
static void set_alarm(const moonlever *h)
{
    int64_t left = ml_engine_timeout(h->engine);
    if (h->engine->net)
        ml_net_alarm(h->engine->net, left < 0 ? INT64_MAX : ml_clock_us() + left);
}

int moonlever_fd(const moonlever *h)
{
    int fd = h->engine->net ? ml_net_fd(h->engine->net) : -1;
    set_alarm(h);
    return fd;
}

int moonlever_timeout_ms(const moonlever *h)
{
    int64_t us = ml_engine_timeout(h->engine);
    if (us < 0)
        return -1;
    return us > INT32_MAX * 1000LL ? INT32_MAX : (int)((us + 999) / 1000);
}

static int turn(moonlever *h, int64_t timeout_us)
{
    if (h->inside)
        return MOONLEVER_EBUSY;
    h->inside = true;
    ml_engine_turn(h->engine, timeout_us);
    ml_handle_progress(h);
    h->inside = false;
    return MOONLEVER_OK;
}

int moonlever_dispatch(moonlever *h)
{
    int rc = turn(h, 0);
    if (rc == MOONLEVER_OK)
        set_alarm(h);
    return rc;
}

int moonlever_wait(moonlever *h, int timeout_ms)
{
    return turn(h, timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000);
}

void moonlever_cancel(moonlever *h)
{
    ml_engine_cancel(h->engine);
}

/* --- results --- */

const char *moonlever_result_json(moonlever *h)
{
    return h->engine->result.len ? ml_buf_str(&h->engine->result) : "{}";
}

int moonlever_exit_code(const moonlever *h)
{
    return h->engine->exit_code;
}

const char *moonlever_errmsg(const moonlever *h)
{
    return ml_buf_str(&h->engine->error);
}

const char *moonlever_report(moonlever *h)
{
    return ml_buf_str(&h->engine->report);
}

int moonlever_status(const moonlever *h, struct moonlever_status *out)
{
    const struct ml_engine *e = h->engine;
    const struct ml_door *d = &e->bind.door;
    struct moonlever_status s = {.size = sizeof s};
    struct ml_net_stats net = {0};
    if (out->size < sizeof s)
        return MOONLEVER_EUSAGE;
    if (e->net)
        ml_net_stats(e->net, &net);
    s.requests = net.requests;
    s.retries = net.retries;
    s.in_flight = net.in_flight;
    s.queued = net.queued;
    s.items_done = e->bind.items;
    s.items_total = e->bind.items_total;
    s.changes_done = d->begun - d->open;
    s.changes_failed =
        d->counts[ML_STATE_FAILED] + d->counts[ML_STATE_CONFLICT] + d->counts[ML_STATE_UNKNOWN];
    s.changes_total = d->expected;
    s.upload_done = net.upload_done;
    s.upload_total = net.upload_total;
    s.pause_us = net.pause_us;
    s.pause_status = net.pause_status;
    memcpy(s.current, e->bind.current, sizeof s.current);
    s.memory = e->pool.peak;
    s.instructions = e->meter.on ? e->meter.used : 0;
    s.script_us = (uint64_t)e->meter.time_us;
    *out = s;
    return MOONLEVER_OK;
}

/* --- ready-made scripts --- */

const char *moonlever_script_name(size_t index)
{
    for (const struct ml_embedded *f = ml_script_files; f->name; f++)
        if (index-- == 0)
            return f->name;
    return NULL;
}

const char *moonlever_script_text(const char *name)
{
    const struct ml_embedded *f = ml_embedded_find(ml_script_files, name);
    return f ? f->text : NULL;
}
