/* SPDX-License-Identifier: MIT */
#include "net/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/headers.h"
#include "net/private.h"
#include "policy/hint.h"

#define CONNECT_MS 10000
#define READ_MS 120000
#define WRITE_MS 60000
#define DEADLINE_MS (30 * 60 * 1000)
#define MAX_HOPS 3
#define LARGE_BODY 4096

/* --- life --- */

static void link_call(struct ml_call *call)
{
    call->next = call->net->calls;
    if (call->next)
        call->next->prev = call;
    call->net->calls = call;
}

static void unlink_call(struct ml_call *call)
{
    if (call->prev)
        call->prev->next = call->next;
    else
        call->net->calls = call->next;
    if (call->next)
        call->next->prev = call->prev;
    call->prev = call->next = NULL;
}

static int add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);
    if (!more)
        return -1;
    *list = more;
    return 0;
}

static int add_pair(struct curl_slist **list, const struct ml_call_header *header)
{
    size_t len = strlen(header->name) + strlen(header->value) + 3;
    char *line = malloc(len);
    if (!line)
        return -1;
    snprintf(line, len, "%s: %s", header->name, header->value);
    int rc = add_header(list, line);
    free(line);
    return rc;
}

static int make_headers(struct curl_slist **list, const struct ml_call_spec *spec)
{
    int rc = spec->credential ? add_header(list, spec->credential) : 0;
    if (rc == 0 && spec->body)
        rc = add_header(list, "Expect:"); /* libcurl would wait for a 100 before large bodies */
    for (size_t i = 0; i < spec->headers_len && rc == 0; i++)
        rc = add_pair(list, &spec->headers[i]);
    if (rc < 0) {
        curl_slist_free_all(*list);
        *list = NULL;
    }
    return rc;
}

/* Usual headers are made once and shared: four allocations less a call. */
static int set_headers(struct ml_call *call, const struct ml_call_spec *spec)
{
    struct curl_slist **list = &call->own;
    if (spec->usual_headers)
        list = &call->lane->usual[!spec->body ? 0 : spec->body_len == 0 ? 1 : 2];
    if (!*list && make_headers(list, spec) < 0)
        return -1;
    call->headers = *list;
    return 0;
}

static int copy_spec(struct ml_call *call, const struct ml_call_spec *spec)
{
    const char *origin = spec->origin->text;
    size_t len = strlen(origin) + strlen(spec->target) + 1;
    call->method = strdup(spec->method);
    call->url = malloc(len);
    if (!call->method || !call->url)
        return -1;
    snprintf(call->url, len, "%s%s", origin, spec->target);
    if (spec->body) {
        call->body = malloc(spec->body_len + 1);
        if (!call->body)
            return -1;
        memcpy(call->body, spec->body, spec->body_len);
        call->body[spec->body_len] = '\0';
        call->body_len = spec->body_len;
    }
    return set_headers(call, spec);
}

