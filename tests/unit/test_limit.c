/* SPDX-License-Identifier: MIT */
/* Pacing in virtual time: the rules one by one, then against a leaky bucket. */
#include "leaky.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000000
#define RTT 80000

static struct ml_limit lane(double start, double ceiling, unsigned in_flight)
{
    struct ml_limit l;
    struct ml_limit_conf conf = {.start = start, .ceiling = ceiling, .in_flight = in_flight};
    ml_limit_create(&l, &conf, 0);
    return l;
}

/* Sends and answers one after the other until `until`; the number of sends. */
static int drive(struct ml_limit *l, int64_t *now, int64_t until, int64_t latency,
                 enum ml_limit_outcome outcome)
{
    int sends = 0;
    for (;;) {
        int64_t wait = ml_limit_ask(l, *now);
        assert_true(wait >= 0 && wait != ML_LIMIT_FULL);
        if (*now + wait >= until)
            break;
        *now += wait;
        if (wait)
            continue;
        sends++;
        ml_limit_done(l, *now + latency, latency, outcome);
    }
    *now = until;
    return sends;
}

static void no_limit_is_no_wait(void **state)
{
    (void)state;
    struct ml_limit l = lane(0, 0, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ml_limit_ask(&l, 5), 0);
    assert_true(ml_limit_ask(&l, 5) == ML_LIMIT_FULL);
    ml_limit_done(&l, 10, 5, ML_LIMIT_REJECTED);
    assert_int_equal(ml_limit_ask(&l, 10), 0);
    ml_limit_hint(&l, 10, 0, S, 10, S);
    ml_limit_done(&l, 15, 5, ML_LIMIT_OK);
    assert_int_equal(ml_limit_ask(&l, 15), 0);
    assert_true(l.rate == 0);
}

static void sends_are_spaced(void **state)
{
    (void)state;
    struct ml_limit l = lane(10, 10, 32);
    assert_int_equal(ml_limit_ask(&l, 0), 0);
    assert_int_equal(ml_limit_ask(&l, 0), S / 10);
    assert_int_equal(ml_limit_ask(&l, 60000), 40000);
    assert_int_equal(ml_limit_ask(&l, S / 10), 0);
    ml_limit_unsent(&l);
    ml_limit_unsent(&l);
    int64_t now = S / 10;
    assert_in_range(drive(&l, &now, 10 * S, 1000, ML_LIMIT_OK), 97, 99);
}

static void lateness_is_made_good_but_idleness_is_not(void **state)
{
    (void)state;
    struct ml_limit l = lane(10, 10, 32);
    assert_int_equal(ml_limit_ask(&l, 0), 0);
    assert_int_equal(ml_limit_ask(&l, 101000), 0);
    assert_int_equal(ml_limit_ask(&l, 101000), 99000);
    /* A minute of nothing saves up no burst. */
    assert_int_equal(ml_limit_ask(&l, 60 * S), 0);
    assert_in_range(ml_limit_ask(&l, 60 * S), 98000, 100000);
}

static void fast_lanes_keep_their_rate_with_slow_timers(void **state)
{
    (void)state;
    struct ml_limit l = lane(1000, 1000, 32);
    int sends = 0;
    for (int64_t now = 0; now < S; now += 1500) {
        while (ml_limit_ask(&l, now) == 0) {
            sends++;
            ml_limit_unsent(&l);
        }
    }
    assert_in_range(sends, 980, 1010);
}

static void slots_follow_rate_and_latency(void **state)
{
    (void)state;
    struct ml_limit l = lane(50, 50, 16);
    assert_int_equal(ml_limit_slots(&l), 16);
    ml_limit_done(&l, 100000, 100000, ML_LIMIT_OK);
    assert_int_equal(ml_limit_slots(&l), 8); /* 50 x 0.1 x 1.5 */
    for (int i = 0; i < 100; i++)
        ml_limit_done(&l, 3 * S, 3 * S, ML_LIMIT_OK);
    assert_int_equal(ml_limit_slots(&l), 16);
    for (int i = 0; i < 100; i++)
        ml_limit_done(&l, 1000, -7, ML_LIMIT_OK);
    assert_int_equal(ml_limit_slots(&l), 1);
    struct ml_limit none = lane(5, 5, 0);
    assert_int_equal(ml_limit_slots(&none), 1);
}

