/* SPDX-License-Identifier: MIT */
/*
 * The journal: every change is on disk before its first byte leaves.
 *
 * One SQLite file (WAL, synchronous=FULL) for all runs of a user. A thread of
 * its own writes: the owner queues statements, never waits for the disk, and
 * is told when they are safe. What is queued meanwhile goes into the next
 * transaction, so thirty writes under way cost one fsync (group commit).
 *
 * Invariants
 *   1. A ticket is "committed" only when its transaction, and every one queued
 *      before, is durable. So a request that waits for its ticket cannot be
 *      seen by a server without a row here (I1).
 *   2. After the first failure to write nothing is written any more: every
 *      later ticket is "broken" (I11).
 *   3. The database itself refuses illegal edges and a second open change on
 *      one object (schema.sql).
 *   4. A run is locked by the kernel (an open file description lock on one
 *      byte of journal.lock) from begin or resume to end: it dies with the
 *      process (I13).
 *   5. What breaks a rule (an edge that the state machine does not have, a
 *      change or attempt that is not there) is a mistake of the caller, and
 *      breaks the journal like a failing disk: going on would be guessing.
 *
 * Owner: one thread; only on_commit is called from the journal's own, which
 * blocks all signals. All strings are UTF-8 and copied. Times are milliseconds
 * since 1970.
 *
 *     struct ml_journal *j;
 *     ml_journal_open(&(struct ml_journal_conf){.path = path}, &j, &err);
 *     ml_journal_begin(j, &run, &err);
 *     uint64_t seq = ml_journal_plan(j, &change);
 *     uint64_t ticket = ml_journal_send(j, seq, 1);
 *     ... when ml_journal_ticket(j, ticket) == ML_TICKET_COMMITTED: send ...
 *     ml_journal_note(j, seq, 1, &attempt, &(struct ml_journal_end){ML_CHANGE_CONFIRMED});
 *     ml_journal_end(j, "done", 0, 0, &err);
 *     ml_journal_close(j);
 */
#ifndef ML_JOURNAL_JOURNAL_H
#define ML_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "journal/machine.h"

struct ml_journal;

struct ml_journal_conf {
    const char *path; /* of the database; directories are made (0700), files are 0600 */
    bool read_only;   /* for `runs`: no file is made, nothing is ever written */
    /* From the journal's thread: tickets have changed. To wake the owner, no more: the only
     * functions it may call are ml_journal_ticket and ml_journal_broken. NULL = none. */
    void (*on_commit)(void *ud);
    void *ud;
};

/* A run as it begins. NULL strings are stored as NULL. */
struct ml_journal_run {
    const char *id;      /* unique */
    const char *kind;    /* run, plan, apply, undo */
    const char *undo_of; /* id of the run that this one undoes */
    const char *plan;    /* hash of the plan that is applied */
    const char *script;  /* its name */
    const char *source;  /* its text, for resume */
    const char *args;    /* its arguments, a JSON array of strings */
    const char *service, *origin;
    const char *profile; /* names of the profiles in use, apart by commas */
    int64_t started;
};

/* A change as it is planned. `target` is the id or, for a create, its natural key. */
struct ml_journal_change {
    const char *rkey; /* names the object among all services: one open change for each */
    const char *service, *origin, *operation, *resource, *target;
    const char *method, *path; /* path and query as sent */
    const char *effect;        /* create, update, replace, delete */
    const void *body;          /* exact bytes; NULL = none */
    size_t body_len;
    const char *before, *after; /* JSON objects; NULL = not known */
    int64_t undo_of;            /* `id` of the change that this one undoes, 0 = none */
    int64_t redoes;             /* seq in this run that failed and is tried again, 0 = none */
    int64_t at;
};

/* How an attempt ended. */
struct ml_journal_attempt {
    unsigned sends; /* 0 = provably nothing was sent */
    int status;     /* HTTP status, 0 = no answer */
    const char *error;
    int64_t at;
};

