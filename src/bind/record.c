/* SPDX-License-Identifier: MIT */
#include "bind/record.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "bind/json.h"
#include "net/net.h"

#define PATH_LONGEST 4096
#define ARGS_MAX (1024 * 1024)

/* --- lists --- */

static void empty(struct ml_noted_list *list)
{
    list->head = NULL;
    list->end = &list->head;
}

static void append(struct ml_noted_list *list, struct ml_noted *n)
{
    n->next = NULL;
    *list->end = n;
    list->end = &n->next;
}

/* Does nothing when it is not there. */
static void take_out(struct ml_noted_list *list, struct ml_noted *n)
{
    struct ml_noted **at = &list->head;
    while (*at && *at != n)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = n->next;
    if (list->end == &n->next)
        list->end = at;
}

/* --- life --- */

void ml_record_create(struct ml_record *r)
{
    *r = (struct ml_record){0};
    empty(&r->held);
    empty(&r->unsaid);
}

void ml_record_close(struct ml_record *r)
{
    ml_record_tell(r);
    ml_journal_close(r->journal);
    r->journal = NULL;
    r->writing = r->begun = r->broken = r->locked = false;
    empty(&r->held);
    empty(&r->unsaid);
}

void ml_record_destroy(struct ml_record *r)
{
    ml_record_close(r);
    free(r->path);
    r->path = NULL;
}

/* --- the journal --- */

/* $HOME, or what the system's list of users says: cron and daemons have no HOME at times. */
static const char *home_of(const struct ml_record *r, char *entry, size_t size)
{
    const char *home = r->env ? getenv("HOME") : NULL;
    struct passwd user, *found = NULL;
    if (home && home[0])
        return home;
    return getpwuid_r(getuid(), &user, entry, size, &found) == 0 && found ? user.pw_dir : NULL;
}

const char *ml_record_path(struct ml_record *r, struct ml_err *err)
{
    const char *state = r->env ? getenv("XDG_STATE_HOME") : NULL;
    char path[PATH_LONGEST], entry[PATH_LONGEST];
    int n = 0;
    if (r->path)
        return r->path;
    const char *home = home_of(r, entry, sizeof entry);
    if (state && state[0] == '/') /* a relative path is to be ignored (XDG base directories) */
        n = snprintf(path, sizeof path, "%s/moonlever/journal.db", state);
    else if (home && home[0] == '/')
        n = snprintf(path, sizeof path, "%s/.local/state/moonlever/journal.db", home);
    if (n <= 0 || (size_t)n >= sizeof path) {
        ml_err_set(err, ML_USAGE,
                   "there is no place for the journal: set XDG_STATE_HOME or HOME to an "
                   "absolute path");
        return NULL;
    }
    r->path = strdup(path);
    if (!r->path)
        ml_err_set(err, ML_MEMORY, "out of memory");
    return r->path;
}

/* From the journal's thread. */
static void on_commit(void *ud)
{
    struct ml_record *r = ud;
    ml_net_wake(r->net);
}

int ml_record_open(struct ml_record *r, bool write, struct ml_err *err)
{
    if (r->journal && (r->writing || !write))
        return 0;
    const char *path = ml_record_path(r, err);
    if (!path)
        return -1;
    ml_journal_close(r->journal);
    r->journal = NULL;
    struct ml_journal_conf conf = {
        .path = path, .read_only = !write, .on_commit = write ? on_commit : NULL, .ud = r};
    r->writing = write;
    return ml_journal_open(&conf, &r->journal, err);
}

/* Everything that is left of this run would go unrecorded. */
static int fall(struct ml_record *r, const struct ml_err *cause, struct ml_err *err)
{
    if (!r->broken)
        r->why = *cause;
    r->broken = true;
    return ml_err_set(err, ML_GUARD, "%s", r->why.text);
}

/* The arguments as a JSON array; they are text, so only bytes below blank and quotes count. */
static int add_text(struct ml_buf *out, const char *text)
{
    int rc = ml_buf_adds(out, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p && rc == 0; p++)
        if (*p < 0x20 || *p == '"' || *p == '\\')
            rc = ml_buf_addf(out, "\\u%04x", *p);
        else
            rc = ml_buf_add(out, p, 1);
    return rc < 0 ? -1 : ml_buf_adds(out, "\"");
}

