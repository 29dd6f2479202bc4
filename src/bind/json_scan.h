/* SPDX-License-Identifier: MIT */
/*
 * The tokens of JSON, for the decoder and for ml_json_complete.
 *
 * One scanner serves both, so that "is it whole?" and "what is in it?" cannot
 * disagree. It knows no Lua and allocates nothing.
 *
 * Invariants: start <= p <= end; after a failure why is not NULL and at is the
 * byte that is to blame (end when the text stops too early).
 *
 *     struct ml_json_scan s;
 *     if (ml_json_begin(&s, text, len, ML_JSON_SIZE) == 0 && *s.p == '"') {
 *         struct ml_json_text t;
 *         s.p++;
 *         if (ml_json_string(&s, &t) < 0) ...   // ml_json_explain(&s, err)
 *     }
 */
#ifndef ML_BIND_JSON_SCAN_H
#define ML_BIND_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#if defined(__SSE2__) && !defined(ML_JSON_PORTABLE)
#include <emmintrin.h>
#define ML_JSON_SSE2 1
#else
#define ML_JSON_SSE2 0
#endif

struct ml_json_scan {
    const char *start, *p, *end; /* the text, and the next byte */
    const char *at;              /* where it failed */
    const char *why;             /* NULL: it has not failed */
    bool found;                  /* say in the message what stands at `at` */
};

/* A string without its quotes, as it stands in the text. */
struct ml_json_text {
    const char *at;
    size_t len;
    bool escaped; /* has \ escapes (all of them valid) */
};

/* A number as it stands in the text. */
struct ml_json_number {
    const char *at;
    size_t len;
    uint64_t magnitude; /* of an integer of at most 19 digits */
    int digits;         /* of the integer part, 20 means 20 or more */
    bool integer;       /* neither fraction nor exponent */
};

/* Both record the failure and return -1. The second says "<why>, found 'x'" or that the text
 * ends. */
int ml_json_fail(struct ml_json_scan *s, const char *at, const char *why);
int ml_json_expected(struct ml_json_scan *s, const char *why);
/* Turns the failure into an err of kind ML_DECODE. Returns -1. */
int ml_json_explain(const struct ml_json_scan *s, struct ml_err *err);

/* Starts a scan: refuses more than `size` bytes, skips a BOM and white space. */
int ml_json_begin(struct ml_json_scan *s, const char *text, size_t len, size_t size);
/* Only white space is left. */
int ml_json_end(struct ml_json_scan *s);
/* The part of ml_json_string from the first byte that is not plain. */
int ml_json_string_rest(struct ml_json_scan *s, struct ml_json_text *out);
/* p stands on '-' or a digit, or on what is no value at all (refused). */
int ml_json_scan_number(struct ml_json_scan *s, struct ml_json_number *out);
/* p stands on the first letter; word is "true", "false" or "null". */
int ml_json_word(struct ml_json_scan *s, const char *word, size_t len);
/* Writes the bytes that a valid escaped string stands for to out (never more than len). Returns
 * how many. */
size_t ml_json_unescape(const char *text, size_t len, char *out);
/* Length (2..4) of the UTF-8 sequence at p, 0 when there is none: overlong forms, surrogates
 * and what lies above U+10FFFF are none (RFC 3629). */
int ml_json_utf8(const char *p, const char *end);

static inline void ml_json_ws(struct ml_json_scan *s)
{
    while (s->p < s->end && *s->p <= ' ' &&
           (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

/* May this byte stand in a string as it is, and mean itself? */
static inline bool ml_json_is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte from p on that is not plain ASCII text of a string, or end. */
static inline const char *ml_json_plain(const char *p, const char *end)
{
#if ML_JSON_SSE2
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)p);
        /* signed: control characters and bytes from 0x80 on are both below 0x20 */
        __m128i bad =
            _mm_or_si128(_mm_cmplt_epi8(v, space),
                         _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(bad);
        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (p < end && ml_json_is_plain((unsigned char)*p))
        p++;
    return p;
}

/* p stands behind the opening quote and ends up behind the closing one. */
static inline int ml_json_string(struct ml_json_scan *s, struct ml_json_text *out)
{
    out->at = s->p;
    out->escaped = false;
    s->p = ml_json_plain(s->p, s->end);
    if (s->p == s->end || *s->p != '"')
        return ml_json_string_rest(s, out);
    out->len = (size_t)(s->p++ - out->at);
    return 0;
}

/* Behind a value: ',' gives 1, `close` gives 0, and white space behind either is skipped. */
static inline int ml_json_more(struct ml_json_scan *s, char close)
{
    ml_json_ws(s);
    if (s->p == s->end || (*s->p != ',' && *s->p != close))
        return ml_json_expected(s,
                                close == ']' ? "expected ',' or ']'" : "expected ',' or '}'");
    int more = *s->p++ == ',';
    ml_json_ws(s);
    return more;
}

/* White space, ':', white space. */
static inline int ml_json_colon(struct ml_json_scan *s)
{
    ml_json_ws(s);
    if (s->p == s->end || *s->p != ':')
        return ml_json_expected(s, "expected ':' behind a name");
    s->p++;
    ml_json_ws(s);
    return 0;
}

#endif
