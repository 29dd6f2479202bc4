/* SPDX-License-Identifier: MIT */
#include "net/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/private.h"

#define MAX_BODY (64u * 1024 * 1024)
#define CONCURRENCY 32
#define STARTS_A_TURN 32 /* a turn that began a thousand would keep its host for 40 ms */

void ml_net_defaults(struct ml_net_conf *conf)
{
    *conf = (struct ml_net_conf){.concurrency = CONCURRENCY,
                                 .rate = -1,
                                 .max_body = MAX_BODY,
                                 .outage_us = ML_RETRY_UNSENT_MAX_US,
                                 .max_requests = UINT64_MAX};
}

struct ml_net *ml_net_new(const struct ml_net_conf *conf, const struct ml_log *log,
                          struct ml_err *err)
{
    struct ml_net *net = calloc(1, sizeof *net);
    if (!net) {
        ml_err_set(err, ML_MEMORY, "out of memory");
        return NULL;
    }
    net->conf = *conf;
    if (net->conf.concurrency == 0)
        net->conf.concurrency = 1;
    net->log = log;
    net->random = ml_random_seed();
    if (conf->ca_file && (net->conf.ca_file = net->ca_file = strdup(conf->ca_file)) == NULL) {
        ml_err_set(err, ML_MEMORY, "out of memory");
        free(net);
        return NULL;
    }
    if (ml_loop_create(&net->loop, err) < 0) {
        free(net->ca_file);
        free(net);
        return NULL;
    }
    /* Of each kind as many connections as the gate lets through. */
    ml_loop_limits(&net->loop, (long)net->conf.concurrency, 4 * (long)net->conf.concurrency);
    return net;
}

void ml_net_free(struct ml_net *net)
{
    if (!net)
        return;
    while (net->calls)
        ml_call_cancel(net->calls);
    while (net->lanes) {
        struct ml_lane *lane = net->lanes;
        net->lanes = lane->next;
        ml_lane_free(lane);
    }
    while (net->origins) {
        struct ml_origin *o = net->origins;
        net->origins = o->next;
        ml_origin_free(o);
    }
    ml_loop_destroy(&net->loop);
    free(net->ca_file);
    free(net);
}

/* One call a lane in turns, so that a lane with thousands of calls leaves its share of the gate
 * to the others; until nobody may send any more, or the turn has begun its share. */
static void dispatch(struct ml_net *net)
{
    for (unsigned misses = 0; misses < net->lanes_len;) {
        struct ml_lane *lane = net->turn ? net->turn : net->lanes;
        if (lane->head && net->starts_left == 0) {
            net->loop.early = true; /* the next turn goes on, at once */
            return;
        }
        net->turn = lane->next;
        bool sent = ml_lane_send(lane);
        misses = sent ? 0 : misses + 1;
        net->starts_left -= sent;
    }
}

int ml_net_turn(struct ml_net *net, int64_t timeout_us)
{
    net->starts_left = STARTS_A_TURN;
    dispatch(net);
    int rc = ml_loop_turn(&net->loop, timeout_us, ml_transfer_done);
    if (net->conf.on_turn)
        net->conf.on_turn(net->conf.on_turn_ud);
    dispatch(net);
    return rc;
}

void ml_net_kick(struct ml_net *net)
{
    dispatch(net);
    ml_loop_kick(&net->loop);
}

bool ml_net_outage(const struct ml_net *net)
{
    return net->outage;
}

bool ml_net_idle(const struct ml_net *net)
{
    return !net->calls && ml_heap_next(&net->loop.timers) == INT64_MAX;
}

int64_t ml_net_next(const struct ml_net *net)
{
    return ml_loop_next(&net->loop);
}

void ml_net_flush(struct ml_net *net)
{
    ml_loop_flush(&net->loop);
}

void ml_net_alarm(struct ml_net *net, int64_t at_us)
{
    ml_loop_alarm(&net->loop, at_us);
}

int ml_net_fd(struct ml_net *net)
{
    return ml_loop_fd(&net->loop);
}

int ml_net_watch(struct ml_net *net, int fd, bool write)
{
    return ml_loop_watch(&net->loop, fd, write);
}

void ml_net_unwatch(struct ml_net *net, int fd)
{
    ml_loop_unwatch(&net->loop, fd);
}

void ml_net_wake(struct ml_net *net)
{
    ml_loop_wake(&net->loop);
}

int ml_net_timer(struct ml_net *net, struct ml_timer *timer, int64_t at_us)
{
    return ml_loop_timer(&net->loop, timer, at_us);
}

void ml_net_timer_cancel(struct ml_net *net, struct ml_timer *timer)
{
    ml_loop_timer_cancel(&net->loop, timer);
}

static void add_upload(const struct ml_call *call, struct ml_net_stats *out)
{
    curl_off_t sent = 0;
    if (!call->form || call->state != ML_CALL_FLYING || !call->transfer.easy)
        return;
    curl_easy_getinfo(call->transfer.easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    uint64_t total = ml_form_size(call->form); /* the fields around it do not count */
    out->upload_total += total;
    out->upload_done += (uint64_t)sent < total ? (uint64_t)sent : total;
}

void ml_net_repeats(struct ml_net *net)
{
    net->stats.retries++;
}

void ml_net_stats(const struct ml_net *net, struct ml_net_stats *out)
{
    *out = net->stats;
    int64_t now = ml_clock_us();
    for (const struct ml_call *call = net->calls; call; call = call->next) {
        int64_t pause = ml_limit_paused(&call->lane->limit, now);
        add_upload(call, out);
        if (call->state != ML_CALL_FLYING && pause > out->pause_us) {
            out->pause_us = pause;
            out->pause_status = call->lane->pause_status;
        }
    }
}

const char *ml_net_libraries(void)
{
    return curl_version();
}
