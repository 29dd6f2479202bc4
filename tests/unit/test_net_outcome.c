/* SPDX-License-Identifier: MIT */
/* What an exchange shows: repeats, evidence, pauses, redirects, and answers that are none. */
#include "net/headers.h"
#include "test_net_server.h"

/* --- what is repeated --- */

static void reads_are_repeated_four_times(void **state)
{
    (void)state;
    SCRIPT(b, 4, {STATUS("500 x"), KEEP}, {NULL, CLOSE}, {NULL, RESET}, {OK_JSON, KEEP},
           {STATUS("502 x"), CLOSE}, {STATUS("503 x"), KEEP}, {STATUS("504 x"), KEEP},
           {STATUS("522 x"), KEEP});
    struct ml_call *good = get(&b, "/1");
    settle(&b);
    assert_int_equal(ml_call_status(good), 200);
    assert_int_equal(requests(&b), 4);
    struct ml_call *bad = get(&b, "/2");
    settle(&b);
    assert_int_equal(ml_call_status(bad), 522);
    assert_int_equal(ml_call_attempts(bad), 4);
    assert_int_equal(b.net->stats.retries, ml_call_attempts(good) - 1 + 3);
    ml_call_free(good), ml_call_free(bad);
    bench_close(&b);
}

struct write_case {
    const char *answer;
    enum ml_effect effect;
    unsigned attempts;
    int status; /* 0 = an error */
    bool doubt;
};

/* The fault comes first; what is repeated meets a good answer. */
static void writes_are_repeated_only_on_proof(void **state)
{
    (void)state;
#define SHED "HTTP/1.1 503 x\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    static const struct write_case cases[] = {
        {STATUS("429 x"), ML_CREATE, 2, 200, false},
        {STATUS("425 x"), ML_CREATE, 2, 200, false},
        {STATUS("429 x"), ML_ABSOLUTE, 2, 200, false},
        {SHED, ML_ABSOLUTE, 2, 200, true},
        {SHED, ML_CREATE, 1, 503, true},
        {STATUS("408 x"), ML_ABSOLUTE, 2, 200, true},
        {STATUS("408 x"), ML_CREATE, 1, 408, true},
        {STATUS("500 x"), ML_ABSOLUTE, 1, 500, true},
        {STATUS("503 x"), ML_ABSOLUTE, 1, 503, true},
        {STATUS("504 x"), ML_CREATE, 1, 504, true},
        {STATUS("400 x"), ML_CREATE, 1, 400, false},
        {STATUS("404 x"), ML_ABSOLUTE, 1, 404, false},
        {STATUS("302 x"), ML_ABSOLUTE, 1, 302, false},
        {NULL, ML_ABSOLUTE, 1, 0, true},
        {NULL, ML_CREATE, 1, 0, true},
        {"HTTP/1.1 200 OK\r\nContent-", ML_ABSOLUTE, 1, 0, true},
        {"HTTP/1.1 200 OK\r\n", ML_CREATE, 1, 0, true},
        {"HTTP/1.1 204 OK", ML_CREATE, 1, 0, true},
        {"HTTP/1.1 102 Processing\r\n\r\n", ML_ABSOLUTE, 1, 0, true},
        {JSON_HEAD "Content-Length: 9\r\n\r\n{}", ML_ABSOLUTE, 1, 0, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", ML_CREATE, 1, 0,
         true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct write_case *c = &cases[i];
        struct answer script[] = {{c->answer, c->status ? KEEP : CLOSE}, {OK_JSON, KEEP}};
        struct bench b;
        bench_open(&b, script, c->attempts, 4);
        struct ml_call *call = put(&b, "/w", c->effect);
        settle(&b);
        if (ml_call_status(call) != c->status || ml_call_doubt(call) != c->doubt)
            fail_msg("case %zu: status %d, doubt %d, %s", i, ml_call_status(call),
                     ml_call_doubt(call), ml_call_error(call)->text);
        assert_int_equal(requests(&b), c->attempts);
        assert_int_equal(ml_call_attempts(call), c->attempts);
        assert_int_equal(ml_call_sends(call), c->attempts);
        ml_call_free(call);
        bench_close(&b);
    }
}

