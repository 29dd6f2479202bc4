/* SPDX-License-Identifier: MIT */
/* Where the journal of a run is, and how a run begins, is taken up, ends and is forgotten. */
#include "test_record_help.h"

/* --- where it is --- */

static void expect_path(const char *state, const char *home, const char *path)
{
    struct ml_record r;
    struct ml_err err = {0};
    state ? setenv("XDG_STATE_HOME", state, 1) : unsetenv("XDG_STATE_HOME");
    home ? setenv("HOME", home, 1) : unsetenv("HOME");
    ml_record_create(&r);
    r.env = true;
    const char *got = ml_record_path(&r, &err);
    if (path) {
        assert_non_null(got);
        assert_string_equal(got, path);
        assert_ptr_equal(ml_record_path(&r, &err), got); /* it is asked once */
    } else {
        assert_null(got);
        assert_int_equal(err.kind, ML_USAGE);
        assert_non_null(strstr(err.text, "set XDG_STATE_HOME or HOME"));
        assert_int_equal(ml_record_open(&r, true, &err), -1);
        assert_null(r.journal);
    }
    ml_record_destroy(&r);
}

static void where_the_journal_is(void **state)
{
    char longest[5000];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    users.home = "/u";
    expect_path("/s", "/h", "/s/moonlever/journal.db");
    expect_path("relative", "/h", "/h/.local/state/moonlever/journal.db");
    expect_path("", "/h", "/h/.local/state/moonlever/journal.db");
    expect_path(NULL, "/h", "/h/.local/state/moonlever/journal.db");
    expect_path(NULL, "", "/u/.local/state/moonlever/journal.db");
    expect_path(NULL, NULL, "/u/.local/state/moonlever/journal.db");
    expect_path(NULL, "relative", NULL);
    expect_path(longest, "/h", NULL);
    users.home = NULL; /* the user is in no list */
    expect_path(NULL, NULL, NULL);
    expect_path("/s", NULL, "/s/moonlever/journal.db");
    users.code = EIO; /* or there is none */
    expect_path(NULL, NULL, NULL);
    users.code = 0;
}

static void a_host_that_keeps_the_environment_out(void **state)
{
    struct ml_record r;
    struct ml_err err = {0};
    (void)state;
    setenv("XDG_STATE_HOME", "/s", 1);
    setenv("HOME", "/h", 1);
    users.home = "/u";
    ml_record_create(&r);
    without_memory = true;
    assert_null(ml_record_path(&r, &err));
    without_memory = false;
    assert_int_equal(err.kind, ML_MEMORY);
    assert_string_equal(ml_record_path(&r, &err), "/u/.local/state/moonlever/journal.db");
    ml_record_destroy(&r);
}

static void opened_to_read_then_to_write(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    assert_int_equal(ml_record_open(&b->r, false, &err), 0);
    assert_null(b->r.journal); /* there is none yet */
    assert_int_equal(ml_record_open(&b->r, true, &err), 0);
    struct ml_journal *j = b->r.journal;
    assert_non_null(j);
    assert_int_equal(ml_record_open(&b->r, true, &err), 0);
    assert_int_equal(ml_record_open(&b->r, false, &err), 0); /* it can do that too */
    assert_ptr_equal(b->r.journal, j);
    ml_record_close(&b->r);
    assert_int_equal(ml_record_open(&b->r, false, &err), 0);
    assert_non_null(b->r.journal);
    assert_false(b->r.journal->writes);
    assert_int_equal(ml_record_open(&b->r, false, &err), 0);
    assert_int_equal(ml_record_open(&b->r, true, &err), 0);
    assert_true(b->r.journal->writes);
}

/* --- a run --- */

static void arguments_are_kept_as_json(void **state)
{
    struct bench *b = *state;
    static const char *const argv[] = {"say \"x\\y\"\n\x01", "", "\xc3\xa9"};
    run_begin(&b->r, "r1");
    assert_string_equal(rows(b->r.journal, ML_QUERY_RUN, "r1", " args "), "[]|;");
    record_again(b);
    b->r.run.argc = 3;
    b->r.run.argv = argv;
    run_begin(&b->r, "r2");
    for (int i = 0; i < 3; i++) {
        char sql[80];
        snprintf(sql, sizeof sql,
                 "SELECT json_extract(args, '$[%d]') FROM run WHERE run = 'r2'", i);
        assert_string_equal(sql_text(b->place.path, sql), argv[i]);
    }
    assert_string_equal(sql_text(b->place.path, "SELECT json_array_length(args) FROM run WHERE"
                                                " run = 'r2'"),
                        "3");
}

/* [ "x..." , "y" ] may have a mebibyte in all, and each byte over it is one too many. */
static void arguments_that_have_no_room(void **state)
{
    struct bench *b = *state;
    const size_t most = 1 << 20, others = strlen("[\"\",\"y\"]");
    char *text = malloc(most + 1), id[20];
    const char *const argv[] = {text, "y"};
    for (size_t len = most - others; len <= most; len++) {
        struct ml_err err = {0};
        memset(text, 'x', len);
        text[len] = '\0';
        snprintf(id, sizeof id, "r%zu", len);
        record_again(b);
        b->r.run.argc = 2;
        b->r.run.argv = argv;
        int rc = ml_record_begin(&b->r, id, NULL, NULL, &err);
        assert_int_equal(rc, len == most - others ? 0 : -1);
        assert_true(b->r.broken == (rc < 0) && b->r.begun == (rc == 0));
        if (rc < 0) {
            assert_int_equal(err.kind, ML_GUARD);
            assert_non_null(strstr(err.text, "arguments of the script are too long"));
            assert_string_equal(rows(b->r.journal, ML_QUERY_RUN, id, " run "), "");
        }
    }
    free(text);
}

