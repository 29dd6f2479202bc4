/* SPDX-License-Identifier: MIT */
#include "bind/frame.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/json.h"
#include "bind/json_number.h"

enum tag {
    NIL,
    FALSE_,
    TRUE_,
    NULL_,
    INTEGER,
    FLOAT,
    STRING,
    NUMBER,
    TABLE,
    REFERENCE,
    SEPARATOR,
    END
};

enum look { PLAIN, ARRAY, ERROR, DRESSED };

/* --- writing --- */

struct writer {
    lua_State *L;
    struct ml_buf *out;
    const struct ml_frame_hooks *hooks;
};

static void add(struct writer *w, const void *bytes, size_t n)
{
    if (ml_buf_add(w->out, bytes, n) < 0)
        luaL_error(w->L, "a value is too large to leave the script's process or to get there");
}

static void add_u8(struct writer *w, unsigned value)
{
    unsigned char byte = (unsigned char)value;
    add(w, &byte, 1);
}

static void add_u32(struct writer *w, lua_Integer value)
{
    uint32_t word = (uint32_t)value;
    add(w, &word, sizeof word);
}

static void add_text(struct writer *w, enum tag tag, const char *text, size_t len)
{
    if (len > UINT32_MAX)
        luaL_error(w->L, "a text is too long to leave the script's process or to get there");
    add_u8(w, tag);
    add_u32(w, (lua_Integer)len);
    add(w, text, len);
}

static void add_number(struct writer *w, int idx)
{
    lua_Integer i = lua_tointeger(w->L, idx);
    lua_Number n = lua_tonumber(w->L, idx);
    bool whole = lua_isinteger(w->L, idx);
    add_u8(w, whole ? INTEGER : FLOAT);
    add(w, whole ? (const void *)&i : &n, 8);
}

static void add_value(struct writer *w, int idx, int depth);

/* Items 1 to n, then what has other keys. */
static void add_members(struct writer *w, int idx, int depth)
{
    lua_State *L = w->L;
    lua_Integer n = (lua_Integer)lua_rawlen(L, idx);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, idx, i);
        add_value(w, lua_gettop(L), depth);
        lua_pop(L, 1);
    }
    add_u8(w, SEPARATOR);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= n)
            continue;
        add_value(w, lua_gettop(L) - 1, depth);
        add_value(w, lua_gettop(L), depth);
    }
    add_u8(w, END);
}

/* Of which kind are the tables with the metatable on top? */
static enum look look_of(lua_State *L)
{
    ml_json_push_array_type(L);
    bool array = lua_rawequal(L, -1, -2);
    luaL_getmetatable(L, ML_ERROR_TYPE);
    bool error = lua_rawequal(L, -1, -3);
    lua_pop(L, 2);
    return array ? ARRAY : error ? ERROR : DRESSED;
}

static void add_reference(struct writer *w, enum ml_frame_ref ref, lua_Integer number)
{
    add_u8(w, REFERENCE);
    add_u8(w, ref);
    add_u32(w, number);
}

/* What the hook says of the value. A table that is to be copied after all is begun here: true.
 */
static bool ask(struct writer *w, int idx)
{
    lua_State *L = w->L;
    lua_pushvalue(L, w->hooks->out);
    lua_pushvalue(L, idx);
    lua_call(L, 1, 3);
    lua_Integer ref = lua_tointeger(L, -3), number = lua_tointeger(L, -2),
                record = lua_tointeger(L, -1);
    lua_pop(L, 3);
    if (ref == ML_FRAME_MINE || ref == ML_FRAME_YOURS || ref == ML_FRAME_FUNCTION) {
        add_reference(w, (enum ml_frame_ref)ref, number);
        return false;
    }
    if (!lua_istable(L, idx))
        luaL_error(L, "a %s cannot leave the script's process or get there",
                   luaL_typename(L, idx));
    add_u8(w, TABLE);
    add_u8(w, ref == ML_FRAME_DRESSED ? DRESSED : PLAIN);
    if (ref == ML_FRAME_DRESSED) {
        add_u32(w, number);
        add_u32(w, record);
    }
    return true;
}

