/* SPDX-License-Identifier: MIT */
/*
 * Requests and their calls, for bindings that send one without a table of options
 * (patch.c). The rules are those of bind.h.
 *
 *     struct ml_http_write w = {.method = "PATCH", .path = "/x/1", .body = b, .body_len = n};
 *     struct ml_http_call *call = ml_http_send(L, b, client, change, &w);   // pushes it
 *     if (call)
 *         return ml_task_wait(L, b->sched, &call->op, done);
 */
#ifndef ML_BIND_HTTP_H
#define ML_BIND_HTTP_H

#include <lua.h>

#include "bind/bind.h"
#include "net/call.h"

#define ML_HTTP_CALL "moonlever.call" /* the type of calls */

struct ml_http_client;

/* A call as Lua holds it. */
struct ml_http_call {
    struct ml_op op;
    struct ml_call *call; /* NULL while closed */
    bool write;
    struct change *change;  /* of a write; anchored as user value 1 */
    struct ml_meter *meter; /* counts what the call holds, NULL = nobody does */
    size_t held;            /* bytes: its copy of the request, and its answer */
};

/* An absolute write with the usual headers. Strings are copied. */
struct ml_http_write {
    const char *method, *path; /* the path is encoded */
    const char *credential;    /* its header line */
    const char *operation;
    const char *body; /* of JSON */
    size_t body_len;
};

/* The client at idx; raises when it is none. */
struct ml_http_client *ml_http_client(lua_State *L, int idx);
/* Its origin; lives as long as the net. */
const char *ml_http_origin(const struct ml_http_client *client);
/* The header line of that credential; NULL where it is not set, or where there are none. Lives
 * as long as the client. */
const char *ml_http_credential(const struct ml_http_client *client, const char *name);
/* Starts the write of the change at stack index `change`, which may be sent, and pushes its
 * call. NULL: it was not started, and nothing was pushed. */
struct ml_http_call *ml_http_send(lua_State *L, struct ml_bind *b,
                                  const struct ml_http_client *client, int change,
                                  const struct ml_http_write *w);
/* The same for any request with an effect. NULL with *err: it was not started. */
struct ml_http_call *ml_http_begin(lua_State *L, struct ml_bind *b,
                                   const struct ml_call_spec *spec, int change,
                                   const char *operation, struct ml_err *err);
/* As call:close(). */
void ml_http_close(struct ml_http_call *call);

#endif
