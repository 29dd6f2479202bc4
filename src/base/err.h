/* SPDX-License-Identifier: MIT */
/*
 * One error: a kind that programs branch on and a sentence for people.
 *
 * Functions that can fail return 0 or -1 and take `struct ml_err *err` last;
 * err is written only on failure and may not be NULL.
 *
 *     return ml_err_set(err, ML_USAGE, "the port %d is not between 0 and 65535", port);
 */
#ifndef ML_BASE_ERR_H
#define ML_BASE_ERR_H

/* The kinds of `err.kind` in scripts, in the order of ml_kind_name(). */
enum ml_kind {
    ML_NONE,      /* no error */
    ML_NETWORK,   /* could not connect, or the connection broke */
    ML_TIMEOUT,   /* no answer in time */
    ML_AUTH,      /* 401: the credential is missing or wrong */
    ML_FORBIDDEN, /* 403 */
    ML_NOTFOUND,  /* 404, 410 */
    ML_INVALID,   /* 400, 422 and other refusals of what was sent */
    ML_CONFLICT,  /* 409, 412, or an object that changed meanwhile */
    ML_THROTTLED, /* 429 after all retries */
    ML_REMOTE,    /* 5xx, or an answer that makes no sense */
    ML_DECODE,    /* an answer that is not what its type says */
    ML_NODATA,    /* Screendragon's "No data" (SG-10) */
    ML_CANCELLED, /* stopped on request */
    ML_GUARD,     /* refused by a guard: licence, limit, confirmation, dry run */
    ML_USAGE,     /* wrong arguments or settings; nothing was sent */
    ML_MEMORY,    /* out of memory */
    ML_KINDS      /* how many kinds there are */
};

struct ml_err {
    enum ml_kind kind;
    char text[500]; /* one sentence, no newline at the end, no secrets */
};

/* Fills err and returns -1, so that it can end a function. */
int ml_err_set(struct ml_err *err, enum ml_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "network", "timeout", ...; "none" and "memory" for the ends of the list. */
const char *ml_kind_name(enum ml_kind kind);
/* The kind of that name; ML_NONE when there is none. */
enum ml_kind ml_kind_parse(const char *name);

#endif
