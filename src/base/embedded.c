/* SPDX-License-Identifier: MIT */
#include "base/embedded.h"

#include <string.h>

const struct ml_embedded *ml_embedded_find(const struct ml_embedded *files, const char *name)
{
    for (const struct ml_embedded *f = files; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}
