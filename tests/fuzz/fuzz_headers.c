/* SPDX-License-Identifier: MIT */
/*
 * Header lines as a server may send them: whatever the bytes, look-ups stay inside the buffer,
 * a value has no line break, and what is walked is what is found.
 */
#include "net/headers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct ml_buf *headers, const char *text, size_t size)
{
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t len = end ? (size_t)(end - text) + 1 : size;
        ml_headers_line(headers, text, len);
        text += len;
        size -= len;
    }
}

static void check(const struct ml_buf *headers)
{
    const char *name, *value;
    size_t at = 0, name_len, value_len, found_len;
    while (ml_headers_next(headers, &at, &name, &name_len, &value, &value_len)) {
        char key[64];
        if (memchr(value, '\n', value_len) || memchr(name, ':', name_len))
            abort();
        if (name_len == 0 || name_len >= sizeof key)
            continue;
        memcpy(key, name, name_len);
        key[name_len] = '\0';
        if (!ml_headers_find(headers, key, &found_len))
            abort();
        ml_headers_valid(key, "value");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ml_buf headers;
    ml_buf_create(&headers, 4096); /* small, so that the ceiling is met */
    feed(&headers, (const char *)data, size);
    check(&headers);
    ml_buf_destroy(&headers);
    return 0;
}
