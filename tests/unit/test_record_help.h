/* SPDX-License-Identifier: MIT */
/*
 * The journal of a run as the bindings use it (bind/record.h), without a network: the test is
 * the net, and asks and tells the watch of a call as the net would.
 *
 * The journal is a real one. Calls of the net, the list of users and the allocations come here
 * by --wrap (tests/CMakeLists.txt).
 */
#ifndef TEST_RECORD_HELP_H
#define TEST_RECORD_HELP_H

#include "test_journal_help.h"

#include <errno.h>
#include <pwd.h>
#include <stdatomic.h>

#include "bind/record.h"
#include "journal/handle.h"

/* --- stand-ins --- */

/* A call of the net. */
struct ml_call {
    unsigned attempts;
    int releases;
    bool refused; /* it was let go with an error */
    struct ml_err err;
};

static atomic_uint wakes;
static unsigned repeats;

void __wrap_ml_net_wake(struct ml_net *net);
void __wrap_ml_net_wake(struct ml_net *net)
{
    (void)net;
    wakes++;
}

void __wrap_ml_net_repeats(struct ml_net *net);
void __wrap_ml_net_repeats(struct ml_net *net)
{
    (void)net;
    repeats++;
}

unsigned __wrap_ml_call_attempts(const struct ml_call *call);
unsigned __wrap_ml_call_attempts(const struct ml_call *call)
{
    return call->attempts;
}

void __wrap_ml_call_release(struct ml_call *call, const struct ml_err *err);
void __wrap_ml_call_release(struct ml_call *call, const struct ml_err *err)
{
    call->releases++;
    call->refused = err;
    if (err)
        call->err = *err;
}

/* The allocations of the owner's thread fail. */
static _Thread_local bool without_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return without_memory ? NULL : __real_malloc(size);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    return without_memory ? NULL : __real_realloc(block, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return without_memory ? NULL : __real_strdup(text);
}

/* The system's list of users. */
static struct {
    int code;
    const char *home; /* NULL = the user is not in it */
} users;

int __wrap_getpwuid_r(uid_t uid, struct passwd *user, char *entry, size_t size,
                      struct passwd **found);
int __wrap_getpwuid_r(uid_t uid, struct passwd *user, char *entry, size_t size,
                      struct passwd **found)
{
    assert_int_equal(uid, getuid());
    *found = NULL;
    if (users.code || !users.home)
        return users.code;
    snprintf(entry, size, "%s", users.home);
    *user = (struct passwd){.pw_dir = entry};
    *found = user;
    return 0;
}

/* --- a bench --- */

struct bench {
    struct place place;
    struct ml_record r;
    struct ml_log log;
    char line[300]; /* the last one that was logged */
    int level;
};

static inline void keep_line(void *ud, int level, const char *text, size_t len)
{
    struct bench *b = ud;
    b->level = level;
    snprintf(b->line, sizeof b->line, "%.*s", (int)len, text);
}

static inline void record_open(struct bench *b)
{
    ml_record_create(&b->r);
    b->r.path = strdup(b->place.path);
    b->r.log = &b->log;
    b->r.run = (struct ml_record_run){.kind = "run", .script = "a.lua", .source = "--"};
}

/* As another process would. */
static inline void record_again(struct bench *b)
{
    ml_record_destroy(&b->r);
    record_open(b);
}

static inline int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    *state = b;
    place_make(&b->place);
    ml_log_create(&b->log);
    b->log.sink = keep_line;
    b->log.ud = b;
    b->log.level = ML_LOG_DEBUG;
    record_open(b);
    return 0;
}

static inline int bench_close(void **state)
{
    struct bench *b = *state;
    ml_record_destroy(&b->r);
    ml_log_destroy(&b->log);
    place_remove(&b->place);
    free(b);
    return 0;
}

static inline void run_begin(struct ml_record *r, const char *id)
{
    struct ml_err err = {0};
    if (ml_record_begin(r, id, "screendesk", "https://app.screendesk.io", &err) < 0)
        fail_msg("%s", err.text);
}

static inline void plan_change(struct ml_record *r, struct ml_noted *n, const char *rkey)
{
    struct ml_err err = {0};
    struct ml_journal_change change = change_of(rkey);
    if (ml_record_plan(r, n, &change, &err) < 0)
        fail_msg("%s", err.text);
}

static inline enum ml_leave ask(struct ml_call *call, struct ml_noted *n)
{
    struct ml_err err = {0};
    call->attempts++;
    enum ml_leave leave = ml_record_watch.leave(call, n, &err);
    if (leave == ML_LEAVE_NEVER)
        call->err = err;
    return leave;
}

/* Turns of the net until nothing is held. */
static inline void turn(struct ml_record *r)
{
    do {
        usleep(200);
        ml_record_turn(r);
    } while (r->held.head);
}

/* An attempt is let go. */
static inline void send_one(struct ml_call *call, struct ml_noted *n)
{
    int releases = call->releases;
    assert_int_equal(ask(call, n), ML_LEAVE_LATER);
    assert_ptr_equal(n->held, call);
    turn(n->record);
    assert_int_equal(call->releases, releases + 1);
    assert_false(call->refused);
    assert_null(n->held);
    assert_int_equal(n->state, ML_CHANGE_SENT);
}

static inline void tell_end(struct ml_noted *n, unsigned sends, int status,
                            enum ml_verdict verdict)
{
    struct ml_evidence e = {
        .fault = status ? ML_FAULT_NONE : ML_FAULT_BROKEN, .status = status, .sends = sends};
    ml_record_watch.ended(n, &e, verdict, status ? NULL : "it broke");
}

/* The changes of run r1. */
static inline const char *changes(struct ml_record *r)
{
    flush(r->journal);
    return rows(r->journal, ML_QUERY_CHANGES, "r1", " seq state reason attempts ");
}

static inline const char *attempts(struct ml_record *r)
{
    flush(r->journal);
    return rows(r->journal, ML_QUERY_ATTEMPTS, "r1", " seq n sends status error ");
}

/* The journal cannot be written from now on. */
static inline void break_journal(struct ml_record *r)
{
    ml_writer_break(&r->journal->writer, "a mouse ate it");
}

#endif
