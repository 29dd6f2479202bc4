/* SPDX-License-Identifier: MIT */
/*
 * Each field is read through a cursor that never passes the end of the value;
 * a parser either takes a whole form or leaves the field out.
 */
#include "policy/hint.h"

#include "policy/retry.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define LARGEST 1e15 /* numbers in headers are cut to this: exact in a double */
#define KEY_MAX 16   /* longer parameter names are none of ours */

struct cursor {
    const char *at, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && is_space(*c->at))
        c->at++;
}

static struct cursor trimmed(const char *value, size_t len)
{
    struct cursor c = {value, value + len};
    skip_space(&c);
    while (c.end > c.at && is_space(c.end[-1]))
        c.end--;
    return c;
}

static bool take_char(struct cursor *c, char want)
{
    if (c->at == c->end || *c->at != want)
        return false;
    c->at++;
    return true;
}

/* Decimal digits with an optional fraction; no sign, no exponent. */
static bool take_number(struct cursor *c, double *out)
{
    if (c->at == c->end || !is_digit(*c->at))
        return false;
    double n = 0;
    for (; c->at < c->end && is_digit(*c->at); c->at++)
        n = n < LARGEST ? n * 10 + (*c->at - '0') : LARGEST;
    if (take_char(c, '.')) {
        double place = 0.1;
        if (c->at == c->end || !is_digit(*c->at))
            return false;
        for (; c->at < c->end && is_digit(*c->at); c->at++, place /= 10)
            n += (*c->at - '0') * place;
    }
    *out = n < LARGEST ? n : LARGEST;
    return true;
}

/* Exactly `width` digits. */
static bool take_int(struct cursor *c, int width, int *out)
{
    *out = 0;
    int digits = 0;
    for (; digits < width && c->at < c->end && is_digit(*c->at); digits++)
        *out = *out * 10 + (*c->at++ - '0');
    return digits == width;
}

/* The index of the name that stands here (case as printed, RFC 9110 5.6.7), -1 = none. */
static int take_name(struct cursor *c, const char *const *names)
{
    for (int i = 0; names[i]; i++) {
        size_t len = strlen(names[i]);
        if ((size_t)(c->end - c->at) >= len && memcmp(c->at, names[i], len) == 0) {
            c->at += len;
            return i;
        }
    }
    return -1;
}

static const char *const short_days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL};
static const char *const long_days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday",    NULL};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                     "Aug", "Sep", "Oct", "Nov", "Dec", NULL};

struct date {
    int year, month /* 0 to 11 */, day, hour, minute, second;
};

static bool take_time(struct cursor *c, struct date *d)
{
    return take_int(c, 2, &d->hour) && take_char(c, ':') && take_int(c, 2, &d->minute) &&
           take_char(c, ':') && take_int(c, 2, &d->second);
}

static bool take_month(struct cursor *c, struct date *d)
{
    d->month = take_name(c, months);
    return d->month >= 0;
}

static bool take_zone(struct cursor *c)
{
    static const char *const zone[] = {" GMT", NULL};
    return take_name(c, zone) == 0;
}

/* " 06 Nov 1994 08:49:37 GMT", behind "Sun,". */
static bool take_fixdate(struct cursor *c, struct date *d)
{
    return take_char(c, ' ') && take_int(c, 2, &d->day) && take_char(c, ' ') &&
           take_month(c, d) && take_char(c, ' ') && take_int(c, 4, &d->year) &&
           take_char(c, ' ') && take_time(c, d) && take_zone(c);
}

/* " 06-Nov-94 08:49:37 GMT", behind "Sunday,". */
static bool take_rfc850(struct cursor *c, struct date *d)
{
    return take_char(c, ' ') && take_int(c, 2, &d->day) && take_char(c, '-') &&
           take_month(c, d) && take_char(c, '-') && take_int(c, 2, &d->year) &&
           take_char(c, ' ') && take_time(c, d) && take_zone(c);
}

/* " Nov  6 08:49:37 1994", behind "Sun". */
static bool take_asctime(struct cursor *c, struct date *d)
{
    if (!take_char(c, ' ') || !take_month(c, d) || !take_char(c, ' '))
        return false;
    int width = take_char(c, ' ') ? 1 : 2;
    return take_int(c, width, &d->day) && take_char(c, ' ') && take_time(c, d) &&
           take_char(c, ' ') && take_int(c, 4, &d->year);
}

