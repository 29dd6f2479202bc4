/* SPDX-License-Identifier: MIT */
/* The journal as its owner uses it: runs, changes, tickets, locks, queries. */
#include "test_journal_help.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void a_change_from_plan_to_rest(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    uint64_t seq = plan(j, "a");
    assert_int_equal(seq, 1);
    uint64_t ticket = ml_journal_send(j, seq, 1, 30);
    flush(j);
    assert_int_equal(ml_journal_ticket(j, ticket), ML_TICKET_COMMITTED);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq state attempts started ended "),
                        "1|S|1|20|-|;");
    note(j, seq, 1, 200, ML_CHANGE_NONE);
    ml_journal_move(j, seq,
                    &(struct ml_journal_end){.state = ML_CHANGE_CONFIRMED,
                                             .after = "{\"title\":\"c\"}",
                                             .reason = "as sent",
                                             .at = 50});
    end(j);
    assert_string_equal(
        rows(j, ML_QUERY_CHANGES, "r1",
             " id seq rkey service origin operation resource target method path "
             "effect body before after undo_of redoes state reason "
             "kind attempts started ended "),
        "4294967297|1|a|screendesk|https://app.screendesk.io|"
        "screendesk.recordings.update|screendesk.recordings|a|PATCH|"
        "/api/v2/recordings/1|update|{\"title\":\"b\"}|{\"title\":\"a\"}|"
        "{\"title\":\"c\"}|-|-|C|as sent|-|1|20|50|;");
    assert_string_equal(
        rows(j, ML_QUERY_ATTEMPTS, "r1", " seq n started ended sends status error "),
        "1|1|30|40|1|200|-|;");
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "C|1|;");
    ml_journal_close(j);
}

static void runs_are_listed_newest_first(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    end(j);
    struct ml_journal_run run = {.id = "r2",
                                 .kind = "apply",
                                 .plan = "sha256:1",
                                 .script = "s.lua",
                                 .source = "return 1",
                                 .args = "[\"-n\"]",
                                 .service = "screendesk",
                                 .origin = "https://a",
                                 .started = 70};
    assert_int_equal(ml_journal_begin(j, &run, &err), 0);
    assert_int_equal(ml_journal_end(j, "partial", 3, 12, 80, &err), 0);
    run = (struct ml_journal_run){.id = "r3", .kind = "undo", .undo_of = "r1", .started = 90};
    assert_int_equal(ml_journal_begin(j, &run, &err), 0);
    assert_string_equal(rows(j, ML_QUERY_RUNS, NULL,
                             " no run kind undo_of plan script service origin started ended "
                             "state exit noop source args "),
                        "3|r3|undo|r1|-|-|-|-|90|-|-|-|0|;"
                        "2|r2|apply|-|sha256:1|s.lua|screendesk|https://a|70|80|partial|3|12|;"
                        "1|r1|run|-|-|retag.lua|-|-|10|60|done|0|0|;");
    assert_string_equal(rows(j, ML_QUERY_RUN, "r2", " no run exit source args "),
                        "2|r2|3|return 1|[\"-n\"]|;");
    assert_string_equal(rows(j, ML_QUERY_RUN, "none", " run "), "");
    assert_string_equal(rows(j, ML_QUERY_UNDO_OF, "r1", " run "), "r3|;");
    assert_string_equal(rows(j, ML_QUERY_UNDO_OF, "r2", " run "), "");
    assert_string_equal(rows(j, ML_QUERY_APPLIED, "sha256:1", " run "), "r2|;");
    assert_string_equal(rows(j, ML_QUERY_APPLIED, "sha256:2", " run "), "");
    ml_journal_close(j);
}

/* What on_commit saw. */
struct watch {
    atomic_int calls;
    atomic_int signals; /* blocked in its thread */
    pthread_t owner;
    atomic_int elsewhere;
};