/* What became of a change. P, A and U may be said again with another reason. */
struct ml_journal_end {
    enum ml_change_state state;
    const char *reason; /* for people, NULL = none */
    const char *kind;   /* error kind, NULL = none */
    const char *after;  /* JSON, NULL = as planned */
    int64_t at;
};

enum ml_ticket {
    ML_TICKET_PENDING,
    ML_TICKET_COMMITTED,
    ML_TICKET_REFUSED, /* another run has an open change on the object: this one did not move */
    ML_TICKET_BROKEN   /* the journal cannot be written: ml_journal_broken says why */
};

/* Opens or makes the journal and starts its thread. -1: ML_USAGE with the path and the reason
 * (read_only and not there: *out is NULL and the result 0). */
int ml_journal_open(const struct ml_journal_conf *conf, struct ml_journal **out,
                    struct ml_err *err);
/* Writes what is queued, ends the thread, gives the lock back. NULL is fine. */
void ml_journal_close(struct ml_journal *j);

/* Makes a run and locks it, durable on return. -1: ML_USAGE when it cannot be written, when the
 * id is taken, or while this handle has another run. */
int ml_journal_begin(struct ml_journal *j, const struct ml_journal_run *run,
                     struct ml_err *err);
/* Locks a run that there is; what its last process had sent becomes unknown (T8); its end is
 * taken back. -1: ML_NOTFOUND, ML_CONFLICT when another process has it, ML_USAGE. */
int ml_journal_resume(struct ml_journal *j, const char *id, struct ml_err *err);
/* Flushes, stores how the run ended and unlocks it; another may begin. `noop`: changes that
 * were already so and have no row. -1 as ml_journal_begin. */
int ml_journal_end(struct ml_journal *j, const char *state, int exit_code, uint64_t noop,
                   int64_t at, struct ml_err *err);
/* Is some process at work on this run? Asks the kernel, takes no lock. */
bool ml_journal_is_running(struct ml_journal *j, int64_t run_no);

/* The following queue. Order is kept. */

/* A change of the run, state P. Returns its seq (1..), 0 when memory is out, the journal is
 * broken or read only, or no run has begun; so do the others. */
uint64_t ml_journal_plan(struct ml_journal *j, const struct ml_journal_change *change);
/* The object of a planned change, by the id of the change, has another name than was planned:
 * what a plan creates gets its id only when it is there. Of `named` only rkey, target, path and
 * before count. */
void ml_journal_name(struct ml_journal *j, int64_t id, const struct ml_journal_change *named);
/* P -> S with a row for attempt n (1..). Returns a ticket, 0 as above. */
uint64_t ml_journal_send(struct ml_journal *j, uint64_t seq, unsigned n, int64_t at);
/* The evidence of attempt n, and what became of the change by it; `end` NULL: that is not known
 * yet. Without memory for it the journal is broken, here and below. */
void ml_journal_note(struct ml_journal *j, uint64_t seq, unsigned n,
                     const struct ml_journal_attempt *attempt,
                     const struct ml_journal_end *end);
/* A new state, any but S. When a change with `undo_of` becomes C, however it does, the change
 * that it undoes becomes V in the same transaction (T10). */
void ml_journal_move(struct ml_journal *j, uint64_t seq, const struct ml_journal_end *end);
/* As ml_journal_move for a change of any run by its id (an open change that a dead process left
 * on an object which this run wants to write). */
void ml_journal_move_id(struct ml_journal *j, int64_t id, const struct ml_journal_end *end);

enum ml_ticket ml_journal_ticket(struct ml_journal *j, uint64_t ticket);
/* True once a write has failed; err says path, reason and remedy. */
bool ml_journal_broken(struct ml_journal *j, struct ml_err *err);
/* Waits until all that is queued is durable. -1: broken. */
int ml_journal_flush(struct ml_journal *j, struct ml_err *err);

/* Deletes runs that ended (or died) before `before` with everything in them and overwrites the
 * bytes; none that is running, has open changes (S, A, U) or has an undo that could go on. The
 * file keeps its size and uses the room again. Returns how many, or -1. */
int64_t ml_journal_purge(struct ml_journal *j, int64_t before, struct ml_err *err);

#endif
