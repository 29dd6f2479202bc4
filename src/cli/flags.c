/* SPDX-License-Identifier: MIT */
#include "cli/flags.h"

#include "cli/suggest.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN "%.80s" /* how much of a typed word a message repeats */

/* Where the parser stands in argv. */
struct parser {
    struct ml_options *o;
    struct ml_err *err;
    char *const *argv;
    int argc;
    int at;      /* the word being parsed */
    bool closed; /* behind -- */
};

bool ml_command_has(enum ml_command command, enum ml_flag flag)
{
    return ml_flag_rows[flag].commands >> command & 1;
}

enum ml_command ml_command_find(const char *name)
{
    for (int i = ML_CMD_NONE + 1; i < ML_COMMANDS; i++)
        if (strcmp(ml_command_rows[i].name, name) == 0)
            return (enum ml_command)i;
    return ML_CMD_NONE;
}

unsigned long ml_options_integer(const struct ml_options *o, enum ml_flag flag,
                                 unsigned long otherwise)
{
    return o->values[flag] ? strtoul(o->values[flag], NULL, 10) : otherwise;
}

void ml_options_destroy(struct ml_options *o)
{
    free(o->script_argv);
    *o = (struct ml_options){0};
}

/* "moonlever run --help", or "moonlever --help" while no command is known. */
static const char *space_name(const struct ml_options *o, const char **space)
{
    *space = o->command == ML_CMD_NONE ? "" : " ";
    return ml_command_rows[o->command].name;
}

/* "what 'word'. Did you mean 'guess'?" and the line that says where to look. */
static int unknown(struct parser *p, const char *what, const char *word, const char *dashes,
                   const struct ml_suggest *s)
{
    const char *space, *name = space_name(p->o, &space);
    if (s->best[0])
        return ml_err_set(p->err, ML_USAGE,
                          "%s '" SHOWN "'. Did you mean '%s%s'?\nsee: moonlever%s%s --help",
                          what, word, dashes, s->best, space, name);
    return ml_err_set(p->err, ML_USAGE, "%s '" SHOWN "'.\nsee: moonlever%s%s --help", what,
                      word, space, name);
}

static int complain(struct parser *p, const char *flag, const char *problem)
{
    const char *space, *name = space_name(p->o, &space);
    return ml_err_set(p->err, ML_USAGE, "--%s %s\nsee: moonlever%s%s --help", flag, problem,
                      space, name);
}

/* Digits with at most one dot between or behind them: no signs, exponents, hex, inf or nan,
 * all of which strtod would take. */
static bool is_decimal(const char *text, bool fraction)
{
    size_t whole = strspn(text, "0123456789");
    if (whole == 0 || whole > 18)
        return false;
    if (text[whole] == '\0')
        return true;
    if (!fraction || text[whole] != '.')
        return false;
    size_t part = strspn(text + whole + 1, "0123456789");
    return part > 0 && part <= 18 && text[whole + 1 + part] == '\0';
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *c = choices; n; c++) {
        size_t len = strcspn(c, "|");
        if (len == n && memcmp(c, text, n) == 0)
            return true;
        c += len;
        if (*c == '\0')
            break;
    }
    return false;
}

static int bad_number(struct parser *p, const struct ml_flag_row *row, const char *text)
{
    return ml_err_set(p->err, ML_USAGE,
                      "--%s takes a%s from %.0f to %.0f, not '" SHOWN "'.\n"
                      "see: moonlever%s%s --help",
                      row->name, row->type == ML_TYPE_INTEGER ? " whole number" : " number",
                      row->low, row->high, text, p->o->command == ML_CMD_NONE ? "" : " ",
                      ml_command_rows[p->o->command].name);
}

static int check_value(struct parser *p, const struct ml_flag_row *row, const char *text)
{
    switch (row->type) {
    case ML_TYPE_INTEGER:
    case ML_TYPE_NUMBER:
        if (is_decimal(text, row->type == ML_TYPE_NUMBER)) {
            double n = strtod(text, NULL);
            if (n >= row->low && n <= row->high)
                return 0;
        }
        return bad_number(p, row, text);
    case ML_TYPE_CHOICE:
        if (is_choice(row->choices, text))
            return 0;
        return ml_err_set(p->err, ML_USAGE, "--%s takes one of %s, not '" SHOWN "'.", row->name,
                          row->choices, text);
    case ML_TYPE_TEXT:
    case ML_TYPE_SWITCH:
        break;
    }
    return 0;
}

