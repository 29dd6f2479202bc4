/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4), so that a test can hold an uploaded file against
 * sha256sum without the file being kept.
 *
 *     struct ml_sha256 s;
 *     char hex[ML_SHA256_HEX];
 *     ml_sha256_start(&s);
 *     ml_sha256_add(&s, "abc", 3);
 *     ml_sha256_end(&s, hex);      // ba7816bf…
 */
#ifndef ML_PRACTICE_SHA256_H
#define ML_PRACTICE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define ML_SHA256_HEX 65 /* NUL included */

struct ml_sha256 {
    uint32_t h[8];
    unsigned char block[64];
    uint64_t len; /* bytes so far */
};

void ml_sha256_start(struct ml_sha256 *s);
void ml_sha256_add(struct ml_sha256 *s, const void *bytes, size_t n);
void ml_sha256_end(struct ml_sha256 *s, char hex[ML_SHA256_HEX]);

#endif
