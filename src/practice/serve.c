/* SPDX-License-Identifier: MIT */
#include "practice/server.h"

#include "base/clock.h"
#include "practice/seed.h"
#include "practice/upload.h"
#include "practice/workdrive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t ml_practice_now(struct ml_practice *p)
{
    return ML_SEED_DAY_MS + (int64_t)p->changes * 1000;
}

static ml_handler_fn find_handler(const struct ml_handler *const *tables, const char *operation)
{
    for (; *tables; tables++)
        for (const struct ml_handler *handler = *tables; handler->operation; handler++)
            if (strcmp(handler->operation, operation) == 0)
                return handler->run;
    return NULL;
}

static struct ml_bound *bound_named(struct ml_bound *bound, size_t count, const char *operation)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(bound[i].route->operation, operation) == 0)
            return &bound[i];
    return NULL;
}

int ml_serve_bind(const struct ml_route *routes, const struct ml_handler *const *tables,
                  struct ml_bound **out, size_t *count, struct ml_err *err)
{
    size_t routes_count = 0;
    *count = 0;
    while (routes[routes_count].operation)
        routes_count++;
    struct ml_bound *bound = calloc(routes_count + 1, sizeof *bound);
    if (!bound)
        return ml_err_set(err, ML_MEMORY, "out of memory for the practice routes");
    for (size_t i = 0; i < routes_count; i++) {
        if (bound_named(bound, *count, routes[i].operation))
            continue; /* by another method */
        bound[*count] = (struct ml_bound){.route = &routes[i]};
        bound[*count].run = find_handler(tables, routes[i].operation);
        if (!bound[(*count)++].run) {
            free(bound);
            return ml_err_set(err, ML_USAGE,
                              "the practice server has no code for %s (%s %s), which is in the "
                              "catalogue; it belongs into src/practice",
                              routes[i].operation, routes[i].method, routes[i].path);
        }
    }
    *out = bound;
    return 0;
}

static struct ml_bound *bound_of(struct ml_practice *p, const struct ml_route *route)
{
    return bound_named(p->bound, p->bound_count, route->operation);
}

/* A framework answers paths it does not know with a page, or with JSON when asked for it. */
static void answer_no_route(const struct ml_ask *ask, struct ml_answer *ans)
{
    if (ask->accept && strstr(ask->accept, "json"))
        ml_out_text(ml_answer_json(ans, 404), "{\"status\":404,\"error\":\"Not Found\"}");
    else
        ml_answer_html(ans, 404, "The page you were looking for does not exist (404)");
}

static void answer_route(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    struct ml_bound *bound = ask->route ? bound_of(p, ask->route) : NULL;
    const char *refusal = bound ? ml_auth_refusal(p, ask) : NULL;
    if (ask->upload) {
        ml_upload_store(p, ask, ans);
        p->changes += ans->applied;
    } else if (ask->api_key && ml_work_refuse_printed(p, ask, ans)) {
        return;
    } else if (!bound) {
        answer_no_route(ask, ans);
    } else if (refusal) {
        ml_answer_refuse(ask, ans, 401, refusal);
    } else if (ml_work_forbids(ask)) {
        ml_answer_refuse(ask, ans, 403, "This is for administrators");
    } else if (ask->too_large) {
        ml_answer_refuse(ask, ans, 413, "The request body is too large");
    } else {
        bound->run(p, ask, ans);
        bound->applied += ans->applied;
        p->changes += ans->applied;
    }
    if (ans->out.failed)
        ml_answer_refuse(ask, ans, 500, "The practice server is out of memory");
}

/* Faults that stand in for the request. True: the request is not carried out. */
static bool broken_before(const struct ml_ask *ask, struct ml_answer *ans)
{
    switch (ask->fate.kind) {
    case ML_BREAK_429:
        ml_answer_refuse(ask, ans, 429, "Too many requests");
        return true;
    case ML_BREAK_500:
        ml_answer_refuse(ask, ans, 500, "Something went wrong");
        return true;
    case ML_BREAK_502:
        ml_answer_html(ans, 502, "502 Bad Gateway");
        return true;
    case ML_BREAK_503:
        ml_answer_html(ans, 503, "503 Service Unavailable");
        return true;
    case ML_BREAK_RESET:
        ans->status = 0;
        return true;
    default:
        return false;
    }
}

/* Faults that spoil the answer. One that cannot strike here (a body to cut, where there is
 * none) is taken back, so that the log names only what happened. */
static void break_after(struct ml_ask *ask, struct ml_answer *ans)
{
    bool body = ans->out.buf.len >= 2;
    bool good = ans->status >= 200 && ans->status < 300;
    enum ml_break kind = ask->fate.kind;
    bool cut = kind == ML_BREAK_HALF || kind == ML_BREAK_HALF_CHUNKED || kind == ML_BREAK_DRIP;
    bool spoilt = kind == ML_BREAK_GARBAGE || kind == ML_BREAK_EMPTY;

    if ((cut && (!body || strcmp(ask->method, "HEAD") == 0)) || (spoilt && !good))
        ask->fate.kind = ML_BREAK_NONE;
    else if (kind == ML_BREAK_500_AFTER)
        ml_answer_refuse(ask, ans, 500, "Something went wrong");
    else if (kind == ML_BREAK_GARBAGE)
        ml_answer_html(ans, 200, "Signing in");
    else if (kind == ML_BREAK_EMPTY)
        ml_answer_start(ans, 200, "application/json; charset=utf-8");
    else if (kind == ML_BREAK_RESET_AFTER || kind == ML_BREAK_CLOSE_AFTER ||
             kind == ML_BREAK_HANG)
        ans->status = 0;
}

