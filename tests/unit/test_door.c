/* SPDX-License-Identifier: MIT */
/* The door for writes: licence, guards, confirmation, and counts that add up. */
#include "bind/door.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct host {
    int asked, answer, told;
    char text[300], run_id[32];
};

static int on_confirm(void *ud, const char *text, size_t len)
{
    struct host *h = ud;
    h->asked++;
    assert_true(len < sizeof h->text);
    memcpy(h->text, text, len + 1);
    return h->answer;
}

static void on_run(void *ud, const char *run_id)
{
    struct host *h = ud;
    h->told++;
    strncpy(h->run_id, run_id, sizeof h->run_id - 1);
}

static void open_door(struct ml_door *door, struct host *host, int answer)
{
    *host = (struct host){.answer = answer};
    ml_door_create(door);
    door->confirm = on_confirm;
    door->confirm_ud = host;
    door->on_run = on_run;
    door->run_ud = host;
}

static int enter(struct ml_door *door, struct ml_err *err)
{
    struct ml_entry entry = {.resource = "s.things",
                             .operation = "s.things.update",
                             .origin = "https://host",
                             .target = "t1"};
    return ml_door_enter(door, &entry, err);
}

static uint64_t sum(const struct ml_door *door)
{
    uint64_t n = 0;
    for (int s = 0; s < ML_STATES; s++)
        n += door->counts[s];
    return n;
}

static void production_needs_a_number_or_its_name(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 0);
    door.yes = true;
    ml_door_production(&door, "acme");
    ml_door_production(&door, "other"); /* the first one is what is asked for */
    assert_int_equal(enter(&door, &err), -1);
    assert_int_equal(host.asked, 1);
    assert_non_null(strstr(host.text, "acme is production: "));
    assert_int_equal(host.told, 0);
    ml_door_destroy(&door);
    open_door(&door, &host, 0);
    door.yes = true;
    door.confirm = NULL;
    ml_door_production(&door, "acme");
    assert_int_equal(enter(&door, &err), -1);
    assert_non_null(strstr(err.text, "--confirm=N"));
    ml_door_destroy(&door);
    open_door(&door, &host, 0);
    door.confirmed_for = 2;
    ml_door_production(&door, "acme");
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(enter(&door, &err), -1);
    assert_non_null(strstr(err.text, "2 were confirmed"));
    assert_int_equal(host.asked, 0);
    ml_door_destroy(&door);
}

/* On one origin there may be several accounts. */
static void the_question_names_the_profile(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    door.profiles = "trial,other";
    assert_int_equal(enter(&door, &err), 0);
    assert_non_null(strstr(host.text, "profile trial,other: "));
    ml_door_reset(&door);
    assert_null(door.profiles);
    ml_door_production(&door, "acme");
    door.profiles = "acme";
    assert_int_equal(enter(&door, &err), 0);
    assert_null(strstr(host.text, "profile"));
    ml_door_destroy(&door);
}

/* A run that comes upon production later is asked again, once; a dry run never. */
static void production_is_asked_for_by_itself(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(host.asked, 1);
    ml_door_production(&door, "acme");
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(host.asked, 2);
    ml_door_reset(&door);
    assert_string_equal(door.production, "");
    ml_door_production(&door, "acme");
    door.dry_run = true;
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(host.asked, 2);
    ml_door_destroy(&door);
}

/* A warning of an operation is asked about before its first change, also behind a yes. */
static void asks_about_each_warning(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    struct ml_entry plain = {.resource = "s.a", .operation = "s.a.x", .origin = "o"};
    struct ml_entry mails = {.resource = "s.a",
                             .operation = "s.a.mail",
                             .origin = "o",
                             .warning = "It mails people"};
    open_door(&door, &host, 1);
    assert_int_equal(ml_door_enter(&door, &plain, &err), 0);
    assert_int_equal(host.asked, 1);
    assert_null(strstr(host.text, "mails"));
    for (int i = 0; i < 2; i++)
        assert_int_equal(ml_door_enter(&door, &mails, &err), 0);
    assert_int_equal(host.asked, 2);
    assert_non_null(strstr(host.text, "It mails people. Send them?"));
    mails.operation = "s.a.other";
    host.answer = 0;
    assert_int_equal(ml_door_enter(&door, &mails, &err), -1);
    assert_int_equal(ml_door_enter(&door, &plain, &err), -1); /* a no ends the run */
    ml_door_destroy(&door);

    open_door(&door, &host, 0);
    door.yes = true; /* said beforehand */
    assert_int_equal(ml_door_enter(&door, &mails, &err), 0);
    assert_int_equal(host.asked, 0);
    ml_door_destroy(&door);
}

