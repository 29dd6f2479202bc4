/* SPDX-License-Identifier: MIT */
/*
 * raw.change: one change as Lua holds it, from the door to its end state.
 *
 * The userdata is the change: as long as it is open it may be sent; dropped
 * while open it counts as unknown, or as planned where the service provably
 * saw nothing of it, so nothing leaves the count. Its row in the journal (record.h)
 * follows the same steps.
 */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bind/bind.h"

#define CHANGE_TYPE "moonlever.change"

/* What is known of a row that an earlier process has left. */
struct change_row {
    lua_Integer seq, attempts;
    enum ml_change_state state;
};

struct change {
    struct ml_bind *b;
    char *about; /* what an event says of it, owned; NULL = nobody listens */
    struct ml_noted noted;
    bool open;
    bool hopeless;          /* it says what cannot be undone, and is never sent */
    bool touched;           /* the service may have seen it */
    struct ml_sched *sched; /* set when it is sent */
    uint64_t task;          /* id of the task that is shielded until the end, 0 = none */
    struct change *peer;    /* sent with the same call, NULL = none; anchored by the call */
};

static struct change *check_change(lua_State *L, int idx)
{
    return luaL_checkudata(L, idx, CHANGE_TYPE);
}

/* The value stays on the stack: anchored. */
static const char *optional(lua_State *L, const char *name, size_t *len)
{
    int type = lua_getfield(L, 2, name);
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "raw.change: %s is not a string", name);
    return lua_tolstring(L, -1, len);
}

static const char *field(lua_State *L, const char *name)
{
    const char *text = optional(L, name, NULL);
    if (!text)
        luaL_error(L, "raw.change: %s is missing", name);
    return text;
}

static lua_Integer number(lua_State *L, const char *name)
{
    lua_getfield(L, 2, name);
    lua_Integer n = luaL_optinteger(L, -1, 0);
    lua_pop(L, 1);
    return n;
}

static void read_change(lua_State *L, const char *origin, struct ml_journal_change *out)
{
    *out = (struct ml_journal_change){
        .rkey = field(L, "rkey"),
        .service = field(L, "service"),
        .origin = origin,
        .operation = field(L, "operation"),
        .resource = field(L, "resource"),
        .target = field(L, "target"),
        .method = field(L, "method"),
        .path = field(L, "path"),
        .effect = field(L, "effect"),
        .before = optional(L, "before", NULL),
        .after = optional(L, "after", NULL),
        .undo_of = number(L, "undo_of"),
        .redoes = number(L, "redoes"),
        .at = ml_clock_wall_ms(),
    };
    out->body = optional(L, "body", &out->body_len);
}

/* A row that is there from an earlier process. */
static void adopt(struct ml_noted *n, struct ml_record *r, const struct change_row *row)
{
    *n = (struct ml_noted){.record = r,
                           .seq = (uint64_t)row->seq,
                           .attempts = (unsigned)row->attempts,
                           .state = row->state};
}

/* The row that the change adopts, if it names one. */
static bool read_row(lua_State *L, struct change_row *row)
{
    row->seq = number(L, "adopt");
    row->attempts = number(L, "attempts");
    const char *state = row->seq ? field(L, "state") : "P";
    row->state = (enum ml_change_state)state[0];
    return row->seq != 0;
}

struct change *ml_change_new(lua_State *L, struct ml_bind *b)
{
    struct change *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct change){.b = b};
    luaL_setmetatable(L, CHANGE_TYPE);
    return c;
}

/* What a change may need besides a licence. */
struct asks {
    const char *needs, *warning; /* as of struct ml_entry */
};

/* Through the door; from there on it ends in a state, whatever happens. */
static int enter(struct change *c, const struct ml_journal_change *row, const struct asks *asks,
                 struct ml_err *err)
{
    c->hopeless = strcmp(row->method, "-") == 0;
    struct ml_entry entry = {.resource = row->resource,
                             .operation = row->operation,
                             .origin = row->origin,
                             .target = row->target,
                             .needs = asks->needs,
                             .warning = asks->warning,
                             .deletes = !c->hopeless && strcmp(row->effect, "delete") == 0};
    if (ml_door_enter(&c->b->door, &entry, err) < 0)
        return -1;
    c->open = true;
    c->about = ml_event_about(c->b, row->operation, row->target);
    return 0;
}

static int begin(struct ml_bind *b, struct change *c, const struct ml_journal_change *row,
                 const struct asks *asks, struct ml_err *err)
{
    if (enter(c, row, asks, err) < 0)
        return -1;
    return ml_record_plan(&b->record, &c->noted, row, err);
}

int ml_change_begin(struct ml_bind *b, struct change *c, const struct ml_journal_change *row,
                    struct ml_err *err)
{
    return begin(b, c, row, &(struct asks){NULL, NULL}, err);
}

/* raw.change(client, {service=, operation=, resource=, target=, method=, path=, effect=, rkey=,
 * body=, before=, after=, undo_of=, redoes=, adopt=, attempts=, state=, switch=, warning=}) ->
 * change */
