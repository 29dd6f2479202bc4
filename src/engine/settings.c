/* SPDX-License-Identifier: MIT */
#include "engine/settings.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "moonlever.h"

#define MEMORY_LEAST (4 * 1024 * 1024)

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

/* Seconds of processor time. */
static int set_script_time(struct ml_limits *l, const char *value, struct ml_err *err)
{
    double seconds;
    if (set_number(&seconds, value, 1e9, err) < 0)
        return -1;
    l->time_us = (int64_t)(seconds * 1e6);
    l->time_set = true;
    return 0;
}

static int set_memory(struct ml_limits *l, const char *value, struct ml_err *err)
{
    uint64_t bytes;
    if (set_count(&bytes, value, 1e15, err) < 0)
        return -1;
    if (bytes && bytes < MEMORY_LEAST)
        return ml_err_set(err, ML_USAGE, "a run needs at least %d bytes, or 0 for no limit",
                          MEMORY_LEAST);
    l->memory = (size_t)bytes;
    l->memory_set = true;
    return 0;
}

static int set_limit(uint64_t *out, bool *is_set, const char *value, struct ml_err *err)
{
    if (set_count(out, value, 1e15, err) < 0)
        return -1;
    *is_set = true;
    return 0;
}

static int set_methods(struct ml_names *methods, const char *value, struct ml_err *err)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    struct ml_reach given = {.files = false};
    const char *strange = NULL;
    int rc = ml_reach_set(&given.methods, value, err);
    for (size_t i = 0; rc == 0 && i < given.methods.len && !strange; i++) {
        strange = given.methods.names[i];
        for (size_t k = 0; strange && k < sizeof known / sizeof *known; k++)
            strange = strcmp(strange, known[k]) == 0 ? NULL : strange;
    }
    if (strange)
        rc = ml_err_set(err, ML_USAGE, "\"%.20s\" is not a method", strange);
    ml_reach_destroy(&given);
    return rc < 0 ? -1 : ml_reach_set(methods, value, err);
}

/* Where scripts reach. 1: not one of these settings. */
static int set_reach(struct ml_reach *reach, const char *key, const char *value,
                     struct ml_err *err)
{
    if (strcmp(key, "hosts") == 0)
        return ml_reach_set_hosts(reach, value, err);
    if (strcmp(key, "methods") == 0)
        return set_methods(&reach->methods, value, err);
    if (strcmp(key, "writes") == 0)
        return ml_reach_set(&reach->writes, value, err);
    return 1;
}

static int set_isolate(bool *on, const char *value, struct ml_err *err)
{
    *on = strcmp(value, "process") == 0;
    if (*on || strcmp(value, "none") == 0)
        return 0;
    return ml_err_set(err, ML_USAGE, "\"%.40s\" is neither none nor process", value);
}

/* What confines scripts. 1: not one of these settings. */
static int set_confinement(struct ml_engine *e, const char *key, const char *value,
                           struct ml_err *err)
{
    struct ml_limits *l = &e->limits;
    if (strcmp(key, "confine") == 0)
        return set_bool(&l->confine, value, err);
    if (strcmp(key, "isolate") == 0)
        return set_isolate(&e->isolate.on, value, err);
    if (strcmp(key, "isolate_program") == 0)
        return set_text(&e->isolate.program, value, err);
    if (strcmp(key, "memory_max") == 0)
        return set_memory(l, value, err);
    if (strcmp(key, "instructions_max") == 0)
        return set_limit(&l->instructions, &l->instructions_set, value, err);
    if (strcmp(key, "script_time_max") == 0)
        return set_script_time(l, value, err);
    if (strcmp(key, "output_max") == 0)
        return set_limit(&l->output, &l->output_set, value, err);
    if (strcmp(key, "files") == 0) {
        l->files_set = true;
        return set_bool(&l->files, value, err);
    }
    return set_reach(&e->bind.reach, key, value, err);
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

int ml_settings_set(struct ml_engine *e, const char *key, const char *value, struct ml_err *err)
{
    int rc = set_guard(e, key, value, err);
    if (rc == 1)
        rc = set_confinement(e, key, value, err);
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