static int refuse(const struct ml_call_spec *spec, const struct ml_net *net, struct ml_err *err)
{
    for (size_t i = 0; i < spec->headers_len; i++)
        if (!ml_headers_valid(spec->headers[i].name, spec->headers[i].value))
            return ml_err_set(err, ML_USAGE,
                              "the header \"%.60s\" is not valid: a name is letters, digits "
                              "and dashes, a value has no control characters",
                              spec->headers[i].name);
    if (!*spec->method ||
        strspn(spec->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(spec->method))
        return ml_err_set(err, ML_USAGE, "\"%.40s\" is not a method", spec->method);
    for (const unsigned char *p = (const unsigned char *)spec->target; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f || spec->target[0] != '/' || *p == '#')
            return ml_err_set(err, ML_USAGE, "the path \"%.200s\" is not encoded",
                              spec->target);
    if (net->conf.read_only && spec->effect != ML_READ)
        return ml_err_set(err, ML_GUARD, "dry run: %s %s was not sent", spec->method,
                          spec->target);
    return 0;
}

static void on_retry(struct ml_timer *timer);
static void on_deadline(struct ml_timer *timer);
static void on_exchange(struct ml_transfer *t);

static void set_times(struct ml_call *call, const struct ml_call_spec *spec)
{
    int64_t deadline = spec->deadline_ms ? spec->deadline_ms : DEADLINE_MS;
    call->attempt_ms = spec->attempt_ms          ? spec->attempt_ms
                       : call->effect == ML_READ ? READ_MS
                                                 : WRITE_MS;
    call->started_us = ml_clock_us();
    call->deadline_us = call->started_us + deadline * 1000;
    call->retry.fire = on_retry;
    call->deadline.fire = on_deadline;
}

int ml_call_start(struct ml_net *net, const struct ml_call_spec *spec, ml_call_end_fn on_end,
                  void *ud, struct ml_call **out, struct ml_err *err)
{
    if (refuse(spec, net, err) < 0)
        return -1;
    struct ml_call *call = calloc(1, sizeof *call);
    if (!call)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    call->net = net;
    call->effect = spec->effect;
    call->json = spec->json;
    call->on_end = on_end;
    call->ud = ud;
    call->state = ML_CALL_ENDED; /* until it is queued: free must not unlink */
    ml_transfer_create(&call->transfer, &net->loop, net->conf.max_body);
    call->transfer.on_done = on_exchange;
    set_times(call, spec);
    call->lane = ml_lane_find(net, spec);
    if (!call->lane || copy_spec(call, spec) < 0 ||
        ml_loop_timer(&net->loop, &call->deadline, call->deadline_us) < 0) {
        ml_call_free(call);
        return ml_err_set(err, ML_MEMORY, "out of memory");
    }
    link_call(call);
    ml_lane_push(call->lane, call, false);
    *out = call;
    return 0;
}

/* Takes the call out of every list and timer; a slot that it holds goes back. */
static void retire(struct ml_call *call)
{
    struct ml_net *net = call->net;
    if (call->state == ML_CALL_QUEUED)
        ml_lane_unlink(call->lane, call);
    call->doubt = ml_call_doubt(call);
    if (call->state == ML_CALL_FLYING) {
        ml_transfer_cancel(&call->transfer);
        call->lane->origin->in_flight--;
        net->stats.in_flight--;
        ml_limit_unsent(&call->lane->limit);
    }
    ml_loop_timer_cancel(&net->loop, &call->retry);
    ml_loop_timer_cancel(&net->loop, &call->deadline);
    if (call->state != ML_CALL_ENDED)
        unlink_call(call);
    call->state = ML_CALL_ENDED;
    call->ended_us = ml_clock_us();
}

void ml_call_cancel(struct ml_call *call)
{
    if (call->state == ML_CALL_ENDED)
        return;
    retire(call);
    ml_err_set(&call->err, ML_CANCELLED, "cancelled");
}

void ml_call_free(struct ml_call *call)
{
    if (!call)
        return;
    ml_call_cancel(call);
    if (call->deadline.pos)
        ml_loop_timer_cancel(&call->net->loop, &call->deadline);
    ml_transfer_destroy(&call->transfer);
    curl_slist_free_all(call->own);
    free(call->method);
    free(call->url);
    free(call->body);
    free(call);
}

static void end(struct ml_call *call)
{
    retire(call);
    call->on_end(call, call->ud);
}

void ml_call_fail(struct ml_call *call, enum ml_kind kind, const char *text)
{
    ml_err_set(&call->err, kind, "%s", text);
    end(call);
}

/* --- sending --- */

void ml_call_fly(struct ml_call *call)
{
    struct ml_net *net = call->net;
    int64_t left_ms = (call->deadline_us - ml_clock_us()) / 1000;
    struct ml_exchange x = {
        .method = call->method,
        .url = call->url,
        .headers = call->headers,
        .body = call->body,
        .body_len = call->body_len,
        .write = call->effect != ML_READ,
        .timeout_ms = left_ms < 1                  ? 1
                      : left_ms < call->attempt_ms ? left_ms
                                                   : call->attempt_ms,
        .connect_ms = CONNECT_MS,
        .ca_file = net->conf.ca_file,
        .proxy = net->conf.proxy && !call->lane->origin->loopback,
        .max_body = net->conf.max_body,
    };
    call->state = ML_CALL_FLYING;
    call->lane->origin->in_flight++;
    net->stats.in_flight++;
    if (net->begun >= net->conf.max_requests) {
        ml_call_fail(call, ML_GUARD,
                     "stopped: the run has used up its requests (--max-requests)");
        return;
    }
    if (ml_transfer_start(&call->transfer, &x) < 0) {
        ml_call_fail(call, ML_MEMORY, "out of memory");
        return;
    }
    net->begun++;
    net->stats.retries += call->attempts > 0;
    call->attempts++;
}

/* --- judging --- */

static bool success(int status)
{
    return status >= 200 && status <= 299;
}

/* A large body of announced length has come whole, or libcurl had said so: its ends tell JSON
 * from a web page, and reading all of it once more would cost a tenth of a long list. */
static bool looks_whole(const struct ml_transfer *t)
{
    size_t len, end = t->body.len;
    const char *text = t->body.data;
    if (end < LARGE_BODY || !ml_headers_find(&t->headers, "content-length", &len))
        return false;
    while (end > 1 && strchr(" \t\r\n", text[end - 1]))
        end--;
    return (text[0] == '{' && text[end - 1] == '}') || (text[0] == '[' && text[end - 1] == ']');
}

/* A body that should be JSON and does not parse to its end is a fault of the transport. An
 * empty answer to a write is not: deletes have none. */
static bool body_is_whole(const struct ml_call *call)
{
    const struct ml_transfer *t = &call->transfer;
    if (!call->json || !success(t->status) || t->status == 204 ||
        strcmp(call->method, "HEAD") == 0)
        return true;
    if (t->body.len == 0)
        return call->effect != ML_READ;
    return looks_whole(t) || call->net->conf.complete(t->body.data, t->body.len);
}

static int64_t answer_time(const struct ml_call *call)
{
    size_t len;
    const char *date = ml_headers_find(&call->transfer.headers, "date", &len);
    int64_t at = date ? ml_hint_http_date(date, len) : -1;
    return at >= 0 ? at : ml_clock_wall_ms();
}

/* Milliseconds, or -1. */
static int64_t retry_after(const struct ml_call *call)
{
    size_t len;
    const char *value = ml_headers_find(&call->transfer.headers, "retry-after", &len);
    return value ? ml_hint_retry_after(value, len, answer_time(call)) : -1;
}

static void learn_quota(struct ml_call *call, int64_t now)
{
    struct ml_hint hint;
    const char *name, *value;
    size_t at = 0, name_len, value_len;
    int64_t wall = -1;
    bool used = false;
    ml_hint_create(&hint);
    while (
        ml_headers_next(&call->transfer.headers, &at, &name, &name_len, &value, &value_len)) {
        char key[40];
        if (name_len < 9 || name_len >= sizeof key || !memchr(name, '-', name_len) ||
            !(strncasecmp(name, "x-ratel", 7) == 0 || strncasecmp(name, "ratelim", 7) == 0))
            continue;
        memcpy(key, name, name_len);
        key[name_len] = '\0';
        if (wall < 0)
            wall = answer_time(call);
        used |= ml_hint_header(&hint, key, value, value_len, wall) == 1;
    }
    if (used && hint.remaining >= 0 && hint.reset_s >= 0)
        ml_limit_hint(&call->lane->limit, now, hint.remaining, (int64_t)(hint.reset_s * 1e6),
                      hint.quota > 0 ? hint.quota : 0,
                      hint.window_s > 0 ? (int64_t)(hint.window_s * 1e6) : 0);
}

/* Gives the slot back and tells the lane what the exchange showed. */
static void settle_lane(struct ml_call *call, const struct ml_evidence *e, int64_t wait_ms)
{
    struct ml_lane *lane = call->lane;
    struct ml_transfer *t = &call->transfer;
    int64_t now = ml_clock_us();
    bool rejected = ml_retry_rejected(e);
    lane->origin->in_flight--;
    call->net->stats.in_flight--;
    call->net->stats.requests++;
    if (t->sends == 0)
        ml_limit_unsent(&lane->limit);
    else
        ml_limit_done(&lane->limit, now, t->elapsed_us,
                      rejected        ? ML_LIMIT_REJECTED
                      : t->status > 0 ? ML_LIMIT_OK
                                      : ML_LIMIT_BROKEN);
    if (t->status > 0) {
        lane->origin->answered = true;
        lane->origin->http2 |= t->http2;
        learn_quota(call, now);
    }
    if (rejected && wait_ms >= 0) {
        ml_limit_pause(&lane->limit, now, wait_ms * 1000);
        lane->pause_status = t->status;
    }
}

static const char *const fault_texts[ML_FAULTS] = {
    [ML_FAULT_RESOLVE] = "no address was found for the host",
    [ML_FAULT_CONNECT] = "could not connect",
    [ML_FAULT_TLS] = "the TLS handshake failed",
    [ML_FAULT_CERT] = "the certificate is not trusted",
    [ML_FAULT_TIMEOUT] = "no answer in time",
    [ML_FAULT_BROKEN] = "the connection broke",
    [ML_FAULT_TRUNCATED] = "the answer stopped short",
    [ML_FAULT_TOO_LARGE] = "the answer is larger than allowed",
    [ML_FAULT_RESENT] = "the connection broke before an answer; the request was not sent again",
    [ML_FAULT_REFUSED] = "the request could not be made",
};

static enum ml_kind fault_kind(enum ml_fault fault)
{
    switch (fault) {
    case ML_FAULT_TIMEOUT:
        return ML_TIMEOUT;
    case ML_FAULT_TOO_LARGE:
        return ML_REMOTE;
    case ML_FAULT_REFUSED:
        return ML_USAGE;
    default:
        return ML_NETWORK;
    }
}

/* Ends the call with what the last exchange brought. An answer that came whole but does not
 * parse is handed up as it is: whoever decodes it has the better words. */
static void conclude(struct ml_call *call)
{
    struct ml_transfer *t = &call->transfer;
    bool unparsed = t->fault == ML_FAULT_TRUNCATED && !t->text[0];
    if (t->fault == ML_FAULT_NONE || (unparsed && call->effect == ML_READ)) {
        end(call);
        return;
    }
    ml_err_set(&call->err, fault_kind(t->fault), "%s%s%s%s", fault_texts[t->fault],
               t->text[0] ? " (" : "", t->text, t->text[0] ? ")" : "");
    end(call);
}

/* --- repeating --- */

static void on_retry(struct ml_timer *timer)
{
    struct ml_call *call = (struct ml_call *)((char *)timer - offsetof(struct ml_call, retry));
    ml_lane_push(call->lane, call, true);
}

static void on_deadline(struct ml_timer *timer)
{
    struct ml_call *call =
        (struct ml_call *)((char *)timer - offsetof(struct ml_call, deadline));
    ml_call_fail(call, ML_TIMEOUT, "the call's time is up");
}

/* May a call that provably sent nothing go on? A wrong address fails after four tries. */
static bool hope(const struct ml_call *call)
{
    if (!call->lane->origin->answered)
        return call->unsent < ML_RETRY_ATTEMPTS;
    return ml_clock_us() - call->started_us < ML_RETRY_UNSENT_MAX_US;
}

static void repeat(struct ml_call *call, const struct ml_evidence *e, int64_t wait_ms)
{
    struct ml_lane *lane = call->lane;
    bool rejected = ml_retry_rejected(e);
    unsigned n = e->sends ? call->counted : call->unsent;
    int64_t delay = ml_retry_delay_us(n, rejected, wait_ms, ml_random01(&call->net->random));
    int64_t now = ml_clock_us();
    if (now + delay >= call->deadline_us) {
        conclude(call);
        return;
    }
    if (e->sends) {
        call->paid += rejected ? 5 : 14;
        if (!ml_budget_pay(&lane->budget, rejected)) {
            ml_limit_pause(&lane->limit, now, ml_budget_probe_us(&lane->budget));
            lane->pause_status = call->transfer.status;
        }
    }
    ml_log(call->net->log, ML_LOG_INFO, "%s: %s; again in %.1f s (attempt %u)", call->method,
           e->fault   ? fault_texts[e->fault]
           : rejected ? "told to wait"
                      : "the service failed",
           (double)delay / 1e6, call->attempts + 1);
    call->state = ML_CALL_BACKOFF;
    ml_loop_timer(&call->net->loop, &call->retry, now + delay);
}

/* A redirect of a read that stays on the origin. */
static bool follow(struct ml_call *call)
{
    static const int moved[] = {301, 302, 303, 307, 308};
    size_t len;
    const char *location = ml_headers_find(&call->transfer.headers, "location", &len);
    bool is_move = false;
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++)
        is_move |= call->transfer.status == moved[i];
    if (!is_move || !location || call->effect != ML_READ || call->body ||
        call->hops >= MAX_HOPS)
        return false;
    char *url = ml_origin_resolve(call->lane->origin, call->url, location, len);
    if (!url)
        return false;
    free(call->url);
    call->url = url;
    call->hops++;
    call->counted = 0; /* another request, with attempts of its own */
    ml_lane_push(call->lane, call, true);
    return true;
}

