/* SPDX-License-Identifier: MIT */
/* The inside of net: shared by net.c, lane.c, call.c, outcome.c and origin.c only. */
#ifndef ML_NET_PRIVATE_H
#define ML_NET_PRIVATE_H

#include "net/call.h"
#include "net/form.h"
#include "net/loop.h"
#include "net/net.h"
#include "net/transfer.h"
#include "policy/limit.h"

/* What a server speaks when HTTP/2 is offered. */
enum ml_spoken { ML_SPOKEN_UNKNOWN, ML_SPOKEN_HTTP1, ML_SPOKEN_HTTP2 };

struct ml_origin {
    struct ml_origin *next;
    char *text; /* "https://host:port" */
    bool loopback;
    bool tls;
    bool answered;            /* an answer has come in this run: the address is right */
    enum ml_spoken spoken;    /* to reads over TLS */
    bool probing;             /* a read that will show it is under way */
    unsigned in_flight;       /* exchanges under way, all lanes */
    unsigned in_flight_http1; /* ... of these, those that hold a connection each */
};

/* Calls of one (origin, credential, read or write), in the order of their start. */
struct ml_lane {
    struct ml_lane *next;
    struct ml_net *net;
    struct ml_origin *origin;
    char *credential; /* owned header line, wiped at the end; NULL = none */
    bool write;
    struct ml_limit limit;
    struct ml_budget budget;
    double owed;    /* tokens that writes of unknown outcome cost since the last answer */
    int64_t ail_us; /* since when the budget has been empty without an answer, 0 = it is well */
    int64_t next_probe_us;       /* until then a lane that ails is not asked again */
    struct curl_slist *usual[3]; /* the usual headers: no body, an empty one, a body */
    struct ml_call *head, *tail; /* queued */
    struct ml_timer timer;       /* when the limit lets the next one go */
    int pause_status;            /* what asked for the last pause */
};

enum ml_call_state {
    ML_CALL_QUEUED,
    ML_CALL_HELD,
    ML_CALL_FLYING,
    ML_CALL_BACKOFF,
    ML_CALL_ENDED
};

struct ml_call {
    struct ml_net *net;
    struct ml_lane *lane;
    struct ml_call *prev, *next;             /* all calls that have not ended */
    struct ml_call *queue_prev, *queue_next; /* the lane's queue */
    enum ml_call_state state;
    enum ml_effect effect;
    bool json;
    bool http1; /* may not share a connection: a write, or too large a body */
    bool solo;  /* this exchange has a connection for itself */
    bool probe; /* this exchange shows what the server speaks */
    char *method, *url, *body;
    size_t body_len;
    struct ml_form *form;       /* owned, NULL = none */
    struct curl_slist *headers; /* the lane's, or `own` */
    struct curl_slist *own;
    int64_t attempt_ms, started_us, deadline_us, ended_us;
    unsigned counted;  /* attempts that count against ML_RETRY_ATTEMPTS */
    int64_t unsent_us; /* when the first of them ended */
    unsigned unsent;   /* attempts in a row that provably sent nothing */
    unsigned attempts; /* all exchanges */
    bool unparsed;     /* the last answer came whole, but is no whole JSON */
    unsigned sends;    /* PREREQ calls of the exchanges that have ended */
    bool doubt;        /* an exchange may have had an effect that no answer told of */
    unsigned hops;     /* redirects followed */
    double paid;       /* tokens of the retry budget */
    struct ml_transfer transfer;
    struct ml_timer retry, deadline;
    struct ml_err err;
    ml_call_end_fn on_end;
    void *ud;
    const struct ml_call_watch *watch;
    void *watch_ud;
};

struct ml_net {
    struct ml_loop loop;
    struct ml_net_conf conf;
    char *ca_file;
    const struct ml_log *log;
    struct ml_origin *origins;
    struct ml_lane *lanes;
    unsigned lanes_len;
    struct ml_lane *turn;  /* whose turn it is to send next, NULL = the first's */
    unsigned starts_left;  /* what this turn may still begin */
    struct ml_call *calls; /* head of the list of calls that have not ended */
    uint64_t random;
    uint64_t begun; /* exchanges started */
    bool outage;    /* a service has failed for too long */
    struct ml_net_stats stats;
};

/* lane.c */
struct ml_lane *ml_lane_find(struct ml_net *net, const struct ml_call_spec *spec);
void ml_lane_free(struct ml_lane *lane);
void ml_lane_push(struct ml_lane *lane, struct ml_call *call, bool front);
void ml_lane_unlink(struct ml_lane *lane, struct ml_call *call);
/* Does the call need a connection for itself, as things stand? */
bool ml_lane_solo(const struct ml_call *call);
/* Starts the first queued call if limit and gate let it; false when none was taken. */
bool ml_lane_send(struct ml_lane *lane);

/* origin.c */
void ml_origin_free(struct ml_origin *origin);
/* The URL of a Location header when it stays on the origin, in the origin's own spelling,
 * allocated; NULL otherwise. */
char *ml_origin_resolve(const struct ml_origin *origin, const char *url, const char *location,
                        size_t len);

/* call.c: frees header lines and wipes them: one holds the credential. */
void ml_call_free_headers(struct curl_slist *list);
/* Sends one call, out of the queue already; its slot of the lane is taken. */
void ml_call_fly(struct ml_call *call);
/* An exchange is over: notes its sends and gives the place at the gate back. */
void ml_call_landed(struct ml_call *call);
/* Ends a call and reports it; it may be gone afterwards. */
void ml_call_end(struct ml_call *call);
/* As ml_call_end, with an error that no exchange brought. */
void ml_call_fail(struct ml_call *call, enum ml_kind kind, const char *text);

/* outcome.c: what follows from an exchange; ml_transfer.on_done of every call. */
void ml_call_exchanged(struct ml_transfer *t);

#endif
