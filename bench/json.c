/* SPDX-License-Identifier: MIT */
/*
 * How fast is a page decoded? Our decoder against lua-cjson on the same text:
 * one page of 100 recordings as Screendesk sends them. Both with the system's
 * allocator and with the pool, so that each effect is seen by itself.
 *
 *     json [seconds for each of the measurements, default 0.5]
 *
 * Prints one line a measurement and the ratios of the medians; exits with 1
 * when our decoder is not at least twice as fast as lua-cjson.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/pool.h"
#include "bind/json.h"

int luaopen_cjson(lua_State *L);

enum { RECORDS = 100, RUNS = 25 };

/* ---- the page ---- */

static void add_uuid(struct ml_buf *b, uint64_t *seed)
{
    static const int part[] = {8, 4, 4, 4, 12};
    for (int i = 0; i < 5; i++) {
        if (i)
            ml_buf_adds(b, "-");
        for (int k = 0; k < part[i]; k++)
            ml_buf_addf(b, "%x", (unsigned)(ml_random01(seed) * 16));
    }
}

static void add_metadata(struct ml_buf *b, int i, uint64_t *seed)
{
    ml_buf_addf(b,
                "\"metadata\":{\"created_at\":\"2025-03-%02dT09:%02d:05.000Z\","
                "\"updated_at\":\"2025-03-%02dT10:00:00.000Z\",\"duration\":%d,"
                "\"impressions_count\":%d,\"recording_type\":\"Received\","
                "\"recording_source\":\"Zendesk Ticket\","
                "\"url\":\"https://app.screendesk.io/recordings/",
                i % 28 + 1, i % 60, i % 28 + 1, 30 + i * 7, i % 9);
    add_uuid(b, seed);
    ml_buf_addf(b,
                "\",\"helpdesk_info\":{\"platform\":\"zendesk\",\"conversation_id\":null,"
                "\"ticket_id\":\"%d\",\"user_id\":null,\"operator_id\":\"op-%d\","
                "\"customer_id\":null,\"issue_id\":null}}",
                48000 + i, i % 5);
}

static void add_record(struct ml_buf *b, int i, uint64_t *seed)
{
    ml_buf_adds(b, "{\"uuid\":\"");
    add_uuid(b, seed);
    ml_buf_addf(b, "\",\"title\":\"Invoice export %d hangs at 40 percent\",", i);
    ml_buf_adds(b, "\"summary\":\"Export stalls\",\"description\":null,");
    add_metadata(b, i, seed);
    ml_buf_addf(
        b,
        ",\"technical_details\":{\"vendor\":\"Chrome 134\",\"ip_address\":\"203.0.113.%d\","
        "\"timezone\":\"Europe/Lisbon\",\"network_type\":\"4g\",\"isp\":null},"
        "\"console_logs\":\"[warn] retry %d of 9\\n[info] done\","
        "\"customer\":{\"email\":\"customer%d@example.com\"},"
        "\"user\":{\"email\":\"mira.okafor@example.com\",\"name\":\"Mira Okafor\"},"
        "\"room_insights\":{\"started_at\":null,\"ended_at\":null,\"duration\":null,"
        "\"total_participant_minutes\":null,\"total_unique_participants\":null,"
        "\"participants_insights\":[]}}",
        i, i % 9, i);
}

static void make_page(struct ml_buf *b)
{
    uint64_t seed = 42;
    ml_buf_adds(b, "{\"pagination\":{\"count\":500,\"page\":1,\"items\":100,\"pages\":5,"
                   "\"next_page\":2,\"last_page\":5,\"from\":1,\"to\":100},\"records\":[");
    for (int i = 0; i < RECORDS; i++) {
        if (i)
            ml_buf_adds(b, ",");
        add_record(b, i, &seed);
    }
    ml_buf_adds(b, "]}");
}

/* ---- the measurements ---- */

struct contender {
    const char *name;
    bool ours, pool;
    double rate[RUNS]; /* MB/s of each run, sorted at the end */
};

static int die(const char *what)
{
    fprintf(stderr, "json: %s\n", what);
    exit(2);
}

static int decode_ours(lua_State *L)
{
    struct ml_err err;
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);
    if (ml_json_decode(L, text, len, NULL, &err) < 0)
        return die(err.text);
    return 1;
}

