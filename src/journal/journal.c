/* SPDX-License-Identifier: MIT */
#include "journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/db.h"
#include "journal/handle.h"
#include "journal/place.h"

/* Makes what is not there, one process at a time. */
static int open_writer(struct ml_journal *j, const struct ml_journal_conf *conf,
                       struct ml_err *err)
{
    sqlite3 *db = NULL;
    if (ml_place_wait(j->lock, ML_PLACE_SETUP) < 0)
        return ml_err_set(err, ML_USAGE,
                          "the files beside the journal %.200s cannot be locked (a network "
                          "drive?); set XDG_STATE_HOME to a local directory",
                          j->path);
    if (ml_place_make(j->path, err) == 0)
        db = ml_db_open_writer(j->path, err);
    if (db && ml_place_sync(j->path, err) < 0) {
        sqlite3_close(db);
        db = NULL;
    }
    ml_place_unlock(j->lock, ML_PLACE_SETUP);
    if (!db || ml_writer_create(&j->writer, db, j->path, conf->on_commit, conf->ud, err) < 0)
        return -1;
    j->writes = true;
    return 0;
}

/* 0 with j->reader NULL: there is no journal yet. */
static int open_reader(struct ml_journal *j, struct ml_err *err)
{
    if (access(j->path, F_OK) < 0 && errno == ENOENT)
        return 0;
    j->reader = ml_db_open_reader(j->path, err);
    int content = j->reader ? ml_db_inspect(j->reader, j->path, err) : -1;
    if (content != ML_DB_EMPTY)
        return content < 0 ? -1 : 0;
    sqlite3_close(j->reader);
    j->reader = NULL;
    return 0;
}

int ml_journal_open(const struct ml_journal_conf *conf, struct ml_journal **out,
                    struct ml_err *err)
{
    *out = NULL;
    if (!conf->path || !conf->path[0])
        return ml_err_set(err, ML_USAGE, "the journal has no path");
    struct ml_journal *j = calloc(1, sizeof *j);
    char *path = strdup(conf->path);
    if (!j || !path) {
        free(j);
        free(path);
        return ml_err_set(err, ML_MEMORY, "there is no memory for the journal");
    }
    j->path = path;
    j->lock = ml_place_open(path, conf->read_only, err);
    int rc = conf->read_only ? open_reader(j, err)
             : j->lock < 0   ? -1
                             : open_writer(j, conf, err);
    if (rc == 0 && (j->writes || j->reader))
        *out = j;
    else
        ml_journal_close(j);
    return rc;
}

void ml_journal_close(struct ml_journal *j)
{
    if (!j)
        return;
    if (j->writes)
        ml_writer_destroy(&j->writer);
    sqlite3_close_v2(j->reader); /* lives on while somebody forgot a cursor */
    if (j->lock >= 0)
        close(j->lock);
    free(j->path);
    free(j);
}

sqlite3 *ml_journal_reader(struct ml_journal *j, struct ml_err *err)
{
    if (!j->reader)
        j->reader = ml_db_open_reader(j->path, err);
    return j->reader;
}

/* What a run needs before it begins. */
static int may_begin(struct ml_journal *j, struct ml_err *err)
{
    if (!j->writes)
        return ml_err_set(err, ML_USAGE, "the journal %.300s is open for reading only",
                          j->path);
    if (j->run)
        return ml_err_set(err, ML_USAGE, "the journal has a run under way already");
    return 0;
}

static int number_of(struct ml_journal *j, const char *id, int64_t *no)
{
    *no = 0;
    return ml_db_integer(j->writer.db, no, "SELECT no FROM run WHERE run = ?1", "s", id);
}

/* Locks run `no` inside an open transaction; on failure the transaction is taken back. */
static int lock_run(struct ml_journal *j, int64_t no, const char *id, struct ml_err *err)
{
    int taken = ml_place_lock(j->lock, no);
    if (taken == 1)
        return 0;
    ml_writer_rollback(&j->writer);
    if (taken == 0)
        return ml_err_set(err, ML_CONFLICT, "the run %.100s is at work in another process", id);
    return ml_err_set(err, ML_USAGE, "the lock file beside %.300s cannot be used", j->path);
}

/* Ends the transaction that takes run `no`. */
static int take_run(struct ml_journal *j, int64_t no, const char *id, int code,
                    struct ml_err *err)
{
    ml_writer_name_run(&j->writer, id);
    if (ml_writer_commit(&j->writer, code, err) < 0) {
        ml_place_unlock(j->lock, no);
        return -1;
    }
    j->run = no;
    return 0;
}

