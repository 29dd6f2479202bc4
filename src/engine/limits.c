/* SPDX-License-Identifier: MIT */
/* What a run may use: the host's settings, and what holds where it has said nothing. */
#include "engine/engine.h"

/* Of confined scripts. */
#define INSTRUCTIONS 5000000000u
#define TIME_US 60000000
#define MEMORY ((size_t)256 << 20)
#define OUTPUT ((uint64_t)64 << 20)

/* Of one answer: what is decoded takes some times as much. */
static size_t body_max(size_t memory_max)
{
    struct ml_net_conf usual;
    ml_net_defaults(&usual);
    return memory_max && memory_max / 4 < usual.max_body ? memory_max / 4 : usual.max_body;
}

void ml_limits_begin(struct ml_engine *e)
{
    const struct ml_limits *l = &e->limits;
    struct ml_meter *m = &e->meter;
    m->instructions_max = l->instructions_set ? l->instructions : l->confine ? INSTRUCTIONS : 0;
    m->time_max_us = l->time_set ? l->time_us : l->confine ? TIME_US : 0;
    m->memory_max = l->memory_set ? l->memory : l->confine ? MEMORY : 0;
    m->output_max = l->output_set ? l->output : l->confine ? OUTPUT : 0;
    ml_meter_begin(m, &e->pool);
    m->cancel = &e->cancel;
    e->net_conf.max_body = body_max(m->memory_max);
    e->bind.reach.confined = l->confine;
    e->bind.reach.files = l->files_set ? l->files : !l->confine;
}

bool ml_limits_spent(struct ml_engine *e)
{
    char text[200];
    if (!e->meter.spent)
        return false;
    ml_meter_text(&e->meter, text, sizeof text);
    ml_result_text(e, ML_GUARD, text);
    ml_door_stop(&e->bind.door, text);
    ml_door_trip(&e->bind.door, text);
    return true;
}
