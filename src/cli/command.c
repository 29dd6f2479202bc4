/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts argv with its output in fd. An errno. */
static int spawn(const char *const *argv, int fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
        error = error ? error : posix_spawnattr_setsigmask(&attributes, &none);
        error = error ? error : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        if (error == 0) /* the words are not written to, whatever the prototype says */
            error =
                posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Keeps the first line and reads on to the end, so that the program is not killed by a pipe
 * that nobody reads. The length of the line, -1 when it does not fit. */
static ptrdiff_t first_line(int fd, char *out, size_t size)
{
    char piece[512];
    size_t n = 0;
    bool whole = false, fits = true;
    ssize_t got;
    while ((got = read(fd, piece, sizeof piece)) > 0 || (got < 0 && errno == EINTR))
        for (ssize_t i = 0; i < got && !whole; i++) {
            whole = piece[i] == '\n' || piece[i] == '\0';
            if (!whole && n + 1 < size)
                out[n++] = piece[i];
            else
                fits = fits && whole;
        }
    explicit_bzero(piece, sizeof piece);
    if (n > 0 && out[n - 1] == '\r')
        n--;
    out[n] = '\0';
    return fits ? (ptrdiff_t)n : -1;
}

/* Waits for its end and says what is wrong with it. */
static bool ended_well(struct ml_term *t, const char *name, pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status))
        ml_term_note(t, "%s ended with exit code %d", name, WEXITSTATUS(status));
    else
        ml_term_note(t, "%s was ended by signal %d", name, WTERMSIG(status));
    return false;
}

ptrdiff_t ml_command_line(struct ml_term *t, const char *const *argv, char *out, size_t size)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0) {
        ml_term_note(t, "cannot run %s: %s", argv[0], strerror(errno));
        return -1;
    }
    ml_term_clear(t);
    int error = spawn(argv, ends[1], &pid);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        ml_term_note(t, "cannot run %s: %s", argv[0], strerror(error));
        return -1;
    }
    ptrdiff_t n = first_line(ends[0], out, size);
    close(ends[0]);
    if (!ended_well(t, argv[0], pid))
        n = -1;
    if (n < 0)
        explicit_bzero(out, size);
    return n;
}
