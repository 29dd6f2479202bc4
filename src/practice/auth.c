/* SPDX-License-Identifier: MIT */
/*
 * Who may come in: the credentials of the services. The kind of the route
 * decides which one is asked for; none opens what is another's (SD-20).
 *
 * Where a service has ordinary users, their credential is the admin's with
 * "-member" behind it.
 */
#include "practice/server.h"

#include <string.h>
#include <strings.h>

const char *ml_auth_header(const struct ml_ask *ask)
{
    return ask->api_key ? "X-API-KEY" : ask->authorization ? "Authorization" : NULL;
}

/* The credential as given, without the scheme; NULL: there is none, or another scheme. */
static const char *given(const struct ml_ask *ask)
{
    const char *authorization = ask->authorization;
    if (strcmp(ask->route->service, "workdrive") == 0)
        return ask->api_key;
    return authorization && strncasecmp(authorization, "Bearer ", 7) == 0 ? authorization + 7
                                                                          : NULL;
}

static const char *wanted(const struct ml_practice *p, const struct ml_route *route)
{
    if (strcmp(route->service, "screendragon") == 0)
        return p->dragon_token;
    if (strcmp(route->service, "workdrive") == 0)
        return p->work_key;
    return strcmp(route->credential, "scim") == 0 ? p->scim_token : p->token;
}

const char *ml_auth_refusal(const struct ml_practice *p, struct ml_ask *ask)
{
    const char *has = given(ask);
    const char *opens = wanted(p, ask->route);
    bool members = strcmp(ask->route->service, "screendesk") != 0;
    if (!ml_auth_header(ask))
        return "Access token is missing";
    if (has && strcmp(has, opens) == 0)
        return NULL;
    size_t len = strlen(opens);
    ask->member =
        has && members && strncmp(has, opens, len) == 0 && strcmp(has + len, "-member") == 0;
    return ask->member ? NULL : "Access token is not valid";
}
