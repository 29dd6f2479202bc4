/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's writes: the way that all of them go. workdrive.h says how, and
 * workdrive_routes.c which operation goes which way.
 */
#include "practice/workdrive.h"

#include "practice/moment.h"
#include "practice/seed.h"

#include <stdio.h>
#include <string.h>

struct ml_records *ml_work_list(struct ml_practice *p, const char *name)
{
    return ml_shelf_list(&p->work, name);
}

const char *ml_work_caller(struct ml_practice *p, const struct ml_ask *ask)
{
    return p->work_caller[ask->member];
}

void ml_work_id(struct ml_practice *p, char out[37])
{
    ml_seed_uuid(p->seed, ML_SEED_WORK_ID, p->work.serial++, out);
}

void ml_work_no_memory(struct ml_answer *ans)
{
    ml_answer_message(ans, 500, "The practice server is out of memory");
}

bool ml_work_is_user(struct ml_practice *p, const char *id)
{
    return ml_records_find(ml_work_list(p, "users"), id) != NULL;
}

const char *ml_work_item_id(const json_t *item)
{
    return json_is_string(item) ? json_string_value(item) : ml_text_of(item, "id");
}

int ml_work_note(struct ml_practice *p, const char *list, json_t *note)
{
    char id[37];
    ml_work_id(p, id);
    if (!note || ml_set_text(note, "id", id) < 0) {
        json_decref(note);
        return -1;
    }
    return ml_records_add(ml_work_list(p, list), note);
}

json_t *ml_work_fresh(struct ml_practice *p, const struct ml_ask *ask,
                      const struct ml_shape *shape)
{
    static const char *const callers[] = {"createdBy", "updatedBy", "user", "creator",
                                          "sender"};
    static const char *const times[] = {"createdAt", "updatedAt", "postedAt"};
    char id[37], now[ML_MOMENT_MAX];
    int64_t ms = ml_practice_now(p) + 1000;
    ml_work_id(p, id);
    ml_moment_write(ms, now);
    json_t *record = json_pack("{s:s, s:I}", "id", id, "_at", (json_int_t)ms);
    int rc = record ? 0 : -1;
    for (size_t i = 0; rc == 0 && i < sizeof callers / sizeof *callers; i++)
        if (ml_shape_has(shape, callers[i]))
            rc = ml_set_text(record, callers[i], ml_work_caller(p, ask));
    for (size_t i = 0; rc == 0 && i < sizeof times / sizeof *times; i++)
        if (ml_shape_has(shape, times[i]))
            rc = ml_set_text(record, times[i], now);
    if (rc == 0 && ml_shape_has(shape, "orgId"))
        rc = ml_set_text(record, "orgId", p->work_org);
    if (rc == 0)
        return record;
    json_decref(record);
    return NULL;
}

/* Members that records show under another name than the body has them. */
static int take_aliases(const struct ml_shape *shape, json_t *record)
{
    static const char *const aliases[][2] = {{"_fileIds", "files"},
                                             {"_coverImage", "coverImage"},
                                             {"_docId", "file"},
                                             {"_fileId", "file"},
                                             {"_fileId", "photo"},
                                             {"_posterId", "poster"},
                                             {"_taggedUserIds", "taggedUsers"},
                                             {"_mention", "mentions"},
                                             {"_ownerIds", "owners"},
                                             {"_fileId", "image"},
                                             {"reportsTo", "reportsToObj"},
                                             {"_groupType", "type"}};
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        json_t *value = json_object_get(record, aliases[i][0]);
        if (value && ml_shape_has(shape, aliases[i][1]) &&
            json_object_set(record, aliases[i][1], value) < 0)
            return -1;
    }
    return 0;
}

static bool is_move(const struct ml_route *route, const char *name)
{
    const struct ml_moves *moves = &route->moves;
    return (moves->add && strcmp(moves->add, name) == 0) ||
           (moves->remove && strcmp(moves->remove, name) == 0);
}

/* Puts the items of the body's list (or its one text) into the record's list, or takes them
 * out. */
