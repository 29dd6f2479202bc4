/* SPDX-License-Identifier: MIT */
/*
 * What a host lends to scripts and hears from them: its functions, its
 * credentials, and the events of a run.
 *
 * A function has a signature, and what a script passes is held against it
 * before the host is called: the host never sees an argument of another type.
 * A call waits for its answer as for any other operation, so a host may answer
 * at once or, from its own loop, a minute later.
 *
 * Invariants
 *   1. A call is in `calls` exactly while it waits for an answer; its number is
 *      never used again, so an answer that comes too late finds nobody.
 *   2. Functions outlive runs; calls do not outlive the Lua state.
 *
 *     ml_host_add(&host, "ask(question: string, days: integer?)", fn, ud, &err);
 *     ... fn(ud, 7, "{\"days\":3,\"question\":\"now?\"}", 29) ...
 *     ml_host_return(&host, 7, "true", 4, &err);
 */
#ifndef ML_BIND_HOST_H
#define ML_BIND_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define ML_HOST_PARAMETERS 16

enum ml_host_type {
    ML_HOST_ANY,
    ML_HOST_STRING,
    ML_HOST_INTEGER,
    ML_HOST_NUMBER,
    ML_HOST_BOOLEAN,
    ML_HOST_ARRAY,
    ML_HOST_OBJECT,
    ML_HOST_TYPES
};

struct ml_host_parameter {
    char name[32];
    enum ml_host_type type;
    bool optional;
};

/* `args` is a JSON object with a member for each argument that was given. */
typedef void (*ml_host_fn)(void *ud, uint64_t call, const char *args, size_t len);

struct ml_host_function {
    struct ml_host_function *next;
    ml_host_fn fn;
    void *ud;
    char name[64];
    unsigned count;
    struct ml_host_parameter parameters[ML_HOST_PARAMETERS];
};

struct ml_host {
    struct ml_host_function *functions; /* owned */
    struct host_call *calls;            /* Lua's */
    uint64_t last_call;
    void (*event)(void *ud, const char *json, size_t len); /* NULL = nobody listens */
    void *event_ud;
    struct ml_buf text; /* of the event that is told */
    /* A secret by its name: its length in out, 0 = none, -1 = refused. NULL = nobody asked. */
    ptrdiff_t (*credential)(void *ud, const char *name, const char *origin, char *out,
                            size_t size);
    void *credential_ud;
};

void ml_host_create(struct ml_host *host);
void ml_host_destroy(struct ml_host *host);

/* "book(ticket: string, minutes: integer?)". -1: ML_USAGE with what is wrong where. */
int ml_host_parse(const char *signature, struct ml_host_function *out, struct ml_err *err);
/* "book(ticket: string, minutes: integer?)" again, cut where the room ends. */
void ml_host_signature(const struct ml_host_function *f, char *out, size_t size);
const char *ml_host_type_name(enum ml_host_type type);
/* Lends a function; one of the same name takes its place. -1: ML_USAGE, ML_MEMORY. */
int ml_host_add(struct ml_host *host, const char *signature, ml_host_fn fn, void *ud,
                struct ml_err *err);
const struct ml_host_function *ml_host_find(const struct ml_host *host, const char *name);

/* The host's answer to a call; json NULL = null. -1: ML_USAGE (nobody waits for that call, or
 * no JSON), ML_MEMORY; the call waits on where there is one. */
int ml_host_return(struct ml_host *host, uint64_t call, const char *json, size_t len,
                   struct ml_err *err);
/* The call raises an error of this kind ("notfound", ...); kind NULL = "remote". -1 as above.
 */
int ml_host_raise(struct ml_host *host, uint64_t call, const char *kind, const char *text,
                  struct ml_err *err);

#endif
