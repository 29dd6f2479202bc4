/* SPDX-License-Identifier: MIT */
/*
 * Every write, sync and truncate of a small life of the journal fails once, or
 * from then on, in each of five ways. Afterwards: what was reported durable is
 * there, what was not is refused, nothing was written after the failure, and a
 * fresh journal goes on.
 *
 * The disk is a VFS in front of SQLite's own. Only writes count: reads and the
 * shared memory pass.
 */
#include "test_journal_life.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "journal/handle.h"

enum fault { FAULT_FULL, FAULT_IO, FAULT_SHORT, FAULT_BIG, FAULT_QUOTA };

static const int errnos[] = {[FAULT_FULL] = ENOSPC,
                             [FAULT_IO] = EIO,
                             [FAULT_SHORT] = ENOSPC,
                             [FAULT_BIG] = EFBIG,
                             [FAULT_QUOTA] = EDQUOT};

/* The disk; under mutex. */
static struct {
    pthread_mutex_t mutex;
    long count;    /* operations so far */
    long fail_at;  /* number of the one that fails, 0 = none */
    bool sticky;   /* and all after it */
    bool database; /* count those on the database only, not on the WAL */
    enum fault fault;
    int last_errno;
    long after; /* operations after the first failure */
    bool failed;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
    bool database;
};

static sqlite3_vfs *system_vfs;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct file *)f)->real;
}

/* Counts an operation; true: it is to fail. */
static bool is_to_fail(sqlite3_file *f)
{
    if (disk.database && !((struct file *)f)->database)
        return false;
    pthread_mutex_lock(&disk.mutex);
    disk.count++;
    disk.after += disk.failed;
    bool fail =
        disk.fail_at && (disk.sticky ? disk.count >= disk.fail_at : disk.count == disk.fail_at);
    disk.failed |= fail;
    disk.last_errno = errnos[disk.fault];
    pthread_mutex_unlock(&disk.mutex);
    return fail;
}

/* The codes that SQLite's own VFS gives. */
static int code_of(int on_io)
{
    bool full = disk.fault == FAULT_FULL || disk.fault == FAULT_SHORT;
    return full && on_io == SQLITE_IOERR_WRITE ? SQLITE_FULL : on_io;
}

static int f_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int f_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
}

static int f_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    if (!is_to_fail(f))
        return real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
    if (disk.fault == FAULT_SHORT)
        real_of(f)->pMethods->xWrite(real_of(f), from, n / 2, at);
    return code_of(SQLITE_IOERR_WRITE);
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (is_to_fail(f))
        return code_of(SQLITE_IOERR_TRUNCATE);
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

/* No power is cut here: syncs in earnest would only take time. This one is SQLite's, */
static int f_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    return is_to_fail(f) ? code_of(SQLITE_IOERR_FSYNC) : SQLITE_OK;
}

/* and this one the journal's, in place of the C library's. */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

static int f_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int f_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int f_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int f_check(sqlite3_file *f, int *result)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), result);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
    if (op == SQLITE_FCNTL_LAST_ERRNO && disk.failed) {
        *(int *)arg = disk.last_errno;
        return SQLITE_OK;
    }
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int f_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int f_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **at)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, at);
}

static int f_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void f_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int f_shm_unmap(sqlite3_file *f, int del)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), del);
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = f_close,
                                           .xRead = f_read,
                                           .xWrite = f_write,
                                           .xTruncate = f_truncate,
                                           .xSync = f_sync,
                                           .xFileSize = f_size,
                                           .xLock = f_lock,
                                           .xUnlock = f_unlock,
                                           .xCheckReservedLock = f_check,
                                           .xFileControl = f_control,
                                           .xSectorSize = f_sector,
                                           .xDeviceCharacteristics = f_device,
                                           .xShmMap = f_shm_map,
                                           .xShmLock = f_shm_lock,
                                           .xShmBarrier = f_shm_barrier,
                                           .xShmUnmap = f_shm_unmap};

static int v_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct file *file = (struct file *)f;
    (void)vfs;
    file->real = (sqlite3_file *)(file + 1);
    file->database = flags & SQLITE_OPEN_MAIN_DB;
    int code = system_vfs->xOpen(system_vfs, name, file->real, flags, out);
    file->base.pMethods = code == SQLITE_OK ? &methods : NULL;
    return code;
}

static int install_disk(void **unused)
{
    static sqlite3_vfs vfs;
    (void)unused;
    sqlite3_initialize();
    system_vfs = sqlite3_vfs_find(NULL);
    vfs = *system_vfs;
    vfs.zName = "moonlever-test-disk";
    vfs.szOsFile += (int)sizeof(struct file);
    vfs.pNext = NULL;
    vfs.xOpen = v_open;
    return sqlite3_vfs_register(&vfs, 1);
}

static void set_disk(long fail_at, bool sticky, enum fault fault)
{
    pthread_mutex_lock(&disk.mutex);
    disk.count = disk.after = 0;
    disk.failed = disk.database = false;
    disk.fail_at = fail_at;
    disk.sticky = sticky;
    disk.fault = fault;
    pthread_mutex_unlock(&disk.mutex);
}

