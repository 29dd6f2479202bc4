/* SPDX-License-Identifier: MIT */
/*
 * Any bytes to a terminal: what comes out holds no control but LF and TAB, is
 * left alone by a second pass, and is the same when it comes in two pieces.
 */
#include "cli/render.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void same(const struct ml_buf *a, const struct ml_buf *b)
{
    require(a->len == b->len && strcmp(ml_buf_str(a), ml_buf_str(b)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct ml_buf once, twice, pieces;
    size_t cut = size ? data[0] % (size + 1) : 0;
    ml_buf_create(&once, 8 * size + 8);
    ml_buf_create(&twice, 8 * size + 8);
    ml_buf_create(&pieces, 8 * size + 8);
    require(ml_render(&once, text, size) == 0);
    for (size_t i = 0; i < once.len; i++)
        require((unsigned char)once.data[i] >= 0x20 || once.data[i] == '\n' ||
                once.data[i] == '\t');
    require(ml_render(&twice, ml_buf_str(&once), once.len) == 0);
    same(&once, &twice);
    size_t keep = ml_render_tail(text, cut);
    require(keep <= 3 && keep <= cut);
    require(ml_render(&pieces, text, cut - keep) == 0);
    require(ml_render(&pieces, text + cut - keep, size - cut + keep) == 0);
    same(&once, &pieces);
    ml_buf_destroy(&once);
    ml_buf_destroy(&twice);
    ml_buf_destroy(&pieces);
    return 0;
}
