/* SPDX-License-Identifier: MIT */
/*
 * A request as the services see it, and the answer they give: plain data, so
 * that a service is a function without sockets.
 *
 * The forms of errors are those of the services (SD-09, SD-22): REST has an
 * object with message and code, where code is a number or a text, or a bare
 * text; SCIM has schemas, detail and status; Screendragon has the bare text.
 *
 *     ml_answer_error(ans, 404, "No recording with this id");
 */
#ifndef ML_PRACTICE_ANSWER_H
#define ML_PRACTICE_ANSWER_H

#include "practice/fate.h"
#include "practice/out.h"
#include "practice/route.h"

struct ml_upload;

struct ml_ask {
    /* From the connection; NULL where a header is missing. */
    const char *method;
    const char *uri; /* path and query as sent */
    const char *type;
    const char *authorization;
    const char *api_key; /* of X-API-KEY */
    const char *accept;
    const char *body; /* body_len bytes, NUL behind; never NULL */
    size_t body_len;
    bool too_large; /* the body was over the ceiling and is not there */
    /* Filled on the way. */
    unsigned long n;          /* number in the log from 1, 0 for the accounting paths */
    unsigned long late;       /* number of the request whose change this is, 0 = its own */
    bool write;               /* it has effects; without a route: anything but GET and HEAD */
    bool member;              /* the token is that of an ordinary user */
    struct ml_upload *upload; /* what a form brought to /practice/storage, NULL elsewhere */
    struct ml_target target;
    const struct ml_route *route; /* NULL: none */
    struct ml_fate fate;
    const char *fault; /* name of what was done to it, for the log; NULL = nothing */
};

struct ml_answer {
    int status;
    const char *type; /* content type, NULL = no body */
    struct ml_out out;
    bool applied; /* state was changed as asked */
    char request_id[40];
};

/* The query parameter, decoded; "" where it is not given, too long or badly encoded. */
const char *ml_ask_text(const struct ml_ask *ask, const char *name, char *out, size_t cap);
/* Whether the query parameter is "true". */
bool ml_ask_flag(const struct ml_ask *ask, const char *name);
/* An answer without a body; ml_answer_destroy frees what is in it. */
void ml_answer_create(struct ml_answer *ans, int status);
void ml_answer_destroy(struct ml_answer *ans);
/* Forgets the body and starts again with this status and content type. Returns the writer. */
struct ml_out *ml_answer_start(struct ml_answer *ans, int status, const char *type);
/* The same for JSON. */
struct ml_out *ml_answer_json(struct ml_answer *ans, int status);
/* {"error":{"message":…,"code":404}}; status 500 has its code as a text (SD-09). */
void ml_answer_error(struct ml_answer *ans, int status, const char *message);
/* {"error":"…"} */
void ml_answer_flat(struct ml_answer *ans, int status, const char *message);
/* {"schemas":[…],"detail":…,"status":"404"} */
void ml_answer_scim(struct ml_answer *ans, int status, const char *detail);
/* {"statusCode":404,"message":"…"}: WorkDrive's own form is not documented. */
void ml_answer_message(struct ml_answer *ans, int status, const char *message);
/* The error in the form of the route's service; REST where there is no route. */
void ml_answer_refuse(const struct ml_ask *ask, struct ml_answer *ans, int status,
                      const char *text);
/* A page for people, as a proxy or framework sends it. */
void ml_answer_html(struct ml_answer *ans, int status, const char *text);

#endif
