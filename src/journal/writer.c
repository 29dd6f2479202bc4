/* SPDX-License-Identifier: MIT */
#include "journal/writer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "journal/db.h"
#include "journal/machine.h"

/* The sends of a batch that were refused. */
struct refusals {
    size_t count;
    uint64_t no[ML_WRITER_BATCH];
};

static void free_list(struct ml_command *c)
{
    while (c) {
        struct ml_command *next = c->next;
        free(c);
        c = next;
    }
}

/* From here on nothing is written, not even by the close. Keeps the first reason. */
static void stop_writing(struct ml_writer *w, const struct ml_err *err)
{
    pthread_mutex_lock(&w->mutex);
    if (!w->broken)
        w->err = *err;
    w->broken = true;
    struct ml_command *left = w->head;
    w->head = NULL;
    w->tail = &w->head;
    pthread_cond_broadcast(&w->done);
    pthread_mutex_unlock(&w->mutex);
    free_list(left);
}

/* "make room there, then: moonlever resume RUN" */
static void add_remedy(struct ml_writer *w, struct ml_err *err, const char *remedy)
{
    size_t len = strlen(err->text);
    pthread_mutex_lock(&w->mutex);
    snprintf(err->text + len, sizeof err->text - len, "; %s, then %s%s", remedy,
             w->run[0] ? "go on with: moonlever resume " : "try again", w->run);
    pthread_mutex_unlock(&w->mutex);
}

/* The end of a long path says more than its beginning. */
static const char *end_of(const char *path)
{
    size_t len = strlen(path);
    return len > 160 ? path + len - 160 : path;
}

/* Our own mistake: a command that the rules do not allow. `c` NULL: not one of the queue. */
static void break_by_rule(struct ml_writer *w, int code, const struct ml_command *c)
{
    struct ml_err err;
    char what[60] = "a run";
    const char *why = code == SQLITE_NOTFOUND ? "there is no such change or attempt"
                      : code == SQLITE_MISUSE ? "only a send may say so"
                                              : sqlite3_errmsg(w->db);
    if (c)
        snprintf(what, sizeof what, "change %lld of run number %lld",
                 (long long)(c->id & 4294967295), (long long)(c->id >> 32));
    ml_err_set(&err, ML_USAGE,
               "the journal %s refused a step of %s (%s): this is a mistake in moonlever, and "
               "nothing more was sent; please report it",
               end_of(w->path), what, why);
    add_remedy(w, &err, "read with: moonlever runs");
    stop_writing(w, &err);
}

static void break_by_disk(struct ml_writer *w, int code)
{
    struct ml_err err;
    char reason[160];
    ml_db_explain(w->db, code, reason, sizeof reason);
    ml_err_set(&err, ml_db_is_memory(code) ? ML_MEMORY : ML_USAGE,
               "the journal %s cannot be written: %s", end_of(w->path), reason);
    add_remedy(w, &err, ml_db_remedy(w->db, code));
    stop_writing(w, &err);
}

/* Call before the rollback, which puts its own message in place of the reason. */
static void break_by(struct ml_writer *w, int code, const struct ml_command *c)
{
    bool rule = (code & 0xff) == SQLITE_CONSTRAINT || code == SQLITE_NOTFOUND ||
                code == SQLITE_MISUSE || (code & 0xff) == SQLITE_TOOBIG;
    if (rule)
        break_by_rule(w, code, c);
    else
        break_by_disk(w, code);
}

void ml_writer_break(struct ml_writer *w, const char *why)
{
    struct ml_err err;
    ml_err_set(&err, ML_MEMORY, "the journal %s was not written: %s", end_of(w->path), why);
    add_remedy(w, &err, "make room in memory");
    stop_writing(w, &err);
}

