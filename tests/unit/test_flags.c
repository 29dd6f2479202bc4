/* SPDX-License-Identifier: MIT */
/*
 * The flag parser, did-you-mean, and the table they stand on.
 */
#include "cli/flags.h"
#include "cli/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 16

/* Parses the words of a line that are apart by single blanks; "" between two of them is empty.
 */
static int parse(struct ml_options *o, struct ml_err *err, char *line)
{
    char *argv[WORDS_MAX] = {"moonlever"};
    int argc = 1;
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = strcmp(word, "\"\"") == 0 ? "" : word;
    }
    *err = (struct ml_err){0};
    return ml_options_parse(o, argc, argv, err);
}

/* Declares o and err; the line parses. */
#define GOOD(line)                     \
    char line_[] = line;               \
    struct ml_options o;               \
    struct ml_err err;                 \
    int rc_ = parse(&o, &err, line_);  \
    assert_string_equal(err.text, ""); \
    assert_int_equal(rc_, 0)

/* The line is refused with usage, and the message holds `part`. */
static void refused(const char *text, const char *part)
{
    char line[200];
    struct ml_options o;
    struct ml_err err;
    assert_true(strlen(text) < sizeof line);
    strcpy(line, text);
    assert_int_equal(parse(&o, &err, line), -1);
    assert_int_equal(err.kind, ML_USAGE);
    if (!strstr(err.text, part))
        assert_string_equal(err.text, part);
    ml_options_destroy(&o);
}

static void nothing_at_all(void **state)
{
    (void)state;
    struct ml_options o;
    struct ml_err err;
    char *argv[] = {"moonlever", NULL};
    assert_int_equal(ml_options_parse(&o, 1, argv, &err), 0);
    assert_int_equal(o.command, ML_CMD_NONE);
    ml_options_destroy(&o);
    assert_int_equal(ml_options_parse(&o, 0, argv + 1, &err), 0);
    ml_options_destroy(&o);
}

static void flags_before_and_behind_the_command(void **state)
{
    (void)state;
    GOOD("--rate 2.5 -q run --dry-run --concurrency=8 x.lua");
    assert_int_equal(o.command, ML_CMD_RUN);
    assert_string_equal(o.script, "x.lua");
    assert_string_equal(o.values[ML_FLAG_RATE], "2.5");
    assert_int_equal(ml_options_integer(&o, ML_FLAG_CONCURRENCY, 1), 8);
    assert_int_equal(ml_options_integer(&o, ML_FLAG_MAX_CHANGES, 77), 77);
    assert_int_equal(o.count[ML_FLAG_DRY_RUN], 1);
    assert_int_equal(o.count[ML_FLAG_QUIET], 1);
    assert_int_equal(o.count[ML_FLAG_YES], 0);
    assert_int_equal(o.script_argc, 0);
    ml_options_destroy(&o);
}

static void letters_are_bundled_and_counted(void **state)
{
    (void)state;
    GOOD("run -nyvv x.lua");
    assert_int_equal(o.count[ML_FLAG_DRY_RUN], 1);
    assert_int_equal(o.count[ML_FLAG_YES], 1);
    assert_int_equal(o.count[ML_FLAG_VERBOSE], 2);
    ml_options_destroy(&o);
}

static void the_last_value_counts(void **state)
{
    (void)state;
    GOOD("run --rate 1 --rate=0 x.lua");
    assert_string_equal(o.values[ML_FLAG_RATE], "0");
    ml_options_destroy(&o);
}

static void the_rest_is_the_scripts_in_order(void **state)
{
    (void)state;
    GOOD("run retag.lua --from a -n --to b -x -5 - --rate 3 last");
    const char *want[] = {"--from", "a", "--to", "b", "-x", "-5", "-", "last"};
    assert_int_equal(o.count[ML_FLAG_DRY_RUN], 1);
    assert_string_equal(o.values[ML_FLAG_RATE], "3");
    assert_int_equal(o.script_argc, 8);
    for (int i = 0; i < 8; i++)
        assert_string_equal(o.script_argv[i], want[i]);
    ml_options_destroy(&o);
}

