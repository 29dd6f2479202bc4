/* SPDX-License-Identifier: MIT */
/* Confinement as a host meets it: settings and defaults, what is trusted, and what it can see.
 */
#include <moonlever.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct host {
    moonlever *h;
    char output[4000];
};

static void on_output(void *ud, const char *text, size_t len)
{
    struct host *host = ud;
    size_t used = strlen(host->output);
    snprintf(host->output + used, sizeof host->output - used, "%.*s", (int)len, text);
}

static int set_up(void **state)
{
    struct host *host = calloc(1, sizeof *host);
    assert_int_equal(moonlever_open(&host->h), MOONLEVER_OK);
    moonlever_on_output(host->h, on_output, host);
    *state = host;
    return 0;
}

static int tear_down(void **state)
{
    struct host *host = *state;
    moonlever_close(host->h);
    free(host);
    return 0;
}

static int finish(struct host *host)
{
    while (!moonlever_run_done(host->h))
        moonlever_wait(host->h, 1000);
    return moonlever_exit_code(host->h);
}

static int run(struct host *host, const char *text)
{
    host->output[0] = '\0';
    assert_int_equal(moonlever_run_text(host->h, "s.lua", text, strlen(text), 0, NULL),
                     MOONLEVER_OK);
    return finish(host);
}

static void confined_unless_told_otherwise(void **state)
{
    struct host *host = *state;
    assert_int_equal(run(host, "print(rawget(_G, 'io'), rawget(_G, 'debug'), os.getenv)"), 0);
    assert_string_equal(host->output, "nil\tnil\tnil\n");
    assert_int_equal(moonlever_set(host->h, "confine", "false"), MOONLEVER_OK);
    assert_int_equal(run(host, "print(type(io), type(debug), type(os.getenv))"), 0);
    assert_string_equal(host->output, "table\ttable\tfunction\n");
    assert_int_equal(moonlever_set(host->h, "confine", "true"), MOONLEVER_OK);
    assert_int_equal(run(host, "print(rawget(_G, 'io'))"), 0);
    assert_string_equal(host->output, "nil\n");
}

static void limits_hold_without_confinement_too(void **state)
{
    struct host *host = *state;
    moonlever_set(host->h, "confine", "false");
    moonlever_set(host->h, "instructions_max", "1e6");
    assert_int_equal(run(host, "while true do pcall(function() while true do end end) end"), 6);
    assert_non_null(strstr(moonlever_errmsg(host->h), "1000000 instructions"));
    moonlever_set(host->h, "instructions_max", "0");
    moonlever_set(host->h, "memory_max", "16777216");
    assert_int_equal(run(host, "local s = 'x' while true do s = s .. s end"), 6);
    assert_non_null(strstr(moonlever_errmsg(host->h), "16777216 bytes (memory_max)"));
    moonlever_set(host->h, "memory_max", "0");
    moonlever_set(host->h, "script_time_max", "0.1");
    assert_int_equal(run(host, "while true do end"), 6);
    assert_non_null(strstr(moonlever_errmsg(host->h), "0.1 s of processor time"));
}

