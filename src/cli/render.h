/* SPDX-License-Identifier: MIT */
/*
 * Text from outside, made harmless for a terminal.
 *
 * Titles, names and error texts come from other people. A terminal obeys what
 * it is shown: escape sequences retitle windows, hide lines or answer prompts,
 * and bidirectional controls make text read as something else. Whatever goes
 * to a terminal passes here first; files and pipes get the bytes as they are.
 *
 * Left alone: printable text in valid UTF-8, LF and TAB; CR LF, as in CSV, becomes LF. Made
 * visible, in the notation of Lua strings: other C0 controls, DEL and bytes that are not UTF-8
 * as \x1B; C1 controls and bidirectional controls as \u{202E}.
 *
 *     ml_render(&out, "a\x1b[2Jb", 6);            // a\x1B[2Jb, all of it visible
 */
#ifndef ML_CLI_RENDER_H
#define ML_CLI_RENDER_H

#include "base/buf.h"

#include <stddef.h>

/* Appends the harmless form of text to out, at most 8 bytes for each byte of it. -1: over the
 * ceiling of out, or no memory; what fitted is there. */
int ml_render(struct ml_buf *out, const char *text, size_t len);
/* How many bytes at the end of text (0..3) are the beginning of a character, or of a CR LF,
 * that the next piece of a stream may complete. Keep them back and put them before that piece.
 */
size_t ml_render_tail(const char *text, size_t len);

#endif
