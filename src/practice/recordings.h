/* SPDX-License-Identifier: MIT */
/*
 * The recordings of the practice account, newest first.
 *
 * A recording is a number; words and details follow from (seed, number) until
 * somebody changes them. Its JSON text is made once and kept until it changes
 * (for the first 256 MiB of text), so that a page is a few memory copies.
 *
 * Invariants: `list` holds what exists, in the order of the pages; the index
 * holds everything that ever existed, and `gone` marks what was removed; a text
 * in the cache is always the current one. The caller holds the account's lock.
 *
 *     struct ml_recording *rec = ml_recordings_find(&account.recordings, uuid);
 *     struct ml_recording_change change = {.set_title = true, .title = "[bug] Login loop"};
 *     if (rec && ml_recordings_update(&account.recordings, rec, &change, now_ms) < 0) ...
 */
#ifndef ML_PRACTICE_RECORDINGS_H
#define ML_PRACTICE_RECORDINGS_H

#include "base/err.h"
#include "practice/out.h"

struct ml_recording {
    char uuid[37];
    unsigned serial;
    bool gone;
    bool edited;        /* the three texts below count; else the seed's words do */
    char *title;        /* owned; NULL is null */
    char *summary;      /* owned */
    char *description;  /* owned */
    int64_t updated_ms; /* 0 = as seeded */
    char *text;         /* owned JSON text, NULL while not made */
    size_t text_len;
};

struct ml_recordings {
    uint64_t seed;
    unsigned people; /* owners of recordings are people 0..people-1 of the seed */
    unsigned seeded; /* serials below this were there from the start */
    struct ml_recording **list;
    size_t count;
    size_t cap;
    struct ml_recording **index; /* open addressing by uuid; index_cap is a power of two */
    size_t index_cap;
    size_t indexed;       /* everything that ever existed */
    unsigned next_serial; /* of the next inserted one */
    size_t cached;        /* bytes of text kept */
};

struct ml_recording_change {
    bool set_title, set_summary, set_description;
    const char *title, *summary, *description; /* NULL is null */
};

/* Seeds `count` recordings owned by `people` (1..) users. */
int ml_recordings_create(struct ml_recordings *r, uint64_t seed, unsigned count,
                         unsigned people, struct ml_err *err);
void ml_recordings_destroy(struct ml_recordings *r);
/* The recording with this uuid (letters in either case), or NULL. */
struct ml_recording *ml_recordings_find(const struct ml_recordings *r, const char *uuid);
/* Adds the JSON text of one recording, or of n from position first on, with commas between. */
void ml_recordings_write(struct ml_recordings *r, struct ml_recording *rec, struct ml_out *o);
void ml_recordings_page(struct ml_recordings *r, size_t first, size_t n, struct ml_out *o);
/* Changes the named members; updated_at becomes now_ms when anything differs. -1: out of
 * memory, and nothing changed. */
int ml_recordings_update(struct ml_recordings *r, struct ml_recording *rec,
                         const struct ml_recording_change *change, int64_t now_ms);
/* A new recording at the front, as when somebody records while a list is walked. -1: no memory.
 */
int ml_recordings_insert(struct ml_recordings *r);
/* Removes the first recording; nothing happens when there is none. */
void ml_recordings_remove_first(struct ml_recordings *r);
/* A fingerprint of what exists, in order, with title, summary and description, without times.
 */
uint64_t ml_recordings_hash(const struct ml_recordings *r);
/* Chains FNV-1a over a text; NULL and "" differ. Start with ML_HASH_START. */
#define ML_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t ml_hash_text(uint64_t hash, const char *text);

#endif
