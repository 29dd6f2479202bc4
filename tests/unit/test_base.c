/* SPDX-License-Identifier: MIT */
/* The bottom layer: buffers with a ceiling, timers, errors, redaction, embedded files. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/embedded.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_buffer_grows_to_its_ceiling(void **state)
{
    (void)state;
    struct ml_buf b;
    ml_buf_create(&b, 1000);
    assert_string_equal(ml_buf_str(&b), "");
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ml_buf_add(&b, "x", 1), 0);
        assert_true(b.len <= b.cap && b.cap <= b.max + 1 && b.data[b.len] == '\0');
    }
    assert_int_equal(ml_buf_add(&b, "x", 1), -1);
    assert_int_equal(ml_buf_adds(&b, "yz"), -1);
    assert_int_equal(ml_buf_addf(&b, "%d", 5), -1);
    assert_int_equal(ml_buf_reserve(&b, SIZE_MAX), -1);
    assert_int_equal(b.len, 1000);
    assert_int_equal(ml_buf_add(&b, NULL, 0), 0);
    ml_buf_clear(&b);
    assert_string_equal(ml_buf_str(&b), "");
    assert_int_equal(ml_buf_addf(&b, "%s-%03d", "a", 7), 0);
    assert_int_equal(ml_buf_adds(&b, "!"), 0);
    assert_string_equal(ml_buf_str(&b), "a-007!");
    ml_buf_destroy(&b);
    assert_int_equal(ml_buf_adds(&b, "usable again"), 0);
    ml_buf_destroy(&b);
    ml_buf_destroy(&b);
}

static void a_buffer_without_room_and_without_a_bound(void **state)
{
    (void)state;
    struct ml_buf b;
    ml_buf_create(&b, 0);
    ml_buf_clear(&b);
    assert_int_equal(ml_buf_adds(&b, ""), 0);
    assert_int_equal(ml_buf_adds(&b, "x"), -1);
    ml_buf_destroy(&b);
    ml_buf_create(&b, SIZE_MAX);
    assert_int_equal(ml_buf_adds(&b, "abc"), 0);
    assert_string_equal(ml_buf_str(&b), "abc");
    assert_int_equal(ml_buf_reserve(&b, SIZE_MAX), -1);
    assert_string_equal(ml_buf_str(&b), "abc");
    ml_buf_destroy(&b);
}

static void errors_have_a_kind_and_a_cut_text(void **state)
{
    (void)state;
    struct ml_err err;
    assert_int_equal(ml_err_set(&err, ML_USAGE, "port %d", 70000), -1);
    assert_int_equal(err.kind, ML_USAGE);
    assert_string_equal(err.text, "port 70000");
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ml_err_set(&err, ML_REMOTE, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void every_kind_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {
        [ML_NONE] = "none",           [ML_NETWORK] = "network",
        [ML_TIMEOUT] = "timeout",     [ML_AUTH] = "auth",
        [ML_FORBIDDEN] = "forbidden", [ML_NOTFOUND] = "notfound",
        [ML_INVALID] = "invalid",     [ML_CONFLICT] = "conflict",
        [ML_THROTTLED] = "throttled", [ML_REMOTE] = "remote",
        [ML_DECODE] = "decode",       [ML_NODATA] = "nodata",
        [ML_CANCELLED] = "cancelled", [ML_GUARD] = "guard",
        [ML_USAGE] = "usage",         [ML_MEMORY] = "memory",
        [ML_KINDS] = "remote"};
    for (int kind = 0; kind <= ML_KINDS; kind++)
        assert_string_equal(ml_kind_name((enum ml_kind)kind), names[kind]);
}

static void check_heap(const struct ml_heap *h)
{
    for (size_t i = 1; i <= h->len; i++) {
        assert_int_equal(h->slot[i]->pos, i);
        assert_true(i == 1 || h->slot[i / 2]->at_us <= h->slot[i]->at_us);
    }
}

/* Random arming, moving and disarming against what must come out. */
static void timers_fire_in_order(void **state)
{
    (void)state;
    enum { TIMERS = 300 };
    static struct ml_timer timers[TIMERS];
    struct ml_heap h;
    uint64_t chance = 7;
    ml_heap_create(&h);
    assert_true(ml_heap_next(&h) == INT64_MAX && !ml_heap_pop(&h, INT64_MAX));
    for (int i = 0; i < 5000; i++) {
        struct ml_timer *t = &timers[(int)(ml_random01(&chance) * TIMERS)];
        if (ml_random01(&chance) < 0.3)
            ml_heap_remove(&h, t);
        else
            assert_int_equal(ml_heap_add(&h, t, (int64_t)(ml_random01(&chance) * 1000)), 0);
        check_heap(&h);
    }
    size_t left = 0;
    for (int i = 0; i < TIMERS; i++)
        left += timers[i].pos != 0;
    assert_int_equal(left, h.len);
    int64_t last = -1;
    assert_null(ml_heap_pop(&h, ml_heap_next(&h) - 1));
    for (struct ml_timer *t; (t = ml_heap_pop(&h, 500)); left--) {
        assert_true(t->at_us >= last && t->at_us <= 500 && t->pos == 0);
        last = t->at_us;
    }
    assert_true(left == h.len && left > 0 && ml_heap_next(&h) > 500);
    ml_heap_destroy(&h);
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(timers[i].pos, 0);
}

