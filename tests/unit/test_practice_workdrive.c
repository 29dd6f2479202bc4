/* SPDX-License-Identifier: MIT */
/* The practice server's WorkDrive: lists, walks by time, and writes that all resources share.
 */
#include "test_practice_client.h"

/* The n-th id of a list. */
static void id_of(const struct ml_practice *p, const char *path, const char *items, int n,
                  char id[40])
{
    char at_text[60];
    json_t *page = ask_json(p, "GET", path, WORK, NULL, 200);
    snprintf(at_text, sizeof at_text, "%s.%d.id", items, n);
    assert_non_null(text_at(page, at_text));
    snprintf(id, 40, "%s", text_at(page, at_text));
    json_decref(page);
}

/* The record with this id in a list of tests, with what answers hide. The caller frees it. */
static json_t *kept(const struct ml_practice *p, const char *list, const char *id)
{
    char path[80];
    size_t i;
    json_t *record;
    snprintf(path, sizeof path, "/practice/records?of=workdrive.%s", list);
    json_t *all = ask_json(p, "GET", path, NONE, NULL, 200);
    json_array_foreach(all, i, record)
    {
        if (strcmp(text_at(record, "id"), id) == 0) {
            json_incref(record);
            json_decref(all);
            return record;
        }
    }
    json_decref(all);
    return NULL;
}

static size_t count_kept(const struct ml_practice *p, const char *list)
{
    char path[80];
    snprintf(path, sizeof path, "/practice/records?of=workdrive.%s", list);
    json_t *all = ask_json(p, "GET", path, NONE, NULL, 200);
    size_t n = json_array_size(all);
    json_decref(all);
    return n;
}

/* Walks a numbered list to its end; how many items there were. Checks meta on the way. */
static size_t walk_pages(const struct ml_practice *p, const char *path, const char *items,
                         char end[12])
{
    char full[200];
    size_t n = 0;
    for (long page = 1; page;) {
        snprintf(full, sizeof full, "%s%sper_page=7&cur_page=%ld", path,
                 strchr(path, '?') ? "&" : "?", page);
        json_t *answer = ask_json(p, "GET", full, WORK, NULL, 200);
        size_t here = json_array_size(at(answer, items));
        assert_true(here > 0 && here <= 7);
        assert_int_equal(int_at(answer, "meta.curPage"), page);
        assert_int_equal(int_at(answer, "meta.perPage"), 7);
        n += here;
        json_t *next = at(answer, "meta.nextPage");
        bool last = page == int_at(answer, "meta.totalPages");
        assert_true(last || json_integer_value(next) == page + 1);
        if (last) {
            snprintf(end, 12, "%s", !next ? "missing" : json_is_null(next) ? "null" : "0");
            assert_true(!next || json_is_null(next) || json_integer_value(next) == 0);
            assert_int_equal(int_at(answer, "meta.totalResults"), n);
        }
        page = last ? 0 : page + 1;
        json_decref(answer);
    }
    return n;
}

static void test_pages(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    const struct {
        const char *path, *items;
        size_t count;
    } lists[] = {{"/api/users", "users", 40},
                 {"/api/videos", "videos", 25},
                 {"/api/photos", "photos", 25},
                 {"/api/documents", "docs", 30},
                 {"/api/faqs", "data", 24},
                 {"/api/enforcement-templates", "notificationTemplates", 4},
                 {"/api/courses", "taskLists", 12},
                 {"/api/tasks", "tasks", 30},
                 {"/api/group-chats", "conversations", 16},
                 {"/api/departments", "departments", 6},
                 {"/api/locations", "locations", 4},
                 {"/api/security_groups", "groups", 3},
                 {"/api/categories?moduleCode=1", "categories", 4}};
    char end[12];
    bool missing = false, null = false, zero = false;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_int_equal(walk_pages(p, lists[i].path, lists[i].items, end), lists[i].count);
        missing = missing || strcmp(end, "missing") == 0;
        null = null || strcmp(end, "null") == 0;
        zero = zero || strcmp(end, "0") == 0;
    }
    assert_true(missing && null && zero);
    assert_int_equal(ask_status(p, "GET", "/api/users?cur_page=0", WORK, NULL), 400);
    assert_int_equal(ask_status(p, "GET", "/api/users?per_page=x", WORK, NULL), 400);
    assert_int_equal(ask_status(p, "GET", "/api/categories", WORK, NULL), 400);
    json_t *page = ask_json(p, "GET", "/api/users?per_page=1000", WORK, NULL, 200);
    assert_int_equal(json_array_size(at(page, "users")), 10); /* start() says page_size 10 */
    json_decref(page);
    ml_practice_stop(p);
}

