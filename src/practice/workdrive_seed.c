/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive's account as it is seeded: the people of Screendesk, and what they
 * wrote. Members that have nothing are left to the shapes.
 */
#include "practice/moment.h"
#include "practice/seed.h"
#include "practice/workdrive.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define COUNT(a) (sizeof(a) / sizeof *(a))

#define DEPARTMENTS 6
#define LOCATIONS 4
#define GROUPS 3
#define FEW 1000         /* posts or news that come in fours */
#define MANY_AT_ONCE 150 /* those beyond */

static const char *const department_names[DEPARTMENTS] = {
    "Operations", "Finance", "Support", "Engineering", "Field crew", "People"};
static const char *const location_names[LOCATIONS] = {"Bristol", "Leipzig", "Lyon", "Porto"};
static const char *const group_names[GROUPS] = {"Administrators", "Editors", "Everybody"};
static const char *const categories[] = {"Business", "Expenses", "Safety", "Travel"};
static const struct {
    const char *name;
    int code;
} modules[] = {{"POST", 1},     {"NEWS", 2}, {"EVENT", 3},  {"VIDEO", 4}, {"PHOTO", 5},
               {"DOCUMENT", 6}, {"FAQ", 7},  {"COURSE", 8}, {"CHAT", 9},  {"TASK", 10}};

/* What one seeded record is made of. */
struct seed {
    struct ml_practice *p;
    unsigned index;
    uint64_t h; /* chance of this record */
    const char *person;
};

/* The id of the n-th record of a list; "" where there is none. */
static const char *id_at(struct ml_practice *p, const char *list, uint64_t n)
{
    json_t *records = ml_work_list(p, list)->list;
    size_t count = json_array_size(records);
    return count ? ml_text_of(json_array_get(records, n % count), "id") : "";
}

static const char *category(const struct seed *s)
{
    return categories[(s->h >> 20) % COUNT(categories)];
}

static json_t *seed_department(const struct seed *s)
{
    return json_pack("{s:s, s:s}", "type", "department", "name", department_names[s->index]);
}

static json_t *seed_location(const struct seed *s)
{
    return json_pack("{s:s}", "name", location_names[s->index]);
}

static json_t *seed_group(const struct seed *s)
{
    return json_pack("{s:s, s:i, s:[]}", "name", group_names[s->index], "memberCount", 0,
                     "_members");
}

static json_t *seed_user(const struct seed *s)
{
    static const char *const titles[] = {"Technician", "Coordinator", "Analyst", "Driver"};
    struct ml_seed_person person;
    char phone[24];
    ml_seed_person(s->p->seed, s->index, &person);
    snprintf(phone, sizeof phone, "+1555%06u", 10000 + s->index);
    /* The first of each department is its head; everybody else reports to him. */
    const char *reports_to = s->index < DEPARTMENTS
                                 ? id_at(s->p, "users", 0)
                                 : id_at(s->p, "users", s->index % DEPARTMENTS);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:s, s:s, s:s}",
        "userName", person.email, "email", person.email, "status",
        s->h % 13 ? "ACTIVE" : "INVITED", "firstName", person.given, "lastName", person.family,
        "phone", phone, "color", "#3b7dd8", "designation", titles[(s->h >> 8) % COUNT(titles)],
        "department", id_at(s->p, "departments", s->index), "_location",
        id_at(s->p, "locations", s->h >> 16), "isDepartmentHead", s->index < DEPARTMENTS,
        "availability", 1, "availabilityStatusText", "Available", "reportsTo", reports_to,
        "reportsToObj", reports_to);
}

/* Posts and news come in bunches of up to four with the very same time, so that the bound of a
 * walk falls into one. What a large account has beyond a thousand was taken over from
 * elsewhere, many at once: more of one time than a client asks for. */
static unsigned bunch_of(unsigned index)
{
    return index < FEW ? index / 4 : FEW / 4 + (index - FEW) / MANY_AT_ONCE;
}

static int set_posted(const struct seed *s, json_t *record)
{
    char text[ML_MOMENT_MAX];
    int64_t ms = ML_SEED_DAY_MS - 400 * DAY_MS + (int64_t)bunch_of(s->index) * 37 * 60000;
    ml_moment_write(ms, text);
    if (!record || json_object_set_new(record, "_at", json_integer(ms)) < 0)
        return -1;
    return ml_set_text(record, "postedAt", text);
}

