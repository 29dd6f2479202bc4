/* SPDX-License-Identifier: MIT */
/*
 * One exchange: one request, at most one answer.
 *
 * A transfer knows nothing of retries or pacing. It reports evidence: what
 * failed, and how often the request may have reached the wire.
 *
 * Invariants
 *   1. A write is handed to the wire at most once: libcurl re-sends a request
 *      by itself when a kept connection dies, and the PREREQ hook stops that
 *      (ML_FAULT_RESENT). `sends` is 0 only when provably nothing was sent.
 *   2. The body never passes its ceiling, counted after decompression.
 *   3. No redirect is followed here.
 *   4. `on_done` comes exactly once after a successful start, unless cancelled.
 */
#ifndef ML_NET_TRANSFER_H
#define ML_NET_TRANSFER_H

#include <curl/curl.h>

#include "base/buf.h"
#include "net/loop.h"
#include "policy/retry.h"

struct ml_form;

/* What to send. All pointers are borrowed and must outlive the transfer. */
struct ml_exchange {
    const char *method; /* "GET", "PATCH", ... */
    const char *url;
    struct curl_slist *headers;
    const void
        *recipe;      /* stands for the origin, headers, proxy, ca_file, connect_ms, write and
                       * whether there is a body (loop.h); NULL = these are for this one only */
    const char *body; /* NULL = none */
    size_t body_len;
    const struct ml_form *form; /* in place of a body, NULL = none */
    bool write;         /* has an effect: never handed to the wire twice, fresh connections */
    bool http1;         /* not over HTTP/2 */
    int64_t timeout_ms; /* for this exchange, 1.. */
    int64_t connect_ms;
    const char *ca_file; /* NULL = the system's */
    bool proxy;          /* honour the environment's proxy settings */
    size_t max_body;     /* ceiling of the answer's body */
};

struct ml_transfer {
    struct ml_loop *loop;
    CURL *easy;      /* NULL while nothing is under way */
    CURLU *place;    /* with it, owned: where the request goes; NULL = its URL tells */
    curl_mime *mime; /* of the exchange under way, NULL = none */
    const void *recipe;
    bool write;
    enum ml_loop_kind kind;
    unsigned sends;   /* PREREQ calls of this exchange */
    bool headed;      /* the empty line behind the headers has come */
    bool too_large;   /* the body passed its ceiling */
    bool long_header; /* ... or its headers theirs */
    bool no_memory;
    bool http2;
    enum ml_fault fault;
    int status;
    int64_t started_us, elapsed_us;
    struct ml_buf body, headers;
    char text[CURL_ERROR_SIZE]; /* what curl says of a fault */
    void (*on_done)(struct ml_transfer *t);
};

void ml_transfer_create(struct ml_transfer *t, struct ml_loop *loop, size_t max_body);
/* Cancels what is under way and frees body and headers. */
void ml_transfer_destroy(struct ml_transfer *t);
/* Starts the exchange; forgets the answer before. -1: out of memory. */
int ml_transfer_start(struct ml_transfer *t, const struct ml_exchange *x);
/* Stops it without calling on_done; `sends` still tells what may have reached the wire. */
void ml_transfer_cancel(struct ml_transfer *t);
/* For ml_loop_turn. */
void ml_transfer_done(void *private, CURLcode code);

#endif
