/* SPDX-License-Identifier: MIT */
/* The practice server's Screendragon: filters, writes, rights, and work that is queued. */
#include "test_practice_client.h"

#include "practice/moment.h"

/* How many users a list holds; 0 for "No data". */
static size_t count_users(const struct ml_practice *p, const char *query)
{
    char path[400];
    snprintf(path, sizeof path, "/api/users?%s", query);
    struct reply r = ask(p, "GET", path, DRAGON, NULL);
    assert_true(r.status == 200 || r.status == 400);
    json_t *list = reply_json(&r);
    size_t n = json_array_size(list);
    if (r.status == 400)
        assert_true(strncasecmp(text_at(list, "error"), "no data", 7) == 0);
    json_decref(list);
    reply_free(&r);
    return n;
}

static json_t *get_user(const struct ml_practice *p, int id)
{
    char path[60];
    snprintf(path, sizeof path, "/api/users/%d", id);
    return ask_json(p, "GET", path, DRAGON, NULL, 200);
}

/* Whether the user is active now. */
static bool is_active(const struct ml_practice *p, int id)
{
    json_t *user = get_user(p, id);
    bool active = strcmp(text_at(user, "status"), "active") == 0;
    json_decref(user);
    return active;
}

static void test_list_and_filters(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    size_t all = count_users(p, "activeAndInactive=true");
    size_t active = count_users(p, "active=true");
    assert_int_equal(all, 40);
    assert_true(active > 0 && active < all);
    assert_int_equal(count_users(p, ""), active);
    json_t *user = get_user(p, 301);
    char query[200];
    snprintf(query, sizeof query, "activeAndInactive=true&emailFilter=%s",
             text_at(user, "email"));
    assert_int_equal(count_users(p, query), 1);
    snprintf(query, sizeof query, "nameFilter=%s%%20%s", text_at(user, "FirstName"),
             text_at(user, "LastName"));
    assert_int_equal(count_users(p, query), 1);
    snprintf(query, sizeof query, "filterBy=%s&filterText=%s",
             text_at(user, "customFields.0.guid"), text_at(user, "customFields.0.values.0"));
    assert_true(count_users(p, query) > 1);
    strcat(query, "x");
    assert_int_equal(count_users(p, query), 0);
    snprintf(query, sizeof query, "groupID=%ld", int_at(user, "groups.0.id"));
    assert_true(count_users(p, query) < active);
    assert_int_equal(count_users(p, "emailFilter=nobody@nowhere"), 0);
    assert_int_equal(ask_status(p, "GET", "/api/users?filterBy=x", DRAGON, NULL), 400);
    assert_int_equal(ask_status(p, "GET", "/api/users?customFields=x", DRAGON, NULL), 400);
    assert_int_equal(ask_status(p, "GET", "/api/users?groupID=11", DRAGON_MEMBER, NULL), 400);
    json_decref(user);

    json_t *list = ask_json(p, "GET", "/api/users?customFields=%5B%22cost%20centre%22%5D",
                            DRAGON, NULL, 200);
    assert_int_equal(json_array_size(at(list, "0.customFields")), 1);
    assert_string_equal(text_at(list, "0.customFields.0.label.en"), "Cost centre");
    assert_null(at(list, "0.groups"));
    assert_null(at(list, "0.CreateDate"));
    assert_null(at(list, "0._role"));
    json_decref(list);
    list = ask_json(p, "GET", "/api/users?includeGroups=true&includeCreateData=true", DRAGON,
                    NULL, 200);
    assert_non_null(text_at(list, "0.groups.0.name"));
    assert_non_null(text_at(list, "0.CreateDate"));
    json_decref(list);
    ml_practice_stop(p);
}

static void test_get(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *user = get_user(p, 305);
    char path[120];
    snprintf(path, sizeof path, "/api/users/UserDetails/%s", text_at(user, "UserName"));
    json_t *same = ask_json(p, "GET", path, DRAGON, NULL, 200);
    assert_true(json_equal(user, same));
    json_decref(user);
    json_decref(same);
    char spelling[3][20];
    for (int i = 0; i < 3; i++) {
        json_t *error = ask_json(p, "GET", "/api/users/99999", DRAGON, NULL, 400);
        snprintf(spelling[i], 20, "%s", text_at(error, "error"));
        json_decref(error);
    }
    assert_string_not_equal(spelling[0], spelling[1]);
    assert_string_not_equal(spelling[1], spelling[2]);
    assert_int_equal(ask_status(p, "GET", "/api/users/UserDetails/nobody", DRAGON, NULL), 400);
    assert_int_equal(ask_status(p, "GET", "/api/users/301", REST, NULL), 401);
    assert_int_equal(ask_status(p, "GET", "/api/users/301", NONE, NULL), 401);
    assert_int_equal(ask_status(p, "GET", "/api/v2/users", DRAGON, NULL), 401);
    assert_int_equal(ask_status(p, "GET", "/api/v2/users", REST, NULL), 200);
    ml_practice_stop(p);
}

