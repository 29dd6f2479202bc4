/* SPDX-License-Identifier: MIT */
#include "practice/answer.h"

#include <string.h>
#include <strings.h>

const char *ml_ask_text(const struct ml_ask *ask, const char *name, char *out, size_t cap)
{
    if (ml_route_query(ask->target.query, name, out, cap) <= 0)
        out[0] = '\0';
    return out;
}

bool ml_ask_flag(const struct ml_ask *ask, const char *name)
{
    char text[8];
    return strcasecmp(ml_ask_text(ask, name, text, sizeof text), "true") == 0;
}

void ml_answer_create(struct ml_answer *ans, int status)
{
    *ans = (struct ml_answer){.status = status};
    ml_out_create(&ans->out);
}

void ml_answer_destroy(struct ml_answer *ans)
{
    ml_out_destroy(&ans->out);
}

struct ml_out *ml_answer_start(struct ml_answer *ans, int status, const char *type)
{
    ans->status = status;
    ans->type = type;
    ans->out.failed = false;
    ml_buf_clear(&ans->out.buf);
    return &ans->out;
}

struct ml_out *ml_answer_json(struct ml_answer *ans, int status)
{
    return ml_answer_start(ans, status, "application/json; charset=utf-8");
}

void ml_answer_error(struct ml_answer *ans, int status, const char *message)
{
    struct ml_out *o = ml_answer_json(ans, status);
    ml_out_text(o, "{\"error\":{\"message\":");
    ml_out_string(o, message);
    ml_out_fmt(o, status == 500 ? ",\"code\":\"%d\"}}" : ",\"code\":%d}}", status);
}

void ml_answer_flat(struct ml_answer *ans, int status, const char *message)
{
    struct ml_out *o = ml_answer_json(ans, status);
    ml_out_text(o, "{\"error\":");
    ml_out_string(o, message);
    ml_out_text(o, "}");
}

void ml_answer_scim(struct ml_answer *ans, int status, const char *detail)
{
    struct ml_out *o = ml_answer_json(ans, status);
    ml_out_text(o,
                "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:Error\"],\"detail\":");
    ml_out_string(o, detail);
    ml_out_fmt(o, ",\"status\":\"%d\"}", status);
}

void ml_answer_message(struct ml_answer *ans, int status, const char *message)
{
    struct ml_out *o = ml_answer_json(ans, status);
    ml_out_fmt(o, "{\"statusCode\":%d,\"message\":", status);
    ml_out_string(o, message);
    ml_out_text(o, "}");
}

void ml_answer_refuse(const struct ml_ask *ask, struct ml_answer *ans, int status,
                      const char *text)
{
    if (ask->route && strcmp(ask->route->credential, "scim") == 0)
        ml_answer_scim(ans, status, text);
    else if (ask->route && strcmp(ask->route->service, "screendragon") == 0)
        ml_answer_flat(ans, status, text);
    else if (ask->route && strcmp(ask->route->service, "workdrive") == 0)
        ml_answer_message(ans, status, text);
    else
        ml_answer_error(ans, status, text);
}

void ml_answer_html(struct ml_answer *ans, int status, const char *text)
{
    struct ml_out *o = ml_answer_start(ans, status, "text/html; charset=utf-8");
    ml_out_fmt(o,
               "<!DOCTYPE html>\n<html>\n<head><title>%s</title></head>\n"
               "<body><h1>%s</h1></body>\n</html>\n",
               text, text);
}
