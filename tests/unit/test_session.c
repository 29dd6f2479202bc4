/* SPDX-License-Identifier: MIT */
/*
 * A session through the embedding API: questions and answers, and a Ctrl-C.
 */
#include <moonlever.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

static moonlever *h;
static char output[4096];

static void on_output(void *ud, const char *text, size_t len)
{
    (void)ud;
    strncat(output, text, len);
}

static size_t twice(void *ud, const char *text, size_t len)
{
    (void)ud, (void)text;
    return 2 * len;
}

static int start_with(const char *confine)
{
    output[0] = '\0';
    assert_int_equal(moonlever_open(&h), MOONLEVER_OK);
    assert_int_equal(moonlever_set(h, "dry_run", "true"), MOONLEVER_OK);
    assert_int_equal(moonlever_set(h, "confine", confine), MOONLEVER_OK);
    moonlever_on_output(h, on_output, NULL);
    moonlever_on_width(h, twice, NULL);
    return moonlever_session_start(h);
}

static int start(void **state)
{
    (void)state;
    return start_with("true");
}

static int start_free(void **state)
{
    (void)state;
    return start_with("false");
}

static int stop(void **state)
{
    (void)state;
    moonlever_close(h);
    return 0;
}

/* Turns until the session asks, or has ended. */
static const char *asks(void)
{
    while (!moonlever_asks(h) && !moonlever_run_done(h))
        assert_int_equal(moonlever_wait(h, 1000), MOONLEVER_OK);
    return moonlever_asks(h) ? moonlever_asks(h) : "";
}

static void answer(const char *text)
{
    assert_int_equal(moonlever_answer(h, text, text ? strlen(text) : 0), MOONLEVER_OK);
}

static void greet(const char *words)
{
    assert_string_equal(asks(), "hello");
    answer(words);
    assert_string_equal(asks(), "line moonlever> ");
}

static void lines_are_run(void **state)
{
    (void)state;
    greet("");
    answer("=0 print(1 + 1)");
    assert_int_equal(moonlever_answer(h, "=0 1", 4), MOONLEVER_EUSAGE);
    assert_string_equal(asks(), "line moonlever> ");
    assert_string_equal(output, "2\n");
    answer("=0 for i = 1, 2 do");
    assert_string_equal(asks(), "line ..> ");
    answer("=0 print(i) end");
    assert_string_equal(asks(), "line moonlever> ");
    assert_string_equal(output, "2\n1\n2\n");
    answer(NULL);
    assert_string_equal(asks(), "");
    assert_int_equal(moonlever_exit_code(h), 0);
}

static void words_are_found(void **state)
{
    (void)state;
    greet("");
    answer("?mat");
    assert_string_equal(asks(), "words 1\nmath");
    answer("?x = ma");
    assert_string_equal(asks(), "words 5\nmath");
    answer("?nothing.of");
    assert_string_equal(asks(), "words 9\n");
    answer("=0 1 + 1");
    assert_string_equal(asks(), "line moonlever> ");
    assert_string_equal(output, "2\n");
}

static void a_line_is_given_up(void **state)
{
    (void)state;
    greet("terminal");
    answer("=80 while true do");
    assert_string_equal(asks(), "line ..> ");
    answer("!");
    assert_string_equal(asks(), "line moonlever> ");
}

static void widths_are_the_hosts(void **state)
{
    (void)state;
    greet("");
    answer("=0 require('moonlever.raw').width('abc')");
    asks();
    assert_string_equal(output, "6\n");
}

static void nobody_answers_a_script(void **state)
{
    static const char text[] = "local _, err = pcall(require('moonlever.raw').ask, 'line ')"
                               " error(err.message, 0)";
    (void)state;
    moonlever *script;
    assert_int_equal(moonlever_open(&script), MOONLEVER_OK);
    assert_int_equal(moonlever_set(script, "confine", "false"), MOONLEVER_OK);
    assert_int_equal(moonlever_run_text(script, "t", text, sizeof text - 1, 0, NULL),
                     MOONLEVER_OK);
    while (!moonlever_run_done(script))
        assert_int_equal(moonlever_wait(script, 1000), MOONLEVER_OK);
    assert_int_equal(moonlever_exit_code(script), 1);
    assert_non_null(strstr(moonlever_errmsg(script), "nobody at a prompt"));
    assert_null(moonlever_asks(script));
    assert_int_equal(moonlever_answer(script, "x", 1), MOONLEVER_EUSAGE);
    moonlever_close(script);
}

static void on_alarm(int number)
{
    (void)number;
    moonlever_interrupt(h);
}

/* Runs a line that never ends; the signal comes while it does. */
static void break_off(const char *line)
{
    struct itimerval soon = {.it_interval = {0, 100000}, .it_value = {0, 50000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    struct sigaction before, action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, &before);
    answer(line);
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_string_equal(asks(), "line moonlever> ");
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
}

static void an_interrupt_stops_the_line_alone(void **state)
{
    (void)state;
    greet("terminal");
    answer("=80 moonlever.spawn(function() moonlever.sleep(0.2) print 'behind' end);");
    asks();
    break_off("=80 moonlever.sleep(1000)");
    break_off("=80 while true do end");
    break_off("=80 while true do pcall(function() while true do end end) end");
    break_off("=80 local co = coroutine.wrap(function() while true do end end) co()");
    answer("=80 moonlever.sleep(0.3) print 'alive'");
    assert_string_equal(asks(), "line moonlever> ");
    assert_non_null(strstr(output, "behind\n"));
    assert_non_null(strstr(output, "alive\n"));
    answer(NULL);
    asks();
    assert_int_equal(moonlever_exit_code(h), 0);
}

static void a_cancel_ends_the_session(void **state)
{
    (void)state;
    greet("terminal");
    moonlever_cancel(h);
    while (!moonlever_run_done(h))
        assert_int_equal(moonlever_wait(h, 1000), MOONLEVER_OK);
    assert_null(moonlever_asks(h));
    assert_int_equal(moonlever_exit_code(h), 130);
}

static void what_is_planned_is_handed_over(void **state)
{
    (void)state;
    greet("terminal");
    answer("=80 commit()");
    asks();
    assert_string_equal(moonlever_asks(h), "line moonlever> ");
    assert_non_null(strstr(output, "nothing is planned"));
    answer("=80 commit('many')");
    assert_string_equal(asks(), "line moonlever> ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_run, start, stop),
        cmocka_unit_test_setup_teardown(words_are_found, start, stop),
        cmocka_unit_test_setup_teardown(a_line_is_given_up, start, stop),
        cmocka_unit_test_setup_teardown(widths_are_the_hosts, start_free, stop),
        cmocka_unit_test(nobody_answers_a_script),
        cmocka_unit_test_setup_teardown(an_interrupt_stops_the_line_alone, start, stop),
        cmocka_unit_test_setup_teardown(an_interrupt_stops_the_line_alone, start_free, stop),
        cmocka_unit_test_setup_teardown(a_cancel_ends_the_session, start, stop),
        cmocka_unit_test_setup_teardown(what_is_planned_is_handed_over, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
