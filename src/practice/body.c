/* SPDX-License-Identifier: MIT */
/* Request bodies: read with jansson, checked against the fields of the catalogue. */
#include "practice/server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* application/json or application/scim+json, with any parameters (SD-21). */
static bool is_json(const char *type)
{
    if (!type)
        return false;
    size_t len = strcspn(type, "; \t");
    return (len == strlen("application/json") &&
            strncasecmp(type, "application/json", len) == 0) ||
           (len == strlen("application/scim+json") &&
            strncasecmp(type, "application/scim+json", len) == 0);
}

json_t *ml_body_value(const struct ml_ask *ask, struct ml_answer *ans)
{
    json_error_t error;
    if (ask->body_len == 0) {
        ml_answer_refuse(ask, ans, 400, "The request body is empty");
        return NULL;
    }
    if (!is_json(ask->type)) {
        ml_answer_refuse(ask, ans, 400, "The body has to be sent as application/json");
        return NULL;
    }
    json_t *value = json_loadb(ask->body, ask->body_len, 0, &error);
    if (!value) {
        char message[260];
        snprintf(message, sizeof message, "The request body is not JSON: %s", error.text);
        ml_answer_refuse(ask, ans, 400, message);
    }
    return value;
}

json_t *ml_body_object(const struct ml_ask *ask, struct ml_answer *ans)
{
    json_t *object = ml_body_value(ask, ans);
    if (!object || (json_is_object(object) && json_object_size(object) > 0))
        return object;
    json_decref(object);
    ml_answer_refuse(ask, ans, 400, "The request body has to be an object that is not empty");
    return NULL;
}

static bool type_fits(const struct ml_route_field *field, const json_t *value)
{
    if (json_is_null(value))
        return field->null;
    switch (field->type) {
    case ML_FIELD_STRING:
        return json_is_string(value);
    case ML_FIELD_INTEGER:
        return json_is_integer(value);
    case ML_FIELD_NUMBER:
        return json_is_number(value);
    case ML_FIELD_BOOLEAN:
        return json_is_boolean(value);
    case ML_FIELD_OBJECT:
        return json_is_object(value);
    case ML_FIELD_ANY:
        return true;
    case ML_FIELD_LIST:
        return json_is_array(value);
    }
    return false;
}

json_t *ml_body_member(json_t *object, const char *name)
{
    while (object) {
        size_t len = strcspn(name, ".");
        object = json_object_getn(object, name, len);
        if (name[len] == '\0')
            return object;
        name += len + 1;
    }
    return NULL;
}

const char *ml_body_check(const struct ml_route *route, json_t *object)
{
    for (const struct ml_route_field *field = route->fields; field && field->name; field++) {
        const json_t *value = ml_body_member(object, field->name);
        if (value && !type_fits(field, value))
            return field->name;
    }
    return NULL;
}