/* One exchange has ended. */
static void on_exchange(struct ml_transfer *t)
{
    struct ml_call *call = (struct ml_call *)((char *)t - offsetof(struct ml_call, transfer));
    if (t->fault == ML_FAULT_NONE && !body_is_whole(call))
        t->fault = ML_FAULT_TRUNCATED;
    int64_t wait_ms = t->fault == ML_FAULT_NONE ? retry_after(call) : -1;
    struct ml_evidence e = {
        .fault = t->fault,
        .status = t->fault == ML_FAULT_NONE ? t->status : 0,
        .sends = t->sends,
        .retry_after = wait_ms >= 0,
    };
    settle_lane(call, &e, wait_ms);
    call->state = ML_CALL_BACKOFF; /* no longer flying: its slot is back */
    call->unsent = e.sends ? 0 : call->unsent + 1;
    call->counted += e.sends > 0;
    /* 429 and 425 say that nothing was done; any other end without a plain answer does not. */
    enum ml_verdict verdict = ml_retry_judge(call->effect, &e);
    call->doubt |= e.sends > 0 && verdict != ML_ANSWERED && e.status != 429 && e.status != 425;
    switch (verdict) {
    case ML_UNSENT:
        if (hope(call)) {
            repeat(call, &e, -1);
            return;
        }
        break;
    case ML_AGAIN:
        if (call->counted < ML_RETRY_ATTEMPTS) {
            repeat(call, &e, wait_ms);
            return;
        }
        break;
    case ML_ANSWERED:
        ml_budget_refund(&call->lane->budget, call->paid);
        if (follow(call))
            return;
        break;
    case ML_UNKNOWN:
    case ML_HOPELESS:
        break;
    }
    conclude(call);
}

