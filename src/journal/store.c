/* SPDX-License-Identifier: MIT */
#include "journal/store.h"

#include "journal/db.h"

static const char *const sql[ML_STORE_STATEMENTS] = {
    [ML_STORE_BEGIN] = "BEGIN IMMEDIATE",
    [ML_STORE_COMMIT] = "COMMIT",
    /* ?3 is the id of the change that is tried again: its attempts count for this one. */
    [ML_STORE_PLAN] =
        "INSERT INTO mut(id, run, seq, started, moved, attempts, redoes, undo_of, rkey,"
        " service, origin, operation, resource, target, method, path, effect, body, before,"
        " after) VALUES(?1, ?1 >> 32, ?1 & 4294967295, ?2, ?2,"
        " coalesce((SELECT attempts FROM mut WHERE id = ?3), 0), ?3 & 4294967295, ?4, ?5, ?6,"
        " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    [ML_STORE_NAME] = "UPDATE mut SET rkey = ?2, target = ?3, path = ?4, before = ?5"
                      " WHERE id = ?1 AND state = 'P'",
    [ML_STORE_PLAN_SENT] =
        "INSERT INTO mut(id, run, seq, state, started, moved, attempts, undo_of, rkey, service,"
        " origin, operation, resource, target, method, path, effect, body, before, after)"
        " VALUES(?1, ?1 >> 32, ?1 & 4294967295, 'S', ?2, ?3, 1, ?4, ?5, ?6,"
        " ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    [ML_STORE_SEND] =
        "UPDATE mut SET state = 'S', attempts = attempts + 1, moved = ?2 WHERE id = ?1",
    [ML_STORE_ATTEMPT] = "INSERT INTO attempt(mut, n, started) VALUES(?1, ?2, ?3)",
    [ML_STORE_NOTE] = "UPDATE attempt SET ended = ?3, sends = ?4, status = ?5, error = ?6"
                      " WHERE mut = ?1 AND n = ?2",
    [ML_STORE_MOVE] =
        "UPDATE mut SET state = ?2, moved = ?3, reason = ?4, kind = ?5 WHERE id = ?1",
    [ML_STORE_AFTER] = "UPDATE mut SET after = ?2 WHERE id = ?1",
};

int ml_store_create(struct ml_store *store, sqlite3 *db)
{
    *store = (struct ml_store){.db = db};
    for (int i = 0; i < ML_STORE_STATEMENTS; i++) {
        int code = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &store->statement[i], NULL);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

void ml_store_destroy(struct ml_store *store)
{
    for (int i = 0; i < ML_STORE_STATEMENTS; i++)
        sqlite3_finalize(store->statement[i]);
    *store = (struct ml_store){.db = NULL};
}

int ml_store_begin(struct ml_store *store)
{
    return ml_db_execute(store->statement[ML_STORE_BEGIN], "");
}

int ml_store_commit(struct ml_store *store)
{
    return ml_db_execute(store->statement[ML_STORE_COMMIT], "");
}

/* For a statement that must have met its one row. */
static int met_one(struct ml_store *store, int code)
{
    return code == SQLITE_OK && sqlite3_changes(store->db) != 1 ? SQLITE_NOTFOUND : code;
}

static int plan(struct ml_store *store, int64_t id, const struct ml_journal_change *c)
{
    int64_t redone = c->redoes ? (id >> 32) << 32 | c->redoes : 0;
    return ml_db_execute(store->statement[ML_STORE_PLAN], "iioosssssssssbss", id, c->at, redone,
                         c->undo_of, c->rkey, c->service, c->origin, c->operation, c->resource,
                         c->target, c->method, c->path, c->effect, c->body, c->body_len,
                         c->before, c->after);
}

static int name(struct ml_store *store, int64_t id, const struct ml_journal_change *c)
{
    return met_one(store, ml_db_execute(store->statement[ML_STORE_NAME], "issss", id, c->rkey,
                                        c->target, c->path, c->before));
}

static int add_attempt(struct ml_store *store, int64_t id, unsigned n, int64_t at)
{
    return ml_db_execute(store->statement[ML_STORE_ATTEMPT], "iii", id, (int64_t)n, at);
}

bool ml_store_joins(const struct ml_command *c)
{
    const struct ml_command *next = c->next;
    return c->kind == ML_COMMAND_PLAN && !c->u.change.redoes && next &&
           next->kind == ML_COMMAND_SEND && next->id == c->id && next->n == 1;
}

int ml_store_plan_sent(struct ml_store *store, const struct ml_command *plan)
{
    const struct ml_journal_change *c = &plan->u.change;
    int64_t at = plan->next->u.attempt.at;
    int code = ml_db_execute(store->statement[ML_STORE_PLAN_SENT], "iiiosssssssssbss", plan->id,
                             c->at, at, c->undo_of, c->rkey, c->service, c->origin,
                             c->operation, c->resource, c->target, c->method, c->path,
                             c->effect, c->body, c->body_len, c->before, c->after);
    if (code == SQLITE_CONSTRAINT_UNIQUE) /* another change of the object is open */
        return ML_STORE_REFUSED;
    return code == SQLITE_OK ? add_attempt(store, plan->id, 1, at) : code;
}

/* A statement that fails takes back only itself: a refused change leaves no attempt, and the
 * transaction goes on. */
static int send(struct ml_store *store, int64_t id, unsigned n, int64_t at)
{
    int code = ml_db_execute(store->statement[ML_STORE_SEND], "ii", id, at);
    if (code == SQLITE_CONSTRAINT_UNIQUE)
        return ML_STORE_REFUSED;
    code = met_one(store, code);
    return code == SQLITE_OK ? add_attempt(store, id, n, at) : code;
}

/* A change gets into S by a send only: without the row of its attempt I1 would not hold. */
static int move(struct ml_store *store, int64_t id, const struct ml_journal_end *end)
{
    char letter[2] = {(char)end->state, '\0'};
    if (end->state == ML_CHANGE_SENT)
        return SQLITE_MISUSE;
    int code = ml_db_execute(store->statement[ML_STORE_MOVE], "isiss", id, letter, end->at,
                             end->reason, end->kind);
    code = met_one(store, code);
    if (code != SQLITE_OK || !end->after)
        return code;
    return ml_db_execute(store->statement[ML_STORE_AFTER], "is", id, end->after);
}

static int note(struct ml_store *store, const struct ml_command *c)
{
    const struct ml_journal_attempt *a = &c->u.attempt;
    struct ml_journal_end end = {.state = c->state, .reason = a->error, .at = a->at};
    int code = ml_db_execute(store->statement[ML_STORE_NOTE], "iiiiis", c->id, (int64_t)c->n,
                             a->at, (int64_t)a->sends, (int64_t)a->status, a->error);
    code = met_one(store, code);
    if (code != SQLITE_OK || c->state == ML_CHANGE_NONE)
        return code;
    return move(store, c->id, &end);
}

int ml_store_apply(struct ml_store *store, const struct ml_command *c)
{
    switch (c->kind) {
    case ML_COMMAND_PLAN:
        return plan(store, c->id, &c->u.change);
    case ML_COMMAND_NAME:
        return name(store, c->id, &c->u.change);
    case ML_COMMAND_SEND:
        return send(store, c->id, c->n, c->u.attempt.at);
    case ML_COMMAND_NOTE:
        return note(store, c);
    default:
        return move(store, c->id, &c->u.end);
    }
}
