/* SPDX-License-Identifier: MIT */
/*
 * The way back. Whether a table is an array or an object is decided by its
 * mark and its keys; whatever JSON cannot hold (holes, mixed keys, functions,
 * NaN, text that is not UTF-8) is an error that names the place, never a
 * silent change. Each level knows the one above it, so the place is put
 * together only when something is wrong.
 */
#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/json.h"
#include "bind/json_number.h"
#include "bind/json_scan.h"

struct writer {
    lua_State *L;
    struct ml_buf *out;
    const void *array_type, *number_type; /* metatables, for comparing */
    bool sorted;
    int depth; /* levels left */
    struct ml_err *err;
};

/* The way from the root to a value: a name, or an index when name is NULL. */
struct place {
    const struct place *up; /* NULL at the root */
    const char *name;
    size_t len;
    lua_Integer index;
};

static int write_value(struct writer *w, int idx, const struct place *at);

/* ---- errors ---- */

/* Text that is cut where its room ends. */
struct label {
    char text[200];
    size_t len;
};

static void label_add(struct label *l, const char *text, size_t len)
{
    for (size_t i = 0; i < len && l->len + 1 < sizeof l->text; i++) {
        unsigned char c = (unsigned char)text[i];
        l->text[l->len++] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    l->text[l->len] = '\0';
}

static void label_place(struct label *l, const struct place *at)
{
    char number[32];
    if (!at->up)
        return;
    label_place(l, at->up);
    if (at->name) {
        label_add(l, ".", l->len > 0);
        label_add(l, at->name, at->len < 60 ? at->len : 60);
    } else {
        snprintf(number, sizeof number, "[%" PRId64 "]", (int64_t)at->index);
        label_add(l, number, strlen(number));
    }
}

/* The place as text: "records[2].title", "the value" for the root. */
static struct label where(const struct place *at)
{
    struct label l = {.text = "the value"};
    label_place(&l, at);
    return l;
}

static int refuse(struct writer *w, const struct place *at, const char *why)
{
    return ml_err_set(w->err, ML_USAGE, "%s cannot be written as JSON: %s", where(at).text,
                      why);
}

/* ---- bytes ---- */

static int out_of_memory(struct writer *w)
{
    return ml_err_set(w->err, ML_MEMORY, "out of memory while writing JSON");
}

static int full(struct writer *w, size_t n)
{
    if (n > w->out->max - w->out->len)
        return ml_err_set(w->err, ML_USAGE,
                          "the value is longer as JSON than the %zu bytes allowed",
                          w->out->max);
    return out_of_memory(w);
}

static int put(struct writer *w, const char *text, size_t n)
{
    struct ml_buf *b = w->out;
    if (b->cap - b->len <= n) /* the NUL needs one more */
        return ml_buf_add(b, text, n) < 0 ? full(w, n) : 0;
    memcpy(b->data + b->len, text, n);
    b->len += n;
    b->data[b->len] = '\0';
    return 0;
}

/* The character as it stands in a string: `"`, `\`, or a control character. */
static void escape(char text[8], unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = c ? strchr(from, c) : NULL;
    if (known)
        snprintf(text, 8, "\\%c", to[known - from]);
    else
        snprintf(text, 8, "\\u%04x", c);
}

static int put_escape(struct writer *w, unsigned char c)
{
    char text[8];
    escape(text, c);
    return put(w, text, strlen(text));
}

static int put_string(struct writer *w, const char *text, size_t len, const struct place *at)
{
    const char *p = text, *end = text + len;
    if (put(w, "\"", 1) < 0)
        return -1;
    while (p < end) {
        const char *run = p;
        int n = 0;
        while ((p = ml_json_plain(p, end)) < end && (n = ml_json_utf8(p, end)) > 0)
            p += n;
        if (put(w, run, (size_t)(p - run)) < 0)
            return -1;
        if (p == end)
            break;
        if ((unsigned char)*p >= 0x80)
            return ml_err_set(w->err, ML_USAGE,
                              "%s cannot be written as JSON: the text is not UTF-8 at byte %zu",
                              where(at).text, (size_t)(p - text));
        if (put_escape(w, (unsigned char)*p++) < 0)
            return -1;
    }
    return put(w, "\"", 1);
}

/* ---- scalars ---- */

static int write_integer(struct writer *w, lua_Integer value)
{
    char text[24], *p = text + sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        *--p = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--p = '-';
    return put(w, p, (size_t)(text + sizeof text - p));
}

static int write_number(struct writer *w, int idx, const struct place *at)
{
    char text[ML_JSON_DOUBLE];
    if (lua_isinteger(w->L, idx))
        return write_integer(w, lua_tointeger(w->L, idx));
    double d = lua_tonumber(w->L, idx);
    if (!isfinite(d))
        return refuse(w, at, isnan(d) ? "it is not a number (nan)" : "it is infinite");
    return put(w, text, ml_json_format_double(d, text));
}

/* Does the value at idx carry this metatable? */
static bool has_type(struct writer *w, int idx, const void *type)
{
    if (!lua_getmetatable(w->L, idx))
        return false;
    bool same = lua_topointer(w->L, -1) == type;
    lua_pop(w->L, 1);
    return same;
}

static int write_userdata(struct writer *w, int idx, const struct place *at)
{
    if (!has_type(w, idx, w->number_type))
        return refuse(w, at, "it is a userdata");
    return put(w, lua_touserdata(w->L, idx), lua_rawlen(w->L, idx));
}

/* ---- arrays ---- */

/* What the keys of a table say. */
struct keys {
    lua_Integer count, highest; /* of the integer keys from 1 on */
    bool others;                /* there are keys of another kind */
};

static struct keys look_at_keys(lua_State *L, int table)
{
    struct keys k = {.count = 0};
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1) {
            k.others = true;
            continue;
        }
        k.count++;
        if (key > k.highest)
            k.highest = key;
    }
    return k;
}

