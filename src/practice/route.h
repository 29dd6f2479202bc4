/* SPDX-License-Identifier: MIT */
/*
 * Routes: which operation a request is, from the table that tools/routes.lua
 * makes of the catalogues.
 *
 * A path template is made of segments, "{name}" being a parameter. Of several
 * that fit, the one with the fewest parameters wins, so that
 * /api/users/UserDetails is not taken for a user's id.
 *
 *     struct ml_target target;
 *     if (ml_route_split("/api/v2/recordings/abc?x=1", &target) == 0) ...   // segments, query
 *     const struct ml_route *route = ml_route_match(ml_routes, "GET", &target);
 *     // target.param[0] is "abc"
 */
#ifndef ML_PRACTICE_ROUTE_H
#define ML_PRACTICE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

enum ml_field_type {
    ML_FIELD_STRING,
    ML_FIELD_INTEGER,
    ML_FIELD_NUMBER,
    ML_FIELD_BOOLEAN,
    ML_FIELD_OBJECT,
    ML_FIELD_LIST,
    ML_FIELD_ANY
};

struct ml_route_field {
    const char *name; /* "title", "name.givenName" for a member of an object; NULL ends */
    enum ml_field_type type;
    bool null; /* null is allowed */
};

struct ml_route {
    const char *operation;               /* "screendesk.recordings.list"; NULL ends the table */
    const char *method;                  /* "GET" */
    const char *path;                    /* "/api/v2/recordings/{uuid}" */
    const char *credential;              /* "default", "scim" */
    const char *paging;                  /* "page", "scim", or NULL */
    const char *items;                   /* member that holds the items of a list, or NULL */
    const char *wrap;                    /* member of the body that holds the fields, or NULL */
    int status;                          /* of success */
    const struct ml_route_field *fields; /* that a body may have, or NULL */
};

/* Made at build time from lua/moonlever/services/. */
extern const struct ml_route ml_routes[];

#define ML_TARGET_SEGMENTS 12
#define ML_TARGET_PARAMS 4
#define ML_TARGET_MAX 2000 /* bytes of a request target */

struct ml_target {
    char text[ML_TARGET_MAX + 1];            /* the decoded segments, NUL after each */
    const char *segment[ML_TARGET_SEGMENTS]; /* point into text */
    size_t segments;
    const char *param[ML_TARGET_PARAMS]; /* in path order, filled by ml_route_match */
    const char
        *query; /* behind the question mark, as sent; points into the argument of split */
};

/* Splits and decodes a request target. -1: longer than ML_TARGET_MAX, or a path that cannot be
 * any of ours (too many segments, a bad or NUL percent escape). */
int ml_route_split(const char *uri, struct ml_target *target);
/* The route, with target->param filled, or NULL. */
const struct ml_route *ml_route_match(const struct ml_route *routes, const char *method,
                                      struct ml_target *target);
/* Decodes the query parameter `name` into out (form encoding: + is a blank). 1: there; 0: not
 * there; -1: there, but too long or badly encoded. */
int ml_route_query(const char *query, const char *name, char *out, size_t cap);

#endif
