/* SPDX-License-Identifier: MIT */
/* The database refuses what the state machine does not have, whoever writes. */
#include "test_journal_help.h"

#include "journal/machine.h"

static const char letters[] = "PSAUCFKNV";

/* All that is allowed: the edges of reliability's drawing, and three that may stay. */
static const char *const allowed[] = {"PS", "PN", "PK", "PF", "SP", "SC", "SF", "SK",
                                      "SA", "SU", "AC", "AP", "AK", "AF", "AU", "UC",
                                      "UP", "UK", "UF", "CV", "PP", "AA", "UU"};
#define ALLOWED (sizeof allowed / sizeof allowed[0])

/* How a change gets into a state from P. */
static const char *const ways[] = {"", "S", "SA", "SU", "SC", "F", "K", "N", "SCV"};

static bool is_allowed(char from, char to)
{
    for (size_t i = 0; i < ALLOWED; i++)
        if (allowed[i][0] == from && allowed[i][1] == to)
            return true;
    return false;
}

static int set_state(sqlite3 *db, int seq, char letter)
{
    char sql[120];
    snprintf(sql, sizeof sql, "UPDATE mut SET state = '%c' WHERE id = 1 << 32 | %d", letter,
             seq);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* A new planned change through plain SQL. */
static int insert(sqlite3 *db, int seq, const char *more, const char *values)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "INSERT INTO mut(id, action, started, moved, rkey%s)"
             " VALUES(1 << 32 | %d, 1, 1, 1, 'k%d'%s)",
             more, seq, seq, values);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static sqlite3 *raw(struct place *p)
{
    sqlite3 *db;
    ml_journal_close(open_at(p->path));
    assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
    sqlite3_extended_result_codes(db, 1);
    return db;
}

static void every_pair_of_states(void **state)
{
    sqlite3 *db = raw(*state);
    int seq = 0;
    for (int from = 0; letters[from]; from++)
        for (int to = 0; letters[to]; to++) {
            assert_int_equal(insert(db, ++seq, "", ""), SQLITE_OK);
            for (const char *step = ways[from]; *step; step++)
                assert_int_equal(set_state(db, seq, *step), SQLITE_OK);
            int wanted =
                is_allowed(letters[from], letters[to]) ? SQLITE_OK : SQLITE_CONSTRAINT_TRIGGER;
            int got = set_state(db, seq, letters[to]);
            if (got != wanted)
                fail_msg("%c -> %c: %d instead of %d", letters[from], letters[to], got, wanted);
        }
    sqlite3_close(db);
}

static void the_machine_and_the_database_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALLOWED; i++) {
        bool found = strcmp(allowed[i], "PP") == 0; /* no event: only another reason */
        for (int event = 0; event < ML_EVENTS; event++)
            found |= ml_machine_next((enum ml_change_state)allowed[i][0],
                                     (enum ml_event)event) == allowed[i][1];
        assert_true(found);
    }
    for (int from = 0; letters[from]; from++)
        for (int event = 0; event < ML_EVENTS; event++) {
            int to = ml_machine_next((enum ml_change_state)letters[from], (enum ml_event)event);
            assert_true(to < 0 || is_allowed(letters[from], (char)to));
        }
}

static void what_is_no_state_is_refused(void **state)
{
    sqlite3 *db = raw(*state);
    assert_int_equal(insert(db, 1, "", ""), SQLITE_OK);
    assert_int_not_equal(set_state(db, 1, 'X'), SQLITE_OK);
    assert_int_not_equal(set_state(db, 1, ' '), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "UPDATE mut SET state = ''", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "UPDATE mut SET state = 'S PS'", NULL, NULL, NULL),
                         SQLITE_OK);
    sqlite3_close(db);
}

static void a_change_begins_as_planned_and_with_its_own_id(void **state)
{
    sqlite3 *db = raw(*state);
    for (int i = 1; letters[i]; i++) {
        char value[8];
        snprintf(value, sizeof value, ",'%c'", letters[i]);
        assert_int_equal(insert(db, i, ",state", value), SQLITE_CONSTRAINT_TRIGGER);
    }
    /* Planned and sent in one: with its attempt, and no redone change. */
    assert_int_equal(insert(db, 1, ",state,attempts,first", ",'S',2,1"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(insert(db, 1, ",state,attempts,first", ",'C',1,1"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(insert(db, 1, ",state,attempts", ",'S',1"), SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(insert(db, 1, ",state,attempts,first,redoes", ",'S',1,1,1 << 32 | 9"),
                     SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(insert(db, 1, ",state,attempts,first", ",'S',1,1"), SQLITE_OK);
    static const char *const ids[] = {"5", "1 << 32", "-1"}; /* no run, no place in it */
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char sql[120];
        snprintf(sql, sizeof sql,
                 "INSERT INTO mut(id, action, started, moved, rkey) VALUES(%s, 1, 1, 1, 'k')",
                 ids[i]);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_CONSTRAINT_CHECK);
    }
    sqlite3_close(db);
}

static void one_open_change_on_an_object(void **state)
{
    sqlite3 *db = raw(*state);
    for (int i = 0; letters[i]; i++) {
        /* The first of each pair stands in a state; may the second be sent? */
        char sql[80];
        bool open = strchr("SAU", letters[i]);
        assert_int_equal(insert(db, 2 * i + 1, "", ""), SQLITE_OK);
        assert_int_equal(insert(db, 2 * i + 2, "", ""), SQLITE_OK);
        snprintf(sql, sizeof sql, "UPDATE mut SET rkey = 'k%d' WHERE id = 1 << 32 | %d",
                 2 * i + 1, 2 * i + 2);
        assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        for (const char *step = ways[i]; *step; step++)
            assert_int_equal(set_state(db, 2 * i + 1, *step), SQLITE_OK);
        assert_int_equal(set_state(db, 2 * i + 2, 'S'),
                         open ? SQLITE_CONSTRAINT_UNIQUE : SQLITE_OK);
    }
    sqlite3_close(db);
}

static void a_change_is_tried_again_once(void **state)
{
    sqlite3 *db = raw(*state);
    assert_int_equal(insert(db, 1, "", ""), SQLITE_OK);
    assert_int_equal(insert(db, 2, ",redoes", ",1 << 32 | 1"), SQLITE_CONSTRAINT_TRIGGER);
    assert_int_equal(set_state(db, 1, 'F'), SQLITE_OK);
    assert_int_equal(insert(db, 2, ",redoes", ",1 << 32 | 1"), SQLITE_OK);
    assert_int_equal(insert(db, 3, ",redoes", ",1 << 32 | 1"), SQLITE_CONSTRAINT_UNIQUE);
    assert_int_equal(insert(db, 3, ",redoes", ",1 << 32 | 9"), SQLITE_CONSTRAINT_TRIGGER);
    sqlite3_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_pair_of_states),
        TEST(the_machine_and_the_database_agree),
        TEST(what_is_no_state_is_refused),
        TEST(a_change_begins_as_planned_and_with_its_own_id),
        TEST(one_open_change_on_an_object),
        TEST(a_change_is_tried_again_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
