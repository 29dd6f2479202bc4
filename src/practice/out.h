/* SPDX-License-Identifier: MIT */
/*
 * JSON text for answers, written straight into a buffer.
 *
 * A page of recordings is 100 objects of a kilobyte; building a tree for each
 * would make the practice server the slow end of every benchmark. Requests are
 * read with jansson; only writing goes through here.
 *
 * Invariant: after the first failure (no memory, over the ceiling) nothing more
 * is added and `failed` stays true, so that it is looked at once, at the end.
 *
 *     struct ml_out o;
 *     ml_out_create(&o);
 *     ml_out_text(&o, "{\"title\":");
 *     ml_out_string(&o, title);          // quoted and escaped, null for NULL
 *     ml_out_text(&o, "}");
 *     ml_out_destroy(&o);
 */
#ifndef ML_PRACTICE_OUT_H
#define ML_PRACTICE_OUT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct ml_out {
    struct ml_buf buf;
    bool failed;
};

/* Empty; holds at most 256 MiB. */
void ml_out_create(struct ml_out *o);
void ml_out_destroy(struct ml_out *o);
/* Adds text or bytes as they are. */
void ml_out_text(struct ml_out *o, const char *text);
void ml_out_bytes(struct ml_out *o, const char *bytes, size_t len);
void ml_out_fmt(struct ml_out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a JSON string, or null for NULL. Bytes that are no UTF-8 become U+FFFD. */
void ml_out_string(struct ml_out *o, const char *s);
void ml_out_string_n(struct ml_out *o, const char *s, size_t len);
/* Adds a quoted time such as "2025-03-11T09:11:05.000Z"; ms since 1970, null when negative. */
void ml_out_time(struct ml_out *o, int64_t ms);
/* Bytes of the UTF-8 character at s (1..4), 0 when there is none within len bytes (RFC 3629).
 */
size_t ml_utf8_char(const char *s, size_t len);

#endif
