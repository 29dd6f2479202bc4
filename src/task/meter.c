/* SPDX-License-Identifier: MIT */
#include "task/meter.h"

#include <lauxlib.h>
#include <stdio.h>

#include "base/clock.h"
#include "task/private.h"

#define SLICE_US 20000           /* that a task may run at a stretch */
#define GRACE 2000000            /* instructions for settling writes when it is spent */
#define RESERVE (512 * 1024)     /* bytes beyond the limit, to tell that it was reached */
#define DEBT (1024 * 1024)       /* bytes that are asked for between two charges ... */
#define BYTES_A_CHARGE 64        /* ... each of so many */
#define C_STACK_MAX (200 * 1024) /* bytes of C stack below which coroutines may be closed */

void ml_meter_begin(struct ml_meter *m, struct ml_pool *pool)
{
    *m = (struct ml_meter){.instructions_max = m->instructions_max,
                           .time_max_us = m->time_max_us,
                           .memory_max = m->memory_max,
                           .output_max = m->output_max,
                           .grace = GRACE,
                           .step_cpu_us = -1,
                           .pool = pool};
    m->on = m->instructions_max || m->time_max_us || m->memory_max || m->output_max;
}

struct ml_meter *ml_meter_of(lua_State *L)
{
    struct ml_sched *s = ml_sched_of(L);
    return s ? s->meter : NULL;
}

const char *ml_meter_text(const struct ml_meter *m, char *text, size_t size)
{
    switch (m->spent) {
    case ML_SPENT_TIME:
        snprintf(text, size, "stopped: the script has used its %.15g s of processor time (%s)",
                 (double)m->time_max_us / 1e6, "script_time_max");
        break;
    case ML_SPENT_MEMORY:
        snprintf(text, size,
                 "stopped: not enough memory: the script may use %llu bytes (memory_max)",
                 (unsigned long long)m->memory_max);
        break;
    case ML_SPENT_OUTPUT:
        snprintf(text, size, "stopped: the script may print and log %llu bytes (output_max)",
                 (unsigned long long)m->output_max);
        break;
    default:
        snprintf(text, size,
                 "stopped: the script has used its %llu instructions (instructions_max)",
                 (unsigned long long)m->instructions_max);
    }
    return text;
}

void ml_meter_spend(struct ml_meter *m, enum ml_spent what)
{
    if (m->spent)
        return;
    m->spent = what;
    if (m->pool->cap)
        m->pool->cap += RESERVE;
}

/* --- time --- */

static int64_t time_used(const struct ml_meter *m)
{
    int64_t now = m->step_cpu_us >= 0 ? ml_clock_cpu_us() - m->step_cpu_us : 0;
    return m->time_us + now;
}

/* The clock on the wall is cheap and never behind: the processor's is read when by that one
 * the time may be over. */
static void look_at_clock(struct ml_meter *m)
{
    if (!m->time_max_us || m->step_cpu_us < 0 || ml_clock_us() < m->look_us)
        return;
    int64_t limit = m->spent ? m->time_max_us + m->time_max_us / 5 : m->time_max_us;
    int64_t left = limit - time_used(m);
    m->look_us = ml_clock_us() + left;
    if (left > 0)
        return;
    if (m->spent)
        m->grace = 0;
    ml_meter_spend(m, ML_SPENT_TIME);
}

void ml_meter_enter(struct ml_meter *m)
{
    m->step_cpu_us = ml_clock_cpu_us();
    m->step_us = ml_clock_us();
    m->look_us = ml_clock_us() + m->time_max_us - m->time_us;
    m->stack = __builtin_frame_address(0);
}

void ml_meter_leave(struct ml_meter *m)
{
    m->time_us = time_used(m);
    m->step_cpu_us = -1;
    m->raised = false;
    if (m->refused)
        ml_meter_spend(m, ML_SPENT_MEMORY);
}

/* --- counting --- */

/* What is spent counts no more: what follows is its end. */
static void add(struct ml_meter *m, uint64_t n)
{
    if (!m->spent)
        m->used += n < UINT64_MAX - m->used ? n : UINT64_MAX - m->used;
}

