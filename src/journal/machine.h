/* SPDX-License-Identifier: MIT */
/*
 * The state machine of one change: which state follows from what happened.
 *
 *                        +----------- no effect proven ------------+
 *                        v                                         |
 *    (none) -PLAN-> P planned -SEND-> S sent ----------------------+
 *                     |                | | | |
 *      already so ----+--> N noop      | | | +- refused -----> F failed
 *      drifted -------+--> K conflict  | | +--- 409, drift --> K conflict
 *      given up ------+--> F           | +----- confirmed ---> C confirmed
 *                                      |        2xx, queued -> A accepted
 *                                      +------- no proof ----> U unknown
 *    restart: S of a dead process -> U
 *    A, U, read back: after-image -> C, before-image -> P, other -> K, given up -> F
 *    C -undone-> V
 *
 * What has no arrow stays: A that is still queued, U that still has no proof.
 *
 * Pure: no SQLite, no clock. The trigger in schema.sql holds the same edges, so
 * that a mistake here cannot reach the disk.
 *
 *     if (ml_machine_next(ML_CHANGE_SENT, ML_EVENT_CONFIRM) == ML_CHANGE_CONFIRMED) ...
 */
#ifndef ML_JOURNAL_MACHINE_H
#define ML_JOURNAL_MACHINE_H

/* The stored letters. */
enum ml_change_state {
    ML_CHANGE_NONE = 0,
    ML_CHANGE_PLANNED = 'P',
    ML_CHANGE_SENT = 'S',
    ML_CHANGE_ACCEPTED = 'A',
    ML_CHANGE_UNKNOWN = 'U',
    ML_CHANGE_CONFIRMED = 'C',
    ML_CHANGE_FAILED = 'F',
    ML_CHANGE_CONFLICT = 'K',
    ML_CHANGE_NOOP = 'N',
    ML_CHANGE_UNDONE = 'V'
};

enum ml_event {
    ML_EVENT_PLAN,     /* T1: the change is known */
    ML_EVENT_SEND,     /* T2: an attempt is about to leave */
    ML_EVENT_NOTHING,  /* T3: provably no effect (not sent, 429, 425); read back: as before */
    ML_EVENT_CONFIRM,  /* T4: a complete answer or a read shows what was sent */
    ML_EVENT_FAIL,     /* T5: refused for certain, or given up with proof of no effect */
    ML_EVENT_CONFLICT, /* T6: 409, 412, or neither before- nor after-image */
    ML_EVENT_ACCEPT,   /* T7: taken on, not done */
    ML_EVENT_DOUBT,    /* T7, T8: no proof either way; the process died */
    ML_EVENT_ALREADY,  /* the object is already as wanted */
    ML_EVENT_UNDO,     /* T10: an undo of it was confirmed */
    ML_EVENTS
};

/* The state after `event`, or -1 when it cannot happen in `state`. */
int ml_machine_next(enum ml_change_state state, enum ml_event event);
/* Has it come to rest: C, F, K, N or V? */
int ml_machine_ended(enum ml_change_state state);
/* "planned", "sent", ...: as in reports; NULL for what is no state. */
const char *ml_machine_name(enum ml_change_state state);
/* The state of that name, ML_CHANGE_NONE when there is none. */
enum ml_change_state ml_machine_parse(const char *name);

#endif