static void count_commit(void *ud)
{
    struct watch *w = ud;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    w->signals = sigismember(&blocked, SIGINT) + sigismember(&blocked, SIGTERM) +
                 sigismember(&blocked, SIGALRM) + sigismember(&blocked, SIGCHLD);
    w->elsewhere = !pthread_equal(pthread_self(), w->owner);
    w->calls++;
}

/* Opens a journal whose commits are counted in w. */
static struct ml_journal *open_watched(const char *path, struct watch *w)
{
    struct ml_err err;
    struct ml_journal *j;
    struct ml_journal_conf conf = {.path = path, .on_commit = count_commit, .ud = w};
    w->owner = pthread_self();
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    return j;
}

/* While another process holds the database, everything waits; then it goes together. */
static void what_waits_is_committed_together_and_in_order(void **state)
{
    enum { CHANGES = 3000 };
    struct place *p = *state;
    struct watch w = {.calls = 0};
    struct ml_journal *j = open_watched(p->path, &w);
    uint64_t tickets[CHANGES];
    char rkey[20];
    sqlite3 *other;
    begin(j, "r1");
    assert_int_equal(sqlite3_open(p->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < CHANGES; i++) {
        snprintf(rkey, sizeof rkey, "k%d", i);
        tickets[i] = ml_journal_send(j, plan(j, rkey), 1, 30);
        assert_true(i == 0 || tickets[i] > tickets[i - 1]);
    }
    assert_int_equal(ml_journal_ticket(j, tickets[0]), ML_TICKET_PENDING);
    assert_int_equal(w.calls, 0);
    sqlite3_close(other);
    for (int i = 0; i < CHANGES;) { /* once one is committed, so are all before it */
        enum ml_ticket later = ml_journal_ticket(j, tickets[CHANGES - 1]);
        enum ml_ticket ticket = ml_journal_ticket(j, tickets[i]);
        assert_true(ticket == ML_TICKET_COMMITTED || ticket == ML_TICKET_PENDING);
        assert_true(ticket == ML_TICKET_COMMITTED || later == ML_TICKET_PENDING);
        i += ticket == ML_TICKET_COMMITTED;
    }
    /* The thread took two lists at most: what was there first, and all that came meanwhile. */
    assert_in_range(w.calls, 2 * CHANGES / 256, 2 * CHANGES / 256 + 3);
    assert_int_equal(w.signals, 4);
    assert_true(w.elsewhere);
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "S|3000|;");
    assert_int_equal(ml_journal_ticket(j, 0), ML_TICKET_BROKEN);
    assert_int_equal(ml_journal_ticket(j, tickets[CHANGES - 1] + 1), ML_TICKET_BROKEN);
    ml_journal_close(j);
}

static void what_is_queued_is_written_at_the_close(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    char rkey[20];
    begin(j, "r1");
    for (int i = 0; i < 1000; i++) {
        snprintf(rkey, sizeof rkey, "k%d", i);
        plan(j, rkey);
    }
    ml_journal_close(j);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "1000");
}

static void a_second_open_change_on_an_object_is_refused_alone(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    uint64_t tickets[400], seq[400];
    char rkey[20];
    begin(j, "r1");
    assert_int_equal(send_and_wait(j, plan(j, "busy"), 1), ML_TICKET_COMMITTED);
    /* Every third wants the busy object: more refusals than one array of them holds. */
    for (int i = 0; i < 400; i++) {
        snprintf(rkey, sizeof rkey, "k%d", i);
        seq[i] = plan(j, i % 3 ? rkey : "busy");
        tickets[i] = ml_journal_send(j, seq[i], 1, 30);
    }
    for (int i = 0; i < 300; i++)
        ml_journal_send(j, seq[0], 1, 30);
    flush(j);
    for (int i = 0; i < 400; i++)
        assert_int_equal(ml_journal_ticket(j, tickets[i]),
                         i % 3 ? ML_TICKET_COMMITTED : ML_TICKET_REFUSED);
    /* A refused change stays as it was, without an attempt, and may go once the other rests. */
    assert_string_equal(rows(j, ML_QUERY_OPEN, "busy", " seq state run no "), "1|S|r1|1|;");
    note(j, 1, 1, 200, ML_CHANGE_CONFIRMED);
    assert_int_equal(send_and_wait(j, seq[0], 1), ML_TICKET_COMMITTED);
    assert_string_equal(rows(j, ML_QUERY_OPEN, "busy", " seq state attempts "), "2|S|1|;");
    ml_journal_close(j);
}

