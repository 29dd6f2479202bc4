/* SPDX-License-Identifier: MIT */
/*
 * The table of flags and commands. To add a flag: a name in enum ml_flag, a
 * row here, and its effect in the command; nothing else.
 */
#include "cli/flags.h"

#define RUN (1u << ML_CMD_RUN)
#define PRACTICE (1u << ML_CMD_PRACTICE)
#define EVERY ((1u << ML_COMMANDS) - 1)
#define BILLION 1e9

const char *const ml_group_titles[ML_GROUPS] = {
    [ML_GROUP_RUN] = "HOW IT RUNS",
    [ML_GROUP_LIMIT] = "LIMITS",
    [ML_GROUP_PRACTICE] = "PRACTICE ACCOUNT",
    [ML_GROUP_OUTPUT] = "OUTPUT",
};

const struct ml_flag_row ml_flag_rows[ML_FLAGS] = {
    [ML_FLAG_DRY_RUN] = {"dry-run", 'n', ML_TYPE_SWITCH, NULL, RUN, NULL, 0, 0, ML_GROUP_RUN,
                         "show what would change; nothing is written",
                         "Reads are live. The transport refuses to send\n"
                         "anything that writes, whatever the script does."},
    [ML_FLAG_YES] = {"yes", 'y', ML_TYPE_SWITCH, NULL, RUN, NULL, 0, 0, ML_GROUP_RUN,
                     "do not ask before the first change",
                     "Without it the first change asks once on the\n"
                     "terminal. Where there is no terminal, nothing is\n"
                     "changed and the exit code is 6."},
    [ML_FLAG_JSON] = {"json", 0, ML_TYPE_SWITCH, NULL, RUN, NULL, 0, 0, ML_GROUP_OUTPUT,
                      "end standard output with the result as one line of JSON",
                      "{\"run\":ID,\"state\":\"done|partial|stopped|planned\",\n"
                      "\"counts\":{...},\"exit\":N}"},
    [ML_FLAG_RATE] = {"rate", 0, ML_TYPE_NUMBER, "N", RUN, NULL, 0, 1e6, ML_GROUP_LIMIT,
                      "requests a second, and to begin with; 0 = no limit",
                      "Without it the rate starts low and is learned from\n"
                      "the answers: at most 50 a second, and no limit on\n"
                      "loopback."},
    [ML_FLAG_CONCURRENCY] = {"concurrency", 0, ML_TYPE_INTEGER, "N", RUN, NULL, 1, 1000,
                             ML_GROUP_LIMIT, "requests in flight at most (default 32)", NULL},
    [ML_FLAG_MAX_CHANGES] = {"max-changes", 0, ML_TYPE_INTEGER, "N", RUN, NULL, 0, BILLION,
                             ML_GROUP_LIMIT, "stop with exit code 6 before change N+1", NULL},
    [ML_FLAG_MAX_REQUESTS] = {"max-requests", 0, ML_TYPE_INTEGER, "N", RUN, NULL, 0, BILLION,
                              ML_GROUP_LIMIT, "stop with exit code 6 before request N+1", NULL},
    [ML_FLAG_PRACTICE] = {"practice", 0, ML_TYPE_SWITCH, NULL, RUN, NULL, 0, 0,
                          ML_GROUP_PRACTICE,
                          "run against a practice account inside the program",
                          "A new account on loopback that ends with the run.\n"
                          "Credentials in the environment are not used."},
    [ML_FLAG_RECORDINGS] = {"recordings", 0, ML_TYPE_INTEGER, "N", RUN | PRACTICE, NULL, 0,
                            1000000, ML_GROUP_PRACTICE,
                            "recordings in the practice account (default 500)", NULL},
    [ML_FLAG_USERS] = {"users", 0, ML_TYPE_INTEGER, "N", RUN | PRACTICE, NULL, 1, 1000000,
                       ML_GROUP_PRACTICE, "users in it, the owner included (default 40)", NULL},
    [ML_FLAG_SEED] = {"seed", 0, ML_TYPE_INTEGER, "N", RUN | PRACTICE, NULL, 0, BILLION,
                      ML_GROUP_PRACTICE, "the same seed makes the same account (default 1)",
                      NULL},
    [ML_FLAG_FAULTS] = {"faults", 0, ML_TYPE_TEXT, "TEXT", RUN | PRACTICE, NULL, 0, 0,
                        ML_GROUP_PRACTICE, "let it misbehave, such as 429=5%,500=2%", NULL},
    [ML_FLAG_PORT] = {"port", 0, ML_TYPE_INTEGER, "N", PRACTICE, NULL, 0, 65535,
                      ML_GROUP_PRACTICE, "port to listen on (default 0: any free one)", NULL},
    [ML_FLAG_LOG] = {"log", 0, ML_TYPE_TEXT, "FILE", PRACTICE, NULL, 0, 0, ML_GROUP_PRACTICE,
                     "append one line of JSON a request to FILE", NULL},
    [ML_FLAG_QUIET] = {"quiet", 'q', ML_TYPE_SWITCH, NULL, EVERY, NULL, 0, 0, ML_GROUP_OUTPUT,
                       "no progress, and no report unless something failed", NULL},
    [ML_FLAG_VERBOSE] = {"verbose", 'v', ML_TYPE_SWITCH, NULL, EVERY, NULL, 0, 0,
                         ML_GROUP_OUTPUT, "say more; -vv says each request", NULL},
    [ML_FLAG_COLOR] = {"color", 0, ML_TYPE_CHOICE, "WHEN", EVERY, "auto|always|never", 0, 0,
                       ML_GROUP_OUTPUT, "auto (on a terminal), always or never", NULL},
    [ML_FLAG_NO_COLOR] = {"no-color", 0, ML_TYPE_SWITCH, NULL, EVERY, NULL, 0, 0,
                          ML_GROUP_OUTPUT, "the same as --color=never", NULL},
    [ML_FLAG_HELP] = {"help", 'h', ML_TYPE_SWITCH, NULL, EVERY, NULL, 0, 0, ML_GROUP_OUTPUT,
                      "-h short help, --help all of it", NULL},
    [ML_FLAG_VERSION] = {"version", 0, ML_TYPE_SWITCH, NULL, EVERY, NULL, 0, 0, ML_GROUP_OUTPUT,
                         "the version, and those of the libraries underneath", NULL},
};

