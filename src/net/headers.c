/* SPDX-License-Identifier: MIT */
#include "net/headers.h"

#include <string.h>
#include <strings.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void ml_headers_line(struct ml_buf *headers, const char *line, size_t len)
{
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        ml_buf_clear(headers);
        return;
    }
    while (len && blank(line[len - 1]))
        len--;
    /* A line break inside would make lines that nobody sent, or none with a colon. */
    if (len == 0 || !memchr(line, ':', len) || memchr(line, '\0', len) ||
        memchr(line, '\n', len) || memchr(line, '\r', len))
        return;
    if (ml_buf_reserve(headers, len + 1) < 0)
        return; /* over the ceiling: later headers are dropped, as documented */
    ml_buf_add(headers, line, len);
    ml_buf_add(headers, "\n", 1);
}

bool ml_headers_next(const struct ml_buf *headers, size_t *at, const char **name,
                     size_t *name_len, const char **value, size_t *value_len)
{
    if (*at >= headers->len)
        return false;
    const char *line = headers->data + *at;
    const char *end = memchr(line, '\n', headers->len - *at);
    const char *colon = memchr(line, ':', (size_t)(end - line));
    const char *v = colon + 1;
    while (v < end && blank(*v))
        v++;
    *name = line;
    *name_len = (size_t)(colon - line);
    *value = v;
    *value_len = (size_t)(end - v);
    *at = (size_t)(end - headers->data) + 1;
    return true;
}

const char *ml_headers_find(const struct ml_buf *headers, const char *name, size_t *len)
{
    size_t at = 0, want = strlen(name), n;
    const char *k, *v;
    while (ml_headers_next(headers, &at, &k, &n, &v, len))
        if (n == want && strncasecmp(k, name, n) == 0)
            return v;
    return NULL;
}

bool ml_headers_valid(const char *name, const char *value)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (!*name || name[strspn(name, token)])
        return false;
    for (const unsigned char *p = (const unsigned char *)value; *p; p++)
        if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return true;
}
