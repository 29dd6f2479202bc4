/* SPDX-License-Identifier: MIT */
#include "bind/json_scan.h"

#include <string.h>

#include "bind/json.h"

int ml_json_fail(struct ml_json_scan *s, const char *at, const char *why)
{
    s->at = at;
    s->why = why;
    s->found = false;
    return -1;
}

int ml_json_expected(struct ml_json_scan *s, const char *why)
{
    ml_json_fail(s, s->p, why);
    s->found = true;
    return -1;
}

int ml_json_explain(const struct ml_json_scan *s, struct ml_err *err)
{
    size_t at = (size_t)(s->at - s->start);
    if (!s->found)
        return ml_err_set(err, ML_DECODE, "%s at byte %zu", s->why, at);
    if (s->at == s->end)
        return ml_err_set(err, ML_DECODE, "%s, but the text ends at byte %zu", s->why, at);
    unsigned char c = (unsigned char)*s->at;
    if (c > 0x20 && c < 0x7f)
        return ml_err_set(err, ML_DECODE, "%s, found '%c' at byte %zu", s->why, c, at);
    return ml_err_set(err, ML_DECODE, "%s, found the byte 0x%02X at byte %zu", s->why, c, at);
}

int ml_json_begin(struct ml_json_scan *s, const char *text, size_t len, size_t size)
{
    *s = (struct ml_json_scan){.start = text, .p = text, .end = text + len};
    if (len > size)
        return ml_json_fail(s, text + size, "longer than the ceiling for JSON texts");
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        s->p += 3;
    ml_json_ws(s);
    return 0;
}

int ml_json_end(struct ml_json_scan *s)
{
    ml_json_ws(s);
    return s->p == s->end ? 0 : ml_json_expected(s, "expected nothing behind the value");
}

int ml_json_word(struct ml_json_scan *s, const char *word, size_t len)
{
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return ml_json_fail(s, s->p,
                            "expected a value (true, false and null are the only words)");
    s->p += len;
    return 0;
}

/* ---- strings ---- */

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

