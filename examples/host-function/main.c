/* SPDX-License-Identifier: MIT */
/*
 * A host that lends a function to its scripts, and that lets them change things after asking
 * its user.
 *
 *     host-function SCRIPT [ARG...]            such as: host-function retitle.lua
 *
 * The function is moonlever.host.ask_user(question). The host gets its arguments as a JSON
 * object and answers with a JSON value. It could answer later, and other tasks of the script
 * would go on meanwhile; this one waits for a line of standard input, and everything of the
 * handle with it.
 *
 * Before the first change Moonlever asks the host, once a run; the host asks whoever sits in
 * front of it, here on standard input too. In a profile that is marked as production a plain
 * yes is not enough: its name has to be typed.
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

/* A line of standard input without its newline; 0 at the end of the input. */
static int read_line(char *line, size_t size)
{
    fflush(stdout);
    if (!fgets(line, (int)size, stdin))
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return 1;
}

/* Prints the text of the one argument, {"question":"..."}. A host with more than that to read
 * has a JSON library. */
static void print_question(const char *args)
{
    const char *p = strchr(args, ':');
    for (p = p ? p + 2 : ""; *p && *p != '"'; p++) {
        if (*p != '\\')
            putchar(*p);
        else if (*++p == 'u')
            p += 4; /* a control character: nothing to show */
        else if (strchr("\"\\/", *p))
            putchar(*p);
        else
            putchar(' ');
    }
}

/* A text as a JSON string, cut where `out` is full. Returns its length. */
static size_t quote(const char *text, char *out, size_t size)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *text && n + 8 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20) {
            n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            out[n++] = '\\';
        out[n++] = *text;
    }
    out[n++] = '"';
    return n;
}

/* moonlever.host.ask_user(question): what the user types, without the newline. */
static void ask_user(void *ud, uint64_t call, const char *args, size_t len)
{
    moonlever *h = ud;
    char line[128], json[800];
    (void)len;
    print_question(args);
    putchar(' ');
    if (!read_line(line, sizeof line))
        moonlever_raise(h, call, "cancelled", "nobody answers on standard input");
    else if (moonlever_return(h, call, json, quote(line, json, sizeof json)) != MOONLEVER_OK)
        moonlever_raise(h, call, "invalid", "what was typed is not UTF-8");
}

/* 1: the changes may be sent. The end of the input is a no. */
static int confirm(void *ud, const char *text, size_t len)
{
    moonlever *h = ud;
    const char *word = moonlever_confirm_word(h);
    char line[128];
    printf("%.*s\n", (int)len, text);
    if (*word)
        printf("Type %s to go on: ", word);
    else
        printf("Go on? [y/N] ");
    return read_line(line, sizeof line) && strcmp(line, *word ? word : "y") == 0;
}

int main(int argc, char **argv)
{
    moonlever *h;
    int code = 2;
    if (argc < 2 || moonlever_open(&h) != MOONLEVER_OK)
        return 2;
    moonlever_on_output(h, print, NULL);
    moonlever_on_run(h, tell_run, NULL);
    moonlever_on_confirm(h, confirm, h);
    if (moonlever_function(h, "ask_user(question: string)", ask_user, h) == MOONLEVER_OK &&
        moonlever_set(h, "env", "true") == MOONLEVER_OK &&
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
