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

static void on_timer(struct ml_timer *timer)
{
    ml_lane_dispatch((struct ml_lane *)((char *)timer - offsetof(struct ml_lane, timer)));
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
        curl_slist_free_all(lane->usual[i]);
    free(lane);
}

/* --- the queue --- */

void ml_lane_push(struct ml_lane *lane, struct ml_call *call, bool front)
{
    call->state = ML_CALL_QUEUED;
    call->queue_next = front ? lane->head : NULL;
    if (front || !lane->head)
        lane->head = call;
    else
        lane->tail->queue_next = call;
    if (!call->queue_next)
        lane->tail = call;
    lane->net->stats.queued++;
}

void ml_lane_unlink(struct ml_lane *lane, struct ml_call *call)
{
    struct ml_call **at = &lane->head, *prev = NULL;
    while (*at != call) {
        prev = *at;
        at = &prev->queue_next;
    }
    *at = call->queue_next;
    if (lane->tail == call)
        lane->tail = prev;
    call->queue_next = NULL;
    lane->net->stats.queued--;
}

/* --- dispatch --- */

/* How many exchanges may be under way to an origin: as many as there are connections. */
static unsigned gate(const struct ml_origin *o, const struct ml_net_conf *conf)
{
    return o->http2 ? conf->concurrency * HTTP2_STREAMS : conf->concurrency;
}

void ml_lane_dispatch(struct ml_lane *lane)
{
    struct ml_net *net = lane->net;
    while (lane->head && lane->origin->in_flight < gate(lane->origin, &net->conf)) {
        int64_t now = ml_clock_us(), wait = ml_limit_ask(&lane->limit, now);
        if (wait == ML_LIMIT_FULL)
            return; /* the end of an exchange dispatches again */
        if (wait > 0) {
            ml_loop_timer(&net->loop, &lane->timer, now + wait);
            return;
        }
        struct ml_call *call = lane->head;
        ml_lane_unlink(lane, call);
        ml_call_fly(call);
    }
}
