/* SPDX-License-Identifier: MIT */
#include "bind/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LONGEST 4096
#define FILE_MAX (64 * 1024)
#define SECRET_MAX 8192
#define WORDS_MAX 64

/* --- where it all is --- */

static const char *home_of(const struct ml_bind *b, char *entry, size_t size)
{
    const char *home = b->env ? ml_bind_get(b, "HOME") : NULL;
    struct passwd user, *found = NULL;
    if (home && home[0])
        return home;
    return getpwuid_r(getuid(), &user, entry, size, &found) == 0 && found ? user.pw_dir : NULL;
}

const char *ml_credential_directory(const struct ml_bind *b, char *buffer, size_t size)
{
    char entry[PATH_LONGEST];
    const char *set = ml_bind_get(b, "MOONLEVER_CONFIG_DIR");
    const char *base = b->env ? ml_bind_get(b, "XDG_CONFIG_HOME") : NULL;
    const char *home = b->env && !set ? home_of(b, entry, sizeof entry) : NULL;
    int n = 0;
    if (set)
        n = snprintf(buffer, size, "%s", set);
    else if (base && base[0] == '/') /* a relative path is to be ignored (XDG) */
        n = snprintf(buffer, size, "%s/moonlever", base);
    else if (home && home[0] == '/')
        n = snprintf(buffer, size, "%s/.config/moonlever", home);
    if (n <= 0 || (size_t)n >= size)
        buffer[0] = '\0';
    return buffer;
}

