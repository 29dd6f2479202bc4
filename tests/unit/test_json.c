/* SPDX-License-Identifier: MIT */
/* The JSON codec: what each text becomes and back, each refusal with its place, and the Lua
 * door. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <locale.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind/json.h"

int luaopen_cjson(lua_State *L);

/* The codec's way to raise: "kind: text" is enough here. */
int ml_bind_raise(lua_State *L, const struct ml_err *err);
int ml_bind_raise(lua_State *L, const struct ml_err *err)
{
    return luaL_error(L, "%s: %s", ml_kind_name(err->kind), err->text);
}

static int open_lua(void **state)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_requiref(L, "cjson", luaopen_cjson, 1);
    ml_json_open(L);
    lua_setglobal(L, "json");
    lua_settop(L, 0);
    *state = L;
    return 0;
}

static int close_lua(void **state)
{
    lua_close(*state);
    return 0;
}

/* Runs Lua; a failed assert there fails the test with its message. */
static void run(lua_State *L, const char *code)
{
    if (luaL_dostring(L, code))
        fail_msg("%s", lua_tostring(L, -1));
    lua_settop(L, 0);
}

static char *round_trip(lua_State *L, const char *text, size_t len)
{
    struct ml_err err;
    struct ml_buf out;
    ml_buf_create(&out, 1 << 20);
    if (ml_json_decode(L, text, len, NULL, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    if (ml_json_encode(L, -1, &out, &(struct ml_json_wopts){.sorted = true}, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    lua_settop(L, 0);
    return out.data; /* the caller frees it */
}

/* ---- decode, then encode ---- */

static void test_round_trips(void **state)
{
    static const char *const same[] = {"null",
                                       "true",
                                       "false",
                                       "0",
                                       "-1",
                                       "42",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "18446744073709551615",
                                       "123456789012345678901234567890",
                                       "1e400",
                                       "-1E+999",
                                       "-0.0",
                                       "0.1",
                                       "1.0",
                                       "1e100",
                                       "1e-7",
                                       "0.00001",
                                       "123456.789",
                                       "5e-324",
                                       "1.7976931348623157e308",
                                       "[]",
                                       "{}",
                                       "[[]]",
                                       "{\"a\":[]}",
                                       "[1,[2,{\"b\":null}],\"x\"]",
                                       "\"\"",
                                       "\"a/b\"",
                                       "\"\\\"\\\\\\b\\f\\n\\r\\t\"",
                                       "\"\\u0000\\u001f\"",
                                       "\"\x7f\"",
                                       "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\"",
                                       "\"\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"",
                                       "{\"\":1}",
                                       "{\"a\":1,\"b\":2,\"c\":3}"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char *got = round_trip(*state, same[i], strlen(same[i]));
        assert_string_equal(got, same[i]);
        free(got);
    }
}

static void test_what_becomes_of_it(void **state)
{
    static const char *const pairs[][2] = {
        {" \t\r\n[ 1 , 2 ]\n", "[1,2]"},
        {"\xEF\xBB\xBF{ }", "{}"},
        {"{ \"b\" : 1 , \"a\" : 2 }", "{\"a\":2,\"b\":1}"},
        {"-0", "-0.0"},
        {"1e2", "100.0"},
        {"1E+2", "100.0"},
        {"1.5e-3", "0.0015"},
        {"12345678901234567e0", "12345678901234568.0"},
        {"1e17", "1e17"},
        {"0e999999999999999999999", "0.0"},
        {"1e-999999999999999999999", "0.0"},
        {"100000000000000000000e-20", "1.0"},
        {"\"\\/\\u0041\\u00e9\\ud83d\\ude00\"", "\"/A\xC3\xA9\xF0\x9F\x98\x80\""},
        {"\"\\uD83D\\uDE00\\u20AC\"", "\"\xF0\x9F\x98\x80\xE2\x82\xAC\""},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}"},
        {"{\"\\u0061\":1,\"a\":2}", "{\"a\":2}"},
        {"{\"a\":1,\"\\u0061\":2}", "{\"a\":2}"},
        {"{\"a\":1,\"b\":{\"a\":5},\"a\":2}", "{\"a\":2,\"b\":{\"a\":5}}"},
        {"{\"a\":{\"a\":{\"a\":1,\"a\":2},\"a\":3},\"b\":{\"a\":1},\"a\":4}",
         "{\"a\":4,\"b\":{\"a\":1}}"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *got = round_trip(*state, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(got, pairs[i][1]);
        free(got);
    }
}

/* ---- refusals ---- */

struct bad {
    const char *text;
    size_t len; /* 0 = strlen */
    size_t at;
    const char *why;
};

static const struct bad bad_texts[] = {
    {"", 0, 0, "expected a value, but the text ends"},
    {"  ", 0, 2, "expected a value, but the text ends"},
    {"\xEF\xBB\xBF", 0, 3, "expected a value, but the text ends"},
    {"\xEF\xBB", 0, 0, "found the byte 0xEF"},
    {"\xEF\xBB\xBF\xEF\xBB\xBF"
     "1",
     0, 3, "found the byte 0xEF"},
    {"\0", 1, 0, "found the byte 0x00"},
    {"1\0", 2, 1, "expected nothing behind the value, found the byte 0x00"},
    {"{}garbage", 0, 2, "expected nothing behind the value, found 'g'"},
    {"1 2", 0, 2, "expected nothing behind the value"},
    {"NaN", 0, 0, "expected a value, found 'N'"},
    {"nan", 0, 0, "only words"},
    {"nul", 0, 0, "only words"},
    {"[truE]", 0, 1, "only words"},
    {"fals", 0, 0, "only words"},
    {"Infinity", 0, 0, "found 'I'"},
    {"-Infinity", 0, 1, "expected a digit, found 'I'"},
    {"-", 0, 1, "expected a digit, but the text ends"},
    {"+1", 0, 0, "found '+'"},
    {".5", 0, 0, "found '.'"},
    {"01", 0, 0, "zero in front"},
    {"[-00]", 0, 2, "zero in front"},
    {"0x10", 0, 1, "found 'x'"},
    {"1.", 0, 2, "digit behind the point, but the text ends"},
    {"[1.]", 0, 3, "digit behind the point, found ']'"},
    {"1e", 0, 2, "digit in the exponent"},
    {"1e+", 0, 3, "digit in the exponent"},
    {"1.5.5", 0, 3, "found '.'"},
    {"1_000", 0, 1, "found '_'"},
    {"'a'", 0, 0, "found '''"},
    {"\"abc", 0, 4, "ends inside a string"},
    {"\"abc\\", 0, 5, "ends inside a string"},
    {"\"a\nb\"", 0, 2, "control character"},
    {"\"a\0b\"", 5, 2, "control character"},
    {"\"0123456789abcdef0123\x1f\"", 0, 21, "control character"},
    {"\"\\x41\"", 0, 1, "unknown escape"},
    {"\"\\\0\"", 4, 1, "unknown escape"},
    {"\"\\u12\"", 0, 1, "four hex digits"},
    {"\"\\u12G4\"", 0, 1, "four hex digits"},
    {"\"\\u+123\"", 0, 1, "four hex digits"},
    {"\"a\\ud800\"", 0, 2, "surrogate"},
    {"\"\\ud800\\u0041\"", 0, 1, "surrogate"},
    {"\"\\ud800\\ud800\"", 0, 1, "surrogate"},
    {"\"\\udc00\"", 0, 1, "surrogate"},
    {"\"\\ud800\\udc0\"", 0, 1, "surrogate"},
    {"\"\x80\"", 0, 1, "not UTF-8"},
    {"\"\xC0\x80\"", 0, 1, "not UTF-8"},
    {"\"\xC1\xBF\"", 0, 1, "not UTF-8"},
    {"\"ab\xC3\"", 0, 3, "not UTF-8"},
    {"\"\xE0\x9F\xBF\"", 0, 1, "not UTF-8"},
    {"\"\xED\xA0\x80\"", 0, 1, "not UTF-8"},
    {"\"\xE2\x82\"", 0, 1, "not UTF-8"},
    {"\"\xF0\x8F\xBF\xBF\"", 0, 1, "not UTF-8"},
    {"\"\xF4\x90\x80\x80\"", 0, 1, "not UTF-8"},
    {"\"\xF5\x80\x80\x80\"", 0, 1, "not UTF-8"},
    {"\"\xFF\"", 0, 1, "not UTF-8"},
    {"\"\xE2\x82", 0, 1, "not UTF-8"},
    {"[", 0, 1, "expected a value, but the text ends"},
    {"[1", 0, 2, "expected ',' or ']', but the text ends"},
    {"[1,", 0, 3, "expected a value, but the text ends"},
    {"[1,]", 0, 3, "expected a value, found ']'"},
    {"[,1]", 0, 1, "expected a value, found ','"},
    {"[1 2]", 0, 3, "expected ',' or ']', found '2'"},
    {"[1}", 0, 2, "expected ',' or ']', found '}'"},
    {"{", 0, 1, "name in quotes, but the text ends"},
    {"{\"a\"", 0, 4, "expected ':'"},
    {"{\"a\":", 0, 5, "expected a value, but the text ends"},
    {"{\"a\":1", 0, 6, "expected ',' or '}'"},
    {"{\"a\":1,}", 0, 7, "name in quotes, found '}'"},
    {"{\"a\" 1}", 0, 5, "expected ':' behind a name, found '1'"},
    {"{a:1}", 0, 1, "name in quotes, found 'a'"},
    {"{1:1}", 0, 1, "name in quotes, found '1'"},
    {"{\"a\":1]", 0, 6, "expected ',' or '}', found ']'"},
    {"{\"a\xFF\":1}", 0, 3, "not UTF-8"},
    {"]", 0, 0, "found ']'"},
    {"/* no */ 1", 0, 0, "found '/'"},
    {"<html>", 0, 0, "found '<'"},
};

static void refuses(lua_State *L, const char *text, size_t len, size_t at, const char *why)
{
    struct ml_err err = {.kind = ML_NONE};
    char end[40];
    char *copy = malloc(len + 1); /* exactly as long, so that reading past it is seen */
    copy = realloc(copy, len ? len : 1);
    memcpy(copy, text, len);
    snprintf(end, sizeof end, " at byte %zu", at);
    int top = lua_gettop(L);
    assert_int_equal(ml_json_decode(L, copy, len, NULL, &err), -1);
    assert_int_equal(lua_gettop(L), top);
    assert_false(ml_json_complete(copy, len));
    assert_int_equal(err.kind, ML_DECODE);
    size_t n = strlen(err.text), tail = strlen(end);
    if (!strstr(err.text, why) || n < tail || strcmp(err.text + n - tail, end) != 0)
        fail_msg("\"%s\": \"%s\" is not \"%s … at byte %zu\"", text, err.text, why, at);
    free(copy);
}

static void test_bad_texts(void **state)
{
    for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++) {
        const struct bad *b = &bad_texts[i];
        refuses(*state, b->text, b->len ? b->len : strlen(b->text), b->at, b->why);
    }
}

/* Wherever a good text is cut, the rest is refused (but for a number at the end). */
static void test_every_truncation(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2.5e+3,true,null,\"x\\n\\ud83d\\ude00\xE2\x82\xAC\"],"
        "\"bc\":{\"d\":{},\"e\":[]}}";
    struct ml_err err;
    assert_true(ml_json_complete(text, strlen(text)));
    for (size_t len = 0; len < strlen(text); len++) {
        char *cut = malloc(len ? len : 1);
        memcpy(cut, text, len);
        assert_false(ml_json_complete(cut, len));
        assert_int_equal(ml_json_decode(*state, cut, len, NULL, &err), -1);
        free(cut);
    }
}

static char *nested(int levels, const char *open, const char *middle, const char *close)
{
    struct ml_buf b;
    ml_buf_create(&b, 1 << 20);
    for (int i = 0; i < levels; i++)
        ml_buf_adds(&b, open);
    ml_buf_adds(&b, middle);
    for (int i = 0; i < levels; i++)
        ml_buf_adds(&b, close);
    return b.data;
}

static void test_depth(void **state)
{
    struct ml_err err;
    char *good = nested(512, "[", "", "]"), *deep = nested(513, "[", "", "]");
    char *objects = nested(513, "{\"a\":", "1", "}");
    assert_true(ml_json_complete(good, strlen(good)));
    assert_int_equal(ml_json_decode(*state, good, strlen(good), NULL, &err), 0);
    refuses(*state, deep, strlen(deep), 512, "nested too deep");
    refuses(*state, objects, strlen(objects), 512 * 5, "nested too deep");
    const struct ml_json_opts three = {.depth = 3};
    assert_int_equal(ml_json_decode(*state, "[[[1]]]", 7, &three, &err), 0);
    assert_int_equal(ml_json_decode(*state, "[[[[1]]]]", 9, &three, &err), -1);
    assert_string_equal(err.text, "nested too deep at byte 3");
    free(good);
    free(deep);
    free(objects);
    lua_settop(*state, 0);
}

static void test_size(void **state)
{
    struct ml_err err;
    const struct ml_json_opts four = {.size = 4};
    assert_int_equal(ml_json_decode(*state, "1234", 4, &four, &err), 0);
    assert_int_equal(ml_json_decode(*state, "12345", 5, &four, &err), -1);
    assert_int_equal(err.kind, ML_DECODE);
    assert_string_equal(err.text, "longer than the ceiling for JSON texts at byte 4");
    assert_false(ml_json_complete(NULL, 0));
    lua_settop(*state, 0);
}

/* ---- containers of every size, around the batches ---- */

static void test_large_containers(void **state)
{
    run(*state,
        "for _, n in ipairs{0,1,2,63,64,65,127,128,129,192,255,256,257,640,1000,5000} do\n"
        "  local list, members = {}, {}\n"
        "  for i = 1, n do\n"
        "    list[i] = tostring(i)\n"
        "    members[i] = ('\"k%d\":%d'):format(i, i)\n"
        "  end\n"
        "  local a = json.decode('[' .. table.concat(list, ',') .. ']')\n"
        "  assert(#a == n and json.is_array(a), n)\n"
        "  for i = 1, n do assert(a[i] == i) end\n"
        "  local o = json.decode('{' .. table.concat(members, ',') .. '}')\n"
        "  local count = 0\n"
        "  for k, v in pairs(o) do assert(k == 'k' .. v) count = count + 1 end\n"
        "  assert(count == n, n)\n"
        "  local twice = json.decode('{' .. table.concat(members, ',') .. (n > 0 and ',' or "
        "'')\n"
        "    .. '\"k1\":\"last\"}')\n"
        "  assert(twice.k1 == 'last', n)\n"
        "end");
}

/* Names that share their ends and length share a slot, values too; nothing may be mixed up. */
static void test_names_that_collide(void **state)
{
    run(*state, "local parts, want = {}, {}\n"
                "for round = 1, 3 do\n"
                "  for i = 1, 400 do\n"
                "    local name = ('prefix__%03d__suffix'):format(i)\n"
                "    parts[#parts + 1] = "
                "('{\"%s\":\"%s\",\"x\":%d,\"%s\":\"%s!\"}'):format(name, name, i,\n"
                "      round == 2 and name or name .. 'y', name)\n"
                "  end\n"
                "end\n"
                "local got = json.decode('[' .. table.concat(parts, ',') .. ']')\n"
                "for at, o in ipairs(got) do\n"
                "  local i, round = (at - 1) % 400 + 1, (at - 1) // 400 + 1\n"
                "  local name = ('prefix__%03d__suffix'):format(i)\n"
                "  assert(o.x == i)\n"
                "  assert(o[name] == (round == 2 and name .. '!' or name))\n"
                "  if round ~= 2 then assert(o[name .. 'y'] == name .. '!') end\n"
                "end");
}

static void test_drop_null(void **state)
{
    run(*state,
        "local null = json.null\n"
        "assert(null == cjson.null)\n"
        "local t = json.decode('{\"a\":null,\"b\":[null,1],\"c\":{\"d\":null}}', {null = "
        "'drop'})\n"
        "assert(t.a == nil and t.b[1] == null and t.b[2] == 1 and next(t.c) == nil)\n"
        "t = json.decode('{\"a\":1,\"a\":null,\"\\\\u0062\":2,\"b\":null}', {null = 'drop'})\n"
        "assert(next(t) == nil)\n"
        "t = json.decode('{\"a\":null,\"a\":1}', {null = 'drop'})\n"
        "assert(t.a == 1)\n"
        "local members = {}\n" /* more names than are remembered */
        "for i = 1, 1000 do\n"
        "  members[i], members[1000 + i] = ('\"k%d\":1'):format(i), "
        "('\"k%d\":null'):format(i)\n"
        "end\n"
        "t = json.decode('{' .. table.concat(members, ',') .. '}', {null = 'drop'})\n"
        "assert(next(t) == nil)\n"
        "assert(json.decode('null', {null = 'drop'}) == null)\n"
        "t = json.decode('{\"a\":null}')\n"
        "assert(t.a == null)\n"
        "t = json.decode('{\"a\":null}', {null = 'keep'})\n"
        "assert(t.a == null)");
}

static void test_in_a_coroutine(void **state)
{
    run(*state, "local co = coroutine.wrap(function(s)\n"
                "  for _ = 1, 3 do s = coroutine.yield(json.encode(json.decode(s))) end\n"
                "end)\n"
                "local deep = ('['):rep(500) .. '1' .. (']'):rep(500)\n"
                "assert(co(deep) == deep and co('[2]') == '[2]')");
}

/* ---- numbers ---- */

static void test_exact_numbers(void **state)
{
    run(*state,
        "local big = json.decode('18446744073709551616')\n"
        "assert(type(big) == 'userdata' and tostring(big) == '18446744073709551616')\n"
        "assert(getmetatable(big).__name == 'moonlever.number')\n"
        "assert(big == json.decode('18446744073709551616') and big ~= json.decode('1e400'))\n"
        "assert('/users/' .. big .. '/x' == '/users/18446744073709551616/x')\n"
        "assert(not pcall(function() return big .. {} end))\n"
        "assert(json.encode{big} == '[18446744073709551616]')\n"
        "assert(big ~= io.stdout and io.stdout ~= big)\n"
        "assert(math.type(json.decode('9223372036854775807')) == 'integer')\n"
        "assert(json.decode('-9223372036854775808') == math.mininteger)\n"
        "assert(math.type(json.decode('1.0')) == 'float')\n"
        "assert(1 / json.decode('-0') == -math.huge)");
}

/* Sets a locale with a decimal comma: an installed one, or one that is made in `dir`. */
static bool set_comma_locale(const char *dir)
{
    char command[200];
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        return true;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1",
             dir, dir);
    if (system(command) != 0)
        return false;
    setenv("LOCPATH", dir, 1);
    const char *set = setlocale(LC_NUMERIC, "de_DE.UTF-8");
    unsetenv("LOCPATH");
    return set != NULL;
}

/* A comma as decimal point in the program around must not be seen on either side. */
static void test_locale(void **state)
{
    static const char text[] = "[0.1,1.5e-10,123456789.123456789,1.7976931348623157e308]";
    char dir[] = "/tmp/moonlever-locale-XXXXXX", command[80], *got = NULL, point[8];
    assert_non_null(mkdtemp(dir));
    bool set = set_comma_locale(dir);
    if (set)
        got = round_trip(*state, text, strlen(text));
    snprintf(point, sizeof point, "%.1f", 0.5);
    setlocale(LC_NUMERIC, "C");
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
    if (!set)
        skip(); /* neither the locale nor what makes one (package locales) is there */
    assert_string_equal(point, "0,5");
    assert_string_equal(got, "[0.1,1.5e-10,123456789.12345679,1.7976931348623157e308]");
    free(got);
}

/* ---- encode ---- */

static void test_encode(void **state)
{
    run(*state,
        "local e, array, null = json.encode, json.array, json.null\n"
        "assert(e{} == '{}' and e(array{}) == '[]' and e(array()) == '[]')\n"
        "assert(e{1, 2, 3} == '[1,2,3]' and e{null} == '[null]')\n"
        "assert(e('a/b') == '\"a/b\"' and e('\\0') == '\"\\\\u0000\"')\n"
        "assert(e(2^53) == '9007199254740992.0' and e(1e15) == '1000000000000000.0')\n"
        "assert(e(-0.0) == '-0.0' and e(1e300 * 10) == '1e301')\n"
        "assert(e(0.1 + 0.2) == '0.30000000000000004')\n"
        "assert(e(math.maxinteger) == '9223372036854775807')\n"
        "assert(e(math.mininteger) == '-9223372036854775808')\n"
        "assert(e(null) == 'null' and e(false) == 'false')\n"
        "local s = e({b = 1, a = {d = 1, c = 2}, ab = 3, [''] = 4}, {sorted = true})\n"
        "assert(s == '{\"\":4,\"a\":{\"c\":2,\"d\":1},\"ab\":3,\"b\":1}', s)\n"
        "local proxy = setmetatable({}, {__index = {1}, __pairs = error, __len = error})\n"
        "assert(e(proxy) == '{}')\n"
        "local t = {} t[3] = 3 t[2] = 2 t[1] = 1\n"
        "assert(e(t) == '[1,2,3]' and json.is_array(t))\n"
        "local once = {'x'}\n"
        "assert(e{once, once} == '[[\"x\"],[\"x\"]]')\n"
        "assert(json.is_array(array{}) and not json.is_array{} and not json.is_array'x')\n"
        "assert(not json.is_array{1, nil, 3} and not json.is_array{1, x = 2} and "
        "json.is_array{1})\n"
        "assert(json.is_array(json.decode'[]') and not json.is_array(json.decode'{}'))\n"
        "local mine = {}\n"
        "assert(array(mine) == mine and array(mine) == mine)");
}

static void test_encode_refusals(void **state)
{
    run(*state, "local function refused(value, want, opts)\n"
                "  local ok, why = pcall(json.encode, value, opts)\n"
                "  assert(not ok, want)\n"
                "  assert(why:find(want, 1, true), why .. '\\n is not\\n' .. want)\n"
                "end\n"
                "local cycle = {} cycle.me = cycle\n"
                "local list = {} list[1] = list\n"
                "local say = 'usage: %s cannot be written as JSON: '\n"
                "refused(0/0, say:format 'the value' .. 'it is not a number')\n"
                "refused({a = {1, 1/0}}, say:format 'a[2]' .. 'it is infinite')\n"
                "refused(-1/0, 'it is infinite')\n"
                "refused({records = {{}, {title = print}}}, say:format 'records[2].title' .. "
                "'it is a function')\n"
                "refused({coroutine.create(print)}, say:format '[1]' .. 'it is a thread')\n"
                "refused({io.stdout}, say:format '[1]' .. 'it is a userdata')\n"
                "refused(nil, 'it is nil')\n"
                "refused({x = {1, nil, 3}}, say:format 'x' .. 'an array with holes (2 "
                "elements, the last key is 3)')\n"
                "refused({[5] = 1}, 'an array with holes (1 elements, the last key is 5)')\n"
                "refused({1, x = 2}, 'others')\n"
                "refused({x = 1, [1] = 2}, 'keys')\n"
                "refused({[0] = 1}, 'others')\n"
                "refused({[1.5] = 1}, 'a number as key')\n"
                "refused({[true] = 1}, 'a boolean as key')\n"
                "refused({y = {[true] = 1}}, say:format 'y' .. 'it has a boolean as key', "
                "{sorted = true})\n"
                "refused(json.array{x = 1}, 'marked as an array')\n"
                "refused({a = '\\xff'}, say:format 'a' .. 'the text is not UTF-8 at byte 0')\n"
                "refused('ab\\xed\\xa0\\x80', 'not UTF-8 at byte 2')\n"
                "refused({['k\\xc3'] = 1}, 'not UTF-8 at byte 1')\n"
                "refused(cycle, 'does a table contain itself')\n"
                "refused(list, 'does a table contain itself')\n"
                "refused({{{1}}}, say:format '[1][1]' .. 'nested too deep', {depth = 2})\n"
                "assert(json.encode({{1}}, {depth = 2}) == '[[1]]')");
}

static void test_encode_ceiling(void **state)
{
    struct ml_err err;
    struct ml_buf out;
    lua_State *L = *state;
    lua_pushstring(L, "0123456789");
    ml_buf_create(&out, 12);
    assert_int_equal(ml_json_encode(L, -1, &out, NULL, &err), 0);
    ml_buf_destroy(&out);
    ml_buf_create(&out, 11);
    assert_int_equal(ml_json_encode(L, -1, &out, NULL, &err), -1);
    assert_int_equal(err.kind, ML_USAGE);
    assert_non_null(strstr(err.text, "the 11 bytes allowed"));
    assert_int_equal(lua_gettop(L), 1);
    ml_buf_destroy(&out);
    lua_settop(L, 0);
}

static void test_arguments(void **state)
{
    run(*state,
        "local function refused(want, f, ...)\n"
        "  local ok, why = pcall(f, ...)\n"
        "  assert(not ok and why:find(want, 1, true), tostring(why))\n"
        "end\n"
        "refused('decode: expected a value', json.decode, '')\n"
        "refused('usage: the text to decode must be a string, not a table', json.decode, {})\n"
        "refused('not a number', json.decode, 1)\n"
        "refused(\"unknown option 'nul' (there are null and depth)\", json.decode, '1', {nul = "
        "'drop'})\n"
        "refused('must be \"drop\" or \"keep\"', json.decode, '1', {null = true})\n"
        "refused('the options must be a table, not a string', json.decode, '1', 'drop')\n"
        "refused('from 1 to 2000', json.decode, '1', {depth = 0})\n"
        "refused('from 1 to 2000', json.encode, 1, {depth = 2001})\n"
        "refused(\"unknown option 'sort'\", json.encode, 1, {sort = true})\n"
        "refused('true or false, not a number', json.encode, 1, {sorted = 1})\n"
        "refused('encode needs a value', json.encode)\n"
        "refused('only a table', json.array, 5)\n"
        "refused('metatable of its own', json.array, setmetatable({}, {}))\n"
        "local deep = ('['):rep(2000) .. (']'):rep(2000)\n"
        "assert(json.encode(json.decode(deep, {depth = 2000}), {depth = 2000}) == deep)\n"
        "refused('nested too deep at byte 2000', json.decode, '[' .. deep .. ']', {depth = "
        "2000})");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trips, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_what_becomes_of_it, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_bad_texts, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_every_truncation, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_depth, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_size, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_large_containers, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_names_that_collide, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_drop_null, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_in_a_coroutine, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_exact_numbers, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_locale, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_encode, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_encode_refusals, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_encode_ceiling, open_lua, close_lua),
        cmocka_unit_test_setup_teardown(test_arguments, open_lua, close_lua),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
