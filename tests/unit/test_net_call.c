/* SPDX-License-Identifier: MIT */
/* The life of a call: slots, ends, cancelling and deadlines in every state. */
#include "test_net_server.h"

static void an_answer_is_handed_up(void **state)
{
    (void)state;
    SCRIPT(b, 4, {JSON_HEAD "X-Request-Id:  r-1 \r\nContent-Length: 7\r\n\r\n{\"a\":1}", KEEP});
    struct ml_call *call = get(&b, "/x?y=1");
    assert_false(ml_call_ended(call)); /* never from inside the start */
    settle(&b);
    size_t len;
    assert_int_equal(b.ends, 1);
    assert_int_equal(ml_call_status(call), 200);
    assert_int_equal(ml_call_error(call)->kind, ML_NONE);
    assert_string_equal(ml_call_body(call, &len), "{\"a\":1}");
    assert_int_equal(len, 7);
    assert_memory_equal(ml_call_header(call, "x-request-id", &len), "r-1", 3);
    assert_int_equal(len, 3);
    assert_int_equal(ml_call_sends(call), 1);
    assert_int_equal(ml_call_attempts(call), 1);
    assert_false(ml_call_doubt(call));
    assert_true(ml_call_elapsed_us(call) > 0);
    assert_int_equal(b.net->stats.requests, 1);
    assert_memory_equal(b.server.head[0], "GET /x?y=1 HTTP/1.1\r\n", 21);
    assert_true(ml_net_idle(b.net));
    ml_call_free(call);
    bench_close(&b);
}

static void cancelling_in_the_queue_sends_nothing(void **state)
{
    (void)state;
    SCRIPT(b, 1, {NULL, HOLD}, {OK_JSON, KEEP});
    struct ml_call *first = get(&b, "/1"), *second = get(&b, "/2"), *third = get(&b, "/3"),
                   *fourth = get(&b, "/4");
    until_requests(&b, 1);
    assert_int_equal(b.net->stats.queued, 3);
    assert_true(ml_call_idle(third));
    ml_call_cancel(third); /* from the middle, the end and the front */
    ml_call_cancel(fourth);
    ml_call_cancel(third); /* twice is once */
    assert_int_equal(b.net->stats.queued, 1);
    assert_int_equal(ml_call_error(third)->kind, ML_CANCELLED);
    assert_int_equal(ml_call_sends(third), 0);
    assert_false(ml_call_doubt(third));
    ml_call_cancel(first); /* gives its slot to the second */
    settle(&b);
    assert_int_equal(ml_call_status(second), 200);
    assert_int_equal(b.ends, 1);
    assert_int_equal(requests(&b), 2);
    ml_call_free(first), ml_call_free(second), ml_call_free(third), ml_call_free(fourth);
    bench_close(&b);
}

static void cancelling_in_flight_leaves_doubt_and_no_slot(void **state)
{
    (void)state;
    SCRIPT(b, 1, {NULL, HOLD}, {JSON_HEAD "Content-Length: 90\r\n\r\n{\"half\":", HOLD},
           {OK_JSON, KEEP});
    struct ml_call *silent = put(&b, "/1", ML_CREATE);
    until_requests(&b, 1);
    assert_false(ml_call_idle(silent));
    assert_true(ml_call_doubt(silent)); /* already while it flies */
    ml_call_cancel(silent);
    assert_true(ml_call_doubt(silent));
    assert_int_equal(ml_call_sends(silent), 1);
    assert_int_equal(ml_call_status(silent), 0);
    struct ml_call *half = get(&b, "/2");
    until_requests(&b, 2);
    ml_call_free(half);
    struct ml_call *next = get(&b, "/3");
    settle(&b);
    assert_int_equal(ml_call_status(next), 200);
    ml_call_free(silent), ml_call_free(next);
    assert_int_equal(b.ends, 1);
    bench_close(&b);
}