static int l_change(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_journal_change row;
    struct change_row old;
    struct ml_err err;
    luaL_checkudata(L, 1, "moonlever.client");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    luaL_checkstack(L, 30, NULL);
    struct change *c = ml_change_new(L, b);
    lua_getiuservalue(L, 1, 1); /* the client's origin, a string */
    const char *origin = lua_tostring(L, -1);
    read_change(L, origin ? origin : "?", &row);
    bool adopted = read_row(L, &old);
    struct asks ask = {optional(L, "switch", NULL), optional(L, "warning", NULL)};
    ml_task_check(L, b->sched);
    if ((adopted ? enter(c, &row, &ask, &err) : begin(b, c, &row, &ask, &err)) < 0)
        return ml_bind_raise(L, &err);
    if (adopted)
        adopt(&c->noted, &b->record, &old);
    lua_pushvalue(L, 3);
    return 1;
}

/* The task may have ended meanwhile: it is looked up. */
static void unshield(struct change *c)
{
    if (!c->task)
        return;
    for (struct ml_task *t = c->sched->tasks; t; t = t->next)
        if (t->id == c->task)
            t->shield--;
    c->task = 0;
}

static int l_planned(lua_State *L)
{
    lua_pushboolean(L, check_change(L, 1)->b->door.dry_run);
    return 1;
}

/* change:seq() -> its number in the run */
static int l_seq(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_change(L, 1)->noted.seq);
    return 1;
}

/* What a state at the end means for the journal; ML_EVENTS = it stays as it is. */
static enum ml_event event_of(const struct change *c, enum ml_state state)
{
    static const enum ml_event events[ML_STATES] = {
        [ML_STATE_CONFIRMED] = ML_EVENT_CONFIRM, [ML_STATE_ACCEPTED] = ML_EVENT_ACCEPT,
        [ML_STATE_NOOP] = ML_EVENT_ALREADY,      [ML_STATE_PLANNED] = ML_EVENTS,
        [ML_STATE_FAILED] = ML_EVENT_FAIL,       [ML_STATE_CONFLICT] = ML_EVENT_CONFLICT,
        [ML_STATE_UNKNOWN] = ML_EVENT_DOUBT};
    bool stays = (state == ML_STATE_UNKNOWN && c->noted.state == ML_CHANGE_UNKNOWN) ||
                 (state == ML_STATE_ACCEPTED && c->noted.state == ML_CHANGE_ACCEPTED);
    return stays ? ML_EVENTS : events[state];
}

static void finish(struct change *c, enum ml_state state, const char *reason, const char *kind,
                   const char *after)
{
    enum ml_event event = event_of(c, state);
    enum ml_kind known = ml_kind_parse(kind);
    const char *noted = known == ML_NONE ? NULL : kind;
    c->open = false;
    unshield(c);
    if (c->hopeless && state == ML_STATE_FAILED)
        ml_door_write_off(&c->b->door);
    else
        ml_door_leave(&c->b->door, state, known);
    ml_event_change(c->b, c->about, c->noted.seq, state, kind, reason);
    free(c->about);
    c->about = NULL;
    if (!c->noted.seq)
        return;
    if (event == ML_EVENTS)
        ml_record_remark(&c->noted, reason, noted);
    else if (!ml_record_event(&c->noted, event, reason, noted, after))
        ml_record_bug(&c->noted, event);
}

/* change:finish(state[, reason[, kind[, after]]]) */
static int l_finish(lua_State *L)
{
    struct change *c = check_change(L, 1);
    int state = ml_state_parse(luaL_checkstring(L, 2));
    const char *reason = luaL_optstring(L, 3, NULL), *kind = luaL_optstring(L, 4, "none");
    const char *after = luaL_optstring(L, 5, NULL);
    luaL_argcheck(L, state >= 0, 2, "not a state");
    if (!c->open)
        return luaL_error(L, "the change has ended already");
    luaL_argcheck(
        L, !c->b->door.dry_run || (state != ML_STATE_CONFIRMED && state != ML_STATE_ACCEPTED),
        2, "nothing is confirmed in dry run");
    finish(c, (enum ml_state)state, reason, kind, after);
    return 0;
}

/* change:again(): it was read back and is as before */
static int l_again(lua_State *L)
{
    struct change *c = check_change(L, 1);
    if (!ml_record_again(&c->noted))
        return luaL_error(L, "a change that has ended cannot be sent again");
    return 0;
}

/* change:accepted(): the service has taken it on; it is looked for from now on */
static int l_accepted(lua_State *L)
{
    struct change *c = check_change(L, 1);
    if (!ml_record_event(&c->noted, ML_EVENT_ACCEPT, NULL, NULL, NULL))
        return luaL_error(L, "a change that was not sent cannot be accepted");
    return 0;
}

/* Dropped while open: unknown, or planned where the service provably saw nothing. */
static int l_change_gc(lua_State *L)
{
    struct change *c = check_change(L, 1);
    if (c->open)
        finish(c, c->touched ? ML_STATE_UNKNOWN : ML_STATE_PLANNED, NULL, "none", NULL);
    ml_record_leave(&c->noted);
    return 0;
}

