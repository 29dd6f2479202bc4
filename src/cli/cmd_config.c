/* SPDX-License-Identifier: MIT */
/*
 * `moonlever profile` and `moonlever config show`: words for the tool "accounts"
 * (lua/moonlever/accounts.lua), which is told what only C can see: the names of
 * the files with credentials, and of the credentials in the environment.
 */
#include "cli/account_file.h"
#include "cli/cmd.h"
#include "cli/tool.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 200
#define PATH_LONGEST 4096

/* The files in credentials/. Words from `first` on are the caller's to free. */
static int stored(const char *argv[WORDS_MAX], int first)
{
    char path[PATH_LONGEST + 20];
    struct ml_err err;
    int n = first;
    if (ml_account_directory(path, PATH_LONGEST, &err) < 0)
        return n; /* no place, no profiles */
    strcat(path, "/credentials");
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && n < WORDS_MAX && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && (argv[n] = strdup(e->d_name)) != NULL)
            n++;
    if (d)
        closedir(d);
    return n;
}

static int list(const struct ml_options *o, struct ml_term *t)
{
    const char *argv[WORDS_MAX];
    char width[16];
    snprintf(width, sizeof width, "%zu", ml_term_out_width(t));
    argv[0] = "list";
    argv[1] = width;
    int argc = stored(argv, 2);
    int code = ml_tool(o, t, "accounts", argc, argv);
    for (int i = 2; i < argc; i++)
        free((char *)argv[i]);
    return code;
}

int ml_cmd_profile(const struct ml_options *o, struct ml_term *t)
{
    if (o->word_count == 1)
        return list(o, t);
    return ml_tool(o, t, "accounts", 2, o->words);
}

int ml_cmd_config(const struct ml_options *o, const struct ml_secrets *secrets,
                  struct ml_term *t)
{
    char names[ML_SECRETS_MAX][64];
    const char *argv[2 + ML_SECRETS_MAX] = {"show", o->count[ML_FLAG_ORIGIN] ? "1" : "0"};
    for (size_t i = 0; i < secrets->count; i++) {
        snprintf(names[i], sizeof names[i], "%.*s", (int)strcspn(secrets->text[i], "="),
                 secrets->text[i]);
        argv[2 + i] = names[i];
    }
    return ml_tool(o, t, "accounts", 2 + (int)secrets->count, argv);
}