/* What the log calls it; the stronger one where two things happened. */
static void name_fault(struct ml_practice *p, struct ml_ask *ask)
{
    const char *name = ask->fate.limited ? "rate" : ml_break_name(ask->fate.kind);
    p->broken[ask->fate.kind]++;
    if (name)
        ask->fault = name;
    else if (!ask->fault && ask->fate.delay_ms > p->faults.latency_ms)
        ask->fault = "slow";
}

/* The members that the file and the memory have in common, without the closing brace. */
static void write_entry(const struct ml_ask *ask, const struct ml_answer *ans, struct ml_out *o)
{
    ml_out_fmt(o, "{\"n\":%lu,\"method\":", ask->n);
    ml_out_string(o, ask->method);
    ml_out_text(o, ",\"path\":");
    ml_out_string(o, ask->uri);
    ml_out_fmt(o, ",\"status\":%d,\"applied\":%s,\"fault\":", ans->status,
               ans->applied ? "true" : "false");
    ml_out_string(o, ask->fault);
    if (ask->late)
        ml_out_fmt(o, ",\"late\":%lu", ask->late);
}

static void record(struct ml_practice *p, const struct ml_ask *ask, const struct ml_answer *ans)
{
    struct ml_out line, entry;
    ml_out_create(&line);
    ml_out_create(&entry);
    write_entry(ask, ans, &line);
    ml_out_bytes(&entry, ml_buf_str(&line.buf), line.buf.len);
    ml_out_text(&line, "}\n");
    ml_out_text(&entry, ",\"body\":");
    if (ask->body_len)
        ml_out_string_n(&entry, ask->body, ask->body_len);
    else
        ml_out_text(&entry, "null");
    ml_out_text(&entry, "}");
    ml_access_line(&p->access, &line);
    ml_access_keep(&p->access, ask->n, &entry);
    ml_out_destroy(&line);
    ml_out_destroy(&entry);
}

static void find_route(struct ml_ask *ask)
{
    const char *method = strcmp(ask->method, "HEAD") == 0 ? "GET" : ask->method;
    if (ask->upload) {
        ask->write = true;
        return;
    }
    if (ml_route_split(ask->uri, &ask->target) == 0) {
        const char *header = ml_auth_header(ask);
        const struct ml_route *route = ml_route_match(ml_routes, method, header, &ask->target);
        if (!route) /* the other service's path: the credential will not open it */
            route = ml_route_match(ml_routes, method, NULL, &ask->target);
        ask->route = ml_work_route(ask, route);
    }
    ask->write = ask->route ? ask->route->write : strcmp(method, "GET") != 0;
}

/* Faults that put the change off, or forget it. True: the request is not carried out now. */
static bool put_off(struct ml_practice *p, const struct ml_ask *ask, struct ml_answer *ans)
{
    enum ml_break kind = ask->fate.kind;
    if (kind != ML_BREAK_LATE && kind != ML_BREAK_ACCEPT && kind != ML_BREAK_ACCEPT_DROP)
        return false;
    if (kind == ML_BREAK_LATE)
        ans->status = 0;
    else
        ml_out_text(ml_answer_json(ans, 202), "{\"message\":\"Queued\"}");
    if (kind != ML_BREAK_ACCEPT_DROP && ml_late_keep(p, ask) < 0)
        ml_answer_refuse(ask, ans, 500, "The practice server is out of memory");
    return true;
}

/* A fault that makes no sense for this request does not strike. */
static void spare(struct ml_ask *ask)
{
    enum ml_break kind = ask->fate.kind;
    bool late =
        kind == ML_BREAK_LATE || kind == ML_BREAK_ACCEPT || kind == ML_BREAK_ACCEPT_DROP;
    if ((kind == ML_BREAK_STALE && strcmp(ask->method, "PATCH") != 0) ||
        (late && (!ask->write || ask->upload)))
        ask->fate.kind = ML_BREAK_NONE;
}

static void serve_api(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    ask->n = ++p->entries;
    p->requests++;
    find_route(ask);
    struct ml_bound *bound = ask->route ? bound_of(p, ask->route) : NULL;
    if (bound)
        bound->received++;
    ml_fate_choose(&p->faults, &p->dice, p->seed, ask->n, ask->write, ml_clock_us(),
                   ml_clock_wall_ms(), &ask->fate);
    spare(ask);
    if (!broken_before(ask, ans) && !put_off(p, ask, ans)) {
        answer_route(p, ask, ans);
        break_after(ask, ans);
    }
    name_fault(p, ask);
    record(p, ask, ans);
}

void ml_serve(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    ml_answer_create(ans, 204);
    pthread_mutex_lock(&p->lock);
    if (!ask->upload && strncmp(ask->uri, "/practice/", strlen("/practice/")) == 0)
        ml_admin(p, ask, ans);
    else
        serve_api(p, ask, ans);
    ml_seed_uuid(p->seed, ML_SEED_REQUEST, ask->n, ans->request_id);
    pthread_mutex_unlock(&p->lock);
}

void ml_serve_late(struct ml_practice *p, struct ml_ask *ask)
{
    struct ml_answer ans;
    ml_answer_create(&ans, 204);
    pthread_mutex_lock(&p->lock);
    ask->n = ++p->entries;
    find_route(ask);
    answer_route(p, ask, &ans);
    ask->fault = ml_break_name(ask->fate.kind);
    record(p, ask, &ans);
    pthread_mutex_unlock(&p->lock);
    ml_answer_destroy(&ans);
}
