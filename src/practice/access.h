/* SPDX-License-Identifier: MIT */
/*
 * The record of requests: what tests compare a client's own account with.
 *
 * Each entry is one line of JSON, kept in memory and, if asked for, appended to
 * a file before the answer goes out, so that the file is never behind what a
 * client has seen. No header is recorded, so no token is.
 *
 * Invariant: entries are kept in the order of their numbers; the oldest go
 * when there are more than 200,000 or 64 MiB of them, and are counted.
 *
 *     struct ml_access a;
 *     ml_access_create(&a, "practice.log", &err);
 *     ml_access_line(&a, &line);            // {"n":1} and a newline, to the file
 *     ml_access_keep(&a, 1, &entry);        // {"n":1,"body":null}, to memory
 *     ml_access_write(&a, 0, &out);         // [{"n":1,"body":null}]
 */
#ifndef ML_PRACTICE_ACCESS_H
#define ML_PRACTICE_ACCESS_H

#include "base/err.h"
#include "practice/out.h"

struct ml_access_entry {
    unsigned long n;
    char *text; /* owned */
    size_t len;
};

struct ml_access {
    int fd;                        /* of the file, -1 = none */
    struct ml_access_entry *entry; /* a ring of `cap` */
    size_t cap, first, count;
    size_t bytes;
    unsigned long dropped;   /* entries no longer kept */
    unsigned long unwritten; /* lines that did not get into the file */
};

/* path: the file to append to, NULL or "" = none. */
int ml_access_create(struct ml_access *a, const char *path, struct ml_err *err);
void ml_access_destroy(struct ml_access *a);
/* Keeps the text of entry n and takes it out of `entry`. One that failed, or for which there is
 * no memory, is counted as dropped. */
void ml_access_keep(struct ml_access *a, unsigned long n, struct ml_out *entry);
/* Appends the line (its newline included) to the file, if there is one. One that failed or does
 * not get there is counted as unwritten. */
void ml_access_line(struct ml_access *a, const struct ml_out *line);
/* Adds a JSON array of the entries with a number above `since`. */
void ml_access_write(const struct ml_access *a, unsigned long since, struct ml_out *o);

#endif
