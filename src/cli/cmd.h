/* SPDX-License-Identifier: MIT */
/*
 * The commands, one file each. A command says what it has to say on the
 * terminal it is given and returns the exit code; it never calls exit.
 */
#ifndef ML_CLI_CMD_H
#define ML_CLI_CMD_H

#include "cli/closing.h"
#include "cli/flags.h"
#include "cli/secrets.h"
#include "cli/term.h"
#include "practice/practice.h"

/* Runs or plans a script. The secrets go to the engine and are wiped, as by the next three. */
int ml_cmd_run(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* Sends what a plan holds. */
int ml_cmd_apply(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* Goes on with a run. */
int ml_cmd_resume(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* Puts back what a run has changed. */
int ml_cmd_undo(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* What a plan would change. */
int ml_cmd_show(const struct ml_options *o, struct ml_term *t);
/* The runs so far, or the changes of one. */
int ml_cmd_runs(const struct ml_options *o, struct ml_term *t);
/* Shows what a service holds. */
int ml_cmd_get(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* Stores a token, once it has been tried out. */
int ml_cmd_login(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* Profiles: list, use, remove. */
int ml_cmd_profile(const struct ml_options *o, struct ml_term *t);
/* Which settings hold. */
int ml_cmd_config(const struct ml_options *o, const struct ml_secrets *secrets,
                  struct ml_term *t);
/* Looks for what is wrong. */
int ml_cmd_doctor(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* A session at a prompt, or of lines from standard input. */
int ml_cmd_repl(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t);
/* Serves the practice account until a signal comes. */
int ml_cmd_practice(const struct ml_options *o, struct ml_term *t);
/* Writes files made from the catalogues. */
int ml_cmd_stubs(const struct ml_options *o, struct ml_term *t);
/* Prints the script that completes in a shell. */
int ml_cmd_completion(const struct ml_options *o, struct ml_term *t);
/* The word that every such script begins with: `moonlever __complete WORDS...`. */
#define ML_COMPLETE "__complete"
/* What may stand in place of the last of the words, a line each. */
int ml_cmd_complete(int argc, char *const *argv, struct ml_term *t);
/* Help about what o->topic names. */
int ml_cmd_help(const struct ml_options *o, struct ml_term *t);
/* The version. */
int ml_cmd_version(struct ml_term *t);

/* Starts a practice account shaped by the flags; *out is the caller's. */
int ml_practice_from(const struct ml_options *o, struct ml_practice **out, struct ml_err *err);

#endif
