/* SPDX-License-Identifier: MIT */
/*
 * The topics of `moonlever help`: interfaces that people and scripts rely on,
 * in the words of people.
 */
#include "cli/help.h"

#include <moonlever.h>

#include <string.h>

struct topic {
    const char *name, *brief, *text;
};

static const char exit_codes[] =
    "  0    done; also a dry run or a plan that worked\n"
    "  1    an error in the script, or output that could not be written\n"
    "  2    usage: a wrong flag, setting or file, a syntax error; nothing was sent\n"
    "  3    partial: some changes failed, were in conflict, or their end is unknown\n"
    "  4    not signed in, or forbidden\n"
    "  5    the service or the network failed after all retries\n"
    "  6    stopped by a guard: not confirmed, --max-changes, --max-requests,\n"
    "       --max-time, --canary, too many failures, a write outside the script's\n"
    "       `writes`, a plan that was edited, a second undo of a run\n"
    "  10   changes are pending (only with --exit-code)\n"
    "  75   try again later: an outage, another process at work on the same run, a\n"
    "       journal that cannot be written\n"
    "  130  interrupted\n"
    "\n"
    "A run that ended with 5, 6, 75 or 130, or that was killed, goes on with\n"
    "`moonlever resume RUN`. What failed (3) is tried again with\n"
    "`moonlever run --only-failed RUN`.\n"
    "\n"
    "The closing report and the error text on standard error say why. With --json the\n"
    "last line of standard output has the same number as \"exit\".\n";

static const char environment[] =
    "  SCREENDESK_URL          the origin (default https://app.screendesk.io);\n"
    "                          http is allowed for loopback only, a path is not\n"
    "  SCREENDESK_TOKEN        the API token for recordings and users\n"
    "  SCREENDESK_SCIM_TOKEN   the token for user management (SCIM)\n"
    "  SCREENDRAGON_URL, SCREENDRAGON_TOKEN, WORKDRIVE_URL, WORKDRIVE_API_KEY\n"
    "                          the same for the other services; no host is usual\n"
    "  WORKDRIVE_SEND_METHOD   GET (as documented) or POST, for messages and\n"
    "                          notifications\n"
    "  HTTPS_PROXY, NO_PROXY   the proxy to use, and where not to use it\n"
    "  NO_COLOR                set and not empty: no colour\n"
    "  CLICOLOR_FORCE          set and not 0: colour in files and pipes, too\n"
    "  TERM=dumb               no colour, and no line that is rewritten\n"
    "  XDG_STATE_HOME          where the journal is: moonlever/journal.db in there\n"
    "                          (default ~/.local/state), and moonlever/history, the\n"
    "                          lines of `repl`\n"
    "  XDG_CONFIG_HOME         where profiles are: moonlever/config.lua in there\n"
    "                          (default ~/.config); MOONLEVER_CONFIG_DIR goes before\n"
    "  MOONLEVER_PROFILE       the profile to use, as --profile\n"
    "  MOONLEVER_YES           1: send without asking where stock Lua has loaded the\n"
    "                          module (require \"moonlever\"), which has nobody to ask;\n"
    "                          this program does not look at it, --yes is its word\n"
    "  MOONLEVER_SETTLE        seconds to wait before a write whose end is unknown is\n"
    "                          looked up; for tests\n"
    "\n"
    "A flag goes before the environment. `moonlever practice` prints the lines for a\n"
    "practice account.\n"
    "\n"
    "These hold credentials. They are taken out of the environment before the script\n"
    "begins: neither scripts nor the programs they start can see them.\n";

