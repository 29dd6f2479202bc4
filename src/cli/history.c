/* SPDX-License-Identifier: MIT */
#include "cli/history.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT 2000
#define LONGEST 4096 /* bytes of a line, and of the path */

/* --- what may be written --- */

static bool speaks_of_secrets(const char *line)
{
    static const char *const words[] = {"token",  "password", "passwd",        "secret",
                                        "bearer", "api_key",  "authorization", "apikey"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasestr(line, words[i]))
            return true;
    return false;
}

bool ml_history_is_harmless(const struct ml_history *h, const char *line)
{
    char copy[LONGEST];
    size_t len = strlen(line);
    if (len >= sizeof copy || isspace((unsigned char)line[0]) || speaks_of_secrets(line))
        return false;
    memcpy(copy, line, len + 1);
    ml_log_redact(&h->secrets, copy);
    return strcmp(copy, line) == 0;
}

/* --- the file --- */

static int make_directories(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int rc = mkdir(path, 0700);
        *slash = '/';
        if (rc < 0 && access(path, F_OK) < 0 && slash[1] == '\0')
            return -1;
    }
    return 0;
}

/* $XDG_STATE_HOME, or $HOME/.local/state; NULL when neither is there. */
static char *find_place(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char path[LONGEST];
    int n = -1;
    if (state && state[0] == '/')
        n = snprintf(path, sizeof path, "%s/moonlever/history", state);
    else if (home && home[0] == '/')
        n = snprintf(path, sizeof path, "%s/.local/state/moonlever/history", home);
    if (n < 0 || (size_t)n >= sizeof path || make_directories(path) < 0)
        return NULL;
    return strdup(path);
}

static int keep(struct ml_history *h, const char *line)
{
    char **more = realloc(h->lines, (h->count + 1) * sizeof *more);
    char *copy = more ? strdup(line) : NULL;
    if (more)
        h->lines = more;
    if (!copy)
        return -1;
    h->lines[h->count++] = copy;
    return 0;
}

static void drop_oldest(struct ml_history *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(h->lines[i]);
    memmove(h->lines, h->lines + n, (h->count - n) * sizeof *h->lines);
    h->count -= n;
}

static FILE *open_private(const char *path, int flags, const char *mode)
{
    int fd = open(path, flags | O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, mode);
    if (!f && fd >= 0)
        close(fd);
    return f;
}

/* Writes the kept lines anew, beside the file and then in its place. */
static void rewrite(const struct ml_history *h)
{
    char name[LONGEST + 8];
    snprintf(name, sizeof name, "%s.new", h->path);
    FILE *f = open_private(name, O_TRUNC, "w");
    if (!f)
        return; /* the file stays as long as it is */
    for (size_t i = 0; i < h->count; i++)
        fprintf(f, "%s\n", h->lines[i]);
    bool bad = ferror(f) != 0;
    if (fclose(f) != 0 || bad || rename(name, h->path) != 0)
        unlink(name);
}

static void load(struct ml_history *h)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    FILE *f = fopen(h->path, "re");
    if (!f)
        return;
    while ((n = getline(&line, &size, f)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] && keep(h, line) < 0)
            break;
    }
    free(line);
    fclose(f);
    if (h->count <= KEPT)
        return;
    drop_oldest(h, h->count - KEPT);
    rewrite(h);
}

void ml_history_open(struct ml_history *h, const struct ml_secrets *secrets)
{
    *h = (struct ml_history){.path = find_place()};
    ml_log_create(&h->secrets);
    for (size_t i = 0; i < secrets->count; i++) {
        const char *equals = strchr(secrets->text[i], '=');
        if (equals && ml_log_secret(&h->secrets, equals + 1) < 0) {
            free(h->path); /* what cannot be recognised must not be written */
            h->path = NULL;
        }
    }
    if (h->path)
        load(h);
}

void ml_history_close(struct ml_history *h)
{
    for (size_t i = 0; i < h->count; i++)
        free(h->lines[i]);
    free(h->lines);
    free(h->path);
    ml_log_destroy(&h->secrets);
    *h = (struct ml_history){0};
}

bool ml_history_add(struct ml_history *h, const char *line)
{
    if (!line[0] || !ml_history_is_harmless(h, line) ||
        (h->count && strcmp(h->lines[h->count - 1], line) == 0) || keep(h, line) < 0)
        return false;
    FILE *f = h->path ? open_private(h->path, O_APPEND, "a") : NULL;
    if (f) {
        fprintf(f, "%s\n", line);
        fclose(f);
    }
    return true;
}
