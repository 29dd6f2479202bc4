/* SPDX-License-Identifier: MIT */
/*
 * string.find, match, gmatch and gsub over ml_pattern (pattern.h), for states with a meter:
 * arguments, results and errors are those of Lua 5.4.
 */
#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/pattern.h"
#include "task/meter.h"

#define BYTES_A_CHARGE 64

/* --- the matcher in a state --- */

static bool may(void *ud, uint64_t steps)
{
    return !ud || ml_meter_take(ud, steps);
}

/* A matcher for the strings at 1 and 2, which stay there. */
static void create(lua_State *L, struct ml_pattern *p, bool anchored)
{
    size_t len, pattern_len;
    const char *text = lua_tolstring(L, 1, &len);
    const char *pattern = lua_tolstring(L, 2, &pattern_len);
    ml_pattern_create(p, text, len, pattern + anchored, pattern_len - anchored);
    p->may = may;
    p->ud = ml_meter_of(L);
}

/* As ml_pattern_match; raises what is wrong. */
static const char *match_at(lua_State *L, struct ml_pattern *p, const char *at)
{
    p->fault = NULL;
    p->stopped = false;
    const char *end = ml_pattern_match(p, at);
    if (p->stopped) {
        ml_meter_check(L);
        luaL_error(L, "%s", p->fault); /* a write is being settled: it fails, no more */
    }
    if (p->fault && p->fault_arg)
        luaL_error(L, p->fault, p->fault_arg);
    if (p->fault)
        luaL_error(L, "%s", p->fault);
    return end;
}

/* Capture i of the match from s to e, which is the whole where there is none. */
static void push_capture(lua_State *L, const struct ml_pattern *p, unsigned i, const char *s,
                         const char *e)
{
    if (i >= p->level) {
        if (i > 0)
            luaL_error(L, "invalid capture index %%%d", (int)i + 1);
        lua_pushlstring(L, s, (size_t)(e - s));
        return;
    }
    ptrdiff_t len = p->captures[i].len;
    if (len == ML_CAPTURE_OPEN)
        luaL_error(L, "unfinished capture");
    if (len == ML_CAPTURE_POSITION)
        lua_pushinteger(L, p->captures[i].at - p->text + 1);
    else
        lua_pushlstring(L, p->captures[i].at, (size_t)len);
}

/* All captures; s NULL: not the whole match where there are none. */
static int push_captures(lua_State *L, const struct ml_pattern *p, const char *s, const char *e)
{
    unsigned n = p->level == 0 && s ? 1 : p->level;
    luaL_checkstack(L, (int)n, "too many captures");
    for (unsigned i = 0; i < n; i++)
        push_capture(L, p, i, s, e);
    return (int)n;
}

/* --- find and match --- */

/* Where to begin, from 0, of the optional argument; beyond the end is len + 1. */
static size_t start_of(lua_State *L, int arg, size_t len)
{
    lua_Integer at = luaL_optinteger(L, arg, 1);
    if (at > 0)
        return (uint64_t)at - 1 > len ? len + 1 : (size_t)at - 1;
    if (at == 0 || at < -(lua_Integer)len)
        return 0;
    return len + (size_t)at;
}

static int find_plain(lua_State *L, const char *text, size_t len, size_t from)
{
    size_t wanted_len;
    const char *wanted = lua_tolstring(L, 2, &wanted_len);
    ml_meter_charge(L, (len + wanted_len) / BYTES_A_CHARGE + 1);
    const char *at = memmem(text + from, len - from, wanted, wanted_len);
    if (!at) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, at - text + 1);
    lua_pushinteger(L, at - text + (lua_Integer)wanted_len);
    return 2;
}

static int search(lua_State *L, size_t from, bool find)
{
    struct ml_pattern p;
    bool anchored = lua_tostring(L, 2)[0] == '^';
    create(L, &p, anchored);
    for (const char *s = p.text + from; s <= p.text_end; s++) {
        const char *e = match_at(L, &p, s);
        if (e && find) {
            lua_pushinteger(L, s - p.text + 1);
            lua_pushinteger(L, e - p.text);
            return push_captures(L, &p, NULL, NULL) + 2;
        }
        if (e)
            return push_captures(L, &p, s, e);
        if (anchored)
            break;
    }
    luaL_pushfail(L);
    return 1;
}

