/* SPDX-License-Identifier: MIT */
#include "journal/query.h"

#include <stdlib.h>
#include <string.h>

#include "journal/db.h"
#include "journal/handle.h"

struct ml_cursor {
    sqlite3_stmt *stmt;
    const char *path; /* borrowed from the journal */
    bool ended;       /* SQLite would begin again */
};

/* The ids of the changes of run ?1 lie between its number shifted and the next one. */
#define BASE "(SELECT no << 32 FROM run WHERE run = ?1)"
#define OF_RUN(id) id " > " BASE " AND " id " < " BASE " + 4294967296"
#define IS_LAST "NOT EXISTS (SELECT 1 FROM mut x WHERE x.redoes = m.id)"

#define RUN_COLUMNS                                                                           \
    "no, run, kind, undo_of, plan, script, service, origin, profile, started, ended, state, " \
    "exit,"                                                                                   \
    " noop"
#define CHANGE_COLUMNS                                                                       \
    "m.id, m.seq, m.rkey, m.service, m.origin, m.operation, m.resource, m.target, m.method," \
    " m.path, m.effect, m.body, m.before, m.after, m.undo_of, m.redoes, "                    \
    "m.state,"                                                                               \
    " m.reason, m.kind, m.attempts, m.started,"                                              \
    " CASE WHEN m.state GLOB '[CFKNV]' THEN m.moved END AS ended"

static const struct {
    const char *name, *sql;
} queries[ML_QUERIES] = {
    [ML_QUERY_RUNS] = {"runs", "SELECT " RUN_COLUMNS " FROM run ORDER BY no DESC"},
    [ML_QUERY_RUN] = {"run", "SELECT " RUN_COLUMNS ", source, args FROM run WHERE run = ?1"},
    [ML_QUERY_COUNTS] = {"counts",
                         "SELECT m.state, count(*) AS count FROM mut m"
                         " WHERE " OF_RUN("m.id") " AND " IS_LAST
                                                  " GROUP BY m.state ORDER BY m.state"},
    [ML_QUERY_CHANGES] = {"changes", "SELECT " CHANGE_COLUMNS " FROM change m"
                                     " WHERE " OF_RUN("m.id") " AND " IS_LAST " ORDER BY m.id"},
    /* redo maps each redone change to the last one of its chain; it is nearly always empty. */
    [ML_QUERY_ATTEMPTS] =
        {"attempts",
         "WITH RECURSIVE redo(id, last) AS ("
         " SELECT m.redoes, m.id FROM mut m"
         " WHERE " OF_RUN(
             "m.id") " AND m.redoes IS NOT NULL AND " IS_LAST " UNION ALL"
                     " SELECT m.redoes, redo.last FROM redo JOIN mut m ON m.id = redo.id"
                     " WHERE m.redoes IS NOT NULL)"
                     "SELECT change & 4294967295 AS seq,"
                     " row_number() OVER (PARTITION BY change ORDER BY mut, n) AS n,"
                     " started, ended, sends, status, error FROM ("
                     " SELECT coalesce(redo.last, a.mut) AS change, a.*"
                     " FROM (SELECT * FROM attempt WHERE " OF_RUN(
                         "mut") ") a"
                                " LEFT JOIN redo ON redo.id = a.mut) ORDER BY change, mut, n"},
    [ML_QUERY_OPEN] = {"open", "SELECT " CHANGE_COLUMNS ", r.run, r.no"
                               " FROM change m JOIN run r ON r.no = m.run"
                               " WHERE m.rkey = ?1 AND (m.state = 'S' OR m.state = 'A'"
                               " OR m.state = 'U') ORDER BY m.id"},
    [ML_QUERY_UNDO_OF] = {"undo_of", "SELECT " RUN_COLUMNS " FROM run"
                                     " WHERE kind = 'undo' AND undo_of = ?1 ORDER BY no"},
    [ML_QUERY_APPLIED] = {"applied", "SELECT " RUN_COLUMNS " FROM run"
                                     " WHERE kind = 'apply' AND plan = ?1 ORDER BY no"},
};

enum ml_query ml_query_find(const char *name)
{
    unsigned query = 0;
    while (query < ML_QUERIES && strcmp(queries[query].name, name) != 0)
        query++;
    return (enum ml_query)query;
}

/* Copies the parameter: the caller may let go of it. */
static int prepare(sqlite3 *db, struct ml_cursor *c, enum ml_query query, const char *parameter)
{
    int code = sqlite3_prepare_v2(db, queries[query].sql, -1, &c->stmt, NULL);
    if (code == SQLITE_OK && sqlite3_bind_parameter_count(c->stmt) > 0)
        code = sqlite3_bind_text(c->stmt, 1, parameter, -1, SQLITE_TRANSIENT);
    return code;
}

struct ml_cursor *ml_cursor_open(struct ml_journal *j, enum ml_query query,
                                 const char *parameter, struct ml_err *err)
{
    sqlite3 *db = ml_journal_reader(j, err);
    if (!db)
        return NULL;
    struct ml_cursor *c = calloc(1, sizeof *c);
    if (!c) {
        ml_err_set(err, ML_MEMORY, "there is no memory to read the journal");
        return NULL;
    }
    c->path = j->path;
    int code = prepare(db, c, query, parameter);
    if (code == SQLITE_OK)
        return c;
    ml_db_fail(db, code, "read", c->path, err);
    ml_cursor_close(c);
    return NULL;
}

int ml_cursor_next(struct ml_cursor *c, struct ml_err *err)
{
    if (c->ended)
        return 0;
    int code = sqlite3_step(c->stmt);
    if (code == SQLITE_ROW)
        return 1;
    c->ended = true;
    if (code == SQLITE_DONE)
        return 0;
    return ml_db_fail(sqlite3_db_handle(c->stmt), code, "read", c->path, err);
}

void ml_cursor_close(struct ml_cursor *c)
{
    if (!c)
        return;
    sqlite3_finalize(c->stmt);
    free(c);
}

int ml_cursor_columns(const struct ml_cursor *c)
{
    return sqlite3_column_count(c->stmt);
}

const char *ml_cursor_name(const struct ml_cursor *c, int column)
{
    return sqlite3_column_name(c->stmt, column);
}

enum ml_column ml_cursor_type(const struct ml_cursor *c, int column)
{
    int type = sqlite3_column_type(c->stmt, column);
    return type == SQLITE_NULL      ? ML_COLUMN_NULL
           : type == SQLITE_INTEGER ? ML_COLUMN_INTEGER
                                    : ML_COLUMN_TEXT;
}

int64_t ml_cursor_integer(const struct ml_cursor *c, int column)
{
    return sqlite3_column_int64(c->stmt, column);
}

const char *ml_cursor_text(const struct ml_cursor *c, int column, size_t *len)
{
    int type = sqlite3_column_type(c->stmt, column);
    const char *text = type == SQLITE_BLOB ? sqlite3_column_blob(c->stmt, column)
                                           : (const char *)sqlite3_column_text(c->stmt, column);
    if (len)
        *len = (size_t)sqlite3_column_bytes(c->stmt, column);
    /* SQLite gives no pointer to a body of no bytes, but there is one. */
    return text || type == SQLITE_NULL ? text : "";
}
