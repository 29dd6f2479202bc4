/* SPDX-License-Identifier: MIT */
/*
 * The thread that writes the journal.
 *
 * The owner pushes commands; the thread takes all that wait, writes them in
 * transactions of up to ML_WRITER_BATCH, and advances `committed`. What comes
 * during one fsync is the next batch; where many changes are under way it waits
 * a moment to gather more.
 *
 *     owner:   push 1   push 2 3 4 5          push 6
 *     thread:      [1 fsync]     [2 3 4 5 fsync]  [6 fsync]
 *
 * Invariants
 *   1. committed <= queued; all commands up to committed are durable, but for
 *      the sends in `refused`, which did nothing.
 *   2. broken never becomes false again, and then nothing is written: the
 *      queue is dropped, the last checkpoint at the close is left out too.
 *   3. `mutex` guards all that both threads touch; `db_mutex` is held by who
 *      uses the connection, and taken before `mutex`.
 *
 * For what the owner must know at once (a run begins or ends), it takes the
 * connection itself: ml_writer_enter ... ml_writer_commit.
 */
#ifndef ML_JOURNAL_WRITER_H
#define ML_JOURNAL_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "journal/command.h"
#include "journal/store.h"

/* Where the list before was of several changes, the thread waits this long for more, or until
 * so many commands are there. (T2 of the state machine allows 64 rows or 5 ms.) */
#define ML_WRITER_GATHER_US 100
#define ML_WRITER_FULL 64
#define ML_WRITER_SEVERAL 4 /* commands: more than one change */
/* Commands in a transaction at most. */
#define ML_WRITER_BATCH 256
/* Pages in the WAL before it is copied into the database. */
#define ML_WRITER_CHECKPOINT 1000

struct ml_writer {
    sqlite3 *db; /* owned */
    struct ml_store store;
    const char *path; /* borrowed */
    void (*on_commit)(void *ud);
    void *ud;
    pthread_t thread;
    pthread_mutex_t db_mutex;
    pthread_mutex_t mutex;
    pthread_cond_t work; /* something is queued, or the end */
    pthread_cond_t done; /* committed or broken has changed */
    int pages;           /* in the WAL after the last commit; under db_mutex */
    /* under mutex: */
    struct ml_command *head, **tail;
    struct ml_command *spent; /* written: freed where they were made, which is faster */
    uint64_t queued, taken, committed; /* numbers of commands */
    uint64_t wake_at;  /* the thread waits for the command of this number, 0 = it does not */
    uint64_t *refused; /* ascending */
    size_t refusals, refused_cap;
    bool stop, broken;
    bool several; /* the last list was one of several changes */
    bool hurry;   /* the owner waits for all that is queued */
    char run[64]; /* for the remedy; "" = none */
    struct ml_err err;
};

/* Starts the thread. Owns db from here on, also when it fails: -1 with err. */
int ml_writer_create(struct ml_writer *w, sqlite3 *db, const char *path,
                     void (*on_commit)(void *ud), void *ud, struct ml_err *err);
/* Writes what is queued, ends the thread, closes the database. */
void ml_writer_destroy(struct ml_writer *w);
/* Names the run in what is said of failures; "" = none. */
void ml_writer_name_run(struct ml_writer *w, const char *run);
/* Queues a command (owned from here on). Its number; 0 when broken or c is NULL. */
uint64_t ml_writer_push(struct ml_writer *w, struct ml_command *c);
enum ml_ticket ml_writer_ticket(struct ml_writer *w, uint64_t no);
bool ml_writer_broken(struct ml_writer *w, struct ml_err *err);
/* Waits until all that is queued is durable. -1 with err: broken. */
int ml_writer_flush(struct ml_writer *w, struct ml_err *err);
/* Breaks the writer from outside (memory). */
void ml_writer_break(struct ml_writer *w, const char *why);

/* Flushes, takes w->db and begins a transaction. -1 with err: broken. */
int ml_writer_enter(struct ml_writer *w, struct ml_err *err);
/* Commits and gives the connection back, or, when `code` or the commit is a failure, breaks. */
int ml_writer_commit(struct ml_writer *w, int code, struct ml_err *err);
/* Takes the transaction back and gives the connection back. */
void ml_writer_rollback(struct ml_writer *w);
/* Empties the WAL into the database, so that deleted bytes are gone from both; readers are not
 * waited for. -1 with err: broken. */
int ml_writer_checkpoint(struct ml_writer *w, struct ml_err *err);

#endif
