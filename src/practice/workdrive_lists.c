/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's lists: numbered pages, walks by time, and those that come whole.
 *
 * The last page says so in three ways (WD-47): no nextPage, null, or 0; which
 * one follows from the seed and the list. A walk by time includes its bound, so
 * its steps overlap by what has that very time (WD-05).
 */
#include "practice/moment.h"
#include "practice/pages.h"
#include "practice/recordings.h"
#include "practice/seed.h"
#include "practice/workdrive.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_PAGE 10       /* where nothing is asked for (WD-48) */
#define WALK_MAX 1000     /* items a step of a walk */
#define LAST_PAGE_FORMS 3 /* missing, null, 0 */

/* The records that a list shows, in its order. */
struct hits {
    json_t **record; /* owned array of borrowed records */
    size_t count;
};

/* How a parameter chooses among records. */
enum match { MATCH_TEXT, MATCH_NUMBER, MATCH_PART, MATCH_FLAG, MATCH_MINE, MATCH_WORD };

struct filter {
    const char *operation;
    const char *param;
    enum match match;
    const char *member; /* MATCH_WORD: the parameter's value that it stands for */
    const char *other;  /* a second member that may match; MATCH_WORD: the member */
};

static const struct filter filters[] = {
    {"workdrive.users.list", "location", MATCH_TEXT, "_location", NULL},
    {"workdrive.users.list", "department", MATCH_TEXT, "department", NULL},
    {"workdrive.videos.list", "userId", MATCH_TEXT, "user", NULL},
    {"workdrive.videos.list", "search", MATCH_PART, "title", "description"},
    {"workdrive.photos.list", "userId", MATCH_TEXT, "user", NULL},
    {"workdrive.photos.list", "filter", MATCH_WORD, "friends_photos", "friends"},
    {"workdrive.photos.list", "filter", MATCH_WORD, "only_me_photos", "onlyMe"},
    {"workdrive.photos.list", "filter", MATCH_WORD, "team_photos", "team"},
    {"workdrive.documents.list", "category", MATCH_TEXT, "category", NULL},
    {"workdrive.faqs.list", "category", MATCH_TEXT, "category", NULL},
    {"workdrive.categories.list", "moduleCode", MATCH_NUMBER, "moduleCode", NULL},
    {"workdrive.group_chats.list", "group_type", MATCH_TEXT, "type", NULL},
    {"workdrive.group_chats.list", "my_group_chats", MATCH_MINE, "participants", NULL},
    {"workdrive.events.list", "category", MATCH_TEXT, "category", NULL},
    {"workdrive.events.list", "onlyMeeting", MATCH_FLAG, "_isMeeting", NULL},
    {"workdrive.events.list", "externalEvents", MATCH_FLAG, "isExternalEvent", NULL},
    {"workdrive.sso.list", "location", MATCH_TEXT, "locationId", NULL},
    {"workdrive.sso.list", "department", MATCH_TEXT, "departmentId", NULL},
    {"workdrive.sso.list", "manage", MATCH_FLAG, "_manage", NULL}};

static bool part_of(const json_t *record, const char *member, const char *part)
{
    return member && strcasestr(ml_text_of(record, member), part);
}

static bool fits_one(struct ml_practice *p, const struct ml_ask *ask,
                     const struct filter *filter, const char *value, json_t *record)
{
    json_t *member = json_object_get(record, filter->member);
    switch (filter->match) {
    case MATCH_TEXT:
        return strcmp(ml_text_of(record, filter->member), value) == 0;
    case MATCH_NUMBER:
        return json_integer_value(member) == strtol(value, NULL, 10);
    case MATCH_PART:
        return part_of(record, filter->member, value) || part_of(record, filter->other, value);
    case MATCH_FLAG:
        return strcmp(value, "true") != 0 || json_is_true(member);
    case MATCH_MINE:
        return strcmp(value, "true") != 0 ||
               ml_list_has(record, filter->member, ml_work_caller(p, ask));
    case MATCH_WORD:
        return strcmp(value, filter->member) != 0 ||
               json_is_true(
                   json_object_get(json_object_get(record, "_permissions"), filter->other));
    }
    return true;
}

static bool fits(struct ml_practice *p, const struct ml_ask *ask, json_t *record)
{
    char value[ML_WORK_TEXT];
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (strcmp(filters[i].operation, ask->route->operation) == 0 &&
            *ml_ask_text(ask, filters[i].param, value, sizeof value) &&
            !fits_one(p, ask, &filters[i], value, record))
            return false;
    return true;
}

