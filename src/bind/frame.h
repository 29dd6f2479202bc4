/* SPDX-License-Identifier: MIT */
/*
 * Lua values as bytes, between the host's process and that of an isolated script.
 *
 * Data is copied. What cannot be (functions, userdata, tables with a metatable of somebody's)
 * stays where it is and crosses as a number, which the two functions of `struct ml_frame_hooks`
 * give and take back.
 *
 *     nil false true null                one byte
 *     integer, float                     and eight bytes, the host's order
 *     string, exact number               and a length in four bytes, and the text
 *     table                              and what it is: plain, array, error, dressed (class
 * and number, four bytes each); items, SEPARATOR, keys and values, END reference and whose, and
 * its number in four bytes
 *
 * Invariants
 *   1. Reading never goes beyond the frame, never deeper than ML_FRAME_DEPTH, and makes at most
 *      one value of a byte: what is not exactly of this form is refused.
 *   2. Of metatables it sets that of arrays and that of errors; others are the hooks'.
 *
 *     ml_frame_write(L, 2, &out, &hooks);
 *     if (ml_frame_read(L, &reader, &hooks) < 0) ...      // otherwise the value is on top
 */
#ifndef ML_BIND_FRAME_H
#define ML_BIND_FRAME_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { ML_FRAME_DEPTH = 100 };

/* What a value that is not copied crosses as; results of the hook `out`. */
enum ml_frame_ref {
    ML_FRAME_MINE = 1, /* the sender's: the reader makes something that stands for it */
    ML_FRAME_YOURS,    /* the reader's own */
    ML_FRAME_DRESSED,  /* a table that is copied, of a class of the host's */
    ML_FRAME_PLAIN,    /* a table that is copied without its metatable */
    ML_FRAME_FUNCTION  /* as ML_FRAME_MINE, and it is a function */
};

/* Stack indices of two Lua functions:
 *   out(value) -> ml_frame_ref, number [, number of the record]; raises for what cannot cross
 *   in(ref, number, record, table) -> value */
struct ml_frame_hooks {
    int out, in;
};

struct ml_frame_reader {
    const unsigned char *at, *end;
};

/* Appends the value at stack index idx (absolute). Raises on what cannot cross, and when memory
 * is out; `out` then holds a part of it. */
void ml_frame_write(lua_State *L, int idx, struct ml_buf *out,
                    const struct ml_frame_hooks *hooks);
/* Pushes the next value. -1: the frame is not well formed; nothing is said of the stack. Raises
 * what the hook raises, and when memory is out. */
int ml_frame_read(lua_State *L, struct ml_frame_reader *r, const struct ml_frame_hooks *hooks);
/* The next four bytes as a number, or the next one. -1: they are not there. */
int ml_frame_u32(struct ml_frame_reader *r, uint32_t *out);
int ml_frame_u8(struct ml_frame_reader *r, uint8_t *out);

#endif