/* --- reading --- */

bool ml_call_ended(const struct ml_call *call)
{
    return call->state == ML_CALL_ENDED;
}

int ml_call_status(const struct ml_call *call)
{
    return call->err.kind == ML_NONE ? call->transfer.status : 0;
}

const struct ml_err *ml_call_error(const struct ml_call *call)
{
    return &call->err;
}

unsigned ml_call_sends(const struct ml_call *call)
{
    return call->transfer.sends;
}

bool ml_call_doubt(const struct ml_call *call)
{
    return call->doubt || (call->state == ML_CALL_FLYING && call->transfer.sends > 0);
}

bool ml_call_idle(const struct ml_call *call)
{
    return !call->doubt && (call->state == ML_CALL_QUEUED || call->state == ML_CALL_BACKOFF);
}

unsigned ml_call_attempts(const struct ml_call *call)
{
    return call->attempts;
}

int64_t ml_call_elapsed_us(const struct ml_call *call)
{
    return call->ended_us - call->started_us;
}

const char *ml_call_body(const struct ml_call *call, size_t *len)
{
    *len = call->transfer.body.len;
    return ml_buf_str(&call->transfer.body);
}

const char *ml_call_header(const struct ml_call *call, const char *name, size_t *len)
{
    return ml_headers_find(&call->transfer.headers, name, len);
}
