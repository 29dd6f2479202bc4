/* SPDX-License-Identifier: MIT */
/* The practice server's WorkDrive: people and where they belong, chats, messages, and the forms
 * that are never to be sent. */
#include "test_practice_client.h"

/* A list of tests as a whole. The caller frees it. */
static json_t *kept(const struct ml_practice *p, const char *list)
{
    char path[80];
    snprintf(path, sizeof path, "/practice/records?of=workdrive.%s", list);
    return ask_json(p, "GET", path, NONE, NULL, 200);
}

/* A member of the n-th record of a list. */
static void member_of(const struct ml_practice *p, const char *list, int n, const char *member,
                      char out[60])
{
    char path[60];
    json_t *all = kept(p, list);
    snprintf(path, sizeof path, "%d.%s", n, member);
    snprintf(out, 60, "%s", text_at(all, path) ? text_at(all, path) : "");
    json_decref(all);
}

/* How many members the n-th department has, as its own list says. */
static size_t count_members(const struct ml_practice *p, const char *place, int n)
{
    char id[60], path[120];
    member_of(p, place, n, "id", id);
    snprintf(path, sizeof path, "/api/%s/%s/members", place, id);
    json_t *whole = ask_json(p, "GET", path, WORK, NULL, 200);
    size_t members = json_array_size(at(whole, "members"));
    assert_int_equal(int_at(whole, "memberCount"), members);
    if (members)
        assert_non_null(text_at(whole, "members.0.email"));
    json_decref(whole);
    return members;
}

