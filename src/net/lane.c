/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/private.h"

#define READS_A_SECOND 10.0
#define WRITES_A_SECOND 5.0
#define CEILING 50.0
#define HTTP2_STREAMS 100

/* --- the lanes of a net --- */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* A rate that was given is ceiling and start; on loopback there is no ceiling by default. */
static void configure(struct ml_lane *lane, const struct ml_call_spec *spec)
{
    const struct ml_net_conf *net = &lane->net->conf;
    double rate = net->rate >= 0 ? net->rate : spec->rate;
    struct ml_limit_conf conf = {
        .start = rate >= 0     ? rate
                 : lane->write ? WRITES_A_SECOND
                               : READS_A_SECOND,
        .ceiling = rate >= 0                ? rate
                   : lane->origin->loopback ? 0
                                            : CEILING,
        .in_flight = net->concurrency,
        .headroom = spec->headroom,
    };
    if (spec->concurrency && spec->concurrency < conf.in_flight)
        conf.in_flight = spec->concurrency;
    ml_limit_create(&lane->limit, &conf, ml_clock_us());
    ml_budget_create(&lane->budget);
}

/* The turn in which it fires looks at every lane anyway. */
static void on_timer(struct ml_timer *timer)
{
    (void)timer;
}

static struct ml_lane *new_lane(struct ml_net *net, const struct ml_call_spec *spec, bool write)
{
    struct ml_lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    if (spec->credential && (lane->credential = strdup(spec->credential)) == NULL) {
        free(lane);
        return NULL;
    }
    lane->net = net;
    lane->origin = spec->origin;
    lane->write = write;
    lane->timer.fire = on_timer;
    configure(lane, spec);
    lane->next = net->lanes;
    net->lanes = lane;
    net->lanes_len++;
    return lane;
}

struct ml_lane *ml_lane_find(struct ml_net *net, const struct ml_call_spec *spec)
{
    bool write = spec->effect != ML_READ;
    for (struct ml_lane *l = net->lanes; l; l = l->next)
        if (l->origin == spec->origin && l->write == write &&
            same(l->credential, spec->credential))
            return l;
    return new_lane(net, spec, write);
}

void ml_lane_free(struct ml_lane *lane)
{
    ml_loop_timer_cancel(&lane->net->loop, &lane->timer);
    if (lane->credential)
        explicit_bzero(lane->credential, strlen(lane->credential));
    free(lane->credential);
    for (int i = 0; i < 3; i++)
        ml_call_free_headers(lane->usual[i]);
    free(lane);
}

/* --- the queue --- */

void ml_lane_push(struct ml_lane *lane, struct ml_call *call, bool front)
{
    call->state = ML_CALL_QUEUED;
    call->queue_prev = front ? NULL : lane->tail;
    call->queue_next = front ? lane->head : NULL;
    if (call->queue_prev)
        call->queue_prev->queue_next = call;
    else
        lane->head = call;
    if (call->queue_next)
        call->queue_next->queue_prev = call;
    else
        lane->tail = call;
    lane->net->stats.queued++;
}

void ml_lane_unlink(struct ml_lane *lane, struct ml_call *call)
{
    if (call->queue_prev)
        call->queue_prev->queue_next = call->queue_next;
    else
        lane->head = call->queue_next;
    if (call->queue_next)
        call->queue_next->queue_prev = call->queue_prev;
    else
        lane->tail = call->queue_prev;
    call->queue_prev = call->queue_next = NULL;
    lane->net->stats.queued--;
    if (!lane->head) /* nothing waits: a timer would make the net look busy */
        ml_loop_timer_cancel(&lane->net->loop, &lane->timer);
}

/* --- dispatch --- */

/* HTTP/2 is offered by one read at first; until its answer shows what the server speaks, the
 * others go as if it were HTTP/1.1. So no connection is ever shared that cannot be (loop.h). */
bool ml_lane_solo(const struct ml_call *call)
{
    const struct ml_origin *o = call->lane->origin;
    return call->http1 || o->spoken == ML_SPOKEN_HTTP1 ||
           (o->spoken == ML_SPOKEN_UNKNOWN && o->probing);
}

/* Is a connection free for this call? Those that cannot be shared are counted by themselves:
 * libcurl may open as many for each kind (net.c). */
static bool gate_is_open(const struct ml_lane *lane, const struct ml_call *call)
{
    const struct ml_origin *o = lane->origin;
    unsigned most = lane->net->conf.concurrency;
    if (o->spoken != ML_SPOKEN_HTTP2)
        return o->in_flight < most;
    return ml_lane_solo(call) ? o->in_flight_http1 < most
                              : o->in_flight - o->in_flight_http1 < most * HTTP2_STREAMS;
}

bool ml_lane_send(struct ml_lane *lane)
{
    struct ml_call *call = lane->head;
    if (call && lane->net->outage) {
        ml_lane_unlink(lane, call);
        call->state = ML_CALL_BACKOFF; /* neither queued nor flying */
        ml_call_fail(call, ML_NETWORK, "the service has not been well for too long");
        return true;
    }
    if (!call || !gate_is_open(lane, call))
        return false; /* the end of an exchange asks again */
    int64_t now = ml_clock_us(), wait = ml_limit_ask(&lane->limit, now);
    if (wait == ML_LIMIT_FULL)
        return false; /* likewise */
    if (wait > 0) {
        if (ml_loop_timer(&lane->net->loop, &lane->timer, now + wait) < 0)
            lane->net->loop.no_memory = true; /* nothing would wake the lane */
        return false;
    }
    ml_lane_unlink(lane, call);
    ml_call_fly(call);
    return true;
}
