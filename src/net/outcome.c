/* SPDX-License-Identifier: MIT */
/*
 * What an exchange showed, and what follows: the end of the call, another
 * attempt, or the next hop of a redirect. The rules themselves are in
 * policy/retry.h; this gathers the evidence and acts on the verdict.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "net/headers.h"
#include "net/private.h"
#include "policy/hint.h"

#define MAX_HOPS 3
#define LARGE_BODY 4096
#define COST 14 /* of a retry, in tokens of the budget (policy/retry.h) */
#define COST_REJECTED 5

/* --- evidence --- */

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
    while (end > 1 && memchr(" \t\r\n", text[end - 1], 4))
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

/* An answer over HTTP/1.1 where HTTP/2 was spoken before may be that of another request on the
 * same connection (loop.h). Only reads share connections, so it can be asked for again. */
static bool is_not_ours(const struct ml_call *call)
{
    return !call->solo && !call->probe && !call->transfer.http2;
}

static struct ml_evidence evidence_of(struct ml_call *call, int64_t *wait_ms)
{
    struct ml_transfer *t = &call->transfer;
    if (t->fault == ML_FAULT_NONE && is_not_ours(call))
        t->fault = ML_FAULT_BROKEN;
    if (t->fault == ML_FAULT_NONE && !body_is_whole(call)) {
        t->fault = ML_FAULT_TRUNCATED;
        call->unparsed = true;
    }
    *wait_ms = t->fault == ML_FAULT_NONE ? retry_after(call) : -1;
    return (struct ml_evidence){
        .fault = t->fault,
        .status = t->fault == ML_FAULT_NONE ? t->status : 0,
        .sends = t->sends,
        .retry_after = *wait_ms >= 0,
    };
}

/* --- what the lane learns --- */

static bool is_quota_header(const char *name, size_t len)
{
    return (len >= 9 && strncasecmp(name, "ratelimit", 9) == 0) ||
           (len >= 11 && strncasecmp(name, "x-ratelimit", 11) == 0);
}