static void cancelling_between_attempts_disarms(void **state)
{
    (void)state;
    SCRIPT(b, 4, {STATUS("500 Failed"), KEEP}, {STATUS("429 Wait"), KEEP});
    struct ml_call *call = get(&b, "/1");
    until_backoff(&b, call);
    assert_true(ml_call_doubt(call));
    ml_call_free(call);
    assert_true(ml_net_idle(b.net));
    struct ml_call *write = put(&b, "/2", ML_CREATE);
    until_backoff(&b, write);
    assert_true(ml_call_idle(write)); /* 429: nothing was done */
    ml_call_cancel(write);
    assert_false(ml_call_doubt(write));
    assert_true(ml_net_idle(b.net));
    ml_call_free(write);
    assert_int_equal(b.ends, 0);
    bench_close(&b);
}

static void a_pause_without_calls_is_idle(void **state)
{
    (void)state;
    SCRIPT(b, 4, {"HTTP/1.1 429 Wait\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n", KEEP});
    struct ml_call *first = get(&b, "/1"), *second = NULL;
    until_backoff(&b, first);
    second = get(&b, "/2");
    assert_int_equal(ml_net_turn(b.net, 0), 0); /* the lane's timer is armed now */
    assert_false(ml_net_idle(b.net));
    ml_call_free(first), ml_call_free(second);
    assert_true(ml_net_idle(b.net));
    bench_close(&b);
}

/* --- from within on_end --- */

struct party {
    struct bench *b;
    struct ml_call *self, *other, *born;
    int ends;
};

static void free_both(struct ml_call *call, void *ud)
{
    struct party *p = ud;
    assert_ptr_equal(call, p->self);
    p->ends++;
    ml_call_free(p->other);
    ml_call_free(p->self);
    p->self = p->other = NULL;
}

static void must_not_end(struct ml_call *call, void *ud)
{
    (void)call, (void)ud;
    fail_msg("a freed call reported its end");
}

static struct ml_call *party_get(struct party *p, const char *target, ml_call_end_fn end,
                                 int64_t deadline_ms)
{
    struct ml_call_spec spec = {.origin = p->b->origin,
                                .method = "GET",
                                .target = target,
                                .rate = -1,
                                .deadline_ms = deadline_ms};
    struct ml_err err;
    struct ml_call *call = NULL;
    assert_int_equal(ml_call_start(p->b->net, &spec, end, p, &call, &err), 0);
    return call;
}

static void run_party(struct party *p)
{
    int64_t since = ml_clock_us();
    while (!p->ends)
        turn(p->b, since);
    assert_null(p->b->net->calls);
    assert_true(ml_net_idle(p->b->net));
}

static void an_end_may_free_everything(void **state)
{
    (void)state;
    SCRIPT(b, 1, {OK_JSON, KEEP}, {OK_JSON, KEEP}, {NULL, HOLD}, {STATUS("500 x"), KEEP});
    struct party p = {.b = &b};
    p.self = party_get(&p, "/1", free_both, 0); /* the other is queued */
    p.other = party_get(&p, "/2", must_not_end, 0);
    run_party(&p);
    b.conf.concurrency = 2;
    bench_renew(&b);
    p = (struct party){.b = &b};
    p.self = party_get(&p, "/3", free_both, 0); /* alone */
    run_party(&p);
    p = (struct party){.b = &b};
    p.other = party_get(&p, "/4", must_not_end, 0); /* flies, at a silent server */
    until_requests(&b, 3);
    p.self = party_get(&p, "/5", free_both, 0); /* ends by its deadline, in backoff */
    until_backoff(&b, p.self);
    ml_loop_timer(&b.net->loop, &p.self->deadline, 0);
    ml_loop_timer(&b.net->loop, &p.other->deadline, 0); /* due in the same turn */
    run_party(&p);
    bench_close(&b);
}

static void an_end_in_a_batch_may_free_the_rest(void **state)
{
    (void)state;
    SCRIPT(b, 2, {OK_JSON, KEEP}, {OK_JSON, KEEP}, {OK_JSON, KEEP}, {OK_JSON, KEEP});
    /* Whichever ends first frees the other, which may have ended in the same batch. */
    for (int i = 0; i < 2; i++) {
        struct party p = {.b = &b}, q = {.b = &b};
        p.self = party_get(&p, "/1", free_both, 0);
        p.other = q.self = party_get(&q, "/2", free_both, 0);
        q.other = p.self;
        int64_t since = ml_clock_us();
        while (!p.ends && !q.ends)
            turn(&b, since);
        assert_int_equal(p.ends + q.ends, 1);
        assert_null(b.net->calls);
    }
    bench_close(&b);
}

