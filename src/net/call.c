/* SPDX-License-Identifier: MIT */
#include "net/call.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/headers.h"
#include "net/private.h"

#define CONNECT_MS 10000
#define READ_MS 120000
#define WRITE_MS 60000
#define DEADLINE_MS (30 * 60 * 1000)
#define LONGEST_MS (365LL * 24 * 60 * 60 * 1000)
/* libcurl before 8.0 spins while an HTTP/2 upload waits for the peer's window. */
#define HTTP2_BODY (64 * 1024)

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

/* libcurl leaves out a header whose value is blank, unless a semicolon stands for the colon. */
static int add_pair(struct curl_slist **list, const struct ml_call_header *header)
{
    bool blank = header->value[strspn(header->value, " \t")] == '\0';
    size_t len = strlen(header->name) + strlen(header->value) + 3;
    char *line = malloc(len);
    if (!line)
        return -1;
    if (blank)
        snprintf(line, len, "%s;", header->name);
    else
        snprintf(line, len, "%s: %s", header->name, header->value);
    int rc = add_header(list, line);
    free(line);
    return rc;
}

void ml_call_free_headers(struct curl_slist *list)
{
    for (struct curl_slist *line = list; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(list);
}

static int make_headers(struct curl_slist **list, const struct ml_call_spec *spec)
{
    int rc = spec->credential ? add_header(list, spec->credential) : 0;
    if (rc == 0 && (spec->body || spec->form))
        rc = add_header(list, "Expect:"); /* libcurl would wait for a 100 before large bodies */
    for (size_t i = 0; i < spec->headers_len && rc == 0; i++)
        rc = add_pair(list, &spec->headers[i]);
    if (rc < 0) {
        ml_call_free_headers(*list);
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
    size_t origin = strlen(spec->origin->text), target = strlen(spec->target);
    call->method = strdup(spec->method);
    call->url = malloc(origin + target + 1);
    if (!call->method || !call->url)
        return -1;
    memcpy(call->url, spec->origin->text, origin);
    memcpy(call->url + origin, spec->target, target + 1);
    if (spec->body) {
        call->body = malloc(spec->body_len + 1);
        if (!call->body)
            return -1;
        memcpy(call->body, spec->body, spec->body_len);
        call->body[spec->body_len] = '\0';
        call->body_len = spec->body_len;
    }
    if (spec->form && (call->form = ml_form_new(spec->form)) == NULL)
        return -1;
    return set_headers(call, spec);
}

/* TRACE would hand the credential back in its answer, and CONNECT is for proxies. */
static bool method_is_sound(const char *method)
{
    return *method && strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(method) &&
           strcmp(method, "TRACE") != 0 && strcmp(method, "CONNECT") != 0;
}

/* Is the segment at p "." or "..", plain or encoded? Whoever resolves it, we or the server, the
 * request would be for something else than was meant. */
static bool is_dots(const char *p)
{
    unsigned dots = 0;
    while (*p == '.' || strncasecmp(p, "%2e", 3) == 0) {
        p += *p == '.' ? 1 : 3;
        dots++;
    }
    return (dots == 1 || dots == 2) && (*p == '/' || *p == '?' || *p == '\0');
}

/* What is wrong with a target, or NULL. */
static const char *target_fault(const char *target)
{
    bool query = false;
    if (*target != '/')
        return "does not begin with \"/\"";
    for (const char *p = target; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return "is not encoded";
        query |= c == '?';
        if (!query && c == '/' && is_dots(p + 1))
            return "has a part that is only dots";
    }
    return NULL;
}

static int refuse(const struct ml_call_spec *spec, const struct ml_net *net, struct ml_err *err)
{
    for (size_t i = 0; i < spec->headers_len && !spec->usual_headers; i++)
        if (!ml_headers_valid(spec->headers[i].name, spec->headers[i].value))
            return ml_err_set(err, ML_USAGE,
                              "the header \"%.60s\" is not valid: a name is letters, digits "
                              "and dashes, a value has no control characters",
                              spec->headers[i].name);
    if (!method_is_sound(spec->method))
        return ml_err_set(err, ML_USAGE, "\"%.40s\" is not a method to send", spec->method);
    const char *why = target_fault(spec->target);
    if (why)
        return ml_err_set(err, ML_USAGE, "the path \"%.200s\" %s", spec->target, why);
    if (net->conf.read_only && spec->effect != ML_READ)
        return ml_err_set(err, ML_GUARD, "dry run: %s %s was not sent", spec->method,
                          spec->target);
    return 0;
}

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

/* Milliseconds in a range that microseconds can hold; 0 = the default. */
static int64_t span(int64_t ms, int64_t absent)
{
    if (ms == 0)
        return absent;
    return ms < 1 ? 1 : ms > LONGEST_MS ? LONGEST_MS : ms;
}

static void set_times(struct ml_call *call, const struct ml_call_spec *spec)
{
    call->attempt_ms = span(spec->attempt_ms, call->effect == ML_READ ? READ_MS : WRITE_MS);
    call->started_us = ml_clock_us();
    call->deadline_us = call->started_us + span(spec->deadline_ms, DEADLINE_MS) * 1000;
    call->retry.fire = on_retry;
    call->deadline.fire = on_deadline;
}

static struct ml_call *new_call(struct ml_net *net, const struct ml_call_spec *spec)
{
    struct ml_call *call = calloc(1, sizeof *call);
    if (!call)
        return NULL;
    call->net = net;
    call->effect = spec->effect;
    call->json = spec->json;
    call->http1 = spec->effect != ML_READ || spec->body_len > HTTP2_BODY || !spec->origin->tls;
    call->state = ML_CALL_ENDED; /* until it is queued: free must not unlink */
    ml_transfer_create(&call->transfer, &net->loop, net->conf.max_body);
    call->transfer.on_done = ml_call_exchanged;
    set_times(call, spec);
    return call;
}

int ml_call_start(struct ml_net *net, const struct ml_call_spec *spec, ml_call_end_fn on_end,
                  void *ud, struct ml_call **out, struct ml_err *err)
{
    if (refuse(spec, net, err) < 0)
        return -1;
    struct ml_call *call = new_call(net, spec);
    if (!call)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    call->on_end = on_end;
    call->ud = ud;
    call->watch = spec->watch;
    call->watch_ud = spec->watch_ud;
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

/* One exchange more is under way, on a connection of its own or not. */
static void take_off(struct ml_call *call)
{
    struct ml_origin *o = call->lane->origin;
    call->state = ML_CALL_HELD;
    call->probe = !call->solo && o->spoken == ML_SPOKEN_UNKNOWN;
    o->probing |= call->probe;
    o->in_flight++;
    o->in_flight_http1 += call->solo;
    call->net->stats.in_flight++;
}

void ml_call_landed(struct ml_call *call)
{
    struct ml_origin *o = call->lane->origin;
    call->state = ML_CALL_BACKOFF;
    call->sends += call->transfer.sends;
    if (call->probe)
        o->probing = false;
    o->in_flight--;
    o->in_flight_http1 -= call->solo;
    call->net->stats.in_flight--;
}

/* An attempt that is under way or about to be. */
static void break_off(struct ml_call *call)
{
    ml_transfer_cancel(&call->transfer);
    struct ml_evidence e = {.fault = ML_FAULT_BROKEN, .sends = call->transfer.sends};
    call->doubt |= e.sends > 0;
    call->net->stats.requests += e.sends > 0;
    ml_call_landed(call);
    ml_limit_unsent(&call->lane->limit);
    if (call->watch)
        call->watch->ended(call->watch_ud, &e, e.sends ? ML_UNKNOWN : ML_UNSENT, "cancelled");
}

/* Takes the call out of every list and timer; a slot that it holds goes back. */
static void retire(struct ml_call *call)
{
    struct ml_net *net = call->net;
    if (call->state == ML_CALL_QUEUED)
        ml_lane_unlink(call->lane, call);
    if (call->state == ML_CALL_FLYING || call->state == ML_CALL_HELD)
        break_off(call);
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
    if (call->deadline.pos) /* its start failed behind the timer */
        ml_loop_timer_cancel(&call->net->loop, &call->deadline);
    ml_transfer_destroy(&call->transfer);
    ml_call_free_headers(call->own);
    free(call->method);
    free(call->url);
    free(call->body);
    ml_form_free(call->form);
    free(call);
}

/* on_end may free the call: nothing touches it behind this. */
void ml_call_end(struct ml_call *call)
{
    retire(call);
    call->on_end(call, call->ud);
}

void ml_call_fail(struct ml_call *call, enum ml_kind kind, const char *text)
{
    ml_err_set(&call->err, kind, "%s", text);
    ml_call_end(call);
}

/* --- sending --- */

static struct ml_exchange exchange_of(const struct ml_call *call)
{
    const struct ml_net_conf *conf = &call->net->conf;
    int64_t left_ms = (call->deadline_us - ml_clock_us()) / 1000;
    return (struct ml_exchange){
        .method = call->method,
        .url = call->url,
        .headers = call->headers,
        .recipe = call->own ? NULL : call->headers, /* the lane's live as long as the loop */
        .body = call->body,
        .body_len = call->body_len,
        .form = call->form,
        .write = call->effect != ML_READ,
        .http1 = call->solo,
        .timeout_ms = left_ms < 1                  ? 1
                      : left_ms < call->attempt_ms ? left_ms
                                                   : call->attempt_ms,
        .connect_ms = CONNECT_MS,
        .ca_file = conf->ca_file,
        .proxy = conf->proxy && !call->lane->origin->loopback,
        .max_body = conf->max_body,
    };
}

static void depart(struct ml_call *call)
{
    struct ml_exchange x = exchange_of(call);
    call->state = ML_CALL_FLYING;
    if (ml_transfer_start(&call->transfer, &x) < 0)
        ml_call_fail(call, ML_MEMORY, "out of memory");
}

static void ask_leave(struct ml_call *call)
{
    struct ml_err err;
    enum ml_leave leave =
        call->watch ? call->watch->leave(call, call->watch_ud, &err) : ML_LEAVE_NOW;
    if (leave == ML_LEAVE_NOW)
        depart(call);
    else if (leave == ML_LEAVE_NEVER)
        ml_call_fail(call, err.kind, err.text);
}

void ml_call_fly(struct ml_call *call)
{
    struct ml_net *net = call->net;
    call->solo = ml_lane_solo(call);
    call->state = ML_CALL_BACKOFF; /* neither queued nor flying */
    if (net->begun >= net->conf.max_requests) {
        ml_limit_unsent(&call->lane->limit);
        ml_call_fail(call, ML_GUARD,
                     "stopped: the run has used up its requests (--max-requests)");
        return;
    }
    net->begun++;
    net->stats.retries += call->attempts > 0;
    call->attempts++;
    call->transfer.sends = 0;
    take_off(call);
    ask_leave(call);
}

void ml_call_release(struct ml_call *call, const struct ml_err *err)
{
    if (call->state != ML_CALL_HELD)
        return;
    if (err)
        ml_call_fail(call, err->kind, err->text);
    else
        depart(call);
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
    return call->sends + (call->state == ML_CALL_FLYING ? call->transfer.sends : 0);
}

bool ml_call_doubt(const struct ml_call *call)
{
    return call->doubt || (call->state == ML_CALL_FLYING && call->transfer.sends > 0);
}

bool ml_call_idle(const struct ml_call *call)
{
    return !call->doubt && call->state != ML_CALL_FLYING && call->state != ML_CALL_ENDED;
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