/* The name becomes a part of a path. */
static bool is_profile(const char *name)
{
    static const char signs[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strlen(name);
    return n > 0 && n <= 64 && name[0] != '.' && name[0] != '-' && strspn(name, signs) == n;
}

/* --- the file of a profile --- */

/* A file that others may read has been read by others. */
static int check_file(int fd, const char *path, struct ml_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return ml_err_set(err, ML_USAGE, "cannot read %.200s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
        return ml_err_set(err, ML_USAGE, "%.200s is no file with credentials", path);
    if (st.st_uid != geteuid())
        return ml_err_set(
            err, ML_USAGE,
            "%.200s holds credentials and belongs to another user: it is not used", path);
    if (st.st_mode & 077)
        return ml_err_set(err, ML_USAGE,
                          "%.200s holds credentials, and others may read it (mode %04o): it is "
                          "not used; run chmod 600 on it, and get a new token",
                          path, (unsigned)st.st_mode & 07777);
    return 0;
}

/* Reads it whole into text, ended by NUL. 1, 0 where there is no file, -1. */
static int read_file(const char *path, char text[FILE_MAX + 1], struct ml_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : ml_err_set(err, ML_USAGE, "cannot read %.200s: %s", path, strerror(errno));
    int rc = check_file(fd, path, err);
    size_t len = 0;
    ssize_t n = 0;
    while (rc == 0 && len < FILE_MAX && (n = read(fd, text + len, FILE_MAX - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    if (n < 0)
        rc = ml_err_set(err, ML_USAGE, "cannot read %.200s: %s", path, strerror(errno));
    close(fd);
    return rc < 0 ? -1 : 1;
}

/* Reads credentials/PROFILE. As read_file. */
static int read_profile(const struct ml_bind *b, const char *profile, char text[FILE_MAX + 1],
                        struct ml_err *err)
{
    char directory[PATH_LONGEST], path[PATH_LONGEST + 100];
    text[0] = '\0';
    if (!is_profile(profile))
        return ml_err_set(err, ML_USAGE,
                          "'%.80s' is no name for a profile: letters, digits, and . _ -",
                          profile);
    if (!*ml_credential_directory(b, directory, sizeof directory))
        return 0;
    snprintf(path, sizeof path, "%s/credentials/%s", directory, profile);
    return read_file(path, text, err);
}

/* The next line of text as a name and a value, both ended by NUL in place. False at the end. */
static bool next_pair(char **text, const char **name, const char **value)
{
    while (**text) {
        char *line = *text, *end = line + strcspn(line, "\n");
        *text = *end ? end + 1 : end;
        *end = '\0';
        char *equals = strchr(line, '=');
        if (!equals || line[0] == '#')
            continue;
        *equals = '\0';
        *name = line;
        *value = equals + 1;
        return true;
    }
    return false;
}

/* Copies the secret of that name out of the text of a file, if it is for this origin. */
static int pick(char *text, const char *profile, const char *env, const char *origin,
                char out[SECRET_MAX], struct ml_err *err)
{
    const char *name, *value, *home = NULL;
    while (next_pair(&text, &name, &value))
        if (strcmp(name, "origin") == 0)
            home = value;
        else if (strcmp(name, env) == 0)
            snprintf(out, SECRET_MAX, "%s", value);
    if (!*out || (home && strcmp(home, origin) == 0))
        return 0;
    explicit_bzero(out, SECRET_MAX);
    return ml_err_set(
        err, ML_USAGE,
        "the credentials of profile %.64s are for %.200s and not for %.200s: sign "
        "in again with moonlever login --profile %.64s",
        profile, home ? home : "no origin", origin, profile);
}

static int from_file(const struct ml_bind *b, const char *profile, const char *env,
                     const char *origin, char out[SECRET_MAX], struct ml_err *err)
{
    char text[FILE_MAX + 1];
    int rc = read_profile(b, profile, text, err);
    if (rc > 0)
        rc = pick(text, profile, env, origin, out, err);
    explicit_bzero(text, sizeof text);
    return rc < 0 ? -1 : 0;
}

/* --- the command of a profile --- */

/* The words of the array on top of the stack; they stay there. */
static int words_of(lua_State *L, const char *words[WORDS_MAX + 1])
{
    int list = lua_gettop(L);
    size_t n = lua_rawlen(L, list);
    luaL_argcheck(L, n > 0 && n <= WORDS_MAX, 1, "bad command");
    luaL_checkstack(L, WORDS_MAX, NULL);
    for (size_t i = 0; i < n; i++) {
        luaL_argcheck(L, lua_rawgeti(L, list, (lua_Integer)i + 1) == LUA_TSTRING, 1,
                      "bad command");
        words[i] = lua_tostring(L, -1);
    }
    words[n] = NULL;
    return 0;
}

static int from_command(const struct ml_bind *b, const char *profile, const char *const *words,
                        char out[SECRET_MAX], struct ml_err *err)
{
    if (!b->command)
        return ml_err_set(
            err, ML_USAGE,
            "profile %.64s gets its token from %.80s, and there is nobody to run it: "
            "use the program moonlever, or set the token in the environment",
            profile, words[0]);
    ptrdiff_t n = b->command(b->command_ud, words, out, SECRET_MAX);
    if (n > 0 && n < SECRET_MAX)
        return 0;
    explicit_bzero(out, SECRET_MAX);
    return ml_err_set(err, ML_AUTH, "profile %.64s has no token: its token_cmd (%.80s) %s",
                      profile, words[0], n == 0 ? "printed nothing" : "failed");
}

/* --- the host itself --- */

static int from_host(const struct ml_bind *b, const char *env, const char *origin,
                     char out[SECRET_MAX], struct ml_err *err)
{
    if (!b->host.credential)
        return 0;
    ptrdiff_t n = b->host.credential(b->host.credential_ud, env, origin, out, SECRET_MAX);
    if (n >= 0 && n < SECRET_MAX) {
        out[n] = '\0';
        return 0;
    }
    explicit_bzero(out, SECRET_MAX);
    return ml_err_set(err, ML_FORBIDDEN, "the host program gives no %.60s for %.200s", env,
                      origin);
}

/* --- all of them --- */

/* What a command or a file gave is kept for the next client: a password manager asks people
 * once. The name has a slash in it, so no setting of somebody else is meant. */
static int keep(struct ml_bind *b, const char *key, char secret[SECRET_MAX], const char **kept,
                struct ml_err *err)
{
    const char *known = ml_bind_get(b, key);
    bool same = known && strcmp(known, secret) == 0;
    int rc = *secret && !same ? ml_bind_set(b, key, secret) : 0;
    explicit_bzero(secret, SECRET_MAX);
    if (rc < 0)
        return ml_err_set(err, ML_MEMORY, "out of memory");
    *kept = ml_bind_get(b, key);
    return 0;
}

/* Control characters in a secret would split the header; a newline at its end is a common slip.
 */
static int check_secret(const char *secret, const char *env, struct ml_err *err)
{
    for (const unsigned char *p = (const unsigned char *)(secret ? secret : ""); *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return ml_err_set(
                err, ML_USAGE,
                "%s holds a line break or another control character; set it again without",
                env);
    return 0;
}

static bool environment_counts(lua_State *L)
{
    lua_getfield(L, 1, "environment");
    bool counts = lua_isnil(L, -1) || lua_toboolean(L, -1);
    lua_pop(L, 1);
    return counts;
}

static int find(lua_State *L, struct ml_bind *b, int t, const char *env, const char *origin,
                const char **secret, struct ml_err *err)
{
    char found[SECRET_MAX] = "", key[400];
    const char *words[WORDS_MAX + 1];
    lua_getfield(L, 1, "profile");
    const char *profile = lua_tostring(L, -1); /* stays on the stack: anchored */
    if (from_host(b, env, origin, found, err) < 0)
        return -1;
    snprintf(key, sizeof key, "host/%.60s/%.200s", env, origin);
    if (*found)
        return keep(b, key, found, secret, err);
    *secret = environment_counts(L) ? ml_bind_get(b, env) : NULL;
    if (!profile)
        return 0;
    bool command = lua_getfield(L, t, "command") == LUA_TTABLE;
    snprintf(key, sizeof key, "%s/%.80s/%.60s/%.200s", command ? "command" : "file", profile,
             env, origin);
    if (!command && *secret && **secret)
        return 0;
    const char *kept = ml_bind_get(b, key);
    if (kept) {
        *secret = kept;
        return 0;
    }
    int rc = command ? words_of(L, words) < 0 || from_command(b, profile, words, found, err) < 0
                     : from_file(b, profile, env, origin, found, err) < 0;
    return rc ? -1 : keep(b, key, found, secret, err);
}

int ml_credential_find(lua_State *L, struct ml_bind *b, int t, const char *env,
                       const char *origin, const char **secret, struct ml_err *err)
{
    return find(L, b, t, env, origin, secret, err) < 0 ? -1 : check_secret(*secret, env, err);
}

/* --- for Lua --- */

/* raw.config_directory() -> path or nil */
static int l_config_directory(lua_State *L)
{
    char directory[PATH_LONGEST];
    if (!*ml_credential_directory(ml_bind_of(L), directory, sizeof directory))
        return 0;
    lua_pushstring(L, directory);
    return 1;
}

/* Fills the table on top of the stack: service, origin, and names = { ... }. */
static void push_pairs(lua_State *L, char *text)
{
    const char *name, *value;
    lua_newtable(L);
    while (next_pair(&text, &name, &value)) {
        if (strcmp(name, "service") == 0 || strcmp(name, "origin") == 0) {
            lua_pushstring(L, value);
            lua_setfield(L, -3, name);
        } else {
            lua_pushboolean(L, 1);
            lua_setfield(L, -2, name);
        }
    }
    lua_setfield(L, -2, "names");
}

/* raw.stored(profile) -> { service =, origin =, names = { SCREENDESK_TOKEN = true } } or nil:
 * what the file of a profile holds, without the secrets. Raises usage when it may not be read.
 */
static int l_stored(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    const char *profile = luaL_checkstring(L, 1);
    struct ml_err err;
    char *text = lua_newuserdatauv(L, FILE_MAX + 1, 0);
    int rc = read_profile(b, profile, text, &err);
    if (rc > 0) {
        lua_newtable(L);
        push_pairs(L, text);
    }
    explicit_bzero(text, FILE_MAX + 1);
    if (rc < 0)
        return ml_bind_raise(L, &err);
    return rc;
}

/* raw.has_credential(name) -> is SCREENDESK_TOKEN, say, set, or may the host program know it?
 */
static int l_has_credential(lua_State *L)
{
    const struct ml_bind *b = ml_bind_of(L);
    const char *secret = ml_bind_get(b, luaL_checkstring(L, 1));
    lua_pushboolean(L, b->host.credential || (secret && *secret));
    return 1;
}

/* raw.use_profile(name, production): the run is of this profile, too */
static int l_use_profile(lua_State *L)
{
    struct ml_bind *b = ml_bind_of(L);
    const char *name = luaL_checkstring(L, 1);
    if (ml_buf_addf(&b->profiles, "%s%s", b->profiles.len ? "," : "", name) < 0)
        return luaL_error(L, "too many profiles in one run");
    b->door.profiles = ml_buf_str(&b->profiles);
    if (lua_toboolean(L, 2))
        ml_door_production(&b->door, name);
    return 0;
}

void ml_bind_credential(lua_State *L, struct ml_bind *b)
{
    static const luaL_Reg functions[] = {{"config_directory", l_config_directory},
                                         {"stored", l_stored},
                                         {"has_credential", l_has_credential},
                                         {"use_profile", l_use_profile},
                                         {NULL, NULL}};
    ml_bind_functions(L, b, functions);
}