/* Not an error when SQLite has done it by itself. */
static void roll_back(struct ml_writer *w)
{
    if (!sqlite3_get_autocommit(w->db))
        sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Applies the command, and with it the one behind it where both are one row. Returns a code; *c
 * is the last command that was applied, or the one that failed. */
static int apply(struct ml_writer *w, struct ml_command **c, struct refusals *refusals)
{
    int code = ml_store_joins(*c) ? ml_store_plan_sent(&w->store, *c) : ML_STORE_REFUSED;
    if (code == SQLITE_OK)
        *c = (*c)->next;
    if (code != ML_STORE_REFUSED)
        return code;
    code = ml_store_apply(&w->store, *c);
    if (code != ML_STORE_REFUSED)
        return code;
    refusals->no[refusals->count++] = (*c)->no;
    return SQLITE_OK;
}

/* Writes up to ML_WRITER_BATCH commands in one transaction; *last is the last of them. False:
 * broken. */
static bool write_batch(struct ml_writer *w, struct ml_command *c, struct ml_command **last,
                        struct refusals *refusals)
{
    uint64_t first = c->no;
    int code = ml_store_begin(&w->store);
    bool began = code == SQLITE_OK;
    refusals->count = 0;
    for (; code == SQLITE_OK && c && c->no - first < ML_WRITER_BATCH; c = c->next) {
        code = apply(w, &c, refusals);
        *last = c;
        if (code != SQLITE_OK)
            break;
    }
    if (code == SQLITE_OK) {
        c = NULL;
        code = ml_store_commit(&w->store);
    }
    if (code == SQLITE_OK)
        return true;
    break_by(w, code, began ? c : NULL);
    roll_back(w);
    return false;
}

/* Room for more refusals, so that telling of them cannot fail. Under mutex. */
static bool reserve(struct ml_writer *w, size_t more)
{
    if (w->refusals + more <= w->refused_cap)
        return true;
    size_t cap = w->refused_cap * 2 + ML_WRITER_BATCH;
    uint64_t *refused = realloc(w->refused, cap * sizeof *refused);
    if (!refused)
        return false;
    w->refused = refused;
    w->refused_cap = cap;
    return true;
}

/* Tells the owner: all from `c` to `last` is durable. */
static bool publish(struct ml_writer *w, struct ml_command *c, struct ml_command *last,
                    const struct refusals *refusals)
{
    uint64_t no = last->no;
    pthread_mutex_lock(&w->mutex);
    last->next = w->spent;
    w->spent = c;
    bool room = reserve(w, refusals->count);
    if (room) {
        for (size_t i = 0; i < refusals->count; i++)
            w->refused[w->refusals++] = refusals->no[i];
        w->committed = no;
        pthread_cond_broadcast(&w->done);
    }
    pthread_mutex_unlock(&w->mutex);
    if (!room)
        ml_writer_break(w, "there is no memory");
    return room;
}

static void tell(struct ml_writer *w)
{
    if (w->on_commit)
        w->on_commit(w->ud);
}

/* SQLite's own checkpoints keep their failures to themselves; this does not. A reader in the
 * way is none: the next one copies more. Under db_mutex. */
static bool check_point(struct ml_writer *w, int mode)
{
    int code = sqlite3_wal_checkpoint_v2(w->db, NULL, mode, NULL, NULL);
    if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
        return true;
    break_by(w, code, NULL);
    return false;
}

/* Writes a list. */
static void write_list(struct ml_writer *w, struct ml_command *c)
{
    struct refusals refusals;
    pthread_mutex_lock(&w->db_mutex);
    bool fine = !ml_writer_broken(w, NULL);
    while (c && fine) {
        struct ml_command *last = c;
        fine = write_batch(w, c, &last, &refusals);
        if (fine) {
            struct ml_command *rest = last->next;
            fine = publish(w, c, last, &refusals);
            c = rest;
        }
        tell(w);
        if (fine && w->pages >= ML_WRITER_CHECKPOINT &&
            !check_point(w, SQLITE_CHECKPOINT_PASSIVE))
            tell(w);
    }
    pthread_mutex_unlock(&w->db_mutex);
    free_list(c);
}

/* Waits on `work` until the queue has got `most` commands more, at_us is reached or somebody is
 * in a hurry. Under mutex. */
static void wait_for_work(struct ml_writer *w, uint64_t most, int64_t at_us)
{
    struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
    int rc = 0;
    w->wake_at = w->queued + most;
    while (w->wake_at && !w->stop && rc == 0)
        rc = at_us ? pthread_cond_timedwait(&w->work, &w->mutex, &at)
                   : pthread_cond_wait(&w->work, &w->mutex);
    w->wake_at = 0;
}

/* Where several changes were written together, more of them are on their way: a short wait puts
 * them into one transaction, and each costs some twenty system calls. Under mutex. */
static void gather(struct ml_writer *w)
{
    uint64_t waiting = w->queued - w->taken;
    if (w->several && waiting < ML_WRITER_FULL && !w->hurry)
        wait_for_work(w, ML_WRITER_FULL - waiting, ml_clock_us() + ML_WRITER_GATHER_US);
    w->several = w->queued - w->taken >= ML_WRITER_SEVERAL;
}

static void *run_thread(void *ud)
{
    struct ml_writer *w = ud;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        if (w->head)
            gather(w);
        struct ml_command *list = w->head;
        w->head = NULL;
        w->tail = &w->head;
        w->taken = w->queued;
        if (list) {
            pthread_mutex_unlock(&w->mutex);
            write_list(w, list);
            pthread_mutex_lock(&w->mutex);
        } else if (w->stop) {
            break;
        } else {
            wait_for_work(w, 1, 0);
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* SQLite calls this after each commit. */
static int count_pages(void *ud, sqlite3 *db, const char *name, int pages)
{
    struct ml_writer *w = ud;
    (void)db;
    (void)name;
    w->pages = pages;
    return SQLITE_OK;
}

/* Signals belong to the threads of the host. */
static int start_thread(struct ml_writer *w)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigfillset(&all);
    int rc = pthread_attr_init(&attributes);
    if (rc)
        return rc;
    rc = pthread_attr_setsigmask_np(&attributes, &all);
    if (rc == 0)
        rc = pthread_create(&w->thread, &attributes, run_thread, w);
    pthread_attr_destroy(&attributes);
    return rc;
}

static void release(struct ml_writer *w)
{
    ml_store_destroy(&w->store);
    sqlite3_db_config(w->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)w->broken, NULL);
    sqlite3_close(w->db);
    pthread_cond_destroy(&w->done);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->mutex);
    pthread_mutex_destroy(&w->db_mutex);
    free_list(w->spent);
    free(w->refused);
}

