/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and says what it took. A program of its own because Linux keeps the peak
 * memory of a process across exec: started from Python, everything would seem to need at least
 * what Python needs.
 *
 *     measure FD COMMAND [ARGUMENT...]
 *
 * writes one line to descriptor FD, "wall_us cpu_us peak_kb exit" (exit: 128 + signal for a
 * killed one), and ends with the same exit code.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t micro(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure FD COMMAND [ARGUMENT...]\n");
        return 2;
    }
    struct rusage used;
    int status, fd = atoi(argv[1]);
    int64_t start = now_us();
    pid_t child = fork();
    if (child == 0) {
        close(fd);
        execvp(argv[2], argv + 2);
        fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(errno));
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) != child) {
        perror("measure");
        return 126;
    }
    int64_t wall = now_us() - start;
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    dprintf(fd, "%lld %lld %ld %d\n", (long long)wall,
            (long long)(micro(used.ru_utime) + micro(used.ru_stime)), used.ru_maxrss, code);
    return code;
}
