/* SPDX-License-Identifier: MIT */
/*
 * The matcher of confined scripts against the one of Lua: random patterns and subjects, with
 * the same results, captures and errors; and its own part, the count of the work.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

#include "bind/bind.h"
#include "bind/pattern.h"

/* stock: the functions of Lua; own: ours. Each case says what differs. */
static const char compare[] =
    "local stock, own, seed, cases = ...\n"
    "math.randomseed(seed)\n"
    "local random = math.random\n"
    "local PARTS = { 'a', 'b', 'c', '.', '%a', '%d', '%s', '%w', '%x', '%p', '%l', '%u', '%A', "
    "'%S',\n"
    "  '[ab]', '[^a]', '[a-c]', '[%d_]', '[]a]', '[^]]', '[a-]', '[%a-z]', '*', '+', '-', '?', "
    "'(', ')',\n"
    "  '()', '%1', '%2', '%b()', '%bab', '%f[%w]', '%f[^a]', '^', '$', '%', '%%', '[', ']', "
    "'\\0', '%z',\n"
    "  '%f', '%b', '%b(', '%g', '%c', '%G', '[\\0-\\31]', '\\255', '[\\200-\\255]', '(a', "
    "'b)', '(.-)', '(%w*)' }\n"
    "local LETTERS = { 'a', 'b', 'c', 'a', 'b', '1', ' ', '(', ')', 'A', '_', '\\0', '%', "
    "'\\255', '-', ']' }\n"
    "local function text(from, most)\n"
    "  local t = {}\n"
    "  for i = 1, random(0, most) do t[i] = from[random(#from)] end\n"
    "  return table.concat(t)\n"
    "end\n"
    "local function outcome(f, ...)\n"
    "  local r = table.pack(pcall(f, ...))\n"
    "  for i = 1, r.n do r[i] = ('%s %q'):format(math.type(r[i]) or type(r[i]), r[i]) end\n"
    "  return (table.concat(r, ' | ', 1, r.n):gsub(\"to '[%w.?]+'\", ''))\n"
    "end\n"
    "local function walk(gmatch, ...)\n"
    "  local all = {}\n"
    "  for a, b, c in gmatch(...) do\n"
    "    all[#all + 1] = tostring(a) .. ',' .. tostring(b) .. ',' .. tostring(c)\n"
    "    if #all > 200 then break end\n"
    "  end\n"
    "  return table.concat(all, ';')\n"
    "end\n"
    "local REPLACE = { 'x', '%0%0', '%1', '<%1>', '%2', '%%', '%', '%9', '', 7, { a = 'A', b = "
    "false, [1] = 'p' },\n"
    "  function(...) return select('#', ...) .. tostring((...)) end, function() return nil "
    "end,\n"
    "  function() return {} end, true }\n"
    "local function check(what, a, b, s, p, extra)\n"
    "  if a ~= b then\n"
    "    error(('%s(%q, %q, %s)\\n lua: %s\\n own: %s'):format(what, s, p, tostring(extra), a, "
    "b), 0)\n"
    "  end\n"
    "end\n"
    "local errors = 0\n"
    "for n = 1, cases do\n"
    "  local s, p, init = text(LETTERS, 12), text(PARTS, 6), random(-14, 14)\n"
    "  for _, name in ipairs { 'find', 'match' } do\n"
    "    local a = outcome(stock[name], s, p, init)\n"
    "    check(name, a, outcome(own[name], s, p, init), s, p, init)\n"
    "    if a:find('^boolean false') then errors = errors + 1 end\n"
    "  end\n"
    "  local plain = random() < 0.1\n"
    "  check('find', outcome(stock.find, s, p, init, plain), outcome(own.find, s, p, init, "
    "plain), s, p, init)\n"
    "  check('gmatch', outcome(walk, stock.gmatch, s, p), outcome(walk, own.gmatch, s, p), s, "
    "p)\n"
    "  check('gmatch', outcome(walk, stock.gmatch, s, p, init), outcome(walk, own.gmatch, s, "
    "p, init), s, p, init)\n"
    "  local r, most = REPLACE[random(#REPLACE)], random(3) == 1 and random(-1, 3) or nil\n"
    "  check('gsub', outcome(stock.gsub, s, p, r, most), outcome(own.gsub, s, p, r, most), s, "
    "p, r)\n"
    "end\n"
    "return errors\n";