static void full_until_one_is_done(void **state)
{
    (void)state;
    struct ml_limit l = lane(1000, 1000, 2);
    assert_int_equal(ml_limit_ask(&l, 0), 0);
    assert_int_equal(ml_limit_ask(&l, 1000), 0);
    assert_true(ml_limit_ask(&l, 2000) == ML_LIMIT_FULL);
    ml_limit_unsent(&l);
    assert_int_equal(ml_limit_ask(&l, 2000), 0);
    ml_limit_done(&l, 5000, 0, ML_LIMIT_BROKEN);
    assert_true(l.latency_us == 0 && l.accepted == 0);
    ml_limit_unsent(&l);
    ml_limit_unsent(&l); /* one too many is no harm */
    assert_int_equal(l.busy, 0);
}

static void the_rate_doubles_each_second_up_to_the_ceiling(void **state)
{
    (void)state;
    struct ml_limit l = lane(5, 50, 32);
    int64_t now = 0;
    drive(&l, &now, S, 1000, ML_LIMIT_OK);
    assert_true(l.rate > 8.5 && l.rate <= 10.1);
    drive(&l, &now, 2 * S, 1000, ML_LIMIT_OK);
    assert_true(l.rate > 17 && l.rate <= 20.1);
    drive(&l, &now, 6 * S, 1000, ML_LIMIT_OK);
    assert_true(l.rate == 50);
    struct ml_limit low = lane(5, 0.1, 32);
    assert_true(low.rate == 0.1);
}

static void an_unused_lane_does_not_grow(void **state)
{
    (void)state;
    struct ml_limit l = lane(5, 0, 32);
    for (int64_t now = 0; now < 60 * S; now += S)
        assert_int_equal(ml_limit_ask(&l, now), 0), ml_limit_unsent(&l);
    assert_true(l.rate == 5);
}

static void the_first_reject_halves_and_then_each_round_trip(void **state)
{
    (void)state;
    struct ml_limit l = lane(40, 0, 32);
    ml_limit_done(&l, S, RTT, ML_LIMIT_REJECTED);
    assert_true(l.rate == 20);
    /* Sent before the first was known: no news. */
    ml_limit_done(&l, S + 10, RTT, ML_LIMIT_REJECTED);
    assert_true(l.rate == 20);
    ml_limit_done(&l, S + 2 * RTT, RTT, ML_LIMIT_REJECTED);
    assert_true(l.rate == 10);
}

static void later_it_backs_off_once_a_second(void **state)
{
    (void)state;
    struct ml_limit l = lane(40, 0, 32);
    ml_limit_done(&l, S, RTT, ML_LIMIT_REJECTED);
    for (int i = 0; i < 3; i++)
        ml_limit_done(&l, 2 * S + i, RTT, ML_LIMIT_OK);
    ml_limit_done(&l, 3 * S, RTT, ML_LIMIT_REJECTED);
    assert_true(l.rate == 20 * 0.85);
    ml_limit_done(&l, 3 * S + 500000, RTT, ML_LIMIT_REJECTED);
    assert_true(l.rate == 20 * 0.85);
    ml_limit_done(&l, 4 * S + RTT, RTT, ML_LIMIT_REJECTED);
    assert_true(l.rate == 20 * 0.85 * 0.85);
}

