/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No object is larger (C11 7.20.3); below it the sums and doublings here cannot overflow. */
#define LARGEST ((size_t)PTRDIFF_MAX - 1)

void ml_buf_create(struct ml_buf *b, size_t max)
{
    *b = (struct ml_buf){.max = max < LARGEST ? max : LARGEST};
}

void ml_buf_destroy(struct ml_buf *b)
{
    free(b->data);
    ml_buf_create(b, b->max);
}

void ml_buf_clear(struct ml_buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

int ml_buf_reserve(struct ml_buf *b, size_t n)
{
    if (n > b->max - b->len)
        return -1;
    size_t need = b->len + n + 1;
    if (need <= b->cap)
        return 0;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < need)
        cap += cap;
    if (cap > b->max + 1)
        cap = b->max + 1;
    char *data = realloc(b->data, cap);
    if (!data)
        return -1;
    b->data = data;
    b->cap = cap;
    b->data[b->len] = '\0';
    return 0;
}

int ml_buf_add(struct ml_buf *b, const void *bytes, size_t n)
{
    if (ml_buf_reserve(b, n) < 0)
        return -1;
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return 0;
}

int ml_buf_adds(struct ml_buf *b, const char *s)
{
    return ml_buf_add(b, s, strlen(s));
}

int ml_buf_addf(struct ml_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || ml_buf_reserve(b, (size_t)n) < 0)
        return -1;
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return 0;
}

const char *ml_buf_str(const struct ml_buf *b)
{
    return b->data ? b->data : "";
}
