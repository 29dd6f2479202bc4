/* SPDX-License-Identifier: MIT */
/*
 * A journal that keeps nothing, for one benchmark: what does journalling cost?
 *
 * Stands in for src/journal/{journal,query}.c in bench/moonlever_unjournalled. Changes are
 * numbered, and every ticket is committed as soon as it is given out; so the same engine sends
 * the same requests, without a disk and without a thread. Reading finds no journal: the counts
 * of a run are then those of its process.
 */
#include <stdlib.h>

#include "journal/journal.h"
#include "journal/query.h"

struct ml_journal {
    void (*on_commit)(void *ud);
    void *ud;
    uint64_t seq, tickets;
    bool told; /* the owner has been woken and has not looked yet */
};

int ml_journal_open(const struct ml_journal_conf *conf, struct ml_journal **out,
                    struct ml_err *err)
{
    *out = NULL;
    if (conf->read_only)
        return 0;
    struct ml_journal *j = calloc(1, sizeof *j);
    if (!j)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    j->on_commit = conf->on_commit;
    j->ud = conf->ud;
    *out = j;
    return 0;
}

void ml_journal_close(struct ml_journal *j)
{
    free(j);
}

int ml_journal_begin(struct ml_journal *j, const struct ml_journal_run *run, struct ml_err *err)
{
    (void)j, (void)run, (void)err;
    return 0;
}

int ml_journal_resume(struct ml_journal *j, const char *id, struct ml_err *err)
{
    (void)j;
    return ml_err_set(err, ML_NOTFOUND, "there is no run %.100s", id);
}

int ml_journal_end(struct ml_journal *j, const char *state, int exit_code, uint64_t noop,
                   int64_t at, struct ml_err *err)
{
    (void)j, (void)state, (void)exit_code, (void)noop, (void)at, (void)err;
    return 0;
}

bool ml_journal_is_running(struct ml_journal *j, int64_t run_no)
{
    (void)j, (void)run_no;
    return false;
}

uint64_t ml_journal_plan(struct ml_journal *j, const struct ml_journal_change *change)
{
    (void)change;
    return ++j->seq;
}

uint64_t ml_journal_send(struct ml_journal *j, uint64_t seq, unsigned n, int64_t at)
{
    (void)seq, (void)n, (void)at;
    if (!j->told)
        j->on_commit(j->ud);
    j->told = true;
    return ++j->tickets;
}

void ml_journal_note(struct ml_journal *j, uint64_t seq, unsigned n,
                     const struct ml_journal_attempt *attempt, const struct ml_journal_end *end)
{
    (void)j, (void)seq, (void)n, (void)attempt, (void)end;
}

void ml_journal_move(struct ml_journal *j, uint64_t seq, const struct ml_journal_end *end)
{
    (void)j, (void)seq, (void)end;
}

void ml_journal_move_id(struct ml_journal *j, int64_t id, const struct ml_journal_end *end)
{
    (void)j, (void)id, (void)end;
}

void ml_journal_name(struct ml_journal *j, int64_t id, const struct ml_journal_change *named)
{
    (void)j, (void)id, (void)named;
}

enum ml_ticket ml_journal_ticket(struct ml_journal *j, uint64_t ticket)
{
    (void)ticket;
    j->told = false;
    return ML_TICKET_COMMITTED;
}

bool ml_journal_broken(struct ml_journal *j, struct ml_err *err)
{
    (void)j, (void)err;
    return false;
}

int ml_journal_flush(struct ml_journal *j, struct ml_err *err)
{
    (void)j, (void)err;
    return 0;
}

int64_t ml_journal_purge(struct ml_journal *j, int64_t before, struct ml_err *err)
{
    (void)j, (void)before, (void)err;
    return 0;
}

struct ml_cursor *ml_cursor_open(struct ml_journal *j, enum ml_query query,
                                 const char *parameter, struct ml_err *err)
{
    (void)j, (void)query, (void)parameter;
    ml_err_set(err, ML_USAGE, "this program keeps no journal");
    return NULL;
}

int ml_cursor_next(struct ml_cursor *c, struct ml_err *err)
{
    (void)c, (void)err;
    return 0;
}

void ml_cursor_close(struct ml_cursor *c)
{
    (void)c;
}

int ml_cursor_columns(const struct ml_cursor *c)
{
    (void)c;
    return 0;
}

const char *ml_cursor_name(const struct ml_cursor *c, int column)
{
    (void)c, (void)column;
    return "";
}

enum ml_column ml_cursor_type(const struct ml_cursor *c, int column)
{
    (void)c, (void)column;
    return ML_COLUMN_NULL;
}

int64_t ml_cursor_integer(const struct ml_cursor *c, int column)
{
    (void)c, (void)column;
    return 0;
}

const char *ml_cursor_text(const struct ml_cursor *c, int column, size_t *len)
{
    (void)c, (void)column, (void)len;
    return NULL;
}

enum ml_query ml_query_find(const char *name)
{
    (void)name;
    return ML_QUERIES;
}
