/* SPDX-License-Identifier: MIT */
#include "cli/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void ml_secrets_wipe(struct ml_secrets *s)
{
    for (size_t i = 0; i < s->count; i++) {
        explicit_bzero(s->text[i], strlen(s->text[i]));
        free(s->text[i]);
    }
    s->count = 0;
}

/* Overwrites every value of this name in the block that the kernel shows in /proc; getenv sees
 * the first only. */
static void wipe_originals(const char *name)
{
    size_t n = strlen(name);
    for (char **e = environ; *e; e++)
        if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
            explicit_bzero(*e + n + 1, strlen(*e + n + 1));
}

static int take_one(struct ml_secrets *s, const char *name, struct ml_err *err)
{
    const char *value = getenv(name);
    if (!value)
        return 0;
    int rc = 0;
    if (*value && s->count == ML_SECRETS_MAX) {
        rc = ml_err_set(err, ML_USAGE, "too many credentials in the environment");
    } else if (*value) {
        if (asprintf(&s->text[s->count], "%s=%s", name, value) < 0)
            rc = ml_err_set(err, ML_MEMORY, "out of memory");
        else
            s->count++;
    }
    wipe_originals(name);
    unsetenv(name);
    return rc;
}

/* A memory image would hold the credentials. Sanitizers need to trace their own process. */
int ml_secrets_close_process(struct ml_err *err)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return ml_err_set(err, ML_USAGE, "cannot turn off core dumps: %s", strerror(errno));
#ifndef __SANITIZE_ADDRESS__
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return ml_err_set(err, ML_USAGE, "cannot close the process to others: %s",
                          strerror(errno));
#endif
    return 0;
}

int ml_secrets_take(struct ml_secrets *s, const char *const *names, struct ml_err *err)
{
    int rc = 0;
    s->count = 0;
    for (; *names; names++)
        if (take_one(s, *names, err) < 0)
            rc = -1; /* go on: no credential may stay in the environment */
    if (rc == 0 && s->count > 0)
        rc = ml_secrets_close_process(err);
    if (rc < 0)
        ml_secrets_wipe(s);
    return rc;
}
