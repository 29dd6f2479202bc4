/* SPDX-License-Identifier: MIT */
/* What a host lends to scripts and hears of them: functions, credentials, events. */
#include <moonlever.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "t0ken-of-the-host"

struct host {
    moonlever *h;
    char path[64];   /* a journal that goes with the test */
    unsigned called; /* how often a function was */
    uint64_t call;   /* the last one */
    char args[500];
    const char *result; /* what is answered at once, NULL = later */
    const char *raises; /* ... or raised */
    char output[2000];
    char log[2000];
    char events[8000];
    unsigned progress;
    const char *secret;
    char asked[200];
};

static void append(char *text, size_t size, const char *more, size_t len)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%.*s", (int)len, more);
}

static void on_output(void *ud, const char *text, size_t len)
{
    struct host *host = ud;
    append(host->output, sizeof host->output, text, len);
}

static void on_log(void *ud, int level, const char *text, size_t len)
{
    struct host *host = ud;
    (void)level;
    append(host->log, sizeof host->log, text, len);
}

static void on_event(void *ud, const char *json, size_t len)
{
    struct host *host = ud;
    assert_int_equal(strlen(json), len);
    if (strstr(json, "\"event\":\"progress\"")) {
        host->progress++;
        return;
    }
    append(host->events, sizeof host->events, json, len);
    append(host->events, sizeof host->events, "\n", 1);
}

static ptrdiff_t on_credential(void *ud, const char *name, const char *origin, char *out,
                               size_t size)
{
    struct host *host = ud;
    snprintf(host->asked, sizeof host->asked, "%s for %s", name, origin);
    if (!host->secret)
        return -1;
    snprintf(out, size, "%s", host->secret);
    return (ptrdiff_t)strlen(host->secret);
}

static void function(void *ud, uint64_t call, const char *args, size_t len)
{
    struct host *host = ud;
    assert_int_equal(strlen(args), len);
    host->called++;
    host->call = call;
    snprintf(host->args, sizeof host->args, "%s", args);
    if (host->raises)
        assert_int_equal(moonlever_raise(host->h, call, "conflict", host->raises),
                         MOONLEVER_OK);
    else if (host->result)
        assert_int_equal(moonlever_return(host->h, call, host->result, strlen(host->result)),
                         MOONLEVER_OK);
}

static int set_up(void **state)
{
    struct host *host = calloc(1, sizeof *host);
    assert_int_equal(moonlever_open(&host->h), MOONLEVER_OK);
    moonlever_on_output(host->h, on_output, host);
    moonlever_on_log(host->h, on_log, host);
    strcpy(host->path, "/tmp/moonlever-host-XXXXXX");
    assert_non_null(mkdtemp(host->path));
    char journal[100];
    snprintf(journal, sizeof journal, "%s/journal.db", host->path);
    assert_int_equal(moonlever_set(host->h, "journal", journal), MOONLEVER_OK);
    assert_int_equal(moonlever_set(host->h, "config", ""), MOONLEVER_OK);
    *state = host;
    return 0;
}

static int tear_down(void **state)
{
    struct host *host = *state;
    char command[100];
    moonlever_close(host->h);
    snprintf(command, sizeof command, "rm -r %s", host->path);
    assert_int_equal(system(command), 0);
    free(host);
    return 0;
}

static void start(struct host *host, const char *text)
{
    host->output[0] = host->args[0] = '\0';
    assert_int_equal(moonlever_run_text(host->h, "s.lua", text, strlen(text), 0, NULL),
                     MOONLEVER_OK);
}

static int run(struct host *host, const char *text)
{
    start(host, text);
    while (!moonlever_run_done(host->h))
        assert_int_equal(moonlever_wait(host->h, 1000), MOONLEVER_OK);
    return moonlever_exit_code(host->h);
}

#define HOST "local host = require 'moonlever'.host "
#define JSON "local json = require 'moonlever'.json "

static void lend(struct host *host, const char *signature)
{
    assert_int_equal(moonlever_function(host->h, signature, function, host), MOONLEVER_OK);
}

/* --- functions --- */

static void arguments_have_names_and_answers_are_values(void **state)
{
    struct host *host = *state;
    lend(host, "book(ticket: string, minutes: integer?, tags: array?, more: object?)");
    host->result = "{\"id\":9007199254740993,\"none\":null}";
    assert_int_equal(run(host, HOST "local r = host.book('T\\n', 5, {}, {}) print(r.id)"), 0);
    assert_string_equal(host->args,
                        "{\"minutes\":5,\"more\":{},\"tags\":[],\"ticket\":\"T\\n\"}");
    assert_string_equal(host->output, "9007199254740993\n");
    assert_int_equal(run(host, HOST "host.book('T', nil, {'a'}, nil, nil)"), 0);
    assert_string_equal(host->args, "{\"tags\":[\"a\"],\"ticket\":\"T\"}");
    host->result = "null";
    assert_int_equal(run(host, HOST "print(host.book 'T', select('#', host.book 'T'))"), 0);
    assert_string_equal(host->output, "nil\t1\n");
}

