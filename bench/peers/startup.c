/* SPDX-License-Identifier: MIT */
/*
 * What starting costs before anybody has written a line: a program linked with the same
 * libraries as Moonlever (most of it is the dynamic linker's work on libcurl and what that
 * needs) that opens Lua with its standard library and lua-cjson, and runs an empty chunk.
 *
 *     startup
 */
#include <curl/curl.h>
#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <microhttpd.h>
#include <stdio.h>

int luaopen_cjson(lua_State *L);

int main(void)
{
    lua_State *L = luaL_newstate();
    if (!L || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    luaL_openlibs(L);
    luaL_requiref(L, "cjson", luaopen_cjson, 0);
    int failed = luaL_dostring(L, "") != LUA_OK;
    /* Never true; the calls keep both libraries among those that the linker loads. */
    if (!MHD_get_version() || !jansson_version_str())
        failed = 1;
    lua_close(L);
    return failed;
}
