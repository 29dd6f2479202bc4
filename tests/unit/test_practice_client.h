/* SPDX-License-Identifier: MIT */
/*
 * A client of a few lines for the tests of the practice server: raw sockets,
 * so that nothing repeats, repairs or hides what came over the wire.
 *
 *     struct reply r = ask(p, "GET", "/api/v2/recordings", REST, NULL);
 *     assert_int_equal(r.status, 200);
 *     json_t *body = reply_json(&r);
 *     json_decref(body);
 *     reply_free(&r);
 */
#ifndef TEST_PRACTICE_CLIENT_H
#define TEST_PRACTICE_CLIENT_H

#include "practice/practice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum token { NONE, REST, SCIM, WRONG, DRAGON, DRAGON_MEMBER, WORK, WORK_MEMBER };

struct reply {
    int status;    /* 0: no answer at all */
    int error;     /* errno of the read that failed, 0 = the peer closed in order */
    char *text;    /* all bytes */
    char *body;    /* in text, behind the headers; NULL without headers */
    size_t len;    /* of body */
    long declared; /* Content-Length, -1 = none */
};

static inline struct ml_practice *start(const char *faults, unsigned recordings)
{
    struct ml_practice_conf conf;
    struct ml_practice *p = NULL;
    struct ml_err err;
    ml_practice_defaults(&conf);
    conf.faults = faults;
    conf.recordings = recordings;
    conf.page_size = 10;
    if (ml_practice_start(&conf, &p, &err) < 0)
        fail_msg("%s", err.text);
    return p;
}

/* A connected socket. */
static inline int dial(const struct ml_practice *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    unsigned port = 0;
    assert_int_equal(sscanf(ml_practice_origin(p), "http://127.0.0.1:%u", &port), 1);
    at.sin_port = htons((uint16_t)port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static inline void send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes += n;
        len -= (size_t)n;
    }
}

/* Sends a request that closes the connection behind its answer. */
static inline void send_request(const struct ml_practice *p, int fd, const char *method,
                                const char *path, enum token token, const char *body)
{
    const char *const tokens[] = {"",
                                  ml_practice_token(p),
                                  ml_practice_scim_token(p),
                                  "wrong",
                                  ml_practice_dragon_token(p),
                                  ml_practice_dragon_token(p),
                                  ml_practice_work_key(p),
                                  ml_practice_work_key(p)};
    bool member = token == DRAGON_MEMBER || token == WORK_MEMBER;
    const char *header = token == NONE   ? ""
                         : token >= WORK ? "X-API-KEY: "
                                         : "Authorization: Bearer ";
    char *text = NULL;
    int n = asprintf(&text,
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s%s%s%s"
                     "%sContent-Length: %zu\r\n\r\n%s",
                     method, path, header, tokens[token], member ? "-member" : "",
                     token ? "\r\n" : "", body ? "Content-Type: application/json\r\n" : "",
                     body ? strlen(body) : (size_t)0, body ? body : "");
    assert_true(n > 0);
    send_all(fd, text, (size_t)n);
    free(text);
}

/* Reads until the connection ends, and closes it. */
static inline struct reply read_reply(int fd)
{
    struct reply r = {.declared = -1};
    size_t used = 0;
    size_t cap = 1 << 16;
    r.text = malloc(cap + 1);
    for (;;) {
        if (used == cap) {
            cap *= 2;
            r.text = realloc(r.text, cap + 1);
        }
        assert_non_null(r.text);
        ssize_t n = recv(fd, r.text + used, cap - used, 0);
        if (n <= 0) {
            r.error = n < 0 ? errno : 0;
            break;
        }
        used += (size_t)n;
    }
    close(fd);
    r.text[used] = '\0';
    sscanf(r.text, "HTTP/1.1 %d", &r.status);
    char *end = strstr(r.text, "\r\n\r\n");
    r.body = end ? end + 4 : NULL;
    r.len = end ? used - (size_t)(r.body - r.text) : 0;
    char *length = strcasestr(r.text, "\r\nContent-Length: ");
    if (length && length < end)
        r.declared = strtol(length + 18, NULL, 10);
    return r;
}

static inline struct reply ask(const struct ml_practice *p, const char *method,
                               const char *path, enum token token, const char *body)
{
    int fd = dial(p);
    send_request(p, fd, method, path, token, body);
    return read_reply(fd);
}

static inline void reply_free(struct reply *r)
{
    free(r->text);
    r->text = NULL;
}

static inline json_t *reply_json(const struct reply *r)
{
    json_error_t error;
    json_t *value = r->body ? json_loadb(r->body, r->len, JSON_DECODE_ANY, &error) : NULL;
    if (!value)
        fail_msg("no JSON in: %s", r->text);
    return value;
}

/* The JSON of an answer that has to have this status. The caller frees it. */
static inline json_t *ask_json(const struct ml_practice *p, const char *method,
                               const char *path, enum token token, const char *body, int status)
{
    struct reply r = ask(p, method, path, token, body);
    if (r.status != status)
        fail_msg("%s %s: status %d, not %d: %s", method, path, r.status, status, r.text);
    json_t *value = reply_json(&r);
    reply_free(&r);
    return value;
}

/* Only the status of an answer. */
static inline int ask_status(const struct ml_practice *p, const char *method, const char *path,
                             enum token token, const char *body)
{
    struct reply r = ask(p, method, path, token, body);
    int status = r.status;
    reply_free(&r);
    return status;
}

/* The text at a dotted path such as "error.message" or "records.0.uuid"; NULL when it is none.
 */
static inline json_t *at(json_t *value, const char *path)
{
    while (value && *path) {
        size_t len = strcspn(path, ".");
        if (json_is_array(value))
            value = json_array_get(value, (size_t)strtoul(path, NULL, 10));
        else
            value = json_object_getn(value, path, len);
        path += len + (path[len] == '.');
    }
    return value;
}

static inline const char *text_at(json_t *value, const char *path)
{
    return json_string_value(at(value, path));
}

static inline long int_at(json_t *value, const char *path)
{
    json_t *number = at(value, path);
    assert_true(json_is_integer(number));
    return (long)json_integer_value(number);
}

/* The uuid of the first recording. */
static inline void first_uuid(const struct ml_practice *p, char uuid[37])
{
    json_t *page = ask_json(p, "GET", "/api/v2/recordings", REST, NULL, 200);
    snprintf(uuid, 37, "%s", text_at(page, "records.0.uuid"));
    json_decref(page);
}

/* The last entry of the practice log. The caller frees it. */
static inline json_t *last_entry(const struct ml_practice *p)
{
    json_t *log = ask_json(p, "GET", "/practice/log", NONE, NULL, 200);
    assert_true(json_array_size(log) > 0);
    json_t *entry = json_incref(json_array_get(log, json_array_size(log) - 1));
    json_decref(log);
    return entry;
}

#endif
