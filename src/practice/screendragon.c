/* SPDX-License-Identifier: MIT */
/*
 * Screendragon's users: single reads and writes. Lists are in
 * screendragon_list.c, what is queued in screendragon_queue.c.
 *
 * Failures look as the notes have them: an unknown user is "No data" in one of
 * three spellings (SG-10, SG-11), and a missing right comes in four forms (SG-09).
 */
#include "practice/screendragon.h"

#include "base/clock.h"
#include "practice/moment.h"
#include "practice/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ml_records *ml_dragon_users(struct ml_practice *p)
{
    return ml_shelf_list(&p->dragon, "users");
}

void ml_dragon_no_data(const struct ml_ask *ask, struct ml_answer *ans)
{
    static const char *const spelling[] = {"No data", "No Data", "No data."};
    ml_answer_flat(ans, 400, spelling[ask->n % 3]);
}

void ml_dragon_settle(struct ml_practice *p)
{
    size_t i;
    json_t *user;
    int64_t now = ml_clock_wall_ms();
    json_array_foreach(ml_dragon_users(p)->list, i, user)
    {
        json_t *removal = json_object_get(user, "_removal");
        if (removal && json_integer_value(removal) <= now) {
            ml_set_text(user, "status", "inactive");
            json_object_del(user, "_removal");
        }
    }
}

void ml_dragon_write(struct ml_practice *p, json_t *user, struct ml_out *o)
{
    struct ml_view view = {.shelf = &p->dragon};
    ml_view_write(&view, ml_dragon_users(p)->shape, user, o);
}

/* The user whom the number in the path names, or NULL. */
static json_t *user_of(struct ml_practice *p, const struct ml_ask *ask)
{
    const char *id = ask->target.param[0];
    ml_dragon_settle(p);
    return ml_records_find(ml_dragon_users(p), id);
}

static void users_get(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    json_t *user = user_of(p, ask);
    if (user)
        ml_dragon_write(p, user, ml_answer_json(ans, ask->route->status));
    else
        ml_dragon_no_data(ask, ans);
}

static json_t *user_named(struct ml_practice *p, const char *name)
{
    size_t i;
    json_t *user;
    json_array_foreach(ml_dragon_users(p)->list, i, user)
    {
        if (strcasecmp(ml_text_of(user, "UserName"), name) == 0)
            return user;
    }
    return NULL;
}

static void users_get_by_username(struct ml_practice *p, struct ml_ask *ask,
                                  struct ml_answer *ans)
{
    ml_dragon_settle(p);
    json_t *user = user_named(p, ask->target.param[0]);
    if (user)
        ml_dragon_write(p, user, ml_answer_json(ans, ask->route->status));
    else
        ml_dragon_no_data(ask, ans);
}

/* The groups of the tags, or NULL: one of them is unknown (SG-21). An empty list is fine. */
static json_t *groups_of(const json_t *tags)
{
    size_t i;
    json_t *tag, *groups = json_array();
    json_array_foreach(tags, i, tag)
    {
        const struct ml_dragon_group *group = ml_dragon_groups;
        const char *text = json_is_string(tag) ? json_string_value(tag) : "";
        while (group->id && strcmp(group->tag, text) != 0)
            group++;
        if (!group->id || json_array_append_new(groups, ml_dragon_group_json(group)) < 0) {
            json_decref(groups);
            return NULL;
        }
    }
    return groups;
}

/* A number that is 0 or 1, or absent. */
static bool is_switch(const json_t *body, const char *name)
{
    const json_t *value = json_object_get(body, name);
    return !value || (json_is_integer(value) && json_integer_value(value) >= 0 &&
                      json_integer_value(value) <= 1);
}

/* Why the service would not create this user, or NULL. */
static const char *why_not(struct ml_practice *p, const struct ml_ask *ask, json_t *body)
{
    if (!is_switch(body, "isTsIngestUser"))
        return "isTsIngestUser must be 0 or 1";
    if (!is_switch(body, "ssoUser"))
        return "ssoUser must be 0 or 1";
    if (ml_body_check(ask->route, body) || !*ml_text_of(body, "userName"))
        return "Failed to add user.";
    if (!p->faults.twins && user_named(p, ml_text_of(body, "userName")))
        return "Username already exists";
    return NULL;
}