static const char config[] =
    "  $XDG_CONFIG_HOME/moonlever (default ~/.config/moonlever) holds:\n"
    "\n"
    "  config.lua        profiles, written by you\n"
    "  credentials/NAME  tokens, written by `moonlever login` (mode 0600)\n"
    "  defaults          which profile a service has, by `moonlever profile use`\n"
    "\n"
    "config.lua is a Lua table, read as text; it can call nothing:\n"
    "\n"
    "  return {\n"
    "    default  = { screendesk = \"acme\" },\n"
    "    profiles = {\n"
    "      acme = {\n"
    "        service    = \"screendesk\",\n"
    "        origin     = \"https://app.screendesk.io\",\n"
    "        token_cmd  = { \"pass\", \"show\", \"acme\" },\n"
    "        rate       = 5,\n"
    "        headroom   = 80,\n"
    "        production = true,\n"
    "      },\n"
    "    },\n"
    "  }\n"
    "\n"
    "  service     what the profile is an account of; the only key that must be there\n"
    "  origin      scheme and host; without it the service's own, never the\n"
    "              environment's\n"
    "  token_cmd   a program and its arguments, run without a shell: the first line\n"
    "              that it prints is the token. { default = {...}, scim = {...} }\n"
    "              where a service has several credentials\n"
    "  rate        requests a second, as --rate\n"
    "  headroom    use at most this percentage of a known quota\n"
    "  production  confirm one level higher: where --yes would do, --confirm=N is\n"
    "              needed, or the name of the profile typed on a terminal\n"
    "\n"
    "Which profile: --profile NAME (or MOONLEVER_PROFILE), then connect{profile=},\n"
    "then, unless the environment says where the service is, its default: what\n"
    "`profile use` chose, `default` in config.lua, a profile named as the service.\n"
    "A run that is resumed or undone, and a plan, stay with their profile.\n"
    "\n"
    "Where its token comes from: token_cmd, then the environment (only if that names\n"
    "no other origin), then the file that login wrote, which is used for its own\n"
    "origin only, and not at all when others may read it. No flag takes a token.\n"
    "\n"
    "`moonlever config show` tells what holds and where it comes from.\n";

static const char errors[] =
    "An error says what failed on which target, in the service's words where it has\n"
    "any, and what to do next:\n"
    "\n"
    "  moonlever: screendesk.recordings.update 81c5...: 403 Forbidden\n"
    "    the service says: Admins only\n"
    "    fix: ask for a token of an admin\n"
    "    request id 7f3a...\n"
    "\n"
    "Its kind decides what happens next:\n"
    "\n"
    "  network, timeout   the connection; repeated where that is safe, then exit 5\n"
    "  throttled          429: the run slows down and waits as long as it is told to\n"
    "  remote, decode     the service failed, or its answer makes no sense\n"
    "  auth, forbidden    the token is wrong, or may not do this: exit code 4\n"
    "  notfound           the object is not there\n"
    "  invalid            the service refuses what was sent\n"
    "  conflict           somebody else has changed it, or it is being changed\n"
    "  nodata             the service found nothing, which proves nothing\n"
    "  guard              stopped on purpose: not confirmed, a limit, a licence (6)\n"
    "  usage              a wrong argument in a script (1); a wrong flag, file or\n"
    "                     setting, with nothing sent (2)\n"
    "  cancelled          Ctrl-C (130)\n"
    "\n"
    "An error that a script does not catch ends it with the code that is named here,\n"
    "and with 1 where none is.\n"
    "\n"
    "In a script an error is a table with these as err.kind, and err.status,\n"
    "err.message, err.fix, err.request_id; moonlever.try(f, ...) returns it.\n"
    "\n"
    "A change that did not come out as it should is in `moonlever runs RUN --failed`,\n"
    "and `moonlever run --only-failed RUN` tries it again. -v and -vv say more.\n";

