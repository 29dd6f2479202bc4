/* SPDX-License-Identifier: MIT */
#include "bind/bind.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/json.h"

#define REPORT_MAX (1024 * 1024)
#define PROFILES_MAX 4096

struct ml_setting {
    struct ml_setting *next;
    char *value; /* behind the name in the same allocation */
    char name[];
};

/* The run begins in the journal. "screendesk.recordings.update" is of the service screendesk.
 */
static int begin(void *ud, const char *run_id, const char *operation, const char *origin,
                 struct ml_err *err)
{
    struct ml_bind *b = ud;
    char service[64];
    b->record.run.profile = b->profiles.len ? ml_buf_str(&b->profiles) : NULL;
    snprintf(service, sizeof service, "%.*s", (int)strcspn(operation, "."), operation);
    return ml_record_begin(&b->record, run_id, service, origin, err);
}

void ml_bind_create(struct ml_bind *b)
{
    *b = (struct ml_bind){.exit_code = -1};
    ml_door_create(&b->door);
    ml_record_create(&b->record);
    ml_host_create(&b->host);
    b->door.begin = begin;
    b->door.begin_ud = b;
    b->door.writes = &b->reach.writes;
    b->reach.files = true;
    ml_buf_create(&b->report, REPORT_MAX);
    ml_buf_create(&b->plan, REPORT_MAX);
    ml_buf_create(&b->failures, REPORT_MAX);
    ml_buf_create(&b->profiles, PROFILES_MAX);
}

void ml_bind_destroy(struct ml_bind *b)
{
    while (b->settings) {
        struct ml_setting *s = b->settings;
        b->settings = s->next;
        explicit_bzero(s->value, strlen(s->value));
        free(s);
    }
    ml_door_destroy(&b->door);
    ml_reach_destroy(&b->reach);
    ml_record_destroy(&b->record);
    ml_host_destroy(&b->host);
    ml_buf_destroy(&b->report);
    ml_buf_destroy(&b->plan);
    ml_buf_destroy(&b->failures);
    ml_buf_destroy(&b->profiles);
}

void ml_bind_reset(struct ml_bind *b)
{
    ml_door_reset(&b->door);
    ml_buf_clear(&b->report);
    ml_buf_clear(&b->plan);
    ml_buf_clear(&b->failures);
    ml_buf_clear(&b->profiles);
    b->plan_lines = 0;
    b->items = b->items_total = 0;
    b->item_ok = b->item_failed = b->item_skipped = 0;
    b->current[0] = '\0';
    b->exit_code = -1;
    b->failed_tasks = NULL;
    b->failed_kept = 0;
    b->failed_more = false;
    b->answers = false;
    b->ask = NULL;
    b->foreground = NULL;
}

int ml_bind_set(struct ml_bind *b, const char *name, const char *value)
{
    size_t name_len = strlen(name), value_len = strlen(value);
    struct ml_setting *s = malloc(sizeof *s + name_len + value_len + 2);
    if (!s)
        return -1;
    memcpy(s->name, name, name_len + 1);
    s->value = s->name + name_len + 1;
    memcpy(s->value, value, value_len + 1);
    s->next = b->settings;
    b->settings = s;
    return 0;
}

const char *ml_bind_get(const struct ml_bind *b, const char *name)
{
    for (const struct ml_setting *s = b->settings; s; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s->value;
    return b->env ? getenv(name) : NULL;
}

int ml_bind_refuse(lua_State *L, struct ml_bind *b, const struct ml_err *err)
{
    if (err->kind == ML_GUARD)
        ml_door_trip(&b->door, err->text);
    return ml_bind_raise(L, err);
}

int ml_bind_open(lua_State *L, struct ml_bind *b)
{
    ml_bind_common(L, b);
    ml_bind_http(L, b);
    ml_bind_change(L, b);
    ml_bind_upload(L, b);
    ml_bind_sleep(L, b);
    ml_bind_isolation(L, b);
    ml_bind_iterator(L, b);
    ml_bind_system(L, b);
    ml_bind_records(L);
    ml_bind_patch(L, b);
    ml_bind_journal(L, b);
    ml_bind_credential(L, b);
    ml_bind_console(L, b);
    ml_bind_host(L, b);
    return 1;
}
