/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's FAQs: entries hold questions, and the list shows questions
 * without their entry (WD-28). A delete takes the whole entry, also when it is
 * given the id of a question.
 */
#include "practice/workdrive.h"

#include <string.h>

/* The tags of a question are a text. */
static const char *first_tag(const json_t *entry)
{
    const char *tag = json_string_value(json_array_get(json_object_get(entry, "tags"), 0));
    return tag ? tag : "";
}

static int add_question(struct ml_practice *p, const struct ml_ask *ask, json_t *entry,
                        const json_t *qa)
{
    struct ml_records *faqs = ml_work_list(p, "faqs");
    json_t *question = ml_work_fresh(p, ask, faqs->shape);
    json_t *owners = json_object_get(entry, "ownerIds");
    int rc = question ? 0 : -1;
    static const char *const words[] = {"question", "answer", "description"};
    for (size_t i = 0; rc == 0 && i < sizeof words / sizeof *words; i++)
        rc = ml_set_text(question, words[i], ml_text_of(qa, words[i]));
    if (rc == 0)
        rc = ml_set_text(question, "category", ml_text_of(entry, "category"));
    if (rc == 0)
        rc = ml_set_text(question, "tags", first_tag(entry));
    if (rc == 0)
        rc = ml_set_text(question, "_kbId", ml_text_of(entry, "id"));
    if (rc == 0 && owners)
        rc = json_object_set(question, "owners", owners);
    if (rc == 0)
        return ml_records_add(faqs, question);
    json_decref(question);
    return -1;
}

static int add_questions(struct ml_practice *p, const struct ml_ask *ask, json_t *entry,
                         const json_t *qas)
{
    size_t i;
    json_t *qa;
    json_array_foreach(qas, i, qa)
    {
        if (add_question(p, ask, entry, qa) < 0)
            return -1;
    }
    return 0;
}

/* What is wrong with questions, or NULL. */
static const char *check_questions(const json_t *qas)
{
    size_t i;
    json_t *qa;
    json_array_foreach(qas, i, qa)
    {
        if (!*ml_text_of(qa, "question") || !*ml_text_of(qa, "answer"))
            return "question and answer are required";
    }
    return NULL;
}

static int create_entry(struct ml_practice *p, const struct ml_ask *ask, json_t *body)
{
    char id[37];
    json_t *kb = json_object_get(body, "kb");
    json_t *entry = kb ? json_deep_copy(kb) : json_object();
    bool published = ml_ask_flag(ask, "publish");
    ml_work_id(p, id);
    if (!entry || ml_set_text(entry, "id", id) < 0 ||
        json_object_set_new(entry, "_published", json_boolean(published)) < 0 ||
        json_object_set(entry, "_permissions", json_object_get(body, "permissions")) < 0) {
        json_decref(entry);
        return -1;
    }
    if (ml_records_add(ml_work_list(p, "entries"), entry) < 0)
        return -1;
    return add_questions(p, ask, entry, json_object_get(body, "qas"));
}

/* Finishes a write: the answer repeats the body. */
static void finish(struct ml_practice *p, const struct ml_ask *ask, int rc, json_t *body,
                   struct ml_answer *ans)
{
    if (rc < 0) {
        ml_work_no_memory(ans);
        return;
    }
    ans->applied = true;
    ml_work_answer(p, ask, NULL, body, ans);
}

void ml_work_faqs_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    json_t *body = ml_body_object(ask, ans);
    if (!body)
        return;
    const char *reason = ml_work_unfit(p, ask, NULL, body, text);
    if (!reason && !json_object_get(body, "permissions"))
        reason = "permissions is required";
    if (!reason)
        reason = check_questions(json_object_get(body, "qas"));
    if (reason)
        ml_answer_message(ans, 400, reason);
    else
        finish(p, ask, create_entry(p, ask, body), body, ans);
    json_decref(body);
}

