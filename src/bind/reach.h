/* SPDX-License-Identifier: MIT */
/*
 * How far the scripts of a host reach: origins, methods, resources, files. Held in C, whatever
 * the script's own header says; what is refused is refused with kind "guard".
 *
 *     struct ml_reach reach = {0};                      // everything
 *     ml_reach_set(&reach.methods, "GET,HEAD", &err);
 *     if (ml_reach_method(&reach, "DELETE", &err) < 0)
 *         ...err.text names the setting...
 *     ml_reach_destroy(&reach);
 */
#ifndef ML_BIND_REACH_H
#define ML_BIND_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Names that are allowed; not set = all. */
struct ml_names {
    bool set;
    char **names; /* owned */
    size_t len;
};

struct ml_reach {
    bool confined; /* scripts choose no origin of their own unless it is in hosts */
    bool files;    /* scripts may read and write files */
    struct ml_names hosts, methods, writes;
};

void ml_reach_destroy(struct ml_reach *reach);
/* Allows the names in text, apart by commas or blanks; what was allowed before is not any more.
 * -1: ML_MEMORY, nothing has changed. */
int ml_reach_set(struct ml_names *names, const char *text, struct ml_err *err);
/* As ml_reach_set for origins, which are spelled as requests spell them. -1: ML_USAGE too. */
int ml_reach_set_hosts(struct ml_reach *reach, const char *text, struct ml_err *err);
bool ml_names_allow(const struct ml_names *names, const char *name);
/* May requests go to this origin? `chosen`: the script has named it, not the host. -1:
 * ML_GUARD. */
int ml_reach_origin(const struct ml_reach *reach, const char *origin, bool chosen,
                    struct ml_err *err);
/* May a request of this method be sent? `read`: it claims to have no effect. -1: ML_GUARD. */
int ml_reach_method(const struct ml_reach *reach, const char *method, bool read,
                    struct ml_err *err);
/* May `what` use a file? -1: ML_GUARD. */
int ml_reach_file(const struct ml_reach *reach, const char *what, struct ml_err *err);

#endif
