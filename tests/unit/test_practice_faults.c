/* SPDX-License-Identifier: MIT */
/* Faults: the text that asks for them, and what then comes over the wire. */
#include "test_practice_client.h"

#include "practice/fate.h"

#include <poll.h>

#define RENAME "{\"recording\":{\"title\":\"renamed\"}}"
#define DAY_MS INT64_C(1748736000000) /* Sun, 01 Jun 2025 00:00:00 GMT */

static void test_text_is_understood(void **state)
{
    (void)state;
    struct ml_faults f;
    struct ml_err err;
    assert_int_equal(ml_faults_parse(NULL, &f, &err), 0);
    assert_int_equal(ml_faults_parse(" ", &f, &err), 0);
    assert_true(f.share[ML_BREAK_429] == 0 && f.rate == 0 && f.retry_after < 0);
    assert_int_equal(
        ml_faults_parse("429=5%, reset-after-apply=0.5% ,slow=10%:300,rate=50/s,"
                        "burst=5,429-form=date,retry-after=0.05,only=write,loop-pages,"
                        "late-page-error=3,latency=20ms",
                        &f, &err),
        0);
    assert_true(f.share[ML_BREAK_429] == 0.05);
    assert_true(f.share[ML_BREAK_RESET_AFTER] == 0.005);
    assert_true(f.slow_share == 0.1 && f.slow_ms == 300 && f.latency_ms == 20);
    assert_true(f.rate == 50 && f.burst == 5 && f.retry_after == 0.05);
    assert_int_equal(f.form, ML_AFTER_DATE);
    assert_int_equal(f.only, ML_ONLY_WRITE);
    assert_true(f.loop_pages && f.late_page == 3 && !f.repeat_page);
    assert_int_equal(ml_faults_parse("slow=200", &f, &err), 0);
    assert_true(f.slow_share == 1 && f.slow_ms == 200);
    assert_int_equal(ml_faults_parse("500=50%,502=50%", &f, &err), 0);
    assert_int_equal(
        ml_faults_parse("late-apply=2%:80,accept=0.5%:120ms,accept-drop=1%,twins", &f, &err),
        0);
    assert_true(f.share[ML_BREAK_LATE] == 0.02 && f.late_ms == 80);
    assert_true(f.share[ML_BREAK_ACCEPT] == 0.005 && f.accept_ms == 120);
    assert_true(f.share[ML_BREAK_ACCEPT_DROP] == 0.01 && f.twins);
}

static void test_text_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *text, *says;
    } cases[] = {{"439=5%", "429"},
                 {"429", "429"},
                 {"429=5", "5%"},
                 {"429=101%", "100%"},
                 {"429=-1%", "share"},
                 {"429=inf%", "share"},
                 {"429=1.2.3%", "share"},
                 {"429=5%%", "share"},
                 {"429=5%,429=6%", "twice"},
                 {"429=60%,500=60%", "120"},
                 {"slow=5%", "slow"},
                 {"slow=5%:", "slow"},
                 {"slow=5:5", "slow"},
                 {"slow=:5", "slow"},
                 {"late-apply=5%", "milliseconds"},
                 {"late-apply=80", "share"},
                 {"late-apply=5%:", "milliseconds"},
                 {"accept=5%:1h", "milliseconds"},
                 {"accept=500%:1", "share"},
                 {"accept-drop=5%:10", "share"},
                 {"accept=60%:1,late-apply=60%:1", "120"},
                 {"latency=1h", "latency"},
                 {"rate=0", "rate"},
                 {"burst=3", "rate"},
                 {"rate=5/m", "rate"},
                 {"429-form=soon", "mixed"},
                 {"only=both", "read"},
                 {"loop-pages=1", "alone"},
                 {"late-page-error=0", "1"},
                 {"late-page-error=1.5", "whole"},
                 {",", "''"},
                 {"429=5%,", "''"},
                 {"=5%", "''"},
                 {"429=99999999999999999999999999999%", "share"}};
    struct ml_faults f = {.rate = 7};
    struct ml_err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (ml_faults_parse(cases[i].text, &f, &err) == 0)
            fail_msg("'%s' is taken", cases[i].text);
        assert_int_equal(err.kind, ML_USAGE);
        if (!strstr(err.text, cases[i].says))
            fail_msg("'%s': %s", cases[i].text, err.text);
        assert_true(f.rate == 7); /* untouched */
    }
    const char *help = ml_practice_fault_help();
    for (int kind = ML_BREAK_NONE + 1; kind < ML_BREAKS; kind++)
        assert_non_null(strstr(help, ml_break_name((enum ml_break)kind)));
    assert_null(ml_break_name(ML_BREAK_NONE));
}

