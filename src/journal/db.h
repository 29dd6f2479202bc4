/* SPDX-License-Identifier: MIT */
/*
 * SQLite in the shape that the journal uses it: opening, the schema, one-shot
 * statements, and errors in words.
 *
 * Return values called "code" are SQLite's (extended) result codes.
 *
 *     code = ml_db_run(db, "UPDATE run SET noop = ?2 WHERE no = ?1", "ii", no, noop);
 *     if (code != SQLITE_OK)
 *         ml_db_explain(db, code, reason, sizeof reason);
 */
#ifndef ML_JOURNAL_DB_H
#define ML_JOURNAL_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A write waits this long for another process. */
#define ML_DB_BUSY_MS 30000
/* PRAGMA user_version of schema.sql. */
#define ML_DB_SCHEMA 1
/* PRAGMA application_id: "Moon". */
#define ML_DB_APPLICATION 0x4d6f6f6e

/* What a file holds. */
enum ml_db_content { ML_DB_EMPTY, ML_DB_JOURNAL };

/* Opens an existing file for reading and writing: WAL, synchronous=FULL, no checkpoints by
 * itself, what is deleted is overwritten; makes the schema in an empty one. Only under the
 * set-up lock. NULL with err (ML_USAGE: no journal, newer, damaged, not writable). */
sqlite3 *ml_db_open_writer(const char *path, struct ml_err *err);
/* Opens an existing file for reading. NULL with err. */
sqlite3 *ml_db_open_reader(const char *path, struct ml_err *err);
/* Is it a journal that this version can read, or still empty? -1 with err when neither. */
int ml_db_inspect(sqlite3 *db, const char *path, struct ml_err *err);

/* Parameters are bound by letter: i int64_t, o int64_t with 0 as NULL, s text or NULL, b
 * pointer and size_t (NULL pointer = NULL). Nothing is copied. All give a code. */
/* Runs a prepared statement that gives no rows. */
int ml_db_execute(sqlite3_stmt *stmt, const char *types, ...);
/* Runs SQL once, without rows. */
int ml_db_run(sqlite3 *db, const char *sql, const char *types, ...);
/* The first column of the first row; `value` is untouched when there is no row. */
int ml_db_integer(sqlite3 *db, int64_t *value, const char *sql, const char *types, ...);

/* The reason of a code, with the system's own where it is to blame. */
void ml_db_explain(sqlite3 *db, int code, char *reason, size_t size);
/* Has memory run out? */
bool ml_db_is_memory(int code);
/* What a person can do about it, up to "then" ("make room there"). */
const char *ml_db_remedy(sqlite3 *db, int code);
/* Fills err: ML_MEMORY, or ML_USAGE "cannot WHAT the journal PATH: reason". -1. */
int ml_db_fail(sqlite3 *db, int code, const char *what, const char *path, struct ml_err *err);

#endif
