/* SPDX-License-Identifier: MIT */
/* Header lines of an answer: kept, looked up, bounded; and what may be sent as one. */
#include "net/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void line(struct ml_buf *h, const char *text)
{
    ml_headers_line(h, text, strlen(text));
}

static void expect(const struct ml_buf *h, const char *name, const char *want)
{
    size_t len = 99;
    const char *value = ml_headers_find(h, name, &len);
    if (!want) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(value, want, len);
}

static void values_are_found(void **state)
{
    (void)state;
    struct ml_buf h;
    ml_buf_create(&h, ML_HEADERS_MAX);
    expect(&h, "a", NULL);
    line(&h, "HTTP/1.1 200 OK\r\n");
    line(&h, "Retry-After: \t 12 \r\n");
    line(&h, "X-Empty:\r\n");
    line(&h, "X-Colons: a:b: c\r\n");
    line(&h, "X-Twice: first\r\n");
    line(&h, "x-twice: second\r\n");
    line(&h, "Bare:x");
    line(&h, "\r\n");
    expect(&h, "retry-after", "12");
    expect(&h, "RETRY-AFTER", "12");
    expect(&h, "X-Empty", "");
    expect(&h, "X-Colons", "a:b: c");
    expect(&h, "X-Twice", "first");
    expect(&h, "Bare", "x");
    expect(&h, "Retry", NULL);
    expect(&h, "Retry-After:", NULL);
    expect(&h, "", NULL);
    ml_buf_destroy(&h);
}

static void a_status_line_begins_anew(void **state)
{
    (void)state;
    struct ml_buf h;
    ml_buf_create(&h, ML_HEADERS_MAX);
    line(&h, "HTTP/1.1 103 Early Hints\r\n");
    line(&h, "X-A: 1\r\n");
    line(&h, "HTTP/2 200\r\n");
    expect(&h, "x-a", NULL);
    ml_buf_destroy(&h);
}

static void lines_that_are_none_are_left_out(void **state)
{
    (void)state;
    struct ml_buf h;
    ml_buf_create(&h, ML_HEADERS_MAX);
    ml_headers_line(&h, "", 0);
    line(&h, "no colon\r\n");
    ml_headers_line(&h, "X-Nul: a\0b\r\n", 12);
    line(&h, "HTTP");
    assert_int_equal(h.len, 0);
    /* A line break inside would make two lines of one. */
    line(&h, "X-A: 1\nX-B: 2\r\n");
    line(&h, "X-A: 1\nno colon\r\n");
    line(&h, "X-C: 1\rX-D: 2\r\n");
    assert_int_equal(h.len, 0);
    ml_buf_destroy(&h);
}

static void the_ceiling_drops_what_does_not_fit(void **state)
{
    (void)state;
    struct ml_buf h;
    char text[64];
    ml_buf_create(&h, 32);
    line(&h, "X-First: 1\r\n");
    snprintf(text, sizeof text, "X-Long: %040d\r\n", 0);
    line(&h, text);
    line(&h, "X-Small: 2\r\n");
    expect(&h, "X-First", "1");
    expect(&h, "X-Long", NULL);
    expect(&h, "X-Small", "2");
    assert_true(h.len <= 32);
    ml_buf_destroy(&h);
}

static void names_and_values_that_may_be_sent(void **state)
{
    (void)state;
    assert_true(ml_headers_valid("X-A", "plain"));
    assert_true(ml_headers_valid("x_a~9", ""));
    assert_true(ml_headers_valid("A", "tab\there \xc3\xa9"));
    static const char *const names[] = {"",       "A B", "A:", "A\r", "A\n", "\xc3\xa9",
                                        "A\x01Z", "(A)", "A,", "A/B", "A@"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(ml_headers_valid(names[i], "v"));
    static const char *const values[] = {"\r", "\n", "a\r\nB: c", "\x01", "\x7f", "\x1b[0m"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_false(ml_headers_valid("A", values[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found),
        cmocka_unit_test(a_status_line_begins_anew),
        cmocka_unit_test(lines_that_are_none_are_left_out),
        cmocka_unit_test(the_ceiling_drops_what_does_not_fit),
        cmocka_unit_test(names_and_values_that_may_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