static void bad_settings_are_told(void **state)
{
    struct host *host = *state;
    static const char *const bad[][3] = {{"confine", "maybe", "neither true nor false"},
                                         {"memory_max", "100", "at least"},
                                         {"memory_max", "many", "not a number"},
                                         {"instructions_max", "-1", "not a number"},
                                         {"instructions_max", "1.5", "whole"},
                                         {"script_time_max", "soon", "not a number"},
                                         {"output_max", "x", "not a number"},
                                         {"files", "some", "neither"},
                                         {"methods", "GET,FETCH", "\"FETCH\" is not a method"},
                                         {"hosts", "http://example.com", "plain http"},
                                         {"hosts", "https://a@example.com", "user name"},
                                         {"hosts", "https://a.example/x", "scheme, host"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(moonlever_set(host->h, bad[i][0], bad[i][1]), MOONLEVER_EUSAGE);
        if (!strstr(moonlever_errmsg(host->h), bad[i][2]))
            fail_msg("%s=%s: %s", bad[i][0], bad[i][1], moonlever_errmsg(host->h));
    }
    assert_int_equal(run(host, "print 'as before'"), 0);
}

static void what_was_used_can_be_seen(void **state)
{
    struct host *host = *state;
    struct moonlever_status status = {.size = sizeof status};
    assert_int_equal(run(host, "local t = {} for i = 1, 100000 do t[i] = {} end"), 0);
    assert_int_equal(moonlever_status(host->h, &status), MOONLEVER_OK);
    assert_true(status.instructions > 300000 && status.instructions < 3000000);
    assert_true(status.memory > 5600000 && status.memory < 64000000);
    assert_true(status.script_us > 0);
}

static void ready_made_scripts_are_trusted(void **state)
{
    struct host *host = *state;
    const char *argv[] = {"--help", NULL};
    assert_int_equal(moonlever_run_start(host->h, "offboard", 1, argv), MOONLEVER_OK);
    assert_int_equal(finish(host), 0);
    assert_non_null(strstr(host->output, "offboard"));
}

static void a_session_is_confined(void **state)
{
    struct host *host = *state;
    static const char line[] =
        "=0 print(rawget(_G, 'io'), select(2, pcall(require, 'moonlever.raw')))";
    assert_int_equal(moonlever_session_start(host->h), MOONLEVER_OK);
    while (!moonlever_asks(host->h))
        moonlever_wait(host->h, 1000);
    moonlever_answer(host->h, "", 0);
    for (int i = 0; i < 2; i++) {
        while (!moonlever_asks(host->h) && !moonlever_run_done(host->h))
            moonlever_wait(host->h, 1000);
        moonlever_answer(host->h, i == 0 ? line : NULL, i == 0 ? sizeof line - 1 : 0);
    }
    finish(host);
    assert_non_null(strstr(host->output, "nil\tmodule 'moonlever.raw' not found"));
}

/* The host goes on between the pieces of a script that computes, which notices nothing. */
static void long_scripts_are_cut_into_slices(void **state)
{
    static const char text[] =
        "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
        "local function add(...) local s = 0 for _, v in ipairs { ... } do s = s + v end "
        "return s end\n"
        "local t, m = {}, setmetatable({}, { __index = function(_, k) return k * 2 end })\n"
        "for i = 1, 300000 do local ok, v = pcall(add, i, m[i], -i) t[i % 100] = (t[i % 100] "
        "or 0) + v end\n"
        "local sum = 0 for i = 0, 99 do sum = sum + t[i] end\n"
        "local co = coroutine.wrap(function() for i = 1, 100000 do coroutine.yield(i) end "
        "end)\n"
        "local yielded = 0 for i = 1, 100000 do yielded = yielded + co() end\n"
        "print(fib(24), sum, yielded)\n";
    struct host *host = *state;
    unsigned turns = 0;
    assert_int_equal(moonlever_run_text(host->h, "s", text, sizeof text - 1, 0, NULL),
                     MOONLEVER_OK);
    for (; !moonlever_run_done(host->h); turns++)
        moonlever_dispatch(host->h);
    assert_int_equal(moonlever_exit_code(host->h), 0);
    assert_string_equal(host->output, "46368\t90000300000\t5000050000\n");
    assert_true(turns > 4);
}

/* Between two waits no other task runs, however long that is. */
static void slices_are_not_seen_by_other_tasks(void **state)
{
    static const char text[] =
        "local moonlever = require 'moonlever'\n"
        "local inside, seen = 0, 0\n"
        "local function work()\n"
        "  for _ = 1, 3 do\n"
        "    inside = inside + 1\n"
        "    for i = 1, 3000000 do if inside ~= 1 then seen = seen + 1 end end\n"
        "    inside = inside - 1\n"
        "    moonlever.sleep(0)\n"
        "  end\n"
        "end\n"
        "moonlever.all { moonlever.spawn(work), moonlever.spawn(work), moonlever.spawn(work) "
        "}\n"
        "print(inside, seen)\n";
    struct host *host = *state;
    assert_int_equal(run(host, text), 0);
    assert_string_equal(host->output, "0\t0\n");
}

static void *cancel_soon(void *ud)
{
    struct host *host = ud;
    usleep(100000);
    moonlever_cancel(host->h);
    return NULL;
}

/* A loop that needs no memory hears of a cancel from another thread by its hook. */
static void a_cancel_reaches_code_that_never_waits(void **state)
{
    struct host *host = *state;
    pthread_t thread;
    moonlever_set(host->h, "script_time_max", "60");
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, host), 0);
    assert_int_equal(run(host, "while true do end"), 130);
    pthread_join(thread, NULL);
    assert_int_equal(run(host, "print 'next'"), 0);
}

static void chains_of_members_that_crash_lua(void **state)
{
    struct host *host = *state;
    size_t n = 30000;
    char *text = malloc(2 * n + 100), *at = text;
    at += sprintf(at, "local a = {} a.b = a return a");
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, ".b");
    assert_int_equal(moonlever_run_text(host->h, "s", text, strlen(text), 0, NULL),
                     MOONLEVER_EUSAGE);
    assert_non_null(strstr(moonlever_errmsg(host->h), "index operations"));
    free(text);
    assert_int_equal(run(host, "local a = {} a.b = a assert(a.b.b.b.b.b.b == a)"), 0);
}

/* What looks at a script before it runs has no more memory than the script: a text that
 * compiles and cannot be looked at is refused as well. */
static void a_script_that_fills_the_memory_itself(void **state)
{
    struct host *host = *state;
    static char text[4000000];
    moonlever_set(host->h, "memory_max", "8388608");
    for (size_t n = 100000; n < sizeof text / 8; n += 20000) {
        size_t len = (size_t)sprintf(text, "local t = {");
        while (len < n)
            len += (size_t)sprintf(text + len, "'%zu',", len);
        len += (size_t)sprintf(text + len, "} print 'ran'");
        int rc = moonlever_run_text(host->h, "s", text, len, 0, NULL);
        if (rc == MOONLEVER_OK)
            assert_true(finish(host) == 0 || moonlever_exit_code(host->h) == 6);
        else
            assert_int_equal(rc, MOONLEVER_ENOMEM);
    }
    assert_int_equal(run(host, "print 'next'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(confined_unless_told_otherwise, set_up, tear_down),
        cmocka_unit_test_setup_teardown(limits_hold_without_confinement_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_settings_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_used_can_be_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ready_made_scripts_are_trusted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_session_is_confined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancel_reaches_code_that_never_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(long_scripts_are_cut_into_slices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slices_are_not_seen_by_other_tasks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_script_that_fills_the_memory_itself, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(chains_of_members_that_crash_lua, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
