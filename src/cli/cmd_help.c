/* SPDX-License-Identifier: MIT */
/*
 * `moonlever help` and `moonlever version`. What is no command or topic here may
 * be a service, a resource, a method or a function of scripts: the tool "help"
 * knows those (lua/moonlever/help.lua).
 */
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/tool.h"

#include <moonlever.h>

#define TOPICS_MAX 32

/* The word, and behind it what it could have been meant for. */
static int ask_tool(const struct ml_options *o, struct ml_term *t)
{
    const char *argv[1 + ML_COMMANDS + TOPICS_MAX], *name, *brief;
    int argc = 0;
    argv[argc++] = o->topic;
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        argv[argc++] = ml_command_rows[c].name;
    for (size_t i = 0; i < TOPICS_MAX && (name = ml_help_topic_name(i, &brief)) != NULL; i++)
        argv[argc++] = name;
    return ml_tool(o, t, "help", argc, argv);
}

static int is_a_script(const char *word, struct ml_term *t)
{
    struct ml_err err;
    ml_err_set(&err, ML_USAGE, "'%.80s' is a script.\nsee: moonlever run %.80s --help", word,
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
    if (moonlever_script_text(o->topic))
        return is_a_script(o->topic, t);
    return ask_tool(o, t);
}

int ml_cmd_version(struct ml_term *t)
{
    fprintf(t->out.file, "moonlever %s\n%s\n", moonlever_version(), moonlever_libraries());
    return ML_EXIT_DONE;
}