static void test_shares_are_kept(void **state)
{
    (void)state;
    struct ml_faults f;
    struct ml_err err;
    struct ml_dice dice = {0};
    struct ml_fate fate, again;
    unsigned hits[ML_BREAKS] = {0};
    assert_int_equal(ml_faults_parse("429=5%,500=20%,hang=10%", &f, &err), 0);
    for (unsigned long n = 1; n <= 20000; n++) {
        ml_fate_choose(&f, &dice, 1, n, true, 1, 1, &fate);
        ml_fate_choose(&f, &dice, 1, n, true, 9, 9, &again);
        assert_int_equal(fate.kind, again.kind); /* the number decides, nothing else */
        hits[fate.kind]++;
    }
    assert_in_range(hits[ML_BREAK_429], 850, 1150);
    assert_in_range(hits[ML_BREAK_500], 3800, 4200);
    assert_in_range(hits[ML_BREAK_HANG], 1850, 2150);
    assert_int_equal(ml_faults_parse("500=100%,only=read", &f, &err), 0);
    ml_fate_choose(&f, &dice, 1, 1, true, 1, 1, &fate);
    assert_int_equal(fate.kind, ML_BREAK_NONE);
    ml_fate_choose(&f, &dice, 1, 1, false, 1, 1, &fate);
    assert_int_equal(fate.kind, ML_BREAK_500);
}

static void test_retry_after_forms(void **state)
{
    (void)state;
    const char *const forms[] = {"seconds", "decimal", "date", "none"};
    const char *const values[] = {"1", "0.050", "Sun, 01 Jun 2025 00:00:01 GMT", ""};
    struct ml_faults f;
    struct ml_err err;
    struct ml_dice dice = {0};
    struct ml_fate fate;
    for (int i = 0; i < 4; i++) {
        char text[80];
        snprintf(text, sizeof text, "429=100%%,retry-after=0.05,429-form=%s", forms[i]);
        assert_int_equal(ml_faults_parse(text, &f, &err), 0);
        ml_fate_choose(&f, &dice, 1, 1, true, 1, DAY_MS, &fate);
        assert_string_equal(fate.retry_after, values[i]);
    }
    assert_int_equal(ml_faults_parse("429=100%", &f, &err), 0);
    const char *const mixed[] = {"", "1", "0.200", "Sun, 01 Jun 2025 00:00:01 GMT", ""};
    for (int i = 0; i < 5; i++) {
        ml_fate_choose(&f, &dice, 1, 1, true, 1, DAY_MS, &fate);
        assert_string_equal(fate.retry_after, mixed[i]);
    }
    assert_int_equal(ml_faults_parse("503=100%,retry-after=2", &f, &err), 0);
    ml_fate_choose(&f, &dice, 1, 1, true, 1, DAY_MS, &fate);
    assert_string_equal(fate.retry_after, "2");
}

static void test_rate_is_a_token_bucket(void **state)
{
    (void)state;
    struct ml_faults f;
    struct ml_err err;
    struct ml_dice dice = {0};
    struct ml_fate fate;
    unsigned passed = 0;
    assert_int_equal(ml_faults_parse("rate=10/s,burst=5,429-form=decimal", &f, &err), 0);
    /* Ten seconds at 100 requests a second: the burst, then ten a second. */
    for (unsigned long n = 1; n <= 1000; n++) {
        ml_fate_choose(&f, &dice, 1, n, true, 1000000 + (int64_t)n * 10000, DAY_MS, &fate);
        passed += fate.kind == ML_BREAK_NONE;
        assert_true(fate.limited == (fate.kind == ML_BREAK_429));
        if (fate.limited)
            assert_in_range(atof(fate.retry_after) * 1000, 0, 100);
    }
    assert_in_range(passed, 103, 106);
}