int ml_json_utf8(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (left >= 2 && u[0] >= 0xC2 && u[0] <= 0xDF)
        return is_tail(u[1]) ? 2 : 0;
    if (left >= 3 && (u[0] & 0xF0) == 0xE0) {
        unsigned low = u[0] == 0xE0 ? 0xA0 : 0x80, high = u[0] == 0xED ? 0x9F : 0xBF;
        return u[1] >= low && u[1] <= high && is_tail(u[2]) ? 3 : 0;
    }
    if (left >= 4 && u[0] >= 0xF0 && u[0] <= 0xF4) {
        unsigned low = u[0] == 0xF0 ? 0x90 : 0x80, high = u[0] == 0xF4 ? 0x8F : 0xBF;
        return u[1] >= low && u[1] <= high && is_tail(u[2]) && is_tail(u[3]) ? 4 : 0;
    }
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* The number behind "\u" at p, or -1 when four hex digits are not there. */
static int hex4(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* p stands on the backslash of \uXXXX; a high surrogate takes its low one along. */
static int skip_unicode(struct ml_json_scan *s)
{
    const char *slash = s->p;
    int unit = hex4(slash + 2, s->end);
    if (unit < 0)
        return ml_json_fail(s, slash, "\\u without four hex digits");
    s->p += 6;
    if (is_low(unit))
        return ml_json_fail(s, slash, "half of a surrogate pair");
    if (!is_high(unit))
        return 0;
    if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u' ||
        !is_low(hex4(s->p + 2, s->end)))
        return ml_json_fail(s, slash, "half of a surrogate pair");
    s->p += 6;
    return 0;
}

static int skip_escape(struct ml_json_scan *s)
{
    if (s->end - s->p < 2)
        return ml_json_fail(s, s->end, "the text ends inside a string");
    if (s->p[1] == 'u')
        return skip_unicode(s);
    if (!s->p[1] || !strchr("\"\\/bfnrt", s->p[1]))
        return ml_json_fail(s, s->p, "unknown escape in a string");
    s->p += 2;
    return 0;
}

/* A byte that is neither plain nor the closing quote. */
static int skip_special(struct ml_json_scan *s, struct ml_json_text *out)
{
    unsigned char c = (unsigned char)*s->p;
    if (c == '\\') {
        out->escaped = true;
        return skip_escape(s);
    }
    if (c < 0x20)
        return ml_json_fail(s, s->p, "control character in a string (it must be escaped)");
    int n = ml_json_utf8(s->p, s->end);
    if (!n)
        return ml_json_fail(s, s->p, "not UTF-8");
    s->p += n;
    return 0;
}

int ml_json_string_rest(struct ml_json_scan *s, struct ml_json_text *out)
{
    while (s->p < s->end && *s->p != '"') {
        if (skip_special(s, out) < 0)
            return -1;
        s->p = ml_json_plain(s->p, s->end);
    }
    if (s->p == s->end)
        return ml_json_fail(s, s->end, "the text ends inside a string");
    out->len = (size_t)(s->p - out->at);
    s->p++;
    return 0;
}

static size_t put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* The escape at *p (on its backslash) as UTF-8; moves *p behind it. */
static size_t put_escape(const char **p, const char *end, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = (*p)[1];
    if (c != 'u') {
        *out = to[strchr(from, c) - from];
        *p += 2;
        return 1;
    }
    unsigned code = (unsigned)hex4(*p + 2, end);
    *p += 6;
    if (is_high((int)code)) {
        code = 0x10000 + ((code - 0xD800) << 10) + ((unsigned)hex4(*p + 2, end) - 0xDC00);
        *p += 6;
    }
    return put_utf8(out, code);
}

size_t ml_json_unescape(const char *text, size_t len, char *out)
{
    const char *end = text + len;
    char *o = out;
    while (text < end) {
        const char *slash = memchr(text, '\\', (size_t)(end - text));
        size_t run = (size_t)((slash ? slash : end) - text);
        memcpy(o, text, run);
        o += run;
        text += run;
        if (slash)
            o += put_escape(&text, end, o);
    }
    return (size_t)(o - out);
}

/* ---- numbers ---- */

static bool at_digit(const struct ml_json_scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

/* One digit or more; what is missing is told by why. */
static int skip_digits(struct ml_json_scan *s, const char *why)
{
    if (!at_digit(s))
        return ml_json_expected(s, why);
    while (at_digit(s))
        s->p++;
    return 0;
}

static int scan_integer(struct ml_json_scan *s, struct ml_json_number *out)
{
    const char *first = s->p;
    if (!at_digit(s))
        return ml_json_expected(s, s->p > out->at ? "expected a digit" : "expected a value");
    while (at_digit(s)) {
        if (out->digits < 19)
            out->magnitude = out->magnitude * 10 + (uint64_t)(*s->p - '0');
        out->digits += out->digits < 20;
        s->p++;
    }
    if (*first == '0' && out->digits > 1)
        return ml_json_fail(s, first, "a number with a zero in front");
    return 0;
}

static int scan_fraction(struct ml_json_scan *s)
{
    if (*s->p == '.') {
        s->p++;
        if (skip_digits(s, "expected a digit behind the point") < 0)
            return -1;
    }
    if (s->p == s->end || (*s->p != 'e' && *s->p != 'E'))
        return 0;
    s->p++;
    if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
        s->p++;
    return skip_digits(s, "expected a digit in the exponent");
}

int ml_json_scan_number(struct ml_json_scan *s, struct ml_json_number *out)
{
    *out = (struct ml_json_number){.at = s->p};
    if (s->p < s->end && *s->p == '-')
        s->p++;
    if (scan_integer(s, out) < 0)
        return -1;
    out->integer = s->p == s->end || (*s->p != '.' && *s->p != 'e' && *s->p != 'E');
    if (!out->integer && scan_fraction(s) < 0)
        return -1;
    out->len = (size_t)(s->p - out->at);
    return 0;
}

/* ---- is it whole? ---- */

/* The containers that are open: one bit a level, 1 for an object. */
struct nest {
    unsigned char object[(ML_JSON_DEPTH + 7) / 8];
    int depth;
};

enum { BAD = -1, VALUE_NEXT = 0, VALUE_DONE = 1 };

static bool in_object(const struct nest *n)
{
    int top = n->depth - 1;
    return n->object[top / 8] >> (top % 8) & 1;
}

static int skip_name(struct ml_json_scan *s)
{
    struct ml_json_text name;
    if (s->p == s->end || *s->p != '"')
        return ml_json_expected(s, "expected a name in quotes");
    s->p++;
    return ml_json_string(s, &name) < 0 ? BAD : ml_json_colon(s);
}

static int open_container(struct ml_json_scan *s, struct nest *n, bool object)
{
    if (n->depth == ML_JSON_DEPTH)
        return ml_json_fail(s, s->p, "nested too deep");
    int top = n->depth++;
    unsigned char bit = (unsigned char)(1u << (top % 8));
    n->object[top / 8] =
        (unsigned char)(object ? n->object[top / 8] | bit : n->object[top / 8] & ~bit);
    s->p++;
    ml_json_ws(s);
    if (s->p < s->end && *s->p == (object ? '}' : ']')) {
        s->p++;
        n->depth--;
        return VALUE_DONE;
    }
    return object ? skip_name(s) : VALUE_NEXT;
}

static int skip_scalar(struct ml_json_scan *s)
{
    struct ml_json_text text;
    struct ml_json_number number;
    switch (*s->p) {
    case '"':
        s->p++;
        return ml_json_string(s, &text);
    case 't':
        return ml_json_word(s, "true", 4);
    case 'f':
        return ml_json_word(s, "false", 5);
    case 'n':
        return ml_json_word(s, "null", 4);
    default:
        return ml_json_scan_number(s, &number);
    }
}

static int begin_value(struct ml_json_scan *s, struct nest *n)
{
    if (s->p == s->end)
        return BAD;
    if (*s->p == '{' || *s->p == '[')
        return open_container(s, n, *s->p == '{');
    return skip_scalar(s) < 0 ? BAD : VALUE_DONE;
}

static int after_value(struct ml_json_scan *s, struct nest *n)
{
    bool object = in_object(n);
    int more = ml_json_more(s, object ? '}' : ']');
    if (more < 0)
        return BAD;
    if (more)
        return object ? skip_name(s) : VALUE_NEXT;
    n->depth--;
    return VALUE_DONE;
}

bool ml_json_complete(const char *text, size_t len)
{
    struct ml_json_scan s;
    struct nest n = {.depth = 0};
    if (ml_json_begin(&s, text, len, ML_JSON_SIZE) < 0)
        return false;
    int got = VALUE_NEXT;
    while (got == VALUE_NEXT) {
        got = begin_value(&s, &n);
        while (got == VALUE_DONE && n.depth > 0)
            got = after_value(&s, &n);
    }
    return got == VALUE_DONE && ml_json_end(&s) == 0;
}
