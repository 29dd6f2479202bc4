/* SPDX-License-Identifier: MIT */
/*
 * The files inside the binary: Lua modules, texts that they need, and ready-made
 * scripts. The tables are written by cmake/embed_files.cmake and end with a NULL
 * name.
 */
#ifndef ML_BASE_EMBEDDED_H
#define ML_BASE_EMBEDDED_H

#include <stddef.h>

struct ml_embedded {
    const char
        *name; /* module name such as "moonlever.pages", or script name such as "retag" */
    const char *text; /* the file, NUL behind it */
    size_t len;       /* bytes of text without the NUL */
};

extern const struct ml_embedded ml_lua_files[];
extern const struct ml_embedded ml_text_files[]; /* "moonlever.history.page.style.css" */
extern const struct ml_embedded ml_script_files[];

/* The entry with this name, or NULL. */
const struct ml_embedded *ml_embedded_find(const struct ml_embedded *files, const char *name);

#endif
