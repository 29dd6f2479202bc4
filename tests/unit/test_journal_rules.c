/* SPDX-License-Identifier: MIT */
/* What breaks the journal: steps against the rules, a database that stays locked. */
#include "test_journal_help.h"

#include "journal/db.h"
#include "journal/handle.h"

/* A step that the rules do not allow: the reason must hold both texts. */
static void expect_broken(struct ml_journal *j, const char *what, const char *why)
{
    struct ml_err err = {0};
    struct ml_journal_change change = change_of("z");
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_true(ml_journal_broken(j, &err));
    assert_int_equal(err.kind, ML_USAGE);
    assert_non_null(strstr(err.text, what));
    assert_non_null(strstr(err.text, why));
    assert_int_equal(ml_journal_plan(j, &change), 0);
    assert_int_equal(ml_journal_send(j, 1, 1, 30), 0);
    assert_int_equal(ml_journal_end(j, "done", 0, 0, 60, &err), -1);
    assert_int_equal(ml_journal_purge(j, 0, &err), -1);
    move(j, 1, ML_CHANGE_FAILED);
    ml_journal_close(j);
}

/* How much of it was written before depends on the batches: an object of its own for each. */
static void a_step_against_the_rules_breaks_the_journal(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    plan(j, "k1");
    move(j, 1, ML_CHANGE_CONFIRMED); /* P -> C */
    expect_broken(j, "change 1 of run number 1", "no such edge");

    j = open_at(p->path);
    begin(j, "r2");
    move(j, 7, ML_CHANGE_FAILED);
    expect_broken(j, "change 7 of run number 2", "no such change");

    j = open_at(p->path);
    begin(j, "r3");
    plan(j, "k3");
    note(j, 1, 1, 200, ML_CHANGE_NONE);
    expect_broken(j, "change 1 of run number 3", "no such change or attempt");

    j = open_at(p->path);
    begin(j, "r4");
    plan(j, "k4");
    move(j, 1, ML_CHANGE_SENT);
    expect_broken(j, "change 1 of run number 4", "only a send");

    j = open_at(p->path);
    begin(j, "r5");
    plan(j, "k5");
    ml_journal_send(j, 1, 1, 30);
    ml_journal_send(j, 1, 2, 30); /* S -> S */
    expect_broken(j, "change 1 of run number 5", "no such edge");

    j = open_at(p->path);
    begin(j, "r6");
    whole(j, "k6", ML_CHANGE_PLANNED);
    ml_journal_send(j, 1, 1, 30); /* the attempt's number again */
    expect_broken(j, "change 1 of run number 6", "no such change or attempt");

    j = open_at(p->path);
    begin(j, "r7");
    plan(j, "k7");
    plan_redo(j, "k7", 1); /* which has not failed */
    expect_broken(j, "change 2 of run number 7", "only a failed change");

    j = open_at(p->path);
    begin(j, "r8");
    plan(j, "k8");
    ml_journal_move(j, 1, &(struct ml_journal_end){.state = ML_CHANGE_NONE});
    expect_broken(j, "change 1 of run number 8", "moonlever runs");
}

static void an_attempt_against_the_rules_breaks_it_too(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    whole(j, "k1", ML_CHANGE_PLANNED);
    ml_journal_send(j, 1, 2, 30);
    move(j, 1, ML_CHANGE_PLANNED);
    ml_journal_send(j, 1, 2, 30); /* and that of a later one */
    expect_broken(j, "change 1 of run number 1", "UNIQUE");

    j = open_at(p->path);
    begin(j, "r2");
    ml_journal_send(j, plan(j, "k2"), 1, 30);
    note(j, 1, 1, 200, ML_CHANGE_SENT);
    expect_broken(j, "change 1 of run number 2", "only a send");

    j = open_at(p->path);
    begin(j, "r3");
    ml_journal_send(j, plan(j, "k3"), 1, 30);
    note(j, 1, 2, 200, ML_CHANGE_CONFIRMED); /* there was no second one */
    expect_broken(j, "change 1 of run number 3", "no such change or attempt");

    j = open_at(p->path);
    begin(j, "r4");
    ml_journal_send(j, plan(j, "k4"), 1, 30);
    note(j, 1, 1, 200, ML_CHANGE_NOOP); /* S -> N, in one step with the answer */
    expect_broken(j, "change 1 of run number 4", "no such edge");

    j = open_at(p->path);
    begin(j, "r5");
    whole(j, "k5", ML_CHANGE_CONFIRMED);
    struct ml_journal_change named = change_of("k6");
    ml_journal_name(j, (int64_t)5 << 32 | 1, &named); /* what was sent keeps its name */
    expect_broken(j, "change 1 of run number 5", "no such change");
}

