/* SPDX-License-Identifier: MIT */
/* The practice server's REST side, spoken to over a socket. */
#include "test_practice_client.h"

static const char *const members[] = {"uuid",
                                      "title",
                                      "summary",
                                      "description",
                                      "metadata.created_at",
                                      "metadata.updated_at",
                                      "metadata.duration",
                                      "metadata.impressions_count",
                                      "metadata.recording_type",
                                      "metadata.recording_source",
                                      "metadata.url",
                                      "metadata.helpdesk_info",
                                      "technical_details.vendor",
                                      "technical_details.ip_address",
                                      "technical_details.timezone",
                                      "technical_details.network_type",
                                      "technical_details.isp",
                                      "console_logs",
                                      "user.email",
                                      "user.name",
                                      "room_insights.started_at",
                                      "room_insights.participants_insights"};

static void test_list_is_complete(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 95);
    json_t *seen = json_object();
    size_t tagged = 0, untitled = 0, tickets = 0;
    for (int number = 1; number <= 10; number++) {
        char path[64];
        snprintf(path, sizeof path, "/api/v2/recordings?page=%d", number);
        json_t *page = ask_json(p, "GET", path, REST, NULL, 200);
        assert_int_equal(int_at(page, "pagination.count"), 95);
        assert_int_equal(int_at(page, "pagination.page"), number);
        assert_int_equal(int_at(page, "pagination.items"), 10);
        assert_int_equal(int_at(page, "pagination.last_page"), 10);
        assert_int_equal(int_at(page, "pagination.to"), number < 10 ? number * 10 : 95);
        /* Absent at the ends, not null (SD-07). */
        assert_true((at(page, "pagination.next_page") == NULL) == (number == 10));
        assert_true((at(page, "pagination.prev_page") == NULL) == (number == 1));
        size_t i;
        json_t *rec;
        json_array_foreach(at(page, "records"), i, rec)
        {
            for (size_t m = 0; m < sizeof members / sizeof *members; m++)
                if (!at(rec, members[m]))
                    fail_msg("a recording lacks %s", members[m]);
            const char *title = text_at(rec, "title");
            untitled += title == NULL;
            tagged += title && title[0] == '[';
            tickets += text_at(rec, "metadata.helpdesk_info.ticket_id") != NULL;
            json_object_set_new(seen, text_at(rec, "uuid"), json_true());
        }
        json_decref(page);
    }
    assert_int_equal(json_object_size(seen), 95);
    assert_in_range(tagged, 10, 80);
    assert_in_range(untitled, 1, 20);
    assert_in_range(tickets, 70, 94);
    json_decref(seen);
    ml_practice_stop(p);
}

static void test_page_numbers(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 25);
    json_t *page = ask_json(p, "GET", "/api/v2/recordings?page=9", REST, NULL, 200);
    assert_int_equal(json_array_size(at(page, "records")), 0);
    assert_int_equal(int_at(page, "pagination.prev_page"), 3);
    json_decref(page);
    const char *const bad[] = {"page=0", "page=-1",  "page=x",
                               "page=",  "page=1e2", "page=99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[80];
        snprintf(path, sizeof path, "/api/v2/recordings?x=1&%s", bad[i]);
        assert_int_equal(ask_status(p, "GET", path, REST, NULL), 400);
    }
    ml_practice_stop(p);

    p = start(NULL, 0);
    page = ask_json(p, "GET", "/api/v2/recordings", REST, NULL, 200);
    assert_int_equal(int_at(page, "pagination.count"), 0);
    assert_null(at(page, "pagination.next_page"));
    json_decref(page);
    ml_practice_stop(p);
}

static char *state_hash(const struct ml_practice *p)
{
    json_t *hashes = ask_json(p, "GET", "/practice/state", NONE, NULL, 200);
    char *hash = strdup(text_at(hashes, "hash"));
    json_decref(hashes);
    return hash;
}

