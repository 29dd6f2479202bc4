/* SPDX-License-Identifier: MIT */
/*
 * The line of progress: when it comes and what it says. Time is an argument.
 */
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000

static void line_is(struct ml_progress *p, int64_t now, const struct moonlever_status *s,
                    size_t width, const char *want)
{
    struct ml_buf b;
    ml_buf_create(&b, 500);
    assert_int_equal(ml_progress_line(p, now, s, width, &b), 0);
    assert_string_equal(ml_buf_str(&b), want);
    ml_buf_destroy(&b);
}

static void live_begins_after_half_a_second(void **state)
{
    (void)state;
    struct ml_progress p;
    struct moonlever_status s = {.requests = 1};
    ml_progress_create(&p, ML_PROGRESS_LIVE, 7 * SECOND);
    assert_false(ml_progress_due(&p, 7 * SECOND + 499999));
    assert_true(ml_progress_due(&p, 7 * SECOND + 500000));
    line_is(&p, 7 * SECOND + 500000, &s, 0, "1 request  2.0/s");
    assert_false(ml_progress_due(&p, 7 * SECOND + 699999));
    assert_true(ml_progress_due(&p, 7 * SECOND + 700000));
}

static void a_log_gets_one_line_a_minute(void **state)
{
    (void)state;
    struct ml_progress p;
    struct moonlever_status s = {.requests = 60};
    ml_progress_create(&p, ML_PROGRESS_LOG, 0);
    assert_false(ml_progress_due(&p, 59 * SECOND));
    assert_true(ml_progress_due(&p, 60 * SECOND));
    line_is(&p, 60 * SECOND, &s, 0, "60 requests  1.0/s");
    assert_false(ml_progress_due(&p, 119 * SECOND));
    assert_true(ml_progress_due(&p, 120 * SECOND));
}

static void for_programs_there_is_json(void **state)
{
    (void)state;
    struct ml_progress p;
    struct ml_buf b;
    struct moonlever_status s = {.requests = 5, .in_flight = 2, .current = "a.b"};
    ml_buf_create(&b, 500);
    ml_progress_create(&p, ML_PROGRESS_JSON, 0);
    assert_false(ml_progress_due(&p, SECOND / 2 - 1));
    assert_true(ml_progress_due(&p, SECOND / 2));
    assert_int_equal(ml_progress_json(&p, SECOND / 2, &s, &b), 0);
    assert_string_equal(
        ml_buf_str(&b),
        "{\"work\":\"requests\",\"done\":5,\"total\":null,\"rate\":10,\"eta\":null,"
        "\"in_flight\":2,\"failed\":0,\"wait\":null,\"current\":\"a.b\"}");
    assert_false(ml_progress_due(&p, SECOND * 3 / 2 - 1));
    assert_true(ml_progress_due(&p, SECOND * 3 / 2));
    s = (struct moonlever_status){.changes_done = 10, .changes_total = 40, .changes_failed = 3};
    ml_progress_json(&p, 2 * SECOND, &s, &b); /* another kind of work: the rate begins anew */
    s.changes_done = 20;
    s.pause_us = 12 * SECOND;
    s.pause_status = 429;
    assert_int_equal(ml_progress_json(&p, 3 * SECOND, &s, &b), 0);
    assert_string_equal(
        ml_buf_str(&b),
        "{\"work\":\"changes\",\"done\":20,\"total\":40,\"rate\":10,\"eta\":2,"
        "\"in_flight\":0,\"failed\":3,\"wait\":{\"status\":429,\"seconds\":12.0},"
        "\"current\":\"\"}");
    ml_buf_destroy(&b);
    struct ml_buf small;
    ml_buf_create(&small, 60);
    assert_int_equal(ml_progress_json(&p, 4 * SECOND, &s, &small), -1);
    ml_buf_destroy(&small);
}

static void off_is_never_due(void **state)
{
    (void)state;
    struct ml_progress p;
    ml_progress_create(&p, ML_PROGRESS_OFF, 0);
    assert_false(ml_progress_due(&p, INT64_MAX));
}

static void changes_come_before_items_and_requests(void **state)
{
    (void)state;
    struct ml_progress p;
    struct moonlever_status s = {.requests = 3};
    ml_progress_create(&p, ML_PROGRESS_LIVE, 0);
    s.items_done = 200;
    s.items_total = 1200;
    line_is(&p, SECOND, &s, 0, "200 of 1,200 records");
    s.items_done = 300;
    line_is(&p, 2 * SECOND, &s, 0, "300 of 1,200 records  100/s  ETA 9 s");
    s.changes_done = 10;
    line_is(&p, 3 * SECOND, &s, 0, "10 changes");
    s.changes_done = 40;
    s.changes_total = 100;
    line_is(&p, 4 * SECOND, &s, 0, "40 of 100 changes  30/s  ETA 2 s");
}

