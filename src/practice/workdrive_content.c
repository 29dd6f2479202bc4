/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's rules for posts, news, events, videos and documents, and the
 * calls for questions (FAQs), which are kept in entries that no call shows.
 */
#include "practice/moment.h"
#include "practice/workdrive.h"

#include <stdio.h>
#include <string.h>

#define SERIES_MAX 50 /* events that one repeat makes */
#define MONTH_S (30 * 86400)
#define YEAR_S (366 * 86400)

static const char *check_post(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                              json_t *body)
{
    (void)p;
    (void)ask;
    (void)record;
    if (strcmp(ml_text_of(body, "status"), "PUBLISHED") != 0)
        return "status has to be PUBLISHED";
    if (!json_object_get(body, "tags"))
        return "tags is required";
    if (!*ml_text_of(body, "postText") && !json_array_size(json_object_get(body, "fileIds")) &&
        !*ml_text_of(body, "gif") && !json_array_size(json_object_get(body, "links")))
        return "a post needs text or media";
    return NULL;
}

static const char *check_post_change(struct ml_practice *p, const struct ml_ask *ask,
                                     json_t *record, json_t *body)
{
    (void)p;
    (void)ask;
    (void)record;
    const json_t *status = json_object_get(body, "status");
    return status && strcmp(ml_text_of(body, "status"), "PUBLISHED") != 0
               ? "status has to be PUBLISHED"
               : NULL;
}

static const char *check_video(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                               json_t *body)
{
    (void)p;
    (void)ask;
    (void)record;
    json_int_t source = json_integer_value(json_object_get(body, "source"));
    return source >= 1 && source <= 4 ? NULL : "source is a number from 1 to 4";
}

static const char *check_dates(struct ml_practice *p, const struct ml_ask *ask, json_t *event,
                               json_t *body)
{
    (void)p;
    (void)ask;
    int64_t starts = 0, ends = 0;
    bool has_start = json_object_get(body, "startDateTime") != NULL;
    bool has_end = json_object_get(body, "endDateTime") != NULL;
    if (!event && !*ml_text_of(body, "title"))
        return "title is required";
    if (!event && !has_start)
        return "startDateTime is required";
    if ((has_start && ml_moment_read(ml_text_of(body, "startDateTime"), &starts) < 0) ||
        (has_end && ml_moment_read(ml_text_of(body, "endDateTime"), &ends) < 0))
        return "startDateTime and endDateTime are moments";
    return has_start && has_end && ends < starts ? "endDateTime is before startDateTime" : NULL;
}

/* Seconds between the events of a repeat, 0 when it has none. */
static int64_t repeat_step(const json_t *config)
{
    const json_t *frequency = json_object_get(config, "frequency");
    if (json_is_string(frequency) && strcmp(json_string_value(frequency), "monthly") == 0)
        return MONTH_S;
    json_int_t seconds = json_integer_value(frequency);
    return seconds > 0 && seconds <= YEAR_S ? seconds : 0;
}

/* Moves a moment of the event on. -1: no memory, or there is no such moment. */
static int shift(json_t *event, const char *member, int64_t ms)
{
    char text[ML_MOMENT_MAX];
    int64_t at;
    if (ml_moment_read(ml_text_of(event, member), &at) < 0)
        return 0;
    ml_moment_write(at + ms, text);
    return ml_set_text(event, member, text);
}

/* Adds the n-th event of the series. */
static int add_repeat(struct ml_practice *p, json_t *first, int64_t ms)
{
    char id[37];
    json_t *event = json_deep_copy(first);
    ml_work_id(p, id);
    if (!event || ml_set_text(event, "id", id) < 0 || shift(event, "startDateTime", ms) < 0 ||
        shift(event, "endDateTime", ms) < 0) {
        json_decref(event);
        return -1;
    }
    return ml_records_add(ml_work_list(p, "events"), event);
}

/* Makes the series that `repeat` asks for, up to the day on which it ends. */
static int settle_event(struct ml_practice *p, const struct ml_ask *ask, json_t *event,
                        json_t *body)
{
    (void)ask;
    int64_t starts, ends;
    json_t *config = ml_body_member(body, "repeat.config");
    int64_t step = repeat_step(config) * 1000;
    if (step == 0)
        return 0;
    const char *until = ml_text_of(ml_body_member(config, "ends.config"), "date");
    if (ml_moment_read(ml_text_of(event, "startDateTime"), &starts) < 0 ||
        ml_moment_read(until, &ends) < 0)
        ends = starts = 0;
    if (json_object_set(event, "repeatConfig", config) < 0 ||
        ml_set_text(event, "repeatId", ml_text_of(event, "id")) < 0)
        return -1;
    for (int64_t n = 1; n < SERIES_MAX && starts + n * step <= ends + 86400000; n++)
        if (add_repeat(p, event, n * step) < 0)
            return -1;
    return 0;
}

