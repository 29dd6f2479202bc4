/* SPDX-License-Identifier: MIT */
/*
 * Names that take long to look up, or have no address. The program's own
 * getaddrinfo stands in for the system's: libcurl's resolver threads call it.
 */
#include <netdb.h>

#include "test_net_server.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool released;
    int inside, left;
} resolver = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* "slow.invalid" hangs until it is released; no name has an address. Visible, or libcurl would
 * not see it. */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **res)
{
    (void)service, (void)hints, (void)res;
    pthread_mutex_lock(&resolver.lock);
    resolver.inside++;
    pthread_cond_broadcast(&resolver.changed);
    while (strcmp(node, "slow.invalid") == 0 && !resolver.released)
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    resolver.left++;
    pthread_cond_broadcast(&resolver.changed);
    pthread_mutex_unlock(&resolver.lock);
    return EAI_NONAME;
}

static int entered(void)
{
    pthread_mutex_lock(&resolver.lock);
    int inside = resolver.inside;
    pthread_mutex_unlock(&resolver.lock);
    return inside;
}

static void open_origin(struct bench *b, const char *text)
{
    struct ml_err err;
    bench_open(b, NULL, 0, 4);
    b->origin = ml_net_origin(b->net, text, &err);
    assert_non_null(b->origin);
}

static void a_name_without_an_address(void **state)
{
    (void)state;
    struct bench b;
    open_origin(&b, "https://nowhere.invalid");
    struct ml_call *call = put(&b, "/", ML_CREATE);
    settle(&b);
    assert_int_equal(ml_call_error(call)->kind, ML_NETWORK);
    assert_non_null(strstr(ml_call_error(call)->text, "no address was found for the host"));
    assert_int_equal(ml_call_sends(call), 0);
    assert_int_equal(ml_call_attempts(call), 4);
    assert_true(entered() >= 1); /* the system's was not asked */
    ml_call_free(call);
    bench_close(&b);
}

/* The look-up hangs for ever, so whatever waited for it would too. */
static void a_hanging_lookup_blocks_nobody(void **state)
{
    (void)state;
    SCRIPT(b, 4, {OK_JSON, KEEP});
    struct ml_err err;
    struct ml_origin *near = b.origin,
                     *far = ml_net_origin(b.net, "https://slow.invalid", &err);
    int before = entered();
    b.origin = far;
    struct ml_call *expired = get(&b, "/1"), *cancelled = put(&b, "/2", ML_CREATE),
                   *pending = get(&b, "/3");
    int64_t since = ml_clock_us();
    while (entered() < before + 1)
        turn(&b, since);
    b.origin = near;
    struct ml_call *other = get(&b, "/4");
    while (!ml_call_ended(other))
        turn(&b, since);
    assert_int_equal(ml_call_status(other), 200);
    expire(&b, expired);
    assert_int_equal(ml_call_error(expired)->kind, ML_TIMEOUT);
    assert_int_equal(ml_call_sends(expired), 0);
    ml_call_cancel(cancelled);
    assert_false(ml_call_doubt(cancelled));
    ml_call_free(expired), ml_call_free(cancelled), ml_call_free(pending), ml_call_free(other);
    assert_int_equal(far->in_flight, 0);
    bench_close(&b); /* also with the look-up under way */
    pthread_mutex_lock(&resolver.lock);
    resolver.released = true;
    pthread_cond_broadcast(&resolver.changed);
    while (resolver.left < resolver.inside)
        pthread_cond_wait(&resolver.changed, &resolver.lock);
    pthread_mutex_unlock(&resolver.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_without_an_address),
        cmocka_unit_test(a_hanging_lookup_blocks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
