/* SPDX-License-Identifier: MIT */
/*
 * raw.patch: the usual update in one step.
 *
 * An update of a record in plain fields, sent once and answered with what was
 * sent, is nearly every write there is. In Lua (change.lua, settle.lua) it takes
 * three times what the request itself does. This does the same for that one case:
 * the same request, the same row in the journal, the same result.
 *
 * Invariant: whatever is unusual is left to the Lua code, which is the one place
 * for it. Before anything has begun the answer is a plain nil; afterwards the
 * change and its call go along, and are taken up where they are.
 *
 *     local patch = raw.patch { client = handle, method = "PATCH", prefix = "/x/", … }
 *     local object, change, call = patch:send("81c5…", rec, { title = "new" })
 */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "bind/bind.h"
#include "bind/http.h"
#include "bind/json.h"

#define PATCH_TYPE "moonlever.patch"
#define FIELDS 8         /* of one update */
#define LONGEST_ID 128   /* bytes */
#define LONGEST_TEXT 512 /* of a path, or of the key of an object in the journal */
#define LONGEST_BODY (16u * 1024 * 1024)

enum { SPEC = 1, PLAIN, DRESS, VALUES = DRESS }; /* user values of a patch */
enum {
    SELF = 1,
    ID,
    RECORD,
    GIVEN,
    SET,
    CHANGE,
    CALL,
    FIRST
}; /* stack indices of patch:send */

/* An operation, ready to be sent. The strings and the client belong to the table SPEC. */
struct patch {
    const struct ml_http_client *client;
    const char *service, *operation, *resource, *method, *credential;
    const char *rkey;            /* of an object in the journal, before its id */
    const char *prefix, *suffix; /* of the path, around the id */
    const char *wrap;            /* the member that holds the fields, "" = none */
    const char *key;             /* the member that is the id */
    struct ml_buf body, before, after;
};

/* What is to be set. While the answer is waited for, the number of items stands at SET. Item i
 * is a name at stack index FIRST + 2 i and its value behind it. */
struct update {
    int n;
    int order[FIELDS];    /* the items by name, as JSON is written */
    bool changed[FIELDS]; /* the record has another value */
};

/* --- the fields --- */

