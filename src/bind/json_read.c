/* SPDX-License-Identifier: MIT */
/*
 * Two things make this fast. Tables get their final size at once: the members
 * of a container wait on the Lua stack until it closes (or a batch is full),
 * so a table never grows step by step. And a name or short text that was seen
 * before is copied from a slot of the Lua stack instead of being hashed and
 * interned again: a page of records has forty names and four thousand members.
 * Records name their members in the same order, so each name knows which one
 * came behind it last time: that one is compared before anything is searched.
 */
#include <lauxlib.h>
#include <string.h>

#include "bind/json.h"
#include "bind/json_number.h"
#include "bind/json_scan.h"

enum {
    NAMES = 128, /* slots for names; a power of two */
    TEXTS = 64,  /* slots for short texts as values; a power of two */
    SLOTS = NAMES + TEXTS,
    NEIGHBOURS = 8, /* slots that may hold a name; a power of two */
    NAME_LEN = 40,  /* longer strings are not interned by Lua, and rare as names */
    TEXT_LEN = 20,  /* longer values hardly ever repeat: uuids, times, addresses */
    SMALL = 2048,   /* bytes of a text in which too little repeats to be remembered */
    BATCH = 128     /* stack slots of one container before they move into its table */
};

/* What a text is looked up by: with its length, both ends are all of it up to 16 bytes. */
struct ends {
    uint64_t head, tail;
};

struct slot {
    struct ends ends;
    size_t len;
    const char *text; /* inside the Lua string that the stack slot holds; NULL = empty */
    uint64_t object;  /* the latest object that has it as a name */
    unsigned next;    /* slot of the name that came behind it, whatever the object */
};

struct reader {
    lua_State *L;
    struct ml_json_scan s;
    int depth; /* levels left */
    bool drop_null;
    bool no_room;       /* the Lua stack could not grow */
    int room;           /* stack indices up to here may be used */
    uint64_t objects;   /* begun so far; their number is their identity */
    uint64_t forgot;    /* up to this one, objects may have had a name that lost its slot */
    unsigned latest;    /* slot of the latest name */
    int array_type;     /* stack index of the arrays' metatable */
    int first;          /* stack index of slot 0: the names, then the texts */
    struct slot *slots; /* SLOTS of them, NULL when nothing is remembered */
};

/* A container being read: its table stands at stack index `table` (nil until the first batch
 * is stored) and the batch above it. */
struct batch {
    int table;
    int waiting;        /* stack slots of the batch */
    lua_Integer stored; /* elements in the table already */
    int nulls;          /* members of this batch that are nil */
    uint64_t object;    /* its number */
    bool repeats;       /* a name may be there twice */
};

static int read_value(struct reader *r);

/* ---- strings and names ---- */

static void push_text(lua_State *L, const struct ml_json_text *t)
{
    if (!t->escaped) {
        lua_pushlstring(L, t->at, t->len);
        return;
    }
    luaL_Buffer b;
    char *out = luaL_buffinitsize(L, &b, t->len);
    luaL_pushresultsize(&b, ml_json_unescape(t->at, t->len, out));
}

static struct ends ends_of(const char *text, size_t len)
{
    struct ends e = {0, 0};
    if (len >= 8) {
        memcpy(&e.head, text, 8);
        memcpy(&e.tail, text + len - 8, 8);
    } else if (len >= 4) {
        memcpy(&e.head, text, 4);
        memcpy(&e.tail, text + len - 4, 4);
    } else if (len > 0) {
        e.head = (unsigned char)text[0] | (uint64_t)(unsigned char)text[len / 2] << 8;
        e.tail = (unsigned char)text[len - 1];
    }
    return e;
}

/* Texts that differ only in between share a slot: that costs time, not correctness. */
static unsigned ends_hash(struct ends e, size_t len)
{
    return (unsigned)(((e.head ^ (e.tail << 1 | e.tail >> 63) ^ len) * 0x9E3779B97F4A7C15u) >>
                      57);
}