/* A kept connection that the server closes: libcurl would send again by itself. */
static void a_dead_connection_does_not_send_a_write_twice(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct answer script[] = {
            {OK_JSON, KEEP}, {NULL, reset ? RESET : CLOSE}, {OK_JSON, KEEP}, {OK_JSON, KEEP}};
        struct bench b;
        bench_open(&b, script, 4, 1);
        struct ml_call *first = put(&b, "/1", ML_ABSOLUTE);
        settle(&b);
        struct ml_call *second = put(&b, "/2", ML_ABSOLUTE);
        settle(&b);
        assert_int_equal(ml_call_status(first), 200);
        assert_int_equal(ml_call_error(second)->kind, ML_NETWORK);
        assert_int_equal(ml_call_sends(second), 1);
        assert_true(ml_call_doubt(second));
        assert_int_equal(requests(&b), 2);
        struct ml_call *third = get(&b, "/3"), *fourth = put(&b, "/4", ML_CREATE);
        settle(&b);
        assert_int_equal(ml_call_status(third), 200);
        assert_int_equal(ml_call_status(fourth), 200);
        ml_call_free(first), ml_call_free(second), ml_call_free(third), ml_call_free(fourth);
        bench_close(&b);
    }
}

static void a_dead_connection_does_not_hurt_a_read(void **state)
{
    (void)state;
    SCRIPT(b, 1, {OK_JSON, KEEP}, {NULL, CLOSE}, {OK_JSON, KEEP});
    struct ml_call *first = get(&b, "/1");
    settle(&b);
    struct ml_call *second = get(&b, "/2");
    settle(&b);
    assert_int_equal(ml_call_status(second), 200);
    assert_int_equal(ml_call_sends(second), 2);
    ml_call_free(first), ml_call_free(second);
    bench_close(&b);
}

/* --- nobody there --- */

static void a_refused_connection_sends_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_open(&b, NULL, 0, 4);
    server_stop(&b.server);
    struct ml_call *read = get(&b, "/1"), *write = put(&b, "/2", ML_CREATE);
    settle(&b);
    struct ml_call *calls[] = {read, write};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ml_call_error(calls[i])->kind, ML_NETWORK);
        assert_non_null(strstr(ml_call_error(calls[i])->text, "could not connect"));
        assert_int_equal(ml_call_sends(calls[i]), 0);
        assert_int_equal(ml_call_attempts(calls[i]), 4);
        assert_false(ml_call_doubt(calls[i]));
        ml_call_free(calls[i]);
    }
    bench_close(&b);
}

/* A doubtful attempt stays in the evidence when a later one provably sent nothing. */
static void doubt_outlives_an_attempt_that_sent_nothing(void **state)
{
    (void)state;
    SCRIPT(b, 4, {STATUS("408 x"), CLOSE});
    struct ml_call *write = put(&b, "/1", ML_ABSOLUTE);
    until_backoff(&b, write);
    server_stop(&b.server);
    int64_t since = ml_clock_us();
    while (ml_call_attempts(write) < 6) { /* it has answered before: worth more than four */
        hurry(&b);
        turn(&b, since);
    }
    assert_false(ml_call_ended(write));
    write->unsent_us -= ML_RETRY_UNSENT_MAX_US; /* as if it had tried for so long */
    settle(&b);
    assert_int_equal(ml_call_error(write)->kind, ML_NETWORK);
    assert_int_equal(write->transfer.sends, 0);
    assert_int_equal(ml_call_sends(write), 1);
    assert_true(ml_call_doubt(write));
    ml_call_free(write);
    bench_close(&b);
}

/* --- pacing --- */

