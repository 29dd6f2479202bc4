/* SPDX-License-Identifier: MIT */
/*
 * WorkDrive: what its files have in common.
 *
 * Creates, updates and deletes of all resources go the same way (workdrive.c):
 * the catalogue says which members a body has and where the record keeps them.
 * What a resource has of its own is a rule: a check before and a step after.
 *
 * Invariants: a person's department and location stand with the person;
 * the lists and counts of members follow from them (ml_work_recount). Heads
 * stand with their department, which has at least one.
 *
 *     {"workdrive.tasks.update", refuse_published, NULL},
 */
#ifndef ML_PRACTICE_WORKDRIVE_H
#define ML_PRACTICE_WORKDRIVE_H

#include "practice/server.h"

#define ML_WORK_TEXT 200 /* bytes of a query parameter or a refusal */

struct ml_work_rule {
    const char *operation; /* NULL ends a table */
    /* Why it is refused (400), or NULL. record: the one that is changed, NULL for a create. */
    const char *(*check)(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                         json_t *body);
    /* What else changes, once the members of the body are in the record and it is in its list,
     * but for a delete, which took it out. -1: no memory. */
    int (*after)(struct ml_practice *p, const struct ml_ask *ask, json_t *record, json_t *body);
};

extern const struct ml_work_rule ml_work_people_rules[];
extern const struct ml_work_rule ml_work_content_rules[];
extern const struct ml_work_rule ml_work_task_rules[];

struct ml_records *ml_work_list(struct ml_practice *p, const char *name);
/* The id of the person who asks: the first, with the restricted key the second. */
const char *ml_work_caller(struct ml_practice *p, const struct ml_ask *ask);
/* A new id. */
void ml_work_id(struct ml_practice *p, char out[37]);
/* A record with id, times and the caller where the shape has a place for him; NULL: no memory.
 */
json_t *ml_work_fresh(struct ml_practice *p, const struct ml_ask *ask,
                      const struct ml_shape *shape);
/* Puts the members of the body where the record keeps them. -1: no memory. */
int ml_work_take(const struct ml_route *route, json_t *record, json_t *body);
/* Answers with the record, with the body, or with nothing, as the route has it. */
void ml_work_answer(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                    json_t *body, struct ml_answer *ans);
void ml_work_no_memory(struct ml_answer *ans);
/* Whether the text is the id of a person. */
bool ml_work_is_user(struct ml_practice *p, const char *id);
/* The id of an item of a list of ids or of objects with ids; "" when it has none. */
const char *ml_work_item_id(const json_t *item);
/* Fills in members, memberCount and departmentHeads of departments and locations. */
int ml_work_recount(struct ml_practice *p);
/* Adds a record to a list that tests read, such as mails; takes it over. */
int ml_work_note(struct ml_practice *p, const char *list, json_t *note);
/* The checks of a write: types, permissions, people, and the rule of the operation. Why it is
 * refused (maybe in text), or NULL. */
const char *ml_work_unfit(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                          json_t *body, char text[ML_WORK_TEXT]);
/* The rule's step after a write. -1: no memory. */
int ml_work_finish(struct ml_practice *p, const struct ml_ask *ask, json_t *record,
                   json_t *body);
/* Counts the printed form that is never to be sent, and answers 400. */
void ml_work_printed(struct ml_practice *p, struct ml_answer *ans, const char *form);
/* Whether this request is such a form by its method and path alone; answered when it is. */
bool ml_work_refuse_printed(struct ml_practice *p, const struct ml_ask *ask,
                            struct ml_answer *ans);

/* Calls, one or more operations each. */
void ml_work_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_pages(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_walk(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_whole(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_supervisors(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_members(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_bulk_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_bulk_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_group_members(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_organizations_create(struct ml_practice *p, struct ml_ask *ask,
                                  struct ml_answer *ans);
void ml_work_tokens_generate(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_media_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_faqs_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_faqs_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_faqs_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_chats_create(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_chats_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_messages_send(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_work_notify(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);

#endif
