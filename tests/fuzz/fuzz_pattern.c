/* SPDX-License-Identifier: MIT */
/*
 * A pattern and a subject, apart by the first newline: the matcher of confined scripts stays in
 * both, ends within its steps, and finds what string.find of Lua finds where that comes to an
 * end soon.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bind/pattern.h"

#define STEPS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count_down(void *ud, uint64_t steps)
{
    uint64_t *left = ud;
    *left = steps < *left ? *left - steps : 0;
    return *left > 0;
}

/* Where the first match begins and ends, -1 = nowhere, -2 = the pattern is wrong; false: there
 * was too much work. */
static bool first(struct ml_pattern *p, long *from, long *to)
{
    *from = *to = -1;
    for (const char *at = p->text; at <= p->text_end; at++) {
        const char *end = ml_pattern_match(p, at);
        if (p->stopped)
            return false;
        if (p->fault)
            *from = -2;
        if (p->fault)
            return true;
        if (!end)
            continue;
        for (unsigned i = 0; i < p->level; i++)
            if (p->captures[i].len > 0 &&
                (p->captures[i].at < p->text || p->captures[i].at + p->captures[i].len > end))
                abort();
        for (unsigned i = 0; i < p->level; i++)
            if (p->captures[i].len == ML_CAPTURE_OPEN) {
                *from = -2;
                return true;
            }
        *from = at - p->text;
        *to = end - p->text;
        return true;
    }
    return true;
}

static void compare(const char *text, size_t len, const char *pattern, size_t pattern_len,
                    long from, long to)
{
    lua_State *L = luaL_newstate();
    luaL_requiref(L, "string", luaopen_string, 0);
    lua_getfield(L, -1, "find");
    lua_pushlstring(L, text, len);
    lua_pushlstring(L, pattern, pattern_len);
    lua_pushinteger(L, 1);
    if (lua_pcall(L, 3, 2, 0) != LUA_OK) {
        if (from != -2)
            abort();
    } else if (lua_isnil(L, -2)) {
        if (from != -1)
            abort();
    } else if (lua_tointeger(L, -2) != from + 1 || lua_tointeger(L, -1) != to) {
        abort();
    }
    lua_close(L);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = memchr(data, '\n', size);
    if (!line || data[0] == '^')
        return 0;
    size_t pattern_len = (size_t)(line - data), len = size - pattern_len - 1;
    if (ml_pattern_is_plain((const char *)data, pattern_len))
        return 0;
    char *pattern = malloc(pattern_len + 1), *text = malloc(len + 1); /* with exact ends */
    memcpy(pattern, data, pattern_len);
    memcpy(text, line + 1, len);
    uint64_t left = STEPS;
    struct ml_pattern p;
    long from, to;
    ml_pattern_create(&p, text, len, pattern, pattern_len);
    p.may = count_down;
    p.ud = &left;
    if (first(&p, &from, &to))
        compare(text, len, pattern, pattern_len, from, to);
    free(pattern);
    free(text);
    return 0;
}
