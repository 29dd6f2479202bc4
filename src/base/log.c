/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST_SECRET 4
#define LINE_MAX_BYTES 2000

/* One form of a secret: plain, percent-encoded or base64. */
struct ml_secret {
    struct ml_secret *next;
    size_t len;
    char text[];
};

void ml_log_create(struct ml_log *log)
{
    *log = (struct ml_log){.level = ML_LOG_WARN};
}

void ml_log_destroy(struct ml_log *log)
{
    while (log->secrets) {
        struct ml_secret *s = log->secrets;
        log->secrets = s->next;
        explicit_bzero(s->text, s->len);
        free(s);
    }
}

/* Longest first: a short secret that is part of a longer one must not hide it. */
static int remember(struct ml_log *log, const char *text, size_t len)
{
    struct ml_secret *s = malloc(sizeof *s + len + 1);
    if (!s)
        return -1;
    s->len = len;
    memcpy(s->text, text, len);
    s->text[len] = '\0';
    struct ml_secret **at = &log->secrets;
    while (*at && (*at)->len > len)
        at = &(*at)->next;
    s->next = *at;
    *at = s;
    return 0;
}

static size_t percent_encode(const char *s, char *out)
{
    static const char keep[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    char *o = out;
    for (; *s; s++) {
        if (strchr(keep, *s))
            *o++ = *s;
        else
            o += sprintf(o, "%%%02X", (unsigned char)*s);
    }
    *o = '\0';
    return (size_t)(o - out);
}

/* Without the last group: what follows the secret would change it. */
static size_t base64_head(const char *s, size_t len, char *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *o = out;
    for (size_t i = 0; i + 3 <= len; i += 3) {
        unsigned v =
            (unsigned char)s[i] << 16 | (unsigned char)s[i + 1] << 8 | (unsigned char)s[i + 2];
        *o++ = digits[v >> 18];
        *o++ = digits[v >> 12 & 63];
        *o++ = digits[v >> 6 & 63];
        *o++ = digits[v & 63];
    }
    *o = '\0';
    return (size_t)(o - out);
}

int ml_log_secret(struct ml_log *log, const char *secret)
{
    size_t len = strlen(secret);
    if (len < SHORTEST_SECRET)
        return 0;
    char *form = malloc(len * 3 + 1);
    if (!form)
        return -1;
    int rc = remember(log, secret, len);
    size_t n = percent_encode(secret, form);
    if (rc == 0 && n != len)
        rc = remember(log, form, n);
    /* In "user:secret" the secret may begin at any byte of a group of three. */
    for (size_t skip = 0; skip < 3; skip++) {
        n = base64_head(secret + skip, len - skip, form);
        if (rc == 0 && n >= 8)
            rc = remember(log, form, n);
    }
    explicit_bzero(form, len * 3 + 1);
    free(form);
    return rc;
}

void ml_log_redact(const struct ml_log *log, char *text)
{
    for (const struct ml_secret *s = log->secrets; s; s = s->next) {
        char *at = text;
        while ((at = strstr(at, s->text)) != NULL) {
            memcpy(at, "***", 3);
            memmove(at + 3, at + s->len, strlen(at + s->len) + 1);
            at += 3;
        }
    }
}

/* How many bytes at the end of the text are the beginning of this secret, 0 = too few to tell.
 */
static size_t overlap(const struct ml_secret *s, const char *text, size_t len)
{
    size_t n = s->len - 1 < len ? s->len - 1 : len;
    while (n >= SHORTEST_SECRET && memcmp(text + len - n, s->text, n) != 0)
        n--;
    return n >= SHORTEST_SECRET ? n : 0;
}

/* A cut may have left the beginning of a secret at the end of the text. */
static void redact_cut(const struct ml_log *log, char *text)
{
    size_t len = strlen(text), most = 0;
    for (const struct ml_secret *s = log->secrets; s; s = s->next) {
        size_t n = overlap(s, text, len);
        most = n > most ? n : most;
    }
    if (most)
        memcpy(text + len - most, "***", 4);
}

bool ml_log_wants(const struct ml_log *log, int level)
{
    return log->sink && level <= log->level;
}

void ml_log(const struct ml_log *log, int level, const char *fmt, ...)
{
    if (!ml_log_wants(log, level))
        return;
    char line[LINE_MAX_BYTES + 1];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    ml_log_redact(log, line);
    if (n >= (int)sizeof line)
        redact_cut(log, line);
    log->sink(log->ud, level, line, strlen(line));
}