static int check_array(struct writer *w, const struct keys *k, bool marked,
                       const struct place *at)
{
    if (k->others)
        return refuse(w, at,
                      marked ? "it is marked as an array and has keys other than 1, 2, 3, …"
                             : "it has keys of an array (1, 2, 3, …) and others");
    if (k->count == k->highest)
        return 0;
    return ml_err_set(w->err, ML_USAGE,
                      "%s cannot be written as JSON: an array with holes (%" PRId64
                      " elements, the last key is %" PRId64 "); use null, or strings as keys",
                      where(at).text, (int64_t)k->count, (int64_t)k->highest);
}

static int write_array(struct writer *w, int table, bool marked, const struct place *at)
{
    struct keys k = look_at_keys(w->L, table);
    if (check_array(w, &k, marked, at) < 0 || put(w, "[", 1) < 0)
        return -1;
    struct place here = {.up = at};
    for (here.index = 1; here.index <= k.count; here.index++) {
        if (here.index > 1 && put(w, ",", 1) < 0)
            return -1;
        lua_rawgeti(w->L, table, here.index);
        if (write_value(w, table + 1, &here) < 0)
            return -1;
        lua_pop(w->L, 1);
    }
    return put(w, "]", 1);
}

/* ---- objects ---- */

/* The name stands at stack index table + 1, its value on top. */
static int write_member(struct writer *w, int value, struct place *here, bool first)
{
    if (!first && put(w, ",", 1) < 0)
        return -1;
    if (put_string(w, here->name, here->len, here) < 0 || put(w, ":", 1) < 0)
        return -1;
    return write_value(w, value, here);
}

static int check_name(struct writer *w, int idx, const struct place *at)
{
    int type = lua_type(w->L, idx);
    if (type == LUA_TSTRING)
        return 0;
    if (lua_isinteger(w->L, idx))
        return refuse(w, at, "it has names and integers as keys; make all of them strings");
    return ml_err_set(w->err, ML_USAGE, "%s cannot be written as JSON: it has a %s as key",
                      where(at).text, lua_typename(w->L, type));
}

static int write_members(struct writer *w, int table, const struct place *at)
{
    struct place here = {.up = at};
    bool first = true;
    lua_pushnil(w->L);
    while (lua_next(w->L, table)) {
        if (check_name(w, table + 1, at) < 0)
            return -1;
        here.name = lua_tolstring(w->L, table + 1, &here.len);
        if (write_member(w, table + 2, &here, first) < 0)
            return -1;
        first = false;
        lua_pop(w->L, 1);
    }
    return 0;
}

struct name {
    const char *text; /* inside the table's key, which keeps it alive */
    size_t len;
};

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static size_t count_keys(lua_State *L, int table)
{
    size_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        n++;
    }
    return n;
}

/* Leaves a userdata with the names on the stack, in order. NULL: a key is no string. */
static struct name *sort_names(struct writer *w, int table, size_t count,
                               const struct place *at)
{
    struct name *names = lua_newuserdatauv(w->L, (count + 1) * sizeof *names, 0);
    size_t n = 0;
    lua_pushnil(w->L);
    while (n < count && lua_next(w->L, table)) {
        if (check_name(w, -2, at) < 0)
            return NULL;
        names[n].text = lua_tolstring(w->L, -2, &names[n].len);
        n++;
        lua_pop(w->L, 1);
    }
    lua_settop(w->L, table + 1);
    qsort(names, n, sizeof *names, compare_names);
    return names;
}