/* Whether two events are of one series; with repeat=future only those that are not before. */
static bool goes_along(const struct ml_ask *ask, const json_t *event, const json_t *other)
{
    char repeat[ML_WORK_TEXT];
    const char *series = ml_text_of(event, "repeatId");
    if (!*series || strcmp(series, ml_text_of(other, "repeatId")) != 0)
        return false;
    ml_ask_text(ask, "repeat", repeat, sizeof repeat);
    if (strcmp(repeat, "single") == 0)
        return false;
    return strcmp(repeat, "future") != 0 ||
           strcmp(ml_text_of(other, "startDateTime"), ml_text_of(event, "startDateTime")) > 0;
}

/* What is done to one event is done to its series, unless `repeat` says otherwise (WD-21): the
 * words, but not the dates. */
static int change_series(struct ml_practice *p, const struct ml_ask *ask, json_t *event,
                         json_t *body)
{
    static const char *const words[] = {"title", "description", "location", "conferenceLink",
                                        "tags"};
    size_t i;
    json_t *other;
    json_array_foreach(ml_work_list(p, "events")->list, i, other)
    {
        for (size_t k = 0; goes_along(ask, event, other) && k < sizeof words / sizeof *words;
             k++)
            if (json_object_get(body, words[k]) &&
                json_object_set(other, words[k], json_object_get(body, words[k])) < 0)
                return -1;
    }
    return 0;
}

static int delete_series(struct ml_practice *p, const struct ml_ask *ask, json_t *event,
                         json_t *body)
{
    (void)body;
    struct ml_records *r = ml_work_list(p, "events");
    for (size_t i = json_array_size(r->list); i-- > 0;) {
        json_t *other = json_array_get(r->list, i);
        if (goes_along(ask, event, other))
            ml_records_remove(r, ml_text_of(other, "id"));
    }
    return 0;
}

static bool all_people(struct ml_practice *p, const json_t *ids)
{
    size_t i;
    json_t *id;
    json_array_foreach(ids, i, id)
    {
        if (!ml_work_is_user(p, ml_work_item_id(id)))
            return false;
    }
    return true;
}

static const char *check_document(struct ml_practice *p, const struct ml_ask *ask,
                                  json_t *record, json_t *body)
{
    (void)ask;
    (void)record;
    if (!*ml_text_of(body, "name") || !*ml_text_of(body, "category"))
        return "name and category are required";
    return all_people(p, json_object_get(body, "ownerIds")) ? NULL : "There is no such owner";
}

static int settle_document(struct ml_practice *p, const struct ml_ask *ask, json_t *document,
                           json_t *body)
{
    (void)body;
    const char *caller = ml_work_caller(p, ask);
    bool published = ml_ask_flag(ask, "publish");
    if (!json_array_size(json_object_get(document, "owners")) &&
        ml_list_put(document, "owners", caller) < 0)
        return -1;
    return json_object_set_new(document, "isPublished", json_boolean(published));
}

/* permissions stand twice; in both places or in neither (WD-26). */
static const char *check_document_change(struct ml_practice *p, const struct ml_ask *ask,
                                         json_t *record, json_t *body)
{
    (void)p;
    (void)ask;
    (void)record;
    json_t *outer = json_object_get(body, "permissions");
    json_t *inner = ml_body_member(body, "kb.permissions");
    bool same = outer ? inner && json_equal(outer, inner) : !inner;
    return same ? NULL : "permissions have to be the same in both places";
}

static int publish_document(struct ml_practice *p, const struct ml_ask *ask, json_t *document,
                            json_t *body)
{
    (void)p;
    (void)body;
    return ml_ask_flag(ask, "publish")
               ? json_object_set_new(document, "isPublished", json_true())
               : 0;
}

const struct ml_work_rule ml_work_content_rules[] = {
    {"workdrive.posts.create", check_post, NULL},
    {"workdrive.posts.update", check_post_change, NULL},
    {"workdrive.videos.create", check_video, NULL},
    {"workdrive.events.create", check_dates, settle_event},
    {"workdrive.events.update", check_dates, change_series},
    {"workdrive.events.delete", NULL, delete_series},
    {"workdrive.documents.create", check_document, settle_document},
    {"workdrive.documents.update", check_document_change, publish_document},
    {NULL, NULL, NULL}};
