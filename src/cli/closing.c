/* SPDX-License-Identifier: MIT */
#include "cli/closing.h"

#include "cli/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT "\"exit\":"

bool ml_closing_is_dry(const struct ml_options *o)
{
    return o->command == ML_CMD_PLAN || o->count[ML_FLAG_DRY_RUN] || o->count[ML_FLAG_PLAN];
}

/* A name stands with a colon behind it among the counts only. */
uint64_t ml_closing_count(const char *result, const char *state)
{
    char name[24];
    int n = snprintf(name, sizeof name, "\"%s\":", state);
    const char *at = strstr(result, name);
    return at ? strtoull(at + n, NULL, 10) : 0;
}

uint64_t ml_closing_failed(const char *result)
{
    return ml_closing_count(result, "failed") + ml_closing_count(result, "conflict") +
           ml_closing_count(result, "unknown");
}

int ml_closing_code(const struct ml_closing *c)
{
    bool pending = c->code == ML_EXIT_DONE && c->planned > 0 && ml_closing_is_dry(c->o);
    return pending && c->o->count[ML_FLAG_EXIT_CODE] ? ML_EXIT_PENDING : c->code;
}

int ml_closing_json(const struct ml_closing *c, const char *result, struct ml_buf *out)
{
    const char *exit_at = strstr(result, EXIT);
    if (exit_at)
        return ml_buf_add(out, result, (size_t)(exit_at - result)) < 0
                   ? -1
                   : ml_buf_addf(out, EXIT "%d}\n", c->code);
    const char *quote = *c->run ? "\"" : "";
    return ml_buf_addf(out, "{\"run\":%s%s%s,\"state\":\"stopped\",\"counts\":{}," EXIT "%d}\n",
                       quote, *c->run ? c->run : "null", quote, c->code);
}

/* Without a valid token only what is still planned goes on later; what was forbidden has
 * failed. */
static bool goes_on(const struct ml_closing *c)
{
    return (c->code == ML_EXIT_DENIED && c->planned > 0) || c->code == ML_EXIT_REMOTE ||
           c->code == ML_EXIT_GUARD || c->code == ML_EXIT_LATER ||
           c->code == ML_EXIT_INTERRUPTED;
}

static int apply_line(const struct ml_closing *c, struct ml_buf *out)
{
    if (ml_buf_adds(out, "apply it with: moonlever apply ") < 0 ||
        ml_format_word(out, c->o->values[ML_FLAG_PLAN]) < 0)
        return -1;
    return ml_buf_adds(out, "\n");
}

/* An undo is not undone, and what was put back by it is not to be advertised as such. */
static bool can_be_undone(const struct ml_closing *c)
{
    return c->o->command != ML_CMD_UNDO && c->changes > 0 &&
           (c->code == ML_EXIT_DONE || c->code == ML_EXIT_PARTIAL);
}

/* What goes on needs the account, which was there for one run only. */
static int account_is_gone(struct ml_buf *out)
{
    return ml_buf_adds(out,
                       "the practice account is gone; one that stays: moonlever practice\n");
}

int ml_closing_next(const struct ml_closing *c, struct ml_buf *out)
{
    bool dry = ml_closing_is_dry(c->o), quiet = c->o->count[ML_FLAG_QUIET] > 0;
    bool well = c->code == ML_EXIT_DONE || c->code == ML_EXIT_PENDING;
    bool gone = c->o->count[ML_FLAG_PRACTICE] > 0;
    if (dry && !(c->o->count[ML_FLAG_PLAN] && well && c->planned > 0 && !quiet))
        return 0;
    if (dry)
        return gone ? account_is_gone(out) : apply_line(c, out);
    if (!*c->run)
        return 0;
    if (goes_on(c) && gone)
        return account_is_gone(out);
    if (goes_on(c))
        return ml_buf_addf(out, "resume with: moonlever resume %s\n", c->run);
    if (c->failed > 0 && !gone &&
        ml_buf_addf(out, "what failed: moonlever runs %s --failed\n", c->run) < 0)
        return -1;
    if (c->o->count[ML_FLAG_VERBOSE] && can_be_undone(c) && !gone)
        return ml_buf_addf(out, "undo with: moonlever undo %s\n", c->run);
    return 0;
}
