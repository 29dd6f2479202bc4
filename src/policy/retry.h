/* SPDX-License-Identifier: MIT */
/*
 * May an attempt be repeated, and when. The evidence classes of R1.
 *
 * Pure: what happened comes in as evidence, chance as a number in [0,1).
 *
 * Invariant that everything else rests on: a write whose outcome is not known
 * is never repeated here. The verdict ML_UNKNOWN goes up, and the caller reads
 * the object back before anything else is sent.
 */
#ifndef ML_POLICY_RETRY_H
#define ML_POLICY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#define ML_RETRY_ATTEMPTS 4                    /* counted attempts of a read or write */
#define ML_RETRY_AFTER_MAX_MS (15 * 60 * 1000) /* Retry-After is honoured up to this */
#define ML_RETRY_UNSENT_MAX_US \
    (15LL * 60 * 1000000) /* how long to go on without a connection */

/* How an exchange failed below HTTP. */
enum ml_fault {
    ML_FAULT_NONE,      /* a complete answer is there */
    ML_FAULT_RESOLVE,   /* no address for the name */
    ML_FAULT_CONNECT,   /* refused, unreachable, connect timeout */
    ML_FAULT_TLS,       /* the handshake broke */
    ML_FAULT_CERT,      /* the certificate is not trusted: never repeated */
    ML_FAULT_TIMEOUT,   /* no answer in time */
    ML_FAULT_BROKEN,    /* reset, empty reply, stream error */
    ML_FAULT_TRUNCATED, /* the body stopped short, or does not parse to its end */
    ML_FAULT_TOO_LARGE, /* over the response ceiling: never repeated */
    ML_FAULT_RESENT,    /* libcurl was about to send a write again by itself; stopped */
    ML_FAULT_REFUSED,   /* we refused to send it (dry run, protocol): never repeated */
    ML_FAULTS
};

enum ml_effect {
    ML_READ,     /* GET, HEAD without an effect */
    ML_ABSOLUTE, /* PUT, PATCH that sets, DELETE by id: the same body twice ends the same */
    ML_CREATE,   /* POST and anything else that must not happen twice */
    ML_ONCE /* ... and is not sent again even where it provably did nothing but be refused */
};

struct ml_evidence {
    enum ml_fault fault;
    int status; /* HTTP status when fault is NONE, else 0 */
    unsigned
        sends; /* times the request may have reached the wire (PREREQ); 0 = proof of not sent */
    bool retry_after; /* the answer carries a Retry-After */
};

enum ml_verdict {
    ML_ANSWERED, /* hand the answer up: success, or a definite refusal */
    ML_UNSENT,   /* provably nothing was sent: repeat, not counted */
    ML_AGAIN,    /* repeat, counted */
    ML_UNKNOWN,  /* a write that may have been applied: read back, never repeat blindly */
    ML_HOPELESS  /* hand the fault up; repeating cannot help */
};

/* The class of one attempt. */
enum ml_verdict ml_retry_judge(enum ml_effect effect, const struct ml_evidence *e);

/* Is this answer a reject for pacing: 429, or 503 with Retry-After? */
bool ml_retry_rejected(const struct ml_evidence *e);

/* Microseconds until the next attempt: full jitter over min(60 s, base x 2^n), base 200 ms
 * (1 s after a reject); retry_after_ms (-1 = none) is a floor, plus up to 10 % of itself.
 * `attempt` is 1 after the first failure; random01 is in [0,1). */
int64_t ml_retry_delay_us(unsigned attempt, bool rejected, int64_t retry_after_ms,
                          double random01);

/* A budget that pauses instead of failing (R4): 500 tokens, a retry costs 14, after a reject 5,
 * unsent 0; an answer at the first attempt gives 1 back, one after retries gives back what they
 * cost. */
struct ml_budget {
    double tokens;
    unsigned probes; /* probes since it ran empty */
};
void ml_budget_create(struct ml_budget *b);
/* Pays for one retry. True when it may go now; false when the budget is empty: only probe then.
 */
bool ml_budget_pay(struct ml_budget *b, bool rejected);
/* An answer came; `paid` is what the call's retries cost in tokens. */
void ml_budget_refund(struct ml_budget *b, double paid);
/* Microseconds until the next probe of an empty budget: min(60 s, 2^k s), k counted up by the
 * call. */
int64_t ml_budget_probe_us(struct ml_budget *b);

#endif