static int move_items(json_t *record, const char *list, json_t *items, bool put)
{
    size_t n = json_is_array(items) ? json_array_size(items) : items != NULL;
    for (size_t i = 0; i < n; i++) {
        const char *id =
            ml_work_item_id(json_is_array(items) ? json_array_get(items, i) : items);
        if (!put)
            ml_list_drop(record, list, id);
        else if (ml_list_put(record, list, id) < 0)
            return -1;
    }
    return 0;
}

static int take_moves(const struct ml_route *route, json_t *record, json_t *body)
{
    const struct ml_moves *moves = &route->moves;
    const char *list = moves->list ? moves->list : "_members";
    if (!moves->list && !moves->count)
        return 0;
    if (moves->add && move_items(record, list, ml_body_member(body, moves->add), true) < 0)
        return -1;
    if (moves->remove)
        move_items(record, list, ml_body_member(body, moves->remove), false);
    if (!moves->count)
        return 0;
    size_t n = json_array_size(json_object_get(record, list));
    return json_object_set_new(record, moves->count, json_integer((json_int_t)n));
}

int ml_work_take(const struct ml_route *route, json_t *record, json_t *body)
{
    for (const struct ml_route_field *field = route->fields; field && field->name; field++) {
        json_t *value = field->stored ? ml_body_member(body, field->name) : NULL;
        if (value && !is_move(route, field->name) &&
            json_object_set(record, field->stored, value) < 0)
            return -1;
    }
    if (take_moves(route, record, body) < 0)
        return -1;
    return take_aliases(route->shape, record);
}

static bool has_field(const struct ml_route *route, const char *name)
{
    for (const struct ml_route_field *field = route->fields; field && field->name; field++)
        if (strcmp(field->name, name) == 0)
            return true;
    return false;
}

/* Whether exactly one of the four flags is set (WD-08). */
static bool one_flag(const json_t *permissions)
{
    static const char *const flags[] = {"public", "friends", "onlyMe", "team"};
    int set = 0;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        set += json_is_true(json_object_get(permissions, flags[i]));
    return set == 1;
}

/* Whether all ids in a list (or one text) of the body are those of people. */
static bool all_users(struct ml_practice *p, json_t *items)
{
    size_t n = json_is_array(items) ? json_array_size(items) : items != NULL;
    for (size_t i = 0; i < n; i++)
        if (!ml_work_is_user(
                p, ml_work_item_id(json_is_array(items) ? json_array_get(items, i) : items)))
            return false;
    return true;
}

static const struct ml_work_rule *rule_of(const char *operation)
{
    static const struct ml_work_rule *const tables[] = {
        ml_work_people_rules, ml_work_content_rules, ml_work_task_rules};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct ml_work_rule *rule = tables[i]; rule->operation; rule++)
            if (strcmp(rule->operation, operation) == 0)
                return rule;
    return NULL;
}

const char *ml_work_unfit(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                          json_t *body, char text[ML_WORK_TEXT])
{
    const struct ml_work_rule *rule = rule_of(ask->route->operation);
    const struct ml_moves *moves = &ask->route->moves;
    const char *wrong = ml_body_check(ask->route, body);
    json_t *permissions = json_object_get(body, "permissions");
    if (wrong) {
        snprintf(text, ML_WORK_TEXT, "%.100s has the wrong type", wrong);
        return text;
    }
    if (permissions && !one_flag(permissions))
        return "permissions need exactly one of public, friends, onlyMe and team";
    if (moves->add && !all_users(p, ml_body_member(body, moves->add)))
        return "There is no such user";
    return rule && rule->check ? rule->check(p, ask, record, body) : NULL;
}

int ml_work_finish(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                   json_t *body)
{
    const struct ml_work_rule *rule = rule_of(ask->route->operation);
    return rule && rule->after ? rule->after(p, ask, record, body) : 0;
}

void ml_work_answer(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                    json_t *body, struct ml_answer *ans)
{
    static const char *const hidden[] = {"members", "departmentHeads", NULL};
    bool lists = strstr(ask->route->operation, "_members") != NULL;
    struct ml_view view = {.shelf = &p->work, .kept = true, .hidden = lists ? NULL : hidden};
    if (strcmp(ask->route->operation, "workdrive.tasks.assign") == 0)
        view.people = "assignedUserIds"; /* as ids everywhere else (WD-33) */
    const char *kind = ask->route->answer ? ask->route->answer : "none";
    if (strcmp(kind, "object") == 0)
        ml_view_write(&view, ask->route->shape, record,
                      ml_answer_json(ans, ask->route->status));
    else if (strcmp(kind, "echo") == 0)
        ml_out_json(ml_answer_json(ans, ask->route->status), body);
    else
        ml_answer_start(ans, ask->route->status, NULL);
}