int ml_journal_begin(struct ml_journal *j, const struct ml_journal_run *run, struct ml_err *err)
{
    int64_t no;
    if (may_begin(j, err) < 0 || ml_writer_enter(&j->writer, err) < 0)
        return -1;
    int code = number_of(j, run->id, &no);
    if (code == SQLITE_OK && no) {
        ml_writer_rollback(&j->writer);
        return ml_err_set(err, ML_USAGE, "there is a run %.100s already", run->id);
    }
    if (code == SQLITE_OK)
        code = ml_db_run(
            j->writer.db,
            "INSERT INTO run(run, kind, undo_of, plan, script, source, args, service,"
            " origin, profile, started)"
            " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            "ssssssssssi", run->id, run->kind, run->undo_of, run->plan, run->script,
            run->source, run->args, run->service, run->origin, run->profile, run->started);
    if (code != SQLITE_OK)
        return ml_writer_commit(&j->writer, code, err);
    no = sqlite3_last_insert_rowid(j->writer.db);
    if (lock_run(j, no, run->id, err) < 0)
        return -1;
    j->seq = 0;
    return take_run(j, no, run->id, SQLITE_OK, err);
}

/* T8 and the end taken back; the number of the last change. A code. */
static int reopen(struct ml_journal *j, int64_t no)
{
    sqlite3 *db = j->writer.db;
    int64_t last = no << 32;
    int code = ml_db_run(db,
                         "UPDATE mut SET state = 'U', kind = NULL,"
                         " reason = 'the process ended before an answer'"
                         " WHERE id > ?1 << 32 AND id < (?1 + 1) << 32 AND state = 'S'",
                         "i", no);
    if (code == SQLITE_OK)
        code = ml_db_run(db,
                         "UPDATE run SET ended = NULL, state = NULL, exit = NULL WHERE no = ?1",
                         "i", no);
    if (code == SQLITE_OK)
        code =
            ml_db_integer(db, &last,
                          "SELECT max(id) FROM mut WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32"
                          " HAVING count(*) > 0",
                          "i", no);
    j->seq = (uint64_t)(last & UINT32_MAX);
    return code;
}

int ml_journal_resume(struct ml_journal *j, const char *id, struct ml_err *err)
{
    int64_t no;
    if (may_begin(j, err) < 0 || ml_writer_enter(&j->writer, err) < 0)
        return -1;
    int code = number_of(j, id, &no);
    if (code != SQLITE_OK)
        return ml_writer_commit(&j->writer, code, err);
    if (!no) {
        ml_writer_rollback(&j->writer);
        return ml_err_set(err, ML_NOTFOUND, "there is no run %.100s; moonlever runs lists them",
                          id);
    }
    if (lock_run(j, no, id, err) < 0)
        return -1;
    return take_run(j, no, id, reopen(j, no), err);
}

int ml_journal_end(struct ml_journal *j, const char *state, int exit_code, uint64_t noop,
                   int64_t at, struct ml_err *err)
{
    if (!j->run)
        return ml_err_set(err, ML_USAGE, "the journal has no run under way");
    if (ml_writer_enter(&j->writer, err) < 0)
        return -1;
    int code =
        ml_db_run(j->writer.db,
                  "UPDATE run SET state = ?2, exit = ?3, noop = ?4, ended = ?5 WHERE no = ?1",
                  "isiii", j->run, state, (int64_t)exit_code, (int64_t)noop, at);
    if (ml_writer_commit(&j->writer, code, err) < 0)
        return -1;
    ml_writer_name_run(&j->writer, "");
    ml_place_unlock(j->lock, j->run);
    j->run = 0;
    return 0;
}

bool ml_journal_is_running(struct ml_journal *j, int64_t run_no)
{
    if (j->run && j->run == run_no)
        return true; /* the kernel does not name our own locks */
    return j->lock >= 0 && run_no > 0 && ml_place_is_locked(j->lock, run_no);
}

static int64_t change_id(const struct ml_journal *j, uint64_t seq)
{
    return j->run << 32 | (int64_t)(seq & UINT32_MAX);
}

uint64_t ml_journal_plan(struct ml_journal *j, const struct ml_journal_change *change)
{
    if (!j->run || j->seq >= UINT32_MAX)
        return 0;
    struct ml_command *c = ml_command_plan(change_id(j, j->seq + 1), change);
    return ml_writer_push(&j->writer, c) ? ++j->seq : 0;
}

