/* SPDX-License-Identifier: MIT */
/* Screendragon's list of users with its filters. Nothing found is "No data" (SG-10). */
#include "practice/screendragon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 300

struct wanted {
    char email[TEXT_MAX], name[TEXT_MAX]; /* parts, "" = any */
    char text[TEXT_MAX], by[TEXT_MAX];    /* of metadata, "" = any */
    char group[16];                       /* number, "" = any */
    bool active, exact;
    json_t *fields; /* of metadata that are shown, NULL = all */
};

/* Reads the query. NULL, or why it is refused. */
static const char *read_query(const struct ml_ask *ask, struct wanted *w)
{
    char fields[TEXT_MAX];
    *w = (struct wanted){.exact = ml_ask_flag(ask, "filterExact")};
    ml_ask_text(ask, "emailFilter", w->email, sizeof w->email);
    ml_ask_text(ask, "nameFilter", w->name, sizeof w->name);
    ml_ask_text(ask, "filterText", w->text, sizeof w->text);
    ml_ask_text(ask, "filterBy", w->by, sizeof w->by);
    ml_ask_text(ask, "groupID", w->group, sizeof w->group);
    ml_ask_text(ask, "customFields", fields, sizeof fields);
    w->active =
        ml_ask_flag(ask, "active") || !ml_ask_flag(ask, "activeAndInactive"); /* SG-19 */
    if (!*w->text != !*w->by)
        return "'filterBy' and 'filterText' must both be specified.";
    if (*w->group && ask->member)
        return "You must be an Admin to perform this action.";
    if (*fields) {
        w->fields = json_loads(fields, 0, NULL);
        if (!json_is_array(w->fields))
            return "customFields is not valid.";
    }
    return NULL;
}

static bool contains(const char *text, const char *part)
{
    return !*part || strcasestr(text, part);
}

static bool in_group(const json_t *user, const char *id)
{
    size_t i;
    json_t *group;
    json_array_foreach(json_object_get(user, "groups"), i, group)
    {
        if (json_integer_value(json_object_get(group, "id")) == strtol(id, NULL, 10))
            return true;
    }
    return !*id;
}

/* Whether the field of this GUID has the value. */
static bool has_value(const json_t *user, const struct wanted *w)
{
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(user, "customFields"), i, field)
    {
        const char *value =
            json_string_value(json_array_get(json_object_get(field, "values"), 0));
        if (!value || strcmp(ml_text_of(field, "guid"), w->by) != 0)
            continue;
        if (w->exact ? strcasecmp(value, w->text) == 0 : contains(value, w->text))
            return true;
    }
    return !*w->by;
}

static bool fits(const json_t *user, const struct wanted *w)
{
    char name[2 * TEXT_MAX];
    snprintf(name, sizeof name, "%s %s", ml_text_of(user, "FirstName"),
             ml_text_of(user, "LastName"));
    return (!w->active || strcmp(ml_text_of(user, "status"), "active") == 0) &&
           contains(ml_text_of(user, "email"), w->email) && contains(name, w->name) &&
           in_group(user, w->group) && has_value(user, w);
}

/* Whether a field is among those asked for, by its GUID or its label. */
static bool asked_for(const json_t *field, const json_t *fields)
{
    size_t i;
    json_t *item;
    json_array_foreach(fields, i, item)
    {
        const char *text = json_is_string(item) ? json_string_value(item) : "";
        if (strcasecmp(text, ml_text_of(field, "guid")) == 0 ||
            strcasecmp(text, ml_text_of(json_object_get(field, "label"), "en")) == 0)
            return true;
    }
    return false;
}

/* A copy of the user with nothing but the fields asked for. NULL: no memory. */
static json_t *narrowed(json_t *user, const json_t *fields)
{
    size_t i;
    json_t *field, *kept = json_array(), *copy = json_copy(user);
    json_array_foreach(json_object_get(user, "customFields"), i, field)
    {
        if (asked_for(field, fields))
            json_array_append(kept, field);
    }
    if (json_object_set_new(copy, "customFields", kept) < 0) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

static void write_user(struct ml_practice *p, const struct ml_ask *ask, const struct wanted *w,
                       json_t *user, struct ml_out *o)
{
    const char *hidden[3] = {NULL};
    size_t n = 0;
    if (!ml_ask_flag(ask, "includeCreateData"))
        hidden[n++] = "CreateDate";
    if (!ml_ask_flag(ask, "includeGroups"))
        hidden[n++] = "groups";
    struct ml_view view = {.shelf = &p->dragon, .hidden = hidden};
    json_t *shown = w->fields ? narrowed(user, w->fields) : json_incref(user);
    if (shown)
        ml_view_write(&view, ml_dragon_users(p)->shape, shown, o);
    else
        o->failed = true;
    json_decref(shown);
}

void ml_dragon_list(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct wanted w;
    size_t i, n = 0;
    json_t *user;
    const char *reason = read_query(ask, &w);
    if (reason) {
        ml_answer_flat(ans, 400, reason);
        goto out;
    }
    ml_dragon_settle(p);
    struct ml_out *o = ml_answer_json(ans, ask->route->status);
    ml_out_text(o, "[");
    json_array_foreach(ml_dragon_users(p)->list, i, user)
    {
        if (!fits(user, &w))
            continue;
        ml_out_text(o, n++ ? "," : "");
        write_user(p, ask, &w, user, o);
    }
    ml_out_text(o, "]");
    if (n == 0)
        ml_dragon_no_data(ask, ans);
out:
    json_decref(w.fields);
}
