/* SPDX-License-Identifier: MIT */
/*
 * Addresses from settings and Location headers: what is accepted as an origin is its own normal
 * form, is https or loopback, and a redirect never leaves it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_origin(struct ml_net *net, const char *text)
{
    struct ml_err err;
    struct ml_origin *o = ml_net_origin(net, text, &err);
    if (!o)
        return;
    const char *normal = ml_origin_text(o);
    if (strncmp(normal, "https://", 8) != 0 &&
        !(strncmp(normal, "http://", 7) == 0 && o->loopback))
        abort();
    if (strchr(normal, '@') || ml_net_origin(net, normal, &err) != o)
        abort();
}

static void check_redirect(struct ml_net *net, const char *location)
{
    struct ml_err err;
    struct ml_origin *o = ml_net_origin(net, "https://host.example:8443", &err);
    char *url = ml_origin_resolve(o, "https://host.example:8443/api/v2/things?page=1", location,
                                  strlen(location));
    if (url && strncmp(url, "https://host.example:8443/", 26) != 0)
        abort();
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ml_log quiet;
    struct ml_net_conf conf;
    struct ml_err err;
    char *text = malloc(size + 1);
    ml_net_defaults(&conf);
    struct ml_net *net = ml_net_new(&conf, &quiet, &err);
    if (text && net) {
        memcpy(text, data, size);
        text[size] = '\0';
        check_origin(net, text);
        check_redirect(net, text);
    }
    ml_net_free(net);
    free(text);
    return 0;
}
