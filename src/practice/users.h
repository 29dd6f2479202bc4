/* SPDX-License-Identifier: MIT */
/*
 * The people of the practice account: one list, seen by REST (email, name,
 * role) and by SCIM (id, userName, roles).
 *
 * Invariants: ids, userNames (letters in either case) and externalIds differ
 * between users; the first user is the owner, who cannot be deleted (SD-25).
 * The caller holds the account's lock.
 *
 *     struct ml_user *user = ml_users_find(&account.users, "9042");   // or an externalId
 *     ml_users_write_scim(user, ML_ROLES_OBJECT, true, &out);
 */
#ifndef ML_PRACTICE_USERS_H
#define ML_PRACTICE_USERS_H

#include "base/err.h"
#include "practice/out.h"

struct ml_email {
    char *value; /* owned */
    char *type;  /* owned, NULL when not given */
    bool primary;
};

struct ml_user {
    char id[24];
    char *user_name; /* owned, never NULL in a list */
    char *given;     /* owned, may be NULL like the next two */
    char *family;
    char *external_id;
    struct ml_email *emails; /* owned, with their texts */
    size_t email_count;
    bool active;
    bool admin, member, editor;
    bool owner;
    bool picture;
    int64_t created_ms;
    int64_t updated_ms;
};

struct ml_users {
    struct ml_user **list;
    size_t count;
    size_t cap;
    unsigned long next_id;
};

/* How roles are written (SD-14): the service's own words allow both. */
enum ml_roles_form { ML_ROLES_ARRAY, ML_ROLES_OBJECT };

/* Seeds `count` (1..) people. */
int ml_users_create(struct ml_users *u, uint64_t seed, unsigned count, struct ml_err *err);
void ml_users_destroy(struct ml_users *u);
/* An empty user with the role defaults of SD-15, or NULL without memory; ml_user_free frees it.
 */
struct ml_user *ml_user_new(void);
void ml_user_free(struct ml_user *user);
/* Each finds one user or NULL: by id, else by externalId; by the address that REST shows; by
 * userName; by externalId. */
struct ml_user *ml_users_find(const struct ml_users *u, const char *id_or_external);
struct ml_user *ml_users_find_email(const struct ml_users *u, const char *email);
struct ml_user *ml_users_find_name(const struct ml_users *u, const char *user_name);
struct ml_user *ml_users_find_external(const struct ml_users *u, const char *external_id);
/* Adds the user under a new id and takes it over. -1: no memory, and the caller keeps it. */
int ml_users_add(struct ml_users *u, struct ml_user *user, int64_t now_ms);
/* Gives `old` everything of `fresh` but id, owner, picture and created_at, and frees fresh. */
void ml_users_replace(struct ml_user *old, struct ml_user *fresh, int64_t now_ms);
/* Removes and frees. */
void ml_users_remove(struct ml_users *u, struct ml_user *user);
/* The user as the REST API shows it. */
void ml_users_write_rest(const struct ml_user *user, struct ml_out *o);
/* The user as SCIM shows it; externalId only on single reads, for the list sample lacks it
 * (SD-17). */
void ml_users_write_scim(const struct ml_user *user, enum ml_roles_form form,
                         bool with_external, struct ml_out *o);
/* A fingerprint of all users in order, without times. */
uint64_t ml_users_hash(const struct ml_users *u);

#endif
