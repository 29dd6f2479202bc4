/* SPDX-License-Identifier: MIT */
#include "practice/users.h"

#include "practice/recordings.h"
#include "practice/seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_ID 9041
#define DAY_MS INT64_C(86400000)

struct ml_user *ml_user_new(void)
{
    struct ml_user *user = calloc(1, sizeof *user);
    if (user)
        user->active = user->member = true;
    return user;
}

/* Frees what the user owns, not the user. */
static void user_clear(struct ml_user *user)
{
    for (size_t i = 0; i < user->email_count; i++) {
        free(user->emails[i].value);
        free(user->emails[i].type);
    }
    free(user->emails);
    free(user->user_name);
    free(user->given);
    free(user->family);
    free(user->external_id);
}

void ml_user_free(struct ml_user *user)
{
    if (!user)
        return;
    user_clear(user);
    free(user);
}

/* The words of a seeded person. -1: no memory. */
static int seed_words(struct ml_user *user, const struct ml_seed_person *person, unsigned index)
{
    char external[32];
    snprintf(external, sizeof external, "hr-%u", 20400 + index);
    user->user_name = strdup(person->email);
    user->given = strdup(person->given);
    user->family = strdup(person->family);
    user->external_id = index % 2 ? strdup(external) : NULL;
    user->emails = calloc(1, sizeof *user->emails);
    if (!user->emails)
        return -1;
    user->email_count = 1;
    user->emails[0] = (struct ml_email){strdup(person->email), strdup("work"), true};
    bool whole = user->user_name && user->given && user->family && user->emails[0].value &&
                 user->emails[0].type && (index % 2 == 0 || user->external_id);
    return whole ? 0 : -1;
}

static struct ml_user *seed_user(uint64_t seed, unsigned index)
{
    struct ml_seed_person person;
    ml_seed_person(seed, index, &person);
    uint64_t h = ml_seed_mix(seed, ML_SEED_PERSON, index + 1);
    struct ml_user *user = ml_user_new();
    if (!user || seed_words(user, &person, index) < 0) {
        ml_user_free(user);
        return NULL;
    }
    user->owner = index == 0;
    user->admin = user->owner || h % 8 == 0;
    user->editor = (h >> 8) % 4 == 0;
    user->active = user->owner || (h >> 16) % 9 != 0;
    user->picture = (h >> 24) % 2;
    user->created_ms = ML_SEED_DAY_MS - 700 * DAY_MS + (int64_t)(index % 600) * DAY_MS;
    user->updated_ms = user->created_ms + 30 * DAY_MS;
    return user;
}

static int list_add(struct ml_users *u, struct ml_user *user)
{
    if (u->count == u->cap) {
        size_t cap = u->cap ? u->cap * 2 : 64;
        struct ml_user **list = realloc(u->list, cap * sizeof(struct ml_user *));
        if (!list)
            return -1;
        u->list = list;
        u->cap = cap;
    }
    snprintf(user->id, sizeof user->id, "%lu", u->next_id++);
    u->list[u->count++] = user;
    return 0;
}

int ml_users_create(struct ml_users *u, uint64_t seed, unsigned count, struct ml_err *err)
{
    *u = (struct ml_users){.next_id = FIRST_ID};
    for (unsigned i = 0; i < count; i++) {
        struct ml_user *user = seed_user(seed, i);
        if (!user || list_add(u, user) < 0) {
            ml_user_free(user);
            ml_users_destroy(u);
            return ml_err_set(err, ML_MEMORY, "out of memory after %u of %u practice users", i,
                              count);
        }
    }
    return 0;
}

void ml_users_destroy(struct ml_users *u)
{
    for (size_t i = 0; i < u->count; i++)
        ml_user_free(u->list[i]);
    free(u->list);
    *u = (struct ml_users){0};
}

/* The address that REST shows: the primary one, else the first, else the userName. */
static const char *rest_email(const struct ml_user *user)
{
    for (size_t i = 0; i < user->email_count; i++)
        if (user->emails[i].primary)
            return user->emails[i].value;
    return user->email_count ? user->emails[0].value : user->user_name;
}

struct ml_user *ml_users_find_external(const struct ml_users *u, const char *external_id)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->list[i]->external_id && strcmp(u->list[i]->external_id, external_id) == 0)
            return u->list[i];
    return NULL;
}

struct ml_user *ml_users_find(const struct ml_users *u, const char *id_or_external)
{
    for (size_t i = 0; i < u->count; i++)
        if (strcmp(u->list[i]->id, id_or_external) == 0)
            return u->list[i];
    return ml_users_find_external(u, id_or_external);
}

struct ml_user *ml_users_find_email(const struct ml_users *u, const char *email)
{
    for (size_t i = 0; i < u->count; i++)
        if (strcasecmp(rest_email(u->list[i]), email) == 0)
            return u->list[i];
    return NULL;
}

struct ml_user *ml_users_find_name(const struct ml_users *u, const char *user_name)
{
    for (size_t i = 0; i < u->count; i++)
        if (strcasecmp(u->list[i]->user_name, user_name) == 0)
            return u->list[i];
    return NULL;
}

int ml_users_add(struct ml_users *u, struct ml_user *user, int64_t now_ms)
{
    user->created_ms = user->updated_ms = now_ms;
    return list_add(u, user);
}

