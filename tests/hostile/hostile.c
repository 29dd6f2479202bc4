/* SPDX-License-Identifier: MIT */
/*
 * Hostile scripts, all in this one process: `hostile FILE.scripts...`.
 *
 * A file holds scripts, each behind a line
 *     --- NAME; exit=CODE; says=TEXT; prints=TEXT; result=TEXT; loads=no; SETTING=VALUE...
 * that states what it must end with: exit code, a part of the reason, of the output, of the
 * closing JSON line, or that it does not start. With HOSTILE_ISOLATE=process in the environment
 * scripts run in processes of their own; isolated=CODE is what one ends with then that does not
 * end as stated. {good} and {evil} are origins of two servers on
 * this machine, {gport} and {eport} their ports, {esc} is ESC. After each script the next one
 * on the same handle, and one on another handle that lives as long as the process, have to work
 * as if nothing had been; nobody may have talked to the second server, and the credential may
 * have shown nowhere.
 */
#include <moonlever.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "servers.h"

#define SECRET "hostile-secret"
#define RESERVE (512 * 1024) /* that memory may pass its limit by, to tell of it */
#define COLLECTED 64 /* bytes that a collection looks at in what counts as an instruction */
#define WATCHDOG 280 /* seconds for all */
#if defined(__SANITIZE_ADDRESS__)
#define STACK (8u << 20)
#else
#define STACK (1u << 20)
#endif
#define TEXT_MAX (4 << 20)

struct script {
    char name[200];
    char head[600]; /* the settings of its line, apart by ';' */
    char *text;
    size_t len;
};

struct outcome {
    char output[4096]; /* its beginning */
    size_t written, logged;
    bool leaked;
};

static unsigned failures;

static void complain(const struct script *s, const char *what, const char *detail)
{
    printf("FAILED %s: %s%s\n", s->name, what, detail);
    failures++;
}

/* --- the host --- */

static void keep(struct outcome *o, const char *text, size_t len)
{
    size_t used = strlen(o->output), n = sizeof o->output - 1 - used;
    n = len < n ? len : n;
    memcpy(o->output + used, text, n);
    o->output[used + n] = '\0';
    o->leaked |= memmem(text, len, SECRET, strlen(SECRET)) != NULL;
}

static void on_output(void *ud, const char *text, size_t len)
{
    struct outcome *o = ud;
    o->written += len;
    keep(o, text, len);
}

static void on_log(void *ud, int level, const char *text, size_t len)
{
    struct outcome *o = ud;
    (void)level;
    o->logged += len;
    o->leaked |= memmem(text, len, SECRET, strlen(SECRET)) != NULL;
}

static void set(moonlever *h, const char *key, const char *value)
{
    if (moonlever_set(h, key, value) != MOONLEVER_OK) {
        printf("FAILED: setting %s=%s: %s\n", key, value, moonlever_errmsg(h));
        exit(2);
    }
}

static moonlever *open_host(const struct servers *servers, struct outcome *o)
{
    static const char *const settings[][2] = {{"instructions_max", "3000000"},
                                              {"memory_max", "33554432"},
                                              {"script_time_max", "30"},
                                              {"output_max", "100000"},
                                              {"yes", "true"},
                                              {"credential", "SCREENDESK_TOKEN=" SECRET},
                                              {"log_level", "3"}};
    moonlever *h;
    char origin[100];
    if (moonlever_open(&h) != MOONLEVER_OK)
        exit(2);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        set(h, settings[i][0], settings[i][1]);
    snprintf(origin, sizeof origin, "SCREENDESK_URL=%s", servers->good_url);
    set(h, "origin", origin);
    set(h, "journal", getenv("HOSTILE_JOURNAL"));
    if (getenv("HOSTILE_ISOLATE"))
        set(h, "isolate", getenv("HOSTILE_ISOLATE"));
    moonlever_on_output(h, on_output, o);
    moonlever_on_log(h, on_log, o);
    return h;
}

/* The exit code, -1 where it did not start. */
static int run(moonlever *h, const char *text, size_t len)
{
    if (moonlever_run_text(h, "hostile", text, len, 0, NULL) != MOONLEVER_OK)
        return -1;
    while (!moonlever_run_done(h))
        moonlever_wait(h, 1000);
    return moonlever_exit_code(h);
}

