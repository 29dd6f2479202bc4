/* SPDX-License-Identifier: MIT */
/*
 * Requests whose change comes later: a copy waits on the thread of delay.c.
 *
 * What the client was told meanwhile (202, or nothing at all) is none of our
 * business here. One allocation holds the copy with all its texts.
 */
#include "practice/server.h"

#include <stdlib.h>
#include <string.h>

struct late {
    struct ml_wait wait; /* first: the wait that is over is the request */
    struct ml_practice *p;
    struct ml_ask ask; /* its texts stand behind the struct */
    char text[];
};

static void carry_out(struct ml_wait *wait, bool released)
{
    struct late *late = (struct late *)wait;
    if (!released)
        ml_serve_late(late->p, &late->ask);
    free(late);
}

/* Bytes that a copy of this text takes. */
static size_t room(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* Copies the text to *at and moves it on. NULL stays NULL. */
static const char *keep(char **at, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

int ml_late_keep(struct ml_practice *p, const struct ml_ask *ask)
{
    size_t size = room(ask->method) + room(ask->uri) + room(ask->type) +
                  room(ask->authorization) + room(ask->api_key) + room(ask->accept) +
                  ask->body_len + 1;
    struct late *late = calloc(1, sizeof *late + size);
    if (!late)
        return -1;
    char *at = late->text;
    late->p = p;
    late->ask = (struct ml_ask){.method = keep(&at, ask->method),
                                .uri = keep(&at, ask->uri),
                                .type = keep(&at, ask->type),
                                .authorization = keep(&at, ask->authorization),
                                .api_key = keep(&at, ask->api_key),
                                .accept = keep(&at, ask->accept),
                                .body = at,
                                .body_len = ask->body_len,
                                .too_large = ask->too_large,
                                .late = ask->n,
                                .write = ask->write,
                                .fate = {.kind = ask->fate.kind}};
    memcpy(at, ask->body, ask->body_len); /* the NUL behind comes from calloc */
    if (ml_delay_later(&p->delay, &late->wait, (int64_t)ask->fate.late_ms * 1000, carry_out) ==
        0)
        return 0;
    free(late);
    return -1;
}
