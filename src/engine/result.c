/* SPDX-License-Identifier: MIT */
/* What a run has come to: exit code, the closing JSON line, the report. */
#include <lauxlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/engine.h"
#include "journal/query.h"

/* --- the error that ended the run --- */

static bool is_error_object(lua_State *L, int idx)
{
    if (!lua_istable(L, idx) || !lua_getmetatable(L, idx))
        return false;
    luaL_getmetatable(L, ML_ERROR_TYPE);
    bool ours = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return ours;
}

/* Reads from the value on top of L what decides the exit code; anything that is not one of our
 * error objects is a programming error. */
static void classify(struct ml_engine *e, lua_State *L)
{
    e->error_kind = ML_NONE;
    e->config_error = false;
    if (is_error_object(L, -1)) {
        lua_pushliteral(L, "kind");
        if (lua_rawget(L, -2) == LUA_TSTRING)
            e->error_kind = ml_kind_parse(lua_tostring(L, -1));
        lua_pushliteral(L, "config");
        lua_rawget(L, -3);
        e->config_error = lua_toboolean(L, -1);
        lua_pop(L, 2);
    }
    e->script_error = e->error_kind == ML_NONE;
}

static void set_text(struct ml_engine *e, const char *text)
{
    ml_buf_clear(&e->error);
    if (ml_buf_adds(&e->error, text) < 0)
        ml_buf_add(&e->error, text, 1000);
    if (e->error.data)
        ml_log_redact(&e->log, e->error.data);
    e->error.len = strlen(ml_buf_str(&e->error));
}

void ml_result_text(struct ml_engine *e, enum ml_kind kind, const char *text)
{
    e->error_kind = kind;
    e->config_error = false;
    e->script_error = kind == ML_NONE;
    set_text(e, text);
}

/* Protected: arguments are the engine and the task. The error's __tostring may do anything. */
static int l_describe(lua_State *L)
{
    struct ml_engine *e = lua_touserdata(L, 1);
    struct ml_task *task = lua_touserdata(L, 2);
    ml_task_results(task, L);
    if (lua_islightuserdata(L, -1) && lua_touserdata(L, -1) == &e->bind) {
        ml_result_text(e, ML_NONE, "");
        e->script_error = false; /* raw.exit: clean */
        return 0;
    }
    classify(e, L);
    if (is_error_object(L, -1)) {
        if (luaL_getmetafield(L, -1, "__tostring") != LUA_TNIL)
            lua_pop(L, 1);
        else /* nobody has loaded moonlever.errors */
            lua_getfield(L, -1, "message");
    }
    set_text(e, task->traceback ? task->traceback : luaL_tolstring(L, -1, NULL));
    return 0;
}

