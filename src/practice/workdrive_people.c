/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's rules for people, departments, locations, security groups and
 * sign-in links.
 *
 * Whoever joins a department leaves the one before (WD-38); what would leave a
 * department without a head is refused. Whoever is created gets a mail, which
 * stands in the list `mails` (WD-16).
 */
#include "practice/workdrive.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char LAST_HEAD[] = "A department needs at least one head";

static json_t *find(struct ml_practice *p, const char *list, const char *id)
{
    return ml_records_find(ml_work_list(p, list), id);
}

/* Gives a department or location those people as members whose `member` names it. */
static int count_members(struct ml_practice *p, json_t *place, const char *member)
{
    size_t i;
    json_t *user, *ids = json_array();
    json_array_foreach(ml_work_list(p, "users")->list, i, user)
    {
        if (strcmp(ml_text_of(user, member), ml_text_of(place, "id")) == 0)
            json_array_append(ids, json_object_get(user, "id"));
    }
    json_int_t n = (json_int_t)json_array_size(ids);
    return json_object_set_new(place, "members", ids) < 0
               ? -1
               : json_object_set_new(place, "memberCount", json_integer(n));
}

int ml_work_recount(struct ml_practice *p)
{
    size_t i;
    json_t *place;
    json_array_foreach(ml_work_list(p, "departments")->list, i, place)
    {
        json_t *heads = json_object_get(place, "admins");
        if (count_members(p, place, "department") < 0 ||
            (heads && json_object_set(place, "departmentHeads", heads) < 0))
            return -1;
    }
    json_array_foreach(ml_work_list(p, "locations")->list, i, place)
    {
        if (count_members(p, place, "_location") < 0)
            return -1;
    }
    return 0;
}

/* The department that the person heads alone, or NULL. */
static json_t *headed_alone(struct ml_practice *p, const char *id)
{
    size_t i;
    json_t *department;
    json_array_foreach(ml_work_list(p, "departments")->list, i, department)
    {
        if (ml_list_has(department, "admins", id) &&
            json_array_size(json_object_get(department, "admins")) == 1)
            return department;
    }
    return NULL;
}

/* Takes the person off as a head of every department but `kept` (NULL: of all). */
static void unhead(struct ml_practice *p, const char *id, json_t *kept)
{
    size_t i;
    json_t *department;
    json_array_foreach(ml_work_list(p, "departments")->list, i, department)
    {
        if (department != kept)
            ml_list_drop(department, "admins", id);
    }
}

/* Moves the person into the department, as a head or not. */
static int join(struct ml_practice *p, json_t *department, const char *id, bool head)
{
    json_t *user = find(p, "users", id);
    unhead(p, id, department);
    if (ml_set_text(user, "department", ml_text_of(department, "id")) < 0 ||
        (head && ml_list_put(department, "admins", id) < 0))
        return -1;
    head = ml_list_has(department, "admins", id);
    return json_object_set_new(user, "isDepartmentHead", json_boolean(head));
}

static bool known(struct ml_practice *p, const char *list, const json_t *body, const char *name)
{
    const char *id = ml_text_of(body, name);
    return !*id || find(p, list, id);
}

static json_t *user_with(struct ml_practice *p, const char *email)
{
    size_t i;
    json_t *user;
    json_array_foreach(ml_work_list(p, "users")->list, i, user)
    {
        if (strcasecmp(ml_text_of(user, "email"), email) == 0)
            return user;
    }
    return NULL;
}

/* What holds for the places that a body names (WD-13: by id, not by name). */
static const char *check_places(struct ml_practice *p, const json_t *body)
{
    if (!known(p, "departments", body, "department"))
        return "There is no such department";
    if (!known(p, "locations", body, "location"))
        return "There is no such location";
    if (!known(p, "security_groups", body, "securityGroup"))
        return "There is no such security group";
    return known(p, "users", body, "reportsTo") ? NULL : "There is no such supervisor";
}

static const char *check_new_user(struct ml_practice *p, const struct ml_ask *ask,
                                  json_t *record, json_t *body)
{
    (void)ask;
    (void)record;
    const char *email = ml_text_of(body, "email");
    if (!strchr(email, '@'))
        return "email is required";
    if (!p->faults.twins && user_with(p, email))
        return "email is already in use";
    return check_places(p, body);
}

