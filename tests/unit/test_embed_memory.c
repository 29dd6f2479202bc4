/* SPDX-License-Identifier: MIT */
/*
 * A host without memory. One embedding scenario (open, set, a script that reads
 * three pages and sends one change, close) with the k-th allocation failing, for
 * every k: once, or from then on. Nothing crashes or leaks, a run that claims to
 * be done has done it, any other says that it is not, and the handle can be used
 * again.
 *
 * The allocations of our C code and of Lua come here by --wrap
 * (tests/CMakeLists.txt), those of libcurl and SQLite by their own hooks. The
 * account is in a process of its own, with memory.
 *
 * A scenario has thousands of allocations: one in a few is tried, another few
 * each time the steps are moved, and all with MOONLEVER_EVERY set (minutes).
 */
#include <moonlever.h>

#include <curl/curl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pool.h"
#include "practice/practice.h"

#include <cmocka.h>

/* --- allocators that can fail --- */

enum owner { NOBODY, OURS, LUAS, CURLS, SQLITES };
static _Atomic enum owner watched;
static atomic_long count, fail_at;
static atomic_bool sticky, failed;
static _Thread_local bool in_pool; /* which takes all from malloc under the sanitizers */

static void watch(enum owner whose, long k, bool from_then_on)
{
    watched = NOBODY;
    count = 0;
    fail_at = k;
    sticky = from_then_on;
    failed = false;
    watched = whose;
}

static bool fails(enum owner whose)
{
    if (watched != whose || in_pool)
        return false;
    long n = ++count;
    bool fail = sticky ? n >= fail_at : n == fail_at;
    if (fail)
        failed = true;
    return fail;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails(OURS) ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fails(OURS) ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    return fails(OURS) ? NULL : __real_realloc(block, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails(OURS) ? NULL : __real_strdup(text);
}

char *__real_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n);
char *__wrap_strndup(const char *text, size_t n)
{
    return fails(OURS) ? NULL : __real_strndup(text, n);
}

/* Lua relies on it that nothing fails which does not grow. */
void *__real_ml_pool_alloc(struct ml_pool *pool, void *block, size_t osize, size_t nsize);
void *__wrap_ml_pool_alloc(struct ml_pool *pool, void *block, size_t osize, size_t nsize);
void *__wrap_ml_pool_alloc(struct ml_pool *pool, void *block, size_t osize, size_t nsize)
{
    bool grows = nsize > (block ? osize : 0);
    if (grows && fails(LUAS))
        return NULL;
    in_pool = true;
    block = __real_ml_pool_alloc(pool, block, osize, nsize);
    in_pool = false;
    return block;
}

static void *curl_malloc(size_t size)
{
    return fails(CURLS) ? NULL : __real_malloc(size);
}

static void *curl_calloc(size_t n, size_t size)
{
    return fails(CURLS) ? NULL : __real_calloc(n, size);
}

static void *curl_realloc(void *block, size_t size)
{
    return fails(CURLS) ? NULL : __real_realloc(block, size);
}

static char *curl_strdup(const char *text)
{
    return fails(CURLS) ? NULL : __real_strdup(text);
}

static sqlite3_mem_methods sqlites; /* its own allocator */

static void *sqlite_malloc(int size)
{
    return fails(SQLITES) ? NULL : sqlites.xMalloc(size);
}

static void *sqlite_realloc(void *block, int size)
{
    return fails(SQLITES) ? NULL : sqlites.xRealloc(block, size);
}

static int take_memory(void)
{
    sqlite3_mem_methods ours;
    int code = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlites);
    ours = sqlites;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    return code || sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) ||
           curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc,
                                curl_strdup, curl_calloc);
}

/* No power is cut here: syncs in earnest would only take time. The libraries find these before
 * the C library's, as they can be seen from outside. */
#define VISIBLE __attribute__((visibility("default")))
VISIBLE int fsync(int fd)
{
    (void)fd;
    return 0;
}

VISIBLE int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* --- the account --- */

static pid_t account;
static char origin[128], credential[128], journal[64],
    directory[] = "/tmp/moonlever-memory-XXXXXX";

static void serve(int out)
{
    struct ml_practice_conf conf;
    struct ml_practice *p;
    struct ml_err err;
    char text[256];
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* with a test that crashes */
    ml_practice_defaults(&conf);
    conf.recordings = 8;
    conf.page_size = 3;
    if (ml_practice_start(&conf, &p, &err) < 0)
        _exit(1);
    int len = snprintf(text, sizeof text, "SCREENDESK_URL=%s SCREENDESK_TOKEN=%s\n",
                       ml_practice_origin(p), ml_practice_token(p));
    if (write(out, text, (size_t)len) != len)
        _exit(1);
    for (;;)
        pause();
}