static void test_filters_and_whole_lists(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char id[40], path[120], end[12];
    id_of(p, "/api/departments", "departments", 2, id);
    snprintf(path, sizeof path, "/api/users?department=%s", id);
    size_t members = walk_pages(p, path, "users", end);
    json_t *department = ask_json(p, "GET", "/api/departments", WORK, NULL, 200);
    assert_int_equal(int_at(department, "departments.2.memberCount"), members);
    assert_null(at(department, "departments.2.members"));
    json_decref(department);
    assert_true(walk_pages(p, "/api/group-chats?group_type=ROOM", "conversations", end) == 4);
    assert_int_equal(
        walk_pages(p, "/api/tasks?filter=INDEPENDENT_TASKS_CREATED_BY_ME", "tasks", end), 30);
    assert_true(walk_pages(p, "/api/users/supervisors", "users", end) >= 6);
    json_t *list = ask_json(p, "GET", "/api/module-codes", WORK, NULL, 200);
    assert_true(json_array_size(list) == 10 && int_at(list, "0.moduleCode") == 1);
    json_decref(list);
    list = ask_json(p, "GET", "/api/sso?manage=true", WORK, NULL, 200);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    list = ask_json(p, "GET", "/api/sso", WORK_MEMBER, NULL, 200);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    list = ask_json(p, "GET", "/api/tasks?sort_direction=DESC", WORK, NULL, 200);
    assert_string_equal(text_at(list, "tasks.0.title"), "Task 30");
    json_decref(list);
    ml_practice_stop(p);
}

static void test_keys(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    assert_int_equal(ask_status(p, "GET", "/api/users", NONE, NULL), 401);
    assert_int_equal(ask_status(p, "GET", "/api/posts?time=2030-01-01", DRAGON, NULL), 401);
    assert_int_equal(ask_status(p, "PUT", "/api/users/301", WORK, "{}"), 401);
    json_t *error = ask_json(p, "DELETE", "/api/users/x", WORK_MEMBER, NULL, 403);
    assert_non_null(text_at(error, "message"));
    json_decref(error);
    json_t *dragon = ask_json(p, "GET", "/api/users", DRAGON, NULL, 200);
    json_t *work = ask_json(p, "GET", "/api/users", WORK, NULL, 200);
    assert_true(json_is_array(dragon) && json_is_array(at(work, "users")));
    json_decref(dragon);
    json_decref(work);

    /* Issuing a token for oneself ends the one in use (WD-19). */
    char id[40], body[80], old[60], request[200];
    id_of(p, "/api/users", "users", 0, id);
    snprintf(body, sizeof body, "{\"userId\":\"%s\"}", id);
    snprintf(old, sizeof old, "%s", ml_practice_work_key(p));
    json_t *token = ask_json(p, "POST", "/api/token/generate-access", WORK, body, 200);
    assert_string_not_equal(text_at(token, "token"), old);
    assert_string_equal(text_at(token, "token"), ml_practice_work_key(p));
    json_decref(token);
    int fd = dial(p);
    int n = snprintf(
        request, sizeof request,
        "GET /api/sso HTTP/1.1\r\nHost: x\r\nX-API-KEY: %s\r\nConnection: close\r\n\r\n", old);
    send_all(fd, request, (size_t)n);
    struct reply r = read_reply(fd);
    assert_int_equal(r.status, 401);
    reply_free(&r);
    assert_int_equal(ask_status(p, "GET", "/api/sso", WORK, NULL), 200);
    ml_practice_stop(p);
}

