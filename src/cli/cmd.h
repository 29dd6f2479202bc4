/* SPDX-License-Identifier: MIT */
/*
 * The commands, one file each. A command says what it has to say on the
 * terminal it is given and returns the exit code; it never calls exit.
 */
#ifndef ML_CLI_CMD_H
#define ML_CLI_CMD_H

#include "cli/flags.h"
#include "cli/secrets.h"
#include "cli/term.h"
#include "practice/practice.h"

/* Exit codes that the program itself decides on; the engine knows the others. */
enum { ML_EXIT_DONE = 0, ML_EXIT_FAILED = 1, ML_EXIT_USAGE = 2 };

/* Runs a script. The secrets go to the engine and are wiped. */
int ml_cmd_run(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* Serves the practice account until a signal comes. */
int ml_cmd_practice(const struct ml_options *o, struct ml_term *t);
/* Help about what o->topic names. */
int ml_cmd_help(const struct ml_options *o, struct ml_term *t);
/* The version. */
int ml_cmd_version(struct ml_term *t);

/* Starts a practice account shaped by the flags; *out is the caller's. */
int ml_practice_from(const struct ml_options *o, struct ml_practice **out, struct ml_err *err);

#endif