static void what_is_off_has_to_be_switched_on(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    const char *names[] = {"other", "messages"};
    struct ml_entry send = {
        .resource = "s.m", .operation = "s.m.send", .origin = "o", .needs = "messages"};
    open_door(&door, &host, 1);
    assert_int_equal(ml_door_switch(&door, names, 1, &err), 0);
    door.dry_run = true;
    assert_int_equal(ml_door_enter(&door, &send, &err), -1);
    assert_int_equal(err.kind, ML_GUARD);
    assert_non_null(strstr(err.text, "switches = { \"messages\" }"));
    assert_true(door.tripped);
    assert_int_equal(ml_door_switch(&door, names + 1, 1, &err), 0);
    assert_int_equal(ml_door_enter(&door, &send, &err), 0);
    ml_door_reset(&door); /* the next run begins without */
    assert_int_equal(ml_door_enter(&door, &send, &err), -1);
    ml_door_destroy(&door);
}

static void asks_once_and_tells_the_run(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    door.expected = 12;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(enter(&door, &err), 0);
        ml_door_leave(&door, ML_STATE_CONFIRMED, ML_NONE);
    }
    assert_int_equal(host.asked, 1);
    assert_int_equal(host.told, 1);
    assert_int_equal(strlen(host.run_id), 12);
    assert_non_null(strstr(host.text, "12"));
    assert_int_equal(sum(&door), 3);
    assert_false(door.tripped);
    ml_door_destroy(&door);
}

static void a_no_shuts_the_door(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 0);
    assert_int_equal(enter(&door, &err), -1);
    assert_int_equal(err.kind, ML_GUARD);
    assert_int_equal(enter(&door, &err), -1);
    assert_int_equal(host.asked, 1);
    assert_int_equal(host.told, 0);
    assert_true(door.tripped);
    assert_int_equal(door.begun, 0);
    ml_door_destroy(&door);
}

static void nobody_to_ask_is_a_no(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    door.confirm = NULL;
    assert_int_equal(enter(&door, &err), -1);
    assert_non_null(strstr(err.text, "--yes"));
    ml_door_destroy(&door);
}

static void yes_needs_no_question(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 0);
    door.yes = true;
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(host.asked, 0);
    ml_door_destroy(&door);
}

static void dry_run_asks_nobody(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 0);
    door.dry_run = true;
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(host.asked, 0);
    ml_door_destroy(&door);
}

static void the_licence_is_enforced(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    const char *const may[] = {"s.others", "s.things"};
    open_door(&door, &host, 1);
    assert_true(ml_door_licensed(&door, "anything"));
    assert_int_equal(ml_door_license(&door, may, 1, &err), 0);
    assert_false(ml_door_licensed(&door, "s.things"));
    assert_int_equal(enter(&door, &err), -1);
    assert_non_null(strstr(err.text, "s.things"));
    assert_true(door.tripped);
    assert_int_equal(ml_door_license(&door, may, 2, &err), -1); /* once: no widening later */
    assert_int_equal(err.kind, ML_USAGE);
    ml_door_destroy(&door);
}

static void an_empty_licence_allows_nothing(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    assert_int_equal(ml_door_license(&door, NULL, 0, &err), 0);
    assert_int_equal(enter(&door, &err), -1);
    ml_door_destroy(&door);
}