/* Puts a new person where the body says, and mails. */
static int settle_user(struct ml_practice *p, const struct ml_ask *ask, json_t *user,
                       json_t *body)
{
    (void)ask;
    const char *id = ml_text_of(user, "id");
    json_t *department = find(p, "departments", ml_text_of(body, "department"));
    json_t *group = find(p, "security_groups", ml_text_of(body, "securityGroup"));
    bool head = json_is_true(json_object_get(body, "isDepartmentHead"));
    if (ml_set_text(user, "userName", ml_text_of(user, "email")) < 0 ||
        ml_set_text(user, "status", "INVITED") < 0 ||
        (department && join(p, department, id, head) < 0))
        return -1;
    if (group) {
        if (ml_list_put(group, "_members", id) < 0)
            return -1;
        size_t n = json_array_size(json_object_get(group, "_members"));
        json_object_set_new(group, "memberCount", json_integer((json_int_t)n));
    }
    if (ml_work_note(
            p, "mails",
            json_pack("{s:s, s:s}", "to", ml_text_of(user, "email"), "subject", "Welcome")) < 0)
        return -1;
    return ml_work_recount(p);
}

static const char *check_user_change(struct ml_practice *p, const struct ml_ask *ask,
                                     json_t *user, json_t *body)
{
    static const char *const statuses[] = {"ACTIVE", "ARCHIVE", "PRE_INVITED", "INVITED",
                                           "BLOCKED"};
    (void)ask;
    const char *status = ml_text_of(body, "status");
    const char *department = ml_text_of(body, "department");
    bool fine = !*status;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        fine = fine || strcmp(status, statuses[i]) == 0;
    if (!fine)
        return "status has none of its values";
    json_t *alone = headed_alone(p, ml_text_of(user, "id"));
    if (alone && ((*department && strcmp(department, ml_text_of(alone, "id")) != 0) ||
                  json_is_false(json_object_get(body, "isDepartmentHead"))))
        return LAST_HEAD;
    return check_places(p, body);
}

static int settle_change(struct ml_practice *p, const struct ml_ask *ask, json_t *user,
                         json_t *body)
{
    (void)ask;
    const char *id = ml_text_of(user, "id");
    json_t *department = find(p, "departments", ml_text_of(user, "department"));
    json_t *head = json_object_get(body, "isDepartmentHead");
    if (json_is_false(head))
        unhead(p, id, NULL);
    if (department && (head || json_object_get(body, "department")) &&
        join(p, department, id, json_is_true(head)) < 0)
        return -1;
    return ml_work_recount(p);
}

static const char *check_last_head(struct ml_practice *p, const struct ml_ask *ask,
                                   json_t *user, json_t *body)
{
    (void)ask;
    (void)body;
    return headed_alone(p, ml_text_of(user, "id")) ? LAST_HEAD : NULL;
}

/* Takes a person who is gone out of everything that names members. */
static int forget_user(struct ml_practice *p, const struct ml_ask *ask, json_t *user,
                       json_t *body)
{
    (void)ask;
    (void)body;
    size_t i;
    json_t *group;
    unhead(p, ml_text_of(user, "id"), NULL);
    json_array_foreach(ml_work_list(p, "security_groups")->list, i, group)
    {
        ml_list_drop(group, "_members", ml_text_of(user, "id"));
        size_t n = json_array_size(json_object_get(group, "_members"));
        json_object_set_new(group, "memberCount", json_integer((json_int_t)n));
    }
    return ml_work_recount(p);
}

/* What is wrong with those who are to join a department, or NULL. */
static const char *check_joining(struct ml_practice *p, const json_t *department, json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const char *id = ml_work_item_id(item);
        const char *from = ml_text_of(item, "existingDept");
        json_t *user = find(p, "users", id);
        if (!user)
            return "There is no such user";
        if (*from && strcmp(from, ml_text_of(user, "department")) != 0)
            return "existingDept is not the user's department";
        json_t *alone = headed_alone(p, id);
        if (alone && alone != department)
            return LAST_HEAD;
    }
    return NULL;
}

