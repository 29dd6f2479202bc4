/* SPDX-License-Identifier: MIT */
/* The public door, its second half: what a host lends to scripts, and what it is told. */
#include "engine/handle.h"

#include <string.h>

#include "base/clock.h"

#define PROGRESS_US 200000

/* --- functions --- */

int moonlever_function(moonlever *h, const char *signature, moonlever_function_fn fn, void *ud)
{
    struct ml_err err;
    if (ml_handle_busy(h))
        return MOONLEVER_EBUSY;
    if (signature && fn)
        return ml_host_add(&h->engine->bind.host, signature, fn, ud, &err) < 0
                   ? ml_handle_fail(h, &err)
                   : MOONLEVER_OK;
    ml_err_set(&err, ML_USAGE, "a function of the host needs a signature and a callback");
    return ml_handle_fail(h, &err);
}

/* Inside a callback the text of the error would take the place of the run's. */
static int answered(moonlever *h, int rc, const struct ml_err *err)
{
    if (rc == 0)
        return MOONLEVER_OK;
    if (h->engine->phase != ML_RUNNING)
        return ml_handle_fail(h, err);
    ml_log(&h->engine->log, ML_LOG_ERROR, "%s", err->text);
    return err->kind == ML_MEMORY ? MOONLEVER_ENOMEM : MOONLEVER_EUSAGE;
}

int moonlever_return(moonlever *h, uint64_t call, const char *json, size_t len)
{
    struct ml_err err;
    return answered(h, ml_host_return(&h->engine->bind.host, call, json, len, &err), &err);
}

int moonlever_raise(moonlever *h, uint64_t call, const char *kind, const char *text)
{
    struct ml_err err;
    return answered(h, ml_host_raise(&h->engine->bind.host, call, kind, text ? text : "", &err),
                    &err);
}

void moonlever_on_credential(moonlever *h, moonlever_credential_fn fn, void *ud)
{
    h->engine->bind.host.credential = fn;
    h->engine->bind.host.credential_ud = ud;
}

/* --- events --- */

void moonlever_on_event(moonlever *h, moonlever_event_fn fn, void *ud)
{
    h->engine->bind.host.event = fn;
    h->engine->bind.host.event_ud = ud;
}

static int add_number(struct ml_buf *out, const char *name, uint64_t value)
{
    return ml_buf_addf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static int add_status(struct ml_buf *out, const struct moonlever_status *s)
{
    return add_number(out, "requests", s->requests) < 0 ||
                   add_number(out, "retries", s->retries) < 0 ||
                   add_number(out, "in_flight", s->in_flight) < 0 ||
                   add_number(out, "queued", s->queued) < 0 ||
                   add_number(out, "items_done", s->items_done) < 0 ||
                   add_number(out, "items_total", s->items_total) < 0 ||
                   add_number(out, "changes_done", s->changes_done) < 0 ||
                   add_number(out, "changes_failed", s->changes_failed) < 0 ||
                   add_number(out, "changes_total", s->changes_total) < 0 ||
                   add_number(out, "pause_ms", (uint64_t)(s->pause_us / 1000)) < 0 ||
                   add_number(out, "pause_status", (uint64_t)s->pause_status) < 0
               ? -1
               : 0;
}

static bool moved(const struct moonlever_status *a, const struct moonlever_status *b)
{
    return a->requests != b->requests || a->items_done != b->items_done ||
           a->changes_done != b->changes_done || a->changes_total != b->changes_total ||
           a->upload_done != b->upload_done || a->pause_status != b->pause_status;
}

void ml_handle_progress(moonlever *h)
{
    struct ml_host *host = &h->engine->bind.host;
    struct moonlever_status now = {.size = sizeof now};
    bool ended = h->engine->phase != ML_RUNNING;
    int64_t at = host->event ? ml_clock_us() : 0;
    if (!host->event || (!ended && at - h->told_us < PROGRESS_US))
        return;
    (void)moonlever_status(h, &now); /* the size is right: it cannot fail */
    if (!moved(&now, &h->told))
        return;
    h->told = now;
    h->told_us = at;
    ml_buf_clear(&host->text);
    if (ml_buf_adds(&host->text, "{\"event\":\"progress\"") == 0 &&
        add_status(&host->text, &now) == 0 && ml_buf_adds(&host->text, "}") == 0)
        host->event(host->event_ud, host->text.data, host->text.len);
    else
        ml_log(&h->engine->log, ML_LOG_WARN, "an event was lost: out of memory");
}

/* --- codes --- */

const char *moonlever_strerror(int code)
{
    static const char *const texts[] = {
        "done",
        "wrong use: key, value, file or script",
        "out of memory",
        "the system refused something",
        "a run is under way, or called from a callback",
        "another process is at work on this plan",
    };
    return code <= 0 && code > -(int)(sizeof texts / sizeof *texts) ? texts[-code]
                                                                    : "no code of moonlever.h";
}
