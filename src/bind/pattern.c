/* SPDX-License-Identifier: MIT */
#include "bind/pattern.h"

#include <ctype.h>
#include <string.h>

#define ESCAPE '%'
#define STEPS 1000 /* between two questions whether to go on */
#define SET_STEP 8 /* signs of a set that are looked at in a step */

void ml_pattern_create(struct ml_pattern *p, const char *text, size_t len, const char *pattern,
                       size_t pattern_len)
{
    *p = (struct ml_pattern){.text = text,
                             .text_end = text + len,
                             .pattern = pattern,
                             .pattern_end = pattern + pattern_len,
                             .steps = STEPS};
}

bool ml_pattern_is_plain(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (pattern[i] && strchr("^$*+?.([%-", pattern[i]))
            return false;
    return true;
}

/* --- faults and steps --- */

static const char *fault(struct ml_pattern *p, const char *text)
{
    if (!p->fault)
        p->fault = text;
    return NULL;
}

/* Counts work; false when it has become too much. */
static bool work(struct ml_pattern *p, size_t n)
{
    if (n < p->steps) {
        p->steps -= (unsigned)n;
        return true;
    }
    uint64_t done = STEPS - p->steps + n;
    p->steps = STEPS;
    if (!p->may || p->may(p->ud, done))
        return true;
    p->stopped = true;
    fault(p, "too much work");
    return false;
}

/* The sign at `at`, 0 at the end: as if the text ended with a NUL. */
static unsigned char sign(const char *at, const char *end)
{
    return at < end ? (unsigned char)*at : 0;
}

/* --- single signs --- */

/* The end of the single class at `at`; NULL with a fault. */
static const char *class_end(struct ml_pattern *p, const char *at)
{
    const char *end = p->pattern_end;
    char first = *at++;
    if (first == ESCAPE)
        return at < end ? at + 1 : fault(p, "malformed pattern (ends with '%')");
    if (first != '[')
        return at;
    if (sign(at, end) == '^')
        at++;
    do {
        if (at >= end)
            return fault(p, "malformed pattern (missing ']')");
        if (*at++ == ESCAPE && at < end)
            at++;
    } while (sign(at, end) != ']');
    return at + 1;
}

static bool is_in_class(int c, int class)
{
    bool in;
    switch (tolower(class)) {
    case 'a':
        in = isalpha(c);
        break;
    case 'c':
        in = iscntrl(c);
        break;
    case 'd':
        in = isdigit(c);
        break;
    case 'g':
        in = isgraph(c);
        break;
    case 'l':
        in = islower(c);
        break;
    case 'p':
        in = ispunct(c);
        break;
    case 's':
        in = isspace(c);
        break;
    case 'u':
        in = isupper(c);
        break;
    case 'w':
        in = isalnum(c);
        break;
    case 'x':
        in = isxdigit(c);
        break;
    case 'z': /* of old */
        in = c == 0;
        break;
    default:
        return class == c;
    }
    return islower(class) ? in : !in;
}

/* Is c in the set from '[' at `at` to its ']' at `last`? */
static bool is_in_set(int c, const char *at, const char *last)
{
    bool found = true;
    if (at[1] == '^') {
        found = false;
        at++;
    }
    while (++at < last) {
        if (*at == ESCAPE) {
            at++;
            if (is_in_class(c, (unsigned char)*at))
                return found;
        } else if (at[1] == '-' && at + 2 < last) {
            at += 2;
            if ((unsigned char)at[-2] <= c && c <= (unsigned char)*at)
                return found;
        } else if ((unsigned char)*at == c) {
            return found;
        }
    }
    return !found;
}

/* Does the sign at `s` match the single class from `at` to `end`? False when work is over. */
static bool is_match(struct ml_pattern *p, const char *s, const char *at, const char *end)
{
    if (s >= p->text_end || !work(p, 1 + (size_t)(end - at) / SET_STEP))
        return false;
    int c = (unsigned char)*s;
    switch (*at) {
    case '.':
        return true;
    case ESCAPE:
        return is_in_class(c, (unsigned char)at[1]);
    case '[':
        return is_in_set(c, at, end - 1);
    default:
        return (unsigned char)*at == c;
    }
}

/* --- parts that take a recursion --- */

static const char *match(struct ml_pattern *p, const char *s, const char *at);

/* As many as can be had, then fewer. */
static const char *most(struct ml_pattern *p, const char *s, const char *at, const char *end)
{
    ptrdiff_t n = 0;
    while (is_match(p, s + n, at, end))
        n++;
    for (; n >= 0 && !p->fault; n--) {
        const char *found = match(p, s + n, end + 1);
        if (found)
            return found;
    }
    return NULL;
}

/* As few as are needed. */
static const char *fewest(struct ml_pattern *p, const char *s, const char *at, const char *end)
{
    for (;;) {
        const char *found = match(p, s, end + 1);
        if (found || p->fault)
            return found;
        if (!is_match(p, s, at, end))
            return NULL;
        s++;
    }
}

static const char *open_capture(struct ml_pattern *p, const char *s, const char *at,
                                ptrdiff_t kind)
{
    if (p->level >= ML_PATTERN_CAPTURES)
        return fault(p, "too many captures");
    p->captures[p->level].at = s;
    p->captures[p->level].len = kind;
    p->level++;
    const char *found = match(p, s, at);
    if (!found)
        p->level--;
    return found;
}

