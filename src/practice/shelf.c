/* SPDX-License-Identifier: MIT */
#include "practice/shelf.h"

#include "practice/recordings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_list(struct ml_shelf *shelf, const char *name, const char *key,
                    const struct ml_shape *shape, struct ml_err *err)
{
    if (shelf->count == ML_SHELF_LISTS)
        return ml_err_set(err, ML_USAGE, "there is no room for the practice list '%.40s'",
                          name);
    struct ml_records *r = &shelf->records[shelf->count++];
    *r = (struct ml_records){name, key ? key : "id", shape, json_array(), json_object()};
    return r->list && r->index ? 0
                               : ml_err_set(err, ML_MEMORY, "out of memory for '%.40s'", name);
}

int ml_shelf_create(struct ml_shelf *shelf, const char *service, const char *const *more,
                    struct ml_err *err)
{
    *shelf = (struct ml_shelf){.count = 0};
    for (const struct ml_resource *res = ml_resources; res->service; res++)
        if (strcmp(res->service, service) == 0 &&
            add_list(shelf, res->name, res->key, res->shape, err) < 0)
            return -1;
    for (; more && *more; more++)
        if (add_list(shelf, *more, "id", NULL, err) < 0)
            return -1;
    return 0;
}

void ml_shelf_destroy(struct ml_shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++) {
        json_decref(shelf->records[i].list);
        json_decref(shelf->records[i].index);
    }
    *shelf = (struct ml_shelf){.count = 0};
}

struct ml_records *ml_shelf_list(struct ml_shelf *shelf, const char *name)
{
    for (size_t i = 0; i < shelf->count; i++)
        if (strcmp(shelf->records[i].name, name) == 0)
            return &shelf->records[i];
    return NULL;
}

/* The key as text; empty when the record has none. */
static void key_of(const struct ml_records *r, const json_t *record, char key[ML_KEY_MAX])
{
    const json_t *value = json_object_get(record, r->key);
    if (json_is_integer(value))
        snprintf(key, ML_KEY_MAX, "%lld", (long long)json_integer_value(value));
    else
        snprintf(key, ML_KEY_MAX, "%s", json_is_string(value) ? json_string_value(value) : "");
}

int ml_records_add(struct ml_records *r, json_t *record)
{
    char key[ML_KEY_MAX];
    key_of(r, record, key);
    if (json_object_set(r->index, key, record) < 0) {
        json_decref(record);
        return -1;
    }
    if (json_array_append_new(r->list, record) < 0) { /* takes the record over even so */
        json_object_del(r->index, key);
        return -1;
    }
    return 0;
}

json_t *ml_records_find(const struct ml_records *r, const char *key)
{
    return json_object_get(r->index, key);
}

void ml_records_remove(struct ml_records *r, const char *key)
{
    json_t *record = ml_records_find(r, key);
    size_t at = 0;
    while (record && at < json_array_size(r->list) && json_array_get(r->list, at) != record)
        at++;
    json_object_del(r->index, key);
    if (record)
        json_array_remove(r->list, at);
}

/* Times follow the order of changes, and a fingerprint is to be compared between runs. */
static bool is_time(const char *name)
{
    return strcmp(name, "createdAt") == 0 || strcmp(name, "updatedAt") == 0 ||
           strcmp(name, "postedAt") == 0 || strcmp(name, "_at") == 0;
}

static uint64_t hash_record(uint64_t hash, json_t *record)
{
    json_t *copy = json_copy(record);
    const char *name;
    json_t *value;
    json_object_foreach(record, name, value)
    {
        if (is_time(name))
            json_object_del(copy, name);
    }
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    hash = ml_hash_text(hash, text);
    free(text);
    json_decref(copy);
    return hash;
}

uint64_t ml_records_hash(const struct ml_records *r)
{
    uint64_t hash = ML_HASH_START;
    size_t i;
    json_t *record;
    json_array_foreach(r->list, i, record) hash = hash_record(hash, record);
    return hash;
}

bool ml_shape_has(const struct ml_shape *shape, const char *name)
{
    for (const struct ml_shape_field *field = shape ? shape->fields : NULL;
         field && field->name; field++)
        if (strcmp(field->name, name) == 0)
            return true;
    return false;
}

const char *ml_text_of(const json_t *record, const char *name)
{
    const char *text = json_string_value(json_object_get(record, name));
    return text ? text : "";
}

int ml_set_text(json_t *record, const char *name, const char *text)
{
    return json_object_set_new(record, name, json_string(text));
}

/* The place of the text in the list, or its length. */
static size_t list_place(const json_t *list, const char *text)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item) && strcmp(json_string_value(item), text) == 0)
            return i;
    }
    return json_array_size(list);
}

bool ml_list_has(const json_t *record, const char *name, const char *text)
{
    const json_t *list = json_object_get(record, name);
    return list_place(list, text) < json_array_size(list);
}

int ml_list_put(json_t *record, const char *name, const char *text)
{
    json_t *list = json_object_get(record, name);
    if (!json_is_array(list)) {
        if (json_object_set_new(record, name, json_array()) < 0)
            return -1;
        list = json_object_get(record, name);
    }
    return ml_list_has(record, name, text) ? 0 : json_array_append_new(list, json_string(text));
}

void ml_list_drop(json_t *record, const char *name, const char *text)
{
    json_t *list = json_object_get(record, name);
    size_t at = list_place(list, text);
    if (at < json_array_size(list))
        json_array_remove(list, at);
}
