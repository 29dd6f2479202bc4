/* SPDX-License-Identifier: MIT */
/* Headers about waiting and rates: every documented form, and what is not one. */
#include "policy/hint.h"

#include "policy/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW 784111777000LL /* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 */
#define TOP ML_RETRY_AFTER_MAX_MS

/* A copy without a NUL, so that a sanitizer sees a read past the end. */
static char *copy(const char *text, size_t len)
{
    char *bytes = malloc(len ? len : 1);
    assert_non_null(bytes);
    memcpy(bytes, text, len);
    return bytes;
}

static int64_t retry_after(const char *text)
{
    char *bytes = copy(text, strlen(text));
    int64_t ms = ml_hint_retry_after(bytes, strlen(text), NOW);
    free(bytes);
    return ms;
}

static int64_t http_date(const char *text)
{
    char *bytes = copy(text, strlen(text));
    int64_t ms = ml_hint_http_date(bytes, strlen(text));
    free(bytes);
    return ms;
}

static void dates_in_the_three_forms(void **state)
{
    (void)state;
    assert_true(http_date("Sun, 06 Nov 1994 08:49:37 GMT") == NOW);
    assert_true(http_date("Sunday, 06-Nov-94 08:49:37 GMT") == NOW);
    assert_true(http_date("Sun Nov  6 08:49:37 1994") == NOW);
    assert_true(http_date("Wed Nov 16 08:49:37 1994") == NOW + 864000000LL);
    assert_true(http_date("  Sun, 06 Nov 1994 08:49:37 GMT\t") == NOW);
    assert_true(http_date("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
    assert_true(http_date("Friday, 06-Nov-26 08:49:37 GMT") == 1793954977000LL);
    assert_true(http_date("Sat, 31 Dec 2016 23:59:60 GMT") == 1483228800000LL);
}

/* Every day of eight centuries against the C library. */
static void dates_agree_with_the_library(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 800 * 365; day++) {
        time_t t = (time_t)(day * 86400 + 3723);
        struct tm tm;
        char text[40];
        gmtime_r(&t, &tm);
        size_t len = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_true(ml_hint_http_date(text, len) == (int64_t)t * 1000);
    }
}

static void malformed_dates(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "Sun",
        "Sun,",
        "Sun, ",
        "Foo, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 06 Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 1994-08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08-49:37 GMT",
        "Sun, 06 Nov 1994 08:4x:37 GMT",
        "Sun, 06 Nov 1994 08:49 37 GMT",
        "Sun, 06 Nov 1994 08:49:3",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Tue, 29 Feb 2100 08:49:37 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT",
        "Sunday 06-Nov-94 08:49:37 GMT",
        "Sunday,06-Nov-94 08:49:37 GMT",
        "Sunday, 6-Nov-94 08:49:37 GMT",
        "Sunday, 06 Nov-94 08:49:37 GMT",
        "Sunday, 06-Nox-94 08:49:37 GMT",
        "Sunday, 06-Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-9x 08:49:37 GMT",
        "Sunday, 06-Nov-94 0x:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 UTC",
        "Sun-Nov  6 08:49:37 1994",
        "Sun Nox  6 08:49:37 1994",
        "Sun Nov-06 08:49:37 1994",
        "Sun Nov  x 08:49:37 1994",
        "Sun Nov x6 08:49:37 1994",
        "Sun Nov  6-08:49:37 1994",
        "Sun Nov  6 08:49-37 1994",
        "Sun Nov  6 08:49:37-1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (http_date(bad[i]) != -1 || retry_after(bad[i]) != -1)
            fail_msg("taken as a date: '%s'", bad[i]);
    /* Cut anywhere, a date is none; and nothing behind the cut is read. */
    const char *good = "Sunday, 06-Nov-94 08:49:37 GMT";
    for (size_t len = 0; len < strlen(good); len++) {
        char *bytes = copy(good, len);
        assert_true(ml_hint_http_date(bytes, len) == -1);
        free(bytes);
    }
}

static void retry_after_in_all_forms(void **state)
{
    (void)state;
    assert_int_equal(retry_after("0"), 0);
    assert_int_equal(retry_after("120"), 120000);
    assert_int_equal(retry_after(" 2 "), 2000);
    assert_int_equal(retry_after("1.5"), 1500);
    assert_int_equal(retry_after("0.25"), 250);
    assert_int_equal(retry_after("899.999"), 899999);
    assert_int_equal(retry_after("901"), TOP);
    assert_int_equal(retry_after("99999999999999999999999999999999999999"), TOP);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:47 GMT"), 10000);
    assert_int_equal(retry_after("Sunday, 06-Nov-94 08:50:37 GMT"), 60000);
    assert_int_equal(retry_after("Sun Nov  6 08:49:38 1994"), 1000);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:49:36 GMT"), 0);
    assert_int_equal(retry_after("Sun, 06 Nov 2094 08:49:36 GMT"), TOP);
}

static void malformed_retry_after(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " ",    "-1",  "+1", "1e3",  "0x10", ".5",  "1.",
                                      "1.x", "1.5x", "1,5", "5s", "soon", "1 2",  "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (retry_after(bad[i]) != -1)
            fail_msg("taken as a wait: '%s'", bad[i]);
    assert_int_equal(ml_hint_retry_after("5\0", 2, NOW), -1);
}

/* One header into an empty hint. */
static struct ml_hint read_one(const char *name, const char *value, int used)
{
    struct ml_hint h;
    ml_hint_create(&h);
    char *bytes = copy(value, strlen(value));
    int got = ml_hint_header(&h, name, bytes, strlen(value), NOW);
    free(bytes);
    if (got != used)
        fail_msg("%s: %s: used %d", name, value, got);
    return h;
}

static void expect(struct ml_hint h, double remaining, double reset_s, double quota,
                   double window_s)
{
    if (h.remaining != remaining || h.reset_s != reset_s || h.quota != quota ||
        h.window_s != window_s)
        fail_msg("r=%g t=%g q=%g w=%g", h.remaining, h.reset_s, h.quota, h.window_s);
}

static void the_draft_fields(void **state)
{
    (void)state;
    expect(read_one("RateLimit", "\"default\";r=50;t=30", 1), 50, 30, -1, -1);
    expect(read_one("ratelimit", "default;r=0;t=30", 1), 0, 30, -1, -1);
    expect(read_one("RateLimit", "\"a;\\\"b\";pk=:Zm9v:;flag;r=7", 1), 7, -1, -1, -1);
    expect(read_one("RateLimit-Policy", "\"burst\";q=100;w=60,\"daily\";q=1000;w=86400", 1), -1,
           -1, 1000, 86400);
    expect(read_one("RateLimit-Policy", "\"p\" ; q=5 ; w=1 , \"d\";q=100;w=2", 1), -1, -1, 5,
           1);
    expect(read_one("RateLimit", "\"a\";r=50;t=100, \"b\";r=5;t=1", 1), 50, 100, -1, -1);
    /* Other units are not ours; requests are. */
    expect(read_one("RateLimit-Policy", "\"b\";q=9;w=1;qu=\"content-bytes\",\"r\";q=10;w=1", 1),
           -1, -1, 10, 1);
    expect(read_one("RateLimit-Policy", "\"b\";q=9;w=1;qu=\"requests\"", 1), -1, -1, 9, 1);
    expect(read_one("RateLimit-Policy", "\"b\";q=9;w=1;qu=\"requesto\"", 0), -1, -1, -1, -1);
    expect(read_one("RateLimit-Policy", "\"b\";qu=\"content-bytes\";q=9;w=1", 0), -1, -1, -1,
           -1);
    /* Without a window less is said than with one, whichever comes first. */
    expect(read_one("RateLimit-Policy", "\"a\";q=5,\"b\";q=100;w=60", 1), -1, -1, 100, 60);
    expect(read_one("RateLimit-Policy", "\"b\";q=100;w=60,\"a\";q=5", 1), -1, -1, 100, 60);
    expect(read_one("RateLimit-Policy", "\"a\";q=5,\"b\";q=4,\"c\";q=6", 1), -1, -1, 4, -1);
}

static void malformed_draft_fields_are_ignored_whole(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "\"a",
                                      "\"a\\",
                                      "\"a\\\"",
                                      ";r=5",
                                      "\"a\";",
                                      "\"a\";=5",
                                      "\"a\";r=",
                                      "\"a\";r=;t=3",
                                      "\"a\";r=5;t=3 x",
                                      "\"a\";r=5,,\"b\";r=3",
                                      "\"a\";r=5;t=\"3",
                                      "\"a\"",
                                      "\"a\";r=-5",
                                      "\"a\";r=5x",
                                      "\"a\";a-parameter-with-a-long-name=5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(read_one("RateLimit", bad[i], 0), -1, -1, -1, -1);
    struct ml_hint h;
    ml_hint_create(&h);
    assert_int_equal(ml_hint_header(&h, "RateLimit", "a\0;r=5", 6, NOW), 0);
}

static void the_older_fields(void **state)
{
    (void)state;
    expect(read_one("RateLimit-Limit", "100", 1), -1, -1, 100, -1);
    expect(read_one("RateLimit-Limit", "100, 100;w=60, 1000;w=3600;comment=\"x\"", 1), -1, -1,
           1000, 3600);
    expect(read_one("RateLimit-Limit", "many", 0), -1, -1, -1, -1);
    expect(read_one("RateLimit-Limit", "100 x", 0), -1, -1, -1, -1);
    expect(read_one("RateLimit-Remaining", "12", 1), 12, -1, -1, -1);
    expect(read_one("RateLimit-Remaining", "12 ", 1), 12, -1, -1, -1);
    expect(read_one("RateLimit-Remaining", "12a", 0), -1, -1, -1, -1);
    expect(read_one("RateLimit-Remaining", "", 0), -1, -1, -1, -1);
    expect(read_one("RateLimit-Reset", "30", 1), -1, 30, -1, -1);
    expect(read_one("X-RateLimit-Limit", "5000", 1), -1, -1, 5000, -1);
    expect(read_one("x-ratelimit-remaining", "4999", 1), 4999, -1, -1, -1);
    expect(read_one("X-Rate-Limit-Reset", "1.5", 1), -1, 1.5, -1, -1);
    expect(read_one("X-RateLimit-Reset", "", 0), -1, -1, -1, -1);
    expect(read_one("X-RateLimit-Reset", "5;w=1", 0), -1, -1, -1, -1);
    expect(read_one("X-RateLimit-Used", "5", 0), -1, -1, -1, -1);
}

static void resets_are_told_apart_by_size(void **state)
{
    (void)state;
    int64_t wall = 1700000000000LL;
    static const struct {
        const char *text;
        double seconds;
    } rows[] = {{"999999999", 999999999}, {"1700000060", 60}, {"1700000060000", 60},
                {"1699999999", 0},        {"1000000000", 0},  {"1000000000000", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ml_hint h;
        ml_hint_create(&h);
        assert_int_equal(
            ml_hint_header(&h, "X-RateLimit-Reset", rows[i].text, strlen(rows[i].text), wall),
            1);
        assert_true(h.reset_s == rows[i].seconds);
    }
}

static void several_headers_leave_the_stricter(void **state)
{
    (void)state;
    struct ml_hint h;
    ml_hint_create(&h);
    ml_hint_header(&h, "X-RateLimit-Remaining", "50", 2, NOW);
    ml_hint_header(&h, "RateLimit-Remaining", "40", 2, NOW);
    ml_hint_header(&h, "X-RateLimit-Remaining", "60", 2, NOW);
    ml_hint_header(&h, "RateLimit-Reset", "10", 2, NOW);
    ml_hint_header(&h, "X-RateLimit-Reset", "5", 1, NOW);
    expect(h, 40, 10, -1, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_in_the_three_forms),
        cmocka_unit_test(dates_agree_with_the_library),
        cmocka_unit_test(malformed_dates),
        cmocka_unit_test(retry_after_in_all_forms),
        cmocka_unit_test(malformed_retry_after),
        cmocka_unit_test(the_draft_fields),
        cmocka_unit_test(malformed_draft_fields_are_ignored_whole),
        cmocka_unit_test(the_older_fields),
        cmocka_unit_test(resets_are_told_apart_by_size),
        cmocka_unit_test(several_headers_leave_the_stricter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
