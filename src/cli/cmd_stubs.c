/* SPDX-License-Identifier: MIT */
/*
 * `moonlever stubs`: makes the directory; the tool "stubs" makes what goes into
 * it (lua/moonlever/stubs.lua, lua/moonlever/reference.lua).
 */
#include "cli/cmd.h"
#include "cli/tool.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int cannot_make(const char *dir, int error, struct ml_term *t)
{
    struct ml_err err;
    ml_err_set(&err, ML_USAGE, "cannot make the directory '%.200s': %s.", dir, strerror(error));
    ml_term_error(t, err.text);
    return ML_EXIT_USAGE;
}

int ml_cmd_stubs(const struct ml_options *o, struct ml_term *t)
{
    const char *dir = o->values[ML_FLAG_OUT];
    const char *argv[] = {"--out", dir, "--markdown"};
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return cannot_make(dir, errno, t);
    return ml_tool(o, t, "stubs", o->count[ML_FLAG_MARKDOWN] ? 3 : 2, argv);
}
