/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's rules for tasks and group chats, and the calls that reach people:
 * messages and notifications, which tests read in the lists of these names.
 */
#include "practice/workdrive.h"

#include <stdio.h>
#include <string.h>

static bool is_draft(const json_t *task)
{
    return strcmp(ml_text_of(task, "status"), "draft") == 0;
}

static const char *check_task(struct ml_practice *p, const struct ml_ask *ask, json_t *task,
                              json_t *body)
{
    (void)p;
    (void)ask;
    const char *status = ml_text_of(body, "status");
    bool article = strcmp(ml_text_of(body, "task_type"), "Article") == 0;
    if (task && !is_draft(task))
        return "A published task cannot be updated";
    if (!task && !*ml_text_of(body, "title"))
        return "title is required";
    if (*status && strcmp(status, "draft") != 0 && strcmp(status, "publish") != 0)
        return "status is draft or publish";
    return article && !*ml_text_of(body, "content") ? "content is required" : NULL;
}

/* A task that is published shows it in its own word (WD-33). */
static int settle_task(struct ml_practice *p, const struct ml_ask *ask, json_t *task,
                       json_t *body)
{
    (void)p;
    (void)ask;
    (void)body;
    if (!*ml_text_of(task, "status"))
        return ml_set_text(task, "status", "draft");
    return 0;
}

static const char *check_given(struct ml_practice *p, const struct ml_ask *ask, json_t *task,
                               json_t *body)
{
    size_t i;
    json_t *id, *ids = json_object_get(body, "userIds");
    if (json_array_size(ids) == 0)
        return "userIds is empty";
    json_array_foreach(ids, i, id)
    {
        if (!ml_work_is_user(p, ml_work_item_id(id)))
            return "There is no such user";
    }
    return check_task(p, ask, task, body);
}

static int settle_given(struct ml_practice *p, const struct ml_ask *ask, json_t *task,
                        json_t *body)
{
    (void)p;
    (void)ask;
    (void)body;
    return ml_set_text(task, "status", "publish");
}

static const char *check_assign(struct ml_practice *p, const struct ml_ask *ask, json_t *task,
                                json_t *body)
{
    (void)p;
    (void)ask;
    (void)body;
    return is_draft(task) ? "A draft cannot be assigned" : NULL;
}

static const char *check_chat(struct ml_practice *p, const struct ml_ask *ask, json_t *chat,
                              json_t *body)
{
    (void)ask;
    static const char *const of_groups[] = {"title", "fileId", "category"};
    const char *type = chat ? ml_text_of(chat, "type") : ml_text_of(body, "groupType");
    size_t i;
    json_t *member;
    if (strcmp(type, "CHAT_GROUP") != 0 && strcmp(type, "ROOM") != 0)
        return "groupType is CHAT_GROUP or ROOM";
    for (i = 0; i < sizeof of_groups / sizeof *of_groups; i++)
        if (json_object_get(body, of_groups[i]) && strcmp(type, "ROOM") == 0)
            return "title, fileId and category are for CHAT_GROUP";
    json_array_foreach(json_object_get(body, "members"), i, member)
    {
        if (!ml_work_is_user(p, ml_work_item_id(member)))
            return "There is no such user";
    }
    return NULL;
}

/* Participants and admins are the caller and those whom the body names. */
static int settle_chat(struct ml_practice *p, const struct ml_ask *ask, json_t *chat,
                       json_t *body)
{
    size_t i;
    json_t *member;
    const char *caller = ml_work_caller(p, ask);
    json_object_del(chat, "_members");
    if (ml_list_put(chat, "participants", caller) < 0 ||
        ml_list_put(chat, "admins", caller) < 0)
        return -1;
    json_array_foreach(json_object_get(body, "members"), i, member)
    {
        const char *id = ml_work_item_id(member);
        if (ml_list_put(chat, "participants", id) < 0 ||
            (json_is_true(json_object_get(member, "isAdmin")) &&
             ml_list_put(chat, "admins", id) < 0))
            return -1;
    }
    return 0;
}

