/* SPDX-License-Identifier: MIT */
#include "practice/upload.h"

#include "practice/moment.h"
#include "practice/seed.h"
#include "practice/sha256.h"
#include "practice/workdrive.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/practice/storage"
#define PARSER_BYTES 65536
#define VALUE_MAX ((size_t)8192)
#define FIELDS_MAX 40

struct ml_upload {
    struct MHD_PostProcessor *parser; /* NULL: the body is no form */
    json_t *fields;                   /* array of [name, value], as they came */
    struct ml_buf value;              /* of the field that is coming */
    char name[64];                    /* of it, "" = none */
    struct ml_sha256 hash;
    uint64_t size;
    bool file;   /* it has begun */
    bool behind; /* something came after it */
    bool broken; /* too many or too long fields, or no memory */
};

bool ml_upload_is(const char *method, const char *uri)
{
    size_t len = strlen(PATH);
    return strcmp(method, "POST") == 0 && strncmp(uri, PATH, len) == 0 &&
           (uri[len] == '\0' || uri[len] == '?' || uri[len] == '/');
}

/* The field that was coming is there as a whole. */
static void end_field(struct ml_upload *u)
{
    if (!*u->name)
        return;
    json_t *pair = json_pack("[s, s]", u->name, ml_buf_str(&u->value));
    if (!pair || json_array_append_new(u->fields, pair) < 0 ||
        json_array_size(u->fields) > FIELDS_MAX)
        u->broken = true;
    u->name[0] = '\0';
    ml_buf_clear(&u->value);
}

/* A piece of a field or of the file, in the order of the body. */
static enum MHD_Result on_piece(void *cls, enum MHD_ValueKind kind, const char *key,
                                const char *filename, const char *type, const char *encoding,
                                const char *data, uint64_t off, size_t size)
{
    struct ml_upload *u = cls;
    (void)kind;
    (void)type;
    (void)encoding;
    if (off == 0) {
        end_field(u);
        u->behind = u->behind || u->file;
    }
    if (filename) {
        u->file = true;
        u->broken = u->broken || !key || strcmp(key, "file") != 0;
        u->size += size;
        ml_sha256_add(&u->hash, data, size);
        return MHD_YES;
    }
    if (off == 0)
        snprintf(u->name, sizeof u->name, "%s", key ? key : "");
    if (ml_buf_add(&u->value, data, size) < 0)
        u->broken = true;
    return MHD_YES;
}

struct ml_upload *ml_upload_new(struct MHD_Connection *connection)
{
    struct ml_upload *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->fields = json_array();
    ml_buf_create(&u->value, VALUE_MAX);
    ml_sha256_start(&u->hash);
    u->parser = MHD_create_post_processor(connection, PARSER_BYTES, on_piece, u);
    return u;
}

void ml_upload_feed(struct ml_upload *u, const char *bytes, size_t n)
{
    if (u->parser && MHD_post_process(u->parser, bytes, n) == MHD_NO)
        u->broken = true;
}

void ml_upload_free(struct ml_upload *u)
{
    if (!u)
        return;
    if (u->parser)
        MHD_destroy_post_processor(u->parser);
    json_decref(u->fields);
    ml_buf_destroy(&u->value);
    free(u);
}

static const char *field_value(const json_t *fields, const char *name)
{
    size_t i;
    json_t *pair;
    json_array_foreach(fields, i, pair)
    {
        if (strcmp(json_string_value(json_array_get(pair, 0)), name) == 0)
            return json_string_value(json_array_get(pair, 1));
    }
    return "";
}

/* Whether exactly the fields of the form came, in its order. */
static bool same_fields(const json_t *came, json_t *form)
{
    const char *name;
    json_t *value;
    size_t at = 0;
    json_object_foreach(form, name, value)
    {
        json_t *pair = json_array_get(came, at++);
        if (!pair || strcmp(json_string_value(json_array_get(pair, 0)), name) != 0 ||
            !json_equal(json_array_get(pair, 1), value))
            return false;
    }
    return at == json_array_size(came);
}

static void answer_xml(struct ml_answer *ans, int status, const char *code, const char *text)
{
    struct ml_out *o = ml_answer_start(ans, status, "application/xml");
    ml_out_fmt(o,
               "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s"
               "</Message></Error>",
               code, text);
}

/* Ends the reading. False: it stopped in the middle, or it was no form. */
static bool finish(struct ml_upload *u)
{
    if (!u->parser)
        return false;
    enum MHD_Result whole = MHD_destroy_post_processor(u->parser);
    u->parser = NULL;
    end_field(u);
    return whole == MHD_YES && !u->broken;
}