static void test_users(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char department[60], location[60], group[60], body[500], path[120];
    member_of(p, "departments", 1, "id", department);
    member_of(p, "locations", 1, "id", location);
    member_of(p, "security_groups", 1, "id", group);
    size_t before = count_members(p, "departments", 1);
    snprintf(body, sizeof body,
             "{\"email\":\"new@example.com\",\"firstName\":\"New\",\"department\":\"%s\","
             "\"location\":\"%s\",\"securityGroup\":\"%s\",\"addAdditionalTeams\":[]}",
             department, location, group);
    json_t *groups = kept(p, "security_groups");
    long in_group = int_at(groups, "1.memberCount");
    json_decref(groups);
    json_t *user = ask_json(p, "POST", "/api/users/add", WORK, body, 200);
    assert_string_equal(text_at(user, "status"), "INVITED");
    assert_string_equal(text_at(user, "department"), department);
    assert_int_equal(count_members(p, "departments", 1), before + 1);
    groups = kept(p, "security_groups");
    assert_int_equal(int_at(groups, "1.memberCount"), in_group + 1);
    json_decref(groups);
    json_t *mails = kept(p, "mails");
    assert_string_equal(text_at(mails, "0.to"), "new@example.com");
    json_decref(mails);
    assert_int_equal(ask_status(p, "POST", "/api/users/add", WORK, body), 400); /* twice */
    assert_int_equal(ask_status(p, "POST", "/api/users/add", WORK, "{\"firstName\":\"x\"}"),
                     400);

    snprintf(path, sizeof path, "/api/users/%s", text_at(user, "id"));
    json_decref(user);
    user = ask_json(p, "PATCH", path, WORK, "{\"status\":\"ARCHIVE\",\"bio\":\"b\"}", 200);
    assert_string_equal(text_at(user, "status"), "ARCHIVE");
    assert_string_equal(text_at(user, "bio"), "b");
    json_decref(user);
    const char *const bad[] = {"{\"status\":\"GONE\"}", "{\"department\":\"Support\"}",
                               "{\"addAdditionalTeams\":[\"nobody\"]}", "{}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ask_status(p, "PATCH", path, WORK, bad[i]), 400);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL), 200);
    assert_int_equal(count_members(p, "departments", 1), before);
    ml_practice_stop(p);
}

static void test_additional_teams(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char user[60], lead[60], path[120], body[200];
    member_of(p, "users", 20, "id", user);
    member_of(p, "users", 30, "id", lead);
    snprintf(path, sizeof path, "/api/users/%s", user);
    snprintf(body, sizeof body, "{\"addAdditionalTeams\":[\"%s\"]}", lead);
    json_t *answer = ask_json(p, "PATCH", path, WORK, body, 200);
    assert_string_equal(text_at(answer, "userAdditionalTeams.0"), lead);
    json_decref(answer);
    snprintf(body, sizeof body, "/api/users/supervisors?userId=%s", user);
    answer = ask_json(p, "GET", body, WORK, NULL, 200);
    assert_int_equal(json_array_size(at(answer, "users")), 2);
    json_decref(answer);
    snprintf(body, sizeof body, "{\"removeAdditionalTeams\":[\"%s\"]}", lead);
    answer = ask_json(p, "PATCH", path, WORK, body, 200);
    assert_int_equal(json_array_size(at(answer, "userAdditionalTeams")), 0);
    json_decref(answer);
    ml_practice_stop(p);
}

static void test_bulk(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char taken[60], head[60], other[60], body[300];
    member_of(p, "users", 3, "email", taken);
    member_of(p, "users", 0, "id", head);
    member_of(p, "users", 20, "id", other);
    snprintf(
        body, sizeof body,
        "{\"data\":[{\"email\":\"a@example.com\"},{\"email\":\"%s\"},{\"email\":\"b@example.com"
        "\"}]}",
        taken);
    json_t *made = ask_json(p, "POST", "/api/users/bulk-create", WORK, body, 200);
    assert_int_equal(json_array_size(made), 2); /* the one that is taken is passed over */
    assert_string_equal(text_at(made, "1.email"), "b@example.com");
    json_decref(made);
    snprintf(body, sizeof body, "{\"id\":[\"%s\",\"%s\",\"nobody\"]}", head, other);
    assert_int_equal(ask_status(p, "DELETE", "/api/users/bulk-delete", WORK, body), 200);
    json_t *users = kept(p, "users");
    assert_int_equal(json_array_size(users), 41); /* the last head stays */
    assert_string_equal(text_at(users, "0.id"), head);
    json_decref(users);
    assert_int_equal(ask_status(p, "DELETE", "/api/users/bulk-delete", WORK, "{\"id\":[]}"),
                     400);
    assert_int_equal(ask_status(p, "POST", "/api/users/bulk-create", WORK, "{\"data\":[]}"),
                     400);
    ml_practice_stop(p);
}

static void test_departments(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char head[60], user[60], id[60], body[300], path[140];
    member_of(p, "users", 0, "id", head);
    member_of(p, "users", 12, "id", user); /* both of the first department */
    member_of(p, "departments", 0, "id", id);
    size_t before = count_members(p, "departments", 0);
    snprintf(body, sizeof body,
             "{\"name\":\"Lab\",\"members\":[{\"id\":\"%s\",\"existingDept\":\"%s\","
             "\"isDepartmentHead\":true}]}",
             user, id);
    json_t *made = ask_json(p, "POST", "/api/departments", WORK, body, 200);
    assert_string_equal(text_at(made, "name"), "Lab");
    assert_string_equal(text_at(made, "admins.0.id"), user);
    snprintf(path, sizeof path, "/api/departments/%s", text_at(made, "id"));
    json_decref(made);
    assert_int_equal(count_members(p, "departments", 0), before - 1);
    assert_int_equal(count_members(p, "departments", 6), 1);
    assert_int_equal(ask_status(p, "POST", "/api/departments", WORK, body), 400);
    made = ask_json(p, "PATCH", path, WORK, "{\"name\":\"Laboratory\"}", 200);
    assert_string_equal(text_at(made, "name"), "Laboratory");
    json_decref(made);

    /* The last head stays, here and where somebody would be taken away. */
    char heads[160], members[160];
    snprintf(heads, sizeof heads, "%s/admin", path);
    snprintf(members, sizeof members, "%s/members", path);
    snprintf(body, sizeof body, "{\"remove\":\"%s\"}", user);
    assert_int_equal(ask_status(p, "PATCH", heads, WORK, body), 400);
    snprintf(body, sizeof body, "{\"removeMembers\":[\"%s\"]}", user);
    assert_int_equal(ask_status(p, "POST", members, WORK, body), 400);
    snprintf(body, sizeof body, "{\"addMembers\":[{\"id\":\"%s\"}]}", head);
    assert_int_equal(ask_status(p, "POST", members, WORK, body), 400);
    char one[120];
    snprintf(one, sizeof one, "/api/users/%s", user);
    assert_int_equal(ask_status(p, "DELETE", one, WORK, NULL), 400);
    assert_int_equal(ask_status(p, "PATCH", one, WORK, "{\"isDepartmentHead\":false}"), 400);

    char next[60];
    member_of(p, "users", 18, "id", next);
    snprintf(body, sizeof body, "{\"remove\":\"%s\",\"add\":[{\"id\":\"%s\"}]}", user, next);
    made = ask_json(p, "PATCH", heads, WORK, body, 200);
    assert_int_equal(json_array_size(at(made, "admins")), 1);
    assert_string_equal(text_at(made, "admins.0.id"), next);
    json_decref(made);
    assert_int_equal(count_members(p, "departments", 6), 2);
    snprintf(body, sizeof body, "{\"removeMembers\":[\"%s\"]}", user);
    made = ask_json(p, "POST", members, WORK, body, 200);
    assert_int_equal(json_array_size(at(made, "members")), 1);
    json_decref(made);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL), 200);
    json_t *users = kept(p, "users");
    assert_string_equal(text_at(users, "18.department"), "");
    json_decref(users);
    ml_practice_stop(p);
}