static int write_sorted(struct writer *w, int table, const struct place *at)
{
    size_t count = count_keys(w->L, table);
    struct name *names = sort_names(w, table, count, at);
    if (!names)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct place here = {.up = at, .name = names[i].text, .len = names[i].len};
        lua_pushlstring(w->L, here.name, here.len);
        lua_rawget(w->L, table);
        if (write_member(w, table + 2, &here, i == 0) < 0)
            return -1;
        lua_pop(w->L, 1);
    }
    return 0;
}

static int write_object(struct writer *w, int table, const struct place *at)
{
    if (put(w, "{", 1) < 0)
        return -1;
    if ((w->sorted ? write_sorted(w, table, at) : write_members(w, table, at)) < 0)
        return -1;
    lua_settop(w->L, table);
    return put(w, "}", 1);
}

/* ---- values ---- */

/* Without the mark the first key decides; what follows must be of its kind. */
static bool begins_like_array(lua_State *L, int table)
{
    lua_pushnil(L);
    if (!lua_next(L, table))
        return false;
    bool array = lua_isinteger(L, -2);
    lua_pop(L, 2);
    return array;
}

/* The table is on top of the stack, so that its keys and values have known places. */
static int write_table(struct writer *w, int table, const struct place *at)
{
    if (w->depth == 0)
        return refuse(w, at, "nested too deep; does a table contain itself?");
    if (!lua_checkstack(w->L, 12))
        return out_of_memory(w);
    w->depth--;
    bool marked = has_type(w, table, w->array_type);
    int rc = marked || begins_like_array(w->L, table) ? write_array(w, table, marked, at)
                                                      : write_object(w, table, at);
    w->depth++;
    return rc;
}

/* idx is the top of the stack, which is the same afterwards unless it fails. */
static int write_value(struct writer *w, int idx, const struct place *at)
{
    size_t len;
    const char *text;
    switch (lua_type(w->L, idx)) {
    case LUA_TSTRING:
        text = lua_tolstring(w->L, idx, &len);
        return put_string(w, text, len, at);
    case LUA_TNUMBER:
        return write_number(w, idx, at);
    case LUA_TBOOLEAN:
        return lua_toboolean(w->L, idx) ? put(w, "true", 4) : put(w, "false", 5);
    case LUA_TTABLE:
        return write_table(w, idx, at);
    case LUA_TLIGHTUSERDATA:
        return lua_touserdata(w->L, idx) ? refuse(w, at, "it is a pointer") : put(w, "null", 4);
    case LUA_TUSERDATA:
        return write_userdata(w, idx, at);
    case LUA_TNIL:
        return refuse(w, at, "it is nil; null is written as null");
    default:
        return ml_err_set(w->err, ML_USAGE, "%s cannot be written as JSON: it is a %s",
                          where(at).text, luaL_typename(w->L, idx));
    }
}

static int level_ceiling(int depth)
{
    if (depth <= 0)
        return ML_JSON_DEPTH;
    return depth < ML_JSON_DEPTH_MAX ? depth : ML_JSON_DEPTH_MAX;
}

int ml_json_encode(lua_State *L, int idx, struct ml_buf *out, const struct ml_json_wopts *opts,
                   struct ml_err *err)
{
    static const struct ml_json_wopts plain = {.sorted = false};
    if (!opts)
        opts = &plain;
    int top = lua_gettop(L);
    idx = lua_absindex(L, idx);
    struct writer w = {.L = L, .out = out, .sorted = opts->sorted, .err = err};
    if (!lua_checkstack(L, 16))
        return out_of_memory(&w);
    w.depth = level_ceiling(opts->depth);
    ml_json_push_array_type(L);
    w.array_type = lua_topointer(L, -1);
    ml_json_push_number_type(L);
    w.number_type = lua_topointer(L, -1);
    const struct place root = {.up = NULL};
    lua_pushvalue(L, idx);
    int rc = write_value(&w, lua_gettop(L), &root);
    lua_settop(L, top);
    return rc;
}

/* ---- without Lua ---- */

int ml_json_quote(struct ml_buf *out, const char *text)
{
    const char *p = text, *end = text + strlen(text);
    int rc = ml_buf_adds(out, "\"");
    while (rc == 0 && p < end) {
        const char *run = p;
        int n = 0;
        while ((p = ml_json_plain(p, end)) < end && (n = ml_json_utf8(p, end)) > 0)
            p += n;
        rc = ml_buf_add(out, run, (size_t)(p - run));
        if (rc == 0 && p < end) {
            char sign[8] = "\xEF\xBF\xBD";
            if ((unsigned char)*p < 0x80)
                escape(sign, (unsigned char)*p);
            rc = ml_buf_adds(out, sign);
            p++;
        }
    }
    return rc < 0 ? -1 : ml_buf_adds(out, "\"");
}
