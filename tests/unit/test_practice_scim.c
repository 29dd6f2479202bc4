/* SPDX-License-Identifier: MIT */
/* The practice server's SCIM users, and how REST sees the same people. */
#include "test_practice_client.h"

#define USERS "/api/v2/scim/Users"
#define INES                                                                                   \
    "{\"id\":\"1\",\"userName\":\"ines@example.net\",\"name\":{\"givenName\":\"Ines\","        \
    "\"familyName\":\"Duarte\"},\"emails\":[{\"value\":\"ines@example.net\",\"primary\":true," \
    "\"type\":\"work\"}],\"externalId\":\"hr-7\",\"active\":true"

/* One flag of the roles object. */
static int flag(json_t *user, const char *path)
{
    json_t *value = at(user, path);
    assert_true(json_is_boolean(value));
    return json_is_true(value);
}

static void assert_roles(json_t *user, int admin, int member, int editor)
{
    assert_int_equal(flag(user, "roles.admin"), admin);
    assert_int_equal(flag(user, "roles.member"), member);
    assert_int_equal(flag(user, "roles.editor"), editor);
}

/* Creates Ines; her path is written to path. */
static void create_ines(const struct ml_practice *p, const char *rest_of_body, char path[80])
{
    char body[600];
    snprintf(body, sizeof body, "%s%s", INES, rest_of_body);
    json_t *user = ask_json(p, "POST", USERS, SCIM, body, 201);
    assert_string_not_equal(text_at(user, "id"), "1"); /* ours is ignored (SD-17) */
    snprintf(path, 80, USERS "/%s", text_at(user, "id"));
    json_decref(user);
}

static void test_list_and_single_reads(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *list = ask_json(p, "GET", USERS, SCIM, NULL, 200);
    assert_int_equal(int_at(list, "totalResults"), 40);
    assert_int_equal(json_array_size(at(list, "Resources")), 40);
    size_t i;
    json_t *listed;
    json_array_foreach(at(list, "Resources"), i, listed)
    {
        char path[80];
        snprintf(path, sizeof path, USERS "/%s", text_at(listed, "id"));
        json_t *single = ask_json(p, "GET", path, SCIM, NULL, 200);
        /* An array there, an object here: the same roles (SD-14). */
        json_t *names = at(listed, "roles");
        assert_true(json_is_array(names));
        int named = 0;
        for (size_t k = 0; k < json_array_size(names); k++) {
            char role[32];
            snprintf(role, sizeof role, "roles.%s",
                     json_string_value(json_array_get(names, k)));
            named += flag(single, role);
        }
        assert_int_equal(named, json_array_size(names));
        assert_int_equal(named, flag(single, "roles.admin") + flag(single, "roles.member") +
                                    flag(single, "roles.editor"));
        assert_null(at(listed, "externalId"));
        const char *external = text_at(single, "externalId");
        if (external) {
            snprintf(path, sizeof path, USERS "/%s", external);
            json_t *same = ask_json(p, "GET", path, SCIM, NULL, 200);
            assert_true(json_equal(same, single));
            json_decref(same);
        }
        json_decref(single);
    }
    json_decref(list);
    json_t *error = ask_json(p, "GET", USERS "/none", SCIM, NULL, 404);
    assert_string_equal(text_at(error, "detail"), "No user with this id");
    assert_string_equal(text_at(error, "status"), "404");
    json_decref(error);
    ml_practice_stop(p);
}