static void learn_quota(struct ml_call *call, int64_t now)
{
    struct ml_hint hint;
    const char *name, *value;
    size_t at = 0, name_len, value_len;
    int64_t wall = -1;
    bool used = false;
    const struct ml_buf *headers = &call->transfer.headers;
    ml_hint_create(&hint);
    while (ml_headers_next(headers, &at, &name, &name_len, &value, &value_len)) {
        char key[40];
        if (!is_quota_header(name, name_len) || name_len >= sizeof key)
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

/* Of the answer of the origin itself: what a proxy says before anything was sent is none. */
static void learn_origin(struct ml_call *call, int64_t now)
{
    struct ml_origin *origin = call->lane->origin;
    const struct ml_transfer *t = &call->transfer;
    if (t->status == 0 || t->sends == 0)
        return;
    origin->answered = true;
    if (!call->solo && origin->spoken != ML_SPOKEN_HTTP1) /* once seen, it stays at that */
        origin->spoken = t->http2 ? ML_SPOKEN_HTTP2 : ML_SPOKEN_HTTP1;
    learn_quota(call, now);
}

/* Gives the slot back and tells the lane what the exchange showed. */
static void settle_lane(struct ml_call *call, const struct ml_evidence *e, int64_t wait_ms)
{
    struct ml_lane *lane = call->lane;
    struct ml_transfer *t = &call->transfer;
    int64_t now = ml_clock_us();
    bool rejected = ml_retry_rejected(e);
    call->net->stats.requests++;
    if (t->sends == 0)
        ml_limit_unsent(&lane->limit);
    else
        ml_limit_done(&lane->limit, now, t->elapsed_us,
                      rejected        ? ML_LIMIT_REJECTED
                      : t->status > 0 ? ML_LIMIT_OK
                                      : ML_LIMIT_BROKEN);
    learn_origin(call, now);
    if (rejected && wait_ms >= 0) {
        ml_limit_pause(&lane->limit, now, wait_ms * 1000);
        lane->pause_status = t->status;
    }
}

/* --- the end --- */

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

static const char *fault_text(const struct ml_call *call)
{
    if (call->transfer.no_memory)
        return "out of memory";
    return call->unparsed ? "the answer is not whole JSON" : fault_texts[call->transfer.fault];
}

static enum ml_kind fault_kind(const struct ml_call *call)
{
    if (call->transfer.no_memory)
        return ML_MEMORY;
    if (call->unparsed)
        return ML_DECODE;
    switch (call->transfer.fault) {
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

/* What stands behind the fault in brackets: the ceiling, or libcurl's words; "" = nothing. */
static void write_detail(const struct ml_call *call, char *out, size_t size)
{
    const struct ml_transfer *t = &call->transfer;
    size_t most = t->body.max, mib = 1024 * 1024;
    if (t->no_memory || call->unparsed)
        out[0] = '\0';
    else if (t->long_header)
        snprintf(out, size, "its headers");
    else if (t->fault == ML_FAULT_TOO_LARGE && most >= mib)
        snprintf(out, size, "%.4g MiB", (double)most / (double)mib);
    else if (t->fault == ML_FAULT_TOO_LARGE)
        snprintf(out, size, "%zu bytes", most);
    else
        snprintf(out, size, "%s", t->text);
}

/* Ends the call with what the last exchange brought. A read that came whole but does not parse
 * is handed up as it is: whoever decodes it has the better words. */
static void conclude(struct ml_call *call)
{
    char detail[CURL_ERROR_SIZE];
    bool readable = call->unparsed && call->effect == ML_READ;
    if (call->transfer.fault != ML_FAULT_NONE && !readable) {
        write_detail(call, detail, sizeof detail);
        ml_err_set(&call->err, fault_kind(call), "%s%s%s%s", fault_text(call),
                   detail[0] ? " (" : "", detail, detail[0] ? ")" : "");
    }
    ml_call_end(call);
}

/* --- repeating --- */

/* Has it been going on for too long? From then on nothing is repeated in this run. */
static bool is_outage(struct ml_net *net, int64_t since_us)
{
    net->outage |= ml_clock_us() - since_us >= net->conf.outage_us;
    return net->outage;
}

/* May a call that provably sent nothing go on? A wrong address fails after four tries. */
static bool hope(struct ml_call *call)
{
    if (!call->lane->origin->answered)
        return call->unsent < ML_RETRY_ATTEMPTS;
    return !is_outage(call->net, call->unsent_us);
}

/* May a call whose attempts are used up go on? Where the whole service fails, giving up one
 * object after the other would only turn an outage into failures. */
static bool hope_for_service(const struct ml_call *call)
{
    const struct ml_lane *lane = call->lane;
    return lane->ail_us && !is_outage(call->net, lane->ail_us);
}

/* An empty budget does not fail the call, it slows the lane down to probes. Calls that are
 * probed in turn use up their attempts late or never: a probe that fails looks at the clock. */
static void pay(struct ml_call *call, bool rejected, int64_t now)
{
    struct ml_lane *lane = call->lane;
    if (ml_budget_pay(&lane->budget, rejected)) {
        call->paid += rejected ? COST_REJECTED : COST;
        return;
    }
    lane->ail_us = lane->ail_us ? lane->ail_us : now;
    (void)is_outage(call->net, lane->ail_us);
    lane->pause_status = call->transfer.status;
    if (now < lane->next_probe_us)
        return; /* it was under way before: one probe, one longer pause */
    lane->next_probe_us = now + ml_budget_probe_us(&lane->budget);
    ml_limit_pause(&lane->limit, now, lane->next_probe_us - now);
}

/* A write of unknown outcome is not repeated here, and costs what a repetition would, until an
 * answer shows that the service is well. */
static void pay_unknown(struct ml_call *call)
{
    double paid = call->paid;
    pay(call, false, ml_clock_us());
    call->lane->owed += call->paid - paid;
    call->paid = paid;
}

static void recover(struct ml_call *call)
{
    struct ml_lane *lane = call->lane;
    ml_budget_refund(&lane->budget, call->paid + lane->owed);
    call->paid = lane->owed = 0;
    lane->ail_us = lane->next_probe_us = 0;
}

static void repeat(struct ml_call *call, const struct ml_evidence *e, int64_t wait_ms)
{
    bool rejected = ml_retry_rejected(e);
    unsigned n = e->sends ? call->counted : call->unsent;
    int64_t delay = ml_retry_delay_us(n, rejected, wait_ms, ml_random01(&call->net->random));
    int64_t now = ml_clock_us();
    if (now + delay >= call->deadline_us ||
        ml_loop_timer(&call->net->loop, &call->retry, now + delay) < 0) {
        conclude(call);
        return;
    }
    if (e->sends)
        pay(call, rejected, now);
    ml_log(call->net->log, ML_LOG_INFO, "%s: %s; again in %.1f s (attempt %u)", call->method,
           e->fault   ? fault_text(call)
           : rejected ? "told to wait"
                      : "the service failed",
           (double)delay / 1e6, call->attempts + 1);
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

/* Did the call go on? */
static bool goes_on(struct ml_call *call, enum ml_verdict verdict, const struct ml_evidence *e,
                    int64_t wait_ms)
{
    switch (verdict) {
    case ML_UNSENT:
        if (!hope(call))
            return false;
        repeat(call, e, -1);
        return true;
    case ML_AGAIN:
        if (call->counted >= ML_RETRY_ATTEMPTS && !hope_for_service(call))
            return false;
        repeat(call, e, wait_ms);
        return true;
    case ML_ANSWERED:
        recover(call);
        return follow(call);
    case ML_UNKNOWN:
        pay_unknown(call);
        return false;
    default:
        return false;
    }
}

/* One line a request for those who ask for it; queries may hold addresses of people. */
static void say(const struct ml_call *call, const struct ml_evidence *e)
{
    const struct ml_transfer *t = &call->transfer;
    if (!ml_log_wants(call->net->log, ML_LOG_DEBUG))
        return;
    int path = (int)strcspn(call->url, "?");
    if (e->fault)
        ml_log(call->net->log, ML_LOG_DEBUG, "%s %.*s: %s", call->method, path, call->url,
               fault_text(call));
    else
        ml_log(call->net->log, ML_LOG_DEBUG, "%s %.*s: %d in %.0f ms", call->method, path,
               call->url, t->status, (double)t->elapsed_us / 1e3);
}

void ml_call_exchanged(struct ml_transfer *t)
{
    struct ml_call *call = (struct ml_call *)((char *)t - offsetof(struct ml_call, transfer));
    int64_t wait_ms;
    call->unparsed = false;
    struct ml_evidence e = evidence_of(call, &wait_ms);
    say(call, &e);
    ml_call_landed(call);
    settle_lane(call, &e, wait_ms);
    call->unsent_us = call->unsent ? call->unsent_us : ml_clock_us();
    call->unsent = e.sends ? 0 : call->unsent + 1;
    call->counted += e.sends > 0;
    enum ml_verdict verdict = ml_retry_judge(call->effect, &e);
    /* 429 and 425 say that nothing was done; any other end without a plain answer does not. */
    call->doubt |= e.sends > 0 && verdict != ML_ANSWERED && e.status != 429 && e.status != 425;
    if (call->watch)
        call->watch->ended(call->watch_ud, &e, verdict, e.fault ? fault_text(call) : NULL);
    if (!goes_on(call, verdict, &e, wait_ms))
        conclude(call);
}
