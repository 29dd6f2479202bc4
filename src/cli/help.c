/* SPDX-License-Identifier: MIT */
#include "cli/help.h"

#include "cli/script_file.h"
#include "practice/practice.h"

#include <moonlever.h>

#include <string.h>

#define WIDTH 80
#define COLUMN 24 /* where explanations of flags begin */
#define NARROW 14 /* and those of shorter names */

static void heading(FILE *to, const char *title, bool color)
{
    fprintf(to, color ? "\n\x1b[1m%s\x1b[0m\n" : "\n%s\n", title);
}

/* The lines of text, each behind `indent` spaces. */
static void lines(FILE *to, const char *text, int indent)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        fprintf(to, "%*s%.*s\n", n ? indent : 0, "", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

/* Writes text in lines of at most WIDTH columns; further lines begin at `column`. */
static void wrapped(FILE *to, const char *text, size_t column)
{
    size_t at = column;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (at > column && at + 1 + n > WIDTH) {
            fprintf(to, "\n%*s", (int)column, "");
            at = column;
        } else if (at > column) {
            fputc(' ', to);
            at++;
        }
        fprintf(to, "%.*s", (int)n, text);
        at += n;
        text += n + (text[n] == ' ');
    }
    fputc('\n', to);
}

/* "  name    what it is", the name on a line of its own when it is long. */
static void pair(FILE *to, const char *name, const char *what, size_t column)
{
    if (strlen(name) + 3 > column)
        fprintf(to, "  %s\n%*s", name, (int)column, "");
    else
        fprintf(to, "  %-*s", (int)column - 2, name);
    wrapped(to, what, column);
}

static void flag_line(FILE *to, enum ml_command command, enum ml_flag flag, bool longer)
{
    const struct ml_flag_row *row = &ml_flag_rows[flag];
    char name[64];
    int n = ml_command_has_letter(command, flag)
                ? snprintf(name, sizeof name, "-%c, --%s", row->letter, row->name)
                : snprintf(name, sizeof name, "    --%s", row->name);
    if (row->value)
        snprintf(name + n, sizeof name - (size_t)n, " %s", row->value);
    pair(to, name, row->brief, COLUMN);
    if (longer && row->more)
        lines(to, row->more, COLUMN);
}

static void flags(FILE *to, enum ml_command command, bool longer, bool color)
{
    for (int g = 0; g < ML_GROUPS; g++) {
        bool any = false;
        for (int f = 0; f < ML_FLAGS; f++) {
            const struct ml_flag_row *row = &ml_flag_rows[f];
            if (row->group != (enum ml_flag_group)g ||
                !ml_command_has(command, (enum ml_flag)f))
                continue;
            if (!any)
                heading(to, ml_group_titles[g], color);
            any = true;
            flag_line(to, command, (enum ml_flag)f, longer);
        }
    }
}

static void commands(FILE *to, bool color)
{
    heading(to, "COMMANDS", color);
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        pair(to, ml_command_rows[c].name, ml_command_rows[c].brief, NARROW);
}

static void topics(FILE *to, bool color)
{
    const char *brief, *name;
    heading(to, "TOPICS (moonlever help TOPIC)", color);
    for (size_t i = 0; (name = ml_help_topic_name(i, &brief)) != NULL; i++)
        pair(to, name, brief, NARROW);
}

void ml_help_scripts(FILE *to)
{
    char summary[160];
    for (size_t i = 0; moonlever_script_name(i); i++) {
        const char *name = moonlever_script_name(i), *text = moonlever_script_text(name);
        ml_script_summary(text ? text : "", summary, sizeof summary);
        pair(to, name, summary, NARROW);
    }
}

static void more_about(FILE *to, enum ml_command command, bool longer, bool color)
{
    heading(to, "LEARN MORE", color);
    if (command == ML_CMD_NONE)
        fputs("  moonlever help COMMAND    all about one command\n", to);
    else if (!longer)
        fprintf(to, "  moonlever %s --help    the same with every detail\n",
                ml_command_rows[command].name);
    if (ml_command_runs_script(command))
        fputs("  moonlever run SCRIPT --help    what a script does and takes\n", to);
    fputs("  moonlever help exit-codes\n", to);
}

void ml_help_command(FILE *to, enum ml_command command, bool longer, bool color)
{
    const struct ml_command_row *row = &ml_command_rows[command];
    fprintf(to, "%s\n", row->brief);
    heading(to, "USAGE", color);
    fprintf(to, "  moonlever %s\n", row->usage);
    heading(to, "EXAMPLES", color);
    lines(to, row->examples, 2);
    if (longer && row->more) {
        fputc('\n', to);
        lines(to, row->more, 0);
    }
    if (command == ML_CMD_NONE)
        commands(to, color);
    if (command == ML_CMD_RUN || (command == ML_CMD_NONE && longer)) {
        heading(to, "READY-MADE SCRIPTS", color);
        ml_help_scripts(to);
    }
    if (command == ML_CMD_NONE || command == ML_CMD_HELP)
        topics(to, color);
    if (longer && command == ML_CMD_CONFIG) { /* the command and the topic have one name */
        heading(to, "SETTINGS", color);
        ml_help_topic_text(to, row->name);
    }
    if (command == ML_CMD_PRACTICE && longer) {
        heading(to, "FAULTS", color);
        lines(to, ml_practice_fault_help(), 0); /* comes indented */
    }
    /* The program itself has what every command has. */
    flags(to, command == ML_CMD_NONE ? ML_CMD_HELP : command, longer, color);
    more_about(to, command, longer, color);
}