/* A state with the decoder in slot 1 and the text in slot 2. */
static lua_State *open_state(const struct contender *c, struct ml_pool *pool,
                             const struct ml_buf *page)
{
    lua_State *L = c->pool ? lua_newstate(ml_pool_alloc, pool) : luaL_newstate();
    if (!L)
        die("out of memory");
    if (c->ours) {
        lua_pushcfunction(L, decode_ours);
    } else {
        lua_pushcfunction(L, luaopen_cjson);
        lua_call(L, 0, 1);
        lua_getfield(L, -1, "decode");
        lua_remove(L, 1);
    }
    lua_pushlstring(L, page->data, page->len);
    return L;
}

/* MB/s over at least `us` microseconds, collection included. */
static double measure(lua_State *L, size_t bytes, int64_t us)
{
    int64_t start = ml_clock_us(), now = start;
    size_t pages = 0;
    while (now - start < us) {
        lua_pushvalue(L, 1);
        lua_pushvalue(L, 2);
        lua_call(L, 1, 0);
        pages++;
        now = ml_clock_us();
    }
    return (double)(pages * bytes) / (double)(now - start);
}

static void run_one(struct contender *c, int run, const struct ml_buf *page, int64_t us)
{
    struct ml_pool pool;
    ml_pool_create(&pool, 0);
    lua_State *L = open_state(c, &pool, page);
    measure(L, page->len, us / 4); /* warm: the collector finds its pace */
    c->rate[run] = measure(L, page->len, us);
    lua_close(L);
    ml_pool_destroy(&pool);
}

static int by_rate(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(struct contender *c)
{
    qsort(c->rate, RUNS, sizeof c->rate[0], by_rate);
    return c->rate[RUNS / 2];
}

static double measure_complete(const struct ml_buf *page)
{
    int64_t start = ml_clock_us();
    size_t pages = 0;
    for (; pages < 2000; pages++)
        if (!ml_json_complete(page->data, page->len))
            die("the page is not complete");
    return (double)(pages * page->len) / (double)(ml_clock_us() - start);
}

static double measure_encode(const struct ml_buf *page)
{
    struct ml_err err;
    struct ml_buf out;
    lua_State *L = luaL_newstate();
    size_t bytes = 0;
    if (!L || ml_json_decode(L, page->data, page->len, NULL, &err) < 0)
        die("cannot decode the page");
    ml_buf_create(&out, ML_JSON_SIZE);
    int64_t start = ml_clock_us();
    for (int i = 0; i < 1000; i++) {
        ml_buf_clear(&out);
        if (ml_json_encode(L, 1, &out, NULL, &err) < 0)
            die(err.text);
        bytes += out.len;
    }
    double rate = (double)bytes / (double)(ml_clock_us() - start);
    ml_buf_destroy(&out);
    lua_close(L);
    return rate;
}

int main(int argc, char **argv)
{
    struct contender all[] = {{.name = "lua-cjson, malloc"},
                              {.name = "lua-cjson, pool", .pool = true},
                              {.name = "moonlever, malloc", .ours = true},
                              {.name = "moonlever, pool", .ours = true, .pool = true}};
    int64_t us = (int64_t)((argc > 1 ? atof(argv[1]) : 0.5) * 1e6) / RUNS;
    struct ml_buf page;
    ml_buf_create(&page, 1 << 20);
    make_page(&page);
    printf("one page, %d records, %zu bytes; median of %d runs\n", RECORDS, page.len, RUNS);
    for (int run = 0; run < RUNS; run++) /* in turn, so that a slow moment hits all */
        for (int i = 0; i < 4; i++)
            run_one(&all[i], run, &page, us);
    for (int i = 0; i < 4; i++)
        printf("%-22s %7.1f MB/s\n", all[i].name, median(&all[i]));
    printf("%-22s %7.1f MB/s\n", "ml_json_complete", measure_complete(&page));
    printf("%-22s %7.1f MB/s\n", "ml_json_encode", measure_encode(&page));
    double base = median(&all[0]), ours = median(&all[2]) / base;
    printf("ratio decoder %.2f, allocator %.2f (on lua-cjson %.2f), both %.2f\n", ours,
           median(&all[3]) / median(&all[2]), median(&all[1]) / base, median(&all[3]) / base);
    ml_buf_destroy(&page);
    return ours >= 2.0 ? 0 : 1;
}
