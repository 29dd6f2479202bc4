/* SPDX-License-Identifier: MIT */
/*
 * What a host hears of the changes of a run, a JSON line each:
 *
 *     {"event":"change","seq":3,"operation":"screendesk.recordings.update",
 *      "target":"9f1c...","state":"failed","kind":"forbidden","reason":"..."}
 *
 * Only a host that listens costs anything.
 */
#include <stdlib.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/json.h"

#define ABOUT_MAX 4096

static int add_member(struct ml_buf *out, const char *name, const char *text)
{
    if (!text)
        return 0;
    return ml_buf_addf(out, ",\"%s\":", name) < 0 ? -1 : ml_json_quote(out, text);
}

char *ml_event_about(const struct ml_bind *b, const char *operation, const char *target)
{
    struct ml_buf about;
    if (!b->host.event)
        return NULL;
    ml_buf_create(&about, ABOUT_MAX);
    if (add_member(&about, "operation", operation) < 0 ||
        add_member(&about, "target", target) < 0) {
        ml_buf_destroy(&about);
        ml_log(b->log, ML_LOG_WARN, "an event tells no target: it is too long, or no memory");
    }
    return about.data;
}

static void tell(struct ml_bind *b)
{
    struct ml_buf *out = &b->host.text;
    ml_log_redact(b->log, out->data);
    b->host.event(b->host.event_ud, out->data, strlen(out->data));
}

void ml_event_change(struct ml_bind *b, const char *about, uint64_t seq, enum ml_state state,
                     const char *kind, const char *reason)
{
    struct ml_buf *out = &b->host.text;
    if (!b->host.event)
        return;
    ml_buf_clear(out);
    int rc = ml_buf_adds(out, "{\"event\":\"change\"");
    if (rc == 0 && seq)
        rc = ml_buf_addf(out, ",\"seq\":%llu", (unsigned long long)seq);
    if (rc == 0)
        rc = ml_buf_addf(out, "%s,\"state\":\"%s\"", about ? about : "", ml_state_name(state));
    if (rc == 0 && kind && strcmp(kind, "none") != 0)
        rc = add_member(out, "kind", kind);
    if (rc == 0)
        rc = add_member(out, "reason", reason);
    if (rc == 0 && ml_buf_adds(out, "}") == 0)
        tell(b);
    else
        ml_log(b->log, ML_LOG_WARN, "an event was lost: it is too long, or no memory");
}
