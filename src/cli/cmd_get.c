/* SPDX-License-Identifier: MIT */
/*
 * `moonlever get`: the words and flags, passed on to the tool that reads
 * (lua/moonlever/get.lua). Driving it is the same as driving a script (drive.h).
 */
#include "cli/cmd.h"
#include "cli/drive.h"

#include <stdlib.h>

#define FIXED 6 /* words of the tool in front of the filters */

/* `view` is the format and the width of the terminal, as the tool takes them. */
static int start_get(moonlever *h, const struct ml_options *o, const char *view)
{
    const char *fields = o->values[ML_FLAG_FIELDS], *limit = o->values[ML_FLAG_LIMIT];
    char filters[16];
    int argc = 0;
    const char **argv = calloc((size_t)(FIXED + o->pair_count + o->word_count), sizeof *argv);
    if (!argv)
        return MOONLEVER_ENOMEM;
    snprintf(filters, sizeof filters, "%d", o->pair_count);
    argv[argc++] = view;
    argv[argc++] = limit ? limit : "";
    argv[argc++] = fields ? fields : "";
    argv[argc++] = filters;
    for (int i = 0; i < o->pair_count; i++)
        argv[argc++] = o->pairs[i];
    for (int i = 0; i < o->word_count; i++)
        argv[argc++] = o->words[i];
    int rc = moonlever_tool_start(h, "get", argc, argv);
    free(argv);
    return rc;
}

int ml_cmd_get(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    const char *format = o->values[ML_FLAG_FORMAT];
    char view[64];
    snprintf(view, sizeof view, "%s %zu",
             format       ? format
             : t->out.tty ? "table"
                          : "tsv",
             ml_term_out_width(t));
    return ml_drive(o, secrets, t, start_get, view);
}