/* The words of questions that the body changes; those of other entries are passed over. */
static int update_questions(struct ml_practice *p, const json_t *entry, const json_t *changes)
{
    static const char *const words[] = {"question", "answer", "description"};
    size_t i;
    json_t *change;
    json_array_foreach(changes, i, change)
    {
        json_t *question = ml_records_find(ml_work_list(p, "faqs"), ml_text_of(change, "id"));
        if (!question || strcmp(ml_text_of(question, "_kbId"), ml_text_of(entry, "id")) != 0)
            continue;
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (json_object_get(change, words[k]) &&
                ml_set_text(question, words[k], ml_text_of(change, words[k])) < 0)
                return -1;
    }
    return 0;
}

/* What kb changes of the entry, and with it of its questions. */
static int update_entry(json_t *entry, json_t *kb)
{
    size_t i;
    json_t *id, *copy = json_deep_copy(kb);
    json_array_foreach(json_object_get(kb, "newOwnerIds"), i, id)
    {
        if (ml_list_put(entry, "ownerIds", ml_work_item_id(id)) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(kb, "removeOwnerIds"), i, id)
        ml_list_drop(entry, "ownerIds", ml_work_item_id(id));
    json_object_del(copy, "newOwnerIds");
    json_object_del(copy, "removeOwnerIds");
    int rc = json_object_update(entry, copy);
    json_decref(copy);
    return kb ? rc : 0;
}

/* Takes those questions of the entry out that are named, or all. */
static void drop_questions(struct ml_practice *p, const char *entry, const json_t *ids)
{
    struct ml_records *faqs = ml_work_list(p, "faqs");
    for (size_t i = json_array_size(faqs->list); i-- > 0;) {
        json_t *question = json_array_get(faqs->list, i);
        bool named = !ids;
        for (size_t k = 0; k < json_array_size(ids); k++)
            named = named || strcmp(ml_work_item_id(json_array_get(ids, k)),
                                    ml_text_of(question, "id")) == 0;
        if (named && strcmp(ml_text_of(question, "_kbId"), entry) == 0)
            ml_records_remove(faqs, ml_text_of(question, "id"));
    }
}

static int change_entry(struct ml_practice *p, const struct ml_ask *ask, json_t *entry,
                        json_t *body)
{
    json_t *removed = json_object_get(body, "removeQuestionIds");
    if (update_entry(entry, json_object_get(body, "kb")) < 0 ||
        update_questions(p, entry, json_object_get(body, "updatedQAs")) < 0 ||
        add_questions(p, ask, entry, json_object_get(body, "newQas")) < 0)
        return -1;
    if (removed)
        drop_questions(p, ml_text_of(entry, "id"), removed);
    return ml_ask_flag(ask, "publish") ? json_object_set_new(entry, "_published", json_true())
                                       : 0;
}

void ml_work_faqs_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    json_t *entry = ml_records_find(ml_work_list(p, "entries"), ask->target.param[0]);
    json_t *body = entry ? ml_body_object(ask, ans) : NULL;
    if (!entry)
        ml_answer_message(ans, 404, "There is no entry with this id");
    if (!body)
        return;
    const char *reason = ml_work_unfit(p, ask, entry, body, text);
    if (!reason)
        reason = check_questions(json_object_get(body, "newQas"));
    if (reason)
        ml_answer_message(ans, 400, reason);
    else
        finish(p, ask, change_entry(p, ask, entry, body), body, ans);
    json_decref(body);
}

void ml_work_faqs_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char entry[ML_KEY_MAX];
    const char *id = ask->target.param[0];
    json_t *question = ml_records_find(ml_work_list(p, "faqs"), id);
    const char *named = question ? ml_text_of(question, "_kbId") : id;
    struct ml_records *entries = ml_work_list(p, "entries");
    if (!ml_records_find(entries, named)) {
        ml_answer_message(ans, 404, "There is no entry with this id");
        return;
    }
    memcpy(entry, named, strlen(named) + 1); /* a key, so it fits; what it points into goes */
    drop_questions(p, entry, NULL);
    ml_records_remove(entries, entry);
    ans->applied = true;
    ml_answer_start(ans, ask->route->status, NULL);
}
