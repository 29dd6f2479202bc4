/* SPDX-License-Identifier: MIT */
#include "bind/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define FAILURES_AT_LEAST 10 /* R5: stop at more than max(10, 1 %) failures ... */
#define FAILURES_IN_A_ROW 20 /* ... or this many without a success between */

static const char *const state_names[ML_STATES] = {"confirmed", "accepted", "noop",   "planned",
                                                   "failed",    "conflict", "unknown"};

void ml_door_create(struct ml_door *door)
{
    *door = (struct ml_door){.max_changes = UINT64_MAX};
}

void ml_door_destroy(struct ml_door *door)
{
    for (size_t i = 0; i < door->licence_len; i++)
        free(door->licence[i]);
    free(door->licence);
    door->licence = NULL;
    door->licence_len = 0;
}

void ml_door_reset(struct ml_door *door)
{
    ml_door_destroy(door);
    *door = (struct ml_door){.dry_run = door->dry_run,
                             .yes = door->yes,
                             .max_changes = door->max_changes,
                             .confirm = door->confirm,
                             .confirm_ud = door->confirm_ud,
                             .on_run = door->on_run,
                             .run_ud = door->run_ud};
}

int ml_door_license(struct ml_door *door, const char *const *resources, size_t n,
                    struct ml_err *err)
{
    if (door->licence)
        return ml_err_set(err, ML_USAGE, "what the script writes can be declared once only");
    door->licence = calloc(n + 1, sizeof *door->licence);
    if (!door->licence)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++, door->licence_len++)
        if ((door->licence[i] = strdup(resources[i])) == NULL)
            return ml_err_set(err, ML_MEMORY, "out of memory");
    return 0;
}

bool ml_door_licensed(const struct ml_door *door, const char *resource)
{
    if (!door->licence)
        return true;
    for (size_t i = 0; i < door->licence_len; i++)
        if (strcmp(door->licence[i], resource) == 0)
            return true;
    return false;
}

static void begin_run(struct ml_door *door)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint64_t bits = ml_random_seed() ^ (uint64_t)ml_clock_us() << 20;
    for (int i = 0; i < 12; i++, bits >>= 5)
        door->run_id[i] = digits[bits & 31];
    if (door->on_run)
        door->on_run(door->run_ud, door->run_id);
}

static int ask(struct ml_door *door, const char *operation, const char *origin,
               struct ml_err *err)
{
    char text[300];
    if (door->expected)
        snprintf(text, sizeof text, "%s on %s: about %llu changes. Send them?", operation,
                 origin, (unsigned long long)door->expected);
    else
        snprintf(text, sizeof text, "%s on %s: the number of changes is not known. Send them?",
                 operation, origin);
    door->asked = door->yes;
    if (!door->yes && door->confirm)
        door->asked = door->confirm(door->confirm_ud, text, strlen(text)) == 1;
    if (door->asked)
        return 0;
    snprintf(door->stopped, sizeof door->stopped, "%s",
             door->confirm
                 ? "not confirmed: nothing was sent"
                 : "nothing was sent: there is no terminal to ask on; confirm with --yes, "
                   "or look first with --dry-run");
    return ml_err_set(err, ML_GUARD, "%s", door->stopped);
}

static int refuse(struct ml_door *door, struct ml_err *err, const char *resource)
{
    if (door->stopped[0])
        return ml_err_set(err, ML_GUARD, "%s", door->stopped);
    if (!ml_door_licensed(door, resource))
        return ml_err_set(err, ML_GUARD,
                          "the script does not declare that it writes to %s; add it to "
                          "`writes` in moonlever.script",
                          resource);
    if (door->begun >= door->max_changes)
        return ml_err_set(
            err, ML_GUARD, "stopped before change %llu: the run may make %llu (--max-changes)",
            (unsigned long long)door->begun + 1, (unsigned long long)door->max_changes);
    return 0;
}

int ml_door_enter(struct ml_door *door, const char *resource, const char *operation,
                  const char *origin, struct ml_err *err)
{
    if (refuse(door, err, resource) < 0 ||
        (!door->dry_run && !door->asked && ask(door, operation, origin, err) < 0)) {
        door->tripped = true;
        return -1;
    }
    if (!door->run_id[0])
        begin_run(door);
    door->begun++;
    door->open++;
    return 0;
}

/* Too many failures shut the door for the changes that would follow. */
static void watch_failures(struct ml_door *door)
{
    uint64_t bad = door->counts[ML_STATE_FAILED] + door->counts[ML_STATE_CONFLICT] +
                   door->counts[ML_STATE_UNKNOWN];
    uint64_t most =
        door->begun / 100 > FAILURES_AT_LEAST ? door->begun / 100 : FAILURES_AT_LEAST;
    if (door->stopped[0] || (bad <= most && door->failed_in_a_row < FAILURES_IN_A_ROW))
        return;
    snprintf(door->stopped, sizeof door->stopped, "stopped after %llu failed changes of %llu",
             (unsigned long long)bad, (unsigned long long)door->begun);
}

void ml_door_leave(struct ml_door *door, enum ml_state state, enum ml_kind kind)
{
    bool bad =
        state == ML_STATE_FAILED || state == ML_STATE_CONFLICT || state == ML_STATE_UNKNOWN;
    door->open--;
    door->counts[state]++;
    door->failed_in_a_row = bad ? door->failed_in_a_row + 1 : 0;
    if (state == ML_STATE_FAILED && (kind == ML_AUTH || kind == ML_FORBIDDEN))
        door->forbidden++;
    if (bad)
        watch_failures(door);
}

void ml_door_noop(struct ml_door *door)
{
    door->counts[ML_STATE_NOOP]++;
}

int ml_state_parse(const char *name)
{
    for (int i = 0; i < ML_STATES; i++)
        if (strcmp(state_names[i], name) == 0)
            return i;
    return -1;
}

const char *ml_state_name(enum ml_state state)
{
    return state_names[state];
}
