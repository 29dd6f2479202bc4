/* SPDX-License-Identifier: MIT */
#include "engine/isolate.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/engine.h"

#define PROGRAM "moonlever-isolate"
#define PATH_MOST 4096

/* --- the program --- */

static bool is_there(char *path, size_t size, const char *folder, size_t len, const char *below)
{
    int n = snprintf(path, size, "%.*s%s" PROGRAM, (int)len, folder, below);
    return n > 0 && (size_t)n < size && access(path, X_OK) == 0;
}

/* Beside the library: installed below it, in the build tree next to it. */
static int find_program(const struct ml_isolate *i, char *path, size_t size, struct ml_err *err)
{
    Dl_info where;
    if (i->program) {
        snprintf(path, size, "%s", i->program);
        return 0;
    }
    const char *slash = dladdr((void *)(uintptr_t)ml_isolate_begin, &where) && where.dli_fname
                            ? strrchr(where.dli_fname, '/')
                            : NULL;
    size_t len = slash ? (size_t)(slash - where.dli_fname) + 1 : 0;
    if (len && (is_there(path, size, where.dli_fname, len, "moonlever/") ||
                is_there(path, size, where.dli_fname, len, "") ||
                is_there(path, size, where.dli_fname, len, "../")))
        return 0;
    return ml_err_set(err, ML_USAGE,
                      "isolate: " PROGRAM " is not beside the library; say where it is with "
                      "the setting isolate_program");
}

/* --- its start --- */

/* Nothing of the host's but the socket: no descriptor, no signal mask, and of the environment
 * the time zone. */
static int set_actions(posix_spawn_file_actions_t *actions, int socket)
{
    int rc = posix_spawn_file_actions_adddup2(actions, socket, 3);
    for (int fd = 0; fd <= 2; fd++)
        rc |= posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
    return rc | posix_spawn_file_actions_addclosefrom_np(actions, 4);
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    return posix_spawnattr_setsigmask(attributes, &none) |
           posix_spawnattr_setsigdefault(attributes, &all) |
           posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int spawn(pid_t *pid, const char *path, char *const *argv, int socket)
{
    char zone[256];
    const char *tz = getenv("TZ");
    char *const environment[] = {tz ? zone : NULL, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    snprintf(zone, sizeof zone, "TZ=%.200s", tz ? tz : "");
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    int rc = set_actions(&actions, socket) | set_attributes(&attributes)
                 ? ENOMEM
                 : posix_spawn(pid, path, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static int start_program(struct ml_engine *e, const char *path, int socket)
{
    const struct ml_meter *m = &e->meter;
    char memory[24], time[24], instructions[24];
    char *argv[] = {(char *)PROGRAM, memory, time, instructions, NULL};
    snprintf(memory, sizeof memory, "%zu", m->memory_max);
    snprintf(time, sizeof time, "%lld", (long long)m->time_max_us);
    snprintf(instructions, sizeof instructions, "%llu",
             (unsigned long long)m->instructions_max);
    return spawn(&e->isolate.pid, path, argv, socket);
}

/* raw.isolate, the first time. */
static int start(void *ud, struct ml_err *err)
{
    struct ml_engine *e = ud;
    struct ml_isolate *i = &e->isolate;
    char path[PATH_MOST];
    int pair[2];
    if (find_program(i, path, sizeof path, err) < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return ml_err_set(err, ML_MEMORY, "isolate: %s", strerror(errno));
    int rc = start_program(e, path, pair[1]);
    close(pair[1]);
    if (rc == 0 && ml_net_watch(e->net, pair[0], false) < 0) {
        ml_isolate_stop(e);
        rc = ENOMEM;
    }
    if (rc != 0) {
        close(pair[0]);
        i->pid = 0;
        return ml_err_set(err, ML_USAGE, "isolate: cannot start %.300s: %s", path,
                          strerror(rc));
    }
    i->fd = pair[0];
    i->open = true;
    ml_channel_create(&i->channel, i->fd, &e->sched);
    e->bind.channel = &i->channel;
    return 0;
}

/* --- its end --- */

static void describe(struct ml_isolate *i, int status)
{
    if (i->channel.spent[0])
        snprintf(i->end, sizeof i->end, "%s", i->channel.spent);
    else if (i->channel.broken)
        snprintf(i->end, sizeof i->end,
                 "the script's process was ended: it has sent what it may not");
    else if (WIFSIGNALED(status))
        snprintf(i->end, sizeof i->end, "the script's process was ended by signal %d",
                 WTERMSIG(status));
    else
        snprintf(i->end, sizeof i->end, "the script's process has ended with code %d",
                 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* A process whose end of the socket is closed is ending, and keeps its status. */
void ml_isolate_stop(struct ml_engine *e)
{
    struct ml_isolate *i = &e->isolate;
    int status = 0;
    if (!i->pid)
        return;
    kill(i->pid, SIGKILL);
    while (waitpid(i->pid, &status, 0) < 0 && errno == EINTR)
        ;
    i->pid = 0;
    describe(i, status);
}

void ml_isolate_close(struct ml_engine *e)
{
    struct ml_isolate *i = &e->isolate;
    ml_isolate_stop(e);
    e->bind.channel = NULL;
    if (!i->open)
        return;
    ml_channel_destroy(&i->channel);
    close(i->fd);
    i->open = false;
}

/* How the process has ended, which it has. */
static const char *end(void *ud)
{
    struct ml_engine *e = ud;
    ml_isolate_stop(e);
    if (e->isolate.channel.spent[0]) {
        ml_door_stop(&e->bind.door, e->isolate.end);
        ml_door_trip(&e->bind.door, e->isolate.end);
    }
    return e->isolate.end;
}

/* --- a run --- */

void ml_isolate_begin(struct ml_engine *e)
{
    struct ml_isolate *i = &e->isolate;
    i->end[0] = '\0';
    i->writing = false;
    e->bind.isolate = i->on ? start : NULL;
    e->bind.isolate_end = end;
    e->bind.isolate_ud = e;
}

void ml_isolate_pump(struct ml_engine *e)
{
    struct ml_isolate *i = &e->isolate;
    if (!i->open || i->channel.ended)
        return;
    ml_channel_pump(&i->channel);
    bool writing = ml_channel_full(&i->channel);
    if (i->channel.ended)
        ml_net_unwatch(e->net, i->fd);
    else if (writing != i->writing && ml_net_watch(e->net, i->fd, writing) == 0)
        i->writing = writing;
}

bool ml_isolate_lives(const struct ml_engine *e)
{
    return e->isolate.open && !e->isolate.channel.ended;
}
