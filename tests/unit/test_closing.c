/* SPDX-License-Identifier: MIT */
/*
 * The last words of a run: --exit-code, the line of JSON, and what to do next.
 */
#include "cli/closing.h"
#include "cli/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define RESULT(exit)                                                                     \
    "{\"run\":\"k3\",\"state\":\"planned\",\"counts\":{\"confirmed\":0,\"planned\":12}," \
    "\"exit\":" exit "}"

/* A command with some flags, as main would parse them. */
static struct ml_options options(enum ml_command command, const char *flags)
{
    struct ml_options o = {.command = command};
    o.count[ML_FLAG_DRY_RUN] = strchr(flags, 'n') != NULL;
    o.count[ML_FLAG_VERBOSE] = strchr(flags, 'v') != NULL;
    o.count[ML_FLAG_QUIET] = strchr(flags, 'q') != NULL;
    o.count[ML_FLAG_EXIT_CODE] = strchr(flags, 'x') != NULL;
    o.count[ML_FLAG_PLAN] = strchr(flags, 'o') != NULL;
    o.values[ML_FLAG_PLAN] = strchr(flags, 'o') ? "my plan" : NULL;
    return o;
}

static void next_is(enum ml_command command, const char *flags, struct ml_closing c,
                    const char *want)
{
    struct ml_options o = options(command, flags);
    struct ml_buf b;
    c.o = &o;
    ml_buf_create(&b, 1000);
    assert_int_equal(ml_closing_next(&c, &b), 0);
    assert_string_equal(ml_buf_str(&b), want);
    ml_buf_destroy(&b);
}

static void a_run_that_can_go_on(void **state)
{
    (void)state;
    static const int can[] = {5, 6, 75, 130}, cannot[] = {0, 1, 2, 3, 4, 10, 42};
    static const char resume[] = "resume with: moonlever resume k3\n";
    for (size_t i = 0; i < sizeof can / sizeof can[0]; i++) {
        struct ml_closing c = {.run = "k3", .code = can[i], .changes = 2};
        next_is(ML_CMD_RUN, "", c, resume);
        next_is(ML_CMD_APPLY, "q", c, resume);
        next_is(ML_CMD_UNDO, "v", c, resume);
        next_is(ML_CMD_RUN, "n", c, ""); /* a dry run has nothing that could go on */
        next_is(ML_CMD_PLAN, "o", c, "");
        c.run = "";
        next_is(ML_CMD_RUN, "", c, "");
    }
    for (size_t i = 0; i < sizeof cannot / sizeof cannot[0]; i++)
        next_is(ML_CMD_RUN, "", (struct ml_closing){.run = "k3", .code = cannot[i]}, "");
}

static void a_plan_that_was_made(void **state)
{
    (void)state;
    static const char apply[] = "apply it with: moonlever apply 'my plan'\n";
    struct ml_closing c = {.run = "k3", .planned = 12};
    next_is(ML_CMD_PLAN, "o", c, apply);
    next_is(ML_CMD_RUN, "o", c, apply);
    next_is(ML_CMD_PLAN, "oq", c, "");
    next_is(ML_CMD_RUN, "n", c, "");
    c.code = ML_EXIT_PENDING;
    next_is(ML_CMD_PLAN, "o", c, apply);
    c.code = ML_EXIT_PARTIAL;
    next_is(ML_CMD_PLAN, "o", c, "");
    c = (struct ml_closing){.run = "k3", .planned = 0};
    next_is(ML_CMD_PLAN, "o", c, "");
}

static void what_was_changed_can_be_undone(void **state)
{
    (void)state;
    static const char undo[] = "undo with: moonlever undo k3\n";
    struct ml_closing c = {.run = "k3", .changes = 2};
    next_is(ML_CMD_RUN, "v", c, undo);
    next_is(ML_CMD_RESUME, "v", c, undo);
    next_is(ML_CMD_RUN, "", c, "");
    next_is(ML_CMD_UNDO, "v", c, "");
    c.code = ML_EXIT_PARTIAL;
    next_is(ML_CMD_APPLY, "v", c, undo);
    c.changes = 0;
    next_is(ML_CMD_RUN, "v", c, "");
}

