/* SPDX-License-Identifier: MIT */
/* A journal in a directory of its own, and a second look at its file through plain SQLite. */
#ifndef TEST_JOURNAL_HELP_H
#define TEST_JOURNAL_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ftw.h>
#include <sqlite3.h>
#include <unistd.h>

#include "journal/journal.h"
#include "journal/query.h"

struct place {
    char dir[64], path[120];
};

static inline void place_make(struct place *p)
{
    strcpy(p->dir, "/tmp/moonlever-journal-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->path, sizeof p->path, "%s/state/moonlever/journal.db", p->dir);
}

static inline int place_remove_one(const char *path, const struct stat *st, int type,
                                   struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void place_remove(struct place *p)
{
    assert_int_equal(nftw(p->dir, place_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* Set-up and tear-down of a test: *state is its place. */
static inline int set_up(void **state)
{
    *state = calloc(1, sizeof(struct place));
    assert_non_null(*state);
    place_make(*state);
    return 0;
}

static inline int tear_down(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static inline struct ml_journal *open_at(const char *path)
{
    struct ml_err err = {0};
    struct ml_journal *j = NULL;
    if (ml_journal_open(&(struct ml_journal_conf){.path = path}, &j, &err) < 0)
        fail_msg("%s", err.text);
    assert_non_null(j);
    return j;
}

static inline void begin(struct ml_journal *j, const char *id)
{
    struct ml_err err = {0};
    struct ml_journal_run run = {.id = id, .kind = "run", .script = "retag.lua", .started = 10};
    if (ml_journal_begin(j, &run, &err) < 0)
        fail_msg("%s", err.text);
}

static inline struct ml_journal_change change_of(const char *rkey)
{
    return (struct ml_journal_change){.rkey = rkey,
                                      .service = "screendesk",
                                      .origin = "https://app.screendesk.io",
                                      .operation = "screendesk.recordings.update",
                                      .resource = "screendesk.recordings",
                                      .target = rkey,
                                      .method = "PATCH",
                                      .path = "/api/v2/recordings/1",
                                      .effect = "update",
                                      .body = "{\"title\":\"b\"}",
                                      .body_len = 13,
                                      .before = "{\"title\":\"a\"}",
                                      .after = "{\"title\":\"b\"}",
                                      .at = 20};
}

static inline uint64_t plan(struct ml_journal *j, const char *rkey)
{
    struct ml_journal_change change = change_of(rkey);
    uint64_t seq = ml_journal_plan(j, &change);
    assert_true(seq > 0);
    return seq;
}

static inline void flush(struct ml_journal *j)
{
    struct ml_err err = {0};
    if (ml_journal_flush(j, &err) < 0)
        fail_msg("%s", err.text);
}

/* Sends attempt n; the answer of the ticket once it is known. */
static inline enum ml_ticket send_and_wait(struct ml_journal *j, uint64_t seq, unsigned n)
{
    struct ml_err err;
    uint64_t ticket = ml_journal_send(j, seq, n, 30);
    assert_true(ticket > 0);
    (void)ml_journal_flush(j, &err); /* the ticket says it too */
    return ml_journal_ticket(j, ticket);
}

static inline void note(struct ml_journal *j, uint64_t seq, unsigned n, int status,
                        enum ml_change_state state)
{
    struct ml_journal_attempt a = {.sends = 1, .status = status, .at = 40};
    struct ml_journal_end e = {.state = state, .at = 40};
    ml_journal_note(j, seq, n, &a, state == ML_CHANGE_NONE ? NULL : &e);
}

static inline void move(struct ml_journal *j, uint64_t seq, enum ml_change_state state)
{
    ml_journal_move(j, seq, &(struct ml_journal_end){.state = state, .at = 50});
}

/* Plans change `redoes` again; its seq. */
static inline uint64_t plan_redo(struct ml_journal *j, const char *rkey, int64_t redoes)
{
    struct ml_journal_change change = change_of(rkey);
    change.redoes = redoes;
    return ml_journal_plan(j, &change);
}

/* Plans, sends and ends a change; its seq. */
static inline uint64_t whole(struct ml_journal *j, const char *rkey, enum ml_change_state state)
{
    uint64_t seq = plan(j, rkey);
    assert_int_equal(send_and_wait(j, seq, 1), ML_TICKET_COMMITTED);
    note(j, seq, 1, 200, state);
    flush(j);
    return seq;
}

static inline void end(struct ml_journal *j)
{
    struct ml_err err = {0};
    if (ml_journal_end(j, "done", 0, 0, 60, &err) < 0)
        fail_msg("%s", err.text);
}

/* Runs SQL through a connection of its own: a result code of SQLite. */
static inline int sql_run(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return code;
}

/* The first value of the first row as text, "" for none; valid until the next call. */
static inline const char *sql_text(const char *path, const char *sql)
{
    static char text[400];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    const char *value = NULL;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        value = (const char *)sqlite3_column_text(stmt, 0);
    snprintf(text, sizeof text, "%s", value ? value : "");
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text;
}

/* All rows of a query as "a|b|c;a|b|c;", NULL as "-"; valid until the next call. */
static inline const char *rows(struct ml_journal *j, enum ml_query query, const char *parameter,
                               const char *columns)
{
    static char text[2000];
    struct ml_err err = {0};
    struct ml_cursor *c = ml_cursor_open(j, query, parameter, &err);
    size_t len = 0;
    int more;
    if (!c)
        fail_msg("%s", err.text);
    text[0] = '\0';
    while ((more = ml_cursor_next(c, &err)) == 1) {
        for (int i = 0; i < ml_cursor_columns(c); i++) {
            char name[40];
            snprintf(name, sizeof name, " %s ", ml_cursor_name(c, i));
            if (!strstr(columns, name))
                continue;
            const char *value = ml_cursor_text(c, i, NULL);
            len += (size_t)snprintf(text + len, sizeof text - len, "%s|", value ? value : "-");
        }
        len += (size_t)snprintf(text + len, sizeof text - len, ";");
    }
    if (more < 0)
        fail_msg("%s", err.text);
    ml_cursor_close(c);
    return text;
}

#endif