static void test_same_seed_same_account(void **state)
{
    (void)state;
    char *hash[3];
    for (int i = 0; i < 3; i++) {
        struct ml_practice_conf conf;
        struct ml_practice *p;
        struct ml_err err;
        ml_practice_defaults(&conf);
        conf.seed = i < 2 ? 7 : 8;
        conf.users = 1700; /* more people than pairs of names */
        assert_int_equal(ml_practice_start(&conf, &p, &err), 0);
        hash[i] = state_hash(p);
        ml_practice_stop(p);
    }
    assert_string_equal(hash[0], hash[1]);
    assert_string_not_equal(hash[0], hash[2]);
    for (int i = 0; i < 3; i++)
        free(hash[i]);
}

static void test_tokens_are_not_interchangeable(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 5);
    const enum token bad_rest[] = {NONE, WRONG, SCIM};
    const enum token bad_scim[] = {NONE, WRONG, REST};
    for (int i = 0; i < 3; i++) {
        json_t *error = ask_json(p, "GET", "/api/v2/recordings", bad_rest[i], NULL, 401);
        assert_int_equal(int_at(error, "error.code"), 401);
        assert_non_null(text_at(error, "error.message"));
        json_decref(error);
        error = ask_json(p, "GET", "/api/v2/scim/Users", bad_scim[i], NULL, 401);
        assert_string_equal(text_at(error, "status"), "401");
        assert_string_equal(text_at(error, "schemas.0"),
                            "urn:ietf:params:scim:api:messages:2.0:Error");
        json_decref(error);
    }
    ml_practice_stop(p);
}

static void test_unknown_paths(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 5);
    json_t *error = ask_json(
        p, "GET", "/api/v2/recordings/5c85e529-c7e5-4fa5-a383-8760344c9d00", REST, NULL, 404);
    assert_string_equal(text_at(error, "error.message"), "No recording with this id");
    json_decref(error);
    const char *const paths[] = {"/",
                                 "/api/v2/nothing",
                                 "/api/v2//recordings",
                                 "/api/v2/recordings/",
                                 "/api/v2/recordings/a%2Fb",
                                 "/api/v2/recordings/%00",
                                 "/api/v2/recordings/%zz",
                                 "/api/v1/recordings"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(ask_status(p, "GET", paths[i], REST, NULL), 404);
    struct reply r = ask(p, "DELETE", "/api/v2/recordings", REST, NULL);
    assert_int_equal(r.status, 404);
    assert_non_null(strstr(r.body, "<html>"));
    reply_free(&r);

    char request[256];
    int fd = dial(p);
    int n = snprintf(request, sizeof request,
                     "GET /nope HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n"
                     "Connection: close\r\n\r\n");
    send_all(fd, request, (size_t)n);
    r = read_reply(fd);
    assert_string_equal(r.body, "{\"status\":404,\"error\":\"Not Found\"}");
    reply_free(&r);
    ml_practice_stop(p);
}

static void test_update_changes_what_is_wrapped(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 5);
    char uuid[37], path[80];
    first_uuid(p, uuid);
    snprintf(path, sizeof path, "/api/v2/recordings/%s", uuid);
    json_t *before = ask_json(p, "GET", path, REST, NULL, 200);
    json_t *after = ask_json(
        p, "PATCH", path, REST,
        "{\"recording\":{\"title\":\"T \\\"1\\\" \\u00e9\\u0001\",\"summary\":null}}", 200);
    assert_string_equal(text_at(after, "title"), "T \"1\" \xc3\xa9\x01");
    assert_true(json_is_null(at(after, "summary")));
    assert_true(json_equal(at(before, "description"), at(after, "description")));
    assert_true(strcmp(text_at(after, "metadata.updated_at"),
                       text_at(before, "metadata.updated_at")) > 0);
    assert_string_equal(text_at(after, "metadata.created_at"),
                        text_at(before, "metadata.created_at"));
    json_t *read_back = ask_json(p, "GET", path, REST, NULL, 200);
    assert_true(json_equal(after, read_back));
    json_t *entry = last_entry(p);
    assert_int_equal(int_at(entry, "n"), 4);
    json_decref(entry);

    /* A flat body is accepted and does nothing (SD-04). */
    json_t *flat = ask_json(p, "PATCH", path, REST, "{\"title\":\"flat\"}", 200);
    assert_true(json_equal(flat, read_back));
    entry = last_entry(p);
    assert_true(json_is_false(at(entry, "applied")));
    assert_string_equal(text_at(entry, "body"), "{\"title\":\"flat\"}");
    json_decref(entry);
    json_decref(before);
    json_decref(after);
    json_decref(read_back);
    json_decref(flat);
    ml_practice_stop(p);
}