static void what_failed_can_be_looked_at(void **state)
{
    (void)state;
    static const char look[] = "what failed: moonlever runs k3 --failed\n";
    struct ml_closing c = {.run = "k3", .code = ML_EXIT_PARTIAL, .changes = 2, .failed = 1};
    next_is(ML_CMD_RUN, "q", c, look);
    next_is(ML_CMD_UNDO, "", c, look);
    next_is(ML_CMD_RUN, "n", c, ""); /* nothing was sent */
    c.code = ML_EXIT_GUARD;          /* going on comes first */
    next_is(ML_CMD_RUN, "", c, "resume with: moonlever resume k3\n");
    c.code = 4;
    next_is(ML_CMD_RUN, "", c, look);
    assert_int_equal(
        ml_closing_failed("{\"counts\":{\"failed\":1,\"conflict\":20,\"unknown\":3,"
                          "\"confirmed\":100}}"),
        24);
    assert_int_equal(ml_closing_failed("{}"), 0);
}

static void changes_that_are_pending(void **state)
{
    (void)state;
    static const struct {
        enum ml_command command;
        const char *flags;
        uint64_t planned;
        int before, after;
    } cases[] = {
        {ML_CMD_RUN, "nx", 12, 0, 10}, {ML_CMD_PLAN, "ox", 12, 0, 10},
        {ML_CMD_UNDO, "nx", 1, 0, 10}, {ML_CMD_RUN, "n", 12, 0, 0},
        {ML_CMD_RUN, "nx", 0, 0, 0},   {ML_CMD_RUN, "nx", 12, 3, 3},
        {ML_CMD_RUN, "x", 12, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ml_options o = options(cases[i].command, cases[i].flags);
        struct ml_closing c = {.o = &o, .code = cases[i].before, .planned = cases[i].planned};
        assert_int_equal(ml_closing_code(&c), cases[i].after);
    }
    assert_int_equal(ml_closing_count(RESULT("0"), "planned"), 12);
    assert_int_equal(ml_closing_count("{}", "planned"), 0);
    assert_int_equal(ml_closing_count("{\"state\":\"planned\",\"counts\":{}}", "planned"), 0);
}

static void json_is(const char *run, int code, const char *result, const char *want)
{
    struct ml_closing c = {.run = run, .code = code};
    struct ml_buf b;
    ml_buf_create(&b, 1000);
    assert_int_equal(ml_closing_json(&c, result, &b), 0);
    assert_string_equal(ml_buf_str(&b), want);
    ml_buf_destroy(&b);
}

static void the_line_of_json(void **state)
{
    (void)state;
    json_is("k3", 0, RESULT("0"), RESULT("0") "\n");
    json_is("k3", 10, RESULT("0"), RESULT("10") "\n");
    json_is("", 2, "{}", "{\"run\":null,\"state\":\"stopped\",\"counts\":{},\"exit\":2}\n");
    json_is("k3", 75, "{}",
            "{\"run\":\"k3\",\"state\":\"stopped\",\"counts\":{},\"exit\":75}\n");
}

static void no_room(void **state)
{
    (void)state;
    struct ml_options o = options(ML_CMD_PLAN, "o");
    struct ml_closing c = {.o = &o, .run = "k3", .planned = 1};
    static const char line[] = "apply it with: moonlever apply 'my plan'\n";
    for (size_t room = 0; room < sizeof line - 1; room++) {
        struct ml_buf b;
        ml_buf_create(&b, room);
        assert_int_equal(ml_closing_next(&c, &b), -1);
        ml_buf_destroy(&b);
    }
}

static void words_for_a_shell(void **state)
{
    (void)state;
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"a/b-c_1.plan", "a/b-c_1.plan"}, {"", "''"},           {"a b", "'a b'"},
        {"it's", "'it'\\''s'"},           {"$x`y`", "'$x`y`'"}, {"\xc3\xbc", "'\xc3\xbc'"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ml_buf b;
        ml_buf_create(&b, 100);
        assert_int_equal(ml_format_word(&b, cases[i].word), 0);
        assert_string_equal(ml_buf_str(&b), cases[i].want);
        ml_buf_destroy(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_can_go_on),
        cmocka_unit_test(a_plan_that_was_made),
        cmocka_unit_test(what_was_changed_can_be_undone),
        cmocka_unit_test(what_failed_can_be_looked_at),
        cmocka_unit_test(changes_that_are_pending),
        cmocka_unit_test(the_line_of_json),
        cmocka_unit_test(no_room),
        cmocka_unit_test(words_for_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