/* Walks posts back from 2030, with the bound of each step included. Returns how many different
 * ones came; *again counts those that came more than once. */
static size_t walk_time(const struct ml_practice *p, const char *path, const char *items,
                        size_t *again)
{
    char full[160], time[40] = "2030-01-01T00:00:00Z";
    json_t *seen = json_object();
    *again = 0;
    for (bool fresh = true; fresh;) {
        size_t i;
        json_t *record;
        snprintf(full, sizeof full, "%s?time=%s&per_page=10&sort_key=a", path, time);
        json_t *page = ask_json(p, "GET", full, WORK, NULL, 200);
        fresh = false;
        json_array_foreach(at(page, items), i, record)
        {
            assert_true(strcmp(text_at(record, "postedAt"), time) <= 0);
            snprintf(time, sizeof time, "%s", text_at(record, "postedAt"));
            *again += json_object_get(seen, text_at(record, "id")) != NULL;
            fresh = fresh || !json_object_get(seen, text_at(record, "id"));
            json_object_set_new(seen, text_at(record, "id"), json_true());
        }
        json_decref(page);
    }
    size_t n = json_object_size(seen);
    json_decref(seen);
    return n;
}

static void test_walk_by_time(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    size_t again;
    assert_int_equal(walk_time(p, "/api/posts", "posts", &again), 300);
    assert_true(again > 10);
    assert_int_equal(walk_time(p, "/api/news", "news", &again), 60);
    assert_int_equal(ask_status(p, "GET", "/api/posts", WORK, NULL), 400);
    assert_int_equal(ask_status(p, "GET", "/api/posts?time=now", WORK, NULL), 400);
    json_t *page = ask_json(p, "GET", "/api/posts?time=2030-01-01&per_page=300&sort_key=c",
                            WORK, NULL, 200);
    assert_int_equal(json_array_size(at(page, "posts")), 300);
    assert_true(int_at(page, "posts.0.commentsCount") >
                int_at(page, "posts.299.commentsCount"));
    assert_non_null(text_at(page, "posts.0.user.email"));
    assert_null(at(page, "posts.0._permissions"));
    json_decref(page);
    page = ask_json(
        p, "GET", "/api/events?time=2025-05-01&fromDate=2025-05-01T00:00:00&toDate=2025-05-11",
        WORK, NULL, 200);
    assert_int_equal(int_at(page, "meta.totalResults"), 5);
    assert_int_equal(json_array_size(at(page, "events")), 5);
    json_decref(page);
    page = ask_json(p, "GET", "/api/events?time=2025-05-01&per_page=3", WORK, NULL, 200);
    assert_int_equal(int_at(page, "meta.totalResults"), 40);
    assert_int_equal(json_array_size(at(page, "events")), 3);
    json_decref(page);
    ml_practice_stop(p);
}

#define TEAM "\"permissions\":{\"public\":false,\"team\":true}"