static void start_another(struct ml_call *call, void *ud)
{
    struct party *p = ud;
    assert_true(ml_call_ended(call));
    p->ends++;
    if (!p->born)
        p->born = party_get(p, "/2", start_another, 0);
}

static void an_end_may_start_the_next(void **state)
{
    (void)state;
    SCRIPT(b, 1, {OK_JSON, KEEP}, {OK_JSON, KEEP});
    struct party p = {.b = &b};
    p.self = party_get(&p, "/1", start_another, 0);
    settle(&b);
    assert_int_equal(p.ends, 2);
    assert_int_equal(ml_call_status(p.born), 200);
    ml_call_free(p.self), ml_call_free(p.born);
    bench_close(&b);
}

/* --- deadlines --- */

static void a_deadline_ends_every_state(void **state)
{
    (void)state;
    SCRIPT(b, 1, {NULL, HOLD}, {STATUS("503 x"), KEEP}, {OK_JSON, KEEP});
    struct ml_call *flying = put(&b, "/1", ML_ABSOLUTE);
    until_requests(&b, 1);
    struct ml_call *queued = get(&b, "/2");
    expire(&b, queued);
    assert_int_equal(ml_call_error(queued)->kind, ML_TIMEOUT);
    assert_int_equal(ml_call_sends(queued), 0);
    expire(&b, flying);
    assert_int_equal(ml_call_error(flying)->kind, ML_TIMEOUT);
    assert_int_equal(ml_call_status(flying), 0);
    assert_int_equal(ml_call_sends(flying), 1);
    assert_true(ml_call_doubt(flying));
    struct ml_call *waiting = get(&b, "/3");
    until_backoff(&b, waiting);
    expire(&b, waiting);
    assert_int_equal(ml_call_error(waiting)->kind, ML_TIMEOUT);
    struct ml_call *next = get(&b, "/4");
    settle(&b);
    assert_int_equal(ml_call_status(next), 200);
    assert_int_equal(b.ends, 4);
    ml_call_free(flying), ml_call_free(queued), ml_call_free(waiting), ml_call_free(next);
    bench_close(&b);
}

static void an_exchange_has_its_own_time(void **state)
{
    (void)state;
    SCRIPT(b, 4, {NULL, HOLD}, {NULL, HOLD}, {NULL, HOLD}, {NULL, HOLD});
    struct ml_call_spec spec = {.method = "PUT",
                                .target = "/",
                                .effect = ML_ABSOLUTE,
                                .attempt_ms = 1,
                                .body = "{}",
                                .body_len = 2};
    /* One millisecond may be over before anything is sent: then it is tried again. */
    struct ml_call *call = start_spec(&b, &spec);
    settle(&b);
    assert_int_equal(ml_call_error(call)->kind, ML_TIMEOUT);
    assert_true(ml_call_sends(call) <= 1);
    assert_int_equal(ml_call_doubt(call), ml_call_sends(call) == 1);
    ml_call_free(call);
    bench_close(&b);
}

static void times_out_of_range_are_taken_to_its_ends(void **state)
{
    (void)state;
    SCRIPT(b, 1, {NULL, HOLD});
    static const int64_t times[] = {INT64_MAX, INT64_MIN, -1, 1};
    struct ml_call *first = get(&b, "/"), *calls[4];
    until_requests(&b, 1);
    for (int i = 0; i < 4; i++) {
        struct ml_call_spec spec = {
            .method = "GET", .target = "/q", .attempt_ms = times[i], .deadline_ms = times[i]};
        calls[i] = start_spec(&b, &spec);
        assert_true(calls[i]->attempt_ms >= 1);
        assert_true(calls[i]->deadline_us > calls[i]->started_us);
    }
    assert_true(calls[0]->deadline_us > calls[0]->started_us + INT64_C(86400000000));
    for (int i = 0; i < 4; i++)
        ml_call_free(calls[i]);
    ml_call_free(first);
    bench_close(&b);
}