static void count(struct ml_meter *m, uint64_t n)
{
    uint64_t most = m->instructions_max;
    add(m, most && n > most ? most + 1 : n); /* too much at once is not begun */
    if (m->instructions_max && m->used > m->instructions_max)
        ml_meter_spend(m, ML_SPENT_INSTRUCTIONS);
    look_at_clock(m);
}

bool ml_meter_take(struct ml_meter *m, uint64_t n)
{
    count(m, n);
    return !m->spent;
}

/* Whoever settles a write may go on for a while. */
static bool has_grace(struct ml_meter *m)
{
    const struct ml_task *task = m->sched->current;
    if (!task || !task->shield || m->grace == 0)
        return false;
    m->grace -= m->grace < ML_METER_TICK ? m->grace : ML_METER_TICK;
    return true;
}

bool ml_meter_is_over(const struct ml_meter *m)
{
    const struct ml_task *task = m->sched->current;
    return m->spent && !(task && task->shield && m->grace);
}

/* Ends the thread. It yields, and is never resumed: an error would come by every pcall that the
 * script has nested, each of which costs time of its own. */
static int end_thread(lua_State *L, struct ml_meter *m)
{
    char text[200];
    if (lua_isyieldable(L))
        return lua_yield(L, 0);
    return m->sched->raise(L, "guard", ml_meter_text(m, text, sizeof text));
}

void ml_meter_check(lua_State *L)
{
    struct ml_meter *m = ml_meter_of(L);
    if (!m)
        return;
    m->raised = false;
    if (m->spent && !has_grace(m))
        end_thread(L, m);
}

void ml_meter_charge(lua_State *L, uint64_t n)
{
    struct ml_meter *m = ml_meter_of(L);
    if (!m)
        return;
    count(m, n);
    if (m->spent && !has_grace(m))
        end_thread(L, m);
}

void ml_meter_output(lua_State *L, size_t bytes)
{
    struct ml_meter *m = ml_meter_of(L);
    if (!m || !m->output_max)
        return;
    m->output += bytes;
    if (m->output > m->output_max)
        ml_meter_spend(m, ML_SPENT_OUTPUT);
    ml_meter_check(L);
}

void ml_meter_stack(lua_State *L)
{
    struct ml_meter *m = ml_meter_of(L);
    char *here = __builtin_frame_address(0);
    if (m && m->stack && m->stack - here > C_STACK_MAX)
        luaL_error(L, "C stack overflow: too many coroutines are closed within each other");
}

/* --- memory --- */

static void on_tick(lua_State *L, lua_Debug *ar);

/* lua_sethook walks through all calls of the thread: not when nothing changes. */
static void set_count(lua_State *L, int instructions)
{
    if (lua_gethookcount(L) != instructions || lua_gethook(L) != on_tick)
        lua_sethook(L, on_tick, LUA_MASKCOUNT, instructions);
}

/* The next instruction of the running thread is a tick. */
static void tick_soon(const struct ml_meter *m)
{
    lua_State *co = m->sched ? m->sched->running : NULL;
    if (co)
        set_count(co, 1);
}

/* Whatever copies bytes needs memory for them: so what it asks for is what it works. */
static void charge_bytes(struct ml_meter *m, size_t bytes)
{
    m->debt += bytes;
    if (m->debt < DEBT)
        return;
    add(m, m->debt / BYTES_A_CHARGE);
    m->debt = 0;
    tick_soon(m);
}

/* Refused, Lua collects garbage, which looks at all that there is, and asks for the same again.
 * Refused once more, or going on with something else, it has raised an error. */
void ml_meter_memory(struct ml_meter *m, const struct ml_request *request, bool had)
{
    bool again = m->refused && request->ptr == m->request.ptr &&
                 request->osize == m->request.osize && request->nsize == m->request.nsize;
    if (m->refused && !(again && had))
        ml_meter_spend(m, ML_SPENT_MEMORY);
    m->refused = !had && !again;
    m->request = *request;
    if (had) {
        charge_bytes(m, request->nsize - (request->ptr ? request->osize : 0));
        return;
    }
    add(m, m->pool->used / BYTES_A_CHARGE);
    tick_soon(m);
}

void ml_meter_hold(struct ml_meter *m, size_t bytes)
{
    if (!m)
        return;
    m->outside += bytes;
    if (m->memory_max &&
        (m->outside > m->memory_max || m->pool->used > m->memory_max - m->outside))
        ml_meter_spend(m, ML_SPENT_MEMORY);
}