/* Does an ordinary script still do what it should? */
static bool is_well(moonlever *h, struct outcome *o)
{
    static const char text[] =
        "local moonlever = require 'moonlever'\n"
        "assert(('x'):rep(3) == 'xxx' and ('k=v'):match('(%a)=(%a)') == 'k' and "
        "#string.format('%5d', 7) == 5)\n"
        "assert(getmetatable('') == false and rawget(_G, 'left_behind') == nil and "
        "table.concat { 1, 2 } == '12')\n"
        "local done = 0\n"
        "moonlever.each({ 1, 2, 3 }, function(n) moonlever.sleep(0) done = done + n end)\n"
        "local ok, err = pcall(moonlever.connect, 'nowhere')\n"
        "assert(not ok and err.kind == 'usage' and tostring(err):find('nowhere', 1, true))\n"
        "local _, answer = moonlever.connect('screendesk'):request { path = '/plain' }\n"
        "print('well', done, answer.status)\n";
    o->output[0] = '\0';
    return run(h, text, sizeof text - 1) == 0 && strcmp(o->output, "well\t6\t200\n") == 0;
}

/* --- a script --- */

/* The value of a member of the line, into out; false where it has none. */
static bool member(const char *head, const char *key, char *out, size_t size)
{
    size_t n = strlen(key);
    for (const char *at = head; at; at = strchr(at, ';')) {
        at += strspn(at, "; ");
        if (strncmp(at, key, n) != 0 || at[n] != '=')
            continue;
        snprintf(out, size, "%.*s", (int)strcspn(at + n + 1, ";"), at + n + 1);
        return true;
    }
    return false;
}

/* Passes on what is not for us. True: the handle has settings of its own. */
static bool apply_settings(moonlever *h, const char *head)
{
    char text[600], *rest = text, *pair;
    bool any = false;
    snprintf(text, sizeof text, "%s", head);
    while ((pair = strsep(&rest, ";")) != NULL) {
        pair += strspn(pair, " ");
        char *equals = strchr(pair, '=');
        if (!equals || strncmp(pair, "exit=", 5) == 0 || strncmp(pair, "says=", 5) == 0 ||
            strncmp(pair, "prints=", 7) == 0 || strncmp(pair, "loads=", 6) == 0 ||
            strncmp(pair, "result=", 7) == 0 || strncmp(pair, "isolated=", 9) == 0)
            continue;
        *equals = '\0';
        set(h, pair, equals + 1);
        any = true;
    }
    return any;
}

static uint64_t limit(const char *head, const char *key, uint64_t usual)
{
    char value[40];
    return member(head, key, value, sizeof value) ? strtoull(value, NULL, 10) : usual;
}

static void check_limits(const struct script *s, const moonlever *h, const struct outcome *o)
{
    struct moonlever_status status = {.size = sizeof status};
    uint64_t instructions = limit(s->head, "instructions_max", 3000000);
    uint64_t memory = limit(s->head, "memory_max", 33554432);
    uint64_t output = limit(s->head, "output_max", 100000);
    moonlever_status(h, &status);
    if (status.memory > memory + RESERVE)
        complain(s, "it had more memory than its limit", "");
    if (instructions &&
        status.instructions > instructions + instructions / 5 + memory / COLLECTED)
        complain(s, "it ran for more than 1.2 of its instructions", "");
    if (output && o->written > output)
        complain(s, "it wrote more than its limit", "");
}

static void check_end(const struct script *s, moonlever *h, const struct outcome *o, int code)
{
    char wanted[300], got[700];
    snprintf(got, sizeof got, "%d, %.500s", code, moonlever_errmsg(h));
    if (getenv("HOSTILE_ISOLATE") && member(s->head, "isolated", wanted, sizeof wanted)) {
        if (atoi(wanted) != code)
            complain(s, "isolated, it ended with ", got);
        return;
    }
    if (member(s->head, "exit", wanted, sizeof wanted) && atoi(wanted) != code)
        complain(s, "it ended with ", got);
    if (member(s->head, "says", wanted, sizeof wanted) && !strstr(moonlever_errmsg(h), wanted))
        complain(s, "the reason is ", got);
    if (member(s->head, "prints", wanted, sizeof wanted) && !strstr(o->output, wanted))
        complain(s, "it printed ", o->output);
    if (member(s->head, "loads", wanted, sizeof wanted) && code != -1)
        complain(s, "it was started", "");
    if (member(s->head, "result", wanted, sizeof wanted) &&
        !strstr(moonlever_result_json(h), wanted))
        complain(s, "the result is ", moonlever_result_json(h));
    if (strstr(moonlever_errmsg(h), SECRET) || o->leaked)
        complain(s, "the credential was shown", "");
    if (strlen(moonlever_errmsg(h)) > 300000)
        complain(s, "the reason is too long", "");
}

