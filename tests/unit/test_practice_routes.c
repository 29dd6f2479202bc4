/* SPDX-License-Identifier: MIT */
/* The practice server's routes: made of the catalogues, matched, bound to code; and its text.
 */
#include "test_practice_client.h"

#include "practice/out.h"
#include "practice/server.h"

#include <sys/wait.h>

static const struct ml_route routes[] = {
    {.operation = "t.users.get", .method = "GET", .path = "/api/users/{id}"},
    {.operation = "t.users.by_name", .method = "GET", .path = "/api/users/UserDetails"},
    {.operation = "t.users.put", .method = "PUT", .path = "/api/users/{id}"},
    {.operation = "t.chats.send", .method = "GET", .path = "/api/{chat}/messages/{id}"},
    {0}};

/* The operation that fits, "" when none does; param gets the first parameters. */
static const char *match(const char *method, const char *uri, char param[2][64])
{
    struct ml_target target = {.segments = 0};
    if (ml_route_split(uri, &target) < 0)
        return "";
    const struct ml_route *route = ml_route_match(routes, method, NULL, &target);
    for (int i = 0; i < 2; i++)
        snprintf(param[i], 64, "%s", target.param[i] ? target.param[i] : "");
    return route ? route->operation : "";
}

static void test_match(void **state)
{
    (void)state;
    char param[2][64];
    assert_string_equal(match("GET", "/api/users/42?x=1", param), "t.users.get");
    assert_string_equal(param[0], "42");
    assert_string_equal(match("PUT", "/api/users/UserDetails", param), "t.users.put");
    assert_string_equal(match("GET", "/api/users/UserDetails", param), "t.users.by_name");
    assert_string_equal(match("GET", "/api/users/a%2Fb%20c", param), "t.users.get");
    assert_string_equal(param[0], "a/b c");
    assert_string_equal(match("GET", "/api/7/messages/9", param), "t.chats.send");
    assert_string_equal(param[0], "7");
    assert_string_equal(param[1], "9");
    const char *const none[] = {"/api/users",
                                "/api/users/",
                                "/api/users/1/2",
                                "/API/users/1",
                                "/api//1",
                                "api/users/1",
                                "",
                                "*",
                                "/api/users/%",
                                "/api/users/%4",
                                "/api/users/%4g",
                                "/api/users/%00",
                                "/a/b/c/d/e/f/g/h/i/j/k/l/m"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(match("GET", none[i], param), "");
    assert_string_equal(match("POST", "/api/users/1", param), "");
    char long_uri[3000] = "/api/users/";
    memset(long_uri + strlen(long_uri), 'x', 2500);
    assert_string_equal(match("GET", long_uri, param), "");
}

static void test_query(void **state)
{
    (void)state;
    char out[16];
    assert_int_equal(ml_route_query("a=1&email=x%2By+z&b=2", "email", out, sizeof out), 1);
    assert_string_equal(out, "x+y z");
    assert_int_equal(ml_route_query("a=1&b", "b", out, sizeof out), 1);
    assert_string_equal(out, "");
    assert_int_equal(ml_route_query("aa=1&", "a", out, sizeof out), 0);
    assert_int_equal(ml_route_query("", "a", out, sizeof out), 0);
    assert_int_equal(ml_route_query("a=%2", "a", out, sizeof out), -1);
    assert_int_equal(ml_route_query("a=0123456789abcdef", "a", out, sizeof out), -1);
    assert_int_equal(ml_route_query("a=0123456789abcde", "a", out, sizeof out), 1);
}

static void run_nothing(struct ml_practice *p, struct ml_ask *question, struct ml_answer *ans)
{
    (void)p;
    (void)question;
    (void)ans;
}

static void test_route_without_code(void **state)
{
    (void)state;
    const struct ml_handler some[] = {{"t.users.get", run_nothing},
                                      {"t.users.by_name", run_nothing},
                                      {"t.chats.send", run_nothing},
                                      {NULL, NULL}};
    const struct ml_handler rest[] = {{"t.users.put", run_nothing}, {NULL, NULL}};
    const struct ml_handler *const lacking[] = {some, NULL};
    const struct ml_handler *const all[] = {some, rest, NULL};
    struct ml_bound *bound = NULL;
    size_t count = 0;
    struct ml_err err;
    assert_int_equal(ml_serve_bind(routes, lacking, &bound, &count, &err), -1);
    assert_non_null(strstr(err.text, "t.users.put"));
    assert_non_null(strstr(err.text, "PUT /api/users/{id}"));
    assert_null(bound);
    assert_int_equal(ml_serve_bind(routes, all, &bound, &count, &err), 0);
    assert_int_equal(count, 4);
    free(bound);
}

static void test_catalogue_is_served(void **state)
{
    (void)state;
    size_t lists = 0, count = 0;
    for (const struct ml_route *route = ml_routes; route->operation; route++) {
        count++;
        lists += route->paging != NULL;
        assert_true(route->status >= 200 && route->status < 300);
        assert_true((route->paging != NULL) == (route->items != NULL));
        if (strcmp(route->operation, "screendesk.recordings.update") == 0) {
            assert_string_equal(route->method, "PATCH");
            assert_string_equal(route->wrap, "recording");
            assert_non_null(route->fields);
        }
    }
    assert_true(count >= 10 && lists >= 3);
}

/* Runs the generator on a catalogue; the exit status, and what it wrote to stderr. */
static int generate(const char *catalogue, char said[400])
{
    char dir[] = "/tmp/practice-routes-XXXXXX";
    char command[1200], path[100];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/bad.lua", dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(catalogue, file);
    fclose(file);
    /* This file is tests/unit/…: the tool is two folders up. */
    const char *slash = strstr(__FILE__, "tests/unit/");
    assert_non_null(slash);
    snprintf(command, sizeof command, "lua5.4 %.*stools/routes.lua %s/out.c %s 2>&1",
             (int)(slash - __FILE__), __FILE__, dir, path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(said, 1, 399, pipe);
    said[n] = '\0';
    int status = pclose(pipe);
    snprintf(command, sizeof command, "%s/out.c", dir);
    unlink(command);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
    return WEXITSTATUS(status);
}

static void test_generator_refuses(void **state)
{
    (void)state;
    const struct {
        const char *op, *says;
    } cases[] = {
        {"method='GET', path='/a', success={200}", ""},
        {"method='GET', success={200}", "path"},
        {"method='GET', path='a', success={200}", "slash"},
        {"method='GET', path='/a'", "success"},
        {"method='GET', path='/a', success={200}, fields={f={type='date'}}", "date"},
        {"method='GET', path='/a', success={200}, fields={f={type='any'}}", ""},
        {"method='GET', path='/a', success={200}, fields={f={type='list', or_type='string'}}",
         ""},
        {"method='GET', path='/a', success={200}, fields={f={type='date', or_type='any'}}",
         "date"},
        {"method='GET', path='never sent', refused='why'", ""},
        {"method='GET', path=print('/a')", "print"},
        {"method='GET', path='/a', success={200}, ", ""},
        {"method=", "unexpected"}};
    char text[400], said[400];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text,
                 "return { name='s', resources={ r={ operations={ v={ %s } } } } }",
                 cases[i].op);
        int status = generate(text, said);
        if (status != (*cases[i].says ? 1 : 0) || !strstr(said, cases[i].says))
            fail_msg("%s: exit %d: %s", cases[i].op, status, said);
    }
    assert_int_equal(generate("return 1", said), 1);
}

static void test_text_is_json(void **state)
{
    (void)state;
    const char bad[] =
        "a\"\\\n\t\r\x01\x7f\xc3\xa9\xf0\x9f\x98\x80|\xff|\xc0\x80|\xed\xa0\x80|\xf5";
    struct ml_out o;
    ml_out_create(&o);
    ml_out_string_n(&o, bad, sizeof bad - 1);
    assert_false(o.failed);
    json_t *value = json_loadb(o.buf.data, o.buf.len, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    const char *text = json_string_value(value);
    assert_memory_equal(text, bad, 14); /* up to the first byte that is none of UTF-8 */
    assert_string_equal(text + 14,
                        "|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd"
                        "\xef\xbf\xbd|\xef\xbf\xbd");
    json_decref(value);
    ml_out_destroy(&o);
    ml_out_create(&o);
    ml_out_time(&o, INT64_C(1741684265000));
    ml_out_time(&o, -1);
    assert_string_equal(ml_buf_str(&o.buf), "\"2025-03-11T09:11:05.000Z\"null");
    ml_out_destroy(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_route_without_code),
        cmocka_unit_test(test_catalogue_is_served),
        cmocka_unit_test(test_generator_refuses),
        cmocka_unit_test(test_text_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
