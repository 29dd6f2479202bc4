/* SPDX-License-Identifier: MIT */
/*
 * raw.ask, raw.foreground, raw.width, raw.planned: what a session at a prompt
 * needs of a host with a person in front of it.
 *
 * A question is a text; what it means is between the session's script and its
 * host (lua/moonlever/repl.lua). The host looks for it with moonlever_asks()
 * and answers with moonlever_answer(); until then the task waits and the others
 * go on. One question at a time.
 *
 * Invariant: b->ask is the question that a task waits for just now, or NULL.
 *
 *     local line = raw.ask "line moonlever> "    -- nil at the end of the input
 */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "bind/bind.h"

#define ASK_TYPE "moonlever.ask"

/* User value 1 holds the text. */
struct ask {
    struct ml_op op;
    struct ml_bind *b;
    const char *text;
    char *answer; /* owned, NULL = none */
    size_t len;
};

const char *ml_bind_asks(const struct ml_bind *b)
{
    return b->ask ? b->ask->text : NULL;
}

int ml_bind_answer(struct ml_bind *b, const char *text, size_t len)
{
    struct ask *ask = b->ask;
    if (!ask)
        return -1;
    if (text) {
        ask->answer = malloc(len + 1);
        if (!ask->answer)
            return -1;
        memcpy(ask->answer, text, len);
        ask->len = len;
    }
    b->ask = NULL;
    ml_op_finish(&ask->op);
    return 0;
}

void ml_bind_interrupt(struct ml_bind *b)
{
    if (b->foreground)
        ml_task_cancel(b->foreground);
}

static void forget(struct ask *ask)
{
    if (ask->b->ask == ask)
        ask->b->ask = NULL;
}

static void cancel_ask(struct ml_op *op)
{
    forget((struct ask *)((char *)op - offsetof(struct ask, op)));
}

static int ask_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct ask *ask = luaL_checkudata(L, 2, ASK_TYPE);
    if (!ask->answer)
        return 0;
    lua_pushlstring(L, ask->answer, ask->len);
    return 1;
}

/* raw.ask(text) -> string|nil */
static int l_ask(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    const char *text = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    struct ask *ask = lua_newuserdatauv(L, sizeof *ask, 1);
    *ask = (struct ask){.b = b, .text = text};
    ml_op_create(&ask->op, cancel_ask);
    luaL_setmetatable(L, ASK_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1);
    if (!b->answers)
        return ml_bind_raise_text(L, "usage", "there is nobody at a prompt who could answer");
    if (b->ask)
        return ml_bind_raise_text(L, "usage", "the prompt is waiting for something else");
    ml_task_check(L, b->sched);
    b->ask = ask;
    return ml_task_wait(L, b->sched, &ask->op, ask_done);
}

static int l_ask_gc(lua_State *L)
{
    struct ask *ask = luaL_checkudata(L, 1, ASK_TYPE);
    forget(ask);
    free(ask->answer);
    ask->answer = NULL;
    ml_op_destroy(&ask->op);
    return 0;
}

/* raw.foreground(task|nil): what an interrupt stops. The caller holds the task as long. */
static int l_foreground(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    b->foreground = lua_isnoneornil(L, 1) ? NULL : luaL_checkudata(L, 1, "moonlever.task");
    return 0;
}

/* raw.width(text): columns that it takes; where the host does not say, one a character */
static int l_width(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    size_t len, columns = 0;
    const char *text = luaL_checklstring(L, 1, &len);
    if (b->width) {
        columns = b->width(b->width_ud, text, len);
    } else {
        for (size_t i = 0; i < len; i++)
            columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    lua_pushinteger(L, (lua_Integer)columns);
    return 1;
}

/* raw.planned(): how many changes this run has planned so far */
static int l_planned(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)ml_bind_of(L)->door.counts[ML_STATE_PLANNED]);
    return 1;
}

void ml_bind_console(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg ask[] = {{"__gc", l_ask_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"ask", l_ask},
                                         {"foreground", l_foreground},
                                         {"width", l_width},
                                         {"planned", l_planned},
                                         {NULL, NULL}};
    ml_bind_type(L, b, ASK_TYPE, ask);
    ml_bind_functions(L, b, functions);
}
