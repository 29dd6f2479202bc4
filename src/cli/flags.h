/* SPDX-License-Identifier: MIT */
/*
 * The flags and commands of the program: one table, and the parser over it.
 *
 * Everything about a flag stands in its row: parser, help texts and the names
 * that a script may not use for its own arguments are read from there. No
 * getopt: getopt_long accepts any unambiguous prefix, which would freeze every
 * abbreviation anybody ever typed.
 *
 * Rules: flags stand before or after the command, by their exact name, as
 * `--name value` or `--name=value`; letters may be bundled (-ny), and one with
 * a value ends the bundle (-o FILE, -oFILE). Behind the script of `run` and
 * `plan`, what is not a flag of theirs is an argument of the script, in order;
 * behind `--` everything is.
 *
 * Invariants: values[] point into argv; values[f] is NULL unless count[f] > 0
 * and the flag takes a value, and is then valid for its type; script_argc > 0
 * only when script is set; a command has the operand that it needs, unless help
 * about it was asked for; flags that make no sense together are refused.
 *
 *     struct ml_options o;
 *     if (ml_options_parse(&o, argc, argv, &err) < 0) ...   // err.text: one or two sentences
 *     if (o.count[ML_FLAG_DRY_RUN]) ...
 *     ml_options_destroy(&o);
 */
#ifndef ML_CLI_FLAGS_H
#define ML_CLI_FLAGS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum ml_command {
    ML_CMD_NONE,
    ML_CMD_RUN,
    ML_CMD_PLAN,
    ML_CMD_APPLY,
    ML_CMD_RESUME,
    ML_CMD_UNDO,
    ML_CMD_SHOW,
    ML_CMD_RUNS,
    ML_CMD_GET,
    ML_CMD_LOGIN,
    ML_CMD_PROFILE,
    ML_CMD_CONFIG,
    ML_CMD_DOCTOR,
    ML_CMD_REPL,
    ML_CMD_PRACTICE,
    ML_CMD_STUBS,
    ML_CMD_COMPLETION,
    ML_CMD_HELP,
    ML_CMD_VERSION,
    ML_COMMANDS
};

enum ml_flag {
    ML_FLAG_DRY_RUN,
    ML_FLAG_PLAN,
    ML_FLAG_ONLY_FAILED,
    ML_FLAG_PROFILE,
    ML_FLAG_YES,
    ML_FLAG_CONFIRM,
    ML_FLAG_CANARY,
    ML_FLAG_WAIT,
    ML_FLAG_LIVE,
    ML_FLAG_JSON,
    ML_FLAG_EXIT_CODE,
    ML_FLAG_PROGRESS,
    ML_FLAG_RATE,
    ML_FLAG_CONCURRENCY,
    ML_FLAG_MAX_CHANGES,
    ML_FLAG_MAX_REQUESTS,
    ML_FLAG_MAX_TIME,
    ML_FLAG_FAILED,
    ML_FLAG_CSV,
    ML_FLAG_HTML,
    ML_FLAG_ALL,
    ML_FLAG_PURGE,
    ML_FLAG_KEEP,
    ML_FLAG_CREDENTIAL,
    ML_FLAG_URL,
    ML_FLAG_ORIGIN,
    ML_FLAG_ONLINE,
    ML_FLAG_LIMIT,
    ML_FLAG_FILTER,
    ML_FLAG_FIELDS,
    ML_FLAG_FORMAT,
    ML_FLAG_PRACTICE,
    ML_FLAG_RECORDINGS,
    ML_FLAG_USERS,
    ML_FLAG_POSTS,
    ML_FLAG_SEED,
    ML_FLAG_FAULTS,
    ML_FLAG_PORT,
    ML_FLAG_LOG,
    ML_FLAG_OUT,
    ML_FLAG_MARKDOWN,
    ML_FLAG_QUIET,
    ML_FLAG_VERBOSE,
    ML_FLAG_COLOR,
    ML_FLAG_NO_COLOR,
    ML_FLAG_HELP,
    ML_FLAG_VERSION,
    ML_FLAGS
};

