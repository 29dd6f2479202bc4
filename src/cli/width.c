/* SPDX-License-Identifier: MIT */
#include "cli/width.h"

#include "cli/render.h"

#include <utf8proc.h>

/* Plain ASCII, which most text is, is not rendered first. */
static size_t plain_prefix(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] >= ' ' && text[n] < 0x7f)
        n++;
    return n;
}

static size_t columns(const char *text, size_t len)
{
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text, *end = p + len;
    size_t total = 0;
    while (p < end) {
        utf8proc_int32_t code;
        utf8proc_ssize_t n = utf8proc_iterate(p, end - p, &code);
        if (n <= 0) /* not after rendering; a byte that is none takes a column */
            n = 1;
        else
            total += (size_t)utf8proc_charwidth(code);
        p += n;
    }
    return total;
}

size_t ml_width(const char *text, size_t len)
{
    size_t plain = plain_prefix(text, len);
    if (plain == len)
        return len;
    struct ml_buf shown;
    ml_buf_create(&shown, 8 * len + 16);
    size_t total = ml_render(&shown, text + plain, len - plain) == 0
                       ? columns(shown.data, shown.len)
                       : len - plain; /* no memory: the alignment of a table is lost, no more */
    ml_buf_destroy(&shown);
    return plain + total;
}
