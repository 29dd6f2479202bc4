/* SPDX-License-Identifier: MIT */
#include "bind/reach.h"

#include <stdlib.h>
#include <string.h>

#include "net/net.h"

#define APART ", \t\n"

static void empty(struct ml_names *names)
{
    for (size_t i = 0; i < names->len; i++)
        free(names->names[i]);
    free(names->names);
    *names = (struct ml_names){0};
}

void ml_reach_destroy(struct ml_reach *reach)
{
    empty(&reach->hosts);
    empty(&reach->methods);
    empty(&reach->writes);
}

static int add(struct ml_names *names, char *name)
{
    char **more = name ? realloc(names->names, (names->len + 1) * sizeof *more) : NULL;
    if (!more) {
        free(name);
        return -1;
    }
    names->names = more;
    more[names->len++] = name;
    return 0;
}

int ml_reach_set(struct ml_names *names, const char *text, struct ml_err *err)
{
    struct ml_names made = {.set = true};
    size_t n;
    for (text += strspn(text, APART); *text; text += n + strspn(text + n, APART)) {
        n = strcspn(text, APART);
        if (add(&made, strndup(text, n)) < 0) {
            empty(&made);
            return ml_err_set(err, ML_MEMORY, "out of memory");
        }
    }
    empty(names);
    *names = made;
    return 0;
}

int ml_reach_set_hosts(struct ml_reach *reach, const char *text, struct ml_err *err)
{
    struct ml_names given = {0};
    int rc = ml_reach_set(&given, text, err);
    for (size_t i = 0; rc == 0 && i < given.len; i++) {
        char *spelled = ml_net_spell(given.names[i], err);
        if (!spelled) {
            rc = -1;
            break;
        }
        free(given.names[i]);
        given.names[i] = spelled;
    }
    if (rc < 0) {
        empty(&given);
        return -1;
    }
    empty(&reach->hosts);
    reach->hosts = given;
    return 0;
}

bool ml_names_allow(const struct ml_names *names, const char *name)
{
    for (size_t i = 0; i < names->len; i++)
        if (strcmp(names->names[i], name) == 0)
            return true;
    return !names->set;
}

int ml_reach_origin(const struct ml_reach *reach, const char *origin, bool chosen,
                    struct ml_err *err)
{
    if (!ml_names_allow(&reach->hosts, origin))
        return ml_err_set(err, ML_GUARD, "scripts may not talk to %.200s: it is not in hosts",
                          origin);
    if (reach->confined && chosen && !reach->hosts.set)
        return ml_err_set(err, ML_GUARD,
                          "a confined script may not choose %.200s: the origin is the host's "
                          "unless it is in hosts",
                          origin);
    return 0;
}

int ml_reach_method(const struct ml_reach *reach, const char *method, bool read,
                    struct ml_err *err)
{
    bool harmless = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!ml_names_allow(&reach->methods, method))
        return ml_err_set(err, ML_GUARD, "scripts may not send %.20s: it is not in methods",
                          method);
    if (reach->confined && read && !harmless)
        return ml_err_set(err, ML_GUARD, "a %.20s of a confined script is no read", method);
    return 0;
}

int ml_reach_file(const struct ml_reach *reach, const char *what, struct ml_err *err)
{
    if (reach->files)
        return 0;
    return ml_err_set(err, ML_GUARD, "%.60s: scripts may not use files (files=true allows it)",
                      what);
}
