/* SPDX-License-Identifier: MIT */
/* The changes of a run: their events and attempts, and the calls that are held. */
#include "test_record_help.h"

/* --- changes --- */

static void a_change_that_goes_well(void **state)
{
    struct bench *b = *state;
    struct ml_call call = {0};
    struct ml_noted n;
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n, "a");
    unsigned before = wakes;
    send_one(&call, &n);
    assert_true(wakes > before);
    tell_end(&n, 1, 200, ML_ANSWERED);
    assert_true(n.unsaid);
    assert_string_equal(changes(&b->r), "1|S|-|1|;"); /* the answer waits for what follows */
    assert_true(ml_record_event(&n, ML_EVENT_CONFIRM, "well", NULL, NULL));
    assert_false(n.unsaid);
    assert_null(b->r.unsaid.head);
    assert_string_equal(changes(&b->r), "1|C|well|1|;");
    assert_string_equal(attempts(&b->r), "1|1|1|200|-|;");
    ml_record_leave(&n); /* there is nothing left to say */
    assert_false(ml_record_event(&n, ML_EVENT_FAIL, NULL, NULL, NULL)); /* it has ended */
    assert_int_equal(n.state, ML_CHANGE_CONFIRMED);
    assert_false(ml_record_again(&n));
    assert_false(b->r.broken);
    ml_record_bug(&n, ML_EVENT_FAIL);
    assert_true(b->r.broken);
    assert_non_null(strstr(b->r.why.text, "change 1 cannot go on from 'confirmed'"));
}

static void answers_are_told_at_the_end_of_the_turn(void **state)
{
    struct bench *b = *state;
    struct ml_call call = {0};
    struct ml_noted n[4];
    static const char *const keys[] = {"a", "b", "c", "d"};
    run_begin(&b->r, "r1");
    for (int i = 0; i < 4; i++) {
        plan_change(&b->r, &n[i], keys[i]);
        send_one(&call, &n[i]);
        tell_end(&n[i], 1, 202, ML_ANSWERED);
    }
    ml_record_remark(&n[3], NULL, NULL); /* no reason, nothing to say */
    assert_true(n[3].unsaid);
    assert_true(ml_record_event(&n[1], ML_EVENT_ACCEPT, NULL, NULL, NULL)); /* in the middle */
    ml_record_leave(&n[3]);                                                 /* at the end */
    assert_string_equal(attempts(&b->r), "1|1|-|-|-|;2|1|1|202|-|;3|1|-|-|-|;4|1|1|202|-|;");
    ml_record_tell(&b->r);
    assert_null(b->r.unsaid.head);
    assert_string_equal(attempts(&b->r),
                        "1|1|1|202|-|;2|1|1|202|-|;3|1|1|202|-|;4|1|1|202|-|;");
    ml_record_remark(&n[1], "in the queue", NULL);
    assert_string_equal(changes(&b->r), "1|S|-|1|;2|A|in the queue|1|;3|S|-|1|;4|S|-|1|;");
}

/* What an attempt says, and the state that follows by itself; S = it is not known yet. */
static void what_follows_from_an_attempt(void **state)
{
    static const struct {
        unsigned sends;
        int status;
        enum ml_verdict verdict;
        enum ml_change_state then;
    } rules[] = {
        {0, 0, ML_UNSENT, 'P'},     {0, 0, ML_HOPELESS, 'P'},   {1, 401, ML_ANSWERED, 'P'},
        {1, 401, ML_UNKNOWN, 'U'},  {1, 429, ML_AGAIN, 'P'},    {1, 425, ML_AGAIN, 'P'},
        {1, 429, ML_ANSWERED, 'S'}, {1, 425, ML_ANSWERED, 'S'}, {1, 503, ML_AGAIN, 'U'},
        {1, 408, ML_AGAIN, 'U'},    {1, 0, ML_UNKNOWN, 'U'},    {1, 500, ML_UNKNOWN, 'U'},
        {1, 404, ML_ANSWERED, 'S'}, {1, 200, ML_ANSWERED, 'S'}, {2, 0, ML_HOPELESS, 'U'},
    };
    struct bench *b = *state;
    struct ml_call call = {0};
    run_begin(&b->r, "r1");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char rkey[20], expected[20];
        struct ml_noted n;
        snprintf(rkey, sizeof rkey, "k%zu", i);
        plan_change(&b->r, &n, rkey);
        send_one(&call, &n);
        tell_end(&n, rules[i].sends, rules[i].status, rules[i].verdict);
        assert_int_equal(n.state, rules[i].then);
        assert_int_equal(n.unsaid, rules[i].then == 'S');
        assert_int_equal(n.doubt, rules[i].then == 'U');
        ml_record_leave(&n);
        snprintf(expected, sizeof expected, "%zu|%c|", i + 1, (char)rules[i].then);
        assert_non_null(strstr(changes(&b->r), expected));
    }
}

