/* SPDX-License-Identifier: MIT */
/*
 * raw.connect and its calls: the only way from Lua to the network.
 *
 * Credentials stay in C: a client holds whole header lines that no Lua value
 * ever contains, and they go to the client's own origin only.
 */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bind/bind.h"
#include "bind/credential.h"
#include "bind/http.h"
#include "task/meter.h"

#define CLIENT_TYPE "moonlever.client"
#define MAX_CREDENTIALS 4
#define MAX_HEADERS 32
#define CALL_SIZE 2048 /* bytes of a call, about, beside its request */
#define USER_AGENT "moonlever/" MOONLEVER_VERSION

struct credential {
    char name[32];
    char env[64];   /* where the secret comes from, for messages */
    bool elsewhere; /* there is one, for another origin */
    char *line;     /* "Authorization: Bearer ...", owned, wiped; NULL = not set */
};

struct ml_http_client {
    struct ml_origin *origin;
    struct credential credentials[MAX_CREDENTIALS];
    unsigned credentials_len;
    double rate;
    unsigned concurrency;
    double headroom;
    int64_t timeout_ms; /* of one exchange, 0 = default */
};

/* --- client --- */

struct ml_http_client *ml_http_client(lua_State *L, int idx)
{
    return luaL_checkudata(L, idx, CLIENT_TYPE);
}

static const char *text_field(lua_State *L, int idx, const char *name, const char *absent)
{
    int type = lua_getfield(L, idx, name);
    if (type == LUA_TNIL)
        return absent;
    if (type != LUA_TSTRING)
        luaL_error(L, "%s is not a string", name);
    return lua_tostring(L, -1); /* stays on the stack: anchored */
}

static lua_Number number_field(lua_State *L, int idx, const char *name, lua_Number absent)
{
    int type = lua_getfield(L, idx, name);
    if (type != LUA_TNIL && type != LUA_TNUMBER)
        luaL_error(L, "%s is not a number", name);
    lua_Number n = type == LUA_TNIL ? absent : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return n;
}

static int usage(lua_State *L, const char *fmt, const char *what)
{
    struct ml_err err;
    ml_err_set(&err, ML_USAGE, fmt, what);
    return ml_bind_raise(L, &err);
}

/* Is the credential for another origin than this one, which a confined script has chosen? Those
 * of the known services are for the origin that the host has given them. */
static bool is_elsewhere(const struct ml_bind *b, const char *env, const char *origin)
{
    static const char *const homes[][3] = {
        {"SCREENDESK_TOKEN", "SCREENDESK_URL", "https://app.screendesk.io"},
        {"SCREENDESK_SCIM_TOKEN", "SCREENDESK_URL", "https://app.screendesk.io"},
        {"SCREENDRAGON_TOKEN", "SCREENDRAGON_URL", ""},
        {"WORKDRIVE_API_KEY", "WORKDRIVE_URL", ""}};
    struct ml_err ignored;
    for (size_t i = 0; i < sizeof homes / sizeof *homes; i++) {
        if (strcmp(homes[i][0], env) != 0)
            continue;
        const char *set = ml_bind_get(b, homes[i][1]);
        char *home = ml_net_spell(set && *set ? set : homes[i][2], &ignored);
        bool elsewhere = !home || strcmp(home, origin) != 0;
        free(home);
        return elsewhere;
    }
    return false;
}

/* The credential described by the table at the top. */
static void add_credential(lua_State *L, struct ml_bind *b, struct ml_http_client *c,
                           const char *name, bool chosen)
{
    luaL_argcheck(L, c->credentials_len < MAX_CREDENTIALS, 1, "too many credentials");
    int t = lua_gettop(L);
    const char *env = text_field(L, t, "env", "");
    const char *header = text_field(L, t, "header", "Authorization");
    const char *prefix = text_field(L, t, "prefix", "");
    const char *secret;
    struct ml_err err;
    struct credential *cred = &c->credentials[c->credentials_len];
    snprintf(cred->name, sizeof cred->name, "%s", name);
    snprintf(cred->env, sizeof cred->env, "%s", env);
    cred->line = NULL;
    c->credentials_len++;
    cred->elsewhere = chosen && is_elsewhere(b, env, ml_origin_text(c->origin));
    if (cred->elsewhere) {
        lua_settop(L, t);
        return;
    }
    if (ml_credential_find(L, b, t, env, ml_origin_text(c->origin), &secret, &err) < 0)
        ml_bind_raise(L, &err);
    if (secret && *secret) {
        size_t len = strlen(header) + strlen(prefix) + strlen(secret) + 3;
        if (ml_log_secret(b->log, secret) < 0 || (cred->line = malloc(len)) == NULL)
            luaL_error(L, "not enough memory");
        snprintf(cred->line, len, "%s: %s%s", header, prefix, secret);
    }
    lua_settop(L, t);
}