static int add_args(struct ml_buf *out, const struct ml_record_run *run)
{
    int rc = ml_buf_adds(out, "[");
    for (int i = 0; i < run->argc && rc == 0; i++) {
        rc = i ? ml_buf_adds(out, ",") : 0;
        rc = rc < 0 ? rc : add_text(out, run->argv[i]);
    }
    return rc < 0 ? -1 : ml_buf_adds(out, "]");
}

int ml_record_begin(struct ml_record *r, const char *id, const char *service,
                    const char *origin, struct ml_err *err)
{
    struct ml_err why;
    struct ml_buf args;
    ml_buf_create(&args, ARGS_MAX);
    int rc = ml_record_open(r, true, &why);
    if (rc == 0 && (rc = add_args(&args, &r->run)) < 0)
        ml_err_set(&why, ML_USAGE, "the arguments of the script are too long for the journal");
    struct ml_journal_run run = {
        .id = id,
        .kind = r->run.kind,
        .undo_of = r->run.undo_of,
        .plan = r->run.plan,
        .script = r->run.script,
        .source = r->run.source,
        .args = ml_buf_str(&args),
        .service = service,
        .origin = origin,
        .profile = r->run.profile,
        .started = ml_clock_wall_ms(),
    };
    if (rc == 0)
        rc = ml_journal_begin(r->journal, &run, &why);
    ml_buf_destroy(&args);
    r->begun = rc == 0;
    return rc < 0 ? fall(r, &why, err) : 0;
}

int ml_record_resume(struct ml_record *r, const char *id, struct ml_err *err)
{
    struct ml_err why;
    if (ml_record_open(r, true, &why) < 0)
        return fall(r, &why, err);
    if (ml_journal_resume(r->journal, id, &why) == 0) {
        r->begun = true;
        return 0;
    }
    *err = why;
    return why.kind == ML_USAGE || why.kind == ML_MEMORY ? fall(r, &why, err) : -1;
}

int ml_record_finish(struct ml_record *r, const char *state, int exit_code, uint64_t noop)
{
    struct ml_err err;
    if (!r->begun)
        return r->broken ? -1 : 0;
    r->begun = false;
    ml_record_tell(r);
    if (ml_journal_end(r->journal, state, exit_code, noop, ml_clock_wall_ms(), &err) == 0)
        return 0;
    fall(r, &err, &err);
    return -1;
}

void ml_record_forget(struct ml_record *r, unsigned days)
{
    struct ml_err err;
    int64_t before = ml_clock_wall_ms() - (int64_t)days * 24 * 60 * 60 * 1000;
    if (!days || !r->journal || !r->writing || r->broken)
        return;
    int64_t n = ml_journal_purge(r->journal, before, &err);
    if (n < 0)
        ml_log(r->log, ML_LOG_WARN, "old runs stay in the journal: %s", err.text);
    else if (n > 0)
        ml_log(r->log, ML_LOG_INFO, "%lld runs older than %u days are gone from the journal",
               (long long)n, days);
}

/* --- changes --- */

int ml_record_plan(struct ml_record *r, struct ml_noted *n,
                   const struct ml_journal_change *change, struct ml_err *err)
{
    *n = (struct ml_noted){.record = r, .state = ML_CHANGE_PLANNED};
    n->seq = ml_journal_plan(r->journal, change);
    if (n->seq)
        return 0;
    struct ml_err why;
    if (!ml_journal_broken(r->journal, &why))
        ml_err_set(&why, ML_MEMORY, "out of memory");
    return fall(r, &why, err);
}

/* What became of a change, with its answer if the journal does not know it yet; `end` NULL: the
 * answer alone. */
static void tell(struct ml_noted *n, const struct ml_journal_end *end)
{
    struct ml_journal *journal = n->record->journal;
    if (n->unsaid) {
        n->unsaid = false;
        take_out(&n->record->unsaid, n);
        ml_journal_note(journal, n->seq, n->attempts, &n->answer, end);
    } else {
        ml_journal_move(journal, n->seq, end);
    }
}

