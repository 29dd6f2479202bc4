/* SPDX-License-Identifier: MIT */
/*
 * raw.upload: a signed form with a file, to the storage host that a service names.
 *
 * It goes to another origin than the client's, so no credential of any kind goes along. The
 * file is read while it is sent. It is part of a change like any other write, and is sent
 * once: a second try needs a new signature.
 */
#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bind/bind.h"
#include "bind/http.h"

#define MAX_FIELDS 64
#define LONGEST_MS (6LL * 60 * 60 * 1000) /* of a large file over a slow line */

/* A member of the request at 1; stays on the stack: anchored. */
static const char *text(lua_State *L, const char *name)
{
    if (lua_getfield(L, 1, name) != LUA_TSTRING)
        luaL_error(L, "raw.upload: %s is not a string", name);
    return lua_tostring(L, -1);
}

/* fields = { { name, value }, ... } */
static size_t read_fields(lua_State *L, struct ml_call_header *fields)
{
    luaL_argcheck(L, lua_getfield(L, 1, "fields") == LUA_TTABLE, 1, "fields are missing");
    int at = lua_gettop(L);
    lua_Integer n = luaL_len(L, at);
    luaL_argcheck(L, n <= MAX_FIELDS, 1, "there are too many fields");
    luaL_checkstack(L, (int)n * 3 + 10, NULL);
    for (lua_Integer i = 0; i < n; i++) {
        luaL_argcheck(L, lua_rawgeti(L, at, i + 1) == LUA_TTABLE, 1, "a field is no pair");
        int pair = lua_gettop(L);
        luaL_argcheck(
            L, lua_rawgeti(L, pair, 1) == LUA_TSTRING && lua_rawgeti(L, pair, 2) == LUA_TSTRING,
            1, "a field is not a pair of strings");
        fields[i] = (struct ml_call_header){lua_tostring(L, -2), lua_tostring(L, -1)};
    }
    return (size_t)n;
}

static int check_file(const struct ml_bind *b, const char *path, struct ml_err *err)
{
    struct stat st;
    if (ml_reach_file(&b->reach, "upload", err) < 0)
        return -1;
    if (!b->env) /* a host that confines its scripts does not let them read files */
        return ml_err_set(err, ML_USAGE, "this program does not let scripts read files");
    if (stat(path, &st) < 0 || access(path, R_OK) < 0)
        return ml_err_set(err, ML_USAGE, "cannot read %.200s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return ml_err_set(err, ML_USAGE, "%.200s is no file", path);
    return 0;
}

/*
 * raw.upload{origin=, target=, fields=, part=, path=, name=, type=, operation=, change=} ->
 * call. Raises usage for an address or a file that cannot be, guard without a change.
 */
static int l_upload(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_call_header fields[MAX_FIELDS];
    const struct ml_call_header headers[] = {{"Accept", "*/*"},
                                             {"User-Agent", "moonlever/" MOONLEVER_VERSION}};
    struct ml_call_form form;
    struct ml_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 20, NULL);
    form = (struct ml_call_form){.fields = fields,
                                 .part = text(L, "part"),
                                 .path = text(L, "path"),
                                 .name = text(L, "name"),
                                 .type = text(L, "type")};
    form.fields_len = read_fields(L, fields);
    struct ml_call_spec spec = {.method = "POST",
                                .target = text(L, "target"),
                                .headers = headers,
                                .headers_len = sizeof headers / sizeof *headers,
                                .form = &form,
                                .effect = ML_ONCE,
                                .rate = -1,
                                .attempt_ms = LONGEST_MS,
                                .deadline_ms = LONGEST_MS};
    const char *operation = text(L, "operation");
    spec.origin = ml_net_origin(b->net, text(L, "origin"), &err);
    if (!spec.origin || check_file(b, form.path, &err) < 0 ||
        ml_reach_origin(&b->reach, ml_origin_text(spec.origin), false, &err) < 0)
        return ml_bind_refuse(L, b, &err);
    ml_task_check(L, b->sched);
    lua_getfield(L, 1, "change");
    if (!ml_http_begin(L, b, &spec, lua_gettop(L), operation, &err))
        return ml_bind_raise(L, &err);
    return 1;
}

void ml_bind_upload(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg functions[] = {{"upload", l_upload}, {NULL, NULL}};
    ml_bind_functions(L, b, functions);
}
