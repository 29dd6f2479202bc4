/* SPDX-License-Identifier: MIT */
/*
 * Where the secret of a credential comes from: the host, the command of a profile, the
 * environment (or what the host has set), the file of a profile, in this order.
 *
 * A file is credentials/PROFILE in the configuration directory: lines
 * NAME=VALUE, where the names `service` and `origin` say what the secrets are
 * for, and the others are those of credentials (SCREENDESK_TOKEN=...). It is
 * read only when it belongs to the user and nobody else may read it.
 *
 * Invariants: no secret is ever a Lua value, and copies are wiped; a secret of a
 * file goes to the origin in that file and to no other.
 *
 *     const char *secret;
 *     if (ml_credential_find(L, b, t, "SCREENDESK_TOKEN", origin, &secret, &err) < 0) ...
 */
#ifndef ML_BIND_CREDENTIAL_H
#define ML_BIND_CREDENTIAL_H

#include <lua.h>

#include "bind/bind.h"

/* The secret of the credential that the table at stack index t describes (`command`: array of
 * words, or none), for a client whose options are at index 1 (`profile`, `environment` =
 * false). *secret is NULL where there is none, and is valid until the next one is looked for.
 * -1 with err. */
int ml_credential_find(lua_State *L, struct ml_bind *b, int t, const char *env,
                       const char *origin, const char **secret, struct ml_err *err);
/* The directory of config.lua and credentials/; "" where there is none. The buffer holds it. */
const char *ml_credential_directory(const struct ml_bind *b, char *buffer, size_t size);

#endif
