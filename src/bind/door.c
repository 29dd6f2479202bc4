/* SPDX-License-Identifier: MIT */
#include "bind/door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define DELETES 10           /* that need no more than a yes */
#define FAILURES_AT_LEAST 10 /* R5: stop at more than max(10, 1 %) failures ... */
#define FAILURES_IN_A_ROW 20 /* ... or this many without a success between */

static const char *const state_names[ML_STATES] = {"confirmed", "accepted", "noop",   "planned",
                                                   "failed",    "conflict", "unknown"};

void ml_door_create(struct ml_door *door)
{
    *door = (struct ml_door){.max_changes = UINT64_MAX, .max_deletes = DELETES};
}

static void free_names(char ***names, size_t *len)
{
    for (size_t i = 0; i < *len; i++)
        free((*names)[i]);
    free(*names);
    *names = NULL;
    *len = 0;
}

static int add_name(char ***names, size_t *len, const char *name, struct ml_err *err)
{
    char *copy = strdup(name);
    char **more = copy ? realloc(*names, (*len + 1) * sizeof *more) : NULL;
    if (!more) {
        free(copy);
        return ml_err_set(err, ML_MEMORY, "out of memory");
    }
    *names = more;
    more[(*len)++] = copy;
    return 0;
}

static bool has_name(char *const *names, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

void ml_door_destroy(struct ml_door *door)
{
    free_names(&door->licence, &door->licence_len);
    free_names(&door->switches, &door->switches_len);
    free_names(&door->warned, &door->warned_len);
}

void ml_door_reset(struct ml_door *door)
{
    ml_door_destroy(door);
    *door = (struct ml_door){.dry_run = door->dry_run,
                             .yes = door->yes,
                             .how = door->how,
                             .max_changes = door->max_changes,
                             .max_deletes = door->max_deletes,
                             .confirmed_for = door->confirmed_for,
                             .canary = door->canary,
                             .writes = door->writes,
                             .begin = door->begin,
                             .begin_ud = door->begin_ud,
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

int ml_door_switch(struct ml_door *door, const char *const *names, size_t n, struct ml_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (add_name(&door->switches, &door->switches_len, names[i], err) < 0)
            return -1;
    return 0;
}

bool ml_door_licensed(const struct ml_door *door, const char *resource)
{
    if (door->writes && !ml_names_allow(door->writes, resource))
        return false;
    return !door->licence || has_name(door->licence, door->licence_len, resource);
}

/* 12 of 32 signs: easy to say, none looks like another. */
static void make_id(struct ml_door *door)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint64_t bits = ml_random_seed() ^ (uint64_t)ml_clock_us() << 20;
    for (int i = 0; i < 12; i++, bits >>= 5)
        door->run_id[i] = digits[bits & 31];
    door->run_id[12] = '\0';
}

int ml_door_begin(struct ml_door *door, const char *operation, const char *origin,
                  struct ml_err *err)
{
    if (door->run_id[0])
        return 0;
    make_id(door);
    if (door->begin && door->begin(door->begin_ud, door->run_id, operation, origin, err) < 0) {
        door->run_id[0] = '\0';
        ml_door_stop(door, err->text);
        return -1;
    }
    if (door->on_run)
        door->on_run(door->run_ud, door->run_id);
    return 0;
}

void ml_door_stop(struct ml_door *door, const char *why)
{
    if (!door->stopped[0])
        snprintf(door->stopped, sizeof door->stopped, "%.*s", (int)sizeof door->stopped - 1,
                 why);
}

void ml_door_production(struct ml_door *door, const char *profile)
{
    if (!door->production[0])
        snprintf(door->production, sizeof door->production, "%s", profile);
}

/* Whose account it is: on one origin there may be several. */
static void put_account(const struct ml_door *door, char *out, size_t size)
{
    if (door->production[0])
        snprintf(out, size, "%s is production: ", door->production);
    else if (door->profiles)
        snprintf(out, size, "profile %.200s: ", door->profiles);
    else
        out[0] = '\0';
}

static void put_question(const struct ml_door *door, const struct ml_entry *e, char *out,
                         size_t size)
{
    char amount[60] = "the number of changes is not known";
    if (door->expected)
        snprintf(amount, sizeof amount, "about %llu changes",
                 (unsigned long long)door->expected);
    char account[230];
    put_account(door, account, sizeof account);
    snprintf(out, size, "%s%s on %s, first %.60s: %s. %s%sSend them?", account, e->operation,
             e->origin, e->target ? e->target : "of all", amount, e->warning ? e->warning : "",
             e->warning ? ". " : "");
}

static bool run_is_asked(const struct ml_door *door)
{
    return door->asked && (!door->production[0] || door->asked_production);
}

/* Has the host been asked about this change, as one of the run and one of its operation? */
static bool is_asked(const struct ml_door *door, const struct ml_entry *e)
{
    return door->dry_run ||
           (run_is_asked(door) &&
            (!e->warning || has_name(door->warned, door->warned_len, e->operation)));
}

/* Nobody could be asked: what would do instead. */
static void nobody_to_ask(const struct ml_door *door, char *why, size_t size)
{
    if (door->production[0])
        snprintf(why, size,
                 "nothing was sent: profile %s is production, which a plain yes does not "
                 "confirm; confirm the number of changes with --confirm=N",
                 door->production);
    else
        snprintf(why, size, "nothing was sent: there is nobody to ask; confirm with %s",
                 door->how ? door->how : "--yes, or look first with --dry-run");
}

static int ask(struct ml_door *door, const struct ml_entry *e, struct ml_err *err)
{
    char text[700];
    put_question(door, e, text, sizeof text);
    door->asked = (door->yes && !door->production[0]) || door->confirmed_for;
    if (!door->asked && door->confirm)
        door->asked = door->confirm(door->confirm_ud, text, strlen(text)) == 1;
    door->asked_production = door->asked && door->production[0];
    if (door->asked)
        return e->warning ? add_name(&door->warned, &door->warned_len, e->operation, err) : 0;
    char why[300] = "not confirmed: nothing was sent";
    if (!door->confirm)
        nobody_to_ask(door, why, sizeof why);
    ml_door_stop(door, why);
    return ml_err_set(err, ML_GUARD, "%s", door->stopped);
}

/* More deletes than a plain yes allows: they cannot be taken back, so their number is asked
 * for (--confirm=N). */
static bool needs_number(const struct ml_door *door, const struct ml_entry *e)
{
    uint64_t most = door->confirmed_for ? door->confirmed_for : door->max_deletes;
    return e->deletes && !door->dry_run && door->deletes >= most;
}

static int refuse(struct ml_door *door, struct ml_err *err, const struct ml_entry *e)
{
    if (door->stopped[0])
        return ml_err_set(err, ML_GUARD, "%s", door->stopped);
    if (door->writes && !ml_names_allow(door->writes, e->resource))
        return ml_err_set(err, ML_GUARD, "scripts may not write to %s: it is not in writes",
                          e->resource);
    if (!ml_door_licensed(door, e->resource))
        return ml_err_set(err, ML_GUARD,
                          "the script does not declare that it writes to %s; add it to "
                          "`writes` in moonlever.script",
                          e->resource);
    if (e->needs && !has_name(door->switches, door->switches_len, e->needs))
        return ml_err_set(
            err, ML_GUARD,
            "%s is off: it has an effect on people; switch it on with `switches = "
            "{ \"%s\" }` in moonlever.script",
            e->operation, e->needs);
    if (door->begun >= door->max_changes)
        return ml_err_set(
            err, ML_GUARD, "stopped before change %llu: the run may make %llu (--max-changes)",
            (unsigned long long)door->begun + 1, (unsigned long long)door->max_changes);
    if (door->production[0] && door->confirmed_for && !door->dry_run &&
        door->begun >= door->confirmed_for)
        return ml_err_set(
            err, ML_GUARD,
            "stopped before change %llu: profile %s is production, and %llu were confirmed "
            "(--confirm)",
            (unsigned long long)door->begun + 1, door->production,
            (unsigned long long)door->confirmed_for);
    if (needs_number(door, e))
        return ml_err_set(err, ML_GUARD,
                          "stopped before delete %llu: so many need their number as "
                          "confirmation (--confirm=N); look first with --dry-run",
                          (unsigned long long)door->deletes + 1);
    return 0;
}

void ml_door_trip(struct ml_door *door, const char *why)
{
    if (!door->tripped)
        snprintf(door->refused, sizeof door->refused, "%.*s", (int)sizeof door->refused - 1,
                 why);
    door->tripped = true;
}

static int turn_away(struct ml_door *door, const struct ml_err *err)
{
    ml_door_trip(door, err->text);
    return -1;
}

int ml_door_enter(struct ml_door *door, const struct ml_entry *entry, struct ml_err *err)
{
    if (refuse(door, err, entry) < 0 || (!is_asked(door, entry) && ask(door, entry, err) < 0) ||
        ml_door_begin(door, entry->operation, entry->origin, err) < 0)
        return turn_away(door, err);
    door->begun++;
    door->open++;
    door->deletes += entry->deletes;
    return 0;
}

int ml_door_open(struct ml_door *door, const struct ml_entry *entry, struct ml_err *err)
{
    if (door->stopped[0])
        ml_err_set(err, ML_GUARD, "%s", door->stopped);
    else if ((door->dry_run || run_is_asked(door) || ask(door, entry, err) == 0) &&
             ml_door_begin(door, entry->operation, entry->origin, err) == 0)
        return 0;
    return turn_away(door, err);
}

bool ml_door_asks(const struct ml_door *door)
{
    return !door->dry_run && !door->asked && !door->yes && !door->confirmed_for &&
           door->confirm;
}

void ml_door_resume(struct ml_door *door, const char *run_id)
{
    snprintf(door->run_id, sizeof door->run_id, "%.*s", (int)sizeof door->run_id - 1, run_id);
    door->resumed = true;
    if (door->on_run)
        door->on_run(door->run_ud, door->run_id);
}

static uint64_t bad_changes(const struct ml_door *door)
{
    return door->counts[ML_STATE_FAILED] + door->counts[ML_STATE_CONFLICT] +
           door->counts[ML_STATE_UNKNOWN] - door->hopeless;
}

bool ml_door_must_wait(struct ml_door *door)
{
    static const uint64_t lots[] = {1, 1 + 10, 1 + 10 + 100};
    bool at_end = false;
    for (size_t i = 0; i < sizeof lots / sizeof *lots; i++)
        at_end |= door->begun == lots[i];
    if (!door->canary || door->dry_run || !at_end)
        return false;
    if (door->open == 0 && bad_changes(door)) {
        char why[120];
        snprintf(why, sizeof why,
                 "stopped: of the first %llu changes %llu did not go well (--canary)",
                 (unsigned long long)door->begun, (unsigned long long)bad_changes(door));
        ml_door_stop(door, why);
    }
    return door->open > 0;
}

/* Too many failures shut the door for the changes that would follow. */
static void watch_failures(struct ml_door *door)
{
    uint64_t bad = bad_changes(door);
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
    door->signed_out |= state == ML_STATE_PLANNED && kind == ML_AUTH;
    door->failed_in_a_row = bad ? door->failed_in_a_row + 1 : 0;
    if (state == ML_STATE_FAILED && (kind == ML_AUTH || kind == ML_FORBIDDEN))
        door->forbidden++;
    if (bad)
        watch_failures(door);
}

void ml_door_write_off(struct ml_door *door)
{
    door->open--;
    door->counts[ML_STATE_FAILED]++;
    door->hopeless++;
}

void ml_door_noop(struct ml_door *door)
{
    door->counts[ML_STATE_NOOP]++;
    door->noops++;
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
