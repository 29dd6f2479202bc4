/* SPDX-License-Identifier: MIT */
/*
 * What goes together on a command line. Flags may stand anywhere, so this is
 * known only when all of it has been read.
 */
#include "cli/flags.h"

#include <string.h>

#define SEE "\nsee: moonlever %s --help"

static const char *name_of(const struct ml_options *o)
{
    return ml_command_rows[o->command].name;
}

static int complain(const struct ml_options *o, struct ml_err *err, const char *problem)
{
    return ml_err_set(err, ML_USAGE, "%s" SEE, problem, name_of(o));
}

/* The first command with this flag: the one that people think of. */
static const char *owner(enum ml_flag flag)
{
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        if (ml_command_has((enum ml_command)c, flag))
            return ml_command_rows[c].name;
    return "";
}

static int check_flags(const struct ml_options *o, struct ml_err *err)
{
    for (int f = 0; f < ML_FLAGS; f++) {
        enum ml_flag flag = (enum ml_flag)f;
        if (!o->count[f] || o->command == ML_CMD_NONE || ml_command_has(o->command, flag))
            continue;
        if (o->command == ML_CMD_APPLY && flag == ML_FLAG_DRY_RUN)
            return ml_err_set(err, ML_USAGE,
                              "'apply' has no flag --dry-run: its plan says what it would do."
                              "\nsee: moonlever show FILE");
        if (o->command == ML_CMD_GET && (flag == ML_FLAG_JSON || flag == ML_FLAG_CSV))
            return ml_err_set(err, ML_USAGE, "'get' has no flag --%s: write --format %s." SEE,
                              ml_flag_rows[f].name, ml_flag_rows[f].name, name_of(o));
        return ml_err_set(err, ML_USAGE, "'%s' has no flag --%s; it belongs to '%s'." SEE,
                          name_of(o), ml_flag_rows[f].name, owner(flag), name_of(o));
    }
    return 0;
}

/* The shape of a practice account without the account is a mistake that would go unnoticed:
 * the run would change the real one. */
static int check_practice(const struct ml_options *o, struct ml_err *err)
{
    if (o->count[ML_FLAG_PRACTICE] && o->count[ML_FLAG_PROFILE])
        return complain(o, err, "--practice uses no profile: leave out one of the two.");
    static const enum ml_flag shapes[] = {ML_FLAG_RECORDINGS, ML_FLAG_USERS, ML_FLAG_POSTS,
                                          ML_FLAG_SEED, ML_FLAG_FAULTS};
    if (!ml_command_has(o->command, ML_FLAG_PRACTICE) || o->count[ML_FLAG_PRACTICE])
        return 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (o->count[shapes[i]])
            return ml_err_set(err, ML_USAGE,
                              "--%s shapes the practice account: add --practice%s." SEE,
                              ml_flag_rows[shapes[i]].name,
                              ml_command_runs_script(o->command)
                                  ? ", or put -- before it when it is meant for the script"
                                  : "",
                              name_of(o));
    return 0;
}

static int check_run(const struct ml_options *o, struct ml_err *err)
{
    bool dry = o->count[ML_FLAG_DRY_RUN] || o->count[ML_FLAG_PLAN];
    if (o->count[ML_FLAG_ONLY_FAILED] && o->script)
        return complain(o, err,
                        "--only-failed runs the script of that run again: name no script.");
    if (o->count[ML_FLAG_EXIT_CODE] && !dry)
        return complain(o, err,
                        "--exit-code tells whether changes are pending: add --dry-run, or "
                        "--plan FILE to `run`.");
    return 0;
}

static int check_runs(const struct ml_options *o, struct ml_err *err)
{
    if (o->count[ML_FLAG_JSON] && o->count[ML_FLAG_CSV])
        return complain(o, err, "--json and --csv do not go together.");
    if (o->count[ML_FLAG_HTML] && (o->count[ML_FLAG_JSON] || o->count[ML_FLAG_CSV]))
        return complain(o, err, "--html does not go together with --json or --csv.");
    if (o->count[ML_FLAG_PURGE] && o->operand)
        return complain(o, err, "--purge is about all runs: name none.");
    if (o->count[ML_FLAG_KEEP] && !o->count[ML_FLAG_PURGE])
        return complain(o, err, "--keep says what --purge keeps: add it.");
    if (!o->operand &&
        (o->count[ML_FLAG_FAILED] || o->count[ML_FLAG_CSV] || o->count[ML_FLAG_HTML]))
        return complain(
            o, err, "--failed, --csv and --html are about the changes of one run: name it.");
    return 0;
}

static bool word_is(const struct ml_options *o, int at, const char *word)
{
    return at < o->word_count && strcmp(o->words[at], word) == 0;
}

static int check_profile(const struct ml_options *o, struct ml_err *err)
{
    if (word_is(o, 0, "list"))
        return o->word_count == 1 ? 0 : complain(o, err, "'profile list' takes no name.");
    if (word_is(o, 0, "use") || word_is(o, 0, "remove"))
        return o->word_count == 2 ? 0 : complain(o, err, "which profile? Name it.");
    return complain(o, err, "what about profiles? list, use NAME or remove NAME.");
}

static int check_stubs(const struct ml_options *o, struct ml_err *err)
{
    const char *dir = o->values[ML_FLAG_OUT];
    if (!dir)
        return complain(o, err, "where to? Name a directory: -o DIR.");
    if (strcmp(dir, "-") == 0)
        return complain(o, err,
                        "-o takes a directory, and '-' is standard output elsewhere: write ./- "
                        "for a directory of that name.");
    return 0;
}

static int check_command(const struct ml_options *o, struct ml_err *err)
{
    switch (o->command) {
    case ML_CMD_RUN:
    case ML_CMD_UNDO:
        return check_run(o, err);
    case ML_CMD_PLAN:
        return o->count[ML_FLAG_PLAN] || !o->script
                   ? 0
                   : complain(o, err, "where to? Name the file of the plan: -o FILE.");
    case ML_CMD_RUNS:
        return check_runs(o, err);
    case ML_CMD_PROFILE:
        return check_profile(o, err);
    case ML_CMD_CONFIG:
        return word_is(o, 0, "show") ? 0 : complain(o, err, "what about it? config show.");
    case ML_CMD_COMPLETION:
        return word_is(o, 0, "bash") || word_is(o, 0, "zsh") || word_is(o, 0, "fish")
                   ? 0
                   : complain(o, err, "which shell? bash, zsh or fish.");
    case ML_CMD_STUBS:
        return check_stubs(o, err);
    default:
        return 0;
    }
}

int ml_options_check(const struct ml_options *o, struct ml_err *err)
{
    const char *missing = ml_command_rows[o->command].missing;
    if (check_flags(o, err) < 0 || check_practice(o, err) < 0)
        return -1;
    if (o->count[ML_FLAG_HELP] || o->count[ML_FLAG_VERSION])
        return 0;
    if (missing && !o->operand)
        return complain(o, err, missing);
    return check_command(o, err);
}