void ml_users_replace(struct ml_user *old, struct ml_user *fresh, int64_t now_ms)
{
    memcpy(fresh->id, old->id, sizeof fresh->id);
    fresh->owner = old->owner;
    fresh->picture = old->picture;
    fresh->created_ms = old->created_ms;
    fresh->updated_ms = now_ms;
    user_clear(old);
    *old = *fresh;
    free(fresh);
}

void ml_users_remove(struct ml_users *u, struct ml_user *user)
{
    size_t at = 0;
    while (at < u->count && u->list[at] != user)
        at++;
    if (at == u->count)
        return;
    u->count--;
    memmove(u->list + at, u->list + at + 1, (u->count - at) * sizeof(struct ml_user *));
    ml_user_free(user);
}

/* "Given Family", or what there is of it. */
static void write_full_name(const struct ml_user *user, struct ml_out *o)
{
    const char *given = user->given ? user->given : "";
    const char *family = user->family ? user->family : "";
    struct ml_buf full;
    ml_buf_create(&full, 1 << 20);
    if (ml_buf_adds(&full, given) < 0 || ml_buf_adds(&full, *given && *family ? " " : "") < 0 ||
        ml_buf_adds(&full, family) < 0)
        o->failed = true;
    ml_out_string(o, ml_buf_str(&full));
    ml_buf_destroy(&full);
}

void ml_users_write_rest(const struct ml_user *user, struct ml_out *o)
{
    ml_out_text(o, "{\"email\":");
    ml_out_string(o, rest_email(user));
    ml_out_text(o, ",\"name\":");
    write_full_name(user, o);
    ml_out_fmt(o,
               ",\"has_profile_picture\":%s,\"created_at\":", user->picture ? "true" : "false");
    ml_out_time(o, user->created_ms);
    ml_out_text(o, ",\"updated_at\":");
    ml_out_time(o, user->updated_ms);
    ml_out_fmt(o, ",\"role\":\"%s\"",
               user->admin    ? "admin"
               : user->editor ? "editor"
                              : "member");
    ml_out_text(
        o, ",\"notifications\":{\"notify_first_view\":\"Enabled\","
           "\"notify_all_recordings\":\"Enabled\",\"notify_own_recordings\":\"Enabled\"}}");
}

static void write_emails(const struct ml_user *user, struct ml_out *o)
{
    ml_out_text(o, "\"emails\":[");
    for (size_t i = 0; i < user->email_count; i++) {
        ml_out_fmt(o, "%s{\"primary\":%s,\"value\":", i ? "," : "",
                   user->emails[i].primary ? "true" : "false");
        ml_out_string(o, user->emails[i].value);
        if (user->emails[i].type) {
            ml_out_text(o, ",\"type\":");
            ml_out_string(o, user->emails[i].type);
        }
        ml_out_text(o, "}");
    }
    ml_out_text(o, "]");
}

static void write_roles(const struct ml_user *user, enum ml_roles_form form, struct ml_out *o)
{
    if (form == ML_ROLES_OBJECT) {
        ml_out_fmt(o, "\"roles\":{\"admin\":%s,\"member\":%s,\"editor\":%s}",
                   user->admin ? "true" : "false", user->member ? "true" : "false",
                   user->editor ? "true" : "false");
        return;
    }
    bool before = user->admin || user->member;
    ml_out_fmt(o, "\"roles\":[%s%s%s%s]", user->admin ? "\"admin\"" : "",
               user->admin && user->member ? "," : "", user->member ? "\"member\"" : "",
               !user->editor ? ""
               : before      ? ",\"editor\""
                             : "\"editor\"");
}

void ml_users_write_scim(const struct ml_user *user, enum ml_roles_form form,
                         bool with_external, struct ml_out *o)
{
    ml_out_fmt(o,
               "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"%s\","
               "\"userName\":",
               user->id);
    ml_out_string(o, user->user_name);
    ml_out_text(o, ",\"name\":{\"formatted\":");
    write_full_name(user, o);
    ml_out_text(o, ",\"givenName\":");
    ml_out_string(o, user->given);
    ml_out_text(o, ",\"familyName\":");
    ml_out_string(o, user->family);
    ml_out_text(o, "},");
    write_emails(user, o);
    ml_out_fmt(o, ",\"active\":%s,", user->active ? "true" : "false");
    write_roles(user, form, o);
    if (with_external && user->external_id) {
        ml_out_text(o, ",\"externalId\":");
        ml_out_string(o, user->external_id);
    }
    ml_out_text(o, "}");
}

static uint64_t hash_user(uint64_t hash, const struct ml_user *user)
{
    const char flags[] = {user->active ? 'A' : 'a', user->admin ? 'D' : 'd',
                          user->member ? 'M' : 'm', user->editor ? 'E' : 'e', '\0'};
    const char *const texts[] = {user->id,     user->user_name,   user->given,
                                 user->family, user->external_id, flags};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        hash = ml_hash_text(hash, texts[i]);
    for (size_t i = 0; i < user->email_count; i++) {
        hash = ml_hash_text(hash, user->emails[i].value);
        hash = ml_hash_text(hash, user->emails[i].type);
        hash = ml_hash_text(hash, user->emails[i].primary ? "primary" : "");
    }
    return hash;
}

uint64_t ml_users_hash(const struct ml_users *u)
{
    uint64_t hash = ML_HASH_START;
    for (size_t i = 0; i < u->count; i++)
        hash = hash_user(hash, u->list[i]);
    return hash;
}