static void what_does_not_fit_never_reaches_the_host(void **state)
{
    struct host *host = *state;
    static const char *const calls[][2] = {
        {"host.book()", "argument 1 is a nil where ticket has to be a value of type string"},
        {"host.book(7)", "argument 1 is a number where ticket"},
        {"host.book('T', 1.5)", "argument 2 is a number with a fraction where minutes"},
        {"host.book('T', 1, 'x')", "argument 3 is a string where tags"},
        {"host.book('T', 1, {a = 1})", "argument 3 is a table that is no list where tags"},
        {"host.book('T', 1, {}, {1})", "argument 4 is a list where more"},
        {"host.book('T', 1, {}, {[1.5] = 1})", "cannot be written as JSON"},
        {"host.book('T', 1, {}, {}, 5)", "there are 5 arguments where it takes 4"},
        {"host.book('\\xff')", "the text is not UTF-8"},
        {"host.bok('T')", "the host has no function 'bok'; did you mean 'book'?"}};
    lend(host, "book(ticket: string, minutes: integer?, tags: array?, more: object?)");
    host->result = "1";
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char text[200];
        snprintf(text, sizeof text, HOST "%s", calls[i][0]);
        assert_int_equal(run(host, text), 1);
        assert_non_null(strstr(moonlever_errmsg(host->h), calls[i][1]));
    }
    assert_int_equal(host->called, 0);
}

static void a_host_may_refuse(void **state)
{
    struct host *host = *state;
    lend(host, "book(ticket: any)");
    host->raises = "the room is taken";
    assert_int_equal(run(host, HOST "local ok, e = pcall(host.book, true)"
                                    " print(ok, e.kind, e.message)"),
                     0);
    assert_string_equal(host->output, "false\tconflict\tthe room is taken\n");
    assert_string_equal(host->args, "{\"ticket\":true}");
}

static void an_answer_may_come_later_and_others_go_on(void **state)
{
    struct host *host = *state;
    lend(host, "ask(question: string)");
    start(host, HOST "local m = require 'moonlever'"
                     " m.spawn(function() print 'meanwhile' end)"
                     " print(host.ask 'now?')");
    while (!strstr(host->output, "meanwhile"))
        assert_int_equal(moonlever_wait(host->h, 1000), MOONLEVER_OK);
    assert_int_equal(moonlever_dispatch(host->h), MOONLEVER_OK);
    assert_false(moonlever_run_done(host->h));
    uint64_t call = host->call;
    assert_int_equal(moonlever_return(host->h, call + 1, "1", 1), MOONLEVER_EUSAGE);
    assert_int_equal(moonlever_return(host->h, call, "{", 1), MOONLEVER_EUSAGE);
    assert_non_null(strstr(host->log, "is not one JSON value"));
    assert_int_equal(moonlever_raise(host->h, call, "funny", "x"), MOONLEVER_EUSAGE);
    assert_int_equal(moonlever_return(host->h, call, "\"yes\"", 5), MOONLEVER_OK);
    assert_int_equal(moonlever_return(host->h, call, "\"yes\"", 5), MOONLEVER_EUSAGE);
    while (!moonlever_run_done(host->h))
        assert_int_equal(moonlever_wait(host->h, 1000), MOONLEVER_OK);
    assert_string_equal(host->output, "meanwhile\nyes\n");
    assert_int_equal(moonlever_exit_code(host->h), 0);
}

static void where_nothing_can_wait_only_an_answer_at_once_will_do(void **state)
{
    struct host *host = *state;
    static const char text[] = HOST "table.sort({1, 2}, function() return host.less() end)";
    lend(host, "less()");
    assert_int_equal(run(host, text), 1);
    assert_non_null(strstr(moonlever_errmsg(host->h), "here nothing can wait for it"));
    assert_int_equal(moonlever_return(host->h, host->call, "true", 4), MOONLEVER_EUSAGE);
    host->result = "false";
    assert_int_equal(run(host, text), 0);
}

static void a_cancelled_call_has_nobody_to_answer(void **state)
{
    struct host *host = *state;
    lend(host, "ask()");
    start(host, HOST "host.ask()");
    while (!host->called)
        assert_int_equal(moonlever_wait(host->h, 1000), MOONLEVER_OK);
    moonlever_cancel(host->h);
    while (!moonlever_run_done(host->h))
        assert_int_equal(moonlever_wait(host->h, 1000), MOONLEVER_OK);
    assert_int_equal(moonlever_exit_code(host->h), 130);
    assert_int_equal(moonlever_return(host->h, host->call, "1", 1), MOONLEVER_EUSAGE);
    assert_non_null(strstr(moonlever_errmsg(host->h), "nobody waits for an answer"));
}

