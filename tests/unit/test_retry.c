/* SPDX-License-Identifier: MIT */
/*
 * The evidence classes of R1 as a written table, and every combination of
 * effect, fault, status, sends and Retry-After held against it.
 */
#include "policy/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Columns: read, absolute write, create. */
#define EFFECTS 3
static const char effect_names[EFFECTS][9] = {"read", "absolute", "create"};

/* What a status means; `after` is the row when the answer carries Retry-After. */
struct status_row {
    int from, to;
    char plain[EFFECTS], after[EFFECTS];
};

/* A answered, R repeat (counted), U unknown, N not sent (repeat, not counted), H hopeless. */
static const struct status_row status_table[] = {
    {100, 407, "AAA", "AAA"}, /* interim, success, redirect, refusals: definite */
    {408, 408, "RRU", "RRU"}, /* timed out waiting for the request */
    {409, 424, "AAA", "AAA"}, /* conflict, gone, too large, teapot, locked: definite */
    {425, 425, "RRR", "RRR"}, /* too early: not processed */
    {426, 428, "AAA", "AAA"},
    {429, 429, "RRR", "RRR"}, /* throttled: not processed */
    {430, 499, "AAA", "AAA"},
    {500, 500, "RUU", "RUU"},
    {501, 501, "AAA", "AAA"}, /* not implemented: definite */
    {502, 502, "RUU", "RUU"},
    {503, 503, "RUU", "RRU"}, /* with Retry-After: shed before it was processed */
    {504, 504, "RUU", "RUU"},
    {505, 519, "AAA", "AAA"},
    {520, 529, "RUU", "RUU"}, /* a proxy about the server behind it */
    {530, 599, "AAA", "AAA"},
};

struct fault_row {
    enum ml_fault fault;
    char unsent[EFFECTS], sent[EFFECTS];
};

static const struct fault_row fault_table[] = {
    {ML_FAULT_RESOLVE, "NNN", "RUU"},   {ML_FAULT_CONNECT, "NNN", "RUU"},
    {ML_FAULT_TLS, "NNN", "RUU"},       {ML_FAULT_CERT, "HHH", "HUU"},
    {ML_FAULT_TIMEOUT, "NNN", "RUU"},   {ML_FAULT_BROKEN, "NNN", "RUU"},
    {ML_FAULT_TRUNCATED, "NNN", "RUU"}, {ML_FAULT_TOO_LARGE, "NNN", "HUU"},
    {ML_FAULT_RESENT, "NNN", "RUU"},    {ML_FAULT_REFUSED, "HHH", "HUU"},
};

static char letter(enum ml_verdict verdict)
{
    static const char letters[] = {[ML_ANSWERED] = 'A',
                                   [ML_UNSENT] = 'N',
                                   [ML_AGAIN] = 'R',
                                   [ML_UNKNOWN] = 'U',
                                   [ML_HOPELESS] = 'H'};
    return letters[verdict];
}

static void expect(int effect, const struct ml_evidence *e, char want)
{
    char got = letter(ml_retry_judge((enum ml_effect)effect, e));
    if (got != want)
        fail_msg("%s, fault %d, status %d, %u sends, retry_after %d: %c instead of %c",
                 effect_names[effect], (int)e->fault, e->status, e->sends, e->retry_after, got,
                 want);
}

static void every_status_is_judged_as_written(void **state)
{
    (void)state;
    int next = 100;
    for (size_t i = 0; i < sizeof status_table / sizeof *status_table; i++) {
        const struct status_row *row = &status_table[i];
        assert_int_equal(row->from, next); /* no gap in the table */
        for (int status = row->from; status <= row->to; status++)
            for (int effect = 0; effect < EFFECTS; effect++)
                for (unsigned sends = 1; sends <= 3; sends++) {
                    struct ml_evidence e = {.status = status, .sends = sends};
                    expect(effect, &e, row->plain[effect]);
                    e.retry_after = true;
                    expect(effect, &e, row->after[effect]);
                }
        next = row->to + 1;
    }
    assert_int_equal(next, 600);
}

static void every_fault_is_judged_as_written(void **state)
{
    (void)state;
    for (int i = 0; i < ML_FAULTS - 1; i++) {
        const struct fault_row *row = &fault_table[i];
        assert_int_equal(row->fault, i + 1); /* no fault is left out */
        for (int effect = 0; effect < EFFECTS; effect++)
            for (unsigned sends = 0; sends <= 3; sends++) {
                struct ml_evidence e = {.fault = row->fault, .sends = sends};
                expect(effect, &e, sends ? row->sent[effect] : row->unsent[effect]);
                e.retry_after = true; /* a header of a broken answer proves nothing */
                expect(effect, &e, sends ? row->sent[effect] : row->unsent[effect]);
            }
    }
}

/* The invariant by itself: a create that may have left is repeated after 429 and 425 only. */
static void a_create_that_may_have_left_is_not_repeated(void **state)
{
    (void)state;
    for (int fault = 0; fault < ML_FAULTS; fault++)
        for (int status = 0; status < 600; status++) {
            struct ml_evidence e = {
                .fault = (enum ml_fault)fault, .status = status, .sends = 1};
            enum ml_verdict v = ml_retry_judge(ML_CREATE, &e);
            bool refused = fault == ML_FAULT_NONE && (status == 429 || status == 425);
            assert_true(refused == (v == ML_AGAIN));
            assert_true(v != ML_UNSENT);
        }
}