void ml_result_task(struct ml_engine *e, struct ml_task *task)
{
    static const char failed[] = "the script failed, and so did the text of its error";
    lua_State *L = e->L;
    ml_result_text(e, ML_NONE, failed);
    lua_pushcfunction(L, l_describe);
    lua_pushlightuserdata(L, e);
    lua_pushlightuserdata(L, task);
    e->sched.running = L; /* a text that never ends can be interrupted */
    if (e->meter.on)
        ml_meter_enter(&e->meter);
    int status = lua_pcall(L, 2, 0, 0);
    if (e->meter.on)
        ml_meter_leave(&e->meter);
    if (status != LUA_OK) {
        if (lua_type(L, -1) == LUA_TSTRING)
            set_text(e, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    e->sched.running = NULL;
    ml_limits_spent(e);
}

/* --- exit code --- */

static uint64_t bad_changes(const struct ml_door *d)
{
    return d->counts[ML_STATE_FAILED] + d->counts[ML_STATE_CONFLICT] +
           d->counts[ML_STATE_UNKNOWN] + d->counts[ML_STATE_ACCEPTED];
}

static uint64_t good_changes(const struct ml_door *d)
{
    return d->counts[ML_STATE_CONFIRMED] + d->counts[ML_STATE_NOOP] +
           d->counts[ML_STATE_PLANNED];
}

/* A credential that opens nothing: every change there was, was forbidden. */
static bool all_forbidden(const struct ml_door *d)
{
    return d->forbidden && d->forbidden == bad_changes(d) && good_changes(d) == 0;
}

static int code_of_kind(enum ml_kind kind)
{
    switch (kind) {
    case ML_AUTH:
    case ML_FORBIDDEN:
        return 4;
    case ML_NETWORK:
    case ML_TIMEOUT:
    case ML_THROTTLED:
    case ML_REMOTE:
    case ML_DECODE:
        return 5;
    case ML_GUARD:
        return 6;
    case ML_CANCELLED:
        return 130;
    default:
        return 1;
    }
}

/* Changes whose task was cancelled before they were sent: that is no success. */
static bool is_left_over(const struct ml_door *d)
{
    return !d->dry_run && d->counts[ML_STATE_PLANNED] > 0;
}

/* An uncaught error decides, unless changes before it make the run a partial one of its own
 * kind. */
static int exit_code(const struct ml_engine *e)
{
    const struct ml_bind *b = &e->bind;
    const struct ml_door *d = &b->door;
    if (b->record.broken || b->record.locked || ml_net_outage(e->net))
        return 75;
    if (e->interrupted)
        return 130;
    if (d->tripped || e->timed_out)
        return 6;
    if (e->config_error && d->begun == 0)
        return 2;
    if (e->script_error || e->error_kind != ML_NONE)
        return code_of_kind(e->error_kind);
    if (b->exit_code > 0)
        return b->exit_code;
    if (all_forbidden(d) || d->signed_out)
        return 4;
    if (bad_changes(d) || b->item_failed)
        return 3;
    return is_left_over(d) ? 130 : 0;
}

static const char *state_of(int code, bool dry_run)
{
    if (code == 0)
        return dry_run ? "planned" : "done";
    return code == 3 ? "partial" : "stopped";
}

/* --- texts --- */

static void make_json(struct ml_engine *e)
{
    const struct ml_door *d = &e->bind.door;
    struct ml_buf *out = &e->result;
    ml_buf_clear(out);
    if (d->run_id[0])
        ml_buf_addf(out, "{\"run\":\"%s\"", d->run_id);
    else
        ml_buf_adds(out, "{\"run\":null");
    ml_buf_addf(out, ",\"state\":\"%s\",\"counts\":{", state_of(e->exit_code, d->dry_run));
    for (int s = 0; s < ML_STATES; s++)
        ml_buf_addf(out, "%s\"%s\":%llu", s ? "," : "", ml_state_name(s),
                    (unsigned long long)d->counts[s]);
    ml_buf_addf(out, "},\"exit\":%d}", e->exit_code);
}

static void add_changes(struct ml_buf *out, const struct ml_door *d)
{
    uint64_t total = 0;
    for (int s = 0; s < ML_STATES; s++)
        total += d->counts[s];
    if (!total)
        return;
    ml_buf_addf(out, "changes   %llu:", (unsigned long long)total);
    const char *comma = "";
    for (int s = 0; s < ML_STATES; s++)
        if (d->counts[s]) {
            ml_buf_addf(out, "%s %llu %s", comma, (unsigned long long)d->counts[s],
                        s == ML_STATE_NOOP ? "already so" : ml_state_name(s));
            comma = ",";
        }
    ml_buf_adds(out, d->dry_run ? " (dry run: nothing was sent)\n" : "\n");
}

static void add_plan(struct ml_buf *out, const struct ml_bind *b)
{
    if (b->log->level >= ML_LOG_INFO)
        return; /* the log has told of each */
    uint64_t planned = b->door.counts[ML_STATE_PLANNED];
    ml_buf_add(out, ml_buf_str(&b->plan), b->plan.len);
    if (b->plan_lines && planned > b->plan_lines)
        ml_buf_addf(out, "  … and %llu more (-v shows each)\n",
                    (unsigned long long)(planned - b->plan_lines));
}

static void add_items(struct ml_buf *out, const struct ml_bind *b)
{
    uint64_t total = b->item_ok + b->item_failed + b->item_skipped;
    if (total)
        ml_buf_addf(out, "items     %llu: %llu done, %llu failed, %llu skipped\n",
                    (unsigned long long)total, (unsigned long long)b->item_ok,
                    (unsigned long long)b->item_failed, (unsigned long long)b->item_skipped);
    if (b->report.len == 0)
        ml_buf_add(out, ml_buf_str(&b->failures), b->failures.len);
}

static void make_report(struct ml_engine *e)
{
    struct ml_buf *out = &e->report;
    struct ml_net_stats net;
    ml_buf_clear(out);
    ml_net_stats(e->net, &net);
    add_plan(out, &e->bind);
    ml_buf_add(out, ml_buf_str(&e->bind.report), e->bind.report.len);
    if (e->plan_changes >= 0)
        ml_buf_addf(out, "plan      %lld changes in %s\n", (long long)e->plan_changes,
                    e->plan_file);
    add_items(out, &e->bind);
    add_changes(out, &e->bind.door);
    if (net.requests)
        ml_buf_addf(out, "requests  %llu (%llu repeated) in %.1f s\n",
                    (unsigned long long)net.requests, (unsigned long long)net.retries,
                    (double)(ml_clock_us() - e->started_us) / 1e6);
    if (out->data)
        ml_log_redact(&e->log, out->data);
    out->len = strlen(ml_buf_str(out));
}

/* The counts of a run that is journalled are those of its rows: they hold what earlier
 * processes did, and what was planned and never begun. */
static void take_counts(struct ml_engine *e)
{
    struct ml_record *r = &e->bind.record;
    struct ml_door *d = &e->bind.door;
    uint64_t counts[ML_STATES] = {[ML_STATE_NOOP] = d->noops};
    struct ml_err err;
    if (!d->run_id[0] || !r->journal || r->broken ||
        (r->begun && ml_journal_flush(r->journal, &err) < 0))
        return;
    struct ml_cursor *c = ml_cursor_open(r->journal, ML_QUERY_COUNTS, d->run_id, &err);
    int got = c ? ml_cursor_next(c, &err) : -1;
    for (; got == 1; got = ml_cursor_next(c, &err)) {
        const char *name = ml_machine_name((enum ml_change_state)ml_cursor_text(c, 0, NULL)[0]);
        int state = strcmp(name, "undone") == 0 ? ML_STATE_CONFIRMED
                    : strcmp(name, "sent") == 0 ? ML_STATE_UNKNOWN
                                                : ml_state_parse(name);
        counts[state] += (uint64_t)ml_cursor_integer(c, 1);
    }
    ml_cursor_close(c);
    if (got == 0)
        memcpy(d->counts, counts, sizeof counts);
    else
        ml_log(&e->log, ML_LOG_WARN, "the counts are those of this process alone: %s",
               err.text);
}

/* Stores the end of the run; a journal that cannot take it makes it a run to be resumed. */
static void close_record(struct ml_engine *e)
{
    struct ml_record *r = &e->bind.record;
    const struct ml_door *d = &e->bind.door;
    bool begun = r->begun;
    if (ml_record_finish(r, state_of(e->exit_code, d->dry_run), e->exit_code, d->noops) == 0) {
        if (begun)
            ml_record_forget(r, e->retention);
        return;
    }
    e->exit_code = 75;
    if (!strstr(ml_buf_str(&e->error), r->why.text)) {
        ml_buf_clear(&e->error);
        ml_buf_adds(&e->error, r->why.text);
    }
}

/* Protected: writes the plan of the run. */
static int l_write_plan(lua_State *L)
{
    struct ml_engine *e = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "moonlever.plan");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "write");
    lua_pushstring(L, e->plan_file);
    lua_pushstring(L, e->bind.door.run_id);
    lua_call(L, 2, 1);
    e->plan_changes = lua_tointeger(L, -1);
    return 0;
}

