/* SPDX-License-Identifier: MIT */
/*
 * One string an event: pairs of letters, from and to. '-' stands for a change
 * that is not there yet; AA and UU are what stays for want of news.
 */
#include "journal/machine.h"

#include <stddef.h>
#include <string.h>

static const char *const edges[ML_EVENTS] = {
    [ML_EVENT_PLAN] = "-P",        [ML_EVENT_SEND] = "PS",
    [ML_EVENT_NOTHING] = "SPAPUP", [ML_EVENT_CONFIRM] = "SCACUC",
    [ML_EVENT_FAIL] = "PFSFAFUF",  [ML_EVENT_CONFLICT] = "PKSKAKUK",
    [ML_EVENT_ACCEPT] = "SAAA",    [ML_EVENT_DOUBT] = "SUAUUU",
    [ML_EVENT_ALREADY] = "PN",     [ML_EVENT_UNDO] = "CV",
};

static const struct {
    enum ml_change_state state;
    int ended;
    const char *name;
} states[] = {
    {ML_CHANGE_PLANNED, 0, "planned"},     {ML_CHANGE_SENT, 0, "sent"},
    {ML_CHANGE_ACCEPTED, 0, "accepted"},   {ML_CHANGE_UNKNOWN, 0, "unknown"},
    {ML_CHANGE_CONFIRMED, 1, "confirmed"}, {ML_CHANGE_FAILED, 1, "failed"},
    {ML_CHANGE_CONFLICT, 1, "conflict"},   {ML_CHANGE_NOOP, 1, "noop"},
    {ML_CHANGE_UNDONE, 1, "undone"},
};
#define STATES (sizeof states / sizeof states[0])

int ml_machine_next(enum ml_change_state state, enum ml_event event)
{
    if (event >= ML_EVENTS)
        return -1;
    char from = state == ML_CHANGE_NONE ? '-' : (char)state;
    for (const char *edge = edges[event]; *edge; edge += 2)
        if (edge[0] == from)
            return edge[1];
    return -1;
}

int ml_machine_ended(enum ml_change_state state)
{
    for (size_t i = 0; i < STATES; i++)
        if (states[i].state == state)
            return states[i].ended;
    return 0;
}

const char *ml_machine_name(enum ml_change_state state)
{
    for (size_t i = 0; i < STATES; i++)
        if (states[i].state == state)
            return states[i].name;
    return NULL;
}

enum ml_change_state ml_machine_parse(const char *name)
{
    for (size_t i = 0; i < STATES; i++)
        if (strcmp(states[i].name, name) == 0)
            return states[i].state;
    return ML_CHANGE_NONE;
}
