/* SPDX-License-Identifier: MIT */
/*
 * The table of flags and commands. To add a flag: a name in enum ml_flag, a
 * row here, and its effect in the command; nothing else.
 */
#include "cli/flags.h"

#define RUN (1u << ML_CMD_RUN)
#define PLAN (1u << ML_CMD_PLAN)
#define UNDO (1u << ML_CMD_UNDO)
#define SHOW (1u << ML_CMD_SHOW)
#define RUNS (1u << ML_CMD_RUNS)
#define GET (1u << ML_CMD_GET)
#define REPL (1u << ML_CMD_REPL)
#define PRACTICE (1u << ML_CMD_PRACTICE)
#define STUBS (1u << ML_CMD_STUBS)
#define SCRIPT (RUN | PLAN)
#define SENDS (SCRIPT | 1u << ML_CMD_APPLY | 1u << ML_CMD_RESUME | UNDO)
#define LOGIN (1u << ML_CMD_LOGIN)
#define READS (SENDS | GET)
#define ACCOUNT (SCRIPT | GET | REPL)
#define EVERY ((1u << ML_COMMANDS) - 1)
#define BILLION 1e9
#define YEAR (366 * 86400.0)

const char *const ml_group_titles[ML_GROUPS] = {
    [ML_GROUP_RUN] = "HOW IT RUNS",    [ML_GROUP_LIMIT] = "LIMITS",
    [ML_GROUP_SHOW] = "WHAT IS SHOWN", [ML_GROUP_PRACTICE] = "PRACTICE ACCOUNT",
    [ML_GROUP_OUTPUT] = "OUTPUT",
};

