/* SPDX-License-Identifier: MIT */
/*
 * Which operation of WorkDrive goes which way, who may do what, and the printed
 * forms that are never to be sent: the service would take some of them for a
 * write to a whole collection. Here they change nothing, are answered with 400,
 * and are counted in /practice/stats.
 */
#include "practice/workdrive.h"

#include <stdio.h>
#include <string.h>

/* Method and path; "{}" is any segment. */
static const struct {
    const char *method, *path;
} printed[] = {{"DELETE", "/api/documents"},
               {"PATCH", "/api/documents"},
               {"PATCH", "/api/documnents"},
               {"PATCH", "/api/documnents/{}"},
               {"PATCH", "/api/posts/id"},
               {"DELETE", "/api/posts/id"},
               {"PATCH", "/api/news/id"},
               {"DELETE", "/api/news/id"},
               {"PATCH", "/api/tasks/update/id"},
               {"PATCH", "/api/tasks/assign/id"},
               {"POST", "/api/security_groups/{}/members}"},
               {"DELETE", "/api/security_groups/{}/members}"},
               {"DELETE", "/api/users"},
               {"DELETE", "/api/users/add"},
               {"DELETE", "/api/users/id"},
               {"PATCH", "/api/users/id"},
               {"DELETE", "/api/events/id"},
               {"DELETE", "/api/videos/id"},
               {"DELETE", "/api/photos/id"},
               {"DELETE", "/api/documents/id"},
               {"DELETE", "/api/faqs/id"},
               {"DELETE", "/api/faqs"},
               {"DELETE", "/api/courses/id"},
               {"DELETE", "/api/tasks/id"},
               {"DELETE", "/api/departments/id"},
               {"DELETE", "/api/locations/id"},
               {NULL, NULL}};

void ml_work_printed(struct ml_practice *p, struct ml_answer *ans, const char *form)
{
    json_t *count = json_object_get(p->printed, form);
    json_int_t n = json_integer_value(count) + 1;
    if (json_object_set_new(p->printed, form, json_integer(n)) < 0)
        ml_work_no_memory(ans);
    else
        ml_answer_message(ans, 400, "This form of the call is not to be sent");
}

static bool is_form(const char *path, const struct ml_target *target)
{
    size_t segment = 0;
    while (*path == '/') {
        size_t len = strcspn(++path, "/");
        if (segment == target->segments)
            return false;
        const char *have = target->segment[segment++];
        if (strncmp(path, "{}", 2) != 0 &&
            (strlen(have) != len || memcmp(path, have, len) != 0))
            return false;
        path += len;
    }
    return segment == target->segments;
}

bool ml_work_refuse_printed(struct ml_practice *p, const struct ml_ask *ask,
                            struct ml_answer *ans)
{
    char form[100];
    for (size_t i = 0; printed[i].method; i++)
        if (strcmp(printed[i].method, ask->method) == 0 &&
            is_form(printed[i].path, &ask->target)) {
            snprintf(form, sizeof form, "%s %s", printed[i].method, printed[i].path);
            ml_work_printed(p, ans, form);
            return true;
        }
    return false;
}

/* A location that is created as printed comes to the path of departments: with its name alone,
 * or with members that only locations have (WD-41). */
static void departments_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    json_t *body = json_loadb(ask->body, ask->body_len, 0, NULL);
    bool location = json_object_get(body, "addedBy") || json_object_get(body, "orgId") ||
                    (json_object_get(body, "name") && !json_object_get(body, "members"));
    json_decref(body);
    if (location)
        ml_work_printed(p, ans, "POST /api/departments with a location");
    else
        ml_work_create(p, ask, ans);
}

const struct ml_route *ml_work_route(const struct ml_ask *ask, const struct ml_route *found)
{
    if (!found || strcmp(found->operation, "workdrive.tasks.create") != 0)
        return found;
    json_t *body = json_loadb(ask->body, ask->body_len, 0, NULL);
    bool given = json_object_get(body, "userIds") != NULL; /* WD-33 */
    json_decref(body);
    for (const struct ml_route *route = ml_routes; given && route->operation; route++)
        if (strcmp(route->operation, "workdrive.tasks.create_and_assign") == 0)
            return route;
    return found;
}

/* Writes that are for administrators: the restricted key gets 403. */
static bool for_admins(const struct ml_route *route)
{
    static const char *const resources[] = {"users",       "organizations", "tokens",
                                            "departments", "locations",     "security_groups",
                                            "courses"};
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++)
        if (strcmp(route->resource, resources[i]) == 0)
            return route->write;
    return false;
}