static void try(const struct script *s, struct servers *servers, moonlever *other,
                struct outcome *other_outcome)
{
    struct outcome o = {.written = 0};
    if (getenv("HOSTILE_VERBOSE"))
        fprintf(stderr, "%s\n", s->name);
    moonlever *h = open_host(servers, &o);
    bool own = apply_settings(h, s->head);
    int code = run(h, s->text, s->len);
    check_end(s, h, &o, code);
    if (code != -1)
        check_limits(s, h, &o);
    if (!own && !is_well(h, &o))
        complain(s, "the next script on the handle failed: ", moonlever_errmsg(h));
    moonlever_close(h);
    if (!is_well(other, other_outcome))
        complain(s, "a script on another handle failed: ", moonlever_errmsg(other));
    if (servers_evil_connections(servers))
        complain(s, "it reached the second server", "");
    if (servers_injected(servers))
        complain(s, "it has put something into a request", "");
}

/* --- files --- */

/* Copies text with its placeholders filled in; returns the length. */
static size_t fill(const struct servers *servers, const char *text, size_t len, char *out)
{
    const struct {
        const char *name, *value;
    } places[] = {{"{good}", servers->good_url},
                  {"{evil}", servers->evil_url},
                  {"{gport}", servers->good_port},
                  {"{eport}", servers->evil_port},
                  {"{esc}", "\033"}};
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        size_t p = 0;
        while (p < sizeof places / sizeof *places &&
               strncmp(text + i, places[p].name, strlen(places[p].name)) != 0)
            p++;
        if (p == sizeof places / sizeof *places) {
            out[n++] = text[i++];
            continue;
        }
        i += strlen(places[p].name);
        n += (size_t)sprintf(out + n, "%s", places[p].value);
    }
    out[n] = '\0';
    return n;
}

static void read_head(struct script *s, const struct servers *servers, const char *line,
                      size_t len)
{
    char filled[1200];
    fill(servers, line, len < 500 ? len : 500, filled);
    char *semicolon = strchr(filled, ';');
    snprintf(s->head, sizeof s->head, "%.590s", semicolon ? semicolon : "");
    snprintf(s->name, sizeof s->name, "%.*s", (int)strcspn(filled, ";"), filled);
}

static unsigned run_file(const char *path, struct servers *servers, moonlever *other,
                         struct outcome *other_outcome)
{
    static char text[TEXT_MAX], filled[TEXT_MAX];
    FILE *f = fopen(path, "rb");
    size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;
    unsigned n = 0;
    text[len] = '\0';
    if (len == sizeof text - 1) {
        printf("FAILED %s: the file is too long\n", path);
        failures++;
    }
    if (f)
        fclose(f);
    for (char *at = strstr(text, "\n--- "); at; n++) {
        struct script s;
        char *line = at + 5, *end = strchr(line, '\n'), *next = strstr(end, "\n--- ");
        size_t body = next ? (size_t)(next - end - 1) : strlen(end + 1);
        read_head(&s, servers, line, (size_t)(end - line));
        s.text = filled;
        s.len = fill(servers, end + 1, body, filled);
        try(&s, servers, other, other_outcome);
        at = next;
    }
    return n;
}

struct job {
    int argc;
    char **argv;
    unsigned scripts;
};

static void *work(void *ud)
{
    struct job *job = ud;
    struct servers servers;
    struct outcome outcome = {.written = 0};
    if (servers_start(&servers) < 0)
        return NULL;
    moonlever *other = open_host(&servers, &outcome);
    for (int i = 1; i < job->argc; i++)
        job->scripts += run_file(job->argv[i], &servers, other, &outcome);
    moonlever_close(other);
    servers_stop(&servers);
    return NULL;
}

/* On a thread with a small stack, as hosts have them. */
int main(int argc, char **argv)
{
    struct job job = {argc, argv, 0};
    pthread_attr_t attributes;
    pthread_t thread;
    alarm(WATCHDOG);
    pthread_attr_init(&attributes);
    if (!getenv("HOSTILE_JOURNAL") || pthread_attr_setstacksize(&attributes, STACK) != 0 ||
        pthread_create(&thread, &attributes, work, &job) != 0)
        return 2;
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    printf("%u hostile scripts, %u complaints\n", job.scripts, failures);
    return failures || job.scripts == 0;
}
