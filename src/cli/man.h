/* SPDX-License-Identifier: MIT */
/*
 * The man pages: sources of scdoc (docs/man) whose lists come from the tables.
 *
 * A line of a source that is one of these is replaced; all others stay:
 *   @commands@       every command, from the table of commands
 *   @options@        every flag by its group, from the table of flags
 *   @topic NAME@     a topic of help
 *   @help NAME@      what `moonlever help NAME` says about a name of scripts
 * So a page cannot fall behind the program.
 *
 *     moonlever __man docs/man/moonlever.1.scd.in | scdoc > moonlever.1
 */
#ifndef ML_CLI_MAN_H
#define ML_CLI_MAN_H

#include "cli/term.h"

/* The word that asks for it. */
#define ML_MAN "__man"

/* Writes the page of that source to standard output. Returns the exit code: 2 where the source
 * cannot be read or names what there is not. */
int ml_man_page(const char *source, struct ml_term *t);

#endif
