/* SPDX-License-Identifier: MIT */
#include "cli/account_file.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LONGEST 4096
#define FILE_MAX (64 * 1024)

int ml_account_directory(char *out, size_t size, struct ml_err *err)
{
    const char *set = getenv("MOONLEVER_CONFIG_DIR"), *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    const struct passwd *user = home && home[0] ? NULL : getpwuid(getuid());
    int n = 0;
    if (user)
        home = user->pw_dir;
    if (set && set[0])
        n = snprintf(out, size, "%s", set);
    else if (base && base[0] == '/')
        n = snprintf(out, size, "%s/moonlever", base);
    else if (home && home[0] == '/')
        n = snprintf(out, size, "%s/.config/moonlever", home);
    if (n > 0 && (size_t)n < size)
        return 0;
    return ml_err_set(err, ML_USAGE,
                      "there is no place for profiles: set XDG_CONFIG_HOME or HOME to an "
                      "absolute path");
}

int ml_account_make(const char *directory, struct ml_err *err)
{
    char path[PATH_LONGEST];
    snprintf(path, sizeof path, "%s", directory);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return ml_err_set(err, ML_USAGE, "cannot make the directory '%.200s': %s.", path,
                              strerror(errno));
        if (!slash)
            return 0;
        *slash = '/';
    }
}

/* Reads what is stored so far, if nobody else could have written or read it. */
static void read_old(const char *path, struct ml_buf *text)
{
    struct stat st;
    char piece[1024];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
        !(st.st_mode & 077))
        while ((n = read(fd, piece, sizeof piece)) > 0 &&
               ml_buf_add(text, piece, (size_t)n) == 0)
            continue;
    explicit_bzero(piece, sizeof piece);
    close(fd);
}

static bool begins(const char *line, const char *name)
{
    size_t n = strlen(name);
    return strncmp(line, name, n) == 0 && line[n] == '=';
}

/* Is the old file for the same place? A token of another one must not come along. */
static bool is_for(const char *text, const char *origin)
{
    size_t n = strlen(origin);
    for (const char *line = text; line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (begins(line, "origin"))
            return strncmp(line + 7, origin, n) == 0 && (line[7 + n] == '\n' || !line[7 + n]);
    return false;
}

static int put_old(struct ml_buf *out, const char *text, const struct ml_account *a)
{
    int rc = 0;
    while (*text && rc == 0) {
        size_t n = strcspn(text, "\n");
        if (n && !begins(text, "service") && !begins(text, "origin") && !begins(text, a->name))
            rc = ml_buf_add(out, text, n) < 0 || ml_buf_adds(out, "\n") < 0 ? -1 : 0;
        text += n + (text[n] == '\n');
    }
    return rc;
}

static int make_text(struct ml_buf *out, const char *path, const struct ml_account *a)
{
    struct ml_buf old;
    ml_buf_create(&old, FILE_MAX);
    read_old(path, &old);
    int rc = ml_buf_addf(out, "service=%s\norigin=%s\n%s=%s\n", a->service, a->origin, a->name,
                         a->secret);
    if (rc == 0 && is_for(ml_buf_str(&old), a->origin))
        rc = put_old(out, ml_buf_str(&old), a);
    if (old.data)
        explicit_bzero(old.data, old.len);
    ml_buf_destroy(&old);
    return rc;
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno != EINTR)
            return -1;
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

/* The name itself is on disk once its directory is. */
static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsync(fd);
    close(fd);
    return rc;
}

static int replace(const char *folder, const char *path, const struct ml_buf *text)
{
    char temporary[PATH_LONGEST + 200];
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int rc = write_all(fd, text->data, text->len);
    if (close(fd) < 0)
        rc = -1;
    if (rc == 0)
        rc = rename(temporary, path);
    if (rc < 0) {
        int before = errno;
        unlink(temporary);
        errno = before;
        return -1;
    }
    return sync_directory(folder);
}

int ml_account_store(const char *directory, const struct ml_account *a, struct ml_err *err)
{
    char folder[PATH_LONGEST], path[PATH_LONGEST + 100];
    struct ml_buf text;
    if (snprintf(folder, sizeof folder, "%s/credentials", directory) >= (int)sizeof folder)
        return ml_err_set(err, ML_USAGE, "the name of the configuration directory is too long");
    if (ml_account_make(folder, err) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/%.80s", folder, a->profile);
    ml_buf_create(&text, FILE_MAX);
    int rc = make_text(&text, path, a);
    if (rc < 0)
        ml_err_set(err, ML_MEMORY, "out of memory");
    else if ((rc = replace(folder, path, &text)) < 0)
        ml_err_set(err, ML_USAGE, "cannot store the token in '%.200s': %s.", path,
                   strerror(errno));
    if (text.data)
        explicit_bzero(text.data, text.len);
    ml_buf_destroy(&text);
    return rc;
}

int ml_account_names(const char **names, int most)
{
    char path[PATH_LONGEST + 20];
    struct ml_err err;
    int n = 0;
    if (ml_account_directory(path, PATH_LONGEST, &err) < 0)
        return n;
    strcat(path, "/credentials");
    DIR *d = opendir(path);
    const struct dirent *e;
    while (d && n < most && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && (names[n] = strdup(e->d_name)) != NULL)
            n++;
    if (d)
        closedir(d);
    return n;
}
