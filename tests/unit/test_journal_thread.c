/* SPDX-License-Identifier: MIT */
/*
 * What the journal's thread does when its owner is just so far. No test depends on
 * the clock: who holds the connection holds the thread too, and so does on_commit.
 */
#include "test_journal_help.h"

#include <stdatomic.h>

#include "journal/handle.h"

/* The wait for more commands ends by itself only when it is allowed to. */
static atomic_bool patient;

int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *at);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *at);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                                  const struct timespec *at)
{
    struct timespec later = {.tv_sec = at->tv_sec + 3600, .tv_nsec = at->tv_nsec};
    return __real_pthread_cond_timedwait(condition, mutex, patient ? &later : at);
}

/* Has the thread taken all that is queued? */
static void wait_until_taken(struct ml_writer *w)
{
    bool taken = false;
    while (!taken) {
        pthread_mutex_lock(&w->mutex);
        taken = w->taken == w->queued;
        pthread_mutex_unlock(&w->mutex);
        usleep(200);
    }
}

/* Without the hurry of a flush. */
static void wait_until_committed(struct ml_writer *w)
{
    bool committed = false;
    while (!committed) {
        pthread_mutex_lock(&w->mutex);
        committed = w->committed == w->queued;
        pthread_mutex_unlock(&w->mutex);
        usleep(200);
    }
}

/* From here to go_on all that is queued is one list: the thread is busy with a first one, which
 * plans "first". */
static void hold_on(struct ml_journal *j)
{
    pthread_mutex_lock(&j->writer.db_mutex);
    plan(j, "first");
    wait_until_taken(&j->writer);
}

static void go_on(struct ml_journal *j)
{
    pthread_mutex_unlock(&j->writer.db_mutex);
}

/* A list of four commands: more than one change is under way. */
static void plan_several(struct ml_journal *j)
{
    plan(j, "a");
    plan(j, "b");
    plan(j, "c");
    plan(j, "d");
}

/* Only a plan and the first attempt of the same change are one row at once. */
static void what_is_not_one_row(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    hold_on(j);
    uint64_t a = plan(j, "a"), b = plan(j, "b");
    ml_journal_send(j, a, 1, 30); /* behind the plan of b */
    uint64_t c = plan(j, "c");
    ml_journal_send(j, c, 2, 30); /* whose first attempt is another process's */
    plan(j, "d");
    move(j, 5, ML_CHANGE_NOOP); /* behind a plan, and no send */
    go_on(j);
    flush(j);
    assert_int_equal(b, 3);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq state attempts "),
                        "1|P|0|;2|S|1|;3|P|0|;4|S|1|;5|N|0|;");
    assert_string_equal(sql_text(p->path, "SELECT group_concat(n) FROM attempt"), "1,2");
    ml_journal_close(j);
}

/* The thread has taken a list, and has not begun to write it. */
static void a_list_that_was_taken_before_the_break(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    hold_on(j);
    uint64_t ticket = ml_journal_send(j, 1, 1, 30); /* and this is still in the queue */
    ml_writer_break(&j->writer, "there is no memory");
    go_on(j);
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_int_equal(err.kind, ML_MEMORY);
    assert_int_equal(ml_journal_ticket(j, ticket), ML_TICKET_BROKEN);
    ml_journal_close(j);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "0");
}

/* Several were written together, so the thread waits for more: but none come. */
static void who_waits_for_more_does_not_wait_for_ever(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    hold_on(j);
    plan_several(j);
    go_on(j);
    wait_until_committed(&j->writer);
    plan(j, "late");
    wait_until_committed(&j->writer);
    assert_false(j->writer.several); /* the last list was of one: no wait behind it */
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "6");
    ml_journal_close(j);
}

static void count_commit(void *ud)
{
    ++*(atomic_uint *)ud;
}

/* Does the thread wait until there are ML_WRITER_FULL commands? */
static bool waits_for_full(struct ml_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    bool waits = w->wake_at == w->taken + ML_WRITER_FULL;
    pthread_mutex_unlock(&w->mutex);
    return waits;
}

/* But as long as it waits, they are one transaction. */
static void a_full_list_is_written_at_once(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    atomic_uint commits = 0;
    struct ml_journal *j = NULL;
    struct ml_journal_conf conf = {.path = p->path, .on_commit = count_commit, .ud = &commits};
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    begin(j, "r1");
    hold_on(j);
    plan_several(j);
    go_on(j);
    wait_until_committed(&j->writer);
    while (commits < 2)
        usleep(200);
    patient = true;
    plan(j, "1");
    while (!waits_for_full(&j->writer))
        usleep(200);
    for (int i = 1; i < ML_WRITER_FULL; i++) {
        assert_int_equal(commits, 2);
        plan(j, "more");
    }
    wait_until_committed(&j->writer);
    patient = false;
    while (commits < 3)
        usleep(200);
    ml_journal_close(j);
    assert_int_equal(commits, 3);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "69");
}

struct held {
    struct ml_writer *w;
    atomic_uint commits;
};

/* Holds the thread behind the second commit until its end is asked for. */
static void hold_until_the_end(void *ud)
{
    struct held *held = ud;
    bool stop = ++held->commits != 2;
    while (!stop) {
        usleep(200);
        pthread_mutex_lock(&held->w->mutex);
        stop = held->w->stop;
        pthread_mutex_unlock(&held->w->mutex);
    }
}

/* It does not wait when its owner closes the journal: what is queued is written first. */
static void the_close_does_not_wait_for_more(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct held held = {0};
    struct ml_journal *j = NULL;
    struct ml_journal_conf conf = {.path = p->path, .on_commit = hold_until_the_end};
    conf.ud = &held;
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    held.w = &j->writer;
    begin(j, "r1");
    hold_on(j);
    plan_several(j);
    go_on(j);
    while (held.commits < 2)
        usleep(200);
    plan(j, "late");
    ml_journal_close(j);
    assert_int_equal(held.commits, 3);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "6");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_one_row),
        TEST(a_list_that_was_taken_before_the_break),
        TEST(who_waits_for_more_does_not_wait_for_ever),
        TEST(a_full_list_is_written_at_once),
        TEST(the_close_does_not_wait_for_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