static inline bool slot_has(const struct slot *slot, struct ends e,
                            const struct ml_json_text *t)
{
    if (slot->len != t->len || slot->ends.head != e.head || slot->ends.tail != e.tail ||
        !slot->text)
        return false;
    return t->len <= 16 || memcmp(slot->text, t->at, t->len) == 0;
}

/* Pushes the text and keeps it in this slot. */
static void fill_slot(struct reader *r, unsigned at, struct ends e,
                      const struct ml_json_text *t)
{
    const char *text = lua_pushlstring(r->L, t->at, t->len);
    r->slots[at] = (struct slot){.ends = e, .len = t->len, .text = text, .next = at};
    lua_copy(r->L, -1, r->first + (int)at);
}

static int read_string(struct reader *r)
{
    struct ml_json_text t;
    r->s.p++;
    if (ml_json_string(&r->s, &t) < 0)
        return -1;
    if (t.escaped || t.len > TEXT_LEN || !r->slots) {
        push_text(r->L, &t);
        return 0;
    }
    /* Its own slot or the neighbour; who comes first stays, so that a text which never comes
     * again cannot drive out those that do. */
    struct ends e = ends_of(t.at, t.len);
    unsigned at = NAMES + (ends_hash(e, t.len) & (TEXTS - 1));
    if (r->slots[at].text && !slot_has(&r->slots[at], e, &t))
        at ^= 1;
    if (slot_has(&r->slots[at], e, &t))
        lua_pushvalue(r->L, r->first + (int)at);
    else
        fill_slot(r, at, e, &t);
    return 0;
}

/* The name in this slot is a name of the object, and comes behind the latest one. */
static void note_name(struct reader *r, struct batch *b, unsigned at)
{
    /* Noted by this object, or by one inside it, which hides whether this one had it. */
    b->repeats |= r->slots[at].object >= b->object;
    r->slots[at].object = b->object;
    r->slots[r->latest].next = at;
    r->latest = at;
}

/* The name's slot: the one that has it, or the one that is to take it in. */
static unsigned name_slot(const struct reader *r, struct ends e, const struct ml_json_text *t)
{
    unsigned home = ends_hash(e, t->len) & (NAMES - 1), at = home;
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        at = home ^ i;
        if (!r->slots[at].text || slot_has(&r->slots[at], e, t))
            break;
    }
    return at;
}

/* Pushes a name through the slots. */
static void push_name(struct reader *r, struct batch *b, const struct ml_json_text *t)
{
    struct ends e = ends_of(t->at, t->len);
    unsigned at = name_slot(r, e, t);
    struct slot *slot = &r->slots[at];
    if (slot_has(slot, e, t)) {
        lua_pushvalue(r->L, r->first + (int)at);
    } else {
        if (slot->object > r->forgot)
            r->forgot = slot->object;
        fill_slot(r, at, e, t);
    }
    note_name(r, b, at);
}

/* The name that came behind the latest one last time, if it is there again; p stands behind the
 * opening quote and is moved behind the closing one. */
static bool push_expected(struct reader *r, struct batch *b)
{
    unsigned at = r->slots[r->latest].next;
    const struct slot *slot = &r->slots[at];
    struct ml_json_text t = {.at = r->s.p, .len = slot->len};
    if ((size_t)(r->s.end - t.at) <= t.len || t.at[t.len] != '"' ||
        !slot_has(slot, ends_of(t.at, t.len), &t))
        return false;
    r->s.p += t.len + 1;
    lua_pushvalue(r->L, r->first + (int)at);
    note_name(r, b, at);
    return true;
}

static int read_name(struct reader *r, struct batch *b)
{
    struct ml_json_text t;
    if (r->s.p == r->s.end || *r->s.p != '"')
        return ml_json_expected(&r->s, "expected a name in quotes");
    r->s.p++;
    if (r->slots && push_expected(r, b))
        return ml_json_colon(&r->s);
    if (ml_json_string(&r->s, &t) < 0)
        return -1;
    if (t.escaped || t.len > NAME_LEN || !r->slots) {
        push_text(r->L, &t);
        b->repeats = true;
    } else {
        push_name(r, b, &t);
    }
    return ml_json_colon(&r->s);
}