bool ml_record_event(struct ml_noted *n, enum ml_event event, const char *reason,
                     const char *kind, const char *after)
{
    int next = ml_machine_next(n->state, event);
    if (next < 0)
        return false;
    struct ml_journal_end end = {.state = (enum ml_change_state)next,
                                 .reason = reason,
                                 .kind = kind,
                                 .after = after,
                                 .at = ml_clock_wall_ms()};
    n->state = end.state;
    tell(n, &end);
    return true;
}

void ml_record_remark(struct ml_noted *n, const char *reason, const char *kind)
{
    struct ml_journal_end end = {
        .state = n->state, .reason = reason, .kind = kind, .at = ml_clock_wall_ms()};
    if (reason)
        tell(n, &end);
}

void ml_record_tell(struct ml_record *r)
{
    while (r->unsaid.head)
        tell(r->unsaid.head, NULL);
}

void ml_record_leave(struct ml_noted *n)
{
    if (n->unsaid)
        tell(n, NULL);
}

void ml_record_bug(struct ml_noted *n, enum ml_event event)
{
    struct ml_err err;
    ml_err_set(&err, ML_GUARD,
               "change %llu cannot go on from '%s' (event %d): this is a mistake in Moonlever, "
               "please report it; nothing more was sent",
               (unsigned long long)n->seq, ml_machine_name(n->state), event);
    fall(n->record, &err, &err);
}

bool ml_record_again(struct ml_noted *n)
{
    n->doubt = false;
    return n->state == ML_CHANGE_PLANNED ||
           ml_record_event(n, ML_EVENT_NOTHING, NULL, NULL, NULL);
}

/* --- attempts --- */

static void hold(struct ml_record *r, struct ml_noted *n, struct ml_call *call)
{
    n->held = call;
    append(&r->held, n);
}

static void unhold(struct ml_record *r, struct ml_noted *n)
{
    take_out(&r->held, n);
    n->held = NULL;
}

/* A write that its service shed (408, 503) goes out again without a look: the same bytes twice
 * end the same. Its state says that there was a doubt, and that it is taken up again. */
static bool take_up(struct ml_noted *n)
{
    if (n->state == ML_CHANGE_UNKNOWN)
        ml_record_event(n, ML_EVENT_NOTHING, NULL, NULL, NULL);
    return ml_machine_next(n->state, ML_EVENT_SEND) == ML_CHANGE_SENT;
}

/* Writes down that the change is sent. False: the journal is broken, *err says why. */
static bool note_send(struct ml_record *r, struct ml_noted *n, struct ml_err *err)
{
    n->ticket = ml_journal_send(r->journal, n->seq, n->attempts + 1, ml_clock_wall_ms());
    if (!n->ticket) {
        struct ml_err why;
        if (!ml_journal_broken(r->journal, &why))
            ml_err_set(&why, ML_MEMORY, "out of memory");
        fall(r, &why, err);
        return false;
    }
    n->attempts++;
    n->state = ML_CHANGE_SENT;
    n->watched = true;
    return true;
}

static enum ml_leave leave(struct ml_call *call, void *ud, struct ml_err *err)
{
    struct ml_noted *first = ud;
    struct ml_record *r = first->record;
    for (struct ml_noted *n = first; n; n = n->peer)
        if (!take_up(n)) {
            ml_err_set(err, ML_GUARD, "a change that has ended cannot be sent again");
            return ML_LEAVE_NEVER;
        }
    if (first->attempts > 0 && ml_call_attempts(call) == 1)
        ml_net_repeats(r->net); /* it was looked for in between */
    for (struct ml_noted *n = first; n; n = n->peer)
        if (!note_send(r, n, err))
            return ML_LEAVE_NEVER;
    hold(r, first, call);
    return ML_LEAVE_LATER;
}

