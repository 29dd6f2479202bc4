/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as what the process of an isolated script sends: refused, or values that are the
 * same after writing and reading them once more; and as messages on a channel.
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bind/channel.h"
#include "bind/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* in(ref, number, record, table): what stands for an object is its number. */
static int l_in(lua_State *L)
{
    lua_settop(L, 4);
    lua_settop(L, lua_tointeger(L, 1) == ML_FRAME_DRESSED ? 4 : 2);
    return 1;
}

/* out(value): nothing is handed out. */
static int l_out(lua_State *L)
{
    lua_pushinteger(L, ML_FRAME_PLAIN);
    return 1;
}

static int free_buffer(lua_State *L)
{
    ml_buf_destroy(lua_touserdata(L, 1));
    return 0;
}

static struct ml_buf *new_buffer(lua_State *L)
{
    struct ml_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
    ml_buf_create(b, 1 << 22);
    lua_newtable(L);
    lua_pushcfunction(L, free_buffer);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return b;
}

/* Protected: the bytes are a value. */
static int l_there_and_back(lua_State *L)
{
    size_t len;
    const char *bytes = lua_tolstring(L, 1, &len);
    struct ml_frame_reader r = {(const unsigned char *)bytes,
                                (const unsigned char *)bytes + len};
    lua_pushcfunction(L, l_out);
    lua_pushcfunction(L, l_in);
    const struct ml_frame_hooks hooks = {.out = 2, .in = 3};
    struct ml_buf *out = new_buffer(L);
    if (ml_frame_read(L, &r, &hooks) < 0)
        return 0;
    must(r.at <= r.end);
    int type = lua_type(L, -1);
    ml_frame_write(L, lua_gettop(L), out, &hooks);
    r = (struct ml_frame_reader){(const unsigned char *)out->data,
                                 (const unsigned char *)out->data + out->len};
    must(ml_frame_read(L, &r, &hooks) == 0 && r.at == r.end && lua_type(L, -1) == type);
    return 0;
}

/* The bytes come over a socket, and nobody waits for the messages. */
static void over_a_socket(const uint8_t *data, size_t size)
{
    struct ml_sched sched = {0};
    struct ml_channel c;
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    must(send(pair[1], data, size, MSG_NOSIGNAL) == (ssize_t)size);
    close(pair[1]);
    ml_channel_create(&c, pair[0], &sched);
    for (int i = 0; i < 3; i++)
        ml_channel_pump(&c);
    must(c.ended || ml_channel_paused(&c));
    must(strlen(c.spent) < sizeof c.spent);
    ml_channel_destroy(&c);
    close(pair[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lua_State *L = luaL_newstate();
    must(L != NULL);
    lua_pushcfunction(L, l_there_and_back);
    lua_pushlstring(L, (const char *)data, size);
    lua_pcall(L, 1, 0, 0); /* too deep for the hook, or no memory: an error of Lua */
    lua_close(L);
    over_a_socket(data, size);
    return 0;
}
