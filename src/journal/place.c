/* SPDX-License-Identifier: MIT */
#include "journal/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define LOCK ".lock"

static int fail(const char *what, const char *path, struct ml_err *err)
{
    return ml_err_set(
        err, ML_USAGE,
        "the journal cannot be kept: cannot %s %.300s: %s; set XDG_STATE_HOME to a "
        "directory that can be written",
        what, path, strerror(errno));
}

/* One directory, and its name made durable. One that is there is fine. */
static int make_directory(const char *path, struct ml_err *err)
{
    if (mkdir(path, 0700) == 0)
        return ml_place_sync(path, err);
    return errno == EEXIST ? 0 : fail("make the directory", path, err);
}

/* mkdir -p for all before the last slash; `path` is changed meanwhile. */
static int make_directories(char *path, struct ml_err *err)
{
    int rc = 0;
    char *slash = path;
    while (rc == 0 && (slash = strchr(slash + 1, '/'))) {
        *slash = '\0';
        rc = make_directory(path, err);
        *slash = '/';
    }
    return rc;
}

/* The name of the lock file: ".lock" in place of ".db". */
static int lock_name(struct ml_buf *name, const char *path, struct ml_err *err)
{
    size_t len = strlen(path);
    if (len > 3 && strcmp(path + len - 3, ".db") == 0)
        len -= 3;
    if (ml_buf_add(name, path, len) < 0 || ml_buf_adds(name, LOCK) < 0)
        return ml_err_set(err, ML_MEMORY, "there is no memory for the journal's name");
    return 0;
}

int ml_place_open(const char *path, bool read_only, struct ml_err *err)
{
    struct ml_buf name;
    int fd = -1;
    ml_buf_create(&name, strlen(path) + sizeof LOCK); /* the system says what is too long */
    if (lock_name(&name, path, err) < 0)
        goto out;
    if (read_only) {
        fd = open(name.data, O_RDONLY | O_CLOEXEC);
        goto out;
    }
    if (make_directories(name.data, err) < 0)
        goto out;
    fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        fail("open", name.data, err);
out:
    ml_buf_destroy(&name);
    return fd;
}

int ml_place_make(const char *path, struct ml_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : fail("make", path, err);
    close(fd);
    return 0;
}

int ml_place_sync(const char *path, struct ml_err *err)
{
    const char *slash = strrchr(path, '/');
    struct ml_buf name;
    ml_buf_create(&name, strlen(path) + 1);
    int rc =
        slash ? ml_buf_add(&name, path, (size_t)(slash - path) + 1) : ml_buf_adds(&name, ".");
    if (rc < 0) {
        ml_buf_destroy(&name);
        return ml_err_set(err, ML_MEMORY, "there is no memory for the journal's name");
    }
    int fd = open(name.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        rc = fail("sync the directory", name.data, err);
    if (fd >= 0)
        close(fd);
    ml_buf_destroy(&name);
    return rc;
}

static struct flock byte(short type, int64_t no)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = no, .l_len = 1};
}

int ml_place_lock(int fd, int64_t no)
{
    struct flock lock = byte(F_WRLCK, no);
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 1;
    return errno == EAGAIN ? 0 : -1;
}

int ml_place_wait(int fd, int64_t no)
{
    struct flock lock = byte(F_WRLCK, no);
    int rc;
    do
        rc = fcntl(fd, F_OFD_SETLKW, &lock);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* Giving a lock back fails only for a file that is not open: there is nobody to tell. */
void ml_place_unlock(int fd, int64_t no)
{
    struct flock lock = byte(F_UNLCK, no);
    (void)fcntl(fd, F_OFD_SETLK, &lock);
}

void ml_place_unlock_others(int fd, int64_t keep)
{
    struct flock lock = byte(F_UNLCK, 1);
    lock.l_len = keep - 1;
    if (keep > 1)
        (void)fcntl(fd, F_OFD_SETLK, &lock);
    lock.l_start = keep + 1;
    lock.l_len = 0; /* to the end */
    (void)fcntl(fd, F_OFD_SETLK, &lock);
}

bool ml_place_is_locked(int fd, int64_t no)
{
    struct flock lock = byte(F_WRLCK, no);
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