/* A flag of the table was given; `attached` is the text behind "=", or NULL. */
static int take_flag(struct parser *p, enum ml_flag flag, const char *attached)
{
    const struct ml_flag_row *row = &ml_flag_rows[flag];
    const char *value = attached;
    if (row->type == ML_TYPE_SWITCH) {
        if (attached)
            return complain(p, row->name, "takes no value.");
        p->o->count[flag]++;
        return 0;
    }
    if (!value) {
        /* "--rate --yes" is a forgotten value, not the value "--yes". */
        if (p->at + 1 >= p->argc || strncmp(p->argv[p->at + 1], "--", 2) == 0)
            return complain(p, row->name, "needs a value.");
        value = p->argv[++p->at];
    }
    if (check_value(p, row, value) < 0)
        return -1;
    p->o->count[flag]++;
    p->o->values[flag] = value;
    return 0;
}

/* The flag with this long name of n letters, ML_FLAGS when there is none. */
static enum ml_flag find_long(const char *name, size_t n)
{
    for (int f = 0; f < ML_FLAGS; f++)
        if (strlen(ml_flag_rows[f].name) == n && memcmp(ml_flag_rows[f].name, name, n) == 0)
            return (enum ml_flag)f;
    return ML_FLAGS;
}

static enum ml_flag find_letter(char letter)
{
    for (int f = 0; letter && f < ML_FLAGS; f++)
        if (ml_flag_rows[f].letter == letter)
            return (enum ml_flag)f;
    return ML_FLAGS;
}

/* Whether this flag, here, is Moonlever's: behind the script only the flags of `run` are, and
 * --help and --version are the script's. Before the command any flag may be. */
static bool is_ours(const struct parser *p, enum ml_flag flag)
{
    if (flag == ML_FLAGS)
        return false;
    if (!p->o->script)
        return true;
    return ml_command_has(ML_CMD_RUN, flag) && flag != ML_FLAG_HELP && flag != ML_FLAG_VERSION;
}

static int give_script(struct parser *p, const char *word)
{
    p->o->script_argv[p->o->script_argc++] = word;
    return 0;
}

static int unknown_flag(struct parser *p, const char *name, size_t n)
{
    char typed[ML_SUGGEST_LONGEST + 2] = "";
    struct ml_suggest s;
    memcpy(typed, name, n < sizeof typed ? n : sizeof typed - 1);
    ml_suggest_create(&s, typed);
    for (int f = 0; f < ML_FLAGS; f++)
        if (p->o->command == ML_CMD_NONE || ml_command_has(p->o->command, (enum ml_flag)f))
            ml_suggest_offer(&s, ml_flag_rows[f].name);
    return unknown(p, "there is no flag", p->argv[p->at], "--", &s);
}

/* A mistyped --dry-run must not become a live run with a stray argument. */
static bool is_almost_dry_run(const char *name, size_t n)
{
    char typed[16] = "";
    if (n < 4 || n >= sizeof typed)
        return false;
    memcpy(typed, name, n);
    return ml_suggest_distance(typed, "dry-run") <= 1;
}

static int take_long(struct parser *p, const char *word)
{
    const char *name = word + 2;
    size_t n = strcspn(name, "=");
    enum ml_flag flag = find_long(name, n);
    if (is_ours(p, flag)) {
        if (flag == ML_FLAG_HELP)
            p->o->short_help = false;
        return take_flag(p, flag, name[n] ? name + n + 1 : NULL);
    }
    if (!p->o->script)
        return unknown_flag(p, name, n);
    if (is_almost_dry_run(name, n))
        return ml_err_set(
            p->err, ML_USAGE,
            "'" SHOWN
            "' is almost '--dry-run': write that, or put -- before it when it is meant "
            "for the script.\nsee: moonlever help scripts",
            word);
    return give_script(p, word);
}

static int unknown_letter(struct parser *p, const char *word, const char *letter)
{
    if (letter == word + 1)
        return ml_err_set(
            p->err, ML_USAGE, "there is no flag '-%.1s'.\nsee: moonlever%s%s --help", letter,
            p->o->command == ML_CMD_NONE ? "" : " ", ml_command_rows[p->o->command].name);
    return ml_err_set(
        p->err, ML_USAGE,
        "'" SHOWN "' mixes flags of moonlever with '%.1s', which is none: write them apart.",
        word, letter);
}