static bool take_date(struct cursor *c, struct date *d)
{
    if (take_name(c, long_days) >= 0) {
        if (!take_char(c, ',') || !take_rfc850(c, d))
            return false;
        /* Two digits: no date that matters here lies before 1970. */
        d->year += d->year < 70 ? 2000 : 1900;
        return true;
    }
    if (take_name(c, short_days) < 0)
        return false;
    return take_char(c, ',') ? take_fixdate(c, d) : take_asctime(c, d);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 1 && is_leap(year));
}

static bool is_sane(const struct date *d)
{
    return d->year >= 1970 && d->day >= 1 && d->day <= month_days(d->year, d->month) &&
           d->hour < 24 && d->minute < 60 && d->second <= 60; /* 60: a leap second */
}

static int64_t seconds_since_1970(const struct date *d)
{
    int64_t y = d->year - 1;
    int64_t days = y * 365 + y / 4 - y / 100 + y / 400 - 719162 + d->day - 1;
    for (int month = 0; month < d->month; month++)
        days += month_days(d->year, month);
    return ((days * 24 + d->hour) * 60 + d->minute) * 60 + d->second;
}

int64_t ml_hint_http_date(const char *value, size_t len)
{
    struct cursor c = trimmed(value, len);
    struct date d = {0};
    if (!take_date(&c, &d) || c.at != c.end || !is_sane(&d))
        return -1;
    return seconds_since_1970(&d) * 1000;
}

int64_t ml_hint_retry_after(const char *value, size_t len, int64_t wall_ms)
{
    struct cursor c = trimmed(value, len);
    double ms;
    if (take_number(&c, &ms)) {
        if (c.at != c.end)
            return -1;
        ms *= 1000;
    } else {
        int64_t date = ml_hint_http_date(value, len);
        if (date < 0)
            return -1;
        ms = date > wall_ms ? (double)date - (double)wall_ms : 0;
    }
    return ms < ML_RETRY_AFTER_MAX_MS ? (int64_t)ms : ML_RETRY_AFTER_MAX_MS;
}

void ml_hint_create(struct ml_hint *h)
{
    *h = (struct ml_hint){-1, -1, -1, -1};
}

/* Behind an opening quote: to behind the closing one (RFC 9651 3.3.3). */
static bool skip_string(struct cursor *c)
{
    for (; c->at < c->end; c->at++) {
        if (*c->at == '"') {
            c->at++;
            return true;
        }
        if (*c->at == '\\' && ++c->at == c->end)
            return false;
    }
    return false;
}

/* One token, number, string or byte sequence, whatever it means. */
static bool skip_item(struct cursor *c)
{
    if (take_char(c, '"'))
        return skip_string(c);
    const char *from = c->at;
    while (c->at < c->end && !strchr(",;= \t\"", *c->at))
        c->at++;
    return c->at > from;
}

/* A parameter of the draft: ";q=100". Only a number counts as a value. */
struct param {
    char key[KEY_MAX];
    double number;   /* -1: no number */
    bool other_unit; /* ;qu="content-bytes" and the like */
};

static bool take_value(struct cursor *c, struct param *p)
{
    static const char requests[] = "\"requests\"";
    struct cursor from = *c;
    if (!skip_item(c))
        return false;
    size_t len = (size_t)(c->at - from.at);
    if (strcmp(p->key, "qu") == 0)
        p->other_unit = len != sizeof requests - 1 || memcmp(from.at, requests, len) != 0;
    from.end = c->at;
    if (!take_number(&from, &p->number) || from.at != from.end)
        p->number = -1;
    return true;
}

static bool take_param(struct cursor *c, struct param *p)
{
    skip_space(c);
    struct cursor key = *c;
    if (!skip_item(c))
        return false;
    size_t len = (size_t)(c->at - key.at);
    *p = (struct param){.number = -1};
    if (len < KEY_MAX)
        memcpy(p->key, key.at, len);
    return !take_char(c, '=') || take_value(c, p);
}

static double *member_of(struct ml_hint *m, const char *key)
{
    static const char *const keys[] = {"r", "t", "q", "w"};
    double *const members[] = {&m->remaining, &m->reset_s, &m->quota, &m->window_s};
    for (int i = 0; i < 4; i++)
        if (strcmp(key, keys[i]) == 0)
            return members[i];
    return NULL;
}

/* The parameters of one list member, up to behind its comma. A member in other units than
 * requests is read and says nothing. */