static void test_posts(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *post = ask_json(p, "POST", "/api/posts", WORK,
                            "{" TEAM ",\"status\":\"PUBLISHED\",\"tags\":[\"#a\"],"
                            "\"postText\":\"Hello\"}",
                            200);
    assert_string_equal(text_at(post, "postText"), "Hello");
    char path[80], id[40];
    snprintf(id, sizeof id, "%s", text_at(post, "id"));
    json_decref(post);
    json_t *page = ask_json(p, "GET", "/api/posts?time=2030-01-01&per_page=1", WORK, NULL, 200);
    assert_string_equal(text_at(page, "posts.0.id"), id);
    json_decref(page);
    json_t *hidden = kept(p, "posts", id);
    assert_true(json_is_true(at(hidden, "_permissions.team")));
    json_decref(hidden);

    snprintf(path, sizeof path, "/api/posts/%s", id);
    post = ask_json(p, "PATCH", path, WORK, "{\"postText\":\"Bye\",\"tags\":\"#b\"}", 200);
    assert_string_equal(text_at(post, "postText"), "Bye");
    assert_string_equal(text_at(post, "tags"), "#b");
    json_decref(post);
    assert_int_equal(ask_status(p, "PATCH", path, WORK, "{\"postText\":5}"), 400);
    struct reply r = ask(p, "DELETE", path, WORK, NULL);
    assert_true(r.status == 200 && r.len == 0);
    reply_free(&r);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL), 404);
    assert_null(kept(p, "posts", id));

    const char *const bad[] = {
        "{" TEAM ",\"tags\":[],\"postText\":\"x\"}",
        "{" TEAM ",\"status\":\"PUBLISHED\",\"postText\":\"x\"}",
        "{" TEAM ",\"status\":\"PUBLISHED\",\"tags\":[]}",
        "{\"permissions\":{},\"status\":\"PUBLISHED\",\"tags\":[],\"postText\":\"x\"}",
        "{\"permissions\":{\"team\":true,\"public\":true},\"status\":\"PUBLISHED\",\"tags\":[],"
        "\"postText\":\"x\"}",
        "{}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (ask_status(p, "POST", "/api/posts", WORK, bad[i]) != 400)
            fail_msg("accepted: %s", bad[i]);

    /* Without permissions it is for all to see, as the notes fear (WD-08). */
    json_t *news = ask_json(p, "POST", "/api/news", WORK, "{\"newsTitle\":\"N\"}", 200);
    hidden = kept(p, "news", text_at(news, "id"));
    assert_true(json_is_true(at(hidden, "_permissions.public")));
    json_decref(hidden);
    json_decref(news);
    ml_practice_stop(p);
}

static void test_events_and_series(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *event = ask_json(
        p, "POST", "/api/events/meeting", WORK,
        "{" TEAM ",\"title\":\"Daily\",\"startDateTime\":\"2026-02-02T09:00:00Z\","
        "\"endDateTime\":\"2026-02-02T09:15:00Z\",\"isMeeting\":true,\"repeat\":{\"config\":{"
        "\"type\":\"frequency\",\"frequency\":86400,\"ends\":{\"config\":{\"type\":\"on\","
        "\"date\":\"2026-02-05\"}}}}}",
        200);
    char path[90];
    snprintf(path, sizeof path, "/api/events/%s", text_at(event, "id"));
    assert_string_equal(text_at(event, "repeatId"), text_at(event, "id"));
    assert_int_equal(int_at(event, "repeatConfig.frequency"), 86400);
    json_decref(event);
    assert_int_equal(count_kept(p, "events"), 44);
    event = ask_json(p, "PATCH", path, WORK, "{\"title\":\"Weekly\"}", 200);
    assert_string_equal(text_at(event, "title"), "Weekly");
    json_decref(event);
    json_t *page =
        ask_json(p, "GET", "/api/events?time=2026-02-01&fromDate=2026-02-01&per_page=9", WORK,
                 NULL, 200);
    assert_int_equal(json_array_size(at(page, "events")), 4);
    assert_string_equal(text_at(page, "events.3.title"), "Weekly");
    json_decref(page);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL),
                     200); /* the series goes (WD-21) */
    assert_int_equal(count_kept(p, "events"), 40);
    assert_int_equal(ask_status(p, "POST", "/api/events/meeting", WORK, "{\"title\":\"x\"}"),
                     400);
    char id[40];
    id_of(p, "/api/events?time=2025-01-01&per_page=40", "events", 12, id);
    snprintf(path, sizeof path, "/api/events/%s?repeat=future", id);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL),
                     200); /* the third of four, on */
    assert_int_equal(count_kept(p, "events"), 38);
    ml_practice_stop(p);
}