static int start_account(void **state)
{
    (void)state;
    int ends[2];
    char text[256] = "";
    if (pipe(ends) < 0 || !mkdtemp(directory))
        return -1;
    setenv("MOONLEVER_SETTLE", "0", 1);
    snprintf(journal, sizeof journal, "%s/journal.db", directory);
    account = fork(); /* before anything here has a thread */
    if (account == 0)
        serve(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    close(ends[1]);
    if (n <= 0 || sscanf(text, "%127s %127s", origin, credential) != 2)
        return -1;
    return take_memory();
}

static int stop_account(void **state)
{
    (void)state;
    char command[100];
    kill(account, SIGKILL);
    waitpid(account, NULL, 0);
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

/* --- the scenario --- */

static const char script[] =
    "local sd = require 'moonlever'.connect 'screendesk'\n"
    "local first, n = nil, 0\n"
    "for rec in sd.recordings:list() do first, n = first or rec, n + 1 end\n"
    "assert(n == 8)\n"
    "local rec = sd.recordings:update(first, { title = ... })\n"
    "assert(rec.title == ...)\n"
    "print('done ' .. rec.title)\n";

struct told {
    char output[64];
    int opened, set, started, exit_code;
    char error[400], result[400];
};

static void on_output(void *ud, const char *text, size_t len)
{
    struct told *t = ud;
    snprintf(t->output, sizeof t->output, "%.*s", (int)len, text);
}

static void on_log(void *ud, int level, const char *text, size_t len)
{
    (void)ud, (void)level;
    (void)text, (void)len;
}

static int set_up_handle(moonlever *h)
{
    const char *const settings[][2] = {
        {"origin", origin}, {"credential", credential}, {"journal", journal}, {"yes", "true"},
        {"rate", "0"},      {"log_level", "3"},         {"env", "true"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int rc = moonlever_set(h, settings[i][0], settings[i][1]);
        if (rc != MOONLEVER_OK)
            return rc;
    }
    return MOONLEVER_OK;
}

static void run(moonlever *h, struct told *t, const char *title)
{
    t->output[0] = '\0';
    t->exit_code = -1;
    t->started = moonlever_run_text(h, "memory", script, sizeof script - 1, 1,
                                    (const char *const *)&title);
    while (!moonlever_run_done(h))
        assert_int_equal(moonlever_wait(h, -1), MOONLEVER_OK);
    if (t->started == MOONLEVER_OK)
        t->exit_code = moonlever_exit_code(h);
    snprintf(t->error, sizeof t->error, "%s", moonlever_errmsg(h));
    snprintf(t->result, sizeof t->result, "%s", moonlever_result_json(h));
}

/* Done is done, and everything else has a number that says so. */
static void expect_truth(const struct told *t, const char *title, bool text)
{
    char done[64];
    snprintf(done, sizeof done, "done %s\n", title);
    if (t->set != MOONLEVER_OK || t->started != MOONLEVER_OK) {
        assert_int_equal(t->set != MOONLEVER_OK ? t->set : t->started, MOONLEVER_ENOMEM);
        return;
    }
    if (t->exit_code == 0) {
        assert_string_equal(t->output, done);
        return;
    }
    if (text && !t->error[0])
        fail_msg("exit %d without a word: %s", t->exit_code, t->result);
}

/* One life of a handle in which the k-th allocation of `whose` fails. False: it never came to
 * that. */
static bool life(enum owner whose, long k, bool from_then_on)
{
    static unsigned lives;
    moonlever *h = NULL;
    struct told t = {.set = MOONLEVER_OK};
    char title[32];
    snprintf(title, sizeof title, "title %u", ++lives);
    watch(whose, k, from_then_on);
    t.opened = moonlever_open(&h);
    if (t.opened == MOONLEVER_OK) {
        moonlever_on_output(h, on_output, &t);
        moonlever_on_log(h, on_log, &t);
        t.set = set_up_handle(h);
        if (t.set == MOONLEVER_OK)
            run(h, &t, title);
    }
    bool came = failed;
    watch(NOBODY, 0, false);
    if (t.opened != MOONLEVER_OK) {
        assert_int_equal(t.opened, MOONLEVER_ENOMEM);
        assert_null(h);
        return came;
    }
    expect_truth(&t, title, !from_then_on);
    if (!came || k % 8 == 0) { /* with memory, all is well again */
        t.set = set_up_handle(h);
        snprintf(title, sizeof title, "title %u again", lives);
        run(h, &t, title);
        if (t.set != MOONLEVER_OK || t.exit_code != 0)
            fail_msg("k = %ld: exit %d: %s", k, t.exit_code, t.error);
        expect_truth(&t, title, true);
        assert_non_null(strstr(t.result, "\"confirmed\":1"));
    }
    moonlever_close(h);
    return came;
}

static void each(enum owner whose, long step, bool from_then_on)
{
    long k = 1;
    if (getenv("MOONLEVER_EVERY"))
        step = 1;
    assert_false(life(NOBODY, 1, false)); /* the journal is there, and the caches are warm */
    while (life(whose, k, from_then_on))
        k += step;
    print_message("%ld allocations\n", k);
    assert_true(k > 50);
}

static void ours_once(void **state)
{
    (void)state;
    each(OURS, 1, false);
}

static void ours_from_then_on(void **state)
{
    (void)state;
    each(OURS, 1, true);
}

static void luas_once(void **state)
{
    (void)state;
    each(LUAS, 97, false);
}

static void luas_from_then_on(void **state)
{
    (void)state;
    each(LUAS, 97, true);
}

static void curls_once(void **state)
{
    (void)state;
    each(CURLS, 1, false);
}

static void curls_from_then_on(void **state)
{
    (void)state;
    each(CURLS, 1, true);
}

static void sqlites_once(void **state)
{
    (void)state;
    each(SQLITES, 13, false);
}

static void sqlites_from_then_on(void **state)
{
    (void)state;
    each(SQLITES, 13, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_once),    cmocka_unit_test(ours_from_then_on),
        cmocka_unit_test(luas_once),    cmocka_unit_test(luas_from_then_on),
        cmocka_unit_test(curls_once),   cmocka_unit_test(curls_from_then_on),
        cmocka_unit_test(sqlites_once), cmocka_unit_test(sqlites_from_then_on),
    };
    return cmocka_run_group_tests(tests, start_account, stop_account);
}