bool ml_work_forbids(const struct ml_ask *ask)
{
    return ask->member && strcmp(ask->route->service, "workdrive") == 0 &&
           for_admins(ask->route);
}

const struct ml_handler ml_workdrive_handlers[] = {
    {"workdrive.categories.list", ml_work_pages},
    {"workdrive.courses.delete", ml_work_delete},
    {"workdrive.courses.list", ml_work_pages},
    {"workdrive.departments.create", departments_create},
    {"workdrive.departments.delete", ml_work_delete},
    {"workdrive.departments.list", ml_work_pages},
    {"workdrive.departments.list_members", ml_work_members},
    {"workdrive.departments.update", ml_work_update},
    {"workdrive.departments.update_heads", ml_work_update},
    {"workdrive.departments.update_members", ml_work_update},
    {"workdrive.documents.create", ml_work_create},
    {"workdrive.documents.delete", ml_work_delete},
    {"workdrive.documents.list", ml_work_pages},
    {"workdrive.documents.update", ml_work_update},
    {"workdrive.enforcement_templates.list", ml_work_pages},
    {"workdrive.events.create", ml_work_create},
    {"workdrive.events.delete", ml_work_delete},
    {"workdrive.events.list", ml_work_walk},
    {"workdrive.events.update", ml_work_update},
    {"workdrive.faqs.create", ml_work_faqs_create},
    {"workdrive.faqs.delete", ml_work_faqs_delete},
    {"workdrive.faqs.list", ml_work_pages},
    {"workdrive.faqs.update", ml_work_faqs_update},
    {"workdrive.group_chats.create", ml_work_chats_create},
    {"workdrive.group_chats.delete", ml_work_chats_delete},
    {"workdrive.group_chats.list", ml_work_pages},
    {"workdrive.group_chats.update", ml_work_update},
    {"workdrive.locations.create", ml_work_create},
    {"workdrive.locations.delete", ml_work_delete},
    {"workdrive.locations.list", ml_work_pages},
    {"workdrive.locations.list_members", ml_work_members},
    {"workdrive.locations.update", ml_work_update},
    {"workdrive.locations.update_members", ml_work_update},
    {"workdrive.media.create", ml_work_media_create},
    {"workdrive.messages.send", ml_work_messages_send},
    {"workdrive.module_codes.list", ml_work_whole},
    {"workdrive.news.create", ml_work_create},
    {"workdrive.news.delete", ml_work_delete},
    {"workdrive.news.list", ml_work_walk},
    {"workdrive.news.update", ml_work_update},
    {"workdrive.notifications.send", ml_work_notify},
    {"workdrive.organizations.create", ml_work_organizations_create},
    {"workdrive.organizations.update", ml_work_update},
    {"workdrive.photos.create", ml_work_create},
    {"workdrive.photos.delete", ml_work_delete},
    {"workdrive.photos.list", ml_work_pages},
    {"workdrive.photos.update", ml_work_update},
    {"workdrive.posts.create", ml_work_create},
    {"workdrive.posts.delete", ml_work_delete},
    {"workdrive.posts.list", ml_work_walk},
    {"workdrive.posts.update", ml_work_update},
    {"workdrive.security_groups.add_members", ml_work_group_members},
    {"workdrive.security_groups.list", ml_work_pages},
    {"workdrive.security_groups.remove_members", ml_work_group_members},
    {"workdrive.sso.create", ml_work_create},
    {"workdrive.sso.list", ml_work_whole},
    {"workdrive.tasks.assign", ml_work_update},
    {"workdrive.tasks.create", ml_work_create},
    {"workdrive.tasks.create_and_assign", ml_work_create},
    {"workdrive.tasks.delete", ml_work_delete},
    {"workdrive.tasks.list", ml_work_pages},
    {"workdrive.tasks.update", ml_work_update},
    {"workdrive.tokens.generate", ml_work_tokens_generate},
    {"workdrive.users.bulk_create", ml_work_bulk_create},
    {"workdrive.users.bulk_delete", ml_work_bulk_delete},
    {"workdrive.users.create", ml_work_create},
    {"workdrive.users.delete", ml_work_delete},
    {"workdrive.users.list", ml_work_pages},
    {"workdrive.users.list_supervisors", ml_work_supervisors},
    {"workdrive.users.update", ml_work_update},
    {"workdrive.videos.create", ml_work_create},
    {"workdrive.videos.delete", ml_work_delete},
    {"workdrive.videos.list", ml_work_pages},
    {"workdrive.videos.update", ml_work_update},
    {NULL, NULL}};