/* A first attempt that may have had an effect: that the second provably had none does not help.
 */
static void a_doubt_stays_until_somebody_looks(void **state)
{
    struct bench *b = *state;
    struct ml_call call = {0};
    struct ml_noted n;
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n, "a");
    send_one(&call, &n);
    tell_end(&n, 1, 503, ML_AGAIN);
    assert_int_equal(n.state, ML_CHANGE_UNKNOWN);
    send_one(&call, &n); /* taken up by itself: the same bytes twice end the same */
    tell_end(&n, 1, 429, ML_AGAIN);
    assert_int_equal(n.state, ML_CHANGE_UNKNOWN);
    assert_true(n.doubt);
    assert_int_equal(repeats, 0); /* the net counts the attempts of one call itself */
    assert_true(ml_record_again(&n));
    assert_int_equal(n.state, ML_CHANGE_PLANNED);
    assert_false(n.doubt);
    assert_true(ml_record_again(&n)); /* twice is once */
    struct ml_call next = {0};
    send_one(&next, &n);
    assert_int_equal(repeats, 1);
    tell_end(&n, 1, 429, ML_AGAIN);
    assert_int_equal(n.state, ML_CHANGE_PLANNED);
    assert_string_equal(changes(&b->r), "1|P|-|3|;");
    assert_string_equal(attempts(&b->r), "1|1|1|503|-|;1|2|1|429|-|;1|3|1|429|-|;");
}

/* It was found out otherwise while the attempt was under way. */
static void an_end_that_changes_nothing_any_more(void **state)
{
    struct bench *b = *state;
    struct ml_call call = {0};
    struct ml_noted n;
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n, "a");
    send_one(&call, &n);
    assert_true(ml_record_event(&n, ML_EVENT_CONFIRM, NULL, NULL, NULL));
    tell_end(&n, 1, 0, ML_UNKNOWN);
    assert_int_equal(n.state, ML_CHANGE_CONFIRMED);
    ml_record_tell(&b->r);
    assert_string_equal(changes(&b->r), "1|C|-|1|;");
    assert_string_equal(attempts(&b->r), "1|1|1|0|it broke|;");
    tell_end(&n, 1, 200, ML_ANSWERED); /* no attempt is under way */
    assert_false(n.unsaid);
    assert_int_equal(ask(&call, &n), ML_LEAVE_NEVER);
    assert_int_equal(call.err.kind, ML_GUARD);
    assert_non_null(strstr(call.err.text, "has ended"));
}

static void no_memory_for_a_plan_or_an_attempt(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    struct ml_call call = {0};
    struct ml_noted n;
    struct ml_journal_change change = change_of("a");
    run_begin(&b->r, "r1");
    without_memory = true;
    int rc = ml_record_plan(&b->r, &n, &change, &err);
    without_memory = false;
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, ML_GUARD);
    assert_non_null(strstr(err.text, "out of memory"));
    assert_true(b->r.broken);
    record_again(b);
    run_begin(&b->r, "r2");
    plan_change(&b->r, &n, "a");
    without_memory = true;
    enum ml_leave leave = ask(&call, &n);
    without_memory = false;
    assert_int_equal(leave, ML_LEAVE_NEVER);
    assert_non_null(strstr(call.err.text, "out of memory"));
    assert_true(b->r.broken);
    assert_int_equal(n.state, ML_CHANGE_PLANNED);
    assert_int_equal(n.attempts, 0);
    assert_null(b->r.held.head);
}