static const char output[] =
    "Standard output holds data: what the script prints. With --json one more line\n"
    "ends it (run, plan, apply, resume, undo), the only one for programs to read:\n"
    "\n"
    "  "
    "{\"run\":\"ID\",\"state\":\"done|partial|stopped|planned\",\"counts\":{...},\"exit\":N}\n"
    "\n"
    "`runs --json` is {\"runs\":[{run, kind, undo_of, script, service, origin, started,\n"
    "ended, state, counts}]}, newest first; kind is run, plan, apply or undo, state\n"
    "can be running, too. `runs RUN --json` is one of these with \"changes\":[{seq,\n"
    "operation, target, method, path, state, reason, before, after, attempts,\n"
    "log:[{n, started, sent, status, error}]}]. `show FILE --json` is the header of\n"
    "the plan with \"operations\" and \"effects\", each with how many changes there are.\n"
    "Times are RFC 3339 in UTC; null is what is not known.\n"
    "\n"
    "The state of a change is one of planned, sent, accepted, unknown, confirmed,\n"
    "failed, conflict, noop (already so) and undone.\n"
    "\n"
    "Standard error holds the rest: the line `run: ID` before the first request that\n"
    "writes, the question before the first change, progress, the closing report,\n"
    "errors. Text for people may change between versions; the JSON and `run: ID` do\n"
    "not.\n"
    "\n"
    "Progress is one line that is rewritten on a terminal, one line a minute\n"
    "elsewhere, and none with -q or --progress=none. With --progress=json it is a\n"
    "line a second and one at the end: {\"work\":\"changes|items|requests\",\"done\":N,\n"
    "\"total\":N,\"rate\":N,\"eta\":N,\"in_flight\":N,\"failed\":N,\"wait\":{\"status\":429,\n"
    "\"seconds\":N},\"current\":\"OPERATION\"}; null is what is not known or not so.\n"
    "\n"
    "On a terminal, control characters in titles and names are shown as \\x1B\n"
    "or \\u{202E}; files and pipes get the bytes as they are. `runs` and `show` show\n"
    "them so everywhere, unless they write JSON or CSV.\n"
    "\n"
    "When standard output cannot be written (a full disk), the run stops with exit\n"
    "code 1. When its reader goes away (head), the run stops without a word.\n";

static const char scripts[] =
    "A script is a Lua 5.4 file, or the name of a ready-made one:\n"
    "\n"
    "  $ moonlever run my.lua\n"
    "  $ moonlever run retag --from a --to b\n"
    "\n"
    "What follows the script and is not a flag of `moonlever run` is its own, in\n"
    "order, values too: --from a --to b. A flag of Moonlever is taken wherever it\n"
    "stands:\n"
    "\n"
    "  $ moonlever run retag --from a --dry-run --to b\n"
    "\n"
    "Behind -- everything is the script's. `moonlever run retag --help` is the help\n"
    "of the script, `moonlever run --help` that of the command. A value that looks\n"
    "like a flag is written with = (--note=-n).\n"
    "\n"
    "Arguments that the script declares are checked:\n"
    "\n"
    "  local opt = moonlever.script {\n"
    "    summary = \"Put the ticket number in front of each title\",\n"
    "    writes  = { \"screendesk.recordings\" },\n"
    "    args    = { limit = { \"stop after N recordings\", type = \"integer\" } },\n"
    "  }\n"
    "\n"
    "Without that header they are in `arg`. `writes` is a licence: any other write is\n"
    "refused. `switches` turns on what reaches people and is off otherwise, such as\n"
    "{ \"messages\", \"notifications\" } of WorkDrive. An argument may not have the name\n"
    "of a flag of `moonlever run`.\n";

static const struct topic all[] = {
    {"exit-codes", "what the exit code says", exit_codes},
    {"environment", "variables that are read", environment},
    {"config", "profiles, and where tokens come from", config},
    {"errors", "what an error says, and its kinds", errors},
    {"output", "what goes where, and what programs may rely on", output},
    {"scripts", "scripts, their arguments and their licence", scripts},
};

const char *ml_help_topic_name(size_t index, const char **brief)
{
    if (index >= sizeof all / sizeof all[0])
        return NULL;
    *brief = all[index].brief;
    return all[index].name;
}

/* The engine knows which variables are credentials. */
static void credentials(FILE *to)
{
    fputc('\n', to);
    for (const char *const *name = moonlever_credential_names(); *name; name++)
        fprintf(to, "  %s\n", *name);
}

static void ready_made(FILE *to)
{
    fputs("\nReady-made:\n\n", to);
    ml_help_scripts(to);
}

void ml_help_topic_text(FILE *to, const char *name)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        fputs(all[i].text, to);
        if (all[i].text == environment)
            credentials(to);
        if (all[i].text == scripts)
            ready_made(to);
    }
}

int ml_help_topic(FILE *to, const char *name, bool color)
{
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        fprintf(to, color ? "\x1b[1m%s\x1b[0m: %s\n\n" : "%s: %s\n\n", name, all[i].brief);
        ml_help_topic_text(to, name);
        return 0;
    }
    return -1;
}
