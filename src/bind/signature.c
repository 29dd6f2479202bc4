/* SPDX-License-Identifier: MIT */
/* The functions that a host has lent, and what their signatures say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/host.h"

#define EVENT_MAX (256 * 1024)

static const char *const type_names[ML_HOST_TYPES] = {"any",     "string", "integer", "number",
                                                      "boolean", "array",  "object"};

const char *ml_host_type_name(enum ml_host_type type)
{
    return type_names[type];
}

void ml_host_create(struct ml_host *host)
{
    *host = (struct ml_host){.functions = NULL};
    ml_buf_create(&host->text, EVENT_MAX);
}

void ml_host_destroy(struct ml_host *host)
{
    while (host->functions) {
        struct ml_host_function *f = host->functions;
        host->functions = f->next;
        free(f);
    }
    ml_buf_destroy(&host->text);
}

/* --- reading a signature --- */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* A name as in Lua. How long it is, 0 = there is none. */
static size_t name_length(const char *p)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return strspn(p, letters) ? strspn(p, all) : 0;
}

static int wrong(const char *signature, const char *at, const char *expected,
                 struct ml_err *err)
{
    return ml_err_set(err, ML_USAGE,
                      "the signature \"%.200s\" has no %s at byte %zu; one looks like "
                      "book(ticket: string, minutes: integer?)",
                      signature, expected, (size_t)(at - signature));
}

static int copy_name(char *out, size_t size, const char *p, size_t len, struct ml_err *err)
{
    if (len >= size)
        return ml_err_set(err, ML_USAGE, "the name %.*s is longer than %zu bytes", (int)size, p,
                          size - 1);
    memcpy(out, p, len);
    out[len] = '\0';
    return 0;
}

static int read_type(const char *p, size_t len, enum ml_host_type *out, struct ml_err *err)
{
    for (int t = 0; t < ML_HOST_TYPES; t++)
        if (strlen(type_names[t]) == len && memcmp(type_names[t], p, len) == 0) {
            *out = (enum ml_host_type)t;
            return 0;
        }
    return ml_err_set(err, ML_USAGE,
                      "there is no type \"%.*s\"; there are string, integer, number, boolean, "
                      "array, object and any",
                      len < 40 ? (int)len : 40, p);
}

/* "minutes: integer?" */
static int read_parameter(const char *signature, const char **at, struct ml_host_parameter *out,
                          struct ml_err *err)
{
    const char *p = skip_blanks(*at);
    size_t len = name_length(p);
    if (!len)
        return wrong(signature, p, "name", err);
    if (copy_name(out->name, sizeof out->name, p, len, err) < 0)
        return -1;
    p = skip_blanks(p + len);
    if (*p != ':')
        return wrong(signature, p, "colon and type", err);
    p = skip_blanks(p + 1);
    len = name_length(p);
    if (read_type(p, len, &out->type, err) < 0)
        return -1;
    p = skip_blanks(p + len);
    out->optional = *p == '?';
    *at = skip_blanks(p + out->optional);
    return 0;
}

static int add_parameter(struct ml_host_function *f, const struct ml_host_parameter *p,
                         struct ml_err *err)
{
    if (f->count == ML_HOST_PARAMETERS)
        return ml_err_set(err, ML_USAGE, "%s has more than %d parameters", f->name,
                          ML_HOST_PARAMETERS);
    for (unsigned i = 0; i < f->count; i++)
        if (strcmp(f->parameters[i].name, p->name) == 0)
            return ml_err_set(err, ML_USAGE, "%s has two parameters called %s", f->name,
                              p->name);
    if (f->count && f->parameters[f->count - 1].optional && !p->optional)
        return ml_err_set(err, ML_USAGE, "%s: behind an optional parameter, %s must be too",
                          f->name, p->name);
    f->parameters[f->count++] = *p;
    return 0;
}

int ml_host_parse(const char *signature, struct ml_host_function *out, struct ml_err *err)
{
    const char *p = skip_blanks(signature);
    size_t len = name_length(p);
    struct ml_host_parameter parameter;
    *out = (struct ml_host_function){.next = NULL};
    if (!len)
        return wrong(signature, p, "name", err);
    if (copy_name(out->name, sizeof out->name, p, len, err) < 0)
        return -1;
    p = skip_blanks(p + len);
    if (*p != '(')
        return wrong(signature, p, "\"(\"", err);
    p = skip_blanks(p + 1);
    for (bool more = *p != ')'; more; p += more) {
        if (read_parameter(signature, &p, &parameter, err) < 0 ||
            add_parameter(out, &parameter, err) < 0)
            return -1;
        more = *p == ',';
    }
    if (*p != ')')
        return wrong(signature, p, "\")\"", err);
    p = skip_blanks(p + 1);
    return *p ? wrong(signature, p, "end", err) : 0;
}

void ml_host_signature(const struct ml_host_function *f, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s(", f->name);
    for (unsigned i = 0; i < f->count && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s: %s%s", i ? ", " : "",
                              f->parameters[i].name, type_names[f->parameters[i].type],
                              f->parameters[i].optional ? "?" : "");
    if (n < size)
        snprintf(out + n, size - n, ")");
}

/* --- the list --- */

const struct ml_host_function *ml_host_find(const struct ml_host *host, const char *name)
{
    for (const struct ml_host_function *f = host->functions; f; f = f->next)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

int ml_host_add(struct ml_host *host, const char *signature, ml_host_fn fn, void *ud,
                struct ml_err *err)
{
    struct ml_host_function f;
    if (ml_host_parse(signature, &f, err) < 0)
        return -1;
    f.fn = fn;
    f.ud = ud;
    struct ml_host_function *place = (struct ml_host_function *)ml_host_find(host, f.name);
    if (place) {
        f.next = place->next;
        *place = f;
        return 0;
    }
    place = malloc(sizeof *place);
    if (!place)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    f.next = host->functions;
    *place = f;
    host->functions = place;
    return 0;
}
