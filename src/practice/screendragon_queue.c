/* SPDX-License-Identifier: MIT */
/*
 * Screendragon's queued work: deletes and bulk calls are accepted first and
 * done later (SG-13), after `queue` milliseconds; `queue-drop` is the share of
 * it that is never done, of a bulk call item by item.
 *
 * The work that was put off is the request itself, carried out again by late.c.
 */
#include "practice/screendragon.h"

#include "base/clock.h"
#include "practice/moment.h"
#include "practice/seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_APART 4096 /* numbers of chance between two requests */

/* Puts the request off, if there is a queue and it does not come from there. True: it is
 * answered. */
static bool put_off(struct ml_practice *p, const struct ml_ask *ask, struct ml_answer *ans,
                    const char *answer)
{
    if (ask->late || p->faults.queue_ms == 0)
        return false;
    struct ml_ask later = *ask;
    later.fate = (struct ml_fate){.late_ms = p->faults.queue_ms};
    if (ml_late_keep(p, &later) < 0)
        ml_answer_flat(ans, 500, "The practice server is out of memory");
    else
        ml_out_text(ml_answer_json(ans, ask->route->status), answer);
    return true;
}

/* Whether this item of the request gets lost in the queue. */
static bool lost(const struct ml_practice *p, const struct ml_ask *ask, size_t item)
{
    uint64_t number = (uint64_t)(ask->late ? ask->late : ask->n) * ITEMS_APART + item;
    return ml_seed_chance(p->seed, ML_SEED_QUEUE, number) < p->faults.queue_drop;
}

/* Takes the user out, now or on the day of `at` (0: now); `heir` takes over, -1 for nobody. */
static int remove_user(json_t *user, int64_t at, long heir)
{
    if (json_object_set_new(user, "_heir", json_integer(heir)) < 0)
        return -1;
    if (at > ml_clock_wall_ms())
        return json_object_set_new(user, "_removal", json_integer(at));
    json_object_del(user, "_removal");
    return ml_set_text(user, "status", "inactive");
}

/* The query of a delete. NULL, or why it is refused. */
static const char *read_delete(struct ml_practice *p, const struct ml_ask *ask, int64_t *at,
                               long *heir)
{
    char date[60], id[24];
    int dated = ml_route_query(ask->target.query, "scheduledDate", date, sizeof date);
    int named = ml_route_query(ask->target.query, "assignUserID", id, sizeof id);
    *at = 0;
    *heir = -1;
    if (dated && (dated < 0 || ml_moment_read(date, at) < 0))
        return "scheduledDate is not valid.";
    if (named < 0 ||
        (named > 0 && strcmp(id, "-1") != 0 && !ml_records_find(ml_dragon_users(p), id)))
        return "assignUserID is not a user.";
    if (named > 0)
        *heir = strtol(id, NULL, 10);
    return NULL;
}

/* The refusals that depend on who asks for whom. True: it is answered. */
static bool refuse_delete(const struct ml_ask *ask, const json_t *user, struct ml_answer *ans)
{
    const char *id = ask->target.param[0];
    if (ask->member && strtol(id, NULL, 10) == ML_DRAGON_MEMBER_ID)
        ml_answer_flat(ans, 403, "Insufficient permissions");
    else if (ask->member)
        ml_answer_flat(ans, 401, "Unauthorized update access.");
    else if (strspn(id, "0123456789") != strlen(id))
        ml_dragon_no_data(ask, ans);
    else if (!user)
        ml_answer_flat(ans, 404, "User not found");
    else
        return false;
    return true;
}

void ml_dragon_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    int64_t at;
    long heir;
    ml_dragon_settle(p);
    json_t *user = ml_records_find(ml_dragon_users(p), ask->target.param[0]);
    if (refuse_delete(ask, user, ans))
        return;
    const char *reason = read_delete(p, ask, &at, &heir);
    if (reason) {
        ml_answer_flat(ans, 400, reason);
        return;
    }
    if (put_off(p, ask, ans, "{\"status\":\"User deactivated\"}")) /* SG-13: it says so early */
        return;
    ans->applied = !lost(p, ask, 0) && remove_user(user, at, heir) == 0;
    ml_out_text(ml_answer_json(ans, ask->route->status), "{\"status\":\"User deactivated\"}");
}

/* The body of a bulk call. NULL: it is answered. */
static json_t *read_list(const struct ml_ask *ask, struct ml_answer *ans)
{
    if (ask->member) {
        ml_answer_flat(ans, 400, "You must be an Admin to perform this action.");
        return NULL;
    }
    json_t *list = ml_body_value(ask, ans);
    if (list && json_array_size(list) > 0)
        return list;
    if (list)
        ml_dragon_no_data(ask, ans);
    json_decref(list);
    return NULL;
}

/* The user whom a number names, or NULL. */
static json_t *user_numbered(struct ml_practice *p, const json_t *number)
{
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)json_integer_value(number));
    return ml_records_find(ml_dragon_users(p), id);
}

static bool all_numbers(const json_t *list, const char *member)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!json_is_integer(member ? json_object_get(item, member) : item))
            return false;
    }
    return true;
}

static int update_item(json_t *user, const json_t *item)
{
    static const char *const names[] = {"FirstName", "LastName", "Email"};
    const char *role = json_string_value(json_object_get(item, "Role"));
    if (role && ml_set_text(user, "_role", role) < 0)
        return -1;
    return ml_dragon_apply(user, item, names);
}

/* Carries out a bulk call, item by item; users who are not there are passed over in silence. */
static void run_bulk(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans,
                     const char *member, const char *answer)
{
    size_t i;
    json_t *item, *list = read_list(ask, ans);
    if (!list)
        return;
    if (!all_numbers(list, member)) {
        ml_dragon_no_data(ask, ans);
    } else if (!put_off(p, ask, ans, answer)) {
        json_array_foreach(list, i, item)
        {
            json_t *user = user_numbered(p, member ? json_object_get(item, member) : item);
            if (user && !lost(p, ask, i) &&
                (member ? update_item(user, item) : remove_user(user, 0, -1)) == 0)
                ans->applied = true;
        }
        ml_out_text(ml_answer_json(ans, ask->route->status), answer);
    }
    json_decref(list);
}

void ml_dragon_bulk_update(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    run_bulk(p, ask, ans, "UserId",
             "{\"message\":\"The updates were accepted for processing.\"}");
}

void ml_dragon_bulk_delete(struct ml_practice *p, struct ml_ask *ask, struct ml_answer *ans)
{
    run_bulk(p, ask, ans, NULL,
             "{\"message\":\"The deletions were accepted for processing.\"}");
}