static void max_changes_stops_before_the_next(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    door.max_changes = 2;
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(enter(&door, &err), 0);
    assert_int_equal(enter(&door, &err), -1);
    assert_int_equal(err.kind, ML_GUARD);
    assert_int_equal(door.begun, 2);
    assert_true(door.tripped);
    ml_door_destroy(&door);
}

/* Lets in and ends n changes; returns how many the door let in. */
static int run(struct ml_door *door, int n, enum ml_state state)
{
    struct ml_err err;
    int in = 0;
    for (; in < n && enter(door, &err) == 0; in++)
        ml_door_leave(door, state, ML_REMOTE);
    return in;
}

static void too_many_failures_stop_the_run(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    open_door(&door, &host, 1);
    assert_int_equal(run(&door, 100, ML_STATE_FAILED), 11); /* more than max(10, 1 %) */
    assert_true(door.tripped);
    ml_door_destroy(&door);
}

static void what_nobody_has_tried_stops_nothing(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(enter(&door, &err), 0);
        ml_door_write_off(&door);
    }
    assert_int_equal(door.counts[ML_STATE_FAILED], 100);
    assert_int_equal(run(&door, 100, ML_STATE_FAILED),
                     11); /* as if the others were not there */
    ml_door_destroy(&door);
}

static void twenty_in_a_row_stop_a_long_run(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    open_door(&door, &host, 1);
    assert_int_equal(run(&door, 5000, ML_STATE_CONFIRMED), 5000);
    assert_int_equal(run(&door, 100, ML_STATE_CONFLICT), 20);
    ml_door_destroy(&door);
}

static void one_percent_of_a_long_run_may_fail(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    open_door(&door, &host, 1);
    for (int i = 0; i < 49; i++) {
        assert_int_equal(run(&door, 99, ML_STATE_CONFIRMED), 99);
        assert_int_equal(run(&door, 1, i % 2 ? ML_STATE_FAILED : ML_STATE_UNKNOWN), 1);
        if (i < 9)
            assert_int_equal(run(&door, 1, ML_STATE_CONFIRMED), 1);
    }
    assert_false(door.tripped);
    ml_door_destroy(&door);
}

static void forbidden_is_counted_apart(void **state)
{
    (void)state;
    struct ml_door door;
    struct host host;
    struct ml_err err;
    open_door(&door, &host, 1);
    enter(&door, &err);
    ml_door_leave(&door, ML_STATE_FAILED, ML_FORBIDDEN);
    enter(&door, &err);
    ml_door_leave(&door, ML_STATE_FAILED, ML_INVALID);
    ml_door_noop(&door);
    assert_int_equal(door.forbidden, 1);
    assert_int_equal(door.open, 0);
    assert_int_equal(sum(&door), 3);
    ml_door_destroy(&door);
}

static void state_names_are_read_back(void **state)
{
    (void)state;
    for (int s = 0; s < ML_STATES; s++)
        assert_int_equal(ml_state_parse(ml_state_name(s)), s);
    assert_int_equal(ml_state_parse("sent"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_about_each_warning),
        cmocka_unit_test(what_is_off_has_to_be_switched_on),
        cmocka_unit_test(asks_once_and_tells_the_run),
        cmocka_unit_test(a_no_shuts_the_door),
        cmocka_unit_test(nobody_to_ask_is_a_no),
        cmocka_unit_test(yes_needs_no_question),
        cmocka_unit_test(dry_run_asks_nobody),
        cmocka_unit_test(the_licence_is_enforced),
        cmocka_unit_test(an_empty_licence_allows_nothing),
        cmocka_unit_test(max_changes_stops_before_the_next),
        cmocka_unit_test(too_many_failures_stop_the_run),
        cmocka_unit_test(what_nobody_has_tried_stops_nothing),
        cmocka_unit_test(twenty_in_a_row_stop_a_long_run),
        cmocka_unit_test(production_needs_a_number_or_its_name),
        cmocka_unit_test(the_question_names_the_profile),
        cmocka_unit_test(production_is_asked_for_by_itself),
        cmocka_unit_test(one_percent_of_a_long_run_may_fail),
        cmocka_unit_test(forbidden_is_counted_apart),
        cmocka_unit_test(state_names_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
