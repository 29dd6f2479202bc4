/* SPDX-License-Identifier: MIT */
/*
 * Records of any kind: the state of the services whose shapes come from the
 * catalogues alone.
 *
 * A record is a JSON object that holds what is known of it. Its shape says what
 * an answer shows, in which order, and what stands where nothing is known; what
 * is not in the shape is kept and never shown, by custom under a name that
 * begins with an underscore. A member that names a person or a file holds an
 * id; the answer shows the whole, as it is at that moment.
 *
 * Invariants: a record has a key that no other of its list has; lists are in
 * the order in which their records came. The caller holds the account's lock.
 *
 *     struct ml_records *posts = ml_shelf_list(&shelf, "posts");
 *     json_t *post = ml_records_find(posts, id);          // borrowed
 *     struct ml_view view = {.shelf = &shelf};
 *     ml_view_write(&view, posts->shape, post, &out);
 */
#ifndef ML_PRACTICE_SHELF_H
#define ML_PRACTICE_SHELF_H

#include "base/err.h"
#include "practice/out.h"
#include "practice/route.h"

#include <jansson.h>

#define ML_SHELF_LISTS 32
#define ML_KEY_MAX 64 /* of a key as text, NUL included */

struct ml_records {
    const char *name;             /* "posts" */
    const char *key;              /* "id": a text or a whole number */
    const struct ml_shape *shape; /* NULL: nothing of it is ever shown */
    json_t *list;                 /* owned, an array */
    json_t *index;                /* owned, key as text -> record */
};

struct ml_shelf {
    struct ml_records records[ML_SHELF_LISTS];
    size_t count;
    unsigned long serial; /* of the next id */
};

/* How answers show records. */
struct ml_view {
    struct ml_shelf *shelf;
    bool kept;   /* members that may be either are shown as they are kept */
    bool single; /* of lists that may be one object, the first item; set by ml_view_write */
    const char *people;        /* a list of ids that is shown as people, NULL = none */
    const char *const *hidden; /* members that are left out, NULL ends; NULL = none */
};

/* Empty lists for the service's resources, and for the names of `more` (NULL ends). */
int ml_shelf_create(struct ml_shelf *shelf, const char *service, const char *const *more,
                    struct ml_err *err);
void ml_shelf_destroy(struct ml_shelf *shelf);
/* The list of this name, which has to be there. */
struct ml_records *ml_shelf_list(struct ml_shelf *shelf, const char *name);
/* Adds the record at the end and takes it over, also when it fails (-1: no memory). */
int ml_records_add(struct ml_records *r, json_t *record);
/* The record with this key, or NULL. Borrowed. */
json_t *ml_records_find(const struct ml_records *r, const char *key);
/* Takes it out, if it is there. */
void ml_records_remove(struct ml_records *r, const char *key);
/* A fingerprint of everything that is kept, in order, without times. */
uint64_t ml_records_hash(const struct ml_records *r);
/* Adds the record as its shape says. */
void ml_view_write(const struct ml_view *view, const struct ml_shape *shape, json_t *record,
                   struct ml_out *o);
/* Adds any JSON value as it is. */
void ml_out_json(struct ml_out *o, const json_t *value);
bool ml_shape_has(const struct ml_shape *shape, const char *name);
/* A text member, "" when it is none. Borrowed. */
const char *ml_text_of(const json_t *record, const char *name);
/* Sets a member to a text. -1: no memory. */
int ml_set_text(json_t *record, const char *name, const char *text);
/* Whether the list member has this text. */
bool ml_list_has(const json_t *record, const char *name, const char *text);
/* Adds the text to the list member, making the list, or takes it out of it. -1: no memory. */
int ml_list_put(json_t *record, const char *name, const char *text);
void ml_list_drop(json_t *record, const char *name, const char *text);

#endif
