/* SPDX-License-Identifier: MIT */
/*
 * Credentials leave the environment before anything else happens.
 *
 * What stays in the environment is seen by os.getenv in scripts, by programs
 * that scripts start, and in /proc/PID/environ. So the values are copied, the
 * originals wiped, and the copies wiped as soon as the engine has them. When
 * there was one, the process writes no core dump and cannot be traced by
 * others of the same user.
 *
 *     struct ml_secrets s;
 *     ml_secrets_take(&s, moonlever_credential_names(), &err);
 *     for (size_t i = 0; i < s.count; i++)
 *         moonlever_set(h, "credential", s.text[i]);
 *     ml_secrets_wipe(&s);
 */
#ifndef ML_CLI_SECRETS_H
#define ML_CLI_SECRETS_H

#include "base/err.h"

#include <stddef.h>

#define ML_SECRETS_MAX 16

struct ml_secrets {
    char *text[ML_SECRETS_MAX]; /* owned, "NAME=VALUE" */
    size_t count;
};

/* Takes the variables of these names (ended by NULL) out of the environment. A variable that is
 * empty counts as not set. -1 when memory is out, when there are more than ML_SECRETS_MAX, or
 * when the process cannot be closed to others; what was taken is wiped then. */
int ml_secrets_take(struct ml_secrets *s, const char *const *names, struct ml_err *err);
/* From now on the process writes no core dump, and others of the same user cannot trace it. */
int ml_secrets_close_process(struct ml_err *err);
/* Wipes and frees the copies. Harmless when done already. */
void ml_secrets_wipe(struct ml_secrets *s);

#endif
