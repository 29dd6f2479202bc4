/* SPDX-License-Identifier: MIT */
/*
 * `moonlever doctor`: what can be seen of the machine from here (libraries, files,
 * terminal, clock); what Lua knows (config.lua, journal, services) is the tool
 * "doctor" (lua/moonlever/doctor.lua). Nothing that is wrong keeps the rest from
 * being looked at.
 */
#include "base/clock.h"
#include "cli/account_file.h"
#include "cli/cmd.h"
#include "cli/drive.h"

#include <moonlever.h>

#include <dirent.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LONGEST 4096
#define WORDS_MAX 200
#define NOT_WRITABLE 022 /* bits of a mode that a file may not have */
#define NOT_READABLE 077
#define YEAR_2024_MS 1704067200000

static void say(struct ml_term *t, const char *mark, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void say(struct ml_term *t, const char *mark, const char *what, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(t->out.file, "%-5s %-12s ", mark, what);
    vfprintf(t->out.file, fmt, ap);
    fputc('\n', t->out.file);
    va_end(ap);
}

/* Settings of a service are often root's, who could change anything anyway. A token that
 * somebody else owns is not used at all. */
static bool is_foreign(const struct stat *st, mode_t forbidden)
{
    return st->st_uid != geteuid() && !(st->st_uid == 0 && forbidden == NOT_WRITABLE);
}

/* Says what is wrong with the owner and mode of a file; `forbidden` are bits that it may not
 * have. True when there is nothing. */
static bool check_mode(struct ml_term *t, const char *path, mode_t forbidden)
{
    struct stat st;
    if (lstat(path, &st) < 0) {
        if (errno != ENOENT)
            say(t, "bad", "files", "%s: %s", path, strerror(errno));
        return errno == ENOENT;
    }
    if (is_foreign(&st, forbidden))
        say(t, "bad", "files", "%s belongs to another user", path);
    else if (st.st_mode & forbidden)
        say(t, "bad", "files", "%s has mode %04o; fix: chmod %s %s", path,
            (unsigned)st.st_mode & 07777, forbidden == NOT_WRITABLE ? "go-w" : "go=", path);
    else
        return true;
    return false;
}

static bool check_credentials(struct ml_term *t, const char *folder)
{
    char path[PATH_LONGEST + 300];
    bool well = true;
    DIR *d = opendir(folder);
    const struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        well &= check_mode(t, path, NOT_READABLE);
    }
    if (d)
        closedir(d);
    return well;
}

/* What is executed or believed must be writable for its owner only; what is secret, readable.
 */
static void files(struct ml_term *t)
{
    char directory[PATH_LONGEST], path[PATH_LONGEST + 40];
    struct ml_err err;
    if (ml_account_directory(directory, sizeof directory, &err) < 0) {
        say(t, "bad", "files", "%s", err.text);
        return;
    }
    bool well = check_mode(t, directory, NOT_WRITABLE);
    snprintf(path, sizeof path, "%s/config.lua", directory);
    well &= check_mode(t, path, NOT_WRITABLE);
    snprintf(path, sizeof path, "%s/defaults", directory);
    well &= check_mode(t, path, NOT_WRITABLE);
    snprintf(path, sizeof path, "%s/credentials", directory);
    well &= check_mode(t, path, NOT_WRITABLE);
    well &= check_credentials(t, path);
    if (well)
        say(t, "ok", "files", "nobody else can read tokens or change settings in %s",
            directory);
}

static void terminal(struct ml_term *t)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    const char *codeset = locale ? nl_langinfo_l(CODESET, locale) : "ASCII",
               *name = getenv("TERM");
    bool utf8 = strcmp(codeset, "UTF-8") == 0;
    say(t, utf8 ? "ok" : "note", "terminal", "%s, TERM=%s, %zu columns, %s, colours %s",
        t->out.tty ? "a terminal" : "no terminal", name ? name : "", ml_term_out_width(t),
        codeset, t->out_color ? "on" : "off");
    if (locale)
        freelocale(locale);
}

static void machine(struct ml_term *t)
{
    say(t, "ok", "version", "moonlever %s", moonlever_version());
    say(t, "ok", "libraries", "%s", moonlever_libraries());
    if (ml_clock_wall_ms() < YEAR_2024_MS)
        say(t, "bad", "clock", "it is before 2024 here: certificates will not be trusted");
    else
        say(t, "ok", "clock", "plausible");
    terminal(t);
    files(t);
}

/* The credentials of the environment (their names, apart by blanks, which are cut up in place),
 * and behind "--" the profiles with a file of credentials. Returns how many words there are. */
static int words(const char *argv[WORDS_MAX], bool online, char *names, int *stored)
{
    int argc = 0;
    argv[argc++] = online ? "online" : "offline";
    for (char *word; (word = strsep(&names, " ")) != NULL && argc <= ML_SECRETS_MAX;)
        if (*word)
            argv[argc++] = word;
    argv[argc++] = "--";
    *stored = argc;
    return argc + ml_account_names(argv + argc, WORDS_MAX - argc);
}

static int start_doctor(moonlever *h, const struct ml_options *o, const char *names)
{
    char copy[ML_SECRETS_MAX * 64];
    const char *argv[WORDS_MAX];
    int stored;
    snprintf(copy, sizeof copy, "%s", names);
    int argc = words(argv, o->count[ML_FLAG_ONLINE] > 0, copy, &stored);
    int rc = moonlever_tool_start(h, "doctor", argc, argv);
    while (argc > stored)
        free((char *)argv[--argc]);
    return rc;
}

int ml_cmd_doctor(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    char names[ML_SECRETS_MAX * 64] = "";
    for (size_t i = 0; i < secrets->count; i++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%.*s ", (int)strcspn(secrets->text[i], "="),
                 secrets->text[i]);
    }
    machine(t);
    return ml_drive(o, secrets, t, start_doctor, names);
}