static void test_locations(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char id[60], user[60], path[120], body[200];
    json_t *echo = ask_json(p, "POST", "/api/locations", WORK, "{\"name\":\"Oslo\"}", 200);
    assert_null(at(echo, "id"));
    json_decref(echo);
    member_of(p, "locations", 4, "id", id);
    member_of(p, "users", 7, "id", user);
    snprintf(path, sizeof path, "/api/locations/%s/members", id);
    snprintf(body, sizeof body, "{\"addMembers\":[\"%s\"]}", user);
    json_t *whole = ask_json(p, "POST", path, WORK, body, 200);
    assert_string_equal(text_at(whole, "members.0.id"), user);
    json_decref(whole);
    assert_int_equal(count_members(p, "locations", 4), 1);
    snprintf(body, sizeof body, "{\"removeMembers\":[\"%s\"]}", user);
    assert_int_equal(ask_status(p, "POST", path, WORK, body), 200);
    assert_int_equal(count_members(p, "locations", 4), 0);
    assert_int_equal(ask_status(p, "POST", path, WORK, "{\"addMembers\":[\"nobody\"]}"), 400);
    assert_int_equal(ask_status(p, "POST", "/api/locations", WORK, "{\"orgId\":\"x\"}"), 400);
    ml_practice_stop(p);
}

static void test_security_groups(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char id[60], user[60], path[120], body[200];
    member_of(p, "security_groups", 0, "id", id);
    member_of(p, "users", 9, "id", user);
    snprintf(path, sizeof path, "/api/security_groups/%s/members", id);
    snprintf(body, sizeof body, "{\"ids\":[\"%s\"]}", user);
    assert_int_equal(ask_status(p, "POST", path, WORK, body), 200);
    json_t *page = ask_json(p, "GET", "/api/security_groups", WORK, NULL, 200);
    assert_int_equal(int_at(page, "groups.0.memberCount"), 2);
    assert_null(at(page, "groups.0._members"));
    json_decref(page);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, body), 200);
    page = ask_json(p, "GET", "/api/security_groups", WORK, NULL, 200);
    assert_int_equal(int_at(page, "groups.0.memberCount"), 1);
    json_decref(page);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, "{\"ids\":[]}"), 400);
    assert_int_equal(ask_status(p, "POST", path, WORK, "{\"ids\":[\"nobody\"]}"), 400);
    ml_practice_stop(p);
}

static void test_organizations_and_sso(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *org = ask_json(p, "POST", "/api/organization", WORK,
                           "{\"name\":\"Other\",\"auth\":{\"method\":\"ldap\"}}", 200);
    assert_non_null(text_at(org, "accessToken"));
    assert_string_equal(text_at(org, "authMethod"), "ldap");
    char path[120], department[60], body[200];
    snprintf(path, sizeof path, "/api/organization/%s", text_at(org, "id"));
    json_decref(org);
    org = ask_json(p, "PATCH", path, WORK, "{\"phone\":\"1\",\"industry\":null}", 200);
    assert_string_equal(text_at(org, "phone"), "1");
    assert_string_equal(text_at(org, "accessToken"), ""); /* told once */
    json_decref(org);
    assert_int_equal(ask_status(p, "PATCH", path, WORK_MEMBER, "{\"phone\":\"1\"}"), 403);
    member_of(p, "departments", 3, "id", department);
    snprintf(body, sizeof body,
             "{\"type\":\"QUICK_LINK\",\"link\":\"https://x\",\"departmentId\":\"%s\"}",
             department);
    json_t *entry = ask_json(p, "POST", "/api/sso", WORK, body, 200);
    assert_string_equal(text_at(entry, "departmentId"), department);
    json_decref(entry);
    entry = ask_json(p, "POST", "/api/sso?manage=false", WORK, body, 200);
    assert_null(at(entry, "departmentId")); /* dropped all the same (WD-44) */
    json_decref(entry);
    assert_int_equal(ask_status(p, "POST", "/api/sso", WORK, "{\"type\":\"SSO\"}"), 400);
    snprintf(path, sizeof path, "/api/sso?department=%s", department);
    json_t *list = ask_json(p, "GET", path, WORK, NULL, 200);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    ml_practice_stop(p);
}

