/* SPDX-License-Identifier: MIT */
#include "cli/man.h"

#include "cli/drive.h"
#include "cli/flags.h"
#include "cli/help.h"
#include "cli/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX (256 * 1024)
#define NAME_MAX_BYTES 100

/* Text in which nothing is markup; line breaks are blanks. */
static void plain(FILE *to, const char *text)
{
    if (*text == '-')
        fputc('\\', to); /* no list */
    for (; *text; text++) {
        if (strchr("\\_*#[]|`", *text))
            fputc('\\', to);
        fputc(*text == '\n' ? ' ' : *text, to);
    }
}

/* Lines as they are. */
static void literal(FILE *to, const char *text)
{
    fprintf(to, "```\n%s%s```\n", text, *text && text[strlen(text) - 1] == '\n' ? "" : "\n");
}

static void commands(FILE *to)
{
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++) {
        const struct ml_command_row *row = &ml_command_rows[c];
        fputs("*moonlever ", to);
        plain(to, row->name);
        fputs("*", to);
        plain(to, row->usage + strlen(row->name));
        fputs("\n\t", to);
        plain(to, row->brief);
        fputs("\n\n", to);
    }
}

/* Which commands have the flag; nothing for those that all have. */
static void owners(FILE *to, enum ml_flag flag)
{
    const char *comma = " [";
    if (ml_command_has(ML_CMD_VERSION, flag))
        return;
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        if (ml_command_has((enum ml_command)c, flag)) {
            for (const char *p = comma; *p; p++)
                fprintf(to, strchr("[]", *p) ? "\\%c" : "%c", *p);
            plain(to, ml_command_rows[c].name);
            comma = ", ";
        }
    fputs("\\]", to);
}

static void option(FILE *to, enum ml_flag flag)
{
    const struct ml_flag_row *row = &ml_flag_rows[flag];
    if (row->letter)
        fprintf(to, "*-%c*, ", row->letter);
    fprintf(to, "*--%s*", row->name);
    if (row->value) {
        fputs(" ", to);
        plain(to, row->value);
    }
    fputs("\n\t", to);
    plain(to, row->brief);
    if (row->more) {
        fputs(". ", to);
        plain(to, row->more);
    }
    owners(to, flag);
    fputs("\n\n", to);
}

static void options(FILE *to)
{
    for (int g = 0; g < ML_GROUPS; g++) {
        fprintf(to, "## %s\n\n", ml_group_titles[g]);
        for (int f = 0; f < ML_FLAGS; f++)
            if (ml_flag_rows[f].group == (enum ml_flag_group)g)
                option(to, (enum ml_flag)f);
    }
}

/* Help is the program's own, as it is shown. -1: there is no such topic. */
static int topic(FILE *to, const char *name)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    if (!memory)
        return -1;
    ml_help_topic_text(memory, name);
    fclose(memory);
    int rc = len ? 0 : -1;
    if (rc == 0)
        literal(to, text);
    free(text);
    return rc;
}

static int about(struct ml_term *t, const char *name)
{
    struct ml_options o = {0};
    struct ml_buf out;
    ml_buf_create(&out, OUT_MAX);
    int code = ml_tool_text(&o, t, "help", 1, &name, &out);
    if (code == ML_EXIT_DONE)
        literal(t->out.file, ml_buf_str(&out));
    ml_buf_destroy(&out);
    return code == ML_EXIT_DONE ? 0 : -1;
}

/* Writes what stands for a line "@WORD NAME@"; -1 where it stands for nothing. */
static int replace(struct ml_term *t, const char *line)
{
    char word[NAME_MAX_BYTES], name[NAME_MAX_BYTES] = "";
    if (sscanf(line, "@%99[a-z] %99[^@]@", word, name) < 1)
        return -1;
    if (strcmp(word, "commands") == 0)
        commands(t->out.file);
    else if (strcmp(word, "options") == 0)
        options(t->out.file);
    else if (strcmp(word, "topic") == 0)
        return topic(t->out.file, name);
    else if (strcmp(word, "help") == 0)
        return about(t, name);
    else
        return -1;
    return 0;
}

static int refuse(struct ml_term *t, const char *source, const char *why)
{
    struct ml_err err;
    ml_err_set(&err, ML_USAGE, "%.200s: %.200s", source, why);
    ml_term_error(t, err.text);
    return ML_EXIT_USAGE;
}

int ml_man_page(const char *source, struct ml_term *t)
{
    char *line = NULL;
    size_t size = 0;
    int code = ML_EXIT_DONE;
    FILE *from = fopen(source, "re");
    if (!from)
        return refuse(t, source, strerror(errno));
    while (code == ML_EXIT_DONE && getline(&line, &size, from) >= 0)
        if (line[0] != '@')
            fputs(line, t->out.file);
        else if (replace(t, line) < 0)
            code = refuse(t, source, line);
    free(line);
    fclose(from);
    return code;
}