static json_t *with_posted(const struct seed *s, json_t *record)
{
    if (set_posted(s, record) == 0)
        return record;
    json_decref(record);
    return NULL;
}

static json_t *seed_post(const struct seed *s)
{
    struct ml_seed_words words;
    ml_seed_words(s->p->seed, 100000 + s->index, &words);
    json_t *reactions = s->h % 3 ? json_array() : json_pack("[{s:s}]", "type", "like");
    return with_posted(s, json_pack("{s:s, s:i, s:s, s:[s], s:o, s:{s:b}}", "postText",
                                    words.titled, "commentsCount", (int)(s->h % 9), "user",
                                    s->person, "tags", "#update", "reactions", reactions,
                                    "_permissions", "public", 1));
}

static json_t *seed_news(const struct seed *s)
{
    struct ml_seed_words words;
    ml_seed_words(s->p->seed, 200000 + s->index, &words);
    return with_posted(s, json_pack("{s:s, s:i, s:s, s:[s], s:s, s:{s:b}}", "newsTitle",
                                    words.titled, "commentsCount", (int)(s->h % 9), "user",
                                    s->person, "tags", "#news", "category", category(s),
                                    "_permissions", "team", 1));
}

/* Every fifth event is the second to fifth of a series. */
static json_t *seed_event(const struct seed *s)
{
    char title[60], starts[ML_MOMENT_MAX], ends[ML_MOMENT_MAX];
    int64_t ms = ML_SEED_DAY_MS - 60 * DAY_MS + (int64_t)s->index * 2 * DAY_MS + 9 * HOUR_MS;
    bool repeats = s->index >= 10 && s->index < 14;
    snprintf(title, sizeof title, repeats ? "Safety briefing" : "Meeting %u", s->index + 1);
    ml_moment_write(ms, starts);
    ml_moment_write(ms + HOUR_MS / 2, ends);
    json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:[s], s:b}",
                              "title", title, "description", "In the large room", "location",
                              "https://maps.example.com/bristol", "startDateTime", starts,
                              "endDateTime", ends, "eventSource", "internal", "going",
                              (int)(s->h % 6), "myRsvp", s->h % 2 ? "yes" : "no", "creator",
                              s->person, "tags", "briefing", "_isMeeting", s->h % 3 == 0);
    if (event && repeats &&
        (ml_set_text(event, "repeatId", "5e71e500-0000-4000-8000-000000000001") < 0 ||
         json_object_set_new(
             event, "repeatConfig",
             json_pack("{s:s, s:i}", "type", "frequency", "frequency", 172800)) < 0)) {
        json_decref(event);
        return NULL;
    }
    return event;
}

static json_t *seed_video(const struct seed *s)
{
    struct ml_seed_words words;
    ml_seed_words(s->p->seed, 300000 + s->index, &words);
    return json_pack("{s:s, s:s, s:i, s:s, s:{s:b}}", "title", words.titled, "description",
                     words.described, "source", (int)(s->h % 4) + 1, "user", s->person,
                     "_permissions", "team", 1);
}

static json_t *seed_photo(const struct seed *s)
{
    static const char *const flags[] = {"public", "friends", "onlyMe", "team"};
    char title[40];
    snprintf(title, sizeof title, "Site photo %u", s->index + 1);
    return json_pack("{s:s, s:s, s:s, s:{s:b}}", "title", title, "description", "From the site",
                     "user", s->person, "_permissions", flags[s->h % 4], 1);
}

/* A file that somebody once uploaded, for the documents. */
static json_t *seed_file(const struct seed *s)
{
    char name[40], path[80];
    snprintf(name, sizeof name, "policy-%u.pdf", s->index + 1);
    snprintf(path, sizeof path, "o-1/m-6/%s", name);
    return json_pack("{s:s, s:s, s:s, s:i, s:b, s:s}", "mime", "application/pdf", "path", path,
                     "name", name, "size", 40000 + (int)(s->h % 9000), "isDoc", 1, "owner",
                     s->person);
}

static json_t *seed_document(const struct seed *s)
{
    char name[40];
    snprintf(name, sizeof name, "Policy %u", s->index + 1);
    return json_pack("{s:s, s:b, s:s, s:s, s:[s], s:s, s:[s], s:{s:b}}", "name", name,
                     "isPublished", s->h % 4 != 0, "expiry", "2027-01-01T00:00:00.000Z", "file",
                     id_at(s->p, "files", s->index), "tags", "policy", "category", category(s),
                     "owners", s->person, "_permissions", "team", 1);
}

