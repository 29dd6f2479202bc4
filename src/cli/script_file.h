/* SPDX-License-Identifier: MIT */
/*
 * Is there such a script? Asked before anything starts, because the best
 * answer to a mistyped name is the name that was meant.
 *
 *     if (ml_script_check("retga", &err) < 0) ...     // "... Did you mean 'retag'?"
 */
#ifndef ML_CLI_SCRIPT_FILE_H
#define ML_CLI_SCRIPT_FILE_H

#include "base/err.h"

#include <stddef.h>

/* 0 when `script` is a ready-made script or a file that can be read; else -1 with a ML_USAGE
 * error that names the nearest ready-made script or Lua file of the same directory. */
int ml_script_check(const char *script, struct ml_err *err);
/* Copies the `summary` out of the header of a script's text into line, "" when there is none.
 */
void ml_script_summary(const char *text, char *line, size_t size);

#endif
