/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/private.h"

/* Loopback is 127.0.0.0/8, ::1 and localhost. */
static bool is_loopback(const char *host)
{
    struct in_addr four;
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &four) == 1 && (ntohl(four.s_addr) >> 24) == 127;
}

/* Names of hosts are the same in either case; what is compared later is the text. */
static char *lower(char *host)
{
    for (char *c = host; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return host;
}

/* A part of a URL, or false: it has none, or memory is out, which must not look alike. */
static bool get(CURLU *u, CURLUPart part, unsigned flags, char **out, bool *no_memory)
{
    CURLUcode code = curl_url_get(u, part, out, flags);
    *no_memory |= code == CURLUE_OUT_OF_MEMORY;
    return code == CURLUE_OK;
}

static bool has_part(CURLU *u, CURLUPart part, const char *but, bool *no_memory)
{
    char *text = NULL;
    bool has = get(u, part, 0, &text, no_memory) && strcmp(text, but) != 0;
    curl_free(text);
    return has;
}

/* Why a parsed URL cannot be an origin, or NULL. */
static const char *objection(CURLU *u, const char *scheme, bool loopback, bool *no_memory)
{
    if (has_part(u, CURLUPART_USER, "", no_memory) ||
        has_part(u, CURLUPART_PASSWORD, "", no_memory))
        return "it holds a user name; credentials have their own settings";
    if (has_part(u, CURLUPART_PATH, "/", no_memory) ||
        has_part(u, CURLUPART_QUERY, "", no_memory) ||
        has_part(u, CURLUPART_FRAGMENT, "", no_memory))
        return "give scheme, host and port only; paths such as /api/v2 are appended";
    if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        return "the scheme must be https";
    if (strcmp(scheme, "http") == 0 && !loopback)
        return "plain http is for this machine only; use https";
    return NULL;
}

static struct ml_origin *new_origin(const char *scheme, const char *host, const char *port)
{
    struct ml_origin *o = calloc(1, sizeof *o);
    size_t len = strlen(scheme) + strlen(host) + (port ? strlen(port) : 0) + 5;
    if (!o || (o->text = malloc(len)) == NULL) {
        free(o);
        return NULL;
    }
    o->loopback = is_loopback(host);
    o->tls = strcmp(scheme, "https") == 0;
    snprintf(o->text, len, "%s://%s%s%s", scheme, host, port ? ":" : "", port ? port : "");
    return o;
}

/* The origin of a URL; NULL with why it is none, or with *no_memory set. */
static struct ml_origin *origin_of(CURLU *u, const char *text, const char **why,
                                   bool *no_memory)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    struct ml_origin *o = NULL;
    CURLUcode code = curl_url_set(u, CURLUPART_URL, text, 0);
    *no_memory = code == CURLUE_OUT_OF_MEMORY;
    if (code != CURLUE_OK || !get(u, CURLUPART_SCHEME, 0, &scheme, no_memory) ||
        !get(u, CURLUPART_HOST, 0, &host, no_memory))
        *why = "it should look like https://host or https://host:port";
    else
        *why = objection(u, scheme, is_loopback(lower(host)), no_memory);
    get(u, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, &port, no_memory);
    if (!*why && !*no_memory) {
        o = new_origin(scheme, host, port);
        *no_memory = !o;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return o;
}

static struct ml_origin *parse(const char *text, struct ml_err *err)
{
    const char *why = NULL;
    bool no_memory = true;
    CURLU *u = curl_url();
    struct ml_origin *o = u ? origin_of(u, text, &why, &no_memory) : NULL;
    if (no_memory)
        ml_err_set(err, ML_MEMORY, "out of memory");
    else if (why)
        ml_err_set(err, ML_USAGE, "\"%.200s\" is not an address to use: %s", text, why);
    curl_url_cleanup(u);
    return o;
}

char *ml_net_spell(const char *text, struct ml_err *err)
{
    struct ml_origin *o = parse(text, err);
    char *spelled = o ? strdup(o->text) : NULL;
    if (o && !spelled)
        ml_err_set(err, ML_MEMORY, "out of memory");
    if (o)
        ml_origin_free(o);
    return spelled;
}

struct ml_origin *ml_net_origin(struct ml_net *net, const char *text, struct ml_err *err)
{
    struct ml_origin *o = parse(text, err);
    if (!o)
        return NULL;
    for (struct ml_origin *known = net->origins; known; known = known->next)
        if (strcmp(known->text, o->text) == 0) {
            ml_origin_free(o);
            return known;
        }
    o->next = net->origins;
    net->origins = o;
    return o;
}

void ml_origin_free(struct ml_origin *origin)
{
    free(origin->text);
    free(origin);
}

const char *ml_origin_text(const struct ml_origin *origin)
{
    return origin->text;
}

/* Is the parsed URL on the origin? What is left without path and query must be ours. */
static bool is_ours(CURLU *u, const struct ml_origin *origin)
{
    struct ml_err ignored;
    char *rest = NULL;
    curl_url_set(u, CURLUPART_PATH, NULL, 0);
    curl_url_set(u, CURLUPART_QUERY, NULL, 0);
    curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
    struct ml_origin *other = NULL;
    if (curl_url_get(u, CURLUPART_URL, &rest, CURLU_NO_DEFAULT_PORT) == CURLUE_OK)
        other = parse(rest, &ignored);
    bool ours = other && strcmp(other->text, origin->text) == 0;
    if (other)
        ml_origin_free(other);
    curl_free(rest);
    return ours;
}

/* Path and query behind the origin's own text: a Location may spell the host in other letters,
 * and what is sent and written down has one spelling. */
static char *on_origin(const struct ml_origin *origin, const char *full)
{
    const char *path = strchr(strstr(full, "://") + 3, '/');
    char *url = NULL;
    return asprintf(&url, "%s%s", origin->text, path) < 0 ? NULL : url;
}

char *ml_origin_resolve(const struct ml_origin *origin, const char *url, const char *location,
                        size_t len)
{
    char *relative = strndup(location, len), *full = NULL, *resolved = NULL;
    CURLU *u = curl_url();
    if (u && relative && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_URL, relative, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_URL, &full, CURLU_NO_DEFAULT_PORT) == CURLUE_OK &&
        is_ours(u, origin))
        resolved = on_origin(origin, full);
    curl_free(full);
    curl_url_cleanup(u);
    free(relative);
    return resolved;
}
