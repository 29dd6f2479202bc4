/* SPDX-License-Identifier: MIT */
/*
 * Reading the journal: a few named queries, a row at a time.
 *
 * Readers never block writers (WAL), take no lock and change nothing. (SQLite
 * may leave its own -wal and -shm beside a file that was only read.) A cursor
 * shows the moment of its first row and must be closed before the journal.
 * What was queued and is not yet committed is not seen: ml_journal_flush first
 * where that matters. One thread, the owner of the journal.
 *
 *     struct ml_cursor *c = ml_cursor_open(j, ML_QUERY_CHANGES, run_id, &err);
 *     while (ml_cursor_next(c, &err) == 1)
 *         puts(ml_cursor_text(c, column, NULL));
 *     ml_cursor_close(c);
 */
#ifndef ML_JOURNAL_QUERY_H
#define ML_JOURNAL_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "journal/journal.h"

/*
 * The columns, in their order:
 *   a run     no, run, kind, undo_of, plan, script, service, origin, profile, started, ended,
 * state, exit, noop. ended, state and exit are NULL while it is at work and when its process
 * died: ml_journal_is_running(no) tells which. a change  id, seq, rkey, service, origin,
 * operation, resource, target, method, path, effect, body, before, after, undo_of,
 * redoes, state (letter), reason, kind, attempts, started, ended. undo_of and redoes are NULL
 * for none; started is when it was planned, ended when it came to rest (C, F, K, N), else NULL;
 *             attempts counts those of the changes that it redoes too.
 * A redone change is one that another change `redoes`: the last try stands for all.
 */
enum ml_query {
    ML_QUERY_RUNS,     /* all runs, newest first; no parameter */
    ML_QUERY_RUN,      /* a run by its id; as RUNS, and source, args */
    ML_QUERY_COUNTS,   /* of a run: state (letter), count; redone changes left out */
    ML_QUERY_CHANGES,  /* of a run in order of seq; redone changes left out */
    ML_QUERY_ATTEMPTS, /* of a run: seq, n, started, ended, sends, status, error, by seq and n.
                          Those of redone changes come under the seq of the last try, and n
                          counts on. ended and what follows are NULL when it was never noted */
    ML_QUERY_OPEN, /* open changes (S, A, U) on an rkey in any run: as CHANGES, and run, no */
    ML_QUERY_UNDO_OF, /* runs of kind undo that name this run: as RUNS, oldest first */
    ML_QUERY_APPLIED, /* runs of kind apply that name this plan hash: as RUNS, oldest first */
    ML_QUERIES
};

enum ml_column { ML_COLUMN_NULL, ML_COLUMN_INTEGER, ML_COLUMN_TEXT };

struct ml_cursor;

/* NULL with err (ML_USAGE: the file is damaged or not readable). parameter: NULL where the
 * query has none. */
struct ml_cursor *ml_cursor_open(struct ml_journal *j, enum ml_query query,
                                 const char *parameter, struct ml_err *err);
/* 1: a row is there, 0: the end, -1: err. */
int ml_cursor_next(struct ml_cursor *c, struct ml_err *err);
void ml_cursor_close(struct ml_cursor *c);
int ml_cursor_columns(const struct ml_cursor *c);
const char *ml_cursor_name(const struct ml_cursor *c, int column);
enum ml_column ml_cursor_type(const struct ml_cursor *c, int column);
int64_t ml_cursor_integer(const struct ml_cursor *c, int column);
/* Text (NUL behind it) and blobs (none), NULL for NULL; valid until the next ml_cursor_next or
 * ml_cursor_close. len may be NULL. */
const char *ml_cursor_text(const struct ml_cursor *c, int column, size_t *len);
/* The query of that name ("runs", "changes", ...), ML_QUERIES when there is none. */
enum ml_query ml_query_find(const char *name);

#endif
