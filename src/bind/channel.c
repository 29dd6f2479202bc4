/* SPDX-License-Identifier: MIT */
#include "bind/channel.h"

#include <errno.h>
#include <lauxlib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bind/frame.h"

#define WAIT_TYPE "moonlever.channel_wait"
#define HOOKS "moonlever.channel_hooks"
#define HEAD 10 /* bytes before the values */
#define PIECE ((size_t)256 << 10)
#define QUEUE_MOST 256
#define UNWRITTEN ((size_t)1 << 20) /* more of it is waited for */

struct ml_channel_message {
    struct ml_channel_message *next;
    uint32_t thread;
    size_t len;
    unsigned char bytes[]; /* kind, number of values, values */
};

struct ml_channel_wait {
    struct ml_op op;
    struct ml_channel *c;
    struct ml_channel_wait *next; /* in c->waits, while it waits */
    struct ml_channel_message *got;
    uint32_t thread;
};

void ml_channel_create(struct ml_channel *c, int fd, struct ml_sched *sched)
{
    *c = (struct ml_channel){.fd = fd, .sched = sched};
    ml_buf_create(&c->in, ML_CHANNEL_MOST + PIECE + HEAD);
    ml_buf_create(&c->out, 2 * ML_CHANNEL_MOST);
}

void ml_channel_destroy(struct ml_channel *c)
{
    while (c->queue) {
        struct ml_channel_message *m = c->queue;
        c->queue = m->next;
        free(m);
    }
    ml_buf_destroy(&c->in);
    ml_buf_destroy(&c->out);
}

bool ml_channel_paused(const struct ml_channel *c)
{
    return (c->queued >= QUEUE_MOST || c->queued_bytes > ML_CHANNEL_MOST / 4) && !c->ended;
}

bool ml_channel_full(const struct ml_channel *c)
{
    return c->out.len > 0 && !c->ended;
}

/* --- messages that come --- */

static void leave(struct ml_channel_wait *w)
{
    for (struct ml_channel_wait **at = &w->c->waits; *at; at = &(*at)->next)
        if (*at == w) {
            *at = w->next;
            return;
        }
}

static void end(struct ml_channel *c)
{
    c->ended = true;
    while (c->waits) {
        struct ml_channel_wait *w = c->waits;
        c->waits = w->next;
        ml_op_finish(&w->op);
    }
}

static void break_off(struct ml_channel *c)
{
    c->broken = true;
    end(c);
}

static struct ml_channel_wait *who_waits(const struct ml_channel *c, uint32_t thread)
{
    for (struct ml_channel_wait *w = c->waits; w; w = w->next)
        if (w->thread == thread)
            return w;
    return NULL;
}

/* The text of a limit that is spent: printable, and cut. */
static void keep_spent(struct ml_channel *c, const unsigned char *bytes, size_t len)
{
    size_t skip = 7, n = 0; /* kind, number, tag and length */
    for (size_t i = skip; i < len && n < sizeof c->spent - 1; i++)
        if (bytes[i] >= ' ' && bytes[i] < 127)
            c->spent[n++] = (char)bytes[i];
    c->spent[n] = '\0';
    end(c);
}

static void enqueue(struct ml_channel *c, struct ml_channel_message *m)
{
    struct ml_channel_message **at = &c->queue;
    while (*at)
        at = &(*at)->next;
    *at = m;
    c->queued++;
    c->queued_bytes += m->len;
}

static void deliver(struct ml_channel *c, struct ml_channel_message *m)
{
    struct ml_channel_wait *w = who_waits(c, m->thread);
    if (!w)
        w = who_waits(c, 0);
    if (w) {
        leave(w);
        w->got = m;
        ml_op_finish(&w->op);
    } else {
        enqueue(c, m);
    }
}

/* bytes: thread, kind, number of values, values. */
static void take_message(struct ml_channel *c, const unsigned char *bytes, size_t len)
{
    uint32_t thread;
    if (len < HEAD - 4 || bytes[4] == 0 || bytes[4] >= ML_CHANNEL_KINDS) {
        break_off(c);
        return;
    }
    memcpy(&thread, bytes, 4);
    if (bytes[4] == ML_CHANNEL_SPENT) {
        keep_spent(c, bytes + 4, len - 4);
        return;
    }
    struct ml_channel_message *m = malloc(sizeof *m + len - 4);
    if (!m) {
        break_off(c);
        return;
    }
    *m = (struct ml_channel_message){.thread = thread, .len = len - 4};
    memcpy(m->bytes, bytes + 4, len - 4);
    deliver(c, m);
}

