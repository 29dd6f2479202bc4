/* SPDX-License-Identifier: MIT */
/*
 * The journal as the bindings use it: a run, its changes, and the writes that
 * wait until they are on disk.
 *
 * A run is journalled from its first change on. Each attempt of a write is
 * held (net/call.h, the watch) until its row is durable; the journal's thread
 * wakes the loop, and the next turn lets go what may go. So a write costs no
 * waiting for the disk, and none leaves before its intent is there (I1).
 *
 * Invariants
 *   1. The state of a change moves by ml_machine_next only; what the machine
 *      refuses is a bug and breaks the run.
 *   2. Once the journal is broken every attempt is refused, and `broken` tells
 *      the engine to stop the run (exit 75).
 *   3. A held call is in the list exactly while its ticket is pending.
 *   4. The changes of one call (a bulk call) are sent all or none, and end alike.
 *   5. An answer and the state that follows from it are one step for the journal: it hears of
 * an answer when it has decided something, but at the end of the turn at the latest.
 *
 *     struct ml_noted n;
 *     ml_record_plan(r, &n, &change, &err);             // P
 *     spec.watch = &ml_record_watch, spec.watch_ud = &n;
 *     ...
 *     ml_record_end(r, &n, ML_EVENT_CONFIRM, NULL, NULL, NULL);    // C
 */
#ifndef ML_BIND_RECORD_H
#define ML_BIND_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"
#include "journal/journal.h"
#include "net/call.h"

struct ml_net;

/* One change of the run. The memory is the owner's; it must not move while a call is held. */
struct ml_noted {
    struct ml_record *record;
    struct ml_noted *next; /* in the list that it is in */
    struct ml_noted *peer; /* goes out with the same call: the first one stands for all */
    struct ml_call *held;  /* the call that waits, NULL = none */
    uint64_t seq;          /* in the run; 0 = not journalled */
    uint64_t ticket;
    unsigned attempts;
    enum ml_change_state state;
    bool watched; /* an attempt is under way, or held */
    bool doubt;   /* an attempt may have had an effect, and nobody has looked since */
    bool unsaid;  /* the last attempt was answered, and the journal has not heard of it */
    struct ml_journal_attempt answer; /* ... this is what it will hear */
};

/* Changes, the first to come first. */
struct ml_noted_list {
    struct ml_noted *head, **end;
};

/* What a run is, for its row. Strings are the host's and outlive the run. */
struct ml_record_run {
    const char *kind; /* run, plan, apply, undo */
    const char *undo_of, *plan;
    const char *script, *source;
    const char *profile; /* names of profiles, NULL = none */
    int argc;
    const char *const *argv;
};

struct ml_record {
    char *path; /* of the journal, owned; NULL = ml_record_path has not been asked */
    bool env;   /* the environment may say where it is */
    struct ml_net *net;
    const struct ml_log *log;
    struct ml_record_run run;
    struct ml_journal *journal;  /* NULL until something is to be written or read */
    bool writing;                /* ... and it may be written */
    bool begun;                  /* the run has its row and its lock */
    bool broken;                 /* it could not be written: stop the run */
    bool locked;                 /* another process has the run that was to be taken up */
    struct ml_noted_list held;   /* in the order of the tickets */
    struct ml_noted_list unsaid; /* answered in this turn */
    struct ml_err why;           /* of broken */
};

void ml_record_create(struct ml_record *r);
/* Closes the journal. Nothing may be held any more. */
void ml_record_close(struct ml_record *r);
/* As close, and frees the settings. */
void ml_record_destroy(struct ml_record *r);
/* Where the journal is: the host's setting, $XDG_STATE_HOME/moonlever/journal.db or
 * $HOME/.local/state/... NULL with ML_USAGE when none of them is there. */
const char *ml_record_path(struct ml_record *r, struct ml_err *err);
/* Opens the journal: to write, or to read what there is (*journal may stay NULL then). */
int ml_record_open(struct ml_record *r, bool write, struct ml_err *err);

/* Begins the run under this id. -1: ML_GUARD, and the record is broken. */
int ml_record_begin(struct ml_record *r, const char *id, const char *service,
                    const char *origin, struct ml_err *err);
/* Takes up a run that there is. -1: ML_NOTFOUND, ML_CONFLICT (locked), ML_GUARD (broken). */
int ml_record_resume(struct ml_record *r, const char *id, struct ml_err *err);
/* Stores how the run ended. -1: broken. */
int ml_record_finish(struct ml_record *r, const char *state, int exit_code, uint64_t noop);
/* Forgets runs that began more than this many days ago (the images hold personal data); 0 keeps
 * all. What goes wrong is logged: nothing depends on it. */
void ml_record_forget(struct ml_record *r, unsigned days);

/* Plans a change (T1). *n belongs to the caller. -1: ML_GUARD. */
int ml_record_plan(struct ml_record *r, struct ml_noted *n,
                   const struct ml_journal_change *change, struct ml_err *err);
/* An event of a change that has no attempt under way; strings may be NULL. False when it cannot
 * happen in its state (the state stays). */
bool ml_record_event(struct ml_noted *n, enum ml_event event, const char *reason,
                     const char *kind, const char *after);

/* A reason without a new state. */
void ml_record_remark(struct ml_noted *n, const char *reason, const char *kind);
/* The event cannot happen in the state of the change: our own mistake. Breaks the run. */
void ml_record_bug(struct ml_noted *n, enum ml_event event);
/* The object was read back and is as before: it may be sent again. False as above. */
bool ml_record_again(struct ml_noted *n);

/* For the calls of a change; ud is its ml_noted. */
extern const struct ml_call_watch ml_record_watch;
/* For ml_net_conf.on_turn; ud is the record: lets go what is durable. */
void ml_record_turn(void *ud);
/* At the end of a turn: tells the journal of the answers that have decided nothing yet. */
void ml_record_tell(struct ml_record *r);
/* Before the memory of a change goes. */
void ml_record_leave(struct ml_noted *n);

#endif
