/* SPDX-License-Identifier: MIT */
/*
 * A host that lets a script change things, after asking its user.
 *
 *     host-function SCRIPT [ARG...]
 *
 * Before the first change Moonlever asks the host, once a run; the host asks
 * whoever sits in front of it, here on standard input. In a profile that is
 * marked as production a plain yes is not enough: its name has to be typed.
 */
#include <moonlever.h>
#include <stdio.h>
#include <string.h>

static void print(void *ud, const char *text, size_t len)
{
    (void)ud;
    fwrite(text, 1, len, stdout);
}

static void tell_run(void *ud, const char *run_id)
{
    (void)ud;
    fprintf(stderr, "run: %s\n", run_id);
}

/* 1: the changes may be sent. The end of the input is a no. */
static int ask(void *ud, const char *text, size_t len)
{
    moonlever *h = ud;
    const char *word = moonlever_confirm_word(h);
    char line[128];
    printf("%.*s\n", (int)len, text);
    if (*word)
        printf("Type %s to go on: ", word);
    else
        printf("Go on? [y/N] ");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, *word ? word : "y") == 0;
}

int main(int argc, char **argv)
{
    moonlever *h;
    int code = 2;
    if (argc < 2 || moonlever_open(&h) != MOONLEVER_OK)
        return 2;
    moonlever_on_output(h, print, NULL);
    moonlever_on_run(h, tell_run, NULL);
    moonlever_on_confirm(h, ask, h);
    if (moonlever_set(h, "env", "true") == MOONLEVER_OK &&
        moonlever_run_start(h, argv[1], argc - 2, (const char *const *)(argv + 2)) ==
            MOONLEVER_OK) {
        while (!moonlever_run_done(h))
            moonlever_wait(h, -1);
        code = moonlever_exit_code(h);
        printf("%s%s\n", moonlever_report(h), moonlever_result_json(h));
    }
    if (code != 0)
        fprintf(stderr, "%s\n", moonlever_errmsg(h));
    moonlever_close(h);
    return code;
}
