/* SPDX-License-Identifier: MIT */
/*
 * One run through the embedding API, on a terminal: what run, plan, apply,
 * resume, undo and get have in common.
 *
 * All that a host program would do stands here: settings, credentials, the
 * question before the first change, progress, stopping, the closing words. The
 * commands differ in how the run is started.
 *
 *     static int start(moonlever *h, const struct ml_options *o, const char *what)
 *     {
 *         return moonlever_apply_start(h, what);
 *     }
 *     return ml_drive(o, secrets, t, start, o->operand);
 */
#ifndef ML_CLI_DRIVE_H
#define ML_CLI_DRIVE_H

#include "cli/closing.h"
#include "cli/flags.h"
#include "cli/secrets.h"
#include "cli/term.h"
#include "practice/practice.h"

#include <moonlever.h>

/* Starts the run on a handle that has its settings; what ml_drive was given comes along. */
typedef int (*ml_drive_start)(moonlever *h, const struct ml_options *o, const char *what);

/* Starts a run, waits for its end and says what there is to say. The secrets go to the engine
 * and are wiped. Returns the exit code. */
int ml_drive(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t,
             ml_drive_start start, const char *what);
/* The end of a command that does not come to a run: the line of JSON, where one was asked for.
 * Returns code. */
int ml_drive_refuse(const struct ml_options *o, struct ml_term *t, int code);
/* The exit code that belongs to what a function of moonlever.h returned. */
int ml_drive_code(const moonlever *h, int rc);
/* Gives a handle the settings of the flags and the account: the credentials, or the practice
 * account in *practice, which is started where there is none yet. */
int ml_drive_settings(moonlever *h, const struct ml_options *o,
                      const struct ml_secrets *secrets, struct ml_term *t,
                      struct ml_practice **practice, struct ml_err *err);
/* How much is said: -q, -v, -vv. */
const char *ml_drive_log_level(const struct ml_options *o);

#endif