static json_t *seed_entry(const struct seed *s)
{
    char name[40];
    snprintf(name, sizeof name, "Entry %u", s->index + 1);
    return json_pack("{s:s, s:[s], s:[s], s:s, s:b}", "name", name, "ownerIds", s->person,
                     "tags", "howto", "category", category(s), "_published", 1);
}

/* Two questions to an entry. */
static json_t *seed_faq(const struct seed *s)
{
    char question[60];
    json_t *entries = ml_work_list(s->p, "entries")->list;
    json_t *entry = json_array_get(entries, s->index / 2);
    snprintf(question, sizeof question, "How does step %u go?", s->index + 1);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:s}", "question", question, "answer",
                     "As the form says.", "description", "", "category",
                     ml_text_of(entry, "category"), "tags", "howto", "owners",
                     json_object_get(entry, "ownerIds"), "_kbId", ml_text_of(entry, "id"));
}

static json_t *seed_category(const struct seed *s)
{
    return json_pack("{s:i, s:s, s:s}", "moduleCode",
                     modules[s->index / COUNT(categories) % COUNT(modules)].code, "category",
                     categories[s->index % COUNT(categories)], "color", "#ffaa00");
}

static json_t *seed_module(const struct seed *s)
{
    return json_pack("{s:s, s:i}", "name", modules[s->index].name, "moduleCode",
                     modules[s->index].code);
}

static json_t *seed_template(const struct seed *s)
{
    char title[40];
    snprintf(title, sizeof title, "Overdue task, level %u", s->index + 1);
    return json_pack("{s:s, s:s, s:s, s:[{s:s, s:s, s:i, s:s}]}", "title", title, "systemEvent",
                     "TASK_OVERDUE", "type", "task", "reminders", "reminderType", "email",
                     "reminderTimeUnit", "days", "reminderTime", (int)s->index + 1, "refId",
                     "1");
}

static json_t *seed_course(const struct seed *s)
{
    char title[40];
    snprintf(title, sizeof title, "Course %u", s->index + 1);
    return json_pack("{s:s, s:s, s:[s], s:i, s:i, s:s, s:s}", "title", title, "description",
                     "First week", "categories", category(s), "tasks", 4, "progress",
                     (int)(s->h % 100), "status", "published", "createdBy", s->person);
}

static json_t *seed_task(const struct seed *s)
{
    char title[40];
    bool draft = s->index % 3 == 0;
    snprintf(title, sizeof title, "Task %u", s->index + 1);
    json_t *assigned = draft ? json_array() : json_pack("[s]", s->person);
    return json_pack("{s:s, s:s, s:i, s:s, s:s, s:i, s:o, s:s}", "title", title, "description",
                     "Read it and say yes", "time", 15, "status", draft ? "draft" : "published",
                     "createdBy", id_at(s->p, "users", 0), "dueDays", 7, "assignedUserIds",
                     assigned, "_task_type", "Article");
}

static json_t *seed_chat(const struct seed *s)
{
    char title[40];
    bool room = s->index % 4 == 3;
    snprintf(title, sizeof title, "%s %u", room ? "Room" : "Crew", s->index + 1);
    const char *first = id_at(s->p, "users", 0);
    return json_pack("{s:s, s:s, s:s, s:b, s:s, s:[s, s], s:[s]}", "title", title,
                     "description", "Day to day", "type", room ? "ROOM" : "CHAT_GROUP",
                     "isPrivate", s->h % 2 == 0, "category", category(s), "participants", first,
                     s->person, "admins", first);
}

static json_t *seed_sso(const struct seed *s)
{
    return json_pack("{s:s, s:s, s:i, s:s, s:b, s:s, s:s}", "type", "QUICK_LINK", "link",
                     "https://intranet.example.com/", "order", (int)s->index + 1, "user",
                     id_at(s->p, "users", 0), "_manage", s->index == 0, "locationId",
                     s->index == 1 ? id_at(s->p, "locations", 0) : "", "departmentId",
                     s->index == 2 ? id_at(s->p, "departments", 0) : "");
}

static json_t *seed_organization(const struct seed *s)
{
    (void)s;
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "status", "ACTIVE", "subdomain", "northwind",
                     "name", "Northwind Labs", "legalName", "Northwind Labs Ltd", "authMethod",
                     "internal");
}

