/* SPDX-License-Identifier: MIT */
#include "journal/db.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/embedded.h"

/* schema.sql, put into C by CMake. */
extern const struct ml_embedded ml_journal_files[];

/* The last errno of one of the two files, 0 for none. */
static int last_errno(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int number = 0;
    (void)sqlite3_file_control(db, "main", which, &file); /* NULL stays where it fails */
    if (!file || !file->pMethods)
        return 0;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

/* What the system said, 0 for nothing. sqlite3_system_errno alone does not know about a failed
 * commit. */
static int system_error(sqlite3 *db, int code)
{
    int family = code & 0xff;
    if (family != SQLITE_IOERR && family != SQLITE_CANTOPEN)
        return 0;
    int number = last_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);
    if (!number)
        number = last_errno(db, SQLITE_FCNTL_FILE_POINTER);
    return number ? number : sqlite3_system_errno(db);
}

void ml_db_explain(sqlite3 *db, int code, char *reason, size_t size)
{
    int number = system_error(db, code);
    if (number)
        snprintf(reason, size, "%s (%s)", sqlite3_errmsg(db), strerror(number));
    else
        snprintf(reason, size, "%s", sqlite3_errmsg(db));
}

static bool is_without_room(sqlite3 *db, int code)
{
    int number = system_error(db, code);
    return (code & 0xff) == SQLITE_FULL || number == ENOSPC || number == EDQUOT ||
           number == EFBIG;
}