/* A bundle of letters such as -nyv; none of them takes a value. */
static int take_letters(struct parser *p, const char *word)
{
    if (p->o->script && !is_ours(p, find_letter(word[1])))
        return give_script(p, word);
    for (const char *c = word + 1; *c; c++) {
        enum ml_flag flag = find_letter(*c);
        if (!is_ours(p, flag))
            return unknown_letter(p, word, c);
        if (flag == ML_FLAG_HELP && !p->o->count[flag])
            p->o->short_help = true;
        if (take_flag(p, flag, NULL) < 0)
            return -1;
    }
    return 0;
}

static int take_command(struct parser *p, const char *word)
{
    p->o->command = ml_command_find(word);
    if (p->o->command != ML_CMD_NONE)
        return 0;
    p->o->stray = word;
    size_t n = strlen(word);
    if (n > 4 && strcmp(word + n - 4, ".lua") == 0)
        return ml_err_set(p->err, ML_USAGE,
                          "there is no command '" SHOWN "'. Did you mean 'moonlever run " SHOWN
                          "'?\n"
                          "see: moonlever --help",
                          word, word);
    struct ml_suggest s;
    ml_suggest_create(&s, word);
    for (int i = ML_CMD_NONE + 1; i < ML_COMMANDS; i++)
        ml_suggest_offer(&s, ml_command_rows[i].name);
    return unknown(p, "there is no command", word, "", &s);
}

static int take_word(struct parser *p, const char *word)
{
    struct ml_options *o = p->o;
    if (o->command == ML_CMD_NONE)
        return take_command(p, word);
    if (o->command == ML_CMD_RUN && o->script)
        return give_script(p, word);
    if (o->command == ML_CMD_RUN) {
        if (*word == '\0')
            return ml_err_set(p->err, ML_USAGE,
                              "the name of the script is empty.\n"
                              "see: moonlever run --help");
        o->script = word;
        return 0;
    }
    if (o->command == ML_CMD_HELP && !o->topic) {
        o->topic = word;
        return 0;
    }
    return ml_err_set(p->err, ML_USAGE,
                      "'%s' takes no%s argument, so '" SHOWN "' is one too many.\n"
                      "see: moonlever %s --help",
                      ml_command_rows[o->command].name,
                      o->command == ML_CMD_HELP ? " second" : "", word,
                      ml_command_rows[o->command].name);
}

static int take(struct parser *p)
{
    const char *word = p->argv[p->at];
    if (p->closed || word[0] != '-' || word[1] == '\0')
        return take_word(p, word);
    if (strcmp(word, "--") == 0) {
        p->closed = true;
        return 0;
    }
    return word[1] == '-' ? take_long(p, word) : take_letters(p, word);
}

/* Flags may stand before the command, so whether it has them is known only at the end. */
static int check_command(struct parser *p)
{
    struct ml_options *o = p->o;
    for (int f = 0; f < ML_FLAGS; f++) {
        if (!o->count[f] || o->command == ML_CMD_NONE ||
            ml_command_has(o->command, (enum ml_flag)f))
            continue;
        return ml_err_set(
            p->err, ML_USAGE,
            "'%s' has no flag --%s; it belongs to '%s'.\nsee: moonlever %s --help",
            ml_command_rows[o->command].name, ml_flag_rows[f].name,
            ml_command_rows[ml_command_has(ML_CMD_RUN, (enum ml_flag)f) ? ML_CMD_RUN
                                                                        : ML_CMD_PRACTICE]
                .name,
            ml_command_rows[o->command].name);
    }
    return 0;
}

/* The shape of a practice account without the account is a mistake that would go unnoticed:
 * the run would change the real one. */
static int check_practice(struct parser *p)
{
    static const enum ml_flag shapes[] = {ML_FLAG_RECORDINGS, ML_FLAG_USERS, ML_FLAG_SEED,
                                          ML_FLAG_FAULTS};
    if (p->o->command != ML_CMD_RUN || p->o->count[ML_FLAG_PRACTICE])
        return 0;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (p->o->count[shapes[i]])
            return complain(
                p, ml_flag_rows[shapes[i]].name,
                "shapes the practice account: add --practice, or put -- before it when it is "
                "meant for the script.");
    return 0;
}

int ml_options_parse(struct ml_options *o, int argc, char *const *argv, struct ml_err *err)
{
    struct parser p = {.o = o, .err = err, .argv = argv, .argc = argc, .at = 1};
    *o = (struct ml_options){0};
    o->script_argv = calloc((size_t)(argc > 0 ? argc : 1), sizeof *o->script_argv);
    if (!o->script_argv)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    for (; p.at < argc; p.at++)
        if (take(&p) < 0)
            return -1;
    if (check_command(&p) < 0)
        return -1;
    return check_practice(&p);
}