const struct ml_command_row ml_command_rows[ML_COMMANDS] = {
    [ML_CMD_NONE] = {"", "<command> [flags]",
                     "Change thousands of things in SaaS accounts with short Lua scripts.",
                     "$ moonlever run retag --tickets --practice --dry-run\n"
                     "$ moonlever run retag --from a --to b --dry-run\n"
                     "$ moonlever run my.lua --yes --json\n",
                     NULL},
    [ML_CMD_RUN] =
        {"run", "run SCRIPT [flags] [arguments of the script]",
         "Run a script: a file, or one of the ready-made scripts by its name.",
         "$ moonlever run retag --help                    what it does and takes\n"
         "$ moonlever run retag --from a --to b --dry-run see the changes, write nothing\n"
         "$ moonlever run retag --from a --to b           ask once, then change\n"
         "$ moonlever run my.lua --practice --yes         on a practice account\n"
         "$ moonlever run my.lua -- --yes                 --yes goes to the script\n",
         "Flags may stand before or behind the script. Behind it, whatever is not a flag\n"
         "listed here is an argument of the script; behind -- everything is.\n"},
    [ML_CMD_PRACTICE] =
        {"practice", "practice [flags]", "Serve a practice account on loopback until Ctrl-C.",
         "$ moonlever practice > practice.env &\n"
         "$ . ./practice.env\n"
         "$ moonlever run retag --tickets --dry-run\n",
         "Standard output holds the environment to use it, as lines `export NAME=value`.\n"},
    [ML_CMD_HELP] = {"help", "help [COMMAND|TOPIC]", "Help about a command or a topic.",
                     "$ moonlever help run\n"
                     "$ moonlever help exit-codes\n",
                     NULL},
    [ML_CMD_VERSION] = {"version", "version",
                        "The version, and those of the libraries underneath.",
                        "$ moonlever version\n", NULL},
};