static void test_create(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char path[80];
    create_ines(p, "}", path);
    json_t *user = ask_json(p, "GET", path, SCIM, NULL, 200);
    assert_string_equal(text_at(user, "userName"), "ines@example.net");
    assert_string_equal(text_at(user, "name.formatted"), "Ines Duarte");
    assert_string_equal(text_at(user, "externalId"), "hr-7");
    assert_roles(user, 0, 1, 0); /* the defaults (SD-15) */
    json_decref(user);

    const struct {
        const char *body, *detail;
    } refused[] = {
        {"{\"userName\":\"INES@example.net\"}", "userName is already taken"},
        {"{\"userName\":\"x\",\"externalId\":\"hr-7\"}", "externalId is already taken"},
        {"{\"active\":true}", "userName is missing"},
        {"{\"userName\":\"\"}", "userName is missing"},
        {"{\"userName\":7}", "userName has the wrong type"},
        {"{\"userName\":\"x\",\"roles\":[\"admin\"]}", "roles has the wrong type"},
        {"{\"userName\":\"x\",\"roles\":{\"admin\":1}}", "roles.admin has the wrong type"},
        {"{\"userName\":\"x\",\"name\":{\"givenName\":1}}",
         "name.givenName has the wrong type"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *error = ask_json(p, "POST", USERS, SCIM, refused[i].body, 422);
        assert_string_equal(text_at(error, "detail"), refused[i].detail);
        json_decref(error);
    }
    assert_int_equal(ask_status(p, "POST", USERS, SCIM, "not json"), 400);
    /* Addresses are stored unchecked (SD-23). */
    user = ask_json(p, "POST", USERS, SCIM,
                    "{\"userName\":\"odd\",\"emails\":[{\"value\":\"no address\"},{},7]}", 201);
    assert_int_equal(json_array_size(at(user, "emails")), 1);
    json_decref(user);
    ml_practice_stop(p);
}

static void test_put_replaces_everything(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char path[80];
    create_ines(p, ",\"roles\":{\"admin\":true,\"editor\":true}}", path);
    json_t *user = ask_json(p, "GET", path, SCIM, NULL, 200);
    assert_roles(user, 1, 0, 1); /* member was left out of the object */
    json_decref(user);

    user = ask_json(p, "PUT", path, SCIM, "{\"userName\":\"ines2@example.net\"}", 200);
    assert_roles(user, 0, 1, 0); /* without roles the defaults come back */
    assert_null(at(user, "externalId"));
    assert_string_equal(text_at(user, "name.formatted"), "");
    assert_int_equal(json_array_size(at(user, "emails")), 0);
    assert_true(json_is_true(at(user, "active")));
    json_t *read_back = ask_json(p, "GET", path, SCIM, NULL, 200);
    assert_true(json_equal(user, read_back));
    json_decref(read_back);
    json_decref(user);
    assert_int_equal(ask_status(p, "GET", USERS "/hr-7", SCIM, NULL), 404);

    /* Its own name is not taken, another's is. */
    assert_int_equal(ask_status(p, "PUT", path, SCIM, INES "}"), 200);
    json_t *other = ask_json(p, "GET", USERS "/9042", SCIM, NULL, 200);
    char body[200];
    snprintf(body, sizeof body, "{\"userName\":\"%s\"}", text_at(other, "userName"));
    assert_int_equal(ask_status(p, "PUT", path, SCIM, body), 422);
    json_decref(other);
    assert_int_equal(ask_status(p, "PUT", USERS "/none", SCIM, INES "}"), 404);
    ml_practice_stop(p);
}

static void test_rest_follows(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    const char *search = "/api/v2/users/search?email=ines%40example.net";
    char path[80];
    create_ines(p, "}", path);
    json_t *user = ask_json(p, "GET", search, REST, NULL, 200);
    assert_string_equal(text_at(user, "role"), "member");
    json_decref(user);
    assert_int_equal(ask_status(p, "PUT", path, SCIM, INES ",\"roles\":{\"admin\":true}}"),
                     200);
    user = ask_json(p, "GET", search, REST, NULL, 200);
    assert_string_equal(text_at(user, "role"), "admin");
    assert_string_equal(text_at(user, "name"), "Ines Duarte");
    json_decref(user);

    struct reply r = ask(p, "DELETE", path, SCIM, NULL);
    assert_int_equal(r.status, 204);
    assert_int_equal(r.len, 0);
    reply_free(&r);
    assert_int_equal(ask_status(p, "GET", search, REST, NULL), 404);
    assert_int_equal(ask_status(p, "DELETE", path, SCIM, NULL), 404);
    ml_practice_stop(p);
}

static void test_owner_stays(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *list = ask_json(p, "GET", USERS, SCIM, NULL, 200);
    char path[80];
    snprintf(path, sizeof path, USERS "/%s", text_at(list, "Resources.0.id"));
    json_decref(list);
    json_t *error = ask_json(p, "DELETE", path, SCIM, NULL, 403);
    assert_string_equal(text_at(error, "detail"), "The owner of the account cannot be removed");
    json_decref(error);
    assert_int_equal(ask_status(p, "GET", path, SCIM, NULL), 200);
    json_t *entry = last_entry(p);
    json_decref(entry);
    json_t *stats = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
    json_t *deletes = json_object_get(at(stats, "operations"), "screendesk.scim.users.delete");
    assert_int_equal(int_at(deletes, "received"), 1);
    assert_int_equal(int_at(deletes, "applied"), 0);
    json_decref(stats);
    ml_practice_stop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_and_single_reads),
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_put_replaces_everything),
        cmocka_unit_test(test_rest_follows),
        cmocka_unit_test(test_owner_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