static void what_was_committed_before_a_break_stays(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    uint64_t ticket = ml_journal_send(j, plan(j, "a"), 1, 30);
    flush(j);
    move(j, 9, ML_CHANGE_FAILED);
    uint64_t later = ml_journal_send(j, 1, 2, 30);
    struct ml_err err;
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_int_equal(ml_journal_ticket(j, ticket), ML_TICKET_COMMITTED);
    assert_int_equal(ml_journal_ticket(j, later), ML_TICKET_BROKEN);
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "S|1|;");
    ml_journal_close(j);
}

/* Another process that keeps the database locked: the wait is cut short here. */
static void a_database_that_stays_locked_breaks_it(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    sqlite3 *other;
    struct ml_journal *j = open_at(p->path), *k = open_at(p->path);
    struct ml_journal_run run = {.id = "r2", .kind = "run", .started = 1};
    begin(j, "r1");
    sqlite3_busy_timeout(j->writer.db, 1);
    sqlite3_busy_timeout(k->writer.db, 1);
    assert_int_equal(sqlite3_open(p->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    uint64_t ticket = ml_journal_send(j, plan(j, "a"), 1, 30);
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_int_equal(ml_journal_ticket(j, ticket), ML_TICKET_BROKEN);
    assert_non_null(strstr(err.text, "locked; wait for the other program that holds it"));
    assert_int_equal(ml_journal_begin(k, &run, &err), -1);
    assert_non_null(strstr(err.text, "locked"));
    struct ml_err again;
    assert_int_equal(ml_journal_resume(k, "r1", &again), -1); /* it stays so */
    assert_string_equal(again.text, err.text);
    sqlite3_close(other);
    ml_journal_close(j);
    ml_journal_close(k);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "0");
}

static void what_has_no_room_in_a_row_is_refused_at_once(void **state)
{
    struct place *p = *state;
    struct ml_journal_change change = change_of("a");
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    change.body_len = 1000000000;
    assert_int_equal(ml_journal_plan(j, &change), 0);
    change.body_len = 899999990; /* too long with the texts beside it */
    assert_int_equal(ml_journal_plan(j, &change), 0);
    change.body_len = SIZE_MAX;
    assert_int_equal(ml_journal_plan(j, &change), 0);
    assert_int_equal(plan(j, "a"), 1);
    j->seq = UINT32_MAX; /* an id has no more bits for it */
    change.body_len = 1;
    assert_int_equal(ml_journal_plan(j, &change), 0);
    end(j);
    ml_journal_close(j);
}

/* SQLite's own ceiling, which no command should come to, lowered. */
static void what_sqlite_finds_too_long_breaks_it(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    char target[2001];
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    memset(target, 't', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    sqlite3_limit(j->writer.db, SQLITE_LIMIT_LENGTH, 2000 - 1);
    struct ml_journal_change change = change_of("a");
    change.target = target;
    assert_true(ml_journal_plan(j, &change) > 0);
    expect_broken(j, "change 1 of run number 1", "too big");

    struct ml_journal_run run = {.id = "r2", .kind = "run", .source = target, .started = 1};
    j = open_at(p->path);
    sqlite3_limit(j->writer.db, SQLITE_LIMIT_LENGTH, 2000 - 1);
    assert_int_equal(ml_journal_begin(j, &run, &err), -1);
    assert_int_equal(err.kind, ML_USAGE);
    assert_non_null(strstr(err.text, "refused a step of a run (string or blob too big)"));
    assert_non_null(strstr(err.text, "moonlever runs"));
    ml_journal_close(j);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM run"), "1");
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "0");
}

/* The codes that SQLite has for it; the second comes from below it, and as a rule not through.
 */
static void which_codes_say_that_memory_is_out(void **state)
{
    (void)state;
    assert_true(ml_db_is_memory(SQLITE_NOMEM));
    assert_true(ml_db_is_memory(SQLITE_IOERR_NOMEM));
    assert_false(ml_db_is_memory(SQLITE_IOERR_WRITE));
    assert_false(ml_db_is_memory(SQLITE_OK));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_step_against_the_rules_breaks_the_journal),
        TEST(an_attempt_against_the_rules_breaks_it_too),
        TEST(what_was_committed_before_a_break_stays),
        TEST(a_database_that_stays_locked_breaks_it),
        TEST(what_has_no_room_in_a_row_is_refused_at_once),
        TEST(what_sqlite_finds_too_long_breaks_it),
        TEST(which_codes_say_that_memory_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