static void it_recovers_to_97_percent_holds_and_probes(void **state)
{
    (void)state;
    struct ml_limit l = lane(40, 0, 32);
    int64_t now = S;
    ml_limit_done(&l, now, 1000, ML_LIMIT_REJECTED);
    double failed = l.failed_rate;
    assert_true(failed > 38 && failed <= 40);
    drive(&l, &now, now + 1500000, 1000, ML_LIMIT_OK);
    assert_true(l.rate == failed * 0.97);
    drive(&l, &now, now + 3 * S, 1000, ML_LIMIT_OK);
    assert_true(l.rate > failed * 0.98 && l.rate < failed * 1.02);
    /* The limit has gone: ever faster. */
    drive(&l, &now, now + 25 * S, 1000, ML_LIMIT_OK);
    assert_true(l.rate > 2 * failed);
}

static void a_reject_in_recovery_goes_back_down(void **state)
{
    (void)state;
    struct ml_limit l = lane(40, 0, 32);
    int64_t now = S;
    ml_limit_done(&l, now, 1000, ML_LIMIT_REJECTED);
    drive(&l, &now, now + 900000, 1000, ML_LIMIT_OK);
    double failed = l.failed_rate;
    assert_true(l.rate > 20);
    ml_limit_done(&l, now, 1000, ML_LIMIT_REJECTED);
    assert_true(l.rate == 20);
    assert_true(l.failed_rate < failed);
}

static void rejects_never_stop_a_lane(void **state)
{
    (void)state;
    struct ml_limit l = lane(5, 0, 32);
    for (int i = 1; i < 100; i++)
        ml_limit_done(&l, i * 2LL * S, RTT, ML_LIMIT_REJECTED);
    assert_true(l.rate == 0.5);
    struct ml_limit slow = lane(0.2, 0.2, 32);
    ml_limit_done(&slow, S, RTT, ML_LIMIT_REJECTED);
    assert_true(slow.rate == 0.2);
}

static void a_pause_stops_the_lane_and_a_longer_one_stands(void **state)
{
    (void)state;
    struct ml_limit l = lane(10, 0, 32);
    ml_limit_pause(&l, 0, 30 * S);
    ml_limit_pause(&l, 0, 5 * S);
    ml_limit_pause(&l, 0, -5 * S);
    assert_int_equal(ml_limit_paused(&l, S), 29 * S);
    assert_int_equal(ml_limit_ask(&l, S), 29 * S);
    assert_int_equal(ml_limit_ask(&l, 30 * S), 0);
    assert_int_equal(ml_limit_paused(&l, 31 * S), 0);
    assert_true(l.rate == 10); /* the wait is no growth */
    ml_limit_pause(&l, 0, INT64_MAX);
    assert_true(ml_limit_paused(&l, 0) == 900LL * S);
}

static void hints_lower_the_rate_until_the_reset(void **state)
{
    (void)state;
    struct ml_limit l = lane(50, 50, 32);
    int64_t now = 0;
    ml_limit_hint(&l, now, 20, 10 * S, 0, 0);
    assert_in_range(drive(&l, &now, 10 * S, 1000, ML_LIMIT_OK), 20, 21);
    /* 50/s again afterwards, without the long wait that was due. */
    assert_in_range(drive(&l, &now, 12 * S, 1000, ML_LIMIT_OK), 95, 102);
    assert_true(l.rate == 50);
    /* A hint above the rate changes nothing. */
    ml_limit_hint(&l, now, 100000, 10 * S, 0, 0);
    assert_in_range(drive(&l, &now, now + 2 * S, 1000, ML_LIMIT_OK), 95, 102);
}

static void a_hinted_lane_does_not_grow_behind_the_hint(void **state)
{
    (void)state;
    struct ml_limit l = lane(10, 0, 32);
    int64_t now = 0;
    ml_limit_hint(&l, now, 5 * 60, 60 * S, 0, 0);
    drive(&l, &now, 30 * S, 1000, ML_LIMIT_OK);
    assert_true(l.rate == 10);
    ml_limit_done(&l, now, 1000, ML_LIMIT_REJECTED);
    assert_true(l.rate == 2.5); /* half of what was sent, not of what was learned */
}

