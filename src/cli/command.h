/* SPDX-License-Identifier: MIT */
/*
 * The command of a profile that prints its token (`token_cmd`): a password
 * manager, most often. Run without a shell, so no word of it is anything but a
 * word; it has the terminal, as it may have to ask people.
 *
 *     const char *argv[] = {"pass", "show", "acme", NULL};
 *     char token[8192];
 *     ptrdiff_t n = ml_command_line(t, argv, token, sizeof token);
 */
#ifndef ML_CLI_COMMAND_H
#define ML_CLI_COMMAND_H

#include "cli/term.h"

#include <stddef.h>

/* Runs argv (ended by NULL) and puts the first line of its output, without the line break, into
 * out. Returns its length, 0 when there is none, -1 when it cannot be run, ends badly, or the
 * line is too long: that has been said on the terminal. */
ptrdiff_t ml_command_line(struct ml_term *t, const char *const *argv, char *out, size_t size);

#endif