bool ml_db_is_memory(int code)
{
    return (code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM;
}

const char *ml_db_remedy(sqlite3 *db, int code)
{
    if (ml_db_is_memory(code))
        return "make room in memory";
    if (is_without_room(db, code))
        return "make room there";
    switch (code & 0xff) {
    case SQLITE_BUSY:
        return "wait for the other program that holds it";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "put the file back from a backup, or move it away";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return "see to the owner and mode of the file and its directory";
    default:
        return "see to the disk";
    }
}

int ml_db_fail(sqlite3 *db, int code, const char *what, const char *path, struct ml_err *err)
{
    char reason[160];
    if (ml_db_is_memory(code))
        return ml_err_set(err, ML_MEMORY, "there is no memory to %s the journal", what);
    ml_db_explain(db, code, reason, sizeof reason);
    return ml_err_set(err, ML_USAGE, "cannot %s the journal %.200s: %s; %s, then try again",
                      what, path, reason, ml_db_remedy(db, code));
}

static int bind_all(sqlite3_stmt *stmt, const char *types, va_list ap)
{
    int code = SQLITE_OK;
    for (int i = 1; *types && code == SQLITE_OK; types++, i++) {
        if (*types == 's') {
            code = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
        } else if (*types == 'b') {
            const void *bytes = va_arg(ap, const void *);
            code = sqlite3_bind_blob64(stmt, i, bytes, va_arg(ap, size_t), SQLITE_STATIC);
        } else {
            int64_t value = va_arg(ap, int64_t);
            code = *types == 'o' && value == 0 ? sqlite3_bind_null(stmt, i)
                                               : sqlite3_bind_int64(stmt, i, value);
        }
    }
    return code;
}

int ml_db_execute(sqlite3_stmt *stmt, const char *types, ...)
{
    va_list ap;
    va_start(ap, types);
    int code = bind_all(stmt, types, ap);
    va_end(ap);
    if (code != SQLITE_OK)
        return code;
    sqlite3_step(stmt);
    return sqlite3_reset(stmt); /* says how the step went */
}

/* Prepares, binds and steps once. The caller finalizes *stmt. */
static int start(sqlite3 *db, sqlite3_stmt **stmt, const char *sql, const char *types,
                 va_list ap)
{
    int code = sqlite3_prepare_v2(db, sql, -1, stmt, NULL);
    if (code == SQLITE_OK)
        code = bind_all(*stmt, types, ap);
    return code == SQLITE_OK ? sqlite3_step(*stmt) : code;
}

int ml_db_run(sqlite3 *db, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    va_list ap;
    va_start(ap, types);
    int code = start(db, &stmt, sql, types, ap);
    va_end(ap);
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int ml_db_integer(sqlite3 *db, int64_t *value, const char *sql, const char *types, ...)
{
    sqlite3_stmt *stmt = NULL;
    va_list ap;
    va_start(ap, types);
    int code = start(db, &stmt, sql, types, ap);
    va_end(ap);
    if (code == SQLITE_ROW)
        *value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE || code == SQLITE_ROW ? SQLITE_OK : code;
}

int ml_db_inspect(sqlite3 *db, const char *path, struct ml_err *err)
{
    int64_t objects = 0, version = 0, application = 0;
    int code = ml_db_integer(db, &objects, "SELECT count(*) FROM sqlite_schema", "");
    if (code == SQLITE_OK)
        code = ml_db_integer(db, &version, "PRAGMA user_version", "");
    if (code == SQLITE_OK)
        code = ml_db_integer(db, &application, "PRAGMA application_id", "");
    if (code != SQLITE_OK)
        return ml_db_fail(db, code, "read", path, err);
    if (objects == 0)
        return ML_DB_EMPTY;
    if (application != ML_DB_APPLICATION)
        return ml_err_set(err, ML_USAGE,
                          "%.300s is a database of another program; move it away, or set "
                          "XDG_STATE_HOME to keep the journal elsewhere",
                          path);
    if (version != ML_DB_SCHEMA)
        return ml_err_set(
            err, ML_USAGE,
            "the journal %.200s was written by a newer moonlever (its format is %lld, "
            "this one knows %d); use the newer one, or set XDG_STATE_HOME to keep a "
            "second journal",
            path, (long long)version, ML_DB_SCHEMA);
    return ML_DB_JOURNAL;
}

/* All of it in one transaction: a process that dies in between leaves an empty file. */
static int make_schema(sqlite3 *db)
{
    char ids[120];
    const struct ml_embedded *schema = ml_embedded_find(ml_journal_files, "schema.sql");
    snprintf(ids, sizeof ids, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             ML_DB_APPLICATION, ML_DB_SCHEMA);
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, schema->text, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, ids, NULL, NULL, NULL);
    return code;
}

/* Keeps the answer of PRAGMA journal_mode. */
static int keep_mode(void *ud, int columns, char **values, char **names)
{
    (void)columns;
    (void)names;
    *(bool *)ud = strcmp(values[0], "wal") == 0;
    return 0;
}

static int set_up(sqlite3 *db, const char *path, struct ml_err *err)
{
    bool wal = false;
    int content = ml_db_inspect(db, path, err);
    if (content < 0)
        return -1;
    int code = sqlite3_exec(db, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON", NULL,
                            NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", keep_mode, &wal, NULL);
    if (code == SQLITE_OK && !wal)
        return ml_err_set(
            err, ML_USAGE,
            "the journal %.200s cannot be kept there: the file system has no shared "
            "memory (a network drive?); set XDG_STATE_HOME to a local directory",
            path);
    if (code == SQLITE_OK && content == ML_DB_EMPTY)
        code = make_schema(db);
    return code == SQLITE_OK ? 0 : ml_db_fail(db, code, "set up", path, err);
}

/* Without mutexes of its own: a connection is used by one thread at a time. */
static sqlite3 *open_database(const char *path, int flags, struct ml_err *err)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, ML_DB_BUSY_MS);
        return db;
    }
    ml_db_fail(db, code, "open", path, err);
    sqlite3_close(db);
    return NULL;
}

sqlite3 *ml_db_open_writer(const char *path, struct ml_err *err)
{
    sqlite3 *db = open_database(path, SQLITE_OPEN_READWRITE, err);
    if (db && set_up(db, path, err) < 0) {
        sqlite3_close(db);
        db = NULL;
    }
    return db;
}

sqlite3 *ml_db_open_reader(const char *path, struct ml_err *err)
{
    sqlite3 *db = open_database(path, SQLITE_OPEN_READONLY, err);
    if (!db)
        return NULL;
    int code = sqlite3_exec(db, "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY", NULL,
                            NULL, NULL);
    if (code == SQLITE_OK)
        return db;
    ml_db_fail(db, code, "open", path, err);
    sqlite3_close(db);
    return NULL;
}
