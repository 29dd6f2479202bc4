/* SPDX-License-Identifier: MIT */
/*
 * The header lines of one answer, as received, in a bounded buffer.
 *
 * libcurl's own header API shares storage between calls in 7.88; and the easy
 * handle goes back to the pool before Lua asks. So the lines are kept as text
 * and looked up when somebody wants one.
 *
 * The buffer holds "Name: value\n" lines of the last status block only.
 */
#ifndef ML_NET_HEADERS_H
#define ML_NET_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define ML_HEADERS_MAX (64 * 1024) /* bytes kept; what comes behind is dropped */

/* Takes one line as libcurl hands it over; a status line starts a new block. */
void ml_headers_line(struct ml_buf *headers, const char *line, size_t len);
/* The value of the first header with this name (case-blind), without surrounding blanks; its
 * length in *len. NULL when there is none. Valid until the buffer changes. */
const char *ml_headers_find(const struct ml_buf *headers, const char *name, size_t *len);
/* Walks all headers: *at is 0 at first. False at the end. The parts are not NUL-terminated. */
bool ml_headers_next(const struct ml_buf *headers, size_t *at, const char **name,
                     size_t *name_len, const char **value, size_t *value_len);
/* Is this a header name (RFC 9110 token) and a value without control bytes? */
bool ml_headers_valid(const char *name, const char *value);

#endif