/* Tasks by what they are to the caller; `published` is known from a sample only. */
static bool fits_task(struct ml_practice *p, const struct ml_ask *ask, json_t *task)
{
    char filter[ML_WORK_TEXT];
    const char *caller = ml_work_caller(p, ask);
    ml_ask_text(ask, "filter", filter, sizeof filter);
    if (strcmp(filter, "INDEPENDENT_TASKS_CREATED_BY_ME") == 0 &&
        strcmp(ml_text_of(task, "createdBy"), caller) != 0)
        return false;
    if (strcmp(filter, "INDEPENDENT_TASKS_ASSIGNED_TO_ME") == 0 &&
        !ml_list_has(task, "assignedUserIds", caller))
        return false;
    return !ml_ask_flag(ask, "published") || strcmp(ml_text_of(task, "status"), "draft") != 0;
}

/* The time of a text member, or `unless`. */
static int64_t time_of(const json_t *record, const char *member, int64_t unless)
{
    int64_t ms;
    return ml_moment_read(ml_text_of(record, member), &ms) == 0 ? ms : unless;
}

/* Events by dates: those that begin from fromDate on and end by toDate. */
static bool fits_event(struct ml_practice *p, const struct ml_ask *ask, json_t *event)
{
    char text[ML_WORK_TEXT];
    int64_t bound;
    int64_t starts = time_of(event, "startDateTime", 0);
    int64_t ends = time_of(event, "endDateTime", starts);
    if (ml_moment_read(ml_ask_text(ask, "fromDate", text, sizeof text), &bound) == 0 &&
        starts < bound)
        return false;
    if (ml_moment_read(ml_ask_text(ask, "toDate", text, sizeof text), &bound) == 0 &&
        ends > bound)
        return false;
    if (ml_ask_flag(ask, "onlyGoing") && strcmp(ml_text_of(event, "myRsvp"), "yes") != 0)
        return false;
    return !ml_ask_flag(ask, "onlyPast") || ends <= ml_practice_now(p);
}

/* Whether a list with a time shows nothing newer. */
static bool fits_time(const json_t *record, int64_t until)
{
    return json_integer_value(json_object_get(record, "_at")) <= until;
}

/* Collects the records that fit, oldest first or last. `until`: for lists that have a bound.
 * -1: no memory. */
static int collect(struct ml_practice *p, const struct ml_ask *ask, int64_t until, bool falling,
                   struct hits *hits)
{
    json_t *list = ml_work_list(p, ask->route->resource)->list;
    size_t n = json_array_size(list);
    bool tasks = strcmp(ask->route->resource, "tasks") == 0;
    bool events = strcmp(ask->route->resource, "events") == 0;
    *hits = (struct hits){calloc(n + 1, sizeof *hits->record), 0};
    for (size_t i = 0; hits->record && i < n; i++) {
        json_t *record = json_array_get(list, falling ? n - 1 - i : i);
        if (fits_time(record, until) && fits(p, ask, record) &&
            (!tasks || fits_task(p, ask, record)) && (!events || fits_event(p, ask, record)))
            hits->record[hits->count++] = record;
    }
    return hits->record ? 0 : -1;
}

/* What lists leave out of records. */
static const char *const *hidden_in(const struct ml_ask *ask)
{
    static const char *const members[] = {"members", "departmentHeads", NULL};
    static const char *const participants[] = {"participants", NULL};
    if (strcmp(ask->route->resource, "group_chats") == 0)
        return ml_ask_flag(ask, "include_participants") ? NULL : participants;
    return members;
}

static void write_hits(struct ml_practice *p, const struct ml_ask *ask, const struct hits *hits,
                       size_t first, size_t n, struct ml_out *o)
{
    struct ml_view view = {.shelf = &p->work, .hidden = hidden_in(ask)};
    ml_out_text(o, "[");
    for (size_t i = 0; i < n; i++) {
        ml_out_text(o, i ? "," : "");
        ml_view_write(&view, ask->route->shape, hits->record[first + i], o);
    }
    ml_out_text(o, "]");
}

static void write_meta(const struct ml_practice *p, const struct ml_ask *ask,
                       const struct ml_page *page, struct ml_out *o)
{
    ml_out_fmt(o,
               ",\"meta\":{\"perPage\":%zu,\"totalPages\":%zu,\"totalResults\":%zu,"
               "\"curPage\":%zu",
               page->size, page->pages, page->count, page->number);
    uint64_t form = ml_hash_text(p->seed, ask->route->resource) % LAST_PAGE_FORMS;
    if (page->next)
        ml_out_fmt(o, ",\"nextPage\":%zu", page->next);
    else if (form)
        ml_out_text(o, form == 1 ? ",\"nextPage\":null" : ",\"nextPage\":0");
    ml_out_text(o, "}");
}