/* Waits by the clock that nobody sets. */
static void start_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

int ml_writer_create(struct ml_writer *w, sqlite3 *db, const char *path,
                     void (*on_commit)(void *ud), void *ud, struct ml_err *err)
{
    *w = (struct ml_writer){.db = db, .path = path, .on_commit = on_commit, .ud = ud};
    w->tail = &w->head;
    pthread_mutex_init(&w->db_mutex, NULL);
    pthread_mutex_init(&w->mutex, NULL);
    start_condition(&w->work);
    pthread_cond_init(&w->done, NULL);
    sqlite3_wal_hook(db, count_pages, w);
    int code = ml_store_create(&w->store, db);
    if (code != SQLITE_OK) {
        ml_db_fail(db, code, "use", path, err);
        release(w);
        return -1;
    }
    int rc = start_thread(w);
    if (rc == 0)
        return 0;
    release(w);
    return ml_err_set(err, ML_MEMORY, "the journal's thread cannot be started: %s",
                      strerror(rc));
}

void ml_writer_destroy(struct ml_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    w->wake_at = 0;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    release(w);
}

void ml_writer_name_run(struct ml_writer *w, const char *run)
{
    pthread_mutex_lock(&w->mutex);
    snprintf(w->run, sizeof w->run, "%s", run);
    pthread_mutex_unlock(&w->mutex);
}