static void retry_after_pauses_its_lane_only(void **state)
{
    (void)state;
    SCRIPT(b, 4, {"HTTP/1.1 429 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", KEEP},
           {OK_JSON, KEEP}, {OK_JSON, KEEP}, {OK_JSON, KEEP});
    struct ml_call *first = get(&b, "/1");
    int64_t before = ml_clock_us();
    until_backoff(&b, first);
    assert_true(first->retry.at_us >= before + 7000000);
    struct ml_call *second = get(&b, "/2"), *write = put(&b, "/3", ML_ABSOLUTE);
    until_requests(&b, 2);
    assert_memory_equal(b.server.head[1], "PUT", 3);
    struct ml_net_stats stats;
    ml_net_stats(b.net, &stats);
    assert_int_equal(stats.pause_status, 429);
    assert_true(stats.pause_us > 0 && stats.pause_us <= 7000000);
    assert_int_equal(stats.queued, 1);
    settle(&b);
    assert_int_equal(ml_call_status(first), 200);
    assert_int_equal(ml_call_status(second), 200);
    ml_call_free(first), ml_call_free(second), ml_call_free(write);
    bench_close(&b);
}

static void a_wait_beyond_the_deadline_is_not_waited(void **state)
{
    (void)state;
    SCRIPT(b, 4, {"HTTP/1.1 429 x\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n", KEEP});
    struct ml_call_spec spec = {.method = "GET", .target = "/", .deadline_ms = 60000};
    struct ml_call *call = start_spec(&b, &spec);
    settle(&b);
    assert_int_equal(ml_call_status(call), 429);
    assert_int_equal(requests(&b), 1);
    ml_call_free(call);
    bench_close(&b);
}

/* What could not be paid is not given back either. */
static void an_empty_budget_pauses_and_stays_honest(void **state)
{
    (void)state;
    SCRIPT(b, 4, {STATUS("500 x"), KEEP}, {OK_JSON, KEEP}, {STATUS("500 x"), KEEP},
           {OK_JSON, KEEP});
    struct ml_call *call = get(&b, "/1");
    struct ml_lane *lane = call->lane;
    lane->budget.tokens = 13;
    until_backoff(&b, call);
    assert_true(ml_limit_paused(&lane->limit, ml_clock_us()) > 0);
    assert_int_equal(lane->pause_status, 500);
    settle(&b);
    assert_int_equal(ml_call_status(call), 200);
    assert_true(lane->budget.tokens == 14);
    ml_call_free(call);
    call = get(&b, "/2");
    until_backoff(&b, call);
    assert_true(lane->budget.tokens == 0);
    settle(&b);
    assert_true(lane->budget.tokens == 14);
    ml_call_free(call);
    bench_close(&b);
}

/* --- redirects --- */

#define MOVED(to) "HTTP/1.1 302 x\r\nLocation: " to "\r\nContent-Length: 0\r\n\r\n"

static struct ml_call *get_with_credential(struct bench *b)
{
    struct ml_call_spec spec = {
        .method = "GET", .target = "/a/b", .credential = "X-Key: k1", .json = true};
    return start_spec(b, &spec);
}

static void reads_follow_three_redirects(void **state)
{
    (void)state;
    SCRIPT(b, 4, {MOVED("/1/2"), KEEP}, {MOVED("c?d=1#e"), KEEP}, {MOVED("/./x/../d"), KEEP},
           {STATUS("500 x"), KEEP}, {OK_JSON, KEEP});
    static const char *const lines[] = {"GET /a/b HTTP", "GET /1/2 HTTP", "GET /1/c?d=1 HTTP",
                                        "GET /d HTTP", "GET /d HTTP"};
    struct ml_call *call = get_with_credential(&b);
    settle(&b);
    assert_int_equal(ml_call_status(call), 200);
    assert_int_equal(requests(&b), 5);
    for (int i = 0; i < 5; i++) {
        assert_memory_equal(b.server.head[i], lines[i], strlen(lines[i]));
        assert_non_null(strstr(b.server.head[i], "\r\nX-Key: k1\r\n"));
    }
    ml_call_free(call);
    bench_close(&b);
}

