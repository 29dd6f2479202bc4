/* SPDX-License-Identifier: MIT */
/* Profiles for a host that embeds the library: where they are, and who runs a token_cmd. */
#include <moonlever.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TOKEN "t0ken-of-the-vault"

struct host {
    moonlever *h;
    char directory[64];
    int called;
    char words[100]; /* of the last command, each with a blank behind it */
    const char *answer;
    char log[2000];
};

static void on_log(void *ud, int level, const char *text, size_t len)
{
    struct host *host = ud;
    size_t used = strlen(host->log);
    (void)level;
    snprintf(host->log + used, sizeof host->log - used, "%.*s\n", (int)len, text);
}

static ptrdiff_t on_command(void *ud, const char *const *argv, char *out, size_t size)
{
    struct host *host = ud;
    host->called++;
    host->words[0] = '\0';
    for (; *argv; argv++) {
        strcat(host->words, *argv);
        strcat(host->words, " ");
    }
    if (!host->answer)
        return -1;
    return snprintf(out, size, "%s", host->answer);
}

static void put_file(const struct host *host, const char *name, const char *text, mode_t mode)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", host->directory, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static int set_up(void **state)
{
    struct host *host = calloc(1, sizeof *host);
    char path[200];
    strcpy(host->directory, "/tmp/moonlever-embed-XXXXXX");
    assert_non_null(mkdtemp(host->directory));
    snprintf(path, sizeof path, "%s/credentials", host->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(moonlever_open(&host->h), MOONLEVER_OK);
    moonlever_on_log(host->h, on_log, host);
    put_file(
        host, "config.lua",
        "return { profiles = { acme = { service = 'screendesk', origin = 'http://127.0.0.1:9',"
        " token_cmd = { 'vault', 'get me' } } } }",
        0600);
    *state = host;
    return 0;
}

static int tear_down(void **state)
{
    struct host *host = *state;
    char command[200];
    moonlever_close(host->h);
    snprintf(command, sizeof command, "rm -r %s", host->directory);
    assert_int_equal(system(command), 0);
    free(host);
    return 0;
}

/* Runs a script; the exit code. */
static int run(struct host *host, const char *text)
{
    assert_int_equal(moonlever_run_text(host->h, "s.lua", text, strlen(text), 0, NULL),
                     MOONLEVER_OK);
    while (!moonlever_run_done(host->h))
        moonlever_wait(host->h, 1000);
    return moonlever_exit_code(host->h);
}

#define CONNECT "local c = require 'moonlever'.connect { profile = 'acme' } "

static void the_host_runs_the_command_once(void **state)
{
    struct host *host = *state;
    host->answer = TOKEN;
    moonlever_on_command(host->h, on_command, host);
    assert_int_equal(moonlever_set(host->h, "config", host->directory), MOONLEVER_OK);
    assert_int_equal(run(host, CONNECT CONNECT "error '" TOKEN "'"), 1);
    assert_int_equal(host->called, 1);
    assert_string_equal(host->words, "vault get me ");
    assert_null(strstr(moonlever_errmsg(host->h), TOKEN));
}

static void a_host_that_runs_nothing_is_told(void **state)
{
    struct host *host = *state;
    moonlever_set(host->h, "config", host->directory);
    assert_int_equal(run(host, CONNECT), 2);
    assert_non_null(strstr(moonlever_errmsg(host->h), "there is nobody to run it"));
}

static void a_command_that_fails(void **state)
{
    struct host *host = *state;
    moonlever_on_command(host->h, on_command, host);
    moonlever_set(host->h, "config", host->directory);
    assert_int_equal(run(host, CONNECT), 2);
    assert_non_null(strstr(moonlever_errmsg(host->h), "failed"));
    host->answer = "";
    assert_int_equal(run(host, CONNECT), 2);
    assert_non_null(strstr(moonlever_errmsg(host->h), "printed nothing"));
    assert_int_equal(host->called, 2);
}

/* Without env = true and without a directory the library looks at nobody's home. */
static void no_profiles_unless_the_host_says_where(void **state)
{
    struct host *host = *state;
    moonlever_set(host->h, "confine", "false");
    assert_int_equal(setenv("XDG_CONFIG_HOME", host->directory, 1), 0);
    assert_int_equal(run(host, "assert(require 'moonlever.raw'.config_directory() == nil)"), 0);
    moonlever_set(host->h, "env", "true");
    assert_int_equal(
        run(host, "assert(require 'moonlever.raw'.config_directory():find 'moonlever$')"), 0);
    moonlever_set(host->h, "config", "");
    assert_int_equal(run(host, "assert(require 'moonlever.raw'.config_directory() == nil)"), 0);
    unsetenv("XDG_CONFIG_HOME");
}

static void what_is_stored_is_told_without_its_secrets(void **state)
{
    struct host *host = *state;
    moonlever_set(host->h, "confine", "false");
    moonlever_set(host->h, "config", host->directory);
    put_file(
        host, "credentials/beta",
        "# a remark\nservice=screendesk\norigin=http://127.0.0.1:9\nSCREENDESK_TOKEN=" TOKEN
        "\nno pair",
        0600);
    assert_int_equal(
        run(host, "local s = require 'moonlever.raw'.stored 'beta' "
                  "assert(s.service == 'screendesk' and s.names.SCREENDESK_TOKEN == true)"),
        0);
    put_file(host, "credentials/beta", "", 0600);
    assert_int_equal(run(host, "local s = require 'moonlever.raw'.stored 'beta' "
                               "assert(s and not s.service and next(s.names) == nil)"),
                     0);
    assert_int_equal(run(host, "assert(require 'moonlever.raw'.stored 'nobody' == nil)"), 0);
    assert_int_not_equal(run(host, "require 'moonlever.raw'.stored '../config.lua'"), 0);
    assert_int_not_equal(run(host, "require 'moonlever.raw'.stored ''"), 0);
    put_file(host, "credentials/beta", "x=y\n", 0640);
    assert_int_not_equal(run(host, "require 'moonlever.raw'.stored 'beta'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_host_runs_the_command_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_host_that_runs_nothing_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_command_that_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_profiles_unless_the_host_says_where, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_stored_is_told_without_its_secrets, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
