/* SPDX-License-Identifier: MIT */
/*
 * The files of credentials, credentials/NAME in the configuration directory:
 * lines service=, origin=, and NAME=SECRET for each token
 * (src/bind/credential.h reads them).
 *
 * A file is there whole or not at all, belongs to the user alone (0600) from its
 * first byte on, and is on disk before its name is.
 *
 *     struct ml_account a = {"acme", "screendesk", "https://...", "SCREENDESK_TOKEN", token};
 *     if (ml_account_store(directory, &a, &err) < 0) ...
 */
#ifndef ML_CLI_ACCOUNT_FILE_H
#define ML_CLI_ACCOUNT_FILE_H

#include "base/err.h"

#include <stddef.h>

struct ml_account {
    const char *profile, *service, *origin;
    const char *name, *secret; /* of the token */
};

/* $MOONLEVER_CONFIG_DIR, $XDG_CONFIG_HOME/moonlever or ~/.config/moonlever. -1: there is none.
 */
int ml_account_directory(char *out, size_t size, struct ml_err *err);
/* Makes the directory and those above it that are missing (0700). */
int ml_account_make(const char *directory, struct ml_err *err);
/* Stores the token, and keeps the other tokens of the same profile and origin. */
int ml_account_store(const char *directory, const struct ml_account *a, struct ml_err *err);
/* The names of the files there, no more than `most`, malloc'd and the caller's. Returns how
 * many; where there is no place, there are none. */
int ml_account_names(const char **names, int most);

#endif
