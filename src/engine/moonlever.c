/* SPDX-License-Identifier: MIT */
/* The public door: include/moonlever.h over the engine. */
#include "engine/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/embedded.h"
#include "bind/json.h"
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

/* --- settings --- */

static int set_bool(bool *out, const char *value, struct ml_err *err)
{
    *out = strcmp(value, "true") == 0;
    if (*out || strcmp(value, "false") == 0)
        return 0;
    return ml_err_set(err, ML_USAGE, "\"%.40s\" is neither true nor false", value);
}

static int set_number(double *out, const char *value, double most, struct ml_err *err)
{
    char *end;
    errno = 0;
    *out = strtod(value, &end);
    if (*value && !*end && errno == 0 && isfinite(*out) && *out >= 0 && *out <= most)
        return 0;
    return ml_err_set(err, ML_USAGE, "\"%.40s\" is not a number from 0 to %.15g", value, most);
}

static int set_count(uint64_t *out, const char *value, double most, struct ml_err *err)
{
    double n;
    if (set_number(&n, value, most, err) < 0)
        return -1;
    if (n != floor(n))
        return ml_err_set(err, ML_USAGE, "\"%.40s\" is not a whole number", value);
    *out = (uint64_t)n;
    return 0;
}

static int set_concurrency(struct ml_engine *e, const char *value, struct ml_err *err)
{
    uint64_t n;
    if (set_count(&n, value, 1000, err) < 0)
        return -1;
    if (n == 0)
        return ml_err_set(err, ML_USAGE, "at least 1 request must be allowed in flight");
    e->net_conf.concurrency = (unsigned)n;
    return 0;
}

/* NAME=VALUE; the value may be a secret and is registered as one when the name is a
 * credential's. */
static int set_pair(struct ml_engine *e, const char *pair, bool secret, struct ml_err *err)
{
    const char *equals = strchr(pair, '=');
    char name[64];
    if (!equals || equals == pair || (size_t)(equals - pair) >= sizeof name)
        return ml_err_set(err, ML_USAGE, "a %s is NAME=VALUE",
                          secret ? "credential" : "setting");
    memcpy(name, pair, (size_t)(equals - pair));
    name[equals - pair] = '\0';
    if (ml_bind_set(&e->bind, name, equals + 1) < 0 ||
        (secret && ml_log_secret(&e->log, equals + 1) < 0))
        return ml_err_set(err, ML_MEMORY, "out of memory");
    return 0;
}

static int set_text(char **out, const char *value, struct ml_err *err)
{
    char *copy = strdup(value);
    if (!copy)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    free(*out);
    *out = copy;
    return 0;
}

static int set_max_time(struct ml_engine *e, const char *value, struct ml_err *err)
{
    double seconds;
    if (set_number(&seconds, value, 1e9, err) < 0)
        return -1;
    e->max_time_us = (int64_t)(seconds * 1e6);
    if (seconds > 0)
        return 0;
    return ml_err_set(err, ML_USAGE, "a run needs more time than 0 s");
}

/* How long the Lua side looks for what was accepted. */
static int set_wait(struct ml_engine *e, const char *value, struct ml_err *err)
{
    double seconds;
    if (set_number(&seconds, value, 1e6, err) < 0)
        return -1;
    if (ml_bind_set(&e->bind, "MOONLEVER_WAIT", value) < 0)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    return 0;
}

static int set_name(struct ml_engine *e, const char *name, const char *value,
                    struct ml_err *err)
{
    return ml_bind_set(&e->bind, name, value) < 0 ? ml_err_set(err, ML_MEMORY, "out of memory")
                                                  : 0;
}

static int set_retention(struct ml_engine *e, const char *value, struct ml_err *err)
{
    uint64_t days;
    if (set_count(&days, value, 100000, err) < 0)
        return -1;
    e->retention = (unsigned)days;
    return 0;
}

static int set_plan_file(struct ml_engine *e, const char *value, struct ml_err *err)
{
    e->bind.door.dry_run = true;
    return set_text(&e->plan_file, value, err);
}

static int set_log_level(struct ml_engine *e, const char *value, struct ml_err *err)
{
    uint64_t level;
    if (set_count(&level, value, MOONLEVER_LOG_DEBUG, err) < 0)
        return -1;
    e->log.level = (int)level;
    return 0;
}

