/* SPDX-License-Identifier: MIT */
/*
 * What a confined script sees of Lua: a table of globals made for it from an allow list.
 *
 * Moonlever's own modules keep the library they need; a script gets copies of the harmless
 * part, so nothing it changes reaches them. What would outlive a limit, or reach what is not
 * the script's, is replaced by functions that do not: pcall and coroutines (task/meter.h),
 * patterns (bind/pattern.h), sorting and moving (table.c), load, require and metatables (here).
 *
 * Invariants
 *   1. No bytecode, no debug, io or package library, no os but its clocks and dates.
 *   2. A script changes metatables of its own making only, and sees no others; none has __gc.
 *   3. The state is of one run: nothing of it is there in the next.
 *
 *     ml_confine_harden(L);
 *     ...modules...
 *     ml_confine_open(L);
 *     ml_confine_environment(L);          // pushes what a script's chunk gets as _ENV
 */
#ifndef ML_ENGINE_CONFINE_H
#define ML_ENGINE_CONFINE_H

#include <lua.h>
#include <stddef.h>

/* Replaces in the state's own library what scripts get at through values (the methods of
 * strings) or callbacks (pcall): before any module is loaded. Raises when memory is out, as the
 * next. */
void ml_confine_harden(lua_State *L);
/* Makes the environment, in a state that has Moonlever's modules. */
void ml_confine_open(lua_State *L);
/* Pushes the globals of scripts: those of ml_confine_open, or else the state's own. */
void ml_confine_environment(lua_State *L);
/* Could the message of a run-time error in the function on top of the stack overflow the C
 * stack? Lua 5.4.4 follows its index operations back one C call each. */
int ml_confine_is_too_long(lua_State *L);
/* confine_table.c: replaces functions of the table library, which is on top of the stack. */
void ml_confine_table(lua_State *L);

#endif