static void add_credentials(lua_State *L, struct ml_bind *b, struct ml_http_client *c,
                            bool chosen)
{
    if (lua_getfield(L, 1, "credentials") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_istable(L, -1), 1,
                          "bad credentials");
            add_credential(L, b, c, lua_tostring(L, -2), chosen);
        }
    lua_pop(L, 1);
}

/* raw.connect{service=, origin=, credentials=, profile=, environment=, rate=, concurrency=,
 * headroom=, timeout=, chosen=} -> client; chosen: the script has named the origin */
static int l_connect(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_err err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct ml_http_client *c = lua_newuserdatauv(L, sizeof *c, 1);
    memset(c, 0, sizeof *c);
    luaL_setmetatable(L, CLIENT_TYPE);
    c->rate = number_field(L, 1, "rate", -1);
    c->concurrency = (unsigned)number_field(L, 1, "concurrency", 0);
    c->headroom = number_field(L, 1, "headroom", 0);
    c->timeout_ms = (int64_t)(number_field(L, 1, "timeout", 0) * 1000);
    c->origin = ml_net_origin(b->net, text_field(L, 1, "origin", ""), &err);
    if (!c->origin)
        return ml_bind_raise(L, &err);
    lua_getfield(L, 1, "chosen");
    bool chosen = lua_toboolean(L, -1);
    if (ml_reach_origin(&b->reach, ml_origin_text(c->origin), chosen, &err) < 0)
        return ml_bind_refuse(L, b, &err);
    lua_settop(L, 2);
    lua_pushstring(L, ml_origin_text(c->origin));
    lua_setiuservalue(L, 2, 1);
    add_credentials(L, b, c, chosen && b->reach.confined);
    lua_settop(L, 2);
    return 1;
}

static int l_client_gc(lua_State *L)
{
    struct ml_http_client *c = ml_http_client(L, 1);
    while (c->credentials_len) {
        char *line = c->credentials[--c->credentials_len].line;
        if (line)
            explicit_bzero(line, strlen(line));
        free(line);
    }
    return 0;
}

static int l_origin(lua_State *L)
{
    lua_pushstring(L, ml_origin_text(ml_http_client(L, 1)->origin));
    return 1;
}

const char *ml_http_origin(const struct ml_http_client *client)
{
    return ml_origin_text(client->origin);
}

const char *ml_http_credential(const struct ml_http_client *client, const char *name)
{
    for (unsigned i = 0; i < client->credentials_len; i++)
        if (strcmp(client->credentials[i].name, name) == 0)
            return client->credentials[i].line;
    return NULL;
}

/* --- client:start --- */

static const char *credential_line(lua_State *L, const struct ml_http_client *c,
                                   const char *name)
{
    struct ml_err err;
    for (unsigned i = 0; i < c->credentials_len; i++) {
        const struct credential *cred = &c->credentials[i];
        if (strcmp(cred->name, name) != 0)
            continue;
        if (!cred->line) {
            ml_err_set(&err, ML_AUTH,
                       cred->elsewhere ? "no credential: %s is for another origin"
                                       : "no credential: %s is not set",
                       cred->env);
            ml_bind_raise(L, &err);
        }
        return cred->line;
    }
    if (c->credentials_len == 0)
        return NULL;
    usage(L, "there is no credential named \"%s\"", name);
    return NULL;
}

