/* SPDX-License-Identifier: MIT */
/*
 * The storage host of WorkDrive's uploads: POST /practice/storage takes the
 * signed form that media_create answered with, and the file behind it.
 *
 * The file is read as it comes; only its size and SHA-256 are kept. Refused
 * are: fields that are not those of the form, in its order; a file that is not
 * last; a form that was sent before; and any credential of the service, which is
 * counted as a leak. What arrived stands in the list `files`.
 *
 * Invariant: an upload belongs to its connection until it is served; ml_upload_free
 * ends it, also half way.
 *
 *     struct ml_upload *upload = ml_upload_new(connection);
 *     ml_upload_feed(upload, bytes, n);     // any number of times
 *     ml_upload_store(p, ask, ans);         // with ask->upload; the lock is held
 */
#ifndef ML_PRACTICE_UPLOAD_H
#define ML_PRACTICE_UPLOAD_H

#include "practice/server.h"

struct MHD_Connection;

/* NULL: no memory. A body that is no form is noticed when it is stored. */
struct ml_upload *ml_upload_new(struct MHD_Connection *connection);
void ml_upload_feed(struct ml_upload *u, const char *bytes, size_t n);
void ml_upload_free(struct ml_upload *u);
/* Whether a request with this method and target is an upload. */
bool ml_upload_is(const char *method, const char *uri);
/* Judges what came, and answers as storage hosts do: 204, or XML. */
void ml_upload_store(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
/* The answer of media_create: an id and a form that may be sent once. NULL: no memory. */
json_t *ml_upload_form(struct ml_practice *p, const char *owner, const char *mime,
                       const char *name, const char *module);

#endif
