/* SPDX-License-Identifier: MIT */
/*
 * A growing byte buffer, born with a ceiling.
 *
 * Everything a server sends is of unknown length; a buffer that cannot be
 * created without a maximum cannot be forgotten to be bounded.
 *
 * Invariants: len <= cap <= max + 1; data is NULL only while cap is 0; when
 * cap is not 0 the byte data[len] exists and is '\0'.
 *
 *     struct ml_buf b;
 *     ml_buf_create(&b, 1 << 20);
 *     if (ml_buf_add(&b, "abc", 3) < 0) ...   // over the ceiling, or no memory
 *     ml_buf_destroy(&b);
 */
#ifndef ML_BASE_BUF_H
#define ML_BASE_BUF_H

#include <stddef.h>

struct ml_buf {
    char *data; /* owned; NUL behind the last byte */
    size_t len; /* bytes used */
    size_t cap; /* bytes allocated, the NUL included */
    size_t max; /* ceiling of len */
};

/* An empty buffer that never holds more than `max` bytes. Allocates nothing. */
void ml_buf_create(struct ml_buf *b, size_t max);
/* Frees the bytes; the buffer is empty and usable again. */
void ml_buf_destroy(struct ml_buf *b);
/* Forgets the content and keeps the memory. */
void ml_buf_clear(struct ml_buf *b);
/* Appends n bytes. -1 when that would pass the ceiling or memory is out (nothing is added). */
int ml_buf_add(struct ml_buf *b, const void *bytes, size_t n);
/* Appends a string. As ml_buf_add. */
int ml_buf_adds(struct ml_buf *b, const char *s);
/* Appends formatted text. As ml_buf_add. */
int ml_buf_addf(struct ml_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes without adding any. As ml_buf_add. */
int ml_buf_reserve(struct ml_buf *b, size_t n);
/* The content as a C string, "" when empty. Valid until the next change. */
const char *ml_buf_str(const struct ml_buf *b);

#endif
