/* SPDX-License-Identifier: MIT */
/*
 * The shortest host: runs a script to its end and prints what it has come to.
 *
 *     c-blocking SCRIPT [ARG...]     a path, or the name of a ready-made script
 *
 * It sends no change: there is neither a confirmation nor yes=true. Credentials
 * and origins come from the environment.
 */
#include <moonlever.h>
#include <stdio.h>

static void print(void *ud, const char *text, size_t len)
{
    (void)ud;
    fwrite(text, 1, len, stdout);
}

int main(int argc, char **argv)
{
    moonlever *h;
    if (argc < 2 || moonlever_open(&h) != MOONLEVER_OK)
        return 2;
    moonlever_on_output(h, print, NULL);
    int code = 2;
    if (moonlever_set(h, "env", "true") == MOONLEVER_OK &&
        moonlever_run_start(h, argv[1], argc - 2, (const char *const *)(argv + 2)) ==
            MOONLEVER_OK) {
        while (!moonlever_run_done(h))
            moonlever_wait(h, -1);
        code = moonlever_exit_code(h);
        printf("%s\n", moonlever_result_json(h));
    }
    if (code != 0)
        fprintf(stderr, "%s\n", moonlever_errmsg(h));
    moonlever_close(h);
    return code;
}
