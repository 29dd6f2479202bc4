/* SPDX-License-Identifier: MIT */
#include "practice/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define OUT_MAX ((size_t)256 << 20)

void ml_out_create(struct ml_out *o)
{
    ml_buf_create(&o->buf, OUT_MAX);
    o->failed = false;
}

void ml_out_destroy(struct ml_out *o)
{
    ml_buf_destroy(&o->buf);
}

void ml_out_bytes(struct ml_out *o, const char *bytes, size_t len)
{
    if (!o->failed && ml_buf_add(&o->buf, bytes, len) < 0)
        o->failed = true;
}

void ml_out_text(struct ml_out *o, const char *text)
{
    ml_out_bytes(o, text, strlen(text));
}

void ml_out_fmt(struct ml_out *o, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        o->failed = true;
    else
        ml_out_bytes(o, text, (size_t)n);
}

/* The smallest code point of a sequence of this length: anything below is overlong. */
static uint32_t utf8_least(size_t len)
{
    return len == 2 ? 0x80 : len == 3 ? 0x800 : 0x10000;
}

size_t ml_utf8_char(const char *s, size_t len)
{
    unsigned char c = len ? (unsigned char)s[0] : 0xff;
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xc2 && c < 0xe0   ? 2
               : c >= 0xe0 && c < 0xf0 ? 3
               : c >= 0xf0 && c < 0xf5 ? 4
                                       : 0;
    if (n == 0 || n > len)
        return 0;
    uint32_t code = c & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    return code < utf8_least(n) || code > 0x10ffff || surrogate ? 0 : n;
}

/* What the character at s becomes inside a JSON string; "" when it stands for itself. */
static const char *escape_of(char c, size_t utf8_len, char unicode[8])
{
    if (utf8_len == 0)
        return "\xef\xbf\xbd";
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    default:
        if ((unsigned char)c >= 0x20)
            return "";
        snprintf(unicode, 8, "\\u%04x", (unsigned)c);
        return unicode;
    }
}

void ml_out_string_n(struct ml_out *o, const char *s, size_t len)
{
    char unicode[8];
    size_t plain = 0; /* start of the bytes not yet added */
    ml_out_bytes(o, "\"", 1);
    for (size_t i = 0; i < len;) {
        size_t n = ml_utf8_char(s + i, len - i);
        const char *escape = escape_of(s[i], n, unicode);
        if (*escape) {
            ml_out_bytes(o, s + plain, i - plain);
            ml_out_text(o, escape);
            plain = i + (n ? n : 1);
        }
        i += n ? n : 1;
    }
    ml_out_bytes(o, s + plain, len - plain);
    ml_out_bytes(o, "\"", 1);
}

void ml_out_string(struct ml_out *o, const char *s)
{
    if (s)
        ml_out_string_n(o, s, strlen(s));
    else
        ml_out_text(o, "null");
}

void ml_out_time(struct ml_out *o, int64_t ms)
{
    struct tm tm;
    time_t seconds = (time_t)(ms / 1000);
    if (ms < 0 || !gmtime_r(&seconds, &tm)) {
        ml_out_text(o, "null");
        return;
    }
    ml_out_fmt(o, "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\"", tm.tm_year + 1900, tm.tm_mon + 1,
               tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
}
