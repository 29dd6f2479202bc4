/* SPDX-License-Identifier: MIT */
/*
 * A host that opens, runs and closes again and again: after a warm-up the
 * memory of the process and its descriptors stay as they are.
 */
#include <moonlever.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__ /* it keeps what is freed for a while, and looks for leaks itself \
                             */
#define WARM_UP 20
#define CYCLES 100
#else
#define WARM_UP 200
#define CYCLES 1000
#endif
/* What 1,000 cycles may add: a leak of a kilobyte a cycle would be four times that. */
#define GROWTH_KB 256

static void on_output(void *ud, const char *text, size_t len)
{
    (void)text, (void)len;
    ++*(unsigned *)ud;
}

static long resident_kb(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%ld %ld", &pages, &resident), 2);
    fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static int descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void cycle(const char *text, int exit_code)
{
    static const char *const argv[] = {"a", "b"};
    unsigned printed = 0;
    moonlever *h;
    assert_int_equal(moonlever_open(&h), MOONLEVER_OK);
    moonlever_on_output(h, on_output, &printed);
    assert_int_equal(moonlever_set(h, "credential", "SCREENDESK_TOKEN=secret-of-the-cycles"),
                     MOONLEVER_OK);
    assert_int_equal(moonlever_set(h, "hosts", "http://127.0.0.1:9"), MOONLEVER_OK);
    assert_int_equal(moonlever_set(h, "dry_run", "true"), MOONLEVER_OK);
    assert_int_equal(moonlever_run_text(h, "cycle", text, strlen(text), 2, argv), MOONLEVER_OK);
    while (!moonlever_run_done(h))
        assert_int_equal(moonlever_wait(h, -1), MOONLEVER_OK);
    assert_int_equal(moonlever_exit_code(h), exit_code);
    assert_int_equal(printed, exit_code == 0);
    moonlever_close(h);
}

static void does_not_grow(const char *text, int exit_code)
{
    for (int i = 0; i < WARM_UP; i++)
        cycle(text, exit_code);
    long before = resident_kb();
    int open_before = descriptors();
    for (int i = 0; i < CYCLES; i++)
        cycle(text, exit_code);
    long grown = resident_kb() - before;
    assert_int_equal(descriptors(), open_before);
    print_message("%d cycles: %+ld kB resident\n", CYCLES, grown);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed for a while, and looks for leaks \
                                itself */
    assert_true(grown < GROWTH_KB);
#endif
}

static void runs_that_end_well(void **state)
{
    (void)state;
    does_not_grow("local moonlever = require 'moonlever'\n"
                  "moonlever.connect { service = 'screendesk', url = 'http://127.0.0.1:9' }\n"
                  "moonlever.all { function() moonlever.sleep(0) end }\n"
                  "print(#arg)",
                  0);
}

static void runs_that_fail(void **state)
{
    (void)state;
    does_not_grow("local task = require 'moonlever'.spawn(function() error {} end)\n"
                  "task:await()",
                  1);
}

static void handles_closed_in_the_middle(void **state)
{
    (void)state;
    static const char text[] = "local moonlever = require 'moonlever'\n"
                               "for _ = 1, 5 do moonlever.spawn(moonlever.sleep, 60) end\n"
                               "moonlever.sleep(60)";
    long before = 0;
    int open_before = 0;
    for (int i = 0; i < WARM_UP + CYCLES; i++) {
        moonlever *h;
        if (i == WARM_UP) {
            before = resident_kb();
            open_before = descriptors();
        }
        assert_int_equal(moonlever_open(&h), MOONLEVER_OK);
        assert_int_equal(moonlever_run_text(h, "s", text, sizeof text - 1, 0, NULL),
                         MOONLEVER_OK);
        assert_int_equal(moonlever_dispatch(h), MOONLEVER_OK);
        assert_int_equal(moonlever_run_done(h), 0);
        moonlever_close(h);
    }
    assert_int_equal(descriptors(), open_before);
#ifndef __SANITIZE_ADDRESS__
    assert_true(resident_kb() - before < GROWTH_KB);
#else
    (void)before;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_that_end_well),
        cmocka_unit_test(runs_that_fail),
        cmocka_unit_test(handles_closed_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
