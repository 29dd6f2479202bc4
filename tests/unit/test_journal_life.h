/* SPDX-License-Identifier: MIT */
/*
 * A small life of the journal in which anything may fail: what its owner was
 * told on the way, and whether a fresh look at the file bears it out.
 */
#ifndef TEST_JOURNAL_LIFE_H
#define TEST_JOURNAL_LIFE_H

#include "test_journal_help.h"

enum { CHANGES = 4 };

/* What the journal has told its owner. */
struct told {
    bool opened, kept, purged, begun;
    char durable[CHANGES + 1]; /* state of each change, '-' = not there */
    char wanted[CHANGES + 1];  /* the last one that was queued */
    struct ml_err err;         /* of the first refusal */
    bool refused;
};

static inline void told_create(struct told *t)
{
    *t = (struct told){.durable = "----", .wanted = "----"};
}

/* A step has been queued; is it durable now? */
static inline bool settle(struct ml_journal *j, struct told *t)
{
    if (ml_journal_flush(j, &t->err) < 0)
        return false;
    strcpy(t->durable, t->wanted);
    return true;
}

static inline bool live_changes(struct ml_journal *j, struct told *t)
{
    static const char *const keys[CHANGES] = {"a", "b", "c", "d"};
    for (int i = 0; i < CHANGES; i++) {
        struct ml_journal_change change = change_of(keys[i]);
        uint64_t seq = ml_journal_plan(j, &change);
        if (!seq)
            return false;
        t->wanted[i] = 'P';
        if (i % 2 && !settle(j, t))
            return false;
        uint64_t ticket = ml_journal_send(j, seq, 1, 30);
        if (!ticket)
            return false;
        t->wanted[i] = 'S';
        bool fine = settle(j, t);
        assert_int_equal(ml_journal_ticket(j, ticket),
                         fine ? ML_TICKET_COMMITTED : ML_TICKET_BROKEN);
        if (!fine)
            return false;
        if (i == CHANGES - 1)
            return true; /* the last one is never heard of again */
        note(j, seq, 1, 200, ML_CHANGE_NONE);
        move(j, seq, ML_CHANGE_CONFIRMED);
        t->wanted[i] = 'C';
        if (!settle(j, t))
            return false;
    }
    return true;
}

/* A run with a change that ended at `at`. */
static inline bool live_run(struct ml_journal *j, const char *id, int64_t at, struct told *t)
{
    struct ml_journal_run run = {.id = id, .kind = "run", .started = 1};
    struct ml_journal_change change = change_of(id);
    return ml_journal_begin(j, &run, &t->err) == 0 && ml_journal_plan(j, &change) &&
           ml_journal_end(j, "done", 0, 0, at, &t->err) == 0;
}

/* A run that ends, one that ends and is purged, one that is left without an end. */
static inline void live(struct ml_journal *j, struct told *t)
{
    struct ml_journal_run run = {.id = "r1", .kind = "run", .started = 1};
    t->kept = live_run(j, "kept", 500, t);
    t->purged = t->kept && live_run(j, "old", 5, t) && ml_journal_purge(j, 100, &t->err) == 1;
    t->begun = t->purged && ml_journal_begin(j, &run, &t->err) == 0;
    t->refused = !t->begun || !live_changes(j, t);
    if (t->refused)
        ml_journal_broken(j, &t->err); /* says why, if that is why */
}

/* A healthy disk again: what was told is true, and the run goes on. */
static inline void expect_all_there(struct place *p, const struct told *t)
{
    struct ml_err err = {0};
    struct ml_journal *j = open_at(p->path);
    assert_string_equal(sql_text(p->path, "PRAGMA integrity_check"), "ok");
    if (t->kept)
        assert_string_equal(rows(j, ML_QUERY_CHANGES, "kept", " seq state "), "1|P|;");
    if (t->purged)
        assert_string_equal(rows(j, ML_QUERY_RUN, "old", " run "), "");
    if (!t->begun) {
        ml_journal_close(j);
        return;
    }
    static const char order[] = "-PSC";
    for (int i = 0; i < CHANGES; i++) {
        char sql[120];
        snprintf(sql, sizeof sql,
                 "SELECT m.state FROM change m JOIN run r ON r.no = m.run WHERE r.run = 'r1'"
                 " AND m.seq = %d",
                 i + 1);
        const char *found = sql_text(p->path, sql);
        ptrdiff_t rank = strchr(order, *found ? *found : '-') - order;
        /* Never less than was told; more only if it was on its way. */
        assert_true(rank >= strchr(order, t->durable[i]) - order);
        assert_true(rank <= strchr(order, t->wanted[i]) - order);
    }
    if (ml_journal_resume(j, "r1", &err) < 0)
        fail_msg("%s", err.text);
    assert_null(strstr(rows(j, ML_QUERY_COUNTS, "r1", " state "), "S"));
    assert_int_equal(send_and_wait(j, plan(j, "more"), 1), ML_TICKET_COMMITTED);
    end(j);
    ml_journal_close(j);
}

#endif