/* --- limits of the net --- */

static void requests_run_out(void **state)
{
    (void)state;
    SCRIPT(b, 4, {STATUS("429 Wait"), KEEP}, {OK_JSON, KEEP}, {OK_JSON, KEEP});
    b.conf.max_requests = 1;
    bench_renew(&b);
    struct ml_call *first = put(&b, "/1", ML_CREATE);
    until_backoff(&b, first);
    struct ml_call *second = put(&b, "/2", ML_CREATE);
    settle(&b);
    assert_int_equal(b.ends, 2);
    assert_int_equal(requests(&b), 1);
    assert_int_equal(ml_call_error(first)->kind, ML_GUARD);
    assert_false(ml_call_doubt(first)); /* the 429 was proof */
    assert_int_equal(ml_call_sends(first), 1);
    assert_int_equal(ml_call_error(second)->kind, ML_GUARD);
    assert_int_equal(ml_call_sends(second), 0);
    assert_int_equal(ml_call_attempts(second), 0);
    ml_call_free(first), ml_call_free(second);
    b.server.len = 1;
    bench_close(&b);
}

static void the_gate_holds(void **state)
{
    (void)state;
    SCRIPT(b, 2, {NULL, HOLD}, {NULL, HOLD}, {OK_JSON, KEEP});
    struct ml_call *calls[] = {get(&b, "/1"), put(&b, "/2", ML_CREATE), get(&b, "/3")};
    until_requests(&b, 2);
    for (int i = 0; i < 20; i++)
        assert_int_equal(ml_net_turn(b.net, 1000), 0);
    assert_int_equal(b.net->stats.in_flight, 2);
    assert_int_equal(b.net->stats.queued, 1);
    assert_int_equal(requests(&b), 2);
    ml_call_cancel(calls[0]);
    ml_call_cancel(calls[1]);
    settle(&b);
    assert_int_equal(ml_call_status(calls[2]), 200);
    for (int i = 0; i < 3; i++)
        ml_call_free(calls[i]);
    bench_close(&b);
}

/* Thousands of reads in the queue do not keep a write waiting for their end. */
static void lanes_take_turns_at_the_gate(void **state)
{
    (void)state;
    enum { READS = 12, WRITES = 3 };
    static struct answer script[READS + WRITES];
    for (int i = 0; i < READS + WRITES; i++)
        script[i] = (struct answer){OK_JSON, KEEP};
    for (int writes_first = 0; writes_first < 2; writes_first++) {
        struct bench b;
        struct ml_call *calls[READS + WRITES];
        int n = 0;
        bench_open(&b, script, READS + WRITES, 1);
        for (int i = 0; writes_first && i < WRITES; i++)
            calls[n++] = put(&b, "/w", ML_ABSOLUTE);
        for (int i = 0; i < READS; i++)
            calls[n++] = get(&b, "/r");
        while (n < READS + WRITES)
            calls[n++] = put(&b, "/w", ML_ABSOLUTE);
        settle(&b);
        int last = 0;
        for (int i = 0; i < n; i++)
            if (b.server.head[i][0] == 'P')
                last = i;
        assert_true(last <= 2 * WRITES);
        while (n)
            ml_call_free(calls[--n]);
        bench_close(&b);
    }
}

/* HTTP/2 lets many reads share a connection, but no write: each holds one of its own. */
static void http2_opens_the_gate_for_reads_only(void **state)
{
    (void)state;
    SCRIPT(b, 1, {NULL, HOLD}, {NULL, HOLD});
    b.origin->spoken = ML_SPOKEN_HTTP2; /* as if a read had been answered so */
    struct ml_call *writes[] = {put(&b, "/1", ML_CREATE), put(&b, "/2", ML_CREATE)};
    struct ml_call *read = get(&b, "/3");
    read->http1 = false; /* as over TLS */
    until_requests(&b, 2);
    assert_int_equal(read->state, ML_CALL_FLYING);
    assert_int_equal(b.origin->in_flight_http1, 1);
    assert_int_equal(b.origin->in_flight, 2);
    assert_int_equal(b.net->stats.queued, 1);
    ml_call_free(writes[1]), ml_call_free(writes[0]), ml_call_free(read);
    assert_int_equal(b.origin->in_flight_http1, 0);
    bench_close(&b);
}