/* Headers that only C may set: what frames the message, and what carries credentials. */
static bool reserved(const struct ml_http_client *c, const char *name)
{
    static const char *const names[] = {"host",       "content-length", "transfer-encoding",
                                        "connection", "authorization",  "cookie",
                                        "te",         "upgrade",        "expect"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    for (unsigned i = 0; i < c->credentials_len; i++) {
        const char *line = c->credentials[i].line;
        size_t n = line ? strcspn(line, ":") : 0;
        if (n && strlen(name) == n && strncasecmp(line, name, n) == 0)
            return true;
    }
    return false;
}

struct headers {
    struct ml_call_header list[MAX_HEADERS];
    size_t len;
    bool type, accept;
    bool usual; /* none of the script's own */
};

static void put_header(struct headers *h, const char *name, const char *value)
{
    h->list[h->len++] = (struct ml_call_header){name, value};
    h->type |= strcasecmp(name, "content-type") == 0;
    h->accept |= strcasecmp(name, "accept") == 0;
}

static void add_usual(struct headers *h, bool body)
{
    if (!h->accept)
        put_header(h, "Accept", "application/json");
    if (body && !h->type)
        put_header(h, "Content-Type", "application/json");
    put_header(h, "User-Agent", USER_AGENT);
}

/* The strings stay anchored in the request's table. */
static void read_headers(lua_State *L, const struct ml_http_client *c, struct headers *h,
                         bool body)
{
    h->usual = lua_getfield(L, 2, "headers") != LUA_TTABLE;
    if (!h->usual)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
                usage(L, "header names and values are strings%s", "");
            if (reserved(c, lua_tostring(L, -2)))
                usage(L, "the header %s is set by Moonlever itself", lua_tostring(L, -2));
            if (h->len >= MAX_HEADERS - 4)
                usage(L, "there are too many headers%s", "");
            put_header(h, lua_tostring(L, -2), lua_tostring(L, -1));
        }
    lua_pop(L, 1);
    add_usual(h, body);
}

static enum ml_effect effect_of(lua_State *L, const char *name)
{
    static const struct {
        const char *name;
        enum ml_effect effect;
    } effects[] = {{"read", ML_READ},        {"create", ML_CREATE},   {"update", ML_ABSOLUTE},
                   {"replace", ML_ABSOLUTE}, {"delete", ML_ABSOLUTE}, {"once", ML_ONCE}};
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++)
        if (strcmp(effects[i].name, name) == 0)
            return effects[i].effect;
    usage(L, "\"%s\" is not an effect", name);
    return ML_CREATE;
}

static void on_call_end(struct ml_call *call, void *ud)
{
    struct ml_http_call *c = ud;
    size_t len;
    ml_call_body(call, &len);
    c->held += len;
    ml_meter_hold(c->meter, len);
    ml_op_finish(&c->op);
}

static void cancel_call(struct ml_op *op)
{
    struct ml_http_call *c =
        (struct ml_http_call *)((char *)op - offsetof(struct ml_http_call, op));
    if (c->call)
        ml_call_cancel(c->call);
}

static bool call_is_idle(const struct ml_op *op)
{
    const struct ml_http_call *c =
        (const struct ml_http_call *)((const char *)op - offsetof(struct ml_http_call, op));
    return c->write && c->call && ml_call_idle(c->call);
}

