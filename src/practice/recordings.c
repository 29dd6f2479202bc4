/* SPDX-License-Identifier: MIT */
#include "practice/recordings.h"

#include "practice/recording_text.h"
#include "practice/seed.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_MAX ((size_t)256 << 20) /* 170,000 recordings of 1.5 kB */

uint64_t ml_hash_text(uint64_t hash, const char *text)
{
    hash = (hash ^ (text ? 1 : 2)) * UINT64_C(0x100000001b3);
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* The slot of this uuid, or the free slot where it belongs. index_cap > indexed, so it ends. */
static size_t slot_of(const struct ml_recordings *r, const char *uuid)
{
    size_t slot = ml_hash_text(ML_HASH_START, uuid) & (r->index_cap - 1);
    while (r->index[slot] && strcmp(r->index[slot]->uuid, uuid) != 0)
        slot = (slot + 1) & (r->index_cap - 1);
    return slot;
}

struct ml_recording *ml_recordings_find(const struct ml_recordings *r, const char *uuid)
{
    char lower[37];
    size_t len = strlen(uuid);
    if (len != sizeof lower - 1)
        return NULL;
    for (size_t i = 0; i <= len; i++)
        lower[i] = (char)tolower((unsigned char)uuid[i]);
    struct ml_recording *rec = r->index[slot_of(r, lower)];
    return rec && !rec->gone ? rec : NULL;
}

/* Doubles the index when it is half full. */
static int index_grow(struct ml_recordings *r)
{
    if (r->index_cap > r->indexed * 2 + 1)
        return 0;
    struct ml_recording **old = r->index;
    size_t old_cap = r->index_cap;
    size_t cap = old_cap ? old_cap * 2 : 64;
    struct ml_recording **index = calloc(cap, sizeof(struct ml_recording *));
    if (!index)
        return -1;
    r->index = index;
    r->index_cap = cap;
    for (size_t i = 0; i < old_cap; i++)
        if (old[i])
            index[slot_of(r, old[i]->uuid)] = old[i];
    free(old);
    return 0;
}

static int list_grow(struct ml_recordings *r)
{
    if (r->count < r->cap)
        return 0;
    size_t cap = r->cap ? r->cap * 2 : 64;
    struct ml_recording **list = realloc(r->list, cap * sizeof(struct ml_recording *));
    if (!list)
        return -1;
    r->list = list;
    r->cap = cap;
    return 0;
}

/* A new recording in the index, in no list yet; NULL when memory is out. */
static struct ml_recording *recording_new(struct ml_recordings *r)
{
    if (index_grow(r) < 0 || list_grow(r) < 0)
        return NULL;
    struct ml_recording *rec = calloc(1, sizeof *rec);
    if (!rec)
        return NULL;
    rec->serial = r->next_serial++;
    ml_seed_uuid(r->seed, ML_SEED_UUID, rec->serial, rec->uuid);
    r->index[slot_of(r, rec->uuid)] = rec;
    r->indexed++;
    return rec;
}

static void recording_free(struct ml_recording *rec)
{
    free(rec->title);
    free(rec->summary);
    free(rec->description);
    free(rec->text);
    free(rec);
}

int ml_recordings_create(struct ml_recordings *r, uint64_t seed, unsigned count,
                         unsigned people, struct ml_err *err)
{
    *r = (struct ml_recordings){.seed = seed, .people = people, .seeded = count};
    if (index_grow(r) < 0)
        return ml_err_set(err, ML_MEMORY, "out of memory for the practice recordings");
    for (unsigned i = 0; i < count; i++) {
        struct ml_recording *rec = recording_new(r);
        if (!rec) {
            ml_recordings_destroy(r);
            return ml_err_set(err, ML_MEMORY,
                              "out of memory after %u of %u practice recordings", i, count);
        }
        r->list[r->count++] = rec;
    }
    return 0;
}

void ml_recordings_destroy(struct ml_recordings *r)
{
    for (size_t i = 0; i < r->index_cap; i++)
        if (r->index[i])
            recording_free(r->index[i]);
    free(r->index);
    free(r->list);
    *r = (struct ml_recordings){0};
}

static void forget_text(struct ml_recordings *r, struct ml_recording *rec)
{
    r->cached -= rec->text ? rec->text_len : 0;
    free(rec->text);
    rec->text = NULL;
}

void ml_recordings_write(struct ml_recordings *r, struct ml_recording *rec, struct ml_out *o)
{
    if (rec->text) {
        ml_out_bytes(o, rec->text, rec->text_len);
        return;
    }
    size_t start = o->buf.len;
    ml_recording_text(r, rec, o);
    size_t len = o->buf.len - start;
    if (o->failed || r->cached + len > CACHE_MAX)
        return;
    rec->text = malloc(len);
    if (!rec->text)
        return; /* only the cache does without it */
    memcpy(rec->text, o->buf.data + start, len);
    rec->text_len = len;
    r->cached += len;
}

void ml_recordings_page(struct ml_recordings *r, size_t first, size_t n, struct ml_out *o)
{
    for (size_t i = first; i < r->count && i - first < n; i++) {
        if (i > first)
            ml_out_text(o, ",");
        ml_recordings_write(r, r->list[i], o);
    }
}

/* A copy of text in *copy, NULL for NULL. -1: no memory. */
static int copy_text(const char *text, char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return text && !*copy ? -1 : 0;
}

/* The three texts as they are now; they point into rec or into words. */
static void current_words(const struct ml_recordings *r, const struct ml_recording *rec,
                          struct ml_seed_words *words)
{
    if (!rec->edited) {
        ml_seed_words(r->seed, rec->serial, words);
        return;
    }
    words->title = rec->title;
    words->summary = rec->summary;
    words->description = rec->description;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int ml_recordings_update(struct ml_recordings *r, struct ml_recording *rec,
                         const struct ml_recording_change *change, int64_t now_ms)
{
    struct ml_seed_words words;
    current_words(r, rec, &words);
    const char *title = change->set_title ? change->title : words.title;
    const char *summary = change->set_summary ? change->summary : words.summary;
    const char *description = change->set_description ? change->description : words.description;
    if (same_text(title, words.title) && same_text(summary, words.summary) &&
        same_text(description, words.description))
        return 0;

    char *copy[3] = {NULL, NULL, NULL};
    if (copy_text(title, &copy[0]) < 0 || copy_text(summary, &copy[1]) < 0 ||
        copy_text(description, &copy[2]) < 0) {
        for (int i = 0; i < 3; i++)
            free(copy[i]);
        return -1;
    }
    free(rec->title);
    free(rec->summary);
    free(rec->description);
    rec->title = copy[0];
    rec->summary = copy[1];
    rec->description = copy[2];
    rec->edited = true;
    rec->updated_ms = now_ms;
    forget_text(r, rec);
    return 0;
}

int ml_recordings_insert(struct ml_recordings *r)
{
    struct ml_recording *rec = recording_new(r);
    if (!rec)
        return -1;
    memmove(r->list + 1, r->list, r->count * sizeof(struct ml_recording *));
    r->list[0] = rec;
    r->count++;
    return 0;
}

void ml_recordings_remove_first(struct ml_recordings *r)
{
    if (r->count == 0)
        return;
    r->list[0]->gone = true;
    forget_text(r, r->list[0]);
    r->count--;
    memmove(r->list, r->list + 1, r->count * sizeof(struct ml_recording *));
}

uint64_t ml_recordings_hash(const struct ml_recordings *r)
{
    uint64_t hash = ML_HASH_START;
    struct ml_seed_words words;
    for (size_t i = 0; i < r->count; i++) {
        current_words(r, r->list[i], &words);
        hash = ml_hash_text(hash, r->list[i]->uuid);
        hash = ml_hash_text(hash, words.title);
        hash = ml_hash_text(hash, words.summary);
        hash = ml_hash_text(hash, words.description);
    }
    return hash;
}