void ml_meter_let_go(struct ml_meter *m, size_t bytes)
{
    if (m)
        m->outside -= bytes;
}

/* Buffers of the standard library grow without a collection when memory is refused: so there
 * has to be room for them. */
static void make_room(lua_State *L, struct ml_meter *m)
{
    const struct ml_pool *pool = m->pool;
    if (!m->memory_max || pool->used < m->memory_max / 4 * 3 ||
        pool->used < m->collected + m->memory_max / 8)
        return;
    add(m, pool->used / BYTES_A_CHARGE);
    lua_gc(L, LUA_GCCOLLECT);
    m->collected = pool->used;
}

/* --- the hook --- */

/* Has the task had its share of this turn? It goes on in the next: who turns the world is not
 * kept waiting. Not in a coroutine of the script's, which would take the yield for its own. */
static bool is_long(lua_State *L, struct ml_meter *m)
{
    const struct ml_sched *s = m->sched;
    bool may = s->depth == 0 && s->current && s->current->co == L && lua_isyieldable(L);
    if (!may || s->stopping || ml_clock_us() - m->step_us < SLICE_US)
        return false;
    m->sliced = true;
    return true;
}

static void on_tick(lua_State *L, lua_Debug *ar)
{
    struct ml_meter *m = ml_meter_of(L);
    (void)ar;
    m->raised = false;
    if (m->refused)
        ml_meter_spend(m, ML_SPENT_MEMORY);
    count(m, m->spent ? 1 : ML_METER_TICK);
    bool over = m->spent && !has_grace(m);
    set_count(L, over ? 1 : ML_METER_TICK);
    if (!over)
        make_room(L, m);
    m->raised = true; /* if anything is */
    if (over)
        end_thread(L, m); /* comes back when it yields: that happens when the hook returns */
    else
        ml_sched_tick(L, m->sched, ML_METER_TICK);
    m->raised = false;
    if (!over && is_long(L, m))
        lua_yield(L, 0);
}

void ml_meter_attach(struct ml_meter *m, struct ml_sched *s)
{
    m->sched = s;
    s->meter = m;
    m->pool->cap = m->memory_max;
    lua_sethook(s->L, on_tick, LUA_MASKCOUNT, ML_METER_TICK);
}

/* --- functions that catch errors --- */

static int protected_done(lua_State *L, int status, lua_KContext skip)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)skip;
    ml_meter_check(L);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, -2);
    return 2;
}

static int l_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, protected_done);
    return protected_done(L, status, 0);
}

/* The script's message handler is the upvalue. */
static int l_handler(lua_State *L)
{
    struct ml_meter *m = ml_meter_of(L);
    if (m->raised || m->spent)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int l_xpcall(lua_State *L)
{
    int n = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, l_handler, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, protected_done);
    return protected_done(L, status, 2);
}

static int l_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    ml_meter_charge(L, ML_METER_TICK);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

/* Is it suspended, or at its end? The running one and those that wait for it are not. */
static bool is_closable(lua_State *L, lua_State *co)
{
    lua_Debug ar;
    int status = lua_status(co);
    return L != co && (status != LUA_OK || !lua_getstack(co, 0, &ar));
}

static int l_close(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    if (!is_closable(L, co))
        return luaL_error(L, "cannot close a running coroutine");
    ml_meter_stack(L);
    ml_meter_charge(L, 1);
    int status = lua_resetthread(co);
    lua_pushboolean(L, status == LUA_OK);
    if (status == LUA_OK)
        return 1;
    ml_meter_check(L);
    lua_xmove(co, L, 1);
    return 2;
}

void ml_meter_open(lua_State *L)
{
    static const luaL_Reg base[] = {{"pcall", l_pcall}, {"xpcall", l_xpcall}, {NULL, NULL}};
    static const luaL_Reg coroutine[] = {
        {"create", l_create}, {"close", l_close}, {NULL, NULL}};
    lua_pushglobaltable(L);
    luaL_setfuncs(L, base, 0);
    lua_getfield(L, -1, "coroutine");
    luaL_setfuncs(L, coroutine, 0);
    lua_pop(L, 2);
}
