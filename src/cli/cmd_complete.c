/* SPDX-License-Identifier: MIT */
/*
 * `moonlever __complete WORDS...`: what may stand in place of the last word, one
 * a line, with a tab and what it is; the line ":files" stands for names of files.
 * Asked by the scripts of `moonlever completion` at each press of the key.
 *
 * Commands, flags and their values come from the table of flags; what the
 * library knows (profiles, services, runs, arguments of scripts) from the tool
 * "complete" (lua/moonlever/words.lua).
 *
 * bash splits words at "=": --format=js comes as three words, and only the last
 * of them is replaced. Other shells replace all of it.
 */
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/script_file.h"
#include "cli/tool.h"

#include <moonlever.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "cli/account_file.h"

#define OUT_MAX (256 * 1024)
#define PROFILES_MAX 100
#define PATH_LONGEST 4096

/* What the words before the last one say. */
struct line {
    struct ml_term *t;
    struct ml_options o; /* empty: the tools want one */
    char prefix[80];     /* what stands before each candidate: "--format=" */
    const char *word;    /* so far, behind the prefix */
    enum ml_flag wanted; /* the flag whose value it is, ML_FLAGS = none */
    bool closed;         /* behind -- */
    enum ml_command command;
    const char *words[ML_WORDS_MAX]; /* behind the command, flags left out */
    int count;
};

static void put(const struct line *l, const char *word, const char *brief)
{
    if (strncmp(word, l->word, strlen(l->word)) == 0)
        fprintf(l->t->out.file, "%s%s\t%s\n", l->prefix, word, brief);
}

static void put_files(const struct line *l)
{
    fputs(":files\n", l->t->out.file);
}

/* --- the words so far --- */

static const char *script_of(const struct line *l)
{
    return ml_command_runs_script(l->command) && l->count > 0 ? l->words[0] : NULL;
}

/* Is the flag one of Moonlever's here? Behind a script those of run and plan are. */
static bool is_known(const struct line *l, enum ml_flag flag)
{
    if (flag == ML_FLAGS)
        return false;
    if (script_of(l))
        return (ml_command_has(ML_CMD_RUN, flag) || ml_command_has(ML_CMD_PLAN, flag)) &&
               flag != ML_FLAG_HELP && flag != ML_FLAG_VERSION;
    return l->command == ML_CMD_NONE || ml_command_has(l->command, flag);
}

static enum ml_flag by_letter(const struct line *l, char letter)
{
    for (int f = 0; f < ML_FLAGS; f++)
        if (ml_flag_rows[f].letter == letter &&
            ml_command_has_letter(l->command, (enum ml_flag)f))
            return (enum ml_flag)f;
    return ML_FLAGS;
}

/* The flag that takes the next word as its value, ML_FLAGS = none. */
static enum ml_flag flag_of(const struct line *l, const char *word)
{
    enum ml_flag flag = ML_FLAGS;
    if (word[0] == '-' && word[1] == '-' && !strchr(word, '='))
        flag = ml_flag_find(word + 2, strlen(word + 2));
    else if (word[0] == '-' && word[1] && word[1] != '-')
        flag = by_letter(l, word[strlen(word) - 1]);
    return is_known(l, flag) && ml_flag_rows[flag].type != ML_TYPE_SWITCH ? flag : ML_FLAGS;
}

static void take_operand(struct line *l, const char *word)
{
    if (l->command == ML_CMD_NONE)
        l->command = ml_command_find(word);
    else if (l->count < ML_WORDS_MAX)
        l->words[l->count++] = word;
}

/* Takes one of the words before the last. */
static void take(struct line *l, const char *word)
{
    bool value = l->wanted != ML_FLAGS;
    l->wanted = ML_FLAGS;
    if (value)
        return;
    if (!l->closed && strcmp(word, "--") == 0)
        l->closed = true;
    else if (l->closed || word[0] != '-' || !word[1])
        take_operand(l, word);
    else
        l->wanted = flag_of(l, word);
}

/* "--format=js" in one word: the value is what is completed. */
static void split_last(struct line *l)
{
    const char *equals = strncmp(l->word, "--", 2) == 0 ? strchr(l->word, '=') : NULL;
    if (!equals || l->closed)
        return;
    enum ml_flag flag = ml_flag_find(l->word + 2, (size_t)(equals - l->word - 2));
    if (!is_known(l, flag) || equals - l->word + 1 >= (int)sizeof l->prefix)
        return;
    snprintf(l->prefix, sizeof l->prefix, "%.*s", (int)(equals - l->word + 1), l->word);
    l->wanted = flag;
    l->word = equals + 1;
}

/* The words in order; "=" alone is bash's, and stands between a flag and its value. */
static void read_words(struct line *l, int argc, char *const *argv)
{
    for (int i = 0; i + 1 < argc; i++)
        if (strcmp(argv[i], "=") != 0)
            take(l, argv[i]);
    l->word = argc ? argv[argc - 1] : "";
    if (l->wanted != ML_FLAGS && strcmp(l->word, "=") == 0)
        l->word = "";
    if (l->wanted == ML_FLAGS)
        split_last(l);
}

/* --- what the library knows --- */