static void test_chats_and_messages(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char user[60], path[120], body[300];
    member_of(p, "users", 5, "id", user);
    snprintf(body, sizeof body,
             "{\"groupType\":\"CHAT_GROUP\",\"title\":\"C\",\"members\":[{\"id\":\"%s\"}]}",
             user);
    json_t *chat = ask_json(p, "POST", "/api/group-chats", WORK, body, 200);
    assert_int_equal(json_array_size(at(chat, "participants")), 2);
    assert_int_equal(json_array_size(at(chat, "admins")), 1);
    char id[60];
    snprintf(id, sizeof id, "%s", text_at(chat, "id"));
    json_decref(chat);
    snprintf(path, sizeof path, "/api/group-chats/%s", id);
    snprintf(body, sizeof body, "{\"newAdmins\":[\"%s\"],\"title\":\"D\"}", user);
    chat = ask_json(p, "PATCH", path, WORK, body, 200);
    assert_int_equal(json_array_size(at(chat, "admins")), 2);
    json_decref(chat);

    /* A GET with a body, as printed, and a POST. */
    snprintf(path, sizeof path, "/api/%s/messages", id);
    json_t *message = ask_json(p, "GET", path, WORK, "{\"message\":\"hello\"}", 200);
    assert_string_equal(text_at(message, "message"), "hello");
    assert_non_null(text_at(message, "sender.email"));
    json_decref(message);
    message = ask_json(p, "POST", path, WORK, "{\"message\":\"again\"}", 200);
    json_decref(message);
    assert_int_equal(ask_status(p, "POST", path, WORK, "{\"message\":\"\"}"), 400);
    assert_int_equal(ask_status(p, "GET", "/api/nothing/messages", WORK, "{\"message\":\"x\"}"),
                     404);
    json_t *messages = kept(p, "messages");
    assert_int_equal(json_array_size(messages), 2);
    assert_string_equal(text_at(messages, "1._conversationId"), id);
    json_decref(messages);
    snprintf(body, sizeof body,
             "{\"title\":\"t\",\"medium\":\"PUSH\",\"receiverUserIds\":[\"%s\"]}", user);
    assert_int_equal(ask_status(p, "GET", "/api/notifications/send", WORK, body), 200);
    assert_int_equal(ask_status(p, "POST", "/api/notifications/send", WORK, body), 200);
    assert_int_equal(
        ask_status(p, "POST", "/api/notifications/send", WORK, "{\"medium\":\"EMAIL\"}"), 400);
    assert_int_equal(ask_status(p, "GET", "/api/notifications/send", WORK, NULL), 400);
    json_t *sent = kept(p, "notifications");
    assert_int_equal(json_array_size(sent), 2);
    json_decref(sent);
    json_t *entry = last_entry(p);
    assert_true(json_is_false(at(entry, "applied")));
    json_decref(entry);
    json_t *stats = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
    json_t *count = json_object_get(at(stats, "operations"), "workdrive.notifications.send");
    assert_int_equal(int_at(count, "received"), 4);
    assert_int_equal(int_at(count, "applied"), 2);
    json_decref(stats);
    snprintf(path, sizeof path, "/api/group-chats?id=%s", id);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL), 200);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL), 404);
    ml_practice_stop(p);
}

