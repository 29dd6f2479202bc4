/* SPDX-License-Identifier: MIT */
/*
 * One question on the terminal, answered with yes or no, or with a word.
 *
 * Asked only where a person sees it: standard error must be a terminal. The
 * answer comes from standard input when that is a terminal too, else from the
 * controlling terminal, so that a script may read its data from a pipe.
 *
 *     if (ml_prompt_possible(&term))
 *         go = ml_prompt_ask(&term, "500 changes to screendesk.recordings.", 37, "", -1);
 */
#ifndef ML_CLI_PROMPT_H
#define ML_CLI_PROMPT_H

#include "cli/term.h"

/* Whether there is a terminal to ask on. */
bool ml_prompt_possible(const struct ml_term *t);
/* Asks, and waits for a line. True for "y" and "yes" in any case; everything else, and the end
 * of the input, mean no. So does
 * stop_fd when it becomes readable; -1 = nothing stops it.
 * Where `word` is not "", it is the only yes. */
bool ml_prompt_ask(struct ml_term *t, const char *text, size_t len, const char *word,
                   int stop_fd);
/* Asks for a secret on the terminal: what is typed is not shown. The line without its end in
 * out, and its length; -1 when there is none, it does not fit, or stop_fd became readable. */
ptrdiff_t ml_prompt_secret(struct ml_term *t, const char *text, char *out, size_t size,
                           int stop_fd);
/* The same from a descriptor that is no terminal, and without a question. */
ptrdiff_t ml_prompt_line(int fd, char *out, size_t size, int stop_fd);

#endif