enum ml_flag_type {
    ML_TYPE_SWITCH,   /* takes no value; may be repeated, the count is kept */
    ML_TYPE_INTEGER,  /* decimal digits, low..high */
    ML_TYPE_NUMBER,   /* decimal digits with an optional fraction, low..high */
    ML_TYPE_DURATION, /* a number of seconds, or with s, m, h or d behind it; low..high seconds
                       */
    ML_TYPE_CHOICE,   /* one of the words in `choices` */
    ML_TYPE_PAIR,     /* NAME=VALUE; may be repeated, all are kept in pairs[] */
    ML_TYPE_TEXT      /* anything but nothing */
};

enum ml_flag_group {
    ML_GROUP_RUN,
    ML_GROUP_LIMIT,
    ML_GROUP_SHOW,
    ML_GROUP_PRACTICE,
    ML_GROUP_OUTPUT,
    ML_GROUPS
};

struct ml_flag_row {
    const char *name; /* long name without dashes */
    char letter;      /* short name, 0 = none */
    enum ml_flag_type type;
    const char *value;   /* what the value is called in help texts, NULL for switches */
    unsigned commands;   /* bits 1u << ML_CMD_...: where it is allowed */
    const char *choices; /* "auto|always|never" for ML_TYPE_CHOICE */
    double low, high;    /* for numbers */
    enum ml_flag_group group;
    const char *brief; /* one line of help */
    const char *more;  /* what the long help adds, NULL = nothing */
};

struct ml_command_row {
    const char *name;
    const char *usage;    /* what follows "moonlever " */
    const char *brief;    /* one line of help */
    const char *examples; /* lines "$ command" */
    const char *more;     /* what the long help adds, NULL = nothing */
    const char *missing;  /* said when its operand is not there; NULL = it needs none */
};

/* The tables, indexed by enum ml_flag and enum ml_command (row ML_CMD_NONE is the program). */
extern const struct ml_flag_row ml_flag_rows[ML_FLAGS];
extern const struct ml_command_row ml_command_rows[ML_COMMANDS];
/* Titles of the groups of flags, indexed by enum ml_flag_group. */
extern const char *const ml_group_titles[ML_GROUPS];

#define ML_WORDS_MAX 8

struct ml_options {
    enum ml_command command;
    unsigned count[ML_FLAGS];        /* how often each flag was given */
    const char *values[ML_FLAGS];    /* the last value of each */
    bool short_help;                 /* -h, not --help */
    const char *script;              /* of `run` and `plan`: as it was typed, NULL = none */
    const char *operand;             /* of the others: the plan or the run, NULL = none */
    const char *topic;               /* of `help`: the word behind it, NULL = none */
    const char *words[ML_WORDS_MAX]; /* of commands that take several, in order */
    int word_count;
    const char **pairs; /* owned array of borrowed strings: values of ML_TYPE_PAIR, in order */
    int pair_count;
    const char *stray;        /* a word that should have been a command, NULL = none */
    const char **script_argv; /* owned array of borrowed strings */
    int script_argc;
};

/* Parses argv[1..argc-1] into *o, which the caller destroys in every case. -1 with a ML_USAGE
 * error whose text may hold a second line "see: moonlever COMMAND --help". */
int ml_options_parse(struct ml_options *o, int argc, char *const *argv, struct ml_err *err);
/* Frees what parse allocated. */
void ml_options_destroy(struct ml_options *o);
/* The value of an integer flag, or `otherwise` when it was not given. */
unsigned long ml_options_integer(const struct ml_options *o, enum ml_flag flag,
                                 unsigned long otherwise);
/* The value of a duration in seconds. The flag was given. */
double ml_options_seconds(const struct ml_options *o, enum ml_flag flag);
/* Does the command run a script that is named on the command line? */
bool ml_command_runs_script(enum ml_command command);
/* Do flags and operands go together? -1 with a ML_USAGE error; part of the parsing. */
int ml_options_check(const struct ml_options *o, struct ml_err *err);
/* The command of this exact name, ML_CMD_NONE when there is none. */
enum ml_command ml_command_find(const char *name);
/* The flag with this long name of n letters, ML_FLAGS when there is none. */
enum ml_flag ml_flag_find(const char *name, size_t n);
/* Whether the command has this flag. */
bool ml_command_has(enum ml_command command, enum ml_flag flag);
/* Whether the command (ML_CMD_NONE: any) knows this flag by its letter. */
bool ml_command_has_letter(enum ml_command command, enum ml_flag flag);

#endif
