/* SPDX-License-Identifier: MIT */
/*
 * Any bytes: a text is never wider than twice what is shown of it has bytes, and
 * a part of plain text in front of it adds just its length.
 */
#include "cli/render.h"
#include "cli/width.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct ml_buf shown, longer;
    ml_buf_create(&shown, 8 * size + 8);
    ml_buf_create(&longer, size + 8);
    size_t width = ml_width(text, size);
    if (ml_render(&shown, text, size) < 0 || width > 2 * shown.len)
        abort();
    if (ml_buf_adds(&longer, "abc") < 0 || ml_buf_add(&longer, text, size) < 0 ||
        ml_width(ml_buf_str(&longer), longer.len) != width + 3)
        abort();
    ml_buf_destroy(&shown);
    ml_buf_destroy(&longer);
    return 0;
}