/* Only one read finds out what the server speaks; whatever comes meanwhile shares nothing. */
static void one_read_probes_for_http2(void **state)
{
    (void)state;
    SCRIPT(b, 4, {NULL, HOLD}, {NULL, HOLD}, {OK_JSON, KEEP}, {OK_JSON, KEEP});
    struct ml_call *probe = get(&b, "/1"), *second = get(&b, "/2");
    probe->http1 = second->http1 = false; /* as over TLS */
    until_requests(&b, 2);
    assert_true(probe->probe && !probe->solo);
    assert_true(!second->probe && second->solo);
    ml_call_free(probe);
    assert_false(b.origin->probing); /* the next one may */
    struct ml_call *third = get(&b, "/3");
    third->http1 = false;
    settle_one(&b, third);
    assert_int_equal(ml_call_status(third), 200); /* nobody shared the connection */
    assert_int_equal(b.origin->spoken, ML_SPOKEN_HTTP1);
    struct ml_call *fourth = get(&b, "/4");
    fourth->http1 = false;
    settle_one(&b, fourth);
    assert_true(fourth->solo);
    ml_call_free(second), ml_call_free(third), ml_call_free(fourth);
    bench_close(&b);
}

/* Where HTTP/2 was spoken, an answer over HTTP/1.1 may be another's: it is asked for again. */
static void an_answer_that_may_be_anothers_is_not_taken(void **state)
{
    (void)state;
    SCRIPT(b, 4, {OK_JSON, KEEP}, {OK_JSON, KEEP});
    b.origin->spoken = ML_SPOKEN_HTTP2;
    struct ml_call *call = get(&b, "/1");
    call->http1 = false; /* as over TLS */
    until_backoff(&b, call);
    assert_int_equal(b.origin->spoken, ML_SPOKEN_HTTP1);
    settle(&b);
    assert_int_equal(ml_call_status(call), 200);
    assert_int_equal(ml_call_attempts(call), 2);
    assert_true(call->solo);
    ml_call_free(call);
    bench_close(&b);
}

static void a_net_may_end_before_its_calls(void **state)
{
    (void)state;
    SCRIPT(b, 2, {STATUS("500 x"), KEEP}, {NULL, HOLD}, {NULL, HOLD});
    struct ml_call *calls[5];
    calls[0] = get(&b, "/backoff");
    until_backoff(&b, calls[0]);
    calls[1] = get(&b, "/flying");
    calls[2] = put(&b, "/flying", ML_CREATE);
    until_requests(&b, 3);
    calls[3] = get(&b, "/queued");
    calls[4] = put(&b, "/queued", ML_CREATE);
    ml_net_free(b.net);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ml_call_error(calls[i])->kind, ML_CANCELLED);
        ml_call_free(calls[i]);
    }
    bench_net(&b);
    assert_int_equal(b.ends, 0);
    bench_close(&b);
}

/* --- what is refused --- */

static void refusal(struct bench *b, struct ml_call_spec spec, enum ml_kind kind,
                    const char *word)
{
    struct ml_call *call = NULL;
    struct ml_err err = {.kind = ML_NONE};
    spec.origin = b->origin;
    spec.rate = -1;
    assert_int_equal(ml_call_start(b->net, &spec, on_end, b, &call, &err), -1);
    assert_null(call);
    assert_int_equal(err.kind, kind);
    assert_non_null(strstr(err.text, word));
    assert_null(b->net->calls);
}

