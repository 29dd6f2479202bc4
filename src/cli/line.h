/* SPDX-License-Identifier: MIT */
/*
 * One line from a person: edited with libedit on a terminal, plain elsewhere.
 *
 * The keys come through our own read function, so that the host's loop turns
 * while a line is edited: `wait` is called whenever no key is there. What the
 * host writes meanwhile it writes with ml_line_refresh() behind it.
 *
 * libedit has no bracketed paste: the terminal is told to mark pastes, and what
 * is between the marks never passes the key bindings (a Tab in it completes
 * nothing). A paste of several lines comes as one text.
 *
 * Invariant: the terminal is in its usual mode whenever ml_line_read is not
 * running.
 *
 *     struct ml_line *l = ml_line_new(&host, t, history, ML_LINE_EDIT);
 *     while (ml_line_read(l, "> ", &text) == ML_LINE_TEXT) ...
 *     ml_line_free(l);
 */
#ifndef ML_CLI_LINE_H
#define ML_CLI_LINE_H

#include "base/buf.h"
#include "cli/history.h"
#include "cli/term.h"

enum ml_line_mode {
    ML_LINE_EDIT,  /* a terminal that can do it */
    ML_LINE_PLAIN, /* a terminal that cannot: a prompt, and the line as the terminal gives it */
    ML_LINE_PIPE   /* no terminal: no prompt either */
};

enum ml_line_end {
    ML_LINE_TEXT,  /* a line; while waiting: a key is there */
    ML_LINE_BREAK, /* Ctrl-C */
    ML_LINE_END    /* the end of the input, or of everything */
};

struct ml_line_host {
    void *ud;
    /* Waits until standard input can be read. */
    enum ml_line_end (*wait)(void *ud);
    /* Words that may stand at the end of text, each with its newline, and the byte (from 0)
     * where they begin. -1: there are none. */
    int (*complete)(void *ud, const char *text, size_t len, struct ml_buf *words, size_t *at);
};

struct ml_line;

/* NULL when memory is out or the terminal cannot be used. All are borrowed. */
struct ml_line *ml_line_new(const struct ml_line_host *host, struct ml_term *t,
                            struct ml_history *history, enum ml_line_mode mode);
void ml_line_free(struct ml_line *l);
/* The next line without its newline; on a break `out` is what had been typed. */
enum ml_line_end ml_line_read(struct ml_line *l, const char *prompt, struct ml_buf *out);
/* Draws the line again, below what was written meanwhile. */
void ml_line_refresh(struct ml_line *l);
/* The terminal has another size. */
void ml_line_resize(struct ml_line *l);

#endif
