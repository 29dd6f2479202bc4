/* SPDX-License-Identifier: MIT */
/*
 * What the files of Screendragon have in common: groups, which no call of the
 * service shows or changes, and steps that several calls take.
 *
 *     const struct ml_dragon_group *group = ml_dragon_groups;
 *     while (group->id && strcmp(group->tag, tag) != 0) group++;
 */
#ifndef ML_PRACTICE_SCREENDRAGON_H
#define ML_PRACTICE_SCREENDRAGON_H

#include "practice/server.h"

#define ML_DRAGON_FIRST_ID 301
#define ML_DRAGON_MEMBER_ID 302 /* whose token the restricted one is */

struct ml_dragon_group {
    int id; /* 0 ends */
    const char *name, *tag;
};

extern const struct ml_dragon_group ml_dragon_groups[];

/* {"name":…,"id":…}, or NULL without memory. */
json_t *ml_dragon_group_json(const struct ml_dragon_group *group);
struct ml_records *ml_dragon_users(struct ml_practice *p);
/* The 400 that may mean anything, in one of its spellings (SG-11). */
void ml_dragon_no_data(const struct ml_ask *ask, struct ml_answer *ans);
/* Carries out the removals whose date has come. */
void ml_dragon_settle(struct ml_practice *p);
void ml_dragon_write(struct ml_practice *p, json_t *user, struct ml_out *o);
/* Sets first name, last name and address, which the body has under these names; what it leaves
 * out is blanked (SG-07). -1: no memory. */
int ml_dragon_apply(json_t *user, const json_t *body, const char *const names[3]);

void ml_dragon_list(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_dragon_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_dragon_bulk_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);
void ml_dragon_bulk_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans);

#endif
