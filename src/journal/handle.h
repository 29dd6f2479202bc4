/* SPDX-License-Identifier: MIT */
/*
 * The journal's handle, for the files of this folder only.
 */
#ifndef ML_JOURNAL_HANDLE_H
#define ML_JOURNAL_HANDLE_H

#include "journal/journal.h"
#include "journal/writer.h"

struct ml_journal {
    char *path;
    int lock;        /* lock file; -1: none (read only) */
    bool writes;     /* writer is there */
    int64_t run;     /* number of the run that is locked, 0 = none */
    uint64_t seq;    /* of the last change */
    sqlite3 *reader; /* opened by the first query */
    struct ml_writer writer;
};

/* The connection for queries, opened when first asked for. NULL with err. */
sqlite3 *ml_journal_reader(struct ml_journal *j, struct ml_err *err);

#endif
