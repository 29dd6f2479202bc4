/* SPDX-License-Identifier: MIT */
#include "practice/route.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes percent escapes of len bytes into out, NUL behind. Bytes written, -1 when an escape
 * is bad, means NUL, or cap is too small. */
static int decode(const char *s, size_t len, bool plus_is_blank, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
            if (low < 0 || high + low == 0)
                return -1;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (n + 1 >= cap)
            return -1;
        out[n++] = c;
    }
    out[n] = '\0';
    return (int)n;
}

int ml_route_split(const char *uri, struct ml_target *target)
{
    size_t path_len = strcspn(uri, "?");
    char *out = target->text;
    target->segments = 0;
    target->query = uri[path_len] ? uri + path_len + 1 : "";
    if (path_len > ML_TARGET_MAX - ML_TARGET_SEGMENTS || uri[0] != '/')
        return -1;
    for (size_t at = 1; at <= path_len;) {
        size_t len = strcspn(uri + at, "/?");
        if (target->segments == ML_TARGET_SEGMENTS)
            return -1;
        int n = decode(uri + at, len, false, out, len + 1);
        if (n < 0)
            return -1;
        target->segment[target->segments++] = out;
        out += n + 1;
        at += len + 1;
    }
    return 0;
}

/* How many parameters the template has when it fits, else -1. */
static int fit(const char *path, const struct ml_target *target, const char **param)
{
    int params = 0;
    size_t segment = 0;
    for (const char *at = path; *at == '/'; segment++) {
        at++;
        size_t len = strcspn(at, "/");
        if (segment == target->segments)
            return -1;
        const char *have = target->segment[segment];
        if (at[0] == '{') {
            if (!*have || params == ML_TARGET_PARAMS)
                return -1;
            param[params++] = have;
        } else if (strlen(have) != len || memcmp(have, at, len) != 0) {
            return -1;
        }
        at += len;
    }
    return segment == target->segments ? params : -1;
}

static bool brings(const struct ml_route *route, const char *header)
{
    return !header || !route->header || strcmp(route->header, header) == 0;
}

const struct ml_route *ml_route_match(const struct ml_route *routes, const char *method,
                                      const char *header, struct ml_target *target)
{
    const struct ml_route *best = NULL;
    int fewest = ML_TARGET_PARAMS + 1;
    for (const struct ml_route *route = routes; route->operation; route++) {
        const char *param[ML_TARGET_PARAMS] = {NULL};
        if (strcmp(route->method, method) != 0 || !brings(route, header))
            continue;
        int params = fit(route->path, target, param);
        if (params < 0 || params >= fewest)
            continue;
        best = route;
        fewest = params;
        memcpy(target->param, param, sizeof param);
    }
    return best;
}

int ml_route_query(const char *query, const char *name, char *out, size_t cap)
{
    size_t name_len = strlen(name);
    while (*query) {
        size_t len = strcspn(query, "&");
        size_t key = strcspn(query, "=&");
        if (key == name_len && memcmp(query, name, key) == 0) {
            size_t skip = key < len ? key + 1 : len;
            return decode(query + skip, len - skip, true, out, cap) < 0 ? -1 : 1;
        }
        query += len + (query[len] == '&');
    }
    return 0;
}