/* Protected: the text of an error, which may be an object. */
static int l_text(lua_State *L)
{
    set_text(lua_touserdata(L, 2), luaL_tolstring(L, 1, NULL));
    return 0;
}

/* The plan could not be written, for the reason on top of the stack, which is popped. */
static void describe_write(struct ml_engine *e)
{
    lua_State *L = e->L;
    if (ml_limits_spent(e)) {
        lua_pop(L, 1);
        return;
    }
    set_text(e, "the plan cannot be written");
    lua_pushcfunction(L, l_text);
    lua_insert(L, -2);
    lua_pushlightuserdata(L, e);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1);
}

/* A plan is there whole or not at all: none when a guard or an error ended the planning. */
static void write_plan(struct ml_engine *e)
{
    e->plan_changes = -1;
    if (!e->plan_file || (e->exit_code != 0 && e->exit_code != 3))
        return;
    lua_pushcfunction(e->L, l_write_plan);
    lua_pushlightuserdata(e->L, e);
    e->sched.running = e->L;
    int status = lua_pcall(e->L, 1, 0, 0);
    if (status != LUA_OK)
        describe_write(e);
    e->sched.running = NULL;
    if (status != LUA_OK)
        e->exit_code = e->meter.spent ? 6 : 2;
}

/* The guard that stopped the run, for a script that caught its error. */
static const char *guard_text(const struct ml_door *d)
{
    if (d->stopped[0])
        return d->stopped;
    return d->refused[0] ? d->refused : "a guard stopped the run";
}

void ml_result_make(struct ml_engine *e)
{
    struct ml_door *d = &e->bind.door;
    /* What was let in and never ended counts as unknown: so the counts add up to the changes.
     */
    d->counts[d->dry_run ? ML_STATE_PLANNED : ML_STATE_UNKNOWN] += d->open;
    d->open = 0;
    take_counts(e);
    e->exit_code = exit_code(e);
    write_plan(e);
    close_record(e);
    if (e->exit_code == 75 && e->error.len == 0)
        ml_buf_adds(&e->error, e->bind.record.why.text);
    if (e->exit_code == 6 && e->error.len == 0)
        ml_buf_adds(&e->error, guard_text(d));
    if (e->exit_code == 130 && e->error.len == 0 && !e->interrupted)
        ml_buf_adds(&e->error, "changes were cancelled before they were sent");
    if (e->interrupted && e->error.len == 0)
        ml_buf_adds(&e->error, "interrupted");
    make_json(e);
    make_report(e);
}
