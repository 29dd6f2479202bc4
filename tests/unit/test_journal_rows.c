/* SPDX-License-Identifier: MIT */
/* One step is one row or two: what readers see is the same either way. */
#include "test_journal_help.h"

#define SHOWN " seq state reason kind after attempts ended "
#define LOGGED " seq n started ended sends status error "

static void note_end(struct ml_journal *j, uint64_t seq, unsigned n, const char *error,
                     enum ml_change_state state, const char *after)
{
    struct ml_journal_attempt a = {.sends = 1, .status = 500, .error = error, .at = 40};
    struct ml_journal_end e = {
        .state = state, .reason = "why", .kind = "remote", .after = after, .at = 45};
    ml_journal_note(j, seq, n, &a, &e);
}

static void an_answer_and_its_state_are_one_step(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    ml_journal_send(j, plan(j, "a"), 1, 30);
    note_end(j, 1, 1, "error", ML_CHANGE_FAILED, "{\"title\":\"c\"}");
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", SHOWN),
                        "1|{\"title\":\"c\"}|F|why|remote|1|45|;");
    assert_string_equal(rows(j, ML_QUERY_ATTEMPTS, "r1", LOGGED), "1|1|30|40|1|500|error|;");
    ml_journal_close(j);
}

static void attempts_behind_the_first(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    ml_journal_send(j, plan(j, "a"), 1, 30);
    note_end(j, 1, 1, "one", ML_CHANGE_UNKNOWN, NULL);
    move(j, 1, ML_CHANGE_PLANNED);
    assert_int_equal(send_and_wait(j, 1, 2), ML_TICKET_COMMITTED);
    note(j, 1, 2, 200, ML_CHANGE_NONE);
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state "), "S|;");
    move(j, 1, ML_CHANGE_PLANNED);
    assert_int_equal(send_and_wait(j, 1, 3), ML_TICKET_COMMITTED);
    note_end(j, 1, 3, NULL, ML_CHANGE_CONFIRMED, "{}");
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " state reason kind attempts ended "),
                        "C|why|remote|3|45|;");
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " after "), "{}|;");
    assert_string_equal(rows(j, ML_QUERY_ATTEMPTS, "r1", LOGGED),
                        "1|1|30|40|1|500|one|;1|2|30|40|1|200|-|;1|3|30|40|1|500|-|;");
    ml_journal_close(j);
}

static void a_later_attempt_is_refused_too(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    whole(j, "a", ML_CHANGE_PLANNED);
    assert_int_equal(send_and_wait(j, plan(j, "a"), 1), ML_TICKET_COMMITTED);
    assert_int_equal(send_and_wait(j, 1, 2), ML_TICKET_REFUSED);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq state attempts "),
                        "1|P|1|;2|S|1|;");
    note(j, 2, 1, 200, ML_CHANGE_CONFIRMED);
    assert_int_equal(send_and_wait(j, 1, 2), ML_TICKET_COMMITTED);
    ml_journal_close(j);
}

static void plan_with(struct ml_journal *j, const char *rkey, const char *method,
                      const char *effect)
{
    struct ml_journal_change change = change_of(rkey);
    change.method = method;
    change.effect = effect;
    assert_true(ml_journal_plan(j, &change) > 0);
}

static void what_many_changes_do_is_written_down_once(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    for (int run = 0; run < 2; run++) {
        begin(j, run ? "r2" : "r1");
        for (int i = 0; i < 4; i++) {
            plan_with(j, "a", "PATCH", "update");
            plan_with(j, "b", "DELETE", "delete");
            plan_with(j, "c", NULL, "delete");
        }
        end(j);
    }
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM action"), "6");
    assert_string_equal(sql_text(p->path, "SELECT group_concat(method || effect, ' ') FROM"
                                          " change WHERE run = 2 AND seq > 9"),
                        "PATCHupdate DELETEdelete");
    assert_string_equal(
        sql_text(p->path, "SELECT count(*) FROM change WHERE method IS NULL AND rkey = 'c'"),
        "8");
    /* A process that goes on writes down its own; what is purged takes its own along. */
    ml_journal_close(j);
    j = open_at(p->path);
    assert_int_equal(ml_journal_resume(j, "r1", &err), 0);
    plan_with(j, "a", "PATCH", "update");
    flush(j);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM action"), "7");
    assert_int_equal(ml_journal_purge(j, 1000, &err), 1);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM action WHERE run = 1"), "4");
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM action"), "4");
    ml_journal_close(j);
}

static void a_planned_change_gets_another_name(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    const int64_t id = (int64_t)1 << 32 | 1;
    struct ml_journal_change named = change_of("b");
    named.path = "/api/v2/recordings/2";
    named.before = "{}";
    named.after = "{}"; /* this and the method do not count */
    named.method = "DELETE";
    begin(j, "r1");
    plan(j, "a");
    ml_journal_name(j, id, &named);
    flush(j);
    static const char renamed[] = "b|b|PATCH|/api/v2/recordings/2|{}|{\"title\":\"b\"}|P|;";
    static const char columns[] = " rkey target method path before after state ";
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", columns), renamed);
    end(j);
    named = change_of("c");
    ml_journal_name(j, id, &named); /* no run is under way: nothing is written */
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", columns), renamed);
    ml_journal_close(j);
}

/* Bytes that the rows of all changes take. */
static int width(struct place *p, struct ml_journal *j)
{
    flush(j);
    return atoi(sql_text(p->path, "SELECT sum(payload) FROM dbstat WHERE name = 'mut'"));
}

/* A row on its usual way is overwritten in place: what comes later takes the room that it had.
 */
static void a_row_keeps_its_width(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    const int64_t now = 1700000000000;
    struct ml_journal_change change = change_of("a");
    struct ml_journal_attempt a = {.sends = 1, .status = 200, .at = now + 2};
    struct ml_journal_end e = {.state = ML_CHANGE_CONFIRMED, .at = now + 3};
    begin(j, "r1");
    change.at = now;
    uint64_t seq = ml_journal_plan(j, &change);
    int wide = width(p, j);
    assert_true(wide > 100);
    ml_journal_send(j, seq, 1, now + 1);
    assert_int_equal(width(p, j), wide);
    ml_journal_note(j, seq, 1, &a, &e);
    assert_int_equal(width(p, j), wide);
    /* Planned and sent in one, most likely. */
    ml_journal_send(j, ml_journal_plan(j, &change), 1, now + 1);
    assert_int_equal(width(p, j), 2 * wide);
    ml_journal_note(j, 2, 1, &a, &e);
    assert_int_equal(width(p, j), 2 * wide);
    ml_journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_and_its_state_are_one_step),
        TEST(attempts_behind_the_first),
        TEST(a_later_attempt_is_refused_too),
        TEST(what_many_changes_do_is_written_down_once),
        TEST(a_planned_change_gets_another_name),
        TEST(a_row_keeps_its_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