static void quota_and_window_bound_a_generous_rest(void **state)
{
    (void)state;
    struct ml_limit l = lane(0.2, 0, 32);
    ml_limit_hint(&l, 0, -1, 0, 100, 100 * S);
    assert_true(l.hint_rate == 1 && l.hint_until_us == 100 * S);
    /* The draft's own example: 10,000 in 1,000 s, all of them left, 10 s to go. */
    ml_limit_hint(&l, 0, 10000, 10 * S, 10000, 1000LL * S);
    assert_true(l.hint_rate == 10 && l.hint_until_us == 10 * S);
    ml_limit_hint(&l, 0, -1, 10 * S, 5, 0); /* nothing said: the last hint stands */
    ml_limit_hint(&l, 0, 5, 0, 0, 10 * S);
    assert_true(l.hint_rate == 10);
    /* Hostile: one request until the end of the world. The wait has an end. */
    ml_limit_hint(&l, 0, 1, INT64_MAX, 0, 0);
    assert_true(l.hint_until_us == 900LL * S);
    assert_int_equal(ml_limit_ask(&l, 0), 0);
    assert_true(ml_limit_ask(&l, 0) <= 900LL * S);
}

static void an_empty_quota_pauses_until_the_reset(void **state)
{
    (void)state;
    struct ml_limit l = lane(10, 0, 32);
    ml_limit_hint(&l, 0, 0, 20 * S, 100, 60 * S);
    assert_int_equal(ml_limit_ask(&l, 0), 20 * S);
}

static void headroom_leaves_a_share_to_others(void **state)
{
    (void)state;
    struct ml_limit l;
    struct ml_limit_conf conf = {.start = 50, .in_flight = 32, .headroom = 0.5};
    ml_limit_create(&l, &conf, 0);
    ml_limit_hint(&l, 0, -1, 0, 100, 10 * S);
    assert_true(l.hint_rate == 5);
    ml_limit_hint(&l, 0, 80, 10 * S, 0, 0); /* no quota: half of the rest */
    assert_true(l.hint_rate == 4);
    ml_limit_hint(&l, 0, 80, 10 * S, 100, 0); /* 50 stay for the others */
    assert_true(l.hint_rate == 3);
    assert_int_equal(ml_limit_paused(&l, 0), 0);
    ml_limit_hint(&l, 0, 50, 10 * S, 100, 0);
    assert_int_equal(ml_limit_paused(&l, 0), 10 * S);
}

static struct leaky_result mean_of(struct leaky_run run)
{
    struct leaky_result mean = {0};
    for (run.seed = 1; run.seed <= 5; run.seed++) {
        struct leaky_result r = leaky_simulate(&run);
        mean.used += r.used / 5;
        mean.rejected += r.rejected / 5;
    }
    return mean;
}

static void check(struct leaky_run run, double least_used, double most_rejected)
{
    struct leaky_result r = mean_of(run);
    if (r.used < least_used || r.rejected > most_rejected)
        fail_msg("%.0f/s burst %u: %.1f %% used, %.1f %% rejected", run.limit, run.burst,
                 100 * r.used, 100 * r.rejected);
}

static const double limits[] = {5, 20, 50, 100};

static double most_rejected(double limit)
{
    return limit <= 5 ? 0.06 : 0.02;
}

static void the_simulation_itself_is_right(void **state)
{
    (void)state;
    /* Clear of the limit nothing is rejected, at twice the limit every second one is. */
    struct leaky_run run = {.limit = 10, .rtt_us = RTT, .seconds = 100, .fixed = 9, .seed = 1};
    struct leaky_result r = leaky_simulate(&run);
    assert_true(r.rejected == 0 && r.used > 0.89 && r.used < 0.91);
    run.fixed = 19.9;
    r = leaky_simulate(&run);
    assert_true(r.rejected > 0.45 && r.rejected < 0.55);
    run.burst = 5;
    run.fixed = 20;
    r = leaky_simulate(&run);
    assert_true(r.rejected > 0.48 && r.rejected < 0.52 && r.used > 0.99 && r.used < 1.01);
}

