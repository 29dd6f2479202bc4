/* SPDX-License-Identifier: MIT */
/*
 * The lines of earlier sessions: a file of plain lines, 0600, in the state
 * directory.
 *
 * Each line is appended when it is entered, so that sessions side by side lose
 * nothing; at the start the file is cut to the last KEPT lines. What may hold a
 * secret is never written: lines that begin with a blank, lines with one of the
 * credentials in them, and lines that speak of tokens or passwords.
 *
 *     struct ml_history h;
 *     ml_history_open(&h, secrets);
 *     for (size_t i = 0; i < h.count; i++) show(h.lines[i]);
 *     ml_history_add(&h, "sd.users:list()");
 *     ml_history_close(&h);
 */
#ifndef ML_CLI_HISTORY_H
#define ML_CLI_HISTORY_H

#include "base/log.h"
#include "cli/secrets.h"

#include <stdbool.h>
#include <stddef.h>

struct ml_history {
    char **lines; /* owned, oldest first */
    size_t count;
    char *path;            /* owned; NULL = nowhere: lines last as long as the session */
    struct ml_log secrets; /* for finding them in lines */
};

/* Reads what there is. A history that cannot be read is empty, one that cannot be written is
 * not kept: a session does not depend on it. The secrets are copied. */
void ml_history_open(struct ml_history *h, const struct ml_secrets *secrets);
void ml_history_close(struct ml_history *h);
/* Takes in one line. True when it was kept: not blank, not the last one again, no secret. */
bool ml_history_add(struct ml_history *h, const char *line);
/* May the line be written down? */
bool ml_history_is_harmless(const struct ml_history *h, const char *line);

#endif
