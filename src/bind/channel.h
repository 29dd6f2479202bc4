/* SPDX-License-Identifier: MIT */
/*
 * The socket between the host's process and the one of an isolated script.
 *
 * Both sides run threads of control that have a number: a call from one side to the other, a
 * call back from within it, and their results bear the number of the thread that they belong
 * to, so that many can be under way at a time. A message is
 *
 *     length (4 bytes, of what follows), thread (4), kind (1), number of values (1), values
 *
 * with values as in bind/frame.h. Thread 0 is nobody's: it is for what the sender has to tell
 * without being asked.
 *
 * Invariants
 *   1. The host's side never blocks in here: what cannot be written waits in `out`.
 *   2. A message is taken in whole, and is at most ML_CHANNEL_MOST bytes long; what waits in
 *      either direction is bounded.
 *   3. A message that is not well formed, ends the channel with `broken`. While many wait to
 *      be waited for, no others are taken in.
 *
 *     ml_channel_create(&c, fd, &sched);
 *     ml_channel_open(L, &c);            // pushes {hooks, send, wait, number}
 *     ...poll...
 *     ml_channel_pump(&c);
 */
#ifndef ML_BIND_CHANNEL_H
#define ML_BIND_CHANNEL_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "task/task.h"

#define ML_CHANNEL_MOST ((size_t)16 << 20)

/* Kinds of messages. */
enum ml_channel_kind {
    ML_CHANNEL_CALL = 1, /* a reference or the number of a service, and arguments */
    ML_CHANNEL_RETURN,
    ML_CHANNEL_RAISE,
    ML_CHANNEL_CANCEL, /* the thread is to end: its waits raise from now on */
    ML_CHANNEL_SPENT,  /* of the script's process: which limit; its text, then the end */
    ML_CHANNEL_TELL,   /* as a call that nobody waits for, of thread 0 */
    ML_CHANNEL_KINDS
};

struct ml_channel_wait;
struct ml_channel_message;

struct ml_channel {
    int fd; /* borrowed; -1 = there is none */
    struct ml_sched *sched;
    bool patient;          /* sending may block while much is not written: the script's side */
    unsigned queued;       /* messages in the queue, ... */
    size_t queued_bytes;   /* ... and their bytes */
    bool ended;            /* the other side is gone, or broke the rules */
    bool broken;           /* ... the latter */
    char spent[200];       /* what ML_CHANNEL_SPENT said, "" = nothing */
    struct ml_buf in, out; /* not taken in yet, not written yet */
    struct ml_channel_wait *waits;    /* Lua's */
    struct ml_channel_message *queue; /* nobody has waited for these yet; owned */
};

void ml_channel_create(struct ml_channel *c, int fd, struct ml_sched *sched);
/* Waits must have gone: after the state is closed. */
void ml_channel_destroy(struct ml_channel *c);
/* Reads and writes what can be, and wakes who waits for it. */
void ml_channel_pump(struct ml_channel *c);
/* Is there something to take in once the queue is shorter? */
bool ml_channel_paused(const struct ml_channel *c);
/* Is there something that could not be written? */
bool ml_channel_full(const struct ml_channel *c);
/* Pushes the table of functions for Lua:
 *   hooks(out, in)           as in bind/frame.h, once
 *   send(thread, kind, ...)  raises for what cannot cross; nothing is sent then
 *   wait(thread [, promptly]) -> kind, ...   the next message of the thread; promptly: it comes
 *                               at once, so this may wait where nothing else may (no_drives);
 *                               thread 0 = of one that nobody waits for:
 *                               thread, kind, ...; nothing = the channel has ended */
void ml_channel_open(lua_State *L, struct ml_channel *c);
/* Appends a message with one text, without Lua. -1: no memory. */
int ml_channel_tell(struct ml_channel *c, enum ml_channel_kind kind, const char *text);

#endif