/* A create that leaves permissions out makes something that all may see (WD-08). */
static int open_to_all(const struct ml_route *route, json_t *record)
{
    if (!has_field(route, "permissions") || json_object_get(record, "_permissions"))
        return 0;
    return json_object_set_new(record, "_permissions", json_pack("{s:b}", "public", 1));
}

static void create_from(struct ml_practice *p, const struct ml_ask *ask, json_t *body,
                        struct ml_answer *ans)
{
    json_t *record = ml_work_fresh(p, ask, ask->route->shape);
    if (!record || ml_work_take(ask->route, record, body) < 0 ||
        open_to_all(ask->route, record) < 0) {
        json_decref(record);
        ml_work_no_memory(ans);
        return;
    }
    if (ml_records_add(ml_work_list(p, ask->route->resource), record) < 0 ||
        ml_work_finish(p, ask, record, body) < 0) {
        ml_work_no_memory(ans);
        return;
    }
    ans->applied = true;
    ml_work_answer(p, ask, record, body, ans);
}

void ml_work_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    json_t *body = ml_body_object(ask, ans);
    const char *reason = body ? ml_work_unfit(p, ask, NULL, body, text) : NULL;
    if (reason)
        ml_answer_message(ans, 400, reason);
    else if (body)
        create_from(p, ask, body, ans);
    json_decref(body);
}

/* The record that the path or the query names, or NULL with the 404 in ans. */
static json_t *target_of(struct ml_practice *p, const struct ml_ask *ask, struct ml_answer *ans)
{
    char id[ML_WORK_TEXT];
    const char *key =
        ask->target.param[0] ? ask->target.param[0] : ml_ask_text(ask, "id", id, sizeof id);
    json_t *record = ml_records_find(ml_work_list(p, ask->route->resource), key);
    if (!record)
        ml_answer_message(ans, 404, "There is nothing with this id");
    return record;
}

/* Says when and by whom. */
static int touch(struct ml_practice *p, const struct ml_ask *ask, json_t *record)
{
    char now[ML_MOMENT_MAX];
    ml_moment_write(ml_practice_now(p) + 1000, now);
    if (ml_shape_has(ask->route->shape, "updatedBy") &&
        ml_set_text(record, "updatedBy", ml_work_caller(p, ask)) < 0)
        return -1;
    return ml_shape_has(ask->route->shape, "updatedAt") ? ml_set_text(record, "updatedAt", now)
                                                        : 0;
}

static void update_from(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                        json_t *body, struct ml_answer *ans)
{
    if (ask->fate.kind != ML_BREAK_STALE) {
        if (ml_work_take(ask->route, record, body) < 0 || touch(p, ask, record) < 0 ||
            ml_work_finish(p, ask, record, body) < 0) {
            ml_work_no_memory(ans);
            return;
        }
        ans->applied = true;
    }
    ml_work_answer(p, ask, record, body, ans);
}

void ml_work_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    json_t *record = target_of(p, ask, ans);
    json_t *body = record ? ml_body_object(ask, ans) : NULL;
    const char *reason = body ? ml_work_unfit(p, ask, record, body, text) : NULL;
    if (reason)
        ml_answer_message(ans, 400, reason);
    else if (body)
        update_from(p, ask, record, body, ans);
    json_decref(body);
}

void ml_work_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    json_t *record = target_of(p, ask, ans);
    const char *reason = record ? ml_work_unfit(p, ask, record, NULL, text) : NULL;
    if (!record)
        return;
    if (reason) {
        ml_answer_message(ans, 400, reason);
        return;
    }
    json_incref(record);
    ml_records_remove(ml_work_list(p, ask->route->resource), ml_text_of(record, "id"));
    ans->applied = true;
    ml_answer_start(ans, ask->route->status, NULL);
    if (ml_work_finish(p, ask, record, NULL) < 0)
        ml_work_no_memory(ans);
    json_decref(record);
}