static void a_broken_journal_lets_nothing_leave(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    struct ml_call call = {0};
    struct ml_noted n;
    struct ml_journal_change change = change_of("b");
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n, "a");
    break_journal(&b->r);
    assert_int_equal(ask(&call, &n), ML_LEAVE_NEVER);
    assert_int_equal(call.err.kind, ML_GUARD);
    assert_non_null(strstr(call.err.text, "a mouse ate it"));
    b->r.broken = false; /* as if nobody had noticed */
    assert_int_equal(ml_record_plan(&b->r, &n, &change, &err), -1);
    assert_non_null(strstr(err.text, "a mouse ate it"));
    assert_true(b->r.broken);
}

/* --- what is held --- */

static void a_call_is_held_until_its_row_is_durable(void **state)
{
    struct bench *b = *state;
    struct ml_call first = {0}, second = {0};
    struct ml_noted n[2];
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n[0], "a");
    plan_change(&b->r, &n[1], "b");
    pthread_mutex_lock(&b->r.journal->writer.db_mutex); /* the disk is slow */
    assert_int_equal(ask(&first, &n[0]), ML_LEAVE_LATER);
    assert_int_equal(ask(&second, &n[1]), ML_LEAVE_LATER);
    ml_record_turn(&b->r);
    assert_int_equal(first.releases + second.releases, 0);
    tell_end(&n[1], 0, 0, ML_UNSENT); /* cancelled while it is held */
    pthread_mutex_unlock(&b->r.journal->writer.db_mutex);
    turn(&b->r);
    assert_int_equal(first.releases, 1);
    assert_int_equal(second.releases, 0);
    assert_string_equal(changes(&b->r), "1|S|-|1|;2|P|it broke|1|;");
}

/* One that has gone out ends while the next is still held: each leaves the list by itself. */
static void an_answer_comes_while_another_call_is_held(void **state)
{
    struct bench *b = *state;
    struct ml_call first = {0}, second = {0};
    struct ml_noted n[2];
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n[0], "a");
    plan_change(&b->r, &n[1], "b");
    assert_int_equal(ask(&first, &n[0]), ML_LEAVE_LATER);
    flush(b->r.journal);
    pthread_mutex_lock(&b->r.journal->writer.db_mutex);
    assert_int_equal(ask(&second, &n[1]), ML_LEAVE_LATER);
    ml_record_turn(&b->r);
    assert_int_equal(first.releases, 1);
    assert_ptr_equal(b->r.held.head, &n[1]);
    tell_end(&n[0], 1, 503, ML_UNKNOWN);
    assert_ptr_equal(b->r.held.head, &n[1]);
    assert_null(n[1].next);
    pthread_mutex_unlock(&b->r.journal->writer.db_mutex);
    turn(&b->r);
    assert_int_equal(second.releases, 1);
    assert_string_equal(changes(&b->r), "1|U|-|1|;2|S|-|1|;");
}

static void several_changes_of_one_call_go_together(void **state)
{
    struct bench *b = *state;
    struct ml_call call = {0};
    struct ml_noted n[3];
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n[0], "a");
    plan_change(&b->r, &n[1], "b");
    n[0].peer = &n[1];
    send_one(&call, &n[0]);
    tell_end(&n[0], 1, 200, ML_ANSWERED);
    assert_true(n[0].unsaid && n[1].unsaid);
    assert_true(ml_record_event(&n[1], ML_EVENT_CONFIRM, NULL, NULL, NULL));
    assert_true(ml_record_event(&n[0], ML_EVENT_CONFIRM, NULL, NULL, NULL));
    assert_string_equal(changes(&b->r), "1|C|-|1|;2|C|-|1|;");
    plan_change(&b->r, &n[2], "c"); /* and not with one that has ended */
    n[2].peer = &n[1];
    assert_int_equal(ask(&call, &n[2]), ML_LEAVE_NEVER);
    assert_int_equal(n[2].state, ML_CHANGE_PLANNED);
}

