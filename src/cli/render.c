/* SPDX-License-Identifier: MIT */
#include "cli/render.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of the character that this byte begins, 0 when it begins none. C0, C1 and F5..FF never
 * occur in UTF-8 (RFC 3629). */
static size_t char_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* Whether `next` may follow `first`: keeps out overlong forms, surrogates and what is above
 * U+10FFFF. */
static bool is_second(unsigned char first, unsigned char next)
{
    unsigned char low = 0x80, high = 0xbf;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    return next >= low && next <= high;
}

/* How many of the n bytes belong together as (the beginning of) one character. */
static size_t valid_prefix(const unsigned char *s, size_t n)
{
    size_t want = char_length(s[0]);
    size_t i = want > 0;
    while (i < want && i < n && (i == 1 ? is_second(s[0], s[1]) : (s[i] & 0xc0) == 0x80))
        i++;
    return i;
}

static uint32_t code_point(const unsigned char *s, size_t n)
{
    uint32_t c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (s[i] & 0x3f);
    return c;
}

static bool is_control(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f);
}

/* The twelve of Unicode's Bidi_Control, and the separators that break a line. */
static bool is_treacherous(uint32_t c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/* The line ends of CSV and of HTTP: nothing is written over. */
static bool is_line_end(const unsigned char *s, const unsigned char *end)
{
    return s[0] == '\r' && end - s > 1 && s[1] == '\n';
}

int ml_render(struct ml_buf *out, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text, *end = s + len, *plain = s;
    while (s < end) {
        size_t want = char_length(*s), n = valid_prefix(s, (size_t)(end - s));
        bool whole = n == want && n > 0;
        uint32_t c = whole ? code_point(s, n) : 0;
        if (whole && !is_control(c) && !is_treacherous(c)) {
            s += n;
            continue;
        }
        if (ml_buf_add(out, plain, (size_t)(s - plain)) < 0)
            return -1;
        if (!is_line_end(s, end) &&
            ml_buf_addf(out, whole && c > 0x7f ? "\\u{%X}" : "\\x%02X", whole ? c : *s) < 0)
            return -1;
        s += whole ? n : 1;
        plain = s;
    }
    return ml_buf_add(out, plain, (size_t)(end - plain));
}

size_t ml_render_tail(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    if (len > 0 && text[len - 1] == '\r')
        return 1;
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        const unsigned char *start = s + len - back;
        if (char_length(*start) > back && valid_prefix(start, back) == back)
            return back;
    }
    return 0;
}