/* What is to be sent once is repeated where provably nothing was sent, and nowhere else. */
static void what_is_sent_once_is_never_repeated(void **state)
{
    (void)state;
    for (int fault = 0; fault < ML_FAULTS; fault++)
        for (int status = 0; status < 600; status++)
            for (int told = 0; told < 2; told++) {
                struct ml_evidence e = {.fault = (enum ml_fault)fault,
                                        .status = status,
                                        .sends = 1,
                                        .retry_after = told};
                enum ml_verdict v = ml_retry_judge(ML_ONCE, &e);
                assert_true(v != ML_AGAIN && v != ML_UNSENT);
                if (fault == ML_FAULT_NONE && (status == 429 || status == 425))
                    assert_int_equal(v, ML_ANSWERED);
                else
                    assert_int_equal(v, ml_retry_judge(ML_CREATE, &e));
            }
    struct ml_evidence unsent = {.fault = ML_FAULT_CONNECT};
    assert_int_equal(ml_retry_judge(ML_ONCE, &unsent), ML_UNSENT);
}

static void rejects_are_429_and_503_with_retry_after(void **state)
{
    (void)state;
    for (int status = 100; status < 600; status++) {
        struct ml_evidence e = {.status = status, .sends = 1};
        assert_int_equal(ml_retry_rejected(&e), status == 429);
        e.retry_after = true;
        assert_int_equal(ml_retry_rejected(&e), status == 429 || status == 503);
        e.fault = ML_FAULT_TRUNCATED;
        assert_false(ml_retry_rejected(&e));
    }
}

static void delays_double_up_to_the_cap(void **state)
{
    (void)state;
    static const int64_t most_ms[] = {200,  200,  400,   800,   1600,
                                      3200, 6400, 12800, 25600, 51200};
    for (unsigned n = 0; n < 10; n++) {
        assert_int_equal(ml_retry_delay_us(n, false, -1, 0), 0);
        assert_int_equal(ml_retry_delay_us(n, false, -1, 0.5), most_ms[n] * 500);
    }
    assert_int_equal(ml_retry_delay_us(1, true, -1, 0.5), 500000);
    assert_int_equal(ml_retry_delay_us(3, true, -1, 0.5), 2000000);
    assert_int_equal(ml_retry_delay_us(10, false, -1, 0.5), 30000000);
    assert_int_equal(ml_retry_delay_us(4000000000u, true, -1, 0.999), 59940000);
}

static void retry_after_is_a_floor(void **state)
{
    (void)state;
    assert_int_equal(ml_retry_delay_us(1, true, 5000, 0), 5000000);
    assert_int_equal(ml_retry_delay_us(1, true, 5000, 0.5), 5250000);
    assert_int_equal(ml_retry_delay_us(1, true, 0, 0.5), 500000);
    assert_int_equal(ml_retry_delay_us(7, true, 1000, 0.5), 30000000);
    assert_int_equal(ml_retry_delay_us(1, true, INT64_MAX, 0), 900000000);
    assert_true(ml_retry_delay_us(1, true, INT64_MAX, 0.999) < 990000000);
}

static void the_budget_pays_and_runs_empty(void **state)
{
    (void)state;
    struct ml_budget b;
    ml_budget_create(&b);
    int paid = 0;
    while (ml_budget_pay(&b, false))
        paid++;
    assert_int_equal(paid, 35); /* 500 / 14 */
    assert_true(b.tokens == 10);
    assert_true(ml_budget_pay(&b, true) && ml_budget_pay(&b, true));
    assert_false(ml_budget_pay(&b, true));
    assert_true(b.tokens == 0);
}

static void answers_refill_the_budget(void **state)
{
    (void)state;
    struct ml_budget b;
    ml_budget_create(&b);
    ml_budget_refund(&b, 0);
    assert_true(b.tokens == 500);
    ml_budget_pay(&b, false);
    ml_budget_pay(&b, true);
    ml_budget_refund(&b, 19);
    assert_true(b.tokens == 500);
    ml_budget_pay(&b, false);
    ml_budget_refund(&b, 0);
    assert_true(b.tokens == 487);
}

static void probes_wait_longer_each_time_until_an_answer(void **state)
{
    (void)state;
    static const int seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct ml_budget b;
    ml_budget_create(&b);
    for (int i = 0; i < 8; i++)
        assert_int_equal(ml_budget_probe_us(&b), seconds[i] * 1000000LL);
    b.probes = 4000000000u;
    assert_int_equal(ml_budget_probe_us(&b), 60000000);
    ml_budget_refund(&b, 0);
    assert_int_equal(ml_budget_probe_us(&b), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_is_judged_as_written),
        cmocka_unit_test(every_fault_is_judged_as_written),
        cmocka_unit_test(a_create_that_may_have_left_is_not_repeated),
        cmocka_unit_test(what_is_sent_once_is_never_repeated),
        cmocka_unit_test(rejects_are_429_and_503_with_retry_after),
        cmocka_unit_test(delays_double_up_to_the_cap),
        cmocka_unit_test(retry_after_is_a_floor),
        cmocka_unit_test(the_budget_pays_and_runs_empty),
        cmocka_unit_test(answers_refill_the_budget),
        cmocka_unit_test(probes_wait_longer_each_time_until_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