/* The user that the body describes, or NULL without memory. The groups are taken over. */
static json_t *user_from(struct ml_practice *p, json_t *body, json_t *groups)
{
    char created[ML_MOMENT_MAX];
    ml_moment_write(ml_practice_now(p) + 1000, created);
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:[], s:o, s:s, s:I, s:I}", "userID",
                     (json_int_t)p->dragon.serial++, "UserName", ml_text_of(body, "userName"),
                     "FirstName", ml_text_of(body, "firstName"), "LastName",
                     ml_text_of(body, "lastName"), "email", ml_text_of(body, "email"), "status",
                     "active", "CreateDate", created, "customFields", "groups", groups, "_role",
                     "", "_ssoUser", json_integer_value(json_object_get(body, "ssoUser")),
                     "_isTsIngestUser",
                     json_integer_value(json_object_get(body, "isTsIngestUser")));
}

static void add_user(struct ml_practice *p, const struct ml_ask *ask, json_t *body,
                     struct ml_answer *ans)
{
    const char *reason = why_not(p, ask, body);
    json_t *groups = reason ? NULL : groups_of(json_object_get(body, "groupTags"));
    if (!groups) {
        ml_answer_flat(ans, 400, reason ? reason : "Some of the specified groups don't exist");
        return;
    }
    json_t *user = user_from(p, body, groups);
    if (!user || ml_records_add(ml_dragon_users(p), user) < 0) {
        ml_answer_flat(ans, 500, "The practice server is out of memory");
        return;
    }
    ans->applied = true;
    ml_out_json(ml_answer_json(ans, ask->route->status), json_object_get(user, "userID"));
}

static void users_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    if (ask->member) { /* empty, as documented (SG-09) */
        ml_answer_start(ans, 403, NULL);
        return;
    }
    json_t *body = ml_body_object(ask, ans);
    if (body)
        add_user(p, ask, body, ans);
    json_decref(body);
}

int ml_dragon_apply(json_t *user, const json_t *body, const char *const names[3])
{
    static const char *const shown[] = {"FirstName", "LastName", "email"};
    for (int i = 0; i < 3; i++)
        if (ml_set_text(user, shown[i], ml_text_of(body, names[i])) < 0)
            return -1;
    return 0;
}

static bool is_self(const struct ml_ask *ask)
{
    return strtol(ask->target.param[0], NULL, 10) == ML_DRAGON_MEMBER_ID;
}

static void users_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    static const char *const names[] = {"firstName", "lastName", "email"};
    json_t *user = user_of(p, ask);
    if (ask->member && !is_self(ask)) {
        ml_answer_flat(ans, 400, "Unauthorized update attempt.");
        return;
    }
    json_t *body = user ? ml_body_object(ask, ans) : NULL;
    if (!user || (body && ml_body_check(ask->route, body))) {
        ml_dragon_no_data(ask, ans);
    } else if (body) {
        ans->applied = ml_dragon_apply(user, body, names) == 0;
        ml_out_text(ml_answer_json(ans, ans->applied ? ask->route->status : 500),
                    "{\"status\":\"success\",\"message\":\"User updated.\"}");
    }
    json_decref(body);
}

const struct ml_handler ml_screendragon_handlers[] = {
    {"screendragon.users.bulk_delete", ml_dragon_bulk_delete},
    {"screendragon.users.bulk_update", ml_dragon_bulk_update},
    {"screendragon.users.create", users_create},
    {"screendragon.users.delete", ml_dragon_delete},
    {"screendragon.users.get", users_get},
    {"screendragon.users.get_by_username", users_get_by_username},
    {"screendragon.users.list", ml_dragon_list},
    {"screendragon.users.update", users_update},
    {NULL, NULL}};