/* After the first failure: the reason stays, and everything is refused. */
static void expect_refusals(struct place *p, struct ml_journal *j, struct told *t)
{
    struct ml_journal_change change = change_of("late");
    struct ml_err err = {0};
    assert_true(ml_journal_broken(j, &err));
    assert_string_equal(err.text, t->err.text);
    assert_int_equal(err.kind, ML_USAGE);
    assert_non_null(strstr(err.text, p->path));
    assert_non_null(
        strstr(err.text, disk.fault == FAULT_IO ? "see to the disk" : "make room there"));
    assert_non_null(strstr(err.text, t->begun ? "moonlever resume r1" : ", then "));
    assert_int_equal(ml_journal_plan(j, &change), 0);
    assert_int_equal(ml_journal_send(j, 1, 2, 30), 0);
    move(j, 1, ML_CHANGE_UNKNOWN);
    assert_int_equal(ml_journal_flush(j, &err), -1);
    assert_int_equal(ml_journal_purge(j, 1, &err), -1);
    assert_true(ml_journal_ticket(j, 1000) == ML_TICKET_BROKEN);
}

/* One life with a disk that fails at its k-th operation. False: it never came to that. */
static bool life(long k, bool sticky, enum fault fault)
{
    struct place p;
    struct told t;
    struct ml_journal *j = NULL;
    struct ml_journal_conf conf = {.path = p.path};
    place_make(&p);
    told_create(&t);
    set_disk(k, sticky, fault);
    t.opened = ml_journal_open(&conf, &j, &t.err) == 0;
    if (t.opened)
        live(j, &t);
    bool failed = disk.failed;
    if (t.opened && t.refused) {
        assert_true(failed);
        expect_refusals(&p, j, &t);
    }
    ml_journal_close(j);
    if (t.opened && t.refused)
        assert_int_equal(disk.after, 0);
    /* Not noticed is only what the last copy at the close could not do. */
    if (failed)
        assert_true(!t.opened || t.refused);
    failed = disk.failed;
    set_disk(0, false, fault);
    expect_all_there(&p, &t);
    place_remove(&p);
    return failed;
}

static void each_operation(bool sticky, enum fault fault)
{
    long k = 1;
    while (life(k, sticky, fault))
        k++;
    assert_in_range(k, 60, 1000); /* a life has that many operations */
}

static void no_room_once(void **state)
{
    (void)state;
    each_operation(false, FAULT_FULL);
}

static void no_room_from_then_on(void **state)
{
    (void)state;
    each_operation(true, FAULT_FULL);
}

static void io_error_once(void **state)
{
    (void)state;
    each_operation(false, FAULT_IO);
}

static void io_error_from_then_on(void **state)
{
    (void)state;
    each_operation(true, FAULT_IO);
}

static void short_write_once(void **state)
{
    (void)state;
    each_operation(false, FAULT_SHORT);
}

static void short_write_from_then_on(void **state)
{
    (void)state;
    each_operation(true, FAULT_SHORT);
}

static void too_big_once(void **state)
{
    (void)state;
    each_operation(false, FAULT_BIG);
}

static void over_quota_once(void **state)
{
    (void)state;
    each_operation(false, FAULT_QUOTA);
}

/* A WAL of more than a thousand pages is copied into the database; that fails too, after the
 * tickets were told. */
static void the_checkpoint_on_the_way(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct ml_journal *j = open_at(p->path);
    struct ml_journal_change change = change_of("a");
    size_t len = 5 << 20;
    char *body = calloc(1, len);
    begin(j, "r1");
    change.body = body;
    change.body_len = len;
    set_disk(1, false, FAULT_IO);
    disk.database = true;
    uint64_t ticket = ml_journal_send(j, ml_journal_plan(j, &change), 1, 30);
    /* Committed if it came before the copy, in the same transaction; broken if behind it. */
    while (!ml_journal_broken(j, &err))
        usleep(1000);
    enum ml_ticket told = ml_journal_ticket(j, ticket);
    assert_true(told == ML_TICKET_COMMITTED || told == ML_TICKET_BROKEN);
    assert_non_null(strstr(err.text, "moonlever resume r1"));
    assert_int_equal(ml_journal_flush(j, &err), -1);
    ml_journal_close(j);
    assert_int_equal(disk.after, 0);
    set_disk(0, false, FAULT_IO);
    assert_string_equal(sql_text(p->path, "PRAGMA integrity_check"), "ok");
    assert_string_equal(sql_text(p->path, "SELECT length(body) FROM mut"), "5242880");
    assert_string_equal(sql_text(p->path, "SELECT state FROM mut"),
                        told == ML_TICKET_COMMITTED ? "S" : "P");
    free(body);
}

/* What is to happen just before the owner takes `mutex`, once. */
static pthread_t owner;
static struct {
    _Atomic(pthread_mutex_t *) mutex;
    atomic_bool *set;
} before;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (before.mutex == mutex && pthread_equal(pthread_self(), owner)) {
        before.mutex = NULL;
        *before.set = true;
    }
    return __real_pthread_mutex_lock(mutex);
}

