/* SPDX-License-Identifier: MIT */
/*
 * The prepared statements of the writer: one command becomes rows.
 *
 * Runs inside a transaction that the caller opens and ends.
 *
 *     switch (ml_store_apply(&store, command)) {
 *     case SQLITE_OK: ...
 *     case ML_STORE_REFUSED: ...   // only this command did nothing
 *     default: ...                 // roll back
 *     }
 */
#ifndef ML_JOURNAL_STORE_H
#define ML_JOURNAL_STORE_H

#include <sqlite3.h>
#include <stdbool.h>

#include "journal/command.h"

/* Another change on the same object is open. */
#define ML_STORE_REFUSED (-1)

enum ml_store_statement {
    ML_STORE_BEGIN,
    ML_STORE_COMMIT,
    ML_STORE_ACTION,
    ML_STORE_PLAN,
    ML_STORE_NAME,
    ML_STORE_PLAN_SENT,
    ML_STORE_SEND,
    ML_STORE_SEND_AGAIN,
    ML_STORE_AGAIN,
    ML_STORE_NOTE,
    ML_STORE_NOTE_AGAIN,
    ML_STORE_NOTE_MOVE,
    ML_STORE_MOVE,
    ML_STORE_AFTER,
    ML_STORE_STATEMENTS
};

struct ml_store {
    sqlite3 *db; /* borrowed */
    sqlite3_stmt *statement[ML_STORE_STATEMENTS];
    struct ml_store_action *actions; /* owned; the latest first */
};

/* A code of SQLite; destroy in any case. */
int ml_store_create(struct ml_store *store, sqlite3 *db);
void ml_store_destroy(struct ml_store *store);
/* BEGIN IMMEDIATE and COMMIT. A code. */
int ml_store_begin(struct ml_store *store);
int ml_store_commit(struct ml_store *store);
/* SQLITE_OK, ML_STORE_REFUSED, or a code: SQLITE_NOTFOUND when there is no such change or
 * attempt, SQLITE_CONSTRAINT_TRIGGER for an illegal edge. */
int ml_store_apply(struct ml_store *store, const struct ml_command *c);
/* Is this a plan, and the command behind it the first send of the same change? Both are one row
 * then, which is written once. */
bool ml_store_joins(const struct ml_command *c);
/* Applies both. ML_STORE_REFUSED: neither was, and they are to be applied by themselves. */
int ml_store_plan_sent(struct ml_store *store, const struct ml_command *plan);

#endif
