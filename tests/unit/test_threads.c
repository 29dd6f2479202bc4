/* SPDX-License-Identifier: MIT */
/*
 * Four handles, each on a thread of its own, never meet: thousands of calls at
 * once against one account and into one journal; and they are cancelled from
 * another thread.
 * Built with -fsanitize=thread (./dev tsan) this finds what they share.
 *
 * MOONLEVER_CALLS is the number of calls a handle (default 400), MOONLEVER_ROUNDS how often all
 * of it is done, with new handles and threads (default 1): ThreadSanitizer keeps the stacks of
 * a thread, so that many calls on one take gigabytes.
 */
#include <moonlever.h>

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "practice/practice.h"

#include <cmocka.h>

#define HANDLES 4

/* In a process of its own: its threads are not what is looked at. */
static pid_t account;
static char origin[128], credential[128];
static char directory[] = "/tmp/moonlever-threads-XXXXXX", journal[64];

static void serve(int out)
{
    struct ml_practice_conf conf;
    struct ml_practice *p;
    struct ml_err err;
    char text[256];
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* with a test that crashes */
    ml_practice_defaults(&conf);
    conf.recordings = 50;
    if (ml_practice_start(&conf, &p, &err) < 0)
        _exit(1);
    int len = snprintf(text, sizeof text, "SCREENDESK_URL=%s SCREENDESK_TOKEN=%s\n",
                       ml_practice_origin(p), ml_practice_token(p));
    if (write(out, text, (size_t)len) != len)
        _exit(1);
    for (;;)
        pause();
}

static int start_account(void **state)
{
    (void)state;
    int ends[2];
    char text[256] = "";
    if (pipe(ends) < 0 || !mkdtemp(directory))
        return -1;
    snprintf(journal, sizeof journal, "%s/journal.db", directory);
    account = fork(); /* before anything here has a thread */
    if (account == 0)
        serve(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    close(ends[1]);
    return n > 0 && sscanf(text, "%127s %127s", origin, credential) == 2 ? 0 : -1;
}

static int stop_account(void **state)
{
    (void)state;
    kill(account, SIGKILL);
    waitpid(account, NULL, 0);
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

/* --- a handle on a thread --- */

struct host {
    pthread_t thread;
    moonlever *h;
    const char *text, *args[2]; /* of the script: how many calls, the number of the handle */
    char number[2];
    char output[64], error[200];
    int exit_code;
    unsigned logged;
};

static void on_output(void *ud, const char *text, size_t len)
{
    struct host *host = ud;
    snprintf(host->output, sizeof host->output, "%.*s", (int)len, text);
}

static void on_log(void *ud, int level, const char *text, size_t len)
{
    (void)level, (void)text, (void)len;
    ((struct host *)ud)->logged++;
}

static int set_up_handle(struct host *host)
{
    const char *const settings[][2] = {{"origin", origin},   {"credential", credential},
                                       {"rate", "0"},        {"yes", "true"},
                                       {"journal", journal}, {"log_level", "3"}};
    int rc = MOONLEVER_OK;
    for (size_t i = 0; i < sizeof settings / sizeof *settings && rc == MOONLEVER_OK; i++)
        rc = moonlever_set(host->h, settings[i][0], settings[i][1]);
    moonlever_on_output(host->h, on_output, host);
    moonlever_on_log(host->h, on_log, host);
    return rc;
}

static void *drive(void *ud)
{
    struct host *host = ud;
    host->exit_code = -1;
    if (set_up_handle(host) != MOONLEVER_OK ||
        moonlever_run_text(host->h, "threads", host->text, strlen(host->text), 2, host->args) !=
            MOONLEVER_OK)
        return NULL;
    while (!moonlever_run_done(host->h))
        moonlever_wait(host->h, -1);
    host->exit_code = moonlever_exit_code(host->h);
    snprintf(host->error, sizeof host->error, "%s", moonlever_errmsg(host->h));
    return NULL;
}

static void start(struct host *hosts, const char *text, const char *calls)
{
    memset(hosts, 0, HANDLES * sizeof *hosts);
    for (int i = 0; i < HANDLES; i++) {
        hosts[i].text = text;
        hosts[i].number[0] = (char)('0' + i);
        hosts[i].args[0] = calls;
        hosts[i].args[1] = hosts[i].number;
        assert_int_equal(moonlever_open(&hosts[i].h), MOONLEVER_OK);
        assert_int_equal(pthread_create(&hosts[i].thread, NULL, drive, &hosts[i]), 0);
    }
}

static void finish(struct host *hosts)
{
    for (int i = 0; i < HANDLES; i++)
        assert_int_equal(pthread_join(hosts[i].thread, NULL), 0);
}

static void calls_of_four(const char *calls)
{
    static const char text[] =
        "local moonlever = require 'moonlever'\n"
        "local sd = moonlever.connect 'screendesk'\n"
        "local calls, number = ...\n"
        "local recs, items = {}, {}\n"
        "for rec in sd.recordings:list() do recs[#recs + 1] = rec end\n"
        "local rec = recs[1 + number]\n" /* each its own */
        "for i = 1, calls do items[i] = i end\n"
        "local report = moonlever.each(items, function(i)\n"
        "  if i % 100 == 0 then\n"
        "    sd.recordings:update(recs[1 + number + i % 10 * 4], { title = number .. ' ' .. i "
        "})\n"
        "  else assert(sd.recordings:get(rec.uuid).uuid == rec.uuid) end\n"
        "end, { concurrency = 16 })\n"
        "print(report.ok)\n";
    struct host hosts[HANDLES];
    start(hosts, text, calls);
    finish(hosts);
    for (int i = 0; i < HANDLES; i++) {
        if (hosts[i].exit_code != 0)
            fail_msg("handle %d: exit %d: %s", i, hosts[i].exit_code, hosts[i].error);
        assert_int_equal(atol(hosts[i].output), atol(calls));
        moonlever_close(hosts[i].h);
    }
}

static void thousands_of_calls(void **state)
{
    (void)state;
    const char *calls = getenv("MOONLEVER_CALLS"), *rounds = getenv("MOONLEVER_ROUNDS");
    for (long left = rounds ? atol(rounds) : 1; left > 0; left--)
        calls_of_four(calls ? calls : "400");
}

/* moonlever_cancel is what other threads may call, at any time. */
static void cancelled_from_elsewhere(void **state)
{
    (void)state;
    static const char text[] = "local moonlever = require 'moonlever'\n"
                               "local sd = moonlever.connect 'screendesk'\n"
                               "local uuid = sd.recordings:list()().uuid\n"
                               "print 'go'\n"
                               "while true do sd.recordings:get(uuid) end\n";
    struct host hosts[HANDLES];
    start(hosts, text, "");
    for (int round = 0; round < 3; round++) {
        usleep(50000);
        for (int i = 0; i < HANDLES; i++)
            moonlever_cancel(hosts[i].h);
    }
    for (int i = 0; i < HANDLES; i++) { /* those that had not begun by then */
        while (pthread_tryjoin_np(hosts[i].thread, NULL) != 0) {
            moonlever_cancel(hosts[i].h);
            usleep(1000);
        }
        assert_int_equal(hosts[i].exit_code, 130);
        moonlever_close(hosts[i].h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_calls),
        cmocka_unit_test(cancelled_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, start_account, stop_account);
}
