/* SPDX-License-Identifier: MIT */
/*
 * `moonlever profile` and `moonlever config show`: words for the tool "accounts"
 * (lua/moonlever/accounts.lua), which is told what only C can see: the names of
 * the files with credentials, and of the credentials in the environment.
 */
#include "cli/account_file.h"
#include "cli/cmd.h"
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 200

static int list(const struct ml_options *o, struct ml_term *t)
{
    const char *argv[WORDS_MAX];
    char width[16];
    snprintf(width, sizeof width, "%zu", ml_term_out_width(t));
    argv[0] = "list";
    argv[1] = width;
    int argc = 2 + ml_account_names(argv + 2, WORDS_MAX - 2);
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