static void ask(struct line *l, int argc, const char *const *argv)
{
    struct ml_buf out;
    ml_buf_create(&out, OUT_MAX);
    if (ml_tool_text(&l->o, l->t, "complete", argc, argv, &out) == ML_EXIT_DONE) {
        const char *text = ml_buf_str(&out);
        for (size_t n; *text; text += n + (text[n] == '\n')) {
            n = strcspn(text, "\n");
            fprintf(l->t->out.file, "%s%.*s\n", l->prefix, (int)n, text);
        }
    }
    ml_buf_destroy(&out);
}

static void ask_for(struct line *l, const char *what, const char *more)
{
    const char *argv[] = {what, l->word, more};
    ask(l, more ? 3 : 2, argv);
}

static void profiles(struct line *l)
{
    char path[PATH_LONGEST + 20];
    const char *argv[2 + PROFILES_MAX] = {"profiles", l->word};
    struct ml_err err;
    int argc = 2;
    path[0] = '\0';
    if (ml_account_directory(path, PATH_LONGEST, &err) == 0)
        strcat(path, "/credentials");
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && argc < 2 + PROFILES_MAX && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && (argv[argc] = strdup(e->d_name)) != NULL)
            argc++;
    if (d)
        closedir(d);
    ask(l, argc, argv);
    while (argc > 2)
        free((char *)argv[--argc]);
}

static void runs(struct line *l)
{
    put(l, "last", "the newest run");
    ask_for(l, "runs", NULL);
}

/* --- flags --- */

static void choices(const struct line *l, const char *list)
{
    char word[40];
    for (size_t n; *list; list += n + (list[n] == '|')) {
        n = strcspn(list, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, list);
        put(l, word, "");
    }
}

static void value(struct line *l)
{
    switch (l->wanted) {
    case ML_FLAG_PROFILE:
        profiles(l);
        break;
    case ML_FLAG_ONLY_FAILED:
        runs(l);
        break;
    case ML_FLAG_PLAN:
    case ML_FLAG_LOG:
    case ML_FLAG_OUT:
        put_files(l);
        break;
    default:
        if (ml_flag_rows[l->wanted].type == ML_TYPE_CHOICE)
            choices(l, ml_flag_rows[l->wanted].choices);
    }
}

static void flags(struct line *l)
{
    char name[64];
    const char *script = script_of(l);
    for (int f = 0; f < ML_FLAGS; f++) {
        snprintf(name, sizeof name, "--%s", ml_flag_rows[f].name);
        if (is_known(l, (enum ml_flag)f) && (l->command != ML_CMD_NONE || f >= ML_FLAG_QUIET))
            put(l, name, ml_flag_rows[f].brief);
    }
    if (script) {
        const char *text = moonlever_script_text(script);
        const char *argv[] = {"arguments", l->word, script, text ? text : ""};
        put(l, "--help", "what the script does and takes");
        ask(l, 4, argv);
    }
}

/* --- what stands without a flag --- */

static void commands(const struct line *l)
{
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        put(l, ml_command_rows[c].name, ml_command_rows[c].brief);
}

static void scripts(const struct line *l)
{
    char summary[160];
    const char *name;
    for (size_t i = 0; (name = moonlever_script_name(i)) != NULL; i++) {
        ml_script_summary(moonlever_script_text(name), summary, sizeof summary);
        put(l, name, summary);
    }
    put_files(l);
}

static void help(struct line *l)
{
    const char *name, *brief;
    commands(l);
    for (size_t i = 0; (name = ml_help_topic_name(i, &brief)) != NULL; i++)
        if (ml_command_find(name) == ML_CMD_NONE)
            put(l, name, brief);
    ask_for(l, "names", NULL);
}

static void profile(struct line *l)
{
    if (l->count == 0) {
        put(l, "list", "the profiles that there are");
        put(l, "use", "make one the default of its service");
        put(l, "remove", "forget its token");
    } else if (l->count == 1 && strcmp(l->words[0], "list") != 0) {
        profiles(l);
    }
}

static void first_operand(struct line *l)
{
    switch (l->command) {
    case ML_CMD_RUN:
    case ML_CMD_PLAN:
        scripts(l);
        break;
    case ML_CMD_APPLY:
    case ML_CMD_SHOW:
        put_files(l);
        break;
    case ML_CMD_RESUME:
    case ML_CMD_UNDO:
    case ML_CMD_RUNS:
        runs(l);
        break;
    case ML_CMD_GET:
    case ML_CMD_LOGIN:
        ask_for(l, "services", NULL);
        break;
    case ML_CMD_CONFIG:
        put(l, "show", "which settings hold");
        break;
    case ML_CMD_COMPLETION:
        choices(l, "bash|zsh|fish");
        break;
    case ML_CMD_HELP:
        help(l);
        break;
    default:
        break;
    }
}

static void operand(struct line *l)
{
    if (l->command == ML_CMD_NONE)
        commands(l);
    else if (l->command == ML_CMD_PROFILE)
        profile(l);
    else if (l->count == 0)
        first_operand(l);
    else if (l->command == ML_CMD_GET && l->count == 1)
        ask_for(l, "resources", l->words[0]);
    else if (script_of(l))
        put_files(l);
}

int ml_cmd_complete(int argc, char *const *argv, struct ml_term *t)
{
    struct line l = {.t = t, .wanted = ML_FLAGS};
    read_words(&l, argc, argv);
    if (l.wanted != ML_FLAGS)
        value(&l);
    else if (l.word[0] == '-' && !l.closed)
        flags(&l);
    else
        operand(&l);
    return ML_EXIT_DONE;
}