/* Gives the record what all have, and adds it to its list. -1: no memory. */
static int add_seeded(struct ml_practice *p, const char *list, json_t *record)
{
    char id[37], seeded[ML_MOMENT_MAX];
    struct ml_records *r = ml_work_list(p, list);
    ml_work_id(p, id);
    ml_moment_write(ML_SEED_DAY_MS - 100 * DAY_MS, seeded);
    int rc = record ? ml_set_text(record, "id", id) : -1;
    if (rc == 0 && !json_object_get(record, "_at"))
        rc = json_object_set_new(record, "_at", json_integer(ML_SEED_DAY_MS - 100 * DAY_MS));
    if (rc == 0 && ml_shape_has(r->shape, "createdAt"))
        rc = ml_set_text(record, "createdAt", seeded);
    if (rc == 0 && ml_shape_has(r->shape, "updatedAt"))
        rc = ml_set_text(record, "updatedAt", seeded);
    if (rc == 0 && ml_shape_has(r->shape, "orgId"))
        rc = ml_set_text(record, "orgId", p->work_org);
    if (rc == 0)
        return ml_records_add(r, record);
    json_decref(record);
    return -1;
}

/* Makes the heads of the departments, and puts people into the security groups. */
static int join_up(struct ml_practice *p)
{
    size_t i;
    json_t *user;
    json_array_foreach(ml_work_list(p, "users")->list, i, user)
    {
        const char *id = ml_text_of(user, "id");
        json_t *groups = ml_work_list(p, "security_groups")->list;
        json_t *group = json_array_get(groups, i == 0 ? 0 : i % 5 == 1 ? 1 : 2);
        json_t *department = json_array_get(ml_work_list(p, "departments")->list, i);
        json_t *members =
            json_object_get(group, "_members"); /* nobody twice: no need to look */
        if (json_array_append_new(members, json_string(id)) < 0 ||
            (department && ml_list_put(department, "admins", id) < 0))
            return -1;
    }
    json_array_foreach(ml_work_list(p, "security_groups")->list, i, user)
    {
        size_t n = json_array_size(json_object_get(user, "_members"));
        json_object_set_new(user, "memberCount", json_integer((json_int_t)n));
    }
    return ml_work_recount(p);
}

struct crop {
    const char *list;
    unsigned count;
    json_t *(*make)(const struct seed *s);
};

static int grow(struct ml_practice *p, const struct crop *crop)
{
    for (unsigned i = 0; i < crop->count; i++) {
        uint64_t h = ml_seed_mix(p->seed, ML_SEED_WORK, p->work.serial);
        struct seed s = {p, i, h, id_at(p, "users", h >> 32)};
        if (add_seeded(p, crop->list, crop->make(&s)) < 0)
            return -1;
    }
    return 0;
}

int ml_work_seed(struct ml_practice *p, unsigned users, unsigned posts, struct ml_err *err)
{
    static const char *const more[] = {"files", "entries", "mails", "forms", NULL};
    const struct crop crops[] = {
        {"organizations", 1, seed_organization},
        {"departments", users < DEPARTMENTS ? users : DEPARTMENTS, seed_department},
        {"locations", LOCATIONS, seed_location},
        {"security_groups", GROUPS, seed_group},
        {"users", users, seed_user},
        {"posts", posts, seed_post},
        {"news", 60, seed_news},
        {"events", 40, seed_event},
        {"videos", 25, seed_video},
        {"photos", 25, seed_photo},
        {"files", 12, seed_file},
        {"documents", 30, seed_document},
        {"entries", 12, seed_entry},
        {"faqs", 24, seed_faq},
        {"categories", 40, seed_category},
        {"module_codes", COUNT(modules), seed_module},
        {"enforcement_templates", 4, seed_template},
        {"courses", 12, seed_course},
        {"tasks", 30, seed_task},
        {"group_chats", 16, seed_chat},
        {"sso", 3, seed_sso}};
    if (ml_shelf_create(&p->work, "workdrive", more, err) < 0)
        return -1;
    ml_seed_uuid(p->seed, ML_SEED_WORK_ID, 0, p->work_org); /* the first id is taken next */
    for (size_t i = 0; i < COUNT(crops); i++)
        if (grow(p, &crops[i]) < 0)
            return ml_err_set(err, ML_MEMORY, "out of memory for practice %s", crops[i].list);
    for (int i = 0; i < 2; i++)
        snprintf(p->work_caller[i], sizeof p->work_caller[i], "%s",
                 id_at(p, "users", (uint64_t)i));
    return join_up(p) < 0 ? ml_err_set(err, ML_MEMORY, "out of memory for practice members")
                          : 0;
}