/* The faults of lists, and the page of a list. */
static void answer_page(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans,
                        const struct hits *hits, size_t size, size_t number)
{
    struct ml_page page;
    size_t first;
    ml_page_plan(&page, hits->count, size, number);
    ml_page_spoil(&p->faults, ask, &page);
    size_t n = ml_page_span(&page, &first);
    struct ml_out *o = ml_answer_json(ans, ask->route->status);
    ml_out_fmt(o, "{\"%s\":", ask->route->items);
    write_hits(p, ask, hits, first, n, o);
    write_meta(p, ask, &page, o);
    ml_out_text(o, "}");
}

/* The moment in the query, or that of the clock where it is not given. False: refused. */
static bool read_time(const struct ml_ask *ask, struct ml_answer *ans, int64_t *until)
{
    char text[ML_WORK_TEXT];
    *until = ml_clock_wall_ms();
    if (!*ml_ask_text(ask, "time", text, sizeof text) || ml_moment_read(text, until) == 0)
        return true;
    ml_answer_message(ans, 400, "time is not a moment");
    return false;
}

/* Whether a parameter that has to be given is missing; then the 400 is in ans. */
static bool lacks(const struct ml_ask *ask, struct ml_answer *ans, const char *name)
{
    char text[ML_WORK_TEXT], message[80];
    if (*ml_ask_text(ask, name, text, sizeof text))
        return false;
    snprintf(message, sizeof message, "%s is required", name);
    ml_answer_message(ans, 400, message);
    return true;
}

/* Whether courses are asked for at the path where the manual has them (WD-29). */
static bool courses_as_printed(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    if (!p->faults.as_printed)
        return false;
    if (strcmp(ask->route->resource, "courses") == 0) {
        ask->fault = "as-printed";
        ml_answer_message(ans, 404, "There is no such path");
        return true;
    }
    if (strcmp(ask->route->resource, "categories") != 0 ||
        *ml_ask_text(ask, "moduleCode", text, sizeof text))
        return false;
    for (const struct ml_route *route = ml_routes; route->operation; route++)
        if (strcmp(route->operation, "workdrive.courses.list") == 0)
            ask->route = route;
    return false;
}

/* Somebody adds or deletes while the list is walked: a copy of the first record comes to the
 * end, or the first one goes. Only where nothing else names the records. */
static void shift_pages(struct ml_practice *p, struct ml_ask *ask, size_t number)
{
    static const char *const lists[] = {"videos", "photos", "documents", "courses"};
    char id[37];
    struct ml_records *r = ml_work_list(p, ask->route->resource);
    bool shifts = false;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        shifts = shifts || strcmp(r->name, lists[i]) == 0;
    if (number < 2 || !shifts || json_array_size(r->list) == 0 ||
        ml_seed_chance(p->seed, ML_SEED_SHIFT, ask->n) >= p->faults.shift_share)
        return;
    json_t *first = json_array_get(r->list, 0);
    json_t *copy =
        ml_seed_mix(p->seed, ML_SEED_SHIFT, ask->n) & 1 ? json_deep_copy(first) : NULL;
    ml_work_id(p, id);
    if (!copy)
        ml_records_remove(r, ml_text_of(first, "id"));
    else if (ml_set_text(copy, "id", id) < 0 || ml_records_add(r, copy) < 0)
        return;
    ask->fault = "shifting-pages";
}

void ml_work_pages(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    struct hits hits;
    int64_t until = INT64_MAX;
    if (courses_as_printed(p, ask, ans))
        return;
    size_t number = ml_page_number(ask, ans, "cur_page", 1);
    size_t size = number ? ml_page_number(ask, ans, "per_page", PER_PAGE) : 0;
    if (size == 0)
        return;
    if (strcmp(ask->route->resource, "categories") == 0 && lacks(ask, ans, "moduleCode"))
        return;
    if (strcmp(ask->route->resource, "group_chats") == 0 && !read_time(ask, ans, &until))
        return;
    if (number == p->faults.late_page) {
        ask->fault = "late-page-error";
        ml_answer_message(ans, 500, "Something went wrong");
        return;
    }
    shift_pages(p, ask, number);
    ml_ask_text(ask, "sort_direction", text, sizeof text);
    if (collect(p, ask, until, strcmp(text, "DESC") == 0, &hits) < 0) {
        ml_work_no_memory(ans);
        return;
    }
    answer_page(p, ask, ans, &hits, size < p->page_size ? size : p->page_size, number);
    free(hits.record);
}

/* A record with what it is sorted by. */
struct ranked {
    json_t *record;
    size_t rank, at;
};

static int by_rank(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank < b->rank ? 1 : -1;
    return a->at < b->at ? -1 : 1;
}

