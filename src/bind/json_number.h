/* SPDX-License-Identifier: MIT */
/*
 * Numbers of JSON that need care: doubles without the locale, and numbers that
 * no Lua number can hold.
 *
 * strtod and printf use the decimal point of the locale, which belongs to the
 * program around us. So digits are handed to strtod without a point (as whole
 * number and exponent), and the point that printf writes is never looked at.
 *
 * An exact number is a userdata that holds its text. Two are equal when their
 * texts are; as keys of a table they are told apart by identity.
 *
 *     double d = ml_json_parse_double("0.1", 3);
 *     char text[ML_JSON_DOUBLE];
 *     size_t n = ml_json_format_double(d, text);     // "0.1"
 */
#ifndef ML_BIND_JSON_NUMBER_H
#define ML_BIND_JSON_NUMBER_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "bind/json_scan.h"

#define ML_JSON_DOUBLE 40 /* room for any double as text, NUL included */

/* The metatables' names in the registry. */
#define ML_JSON_NUMBER_TYPE "moonlever.number"
#define ML_JSON_ARRAY_TYPE "moonlever.array"

/* The double nearest to a number that follows the grammar of JSON; infinite when it is too big.
 */
double ml_json_parse_double(const char *text, size_t len);
/* The fewest digits that give d again, always with a point or an exponent. d is finite. Returns
 * the length; out is NUL-terminated. */
size_t ml_json_format_double(double d, char out[ML_JSON_DOUBLE]);
/* Pushes a number that was scanned: integer, float or exact. May raise a memory error. */
void ml_json_push_number(lua_State *L, const struct ml_json_number *n);
/* Pushes the metatable of exact numbers or of arrays, made when it is not there yet. */
void ml_json_push_number_type(lua_State *L);
void ml_json_push_array_type(lua_State *L);
/* Is the metatable of the value at idx the arrays'? */
bool ml_json_is_marked(lua_State *L, int idx);

#endif