static void add_table(struct writer *w, int idx, int depth)
{
    lua_State *L = w->L;
    enum look look = PLAIN;
    if (depth >= ML_FRAME_DEPTH)
        luaL_error(L, "a table is nested too deep, or in itself");
    luaL_checkstack(L, 8, NULL);
    if (lua_getmetatable(L, idx)) {
        look = look_of(L);
        lua_pop(L, 1);
    }
    if (look != DRESSED) {
        add_u8(w, TABLE);
        add_u8(w, look);
    } else if (!ask(w, idx)) {
        return;
    }
    add_members(w, idx, depth + 1);
}

static void add_userdata(struct writer *w, int idx)
{
    if (luaL_testudata(w->L, idx, ML_JSON_NUMBER_TYPE)) {
        size_t len;
        const char *text = luaL_tolstring(w->L, idx, &len);
        add_text(w, NUMBER, text, len);
        lua_pop(w->L, 1);
        return;
    }
    ask(w, idx);
}

static void add_value(struct writer *w, int idx, int depth)
{
    size_t len;
    const char *text;
    switch (lua_type(w->L, idx)) {
    case LUA_TNIL:
        add_u8(w, NIL);
        break;
    case LUA_TBOOLEAN:
        add_u8(w, lua_toboolean(w->L, idx) ? TRUE_ : FALSE_);
        break;
    case LUA_TNUMBER:
        add_number(w, idx);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(w->L, idx, &len);
        add_text(w, STRING, text, len);
        break;
    case LUA_TTABLE:
        add_table(w, idx, depth);
        break;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(w->L, idx) == NULL) {
            add_u8(w, NULL_);
            break;
        } /* fall through */
    default:
        add_userdata(w, idx);
    }
}

void ml_frame_write(lua_State *L, int idx, struct ml_buf *out,
                    const struct ml_frame_hooks *hooks)
{
    struct writer w = {L, out, hooks};
    add_value(&w, idx, 0);
}

/* --- reading --- */

static int take(struct ml_frame_reader *r, void *out, size_t n)
{
    if ((size_t)(r->end - r->at) < n)
        return -1;
    memcpy(out, r->at, n);
    r->at += n;
    return 0;
}

int ml_frame_u32(struct ml_frame_reader *r, uint32_t *out)
{
    return take(r, out, sizeof *out);
}

int ml_frame_u8(struct ml_frame_reader *r, uint8_t *out)
{
    return take(r, out, 1);
}

static int read_value(lua_State *L, struct ml_frame_reader *r,
                      const struct ml_frame_hooks *hooks, int depth);

static int read_text(lua_State *L, struct ml_frame_reader *r, bool number)
{
    uint32_t len;
    if (ml_frame_u32(r, &len) < 0 || (size_t)(r->end - r->at) < len)
        return -1;
    const char *text = (const char *)r->at;
    struct ml_err err;
    r->at += len;
    if (!number) {
        lua_pushlstring(L, text, len);
        return 0;
    }
    if (len == 0 || !strchr("-0123456789", *text))
        return -1;
    return ml_json_decode(L, text, len, NULL, &err);
}

static int read_number(lua_State *L, struct ml_frame_reader *r, bool whole)
{
    lua_Integer i;
    lua_Number n;
    if (take(r, whole ? (void *)&i : &n, 8) < 0)
        return -1;
    if (whole)
        lua_pushinteger(L, i);
    else
        lua_pushnumber(L, n);
    return 0;
}

/* What is next: END, SEPARATOR, or a value (which stays). -1: nothing. */
static int peek(const struct ml_frame_reader *r)
{
    return r->at < r->end ? *r->at : -1;
}

