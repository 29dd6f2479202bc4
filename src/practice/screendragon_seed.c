/* SPDX-License-Identifier: MIT */
/* Screendragon's account as it is seeded: the people of Screendesk, under numbers. */
#include "practice/moment.h"
#include "practice/screendragon.h"
#include "practice/seed.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

const struct ml_dragon_group ml_dragon_groups[] = {
    {11, "Studio", "studio"},           {12, "Finance", "finance"},
    {13, "Field crew", "field-crew"},   {14, "Client services", "client-services"},
    {15, "Freelancers", "freelancers"}, {0, NULL, NULL}};

json_t *ml_dragon_group_json(const struct ml_dragon_group *group)
{
    return json_pack("{s:s, s:i}", "name", group->name, "id", group->id);
}

/* One field of the metadata. */
static json_t *custom_field(const char *guid, const char *english, const char *german,
                            const char *value)
{
    return json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:[s]}", "guid", guid, "type", "text",
                     "dataType", "string", "label", "en", english, "de", german, "values",
                     value);
}

static json_t *custom_fields(uint64_t h)
{
    static const char *const regions[] = {"EMEA", "APAC", "Americas"};
    static const char *const centres[] = {"4010", "4020", "4030", "4040"};
    return json_pack("[o, o]",
                     custom_field("7d1e0311-5a3c-4c0d-a70a-000000000001", "Region", "Region",
                                  regions[h % 3]),
                     custom_field("7d1e0311-5a3c-4c0d-a70a-000000000002", "Cost centre",
                                  "Kostenstelle", centres[(h >> 8) % 4]));
}

/* A person of the seed as a user, or NULL without memory. */
static json_t *seed_user(uint64_t seed, unsigned index)
{
    static const char *const roles[] = {"Producer", "Analyst", "Designer", "Account lead"};
    struct ml_seed_person person;
    char name[64], created[ML_MOMENT_MAX];
    ml_seed_person(seed, index, &person);
    uint64_t h = ml_seed_mix(seed, ML_SEED_DRAGON, index);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(person.email, "@"), person.email);
    ml_moment_write(ML_SEED_DAY_MS - (int64_t)(900 - index % 800) * DAY_MS, created);
    bool active = index < 2 || h % 11 != 0;
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:[o], s:s, s:i, s:i}", "userID",
                     ML_DRAGON_FIRST_ID + (int)index, "UserName", name, "FirstName",
                     person.given, "LastName", person.family, "email", person.email, "status",
                     active ? "active" : "inactive", "CreateDate", created, "customFields",
                     custom_fields(h >> 16), "groups",
                     ml_dragon_group_json(&ml_dragon_groups[(h >> 32) % 5]), "_role",
                     index == 0 ? "Administrator" : roles[(h >> 40) % 4], "_ssoUser", 0,
                     "_isTsIngestUser", 0);
}

int ml_dragon_seed(struct ml_practice *p, unsigned users, struct ml_err *err)
{
    if (ml_shelf_create(&p->dragon, "screendragon", NULL, err) < 0)
        return -1;
    p->dragon.serial = ML_DRAGON_FIRST_ID + users;
    struct ml_records *list = ml_shelf_list(&p->dragon, "users");
    for (unsigned i = 0; i < users; i++) {
        json_t *user = seed_user(p->seed, i);
        if (!user || ml_records_add(list, user) < 0)
            return ml_err_set(err, ML_MEMORY, "out of memory after %u of %u practice users", i,
                              users);
    }
    return 0;
}
