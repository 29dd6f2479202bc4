/* SPDX-License-Identifier: MIT */
/*
 * Help texts, made from the table of flags and commands (flags.h).
 *
 * The order is that of people who look something up: how to call it, examples,
 * then the rest. The short form (-h) is one screen; the long one (--help) adds
 * what each flag does.
 *
 *     ml_help_command(stdout, ML_CMD_RUN, true, false);
 */
#ifndef ML_CLI_HELP_H
#define ML_CLI_HELP_H

#include "cli/flags.h"

#include <stdbool.h>
#include <stdio.h>

/* Writes the help of a command; ML_CMD_NONE is the program itself. */
void ml_help_command(FILE *to, enum ml_command command, bool longer, bool color);
/* Writes the help of a topic. 0, or -1 when there is none of this name. */
int ml_help_topic(FILE *to, const char *name, bool color);
/* Name and one line about topic `index` from 0; NULL behind the last. */
const char *ml_help_topic_name(size_t index, const char **brief);
/* Writes the names and summaries of the ready-made scripts, one a line. */
void ml_help_scripts(FILE *to);

/* Writes the text of a topic without its title; nothing where there is none. */
void ml_help_topic_text(FILE *to, const char *name);

#endif