static int read_items(lua_State *L, struct ml_frame_reader *r,
                      const struct ml_frame_hooks *hooks, int depth)
{
    for (lua_Integer i = 1; peek(r) != SEPARATOR; i++) {
        if (read_value(L, r, hooks, depth) < 0)
            return -1;
        lua_rawseti(L, -2, i);
    }
    r->at++;
    return 0;
}

static bool is_key(lua_State *L)
{
    lua_Number n = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    return !lua_isnil(L, -1) && n == n;
}

static int read_pairs(lua_State *L, struct ml_frame_reader *r,
                      const struct ml_frame_hooks *hooks, int depth)
{
    while (peek(r) != END) {
        if (read_value(L, r, hooks, depth) < 0 || !is_key(L) ||
            read_value(L, r, hooks, depth) < 0)
            return -1;
        lua_rawset(L, -3);
    }
    r->at++;
    return 0;
}

/* The value of the other side with this number, in place of the table on top. */
static void resolve(lua_State *L, const struct ml_frame_hooks *hooks, uint8_t ref,
                    uint32_t number, uint32_t record)
{
    lua_pushvalue(L, hooks->in);
    lua_insert(L, -2);
    lua_pushinteger(L, ref);
    lua_pushinteger(L, number);
    lua_pushinteger(L, record);
    lua_rotate(L, -4, -1);
    lua_call(L, 4, 1);
}

static int read_table(lua_State *L, struct ml_frame_reader *r,
                      const struct ml_frame_hooks *hooks, int depth)
{
    uint8_t look;
    uint32_t class = 0, record = 0;
    if (depth >= ML_FRAME_DEPTH || ml_frame_u8(r, &look) < 0 || look > DRESSED)
        return -1;
    if (look == DRESSED && (ml_frame_u32(r, &class) < 0 || ml_frame_u32(r, &record) < 0))
        return -1;
    luaL_checkstack(L, 10, NULL);
    lua_newtable(L);
    if (read_items(L, r, hooks, depth + 1) < 0 || read_pairs(L, r, hooks, depth + 1) < 0)
        return -1;
    if (look == ARRAY) {
        ml_json_push_array_type(L);
        lua_setmetatable(L, -2);
    } else if (look == ERROR) {
        luaL_setmetatable(L, ML_ERROR_TYPE);
    } else if (look == DRESSED) {
        resolve(L, hooks, ML_FRAME_DRESSED, class, record);
    }
    return 0;
}

static int read_reference(lua_State *L, struct ml_frame_reader *r,
                          const struct ml_frame_hooks *hooks)
{
    uint8_t ref;
    uint32_t number;
    if (ml_frame_u8(r, &ref) < 0 || ml_frame_u32(r, &number) < 0 ||
        (ref != ML_FRAME_MINE && ref != ML_FRAME_YOURS && ref != ML_FRAME_FUNCTION))
        return -1;
    lua_pushnil(L);
    resolve(L, hooks, ref, number, 0);
    return 0;
}

static int read_value(lua_State *L, struct ml_frame_reader *r,
                      const struct ml_frame_hooks *hooks, int depth)
{
    uint8_t tag;
    if (ml_frame_u8(r, &tag) < 0)
        return -1;
    switch (tag) {
    case NIL:
        lua_pushnil(L);
        return 0;
    case FALSE_:
    case TRUE_:
        lua_pushboolean(L, tag == TRUE_);
        return 0;
    case NULL_:
        lua_pushlightuserdata(L, NULL);
        return 0;
    case INTEGER:
    case FLOAT:
        return read_number(L, r, tag == INTEGER);
    case STRING:
    case NUMBER:
        return read_text(L, r, tag == NUMBER);
    case TABLE:
        return read_table(L, r, hooks, depth);
    case REFERENCE:
        return read_reference(L, r, hooks);
    default:
        return -1;
    }
}

int ml_frame_read(lua_State *L, struct ml_frame_reader *r, const struct ml_frame_hooks *hooks)
{
    luaL_checkstack(L, 10, NULL);
    return read_value(L, r, hooks, 0);
}
