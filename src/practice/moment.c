/* SPDX-License-Identifier: MIT */
#include "practice/moment.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S INT64_C(86400)

/* Exactly n digits at *at, which moves behind them. -1: they are not there, or over max. */
static int take(const char **at, int n, int max)
{
    int number = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        number = number * 10 + (**at - '0');
    }
    return number <= max ? number : -1;
}

/* Days since 1970 of a date in the Gregorian calendar, with March as the first month, so that
 * the odd day is the last of a year. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t from_march = (month + 9) % 12;
    return y * 365 + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

/* "2025-01-20" at *at, in days. -1: no such date. */
static int64_t read_date(const char **at)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = take(at, 4, 9999);
    if (year < 1970 || *(*at)++ != '-')
        return -1;
    int month = take(at, 2, 12);
    if (month < 1 || *(*at)++ != '-')
        return -1;
    int day = take(at, 2, 31);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > lengths[month - 1] + (month == 2 && leap))
        return -1;
    return days_since_1970(year, month, day);
}

/* ":07" at *at: 7. -1: it is not there. */
static int read_part(const char **at, int max)
{
    return *(*at)++ == ':' ? take(at, 2, max) : -1;
}

/* "10:00", "10:00:07" or "10:00:07.5" at *at, in milliseconds of the day. -1: it is none. */
static int64_t read_time(const char **at)
{
    int hours = take(at, 2, 23);
    int minutes = hours < 0 ? -1 : read_part(at, 59);
    int seconds = minutes < 0 ? -1 : **at == ':' ? read_part(at, 60) : 0;
    int64_t ms = 0;
    if (seconds < 0)
        return -1;
    if (**at == '.') {
        int64_t scale = 100;
        for (++*at; **at >= '0' && **at <= '9'; ++*at, scale /= 10)
            ms += (**at - '0') * scale;
    }
    return ((int64_t)hours * 3600 + minutes * 60 + seconds) * 1000 + ms;
}

/* "Z", "+01:00" or nothing at *at, in milliseconds to take off. -1 in *bad: none of these. */
static int64_t read_zone(const char **at, int *bad)
{
    *bad = 0;
    if (**at == '\0')
        return 0;
    if (**at == 'Z' || **at == 'z') {
        ++*at;
        return 0;
    }
    int64_t sign = **at == '+' ? 1 : **at == '-' ? -1 : 0;
    if (sign == 0) {
        *bad = -1;
        return 0;
    }
    ++*at;
    int hours = take(at, 2, 23);
    int minutes = hours < 0 ? -1 : read_part(at, 59);
    *bad = minutes < 0 ? -1 : 0;
    return sign * ((int64_t)hours * 3600 + minutes * 60) * 1000;
}

int ml_moment_read(const char *text, int64_t *ms)
{
    const char *at = text;
    int bad = 0;
    int64_t time = 0, zone = 0;
    int64_t days = read_date(&at);
    if (days < 0)
        return -1;
    if (*at && strchr("Tt ", *at)) {
        at++;
        time = read_time(&at);
        zone = time < 0 ? 0 : read_zone(&at, &bad);
    }
    if (time < 0 || bad || *at)
        return -1;
    *ms = days * DAY_S * 1000 + time - zone;
    return 0;
}

void ml_moment_write(int64_t ms, char out[ML_MOMENT_MAX])
{
    struct tm tm = {.tm_year = 70, .tm_mday = 1};
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, ML_MOMENT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, ML_MOMENT_MAX - n, ".%03dZ", (int)(ms % 1000));
}