/* A call that has to send a body although there is none to send says so with length 0. */
static bool wants_length(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static void read_body(lua_State *L, struct ml_call_spec *spec)
{
    if (lua_getfield(L, 2, "body") == LUA_TSTRING)
        spec->body = lua_tolstring(L, -1, &spec->body_len);
    else if (wants_length(spec->method))
        spec->body = "";
}

static void read_target(lua_State *L, struct ml_call_spec *spec)
{
    const char *path = text_field(L, 2, "path", "");
    const char *query = text_field(L, 2, "query", "");
    spec->target = *query ? lua_pushfstring(L, "%s?%s", path, query) : path;
}

/* What is the same for all requests of a client. */
static struct ml_call_spec spec_of(const struct ml_http_client *c)
{
    return (struct ml_call_spec){.origin = c->origin,
                                 .rate = c->rate,
                                 .concurrency = c->concurrency,
                                 .headroom = c->headroom,
                                 .attempt_ms = c->timeout_ms};
}

/* Reads the request's table at 2; its strings stay on the stack. */
static void read_spec(lua_State *L, const struct ml_http_client *c, struct ml_call_spec *spec,
                      struct headers *headers)
{
    *spec = spec_of(c);
    spec->method = text_field(L, 2, "method", "GET");
    spec->effect = effect_of(L, text_field(L, 2, "effect", "read"));
    spec->credential = credential_line(L, c, text_field(L, 2, "credential", "default"));
    spec->deadline_ms = (int64_t)(number_field(L, 2, "timeout", 0) * 1000);
    lua_getfield(L, 2, "any_type");
    spec->json = !lua_toboolean(L, -1);
    read_target(L, spec);
    read_body(L, spec);
    read_headers(L, c, headers, spec->body_len > 0);
    spec->headers = headers->list;
    spec->headers_len = headers->len;
    spec->usual_headers = headers->usual;
}

static struct ml_http_call *new_call(lua_State *L)
{
    struct ml_http_call *call = lua_newuserdatauv(L, sizeof *call, 1);
    *call = (struct ml_http_call){0};
    ml_op_create(&call->op, cancel_call);
    call->op.idle = call_is_idle;
    luaL_setmetatable(L, ML_HTTP_CALL);
    return call;
}

/* The change on top of the stack, which is popped: the call at `at` sends it. */
static void bind_change(lua_State *L, struct ml_bind *b, struct ml_http_call *call, int at,
                        struct ml_call_spec *spec)
{
    call->write = true;
    call->change = ml_change_send(L, -1, b->sched);
    spec->watch = &ml_record_watch;
    spec->watch_ud = ml_change_noted(call->change);
    lua_setiuservalue(L, at, 1);
}

static int launch(struct ml_bind *b, struct ml_http_call *call, const struct ml_call_spec *spec,
                  const char *operation, struct ml_err *err)
{
    if (ml_reach_method(&b->reach, spec->method, spec->effect == ML_READ, err) < 0)
        return -1;
    snprintf(b->current, sizeof b->current, "%s", operation);
    if (ml_call_start(b->net, spec, on_call_end, call, &call->call, err) < 0)
        return -1;
    call->meter = b->sched->meter;
    call->held = strlen(spec->target) + spec->body_len + CALL_SIZE;
    ml_meter_hold(call->meter, call->held);
    ml_net_kick(b->net);
    return 0;
}

/*
 * client:start(request) -> call: queues a request and lets it go out if it is its turn; does
 * not wait. Members of the request: method, path and query (encoded), headers, body, credential
 * (its name), effect (read, create, update, replace, delete, once), operation (for messages),
 * timeout (seconds, all in all), any_type (true: the answer need not be JSON), change or
 * changes. Raises usage for what cannot be sent, auth without a credential, guard for a write
 * without a change or in a dry run.
 */
static int l_start(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    struct ml_http_client *c = ml_http_client(L, 1);
    struct headers headers = {.len = 0};
    struct ml_call_spec spec;
    struct ml_err err;
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    luaL_checkstack(L, 20, NULL);
    struct ml_http_call *call = new_call(L);
    read_spec(L, c, &spec, &headers);
    ml_task_check(L, b->sched);
    if (spec.effect != ML_READ) {
        if (lua_getfield(L, 2, "changes") == LUA_TNIL)
            lua_getfield(L, 2, "change");
        bind_change(L, b, call, 3, &spec);
    }
    if (launch(b, call, &spec, text_field(L, 2, "operation", spec.method), &err) < 0)
        return ml_bind_refuse(L, b, &err);
    lua_pushvalue(L, 3);
    return 1;
}

struct ml_http_call *ml_http_begin(lua_State *L, struct ml_bind *b,
                                   const struct ml_call_spec *spec, int change,
                                   const char *operation, struct ml_err *err)
{
    struct ml_call_spec watched = *spec;
    struct ml_http_call *call = new_call(L);
    int at = lua_gettop(L);
    lua_pushvalue(L, change);
    bind_change(L, b, call, at, &watched);
    if (launch(b, call, &watched, operation, err) == 0)
        return call;
    lua_pop(L, 1);
    return NULL;
}

struct ml_http_call *ml_http_send(lua_State *L, struct ml_bind *b,
                                  const struct ml_http_client *client, int change,
                                  const struct ml_http_write *w)
{
    /* As add_usual() puts them. */
    static const struct ml_call_header usual[] = {{"Accept", "application/json"},
                                                  {"Content-Type", "application/json"},
                                                  {"User-Agent", USER_AGENT}};
    struct ml_call_spec spec = spec_of(client);
    struct ml_err err; /* the slow path starts it once more, and says what is wrong */
    spec.method = w->method;
    spec.target = w->path;
    spec.credential = w->credential;
    spec.effect = ML_ABSOLUTE;
    spec.json = true;
    spec.body = w->body;
    spec.body_len = w->body_len;
    spec.headers = usual;
    spec.headers_len = sizeof usual / sizeof *usual;
    spec.usual_headers = true;
    return ml_http_begin(L, b, &spec, lua_absindex(L, change), w->operation, &err);
}

void ml_bind_http(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg client[] = {
        {"origin", l_origin}, {"start", l_start}, {"__gc", l_client_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"connect", l_connect}, {NULL, NULL}};
    ml_bind_type(L, b, CLIENT_TYPE, client);
    ml_bind_call(L, b);
    ml_bind_functions(L, b, functions);
}
