/* SPDX-License-Identifier: MIT */
/*
 * One logical call: the attempts that it takes, until there is an answer, or a
 * fault that repeating cannot help, or a write whose outcome is not known.
 *
 *     QUEUED -> HELD -> FLYING -> ENDED
 *        ^                |
 *        +--- BACKOFF ----+       any state -> ENDED by ml_call_cancel
 *
 * A call with a watch asks it before each attempt, and tells it how each ended:
 * so whoever keeps a journal writes the intent down first.
 *
 * Invariants
 *   1. on_end comes exactly once, from ml_net_turn() or ml_net_kick(), unless
 *      cancelled. It may free the call.
 *   2. A write is repeated only when it provably did nothing, or when its
 *      class says that the same bytes twice end the same and the server shed
 *      it (policy/retry.h). An unknown outcome ends the call, with `sent`.
 *   3. One absolute deadline covers queueing, attempts and waits.
 */
#ifndef ML_NET_CALL_H
#define ML_NET_CALL_H

#include "net/net.h"
#include "policy/retry.h"

struct ml_call;
typedef void (*ml_call_end_fn)(struct ml_call *call, void *ud);

struct ml_call_header {
    const char *name, *value;
};

/* A form with a file: the fields in their order, the file last (net/form.h). */
struct ml_call_form {
    const struct ml_call_header *fields;
    size_t fields_len;
    const char *part;        /* name of the part that holds the file */
    const char *path;        /* of the file, which is read while it is sent */
    const char *name, *type; /* as the form tells them */
};

/* May an attempt leave? */
enum ml_leave {
    ML_LEAVE_NOW,
    ML_LEAVE_LATER, /* held, with its place at the gate, until ml_call_release */
    ML_LEAVE_NEVER  /* the call ends with the error that was set */
};

struct ml_call_watch {
    /* Asked before each attempt, from inside a turn or kick of the net. */
    enum ml_leave (*leave)(struct ml_call *call, void *ud, struct ml_err *err);
    /* Told once for each attempt that leave let go or held, also when it is cancelled. `error`:
     * what failed, NULL for an answer. */
    void (*ended)(void *ud, const struct ml_evidence *e, enum ml_verdict verdict,
                  const char *error);
};

/* Everything is copied by ml_call_start. */
struct ml_call_spec {
    struct ml_origin *origin;
    const char *credential; /* a whole header line, NULL = none */
    const char *method;
    const char *target; /* path and query, from "/" on, encoded */
    const struct ml_call_header *headers;
    size_t headers_len;
    bool usual_headers; /* these headers, which are the program's own, go with every such call
                         * of the client: made once a lane */
    const char *body;   /* NULL = none */
    size_t body_len;
    const struct ml_call_form *form; /* in place of a body, NULL = none */
    enum ml_effect effect;
    bool json;            /* a successful answer must parse as JSON */
    int64_t attempt_ms;   /* one exchange at most; 0 = 120 s for reads, 60 s for writes */
    int64_t deadline_ms;  /* the whole call at most; 0 = 30 min */
    double rate;          /* lane: as ml_net_conf.rate; < 0 = the net's */
    unsigned concurrency; /* lane: in flight at most; 0 = the net's */
    double headroom;      /* lane: share of a known quota, 0 = all */
    const struct ml_call_watch *watch; /* borrowed, NULL = none */
    void *watch_ud;                    /* must outlive the call */
};

/* Queues a call. The handle in *out belongs to the caller. -1: nothing was queued. */
int ml_call_start(struct ml_net *net, const struct ml_call_spec *spec, ml_call_end_fn on_end,
                  void *ud, struct ml_call **out, struct ml_err *err);
/* Lets a held call go, or ends it with `err` where that is not NULL. */
void ml_call_release(struct ml_call *call, const struct ml_err *err);
/* Ends it without on_end. What may have reached the wire is still told by ml_call_sends. */
void ml_call_cancel(struct ml_call *call);
/* Cancels if need be, and frees. NULL is fine. */
void ml_call_free(struct ml_call *call);

bool ml_call_ended(const struct ml_call *call);
/* HTTP status of the answer, 0 when there is none. */
int ml_call_status(const struct ml_call *call);
/* Why there is no answer; kind ML_NONE when there is one. */
const struct ml_err *ml_call_error(const struct ml_call *call);
/* Times the request may have reached the wire, all attempts: 0 = provably nothing was sent. */
unsigned ml_call_sends(const struct ml_call *call);
/* May the request have had an effect that no answer told of? */
bool ml_call_doubt(const struct ml_call *call);
/* Is it waiting for its turn, with nothing of it in doubt? Cancelled now, it did provably
 * nothing. */
bool ml_call_idle(const struct ml_call *call);
/* How many exchanges there were. */
unsigned ml_call_attempts(const struct ml_call *call);
/* From the start to the end, microseconds. */
int64_t ml_call_elapsed_us(const struct ml_call *call);
/* The body; valid until the call is freed. */
const char *ml_call_body(const struct ml_call *call, size_t *len);
/* The first header of that name, or NULL; not NUL-terminated; valid until the call is freed. */
const char *ml_call_header(const struct ml_call *call, const char *name, size_t *len);

#endif