/* ---- containers ---- */

/* lua_checkstack does not raise when memory is out: it says no, and so do we. */
static int need_stack(struct reader *r, int slots)
{
    int need = lua_gettop(r->L) + slots;
    if (need <= r->room)
        return 0;
    r->room = need;
    if (lua_checkstack(r->L, slots))
        return 0;
    r->no_room = true;
    return ml_json_fail(&r->s, r->s.p, "no memory for the stack of Lua");
}

static int enter(struct reader *r, struct batch *b)
{
    if (r->depth == 0)
        return ml_json_fail(&r->s, r->s.p, "nested too deep");
    if (need_stack(r, BATCH + 16) < 0)
        return -1;
    r->depth--;
    r->s.p++;
    ml_json_ws(&r->s);
    lua_pushnil(r->L);
    *b = (struct batch){.table = lua_gettop(r->L), .object = ++r->objects};
    return 0;
}

static bool at_close(struct reader *r, char close)
{
    if (r->s.p == r->s.end || *r->s.p != close)
        return false;
    r->s.p++;
    return true;
}

static void make_table(struct reader *r, struct batch *b, int elements, int members)
{
    lua_createtable(r->L, elements, members);
    lua_replace(r->L, b->table);
}

/* In the order of the text, so that the last of equal names wins. */
static void set_in_order(lua_State *L, int table, int top)
{
    for (int at = table + 1; at < top; at += 2) {
        lua_pushvalue(L, at);
        lua_pushvalue(L, at + 1);
        lua_rawset(L, table);
    }
    lua_settop(L, table);
}

static void store_members(struct reader *r, struct batch *b)
{
    lua_State *L = r->L;
    if (lua_isnil(L, b->table))
        make_table(r, b, 0, b->waiting / 2 - b->nulls);
    if (b->repeats || r->forgot >= b->object)
        set_in_order(L, b->table, b->table + b->waiting);
    else /* from the last one down, without copies: rawset pops what it sets */
        for (int i = b->waiting; i > 0; i -= 2)
            lua_rawset(L, b->table);
    b->waiting = b->nulls = 0;
}

/* A null that is to be left out. */
static int read_nil(struct reader *r)
{
    if (ml_json_word(&r->s, "null", 4) < 0)
        return -1;
    lua_pushnil(r->L);
    return 0;
}

static int read_member(struct reader *r, struct batch *b)
{
    if (read_name(r, b) < 0)
        return -1;
    bool drop = r->drop_null && r->s.p < r->s.end && *r->s.p == 'n';
    if ((drop ? read_nil(r) : read_value(r)) < 0)
        return -1;
    /* Left out later where the object may have this name already: nil removes it then. */
    if (drop && !b->repeats && r->forgot < b->object) {
        lua_pop(r->L, 2);
        return 0;
    }
    b->nulls += drop;
    b->waiting += 2;
    if (b->waiting >= BATCH)
        store_members(r, b);
    return 0;
}

static int read_object(struct reader *r)
{
    struct batch b;
    if (enter(r, &b) < 0)
        return -1;
    int more = !at_close(r, '}');
    while (more) {
        if (read_member(r, &b) < 0 || (more = ml_json_more(&r->s, '}')) < 0)
            return -1;
    }
    store_members(r, &b);
    r->depth++;
    return 0;
}

/* From the last element down, each popped by rawseti: the first batch has its exact place, and
 * each later one begins by doubling an array part that is full. */
static void store_elements(struct reader *r, struct batch *b)
{
    lua_State *L = r->L;
    int count = b->waiting;
    if (lua_isnil(L, b->table)) {
        make_table(r, b, count, 0);
        lua_pushvalue(L, r->array_type);
        lua_setmetatable(L, b->table);
    }
    for (int i = count; i > 0; i--)
        lua_rawseti(L, b->table, b->stored + i);
    b->stored += count;
    b->waiting = 0;
}

