/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ml_err_set(struct ml_err *err, enum ml_kind kind, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->kind = kind;
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return -1;
}

const char *ml_kind_name(enum ml_kind kind)
{
    static const char *const names[ML_KINDS] = {"none",      "network",  "timeout", "auth",
                                                "forbidden", "notfound", "invalid", "conflict",
                                                "throttled", "remote",   "decode",  "nodata",
                                                "cancelled", "guard",    "usage",   "memory"};
    return kind < ML_KINDS ? names[kind] : "remote";
}

enum ml_kind ml_kind_parse(const char *name)
{
    for (int k = ML_NONE + 1; k < ML_KINDS; k++)
        if (strcmp(ml_kind_name(k), name) == 0)
            return k;
    return ML_NONE;
}