static void take_in(struct ml_channel *c)
{
    size_t at = 0;
    uint32_t len;
    while (!c->ended && !ml_channel_paused(c) && c->in.len - at >= sizeof len) {
        memcpy(&len, c->in.data + at, sizeof len);
        if (len > ML_CHANNEL_MOST) {
            break_off(c);
            return;
        }
        if (c->in.len - at - sizeof len < len)
            break;
        take_message(c, (const unsigned char *)c->in.data + at + sizeof len, len);
        at += sizeof len + len;
    }
    if (at) {
        memmove(c->in.data, c->in.data + at, c->in.len - at);
        c->in.len -= at;
    }
}

/* --- the socket --- */

static bool passing(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void flush(struct ml_channel *c)
{
    while (c->out.len && !c->ended) {
        ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) /* that it is gone is seen when reading, after what it has said last */
            return;
        memmove(c->out.data, c->out.data + n, c->out.len - (size_t)n);
        c->out.len -= (size_t)n;
    }
}

/* false: the other side is gone. */
static bool wait_to_write(const struct ml_channel *c)
{
    struct pollfd p = {c->fd, POLLOUT, 0};
    return (poll(&p, 1, -1) >= 0 || errno == EINTR) && !(p.revents & (POLLERR | POLLHUP));
}

void ml_channel_pump(struct ml_channel *c)
{
    if (c->fd < 0 || c->ended)
        return;
    flush(c);
    take_in(c);
    for (size_t total = 0; !c->ended && !ml_channel_paused(c) && total < 4 * PIECE;) {
        if (ml_buf_reserve(&c->in, PIECE) < 0) {
            break_off(c);
            return;
        }
        ssize_t n = recv(c->fd, c->in.data + c->in.len, PIECE, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && !passing()))
            end(c);
        if (n <= 0)
            return;
        c->in.len += (size_t)n;
        total += (size_t)n;
        take_in(c);
    }
}

/* --- for Lua --- */

static struct ml_channel *channel_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* Pushes the hooks; where they stand. */
static struct ml_frame_hooks push_hooks(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, HOOKS);
    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    int top = lua_gettop(L);
    return (struct ml_frame_hooks){.out = top - 1, .in = top};
}

