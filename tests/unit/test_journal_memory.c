/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of a small life of the journal, SQLite's included, and every
 * call of the system fails once, or from then on. Nothing crashes or leaks, and
 * what the owner was told is true.
 *
 * The calls of the journal come here by --wrap (tests/CMakeLists.txt), SQLite's
 * allocations by sqlite3_config.
 */
#include "test_journal_life.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* What is counted, and which one fails. */
enum watched { WATCH_NOTHING, WATCH_MEMORY, WATCH_OURS, WATCH_REALLOC, WATCH_SYSTEM };
static _Atomic enum watched watched;
static atomic_long count, fail_at;
static atomic_bool sticky, failed;

static void watch(enum watched what, long k, bool from_then_on)
{
    watched = WATCH_NOTHING;
    count = 0;
    fail_at = k;
    sticky = from_then_on;
    failed = false;
    watched = what;
}

static bool is_to_fail(enum watched what)
{
    if (watched != what)
        return false;
    long n = ++count;
    bool fail = fail_at && (sticky ? n >= fail_at : n == fail_at);
    if (fail)
        failed = true;
    return fail;
}

/* An allocation of the journal itself, not one of SQLite's. */
static bool ours_fails(void)
{
    return is_to_fail(WATCH_MEMORY) || is_to_fail(WATCH_OURS);
}

/* True with errno set: a call of the system fails. */
static bool system_fails(int number)
{
    if (!is_to_fail(WATCH_SYSTEM))
        return false;
    errno = number;
    return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return ours_fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return ours_fails() ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    bool fail = ours_fails() || is_to_fail(WATCH_REALLOC);
    return fail ? NULL : __real_realloc(block, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return ours_fails() ? NULL : __real_strdup(text);
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
    return system_fails(EMFILE) ? -1 : __real_open(path, flags, mode);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    return system_fails(EROFS) ? -1 : __real_mkdir(path, mode);
}

/* No power is cut here: syncs in earnest would only take time. This one is the journal's. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    return system_fails(EIO) ? -1 : 0;
}

/* And this one SQLite's, which finds it here before the C library's, as it can be seen from
 * outside. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* The next wait for a lock is interrupted by a signal. */
static atomic_bool interrupt;

/* A lock is always given back. */
int __real_fcntl(int fd, int command, struct flock *lock);
int __wrap_fcntl(int fd, int command, struct flock *lock);
int __wrap_fcntl(int fd, int command, struct flock *lock)
{
    if (lock->l_type != F_UNLCK && system_fails(ENOLCK))
        return -1;
    if (command == F_OFD_SETLKW && atomic_exchange(&interrupt, false)) {
        errno = EINTR;
        return -1;
    }
    return __real_fcntl(fd, command, lock);
}

int __real_pthread_attr_init(pthread_attr_t *attributes);
int __wrap_pthread_attr_init(pthread_attr_t *attributes);
int __wrap_pthread_attr_init(pthread_attr_t *attributes)
{
    return system_fails(ENOMEM) ? ENOMEM : __real_pthread_attr_init(attributes);
}

int __real_pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *mask);
int __wrap_pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *mask);
int __wrap_pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *mask)
{
    return system_fails(ENOMEM) ? ENOMEM : __real_pthread_attr_setsigmask_np(attributes, mask);
}

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *ud);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *ud);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*run)(void *), void *ud)
{
    return system_fails(EAGAIN) ? EAGAIN : __real_pthread_create(thread, attributes, run, ud);
}

static sqlite3_mem_methods sqlites; /* its own allocator */

static void *sqlite_malloc(int size)
{
    return is_to_fail(WATCH_MEMORY) ? NULL : sqlites.xMalloc(size);
}

static void *sqlite_realloc(void *block, int size)
{
    return is_to_fail(WATCH_MEMORY) ? NULL : sqlites.xRealloc(block, size);
}

static int take_memory(void **unused)
{
    (void)unused;
    sqlite3_mem_methods ours;
    int code = sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlites);
    ours = sqlites;
    ours.xMalloc = sqlite_malloc;
    ours.xRealloc = sqlite_realloc;
    return code ? code : sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
}

/* What was said of a refusal makes sense. */
static void expect_reason(const struct told *t, enum watched what)
{
    assert_true(t->err.kind == ML_MEMORY || t->err.kind == ML_USAGE);
    assert_true(strlen(t->err.text) > 20);
    if (what != WATCH_SYSTEM)
        assert_non_null(strstr(t->err.text, "memory"));
}