static void test_create(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    const char *body =
        "{\"userName\":\"nora.feld\",\"firstName\":\"Nora\",\"lastName\":\"Feld\","
        "\"email\":\"nora@example.com\",\"encryptPassword\":true,"
        "\"groupTags\":[\"studio\"],\"isTsIngestUser\":0,\"ssoUser\":1}";
    json_t *id = ask_json(p, "POST", "/api/users", DRAGON, body, 200);
    assert_true(json_is_integer(id));
    json_t *user = get_user(p, (int)json_integer_value(id));
    assert_string_equal(text_at(user, "FirstName"), "Nora");
    assert_string_equal(text_at(user, "groups.0.name"), "Studio");
    json_decref(id);
    json_decref(user);
    const struct {
        const char *body, *says;
    } cases[] = {{body, "Username already exists"},
                 {"{\"userName\":\"a\",\"groupTags\":[\"studio\",\"nope\"]}", "groups"},
                 {"{\"userName\":\"a\",\"ssoUser\":2}", "0 or 1"},
                 {"{\"userName\":\"a\",\"ssoUser\":true}", "0 or 1"},
                 {"{\"userName\":\"a\",\"isTsIngestUser\":\"1\"}", "0 or 1"},
                 {"{\"firstName\":\"a\"}", "Failed to add user"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *error = ask_json(p, "POST", "/api/users", DRAGON, cases[i].body, 400);
        if (!strstr(text_at(error, "error"), cases[i].says))
            fail_msg("%s: %s", cases[i].body, text_at(error, "error"));
        json_decref(error);
    }
    ml_practice_stop(p);
}

static void test_update_blanks_what_is_left_out(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *answer = ask_json(p, "PUT", "/api/users/303", DRAGON,
                              "{\"firstName\":\"A\",\"email\":\"a@example.com\"}", 200);
    assert_string_equal(text_at(answer, "message"), "User updated.");
    json_decref(answer);
    json_t *user = get_user(p, 303);
    assert_string_equal(text_at(user, "FirstName"), "A");
    assert_string_equal(text_at(user, "LastName"), "");
    assert_string_equal(text_at(user, "email"), "a@example.com");
    json_decref(user);
    assert_int_equal(ask_status(p, "PUT", "/api/users/9", DRAGON, "{\"firstName\":\"A\"}"),
                     400);
    ml_practice_stop(p);
}

static void test_permission_failures(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    struct reply r = ask(p, "POST", "/api/users", DRAGON_MEMBER, "{\"userName\":\"a\"}");
    assert_int_equal(r.status, 403);
    assert_int_equal(r.len, 0);
    reply_free(&r);
    const struct {
        const char *method, *path, *body;
        int status;
        const char *says;
    } cases[] = {
        {"PUT", "/api/users/303", "{\"firstName\":\"A\"}", 400, "Unauthorized update attempt."},
        {"PUT", "/api/users/details", "[{\"UserId\":303}]", 400, "You must be an Admin"},
        {"DELETE", "/api/users", "[303]", 400, "You must be an Admin"},
        {"DELETE", "/api/users/303", NULL, 401, "Unauthorized update access."},
        {"DELETE", "/api/users/302", NULL, 403, "Insufficient permissions"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *error = ask_json(p, cases[i].method, cases[i].path, DRAGON_MEMBER,
                                 cases[i].body, cases[i].status);
        assert_non_null(strstr(text_at(error, "error"), cases[i].says));
        json_decref(error);
    }
    assert_int_equal(
        ask_status(p, "PUT", "/api/users/302", DRAGON_MEMBER, "{\"firstName\":\"A\"}"), 200);
    assert_int_equal(ask_status(p, "GET", "/api/users/303", DRAGON_MEMBER, NULL), 200);
    ml_practice_stop(p);
}

static void test_delete(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    assert_true(is_active(p, 301) && is_active(p, 302));
    json_t *answer =
        ask_json(p, "DELETE", "/api/users/301?assignUserID=302", DRAGON, NULL, 200);
    assert_string_equal(text_at(answer, "status"), "User deactivated");
    json_decref(answer);
    assert_false(is_active(p, 301));
    assert_int_equal(
        ask_status(p, "DELETE", "/api/users/302?scheduledDate=2990-01-01", DRAGON, NULL), 200);
    assert_true(is_active(p, 302));
    json_t *kept =
        ask_json(p, "GET", "/practice/records?of=screendragon.users", NONE, NULL, 200);
    assert_int_equal(int_at(kept, "0._heir"), 302);
    assert_true(json_is_integer(at(kept, "1._removal")));
    json_decref(kept);
    assert_int_equal(
        ask_status(p, "DELETE", "/api/users/302?scheduledDate=2001-01-01", DRAGON, NULL), 200);
    assert_false(is_active(p, 302));
    assert_int_equal(ask_status(p, "DELETE", "/api/users/9", DRAGON, NULL), 404);
    assert_int_equal(ask_status(p, "DELETE", "/api/users/x", DRAGON, NULL), 400);
    assert_int_equal(ask_status(p, "DELETE", "/api/users/303?scheduledDate=x", DRAGON, NULL),
                     400);
    assert_int_equal(ask_status(p, "DELETE", "/api/users/303?assignUserID=9", DRAGON, NULL),
                     400);
    ml_practice_stop(p);
}

static void test_bulk(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *answer = ask_json(p, "PUT", "/api/users/details", DRAGON,
                              "[{\"UserId\":303,\"FirstName\":\"B\",\"LastName\":\"C\","
                              "\"Email\":\"b@example.com\",\"Role\":\"Chief\"},{\"UserId\":9}]",
                              200);
    assert_non_null(strstr(text_at(answer, "message"), "accepted"));
    json_decref(answer);
    json_t *user = get_user(p, 303);
    assert_string_equal(text_at(user, "FirstName"), "B");
    assert_string_equal(text_at(user, "email"), "b@example.com");
    json_decref(user);
    json_t *kept =
        ask_json(p, "GET", "/practice/records?of=screendragon.users", NONE, NULL, 200);
    assert_string_equal(text_at(kept, "2._role"), "Chief");
    json_decref(kept);
    answer = ask_json(p, "DELETE", "/api/users", DRAGON, "[301,302]", 200);
    json_decref(answer);
    assert_false(is_active(p, 301) || is_active(p, 302));
    const char *const bad[] = {"[]", "{\"userIds\":[1]}", "[\"303\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ask_status(p, "DELETE", "/api/users", DRAGON, bad[i]), 400);
    ml_practice_stop(p);
}

/* Asks until the user is no longer active. */
static void wait_gone(const struct ml_practice *p, int id)
{
    for (int i = 0; i < 2000 && is_active(p, id); i++)
        usleep(5000);
    assert_false(is_active(p, id));
}

static void test_queue(void **state)
{
    (void)state;
    struct ml_practice *p = start("queue=60", 1);
    json_t *answer = ask_json(p, "DELETE", "/api/users", DRAGON, "[301]", 200);
    json_decref(answer);
    json_t *entry = last_entry(p);
    assert_true(json_is_false(at(entry, "applied")));
    json_decref(entry);
    wait_gone(p, 301);
    assert_int_equal(ask_status(p, "DELETE", "/api/users/302", DRAGON, NULL), 200);
    wait_gone(p, 302);
    json_t *log = ask_json(p, "GET", "/practice/log", NONE, NULL, 200);
    size_t late = 0;
    for (size_t i = 0; i < json_array_size(log); i++) {
        json_t *one = json_array_get(log, i);
        late += json_object_get(one, "late") && json_is_true(json_object_get(one, "applied"));
    }
    assert_int_equal(late, 2);
    json_decref(log);
    ml_practice_stop(p);

    p = start("queue-drop=100%", 1);
    assert_int_equal(ask_status(p, "DELETE", "/api/users", DRAGON, "[301,302]"), 200);
    assert_int_equal(ask_status(p, "DELETE", "/api/users/301", DRAGON, NULL), 200);
    assert_true(is_active(p, 301) && is_active(p, 302));
    ml_practice_stop(p);
}

static void test_moments(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ms;
    } cases[] = {{"1970-01-01", 0},
                 {"2025-06-01T00:00:00Z", INT64_C(1748736000000)},
                 {"2025-06-01T02:00:00.25+02:00", INT64_C(1748736000250)},
                 {"2025-05-31 20:30-03:30", INT64_C(1748736000000)},
                 {"2024-02-29T23:59:60.123456z", INT64_C(1709251200123)},
                 {"2025-13-01", -1},
                 {"2025-02-29", -1},
                 {"2025-00-01", -1},
                 {"1969-12-31", -1},
                 {"2025-6-1", -1},
                 {"2025-06-01T", -1},
                 {"2025-06-01T25:00", -1},
                 {"2025-06-01T10:00:00+2", -1},
                 {"2025-06-01T10:00:00ZZ", -1},
                 {"2025-06-01x", -1},
                 {"", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        int rc = ml_moment_read(cases[i].text, &ms);
        if (rc != (cases[i].ms < 0 ? -1 : 0) || ms != cases[i].ms)
            fail_msg("%s: %d, %lld", cases[i].text, rc, (long long)ms);
    }
    char text[ML_MOMENT_MAX];
    ml_moment_write(INT64_C(1748736000250), text);
    assert_string_equal(text, "2025-06-01T00:00:00.250Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_and_filters),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_update_blanks_what_is_left_out),
        cmocka_unit_test(test_permission_failures),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
