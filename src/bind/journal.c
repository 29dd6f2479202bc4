/* SPDX-License-Identifier: MIT */
/*
 * raw: the journal for Moonlever's own Lua: queries, and what resume, apply
 * and undo need beside the changes of a script.
 *
 * Times are milliseconds since 1970. Rows are tables by column; NULL is nil.
 */
#include <lauxlib.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/clock.h"
#include "bind/bind.h"
#include "journal/query.h"

#define CURSOR_TYPE "moonlever.cursor"

struct cursor {
    struct ml_cursor *rows; /* NULL while closed */
};

static int l_cursor_gc(lua_State *L)
{
    struct cursor *c = luaL_checkudata(L, 1, CURSOR_TYPE);
    ml_cursor_close(c->rows);
    c->rows = NULL;
    return 0;
}

static void push_column(lua_State *L, const struct ml_cursor *rows, int column)
{
    size_t len;
    const char *text;
    switch (ml_cursor_type(rows, column)) {
    case ML_COLUMN_INTEGER:
        lua_pushinteger(L, ml_cursor_integer(rows, column));
        break;
    case ML_COLUMN_TEXT:
        text = ml_cursor_text(rows, column, &len);
        lua_pushlstring(L, text, len);
        break;
    case ML_COLUMN_NULL:
        lua_pushnil(L);
    }
}

/* The iterator: its cursor is the second upvalue. */
static int l_next_row(lua_State *L)
{
    struct cursor *c = lua_touserdata(L, lua_upvalueindex(2));
    struct ml_err err;
    int got = c->rows ? ml_cursor_next(c->rows, &err) : 0;
    if (got < 0)
        return ml_bind_raise(L, &err);
    if (got == 0) {
        ml_cursor_close(c->rows);
        c->rows = NULL;
        return 0;
    }
    int n = ml_cursor_columns(c->rows);
    lua_createtable(L, 0, n);
    for (int i = 0; i < n; i++) {
        push_column(L, c->rows, i);
        lua_setfield(L, -2, ml_cursor_name(c->rows, i));
    }
    return 1;
}

/* raw.query(name[, parameter]) -> iterator of rows; empty where there is no journal yet. Until
 * it is read to its end, all queries see the journal as it was when it began. */
static int l_query(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_err err;
    enum ml_query query = ml_query_find(luaL_checkstring(L, 1));
    const char *parameter = luaL_optstring(L, 2, NULL);
    luaL_argcheck(L, query != ML_QUERIES, 1, "not a query");
    lua_settop(L, 2);
    lua_pushlightuserdata(L, b);
    struct cursor *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct cursor){0};
    luaL_setmetatable(L, CURSOR_TYPE);
    if (ml_record_open(&b->record, b->record.begun, &err) < 0)
        return ml_bind_raise(L, &err);
    if (b->record.journal) {
        c->rows = ml_cursor_open(b->record.journal, query, parameter, &err);
        if (!c->rows)
            return ml_bind_raise(L, &err);
    }
    lua_pushcclosure(L, l_next_row, 2);
    return 1;
}

/* raw.flush(): what was queued is seen by queries from here on */
static int l_flush(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_err err;
    if (b->record.begun && ml_journal_flush(b->record.journal, &err) < 0)
        return ml_bind_raise(L, &err);
    return 0;
}

/* raw.running(no) -> boolean */
static int l_running(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    lua_Integer no = luaL_checkinteger(L, 1);
    lua_pushboolean(L, b->record.journal && ml_journal_is_running(b->record.journal, no));
    return 1;
}

/* raw.purge(before) -> how many runs are gone */
static int l_purge(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    lua_Integer before = luaL_checkinteger(L, 1);
    struct ml_err err;
    if (ml_record_open(&b->record, true, &err) < 0)
        return ml_bind_raise(L, &err);
    int64_t n = ml_journal_purge(b->record.journal, before, &err);
    if (n < 0)
        return ml_bind_raise(L, &err);
    lua_pushinteger(L, n);
    return 1;
}

/* raw.state_name("C") -> "confirmed" */
static int l_state_name(lua_State *L)
{
    lua_pushstring(L, ml_machine_name((enum ml_change_state)luaL_checkstring(L, 1)[0]));
    return 1;
}

static int l_wall_ms(lua_State *L)
{
    lua_pushinteger(L, ml_clock_wall_ms());
    return 1;
}