uint64_t ml_journal_send(struct ml_journal *j, uint64_t seq, unsigned n, int64_t at)
{
    if (!j->run)
        return 0;
    return ml_writer_push(&j->writer, ml_command_send(change_id(j, seq), n, at));
}

/* What has happened must not be lost: without memory for it the journal is broken. */
static void must_push(struct ml_journal *j, struct ml_command *c)
{
    if (!c)
        ml_writer_break(&j->writer, "there is no memory");
    ml_writer_push(&j->writer, c);
}

void ml_journal_name(struct ml_journal *j, int64_t id, const struct ml_journal_change *named)
{
    if (j->run)
        must_push(j, ml_command_name(id, named));
}

void ml_journal_note(struct ml_journal *j, uint64_t seq, unsigned n,
                     const struct ml_journal_attempt *attempt, const struct ml_journal_end *end)
{
    if (j->run)
        must_push(j, ml_command_note(change_id(j, seq), n, attempt, end));
}

void ml_journal_move(struct ml_journal *j, uint64_t seq, const struct ml_journal_end *end)
{
    if (j->run)
        must_push(j, ml_command_move(change_id(j, seq), end));
}

void ml_journal_move_id(struct ml_journal *j, int64_t id, const struct ml_journal_end *end)
{
    if (j->run)
        must_push(j, ml_command_move(id, end));
}

enum ml_ticket ml_journal_ticket(struct ml_journal *j, uint64_t ticket)
{
    return j->writes ? ml_writer_ticket(&j->writer, ticket) : ML_TICKET_BROKEN;
}

bool ml_journal_broken(struct ml_journal *j, struct ml_err *err)
{
    return j->writes && ml_writer_broken(&j->writer, err);
}

int ml_journal_flush(struct ml_journal *j, struct ml_err *err)
{
    return j->writes ? ml_writer_flush(&j->writer, err) : 0;
}

/* The next run after *no that may go: at rest for long, nothing open in it, and no undo of it
 * that could still go on. */
static int next_old(struct ml_journal *j, int64_t *no, int64_t before)
{
    int64_t after = *no;
    *no = 0;
    return ml_db_integer(
        j->writer.db, no,
        "SELECT no FROM run r WHERE no > ?1"
        " AND coalesce(ended, (SELECT max(m.moved) FROM mut m"
        "   WHERE m.id > r.no << 32 AND m.id < (r.no + 1) << 32), started) < ?2"
        " AND NOT EXISTS (SELECT 1 FROM mut m WHERE m.id > r.no << 32"
        "   AND m.id < (r.no + 1) << 32 AND m.state GLOB '[SAU]')"
        " AND NOT EXISTS (SELECT 1 FROM run u JOIN mut m ON m.id > u.no << 32"
        "   AND m.id < (u.no + 1) << 32 WHERE u.undo_of = r.run AND m.state GLOB '[PSAU]')"
        " ORDER BY no LIMIT 1",
        "ii", after, before);
}

static int delete_run(struct ml_journal *j, int64_t no)
{
    static const char *const rows[] = {
        "DELETE FROM again WHERE mut > ?1 << 32 AND mut < (?1 + 1) << 32",
        "DELETE FROM mut WHERE id > ?1 << 32 AND id < (?1 + 1) << 32",
        "DELETE FROM action WHERE run = ?1", "DELETE FROM run WHERE no = ?1"};
    int code = SQLITE_OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && code == SQLITE_OK; i++)
        code = ml_db_run(j->writer.db, rows[i], "i", no);
    return code;
}

/* Each run is locked while it goes, so that nobody resumes it meanwhile. A code. */
static int delete_old(struct ml_journal *j, int64_t before, int64_t *count)
{
    int64_t no = 0;
    int code = next_old(j, &no, before);
    while (code == SQLITE_OK && no) {
        if (no != j->run && ml_place_lock(j->lock, no) == 1) {
            code = delete_run(j, no);
            ++*count;
        }
        if (code == SQLITE_OK)
            code = next_old(j, &no, before);
    }
    return code;
}

int64_t ml_journal_purge(struct ml_journal *j, int64_t before, struct ml_err *err)
{
    int64_t count = 0;
    if (!j->writes)
        return ml_err_set(err, ML_USAGE, "the journal %.300s is open for reading only",
                          j->path);
    if (ml_writer_enter(&j->writer, err) < 0)
        return -1;
    int rc = ml_writer_commit(&j->writer, delete_old(j, before, &count), err);
    ml_place_unlock_others(j->lock, j->run);
    if (rc == 0 && count > 0)
        rc = ml_writer_checkpoint(&j->writer, err);
    return rc < 0 ? -1 : count;
}