uint64_t ml_writer_push(struct ml_writer *w, struct ml_command *c)
{
    if (!c)
        return 0;
    c->next = NULL;
    pthread_mutex_lock(&w->mutex);
    uint64_t no = w->broken ? 0 : ++w->queued;
    bool wake = no && w->wake_at && no >= w->wake_at;
    if (no) {
        c->no = no;
        *w->tail = c;
        w->tail = &c->next;
    }
    if (wake)
        w->wake_at = 0; /* one call is enough */
    struct ml_command *spent = w->spent;
    w->spent = NULL;
    pthread_mutex_unlock(&w->mutex);
    if (!no)
        free(c);
    else if (wake)
        pthread_cond_signal(&w->work);
    free_list(spent);
    return no;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum ml_ticket ml_writer_ticket(struct ml_writer *w, uint64_t no)
{
    enum ml_ticket ticket = ML_TICKET_COMMITTED;
    pthread_mutex_lock(&w->mutex);
    if (no == 0 || no > w->committed)
        ticket = w->broken || no == 0 || no > w->queued ? ML_TICKET_BROKEN : ML_TICKET_PENDING;
    else if (w->refusals && bsearch(&no, w->refused, w->refusals, sizeof no, compare))
        ticket = ML_TICKET_REFUSED;
    pthread_mutex_unlock(&w->mutex);
    return ticket;
}

bool ml_writer_broken(struct ml_writer *w, struct ml_err *err)
{
    pthread_mutex_lock(&w->mutex);
    bool broken = w->broken;
    if (broken && err)
        *err = w->err;
    pthread_mutex_unlock(&w->mutex);
    return broken;
}

int ml_writer_flush(struct ml_writer *w, struct ml_err *err)
{
    pthread_mutex_lock(&w->mutex);
    w->hurry = true;
    w->wake_at = 0;
    pthread_cond_signal(&w->work);
    while (!w->broken && w->committed < w->queued)
        pthread_cond_wait(&w->done, &w->mutex);
    w->hurry = false;
    pthread_mutex_unlock(&w->mutex);
    return ml_writer_broken(w, err) ? -1 : 0;
}

int ml_writer_enter(struct ml_writer *w, struct ml_err *err)
{
    if (ml_writer_flush(w, err) < 0)
        return -1;
    pthread_mutex_lock(&w->db_mutex);
    int code = ml_writer_broken(w, NULL) ? SQLITE_OK : ml_store_begin(&w->store);
    if (code != SQLITE_OK)
        break_by(w, code, NULL);
    if (!ml_writer_broken(w, err))
        return 0;
    pthread_mutex_unlock(&w->db_mutex);
    return -1;
}

int ml_writer_commit(struct ml_writer *w, int code, struct ml_err *err)
{
    if (code == SQLITE_OK)
        code = ml_store_commit(&w->store);
    if (code != SQLITE_OK) {
        break_by(w, code, NULL);
        roll_back(w);
    }
    pthread_mutex_unlock(&w->db_mutex);
    return ml_writer_broken(w, err) ? -1 : 0;
}

void ml_writer_rollback(struct ml_writer *w)
{
    roll_back(w);
    pthread_mutex_unlock(&w->db_mutex);
}

int ml_writer_checkpoint(struct ml_writer *w, struct ml_err *err)
{
    pthread_mutex_lock(&w->db_mutex);
    sqlite3_busy_timeout(w->db, 0);
    check_point(w, SQLITE_CHECKPOINT_TRUNCATE);
    sqlite3_busy_timeout(w->db, ML_DB_BUSY_MS);
    pthread_mutex_unlock(&w->db_mutex);
    return ml_writer_broken(w, err) ? -1 : 0;
}