/* raw.sha256(text) -> 64 hexadecimal digits */
static int l_sha256(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned char sum[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned n = 0;
    if (!EVP_Digest(text, len, sum, &n, EVP_sha256(), NULL))
        return luaL_error(L, "SHA-256 is not to be had");
    for (unsigned i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    lua_pushlstring(L, hex, 2 * n);
    return 1;
}

/* --- resume, apply, undo --- */

/* raw.begin{kind=, undo_of=, plan=, operation=, origin=, target=} -> id: asks the host and
 * begins the run, before its changes are written down as planned */
static int l_begin(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_err err;
    static const char *const names[] = {"operation", "origin", "target", "undo_of", "plan"};
    const char *values[sizeof names / sizeof *names];
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getfield(L, 1, names[i]);
        values[i] = luaL_optstring(L, -1, NULL); /* stays on the stack: anchored */
    }
    b->record.run.undo_of = values[3];
    b->record.run.plan = values[4];
    struct ml_entry entry = {.operation = values[0] ? values[0] : "?",
                             .origin = values[1] ? values[1] : "?",
                             .target = values[2]};
    int rc = ml_door_open(&b->door, &entry, &err);
    b->record.run.undo_of = b->record.run.plan = NULL; /* copied by now */
    if (rc < 0)
        return ml_bind_raise(L, &err);
    lua_pushstring(L, b->door.run_id);
    return 1;
}

/* raw.resume(id): takes up a run that there is; raises notfound, conflict (another process has
 * it), guard (the journal cannot be written) */
static int l_resume(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    const char *id = luaL_checkstring(L, 1);
    struct ml_err err;
    if (ml_record_resume(&b->record, id, &err) < 0) {
        b->record.locked = err.kind == ML_CONFLICT;
        if (b->record.locked) /* the result names it all the same */
            snprintf(b->door.run_id, sizeof b->door.run_id, "%.20s", id);
        return ml_bind_raise(L, &err);
    }
    ml_door_resume(&b->door, id);
    return 0;
}

/* raw.asks() -> boolean: will a person be asked before the first change? */
static int l_asks(lua_State *L)
{
    lua_pushboolean(L, ml_door_asks(&ml_bind_of(L)->door));
    return 1;
}

/* raw.run_id() -> id of the run, nil while it has none */
static int l_run_id(lua_State *L)
{
    const char *id = ml_bind_of(L)->door.run_id;
    lua_pushstring(L, id[0] ? id : NULL);
    return 1;
}

/* raw.adopt(id, noop): the result is that of a run which has ended before */
static int l_adopt(lua_State *L)
{
    struct ml_door *door = &ml_bind_of(L)->door;
    lua_Integer noops = luaL_checkinteger(L, 2);
    ml_door_resume(door, luaL_checkstring(L, 1));
    door->noops = (uint64_t)noops;
    return 0;
}

/* raw.become(name, source, args): the script is another one than the host has started. The
 * strings are anchored in the registry until the state ends. */
static int l_become(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_record_run *run = &b->record.run;
    luaL_checktype(L, 3, LUA_TTABLE);
    int n = (int)luaL_len(L, 3);
    const char **argv = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *argv, 0);
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, 3, i + 1);
        argv[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    argv[n] = NULL;
    run->script = b->script_name = luaL_checkstring(L, 1);
    run->source = luaL_checkstring(L, 2);
    run->argc = b->argc = n;
    run->argv = b->argv = argv;
    lua_createtable(L, 6, 0); /* one anchor for all */
    for (int i = 1; i <= 4; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_setfield(L, LUA_REGISTRYINDEX, "moonlever.become");
    lua_pushvalue(L, 1);
    lua_rawseti(L, 3, 0); /* as the global arg of lua */
    lua_pushvalue(L, 3);
    lua_setglobal(L, "arg");
    return 0;
}

static const char *text_of(lua_State *L, const char *name, size_t *len)
{
    lua_getfield(L, 1, name);
    return luaL_optlstring(L, -1, NULL, len); /* stays on the stack: anchored */
}

/* raw.plan{...as raw.change, origin=} -> seq: a change that is written down, to be adopted
 * later */
static int l_plan(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_noted noted;
    struct ml_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 30, NULL);
    lua_getfield(L, 1, "undo_of");
    struct ml_journal_change row = {
        .rkey = text_of(L, "rkey", NULL),
        .service = text_of(L, "service", NULL),
        .origin = text_of(L, "origin", NULL),
        .operation = text_of(L, "operation", NULL),
        .resource = text_of(L, "resource", NULL),
        .target = text_of(L, "target", NULL),
        .method = text_of(L, "method", NULL),
        .path = text_of(L, "path", NULL),
        .effect = text_of(L, "effect", NULL),
        .before = text_of(L, "before", NULL),
        .after = text_of(L, "after", NULL),
        .undo_of = luaL_optinteger(L, 2, 0),
        .at = ml_clock_wall_ms(),
    };
    row.body = text_of(L, "body", &row.body_len);
    if (ml_record_plan(&b->record, &noted, &row, &err) < 0)
        return ml_bind_raise(L, &err);
    lua_pushinteger(L, (lua_Integer)noted.seq);
    return 1;
}

/* raw.move(id, letter, reason, kind, after): a change of any run that has no process */
static int l_move(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    lua_Integer id = luaL_checkinteger(L, 1);
    struct ml_journal_end end = {.state = (enum ml_change_state)luaL_checkstring(L, 2)[0],
                                 .reason = luaL_optstring(L, 3, NULL),
                                 .kind = luaL_optstring(L, 4, NULL),
                                 .after = luaL_optstring(L, 5, NULL),
                                 .at = ml_clock_wall_ms()};
    if (b->record.begun)
        ml_journal_move_id(b->record.journal, id, &end);
    return 0;
}

/* raw.name(id, rkey, target, path, before): the object of a planned change has its real id now
 */
static int l_name(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    lua_Integer id = luaL_checkinteger(L, 1);
    struct ml_journal_change named = {.rkey = luaL_checkstring(L, 2),
                                      .target = luaL_checkstring(L, 3),
                                      .path = luaL_checkstring(L, 4),
                                      .before = luaL_optstring(L, 5, NULL)};
    if (b->record.begun)
        ml_journal_name(b->record.journal, id, &named);
    return 0;
}

void ml_bind_journal(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg cursor[] = {
        {"__gc", l_cursor_gc}, {"__close", l_cursor_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"query", l_query},
                                         {"flush", l_flush},
                                         {"running", l_running},
                                         {"purge", l_purge},
                                         {"state_name", l_state_name},
                                         {"wall_ms", l_wall_ms},
                                         {"sha256", l_sha256},
                                         {"begin", l_begin},
                                         {"resume", l_resume},
                                         {"plan", l_plan},
                                         {"asks", l_asks},
                                         {"run_id", l_run_id},
                                         {"adopt", l_adopt},
                                         {"become", l_become},
                                         {"move", l_move},
                                         {"name", l_name},
                                         {NULL, NULL}};
    ml_bind_type(L, b, CURSOR_TYPE, cursor);
    ml_bind_functions(L, b, functions);
}