static void an_open_change_of_another_run_refuses_too(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path), *other = open_at(p->path);
    begin(j, "dead");
    assert_int_equal(send_and_wait(j, plan(j, "a"), 1), ML_TICKET_COMMITTED);
    ml_journal_close(j);
    begin(other, "r2");
    uint64_t seq = plan(other, "a");
    assert_int_equal(send_and_wait(other, seq, 1), ML_TICKET_REFUSED);
    assert_string_equal(rows(other, ML_QUERY_OPEN, "a", " id run no state "),
                        "4294967297|S|dead|1|;");
    assert_false(ml_journal_is_running(other, 1));
    struct ml_journal_end u = {.state = ML_CHANGE_UNKNOWN, .reason = "died", .at = 70};
    struct ml_journal_end c = {.state = ML_CHANGE_CONFIRMED, .kind = "none", .at = 71};
    ml_journal_move_id(other, 4294967297, &u);
    ml_journal_move_id(other, 4294967297, &c);
    assert_int_equal(send_and_wait(other, seq, 1), ML_TICKET_COMMITTED);
    assert_string_equal(rows(other, ML_QUERY_CHANGES, "dead", " state reason kind ended "),
                        "C|-|none|71|;");
    ml_journal_close(other);
}

static void resume_makes_what_was_sent_unknown(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    whole(j, "a", ML_CHANGE_CONFIRMED);
    assert_int_equal(send_and_wait(j, plan(j, "b"), 1), ML_TICKET_COMMITTED);
    plan(j, "c");
    ml_journal_close(j);

    j = open_at(p->path);
    assert_string_equal(rows(j, ML_QUERY_RUNS, NULL, " run ended state "), "r1|-|-|;");
    assert_int_equal(ml_journal_resume(j, "r9", &err), -1);
    assert_int_equal(err.kind, ML_NOTFOUND);
    assert_int_equal(ml_journal_resume(j, "r1", &err), 0);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq state reason "),
                        "1|C|-|;2|U|the process ended before an answer|;3|P|-|;");
    assert_string_equal(rows(j, ML_QUERY_ATTEMPTS, "r1", " seq n ended sends status "),
                        "1|1|40|1|200|;2|1|-|-|-|;");
    assert_int_equal(plan(j, "d"), 4);
    move(j, 2, ML_CHANGE_PLANNED);
    assert_int_equal(send_and_wait(j, 2, 2), ML_TICKET_COMMITTED);
    ml_journal_close(j);
}

static void resume_takes_the_end_back(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    begin(j, "empty");
    assert_int_equal(ml_journal_resume(j, "empty", &err), -1);
    assert_int_equal(err.kind, ML_USAGE);
    end(j);
    assert_int_equal(ml_journal_resume(j, "empty", &err), 0);
    assert_string_equal(rows(j, ML_QUERY_RUNS, NULL, " ended state exit "), "-|-|-|;");
    assert_int_equal(plan(j, "a"), 1);
    assert_int_equal(ml_journal_end(j, "partial", 3, 2, 99, &err), 0);
    assert_string_equal(rows(j, ML_QUERY_RUNS, NULL, " ended state exit noop "),
                        "99|partial|3|2|;");
    assert_int_equal(ml_journal_end(j, "done", 0, 0, 99, &err), -1);
    assert_int_equal(err.kind, ML_USAGE);
    ml_journal_close(j);
}

