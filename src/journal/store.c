/* SPDX-License-Identifier: MIT */
#include "journal/store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "journal/db.h"

#define TEXTS 6

/* What stands in `room`, in hexadecimal digits: six bytes for a time, two for a status. */
#define TIME_ROOM "000000000000"
#define ANSWER_ROOM TIME_ROOM "0000"

/* What is the same for many changes of a run, as it was written down. The texts stand behind
 * it. */
struct ml_store_action {
    struct ml_store_action *next;
    int64_t no, run;
    const char *texts[TEXTS];
};

/* OR FAIL: what is refused was not begun, so SQLite need not be able to take it back. */
static const char *const sql[ML_STORE_STATEMENTS] = {
    [ML_STORE_BEGIN] = "BEGIN IMMEDIATE",
    [ML_STORE_COMMIT] = "COMMIT",
    [ML_STORE_ACTION] = "INSERT INTO action(run, service, origin, operation, resource, method,"
                        " effect) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    /* ?3 is the id of the change that is tried again: its attempts count for this one. */
    [ML_STORE_PLAN] =
        "INSERT OR FAIL INTO mut(id, started, moved, attempts, room, redoes, undo_of, action,"
        " rkey, target, path, body, before, after)"
        " VALUES(?1, ?2, ?2, coalesce((SELECT attempts FROM mut WHERE id = ?3), 0),"
        " x'" TIME_ROOM ANSWER_ROOM "', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [ML_STORE_NAME] = "UPDATE OR FAIL mut SET rkey = ?2, target = ?3, path = ?4, before = ?5"
                      " WHERE id = ?1 AND state = 'P'",
    [ML_STORE_PLAN_SENT] =
        "INSERT OR FAIL INTO mut(id, state, started, moved, attempts, first, sent, room,"
        " undo_of, action, rkey, target, path, body, before, after)"
        " VALUES(?1, 'S', ?2, ?3, 1, 1, ?3, x'" ANSWER_ROOM
        "', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [ML_STORE_SEND] = "UPDATE OR FAIL mut SET state = 'S', attempts = attempts + 1, moved = ?3,"
                      " first = ?2, sent = ?3, room = x'" ANSWER_ROOM "'"
                      " WHERE id = ?1 AND first IS NULL",
    [ML_STORE_SEND_AGAIN] =
        "UPDATE OR FAIL mut SET state = 'S', attempts = attempts + 1, moved = ?3"
        " WHERE id = ?1 AND first < ?2",
    [ML_STORE_AGAIN] = "INSERT OR FAIL INTO again(mut, n, started) VALUES(?1, ?2, ?3)",
    [ML_STORE_NOTE] = "UPDATE OR FAIL mut SET ended = ?3, sends = ?4, status = ?5, error = ?6,"
                      " room = NULL WHERE id = ?1 AND first = ?2",
    [ML_STORE_NOTE_AGAIN] = "UPDATE again SET ended = ?3, sends = ?4, status = ?5, error = ?6"
                            " WHERE mut = ?1 AND n = ?2",
    [ML_STORE_NOTE_MOVE] =
        "UPDATE OR FAIL mut SET ended = ?3, sends = ?4, status = ?5, error = ?6, room = NULL,"
        " state = ?7, moved = ?8, reason = ?9, kind = ?10 WHERE id = ?1 AND first = ?2",
    [ML_STORE_MOVE] = "UPDATE OR FAIL mut SET state = ?2, moved = ?3, reason = ?4, kind = ?5"
                      " WHERE id = ?1",
    [ML_STORE_AFTER] = "UPDATE OR FAIL mut SET after = ?2 WHERE id = ?1",
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
    while (store->actions) {
        struct ml_store_action *next = store->actions->next;
        free(store->actions);
        store->actions = next;
    }
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

/* --- actions --- */

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_action(const struct ml_store_action *a, int64_t run, const char *const *texts)
{
    bool equal = a->run == run;
    for (int i = 0; i < TEXTS && equal; i++)
        equal = same(a->texts[i], texts[i]);
    return equal;
}

static struct ml_store_action *new_action(int64_t run, const char *const *texts)
{
    size_t size = sizeof(struct ml_store_action);
    for (int i = 0; i < TEXTS; i++)
        size += texts[i] ? strlen(texts[i]) + 1 : 0;
    struct ml_store_action *a = malloc(size);
    if (!a)
        return NULL;
    char *at = (char *)(a + 1);
    a->run = run;
    for (int i = 0; i < TEXTS; i++) {
        size_t len = texts[i] ? strlen(texts[i]) + 1 : 0;
        a->texts[i] = len ? memcpy(at, texts[i], len) : NULL;
        at += len;
    }
    return a;
}

/* Writes it down and remembers its number. */
static int add_action(struct ml_store *store, int64_t run, const char *const *texts)
{
    struct ml_store_action *a = new_action(run, texts);
    if (!a)
        return SQLITE_NOMEM;
    a->next = store->actions;
    store->actions = a;
    int code = ml_db_execute(store->statement[ML_STORE_ACTION], "issssss", run, texts[0],
                             texts[1], texts[2], texts[3], texts[4], texts[5]);
    a->no = sqlite3_last_insert_rowid(store->db);
    return code;
}

/* The number of what the change does, at the front of the list from then on. A code. */
static int find_action(struct ml_store *store, int64_t run, const struct ml_journal_change *c,
                       int64_t *no)
{
    const char *texts[TEXTS] = {c->service,  c->origin, c->operation,
                                c->resource, c->method, c->effect};
    struct ml_store_action **at = &store->actions;
    while (*at && !is_action(*at, run, texts))
        at = &(*at)->next;
    struct ml_store_action *found = *at;
    int code = found ? SQLITE_OK : add_action(store, run, texts);
    if (found && found != store->actions) {
        *at = found->next;
        found->next = store->actions;
        store->actions = found;
    }
    *no = code == SQLITE_OK ? store->actions->no : 0;
    return code;
}

/* --- commands --- */

static int plan(struct ml_store *store, int64_t id, const struct ml_journal_change *c)
{
    int64_t action, redone = c->redoes ? (id >> 32) << 32 | c->redoes : 0;
    int code = find_action(store, id >> 32, c, &action);
    if (code != SQLITE_OK)
        return code;
    return ml_db_execute(store->statement[ML_STORE_PLAN], "iiooisssbss", id, c->at, redone,
                         c->undo_of, action, c->rkey, c->target, c->path, c->body, c->body_len,
                         c->before, c->after);
}

static int name(struct ml_store *store, int64_t id, const struct ml_journal_change *c)
{
    return met_one(store, ml_db_execute(store->statement[ML_STORE_NAME], "issss", id, c->rkey,
                                        c->target, c->path, c->before));
}

/* Another change of the object is open: nothing was done, and the transaction goes on. */
static int refusal(int code)
{
    return code == SQLITE_CONSTRAINT_UNIQUE ? ML_STORE_REFUSED : code;
}

int ml_store_plan_sent(struct ml_store *store, const struct ml_command *plan)
{
    const struct ml_journal_change *c = &plan->u.change;
    int64_t action, at = plan->next->u.attempt.at;
    int code = find_action(store, plan->id >> 32, c, &action);
    if (code != SQLITE_OK)
        return code;
    return refusal(ml_db_execute(store->statement[ML_STORE_PLAN_SENT], "iiioisssbss", plan->id,
                                 c->at, at, c->undo_of, action, c->rkey, c->target, c->path,
                                 c->body, c->body_len, c->before, c->after));
}

static int send_again(struct ml_store *store, int64_t id, unsigned n, int64_t at)
{
    int code = ml_db_execute(store->statement[ML_STORE_SEND_AGAIN], "iii", id, (int64_t)n, at);
    code = met_one(store, refusal(code));
    return code == SQLITE_OK
               ? ml_db_execute(store->statement[ML_STORE_AGAIN], "iii", id, (int64_t)n, at)
               : code;
}

static int send(struct ml_store *store, int64_t id, unsigned n, int64_t at)
{
    int code = ml_db_execute(store->statement[ML_STORE_SEND], "iii", id, (int64_t)n, at);
    bool first = code != SQLITE_OK || sqlite3_changes(store->db) == 1;
    return first ? refusal(code) : send_again(store, id, n, at);
}

static int move_after(struct ml_store *store, int64_t id, const char *after)
{
    return after ? ml_db_execute(store->statement[ML_STORE_AFTER], "is", id, after) : SQLITE_OK;
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
    return code == SQLITE_OK ? move_after(store, id, end->after) : code;
}

/* The end of an attempt; the state stays. */
static int note(struct ml_store *store, const struct ml_command *c)
{
    static const enum ml_store_statement places[] = {ML_STORE_NOTE, ML_STORE_NOTE_AGAIN};
    const struct ml_journal_attempt *a = &c->u.attempt;
    int code = SQLITE_NOTFOUND;
    for (int i = 0; i < 2 && code == SQLITE_NOTFOUND; i++)
        code = met_one(store, ml_db_execute(store->statement[places[i]], "iiiiis", c->id,
                                            (int64_t)c->n, a->at, (int64_t)a->sends,
                                            (int64_t)a->status, a->error));
    return code;
}

/* The end of an attempt and the state that follows from it: in one where it is the first. */
static int note_and_move(struct ml_store *store, const struct ml_command *c)
{
    const struct ml_journal_attempt *a = &c->u.attempt;
    const struct ml_journal_end *end = &c->u.end;
    char letter[2] = {(char)end->state, '\0'};
    if (end->state == ML_CHANGE_SENT)
        return SQLITE_MISUSE;
    int code = ml_db_execute(store->statement[ML_STORE_NOTE_MOVE], "iiiiississ", c->id,
                             (int64_t)c->n, a->at, (int64_t)a->sends, (int64_t)a->status,
                             a->error, letter, end->at, end->reason, end->kind);
    if (code == SQLITE_OK && sqlite3_changes(store->db) == 1)
        return move_after(store, c->id, end->after);
    if (code == SQLITE_OK)
        code = note(store, c);
    return code == SQLITE_OK ? move(store, c->id, end) : code;
}

bool ml_store_joins(const struct ml_command *c)
{
    const struct ml_command *next = c->next;
    return c->kind == ML_COMMAND_PLAN && !c->u.change.redoes && next &&
           next->kind == ML_COMMAND_SEND && next->id == c->id && next->n == 1;
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
        return c->u.end.state == ML_CHANGE_NONE ? note(store, c) : note_and_move(store, c);
    default:
        return move(store, c->id, &c->u.end);
    }
}