static void behind_two_dashes_all_is_the_scripts(void **state)
{
    (void)state;
    GOOD("run retag.lua -y -- --dry-run -- --dryrun -n \"\"");
    const char *want[] = {"--dry-run", "--", "--dryrun", "-n", ""};
    assert_int_equal(o.count[ML_FLAG_DRY_RUN], 0);
    assert_int_equal(o.count[ML_FLAG_YES], 1);
    assert_int_equal(o.script_argc, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(o.script_argv[i], want[i]);
    ml_options_destroy(&o);
}

static void get_takes_words_and_pairs(void **state)
{
    (void)state;
    GOOD("get screendesk --filter a=1 recordings --filter=b.c=x=y 81c5 --limit 3");
    const char *words[] = {"screendesk", "recordings", "81c5"};
    assert_int_equal(o.word_count, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(o.words[i], words[i]);
    assert_int_equal(o.pair_count, 2);
    assert_string_equal(o.pairs[0], "a=1");
    assert_string_equal(o.pairs[1], "b.c=x=y");
    ml_options_destroy(&o);
    refused("get screendesk recordings --filter =1", "takes NAME=VALUE");
    refused("get screendesk recordings --filter a", "takes NAME=VALUE");
    refused("get a b 1 2 3 4 5 6 7", "one too many");
    refused("get a b --seed 3", "add --practice.");
    refused("get a \"\"", "is empty");
}

static void two_dashes_before_the_script(void **state)
{
    (void)state;
    GOOD("run -n -- -odd.lua --yes");
    assert_string_equal(o.script, "-odd.lua");
    assert_int_equal(o.script_argc, 1);
    assert_int_equal(o.count[ML_FLAG_YES], 0);
    ml_options_destroy(&o);
}

static void flags_of_other_commands_are_the_scripts(void **state)
{
    (void)state;
    GOOD("run x.lua --port 80 --log f");
    assert_int_equal(o.script_argc, 4);
    ml_options_destroy(&o);
}

static void help_of_the_command_or_of_the_script(void **state)
{
    (void)state;
    {
        GOOD("run --help x.lua");
        assert_int_equal(o.count[ML_FLAG_HELP], 1);
        assert_false(o.short_help);
        ml_options_destroy(&o);
    }
    {
        GOOD("run x.lua --help");
        assert_int_equal(o.count[ML_FLAG_HELP], 0);
        assert_string_equal(o.script_argv[0], "--help");
        ml_options_destroy(&o);
    }
    {
        GOOD("run -h");
        assert_true(o.short_help);
        ml_options_destroy(&o);
    }
    {
        GOOD("-h --help");
        assert_false(o.short_help);
        ml_options_destroy(&o);
    }
}

static void help_topics(void **state)
{
    (void)state;
    GOOD("help exit-codes");
    assert_int_equal(o.command, ML_CMD_HELP);
    assert_string_equal(o.topic, "exit-codes");
    ml_options_destroy(&o);
    refused("help a b", "takes no second argument, so 'b' is one too many");
}

static void wrong_flags(void **state)
{
    (void)state;
    refused("run --dryrun x.lua", "there is no flag '--dryrun'. Did you mean '--dry-run'?");
    refused("run --dry x.lua", "there is no flag '--dry'.\nsee: moonlever run --help");
    refused("run --ye x.lua", "there is no flag '--ye'");
    refused("run -x a.lua", "there is no flag '-x'");
    refused("run -nx a.lua", "mixes flags of moonlever with 'x'");
    refused("run a.lua -nx", "mixes flags of moonlever with 'x'");
    refused("--nonsense", "there is no flag '--nonsense'.\nsee: moonlever --help");
    refused("run -of x a.lua", "there is no flag '-o'");
    refused("--port 1 run a.lua", "'run' has no flag --port; it belongs to 'practice'");
    refused("practice --dry-run", "'practice' has no flag --dry-run; it belongs to 'run'");
    refused("run --=3 a.lua", "there is no flag '--=3'");
}

/* -o is Moonlever's in front of a script that is planned and behind it; one that is run keeps
 * it for itself. */
static void where_a_plan_goes(void **state)
{
    (void)state;
    static const char *const lines[] = {"plan x.lua -o f --to b", "plan -of x.lua --to b",
                                        "-o f plan x.lua --to b", "plan x.lua --to b -no f",
                                        "plan --plan=f x.lua --to b"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char line[80];
        struct ml_options o;
        struct ml_err err;
        assert_int_equal(parse(&o, &err, strcpy(line, lines[i])), 0);
        assert_int_equal(o.command, ML_CMD_PLAN);
        assert_string_equal(o.script, "x.lua");
        assert_string_equal(o.values[ML_FLAG_PLAN], "f");
        assert_int_equal(o.script_argc, 2);
        ml_options_destroy(&o);
    }
    GOOD("run x.lua -o f --plan g");
    assert_string_equal(o.values[ML_FLAG_PLAN], "g");
    assert_int_equal(o.script_argc, 2);
    ml_options_destroy(&o);
    refused("plan x.lua", "Name the file of the plan: -o FILE.\nsee: moonlever plan --help");
    refused("plan x.lua -o", "--plan needs a value");
    refused("plan x.lua -o --to", "--plan needs a value");
    refused("plan x.lua -o \"\"", "--plan needs a value that is not empty");
    refused("plan x.lua -o f --only-failed r",
            "'plan' has no flag --only-failed; it belongs to 'run'");
}

static void operands(void **state)
{
    (void)state;
    static const char *const commands[] = {"apply", "resume", "undo", "show", "runs"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        char line[80];
        struct ml_options o;
        struct ml_err err;
        snprintf(line, sizeof line, "%s --json word", commands[i]);
        assert_int_equal(parse(&o, &err, line), 0);
        assert_string_equal(o.operand, "word");
        assert_null(o.script);
        ml_options_destroy(&o);
        snprintf(line, sizeof line, "%s a b", commands[i]);
        refused(line, "takes no second argument, so 'b' is one too many");
        snprintf(line, sizeof line, "%s \"\"", commands[i]);
        refused(line, "the word behind the command is empty.");
        snprintf(line, sizeof line, "%s --help", commands[i]);
        assert_int_equal(parse(&o, &err, line), 0);
        ml_options_destroy(&o);
    }
    refused("apply", "which plan? Name its file.\nsee: moonlever apply --help");
    refused("show", "which plan?");
    refused("resume", "which run? moonlever runs lists them.\nsee: moonlever resume --help");
    refused("undo -n", "which run?");
    GOOD("runs");
    assert_null(o.operand);
    ml_options_destroy(&o);
}

static void what_goes_together(void **state)
{
    (void)state;
    refused("apply p --dry-run", "its plan says what it would do.\nsee: moonlever show FILE");
    refused("resume r --dry-run", "'resume' has no flag --dry-run; it belongs to 'run'");
    refused("resume r --practice", "'resume' has no flag --practice; it belongs to 'run'");
    refused("run --purge x.lua", "'run' has no flag --purge; it belongs to 'runs'");
    refused("run --only-failed r x.lua", "name no script");
    refused("run x.lua --exit-code", "add --dry-run, or --plan FILE");
    refused("undo r --exit-code", "add --dry-run");
    refused("runs r --json --csv", "--json and --csv do not go together");
    refused("runs --csv", "are about the changes of one run: name it");
    refused("runs --failed", "are about the changes of one run: name it");
    refused("runs r --purge", "--purge is about all runs: name none");
    refused("runs --keep 3", "--keep says what --purge keeps: add it");
    refused("plan x.lua -o f --users 3", "add --practice");
    static const char *const fine[] = {
        "run --only-failed last --yes", "run x.lua -n --exit-code",
        "plan x.lua -o f --exit-code",  "run x.lua --plan f --exit-code",
        "undo r -n --exit-code",        "runs r --failed --csv",
        "runs --purge --keep 0 --json", "runs --all",
        "show f --all --rate 2"};
    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++) {
        char line[80];
        struct ml_options o;
        struct ml_err err;
        int rc = parse(&o, &err, strcpy(line, fine[i]));
        assert_string_equal(err.text, "");
        assert_int_equal(rc, 0);
        ml_options_destroy(&o);
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"90", 90},    {"90s", 90},    {"15m", 900}, {"2h", 7200},
                {"1d", 86400}, {"1.5h", 5400}, {"1", 1}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char line[80] = "run --max-time ";
        struct ml_options o;
        struct ml_err err;
        strcat(strcat(line, good[i].text), " x.lua");
        assert_int_equal(parse(&o, &err, line), 0);
        assert_true(ml_options_seconds(&o, ML_FLAG_MAX_TIME) == good[i].seconds);
        ml_options_destroy(&o);
    }
    static const char *const bad[] = {
        "0",
        "s",
        "m15",

        "15min",
        "15mm",
        "-1",
        "1e3",
        "inf",
        ".5h",
        "1.h",
        "400d",
        "2w",
        "0x1",
        "15M",
        "1h30m",
        "9999999999999999999h",
        "1111111111111111111111111111111111111111111111111111111111s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[120] = "run --max-time=";
        refused(strcat(strcat(line, bad[i]), " x.lua"), "--max-time takes seconds, or a time");
    }
    GOOD("apply f --wait 0");
    assert_true(ml_options_seconds(&o, ML_FLAG_WAIT) == 0);
    ml_options_destroy(&o);
}