static void two_handles_exclude_each_other(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *a = open_at(p->path), *b = open_at(p->path);
    begin(a, "r1");
    begin(b, "r2");
    assert_true(ml_journal_is_running(a, 1));
    assert_true(ml_journal_is_running(b, 1));
    assert_true(ml_journal_is_running(a, 2));
    assert_false(ml_journal_is_running(a, 3));
    assert_false(ml_journal_is_running(a, 0));
    end(b);
    assert_int_equal(ml_journal_resume(b, "r1", &err), -1);
    assert_int_equal(err.kind, ML_CONFLICT);
    assert_false(ml_journal_broken(b, &err));
    end(a);
    assert_false(ml_journal_is_running(b, 1));
    assert_int_equal(ml_journal_resume(b, "r1", &err), 0);
    assert_true(ml_journal_is_running(a, 1));
    ml_journal_close(a);
    ml_journal_close(b);
}

/* In a child: opens, begins "r1", says so, and waits to be killed, at the latest with its
 * parent. */
static void hold_a_run(const char *path, int ready)
{
    struct ml_err err;
    struct ml_journal *j;
    struct ml_journal_run run = {.id = "r1", .kind = "run", .started = 1};
    struct ml_journal_change change = change_of("a");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (ml_journal_open(&(struct ml_journal_conf){.path = path}, &j, &err) < 0 ||
        ml_journal_begin(j, &run, &err) < 0 ||
        ml_journal_send(j, ml_journal_plan(j, &change), 1, 30) == 0 ||
        ml_journal_flush(j, &err) < 0 || write(ready, "1", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void the_lock_dies_with_its_process(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    char byte;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        hold_a_run(p->path, ready[1]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    struct ml_journal *j = open_at(p->path);
    assert_true(ml_journal_is_running(j, 1));
    assert_int_equal(ml_journal_resume(j, "r1", &err), -1);
    assert_int_equal(err.kind, ML_CONFLICT);
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "S|1|;");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(ml_journal_is_running(j, 1));
    assert_int_equal(ml_journal_resume(j, "r1", &err), 0);
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "U|1|;");
    ml_journal_close(j);
}

static void a_run_id_is_used_once(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    struct ml_journal_run run = {.id = "r1", .kind = "run", .started = 1};
    begin(j, "r1");
    assert_int_equal(ml_journal_begin(j, &run, &err), -1);
    assert_int_equal(err.kind, ML_USAGE);
    end(j);
    assert_int_equal(ml_journal_begin(j, &run, &err), -1);
    assert_int_equal(err.kind, ML_USAGE);
    assert_non_null(strstr(err.text, "r1"));
    begin(j, "r2");
    ml_journal_close(j);
}

static void without_a_run_nothing_is_queued(void **state)
{
    struct place *p = *state;
    struct ml_journal_change change = change_of("a");
    struct ml_journal *j = open_at(p->path);
    assert_int_equal(ml_journal_plan(j, &change), 0);
    assert_int_equal(ml_journal_send(j, 1, 1, 30), 0);
    note(j, 1, 1, 200, ML_CHANGE_NONE);
    move(j, 1, ML_CHANGE_FAILED);
    ml_journal_move_id(j, 1, &(struct ml_journal_end){.state = ML_CHANGE_FAILED});
    flush(j);
    ml_journal_close(j);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "0");
    ml_journal_close(NULL);
}

/* Plans the undo of change `id`, sends it; its seq. */
static uint64_t send_undo(struct ml_journal *j, const char *rkey, int64_t id, int64_t redoes)
{
    struct ml_journal_change change = change_of(rkey);
    change.undo_of = id;
    change.redoes = redoes;
    uint64_t seq = ml_journal_plan(j, &change);
    assert_int_equal(send_and_wait(j, seq, 1), ML_TICKET_COMMITTED);
    return seq;
}

static void a_confirmed_undo_makes_its_change_undone(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    struct ml_journal_run run = {.id = "u1", .kind = "undo", .undo_of = "r1", .started = 70};
    begin(j, "r1");
    whole(j, "a", ML_CHANGE_CONFIRMED);
    whole(j, "b", ML_CHANGE_CONFIRMED);
    whole(j, "c", ML_CHANGE_CONFIRMED);
    end(j);
    assert_int_equal(ml_journal_begin(j, &run, &err), 0);
    move(j, send_undo(j, "a", (1LL << 32) + 1, 0), ML_CHANGE_CONFIRMED);
    note(j, send_undo(j, "b", (1LL << 32) + 2, 0), 1, 200, ML_CHANGE_CONFIRMED);
    move(j, send_undo(j, "c", (1LL << 32) + 3, 0), ML_CHANGE_FAILED);
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq state ended "),
                        "1|V|40|;2|V|40|;3|C|40|;");
    /* The third is tried again, and then it works. */
    move(j, send_undo(j, "c", (1LL << 32) + 3, 3), ML_CHANGE_CONFIRMED);
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "V|3|;");
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "u1", " seq undo_of redoes state attempts "),
                        "1|4294967297|-|C|1|;2|4294967298|-|C|1|;4|4294967299|3|C|2|;");
    ml_journal_close(j);
}

