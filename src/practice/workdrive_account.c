/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's calls that go a way of their own: people in bulk, groups by their
 * number of members, organizations, tokens, and the first step of an upload.
 */
#include "practice/workdrive.h"

#include "practice/seed.h"
#include "practice/upload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list that the body of a bulk call holds, or NULL with the 400 in ans. */
static json_t *bulk_list(struct ml_practice *p, const struct ml_ask *ask, json_t *body,
                         struct ml_answer *ans)
{
    json_t *list = json_object_get(body, ask->route->wrap);
    if (json_is_array(list) && json_array_size(list) > 0)
        return list;
    if (body && strcmp(ask->method, "DELETE") == 0)
        ml_work_printed(p, ans, "DELETE /api/users/bulk-delete without ids");
    else if (body)
        ml_answer_message(ans, 400, "the list is empty");
    return NULL;
}

/* One person of a bulk create, or NULL when he cannot be: then he is passed over, and the
 * answer does not tell (WD-15). */
static json_t *create_one(struct ml_practice *p, const struct ml_ask *ask, json_t *item)
{
    char text[ML_WORK_TEXT];
    struct ml_records *users = ml_work_list(p, "users");
    if (!json_is_object(item) || ml_work_unfit(p, ask, NULL, item, text))
        return NULL;
    json_t *user = ml_work_fresh(p, ask, users->shape);
    if (!user || ml_work_take(ask->route, user, item) < 0) {
        json_decref(user);
        return NULL;
    }
    return ml_records_add(users, user) == 0 && ml_work_finish(p, ask, user, item) == 0 ? user
                                                                                       : NULL;
}

void ml_work_bulk_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    size_t i, n = 0;
    json_t *item, *body = ml_body_object(ask, ans);
    json_t *list = bulk_list(p, ask, body, ans);
    struct ml_view view = {.shelf = &p->work, .kept = true};
    struct ml_out *o = list ? ml_answer_json(ans, ask->route->status) : NULL;
    if (list)
        ml_out_text(o, "[");
    json_array_foreach(list, i, item)
    {
        json_t *user = create_one(p, ask, item);
        if (!user)
            continue;
        ml_out_text(o, n++ ? "," : "");
        ml_view_write(&view, ml_work_list(p, "users")->shape, user, o);
        ans->applied = true;
    }
    if (list)
        ml_out_text(o, "]");
    json_decref(body);
}

/* Last heads and people who are not there are passed over in silence. */
static void delete_one(struct ml_practice *p, const struct ml_ask *ask, const char *id,
                       struct ml_answer *ans)
{
    char text[ML_WORK_TEXT];
    struct ml_records *users = ml_work_list(p, "users");
    json_t *user = ml_records_find(users, id);
    if (!user || ml_work_unfit(p, ask, user, NULL, text))
        return;
    json_incref(user);
    ml_records_remove(users, id);
    ans->applied = true;
    if (ml_work_finish(p, ask, user, NULL) < 0)
        ml_work_no_memory(ans);
    json_decref(user);
}

void ml_work_bulk_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    size_t i;
    json_t *id, *body = ml_body_object(ask, ans);
    json_t *list = bulk_list(p, ask, body, ans);
    if (list)
        ml_answer_start(ans, ask->route->status, NULL);
    json_array_foreach(list, i, id) delete_one(p, ask, ml_work_item_id(id), ans);
    json_decref(body);
}

/* Members of a security group; an empty list is a form that is never to be sent (WD-43). */
void ml_work_group_members(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    json_t *body = json_loadb(ask->body, ask->body_len, 0, NULL);
    bool empty = !body || json_array_size(json_object_get(body, "ids")) == 0;
    json_decref(body);
    if (empty && strcmp(ask->method, "DELETE") == 0)
        ml_work_printed(p, ans, "DELETE /api/security_groups/{groupId}/members without ids");
    else if (empty)
        ml_answer_message(ans, 400, "ids is empty");
    else
        ml_work_update(p, ask, ans);
}

/* A new secret. */
static void make_token(struct ml_practice *p, char out[48])
{
    snprintf(out, 48, "practice-work-%016llx",
             (unsigned long long)ml_seed_mix(p->seed, ML_SEED_TOKEN, 1000 + p->work.serial++));
}

void ml_work_organizations_create(struct ml_practice *p, struct ml_ask *ask,
                                  struct ml_answer *ans)
{
    char token[48];
    struct ml_records *r = ml_work_list(p, "organizations");
    json_t *body = ml_body_object(ask, ans);
    if (!body)
        return;
    json_t *org = ml_work_fresh(p, ask, r->shape);
    const char *method = ml_text_of(json_object_get(body, "auth"), "method");
    make_token(p, token);
    if (ml_body_check(ask->route, body) || !*ml_text_of(body, "name")) {
        ml_answer_message(ans, 400, "name is required");
        json_decref(org);
    } else if (!org || ml_work_take(ask->route, org, body) < 0 ||
               ml_set_text(org, "status", "ACTIVE") < 0 ||
               ml_set_text(org, "authMethod", *method ? method : "internal") < 0 ||
               ml_set_text(org, "accessToken", token) < 0) {
        ml_work_no_memory(ans);
        json_decref(org);
    } else if (ml_records_add(r, org) < 0) {
        ml_work_no_memory(ans);
    } else {
        ans->applied = true;
        ml_work_answer(p, ask, org, body, ans);
        json_object_del(org, "accessToken"); /* it is told once */
    }
    json_decref(body);
}

/* Issues a token; the one before ends, also when it is the one that asked (WD-19). */
void ml_work_tokens_generate(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char token[48];
    struct ml_records *r = ml_work_list(p, "tokens");
    json_t *body = ml_body_object(ask, ans);
    const char *user = ml_text_of(body, "userId");
    if (body && !ml_work_is_user(p, user)) {
        ml_answer_message(ans, 404, "There is no such user");
    } else if (body) {
        make_token(p, token);
        json_t *issued = json_pack("{s:s, s:s}", "userId", user, "token", token);
        ml_records_remove(r, user);
        if (!issued || ml_records_add(r, issued) < 0) {
            ml_work_no_memory(ans);
        } else {
            ans->applied = true;
            ml_work_answer(p, ask, issued, body, ans);
            if (strcmp(user, p->work_caller[0]) == 0)
                memcpy(p->work_key, token, sizeof p->work_key);
        }
    }
    json_decref(body);
}

/* Whether the number is one of the modules. */
static bool is_module(struct ml_practice *p, const char *code)
{
    return *code && ml_records_find(ml_work_list(p, "module_codes"), code);
}

/* The first step of an upload: an id, and a form to send with the file (WD-45). */
void ml_work_media_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    char mime[ML_WORK_TEXT], name[ML_WORK_TEXT], code[16];
    ml_ask_text(ask, "mime", mime, sizeof mime);
    ml_ask_text(ask, "name", name, sizeof name);
    ml_ask_text(ask, "moduleCode", code, sizeof code);
    if (!strchr(mime, '/') || !*name || !is_module(p, code)) {
        ml_answer_message(ans, 400, "mime, name and moduleCode are required");
        return;
    }
    json_t *form = ml_upload_form(p, ml_work_caller(p, ask), mime, name, code);
    if (form)
        ml_out_json(ml_answer_json(ans, ask->route->status), form);
    else
        ml_work_no_memory(ans);
    ans->applied = form != NULL;
    json_decref(form);
}