static int find(lua_State *L, bool find)
{
    size_t len, pattern_len;
    const char *text = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &pattern_len);
    size_t from = start_of(L, 3, len);
    if (from > len) {
        luaL_pushfail(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || ml_pattern_is_plain(pattern, pattern_len)))
        return find_plain(L, text, len, from);
    return search(L, from, find);
}

static int l_find(lua_State *L)
{
    return find(L, true);
}

static int l_match(lua_State *L)
{
    return find(L, false);
}

/* --- gmatch --- */

/* Between two matches; the strings are upvalues 1 and 2. */
struct walk {
    size_t at, last; /* offsets; last: end of the last match, SIZE_MAX = none */
};

static int l_gmatch_next(lua_State *L)
{
    struct walk *w = lua_touserdata(L, lua_upvalueindex(3));
    struct ml_pattern p;
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    create(L, &p, false);
    for (const char *s = p.text + w->at; s <= p.text_end; s++) {
        const char *e = match_at(L, &p, s);
        if (!e || (size_t)(e - p.text) == w->last)
            continue;
        w->at = w->last = (size_t)(e - p.text);
        return push_captures(L, &p, s, e);
    }
    return 0;
}

static int l_gmatch(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t from = start_of(L, 3, len);
    lua_settop(L, 2);
    struct walk *w = lua_newuserdatauv(L, sizeof *w, 0);
    *w = (struct walk){.at = from, .last = SIZE_MAX};
    lua_pushcclosure(L, l_gmatch_next, 3);
    return 1;
}

/* --- gsub --- */

/* The replacement string at 3 with its captures. */
static void add_string(lua_State *L, const struct ml_pattern *p, luaL_Buffer *out,
                       const char *s, const char *e)
{
    size_t len;
    const char *text = lua_tolstring(L, 3, &len), *end = text + len, *escape;
    while ((escape = memchr(text, '%', (size_t)(end - text))) != NULL) {
        char kind = escape + 1 < end ? escape[1] : '\0';
        luaL_addlstring(out, text, (size_t)(escape - text));
        if (kind == '%') {
            luaL_addchar(out, '%');
        } else if (kind == '0') {
            luaL_addlstring(out, s, (size_t)(e - s));
        } else if (isdigit((unsigned char)kind)) {
            push_capture(L, p, (unsigned)(kind - '1'), s, e);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
        text = escape + 2;
    }
    luaL_addlstring(out, text, (size_t)(end - text));
}

/* What stands for the match from s to e. False: nothing was changed. */
static bool add_value(lua_State *L, const struct ml_pattern *p, luaL_Buffer *out, const char *s,
                      const char *e)
{
    int type = lua_type(L, 3);
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, p, s, e), 1);
    } else if (type == LUA_TTABLE) {
        push_capture(L, p, 0, s, e);
        lua_gettable(L, 3);
    } else {
        add_string(L, p, out, s, e);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, s, (size_t)(e - s));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

/* Up to `most` matches. Pushes the result. */
static lua_Integer replace(lua_State *L, struct ml_pattern *p, lua_Integer most, bool anchored)
{
    const char *s = p->text, *last = NULL;
    bool changed = false;
    lua_Integer n = 0;
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    while (n < most) {
        const char *e = match_at(L, p, s);
        if (e && e != last) {
            n++;
            changed |= add_value(L, p, &out, s, e);
            s = last = e;
        } else if (s < p->text_end) {
            luaL_addchar(&out, *s++);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    if (!changed) {
        lua_pushvalue(L, 1);
        return n;
    }
    luaL_addlstring(&out, s, (size_t)(p->text_end - s));
    luaL_pushresult(&out);
    return n;
}

static int l_gsub(lua_State *L)
{
    size_t len;
    struct ml_pattern p;
    luaL_checklstring(L, 1, &len);
    bool anchored = luaL_checkstring(L, 2)[0] == '^';
    int type = lua_type(L, 3);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)len + 1);
    create(L, &p, anchored);
    lua_pushinteger(L, replace(L, &p, most, anchored));
    return 2;
}

void ml_bind_strings(lua_State *L)
{
    static const luaL_Reg functions[] = {{"find", l_find},
                                         {"match", l_match},
                                         {"gmatch", l_gmatch},
                                         {"gsub", l_gsub},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