static void functions_are_lent_between_runs_only(void **state)
{
    struct host *host = *state;
    static const char *const wrong[] = {"",
                                        "f",
                                        "f(",
                                        "f(a)",
                                        "f(a: int)",
                                        "f(a: string",
                                        "f(a: string,)",
                                        "f() x",
                                        "1f()",
                                        "f(a: any, a: any)",
                                        "f(a: any?, b: any)"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(moonlever_function(host->h, wrong[i], function, host),
                         MOONLEVER_EUSAGE);
        assert_true(strlen(moonlever_errmsg(host->h)) > 20);
    }
    assert_int_equal(moonlever_function(host->h, "f()", NULL, host), MOONLEVER_EUSAGE);
    lend(host, "ask()");
    lend(host, " ask ( days : integer ) ");
    start(host, HOST "host.ask(1)");
    assert_int_equal(moonlever_function(host->h, "f()", function, host), MOONLEVER_EBUSY);
    while (!host->called)
        assert_int_equal(moonlever_wait(host->h, 1000), MOONLEVER_OK);
    assert_string_equal(host->args, "{\"days\":1}");
}

static void without_functions_a_script_is_told(void **state)
{
    struct host *host = *state;
    assert_int_equal(run(host, HOST "host.ask()"), 1);
    assert_non_null(strstr(moonlever_errmsg(host->h), "there is no host that lends functions"));
}

/* --- credentials --- */

#define CONNECT "local c = require 'moonlever'.connect 'screendesk' "

static void the_host_gives_the_credential(void **state)
{
    struct host *host = *state;
    moonlever_on_credential(host->h, on_credential, host);
    moonlever_set(host->h, "origin", "SCREENDESK_URL=http://127.0.0.1:9");
    host->secret = TOKEN;
    assert_int_equal(run(host, CONNECT "error '" TOKEN "'"), 1);
    assert_non_null(strstr(host->asked, "for http://127.0.0.1:9"));
    assert_null(strstr(moonlever_errmsg(host->h), TOKEN));
    host->secret = NULL;
    assert_int_equal(run(host, CONNECT), 4);
    assert_non_null(strstr(moonlever_errmsg(host->h), "the host program gives no SCREENDESK_"));
    host->secret = "a\nb";
    assert_int_equal(run(host, CONNECT), 2);
}

/* --- events --- */

#define UPDATE                                                                  \
    CONNECT                                                                     \
    "for _, title in ipairs { 'new', 'old' } do"                                \
    "  c.recordings:update({ uuid = 'u-1', title = 'old', description = 'd' }," \
    "    { title = title }) "                                                   \
    "end"

static void changes_are_told(void **state)
{
    struct host *host = *state;
    moonlever_on_event(host->h, on_event, host);
    moonlever_set(host->h, "origin", "SCREENDESK_URL=http://127.0.0.1:9");
    moonlever_set(host->h, "credential", "SCREENDESK_TOKEN=" TOKEN);
    moonlever_set(host->h, "dry_run", "true");
    assert_int_equal(run(host, UPDATE), 0);
    assert_non_null(strstr(host->events,
                           "{\"event\":\"change\",\"seq\":1,\"operation\":\"screendesk."
                           "recordings.update\",\"target\":\"u-1\",\"state\":\"planned\"}\n"));
    assert_true(host->progress >= 1);
    assert_null(strstr(host->events, TOKEN));
}

static void codes_have_texts(void **state)
{
    (void)state;
    assert_string_equal(moonlever_strerror(MOONLEVER_OK), "done");
    assert_string_equal(moonlever_strerror(MOONLEVER_ENOMEM), "out of memory");
    assert_string_equal(moonlever_strerror(MOONLEVER_ELOCKED),
                        "another process is at work on this plan");
    assert_string_equal(moonlever_strerror(-99), "no code of moonlever.h");
    assert_string_equal(moonlever_strerror(1), "no code of moonlever.h");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arguments_have_names_and_answers_are_values),
        TEST(what_does_not_fit_never_reaches_the_host),
        TEST(a_host_may_refuse),
        TEST(an_answer_may_come_later_and_others_go_on),
        TEST(where_nothing_can_wait_only_an_answer_at_once_will_do),
        TEST(a_cancelled_call_has_nobody_to_answer),
        TEST(functions_are_lent_between_runs_only),
        TEST(without_functions_a_script_is_told),
        TEST(the_host_gives_the_credential),
        TEST(changes_are_told),
        cmocka_unit_test(codes_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