static void a_mistyped_dry_run_never_reaches_a_script(void **state)
{
    (void)state;
    refused("run a.lua --dryrun", "is almost '--dry-run'");
    refused("run a.lua --dry_run", "is almost '--dry-run'");
    refused("run a.lua --Dry-Run", "is almost '--dry-run'");
    refused("run a.lua --dry-rnu", "is almost '--dry-run'");
    refused("run a.lua --dry-ru=1", "is almost '--dry-run'");
}

static void wrong_values(void **state)
{
    (void)state;
    refused("run --rate", "--rate needs a value");
    refused("run --rate --yes a.lua", "--rate needs a value");
    refused("run --yes=true a.lua", "--yes takes no value");
    refused("run --rate= a.lua", "--rate takes a number");
    static const char *const numbers[] = {"-1",
                                          "+1",
                                          "1e3",
                                          "0x10",
                                          "inf",
                                          "nan",
                                          "1.",
                                          ".5",
                                          "1.2.3",
                                          "2000000000",
                                          "9999999999999999999",
                                          "1,5",
                                          "5s"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char line[80] = "run --rate ";
        strcat(strcat(line, numbers[i]), " a.lua");
        refused(line, "--rate takes a number from 0 to 1000000");
    }
    refused("run --concurrency 0 a.lua",
            "--concurrency takes a whole number from 1 to 1000, not '0'");
    refused("run --concurrency 1001 a.lua", "not '1001'");
    refused("run --concurrency 2.5 a.lua", "not '2.5'");
    refused("practice --port 65536", "from 0 to 65535");
    refused("run --color sometimes a.lua",
            "--color takes one of auto|always|never, not 'sometimes'");
    refused("run --color= a.lua", "--color takes one of");
    refused("run --color auto|always a.lua", "--color takes one of");
}