const struct ml_flag_row ml_flag_rows[ML_FLAGS] = {
    [ML_FLAG_DRY_RUN] = {"dry-run", 'n', ML_TYPE_SWITCH, NULL, SCRIPT | UNDO, NULL, 0, 0,
                         ML_GROUP_RUN, "show what would change; nothing is written",
                         "Reads are live. The transport refuses to send\n"
                         "anything that writes, whatever the script does."},
    [ML_FLAG_PLAN] = {"plan", 'o', ML_TYPE_TEXT, "FILE", SCRIPT, NULL, 0, 0, ML_GROUP_RUN,
                      "a dry run whose changes go to FILE, for apply", NULL},
    [ML_FLAG_ONLY_FAILED] = {"only-failed", 0, ML_TYPE_TEXT, "RUN", RUN, NULL, 0, 0,
                             ML_GROUP_RUN, "again, but only what failed in RUN",
                             "The script and the arguments are those of RUN: no\n"
                             "script is named."},
    [ML_FLAG_PROFILE] = {"profile", 0, ML_TYPE_TEXT, "NAME",
                         READS | REPL | LOGIN | 1u << ML_CMD_CONFIG | 1u << ML_CMD_DOCTOR, NULL,
                         0, 0, ML_GROUP_RUN, "the account to use; see moonlever help config",
                         "For the service of that profile. Without it the\n"
                         "script says, or the default of the service is used.\n"
                         "A run goes on under its own profile only."},
    [ML_FLAG_YES] = {"yes", 'y', ML_TYPE_SWITCH, NULL, SENDS | REPL, NULL, 0, 0, ML_GROUP_RUN,
                     "do not ask before the first change",
                     "Without it the first change asks once on the\n"
                     "terminal. Where there is no terminal, nothing is\n"
                     "changed and the exit code is 6."},
    [ML_FLAG_CONFIRM] = {"confirm", 0, ML_TYPE_INTEGER, "N", SENDS, NULL, 0, BILLION,
                         ML_GROUP_RUN, "yes, and up to N deletes (--yes alone: 10)",
                         "A profile marked as production needs it where nobody\n"
                         "is there to type its name: N changes are let in."},
    [ML_FLAG_CANARY] = {"canary", 0, ML_TYPE_SWITCH, NULL, SENDS, NULL, 0, 0, ML_GROUP_RUN,
                        "first 1 change, then 10, then 100, then all",
                        "Each step must come out well before the next one\n"
                        "begins; otherwise the exit code is 6."},
    [ML_FLAG_WAIT] = {"wait", 0, ML_TYPE_DURATION, "SECONDS", SENDS | REPL, NULL, 0, 1e6,
                      ML_GROUP_RUN, "wait for what was accepted but not done (120)",
                      "Some services queue changes. What is still not\n"
                      "done then counts as partial, exit code 3."},
    [ML_FLAG_LIVE] = {"live", 0, ML_TYPE_SWITCH, NULL, REPL, NULL, 0, 0, ML_GROUP_RUN,
                      "send changes at once, not with commit()",
                      "The first change asks once, unless --yes is there."},
    [ML_FLAG_JSON] = {"json", 0, ML_TYPE_SWITCH, NULL, SENDS | SHOW | RUNS, NULL, 0, 0,
                      ML_GROUP_OUTPUT, "end standard output with one line of JSON",
                      "moonlever help output says what is in it."},
    [ML_FLAG_EXIT_CODE] = {"exit-code", 0, ML_TYPE_SWITCH, NULL, SCRIPT | UNDO, NULL, 0, 0,
                           ML_GROUP_OUTPUT, "exit with 10 when changes are pending",
                           "After a dry run or a plan that went well."},
    [ML_FLAG_PROGRESS] = {"progress", 0, ML_TYPE_CHOICE, "HOW", READS, "auto|json|none", 0, 0,
                          ML_GROUP_OUTPUT, "auto, json or none",
                          "auto: a line that is rewritten on a terminal, a line\n"
                          "a minute elsewhere. json: a line of JSON a second, on\n"
                          "standard error; moonlever help output says what is\n"
                          "in it."},
    [ML_FLAG_RATE] = {"rate", 0, ML_TYPE_NUMBER, "N", READS | REPL | SHOW, NULL, 0, 1e6,
                      ML_GROUP_LIMIT, "requests a second, and to begin with; 0 = no limit",
                      "Without it the rate starts low and is learned from\n"
                      "the answers: at most 50 a second, and no limit on\n"
                      "loopback."},
    [ML_FLAG_CONCURRENCY] = {"concurrency", 0, ML_TYPE_INTEGER, "N", READS | REPL, NULL, 1,
                             1000, ML_GROUP_LIMIT, "requests in flight at most (default 32)",
                             NULL},
    [ML_FLAG_MAX_CHANGES] = {"max-changes", 0, ML_TYPE_INTEGER, "N", SENDS | REPL, NULL, 0,
                             BILLION, ML_GROUP_LIMIT, "stop with exit code 6 before change N+1",
                             NULL},
    [ML_FLAG_MAX_REQUESTS] = {"max-requests", 0, ML_TYPE_INTEGER, "N", READS | REPL, NULL, 0,
                              BILLION, ML_GROUP_LIMIT,
                              "stop with exit code 6 before request N+1", NULL},
    [ML_FLAG_MAX_TIME] = {"max-time", 0, ML_TYPE_DURATION, "TIME", READS, NULL, 1, YEAR,
                          ML_GROUP_LIMIT, "stop with exit code 6 after 90s, 15m, 2h", NULL},
    [ML_FLAG_FAILED] = {"failed", 0, ML_TYPE_SWITCH, NULL, RUNS, NULL, 0, 0, ML_GROUP_SHOW,
                        "only changes that failed, conflicted or are unknown", NULL},
    [ML_FLAG_CSV] = {"csv", 0, ML_TYPE_SWITCH, NULL, RUNS, NULL, 0, 0, ML_GROUP_SHOW,
                     "the changes as CSV",
                     "Columns: seq, operation, target, state, reason,\n"
                     "attempts, started, ended. What a spreadsheet would\n"
                     "run as a formula has a ' in front."},
    [ML_FLAG_HTML] = {"html", 0, ML_TYPE_TEXT, "FILE", RUNS, NULL, 0, 0, ML_GROUP_SHOW,
                      "a page about one run into FILE, to look at and mail",
                      "It needs no other file and no network. - is standard\n"
                      "output. It holds values from before and after, so\n"
                      "only you may read FILE."},
    [ML_FLAG_ALL] = {"all", 0, ML_TYPE_SWITCH, NULL, SHOW | RUNS, NULL, 0, 0, ML_GROUP_SHOW,
                     "every line, not only the first 50", NULL},
    [ML_FLAG_PURGE] = {"purge", 0, ML_TYPE_SWITCH, NULL, RUNS, NULL, 0, 0, ML_GROUP_SHOW,
                       "forget old runs: they cannot be undone any more", NULL},
    [ML_FLAG_KEEP] = {"keep", 0, ML_TYPE_INTEGER, "DAYS", RUNS, NULL, 0, 36500, ML_GROUP_SHOW,
                      "how many days --purge keeps (default 90)", NULL},
    [ML_FLAG_CREDENTIAL] = {"credential", 0, ML_TYPE_TEXT, "NAME", LOGIN, NULL, 0, 0,
                            ML_GROUP_SHOW, "which one of a service that has several (scim)",
                            NULL},
    [ML_FLAG_URL] = {"url", 0, ML_TYPE_TEXT, "URL", LOGIN, NULL, 0, 0, ML_GROUP_SHOW,
                     "where the service is: scheme and host",
                     "The token is stored for this place, and goes to no\n"
                     "other."},
    [ML_FLAG_ORIGIN] = {"origin", 0, ML_TYPE_SWITCH, NULL, 1u << ML_CMD_CONFIG, NULL, 0, 0,
                        ML_GROUP_SHOW, "say where each setting comes from", NULL},
    [ML_FLAG_ONLINE] = {"online", 0, ML_TYPE_SWITCH, NULL, 1u << ML_CMD_DOCTOR, NULL, 0, 0,
                        ML_GROUP_SHOW, "ask each account that has a token for one record",
                        NULL},
    [ML_FLAG_LIMIT] = {"limit", 0, ML_TYPE_INTEGER, "N", GET, NULL, 0, BILLION, ML_GROUP_SHOW,
                       "stop after N records", "No page beyond is asked for."},
    [ML_FLAG_FILTER] = {"filter", 0, ML_TYPE_PAIR, "NAME=VALUE", GET, NULL, 0, 0, ML_GROUP_SHOW,
                        "only records for which this holds; may be repeated",
                        "NAME is a parameter of the list, or a field of the\n"
                        "records: metadata.helpdesk_info.platform=zendesk."},
    [ML_FLAG_FIELDS] = {"fields", 0, ML_TYPE_TEXT, "A,B.C", GET, NULL, 0, 0, ML_GROUP_SHOW,
                        "these fields, in this order", NULL},
    [ML_FLAG_FORMAT] = {"format", 0, ML_TYPE_CHOICE, "FORMAT", GET, "table|json|ndjson|csv|tsv",
                        0, 0, ML_GROUP_SHOW, "table, json, ndjson, csv or tsv",
                        "Without it a table on a terminal, TSV elsewhere.\n"
                        "ndjson is one record a line; csv is safe to open in\n"
                        "a spreadsheet; tsv has no heading, and tabs and line\n"
                        "breaks in values are written \\t and \\n."},
    [ML_FLAG_PRACTICE] = {"practice", 0, ML_TYPE_SWITCH, NULL, ACCOUNT, NULL, 0, 0,
                          ML_GROUP_PRACTICE,
                          "run against a practice account inside the program",
                          "A new account on loopback that ends with the run.\n"
                          "Credentials in the environment are not used."},
    [ML_FLAG_RECORDINGS] = {"recordings", 0, ML_TYPE_INTEGER, "N", ACCOUNT | PRACTICE, NULL, 0,
                            1000000, ML_GROUP_PRACTICE,
                            "recordings in the practice account (default 500)", NULL},
    [ML_FLAG_USERS] = {"users", 0, ML_TYPE_INTEGER, "N", ACCOUNT | PRACTICE, NULL, 1, 1000000,
                       ML_GROUP_PRACTICE, "users in it, the owner included (default 40)", NULL},
    [ML_FLAG_POSTS] = {"posts", 0, ML_TYPE_INTEGER, "N", ACCOUNT | PRACTICE, NULL, 0, 1000000,
                       ML_GROUP_PRACTICE, "WorkDrive posts in it (default 300)", NULL},
    [ML_FLAG_SEED] = {"seed", 0, ML_TYPE_INTEGER, "N", ACCOUNT | PRACTICE, NULL, 0, BILLION,
                      ML_GROUP_PRACTICE, "the same seed makes the same account (default 1)",
                      NULL},
    [ML_FLAG_FAULTS] = {"faults", 0, ML_TYPE_TEXT, "TEXT", ACCOUNT | PRACTICE, NULL, 0, 0,
                        ML_GROUP_PRACTICE, "let it misbehave, such as 429=5%,500=2%", NULL},
    [ML_FLAG_PORT] = {"port", 0, ML_TYPE_INTEGER, "N", PRACTICE, NULL, 0, 65535,
                      ML_GROUP_PRACTICE, "port to listen on (default 0: any free one)", NULL},
    [ML_FLAG_LOG] = {"log", 0, ML_TYPE_TEXT, "FILE", PRACTICE, NULL, 0, 0, ML_GROUP_PRACTICE,
                     "append one line of JSON a request to FILE", NULL},
    [ML_FLAG_OUT] = {"out", 'o', ML_TYPE_TEXT, "DIR", STUBS, NULL, 0, 0, ML_GROUP_SHOW,
                     "the directory for the files; made where it is missing", NULL},
    [ML_FLAG_MARKDOWN] = {"markdown", 0, ML_TYPE_SWITCH, NULL, STUBS, NULL, 0, 0, ML_GROUP_SHOW,
                          "pages of the reference instead", NULL},
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
                     "$ moonlever plan retag --from a --to b -o retag.plan\n"
                     "$ moonlever apply retag.plan\n"
                     "$ moonlever undo last\n",
                     NULL, NULL},
    [ML_CMD_RUN] =
        {"run", "run SCRIPT [flags] [arguments of the script]",
         "Run a script: a file, or one of the ready-made scripts by its name.",
         "$ moonlever run retag --help                    what it does and takes\n"
         "$ moonlever run retag --from a --to b --dry-run see the changes, write nothing\n"
         "$ moonlever run retag --from a --to b           ask once, then change\n"
         "$ moonlever run my.lua --practice --yes         on a practice account\n"
         "$ moonlever run --only-failed last              again what failed\n"
         "$ moonlever run my.lua -- --yes                 --yes goes to the script\n",
         "Flags may stand before or behind the script. Behind it, whatever is not a flag\n"
         "listed here is an argument of the script; behind -- everything is.\n"
         "\n"
         "Every change is written to a journal before it is sent. So a run that was\n"
         "stopped or killed can go on (moonlever resume), and one that is done can be\n"
         "undone (moonlever undo).\n",
         NULL},
    [ML_CMD_PLAN] =
        {"plan", "plan SCRIPT -o FILE [flags] [arguments of the script]",
         "Write down what a script would change, to be applied later.",
         "$ moonlever plan retag --from a --to b -o retag.plan\n"
         "$ moonlever show retag.plan\n"
         "$ moonlever apply retag.plan\n",
         "The same as `moonlever run SCRIPT --plan FILE`: a dry run. Its changes go to the\n"
         "file, with the exact request and the object before and after.\n",
         NULL},
    [ML_CMD_APPLY] =
        {"apply", "apply FILE [flags]", "Send what a plan holds, exactly that.",
         "$ moonlever apply retag.plan                    ask once, then change\n"
         "$ moonlever apply retag.plan --yes --json\n",
         "An object that is not as it was when the plan was made is left alone and counts\n"
         "as a conflict (exit code 3). A plan that was edited, or made for another origin,\n"
         "is refused (6). Applied once more, a plan goes on where it stopped.\n",
         "which plan? Name its file."},
    [ML_CMD_RESUME] =
        {"resume", "resume RUN [flags]", "Go on with a run that was stopped or killed.",
         "$ moonlever resume last\n"
         "$ moonlever resume k3j9 --yes\n",
         "What was under way is looked up first and never sent blindly again; what is done\n"
         "is not done twice. Resuming a run that is finished sends nothing and ends as it\n"
         "did. RUN is the id, its beginning (4 characters at least), or last.\n",
         "which run? moonlever runs lists them."},
    [ML_CMD_UNDO] =
        {"undo", "undo RUN [flags]", "Put back what a run has changed.",
         "$ moonlever undo last --dry-run                 see what would be put back\n"
         "$ moonlever undo k3j9\n",
         "An object that somebody has changed since is left alone and counts as conflict;\n"
         "what cannot be undone is named. The exit code is 3 if there is either. A run is\n"
         "undone once. RUN is the id, its beginning (4 characters at least), or last.\n",
         "which run? moonlever runs lists them."},
    [ML_CMD_SHOW] =
        {"show", "show FILE [flags]", "What a plan would change.",
         "$ moonlever show retag.plan\n"
         "$ moonlever show retag.plan --all --rate 5\n",
         "A plan that was edited is not shown (exit code 6). With --rate the time is\n"
         "reckoned at that rate.\n",
         "which plan? Name its file."},
    [ML_CMD_RUNS] =
        {"runs", "runs [RUN] [flags]", "The runs so far, or what became of each change of one.",
         "$ moonlever runs\n"
         "$ moonlever runs last --failed                  what went wrong\n"
         "$ moonlever runs k3j9 --csv > changes.csv\n"
         "$ moonlever runs last --html run.html\n"
         "$ moonlever runs --purge --keep 30\n",
         "RUN is the id, its beginning (4 characters at least), or last. Nothing is sent,\n"
         "and runs that are at work are not disturbed.\n"
         "\n"
         "The journal is $XDG_STATE_HOME/moonlever/journal.db, readable for you alone.\n",
         NULL},
    [ML_CMD_GET] =
        {"get", "get SERVICE RESOURCE [ID] [flags]", "Look at what a service holds.",
         "$ moonlever get screendesk recordings --limit 10\n"
         "$ moonlever get screendesk recordings 81c5a150-e11f-4b49-b84d-af4b7a9b8c90\n"
         "$ moonlever get screendesk scim.users --filter active=false --format csv\n"
         "$ moonlever get screendesk recordings --fields uuid,metadata.duration\n"
         "$ moonlever get screendesk users.search ada@lovelace.example\n"
         "$ moonlever get screendesk recordings --practice        without an account\n",
         "Nothing is changed. Without an ID everything is listed, with one the object is\n"
         "shown. RESOURCE may end in the name of a method that reads, for those that are\n"
         "neither list nor get; moonlever help SERVICE names them.\n",
         NULL},
    [ML_CMD_LOGIN] =
        {"login", "login [SERVICE] [flags]", "Store a token, once it has been tried out.",
         "$ moonlever login screendesk\n"
         "$ moonlever login screendesk --profile acme --credential scim\n"
         "$ pass show acme | moonlever login screendesk --profile acme\n",
         "The token is asked for without showing it, or read from standard input (its\n"
         "first line); there is no flag for it. It is kept in a file of its own, readable\n"
         "for you alone, for the origin that it was tried out with. A token_cmd in\n"
         "config.lua needs no login: see moonlever help config.\n",
         NULL},
    [ML_CMD_PROFILE] =
        {"profile", "profile list | use NAME | remove NAME", "The accounts that there are.",
         "$ moonlever profile list\n"
         "$ moonlever profile use acme                    for its service, from now on\n"
         "$ moonlever profile remove acme                 forget its token\n",
         NULL, NULL},
    [ML_CMD_CONFIG] =
        {"config", "config show [flags]", "Which settings hold. Tokens are never shown.",
         "$ moonlever config show --origin                and where they come from\n"
         "$ moonlever config show --profile acme\n",
         NULL, NULL},
    [ML_CMD_DOCTOR] =
        {"doctor", "doctor [flags]",
         "Look for what is wrong with this machine or its settings.",
         "$ moonlever doctor\n"
         "$ moonlever doctor --online\n",
         "Works when config.lua does not. Nothing is sent without --online. The exit code\n"
         "is 0 for whatever could be looked at; lines that begin with `bad` need a hand.\n",
         NULL},
    [ML_CMD_REPL] =
        {"repl", "repl [flags]", "Lua at a prompt: look around, and change things by hand.",
         "$ moonlever repl --practice\n"
         "$ echo 'sd.users:list()' | moonlever repl > users.tsv\n",
         "sd, sg and wd are the clients of Screendesk, Screendragon and WorkDrive. Values\n"
         "show themselves, Tab completes, help(x) explains. Changes are planned; commit()\n"
         "sends them in a run of their own, which `runs` and `undo` know. Ctrl-C stops the\n"
         "line at work, Ctrl-D leaves.\n"
         "\n"
         "Without a terminal the lines of standard input run as a script, up to the first\n"
         "error; lists come whole, as tab-separated values, and commit() needs --yes.\n"
         "\n"
         "The lines are kept in $XDG_STATE_HOME/moonlever/history, readable for you alone;\n"
         "those that begin with a blank, or speak of a token or password, are not.\n",
         NULL},
    [ML_CMD_PRACTICE] =
        {"practice", "practice [flags]", "Serve a practice account on loopback until Ctrl-C.",
         "$ moonlever practice > practice.env &\n"
         "$ . ./practice.env\n"
         "$ moonlever run retag --tickets --dry-run\n",
         "Standard output holds the environment to use it, as lines `export NAME=value`.\n",
         NULL},
    [ML_CMD_STUBS] =
        {"stubs", "stubs -o DIR [flags]", "Write definition files for editors, for completion.",
         "$ moonlever stubs -o ~/.local/share/moonlever/stubs\n"
         "$ moonlever stubs --markdown -o reference\n",
         "The files are for lua-language-server, which many editors use. Name their\n"
         "directory in .luarc.json, beside your scripts:\n"
         "\n"
         "  {\"runtime.version\": \"Lua 5.4\", \"workspace.library\": [\"DIR\"]}\n",
         NULL},
    [ML_CMD_COMPLETION] =
        {"completion", "completion bash|zsh|fish", "A script that teaches a shell to complete.",
         "$ source <(moonlever completion bash)          in ~/.bashrc\n"
         "$ source <(moonlever completion zsh)           in ~/.zshrc, behind compinit\n"
         "$ moonlever completion fish | source           in ~/.config/fish/config.fish\n",
         "It completes commands, flags and their values, profiles, runs, services and\n"
         "resources, scripts and their arguments. No script is run for that.\n",
         NULL},
    [ML_CMD_HELP] =
        {"help", "help [COMMAND|TOPIC|NAME]",
         "Help about a command, a topic, or what scripts call.",
         "$ moonlever help run\n"
         "$ moonlever help exit-codes\n"
         "$ moonlever help moonlever              what require \"moonlever\" returns\n"
         "$ moonlever help screendesk             a service\n"
         "$ moonlever help screendesk.recordings.update\n",
         NULL, NULL},
    [ML_CMD_VERSION] = {"version", "version",
                        "The version, and those of the libraries underneath.",
                        "$ moonlever version\n", NULL, NULL},
};