/* Lets them join. With `heads`, all as heads; else those that say so. */
static int join_all(struct ml_practice *p, json_t *department, json_t *list, bool heads)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        bool head = heads || json_is_true(json_object_get(item, "isDepartmentHead"));
        if (join(p, department, ml_work_item_id(item), head) < 0)
            return -1;
    }
    return ml_work_recount(p);
}

static const char *check_new_department(struct ml_practice *p, const struct ml_ask *ask,
                                        json_t *record, json_t *body)
{
    (void)ask;
    (void)record;
    size_t i, heads = 0;
    json_t *item, *members = json_object_get(body, "members");
    if (!*ml_text_of(body, "name"))
        return "name is required";
    json_array_foreach(members, i, item) heads +=
        json_is_true(json_object_get(item, "isDepartmentHead"));
    return heads ? check_joining(p, NULL, members) : LAST_HEAD;
}

static int settle_department(struct ml_practice *p, const struct ml_ask *ask,
                             json_t *department, json_t *body)
{
    (void)ask;
    json_object_del(department, "_members");
    return join_all(p, department, json_object_get(body, "members"), false);
}

static const char *check_heads(struct ml_practice *p, const struct ml_ask *ask,
                               json_t *department, json_t *body)
{
    (void)ask;
    json_t *added = json_object_get(body, "add");
    const char *removed = ml_text_of(body, "remove");
    if (*removed && !ml_list_has(department, "admins", removed))
        return "remove is no head of this department";
    if (*removed && json_array_size(json_object_get(department, "admins")) == 1 &&
        json_array_size(added) == 0)
        return LAST_HEAD;
    return check_joining(p, department, added);
}

static int settle_heads(struct ml_practice *p, const struct ml_ask *ask, json_t *department,
                        json_t *body)
{
    (void)ask;
    json_t *user = find(p, "users", ml_text_of(body, "remove"));
    if (user)
        json_object_set_new(user, "isDepartmentHead", json_false());
    return join_all(p, department, json_object_get(body, "add"), true);
}

/* How many of the ids are heads of the department. */
static size_t heads_among(const json_t *department, const json_t *ids)
{
    size_t i, n = 0;
    json_t *id;
    json_array_foreach(ids, i, id) n += ml_list_has(department, "admins", ml_work_item_id(id));
    return n;
}

static const char *check_members(struct ml_practice *p, const struct ml_ask *ask,
                                 json_t *department, json_t *body)
{
    (void)ask;
    size_t leaving = heads_among(department, json_object_get(body, "removeMembers"));
    if (leaving && leaving == json_array_size(json_object_get(department, "admins")))
        return LAST_HEAD;
    return check_joining(p, department, json_object_get(body, "addMembers"));
}

static int settle_members(struct ml_practice *p, const struct ml_ask *ask, json_t *department,
                          json_t *body)
{
    (void)ask;
    size_t i;
    json_t *id;
    json_array_foreach(json_object_get(body, "removeMembers"), i, id)
    {
        json_t *user = find(p, "users", ml_work_item_id(id));
        ml_list_drop(department, "admins", ml_work_item_id(id));
        if (user && strcmp(ml_text_of(user, "department"), ml_text_of(department, "id")) == 0 &&
            (ml_set_text(user, "department", "") < 0 ||
             json_object_set_new(user, "isDepartmentHead", json_false()) < 0))
            return -1;
    }
    return join_all(p, department, json_object_get(body, "addMembers"), false);
}

/* Those whose place is gone have none. */
static int leave_place(struct ml_practice *p, const struct ml_ask *ask, json_t *place,
                       json_t *body)
{
    (void)body;
    size_t i;
    json_t *user;
    const char *member =
        strcmp(ask->route->resource, "locations") == 0 ? "_location" : "department";
    json_array_foreach(ml_work_list(p, "users")->list, i, user)
    {
        if (strcmp(ml_text_of(user, member), ml_text_of(place, "id")) == 0 &&
            ml_set_text(user, member, "") < 0)
            return -1;
    }
    return ml_work_recount(p);
}

