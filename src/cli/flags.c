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

bool ml_command_runs_script(enum ml_command command)
{
    return command == ML_CMD_RUN || command == ML_CMD_PLAN;
}

/* -o is another flag in `stubs`, and that of `plan` elsewhere, but not of `run`: scripts like
 * it for files of their own. */
bool ml_command_has_letter(enum ml_command command, enum ml_flag flag)
{
    if (!ml_flag_rows[flag].letter)
        return false;
    if (flag == ML_FLAG_OUT)
        return command == ML_CMD_STUBS;
    return flag != ML_FLAG_PLAN || command == ML_CMD_PLAN || command == ML_CMD_NONE;
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

static double unit_seconds(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

double ml_options_seconds(const struct ml_options *o, enum ml_flag flag)
{
    char *end;
    double n = strtod(o->values[flag], &end);
    return *end ? n * unit_seconds(*end) : n;
}

void ml_options_destroy(struct ml_options *o)
{
    free(o->script_argv);
    free(o->pairs);
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

/* "90", "1.5h": what ml_options_seconds understands, within low..high. */
static bool is_duration(const char *text, double low, double high)
{
    char number[40];
    size_t n = strlen(text);
    double unit = 1;
    if (n > 1 && unit_seconds(text[n - 1]) > 0)
        unit = unit_seconds(text[--n]);
    if (n >= sizeof number)
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    if (!is_decimal(number, true))
        return false;
    double seconds = strtod(number, NULL) * unit;
    return seconds >= low && seconds <= high;
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
    case ML_TYPE_DURATION:
        if (is_duration(text, row->low, row->high))
            return 0;
        return ml_err_set(p->err, ML_USAGE,
                          "--%s takes seconds, or a time such as 90s, 15m or 2h, not '" SHOWN
                          "'.",
                          row->name, text);
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
    case ML_TYPE_PAIR:
        return strchr(text, '=') > text
                   ? 0
                   : complain(p, row->name, "takes NAME=VALUE, such as platform=zendesk.");
    case ML_TYPE_TEXT:
        return *text ? 0 : complain(p, row->name, "needs a value that is not empty.");
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
    if (row->type == ML_TYPE_PAIR)
        p->o->pairs[p->o->pair_count++] = value;
    return 0;
}

enum ml_flag ml_flag_find(const char *name, size_t n)
{
    for (int f = 0; f < ML_FLAGS; f++)
        if (strlen(ml_flag_rows[f].name) == n && memcmp(ml_flag_rows[f].name, name, n) == 0)
            return (enum ml_flag)f;
    return ML_FLAGS;
}

/* The flag with this letter here. Before the command every letter is known. */
static enum ml_flag find_letter(const struct parser *p, char letter)
{
    for (int f = 0; f < ML_FLAGS; f++)
        if (ml_flag_rows[f].letter == letter &&
            ml_command_has_letter(p->o->command, (enum ml_flag)f))
            return (enum ml_flag)f;
    return ML_FLAGS;
}

/* Whether this flag, here, is Moonlever's: behind the script only the flags of `run` and `plan`
 * are (of both: a script is run and planned with the same words), and --help and --version are
 * the script's. Before the command any flag may be. */
static bool is_ours(const struct parser *p, enum ml_flag flag)
{
    if (flag == ML_FLAGS)
        return false;
    if (!p->o->script)
        return true;
    return (ml_command_has(ML_CMD_RUN, flag) || ml_command_has(ML_CMD_PLAN, flag)) &&
           flag != ML_FLAG_HELP && flag != ML_FLAG_VERSION;
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

/* The flag that keeps a run from doing harm and is nearly spelled so, NULL = none: mistyped it
 * must not become a live run with a stray argument. */
static const char *almost_guard(const char *name, size_t n)
{
    static const enum ml_flag guards[] = {
        ML_FLAG_DRY_RUN,      ML_FLAG_PRACTICE, ML_FLAG_MAX_CHANGES, ML_FLAG_CANARY,
        ML_FLAG_MAX_REQUESTS, ML_FLAG_MAX_TIME, ML_FLAG_CONFIRM};
    char typed[24] = "";
    if (n < 3 || n >= sizeof typed)
        return NULL;
    memcpy(typed, name, n);
    for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
        const char *flag = ml_flag_rows[guards[i]].name;
        if (strncmp(flag, typed, n) == 0 || (n >= 4 && ml_suggest_distance(typed, flag) <= 1))
            return flag;
    }
    return NULL;
}

static int give_argument(struct parser *p, const char *word, const char *name, size_t n)
{
    const char *guard = almost_guard(name, n);
    if (!guard)
        return give_script(p, word);
    return ml_err_set(p->err, ML_USAGE,
                      "'" SHOWN
                      "' is almost '--%s': write that, or put -- before it when it is "
                      "meant for the script.\nsee: moonlever help scripts",
                      word, guard);
}

static int take_long(struct parser *p, const char *word)
{
    const char *name = word + 2;
    size_t n = strcspn(name, "=");
    enum ml_flag flag = ml_flag_find(name, n);
    if (is_ours(p, flag)) {
        if (flag == ML_FLAG_HELP)
            p->o->short_help = false;
        return take_flag(p, flag, name[n] ? name + n + 1 : NULL);
    }
    if (!p->o->script)
        return unknown_flag(p, name, n);
    return give_argument(p, word, name, n);
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

/* A bundle of letters such as -nyv; one that takes a value has the rest of the word, or the
 * next. */
static int take_letters(struct parser *p, const char *word)
{
    size_t n = strcspn(word + 1, "=");
    if (p->o->script && (n >= 4 || !is_ours(p, find_letter(p, word[1]))) &&
        almost_guard(word + 1, n))
        return give_argument(p, word, word + 1, n);
    if (p->o->script && !is_ours(p, find_letter(p, word[1])))
        return give_script(p, word);
    for (const char *c = word + 1; *c; c++) {
        enum ml_flag flag = find_letter(p, *c);
        if (!is_ours(p, flag))
            return unknown_letter(p, word, c);
        if (flag == ML_FLAG_HELP && !p->o->count[flag])
            p->o->short_help = true;
        if (ml_flag_rows[flag].type != ML_TYPE_SWITCH)
            return take_flag(p, flag, c[1] ? c + 1 : NULL);
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

/* Where the one word that a command takes goes; NULL when it takes none. */
static const char **operand_of(struct ml_options *o)
{
    switch (o->command) {
    case ML_CMD_RUN:
    case ML_CMD_PLAN:
        return &o->script;
    case ML_CMD_APPLY:
    case ML_CMD_RESUME:
    case ML_CMD_UNDO:
    case ML_CMD_SHOW:
    case ML_CMD_RUNS:
        return &o->operand;
    case ML_CMD_HELP:
        return &o->topic;
    default:
        return NULL;
    }
}

/* How many words the command takes in words[]. */
static int words_taken(enum ml_command command)
{
    switch (command) {
    case ML_CMD_GET:
        return ML_WORDS_MAX;
    case ML_CMD_PROFILE:
        return 2;
    case ML_CMD_LOGIN:
    case ML_CMD_CONFIG:
    case ML_CMD_COMPLETION:
        return 1;
    default:
        return 0;
    }
}

static int empty_word(struct parser *p)
{
    const char *name = ml_command_rows[p->o->command].name;
    return ml_err_set(p->err, ML_USAGE, "the %s is empty.\nsee: moonlever %s --help",
                      ml_command_runs_script(p->o->command) ? "name of the script"
                                                            : "word behind the command",
                      name);
}

static int take_word(struct parser *p, const char *word)
{
    struct ml_options *o = p->o;
    if (o->command == ML_CMD_NONE)
        return take_command(p, word);
    if (o->script)
        return give_script(p, word);
    const char **operand = operand_of(o);
    if (o->word_count < words_taken(o->command))
        operand = &o->words[o->word_count];
    if (operand && !*operand) {
        if (*word == '\0')
            return empty_word(p);
        o->word_count += operand == &o->words[o->word_count];
        *operand = word;
        return 0;
    }
    return ml_err_set(p->err, ML_USAGE,
                      "'%s' takes no%s argument, so '" SHOWN "' is one too many.\n"
                      "see: moonlever %s --help",
                      ml_command_rows[o->command].name, operand ? " second" : "", word,
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

int ml_options_parse(struct ml_options *o, int argc, char *const *argv, struct ml_err *err)
{
    struct parser p = {.o = o, .err = err, .argv = argv, .argc = argc, .at = 1};
    *o = (struct ml_options){0};
    size_t most = (size_t)(argc > 0 ? argc : 1);
    o->script_argv = calloc(most, sizeof *o->script_argv);
    o->pairs = calloc(most, sizeof *o->pairs);
    if (!o->script_argv || !o->pairs)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    for (; p.at < argc; p.at++)
        if (take(&p) < 0)
            return -1;
    return ml_options_check(o, err);
}
