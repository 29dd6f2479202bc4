/* SPDX-License-Identifier: MIT */
/*
 * The yardstick: what a careful C programmer writes with libcurl's multi interface, easy
 * handles and connections kept, 32 requests in flight. Without "decode" it throws the answers
 * away, which is the limit of what libcurl and the server can do together; with it each answer
 * goes through lua-cjson into a Lua state, which is what a Lua program without Moonlever would
 * do.
 *
 *     libcurl ORIGIN list|patch N CONCURRENCY [decode]
 *
 * list fetches pages 1..N, patch sends N changed titles. Prints what came back: "records N" or
 * "patches N". Any answer but a 200 ends it with exit 1.
 */
#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int luaopen_cjson(lua_State *L);

enum { URL_MAX = 256, BODY_MAX = 1 << 20 };
static const char patch_body[] = "{\"recording\":{\"title\":\"new\"}}";

struct slot {
    CURL *easy;
    char *body;
    size_t body_len;
};

struct job {
    const char *origin;
    bool patch;
    long total, started, ended;
    long records;
    lua_State *L; /* NULL = discard */
    CURLM *multi;
    struct curl_slist *headers;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "libcurl: %s: %s\n", what, why);
    exit(1);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ud)
{
    struct slot *slot = ud;
    size_t len = size * count;
    if (slot->body_len + len > BODY_MAX)
        return 0;
    memcpy(slot->body + slot->body_len, bytes, len);
    slot->body_len += len;
    return len;
}

static size_t on_body_discard(char *bytes, size_t size, size_t count, void *ud)
{
    (void)bytes, (void)ud;
    return size * count;
}

/* The next request on a free handle. */
static void start(struct job *job, struct slot *slot)
{
    char url[URL_MAX];
    long n = ++job->started;
    if (job->patch)
        snprintf(url, sizeof url, "%s/api/v2/recordings/%08lx-4453-446d-9e79-000000000000",
                 job->origin, n);
    else
        snprintf(url, sizeof url, "%s/api/v2/recordings?page=%ld", job->origin, n);
    slot->body_len = 0;
    curl_easy_setopt(slot->easy, CURLOPT_URL, url);
    if (curl_multi_add_handle(job->multi, slot->easy) != CURLM_OK)
        die("curl_multi_add_handle", url);
}

static void prepare(struct job *job, struct slot *slot)
{
    CURL *e = slot->easy = curl_easy_init();
    slot->body = malloc(BODY_MAX);
    if (!e || !slot->body)
        die("memory", "out");
    curl_easy_setopt(e, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, job->L ? on_body : on_body_discard);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, slot);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, job->headers);
    if (job->patch) {
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, "PATCH");
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, patch_body);
    }
}

/* Leaves the decoded answer on the stack. */
static void decode(struct job *job, const struct slot *slot)
{
    lua_pushvalue(job->L, 1);
    lua_pushlstring(job->L, slot->body, slot->body_len);
    if (lua_pcall(job->L, 1, 1, 0) != LUA_OK)
        die("cjson.decode", lua_tostring(job->L, -1));
}

static void count(struct job *job, const struct slot *slot)
{
    if (!job->L) {
        job->records += job->patch ? 1 : 100;
        return;
    }
    decode(job, slot);
    if (job->patch) {
        lua_getfield(job->L, -1, "title");
        job->records += strcmp(luaL_checkstring(job->L, -1), "new") == 0;
    } else {
        lua_getfield(job->L, -1, "records");
        job->records += (long)lua_rawlen(job->L, -1);
    }
    lua_settop(job->L, 1);
}

static void finish(struct job *job, CURL *easy, CURLcode code)
{
    struct slot *slot;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(job->multi, easy);
    if (code != CURLE_OK)
        die("request", curl_easy_strerror(code));
    if (status != 200)
        die("request", "the status is not 200");
    count(job, slot);
    job->ended++;
    if (job->started < job->total)
        start(job, slot);
}

static void run(struct job *job)
{
    int running, left;
    while (job->ended < job->total) {
        CURLMsg *message;
        curl_multi_perform(job->multi, &running);
        while ((message = curl_multi_info_read(job->multi, &left)) != NULL)
            finish(job, message->easy_handle, message->data.result);
        if (job->ended < job->total)
            curl_multi_poll(job->multi, NULL, 0, 1000, NULL);
    }
}

static lua_State *open_lua(void)
{
    lua_State *L = luaL_newstate();
    if (!L)
        die("memory", "out");
    luaL_openlibs(L);
    luaL_requiref(L, "cjson", luaopen_cjson, 0);
    lua_getfield(L, -1, "decode");
    lua_replace(L, 1); /* cjson.decode stays at 1 */
    lua_settop(L, 1);
    return L;
}

static void open_job(struct job *job, long concurrency)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    job->multi = curl_multi_init();
    curl_multi_setopt(job->multi, CURLMOPT_MAXCONNECTS, concurrency);
    job->headers = curl_slist_append(NULL, "Authorization: Bearer bench-token");
    job->headers = curl_slist_append(job->headers, "Accept: application/json");
    if (job->patch)
        job->headers = curl_slist_append(job->headers, "Content-Type: application/json");
}

int main(int argc, char **argv)
{
    if (argc < 5 || (strcmp(argv[2], "list") != 0 && strcmp(argv[2], "patch") != 0)) {
        fprintf(stderr, "usage: libcurl ORIGIN list|patch N CONCURRENCY [decode]\n");
        return 2;
    }
    struct job job = {.origin = argv[1], .patch = argv[2][0] == 'p', .total = atol(argv[3])};
    long concurrency = atol(argv[4]);
    struct slot *slots = calloc((size_t)concurrency, sizeof *slots);
    if (argc > 5)
        job.L = open_lua();
    open_job(&job, concurrency);
    for (long i = 0; slots && i < concurrency && i < job.total; i++) {
        prepare(&job, &slots[i]);
        start(&job, &slots[i]);
    }
    run(&job);
    printf("%s %ld\n", job.patch ? "patches" : "records", job.records);
    for (long i = 0; i < concurrency; i++) {
        curl_easy_cleanup(slots[i].easy);
        free(slots[i].body);
    }
    free(slots);
    curl_multi_cleanup(job.multi);
    curl_slist_free_all(job.headers);
    if (job.L)
        lua_close(job.L);
    return 0;
}