/* One life in which the k-th call fails. False: it never came to that. */
static bool life(enum watched what, long k, bool from_then_on)
{
    struct place p;
    struct told t;
    struct ml_journal *j = NULL;
    struct ml_journal_conf conf = {.path = p.path};
    place_make(&p);
    told_create(&t);
    watch(what, k, from_then_on);
    t.opened = ml_journal_open(&conf, &j, &t.err) == 0;
    if (t.opened)
        live(j, &t);
    if (!t.opened || t.err.text[0])
        expect_reason(&t, what);
    bool came = failed;
    assert_true(came || (t.opened && !t.refused));
    ml_journal_close(j);
    watch(WATCH_NOTHING, 0, false);
    expect_all_there(&p, &t);
    place_remove(&p);
    return came;
}

/* A life has some four thousand allocations, most of them in opening: one in `step`, unless
 * MOONLEVER_EVERY is set (minutes). */
static void each_allocation(long step, bool from_then_on)
{
    long k = 1;
    if (getenv("MOONLEVER_EVERY"))
        step = 1;
    while (life(WATCH_MEMORY, k, from_then_on))
        k += step;
    assert_true(k > 1000);
}

static void memory_once(void **state)
{
    (void)state;
    each_allocation(5, false);
}

static void memory_from_then_on(void **state)
{
    (void)state;
    each_allocation(11, true);
}

/* The journal's own are few: each of them, also where it is the second of two in a row. */
static void our_memory_once(void **state)
{
    (void)state;
    long k = 1;
    while (life(WATCH_OURS, k, false))
        k++;
    assert_true(k > 20);
}

static void system_once(void **state)
{
    (void)state;
    long k = 1;
    while (life(WATCH_SYSTEM, k, false))
        k++;
    assert_true(k > 10);
}

static void system_from_then_on(void **state)
{
    (void)state;
    long k = 1;
    while (life(WATCH_SYSTEM, k, true))
        k++;
    assert_true(k > 10);
}

/* Reads a run with the k-th allocation failing: all of it, or an error. */
static bool read_with(struct place *p, long k)
{
    struct ml_err err = {0};
    struct ml_journal *j = NULL;
    struct ml_journal_conf conf = {.path = p->path, .read_only = k % 2 == 0};
    watch(WATCH_MEMORY, k, false);
    int more = ml_journal_open(&conf, &j, &err);
    struct ml_cursor *c = j ? ml_cursor_open(j, ML_QUERY_ATTEMPTS, "r1", &err) : NULL;
    int count_rows = 0;
    more = c ? 1 : -1;
    while (more == 1 && (more = ml_cursor_next(c, &err)) == 1)
        count_rows++;
    ml_cursor_close(c);
    ml_journal_close(j);
    bool came = failed;
    watch(WATCH_NOTHING, 0, false);
    if (more < 0)
        assert_non_null(strstr(err.text, "memory"));
    else
        assert_int_equal(count_rows, 3);
    return came;
}

static void reading_without_memory(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    whole(j, "a", ML_CHANGE_CONFIRMED);
    whole(j, "b", ML_CHANGE_CONFIRMED);
    whole(j, "c", ML_CHANGE_CONFIRMED);
    ml_journal_close(j);
    long k = 1;
    while (read_with(p, k) || read_with(p, k + 1))
        k += 1;
    assert_true(k > 20);
}

/* What has happened and cannot be written down breaks the journal. */
static void evidence_without_memory(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    uint64_t ticket = ml_journal_send(j, plan(j, "a"), 1, 30);
    flush(j);
    watch(WATCH_MEMORY, 1, false);
    note(j, 1, 1, 200, ML_CHANGE_CONFIRMED);
    watch(WATCH_NOTHING, 0, false);
    assert_true(ml_journal_broken(j, &err));
    assert_int_equal(err.kind, ML_MEMORY);
    assert_non_null(strstr(err.text, "moonlever resume r1"));
    assert_int_equal(ml_journal_ticket(j, ticket), ML_TICKET_COMMITTED);
    watch(WATCH_MEMORY, 1, false); /* once more: the first reason stays */
    move(j, 1, ML_CHANGE_UNKNOWN);
    watch(WATCH_NOTHING, 0, false);
    struct ml_err again;
    assert_true(ml_journal_broken(j, &again));
    assert_string_equal(again.text, err.text);
    ml_journal_close(j);
    assert_string_equal(sql_text(p->path, "SELECT state FROM mut"), "S");
}