static int read_array(struct reader *r)
{
    struct batch b;
    if (enter(r, &b) < 0)
        return -1;
    int more = !at_close(r, ']');
    while (more) {
        if (read_value(r) < 0)
            return -1;
        if (++b.waiting >= BATCH)
            store_elements(r, &b);
        if ((more = ml_json_more(&r->s, ']')) < 0)
            return -1;
    }
    if (b.waiting > 0 || b.stored == 0)
        store_elements(r, &b);
    r->depth++;
    return 0;
}

/* ---- values ---- */

static int read_number(struct reader *r)
{
    struct ml_json_number n;
    if (ml_json_scan_number(&r->s, &n) < 0)
        return -1;
    ml_json_push_number(r->L, &n);
    return 0;
}

static int read_bool(struct reader *r, bool value)
{
    if ((value ? ml_json_word(&r->s, "true", 4) : ml_json_word(&r->s, "false", 5)) < 0)
        return -1;
    lua_pushboolean(r->L, value);
    return 0;
}

static int read_null(struct reader *r)
{
    if (ml_json_word(&r->s, "null", 4) < 0)
        return -1;
    lua_pushlightuserdata(r->L, NULL);
    return 0;
}

static int read_value(struct reader *r)
{
    switch (r->s.p < r->s.end ? *r->s.p : '\0') {
    case '"':
        return read_string(r);
    case '{':
        return read_object(r);
    case '[':
        return read_array(r);
    case 't':
        return read_bool(r, true);
    case 'f':
        return read_bool(r, false);
    case 'n':
        return read_null(r);
    default:
        return read_number(r);
    }
}

static int level_ceiling(int depth)
{
    if (depth <= 0)
        return ML_JSON_DEPTH;
    return depth < ML_JSON_DEPTH_MAX ? depth : ML_JSON_DEPTH_MAX;
}

/* The stack, from here up: the arrays' metatable, the slots, the value. */
static int read_document(struct reader *r)
{
    int slots = r->slots ? SLOTS : 0;
    if (need_stack(r, slots + 24) < 0)
        return -1;
    ml_json_push_array_type(r->L);
    r->array_type = lua_gettop(r->L);
    r->first = r->array_type + 1;
    lua_settop(r->L, r->array_type + slots);
    return read_value(r) < 0 ? -1 : ml_json_end(&r->s);
}

void ml_json_defaults(struct ml_json_opts *opts)
{
    *opts = (struct ml_json_opts){.depth = ML_JSON_DEPTH, .size = ML_JSON_SIZE};
}

static int decode(struct reader *r, const char *text, size_t len,
                  const struct ml_json_opts *opts, struct ml_err *err)
{
    int top = lua_gettop(r->L);
    if (ml_json_begin(&r->s, text, len, opts->size ? opts->size : ML_JSON_SIZE) < 0 ||
        read_document(r) < 0) {
        lua_settop(r->L, top);
        ml_json_explain(&r->s, err);
        if (r->no_room)
            err->kind = ML_MEMORY;
        return -1;
    }
    lua_replace(r->L, top + 1);
    lua_settop(r->L, top + 1);
    return 0;
}

/* Apart, so that a small text does not pay for clearing the slots. */
static int decode_large(struct reader *r, const char *text, size_t len,
                        const struct ml_json_opts *opts, struct ml_err *err)
{
    struct slot slots[SLOTS] = {{.len = 0}};
    r->slots = slots;
    return decode(r, text, len, opts, err);
}

int ml_json_decode(lua_State *L, const char *text, size_t len, const struct ml_json_opts *opts,
                   struct ml_err *err)
{
    struct ml_json_opts plain;
    ml_json_defaults(&plain);
    if (!opts)
        opts = &plain;
    struct reader r = {
        .L = L, .drop_null = opts->drop_null, .depth = level_ceiling(opts->depth)};
    return len > SMALL ? decode_large(&r, text, len, opts, err)
                       : decode(&r, text, len, opts, err);
}