/* hooks(out, in) */
static int l_hooks(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_createtable(L, 2, 0);
    for (int i = 1; i <= 2; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_setfield(L, LUA_REGISTRYINDEX, HOOKS);
    return 0;
}

/* A buffer that goes with its userdata: writing may raise. */
static int l_buffer_gc(lua_State *L)
{
    ml_buf_destroy(lua_touserdata(L, 1));
    return 0;
}

static struct ml_buf *new_buffer(lua_State *L)
{
    struct ml_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
    ml_buf_create(b, ML_CHANNEL_MOST);
    if (luaL_newmetatable(L, "moonlever.channel_buffer")) {
        lua_pushcfunction(L, l_buffer_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return b;
}

static int put_head(struct ml_buf *b, uint32_t thread, unsigned kind, unsigned count)
{
    const unsigned char pair[2] = {(unsigned char)kind, (unsigned char)count};
    return ml_buf_add(b, "\0\0\0\0", 4) | ml_buf_add(b, &thread, 4) | ml_buf_add(b, pair, 2);
}

static int put_message(struct ml_channel *c, struct ml_buf *b)
{
    uint32_t len = (uint32_t)(b->len - 4);
    memcpy(b->data, &len, sizeof len);
    return ml_buf_add(&c->out, b->data, b->len);
}

/* send(thread, kind, ...) */
static int l_send(lua_State *L)
{
    struct ml_channel *c = channel_of(L);
    lua_Integer thread = luaL_checkinteger(L, 1), kind = luaL_checkinteger(L, 2);
    int n = lua_gettop(L);
    luaL_argcheck(L, n - 2 <= 250, n, "too many values");
    luaL_checkstack(L, 10, NULL);
    struct ml_buf *b = new_buffer(L);
    struct ml_frame_hooks hooks = push_hooks(L);
    int rc = put_head(b, (uint32_t)thread, (unsigned)kind, (unsigned)(n - 2));
    for (int i = 3; rc == 0 && i <= n; i++)
        ml_frame_write(L, i, b, &hooks);
    if (rc < 0 || put_message(c, b) < 0)
        return luaL_error(L, "not enough memory");
    ml_buf_destroy(b);
    flush(c);
    while (c->patient && c->out.len > UNWRITTEN && wait_to_write(c))
        flush(c);
    return 0;
}

int ml_channel_tell(struct ml_channel *c, enum ml_channel_kind kind, const char *text)
{
    struct ml_buf b;
    uint32_t len = (uint32_t)strlen(text);
    const unsigned char tag = 6; /* STRING of bind/frame.c */
    ml_buf_create(&b, len + 64);
    int rc = put_head(&b, 0, kind, 1) | ml_buf_add(&b, &tag, 1) | ml_buf_add(&b, &len, 4) |
             ml_buf_add(&b, text, len);
    if (rc == 0)
        rc = put_message(c, &b);
    ml_buf_destroy(&b);
    return rc;
}

static void cancel_wait(struct ml_op *op)
{
    leave((struct ml_channel_wait *)((char *)op - offsetof(struct ml_channel_wait, op)));
}

/* Pushes the values of the message; how many there are, -1: it is not well formed. */
static int push_values(lua_State *L, const struct ml_channel_message *m)
{
    struct ml_frame_reader r = {m->bytes, m->bytes + m->len};
    struct ml_frame_hooks hooks = push_hooks(L);
    uint8_t kind, count;
    if (ml_frame_u8(&r, &kind) < 0 || ml_frame_u8(&r, &count) < 0)
        return -1;
    lua_pushinteger(L, m->thread);
    lua_pushinteger(L, kind);
    luaL_checkstack(L, count + 10, NULL);
    for (int i = 0; i < count; i++)
        if (ml_frame_read(L, &r, &hooks) < 0)
            return -1;
    return r.at == r.end ? count + 2 : -1;
}

static int wait_done(lua_State *L, int status, lua_KContext ctx)
{
    (void)status, (void)ctx;
    struct ml_channel_wait *w = luaL_checkudata(L, 2, WAIT_TYPE);
    if (!w->got)
        return 0;
    int n = push_values(L, w->got);
    free(w->got);
    w->got = NULL;
    if (n < 0) {
        break_off(w->c);
        return 0;
    }
    return w->thread ? n - 1 : n;
}

static struct ml_channel_message *from_queue(struct ml_channel *c, uint32_t thread)
{
    for (struct ml_channel_message **at = &c->queue; *at; at = &(*at)->next) {
        struct ml_channel_message *m = *at;
        if (thread == 0 || m->thread == thread) {
            *at = m->next;
            m->next = NULL;
            c->queued--;
            c->queued_bytes -= m->len;
            return m;
        }
    }
    return NULL;
}

/* wait(thread [, promptly]) */
static int l_wait(lua_State *L)
{
    struct ml_channel *c = channel_of(L);
    lua_Integer thread = luaL_checkinteger(L, 1);
    bool drives = !c->sched->no_drives || lua_toboolean(L, 2);
    lua_settop(L, 1);
    struct ml_channel_wait *w = lua_newuserdatauv(L, sizeof *w, 0);
    *w = (struct ml_channel_wait){.c = c, .thread = (uint32_t)thread};
    ml_op_create(&w->op, cancel_wait);
    luaL_setmetatable(L, WAIT_TYPE);
    w->got = from_queue(c, w->thread);
    if (w->got || c->ended)
        return wait_done(L, LUA_OK, 0);
    w->next = c->waits;
    c->waits = w;
    c->sched->no_drives = !drives; /* who drives sets it again, for the tasks that it runs */
    return ml_task_wait(L, c->sched, &w->op, wait_done);
}

static int l_wait_gc(lua_State *L)
{
    struct ml_channel_wait *w = luaL_checkudata(L, 1, WAIT_TYPE);
    leave(w);
    free(w->got);
    w->got = NULL;
    ml_op_destroy(&w->op);
    return 0;
}

void ml_channel_open(lua_State *L, struct ml_channel *c)
{
    static const luaL_Reg functions[] = {
        {"hooks", l_hooks}, {"send", l_send}, {"wait", l_wait}, {NULL, NULL}};
    luaL_newmetatable(L, WAIT_TYPE);
    lua_pushcfunction(L, l_wait_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushlightuserdata(L, c);
    luaL_setfuncs(L, functions, 1);
}
