/* SPDX-License-Identifier: MIT */
/*
 * Routes: which operation a request is, and what records look like, from the
 * tables that tools/routes.lua makes of the catalogues.
 *
 * A path template is made of segments, "{name}" being a parameter. Of several
 * that fit, the one with the fewest parameters wins, so that
 * /api/users/UserDetails is not taken for a user's id. Two services have some
 * paths in common; the header that brought the credential tells them apart.
 *
 *     struct ml_target target;
 *     if (ml_route_split("/api/v2/recordings/abc?x=1", &target) == 0) ...   // segments, query
 *     const struct ml_route *route = ml_route_match(ml_routes, "GET", NULL, &target);
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
    /* Member of the record that keeps it, "_x" where records do not show it; NULL: it is kept
     * with the object it is a member of. */
    const char *stored;
};

/* What a member of a record names by id, so that answers show it whole. */
enum ml_ref { ML_REF_NONE, ML_REF_USER, ML_REF_FILE };

/* What stands where a record has no value: something empty of the type, null, or nothing. */
enum ml_gap { ML_GAP_EMPTY, ML_GAP_NULL, ML_GAP_ABSENT };

/* Members that have two forms: ids or whole objects, one object or a list of them. */
enum ml_form { ML_FORM_ONE, ML_FORM_ID, ML_FORM_SINGLE };

struct ml_shape_field {
    const char *name; /* NULL ends */
    enum ml_field_type type;
    enum ml_gap gap;
    enum ml_ref ref; /* also of a list of them */
    enum ml_form form;
};

/* The members that answers show of a record, in this order. */
struct ml_shape {
    const char *name; /* "workdrive.User"; NULL ends the table */
    const struct ml_shape_field *fields;
};

struct ml_resource {
    const char *service; /* NULL ends the table */
    const char *name;    /* "posts" */
    const char *key;     /* member that names a record */
    const struct ml_shape *shape;
};

/* Members of a body (dotted) that add to a list of a record and take from it. */
struct ml_moves {
    const char *list;  /* member of the record, NULL = none */
    const char *count; /* instead: the member that shows their number */
    const char *add, *remove;
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
    const char *service;                 /* "screendesk" */
    const char *resource;                /* "recordings" */
    const char *header;                  /* that brings the credential, or NULL */
    const struct ml_shape *shape;        /* of the records, or NULL */
    const char *answer;                  /* "object", "echo", "none" …, or NULL */
    bool write;                          /* it has effects, whatever its method */
    struct ml_moves moves;
};

/* Made at build time from lua/moonlever/services/. */
extern const struct ml_route ml_routes[];
extern const struct ml_shape ml_shapes[];
extern const struct ml_resource ml_resources[];

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
/* The route, with target->param filled, or NULL. header: only routes whose credential comes in
 * this one; NULL = all. */
const struct ml_route *ml_route_match(const struct ml_route *routes, const char *method,
                                      const char *header, struct ml_target *target);
/* Decodes the query parameter `name` into out (form encoding: + is a blank). 1: there; 0: not
 * there; -1: there, but too long or badly encoded. */
int ml_route_query(const char *query, const char *name, char *out, size_t cap);

#endif