static void the_fourth_redirect_is_handed_up(void **state)
{
    (void)state;
    SCRIPT(b, 4, {MOVED("/a/b"), KEEP}, {MOVED("/a/b"), KEEP}, {MOVED("/a/b"), KEEP},
           {MOVED("/a/b"), KEEP});
    struct ml_call *call = get_with_credential(&b);
    settle(&b);
    assert_int_equal(ml_call_status(call), 302);
    assert_int_equal(requests(&b), 4);
    ml_call_free(call);
    bench_close(&b);
}

static void no_redirect_leaves_the_origin(void **state)
{
    (void)state;
    static const char *const answers[] = {MOVED("https://elsewhere.invalid/"),
                                          MOVED("//elsewhere.invalid/"),
                                          MOVED("http://localhost:1/"),
                                          MOVED("http://127.0.0.1:1/"),
                                          MOVED("https://127.0.0.1/"),
                                          MOVED("file:///etc/passwd"),
                                          MOVED("http://"),
                                          "HTTP/1.1 301 x\r\nContent-Length: 0\r\n\r\n",
                                          "HTTP/1.1 304 x\r\nLocation: /x\r\n\r\n"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct answer script[] = {{answers[i], KEEP}};
        struct bench b;
        bench_open(&b, script, 1, 4);
        struct ml_call *call = get_with_credential(&b);
        settle(&b);
        assert_in_range(ml_call_status(call), 301, 304);
        ml_call_free(call);
        bench_close(&b);
    }
}

/* The host in other letters and the port that goes without saying are the same origin. */
static void a_redirect_is_spelled_as_the_origin(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"HTTPS://host.exampLe:443/b?c=/D#e", "/b?c=/D"},
                                           {"//HOST.example", "/"},
                                           {"https://host.example?c", "/?c"},
                                           {"d/../E", "/a/E"}};
    SCRIPT(b, 1, {OK_JSON, KEEP});
    struct ml_err err;
    struct ml_origin *origin = ml_net_origin(b.net, "https://host.example", &err);
    assert_non_null(origin);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char expected[80];
        snprintf(expected, sizeof expected, "https://host.example%s", pairs[i][1]);
        char *url = ml_origin_resolve(origin, "https://host.example/a/b", pairs[i][0],
                                      strlen(pairs[i][0]));
        assert_non_null(url);
        assert_string_equal(url, expected);
        free(url);
    }
    bench_close(&b);
}

static void no_write_is_redirected(void **state)
{
    (void)state;
    SCRIPT(b, 4, {"HTTP/1.1 307 x\r\nLocation: /2\r\nContent-Length: 0\r\n\r\n", KEEP});
    struct ml_call *call = put(&b, "/1", ML_ABSOLUTE);
    settle(&b);
    assert_int_equal(ml_call_status(call), 307);
    ml_call_free(call);
    bench_close(&b);
}

/* --- answers that are none, and odd ones that are --- */

static void an_answer_over_the_ceiling_is_not_repeated(void **state)
{
    (void)state;
    static const char *const heads[] = {JSON_HEAD "Content-Length: 4096\r\n\r\n",
                                        JSON_HEAD "Connection: close\r\n\r\n",
                                        JSON_HEAD "Transfer-Encoding: chunked\r\n\r\n1000\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct answer script[] = {{heads[i], CLOSE}, {heads[i], CLOSE}};
        struct bench b;
        bench_open(&b, script, 2, 4);
        b.server.blanks = 4;
        b.conf.max_body = 1000;
        bench_renew(&b);
        struct ml_call *read = get(&b, "/1");
        settle(&b);
        struct ml_call *write = put(&b, "/2", ML_ABSOLUTE);
        settle(&b);
        assert_int_equal(requests(&b), 2);
        assert_int_equal(ml_call_error(read)->kind, ML_REMOTE);
        assert_string_equal(ml_call_error(read)->text,
                            "the answer is larger than allowed (1000 bytes)");
        assert_true(ml_call_doubt(write));
        ml_call_free(read), ml_call_free(write);
        bench_close(&b);
    }
}

