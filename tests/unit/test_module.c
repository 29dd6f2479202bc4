/* SPDX-License-Identifier: MIT */
/*
 * luaopen_moonlever in a state of the host's own: its allocator, hook, signals,
 * mode of collection, warnings, globals and the number of Lua libraries in the
 * process are afterwards what they were before.
 */
#include <moonlever.h>

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct host {
    lua_State *L;
    size_t allocated; /* by the host's allocator, now */
    unsigned long hooked, warned;
};

static void *allocate(void *ud, void *ptr, size_t osize, size_t nsize)
{
    struct host *host = ud;
    host->allocated += nsize - (ptr ? osize : 0);
    if (nsize)
        return realloc(ptr, nsize);
    free(ptr);
    return NULL;
}

static void on_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    void *ud;
    lua_getallocf(L, &ud);
    ((struct host *)ud)->hooked++;
}

static void on_warning(void *ud, const char *text, int more)
{
    (void)text, (void)more;
    ((struct host *)ud)->warned++;
}

static void on_signal(int number)
{
    (void)number;
}

static int set_up(void **state)
{
    struct host *host = calloc(1, sizeof *host);
    host->L = lua_newstate(allocate, host);
    assert_non_null(host->L);
    luaL_openlibs(host->L);
    lua_setwarnf(host->L, on_warning, host);
    *state = host;
    return 0;
}

static int tear_down(void **state)
{
    struct host *host = *state;
    if (host->L)
        lua_close(host->L);
    int left = host->allocated != 0; /* whatever we allocated in the state is gone with it */
    free(host);
    return left;
}

static void require_it(struct host *host)
{
    luaL_requiref(host->L, "moonlever", luaopen_moonlever, 0);
    assert_int_equal(lua_type(host->L, -1), LUA_TTABLE);
    lua_pop(host->L, 1);
}

static void run(struct host *host, const char *text)
{
    if (luaL_dostring(host->L, text) != LUA_OK)
        fail_msg("%s", lua_tostring(host->L, -1));
    lua_settop(host->L, 0);
}

static void it_is_there_and_no_global(void **state)
{
    struct host *host = *state;
    require_it(host);
    run(host, "assert(moonlever == nil and type(require('moonlever').connect) == 'function')"
              "assert(require 'moonlever'.json.decode('[1, 2]')[2] == 2)"
              "require 'moonlever'.sleep(0.001)"
              "assert(require 'moonlever'.spawn(function() return 7 end):await() == 7)");
}

static void globals_are_left_alone(void **state)
{
    struct host *host = *state;
    run(host,
        "meta, text_meta, before = getmetatable(_G), getmetatable '', true "
        "local all = {} for k, v in pairs(_G) do all[k] = v end before = all "
        "libs = {} for _, lib in ipairs { 'coroutine', 'os', 'string', 'table', 'debug' } do "
        "libs[lib] = {} for k, v in pairs(_G[lib]) do libs[lib][k] = v end end");
    require_it(host);
    run(host,
        "for k, v in pairs(_G) do "
        "assert(before[k] == v or k == 'before' or k == 'libs', k .. ' is another one') end "
        "for lib, functions in pairs(libs) do for name, f in pairs(_G[lib]) do "
        "assert(functions[name] == f, lib .. '.' .. name .. ' is another one') end end "
        "assert(getmetatable(_G) == meta and getmetatable '' == text_meta)");
}

static void allocator_and_warnings_stay(void **state)
{
    struct host *host = *state;
    void *ud;
    size_t before = host->allocated;
    require_it(host);
    assert_ptr_equal(lua_getallocf(host->L, &ud), allocate);
    assert_ptr_equal(ud, host);
    assert_true(host->allocated > before);
    run(host, "warn 'still here'");
    assert_int_equal(host->warned, 1);
}

static void the_hook_stays(void **state)
{
    struct host *host = *state;
    lua_sethook(host->L, on_hook, LUA_MASKCOUNT, 100);
    require_it(host);
    run(host,
        "require 'moonlever'.spawn(function() require 'moonlever'.sleep(0.001) end):await()"
        "for i = 1, 1000 do local _ = i end");
    assert_ptr_equal(lua_gethook(host->L), on_hook);
    assert_int_equal(lua_gethookmask(host->L), LUA_MASKCOUNT);
    assert_int_equal(lua_gethookcount(host->L), 100);
    assert_true(host->hooked > 10);
}

static void the_mode_of_collection_stays(void **state)
{
    struct host *host = *state;
    lua_gc(host->L, LUA_GCGEN, 0, 0);
    require_it(host);
    run(host, "require 'moonlever'.sleep(0.001)");
    assert_int_equal(lua_gc(host->L, LUA_GCINC, 0, 0, 0), LUA_GCGEN);
    assert_int_equal(lua_gc(host->L, LUA_GCISRUNNING), 1);
    lua_gc(host->L, LUA_GCSTOP);
    run(host, "require 'moonlever'.sleep(0.001)");
    assert_int_equal(lua_gc(host->L, LUA_GCISRUNNING), 0);
}

static void signals_stay(void **state)
{
    struct host *host = *state;
    static const int numbers[] = {SIGINT, SIGTERM, SIGPIPE, SIGCHLD, SIGALRM, SIGUSR1};
    struct sigaction mine, now;
    sigset_t blocked, mask;
    memset(&mine, 0, sizeof mine);
    mine.sa_handler = on_signal;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &mine, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    require_it(host);
    run(host, "require 'moonlever'.sleep(0.001)");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        sigaction(numbers[i], NULL, &now);
        assert_ptr_equal(now.sa_handler, on_signal);
        signal(numbers[i], SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, NULL, &mask);
    assert_true(sigismember(&mask, SIGUSR2) && !sigismember(&mask, SIGUSR1));
}

/* Which files with "liblua5.4.so" in their names are mapped. */
static unsigned luas(void)
{
    char line[1000], seen[1000] = "";
    unsigned n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        const char *path = strchr(line, '/');
        if (path && strstr(path, "liblua5.4.so") && strcmp(path, seen) != 0) {
            strcpy(seen, path);
            n++;
        }
    }
    fclose(f);
    return n;
}

static void one_lua_in_the_process(void **state)
{
    require_it(*state);
    assert_int_equal(luas(), 1);
}

static void two_states_side_by_side(void **state)
{
    struct host *host = *state, *other;
    void *second;
    assert_int_equal(set_up(&second), 0);
    other = second;
    require_it(host);
    require_it(other);
    run(host, "task = require 'moonlever'.spawn(function() require 'moonlever'.sleep(0.005) "
              "return 1 end)");
    run(other, "require 'moonlever'.sleep(0.001)");
    assert_int_equal(tear_down(&second), 0);
    run(host, "assert(task:await() == 1)");
}

static void a_state_that_ends_early(void **state)
{
    struct host *host = *state;
    require_it(host);
    run(host, "for i = 1, 10 do require 'moonlever'.spawn(function() require "
              "'moonlever'.sleep(60) end) end");
    lua_close(host->L);
    host->L = NULL;
    assert_int_equal(host->allocated, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_there_and_no_global, set_up, tear_down),
        cmocka_unit_test_setup_teardown(globals_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(allocator_and_warnings_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_hook_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_mode_of_collection_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signals_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_lua_in_the_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_states_side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_state_that_ends_early, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