/* Keeps what is known of the file. */
static int keep_file(struct ml_practice *p, struct ml_upload *u, json_t *form)
{
    char hash[ML_SHA256_HEX];
    const char *mime = ml_text_of(form, "mime");
    ml_sha256_end(&u->hash, hash);
    bool image = strncmp(mime, "image/", 6) == 0, video = strncmp(mime, "video/", 6) == 0;
    json_t *file = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:b, s:b, s:s, s:s}", "id",
        ml_text_of(form, "fileId"), "mime", mime, "path", ml_text_of(form, "path"), "name",
        ml_text_of(form, "name"), "_module", ml_text_of(form, "module"), "size",
        (json_int_t)u->size, "bucket", "media-bucket", "isImage", image, "isVideo", video,
        "isDoc", !image && !video, "owner", ml_text_of(form, "owner"), "sha256", hash);
    return file ? ml_records_add(ml_work_list(p, "files"), file) : -1;
}

/* Why the upload is refused, or NULL; *status goes with it. */
static const char *judge(struct ml_practice *p, const struct ml_ask *ask, json_t *form,
                         bool whole, int *status)
{
    const struct ml_upload *u = ask->upload;
    *status = 403;
    if (ask->api_key || ask->authorization) {
        p->storage.leaked++;
        return "A credential of the service came along";
    }
    if (!form)
        return "The form was not signed here";
    if (json_is_true(json_object_get(form, "used")))
        return "The form was sent before";
    *status = 400;
    if (!whole || !u->file)
        return "The body is no whole form with a file";
    if (u->behind)
        return "The file has to be the last field";
    return same_fields(u->fields, json_object_get(form, "fields"))
               ? NULL
               : "The fields are not those of the form in its order";
}

void ml_upload_store(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    int status;
    struct ml_upload *u = ask->upload;
    bool whole = finish(u);
    json_t *form =
        ml_records_find(ml_work_list(p, "forms"), field_value(u->fields, "X-Amz-Signature"));
    const char *reason = judge(p, ask, form, whole, &status);
    p->storage.received++;
    if (form && json_object_set_new(form, "used", json_true()) < 0) {
        answer_xml(ans, 500, "InternalError", "out of memory");
    } else if (reason) {
        answer_xml(ans, status, status == 403 ? "AccessDenied" : "InvalidArgument", reason);
    } else if (p->dice.storage_failed < p->faults.storage_fail) {
        p->dice.storage_failed++;
        ask->fault = "storage-fail";
        answer_xml(ans, 503, "SlowDown", "Please reduce your request rate.");
    } else if (keep_file(p, u, form) < 0) {
        answer_xml(ans, 500, "InternalError", "out of memory");
    } else {
        p->storage.stored++;
        ans->applied = true;
        ml_answer_start(ans, 204, NULL);
    }
}

/* The fields to be sent, the signature last. */
static json_t *form_fields(struct ml_practice *p, const char *path, const char *mime,
                           const char *signature)
{
    char now[ML_MOMENT_MAX];
    ml_moment_write(ml_practice_now(p), now);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Key", path,
                     "Content-Type", mime, "ACL", "public-read", "bucket", "media-bucket",
                     "X-Amz-Algorithm", "AWS4-HMAC-SHA256", "X-Amz-Credential",
                     "PRACTICE/20250601/eu-west-1/s3/aws4_request", "X-Amz-Date", now, "Policy",
                     "eyJwcmFjdGljZSI6dHJ1ZX0=", "X-Amz-Signature", signature);
}

json_t *ml_upload_form(struct ml_practice *p, const char *owner, const char *mime,
                       const char *name, const char *module)
{
    char id[37], signature[40], path[300], url[400], host[100];
    ml_work_id(p, id);
    snprintf(
        signature, sizeof signature, "%016llx%016llx",
        (unsigned long long)ml_seed_mix(p->seed, ML_SEED_TOKEN, 2000 + 2 * p->work.serial),
        (unsigned long long)ml_seed_mix(p->seed, ML_SEED_TOKEN, 2001 + 2 * p->work.serial));
    snprintf(path, sizeof path, "o-1/m-%.10s/%.36s-%.200s", module, id, name);
    snprintf(host, sizeof host, "%s" PATH, p->origin);
    snprintf(url, sizeof url, "%s/%s", host, path);
    json_t *fields = form_fields(p, path, mime, signature);
    json_t *form = json_pack("{s:s, s:s, s:O, s:s, s:s, s:s, s:s, s:s, s:b}", "id", signature,
                             "fileId", id, "fields", fields, "mime", mime, "name", name, "path",
                             path, "module", module, "owner", owner, "used", 0);
    if (!form || ml_records_add(ml_work_list(p, "forms"), form) < 0) {
        json_decref(fields);
        return NULL;
    }
    return json_pack("{s:s, s:{s:s, s:o}, s:s}", "fileId", id, "signedRequest", "url", host,
                     "fields", fields, "url", url);
}