static void waits_and_failures_are_named(void **state)
{
    (void)state;
    struct ml_progress p;
    struct moonlever_status s = {.changes_done = 117,
                                 .changes_total = 500,
                                 .changes_failed = 3,
                                 .in_flight = 8,
                                 .pause_us = 11500001,
                                 .pause_status = 429};
    strcpy(s.current, "screendesk.recordings.update");
    ml_progress_create(&p, ML_PROGRESS_LIVE, 0);
    line_is(&p, SECOND, &s, 0,
            "117 of 500 changes  429: waiting 12 s  3 failed  8 in flight  "
            "screendesk.recordings.update");
    s.pause_status = 0;
    line_is(&p, SECOND, &s, 40, "117 of 500 changes  waiting 12 s");
    line_is(&p, SECOND, &s, 10, "");
}

static void a_file_that_is_sent_shows_its_bytes(void **state)
{
    (void)state;
    struct ml_progress p;
    struct ml_buf b;
    struct moonlever_status s = {
        .requests = 1, .upload_done = 157286400, .upload_total = 314572800, .in_flight = 1};
    ml_progress_create(&p, ML_PROGRESS_LIVE, 0);
    line_is(&p, SECOND, &s, 0, "1 request  1.0/s  157.3 of 314.6 MB sent  1 in flight");
    ml_buf_create(&b, 500);
    assert_int_equal(ml_progress_json(&p, 2 * SECOND, &s, &b), 0);
    assert_non_null(
        strstr(ml_buf_str(&b), "\"upload\":{\"done\":157286400,\"total\":314572800}"));
    ml_buf_destroy(&b);
}

static void parts_that_do_not_fit_are_left_out(void **state)
{
    (void)state;
    struct moonlever_status s = {.changes_done = 117, .changes_total = 500, .in_flight = 8};
    strcpy(s.current, "screendesk.recordings.update");
    for (size_t width = 1; width < 100; width++) {
        struct ml_progress p;
        struct ml_buf b;
        ml_progress_create(&p, ML_PROGRESS_LIVE, 0);
        ml_buf_create(&b, 500);
        assert_int_equal(ml_progress_line(&p, SECOND, &s, width, &b), 0);
        assert_true(b.len <= width);
        ml_buf_destroy(&b);
    }
}

/* A pause must not freeze the rate, nor one burst promise the end in a second. */
static void the_rate_is_smoothed(void **state)
{
    (void)state;
    struct ml_progress p;
    struct ml_buf b;
    struct moonlever_status s = {.changes_done = 1, .changes_total = 100000};
    ml_progress_create(&p, ML_PROGRESS_LIVE, 0);
    ml_buf_create(&b, 500);
    ml_progress_line(&p, 0, &s, 0, &b);
    for (int i = 1; i <= 100; i++) {
        s.changes_done += 10;
        ml_progress_line(&p, (int64_t)i * SECOND, &s, 0, &b);
    }
    assert_true(p.rate > 9.9 && p.rate < 10.1);
    s.changes_done += 1000;
    ml_progress_line(&p, 101LL * SECOND, &s, 0, &b);
    assert_true(p.rate > 50 && p.rate < 200);
    for (int i = 102; i <= 200; i++)
        ml_progress_line(&p, (int64_t)i * SECOND, &s, 0, &b);
    assert_true(p.rate < 0.01);
    assert_null(strstr(b.data, "inf"));
    ml_buf_destroy(&b);
}

static void totals_that_were_too_small_are_not_shown(void **state)
{
    (void)state;
    struct ml_progress p;
    struct moonlever_status s = {.items_done = 33, .items_total = 30};
    ml_progress_create(&p, ML_PROGRESS_LIVE, 0);
    line_is(&p, SECOND, &s, 0, "33 records");
    s.items_done = s.items_total = 1;
    line_is(&p, 2 * SECOND, &s, 0, "1 of 1 record");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_begins_after_half_a_second),
        cmocka_unit_test(a_log_gets_one_line_a_minute),
        cmocka_unit_test(off_is_never_due),
        cmocka_unit_test(changes_come_before_items_and_requests),
        cmocka_unit_test(waits_and_failures_are_named),
        cmocka_unit_test(a_file_that_is_sent_shows_its_bytes),
        cmocka_unit_test(parts_that_do_not_fit_are_left_out),
        cmocka_unit_test(the_rate_is_smoothed),
        cmocka_unit_test(for_programs_there_is_json),
        cmocka_unit_test(totals_that_were_too_small_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
