/* SPDX-License-Identifier: MIT */
/*
 * One queued write: a copy of what the owner said, in one piece of memory.
 *
 * Made by the owner, freed by the journal's thread. The texts stand behind the
 * struct, and the pointers in it point there.
 *
 *     struct ml_command *c = ml_command_plan(id, change);
 *     ...
 *     free(c);
 */
#ifndef ML_JOURNAL_COMMAND_H
#define ML_JOURNAL_COMMAND_H

#include <stdint.h>

#include "journal/journal.h"

enum ml_command_kind {
    ML_COMMAND_PLAN,
    ML_COMMAND_NAME,
    ML_COMMAND_SEND,
    ML_COMMAND_NOTE,
    ML_COMMAND_MOVE
};

struct ml_command {
    struct ml_command *next;
    uint64_t no; /* place in the queue: 1, 2, ... = its ticket */
    enum ml_command_kind kind;
    int64_t id; /* of the change: run << 32 | seq */
    unsigned n; /* of the attempt: send, note */
    union {
        struct ml_journal_change change; /* plan, name */
        struct {
            struct ml_journal_attempt attempt; /* note; of a send only `at` */
            struct ml_journal_end end;         /* move; note, where it has a state */
        };
    } u;
};

/* All: NULL when memory is out or the texts are longer than SQLite takes. */
struct ml_command *ml_command_plan(int64_t id, const struct ml_journal_change *change);
struct ml_command *ml_command_name(int64_t id, const struct ml_journal_change *change);
struct ml_command *ml_command_send(int64_t id, unsigned n, int64_t at);
struct ml_command *ml_command_note(int64_t id, unsigned n,
                                   const struct ml_journal_attempt *attempt,
                                   const struct ml_journal_end *end);
struct ml_command *ml_command_move(int64_t id, const struct ml_journal_end *end);

#endif