static const char *check_name(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                              json_t *body)
{
    (void)p;
    (void)ask;
    (void)record;
    return *ml_text_of(body, "name") ? NULL : "name is required";
}

static int move_to(struct ml_practice *p, json_t *ids, const char *from, const char *to)
{
    size_t i;
    json_t *id;
    json_array_foreach(ids, i, id)
    {
        json_t *user = find(p, "users", ml_work_item_id(id));
        if (user && (!from || strcmp(ml_text_of(user, "_location"), from) == 0) &&
            ml_set_text(user, "_location", to) < 0)
            return -1;
    }
    return 0;
}

static int settle_location(struct ml_practice *p, const struct ml_ask *ask, json_t *location,
                           json_t *body)
{
    (void)ask;
    const char *id = ml_text_of(location, "id");
    if (move_to(p, json_object_get(body, "removeMembers"), id, "") < 0 ||
        move_to(p, json_object_get(body, "addMembers"), NULL, id) < 0)
        return -1;
    return ml_work_recount(p);
}

static const char *check_sso(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                             json_t *body)
{
    static const char *const needed[] = {"authorizationURI", "tokenURI", "refreshURI",
                                         "loginURL"};
    (void)record;
    bool sso = strcmp(ml_text_of(body, "type"), "SSO") == 0;
    if (!sso && strcmp(ml_text_of(body, "type"), "QUICK_LINK") != 0)
        return "type is SSO or QUICK_LINK";
    if (!sso && !*ml_text_of(body, "link"))
        return "link is required";
    for (size_t i = 0; sso && i < sizeof needed / sizeof *needed; i++)
        if (!*ml_text_of(body, needed[i]))
            return "an SSO entry needs authorizationURI, tokenURI, refreshURI and loginURL";
    if (!known(p, "departments", body, "departmentId") ||
        !known(p, "locations", body, "locationId"))
        return "There is no such department or location";
    return ask->member && ml_ask_flag(ask, "manage") ? "manage needs an administrator" : NULL;
}

/* Department and location do not count with `manage`, whatever its value (WD-44). */
static int settle_sso(struct ml_practice *p, const struct ml_ask *ask, json_t *entry,
                      json_t *body)
{
    (void)p;
    (void)body;
    char manage[ML_WORK_TEXT];
    if (!*ml_ask_text(ask, "manage", manage, sizeof manage))
        return 0;
    json_object_del(entry, "departmentId");
    json_object_del(entry, "locationId");
    return json_object_set_new(entry, "_manage", json_boolean(strcmp(manage, "true") == 0));
}

/* The way to sign in is a text after a create and a list after an update (WD-18). */
static int list_method(struct ml_practice *p, const struct ml_ask *ask, json_t *org,
                       json_t *body)
{
    (void)p;
    (void)ask;
    (void)body;
    json_t *method = json_object_get(org, "authMethod");
    return json_is_string(method)
               ? json_object_set_new(org, "authMethod", json_pack("[O]", method))
               : 0;
}

const struct ml_work_rule ml_work_people_rules[] = {
    {"workdrive.organizations.update", NULL, list_method},
    {"workdrive.users.create", check_new_user, settle_user},
    {"workdrive.users.bulk_create", check_new_user, settle_user},
    {"workdrive.users.update", check_user_change, settle_change},
    {"workdrive.users.delete", check_last_head, forget_user},
    {"workdrive.users.bulk_delete", check_last_head, forget_user},
    {"workdrive.departments.create", check_new_department, settle_department},
    {"workdrive.departments.update", check_name, NULL},
    {"workdrive.departments.update_heads", check_heads, settle_heads},
    {"workdrive.departments.update_members", check_members, settle_members},
    {"workdrive.departments.delete", NULL, leave_place},
    {"workdrive.locations.create", check_name, settle_location},
    {"workdrive.locations.update", check_name, NULL},
    {"workdrive.locations.update_members", NULL, settle_location},
    {"workdrive.locations.delete", NULL, leave_place},
    {"workdrive.sso.create", check_sso, settle_sso},
    {NULL, NULL, NULL}};
