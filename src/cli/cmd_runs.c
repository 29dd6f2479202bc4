/* SPDX-License-Identifier: MIT */
/*
 * `moonlever runs` and `moonlever show`: the flags, passed on to the tools that
 * read the journal and plans.
 */
#include "cli/cmd.h"
#include "cli/tool.h"

#define WORDS_MAX 16

struct words {
    const char *argv[WORDS_MAX];
    int argc;
};

static void add(struct words *w, const char *word)
{
    w->argv[w->argc++] = word;
}

static void add_switch(struct words *w, const struct ml_options *o, enum ml_flag flag,
                       const char *word)
{
    if (o->count[flag])
        add(w, word);
}

static void add_value(struct words *w, const struct ml_options *o, enum ml_flag flag,
                      const char *word)
{
    if (!o->count[flag])
        return;
    add(w, word);
    add(w, o->values[flag]);
}

/* What the command was given stands behind --, whatever it looks like. */
static void add_operand(struct words *w, const struct ml_options *o)
{
    if (!o->operand)
        return;
    add(w, "--");
    add(w, o->operand);
}

int ml_cmd_runs(const struct ml_options *o, struct ml_term *t)
{
    struct words w = {.argc = 0};
    add_switch(&w, o, ML_FLAG_FAILED, "--failed");
    add_switch(&w, o, ML_FLAG_JSON, "--json");
    add_switch(&w, o, ML_FLAG_CSV, "--csv");
    add_value(&w, o, ML_FLAG_HTML, "--html");
    add_switch(&w, o, ML_FLAG_ALL, "--all");
    add_switch(&w, o, ML_FLAG_PURGE, "--purge");
    add_value(&w, o, ML_FLAG_KEEP, "--keep");
    add_operand(&w, o);
    return ml_tool(o, t, "runs", w.argc, w.argv);
}

int ml_cmd_show(const struct ml_options *o, struct ml_term *t)
{
    struct words w = {.argc = 0};
    add_switch(&w, o, ML_FLAG_JSON, "--json");
    add_switch(&w, o, ML_FLAG_ALL, "--all");
    add_value(&w, o, ML_FLAG_RATE, "--rate");
    add_operand(&w, o);
    return ml_tool(o, t, "show", w.argc, w.argv);
}