static void test_documents(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char owner[40], body[300], path[80], id[40];
    id_of(p, "/api/users", "users", 3, owner);
    snprintf(body, sizeof body,
             "{" TEAM ",\"name\":\"Plan\",\"category\":\"New\",\"ownerIds\":[\"%s\"]}", owner);
    json_t *echo = ask_json(p, "POST", "/api/documents?publish=true", WORK, body, 200);
    assert_null(at(echo, "id")); /* WD-25 */
    assert_string_equal(text_at(echo, "name"), "Plan");
    json_decref(echo);
    json_t *page = ask_json(p, "GET", "/api/documents?category=New", WORK, NULL, 200);
    assert_int_equal(int_at(page, "meta.totalResults"), 1);
    assert_string_equal(text_at(page, "docs.0.owners.0.id"), owner);
    assert_true(json_is_true(at(page, "docs.0.isPublished")));
    snprintf(id, sizeof id, "%s", text_at(page, "docs.0.id"));
    json_decref(page);
    snprintf(path, sizeof path, "/api/documents/%s", id);
    char other[40];
    id_of(p, "/api/users", "users", 4, other);
    snprintf(
        body, sizeof body,
        "{\"kb\":{\"name\":\"Plan B\",\"newOwnerIds\":[\"%s\"],\"removeOwnerIds\":[\"%s\"]}}",
        other, owner);
    json_t *document = ask_json(p, "PATCH", path, WORK, body, 200);
    assert_string_equal(text_at(document, "name"), "Plan B");
    assert_int_equal(json_array_size(at(document, "owners")), 1);
    assert_string_equal(text_at(document, "owners.0.id"), other);
    json_decref(document);
    assert_int_equal(ask_status(p, "PATCH", path, WORK, "{" TEAM "}"), 400); /* WD-26 */
    assert_int_equal(ask_status(p, "PATCH", path, WORK, "{" TEAM ",\"kb\":{" TEAM "}}"), 200);
    assert_int_equal(ask_status(p, "DELETE", path, WORK, NULL), 200);
    assert_int_equal(ask_status(p, "POST", "/api/documents", WORK, "{\"name\":\"x\"}"), 400);
    ml_practice_stop(p);
}

static void test_faqs(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    json_t *echo = ask_json(
        p, "POST", "/api/faqs", WORK,
        "{" TEAM ",\"kb\":{\"name\":\"Mileage\",\"tags\":[\"km\"],\"category\":\"Cars\"},"
        "\"qas\":[{\"question\":\"Q1\",\"answer\":\"A\"},{\"question\":\"Q2\","
        "\"answer\":\"A\"}]}",
        200);
    assert_string_equal(text_at(echo, "qas.1.question"), "Q2");
    json_decref(echo);
    json_t *page = ask_json(p, "GET", "/api/faqs?category=Cars", WORK, NULL, 200);
    assert_int_equal(json_array_size(at(page, "data")), 2);
    assert_null(at(page, "data.0._kbId"));
    assert_string_equal(text_at(page, "data.0.tags"), "km");
    json_t *question = kept(p, "faqs", text_at(page, "data.0.id"));
    char entry[80], body[300];
    snprintf(entry, sizeof entry, "/api/faqs/%s", text_at(question, "_kbId"));
    snprintf(
        body, sizeof body,
        "{\"removeQuestionIds\":[\"%s\"],\"newQas\":[{\"question\":\"Q3\",\"answer\":\"A\"}],"
        "\"updatedQAs\":[{\"id\":\"%s\",\"answer\":\"B\"}]}",
        text_at(page, "data.1.id"), text_at(page, "data.0.id"));
    json_decref(question);
    echo = ask_json(p, "PATCH", entry, WORK, body, 200);
    json_decref(echo);
    json_decref(page);
    page = ask_json(p, "GET", "/api/faqs?category=Cars", WORK, NULL, 200);
    assert_int_equal(json_array_size(at(page, "data")), 2);
    assert_string_equal(text_at(page, "data.0.answer"), "B");
    assert_string_equal(text_at(page, "data.1.question"), "Q3");
    snprintf(body, sizeof body, "/api/faqs/%s", text_at(page, "data.1.id"));
    json_decref(page);
    assert_int_equal(ask_status(p, "PATCH", body, WORK, "{\"kb\":{\"name\":\"x\"}}"), 404);
    assert_int_equal(ask_status(p, "DELETE", body, WORK, NULL), 200); /* takes all (WD-28) */
    page = ask_json(p, "GET", "/api/faqs?category=Cars", WORK, NULL, 200);
    assert_int_equal(json_array_size(at(page, "data")), 0);
    json_decref(page);
    assert_int_equal(count_kept(p, "entries"), 12);
    ml_practice_stop(p);
}