static void push_libraries(lua_State *L)
{
    luaL_openlibs(L);
    lua_getglobal(L, "string"); /* Lua's own; ours are copied functions */
    lua_newtable(L);
    ml_bind_strings(L);
}

static void run_cases(unsigned seed, int cases)
{
    lua_State *L = luaL_newstate();
    assert_int_equal(luaL_loadstring(L, compare), LUA_OK);
    push_libraries(L);
    lua_pushinteger(L, seed);
    lua_pushinteger(L, cases);
    if (lua_pcall(L, 4, 1, 0) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    assert_true(lua_tointeger(L, -1) > cases / 20); /* malformed ones are among them */
    lua_close(L);
}

static void as_lua_does(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 20; seed++)
        run_cases(seed, 4000);
}

static void own_functions(lua_State *L, const char *text)
{
    luaL_openlibs(L);
    lua_getglobal(L, "string");
    ml_bind_strings(L);
    lua_settop(L, 0);
    if (luaL_dostring(L, text) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
}

static void special_cases(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    own_functions(L, "assert(('x'):rep(300000):find(('.?'):rep(100)) == 1)\n"
                     "local ok, why = pcall(string.find, ('a'):rep(1000), ('.?'):rep(250))\n"
                     "assert(not ok and why:find('too complex', 1, true))\n"
                     "assert(select('#', ('a'):match(('()'):rep(32))) == 32)\n"
                     "assert(not pcall(string.match, 'a', ('()'):rep(33)))\n"
                     "assert(('a\\0b'):find('b', 1, true) == 3 and ('a\\0b'):find('%z') == 2)\n"
                     "assert(('abc'):find('', 10) == nil and ('abc'):find('', 4) == 4)\n"
                     "assert(('hello world'):gsub('o', { o = '0' }) == 'hell0 w0rld')\n"
                     "assert(string.find(12345, 34) == 3)\n"
                     "assert(('THE (quick) fox'):find('%((%a+)%)') == 5)\n"
                     "local n = 0 for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do n = n + 1 "
                     "end assert(n == 2)\n"
                     "assert(not pcall(string.gsub, 'a', 'a', '%2'))\n"
                     "assert(not pcall(string.find)) assert(not pcall(string.gmatch, 'a'))\n");
    lua_close(L);
}

static bool stop_after(void *ud, uint64_t steps)
{
    uint64_t *left = ud;
    *left = steps < *left ? *left - steps : 0;
    return *left > 0;
}

/* It is asked at least every thousand steps or so, and ends at once when the answer is no. */
static void work_is_counted(void **state)
{
    (void)state;
    static const char *const bombs[] = {"(.-)(.-)(.-)(.-)b",  ".*.*.*.*b",
                                        "[^b]-[^b]-[^b]-b",   "(a*)*b",
                                        "%f[b].-%f[b].-x.-b", ".-%b()b"};
    char text[5000];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        uint64_t left = 100000;
        struct ml_pattern p;
        ml_pattern_create(&p, text, sizeof text, bombs[i], strlen(bombs[i]));
        p.may = stop_after;
        p.ud = &left;
        for (const char *at = p.text; at <= p.text_end && !p.stopped; at++)
            assert_null(ml_pattern_match(&p, at));
        assert_true(p.stopped || left > 0);
        if (i < 3)
            assert_true(p.stopped);
    }
}

static void plain_patterns(void **state)
{
    (void)state;
    assert_true(ml_pattern_is_plain("abc", 3));
    assert_true(ml_pattern_is_plain("a\0b", 3));
    assert_false(ml_pattern_is_plain("a\0%", 3));
    assert_false(ml_pattern_is_plain("a.c", 3));
    assert_true(ml_pattern_is_plain("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_lua_does),
        cmocka_unit_test(special_cases),
        cmocka_unit_test(work_is_counted),
        cmocka_unit_test(plain_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
