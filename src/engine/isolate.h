/* SPDX-License-Identifier: MIT */
/*
 * The process of an isolated script, as the host's process sees it.
 *
 * It is started when a run first needs it, has one end of a socket and nothing else, and is
 * ended and reaped with the run, by its number: a host's own children and its handler of
 * SIGCHLD are never touched. Whatever it does, it can only say things over the socket, which
 * are held against bind/frame.h and lua/moonlever/isolated.lua.
 *
 * Invariants
 *   1. pid is not 0 exactly while there is a process that nobody has waited for.
 *   2. The channel outlives the Lua state, whose waits are in it.
 *
 *     ml_isolate_begin(e);        // of each run: from now on raw.isolate() starts it
 *     ml_isolate_pump(e);         // in each turn
 *     ml_isolate_stop(e);         // at the end of the run, and before another
 */
#ifndef ML_ENGINE_ISOLATE_H
#define ML_ENGINE_ISOLATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "bind/channel.h"

struct ml_engine;

struct ml_isolate {
    bool on;       /* scripts that are not Moonlever's own are isolated */
    char *program; /* moonlever-isolate; owned, NULL = the one beside the library */
    pid_t pid;
    int fd; /* our end of the socket, while there is a channel */
    bool open;
    bool writing; /* the loop was told to wait until the socket takes more */
    struct ml_channel channel;
    char end[240]; /* how it has ended, for people; "" = it has not */
};

void ml_isolate_begin(struct ml_engine *e);
/* Hears what the process has to say. */
void ml_isolate_pump(struct ml_engine *e);
/* Could the process still say something? */
bool ml_isolate_lives(const struct ml_engine *e);
/* Ends and reaps the process, if there is one. */
void ml_isolate_stop(struct ml_engine *e);
/* The same, and forgets the channel: the Lua state is closed. */
void ml_isolate_close(struct ml_engine *e);

#endif
