/* SPDX-License-Identifier: MIT */
/* Records as answers show them: shelf.h says how. */
#include "practice/shelf.h"

#include <string.h>

static int add_dumped(const char *bytes, size_t len, void *out)
{
    ml_out_bytes(out, bytes, len);
    return 0;
}

void ml_out_json(struct ml_out *o, const json_t *value)
{
    if (json_dump_callback(value, add_dumped, o, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        o->failed = true;
}

/* What stands where a record has nothing. */
static const char *nothing(const struct ml_shape_field *field)
{
    switch (field->type) {
    case ML_FIELD_STRING:
        return field->gap == ML_GAP_NULL ? "null" : "\"\"";
    case ML_FIELD_INTEGER:
    case ML_FIELD_NUMBER:
        return "0";
    case ML_FIELD_BOOLEAN:
        return "false";
    case ML_FIELD_LIST:
        return "[]";
    case ML_FIELD_OBJECT:
    case ML_FIELD_ANY:
        break;
    }
    return field->gap == ML_GAP_NULL ? "null" : "{}";
}

static const struct ml_shape *shape_named(const char *name)
{
    const struct ml_shape *shape = ml_shapes;
    while (shape->name && strcmp(shape->name, name) != 0)
        shape++;
    return shape->name ? shape : NULL;
}

static void write_members(const struct ml_view *view, const struct ml_shape *shape,
                          json_t *record, struct ml_out *o);

/* The person or file of this id, null when it is gone. */
static void write_ref(const struct ml_view *view, enum ml_ref ref, const char *id,
                      struct ml_out *o)
{
    bool person = ref == ML_REF_USER;
    struct ml_records *r = ml_shelf_list(view->shelf, person ? "users" : "files");
    const struct ml_shape *shape = shape_named(person ? "workdrive.UserRef" : "workdrive.File");
    json_t *whole = r ? ml_records_find(r, id) : NULL;
    if (whole && shape)
        write_members(view, shape, whole, o);
    else
        ml_out_text(o, "null");
}

static void write_refs(const struct ml_view *view, enum ml_ref ref, json_t *value,
                       struct ml_out *o)
{
    if (json_is_string(value)) {
        write_ref(view, ref, json_string_value(value), o);
        return;
    }
    ml_out_text(o, "[");
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (i)
            ml_out_text(o, ",");
        json_t *item = json_array_get(value, i);
        write_ref(view, ref, json_is_string(item) ? json_string_value(item) : "", o);
    }
    ml_out_text(o, "]");
}

static bool hidden(const struct ml_view *view, const char *name)
{
    for (const char *const *at = view->hidden; at && *at; at++)
        if (strcmp(*at, name) == 0)
            return true;
    return false;
}

static void write_member(const struct ml_view *view, const struct ml_shape_field *field,
                         json_t *value, struct ml_out *o)
{
    bool people = view->people && strcmp(field->name, view->people) == 0;
    bool refs = field->ref != ML_REF_NONE && (json_is_string(value) || json_is_array(value));
    bool alone = view->single && field->form == ML_FORM_SINGLE;
    if (alone && (!value || json_is_array(value)))
        value = json_array_get(value, 0);
    if (!value)
        ml_out_text(o, alone ? "null" : nothing(field));
    else if (people)
        write_refs(view, ML_REF_USER, value, o);
    else if (refs && !(field->form == ML_FORM_ID && view->kept))
        write_refs(view, field->ref, value, o);
    else
        ml_out_json(o, value);
}

static void write_members(const struct ml_view *view, const struct ml_shape *shape,
                          json_t *record, struct ml_out *o)
{
    bool any = false;
    ml_out_text(o, "{");
    for (const struct ml_shape_field *field = shape->fields; field->name; field++) {
        json_t *value = json_object_get(record, field->name);
        if (hidden(view, field->name) || (!value && field->gap == ML_GAP_ABSENT))
            continue;
        ml_out_text(o, any ? "," : "");
        ml_out_string(o, field->name);
        ml_out_text(o, ":");
        write_member(view, field, value, o);
        any = true;
    }
    ml_out_text(o, "}");
}

void ml_view_write(const struct ml_view *view, const struct ml_shape *shape, json_t *record,
                   struct ml_out *o)
{
    struct ml_view own = *view;
    own.single = shape && (strcmp(shape->name, "workdrive.News") == 0 ||
                           strcmp(shape->name, "workdrive.Post") == 0); /* WD-11 */
    if (shape)
        write_members(&own, shape, record, o);
    else
        ml_out_json(o, record);
}
