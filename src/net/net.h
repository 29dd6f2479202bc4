/* SPDX-License-Identifier: MIT */
/*
 * The network side of one engine: origins, lanes, and the loop under them.
 *
 * An origin is scheme, host and port; it has a gate, because libcurl's own
 * queue counts against timeouts and wakes badly: never more requests are in
 * flight than there are connections (times streams once HTTP/2 is seen).
 * A lane is one (origin, credential, read or write) with its own pacing.
 *
 * Nothing here knows Lua. Calls (net/call.h) are queued and reported from
 * ml_net_turn() and ml_net_kick(), never from inside the function that starts
 * them. Lanes of one origin send in turns while the gate is narrow.
 *
 *     struct ml_net *net = ml_net_new(&conf, &log, &err);
 *     struct ml_origin *o = ml_net_origin(net, "https://app.screendesk.io", &err);
 *     ...
 *     ml_net_turn(net, -1);
 *     ml_net_free(net);
 */
#ifndef ML_NET_NET_H
#define ML_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/log.h"

struct ml_net;
struct ml_origin;

struct ml_net_conf {
    unsigned concurrency; /* requests in flight to one origin at most, 1..1000 */
    double rate;    /* requests a second, ceiling and start; < 0 = the defaults, 0 = no limit */
    bool read_only; /* dry run: anything but a read is refused here, whatever is above */
    bool proxy;     /* honour HTTPS_PROXY and NO_PROXY */
    const char *ca_file;   /* certificates to trust, NULL = the system's; copied */
    size_t max_body;       /* ceiling of one answer, bytes */
    int64_t outage_us;     /* a service that fails for so long ends the run */
    uint64_t max_requests; /* refuse request N+1; UINT64_MAX = no limit */
    /* Does the text parse to its end as JSON? A body that does not is a transport fault. */
    bool (*complete)(const char *text, size_t len);
    /* Called in each turn, between what has ended and what is started next. NULL = nobody. */
    void (*on_turn)(void *ud);
    void *on_turn_ud;
};

struct ml_net_stats {
    uint64_t requests;                  /* exchanges that have ended */
    uint64_t retries;                   /* exchanges that repeat an earlier one */
    unsigned in_flight;                 /* exchanges under way */
    unsigned queued;                    /* calls that wait for their turn */
    uint64_t upload_done, upload_total; /* bytes of the files that are just being sent */
    int64_t pause_us;                   /* longest wait that a server asked for, 0 = none */
    int pause_status;                   /* the status that asked for it */
};

/* concurrency 32, default rates, 64 MiB, everything else off. */
void ml_net_defaults(struct ml_net_conf *conf);
/* NULL with err when descriptors or memory are out. `log` is borrowed. */
struct ml_net *ml_net_new(const struct ml_net_conf *conf, const struct ml_log *log,
                          struct ml_err *err);
/* Cancels every call without reporting it; their handles stay valid until ml_call_free. */
void ml_net_free(struct ml_net *net);

/* The origin for a URL such as "https://host:8443": https, or http for loopback; no path, query
 * or user. Lives as long as the net. NULL with ML_USAGE that names the text and the remedy. */
struct ml_origin *ml_net_origin(struct ml_net *net, const char *text, struct ml_err *err);
/* An origin as requests spell it, malloc'd; NULL as ml_net_origin. */
char *ml_net_spell(const char *text, struct ml_err *err);
/* The normal form, without a slash at the end. */
const char *ml_origin_text(const struct ml_origin *origin);

/* One turn: waits at most timeout_us (-1 = until something happens), reports calls that ended,
 * starts those whose turn it is. -1 when the system fails. */
int ml_net_turn(struct ml_net *net, int64_t timeout_us);
/* Starts what may start now and lets curl send it, without waiting. */
void ml_net_kick(struct ml_net *net);
/* Has a service, that answered before or was never well, failed for longer than a run should
 * wait? Calls are no longer repeated then. */
bool ml_net_outage(const struct ml_net *net);
/* Calls that have not ended, and timers that are armed: is there anything to wait for? */
bool ml_net_idle(const struct ml_net *net);
/* Monotonic time of the next thing to do, INT64_MAX = only events. */
int64_t ml_net_next(const struct ml_net *net);
void ml_net_flush(struct ml_net *net);
/* Flushes, and makes the descriptor readable at at_us (INT64_MAX = only for what the net has to
 * do). */
void ml_net_alarm(struct ml_net *net, int64_t at_us);
int ml_net_fd(struct ml_net *net);
/* Makes turns return when a descriptor of the layers above can be read, and with `write` when
 * it can be written; who owns it looks. Again: changes that. -1: the system refuses. */
int ml_net_watch(struct ml_net *net, int fd, bool write);
/* Before it is closed, unless nobody else holds it. */
void ml_net_unwatch(struct ml_net *net, int fd);
/* From any thread or signal handler: makes a waiting turn return. */
void ml_net_wake(struct ml_net *net);
void ml_net_stats(const struct ml_net *net, struct ml_net_stats *out);
/* The exchange that begins just now repeats one of an earlier call. */
void ml_net_repeats(struct ml_net *net);

/* Timers of the layers above, on the same loop. */
int ml_net_timer(struct ml_net *net, struct ml_timer *timer, int64_t at_us);
void ml_net_timer_cancel(struct ml_net *net, struct ml_timer *timer);

/* "libcurl/7.88.1 OpenSSL/3.0 ..." of the libraries at run time. */
const char *ml_net_libraries(void);

#endif