static bool is_plain(lua_State *L, int idx)
{
    int type = lua_type(L, idx);
    return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

/* nil or null: absent and null are the same. */
static bool is_absent(lua_State *L, int idx)
{
    return lua_isnil(L, idx) || (lua_islightuserdata(L, idx) && !lua_touserdata(L, idx));
}

/* Pushes the member of the table at `object` that has the name of the item. */
static void push_member(lua_State *L, int object, int item)
{
    lua_pushvalue(L, FIRST + 2 * item);
    lua_rawget(L, object);
}

/* Does the object at `object` show the item? */
static bool shows(lua_State *L, int object, int item)
{
    push_member(L, object, item);
    bool equal = lua_rawequal(L, -1, FIRST + 2 * item + 1);
    lua_pop(L, 1);
    return equal;
}

/* In the order of the bytes of their names. */
static void insert(lua_State *L, struct update *u, int item)
{
    const char *name = lua_tostring(L, FIRST + 2 * item);
    int at = u->n++;
    for (; at > 0 && strcmp(lua_tostring(L, FIRST + 2 * u->order[at - 1]), name) > 0; at--)
        u->order[at] = u->order[at - 1];
    u->order[at] = item;
}

/* Is the item, on top of the stack, a plain value of a plain field, over a plain value? */
static bool is_usual_item(lua_State *L, int item)
{
    if (item == FIELDS || lua_type(L, -2) != LUA_TSTRING || !is_plain(L, -1))
        return false;
    push_member(L, SET, item);
    push_member(L, RECORD, item);
    bool usual = lua_toboolean(L, -2) && (is_plain(L, -1) || is_absent(L, -1));
    lua_pop(L, 2);
    return usual;
}

/* Puts the given fields onto the stack. False: they are not usual, or are all so already. */
static bool read_fields(lua_State *L, struct update *u)
{
    bool differs = false;
    u->n = 0;
    if (lua_getmetatable(L, GIVEN))
        return false;
    lua_pushnil(L);
    while (lua_next(L, GIVEN)) {
        int item = u->n;
        if (!is_usual_item(L, item))
            return false;
        insert(L, u, item);
        u->changed[item] = !shows(L, RECORD, item);
        differs |= u->changed[item];
        lua_pushvalue(L, -2); /* the item stays */
    }
    return differs;
}

/* --- the texts --- */

static bool put_value(lua_State *L, struct ml_buf *out)
{
    struct ml_err err;
    return lua_isnil(L, -1) ? ml_buf_adds(out, "null") == 0
                            : ml_json_encode(L, -1, out, NULL, &err) == 0;
}

/* An object of the items with their values, or of the changed ones with those of the record. */
static bool put_items(lua_State *L, const struct update *u, struct ml_buf *out, bool changed,
                      bool record)
{
    bool fine = ml_buf_adds(out, "{") == 0;
    for (int i = 0, put = 0; fine && i < u->n; i++) {
        int item = u->order[i];
        if (changed && !u->changed[item])
            continue;
        fine = ml_buf_adds(out, put++ ? ",\"" : "\"") == 0 &&
               ml_buf_adds(out, lua_tostring(L, FIRST + 2 * item)) == 0 &&
               ml_buf_adds(out, "\":") == 0;
        if (record)
            push_member(L, RECORD, item);
        else
            lua_pushvalue(L, FIRST + 2 * item + 1);
        fine = fine && put_value(L, out);
        lua_pop(L, 1);
    }
    return fine && ml_buf_adds(out, "}") == 0;
}

/* Fills body, before and after. False: a value cannot be sent as it is. */
static bool put_texts(lua_State *L, struct patch *p, const struct update *u)
{
    ml_buf_clear(&p->body);
    ml_buf_clear(&p->before);
    ml_buf_clear(&p->after);
    if (p->wrap[0] && ml_buf_addf(&p->body, "{\"%s\":", p->wrap) < 0)
        return false;
    return put_items(L, u, &p->body, false, false) &&
           (!p->wrap[0] || ml_buf_adds(&p->body, "}") == 0) &&
           put_items(L, u, &p->before, true, true) && put_items(L, u, &p->after, true, false);
}

/* An id that stands in a path as it is. */
static bool id_is_plain(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)id[i], small = c | 0x20;
        if (!(small >= 'a' && small <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return len > 0 && len <= LONGEST_ID;
}

/* The id in the middle of `out`, which has room for LONGEST_TEXT bytes. */
static bool put_id(lua_State *L, char *out, const char *prefix, const char *suffix)
{
    size_t len, before = strlen(prefix), behind = strlen(suffix);
    const char *id = lua_tolstring(L, ID, &len);
    if (before + len + behind >= LONGEST_TEXT)
        return false;
    memcpy(out, prefix, before);
    memcpy(out + before, id, len);
    memcpy(out + before + len, suffix, behind + 1);
    return true;
}

/* --- the answer --- */

static bool has_id(lua_State *L, int object, const char *key)
{
    lua_getfield(L, object, key); /* the object has no metatable yet */
    if (lua_isinteger(L, -1))
        lua_tostring(L, -1); /* in its place */
    bool same = lua_rawequal(L, -1, ID);
    lua_pop(L, 1);
    return same;
}

/* Pushes the object of the answer, where it is the one that was meant and shows all items. */
static bool push_object(lua_State *L, const struct patch *p, const struct ml_call *call,
                        int items)
{
    const struct ml_json_opts opts = {.drop_null = true};
    struct ml_err err;
    size_t len;
    const char *body = ml_call_body(call, &len);
    if (ml_call_error(call)->kind != ML_NONE || ml_call_status(call) != 200 ||
        ml_call_doubt(call) || ml_json_decode(L, body, len, &opts, &err) < 0)
        return false;
    int object = lua_gettop(L);
    if (!lua_istable(L, object) || lua_getmetatable(L, object) || !has_id(L, object, p->key))
        return false;
    for (int i = 0; i < items; i++)
        if (!shows(L, object, i))
            return false;
    lua_getiuservalue(L, SELF, DRESS);
    ml_records_dress(L, object);
    lua_settop(L, object);
    return true;
}

static int send_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct ml_http_call *call = lua_touserdata(L, CALL);
    int items = (int)lua_tointeger(L, SET);
    if (call->call && push_object(L, lua_touserdata(L, SELF), call->call, items)) {
        ml_change_confirm(call->change);
        ml_http_close(call);
        return 1;
    }
    lua_settop(L, CALL);
    lua_pushnil(L);
    lua_insert(L, CHANGE);
    return 3;
}

/* --- sending --- */

/* The change goes through the door and is written down; then its call starts. NULL: it did not,
 * and there is a change only. */
static struct ml_http_call *begin(lua_State *L, struct ml_bind *b, const struct patch *p,
                                  const char *rkey, const struct ml_http_write *write)
{
    struct ml_err err;
    struct ml_journal_change row = {
        .rkey = rkey,
        .service = p->service,
        .origin = ml_http_origin(p->client),
        .operation = p->operation,
        .resource = p->resource,
        .target = lua_tostring(L, ID),
        .method = p->method,
        .path = write->path,
        .effect = "update",
        .body = write->body,
        .body_len = write->body_len,
        .before = ml_buf_str(&p->before),
        .after = ml_buf_str(&p->after),
        .at = ml_clock_wall_ms(),
    };
    struct change *change = ml_change_new(L, b);
    lua_replace(L, CHANGE);
    if (ml_change_begin(b, change, &row, &err) < 0)
        ml_bind_raise(L, &err);
    struct ml_http_call *call = ml_http_send(L, b, p->client, CHANGE, write);
    if (call)
        lua_replace(L, CALL);
    return call;
}

/* Puts the items onto the stack and everything that goes out into its texts. False: not usual.
 */
static bool prepare(lua_State *L, struct patch *p, char *path, char *rkey)
{
    struct update update;
    size_t len;
    const char *id = lua_tolstring(L, ID, &len);
    if (!id_is_plain(id, len) || !read_fields(L, &update) ||
        !put_id(L, path, p->prefix, p->suffix) || !put_id(L, rkey, p->rkey, "") ||
        !put_texts(L, p, &update))
        return false;
    lua_pushinteger(L, update.n);
    lua_replace(L, SET);
    return true;
}

/*
 * patch:send(id, record, fields) -> object | nil[, change[, call]]
 *
 * The fields are checked, the record is what the service has, and nobody else writes to the
 * object meanwhile. nil alone: nothing has begun. nil with a change, which may have a call: go
 * on with them.
 */
static int l_send(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct patch *p = luaL_checkudata(L, SELF, PATCH_TYPE);
    char path[LONGEST_TEXT], rkey[LONGEST_TEXT];
    luaL_checktype(L, ID, LUA_TSTRING);
    luaL_checktype(L, RECORD, LUA_TTABLE);
    luaL_checktype(L, GIVEN, LUA_TTABLE);
    lua_settop(L, GIVEN);
    luaL_checkstack(L, 2 * FIELDS + 20, NULL);
    lua_getiuservalue(L, SELF, PLAIN);
    lua_settop(L, CALL);
    const char *credential = ml_http_credential(p->client, p->credential);
    if (b->door.dry_run || b->door.canary || !credential || !prepare(L, p, path, rkey))
        return 0;
    struct ml_http_write write = {.method = p->method,
                                  .path = path,
                                  .credential = credential,
                                  .operation = p->operation,
                                  .body = p->body.data,
                                  .body_len = p->body.len};
    ml_task_check(L, b->sched);
    struct ml_http_call *call = begin(L, b, p, rkey, &write);
    if (call)
        return ml_task_wait(L, b->sched, &call->op, send_done);
    lua_pushnil(L);
    lua_pushvalue(L, CHANGE);
    return 2;
}

/* --- life --- */

static const char *text(lua_State *L, const char *name)
{
    if (lua_getfield(L, 1, name) != LUA_TSTRING)
        luaL_error(L, "raw.patch: %s is not a string", name);
    const char *value = lua_tostring(L, -1);
    lua_pop(L, 1); /* the table keeps it */
    return value;
}

static void keep(lua_State *L, const char *name, int value)
{
    if (lua_getfield(L, 1, name) != LUA_TTABLE)
        luaL_error(L, "raw.patch: %s is not a table", name);
    lua_setiuservalue(L, 2, value);
}

/*
 * raw.patch{client=, service=, operation=, resource=, method=, credential=, rkey=, prefix=,
 * suffix=, wrap=, key=, plain=, dress=} -> patch. The table must not change any more. `plain`
 * is the set of the fields with plain values that answers show as they were sent; `dress` as
 * raw.records wants it.
 */
static int l_patch(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct patch *p = lua_newuserdatauv(L, sizeof *p, VALUES);
    *p = (struct patch){.client = NULL};
    ml_buf_create(&p->body, LONGEST_BODY);
    ml_buf_create(&p->before, LONGEST_BODY);
    ml_buf_create(&p->after, LONGEST_BODY);
    luaL_setmetatable(L, PATCH_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, SPEC);
    keep(L, "plain", PLAIN);
    keep(L, "dress", DRESS);
    p->service = text(L, "service");
    p->operation = text(L, "operation");
    p->resource = text(L, "resource");
    p->method = text(L, "method");
    p->credential = text(L, "credential");
    p->rkey = text(L, "rkey");
    p->prefix = text(L, "prefix");
    p->suffix = text(L, "suffix");
    p->wrap = text(L, "wrap");
    p->key = text(L, "key");
    lua_getfield(L, 1, "client");
    p->client = ml_http_client(L, -1);
    lua_settop(L, 2);
    return 1;
}

static int l_gc(lua_State *L)
{
    struct patch *p = luaL_checkudata(L, 1, PATCH_TYPE);
    ml_buf_destroy(&p->body);
    ml_buf_destroy(&p->before);
    ml_buf_destroy(&p->after);
    return 0;
}

void ml_bind_patch(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg methods[] = {{"send", l_send}, {"__gc", l_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"patch", l_patch}, {NULL, NULL}};
    ml_bind_type(L, b, PATCH_TYPE, methods);
    ml_bind_functions(L, b, functions);
}