static void wait_until_set(void *ud)
{
    atomic_bool *go = ud;
    while (!*go)
        usleep(1000);
}

/* The journal's thread has told of a commit and not yet copied it into the database, while the
 * owner has flushed and not yet taken the connection: what breaks in between is noticed. */
static void a_break_between_the_flush_and_the_next_run(void **state)
{
    struct place *p = *state;
    struct ml_err err = {0};
    struct ml_journal *j = NULL;
    atomic_bool go = false;
    struct ml_journal_conf conf = {.path = p->path, .on_commit = wait_until_set, .ud = &go};
    struct ml_journal_change change = change_of("a");
    assert_int_equal(ml_journal_open(&conf, &j, &err), 0);
    begin(j, "r1");
    change.body_len = 5 << 20;
    change.body = calloc(1, change.body_len);
    set_disk(1, false, FAULT_IO);
    disk.database = true;
    assert_true(ml_journal_plan(j, &change) > 0);
    flush(j);
    owner = pthread_self();
    before.set = &go;
    before.mutex = &j->writer.db_mutex;
    assert_int_equal(ml_journal_end(j, "done", 0, 0, 60, &err), -1);
    assert_null(before.mutex); /* it came to that */
    assert_int_equal(err.kind, ML_USAGE);
    assert_non_null(strstr(err.text, "see to the disk"));
    assert_non_null(strstr(err.text, "moonlever resume r1"));
    assert_true(sqlite3_get_autocommit(j->writer.db)); /* it holds up no other process */
    ml_journal_close(j);
    set_disk(0, false, FAULT_IO);
    assert_string_equal(sql_text(p->path, "SELECT state FROM run"), "");
    free((void *)change.body);
}

/* Each of four bodies fills more than a thousand pages; the WAL never holds two of them. */
static void a_checkpoint_that_works_starts_the_wal_again(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    struct stat st;
    struct ml_journal *j = open_at(p->path);
    struct ml_journal_change change = change_of("a");
    char wal[200];
    void *body = calloc(1, 5 << 20);
    snprintf(wal, sizeof wal, "%s-wal", p->path);
    change.body = body;
    change.body_len = 5 << 20;
    begin(j, "r1");
    for (int i = 0; i < 4; i++) {
        set_disk(0, false, FAULT_IO);
        disk.database = true;
        assert_true(ml_journal_plan(j, &change) > 0);
        end(j); /* waits for the copy */
        assert_true(disk.count > 1000);
        assert_int_equal(stat(wal, &st), 0);
        assert_in_range(st.st_size, 5 << 20, 9 << 20);
        assert_int_equal(ml_journal_resume(j, "r1", &err), 0);
    }
    free(body);
    ml_journal_close(j);
    assert_string_equal(sql_text(p->path, "SELECT count(*) FROM mut"), "4");
}

/* In a child, with a limit on the size of files and its signal ignored: EFBIG in earnest. */
static void fill_up(const char *path)
{
    struct ml_err err;
    struct ml_journal *j;
    struct ml_journal_run run = {.id = "r1", .kind = "run", .started = 1};
    struct ml_journal_change change = change_of("a");
    struct rlimit limit = {.rlim_cur = 400000, .rlim_max = 400000};
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0 ||
        ml_journal_open(&(struct ml_journal_conf){.path = path}, &j, &err) < 0 ||
        ml_journal_begin(j, &run, &err) < 0)
        _exit(1);
    for (int i = 0; i < 10000 && ml_journal_flush(j, &err) == 0; i++)
        ml_journal_plan(j, &change);
    if (!ml_journal_broken(j, &err) || err.kind != ML_USAGE)
        _exit(2);
    if (!strstr(err.text, "File too large") || !strstr(err.text, "make room there") ||
        !strstr(err.text, "moonlever resume r1"))
        _exit(3);
    ml_journal_close(j);
    _exit(0);
}

static void a_quota_is_a_failure_and_no_end(void **state)
{
    struct place *p = *state;
    struct ml_err err;
    int status;
    pid_t child = fork();
    if (child == 0)
        fill_up(p->path);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct ml_journal *j = open_at(p->path);
    assert_int_equal(ml_journal_resume(j, "r1", &err), 0);
    assert_true(atoi(sql_text(p->path, "SELECT count(*) FROM mut")) > 20);
    end(j);
    ml_journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_room_once),
        cmocka_unit_test(no_room_from_then_on),
        cmocka_unit_test(io_error_once),
        cmocka_unit_test(io_error_from_then_on),
        cmocka_unit_test(short_write_once),
        cmocka_unit_test(short_write_from_then_on),
        cmocka_unit_test(too_big_once),
        cmocka_unit_test(over_quota_once),
        TEST(the_checkpoint_on_the_way),
        TEST(a_break_between_the_flush_and_the_next_run),
        TEST(a_checkpoint_that_works_starts_the_wal_again),
        TEST(a_quota_is_a_failure_and_no_end),
    };
    return cmocka_run_group_tests(tests, install_disk, NULL);
}