/* The change at idx, which may be sent: its task is shielded until it has ended. */
static struct change *send_one(lua_State *L, int idx, struct ml_sched *s)
{
    struct change *c = luaL_testudata(L, idx, CHANGE_TYPE);
    struct ml_err err;
    if (c && c->open && !c->b->door.dry_run) {
        c->peer = NULL;
        c->noted.peer = NULL;
        if (!c->task && s->current) {
            c->sched = s;
            c->task = s->current->id;
            s->current->shield++;
        }
        return c;
    }
    ml_err_set(&err, ML_GUARD, "%s",
               c && c->open ? "dry run: the write was not sent"
                            : "a write without a change that the door let in");
    ml_bind_raise(L, &err);
    return NULL;
}

struct change *ml_change_send(lua_State *L, int idx, struct ml_sched *s)
{
    struct change *first = NULL, *last = NULL;
    idx = lua_absindex(L, idx);
    if (!lua_istable(L, idx))
        return send_one(L, idx, s);
    for (lua_Integer i = 1; i == 1 || lua_rawlen(L, idx) >= (lua_Unsigned)i; i++) {
        lua_rawgeti(L, idx, i);
        struct change *c = send_one(L, -1, s);
        lua_pop(L, 1);
        if (last) {
            last->peer = c;
            last->noted.peer = &c->noted;
        }
        first = first ? first : c;
        last = c;
    }
    return first;
}

void ml_change_touch(struct change *change)
{
    for (; change; change = change->peer)
        change->touched = true;
}

void ml_change_confirm(struct change *change)
{
    finish(change, ML_STATE_CONFIRMED, NULL, "none", NULL);
}

struct ml_noted *ml_change_noted(struct change *change)
{
    return &change->noted;
}

/* raw.noop(operation, target) */
static int l_noop(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    const char *operation = luaL_checkstring(L, 1), *target = luaL_tolstring(L, 2, NULL);
    ml_door_noop(&b->door);
    char *about = ml_event_about(b, operation, target);
    ml_event_change(b, about, 0, ML_STATE_NOOP, NULL, NULL);
    free(about);
    return 0;
}

/* The strings of the list at 1, which stay on the stack. */
static lua_Integer read_names(lua_State *L, const char **names, lua_Integer most)
{
    lua_Integer n = luaL_len(L, 1);
    luaL_argcheck(L, n <= most, 1, "too many names");
    luaL_checkstack(L, (int)n, "too many names");
    for (lua_Integer i = 0; i < n; i++) {
        luaL_argcheck(L, lua_rawgeti(L, 1, i + 1) == LUA_TSTRING, 1, "names are strings");
        names[i] = lua_tostring(L, -1);
    }
    return n;
}

/* raw.licence{"service.resource", ...} */
static int l_licence(lua_State *L)
{
    const char *names[64];
    struct ml_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = read_names(L, names, 64);
    if (ml_door_license(&ml_bind_of(L)->door, names, (size_t)n, &err) < 0)
        return ml_bind_raise(L, &err);
    return 0;
}

/* raw.switch{name, ...}: what the script has switched on */
static int l_switch(lua_State *L)
{
    const char *names[64];
    struct ml_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = read_names(L, names, 64);
    if (ml_door_switch(&ml_bind_of(L)->door, names, (size_t)n, &err) < 0)
        return ml_bind_raise(L, &err);
    return 0;
}

/* raw.licensed(resource) -> boolean */
static int l_licensed(lua_State *L)
{
    lua_pushboolean(L, ml_door_licensed(&ml_bind_of(L)->door, luaL_checkstring(L, 1)));
    return 1;
}

/* raw.must_wait() -> boolean: must the next change wait for those under way? (canary) */
static int l_must_wait(lua_State *L)
{
    lua_pushboolean(L, ml_door_must_wait(&ml_bind_of(L)->door));
    return 1;
}

/* raw.outage() -> boolean: does a service that fails end the run? */
static int l_outage(lua_State *L)
{
    lua_pushboolean(L, ml_net_outage(ml_bind_of(L)->net));
    return 1;
}

/* raw.mode() -> "run" | "dry-run" */
static int l_mode(lua_State *L)
{
    lua_pushstring(L, ml_bind_of(L)->door.dry_run ? "dry-run" : "run");
    return 1;
}

void ml_bind_change(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg methods[] = {{"planned", l_planned},   {"seq", l_seq},
                                       {"again", l_again},       {"accepted", l_accepted},
                                       {"finish", l_finish},     {"__gc", l_change_gc},
                                       {"__close", l_change_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"change", l_change},       {"noop", l_noop},         {"licence", l_licence},
        {"switch", l_switch},       {"licensed", l_licensed}, {"mode", l_mode},
        {"must_wait", l_must_wait}, {"outage", l_outage},     {NULL, NULL}};
    ml_bind_type(L, b, CHANGE_TYPE, methods);
    ml_bind_functions(L, b, functions);
}