static bool take_params(struct cursor *c, struct ml_hint *m)
{
    bool other_unit = false;
    for (skip_space(c); take_char(c, ';'); skip_space(c)) {
        struct param p;
        if (!take_param(c, &p))
            return false;
        double *member = member_of(m, p.key);
        if (member)
            *member = p.number;
        other_unit = other_unit || p.other_unit;
    }
    if (other_unit)
        ml_hint_create(m);
    return c->at == c->end || take_char(c, ',');
}

/* A member of RateLimit or RateLimit-Policy: a name, then parameters. */
static bool take_policy(struct cursor *c, struct ml_hint *m)
{
    skip_space(c);
    return skip_item(c) && take_params(c, m);
}

/* A member of RateLimit-Limit of draft -06: "100" or "100;w=60". */
static bool take_quota(struct cursor *c, struct ml_hint *m)
{
    skip_space(c);
    return take_number(c, &m->quota) && take_params(c, m);
}

/* Is part/whole the slower rate? One with a whole (reset, window) says more than one without.
 */
static bool is_tighter(double part, double whole, double old_part, double old_whole)
{
    if (old_part < 0)
        return true;
    if (whole > 0 && old_whole > 0)
        return part / whole < old_part / old_whole;
    return whole > 0 || (old_whole <= 0 && part < old_part);
}

static void merge(struct ml_hint *h, const struct ml_hint *m)
{
    if (m->remaining >= 0 && is_tighter(m->remaining, m->reset_s, h->remaining, h->reset_s)) {
        h->remaining = m->remaining;
        h->reset_s = m->reset_s;
    }
    if (m->quota >= 0 && is_tighter(m->quota, m->window_s, h->quota, h->window_s)) {
        h->quota = m->quota;
        h->window_s = m->window_s;
    }
}

/* A list. A field that is malformed anywhere is ignored whole (draft -10, section 3). */
static int read_list(struct ml_hint *h, struct cursor c,
                     bool (*take)(struct cursor *c, struct ml_hint *m))
{
    struct ml_hint sum, m;
    ml_hint_create(&sum);
    while (c.at < c.end) {
        ml_hint_create(&m);
        if (!take(&c, &m))
            return 0;
        merge(&sum, &m);
    }
    merge(h, &sum);
    return sum.remaining >= 0 || sum.quota >= 0;
}

static int read_policy(struct ml_hint *h, struct cursor c, int64_t wall_ms)
{
    (void)wall_ms;
    return read_list(h, c, take_policy);
}

static int read_limit(struct ml_hint *h, struct cursor c, int64_t wall_ms)
{
    (void)wall_ms;
    return read_list(h, c, take_quota);
}

static int read_remaining(struct ml_hint *h, struct cursor c, int64_t wall_ms)
{
    (void)wall_ms;
    double n;
    if (!take_number(&c, &n) || c.at != c.end)
        return 0;
    if (h->remaining < 0 || n < h->remaining)
        h->remaining = n;
    return 1;
}

/* Told apart by size: seconds from now, epoch seconds, epoch milliseconds. */
static int read_reset(struct ml_hint *h, struct cursor c, int64_t wall_ms)
{
    double n;
    if (!take_number(&c, &n) || c.at != c.end)
        return 0;
    if (n >= 1e9)
        n = (n < 1e12 ? n : n / 1000) - (double)wall_ms / 1000;
    if (n < 0)
        n = 0;
    if (n > h->reset_s)
        h->reset_s = n;
    return 1;
}

static const struct {
    const char *name;
    int (*read)(struct ml_hint *h, struct cursor c, int64_t wall_ms);
} fields[] = {
    {"RateLimit", read_policy},
    {"RateLimit-Policy", read_policy},
    {"RateLimit-Limit", read_limit},
    {"RateLimit-Remaining", read_remaining},
    {"RateLimit-Reset", read_reset},
    {"X-RateLimit-Limit", read_limit},
    {"X-RateLimit-Remaining", read_remaining},
    {"X-RateLimit-Reset", read_reset},
    {"X-Rate-Limit-Limit", read_limit},
    {"X-Rate-Limit-Remaining", read_remaining},
    {"X-Rate-Limit-Reset", read_reset},
};

int ml_hint_header(struct ml_hint *h, const char *name, const char *value, size_t len,
                   int64_t wall_ms)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strcasecmp(name, fields[i].name) == 0)
            return fields[i].read(h, trimmed(value, len), wall_ms);
    return 0;
}
