/* SPDX-License-Identifier: MIT */
/*
 * A host that watches the descriptor alone, without any timeout: sleeps, tasks
 * that a dispatch left over, limits of time and a cancel all make it readable.
 */
#include <moonlever.h>

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FOREVER_MS 60000 /* a test that waits for so long has failed */

static moonlever *h;
static char output[100];

static void on_output(void *ud, const char *text, size_t len)
{
    (void)ud;
    strncat(output, text, len);
}

static int set_up(void **state)
{
    (void)state;
    output[0] = '\0';
    if (moonlever_open(&h) != MOONLEVER_OK)
        return -1;
    moonlever_on_output(h, on_output, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moonlever_close(h);
    return 0;
}

static void start(const char *text)
{
    assert_int_equal(moonlever_run_text(h, "loop", text, strlen(text), 0, NULL), MOONLEVER_OK);
}

/* How many dispatches it took. */
static unsigned watch_descriptor(int cancel_at)
{
    unsigned n = 0;
    struct pollfd fd = {.fd = moonlever_fd(h), .events = POLLIN};
    for (; !moonlever_run_done(h); n++) {
        assert_int_equal(poll(&fd, 1, FOREVER_MS), 1);
        assert_int_equal(moonlever_dispatch(h), MOONLEVER_OK);
        if ((int)n == cancel_at)
            moonlever_cancel(h);
    }
    return n;
}

static void sleeps(void **state)
{
    (void)state;
    start("local m = require 'moonlever' for i = 1, 3 do m.sleep(0.005) end print 'slept'");
    watch_descriptor(-1);
    assert_string_equal(output, "slept\n");
}

static void tasks_that_are_left_over(void **state)
{
    (void)state;
    start("local m = require 'moonlever' local n = 0 "
          "m.map({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, function() "
          "for i = 1, 400000 do n = n + 1 end end, { concurrency = 10 }) print(n)");
    assert_true(watch_descriptor(-1) > 3); /* 2 ms of each, at least a step */
    assert_string_equal(output, "4000000\n");
}

static void time_is_over(void **state)
{
    (void)state;
    assert_int_equal(moonlever_set(h, "max_time", "0.05"), MOONLEVER_OK);
    start("require 'moonlever'.sleep(3600)");
    watch_descriptor(-1);
    assert_int_equal(moonlever_exit_code(h), 6);
}

static void cancelled_between_dispatches(void **state)
{
    (void)state;
    start("require 'moonlever'.sleep(3600)");
    watch_descriptor(0);
    assert_int_equal(moonlever_exit_code(h), 130);
}

static void another_run_has_another_descriptor(void **state)
{
    (void)state;
    assert_int_equal(moonlever_fd(h), -1);
    start("print(1)");
    watch_descriptor(-1);
    start("print(2)");
    watch_descriptor(-1);
    assert_string_equal(output, "1\n2\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sleeps),
        TEST(tasks_that_are_left_over),
        TEST(time_is_over),
        TEST(cancelled_between_dispatches),
        TEST(another_run_has_another_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
