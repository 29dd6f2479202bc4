/* SPDX-License-Identifier: MIT */
/*
 * Chunks that could crash Lua 5.4.4 by an error message.
 *
 * "attempt to index a nil value (field 'z')": to find that name, Lua goes back from the
 * instruction that failed to the one that made its table, and on, one C call for each member in
 * a.b.c…z. Some ten thousand of them are the end of a stack of 1 MiB (corrected in Lua 5.4.7).
 * There is no telling beforehand which will fail, so what is compiled is looked at: each
 * function's instructions are read in the form of lua_dump, and the longest such way is
 * measured. A way is never longer than what is counted here: jumps end it for Lua, not for us.
 */
#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "engine/confine.h"

#define LONGEST 1000 /* index operations, each on what the one before has given */
#define NEST_MAX 250 /* functions in functions: the parser takes 200 */
#define HEADER (4 + 1 + 1 + 6 + 3)
#define REGISTERS 256

/* Lua's operations that are of interest (lopcodes.h of 5.4). */
enum op {
    OP_MOVE = 0,
    OP_LOADNIL = 8,
    OP_SETUPVAL = 10,
    OP_GETTABLE = 12,
    OP_GETFIELD = 14,
    OP_SETTABUP = 15,
    OP_SETFIELD = 18,
    OP_SELF = 20,
    OP_MMBIN = 46,
    OP_MMBINK = 48,
    OP_CLOSE = 54,
    OP_TEST = 66,
    OP_CALL = 68
};

enum constant { FLOAT = 0x13, INTEGER = 0x03, SHORT_STRING = 0x04, LONG_STRING = 0x14 };

struct dump {
    const unsigned char *at, *end;
    bool bad; /* it is not as expected */
    bool too_long;
};

static const unsigned char *skip(struct dump *d, size_t n)
{
    const unsigned char *from = d->at;
    if (n > (size_t)(d->end - d->at)) {
        d->bad = true;
        n = (size_t)(d->end - d->at);
    }
    d->at += n;
    return from;
}

static unsigned read_byte(struct dump *d)
{
    const unsigned char *byte = skip(d, 1);
    return d->bad ? 0 : *byte;
}

/* Groups of seven bits, the highest first; the last one is marked. */
static size_t read_size(struct dump *d)
{
    size_t n = 0;
    unsigned byte;
    do {
        byte = read_byte(d);
        n = n << 7 | (byte & 0x7f);
    } while (!(byte & 0x80) && !d->bad);
    return n;
}

static void skip_string(struct dump *d)
{
    size_t n = read_size(d);
    if (n > 0)
        skip(d, n - 1);
}

/* Does the operation leave register A alone? */
static bool is_effect(unsigned op)
{
    return op == OP_SETUPVAL || (op >= OP_SETTABUP && op <= OP_SETFIELD) ||
           (op >= OP_MMBIN && op <= OP_MMBINK) || (op >= OP_CLOSE && op <= OP_TEST);
}

/* `way` tells for each register how many index operations its value has come through. */
static void follow(struct dump *d, unsigned short way[REGISTERS], uint32_t code)
{
    unsigned op = code & 0x7f, a = code >> 7 & 0xff, b = code >> 16 & 0xff, c = code >> 24;
    unsigned longer = way[b];
    switch (op) {
    case OP_MOVE:
        way[a] = way[b];
        return;
    case OP_GETTABLE:
        longer = way[c] > longer ? way[c] : longer;
        break;
    case OP_GETFIELD:
        break;
    case OP_SELF:
        way[(a + 1) & 0xff] = way[b];
        break;
    default:
        if (op >= OP_CALL) /* calls and loops set registers from A on, or end the function */
            memset(way + a, 0, (REGISTERS - a) * sizeof *way);
        else if (!is_effect(op))
            way[a] = 0;
        return;
    }
    d->too_long |= longer >= LONGEST;
    way[a] = (unsigned short)(longer < LONGEST ? longer + 1 : LONGEST);
}

static void read_code(struct dump *d)
{
    unsigned short way[REGISTERS] = {0};
    uint32_t code;
    for (size_t n = read_size(d); n > 0 && !d->bad; n--) {
        const unsigned char *from = skip(d, sizeof code);
        if (d->bad)
            return;
        memcpy(&code, from, sizeof code);
        follow(d, way, code);
    }
}

static void skip_constants(struct dump *d)
{
    for (size_t n = read_size(d); n > 0 && !d->bad; n--)
        switch (read_byte(d)) {
        case FLOAT:
            skip(d, sizeof(lua_Number));
            break;
        case INTEGER:
            skip(d, sizeof(lua_Integer));
            break;
        case SHORT_STRING:
        case LONG_STRING:
            skip_string(d);
            break;
        default:
            break;
        }
}

/* Line numbers and names, of which a stripped dump has none. */
static void skip_debug(struct dump *d)
{
    for (int list = 0; list < 4; list++)
        d->bad |= read_size(d) != 0;
}

static void read_function(struct dump *d, int depth)
{
    skip_string(d);
    read_size(d);
    read_size(d);
    skip(d, 3);
    read_code(d);
    skip_constants(d);
    skip(d, read_size(d) * 3);
    d->bad |= depth > NEST_MAX;
    for (size_t n = read_size(d); n > 0 && !d->bad; n--)
        read_function(d, depth + 1);
    skip_debug(d);
}

struct text {
    bool begun;
    luaL_Buffer buffer;
};

/* lua_dump takes the function from the top before it writes: the buffer lies above it. */
static int add_piece(lua_State *L, const void *piece, size_t len, void *ud)
{
    struct text *text = ud;
    if (!text->begun)
        luaL_buffinit(L, &text->buffer);
    text->begun = true;
    luaL_addlstring(&text->buffer, piece, len);
    return 0;
}

int ml_confine_is_too_long(lua_State *L)
{
    struct text text = {.begun = false};
    struct dump d = {NULL, NULL, false, false};
    size_t len;
    lua_dump(L, add_piece, &text, 1);
    luaL_pushresult(&text.buffer);
    d.at = (const unsigned char *)lua_tolstring(L, -1, &len);
    d.end = d.at + len;
    skip(&d, HEADER + sizeof(lua_Integer) + sizeof(lua_Number) + 1);
    read_function(&d, 0);
    lua_pop(L, 1);
    return d.bad || d.too_long || d.at != d.end;
}
