/* SPDX-License-Identifier: MIT */
/*
 * The tools inside the library ("runs", "show", "accounts"): Lua that reads the
 * journal, a plan or the configuration. They need no account and send nothing.
 *
 *     const char *words[] = {"last", "--json"};
 *     return ml_tool(o, t, "runs", 2, words);
 */
#ifndef ML_CLI_TOOL_H
#define ML_CLI_TOOL_H

#include "base/buf.h"
#include "cli/flags.h"
#include "cli/term.h"

#define ML_RUN_ID_MAX 64

/* Runs a tool; what it writes goes to standard output, errors to standard error. Returns the
 * exit code. */
int ml_tool(const struct ml_options *o, struct ml_term *t, const char *tool, int argc,
            const char *const *argv);
/* As ml_tool, with what it writes in `out` instead. */
int ml_tool_text(const struct ml_options *o, struct ml_term *t, const char *tool, int argc,
                 const char *const *argv, struct ml_buf *out);
/* The whole id of the run that a word means: an id, its beginning, or "last". Returns 0, or
 * the exit code when it means none; that has been said then. */
int ml_tool_run_id(const struct ml_options *o, const char *word, struct ml_term *t,
                   char id[ML_RUN_ID_MAX]);

#endif
