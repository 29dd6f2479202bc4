/* SPDX-License-Identifier: MIT */
/*
 * What response headers say about when and how fast to send.
 *
 * Pure parsers of hostile input: bounded, no allocation, malformed fields are
 * ignored. Forms: Retry-After (RFC 9110 10.2.3: seconds, also decimal, and the
 * three HTTP-date forms), RateLimit / RateLimit-Policy (draft -10),
 * RateLimit-Limit/-Remaining/-Reset (draft -06), X-RateLimit-* (epoch seconds,
 * epoch milliseconds or delta, told apart by size: < 1e9, < 1e12).
 */
#ifndef ML_POLICY_HINT_H
#define ML_POLICY_HINT_H

#include <stddef.h>
#include <stdint.h>

struct ml_hint {
    double remaining; /* requests left, -1 = not said */
    double reset_s;   /* seconds until the quota is new, -1 = not said */
    double quota;     /* requests in a window, -1 = not said */
    double window_s;  /* the window, -1 = not said */
};

/* Milliseconds to wait, 0..ML_RETRY_AFTER_MAX_MS (larger values are cut to it, dates in the
 * past are 0), or -1 when the value is malformed. wall_ms: the time of the answer (its Date
 * header where there is one), milliseconds since 1970. */
int64_t ml_hint_retry_after(const char *value, size_t len, int64_t wall_ms);
/* Milliseconds since 1970 of an HTTP-date (IMF-fixdate, RFC 850, asctime), -1 when malformed.
 */
int64_t ml_hint_http_date(const char *value, size_t len);
/* All members "not said". */
void ml_hint_create(struct ml_hint *h);
/* Takes in one header when it is about rates; name is case-blind. 1 = used, 0 = not. */
int ml_hint_header(struct ml_hint *h, const char *name, const char *value, size_t len,
                   int64_t wall_ms);

#endif