/* {"recording":{"title":"ééé…"}} with n characters. */
static char *titled(size_t n)
{
    char *body = malloc(64 + 2 * n);
    assert_non_null(body);
    strcpy(body, "{\"recording\":{\"title\":\"");
    for (size_t i = 0; i < n; i++)
        strcat(body, "\xc3\xa9");
    strcat(body, "\"}}");
    return body;
}

static void test_update_refusals(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 5);
    char uuid[37], path[80];
    first_uuid(p, uuid);
    snprintf(path, sizeof path, "/api/v2/recordings/%s", uuid);
    char *hash = state_hash(p);
    char *long_title = titled(256);
    json_t *error = ask_json(p, "PATCH", path, REST, long_title, 422);
    assert_string_equal(text_at(error, "error"), "Title is too long");
    json_decref(error);
    free(long_title);
    const struct {
        const char *body;
        int status;
    } cases[] = {{"{\"recording\":{\"title\":7}}", 422},
                 {"{\"recording\":{\"title\":5}}", 422},
                 {"{\"recording\":{\"summary\":[]}}", 422},
                 {"{\"recording\":\"x\"}", 400},
                 {"", 400},
                 {"{}", 400},
                 {"[]", 400},
                 {"{\"recording\":{\"title\":\"x\"}", 400},
                 {"{\"recording\":{\"title\":\"\xff\"}}", 400},
                 {"{\"recording\":{}}", 200},
                 {"{\"recording\":{\"uuid\":\"x\"}}", 200}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = ask_status(p, "PATCH", path, REST, cases[i].body);
        if (status != cases[i].status)
            fail_msg("%s: %d, not %d", cases[i].body, status, cases[i].status);
    }
    char *hash_after = state_hash(p);
    assert_string_equal(hash, hash_after);
    char *title = titled(255);
    assert_int_equal(ask_status(p, "PATCH", path, REST, title), 200);
    free(title);
    free(hash);
    free(hash_after);
    ml_practice_stop(p);
}

static void test_form_encoding_and_size(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 5);
    char uuid[37], request[400];
    first_uuid(p, uuid);
    int fd = dial(p);
    int n = snprintf(
        request, sizeof request,
        "PATCH /api/v2/recordings/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        "Authorization: Bearer %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 19\r\n\r\nrecording[title]=xy",
        uuid, ml_practice_token(p));
    send_all(fd, request, (size_t)n);
    struct reply r = read_reply(fd);
    assert_int_equal(r.status, 400);
    reply_free(&r);

    size_t size = 1100000;
    char *big = malloc(size + 1);
    assert_non_null(big);
    memset(big, ' ', size);
    big[size] = '\0';
    char path[80];
    snprintf(path, sizeof path, "/api/v2/recordings/%s", uuid);
    assert_int_equal(ask_status(p, "PATCH", path, REST, big), 413);
    free(big);
    ml_practice_stop(p);
}

