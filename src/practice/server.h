/* SPDX-License-Identifier: MIT */
/*
 * The practice server from inside: its parts, and the way of a request.
 *
 *     http.c (libmicrohttpd) -> serve.c: number, fate, route, token
 *       -> screendesk.c, scim.c -> recordings.c, users.c
 *          screendragon.c, workdrive*.c -> shelf.c, view.c
 *     -> access.c (the log line) -> http.c: the answer, delayed or broken as decided
 *
 * A change that is to come late is kept by late.c and goes the same way, from
 * the token on, when its time has come.
 *
 * A new service is one file with handlers, a line in practice.c's table of them,
 * a line in auth.c, and a catalogue. A route without a handler stops the start.
 *
 * Invariant: everything behind `lock` is touched with the lock held, also
 * when one thread would do: the accounting paths and later pools rely on it.
 */
#ifndef ML_PRACTICE_SERVER_H
#define ML_PRACTICE_SERVER_H

#include "practice/access.h"
#include "practice/answer.h"
#include "practice/delay.h"
#include "practice/practice.h"
#include "practice/recordings.h"
#include "practice/shelf.h"
#include "practice/users.h"

#include <jansson.h>
#include <pthread.h>

struct MHD_Daemon;

typedef void (*ml_handler_fn)(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);

struct ml_handler {
    const char *operation; /* NULL ends a table */
    ml_handler_fn run;
};

/* What came to WorkDrive's storage. */
struct ml_storage {
    unsigned long received, stored;
    unsigned long leaked; /* with a credential of the service */
};

/* A route with its handler and its counts. */
struct ml_bound {
    const struct ml_route *route;
    ml_handler_fn run;
    unsigned long received;
    unsigned long applied;
};

struct ml_practice {
    char origin[48];
    char token[48];
    char scim_token[48];
    char dragon_token[48];
    char work_key[48];
    char work_org[37];
    char work_caller[2][37]; /* whose the key is, and the restricted one */
    uint64_t seed;
    unsigned page_size;
    struct MHD_Daemon *daemon;
    struct ml_delay delay; /* has a lock of its own */

    pthread_mutex_t lock; /* for all below */
    struct ml_recordings recordings;
    struct ml_users users;
    struct ml_shelf dragon; /* Screendragon */
    struct ml_shelf work;   /* WorkDrive */
    json_t *printed;        /* owned, form that is never to be sent -> how often it was */
    struct ml_storage storage;
    unsigned long requests; /* to the services, not the accounting paths */
    unsigned long entries;  /* of the log: requests, and changes that came late */
    unsigned long changes;  /* applied ones; also moves the account's clock */
    struct ml_faults faults;
    struct ml_dice dice;
    unsigned long broken[ML_BREAKS]; /* how often each fault struck */
    struct ml_bound *bound;          /* owned, as many as ml_routes has */
    size_t bound_count;
    struct ml_access access;
};

extern const struct ml_handler ml_screendesk_handlers[];
extern const struct ml_handler ml_scim_handlers[];
extern const struct ml_handler ml_screendragon_handlers[];
extern const struct ml_handler ml_workdrive_handlers[];

/* Fills Screendragon's account with `users` people, the same as those of Screendesk. */
int ml_dragon_seed(struct ml_practice *p, unsigned users, struct ml_err *err);

/* Fills WorkDrive's account. */
int ml_work_seed(struct ml_practice *p, unsigned users, unsigned posts, struct ml_err *err);
/* The route that the body decides for, where two operations have one method and path; else the
 * one that was found. */
const struct ml_route *ml_work_route(const struct ml_ask *ask, const struct ml_route *found);
/* Whether the restricted key may not do this. */
bool ml_work_forbids(const struct ml_ask *ask);

/* Finds the handler of every route; *out (owned by the caller, free) has *count entries. A
 * route without one is an error that names it. */
int ml_serve_bind(const struct ml_route *routes, const struct ml_handler *const *tables,
                  struct ml_bound **out, size_t *count, struct ml_err *err);
/* Carries out one request: takes the lock, counts, decides its fate, answers, logs. The answer
 * is complete; how it is delivered stands in ask->fate. */
void ml_serve(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
/* Carries out, under its own number, what the request `ask->late` asked for. */
void ml_serve_late(struct ml_practice *p, struct ml_ask *ask);
/* Why the request's credential does not open its route, NULL when it does; ask->member is set
 * on the way. */
const char *ml_auth_refusal(const struct ml_practice *p, struct ml_ask *ask);
/* The header that brings the request's credential; NULL: it has none. */
const char *ml_auth_header(const struct ml_ask *ask);
/* Keeps the request to be carried out after ask->fate.late_ms; it is forgotten when the server
 * stops before. -1: no memory, or the server stops. */
int ml_late_keep(struct ml_practice *p, const struct ml_ask *ask);
/* The accounting paths below /practice/; the lock is held. */
void ml_admin(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
/* The account's own time in milliseconds since 1970, one second on with every change. */
int64_t ml_practice_now(struct ml_practice *p);

/* Reads the body as a JSON object (owned by the caller). NULL: the 400 is in ans. */
json_t *ml_body_object(const struct ml_ask *ask, struct ml_answer *ans);
/* Reads the body as JSON of any kind. As ml_body_object. */
json_t *ml_body_value(const struct ml_ask *ask, struct ml_answer *ans);
/* The member that a dotted name means, or NULL. Borrowed. */
json_t *ml_body_member(json_t *object, const char *name);
/* Checks the members of `object` that the route names against their types; others are ignored,
 * as Rails does. NULL: all fine; else the name of the first one that is wrong. */
const char *ml_body_check(const struct ml_route *route, json_t *object);

/* Starts and stops the listener of p; port 0 = any. Fills p->origin. */
int ml_http_start(struct ml_practice *p, unsigned port, struct ml_err *err);
void ml_http_stop(struct ml_practice *p);

#endif
