/* SPDX-License-Identifier: MIT */
/*
 * `moonlever login`: what the token is for is found out by the tool "accounts"
 * (lua/moonlever/accounts.lua); here it is read, tried out and stored. It is
 * never a word of a command line, and nothing is stored that did not work.
 */
#include "cli/account_file.h"
#include "cli/cmd.h"
#include "cli/drive.h"
#include "cli/prompt.h"
#include "cli/signals.h"
#include "cli/tool.h"

#include <moonlever.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 4096
#define TOKEN_MAX 8000

/* What a token is for: the lines of the tool, ended by NUL in place. */
struct target {
    char *profile, *service, *origin, *origin_name, *name, *source;
};

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

static int find_target(const struct ml_options *o, struct ml_term *t, struct ml_buf *text,
                       struct target *target)
{
    const char *argv[] = {
        "login", o->word_count ? o->words[0] : "", or_nothing(o->values[ML_FLAG_PROFILE]),
        or_nothing(o->values[ML_FLAG_CREDENTIAL]), or_nothing(o->values[ML_FLAG_URL])};
    int code = ml_tool_text(o, t, "accounts", 5, argv, text);
    if (code != ML_EXIT_DONE)
        return code;
    char **lines[] = {&target->profile,     &target->service, &target->origin,
                      &target->origin_name, &target->name,    &target->source};
    char *at = text->data;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        *lines[i] = at;
        at += strcspn(at, "\n");
        if (*at)
            *at++ = '\0';
    }
    return ML_EXIT_DONE;
}

/* The token from people or from a pipe, as NAME=TOKEN. A terminal that was left without echo
 * would be useless, so signals are caught meanwhile. */
static int read_token(const struct target *target, struct ml_term *t, char *pair, size_t size)
{
    char question[400];
    int n = snprintf(pair, size, "%s=", target->name);
    ml_signals_guard(NULL);
    bool asks = isatty(STDIN_FILENO) == 1;
    snprintf(question, sizeof question, "%s for %s%s%s%s: ", target->name, target->origin,
             *target->source ? " (" : "", target->source, *target->source ? ")" : "");
    ptrdiff_t got =
        asks ? ml_prompt_secret(t, question, pair + n, size - (size_t)n, ml_signals_fd())
             : ml_prompt_line(STDIN_FILENO, pair + n, size - (size_t)n, ml_signals_fd());
    ml_signals_release();
    if (got > 0)
        return ML_EXIT_DONE;
    if (ml_signals_count() > 0)
        return ML_EXIT_INTERRUPTED;
    ml_term_error(t, got == 0 ? "the token is empty: nothing was stored"
                              : "there is no token: type it, or give it on standard input");
    return ML_EXIT_USAGE;
}

/* `what` is the service and the origin, with a blank between. */
static int start_verify(moonlever *h, const struct ml_options *o, const char *what)
{
    const char *credential = o->values[ML_FLAG_CREDENTIAL];
    char service[64];
    size_t n = strcspn(what, " ");
    snprintf(service, sizeof service, "%.*s", (int)n, what);
    const char *argv[] = {"verify", service, credential ? credential : "default", what + n + 1};
    return moonlever_tool_start(h, "accounts", 4, argv);
}

/* Tries the token out: the only credential that the run has. */
static int verify(const struct ml_options *o, struct ml_term *t, const struct target *target,
                  const char *pair)
{
    struct ml_secrets one = {.count = 0};
    char what[TEXT_MAX];
    snprintf(what, sizeof what, "%s %s", target->service, target->origin);
    one.text[0] = strdup(pair);
    if (!one.text[0]) {
        ml_term_error(t, "out of memory");
        return ML_EXIT_FAILED;
    }
    one.count = 1;
    int code = ml_drive(o, &one, t, start_verify, what);
    if (code != ML_EXIT_DONE && code != ML_EXIT_INTERRUPTED)
        ml_term_note(t, "nothing was stored");
    return code;
}

static int store(const struct target *target, const char *pair, struct ml_term *t)
{
    char directory[TEXT_MAX];
    struct ml_err err;
    struct ml_account account = {target->profile, target->service, target->origin, target->name,
                                 pair + strlen(target->name) + 1};
    if (ml_account_directory(directory, sizeof directory, &err) < 0 ||
        ml_account_store(directory, &account, &err) < 0) {
        ml_term_error(t, err.text);
        return ML_EXIT_USAGE;
    }
    ml_term_note(t, "signed in: the token of profile %s for %s is stored in %s/credentials",
                 target->profile, target->origin, directory);
    return ML_EXIT_DONE;
}

int ml_cmd_login(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    char pair[TOKEN_MAX] = "";
    struct target target;
    struct ml_buf text;
    ml_secrets_wipe(secrets); /* none of these is meant */
    ml_buf_create(&text, TEXT_MAX);
    int code = find_target(o, t, &text, &target);
    if (code == ML_EXIT_DONE)
        code = read_token(&target, t, pair, sizeof pair);
    if (code == ML_EXIT_DONE)
        code = verify(o, t, &target, pair);
    if (code == ML_EXIT_DONE)
        code = store(&target, pair, t);
    explicit_bzero(pair, sizeof pair);
    ml_buf_destroy(&text);
    return code;
}