static void right_choices(void **state)
{
    (void)state;
    static const char *const choices[] = {"auto", "always", "never"};
    for (size_t i = 0; i < 3; i++) {
        char line[40] = "version --color ";
        struct ml_options o;
        struct ml_err err;
        assert_int_equal(parse(&o, &err, strcat(line, choices[i])), 0);
        assert_string_equal(o.values[ML_FLAG_COLOR], choices[i]);
        ml_options_destroy(&o);
    }
}

static void wrong_words(void **state)
{
    (void)state;
    refused("runn x.lua", "there is no command 'runn'. Did you mean 'run'?");
    refused("practise", "there is no command 'practise'. Did you mean 'practice'?");
    refused("prac", "there is no command 'prac'.\nsee: moonlever --help");
    refused("retag.lua --from a", "Did you mean 'moonlever run retag.lua'?");
    refused("practice now", "takes no argument, so 'now' is one too many");
    refused("run \"\"", "the name of the script is empty");
}

static void the_shape_of_a_practice_account_needs_the_account(void **state)
{
    (void)state;
    refused("run x.lua --faults 429=5%", "add --practice");
    refused("run x.lua --recordings 5", "add --practice");
    GOOD("run x.lua --faults 429=5% --practice --seed 3");
    assert_string_equal(o.values[ML_FLAG_FAULTS], "429=5%");
    assert_int_equal(o.script_argc, 0);
    ml_options_destroy(&o);
}

static void long_words_do_not_overflow(void **state)
{
    (void)state;
    char word[5000];
    char *argv[] = {"moonlever", word, word};
    struct ml_options o;
    struct ml_err err;
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_int_equal(ml_options_parse(&o, 3, argv, &err), -1);
    ml_options_destroy(&o);
    memcpy(word, "--", 2);
    assert_int_equal(ml_options_parse(&o, 3, argv, &err), -1);
    ml_options_destroy(&o);
}

/* In one command a letter means one flag. */
static void assert_own_letters(enum ml_flag f, enum ml_flag g)
{
    for (int c = ML_CMD_NONE; c < ML_COMMANDS; c++)
        assert_true(ml_flag_rows[f].letter != ml_flag_rows[g].letter ||
                    !ml_command_has_letter((enum ml_command)c, f) ||
                    !ml_command_has_letter((enum ml_command)c, g));
}

