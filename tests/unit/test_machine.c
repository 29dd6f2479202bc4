/* SPDX-License-Identifier: MIT */
/* Every state with every event, against a table written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "journal/machine.h"

static const char letters[] = "-PSAUCFKNV";

/* A row a state in the order of `letters`; a column an event; '.' = cannot happen. */
static const char *const expected[] = {
    /* plan send nothing confirm fail conflict accept doubt already undo */
    "P.........", /* none */
    ".S..FK..N.", /* planned */
    "..PCFKAU..", /* sent */
    "..PCFKAU..", /* accepted */
    "..PCFK.U..", /* unknown */
    ".........V", /* confirmed */
    "..........", /* failed */
    "..........", /* conflict */
    "..........", /* noop */
    "..........", /* undone */
};

static enum ml_change_state state_of(char letter)
{
    return letter == '-' ? ML_CHANGE_NONE : (enum ml_change_state)letter;
}

static void every_event_in_every_state(void **unused)
{
    (void)unused;
    for (int row = 0; letters[row]; row++)
        for (int event = 0; event < ML_EVENTS; event++) {
            int wanted = expected[row][event] == '.' ? -1 : expected[row][event];
            int got = ml_machine_next(state_of(letters[row]), (enum ml_event)event);
            if (got != wanted)
                fail_msg("state %c, event %d: %d instead of %d", letters[row], event, got,
                         wanted);
        }
}

static void nothing_follows_from_what_is_none(void **unused)
{
    (void)unused;
    assert_int_equal(ml_machine_next(ML_CHANGE_PLANNED, ML_EVENTS), -1);
    assert_int_equal(ml_machine_next((enum ml_change_state)'X', ML_EVENT_SEND), -1);
    assert_int_equal(ml_machine_next((enum ml_change_state)'-', ML_EVENT_SEND), -1);
}

static void rest_is_where_only_an_undo_leads_on(void **unused)
{
    (void)unused;
    for (int i = 1; letters[i]; i++) {
        int ways = 0;
        for (int event = 0; event < ML_EVENT_UNDO; event++)
            ways += ml_machine_next(state_of(letters[i]), (enum ml_event)event) >= 0;
        assert_int_equal(ml_machine_ended(state_of(letters[i])), ways == 0);
    }
    assert_int_equal(ml_machine_ended(ML_CHANGE_NONE), 0);
}

static void names_lead_there_and_back(void **unused)
{
    static const char *const names[] = {"planned",  "sent",      "accepted",
                                        "unknown",  "confirmed", "failed",
                                        "conflict", "noop",      "undone"};
    (void)unused;
    for (int i = 1; letters[i]; i++) {
        assert_string_equal(ml_machine_name(state_of(letters[i])), names[i - 1]);
        assert_int_equal(ml_machine_parse(names[i - 1]), letters[i]);
    }
    assert_null(ml_machine_name(ML_CHANGE_NONE));
    assert_null(ml_machine_name((enum ml_change_state)'X'));
    assert_int_equal(ml_machine_parse("lost"), ML_CHANGE_NONE);
    assert_int_equal(ml_machine_parse(""), ML_CHANGE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state),
        cmocka_unit_test(nothing_follows_from_what_is_none),
        cmocka_unit_test(rest_is_where_only_an_undo_leads_on),
        cmocka_unit_test(names_lead_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