static void bad_requests_are_refused(void **state)
{
    (void)state;
    struct bench b;
    static const char *const methods[] = {"", "get", "GET /", "G\r\nT", "TRACE", "CONNECT"};
    static const char *const targets[] = {"",     "x",     "http://x/", "/a b",     "/a\r\nb",
                                          "/a#b", "/\x7f", "/\xc3\xa9", "/a/../b",  "/a/..",
                                          "/.",   "/./a",  "/a/%2e%2E", "/a/.%2e/", "/..?x=1"};
    static const struct ml_call_header headers[] = {
        {"A b", "v"},   {"", "v"},      {"A:", "v"},     {"A", "v\r\nB: c"},
        {"A", "v\x01"}, {"A", "v\x7f"}, {"A\r\nB", "v"}, {"A", "\n"}};
    bench_open(&b, NULL, 0, 4);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        refusal(&b, (struct ml_call_spec){.method = methods[i], .target = "/"}, ML_USAGE,
                "method");
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        refusal(&b, (struct ml_call_spec){.method = "GET", .target = targets[i]}, ML_USAGE,
                "the path");
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        refusal(&b,
                (struct ml_call_spec){
                    .method = "GET", .target = "/", .headers = &headers[i], .headers_len = 1},
                ML_USAGE, "header");
    b.conf.read_only = true;
    bench_renew(&b);
    refusal(&b, (struct ml_call_spec){.method = "PUT", .target = "/", .effect = ML_ABSOLUTE},
            ML_GUARD, "dry run");
    bench_close(&b);
    assert_int_equal(b.server.connections, 0);
}

static void odd_but_right_requests_go_out_as_they_are(void **state)
{
    (void)state;
    SCRIPT(b, 4, {OK_JSON, KEEP}, {OK_JSON, KEEP});
    static const struct ml_call_header headers[] = {
        {"X-Empty", ""}, {"X-Blank", "  "}, {"X-Tab", "a\tb"}, {"X-Utf8", "\xc3\xa9"}};
    struct ml_call_spec spec = {.method = "GET",
                                .target = "/.../a..b/..%20?x=/../&y=..",
                                .headers = headers,
                                .headers_len = 4};
    struct ml_call *call = start_spec(&b, &spec);
    settle(&b);
    assert_int_equal(ml_call_status(call), 200);
    const char *head = b.server.head[0];
    assert_memory_equal(head, "GET /.../a..b/..%20?x=/../&y=.. HTTP/1.1\r\n", 42);
    assert_non_null(strstr(head, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(head, "\r\nX-Blank:\r\n"));
    assert_non_null(strstr(head, "\r\nX-Tab: a\tb\r\n"));
    assert_non_null(strstr(head, "\r\nX-Utf8: \xc3\xa9\r\n"));
    assert_null(strstr(head, "Expect"));
    ml_call_free(call);
    struct ml_call_spec delete = {.method = "DELETE", .target = "/d", .effect = ML_ABSOLUTE};
    call = start_spec(&b, &delete);
    settle(&b);
    assert_memory_equal(b.server.head[1], "DELETE /d HTTP/1.1\r\n", 20);
    ml_call_free(call);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_handed_up),
        cmocka_unit_test(cancelling_in_the_queue_sends_nothing),
        cmocka_unit_test(cancelling_in_flight_leaves_doubt_and_no_slot),
        cmocka_unit_test(cancelling_between_attempts_disarms),
        cmocka_unit_test(a_pause_without_calls_is_idle),
        cmocka_unit_test(an_end_may_free_everything),
        cmocka_unit_test(an_end_in_a_batch_may_free_the_rest),
        cmocka_unit_test(an_end_may_start_the_next),
        cmocka_unit_test(a_deadline_ends_every_state),
        cmocka_unit_test(an_exchange_has_its_own_time),
        cmocka_unit_test(times_out_of_range_are_taken_to_its_ends),
        cmocka_unit_test(requests_run_out),
        cmocka_unit_test(the_gate_holds),
        cmocka_unit_test(lanes_take_turns_at_the_gate),
        cmocka_unit_test(http2_opens_the_gate_for_reads_only),
        cmocka_unit_test(one_read_probes_for_http2),
        cmocka_unit_test(an_answer_that_may_be_anothers_is_not_taken),
        cmocka_unit_test(a_net_may_end_before_its_calls),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(odd_but_right_requests_go_out_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