/* Puts those with more reactions (else comments) first; equal ones keep their order. */
static int sort_hits(struct hits *hits, bool reactions)
{
    struct ranked *ranked = calloc(hits->count + 1, sizeof *ranked);
    if (!ranked)
        return -1;
    for (size_t i = 0; i < hits->count; i++) {
        json_t *record = hits->record[i];
        json_int_t comments = json_integer_value(json_object_get(record, "commentsCount"));
        size_t liked = json_array_size(json_object_get(record, "reactions"));
        ranked[i] = (struct ranked){record, reactions ? liked : (size_t)comments, i};
    }
    qsort(ranked, hits->count, sizeof *ranked, by_rank);
    for (size_t i = 0; i < hits->count; i++)
        hits->record[i] = ranked[i].record;
    free(ranked);
    return 0;
}

void ml_work_walk(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char sort[ML_WORK_TEXT];
    struct hits hits;
    int64_t until;
    bool events = strcmp(ask->route->resource, "events") == 0;
    size_t size = ml_page_number(ask, ans, "per_page", PER_PAGE);
    if (size == 0 || lacks(ask, ans, "time") || !read_time(ask, ans, &until))
        return;
    /* Whether the bound of events is an upper or a lower one is open (WD-05): it does nothing
     * where there are dates. */
    int rc = collect(p, ask, events ? INT64_MAX : until, !events, &hits);
    ml_ask_text(ask, "sort_key", sort, sizeof sort);
    if (rc == 0 && (*sort == 'b' || *sort == 'c'))
        rc = sort_hits(&hits, *sort == 'b');
    if (rc == 0)
        answer_page(p, ask, ans, &hits, size < WALK_MAX ? size : WALK_MAX, 1);
    else
        ml_work_no_memory(ans);
    free(hits.record);
}

/* Without a parameter, the caller's own entries; of several, the first counts (WD-44). */
static bool own_only(const struct ml_ask *ask)
{
    char text[ML_WORK_TEXT];
    return strcmp(ask->route->resource, "sso") == 0 &&
           !*ml_ask_text(ask, "location", text, sizeof text) &&
           !*ml_ask_text(ask, "department", text, sizeof text) && !ml_ask_flag(ask, "manage");
}

void ml_work_whole(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct hits hits;
    size_t kept = 0;
    if (collect(p, ask, INT64_MAX, false, &hits) < 0) {
        ml_work_no_memory(ans);
        return;
    }
    bool own = own_only(ask);
    for (size_t i = 0; i < hits.count; i++)
        if (!own || strcmp(ml_text_of(hits.record[i], "user"), ml_work_caller(p, ask)) == 0)
            hits.record[kept++] = hits.record[i];
    write_hits(p, ask, &hits, 0, kept, ml_answer_json(ans, ask->route->status));
    free(hits.record);
}

/* The ids of those to whom somebody reports, or `whose` alone, as an object. NULL: no memory.
 */
static json_t *supervisors(struct ml_practice *p, const char *whose)
{
    size_t i, k;
    json_t *user, *team, *ids = json_object();
    json_array_foreach(ml_work_list(p, "users")->list, i, user)
    {
        if (*whose && strcmp(ml_text_of(user, "id"), whose) != 0)
            continue;
        json_object_set_new(ids, ml_text_of(user, "reportsTo"), json_true());
        json_array_foreach(json_object_get(user, "userAdditionalTeams"), k, team)
            json_object_set_new(ids, ml_work_item_id(team), json_true());
    }
    return ids;
}

void ml_work_supervisors(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char whose[ML_WORK_TEXT];
    struct hits hits;
    size_t kept = 0;
    size_t number = ml_page_number(ask, ans, "cur_page", 1);
    size_t size = number ? ml_page_number(ask, ans, "per_page", PER_PAGE) : 0;
    if (size == 0)
        return;
    json_t *ids = supervisors(p, ml_ask_text(ask, "userId", whose, sizeof whose));
    if (!ids || collect(p, ask, INT64_MAX, false, &hits) < 0) {
        json_decref(ids);
        ml_work_no_memory(ans);
        return;
    }
    for (size_t i = 0; i < hits.count; i++)
        if (json_object_get(ids, ml_text_of(hits.record[i], "id")))
            hits.record[kept++] = hits.record[i];
    hits.count = kept;
    answer_page(p, ask, ans, &hits, size < p->page_size ? size : p->page_size, number);
    free(hits.record);
    json_decref(ids);
}

void ml_work_members(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_records *r = ml_work_list(p, ask->route->resource);
    json_t *record = ml_records_find(r, ask->target.param[0]);
    struct ml_view view = {.shelf = &p->work};
    if (record)
        ml_view_write(&view, r->shape, record, ml_answer_json(ans, ask->route->status));
    else
        ml_answer_message(ans, 404, "There is nothing with this id");
}