/* One of three changes of a call has an object that another change holds. */
static void one_that_is_refused_holds_all_of_its_call(void **state)
{
    struct bench *b = *state;
    struct ml_call other = {0}, call = {0};
    struct ml_noted open, n[3];
    run_begin(&b->r, "r1");
    plan_change(&b->r, &open, "b");
    send_one(&other, &open);
    plan_change(&b->r, &n[0], "a");
    plan_change(&b->r, &n[1], "b");
    plan_change(&b->r, &n[2], "c");
    n[0].peer = &n[1];
    n[1].peer = &n[2];
    assert_int_equal(ask(&call, &n[0]), ML_LEAVE_LATER);
    turn(&b->r);
    assert_int_equal(call.releases, 1);
    assert_true(call.refused);
    assert_int_equal(call.err.kind, ML_CONFLICT);
    assert_false(b->r.broken);
    tell_end(&n[0], 0, 0, ML_UNSENT); /* the net says that it has ended: known already */
    for (int i = 0; i < 3; i++)
        assert_true(n[i].state == ML_CHANGE_PLANNED && !n[i].watched && !n[i].unsaid);
    assert_string_equal(changes(&b->r), "1|S|-|1|;2|P|-|1|;3|P|-|0|;4|P|-|1|;");
}

static void the_journal_breaks_while_calls_are_held(void **state)
{
    struct bench *b = *state;
    struct ml_call call = {0};
    struct ml_noted n[2];
    run_begin(&b->r, "r1");
    plan_change(&b->r, &n[0], "a");
    plan_change(&b->r, &n[1], "b");
    n[0].peer = &n[1];
    pthread_mutex_lock(&b->r.journal->writer.db_mutex);
    assert_int_equal(ask(&call, &n[0]), ML_LEAVE_LATER);
    break_journal(&b->r);
    pthread_mutex_unlock(&b->r.journal->writer.db_mutex);
    turn(&b->r);
    assert_int_equal(call.releases, 1);
    assert_true(call.refused);
    assert_int_equal(call.err.kind, ML_GUARD);
    assert_non_null(strstr(call.err.text, "a mouse ate it"));
    assert_true(b->r.broken);
}

static void a_turn_notices_a_broken_journal(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    ml_record_turn(&b->r); /* nothing is open */
    assert_int_equal(ml_record_open(&b->r, true, &err), 0);
    ml_record_turn(&b->r);
    assert_false(b->r.broken);
    ml_record_close(&b->r);
    assert_int_equal(ml_record_open(&b->r, false, &err), 0);
    ml_record_turn(&b->r);
    assert_false(b->r.broken);
    assert_int_equal(ml_record_open(&b->r, true, &err), 0);
    break_journal(&b->r);
    ml_record_turn(&b->r);
    assert_true(b->r.broken);
    assert_int_equal(b->r.why.kind, ML_MEMORY);
    assert_non_null(strstr(b->r.why.text, "a mouse ate it"));
    ml_record_turn(&b->r); /* once is enough */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_that_goes_well),
        TEST(answers_are_told_at_the_end_of_the_turn),
        TEST(what_follows_from_an_attempt),
        TEST(a_doubt_stays_until_somebody_looks),
        TEST(an_end_that_changes_nothing_any_more),
        TEST(no_memory_for_a_plan_or_an_attempt),
        TEST(a_broken_journal_lets_nothing_leave),
        TEST(a_call_is_held_until_its_row_is_durable),
        TEST(an_answer_comes_while_another_call_is_held),
        TEST(several_changes_of_one_call_go_together),
        TEST(one_that_is_refused_holds_all_of_its_call),
        TEST(the_journal_breaks_while_calls_are_held),
        TEST(a_turn_notices_a_broken_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