/* A flag with a letter has it in a command that has the flag; one without has it nowhere. */
static bool letter_is_used(enum ml_flag f)
{
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        if (ml_command_has((enum ml_command)c, f) &&
            ml_command_has_letter((enum ml_command)c, f))
            return true;
    return false;
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (int f = 0; f < ML_FLAGS; f++) {
        const struct ml_flag_row *row = &ml_flag_rows[f];
        assert_non_null(row->name);
        assert_non_null(row->brief);
        assert_true(row->commands != 0);
        assert_int_equal(row->type == ML_TYPE_SWITCH, row->value == NULL);
        assert_int_equal(row->type == ML_TYPE_CHOICE, row->choices != NULL);
        assert_int_equal(letter_is_used((enum ml_flag)f), row->letter != 0);
        for (int g = 0; g < f; g++) {
            assert_string_not_equal(row->name, ml_flag_rows[g].name);
            assert_own_letters((enum ml_flag)f, (enum ml_flag)g);
        }
    }
    for (int c = ML_CMD_NONE + 1; c < ML_COMMANDS; c++)
        assert_int_equal(ml_command_find(ml_command_rows[c].name), c);
    assert_int_equal(ml_command_find("ru"), ML_CMD_NONE);
}

static void stubs_need_a_directory(void **state)
{
    (void)state;
    GOOD("stubs -o there --markdown");
    assert_int_equal(o.command, ML_CMD_STUBS);
    assert_string_equal(o.values[ML_FLAG_OUT], "there");
    assert_int_equal(o.count[ML_FLAG_MARKDOWN], 1);
    assert_null(o.values[ML_FLAG_PLAN]);
    ml_options_destroy(&o);
    refused("stubs", "-o DIR");
    refused("stubs x -o y", "'stubs' takes no argument");
    refused("stubs -o y --dry-run", "'stubs' has no flag --dry-run");
    refused("runs --out x", "it belongs to 'stubs'");
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(ml_suggest_distance("", ""), 0);
    assert_int_equal(ml_suggest_distance("", "abc"), 3);
    assert_int_equal(ml_suggest_distance("abc", "abc"), 0);
    assert_int_equal(ml_suggest_distance("abc", "acb"), 1);
    assert_int_equal(ml_suggest_distance("kitten", "sitting"), 3);
    assert_int_equal(ml_suggest_distance("Dry_Run", "dry-run"), 0);
    assert_int_equal(ml_suggest_distance("ca", "abc"),
                     3); /* no edits between swapped letters */
}

static void the_nearest_and_only_when_near(void **state)
{
    (void)state;
    struct ml_suggest s;
    ml_suggest_create(&s, "retga");
    ml_suggest_offer(&s, "export");
    assert_string_equal(s.best, "");
    ml_suggest_offer(&s, "retags");
    assert_string_equal(s.best, "");
    ml_suggest_offer(&s, "retag");
    assert_string_equal(s.best, "retag");
    ml_suggest_offer(&s, "retgb");
    assert_string_equal(s.best, "retag");
    ml_suggest_create(&s, "ab");
    ml_suggest_offer(&s, "ac");
    assert_string_equal(s.best, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(flags_before_and_behind_the_command),
        cmocka_unit_test(letters_are_bundled_and_counted),
        cmocka_unit_test(the_last_value_counts),
        cmocka_unit_test(the_rest_is_the_scripts_in_order),
        cmocka_unit_test(behind_two_dashes_all_is_the_scripts),
        cmocka_unit_test(get_takes_words_and_pairs),
        cmocka_unit_test(two_dashes_before_the_script),
        cmocka_unit_test(flags_of_other_commands_are_the_scripts),
        cmocka_unit_test(help_of_the_command_or_of_the_script),
        cmocka_unit_test(help_topics),
        cmocka_unit_test(wrong_flags),
        cmocka_unit_test(where_a_plan_goes),
        cmocka_unit_test(operands),
        cmocka_unit_test(what_goes_together),
        cmocka_unit_test(durations),
        cmocka_unit_test(a_mistyped_dry_run_never_reaches_a_script),
        cmocka_unit_test(wrong_values),
        cmocka_unit_test(right_choices),
        cmocka_unit_test(wrong_words),
        cmocka_unit_test(the_shape_of_a_practice_account_needs_the_account),
        cmocka_unit_test(long_words_do_not_overflow),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(stubs_need_a_directory),
        cmocka_unit_test(distances),
        cmocka_unit_test(the_nearest_and_only_when_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
