/* SPDX-License-Identifier: MIT */
/*
 * The one door for writes: licence, guards, confirmation, and the count of
 * what became of every change.
 *
 * Invariants
 *   1. Nothing with an effect is sent without a change that this door let in.
 *   2. Every change that was let in ends in exactly one state; one that is
 *      dropped counts as `unknown`. So the counts add up to the changes.
 *   3. In dry run a change can only end as planned, noop, failed or conflict.
 *   4. The run's id is told before the first change is let in, and the run has
 *      begun in the journal (`begin`) before it is told.
 *   5. With `canary`, 1, then 10, then 100 changes are let in, each lot only when
 *      the one before has ended well.
 *
 * No Lua and no I/O here; the host is asked and told through callbacks.
 */
#ifndef ML_BIND_DOOR_H
#define ML_BIND_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "bind/reach.h"

/* The states a change can be counted in, in the order they are shown. */
enum ml_state {
    ML_STATE_CONFIRMED,
    ML_STATE_ACCEPTED,
    ML_STATE_NOOP,
    ML_STATE_PLANNED,
    ML_STATE_FAILED,
    ML_STATE_CONFLICT,
    ML_STATE_UNKNOWN,
    ML_STATES
};

struct ml_door {
    bool dry_run;
    bool yes;             /* confirmed beforehand */
    const char *how;      /* how a host without anybody to ask is told yes; NULL = --yes */
    bool asked;           /* the host has said yes, or `yes` */
    bool tripped;         /* a guard or the licence refused something: the run ends with 6 */
    uint64_t max_changes; /* UINT64_MAX = no limit */
    uint64_t expected;    /* changes the script announced, 0 = not known */
    uint64_t begun, open; /* changes let in; of these not yet ended */
    uint64_t counts[ML_STATES];
    uint64_t noops; /* changes that were already so and were not let in: no row tells of them */
    bool canary;    /* a few at first */
    uint64_t max_deletes;   /* deletes that `yes` alone allows */
    uint64_t confirmed_for; /* changes that were confirmed by their number, 0 = none */
    uint64_t deletes;       /* let in */
    uint64_t hopeless;      /* failed changes that nobody has tried */
    uint64_t forbidden;     /* failed changes whose kind was auth or forbidden */
    uint64_t failed_in_a_row;
    bool signed_out; /* changes stay planned since the credential is not accepted */
    char run_id[24]; /* "" until the first change */
    bool resumed;    /* the run has an id, and its changes are of an earlier process too */
    const struct ml_names *writes; /* the host's own list of them, NULL = all */
    char **licence;                /* resources that may be written, NULL = all */
    size_t licence_len;
    char **switches; /* what the script has switched on */
    size_t switches_len;
    char **warned; /* operations whose own warning was answered with yes */
    size_t warned_len;
    char stopped[500]; /* why the door is shut, "" = open */
    char refused[300]; /* why it first refused a change, "" = never */
    /* A profile in use that is marked as production, "" = none: a plain yes is not enough. */
    char production[65];
    bool asked_production; /* that was confirmed by a number or by its name */
    const char *profiles;  /* names of those in use, apart by commas, for the question; not
                              owned,  NULL = none */
    int (*confirm)(void *ud, const char *text, size_t len);
    void *confirm_ud;
    void (*on_run)(void *ud, const char *run_id);
    void *run_ud;
    /* Begins the run in the journal. -1: nothing may be sent. NULL: there is no journal. */
    int (*begin)(void *ud, const char *run_id, const char *operation, const char *origin,
                 struct ml_err *err);
    void *begin_ud;
};

/* A change that asks to be let in. Strings are borrowed. */
struct ml_entry {
    const char *resource, *operation, *origin;
    const char *target;  /* for the question */
    const char *needs;   /* what has to be switched on, NULL = nothing */
    const char *warning; /* asked about before the first change of this operation, or NULL */
    bool deletes;
};

void ml_door_create(struct ml_door *door);
/* From now on the run has a profile that is production: what a plain yes would allow needs the
 * number of changes, or the name of the profile typed by somebody. */
void ml_door_production(struct ml_door *door, const char *profile);
void ml_door_destroy(struct ml_door *door);
/* Forgets the last run and its licence; the settings and the host's callbacks stay. */
void ml_door_reset(struct ml_door *door);
/* Limits the run to these resources ("service.resource"); once. -1: ML_USAGE, ML_MEMORY. */
int ml_door_license(struct ml_door *door, const char *const *resources, size_t n,
                    struct ml_err *err);
/* Switches on what is off unless the script says so; adds up. -1: ML_MEMORY. */
int ml_door_switch(struct ml_door *door, const char *const *names, size_t n,
                   struct ml_err *err);
/* May this run write to the resource? */
bool ml_door_licensed(const struct ml_door *door, const char *resource);
/* Must the next change wait until those that are under way have ended (canary)? Shuts the door
 * when one of a lot has not ended well. */
bool ml_door_must_wait(struct ml_door *door);
/* A guard has refused something: caught or not, the run ends with 6. Keeps the first reason. */
void ml_door_trip(struct ml_door *door, const char *why);
/* Lets one change in, asking the host when it is the first. -1: ML_GUARD, nothing may be sent.
 */
int ml_door_enter(struct ml_door *door, const struct ml_entry *entry, struct ml_err *err);
/* Gives a run its id and begins it, if it has none yet. -1 as ml_door_enter. */
int ml_door_begin(struct ml_door *door, const char *operation, const char *origin,
                  struct ml_err *err);
/* Asks the host and begins the run, without letting a change in: for a run whose changes are
 * written down first. -1 as ml_door_enter. */
int ml_door_open(struct ml_door *door, const struct ml_entry *entry, struct ml_err *err);
/* Goes on with a run that has an id already; tells it. */
void ml_door_resume(struct ml_door *door, const char *run_id);
/* Will a person be asked before the first change? */
bool ml_door_asks(const struct ml_door *door);
/* Nothing more is let in, for this reason (the first one stays). */
void ml_door_stop(struct ml_door *door, const char *why);
/* A change that was let in has ended. kind: why it failed, or ML_NONE. */
void ml_door_leave(struct ml_door *door, enum ml_state state, enum ml_kind kind);
/* A change that was let in has failed without having been tried, as what cannot be undone. It
 * says nothing about the service, so it stops nothing. */
void ml_door_write_off(struct ml_door *door);
/* A change that was already so: counted without having been let in. */
void ml_door_noop(struct ml_door *door);
/* The state with this name ("confirmed", ...), or -1. */
int ml_state_parse(const char *name);
const char *ml_state_name(enum ml_state state);

#endif
