/* SPDX-License-Identifier: MIT */
#include "cli/script_file.h"

#include "cli/suggest.h"

#include <moonlever.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LONGEST 1024
#define FILES_LOOKED_AT 2000 /* a directory may be huge, and this is only a courtesy */

static int ends_in_lua(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".lua") == 0;
}

/* "retga", "retga.lua" and "retag.lau" may all mean the ready-made "retag". */
static void offer_ready_made(struct ml_suggest *s)
{
    const char *name;
    for (size_t i = 0; (name = moonlever_script_name(i)) != NULL; i++) {
        char file[ML_SUGGEST_LONGEST + 1];
        struct ml_suggest as_file;
        ml_suggest_offer(s, name);
        ml_suggest_create(&as_file, s->typed);
        snprintf(file, sizeof file, "%.59s.lua", name);
        ml_suggest_offer(&as_file, file);
        if (as_file.best[0] && as_file.distance < s->distance) {
            s->distance = as_file.distance;
            snprintf(s->best, sizeof s->best, "%s", name);
        }
    }
}

static void offer_files(struct ml_suggest *s, const char *directory)
{
    DIR *d = opendir(directory);
    const struct dirent *e;
    for (int n = 0; d && n < FILES_LOOKED_AT && (e = readdir(d)) != NULL; n++)
        if (ends_in_lua(e->d_name))
            ml_suggest_offer(s, e->d_name);
    if (d)
        closedir(d);
}

/* Finds what was meant by a script that is not there; false when nothing is near. */
static int guess(const char *script, char out[PATH_LONGEST])
{
    struct stat st;
    struct ml_suggest s;
    const char *slash = strrchr(script, '/');
    const char *name = slash ? slash + 1 : script;
    char directory[PATH_LONGEST] = ".";
    int n = (int)(name - script);
    if (snprintf(out, PATH_LONGEST, "%s.lua", script) < PATH_LONGEST && stat(out, &st) == 0)
        return 1;
    if (n > 0 &&
        snprintf(directory, sizeof directory, "%.*s", n, script) >= (int)sizeof directory)
        return 0;
    ml_suggest_create(&s, name);
    offer_files(&s, directory);
    if (s.best[0])
        return snprintf(out, PATH_LONGEST, "%.*s%s", n, script, s.best) < PATH_LONGEST;
    if (!slash)
        offer_ready_made(&s);
    snprintf(out, PATH_LONGEST, "%s", s.best);
    return s.best[0] != '\0';
}

static int missing(const char *script, struct ml_err *err)
{
    char meant[PATH_LONGEST];
    if (guess(script, meant))
        return ml_err_set(
            err, ML_USAGE,
            "there is no script '%.150s'. Did you mean '%.150s'?\nsee: moonlever run --help",
            script, meant);
    return ml_err_set(
        err, ML_USAGE,
        "there is no script '%.150s': neither a file nor a ready-made script has this name.\n"
        "see: moonlever run --help",
        script);
}

int ml_script_check(const char *script, struct ml_err *err)
{
    struct stat st;
    if (stat(script, &st) < 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return ml_err_set(err, ML_USAGE, "cannot read the script '%.200s': %s.", script,
                              strerror(errno));
        return moonlever_script_text(script) ? 0 : missing(script, err);
    }
    if (moonlever_script_text(script))
        return 0;
    if (S_ISDIR(st.st_mode))
        return ml_err_set(err, ML_USAGE,
                          "'%.200s' is a directory, not a script.\n"
                          "see: moonlever run --help",
                          script);
    if (access(script, R_OK) < 0)
        return ml_err_set(err, ML_USAGE, "cannot read the script '%.200s': %s.", script,
                          strerror(errno));
    return 0;
}

void ml_script_summary(const char *text, char *line, size_t size)
{
    static const char key[] = "summary";
    *line = '\0';
    for (const char *at = strstr(text, key); at && !*line; at = strstr(at, key)) {
        at += sizeof key - 1;
        const char *value = at + strspn(at, " \t\n=");
        if (value == at || *value != '"')
            continue;
        size_t n = strcspn(value + 1, "\"\n");
        snprintf(line, size, "%.*s", (int)(n < size ? n : size - 1), value + 1);
    }
}