/* One PATCH of the first recording; *applied tells whether the server carried it out. */
static struct reply patch_first(const struct ml_practice *p, const char *faults, int *applied)
{
    char uuid[37], path[80], body[120];
    first_uuid(p, uuid);
    snprintf(body, sizeof body, "{\"faults\":\"%s\"}", faults);
    assert_int_equal(ask_status(p, "POST", "/practice/faults", NONE, body), 200);
    snprintf(path, sizeof path, "/api/v2/recordings/%s", uuid);
    struct reply r = ask(p, "PATCH", path, REST, RENAME);
    assert_int_equal(ask_status(p, "POST", "/practice/faults", NONE, "{\"faults\":\"\"}"), 200);
    json_t *rec = ask_json(p, "GET", path, REST, NULL, 200);
    const char *title = text_at(rec, "title");
    *applied = title && strcmp(title, "renamed") == 0;
    json_decref(rec);
    return r;
}

static void test_each_break_over_the_wire(void **state)
{
    (void)state;
    const struct {
        const char *faults;
        int status, applied, error;
    } cases[] = {{"429=100%", 429, 0, 0},
                 {"500=100%", 500, 0, 0},
                 {"502=100%", 502, 0, 0},
                 {"503=100%", 503, 0, 0},
                 {"reset=100%", 0, 0, ECONNRESET},
                 {"stale=100%", 200, 0, 0},
                 {"500=100%,only=read", 200, 1, 0},
                 {"500-after-apply=100%", 500, 1, 0},
                 {"reset-after-apply=100%", 0, 1, ECONNRESET},
                 {"close-after-apply=100%", 0, 1, 0},
                 {"accept-drop=100%", 202, 0, 0},
                 {"accept=100%:600000", 202, 0, 0},
                 {"late-apply=100%:600000", 0, 0, 0},
                 {"late-apply=100%:1,only=read", 200, 1, 0},
                 {"half-body=100%", 200, 1, 0},
                 {"half-body-chunked=100%", 200, 1, 0},
                 {"garbage=100%", 200, 1, 0},
                 {"empty=100%", 200, 1, 0},
                 {"drip=100%", 200, 1, 0},
                 {"slow=5", 200, 1, 0},
                 {"latency=5", 200, 1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ml_practice *p = start(NULL, 5);
        int applied;
        struct reply r = patch_first(p, cases[i].faults, &applied);
        if (r.status != cases[i].status || applied != cases[i].applied ||
            r.error != cases[i].error)
            fail_msg("%s: status %d, applied %d, error %d", cases[i].faults, r.status, applied,
                     r.error);
        reply_free(&r);
        ml_practice_stop(p);
    }
}

static void test_bodies_are_cut(void **state)
{
    (void)state;
    struct ml_practice *p = start("half-body=100%", 20);
    struct reply r = ask(p, "GET", "/api/v2/recordings", REST, NULL);
    assert_true(r.declared > 5000);
    assert_int_equal(r.len, r.declared / 2);
    reply_free(&r);
    /* Nothing can be cut off a 204: it comes whole, and the log does not claim otherwise. */
    assert_int_equal(ask_status(p, "DELETE", "/api/v2/scim/Users/9043", SCIM, NULL), 204);
    json_t *entry = last_entry(p);
    assert_true(json_is_null(at(entry, "fault")));
    json_decref(entry);
    ml_practice_stop(p);

    p = start("half-body-chunked=100%", 20);
    r = ask(p, "GET", "/api/v2/recordings", REST, NULL);
    assert_int_equal(r.declared, -1);
    assert_non_null(strcasestr(r.text, "Transfer-Encoding: chunked"));
    assert_true(r.len > 2000);
    assert_null(strstr(r.body, "\r\n0\r\n")); /* the last chunk never comes */
    reply_free(&r);
    ml_practice_stop(p);

    p = start("drip=100%", 20);
    json_t *page = ask_json(p, "GET", "/api/v2/recordings", REST, NULL, 200);
    assert_int_equal(json_array_size(at(page, "records")), 10);
    json_decref(page);
    ml_practice_stop(p);

    p = start("garbage=100%", 20);
    r = ask(p, "GET", "/api/v2/recordings", REST, NULL);
    assert_non_null(strstr(r.text, "text/html"));
    assert_non_null(strstr(r.body, "<html>"));
    reply_free(&r);
    ml_practice_stop(p);

    p = start("empty=100%", 20);
    r = ask(p, "GET", "/api/v2/recordings", REST, NULL);
    assert_int_equal(r.declared, 0);
    reply_free(&r);
    ml_practice_stop(p);
}

static void test_hang_is_let_go_at_stop(void **state)
{
    (void)state;
    struct ml_practice *p = start("hang=100%", 5);
    int fd[20];
    for (int i = 0; i < 20; i++) {
        fd[i] = dial(p);
        send_request(p, fd[i], "GET", "/api/v2/recordings", REST, NULL);
    }
    long requests = 0;
    while (requests < 20) { /* all have arrived; ctest ends this if they never do */
        json_t *counts = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
        requests = int_at(counts, "requests");
        json_decref(counts);
    }
    for (int i = 0; i < 20; i++) {
        struct pollfd quiet = {.fd = fd[i], .events = POLLIN};
        assert_int_equal(poll(&quiet, 1, 0), 0);
    }
    ml_practice_stop(p);
    for (int i = 0; i < 20; i++) {
        struct reply r = read_reply(fd[i]);
        assert_int_equal(r.status, 0);
        reply_free(&r);
    }
}

/* The first entry of the log that says "late"; waits for it. The caller frees it. */
static json_t *late_entry(const struct ml_practice *p)
{
    for (;;) { /* ctest ends this if it never comes */
        json_t *log = ask_json(p, "GET", "/practice/log", NONE, NULL, 200);
        for (size_t i = 0; i < json_array_size(log); i++) {
            json_t *entry = json_incref(json_array_get(log, i));
            if (at(entry, "late")) {
                json_decref(log);
                return entry;
            }
            json_decref(entry);
        }
        json_decref(log);
        poll(NULL, 0, 1);
    }
}

/* A PATCH whose change comes late, and a read before it that is numbered 1. */
static void check_late(const char *faults, int status, const char *fault)
{
    struct ml_practice *p = start(faults, 5);
    char uuid[37], path[80];
    first_uuid(p, uuid);
    snprintf(path, sizeof path, "/api/v2/recordings/%s", uuid);
    assert_int_equal(ask_status(p, "PATCH", path, REST, RENAME), status);
    json_t *entry = late_entry(p);
    assert_int_equal(int_at(entry, "late"), 2);
    assert_int_equal(int_at(entry, "n"), 3);
    assert_int_equal(int_at(entry, "status"), 200);
    assert_true(json_is_true(at(entry, "applied")));
    assert_string_equal(text_at(entry, "fault"), fault);
    assert_string_equal(text_at(entry, "body"), RENAME);
    json_decref(entry);
    json_t *log = ask_json(p, "GET", "/practice/log", NONE, NULL, 200);
    assert_true(json_is_false(at(log, "1.applied")));
    assert_null(at(log, "1.late"));
    json_decref(log);
    json_t *rec = ask_json(p, "GET", path, REST, NULL, 200);
    assert_string_equal(text_at(rec, "title"), "renamed");
    json_decref(rec);
    json_t *counts = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
    assert_int_equal(int_at(counts, "requests"), 3); /* what came late was no request */
    json_t *operation =
        json_object_get(at(counts, "operations"), "screendesk.recordings.update");
    assert_int_equal(int_at(operation, "received"), 1);
    assert_int_equal(int_at(operation, "applied"), 1);
    json_decref(counts);
    ml_practice_stop(p);
}

static void test_changes_come_late(void **state)
{
    (void)state;
    check_late("late-apply=100%:5", 0, "late-apply");
    check_late("accept=100%:5", 202, "accept");
    check_late("late-apply=100%:0", 0, "late-apply");
    /* A later change is checked when it comes: a refused one changes nothing. */
    struct ml_practice *p = start("accept=100%:1", 5);
    assert_int_equal(ask_status(p, "DELETE", "/api/v2/scim/Users/1", SCIM, NULL), 202);
    json_t *entry = late_entry(p);
    assert_int_equal(int_at(entry, "status"), 404);
    assert_true(json_is_false(at(entry, "applied")));
    json_decref(entry);
    ml_practice_stop(p);
}

static void test_twins(void **state)
{
    (void)state;
    const char *body = "{\"userName\":\"twin@crash.example\"}";
    struct ml_practice *p = start("twins", 5);
    assert_int_equal(ask_status(p, "POST", "/api/v2/scim/Users", SCIM, body), 201);
    assert_int_equal(ask_status(p, "POST", "/api/v2/scim/Users", SCIM, body), 201);
    assert_int_equal(ask_status(p, "POST", "/practice/faults", NONE, "{\"faults\":\"\"}"), 200);
    assert_int_equal(ask_status(p, "POST", "/api/v2/scim/Users", SCIM, body), 422);
    ml_practice_stop(p);
}

static json_t *page_of(const struct ml_practice *p, int number)
{
    char path[64];
    snprintf(path, sizeof path, "/api/v2/recordings?page=%d", number);
    return ask_json(p, "GET", path, REST, NULL, 200);
}

static void test_lists_that_misbehave(void **state)
{
    (void)state;
    struct ml_practice *p = start("loop-pages", 30);
    json_t *page = page_of(p, 2);
    assert_int_equal(int_at(page, "pagination.next_page"), 1);
    json_decref(page);
    ml_practice_stop(p);

    p = start("repeat-page", 30);
    json_t *first = page_of(p, 1);
    page = page_of(p, 2);
    assert_int_equal(int_at(page, "pagination.page"), 2);
    assert_true(json_equal(at(first, "records"), at(page, "records")));
    json_decref(page);
    json_decref(first);
    ml_practice_stop(p);

    p = start("shrink-pages", 100);
    first = page_of(p, 1);
    page = page_of(p, 2);
    assert_int_equal(int_at(first, "pagination.count"), 100);
    assert_int_equal(int_at(page, "pagination.count"), 50);
    assert_int_equal(int_at(page, "pagination.last_page"), 5);
    json_decref(page);
    page = page_of(p, 7);
    assert_int_equal(json_array_size(at(page, "records")), 0);
    json_decref(page);
    json_decref(first);
    ml_practice_stop(p);

    p = start("late-page-error=3", 30);
    assert_int_equal(ask_status(p, "GET", "/api/v2/recordings?page=2", REST, NULL), 200);
    json_t *error = ask_json(p, "GET", "/api/v2/recordings?page=3", REST, NULL, 500);
    assert_string_equal(text_at(error, "error.code"), "500"); /* a text (SD-09) */
    json_decref(error);
    ml_practice_stop(p);
}

static void test_pages_shift(void **state)
{
    (void)state;
    struct ml_practice *p = start("shifting-pages=100%", 100);
    int inserts = 0, removals = 0;
    for (int i = 0; i < 20; i++) {
        json_t *before = page_of(p, 1); /* the first page does not shift */
        json_t *page = page_of(p, 2);
        long moved = int_at(page, "pagination.count") - int_at(before, "pagination.count");
        assert_true(moved == 1 || moved == -1);
        inserts += moved == 1;
        removals += moved == -1;
        if (moved == 1) /* the last of page 1 is the first of page 2 now */
            assert_true(json_equal(at(page, "records.0"), at(before, "records.9")));
        json_decref(before);
        json_decref(page);
    }
    assert_true(inserts > 0 && removals > 0);
    json_t *entry = last_entry(p);
    assert_string_equal(text_at(entry, "fault"), "shifting-pages");
    json_decref(entry);
    ml_practice_stop(p);
}

static void test_changing_faults(void **state)
{
    (void)state;
    struct ml_practice *p = start("500=100%", 5);
    assert_int_equal(ask_status(p, "GET", "/api/v2/users", REST, NULL), 500);
    json_t *error =
        ask_json(p, "POST", "/practice/faults", NONE, "{\"faults\":\"5000=1%\"}", 400);
    assert_non_null(strstr(text_at(error, "error"), "5000"));
    json_decref(error);
    assert_int_equal(ask_status(p, "POST", "/practice/faults", NONE, "{\"x\":1}"), 400);
    assert_int_equal(ask_status(p, "GET", "/api/v2/users", REST, NULL), 500); /* as before */
    assert_int_equal(ask_status(p, "POST", "/practice/faults", NONE, "{\"faults\":\"\"}"), 200);
    assert_int_equal(ask_status(p, "GET", "/api/v2/users", REST, NULL), 200);
    json_t *counts = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
    assert_int_equal(int_at(counts, "faults.500"), 2);
    assert_int_equal(int_at(counts, "requests"), 3);
    json_decref(counts);
    json_t *log = ask_json(p, "GET", "/practice/log?since=2", NONE, NULL, 200);
    assert_int_equal(json_array_size(log), 1);
    assert_int_equal(int_at(log, "0.n"), 3);
    json_decref(log);
    assert_int_equal(ask_status(p, "GET", "/practice/log?since=x", NONE, NULL), 400);
    assert_int_equal(ask_status(p, "GET", "/practice/else", NONE, NULL), 404);
    assert_int_equal(ask_status(p, "POST", "/practice/log", NONE, NULL), 404);
    ml_practice_stop(p);
}

static void test_log_file(void **state)
{
    (void)state;
    char path[] = "/tmp/practice-log-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct ml_practice_conf conf;
    struct ml_practice *p;
    struct ml_err err;
    ml_practice_defaults(&conf);
    conf.log_path = path;
    conf.faults = "reset-after-apply=100%,only=write";
    assert_int_equal(ml_practice_start(&conf, &p, &err), 0);
    char uuid[37], target[80], line[1000];
    first_uuid(p, uuid);
    snprintf(target, sizeof target, "/api/v2/recordings/%s", uuid);
    assert_int_equal(ask_status(p, "PATCH", target, REST, RENAME), 0);
    FILE *file = fopen(path, "r"); /* before the stop: the line is there before the answer */
    assert_non_null(file);
    int lines = 0;
    while (fgets(line, sizeof line, file)) {
        json_t *entry = json_loads(line, 0, NULL);
        assert_int_equal(int_at(entry, "n"), ++lines);
        assert_null(strstr(line, ml_practice_token(p)));
        if (lines == 2) {
            assert_string_equal(text_at(entry, "method"), "PATCH");
            assert_string_equal(text_at(entry, "path"), target);
            assert_string_equal(text_at(entry, "fault"), "reset-after-apply");
            assert_true(json_is_true(at(entry, "applied")));
            assert_int_equal(int_at(entry, "status"), 0);
        }
        json_decref(entry);
    }
    assert_int_equal(lines, 2);
    fclose(file);
    unlink(path);
    ml_practice_stop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_understood),
        cmocka_unit_test(test_text_is_refused),
        cmocka_unit_test(test_shares_are_kept),
        cmocka_unit_test(test_retry_after_forms),
        cmocka_unit_test(test_rate_is_a_token_bucket),
        cmocka_unit_test(test_each_break_over_the_wire),
        cmocka_unit_test(test_bodies_are_cut),
        cmocka_unit_test(test_hang_is_let_go_at_stop),
        cmocka_unit_test(test_changes_come_late),
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_lists_that_misbehave),
        cmocka_unit_test(test_pages_shift),
        cmocka_unit_test(test_changing_faults),
        cmocka_unit_test(test_log_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
