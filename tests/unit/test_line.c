/* SPDX-License-Identifier: MIT */
/*
 * Around the line of a session: how wide text is, and what the history keeps.
 */
#include "cli/history.h"
#include "cli/width.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WIDE(text, want) assert_int_equal(ml_width(text, sizeof(text) - 1), want)

static void widths(void **state)
{
    (void)state;
    WIDE("", 0);
    WIDE("plain", 5);
    WIDE("grüße", 5);
    WIDE("請求書", 6);
    WIDE("e\xcc\x81", 1); /* e and a combining accent */
    WIDE("\xf0\x9f\x98\x80", 2);
    WIDE("a\x1b", 5);  /* shown as a\x1B */
    WIDE("\xff", 4);   /* \xFF */
    WIDE("\u202E", 8); /* \u{202E} */
}

/* --- the history --- */

static char folder[64];

static int new_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/moonlever-history-XXXXXX");
    return mkdtemp(folder) && setenv("XDG_STATE_HOME", folder, 1) == 0 ? 0 : -1;
}

static int drop_folder(void **state)
{
    char path[160];
    (void)state;
    static const char *const names[] = {"moonlever/history", "moonlever/history.new"};
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/moonlever", folder);
    rmdir(path);
    return rmdir(folder);
}

static void open_history(struct ml_history *h)
{
    static char pair[] = "SCREENDESK_TOKEN=canary-4711";
    struct ml_secrets secrets = {.text = {pair}, .count = 1};
    ml_history_open(h, &secrets);
}

static void lines_come_back(void **state)
{
    struct ml_history h;
    struct stat st;
    char path[160];
    (void)state;
    open_history(&h);
    assert_int_equal(h.count, 0);
    assert_true(ml_history_add(&h, "sd.users:list()"));
    assert_false(ml_history_add(&h, "sd.users:list()"));
    assert_true(ml_history_add(&h, "print 'grüße'"));
    ml_history_close(&h);
    open_history(&h);
    assert_int_equal(h.count, 2);
    assert_string_equal(h.lines[0], "sd.users:list()");
    assert_string_equal(h.lines[1], "print 'grüße'");
    ml_history_close(&h);
    snprintf(path, sizeof path, "%s/moonlever/history", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/moonlever", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void secrets_are_not_kept(void **state)
{
    static const char *const lines[] = {
        "x = 'canary-4711'",      " typed with a blank in front",
        "h.Authorization = 'x'",  "my_Token = 'x'",
        "user.password = 'x'",    "Bearer = 1",
        "x = 'Y2FuYXJ5LTQ3MTE='", "",
    };
    struct ml_history h;
    (void)state;
    open_history(&h);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_false(ml_history_add(&h, lines[i]));
    assert_int_equal(h.count, 0);
    ml_history_close(&h);
    open_history(&h);
    assert_int_equal(h.count, 0);
    ml_history_close(&h);
}

static void the_file_is_cut(void **state)
{
    struct ml_history h;
    char line[32];
    (void)state;
    open_history(&h);
    for (int i = 0; i < 2500; i++) {
        snprintf(line, sizeof line, "line %d", i);
        assert_true(ml_history_add(&h, line));
    }
    ml_history_close(&h);
    for (int again = 0; again < 2; again++) {
        open_history(&h);
        assert_int_equal(h.count, 2000);
        assert_string_equal(h.lines[0], "line 500");
        assert_string_equal(h.lines[1999], "line 2499");
        ml_history_close(&h);
    }
}

static void no_place_is_no_failure(void **state)
{
    struct ml_history h;
    (void)state;
    setenv("XDG_STATE_HOME", "/dev/null", 1);
    open_history(&h);
    assert_true(ml_history_add(&h, "kept as long as the session"));
    assert_int_equal(h.count, 1);
    ml_history_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths),
        cmocka_unit_test_setup_teardown(lines_come_back, new_folder, drop_folder),
        cmocka_unit_test_setup_teardown(secrets_are_not_kept, new_folder, drop_folder),
        cmocka_unit_test_setup_teardown(the_file_is_cut, new_folder, drop_folder),
        cmocka_unit_test(no_place_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