static void the_ceiling_is_named_in_mebibytes(void **state)
{
    (void)state;
    SCRIPT(b, 4, {JSON_HEAD "Content-Length: 3145728\r\n\r\n", CLOSE});
    b.server.blanks = 3072;
    b.conf.max_body = 2 * 1024 * 1024;
    bench_renew(&b);
    struct ml_call *call = get(&b, "/");
    settle(&b);
    assert_string_equal(ml_call_error(call)->text, "the answer is larger than allowed (2 MiB)");
    ml_call_free(call);
    bench_close(&b);
}

static void an_answer_that_is_no_json(void **state)
{
    (void)state;
#define HTML "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"
    SCRIPT(b, 4, {HTML, KEEP}, {HTML, KEEP}, {HTML, KEEP}, {HTML, KEEP}, {HTML, KEEP},
           {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", KEEP},
           {"HTTP/1.1 204 OK\r\n\r\n", KEEP});
    struct ml_call *read = get(&b, "/1");
    settle(&b);
    size_t len;
    assert_int_equal(requests(&b), 4);
    assert_int_equal(ml_call_status(read), 200); /* whoever decodes it has the words */
    assert_string_equal(ml_call_body(read, &len), "<html>");
    struct ml_call *write = put(&b, "/2", ML_ABSOLUTE);
    settle(&b);
    assert_int_equal(ml_call_error(write)->kind, ML_DECODE);
    assert_string_equal(ml_call_error(write)->text, "the answer is not whole JSON");
    assert_true(ml_call_doubt(write));
    struct ml_call *empty = put(&b, "/3", ML_ABSOLUTE);
    settle(&b);
    struct ml_call *none = get(&b, "/4");
    settle(&b);
    assert_int_equal(ml_call_status(empty), 200);
    assert_int_equal(ml_call_status(none), 204);
    ml_call_free(read), ml_call_free(write), ml_call_free(empty), ml_call_free(none);
    bench_close(&b);
}

static void an_answer_that_is_no_http(void **state)
{
    (void)state;
    static const char ssh[] = "SSH-2.0-OpenSSH_9.2p1\r\n";
    SCRIPT(b, 4, {ssh, CLOSE}, {ssh, CLOSE}, {ssh, CLOSE}, {ssh, CLOSE}, {ssh, CLOSE});
    struct ml_call *read = get(&b, "/1");
    settle(&b);
    assert_int_equal(requests(&b), 4);
    struct ml_call *write = put(&b, "/2", ML_CREATE);
    settle(&b);
    assert_int_equal(ml_call_error(read)->kind, ML_NETWORK); /* not the caller's fault */
    assert_int_equal(ml_call_error(write)->kind, ML_NETWORK);
    assert_true(ml_call_doubt(write));
    ml_call_free(read), ml_call_free(write);
    bench_close(&b);
}

static void interim_answers_and_trailers(void **state)
{
    (void)state;
    SCRIPT(b, 4,
           {"HTTP/1.1 100 Continue\r\nX-A: interim\r\n\r\nHTTP/1.1 103 Early\r\nX-A: early\r\n"
            "\r\n" JSON_HEAD "X-A: last\r\nContent-Length: 2\r\n\r\n{}",
            KEEP},
           {JSON_HEAD "Transfer-Encoding: chunked\r\nTrailer: X-T\r\nX-T: head\r\n\r\n"
                      "2;ext=1\r\n{}\r\n0\r\nX-T: trailer\r\n\r\n",
            KEEP},
           {OK_JSON, KEEP});
    size_t len;
    struct ml_call *interim = put(&b, "/1", ML_ABSOLUTE);
    settle(&b);
    assert_int_equal(ml_call_status(interim), 200);
    assert_memory_equal(ml_call_header(interim, "x-a", &len), "last", 4);
    struct ml_call *chunked = get(&b, "/2");
    settle(&b);
    assert_int_equal(ml_call_status(chunked), 200);
    assert_string_equal(ml_call_body(chunked, &len), "{}");
    assert_memory_equal(ml_call_header(chunked, "x-t", &len), "head", 4);
    struct ml_call *next = get(&b, "/3");
    settle(&b);
    assert_int_equal(b.server.connections, 1); /* all of it was read, nothing was left over */
    ml_call_free(interim), ml_call_free(chunked), ml_call_free(next);
    bench_close(&b);
}

static void an_answer_before_the_request_was_read(void **state)
{
    (void)state;
    SCRIPT(b, 1, {NULL, CLOSE});
    b.server.greeting = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}";
    struct ml_call *call = put(&b, "/1", ML_CREATE);
    settle(&b);
    /* The greeting is taken for the answer, or the connection is seen to be wrong. */
    assert_true(ml_call_status(call) == 413 || ml_call_error(call)->kind == ML_NETWORK);
    assert_true(ml_call_sends(call) <= 1);
    ml_call_free(call);
    bench_close(&b);
}