static void ten_minutes_with_a_burst(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct leaky_run run = {.limit = limits[i],
                                .burst = 5,
                                .rtt_us = RTT,
                                .jitter_us = 2000,
                                .timer_us = 1000,
                                .seconds = 600};
        check(run, 0.95, most_rejected(run.limit));
        run.burst = 20;
        check(run, 0.95, most_rejected(run.limit));
        run.rtt_us = 2000;
        check(run, 0.95, most_rejected(run.limit));
    }
}

static void ten_minutes_without_a_burst(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct leaky_run run = {
            .limit = limits[i], .rtt_us = RTT, .jitter_us = 200, .seconds = 600};
        check(run, 0.95, most_rejected(run.limit));
        run.rtt_us = 2000;
        run.jitter_us = 100;
        run.timer_us = 1000;
        check(run, 0.95, most_rejected(run.limit));
    }
}

static void ten_seconds_after_halving_it_is_polite_again(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        for (unsigned burst = 0; burst <= 20; burst += 10) {
            struct leaky_run run = {.limit = limits[i],
                                    .change = 0.5,
                                    .change_s = 200,
                                    .burst = burst,
                                    .rtt_us = RTT,
                                    .jitter_us = 200,
                                    .seconds = 270,
                                    .count_s = 210};
            check(run, 0.90, most_rejected(run.limit));
        }
}

static void a_doubled_limit_is_found(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct leaky_run run = {.limit = limits[i],
                                .change = 2,
                                .change_s = 200,
                                .burst = 10,
                                .rtt_us = RTT,
                                .jitter_us = 200,
                                .seconds = 300,
                                .count_s = 230};
        check(run, 0.95, most_rejected(run.limit));
    }
}

static void a_minute_from_the_start(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct leaky_run run = {.limit = limits[i],
                                .burst = 5,
                                .rtt_us = RTT,
                                .jitter_us = 500,
                                .timer_us = 1000,
                                .seconds = 60};
        check(run, 0.93, most_rejected(run.limit));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit_is_no_wait),
        cmocka_unit_test(sends_are_spaced),
        cmocka_unit_test(lateness_is_made_good_but_idleness_is_not),
        cmocka_unit_test(fast_lanes_keep_their_rate_with_slow_timers),
        cmocka_unit_test(slots_follow_rate_and_latency),
        cmocka_unit_test(full_until_one_is_done),
        cmocka_unit_test(the_rate_doubles_each_second_up_to_the_ceiling),
        cmocka_unit_test(an_unused_lane_does_not_grow),
        cmocka_unit_test(the_first_reject_halves_and_then_each_round_trip),
        cmocka_unit_test(later_it_backs_off_once_a_second),
        cmocka_unit_test(it_recovers_to_97_percent_holds_and_probes),
        cmocka_unit_test(a_reject_in_recovery_goes_back_down),
        cmocka_unit_test(rejects_never_stop_a_lane),
        cmocka_unit_test(a_pause_stops_the_lane_and_a_longer_one_stands),
        cmocka_unit_test(hints_lower_the_rate_until_the_reset),
        cmocka_unit_test(a_hinted_lane_does_not_grow_behind_the_hint),
        cmocka_unit_test(quota_and_window_bound_a_generous_rest),
        cmocka_unit_test(an_empty_quota_pauses_until_the_reset),
        cmocka_unit_test(headroom_leaves_a_share_to_others),
        cmocka_unit_test(the_simulation_itself_is_right),
        cmocka_unit_test(ten_minutes_with_a_burst),
        cmocka_unit_test(ten_minutes_without_a_burst),
        cmocka_unit_test(ten_seconds_after_halving_it_is_polite_again),
        cmocka_unit_test(a_doubled_limit_is_found),
        cmocka_unit_test(a_minute_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
