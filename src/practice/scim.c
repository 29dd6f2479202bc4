/* SPDX-License-Identifier: MIT */
/*
 * Screendesk's SCIM users: the writable side of the account's people.
 *
 * A PUT replaces everything: what it leaves out is cleared, and roles fall back
 * to their defaults (SD-15, SD-16). The list shows roles as an array, all other
 * answers as an object, since the documentation has both (SD-14).
 */
#include "practice/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void scim_list(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_out *o = ml_answer_json(ans, ask->route->status);
    ml_out_fmt(o,
               "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],"
               "\"totalResults\":%zu,\"%s\":[",
               p->users.count, ask->route->items);
    for (size_t i = 0; i < p->users.count; i++) {
        if (i)
            ml_out_text(o, ",");
        ml_users_write_scim(p->users.list[i], ML_ROLES_ARRAY, false, o);
    }
    ml_out_text(o, "]}");
}

/* The user of the path by id or external id, or NULL with the 404 in ans. */
static struct ml_user *user_of(struct ml_practice *p, const struct ml_ask *ask,
                               struct ml_answer *ans)
{
    struct ml_user *user = ml_users_find(&p->users, ask->target.param[0]);
    if (!user)
        ml_answer_scim(ans, 404, "No user with this id");
    return user;
}

static void answer_user(const struct ml_ask *ask, const struct ml_user *user,
                        struct ml_answer *ans)
{
    struct ml_out *o = ml_answer_json(ans, ask->route->status);
    ml_users_write_scim(user, ML_ROLES_OBJECT, true, o);
}

static void scim_get(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_user *user = user_of(p, ask, ans);
    if (user)
        answer_user(ask, user, ans);
}

/* A copy of a text member in *copy, NULL where it is absent or null. -1: no memory. */
static int take_copy(json_t *object, const char *name, char **copy)
{
    const char *text = json_string_value(json_object_get(object, name));
    *copy = text ? strdup(text) : NULL;
    return text && !*copy ? -1 : 0;
}

/* The emails of the body, unchecked as the service does it (SD-23): entries without a value are
 * left out. -1: no memory. */
static int take_emails(json_t *list, struct ml_user *user)
{
    size_t n = json_array_size(list);
    user->emails = calloc(n + 1, sizeof *user->emails);
    if (!user->emails)
        return -1;
    for (size_t i = 0; i < n; i++) {
        json_t *item = json_array_get(list, i);
        if (!json_is_string(json_object_get(item, "value")))
            continue;
        struct ml_email *email = &user->emails[user->email_count++];
        email->primary = json_is_true(json_object_get(item, "primary"));
        if (take_copy(item, "value", &email->value) < 0 ||
            take_copy(item, "type", &email->type) < 0)
            return -1;
    }
    return 0;
}

/* Without roles the defaults stay; a role left out of the object becomes false (SD-15). */
static void take_roles(json_t *roles, struct ml_user *user)
{
    if (!roles)
        return;
    user->admin = json_is_true(json_object_get(roles, "admin"));
    user->member = json_is_true(json_object_get(roles, "member"));
    user->editor = json_is_true(json_object_get(roles, "editor"));
}

/* A user as the body describes it, or NULL without memory. An id in it is ignored (SD-17). */
static struct ml_user *user_from(json_t *body)
{
    struct ml_user *user = ml_user_new();
    json_t *name = json_object_get(body, "name");
    json_t *active = json_object_get(body, "active");
    if (!user)
        return NULL;
    if (take_copy(body, "userName", &user->user_name) < 0 ||
        take_copy(body, "externalId", &user->external_id) < 0 ||
        take_copy(name, "givenName", &user->given) < 0 ||
        take_copy(name, "familyName", &user->family) < 0 ||
        take_emails(json_object_get(body, "emails"), user) < 0) {
        ml_user_free(user);
        return NULL;
    }
    user->active = active ? json_is_true(active) : true;
    take_roles(json_object_get(body, "roles"), user);
    return user;
}

/* Why the service would not store this, or NULL. old: the user that is replaced, or NULL. */
static const char *why_not(struct ml_practice *p, json_t *body, const struct ml_user *old)
{
    const char *user_name = json_string_value(json_object_get(body, "userName"));
    const char *external = json_string_value(json_object_get(body, "externalId"));
    if (!user_name || !*user_name)
        return "userName is missing";
    if (p->faults.twins)
        return NULL;
    const struct ml_user *same = ml_users_find_name(&p->users, user_name);
    if (same && same != old)
        return "userName is already taken";
    same = external ? ml_users_find_external(&p->users, external) : NULL;
    return same && same != old ? "externalId is already taken" : NULL;
}

/* Reads and checks the body of a write. NULL: the refusal is in ans. */
static struct ml_user *read_user(struct ml_practice *p, const struct ml_ask *ask,
                                 const struct ml_user *old, struct ml_answer *ans)
{
    char message[120];
    struct ml_user *user = NULL;
    json_t *body = ml_body_object(ask, ans);
    if (!body)
        return NULL;
    const char *wrong = ml_body_check(ask->route, body);
    if (wrong)
        snprintf(message, sizeof message, "%s has the wrong type", wrong);
    const char *reason = wrong ? message : why_not(p, body, old);
    if (reason)
        ml_answer_scim(ans, 422, reason);
    else if (!(user = user_from(body)))
        ml_answer_scim(ans, 500, "The practice server is out of memory");
    json_decref(body);
    return user;
}

static void scim_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_user *user = read_user(p, ask, NULL, ans);
    if (!user)
        return;
    if (ml_users_add(&p->users, user, ml_practice_now(p) + 1000) < 0) {
        ml_user_free(user);
        ml_answer_scim(ans, 500, "The practice server is out of memory");
        return;
    }
    ans->applied = true;
    answer_user(ask, user, ans);
}

static void scim_replace(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_user *old = user_of(p, ask, ans);
    struct ml_user *fresh = old ? read_user(p, ask, old, ans) : NULL;
    if (!fresh)
        return;
    ml_users_replace(old, fresh, ml_practice_now(p) + 1000);
    ans->applied = true;
    answer_user(ask, old, ans);
}

static void scim_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_user *user = user_of(p, ask, ans);
    if (!user)
        return;
    if (user->owner) { /* SD-25 */
        ml_answer_scim(ans, 403, "The owner of the account cannot be removed");
        return;
    }
    ml_users_remove(&p->users, user);
    ml_answer_start(ans, ask->route->status, NULL);
    ans->applied = true;
}

const struct ml_handler ml_scim_handlers[] = {{"screendesk.scim.users.create", scim_create},
                                              {"screendesk.scim.users.delete", scim_delete},
                                              {"screendesk.scim.users.get", scim_get},
                                              {"screendesk.scim.users.list", scim_list},
                                              {"screendesk.scim.users.replace", scim_replace},
                                              {NULL, NULL}};
