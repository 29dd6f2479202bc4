/* SPDX-License-Identifier: MIT */
#include "journal/command.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* SQLite's own ceiling of a row is 1,000,000,000 bytes. */
#define LONGEST 900000000u
#define TEXTS 14

/* Where the texts of a kind are in struct ml_command; 0 ends the list. */
#define CHANGE(member) offsetof(struct ml_command, u.change.member)
static const size_t plan_texts[] = {CHANGE(rkey),      CHANGE(service),  CHANGE(origin),
                                    CHANGE(operation), CHANGE(resource), CHANGE(target),
                                    CHANGE(method),    CHANGE(path),     CHANGE(effect),
                                    CHANGE(before),    CHANGE(after),    0};
static const size_t note_texts[] = {
    offsetof(struct ml_command, u.attempt.error), offsetof(struct ml_command, u.end.reason),
    offsetof(struct ml_command, u.end.kind), offsetof(struct ml_command, u.end.after), 0};
static const size_t move_texts[] = {offsetof(struct ml_command, u.end.reason),
                                    offsetof(struct ml_command, u.end.kind),
                                    offsetof(struct ml_command, u.end.after), 0};
static const size_t no_texts[] = {0};

static const char **text_of(const struct ml_command *c, size_t offset)
{
    return (const char **)((const char *)c + offset);
}

/* A copy of `c` with copies of its texts, and of `len` bytes of body. */
static struct ml_command *pack(const struct ml_command *c, const size_t *texts,
                               const void *body, size_t len)
{
    size_t lens[TEXTS], size = sizeof *c;
    for (size_t i = 0; texts[i]; i++) {
        const char *text = *text_of(c, texts[i]);
        lens[i] = text ? strlen(text) + 1 : 0;
        size += lens[i];
    }
    if (len > LONGEST || size + len > LONGEST)
        return NULL;
    struct ml_command *copy = malloc(size + len);
    if (!copy)
        return NULL;
    *copy = *c;
    char *at = (char *)(copy + 1);
    for (size_t i = 0; texts[i]; i++) {
        if (lens[i])
            *text_of(copy, texts[i]) = memcpy(at, *text_of(c, texts[i]), lens[i]);
        at += lens[i];
    }
    if (body)
        copy->u.change.body = memcpy(at, body, len);
    return copy;
}

struct ml_command *ml_command_plan(int64_t id, const struct ml_journal_change *change)
{
    struct ml_command c = {.kind = ML_COMMAND_PLAN, .id = id, .u.change = *change};
    return pack(&c, plan_texts, change->body, change->body ? change->body_len : 0);
}

struct ml_command *ml_command_name(int64_t id, const struct ml_journal_change *change)
{
    struct ml_command c = {.kind = ML_COMMAND_NAME, .id = id, .u.change = *change};
    return pack(&c, plan_texts, NULL, 0);
}

struct ml_command *ml_command_send(int64_t id, unsigned n, int64_t at)
{
    struct ml_command c = {.kind = ML_COMMAND_SEND, .id = id, .n = n, .u.attempt.at = at};
    return pack(&c, no_texts, NULL, 0);
}

struct ml_command *ml_command_note(int64_t id, unsigned n,
                                   const struct ml_journal_attempt *attempt,
                                   const struct ml_journal_end *end)
{
    struct ml_command c = {.kind = ML_COMMAND_NOTE, .id = id, .n = n, .u.attempt = *attempt};
    if (end)
        c.u.end = *end;
    return pack(&c, note_texts, NULL, 0);
}

struct ml_command *ml_command_move(int64_t id, const struct ml_journal_end *end)
{
    struct ml_command c = {.kind = ML_COMMAND_MOVE, .id = id, .u.end = *end};
    return pack(&c, move_texts, NULL, 0);
}
