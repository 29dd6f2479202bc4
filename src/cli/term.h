/* SPDX-License-Identifier: MIT */
/*
 * Where text goes: standard output for data, standard error for the rest.
 *
 * While a terminal is open, `stdout` and (on a terminal) `stderr` of the C
 * library are streams of ours, so that scripts that use print, io.write or
 * io.stderr pass the same door as the program itself:
 *   - on a terminal everything is made harmless (render.h);
 *   - the progress line is taken away before anything else appears, and is not
 *     drawn behind a line that a script has not ended;
 *   - a failed write to standard output is remembered, whoever wrote.
 * This rests on glibc's fopencookie and on its assignable stdout and stderr.
 *
 * Invariants: the progress line, when shown, is the last thing on the terminal;
 * error is the first errno of a failed write and stays. The term must not move
 * while it is open, and is closed before it goes out of scope.
 *
 *     struct ml_term t;
 *     if (ml_term_open(&t, ML_COLOR_AUTO, &err) < 0) ...
 *     ml_term_error(&t, "cannot read 'x.lua': Permission denied");
 *     if (ml_term_close(&t) != 0) ...             // errno of standard output
 */
#ifndef ML_CLI_TERM_H
#define ML_CLI_TERM_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum ml_color { ML_COLOR_AUTO, ML_COLOR_ALWAYS, ML_COLOR_NEVER };

struct ml_term;

/* One of the two standard streams, taken over. */
struct ml_stream {
    struct ml_term *term;
    int fd;
    bool tty;
    char tail[4]; /* the beginning of a character or line end, the rest still to come
                     (terminals) */
    size_t tail_len;
    char last;    /* the last byte written, '\n' before the first */
    int error;    /* errno of the first failed write, 0 = none */
    FILE *file;   /* ours; NULL = not taken over */
    FILE *before; /* the C library's own */
};

struct ml_term {
    struct ml_stream out, err;
    bool out_color, err_color;
    bool live;       /* standard error is a terminal that can rewrite a line */
    bool line_shown; /* the progress line stands there */
    bool fresh;      /* the terminal's cursor is at the beginning of a line */
};

/* Takes over the standard streams. -1 when the C library refuses (memory). Colour: what `color`
 * says, else NO_COLOR, CLICOLOR_FORCE, CLICOLOR=0, TERM=dumb, else whether it is a terminal. */
int ml_term_open(struct ml_term *t, enum ml_color color, struct ml_err *err);
/* Flushes, gives the streams back, and returns the errno of standard output, 0 = all written.
 */
int ml_term_close(struct ml_term *t);
/* Flushes standard output and returns its errno, 0 = all written so far. */
int ml_term_flush(struct ml_term *t);
/* Writes text to standard error as it is, beginning on a line of its own. */
void ml_term_text(struct ml_term *t, const char *text, size_t len);
/* Writes "moonlever: ", the formatted text and a newline to standard error. */
void ml_term_note(struct ml_term *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes an error of one or more lines: "moonlever: " first, further lines indented. */
void ml_term_error(struct ml_term *t, const char *text);
/* Rewrites the progress line; nothing happens unless t->live. No newline in text. */
void ml_term_progress(struct ml_term *t, const char *text, size_t len);
/* Takes the progress line away. */
void ml_term_clear(struct ml_term *t);
/* Columns of the terminal on standard output, 80 when it does not say. */
size_t ml_term_out_width(const struct ml_term *t);
/* Columns of the terminal on standard error, 80 when it does not say. */
size_t ml_term_width(const struct ml_term *t);

#endif