const struct ml_work_rule ml_work_task_rules[] = {
    {"workdrive.tasks.create", check_task, settle_task},
    {"workdrive.tasks.create_and_assign", check_given, settle_given},
    {"workdrive.tasks.update", check_task, NULL},
    {"workdrive.tasks.assign", check_assign, NULL},
    {"workdrive.group_chats.create", check_chat, settle_chat},
    {"workdrive.group_chats.update", check_chat, NULL},
    {NULL, NULL, NULL}};

/* Deletes one chat; the printed form without an id, or with several, is refused (WD-34). */
void ml_work_chats_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char id[ML_WORK_TEXT];
    if (*ml_ask_text(ask, "id", id, sizeof id) && !strchr(id, ','))
        ml_work_delete(p, ask, ans);
    else
        ml_work_printed(p, ans, "DELETE /api/group-chats without a single id");
}

/* What is sent as a meeting of a conversation stands at the path of chats (WD-36). */
void ml_work_chats_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    json_t *body = json_loadb(ask->body, ask->body_len, 0, NULL);
    bool meeting = json_object_get(body, "startDateTime") || json_object_get(body, "userIds");
    json_decref(body);
    if (meeting)
        ml_work_printed(p, ans, "POST /api/group-chats with a meeting");
    else
        ml_work_create(p, ask, ans);
}

void ml_work_messages_send(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    json_t *chat = ml_records_find(ml_work_list(p, "group_chats"), ask->target.param[0]);
    json_t *body = chat ? ml_body_object(ask, ans) : NULL;
    if (!chat)
        ml_answer_message(ans, 404, "There is no such conversation");
    if (!body)
        return;
    json_t *message = ml_work_fresh(p, ask, ask->route->shape);
    if (ml_body_check(ask->route, body) || !*ml_text_of(body, "message")) {
        ml_answer_message(ans, 400, "message is required");
        json_decref(message);
    } else if (!message || ml_work_take(ask->route, message, body) < 0 ||
               ml_set_text(message, "_conversationId", ask->target.param[0]) < 0) {
        ml_work_no_memory(ans);
        json_decref(message);
    } else if (ml_records_add(ml_work_list(p, "messages"), message) < 0) {
        ml_work_no_memory(ans);
    } else {
        ans->applied = true;
        ml_work_answer(p, ask, message, body, ans);
    }
    json_decref(body);
}

/* Why the notification goes nowhere, or NULL. */
static const char *check_notification(struct ml_practice *p, json_t *body)
{
    static const char *const media[] = {"EMAIL", "SMS", "PUSH", "INAPP"};
    const char *medium = ml_text_of(body, "medium");
    bool mail = strcmp(medium, "EMAIL") == 0, known = false;
    size_t i;
    json_t *id;
    for (i = 0; i < sizeof media / sizeof *media; i++)
        known = known || strcmp(medium, media[i]) == 0;
    if (!known)
        return "medium is EMAIL, SMS, PUSH or INAPP";
    if (json_array_size(json_object_get(body, mail ? "emails" : "receiverUserIds")) == 0)
        return "nobody would get it";
    json_array_foreach(json_object_get(body, "receiverUserIds"), i, id)
    {
        if (!ml_work_is_user(p, ml_work_item_id(id)))
            return "There is no such user";
    }
    return NULL;
}

void ml_work_notify(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    json_t *body = ml_body_object(ask, ans);
    if (!body)
        return;
    const char *reason =
        ml_body_check(ask->route, body) ? "the body is not valid" : check_notification(p, body);
    if (reason) {
        ml_answer_message(ans, 400, reason);
    } else if (ml_work_note(p, "notifications", json_incref(body)) < 0) {
        ml_work_no_memory(ans);
    } else {
        ans->applied = true;
        ml_answer_start(ans, ask->route->status, NULL);
    }
    json_decref(body);
}