static void test_users_and_search(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 5);
    json_t *page = ask_json(p, "GET", "/api/v2/users?page=2", REST, NULL, 200);
    assert_int_equal(int_at(page, "pagination.count"), 40);
    assert_int_equal(int_at(page, "pagination.prev_page"), 1);
    assert_null(at(page, "records")); /* users, whatever the paging page says (SD-05) */
    const char *plus = text_at(page, "users.9.email");
    assert_non_null(strchr(plus, '+'));

    char path[200];
    snprintf(path, sizeof path, "/api/v2/users/search?email=%s", plus);
    assert_int_equal(ask_status(p, "GET", path, REST, NULL), 404); /* + is a blank (SD-26) */
    int before = (int)(strchr(plus, '+') - plus);
    snprintf(path, sizeof path, "/api/v2/users/search?email=%.*s%%2B%s", before, plus,
             plus + before + 1);
    json_t *user = ask_json(p, "GET", path, REST, NULL, 200);
    assert_true(json_equal(user, at(page, "users.9")));
    json_decref(user);
    json_t *error = ask_json(p, "GET", "/api/v2/users/search", REST, NULL, 400);
    assert_string_equal(text_at(error, "error"), "Parameter email is missing");
    json_decref(error);
    json_decref(page);
    ml_practice_stop(p);
}

static void test_keep_alive_and_request_id(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 5);
    char request[256], got[512];
    int n = snprintf(
        request, sizeof request,
        "HEAD /api/v2/recordings HTTP/1.1\r\nHost: x\r\nAuthorization: bearer %s\r\n\r\n",
        ml_practice_token(p));
    int fd = dial(p);
    for (int i = 0; i < 3; i++) {
        size_t used = 0;
        send_all(fd, request, (size_t)n);
        do {
            ssize_t k = recv(fd, got + used, sizeof got - 1 - used, 0);
            assert_true(k > 0);
            used += (size_t)k;
            got[used] = '\0';
        } while (!strstr(got, "\r\n\r\n"));
        assert_non_null(strstr(got, "HTTP/1.1 200"));
        assert_non_null(strstr(got, "x-request-id: "));
        assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n"); /* HEAD has no body */
    }
    close(fd);
    ml_practice_stop(p);
}

static void test_start_errors(void **state)
{
    (void)state;
    struct ml_practice_conf conf;
    struct ml_practice *p = NULL;
    struct ml_practice *first = start(NULL, 5);
    struct ml_err err;
    ml_practice_defaults(&conf);
    sscanf(ml_practice_origin(first), "http://127.0.0.1:%u", &conf.port);
    assert_int_equal(ml_practice_start(&conf, &p, &err), -1);
    assert_non_null(strstr(err.text, "port"));
    ml_practice_stop(first);

    const struct {
        struct ml_practice_conf conf;
        const char *says;
    } cases[] = {{{.port = 70000, .users = 1, .page_size = 1}, "70000"},
                 {{.users = 0, .page_size = 1}, "user"},
                 {{.users = 1, .page_size = 0}, "page"},
                 {{.users = 1, .page_size = 1, .faults = "439=5%"}, "439"},
                 {{.users = 1, .page_size = 1, .log_path = "/nowhere/at/all.log"}, "/nowhere"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ml_practice_start(&cases[i].conf, &p, &err), -1);
        assert_int_equal(err.kind, ML_USAGE);
        assert_non_null(strstr(err.text, cases[i].says));
    }
    assert_null(p);
    ml_practice_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_complete),
        cmocka_unit_test(test_page_numbers),
        cmocka_unit_test(test_same_seed_same_account),
        cmocka_unit_test(test_tokens_are_not_interchangeable),
        cmocka_unit_test(test_unknown_paths),
        cmocka_unit_test(test_update_changes_what_is_wrapped),
        cmocka_unit_test(test_update_refusals),
        cmocka_unit_test(test_form_encoding_and_size),
        cmocka_unit_test(test_users_and_search),
        cmocka_unit_test(test_keep_alive_and_request_id),
        cmocka_unit_test(test_start_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
