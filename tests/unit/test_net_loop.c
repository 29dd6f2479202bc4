/* SPDX-License-Identifier: MIT */
/* The loop: no wake-up is lost, whoever waits and however descriptors come and go. */
#include <poll.h>
#include <sys/wait.h>

#include "test_net_server.h"

/* As a host does: waits on the descriptor only, never inside a turn. */
static void hosted_turn(struct bench *b)
{
    ml_net_kick(b->net);
    ml_net_flush(b->net);
    struct pollfd p = {.fd = ml_net_fd(b->net), .events = POLLIN};
    assert_int_equal(poll(&p, 1, (int)(PATIENCE_US / 1000)), 1);
    assert_int_equal(ml_net_turn(b->net, 0), 0);
}

static void a_host_hears_of_everything(void **state)
{
    (void)state;
    SCRIPT(b, 2, {OK_JSON, KEEP}, {OK_JSON, CLOSE}, {NULL, RESET}, {OK_JSON, KEEP},
           {STATUS("500 x"), KEEP}, {OK_JSON, KEEP});
    for (int i = 0; i < 4; i++) {
        struct ml_call *call = get(&b, "/");
        while (!ml_call_ended(call)) {
            hosted_turn(&b);
            hurry(&b); /* an earlier time than the one the kernel was told */
        }
        assert_int_equal(ml_call_status(call), 200);
        ml_call_free(call);
    }
    bench_close(&b);
}

struct bell {
    struct ml_timer timer;
    int rung;
};

static void ring(struct ml_timer *timer)
{
    struct bell *bell = (struct bell *)((char *)timer - offsetof(struct bell, timer));
    bell->rung++;
}

static void a_host_hears_of_timers(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, NULL, 0, 2);
    struct bell late = {.timer.fire = ring}, soon = {.timer.fire = ring};
    int64_t now = ml_clock_us();
    assert_int_equal(ml_net_timer(b.net, &late.timer, now + 3600 * INT64_C(1000000)), 0);
    ml_net_flush(b.net);
    for (int i = 1; i <= 3; i++) { /* the past, now, and soon; each after the other */
        assert_int_equal(ml_net_timer(b.net, &soon.timer, now - 2000 + i * 1000), 0);
        while (soon.rung < i)
            hosted_turn(&b);
    }
    assert_int_equal(late.rung, 0);
    ml_net_timer_cancel(b.net, &late.timer);
    ml_net_timer_cancel(b.net, &late.timer);
    assert_int_equal(ml_net_next(b.net), INT64_MAX);
    assert_true(ml_net_idle(b.net));
    bench_close(&b);
}

static void *wake(void *net)
{
    ml_net_wake(net);
    return NULL;
}

static void another_thread_wakes_a_turn(void **state)
{
    (void)state;
    struct bench b;
    pthread_t thread;
    bench_open(&b, NULL, 0, 2);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pthread_create(&thread, NULL, wake, b.net), 0);
        assert_int_equal(ml_net_turn(b.net, -1), 0); /* would wait for ever */
        pthread_join(thread, NULL);
    }
    for (int i = 0; i < 3; i++) /* many are one */
        ml_net_wake(b.net);
    assert_int_equal(ml_net_turn(b.net, -1), 0);
    bench_close(&b);
}

/* Each connection is closed by the server, and its number soon stands for another. */
static void numbers_of_descriptors_come_again(void **state)
{
    (void)state;
    enum { ROUNDS = 60, TOGETHER = 4 };
    static struct answer script[ROUNDS + TOGETHER];
    for (int i = 0; i < ROUNDS + TOGETHER; i++)
        script[i] = (struct answer){OK_JSON, CLOSE};
    struct bench b;
    struct ml_call *calls[TOGETHER];
    bench_open(&b, script, ROUNDS, TOGETHER);
    for (int round = 0; round < ROUNDS / TOGETHER; round++) {
        for (int i = 0; i < TOGETHER; i++)
            calls[i] = get(&b, "/");
        int other = dup(0); /* takes a number in between */
        int64_t since = ml_clock_us();
        while (b.net->calls) { /* no time-outs here: an event that is lost is seen */
            if (ml_clock_us() - since > PATIENCE_US)
                fail_msg("an event was lost");
            assert_int_equal(ml_net_turn(b.net, PATIENCE_US), 0);
            hurry(&b);
        }
        if (other >= 0)
            close(other);
        for (int i = 0; i < TOGETHER; i++) {
            assert_int_equal(ml_call_status(calls[i]), 200);
            ml_call_free(calls[i]);
        }
    }
    bench_close(&b);
}

/* A child that was forked holds every socket open; its copies must not keep us busy. */
static void a_forked_child_does_not_keep_the_loop_awake(void **state)
{
    (void)state;
    SCRIPT(b, 2, {NULL, HOLD}, {OK_JSON, CLOSE});
    struct ml_call *call = get(&b, "/1");
    until_requests(&b, 1);
    int hold[2];
    char end;
    assert_int_equal(pipe(hold), 0);
    pid_t child = fork();
    if (child == 0) {
        close(hold[1]);
        ssize_t n = read(hold[0], &end, 1); /* until the parent closes */
        _exit(n == 0 ? 0 : 1);
    }
    ml_call_free(call);
    call = get(&b, "/2");
    settle(&b);
    assert_int_equal(ml_call_status(call), 200);
    ml_call_free(call);
    assert_int_equal(ml_net_turn(b.net, 0), 0);
    struct bell bell = {.timer.fire = ring};
    ml_net_timer(b.net, &bell.timer, ml_clock_us() + 100000);
    int turns = 0;
    for (; !bell.rung; turns++)
        assert_int_equal(ml_net_turn(b.net, -1), 0);
    assert_true(turns < 300); /* a loop that is kept awake makes thousands */
    close(hold[0]), close(hold[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_hears_of_everything),
        cmocka_unit_test(a_host_hears_of_timers),
        cmocka_unit_test(another_thread_wakes_a_turn),
        cmocka_unit_test(numbers_of_descriptors_come_again),
        cmocka_unit_test(a_forked_child_does_not_keep_the_loop_awake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