/* A refusal that cannot be kept in mind is no commit either. */
static void refusal_without_memory(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    assert_int_equal(send_and_wait(j, plan(j, "a"), 1), ML_TICKET_COMMITTED);
    uint64_t seq = plan(j, "a");
    flush(j);
    watch(WATCH_REALLOC, 1, false);
    assert_int_equal(send_and_wait(j, seq, 1), ML_TICKET_BROKEN);
    watch(WATCH_NOTHING, 0, false);
    assert_true(ml_journal_broken(j, &err));
    assert_int_equal(err.kind, ML_MEMORY);
    ml_journal_close(j);
}

/* Takes the run again with the k-th allocation failing. */
static bool resume_with(struct place *p, long k)
{
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    watch(WATCH_MEMORY, k, false);
    int rc = ml_journal_resume(j, "r1", &err);
    bool came = failed;
    watch(WATCH_NOTHING, 0, false);
    assert_true(came || rc == 0);
    if (rc < 0) {
        assert_non_null(strstr(err.text, "memory"));
        assert_false(ml_journal_is_running(j, 1));
        assert_true(ml_journal_broken(j, &err));
    }
    ml_journal_close(j);
    return came;
}

static void resuming_without_memory(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path);
    begin(j, "r1");
    assert_int_equal(send_and_wait(j, plan(j, "a"), 1), ML_TICKET_COMMITTED);
    ml_journal_close(j);
    long k = 1;
    while (resume_with(p, k))
        k++;
    assert_true(k > 10);
    assert_string_equal(sql_text(p->path, "SELECT state FROM mut"), "U");
}

/* Fills `path` up to `len` bytes, so that the name of the lock file has to grow by itself. */
static void a_name_that_has_to_grow_for_its_end(void **state)
{
    struct place *p = *state;
    struct ml_err err = {0};
    struct ml_journal *j = NULL;
    char path[300];
    size_t len = (size_t)snprintf(path, sizeof path, "%s/", p->dir);
    memset(path + len, 'x', 253 - len);
    path[253] = '\0'; /* a buffer begins with 256 bytes */
    struct ml_journal_conf conf = {.path = path};
    watch(WATCH_REALLOC, 2, false);
    assert_int_equal(ml_journal_open(&conf, &j, &err), -1);
    watch(WATCH_NOTHING, 0, false);
    assert_null(j);
    assert_int_equal(err.kind, ML_MEMORY);
    assert_non_null(strstr(err.text, "journal's name"));
    ml_journal_close(open_at(path));
}

static void a_signal_during_the_wait_for_the_lock(void **state)
{
    struct place *p = *state;
    interrupt = true;
    struct ml_journal *j = open_at(p->path);
    assert_false(interrupt); /* it came, and the wait went on */
    begin(j, "r1");
    ml_journal_close(j);
}

/* A lock that the kernel does not tell of is nobody's. */
static void a_lock_that_cannot_be_asked_for(void **state)
{
    struct place *p = *state;
    struct ml_journal *j = open_at(p->path), *k = open_at(p->path);
    begin(j, "r1");
    assert_true(ml_journal_is_running(k, 1));
    watch(WATCH_SYSTEM, 1, false);
    assert_false(ml_journal_is_running(k, 1));
    assert_true(failed);
    watch(WATCH_NOTHING, 0, false);
    assert_true(ml_journal_is_running(k, 1));
    ml_journal_close(j);
    ml_journal_close(k);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_once),
        cmocka_unit_test(memory_from_then_on),
        cmocka_unit_test(our_memory_once),
        cmocka_unit_test(system_once),
        cmocka_unit_test(system_from_then_on),
        TEST(reading_without_memory),
        TEST(evidence_without_memory),
        TEST(refusal_without_memory),
        TEST(resuming_without_memory),
        TEST(a_name_that_has_to_grow_for_its_end),
        TEST(a_signal_during_the_wait_for_the_lock),
        TEST(a_lock_that_cannot_be_asked_for),
    };
    return cmocka_run_group_tests(tests, take_memory, NULL);
}