static void a_run_that_cannot_begin(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0}, again = {0};
    run_begin(&b->r, "r1");
    record_again(b);
    assert_int_equal(ml_record_begin(&b->r, "r1", NULL, NULL, &err), -1);
    assert_int_equal(err.kind, ML_GUARD);
    assert_non_null(strstr(err.text, "there is a run r1 already"));
    assert_true(b->r.broken);
    assert_int_equal(ml_record_finish(&b->r, "done", 0, 0), -1);
    /* Whatever comes after it, the first reason is the one. */
    free(b->r.path);
    b->r.path = strdup("/proc/journal.db");
    ml_journal_close(b->r.journal);
    b->r.journal = NULL;
    assert_int_equal(ml_record_begin(&b->r, "r2", NULL, NULL, &again), -1);
    assert_string_equal(again.text, err.text);
}

static void a_place_where_no_journal_can_be(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    free(b->r.path);
    b->r.path = strdup("/proc/journal.db");
    assert_int_equal(ml_record_resume(&b->r, "r1", &err), -1);
    assert_int_equal(err.kind, ML_GUARD);
    assert_non_null(strstr(err.text, "cannot open"));
    assert_true(b->r.broken);
}

static void a_run_is_taken_up(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    assert_int_equal(ml_record_resume(&b->r, "r1", &err), -1);
    assert_int_equal(err.kind, ML_NOTFOUND);
    assert_false(b->r.broken); /* that is the asker's matter */
    run_begin(&b->r, "r1");
    struct bench other = {.place = b->place};
    record_open(&other);
    assert_int_equal(ml_record_resume(&other.r, "r1", &err), -1);
    assert_int_equal(err.kind, ML_CONFLICT);
    assert_false(other.r.broken);
    assert_int_equal(ml_record_finish(&b->r, "partial", 3, 5), 0);
    assert_int_equal(ml_record_finish(&b->r, "done", 0, 0), 0); /* it has ended already */
    assert_string_equal(rows(b->r.journal, ML_QUERY_RUN, "r1", " state exit noop "),
                        "partial|3|5|;");
    assert_int_equal(ml_record_resume(&other.r, "r1", &err), 0);
    assert_true(other.r.begun);
    assert_int_equal(ml_record_resume(&other.r, "r1", &err), -1); /* it has one already */
    assert_int_equal(err.kind, ML_GUARD);
    assert_true(other.r.broken);
    ml_record_destroy(&other.r);
}

static void a_run_is_not_taken_up_without_memory(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    assert_int_equal(ml_record_open(&b->r, true, &err), 0);
    break_journal(&b->r); /* says that memory is out */
    assert_int_equal(ml_record_resume(&b->r, "r1", &err), -1);
    assert_int_equal(err.kind, ML_GUARD);
    assert_int_equal(b->r.why.kind, ML_MEMORY);
    assert_true(b->r.broken);
}

static void an_end_that_cannot_be_written(void **state)
{
    struct bench *b = *state;
    run_begin(&b->r, "r1");
    break_journal(&b->r);
    assert_int_equal(ml_record_finish(&b->r, "done", 0, 0), -1);
    assert_true(b->r.broken);
    assert_non_null(strstr(b->r.why.text, "a mouse ate it"));
}

static void old_runs_are_forgotten(void **state)
{
    struct bench *b = *state;
    struct ml_err err = {0};
    ml_record_forget(&b->r, 30); /* no journal is open */
    run_begin(&b->r, "r1");
    assert_int_equal(ml_record_finish(&b->r, "done", 0, 0), 0);
    ml_record_forget(&b->r, 30); /* it is not old */
    assert_string_equal(b->line, "");
    assert_int_equal(sql_run(b->place.path, "UPDATE run SET started = 1, ended = 2"),
                     SQLITE_OK);
    ml_record_forget(&b->r, 0); /* keep all */
    ml_record_close(&b->r);
    assert_int_equal(ml_record_open(&b->r, false, &err), 0);
    ml_record_forget(&b->r, 30); /* open to be read */
    assert_int_equal(ml_record_open(&b->r, true, &err), 0);
    b->r.broken = true;
    ml_record_forget(&b->r, 30);
    b->r.broken = false;
    assert_string_equal(b->line, "");
    assert_string_equal(sql_text(b->place.path, "SELECT count(*) FROM run"), "1");
    ml_record_forget(&b->r, 30);
    assert_int_equal(b->level, ML_LOG_INFO);
    assert_string_equal(b->line, "1 runs older than 30 days are gone from the journal");
    assert_string_equal(sql_text(b->place.path, "SELECT count(*) FROM run"), "0");
    break_journal(&b->r);
    ml_record_forget(&b->r, 30);
    assert_int_equal(b->level, ML_LOG_WARN);
    assert_non_null(strstr(b->line, "old runs stay in the journal: "));
    assert_non_null(strstr(b->line, "a mouse ate it"));
    assert_false(b->r.broken); /* nothing depends on it */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(where_the_journal_is),
        TEST(a_host_that_keeps_the_environment_out),
        TEST(opened_to_read_then_to_write),
        TEST(arguments_are_kept_as_json),
        TEST(arguments_that_have_no_room),
        TEST(a_run_that_cannot_begin),
        TEST(a_place_where_no_journal_can_be),
        TEST(a_run_is_taken_up),
        TEST(a_run_is_not_taken_up_without_memory),
        TEST(an_end_that_cannot_be_written),
        TEST(old_runs_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
