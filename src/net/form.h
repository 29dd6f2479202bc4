/* SPDX-License-Identifier: MIT */
/*
 * A form with a file, as multipart/form-data: the fields in their order, the file behind them
 * (storage hosts ignore what comes after it).
 *
 * The file is read while it is sent, so its size does not count in memory. libcurl's own
 * structure belongs to one exchange: it is made anew for each, and freed when the exchange is
 * over, never before.
 *
 *     struct ml_form *form = ml_form_new(&spec);
 *     curl_mime *mime = ml_form_make(form, easy);     // for CURLOPT_MIMEPOST
 *     ...
 *     curl_mime_free(mime);
 *     ml_form_free(form);
 */
#ifndef ML_NET_FORM_H
#define ML_NET_FORM_H

#include <curl/curl.h>
#include <stdint.h>

#include "net/call.h"

struct ml_form;

/* A copy of the description. NULL: out of memory. */
struct ml_form *ml_form_new(const struct ml_call_form *spec);
void ml_form_free(struct ml_form *form);
/* Bytes of the file when the form was made, 0 = not known. */
uint64_t ml_form_size(const struct ml_form *form);
/* The form for one exchange of this handle. NULL: out of memory, or the file cannot be read. */
curl_mime *ml_form_make(const struct ml_form *form, CURL *easy);

#endif
