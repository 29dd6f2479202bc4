/* SPDX-License-Identifier: MIT */
/* raw: settings, arguments, output, private files, counters, clocks, escaping. */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bind/bind.h"
#include "task/meter.h"

/* raw.setting(name) -> string|nil; names of credentials are refused */
static int l_setting(lua_State *L)
{
    static const char *const secret[] = {"TOKEN", "KEY", "SECRET", "PASSWORD"};
    const char *name = luaL_checkstring(L, 1);
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        luaL_argcheck(L, !strstr(name, secret[i]), 1, "credentials are not for scripts");
    lua_pushstring(L, ml_bind_get(ml_bind_of(L), name));
    return 1;
}

static int l_args(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    lua_createtable(L, b->argc, 0);
    for (int i = 0; i < b->argc; i++) {
        lua_pushstring(L, b->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int l_flags(lua_State *L)
{
    const char *const *flags = ml_bind_of(L)->flags;
    lua_newtable(L);
    for (int i = 0; flags && flags[i]; i++) {
        lua_pushstring(L, flags[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int l_script_name(lua_State *L)
{
    lua_pushstring(L, ml_bind_of(L)->script_name);
    return 1;
}

static int l_concurrency(lua_State *L)
{
    lua_pushinteger(L, ml_bind_of(L)->concurrency);
    return 1;
}

/* raw.redacted(text) -> the text without any credential in it */
static int l_redacted(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_Buffer copy;
    char *at = luaL_buffinitsize(L, &copy, len + 1);
    memcpy(at, text, len + 1);
    ml_log_redact(b->log, at);
    luaL_pushresultsize(&copy, strlen(at));
    return 1;
}

/* raw.use_file(what): raises guard where scripts may not use files; `what` asks for one */
static int l_use_file(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_err err;
    if (ml_reach_file(&b->reach, luaL_checkstring(L, 1), &err) < 0)
        return ml_bind_refuse(L, b, &err);
    return 0;
}

/* raw.environment() -> the table of the globals that scripts see */
static int l_environment(lua_State *L)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, ML_ENVIRONMENT) != LUA_TTABLE)
        lua_pushglobaltable(L);
    return 1;
}

/* raw.log(level, text) */
static int l_log(lua_State *L)
{
    int level = (int)luaL_checkinteger(L, 1);
    size_t len;
    const char *text = luaL_checklstring(L, 2, &len);
    ml_meter_output(L, len);
    ml_log(ml_bind_of(L)->log, level, "%s", text);
    return 0;
}

/* raw.write(text) */
static int l_write(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    ml_meter_output(L, len);
    if (b->output)
        b->output(b->output_ud, text, len);
    return 0;
}

static int close_file(lua_State *L)
{
    luaL_Stream *p = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    return luaL_fileresult(L, fclose(p->f) == 0, NULL);
}

/* A new file (0600), never one that is there. NULL with errno. */
static FILE *create_private(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!f && fd >= 0) {
        int error = errno;
        close(fd);
        unlink(path);
        errno = error;
    }
    return f;
}

/* raw.private_file(path) -> a file handle as of io.open, for writing a new file that nobody but
 * its owner may read; nil and why where it is there already or cannot be made */
static int l_private_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    luaL_Stream *p = lua_newuserdatauv(L, sizeof *p, 0);
    p->closef = NULL; /* closed so far, for its finalizer */
    if (luaL_getmetatable(L, LUA_FILEHANDLE) != LUA_TTABLE)
        return luaL_error(L, "there is no library for files");
    lua_setmetatable(L, -2);
    p->f = create_private(path);
    if (!p->f)
        return luaL_fileresult(L, 0, path);
    p->closef = close_file;
    return 1;
}

/* print: as in Lua, to the run's output */
static int l_print(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    int n = lua_gettop(L);
    luaL_Buffer line;
    luaL_checkstack(L, n + LUA_MINSTACK, NULL);
    luaL_buffinit(L, &line);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_addchar(&line, '\n');
    luaL_pushresult(&line);
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    ml_meter_output(L, len);
    if (b->output)
        b->output(b->output_ud, text, len);
    return 0;
}

/* In a stock lua: the host's own way out, which closes the state first. */
static int exit_host(lua_State *L, int code)
{
    lua_getglobal(L, "os");
    lua_getfield(L, -1, "exit");
    lua_pushinteger(L, code);
    lua_pushboolean(L, true);
    lua_call(L, 2, 0);
    return 0;
}

/* raw.exit(code): ends the run through an error that nothing but the engine understands */
static int l_exit(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    b->exit_code = (int)luaL_checkinteger(L, 1);
    if (b->exits)
        return exit_host(L, b->exit_code);
    lua_pushlightuserdata(L, b);
    return lua_error(L);
}

static uint64_t *counter(lua_State *L, struct ml_bind *b, const char *what)
{
    struct {
        const char *name;
        uint64_t *count;
    } counters[] = {{"items", &b->items},
                    {"total", &b->items_total},
                    {"expect", &b->door.expected},
                    {"deletes", &b->door.deletes},
                    {"item_ok", &b->item_ok},
                    {"item_failed", &b->item_failed},
                    {"item_skipped", &b->item_skipped}};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (strcmp(counters[i].name, what) == 0)
            return counters[i].count;
    luaL_argerror(L, 1, "not a counter");
    return NULL;
}

/* raw.count(what, n) */
static int l_count(lua_State *L)
{
    uint64_t *count = counter(L, ml_bind_of(L), luaL_checkstring(L, 1));
    *count += (uint64_t)luaL_checkinteger(L, 2);
    return 0;
}

/* raw.report(text) */
static int l_report(lua_State *L)
{
    if (ml_buf_adds(&ml_bind_of(L)->report, luaL_checkstring(L, 1)) < 0)
        return luaL_error(L, "the report is too long");
    return 0;
}

/* raw.failure(reason): one item of each() failed; shown where the script reports nothing */
static int l_failure(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    if (ml_buf_addf(&b->failures, "  failed: %s\n", luaL_checkstring(L, 1)) < 0)
        return luaL_error(L, "out of memory");
    return 0;
}

/* raw.plan_line(text): one line of what a dry run has planned */
static int l_plan_line(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    if (ml_buf_adds(&b->plan, luaL_checkstring(L, 1)) < 0)
        return luaL_error(L, "the plan is too long to show");
    b->plan_lines++;
    return 0;
}

static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)ml_clock_us() / 1e6);
    return 1;
}