static void test_printed_forms(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *before = ask_json(p, "GET", "/practice/state", NONE, NULL, 200);
    const struct {
        const char *method, *path, *body;
    } forms[] = {
        {"DELETE", "/api/documents", NULL},
        {"DELETE", "/api/documents?id=x", NULL},
        {"PATCH", "/api/documnents", "{\"kb\":{}}"},
        {"DELETE", "/api/group-chats", NULL},
        {"DELETE", "/api/group-chats?id=", NULL},
        {"DELETE", "/api/group-chats?id=a,b", NULL},
        {"PATCH", "/api/posts/id", "{\"postText\":\"x\"}"},
        {"DELETE", "/api/news/id", NULL},
        {"PATCH", "/api/tasks/assign/id", "{\"userIds\":[]}"},
        {"POST", "/api/security_groups/x/members%7D", "{\"ids\":[\"x\"]}"},
        {"POST", "/api/departments", "{\"name\":\"Oslo\"}"},
        {"POST", "/api/departments", "{\"name\":\"Oslo\",\"orgId\":\"x\",\"members\":[]}"},
        {"POST", "/api/group-chats", "{\"title\":\"M\",\"userIds\":[]}"},
        {"DELETE", "/api/users", "[1]"},
        {"DELETE", "/api/users/bulk-delete", "{\"id\":[]}"}};
    size_t n = sizeof forms / sizeof *forms;
    for (size_t i = 0; i < n; i++)
        if (ask_status(p, forms[i].method, forms[i].path, WORK, forms[i].body) != 400)
            fail_msg("%s %s is not refused", forms[i].method, forms[i].path);
    json_t *stats = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
    const char *name;
    json_t *count;
    json_int_t sum = 0;
    json_object_foreach(at(stats, "printed"), name, count) sum += json_integer_value(count);
    assert_int_equal(sum, n);
    assert_int_equal(
        json_integer_value(json_object_get(at(stats, "printed"), "DELETE /api/documents")), 2);
    json_t *after = ask_json(p, "GET", "/practice/state", NONE, NULL, 200);
    assert_string_equal(text_at(before, "hash"), text_at(after, "hash"));
    json_decref(stats);
    json_decref(before);
    json_decref(after);
    ml_practice_stop(p);
}

static void test_faults(void **state)
{
    (void)state;
    struct ml_practice *p = start("as-printed", 1);
    assert_int_equal(ask_status(p, "GET", "/api/courses", WORK, NULL), 404);
    json_t *page = ask_json(p, "GET", "/api/categories?filter=ALL_COURSES", WORK, NULL, 200);
    assert_int_equal(json_array_size(at(page, "taskLists")), 10);
    json_decref(page);
    page = ask_json(p, "GET", "/api/categories?moduleCode=1", WORK, NULL, 200);
    assert_int_equal(json_array_size(at(page, "categories")), 4);
    json_decref(page);
    ml_practice_stop(p);

    p = start("stale=100%", 1);
    char id[60], path[120];
    member_of(p, "videos", 0, "id", id);
    snprintf(path, sizeof path, "/api/videos/%s", id);
    json_t *video = ask_json(p, "PATCH", path, WORK, "{\"title\":\"x\"}", 200);
    assert_string_not_equal(text_at(video, "title"), "x");
    json_decref(video);
    ml_practice_stop(p);

    p = start("500=100%,only=write", 1);
    assert_int_equal(ask_status(p, "GET", "/api/videos", WORK, NULL), 200);
    json_t *error = ask_json(p, "GET", "/api/notifications/send", WORK, "{}", 500);
    assert_int_equal(int_at(error, "statusCode"), 500);
    json_decref(error);
    ml_practice_stop(p);

    p = start("shifting-pages=100%", 1);
    json_t *photos = ask_json(p, "GET", "/api/photos?cur_page=2", WORK, NULL, 200);
    assert_int_not_equal(int_at(photos, "meta.totalResults"), 25);
    json_decref(photos);
    ml_practice_stop(p);

    p = start("repeat-page", 1);
    json_t *first = ask_json(p, "GET", "/api/videos?cur_page=1", WORK, NULL, 200);
    json_t *second = ask_json(p, "GET", "/api/videos?cur_page=2", WORK, NULL, 200);
    assert_true(json_equal(at(first, "videos"), at(second, "videos")));
    json_decref(first);
    json_decref(second);
    ml_practice_stop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_additional_teams),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_departments),
        cmocka_unit_test(test_locations),
        cmocka_unit_test(test_security_groups),
        cmocka_unit_test(test_organizations_and_sso),
        cmocka_unit_test(test_chats_and_messages),
        cmocka_unit_test(test_printed_forms),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
