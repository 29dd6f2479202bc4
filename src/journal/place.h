/* SPDX-License-Identifier: MIT */
/*
 * Where the journal lives: its directory, the mode of its files, and the lock
 * file beside it.
 *
 * journal.db has its locks in journal.lock: byte 0 while a process sets the
 * database up, byte N while run number N is at work. They are open file
 * description locks: the kernel drops them with the process, however it ends,
 * and two handles in one process exclude each other too. A child made by fork
 * alone would keep them; exec closes the file. The file is never deleted:
 * whoever held the old one would be alone with it.
 *
 *     int fd = ml_place_open(path, false, &err);
 *     if (ml_place_lock(fd, no) == 1) ...
 *     ml_place_unlock(fd, no);
 */
#ifndef ML_JOURNAL_PLACE_H
#define ML_JOURNAL_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Byte of the lock file for the set-up. */
#define ML_PLACE_SETUP 0

/* Makes the directories (0700) of `path` and opens the lock file beside it (made with 0600).
 * The descriptor, or -1 with err. `read_only`: makes nothing, -1 without err when there is no
 * lock file. */
int ml_place_open(const char *path, bool read_only, struct ml_err *err);
/* Makes `path` as an empty file, 0600, unless it is there. 0, or -1 with err. Only under the
 * set-up lock: closing a file drops the locks that SQLite has on it in this process. */
int ml_place_make(const char *path, struct ml_err *err);
/* Makes the names in the directory of `path` durable. 0, or -1 with err. */
int ml_place_sync(const char *path, struct ml_err *err);

/* Takes byte `no`. 1: taken, 0: somebody has it, -1: errno. */
int ml_place_lock(int fd, int64_t no);
/* As ml_place_lock, but waits for it. 0 or -1. */
int ml_place_wait(int fd, int64_t no);
void ml_place_unlock(int fd, int64_t no);
/* Gives back every run but `keep` (0 = none is kept). */
void ml_place_unlock_others(int fd, int64_t keep);
/* Has another handle or process byte `no`? Takes nothing. */
bool ml_place_is_locked(int fd, int64_t no);

#endif