static void test_tasks(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char user[40], path[90], assign[90], body[200];
    id_of(p, "/api/users", "users", 2, user);
    json_t *task =
        ask_json(p, "POST", "/api/tasks", WORK,
                 "{\"title\":\"T\",\"task_type\":\"Article\",\"content\":\"Read\"}", 200);
    assert_string_equal(text_at(task, "status"), "draft");
    snprintf(path, sizeof path, "/api/tasks/update/%s", text_at(task, "id"));
    snprintf(assign, sizeof assign, "/api/tasks/assign/%s", text_at(task, "id"));
    json_decref(task);
    snprintf(body, sizeof body, "{\"userIds\":[\"%s\"]}", user);
    assert_int_equal(ask_status(p, "PATCH", assign, WORK, body), 400); /* a draft */
    assert_int_equal(ask_status(p, "PATCH", path, WORK, "{\"status\":\"publish\"}"), 200);
    assert_int_equal(ask_status(p, "PATCH", path, WORK, "{\"title\":\"U\"}"), 400);
    task = ask_json(p, "PATCH", assign, WORK, body, 200);
    assert_string_equal(text_at(task, "assignedUserIds.0.id"), user);
    assert_non_null(text_at(task, "createdBy")); /* an id here, a person in the list (WD-33) */
    json_decref(task);
    snprintf(body, sizeof body, "{\"removeIds\":[\"%s\"]}", user);
    task = ask_json(p, "PATCH", assign, WORK, body, 200);
    assert_int_equal(json_array_size(at(task, "assignedUserIds")), 0);
    json_decref(task);
    snprintf(body, sizeof body, "{\"title\":\"G\",\"userIds\":[\"%s\"]}", user);
    task = ask_json(p, "POST", "/api/tasks", WORK, body, 200);
    assert_string_equal(text_at(task, "status"), "publish");
    json_decref(task);
    json_t *stats = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
    json_t *counts = at(stats, "operations");
    assert_int_equal(
        int_at(json_object_get(counts, "workdrive.tasks.create_and_assign"), "applied"), 1);
    assert_int_equal(int_at(json_object_get(counts, "workdrive.tasks.create"), "applied"), 1);
    json_decref(stats);
    json_t *page = ask_json(p, "GET", "/api/tasks", WORK, NULL, 200);
    assert_non_null(text_at(page, "tasks.0.createdBy.email"));
    json_decref(page);
    assert_int_equal(
        ask_status(p, "POST", "/api/tasks", WORK, "{\"title\":\"x\",\"userIds\":[]}"), 400);
    ml_practice_stop(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),     cmocka_unit_test(test_filters_and_whole_lists),
        cmocka_unit_test(test_keys),      cmocka_unit_test(test_walk_by_time),
        cmocka_unit_test(test_posts),     cmocka_unit_test(test_events_and_series),
        cmocka_unit_test(test_documents), cmocka_unit_test(test_faqs),
        cmocka_unit_test(test_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
