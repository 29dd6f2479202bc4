/* SPDX-License-Identifier: MIT */
/*
 * Screendesk's REST API: recordings and users. The answers follow the samples
 * of its documentation; where that is silent, the ids of notes name the choice.
 */
#include "practice/server.h"

#include "practice/pages.h"
#include "practice/seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE_MAX 255 /* characters */

typedef void (*write_items_fn)(struct ml_practice *p, size_t first, size_t n, struct ml_out *o);

static void write_pagination(const struct ml_page *page, struct ml_out *o)
{
    size_t first = (page->number - 1) * page->size;
    bool any = first < page->count;
    size_t last = first + page->size < page->count ? first + page->size : page->count;
    ml_out_fmt(o, "{\"pagination\":{\"count\":%zu,\"page\":%zu,\"items\":%zu,\"pages\":%zu",
               page->count, page->number, page->size, page->pages);
    if (page->next) /* absent on the last page (SD-07) */
        ml_out_fmt(o, ",\"next_page\":%zu", page->next);
    if (page->number > 1)
        ml_out_fmt(o, ",\"prev_page\":%zu",
                   page->number <= page->pages ? page->number - 1 : page->pages);
    ml_out_fmt(o, ",\"last_page\":%zu,\"from\":%zu,\"to\":%zu}", page->pages,
               any ? first + 1 : 0, any ? last : 0);
}

static void answer_page(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans,
                        size_t count, size_t number, write_items_fn write_items)
{
    struct ml_page page;
    if (number == p->faults.late_page) {
        ask->fault = "late-page-error";
        ml_answer_error(ans, 500, "Something went wrong");
        return;
    }
    ml_page_plan(&page, count, p->page_size, number);
    ml_page_spoil(&p->faults, ask, &page);

    struct ml_out *o = ml_answer_json(ans, ask->route->status);
    write_pagination(&page, o);
    ml_out_fmt(o, ",\"%s\":[", ask->route->items); /* not always "records" (SD-05) */
    size_t first;
    size_t n = ml_page_span(&page, &first);
    write_items(p, first, n, o);
    ml_out_text(o, "]}");
}

static void write_recordings(struct ml_practice *p, size_t first, size_t n, struct ml_out *o)
{
    ml_recordings_page(&p->recordings, first, n, o);
}

static void write_users(struct ml_practice *p, size_t first, size_t n, struct ml_out *o)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            ml_out_text(o, ",");
        ml_users_write_rest(p->users.list[first + i], o);
    }
}

/* Somebody records or deletes while the list is walked, so that later pages move by one. */
static void shift_recordings(struct ml_practice *p, struct ml_ask *ask, size_t number)
{
    if (number < 2 || ml_seed_chance(p->seed, ML_SEED_SHIFT, ask->n) >= p->faults.shift_share)
        return;
    bool insert = ml_seed_mix(p->seed, ML_SEED_SHIFT, ask->n) & 1;
    if (!insert)
        ml_recordings_remove_first(&p->recordings);
    else if (ml_recordings_insert(&p->recordings) < 0)
        return;
    ask->fault = "shifting-pages";
}

static void recordings_list(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    size_t number = ml_page_number(ask, ans, "page", 1);
    if (number == 0)
        return;
    shift_recordings(p, ask, number);
    answer_page(p, ask, ans, p->recordings.count, number, write_recordings);
}

static void users_list(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    size_t number = ml_page_number(ask, ans, "page", 1);
    if (number)
        answer_page(p, ask, ans, p->users.count, number, write_users);
}

static void users_search(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char email[400];
    int there = ml_route_query(ask->target.query, "email", email, sizeof email);
    if (there == 0 || (there > 0 && !*email)) {
        ml_answer_flat(ans, 400, "Parameter email is missing");
        return;
    }
    struct ml_user *user = there > 0 ? ml_users_find_email(&p->users, email) : NULL;
    if (user)
        ml_users_write_rest(user, ml_answer_json(ans, ask->route->status));
    else
        ml_answer_error(ans, 404, "No user with this email");
}

/* The recording of the path, or NULL with the 404 in ans. */
static struct ml_recording *recording_of(struct ml_practice *p, const struct ml_ask *ask,
                                         struct ml_answer *ans)
{
    struct ml_recording *rec = ml_recordings_find(&p->recordings, ask->target.param[0]);
    if (!rec)
        ml_answer_error(ans, 404, "No recording with this id");
    return rec;
}

static void recordings_get(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_recording *rec = recording_of(p, ask, ans);
    if (rec)
        ml_recordings_write(&p->recordings, rec, ml_answer_json(ans, ask->route->status));
}

static size_t count_characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* One of the three texts of a change: set when it is named, NULL when it is null. */
static void take_text(json_t *fields, const char *name, bool *set, const char **text)
{
    json_t *value = json_object_get(fields, name);
    *set = value != NULL;
    *text = json_string_value(value);
}

/* Reads the change out of the fields. False: the 422 is in ans. */
static bool read_change(const struct ml_ask *ask, json_t *fields,
                        struct ml_recording_change *change, struct ml_answer *ans)
{
    char message[120];
    const char *wrong = ml_body_check(ask->route, fields);
    if (wrong) {
        bool null = json_is_null(json_object_get(fields, wrong));
        snprintf(message, sizeof message, "%s %s", wrong,
                 null ? "can't be null" : "has the wrong type");
        ml_answer_flat(ans, 422, message);
        return false;
    }
    take_text(fields, "title", &change->set_title, &change->title);
    take_text(fields, "summary", &change->set_summary, &change->summary);
    take_text(fields, "description", &change->set_description, &change->description);
    if (change->title && count_characters(change->title) > TITLE_MAX) {
        ml_answer_flat(ans, 422, "Title is too long");
        return false;
    }
    return true;
}

/* Carries out the change of the body, if there is one. -1: the refusal is in ans. */
static int apply_change(struct ml_practice *p, const struct ml_ask *ask,
                        struct ml_recording *rec, json_t *body, struct ml_answer *ans)
{
    struct ml_recording_change change = {.set_title = false};
    json_t *fields = json_object_get(body, ask->route->wrap);
    if (!fields || ask->fate.kind == ML_BREAK_STALE)
        return 0; /* a flat body is accepted and nothing happens (SD-04) */
    if (!json_is_object(fields)) {
        ml_answer_error(ans, 400, "recording has to be an object");
        return -1;
    }
    if (!read_change(ask, fields, &change, ans))
        return -1;
    if (!change.set_title && !change.set_summary && !change.set_description)
        return 0;
    if (ml_recordings_update(&p->recordings, rec, &change, ml_practice_now(p) + 1000) < 0) {
        ml_answer_error(ans, 500, "The practice server is out of memory");
        return -1;
    }
    ans->applied = true;
    return 0;
}

static void recordings_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_recording *rec = recording_of(p, ask, ans);
    json_t *body = rec ? ml_body_object(ask, ans) : NULL;
    if (!body)
        return;
    if (apply_change(p, ask, rec, body, ans) == 0)
        ml_recordings_write(&p->recordings, rec, ml_answer_json(ans, ask->route->status));
    json_decref(body);
}

const struct ml_handler ml_screendesk_handlers[] = {
    {"screendesk.recordings.get", recordings_get},
    {"screendesk.recordings.list", recordings_list},
    {"screendesk.recordings.update", recordings_update},
    {"screendesk.users.list", users_list},
    {"screendesk.users.search", users_search},
    {NULL, NULL}};