struct sink {
    int lines, level;
    size_t len;
    char text[2100];
};

static void to_sink(void *ud, int level, const char *text, size_t len)
{
    struct sink *sink = ud;
    sink->lines++;
    sink->level = level;
    sink->len = len;
    memcpy(sink->text, text, len + 1);
}

static void lines_above_the_level_are_dropped(void **state)
{
    (void)state;
    struct sink sink = {0};
    struct ml_log log;
    ml_log_create(&log);
    ml_log(&log, ML_LOG_ERROR, "nobody listens");
    log.sink = to_sink;
    log.ud = &sink;
    ml_log(&log, ML_LOG_WARN, "n=%d", 5);
    ml_log(&log, ML_LOG_INFO, "too much");
    assert_int_equal(sink.lines, 1);
    assert_int_equal(sink.level, ML_LOG_WARN);
    assert_string_equal(sink.text, "n=5");
    ml_log_destroy(&log);
}

static void expect_redacted(const struct ml_log *log, const char *in, const char *out)
{
    char text[200];
    strcpy(text, in);
    ml_log_redact(log, text);
    assert_string_equal(text, out);
}

static void secrets_are_redacted_in_every_form(void **state)
{
    (void)state;
    struct ml_log log;
    ml_log_create(&log);
    expect_redacted(&log, "nothing is known", "nothing is known");
    assert_int_equal(ml_log_secret(&log, "abc"), 0); /* too short to be told from text */
    assert_int_equal(ml_log_secret(&log, "pa/ss+word"), 0);
    expect_redacted(&log, "abc", "abc");
    expect_redacted(&log, "a pa/ss+word, pa/ss+wordpa/ss+word", "a ***, ******");
    expect_redacted(&log, "?t=pa%2Fss%2Bword&x", "?t=***&x");
    expect_redacted(&log, "cGEvc3Mrd29yZA==", "***ZA==");             /* alone */
    expect_redacted(&log, "dTpwYS9zcyt3b3Jk", "dTpw***");             /* behind "u:" */
    expect_redacted(&log, "dXM6cGEvc3Mrd29yZA==", "dXM6***ZA==");     /* behind "us:" */
    expect_redacted(&log, "dXNlOnBhL3NzK3dvcmQ=", "dXNlOnBh***cmQ="); /* behind "use:" */
    expect_redacted(&log, "pa/ss+wor", "pa/ss+wor");
    ml_log_destroy(&log);
    assert_null(log.secrets);
}

static void a_secret_inside_another_hides_nothing(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct ml_log log;
        ml_log_create(&log);
        ml_log_secret(&log, order ? "token" : "token-and-more");
        ml_log_secret(&log, order ? "token-and-more" : "token");
        expect_redacted(&log, "token-and-more token", "*** ***");
        ml_log_destroy(&log);
    }
}

/* A line is cut at 2,000 bytes; wherever that falls, no 4 bytes of a secret remain. */
static void a_cut_line_shows_no_part_of_a_secret(void **state)
{
    (void)state;
    struct sink sink = {0};
    struct ml_log log;
    ml_log_create(&log);
    log.sink = to_sink;
    log.ud = &sink;
    assert_int_equal(ml_log_secret(&log, "S3cretToken"), 0);
    for (int before = 1980; before <= 2000; before++) {
        ml_log(&log, ML_LOG_ERROR, "%*s%s%50s", before, "", "S3cretToken", "");
        assert_true(sink.len <= 2000);
        assert_null(strstr(sink.text, "S3cr"));
    }
    /* Not cut, the same letters are text. */
    ml_log(&log, ML_LOG_ERROR, "S3cre");
    assert_string_equal(sink.text, "S3cre");
    ml_log_destroy(&log);
}

static void embedded_files_are_found_by_their_whole_name(void **state)
{
    (void)state;
    static const struct ml_embedded files[] = {
        {"moonlever", "a", 1}, {"moonlever.pages", "b", 1}, {0, 0, 0}};
    assert_ptr_equal(ml_embedded_find(files, "moonlever.pages"), &files[1]);
    assert_null(ml_embedded_find(files, "moonlever.page"));
    assert_null(ml_embedded_find(files, ""));
    assert_null(ml_embedded_find(files + 2, "moonlever"));
}

static void random_numbers_are_even_and_repeatable(void **state)
{
    (void)state;
    uint64_t a = 1, b = 1;
    int count[10] = {0};
    for (int i = 0; i < 10000; i++) {
        double x = ml_random01(&a);
        assert_true(x >= 0 && x < 1 && x == ml_random01(&b));
        count[(int)(x * 10)]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(count[i], 850, 1150);
    assert_true(ml_random_seed() != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_to_its_ceiling),
        cmocka_unit_test(a_buffer_without_room_and_without_a_bound),
        cmocka_unit_test(errors_have_a_kind_and_a_cut_text),
        cmocka_unit_test(every_kind_has_its_name),
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(lines_above_the_level_are_dropped),
        cmocka_unit_test(secrets_are_redacted_in_every_form),
        cmocka_unit_test(a_secret_inside_another_hides_nothing),
        cmocka_unit_test(a_cut_line_shows_no_part_of_a_secret),
        cmocka_unit_test(embedded_files_are_found_by_their_whole_name),
        cmocka_unit_test(random_numbers_are_even_and_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
