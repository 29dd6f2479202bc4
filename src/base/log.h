/* SPDX-License-Identifier: MIT */
/*
 * Log lines go to one sink, and no secret passes it.
 *
 * Each credential is registered when it is loaded; every line is searched for
 * it, as it is, percent-encoded and in base64, before the sink sees it. The
 * same filter serves reports and error texts (ml_log_redact).
 *
 * One struct ml_log belongs to one engine; there is no global log.
 */
#ifndef ML_BASE_LOG_H
#define ML_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum ml_level { ML_LOG_ERROR, ML_LOG_WARN, ML_LOG_INFO, ML_LOG_DEBUG };

typedef void (*ml_log_fn)(void *ud, int level, const char *text, size_t len);

struct ml_secret;

struct ml_log {
    ml_log_fn sink; /* NULL: lines are dropped */
    void *ud;
    int level;                 /* lines above this level are dropped */
    struct ml_secret *secrets; /* owned list */
};

void ml_log_create(struct ml_log *log);
/* Wipes and frees the secrets. */
void ml_log_destroy(struct ml_log *log);
/* Registers a secret of at least 4 bytes; shorter ones cannot be told from text and are
 * ignored. 0, or -1 when memory is out. */
int ml_log_secret(struct ml_log *log, const char *secret);
/* Replaces every form of every secret in text (in place, same length or shorter) by "***". */
void ml_log_redact(const struct ml_log *log, char *text);
/* Writes one line, without a newline. Longer than 2,000 bytes it is cut. */
/* Is there somebody for lines of this level? Spares making them. */
bool ml_log_wants(const struct ml_log *log, int level);
void ml_log(const struct ml_log *log, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
