/* SPDX-License-Identifier: MIT */
#include "bind/json_number.h"

#include <float.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text to double ---- */

enum {
    DIGITS = 800,         /* 768 decide any double; the rest counts as "a bit more" */
    EXPONENT_MAX = 400000 /* far beyond any double, far below any overflow */
};

/* A decimal number: sign, digits without leading zeros, times 10^exponent. */
struct decimal {
    char digits[DIGITS + 32]; /* room for the exponent's text */
    int count;
    long long exponent;
    bool negative, more; /* more: digits other than 0 were left out */
};

static void add_digit(struct decimal *d, char c, bool fraction)
{
    if (d->count == 0 && c == '0') {
        d->exponent -= fraction;
    } else if (d->count < DIGITS) {
        d->digits[d->count++] = c;
        d->exponent -= fraction;
    } else {
        d->more |= c != '0';
        d->exponent += !fraction;
    }
}

static long long parse_exponent(const char *p, const char *end)
{
    bool negative = *p == '-';
    long long e = 0;
    for (p += *p == '-' || *p == '+'; p < end; p++)
        if (e < (1LL << 40))
            e = e * 10 + (*p - '0');
    return negative ? -e : e;
}

static void parse_decimal(const char *text, size_t len, struct decimal *d)
{
    const char *p = text, *end = text + len;
    bool fraction = false;
    d->count = 0;
    d->exponent = 0;
    d->more = false;
    d->negative = *p == '-';
    for (p += d->negative; p < end && (*p | 0x20) != 'e'; p++) {
        if (*p == '.')
            fraction = true;
        else
            add_digit(d, *p, fraction);
    }
    if (p < end)
        d->exponent += parse_exponent(p + 1, end);
}

/* Both factors are exact doubles, so one multiplication rounds once, as it must (Clinger). */
static bool small_double(const struct decimal *d, double *out)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (FLT_EVAL_METHOD != 0 || d->count > 15 || d->exponent < -22 || d->exponent > 22)
        return false;
    uint64_t whole = 0;
    for (int i = 0; i < d->count; i++)
        whole = whole * 10 + (uint64_t)(d->digits[i] - '0');
    *out = d->exponent < 0 ? (double)whole / power[-d->exponent]
                           : (double)whole * power[d->exponent];
    return true;
}

static double big_double(struct decimal *d)
{
    if (d->count == 0)
        return 0;
    if (d->more) { /* anything above the digits kept: only whether it is there matters */
        d->digits[d->count++] = '1';
        d->exponent--;
    }
    if (d->exponent > EXPONENT_MAX)
        d->exponent = EXPONENT_MAX;
    if (d->exponent < -EXPONENT_MAX)
        d->exponent = -EXPONENT_MAX;
    snprintf(d->digits + d->count, sizeof d->digits - (size_t)d->count, "e%lld", d->exponent);
    return strtod(d->digits, NULL);
}

double ml_json_parse_double(const char *text, size_t len)
{
    struct decimal d;
    double value;
    parse_decimal(text, len, &d);
    if (!small_double(&d, &value))
        value = big_double(&d);
    return d.negative ? -value : value;
}

/* ---- double to text ---- */

/* The digits of |d| with this many of them, trailing zeros cut, and the power of ten of the
 * first one. Reads printf's "d<point>ddde+xx" without caring what the point looks like. */
