/* SPDX-License-Identifier: MIT */
/* The accounting paths of practice.h: no token, no faults, no number, no entry in the log. */
#include "practice/server.h"

#include <stdlib.h>
#include <string.h>

static void admin_log(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char text[24];
    unsigned long since = 0;
    int there = ml_route_query(ask->target.query, "since", text, sizeof text);
    if (there != 0) {
        if (there < 0 || !*text || strspn(text, "0123456789") != strlen(text)) {
            ml_answer_flat(ans, 400, "since has to be the number of a request");
            return;
        }
        since = strtoul(text, NULL, 10);
    }
    ml_access_write(&p->access, since, ml_answer_json(ans, 200));
}

static void write_list(const char *name, size_t count, uint64_t hash, struct ml_out *o)
{
    ml_out_fmt(o, "\"%s\":{\"count\":%zu,\"hash\":\"%016llx\"}", name, count,
               (unsigned long long)hash);
}

/* The lists of a shelf as members of an object; returns their common fingerprint. */
static uint64_t write_shelf(const struct ml_shelf *shelf, struct ml_out *o)
{
    uint64_t all = 0;
    for (size_t i = 0; i < shelf->count; i++) {
        const struct ml_records *r = &shelf->records[i];
        uint64_t hash = ml_records_hash(r);
        all = all * 31 ^ hash;
        ml_out_text(o, i ? "," : "");
        write_list(r->name, json_array_size(r->list), hash, o);
    }
    return all;
}

static void admin_state(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    (void)ask;
    uint64_t recordings = ml_recordings_hash(&p->recordings);
    uint64_t users = ml_users_hash(&p->users);
    struct ml_out *o = ml_answer_json(ans, 200);
    ml_out_text(o, "{");
    write_list("recordings", p->recordings.count, recordings, o);
    ml_out_text(o, ",");
    write_list("users", p->users.count, users, o);
    uint64_t all = recordings * 31 ^ users;
    ml_out_text(o, ",\"screendragon\":{");
    all = all * 31 ^ write_shelf(&p->dragon, o);
    ml_out_text(o, "},\"workdrive\":{");
    all = all * 31 ^ write_shelf(&p->work, o);
    ml_out_fmt(o, "},\"hash\":\"%016llx\",\"requests\":%lu,\"applied\":%lu}",
               (unsigned long long)all, p->requests, p->changes);
}

/* One list of a shelf, with everything that is kept of its records: what answers hide, too. */
static void admin_records(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char name[60];
    struct ml_records *r = NULL;
    ml_ask_text(ask, "of", name, sizeof name);
    if (strncmp(name, "workdrive.", 10) == 0)
        r = ml_shelf_list(&p->work, name + 10);
    else
        r = strncmp(name, "screendragon.", 13) == 0 ? ml_shelf_list(&p->dragon, name + 13)
                                                    : NULL;
    if (r)
        ml_out_json(ml_answer_json(ans, 200), r->list);
    else
        ml_answer_flat(ans, 400, "of has to name a list, such as screendragon.users");
}

static void write_operations(const struct ml_practice *p, struct ml_out *o)
{
    for (size_t i = 0; i < p->bound_count; i++) {
        ml_out_text(o, i ? "," : "");
        ml_out_string(o, p->bound[i].route->operation);
        ml_out_fmt(o, ":{\"received\":%lu,\"applied\":%lu}", p->bound[i].received,
                   p->bound[i].applied);
    }
}

static void admin_stats(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    (void)ask;
    struct ml_out *o = ml_answer_json(ans, 200);
    ml_out_fmt(o, "{\"requests\":%lu,\"dropped\":%lu,\"unwritten\":%lu,\"operations\":{",
               p->requests, p->access.dropped, p->access.unwritten);
    write_operations(p, o);
    ml_out_text(o, "},\"faults\":{");
    bool any = false;
    for (int kind = ML_BREAK_NONE + 1; kind < ML_BREAKS; kind++) {
        if (p->broken[kind] == 0)
            continue;
        ml_out_text(o, any ? "," : "");
        ml_out_string(o, ml_break_name((enum ml_break)kind));
        ml_out_fmt(o, ":%lu", p->broken[kind]);
        any = true;
    }
    ml_out_fmt(o, "},\"storage\":{\"received\":%lu,\"stored\":%lu,\"leaked\":%lu},\"printed\":",
               p->storage.received, p->storage.stored, p->storage.leaked);
    ml_out_json(o, p->printed);
    ml_out_text(o, "}");
}

static void admin_faults(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_err err;
    json_t *body = ml_body_object(ask, ans);
    if (!body)
        return;
    const char *text = json_string_value(json_object_get(body, "faults"));
    if (!text) {
        ml_answer_flat(ans, 400, "the body has to be {\"faults\":\"429=5%,…\"}, \"\" for none");
    } else if (ml_faults_parse(text, &p->faults, &err) < 0) {
        ml_answer_flat(ans, 400, err.text);
    } else {
        p->dice = (struct ml_dice){0};
        struct ml_out *o = ml_answer_json(ans, 200);
        ml_out_text(o, "{\"faults\":");
        ml_out_string(o, text);
        ml_out_text(o, "}");
    }
    json_decref(body);
}

void ml_admin(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    static const struct {
        const char *method, *name;
        ml_handler_fn run;
    } paths[] = {{"GET", "log", admin_log},
                 {"GET", "state", admin_state},
                 {"GET", "records", admin_records},
                 {"GET", "stats", admin_stats},
                 {"POST", "faults", admin_faults}};
    bool split = ml_route_split(ask->uri, &ask->target) == 0 && ask->target.segments == 2;
    for (size_t i = 0; split && i < sizeof paths / sizeof *paths; i++)
        if (strcmp(paths[i].name, ask->target.segment[1]) == 0 &&
            strcmp(paths[i].method, ask->method) == 0) {
            paths[i].run(p, ask, ans);
            return;
        }
    ml_answer_flat(
        ans, 404,
        "there are GET /practice/log?since=N, GET /practice/state, GET /practice/stats, "
        "GET /practice/records?of=LIST and POST /practice/faults");
}