static void an_undo_of_what_is_not_confirmed_breaks(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    whole(j, "a", ML_CHANGE_FAILED);
    move(j, send_undo(j, "a", (1LL << 32) + 1, 0), ML_CHANGE_CONFIRMED);
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_non_null(strstr(err.text, "change 2 of run number 1"));
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq state "), "1|F|;2|S|;");
    ml_journal_close(j);

    j = open_at(p->path);
    begin(j, "r2");
    move(j, send_undo(j, "b", (9LL << 32) + 1, 0), ML_CHANGE_CONFIRMED);
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_non_null(strstr(err.text, "not there"));
    ml_journal_close(j);
}

static void a_redone_change_counts_with_its_last_try(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r0");
    end(j);
    begin(j, "r1");
    whole(j, "a", ML_CHANGE_FAILED);
    whole(j, "b", ML_CHANGE_CONFIRMED);
    uint64_t again = plan_redo(j, "a", 1);
    assert_int_equal(send_and_wait(j, again, 1), ML_TICKET_COMMITTED);
    note(j, again, 1, 503, ML_CHANGE_PLANNED);
    assert_int_equal(send_and_wait(j, again, 2), ML_TICKET_COMMITTED);
    note(j, again, 2, 409, ML_CHANGE_CONFLICT);
    again = plan_redo(j, "a", (int64_t)again);
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq "), "2|;4|;");
    assert_int_equal(send_and_wait(j, again, 4), ML_TICKET_COMMITTED);
    note(j, again, 4, 200, ML_CHANGE_CONFIRMED);
    flush(j);
    assert_string_equal(rows(j, ML_QUERY_CHANGES, "r1", " seq redoes state attempts "),
                        "2|-|C|1|;4|3|C|4|;");
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r1", " state count "), "C|2|;");
    assert_string_equal(rows(j, ML_QUERY_ATTEMPTS, "r1", " seq n status "),
                        "2|1|200|;4|1|200|;4|2|503|;4|3|409|;4|4|200|;");
    assert_string_equal(rows(j, ML_QUERY_COUNTS, "r0", " state count "), "");
    ml_journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_from_plan_to_rest),
        TEST(runs_are_listed_newest_first),
        TEST(what_waits_is_committed_together_and_in_order),
        TEST(what_is_queued_is_written_at_the_close),
        TEST(a_second_open_change_on_an_object_is_refused_alone),
        TEST(an_open_change_of_another_run_refuses_too),
        TEST(resume_makes_what_was_sent_unknown),
        TEST(resume_takes_the_end_back),
        TEST(two_handles_exclude_each_other),
        TEST(the_lock_dies_with_its_process),
        TEST(a_run_id_is_used_once),
        TEST(without_a_run_nothing_is_queued),
        TEST(a_confirmed_undo_makes_its_change_undone),
        TEST(an_undo_of_what_is_not_confirmed_breaks),
        TEST(a_redone_change_counts_with_its_last_try),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
