/* SPDX-License-Identifier: MIT */
#include "practice/practice.h"

#include "practice/seed.h"
#include "practice/server.h"

#include <stdio.h>
#include <stdlib.h>

void ml_practice_defaults(struct ml_practice_conf *conf)
{
    *conf = (struct ml_practice_conf){
        .seed = 1, .recordings = 500, .users = 40, .page_size = 100, .posts = 300};
}

static int check(const struct ml_practice_conf *conf, struct ml_err *err)
{
    if (conf->port > 65535)
        return ml_err_set(err, ML_USAGE, "port %u is not between 0 and 65535", conf->port);
    if (conf->users == 0)
        return ml_err_set(err, ML_USAGE, "a practice account needs at least 1 user, its owner");
    if (conf->page_size == 0)
        return ml_err_set(err, ML_USAGE, "a page needs at least 1 record");
    return 0;
}

static int seed_account(struct ml_practice *p, const struct ml_practice_conf *conf,
                        struct ml_err *err)
{
    p->seed = conf->seed;
    p->page_size = conf->page_size;
    snprintf(p->token, sizeof p->token, "practice-rest-%016llx",
             (unsigned long long)ml_seed_mix(conf->seed, ML_SEED_TOKEN, 1));
    snprintf(p->scim_token, sizeof p->scim_token, "practice-scim-%016llx",
             (unsigned long long)ml_seed_mix(conf->seed, ML_SEED_TOKEN, 2));
    snprintf(p->work_key, sizeof p->work_key, "practice-work-%016llx",
             (unsigned long long)ml_seed_mix(conf->seed, ML_SEED_TOKEN, 4));
    snprintf(p->dragon_token, sizeof p->dragon_token, "practice-dragon-%016llx",
             (unsigned long long)ml_seed_mix(conf->seed, ML_SEED_TOKEN, 3));
    if (ml_recordings_create(&p->recordings, conf->seed, conf->recordings, conf->users, err) <
        0)
        return -1;
    if (ml_users_create(&p->users, conf->seed, conf->users, err) < 0)
        return -1;
    if (ml_dragon_seed(p, conf->users, err) < 0)
        return -1;
    return ml_work_seed(p, conf->users, conf->posts, err);
}

static int fill(struct ml_practice *p, const struct ml_practice_conf *conf, struct ml_err *err)
{
    static const struct ml_handler *const tables[] = {ml_screendesk_handlers, ml_scim_handlers,
                                                      ml_screendragon_handlers,
                                                      ml_workdrive_handlers, NULL};
    if (ml_faults_parse(conf->faults, &p->faults, err) < 0 ||
        ml_serve_bind(ml_routes, tables, &p->bound, &p->bound_count, err) < 0 ||
        seed_account(p, conf, err) < 0 ||
        ml_access_create(&p->access, conf->log_path, err) < 0 ||
        ml_delay_start(&p->delay, err) < 0)
        return -1;
    return ml_http_start(p, conf->port, err);
}

int ml_practice_start(const struct ml_practice_conf *conf, struct ml_practice **out,
                      struct ml_err *err)
{
    if (check(conf, err) < 0)
        return -1;
    struct ml_practice *p = calloc(1, sizeof *p);
    if (!p)
        return ml_err_set(err, ML_MEMORY, "out of memory for the practice server");
    p->access.fd = -1;
    p->printed = json_object();
    pthread_mutex_init(&p->lock, NULL);
    if (fill(p, conf, err) < 0) {
        ml_practice_stop(p);
        return -1;
    }
    *out = p;
    return 0;
}

void ml_practice_stop(struct ml_practice *p)
{
    if (!p)
        return;
    /* In this order: nothing may sleep in libmicrohttpd when it is stopped, and its thread may
     * ask for sleep until it has stopped. */
    if (p->delay.started)
        ml_delay_release(&p->delay);
    ml_http_stop(p);
    if (p->delay.started)
        ml_delay_stop(&p->delay);
    ml_access_destroy(&p->access);
    ml_shelf_destroy(&p->work);
    ml_shelf_destroy(&p->dragon);
    json_decref(p->printed);
    ml_users_destroy(&p->users);
    ml_recordings_destroy(&p->recordings);
    free(p->bound);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

const char *ml_practice_origin(const struct ml_practice *p)
{
    return p->origin;
}

bool ml_practice_variable(const struct ml_practice *p, size_t i,
                          struct ml_practice_variable *variable)
{
    const struct ml_practice_variable all[] = {
        {"SCREENDESK_URL", p->origin, false},           {"SCREENDESK_TOKEN", p->token, true},
        {"SCREENDESK_SCIM_TOKEN", p->scim_token, true}, {"SCREENDRAGON_URL", p->origin, false},
        {"SCREENDRAGON_TOKEN", p->dragon_token, true},  {"WORKDRIVE_URL", p->origin, false},
        {"WORKDRIVE_API_KEY", p->work_key, true}};
    if (i >= sizeof all / sizeof *all)
        return false;
    *variable = all[i];
    return true;
}

const char *ml_practice_token(const struct ml_practice *p)
{
    return p->token;
}

const char *ml_practice_work_key(const struct ml_practice *p)
{
    return p->work_key;
}

const char *ml_practice_dragon_token(const struct ml_practice *p)
{
    return p->dragon_token;
}

const char *ml_practice_scim_token(const struct ml_practice *p)
{
    return p->scim_token;
}
