/* SPDX-License-Identifier: MIT */
/* The practice server's storage: signed forms, what is refused, and a large file in little
 * memory.
 */
#include "test_practice_client.h"

#include "practice/sha256.h"

#include <sys/resource.h>

#define EDGE "xXpracticeXx"
#define CHUNK ((size_t)1 << 16)

/* The form of a fresh signed request. The caller frees it. */
static json_t *sign(const struct ml_practice *p)
{
    return ask_json(p, "GET", "/api/media?mime=video%2Fmp4&name=clip.mp4&moduleCode=4", WORK,
                    NULL, 200);
}

/* Adds the fields of the form to a text, from the n-th on. */
static void add_fields(json_t *form, size_t from, char *text)
{
    const char *name;
    json_t *value;
    size_t at_field = 0;
    json_object_foreach(at(form, "signedRequest.fields"), name, value)
    {
        if (at_field++ >= from)
            sprintf(text + strlen(text),
                    "--" EDGE "\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                    name, json_string_value(value));
    }
}

static void add_file(const char *content, char *text)
{
    sprintf(text + strlen(text),
            "--" EDGE
            "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"clip.mp4\"\r\n"
            "Content-Type: video/mp4\r\n\r\n%s\r\n",
            content);
}

/* Opens a request to the storage for so many bytes. */
static int open_upload(const struct ml_practice *p, size_t len, const char *header)
{
    char head[400];
    int fd = dial(p);
    int n = snprintf(head, sizeof head,
                     "POST /practice/storage HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s"
                     "Content-Type: multipart/form-data; boundary=" EDGE "\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     header, len);
    send_all(fd, head, (size_t)n);
    return fd;
}

/* Sends a whole body; the status, and what the answer says. */
static int upload(const struct ml_practice *p, const char *body, const char *header,
                  char said[300])
{
    int fd = open_upload(p, strlen(body), header);
    send_all(fd, body, strlen(body));
    struct reply r = read_reply(fd);
    snprintf(said, 300, "%s", r.body ? r.body : "");
    int status = r.status;
    reply_free(&r);
    return status;
}

static void test_upload(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char body[4000] = "", said[300];
    json_t *form = sign(p);
    assert_non_null(strstr(text_at(form, "signedRequest.url"), "/practice/storage"));
    add_fields(form, 0, body);
    add_file("abc", body);
    strcat(body, "--" EDGE "--\r\n");
    assert_int_equal(upload(p, body, "", said), 204);
    json_t *entry = last_entry(p);
    assert_true(json_is_true(at(entry, "applied")) && json_is_null(at(entry, "body")));
    json_decref(entry);
    json_t *files = ask_json(p, "GET", "/practice/records?of=workdrive.files", NONE, NULL, 200);
    json_t *file = json_array_get(files, json_array_size(files) - 1);
    assert_string_equal(text_at(file, "id"), text_at(form, "fileId"));
    assert_string_equal(text_at(file, "mime"), "video/mp4");
    assert_int_equal(int_at(file, "size"), 3);
    assert_string_equal(text_at(file, "sha256"),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    json_decref(files);

    /* A video may now show it. */
    char video[300];
    snprintf(video, sizeof video, "{\"coverImage\":\"%s\",\"newsTitle\":\"n\"}",
             text_at(form, "fileId"));
    json_t *news = ask_json(p, "POST", "/api/news", WORK, video, 200);
    assert_string_equal(text_at(news, "coverImage.name"), "clip.mp4");
    json_decref(news);
    assert_int_equal(upload(p, body, "", said), 403); /* the form again */
    assert_non_null(strstr(said, "sent before"));
    json_decref(form);
    const char *const bad[] = {"mime=video%2Fmp4&name=x", "mime=video%2Fmp4&moduleCode=4",
                               "mime=video&name=x&moduleCode=4",
                               "mime=video%2Fmp4&name=x&moduleCode=99"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[120];
        snprintf(path, sizeof path, "/api/media?%s", bad[i]);
        assert_int_equal(ask_status(p, "GET", path, WORK, NULL), 400);
    }
    ml_practice_stop(p);
}

/* The cases of test_refusals: how the body is built, and what the answer says. */
enum shape {
    FILE_FIRST,
    FIELD_LEFT_OUT,
    FIELD_ADDED,
    NO_FILE,
    OTHER_NAME,
    CUT,
    WITH_KEY,
    WITH_TOKEN
};

static void build(enum shape shape, json_t *form, char *body)
{
    body[0] = '\0';
    if (shape == FILE_FIRST)
        add_file("abc", body);
    add_fields(form, shape == FIELD_LEFT_OUT, body);
    if (shape == FIELD_ADDED)
        strcat(body,
               "--" EDGE "\r\nContent-Disposition: form-data; name=\"more\"\r\n\r\nx\r\n");
    if (shape == OTHER_NAME)
        strcat(body, "--" EDGE "\r\nContent-Disposition: form-data; name=\"upload\"; "
                     "filename=\"f\"\r\n\r\nabc\r\n");
    else if (shape != FILE_FIRST && shape != NO_FILE)
        add_file("abc", body);
    if (shape != CUT)
        strcat(body, "--" EDGE "--\r\n");
}

static void test_refusals(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    char body[4000], said[300];
    const struct {
        int status;
        const char *says, *header;
    } cases[] = {[FILE_FIRST] = {400, "last field", ""},
                 [FIELD_LEFT_OUT] = {400, "not those of the form", ""},
                 [FIELD_ADDED] = {400, "not those of the form", ""},
                 [NO_FILE] = {400, "no whole form", ""},
                 [OTHER_NAME] = {400, "no whole form", ""},
                 [CUT] = {400, "no whole form", ""},
                 [WITH_KEY] = {403, "credential", "X-API-KEY: anything\r\n"},
                 [WITH_TOKEN] = {403, "credential", "Authorization: Bearer x\r\n"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *form = sign(p);
        build((enum shape)i, form, body);
        int status = upload(p, body, cases[i].header, said);
        if (status != cases[i].status || !strstr(said, cases[i].says))
            fail_msg("case %zu: %d %s", i, status, said);
        json_decref(form);
    }
    strcpy(body, "--" EDGE "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--" EDGE
                 "--\r\n");
    assert_int_equal(upload(p, body, "", said), 403);
    assert_non_null(strstr(said, "not signed here"));
    struct reply r = ask(p, "POST", "/practice/storage", NONE, "{}");
    assert_int_equal(r.status, 403);
    reply_free(&r);
    json_t *stats = ask_json(p, "GET", "/practice/stats", NONE, NULL, 200);
    assert_int_equal(int_at(stats, "storage.received"), 10);
    assert_int_equal(int_at(stats, "storage.stored"), 0);
    assert_int_equal(int_at(stats, "storage.leaked"), 2);
    json_decref(stats);
    ml_practice_stop(p);
}

static void test_storage_fails_first(void **state)
{
    (void)state;
    struct ml_practice *p = start("storage-fail=2", 1);
    char body[4000], said[300];
    const int wanted[] = {503, 503, 204};
    for (int i = 0; i < 3; i++) {
        json_t *form = sign(p);
        body[0] = '\0';
        add_fields(form, 0, body);
        add_file("abc", body);
        strcat(body, "--" EDGE "--\r\n");
        assert_int_equal(upload(p, body, "", said), wanted[i]);
        json_t *entry = last_entry(p);
        const char *fault = text_at(entry, "fault");
        assert_true(i == 2 ? fault == NULL : strcmp(fault, "storage-fail") == 0);
        json_decref(entry);
        if (i == 0)
            assert_int_equal(upload(p, body, "", said), 403); /* a retry needs a fresh form */
        json_decref(form);
    }
    ml_practice_stop(p);
}

/* Sends 16 MiB in pieces; neither the server nor anything else here may hold them. */
static void test_large_file(void **state)
{
    (void)state;
    struct ml_practice *p = start(NULL, 1);
    size_t size = (size_t)16 << 20;
    char head[4000] = "", tail[] = "\r\n--" EDGE "--\r\n";
    char hex[ML_SHA256_HEX];
    struct ml_sha256 sum;
    struct rusage before, after;
    json_t *form = sign(p);
    add_fields(form, 0, head);
    add_file("", head);
    head[strlen(head) - 2] = '\0'; /* the line end behind an empty file */
    char *chunk = malloc(CHUNK);
    assert_non_null(chunk);
    for (size_t i = 0; i < CHUNK; i++)
        chunk[i] = (char)(i * 31 >> 3);
    ml_sha256_start(&sum);
    getrusage(RUSAGE_SELF, &before);
    int fd = open_upload(p, strlen(head) + size + strlen(tail), "");
    send_all(fd, head, strlen(head));
    for (size_t sent = 0; sent < size; sent += CHUNK) {
        send_all(fd, chunk, CHUNK);
        ml_sha256_add(&sum, chunk, CHUNK);
    }
    send_all(fd, tail, strlen(tail));
    struct reply r = read_reply(fd);
    assert_int_equal(r.status, 204);
    reply_free(&r);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 6 << 10);
    ml_sha256_end(&sum, hex);
    json_t *files = ask_json(p, "GET", "/practice/records?of=workdrive.files", NONE, NULL, 200);
    json_t *file = json_array_get(files, json_array_size(files) - 1);
    assert_int_equal(int_at(file, "size"), size);
    assert_string_equal(text_at(file, "sha256"), hex);
    json_decref(files);
    json_decref(form);
    free(chunk);
    ml_practice_stop(p);
}

static void test_sha256(void **state)
{
    (void)state;
    const struct {
        const char *unit;
        int times;
        const char *hex;
    } cases[] = {{"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
                 {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
                 {"aaaaaaaaaa", 100000,
                  "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ml_sha256 sum;
        char hex[ML_SHA256_HEX];
        ml_sha256_start(&sum);
        for (int k = 0; k < cases[i].times; k++)
            ml_sha256_add(&sum, cases[i].unit, strlen(cases[i].unit));
        ml_sha256_end(&sum, hex);
        assert_string_equal(hex, cases[i].hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_storage_fails_first),
        cmocka_unit_test(test_large_file),
        cmocka_unit_test(test_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