static const char *close_capture(struct ml_pattern *p, const char *s, const char *at)
{
    unsigned i = p->level;
    while (i > 0 && p->captures[i - 1].len != ML_CAPTURE_OPEN)
        i--;
    if (i == 0)
        return fault(p, "invalid pattern capture");
    i--;
    p->captures[i].len = s - p->captures[i].at;
    const char *found = match(p, s, at);
    if (!found)
        p->captures[i].len = ML_CAPTURE_OPEN;
    return found;
}

/* --- parts that take none; each returns the place behind it, or NULL --- */

/* %bxy; `at` is on the x. */
static const char *balanced(struct ml_pattern *p, const char *s, const char *at)
{
    if (p->pattern_end - at < 2)
        return fault(p, "malformed pattern (missing arguments to '%b')");
    if (s >= p->text_end || *s != *at)
        return NULL;
    for (size_t open = 1; ++s < p->text_end && work(p, 1);)
        if (*s == at[1]) {
            if (--open == 0)
                return s + 1;
        } else if (*s == at[0]) {
            open++;
        }
    return NULL;
}

/* %f[set]; `at` is on the '['. Returns the end of the set in the pattern. */
static const char *frontier(struct ml_pattern *p, const char *s, const char *at)
{
    if (sign(at, p->pattern_end) != '[')
        return fault(p, "missing '[' after '%f' in pattern");
    const char *end = class_end(p, at);
    if (!end || !work(p, 1 + (size_t)(end - at) / SET_STEP))
        return NULL;
    int before = s == p->text ? 0 : (unsigned char)s[-1];
    bool here = is_in_set(sign(s, p->text_end), at, end - 1);
    return here && !is_in_set(before, at, end - 1) ? end : NULL;
}

/* %1: the same once more */
static const char *repeated(struct ml_pattern *p, const char *s, int digit)
{
    int i = digit - '1';
    if (i < 0 || i >= (int)p->level || p->captures[i].len == ML_CAPTURE_OPEN) {
        p->fault_arg = i + 1;
        return fault(p, "invalid capture index %%%d");
    }
    ptrdiff_t len = p->captures[i].len;
    if (len < 0 || p->text_end - s < len || !work(p, 1 + (size_t)len / SET_STEP))
        return NULL;
    return memcmp(p->captures[i].at, s, (size_t)len) == 0 ? s + len : NULL;
}

/* --- the match --- */

enum next { GO_ON, DONE }; /* with the place and the pattern moved on, or with the result */

/* %b, %f, %1: moves *s and *at on, or ends the match. False: it is another escape. */
static bool escaped(struct ml_pattern *p, const char **s, const char **at)
{
    unsigned char kind = sign(*at + 1, p->pattern_end);
    if (kind == 'b') {
        *s = balanced(p, *s, *at + 2);
        *at += 4;
    } else if (kind == 'f') {
        *at = frontier(p, *s, *at + 2);
        *s = *at ? *s : NULL;
    } else if (isdigit(kind)) {
        *s = repeated(p, *s, kind);
        *at += 2;
    } else {
        return false;
    }
    return true;
}

/* A single class with what follows it: ? * + - or nothing. */
static enum next single(struct ml_pattern *p, const char **s, const char **at,
                        const char **result)
{
    const char *end = class_end(p, *at);
    unsigned char follows = end ? sign(end, p->pattern_end) : 0;
    *result = NULL;
    if (!end)
        return DONE;
    if (!is_match(p, *s, *at, end)) {
        bool may_lack = follows == '*' || follows == '?' || follows == '-';
        *at = end + 1;
        return may_lack && !p->fault ? GO_ON : DONE;
    }
    if (follows == '*' || follows == '+') {
        *result = most(p, *s + (follows == '+'), *at, end);
        return DONE;
    }
    if (follows == '-') {
        *result = fewest(p, *s, *at, end);
        return DONE;
    }
    if (follows == '?') {
        *result = match(p, *s + 1, end + 1);
        *at = end + 1;
        return *result || p->fault ? DONE : GO_ON;
    }
    ++*s;
    *at = end;
    return GO_ON;
}

/* The pattern's next part at *s. */
static enum next part(struct ml_pattern *p, const char **s, const char **at,
                      const char **result)
{
    const char *end = p->pattern_end;
    switch (**at) {
    case '(':
        *result = sign(*at + 1, end) == ')' ? open_capture(p, *s, *at + 2, ML_CAPTURE_POSITION)
                                            : open_capture(p, *s, *at + 1, ML_CAPTURE_OPEN);
        return DONE;
    case ')':
        *result = close_capture(p, *s, *at + 1);
        return DONE;
    case '$':
        if (*at + 1 != end)
            return single(p, s, at, result);
        *result = *s == p->text_end ? *s : NULL;
        return DONE;
    case ESCAPE:
        *result = NULL;
        if (escaped(p, s, at))
            return *s ? GO_ON : DONE;
        return single(p, s, at, result);
    default:
        return single(p, s, at, result);
    }
}

static const char *match(struct ml_pattern *p, const char *s, const char *at)
{
    const char *result = NULL;
    if (p->depth == 0)
        return fault(p, "pattern too complex");
    p->depth--;
    enum next next = GO_ON;
    while (next == GO_ON) {
        if (!work(p, 1))
            break;
        if (at == p->pattern_end) {
            result = s;
            break;
        }
        next = part(p, &s, &at, &result);
    }
    p->depth++;
    return p->fault ? NULL : result;
}

const char *ml_pattern_match(struct ml_pattern *p, const char *at)
{
    p->level = 0;
    p->depth = ML_PATTERN_DEPTH;
    return match(p, at, p->pattern);
}
