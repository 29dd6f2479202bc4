/* SPDX-License-Identifier: MIT */
/*
 * `moonlever help` and `moonlever version`.
 */
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/suggest.h"

#include <moonlever.h>

static bool is_ready_made(const char *name)
{
    return moonlever_script_text(name) != NULL;
}

static int nothing_about(const char *word, struct ml_term *t)
{
    struct ml_suggest s;
    struct ml_err err;
    const char *name, *brief;
    ml_suggest_create(&s, word);
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        ml_suggest_offer(&s, ml_command_rows[c].name);
    for (size_t i = 0; (name = ml_help_topic_name(i, &brief)) != NULL; i++)
        ml_suggest_offer(&s, name);
    if (is_ready_made(word))
        ml_err_set(&err, ML_USAGE, "'%.80s' is a script.\nsee: moonlever run %.80s --help",
                   word, word);
    else if (s.best[0])
        ml_err_set(&err, ML_USAGE,
                   "there is no help about '%.80s'. Did you mean '%s'?\nsee: moonlever help",
                   word, s.best);
    else
        ml_err_set(&err, ML_USAGE, "there is no help about '%.80s'.\nsee: moonlever help",
                   word);
    ml_term_error(t, err.text);
    return ML_EXIT_USAGE;
}

int ml_cmd_help(const struct ml_options *o, struct ml_term *t)
{
    enum ml_command command = o->topic ? ml_command_find(o->topic) : ML_CMD_NONE;
    if (!o->topic || command != ML_CMD_NONE) {
        ml_help_command(t->out.file, command, true, false);
        return ML_EXIT_DONE;
    }
    if (ml_help_topic(t->out.file, o->topic, false) == 0)
        return ML_EXIT_DONE;
    return nothing_about(o->topic, t);
}

int ml_cmd_version(struct ml_term *t)
{
    fprintf(t->out.file, "moonlever %s\n%s\n", moonlever_version(), moonlever_libraries());
    return ML_EXIT_DONE;
}