static enum ml_event event_of(const struct ml_evidence *e, enum ml_verdict verdict)
{
    bool refused = e->status == 429 || e->status == 425;          /* RFC 6585 4, RFC 8470 5.2 */
    bool signed_out = verdict == ML_ANSWERED && e->status == 401; /* RFC 9110 15.5.2 */
    if (verdict == ML_UNSENT || e->sends == 0 || signed_out || (verdict == ML_AGAIN && refused))
        return ML_EVENT_NOTHING;
    return verdict == ML_ANSWERED ? ML_EVENTS : ML_EVENT_DOUBT;
}

static void note_end(struct ml_noted *n, const struct ml_evidence *e, enum ml_verdict verdict,
                     const char *error)
{
    if (!n->watched)
        return;
    n->watched = false;
    enum ml_event event = event_of(e, verdict);
    if (event == ML_EVENT_NOTHING && n->doubt)
        event = ML_EVENT_DOUBT; /* of an earlier attempt */
    n->doubt |= event == ML_EVENT_DOUBT;
    struct ml_journal_attempt attempt = {
        .sends = e->sends, .status = e->status, .error = error, .at = ml_clock_wall_ms()};
    int next = event == ML_EVENTS ? -1 : ml_machine_next(n->state, event);
    if (next < 0) {
        n->answer = attempt;
        n->unsaid = true;
        append(&n->record->unsaid, n);
        return;
    }
    struct ml_journal_end end = {
        .state = (enum ml_change_state)next, .reason = error, .at = attempt.at};
    n->state = end.state;
    ml_journal_note(n->record->journal, n->seq, n->attempts, &attempt, &end);
}

static void ended(void *ud, const struct ml_evidence *e, enum ml_verdict verdict,
                  const char *error)
{
    struct ml_noted *first = ud;
    if (first->watched)
        unhold(first->record, first);
    for (struct ml_noted *n = first; n; n = n->peer)
        note_end(n, e, verdict, error);
}

const struct ml_call_watch ml_record_watch = {leave, ended};

/* What became of the tickets of one call: the worst of them. */
static enum ml_ticket ticket_of(struct ml_record *r, const struct ml_noted *n)
{
    enum ml_ticket worst = ML_TICKET_COMMITTED;
    for (; n; n = n->peer) {
        enum ml_ticket ticket = ml_journal_ticket(r->journal, n->ticket);
        if (ticket == ML_TICKET_PENDING)
            return ticket;
        if (ticket != ML_TICKET_COMMITTED && worst != ML_TICKET_BROKEN)
            worst = ticket;
    }
    return worst;
}

/* A row is not there as sent: its object has an open change of another run. Nothing goes out,
 * so the others of the call are as before. */
static void turn_away(struct ml_record *r, struct ml_noted *first, struct ml_call *call)
{
    struct ml_err err;
    for (struct ml_noted *n = first; n; n = n->peer) {
        n->watched = false;
        if (ml_journal_ticket(r->journal, n->ticket) == ML_TICKET_REFUSED) {
            n->state = ML_CHANGE_PLANNED;
            n->attempts--;
        } else {
            ml_record_event(n, ML_EVENT_NOTHING, NULL, NULL, NULL);
        }
    }
    ml_err_set(&err, ML_CONFLICT, "another change of it is open");
    ml_call_release(call, &err);
}

void ml_record_turn(void *ud)
{
    struct ml_record *r = ud;
    while (r->held.head) {
        struct ml_noted *n = r->held.head;
        struct ml_call *call = n->held;
        struct ml_err err;
        enum ml_ticket ticket = ticket_of(r, n);
        if (ticket == ML_TICKET_PENDING)
            return;
        unhold(r, n);
        if (ticket == ML_TICKET_COMMITTED) {
            ml_call_release(call, NULL);
        } else if (ticket == ML_TICKET_REFUSED) {
            turn_away(r, n, call);
        } else {
            if (!ml_journal_broken(r->journal, &err))
                ml_err_set(&err, ML_USAGE, "the journal cannot be written");
            fall(r, &err, &err);
            ml_call_release(call, &err);
        }
    }
    struct ml_err why;
    if (r->journal && r->writing && !r->broken && ml_journal_broken(r->journal, &why))
        fall(r, &why, &why);
}