static void too_many_headers_do_no_harm(void **state)
{
    (void)state;
    enum { LINES = 3000, LONG = 200 * 1024 };
    char *many = malloc(LINES * 64 + 300), *end = many, *line = malloc(LONG + 300);
    end += sprintf(end, JSON_HEAD "Retry-After: 3\r\n");
    for (int i = 0; i < LINES; i++)
        end += sprintf(end, "X-%04d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", i);
    sprintf(end, "Content-Length: 2\r\n\r\n{}");
    end = line + sprintf(line, "HTTP/1.1 200 OK\r\nX-Long: ");
    memset(end, 'a', LONG);
    strcpy(end + LONG, "\r\nContent-Length: 2\r\n\r\n{}");
    struct answer script[] = {{many, KEEP}, {line, CLOSE}, {line, CLOSE}};
    struct bench b;
    size_t len;
    bench_open(&b, script, 2, 1);
    struct ml_call *call = get(&b, "/1");
    settle(&b);
    assert_int_equal(ml_call_status(call), 200);
    assert_non_null(ml_call_header(call, "retry-after", &len));
    assert_true(call->transfer.headers.len <= ML_HEADERS_MAX);
    ml_call_free(call);
    call = put(&b, "/2", ML_ABSOLUTE);
    settle(&b);
    assert_int_equal(ml_call_status(call), 0);
    assert_int_equal(ml_call_error(call)->kind, ML_REMOTE);
    assert_non_null(strstr(ml_call_error(call)->text, "headers"));
    assert_true(ml_call_doubt(call));
    ml_call_free(call);
    bench_close(&b);
    free(many), free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_repeated_four_times),
        cmocka_unit_test(writes_are_repeated_only_on_proof),
        cmocka_unit_test(a_dead_connection_does_not_send_a_write_twice),
        cmocka_unit_test(a_dead_connection_does_not_hurt_a_read),
        cmocka_unit_test(a_refused_connection_sends_nothing),
        cmocka_unit_test(doubt_outlives_an_attempt_that_sent_nothing),
        cmocka_unit_test(retry_after_pauses_its_lane_only),
        cmocka_unit_test(a_wait_beyond_the_deadline_is_not_waited),
        cmocka_unit_test(an_empty_budget_pauses_and_stays_honest),
        cmocka_unit_test(reads_follow_three_redirects),
        cmocka_unit_test(the_fourth_redirect_is_handed_up),
        cmocka_unit_test(no_redirect_leaves_the_origin),
        cmocka_unit_test(a_redirect_is_spelled_as_the_origin),
        cmocka_unit_test(no_write_is_redirected),
        cmocka_unit_test(an_answer_over_the_ceiling_is_not_repeated),
        cmocka_unit_test(the_ceiling_is_named_in_mebibytes),
        cmocka_unit_test(an_answer_that_is_no_json),
        cmocka_unit_test(an_answer_that_is_no_http),
        cmocka_unit_test(interim_answers_and_trailers),
        cmocka_unit_test(an_answer_before_the_request_was_read),
        cmocka_unit_test(too_many_headers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