/* The settings that guard a run. 1: not one of them. */
static int set_guard(struct ml_engine *e, const char *key, const char *value,
                     struct ml_err *err)
{
    struct ml_door *door = &e->bind.door;
    if (strcmp(key, "max_changes") == 0)
        return set_count(&door->max_changes, value, 1e15, err);
    if (strcmp(key, "max_requests") == 0)
        return set_count(&e->net_conf.max_requests, value, 1e15, err);
    if (strcmp(key, "max_time") == 0)
        return set_max_time(e, value, err);
    if (strcmp(key, "canary") == 0)
        return set_bool(&door->canary, value, err);
    if (strcmp(key, "confirm") == 0)
        return set_count(&door->confirmed_for, value, 1e15, err);
    if (strcmp(key, "plan_file") == 0)
        return set_plan_file(e, value, err);
    if (strcmp(key, "wait") == 0)
        return set_wait(e, value, err);
    if (strcmp(key, "retention") == 0)
        return set_retention(e, value, err);
    return 1;
}

static int set(struct ml_engine *e, const char *key, const char *value, struct ml_err *err)
{
    int rc = set_guard(e, key, value, err);
    if (rc <= 0)
        return rc;
    if (strcmp(key, "dry_run") == 0)
        return set_bool(&e->bind.door.dry_run, value, err);
    if (strcmp(key, "yes") == 0)
        return set_bool(&e->bind.door.yes, value, err);
    if (strcmp(key, "rate") == 0)
        return set_number(&e->net_conf.rate, value, 1e6, err);
    if (strcmp(key, "concurrency") == 0)
        return set_concurrency(e, value, err);
    if (strcmp(key, "log_level") == 0)
        return set_log_level(e, value, err);
    if (strcmp(key, "env") == 0)
        return set_bool(&e->bind.env, value, err);
    if (strcmp(key, "proxy") == 0)
        return set_bool(&e->net_conf.proxy, value, err);
    if (strcmp(key, "ca_file") == 0)
        return set_text(&e->ca_file, value, err);
    if (strcmp(key, "config") == 0)
        return set_name(e, "MOONLEVER_CONFIG_DIR", value, err);
    if (strcmp(key, "profile") == 0)
        return set_name(e, "MOONLEVER_PROFILE", value, err);
    if (strcmp(key, "journal") == 0)
        return set_text(&e->bind.record.path, value, err);
    if (strcmp(key, "credential") == 0 || strcmp(key, "origin") == 0)
        return set_pair(e, value, key[0] == 'c', err);
    return ml_err_set(err, ML_USAGE, "there is no setting \"%.40s\"", key);
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
    return set(h->engine, key, value, &err) < 0 ? ml_handle_fail(h, &err) : MOONLEVER_OK;
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

int moonlever_run_text(moonlever *h, const char *name, const char *text, size_t len, int argc,
                       const char *const *argv)
{
    struct ml_err err;
    if (ml_handle_busy(h))
        return MOONLEVER_EBUSY;
    h->told = (struct moonlever_status){.size = 0};
    h->inside = true; /* callbacks (the log) may come from here as well */
    int rc = ml_engine_start(h->engine, name, text, len, argc, argv, &err);
    h->inside = false;
    return rc < 0 ? ml_handle_fail(h, &err) : MOONLEVER_OK;
}

int moonlever_run_start(moonlever *h, const char *script, int argc, const char *const *argv)
{
    struct ml_err err;
    const struct ml_embedded *ready = ml_embedded_find(ml_script_files, script);
    if (ready)
        return moonlever_run_text(h, ready->name, ready->text, ready->len, argc, argv);
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
    int rc = moonlever_run_text(h, name, text, strlen(text), 1, argv);
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
        return moonlever_run_text(h, tool, file->text, file->len, argc, argv);
    ml_err_set(&err, ML_USAGE, "there is no tool \"%.40s\"", tool);
    return ml_handle_fail(h, &err);
}

/* --- sessions --- */

int moonlever_session_start(moonlever *h)
{
    static const char text[] = "return require('moonlever.repl').main()";
    int rc = moonlever_run_text(h, "repl", text, sizeof text - 1, 0, NULL);
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