static int l_random(lua_State *L)
{
    uint64_t state = ml_random_seed();
    lua_pushnumber(L, ml_random01(&state));
    return 1;
}

static bool unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '.' || c == '_' || c == '~';
}

/* raw.has_controls(s) -> boolean: is there a control byte (below blank, or DEL) in it? A
 * pattern would take thirty times as long, for each id of each change. */
static int l_has_controls(lua_State *L)
{
    size_t len, at = 0;
    const char *s = luaL_checklstring(L, 1, &len);
    while (at < len && (unsigned char)s[at] >= ' ' && s[at] != 0x7f)
        at++;
    lua_pushboolean(L, at < len);
    return 1;
}

/* raw.escape(s): all but the unreserved characters of RFC 3986 section 2.3; the same string
 * when there is nothing to escape */
static int l_escape(lua_State *L)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len, clean = 0;
    const char *s = luaL_checklstring(L, 1, &len);
    while (clean < len && unreserved((unsigned char)s[clean]))
        clean++;
    if (clean == len) {
        lua_pushvalue(L, 1);
        return 1;
    }
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (unreserved(c)) {
            luaL_addchar(&out, s[i]);
            continue;
        }
        luaL_addchar(&out, '%');
        luaL_addchar(&out, hex[c >> 4]);
        luaL_addchar(&out, hex[c & 15]);
    }
    luaL_pushresult(&out);
    return 1;
}

void ml_bind_system(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg functions[] = {{"setting", l_setting},
                                         {"args", l_args},
                                         {"flags", l_flags},
                                         {"script_name", l_script_name},
                                         {"concurrency", l_concurrency},
                                         {"log", l_log},
                                         {"redacted", l_redacted},
                                         {"use_file", l_use_file},
                                         {"environment", l_environment},
                                         {"write", l_write},
                                         {"private_file", l_private_file},
                                         {"print", l_print},
                                         {"exit", l_exit},
                                         {"count", l_count},
                                         {"report", l_report},
                                         {"plan_line", l_plan_line},
                                         {"failure", l_failure},
                                         {"now", l_now},
                                         {"random", l_random},
                                         {"has_controls", l_has_controls},
                                         {"escape", l_escape},
                                         {NULL, NULL}};
    ml_bind_functions(L, b, functions);
}