static int split_digits(double d, int precision, char *digits, int *power)
{
    char text[64];
    int count = 0;
    snprintf(text, sizeof text, "%.*e", precision - 1, d);
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9')
            digits[count++] = *p;
    *power = atoi(p + 1);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

/* "d.ddde-xx" */
static size_t write_scientific(const char *digits, int count, int power, char *out)
{
    size_t n = 0;
    out[n++] = digits[0];
    if (count > 1) {
        out[n++] = '.';
        memcpy(out + n, digits + 1, (size_t)count - 1);
        n += (size_t)count - 1;
    }
    return n + (size_t)sprintf(out + n, "e%d", power);
}

/* "ddd.ddd": power is from -5 to 16. */
static size_t write_plain(const char *digits, int count, int power, char *out)
{
    size_t n = 0;
    if (power < 0)
        out[n++] = '0';
    for (int at = 0; at <= power; at++)
        out[n++] = at < count ? digits[at] : '0';
    out[n++] = '.';
    for (int at = -1; at > power; at--)
        out[n++] = '0';
    for (int at = power < 0 ? 0 : power + 1; at < count; at++)
        out[n++] = digits[at];
    if (out[n - 1] == '.')
        out[n++] = '0';
    out[n] = '\0';
    return n;
}

static size_t write_digits(const char *digits, int count, int power, char *out)
{
    if (power < -5 || power > 16)
        return write_scientific(digits, count, power, out);
    return write_plain(digits, count, power, out);
}

size_t ml_json_format_double(double d, char out[ML_JSON_DOUBLE])
{
    char digits[32];
    int power;
    size_t sign = signbit(d) ? 1 : 0, len = 0;
    out[0] = '-';
    d = fabs(d);
    /* Up to 15 digits survive any double but the subnormal ones, which carry fewer. */
    for (int precision = d < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
        int count = split_digits(d, precision, digits, &power);
        len = sign + write_digits(digits, count, power, out + sign);
        if (precision == 17 || ml_json_parse_double(out + sign, len - sign) == d)
            break;
    }
    return len;
}

/* ---- exact numbers ---- */

static int l_tostring(lua_State *L)
{
    const char *text = luaL_checkudata(L, 1, ML_JSON_NUMBER_TYPE);
    lua_pushlstring(L, text, lua_rawlen(L, 1));
    return 1;
}

static int l_eq(lua_State *L)
{
    const char *a = luaL_testudata(L, 1, ML_JSON_NUMBER_TYPE);
    const char *b = luaL_testudata(L, 2, ML_JSON_NUMBER_TYPE);
    size_t n = lua_rawlen(L, 1);
    lua_pushboolean(L, a && b && n == lua_rawlen(L, 2) && memcmp(a, b, n) == 0);
    return 1;
}

static int l_concat(lua_State *L)
{
    for (int i = 1; i <= 2; i++)
        if (!luaL_testudata(L, i, ML_JSON_NUMBER_TYPE) && !lua_isstring(L, i))
            return luaL_error(L, "attempt to concatenate a %s value", luaL_typename(L, i));
    luaL_tolstring(L, 1, NULL);
    luaL_tolstring(L, 2, NULL);
    lua_concat(L, 2);
    return 1;
}

void ml_json_push_number_type(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__tostring", l_tostring}, {"__eq", l_eq}, {"__concat", l_concat}, {NULL, NULL}};
    if (luaL_getmetatable(L, ML_JSON_NUMBER_TYPE) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    /* Registered last: after a memory error on the way the next call starts again. */
    luaL_newlib(L, methods);
    lua_pushliteral(L, ML_JSON_NUMBER_TYPE);
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, ML_JSON_NUMBER_TYPE);
}

void ml_json_push_array_type(lua_State *L)
{
    luaL_newmetatable(L, ML_JSON_ARRAY_TYPE);
}

bool ml_json_is_marked(lua_State *L, int idx)
{
    if (!lua_getmetatable(L, idx))
        return false;
    ml_json_push_array_type(L);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

static void push_exact(lua_State *L, const char *text, size_t len)
{
    void *to = lua_newuserdatauv(L, len, 0);
    memcpy(to, text, len);
    ml_json_push_number_type(L);
    lua_setmetatable(L, -2);
}

static void push_float(lua_State *L, const struct ml_json_number *n)
{
    double d = ml_json_parse_double(n->at, n->len);
    if (isinf(d))
        push_exact(L, n->at, n->len);
    else
        lua_pushnumber(L, d);
}

void ml_json_push_number(lua_State *L, const struct ml_json_number *n)
{
    bool negative = *n->at == '-';
    uint64_t limit = (uint64_t)LUA_MAXINTEGER + negative;
    if (!n->integer || (negative && n->magnitude == 0 && n->digits == 1))
        push_float(L, n); /* -0 too: an integer has no sign to keep */
    else if (n->digits > 19 || n->magnitude > limit)
        push_exact(L, n->at, n->len);
    else
        lua_pushinteger(L, (lua_Integer)(negative ? 0 - n->magnitude : n->magnitude));
}
