/* SPDX-License-Identifier: MIT */
#include "practice/recording_text.h"

#include "practice/seed.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define MINUTE_MS INT64_C(60000)

static const char *const sources[] = {"Zendesk Ticket", "Intercom Operator", "Widget"};
static const char *const vendors[] = {"Chrome 134", "Firefox 136", "Safari 18", "Edge 134"};
static const char *const zones[] = {"Europe/Lisbon", "Europe/Berlin", "America/Chicago"};
static const char *const consoles[] = {
    "[warn] retry 3 of 3", "[error] TypeError: x is undefined\n    at render (app.js:88)",
    "[info] user said \"hello\"\t\\o/"};

/* What the parts of one recording have in common. */
struct detail {
    uint64_t seed;
    uint64_t h; /* chance of this recording; each part looks at bits of its own */
    unsigned serial;
    int64_t created_ms;
    bool call; /* a call with participants, not only a screen */
};

/* A JSON string made of a prefix and a number, or null. */
static void numbered(struct ml_out *o, bool there, const char *prefix, unsigned number)
{
    if (there)
        ml_out_fmt(o, "\"%s%u\"", prefix, number);
    else
        ml_out_text(o, "null");
}

static void helpdesk_info(const struct detail *d, struct ml_out *o)
{
    if (d->h % 50 == 0) {
        ml_out_text(o, "null");
        return;
    }
    ml_out_text(o, "{\"platform\":\"zendesk\",\"conversation_id\":");
    numbered(o, (d->h >> 8) % 4 == 0, "c-", d->serial + 700);
    ml_out_text(o, ",\"ticket_id\":");
    numbered(o, d->h % 10 != 1, "", d->serial + 48211);
    ml_out_text(o, ",\"user_id\":null,\"operator_id\":");
    numbered(o, true, "op-", (unsigned)(d->h >> 12) % 9 + 1);
    ml_out_text(o, ",\"customer_id\":null,\"issue_id\":null}");
}

static void metadata(const struct detail *d, const struct ml_recording *rec, struct ml_out *o)
{
    ml_out_text(o, "\"metadata\":{\"created_at\":");
    ml_out_time(o, d->created_ms);
    ml_out_text(o, ",\"updated_at\":");
    ml_out_time(o, rec->updated_ms ? rec->updated_ms : d->created_ms + MINUTE_MS / 2);
    if (d->h % 30 == 7)
        ml_out_text(o, ",\"duration\":null");
    else
        ml_out_fmt(o, ",\"duration\":%u", d->call ? 900 : (unsigned)(d->h >> 16) % 600 + 5);
    ml_out_fmt(o, ",\"impressions_count\":%u,\"recording_type\":\"Received\"",
               (unsigned)(d->h >> 20) % 40);
    ml_out_fmt(o, ",\"recording_source\":\"%s\"", sources[(d->h >> 24) % COUNT(sources)]);
    ml_out_fmt(o, ",\"url\":\"https://app.screendesk.io/recordings/%s\",\"helpdesk_info\":",
               rec->uuid);
    helpdesk_info(d, o);
    ml_out_text(o, "}");
}

static void technical_details(const struct detail *d, struct ml_out *o)
{
    ml_out_fmt(o, ",\"technical_details\":{\"vendor\":\"%s\",\"ip_address\":\"203.0.113.%u\"",
               vendors[(d->h >> 28) % COUNT(vendors)], d->serial % 254 + 1);
    ml_out_fmt(o,
               ",\"timezone\":\"%s\",\"network_type\":\"4g\",\"isp\":null},\"console_logs\":",
               zones[(d->h >> 30) % COUNT(zones)]);
    bool logged = (d->h >> 34) % 3 == 0;
    ml_out_string(o, logged ? consoles[(d->h >> 36) % COUNT(consoles)] : NULL);
}

static void people_of(const struct detail *d, unsigned people, struct ml_out *o)
{
    struct ml_seed_person owner;
    ml_seed_person(d->seed, (unsigned)(d->h >> 40) % people, &owner);
    if (d->h % 50 != 2) {
        ml_out_text(o, ",\"customer\":{\"email\":");
        if ((d->h >> 48) % 2)
            ml_out_fmt(o, "\"customer%u@example.org\"}", d->serial % 97);
        else
            ml_out_text(o, "null}");
    }
    ml_out_fmt(o, ",\"user\":{\"email\":\"%s\",\"name\":\"%s %s\"}", owner.email, owner.given,
               owner.family);
}

static void participants(const struct detail *d, struct ml_out *o)
{
    ml_out_text(o, "{\"participant_id\":\"p-1\",\"display_name\":\"Host\",\"role\":\"host\","
                   "\"browser\":\"Chrome\",\"os\":\"Windows 11\",\"device\":null,"
                   "\"device_type\":\"desktop\",\"user_agent\":"
                   "\"Mozilla/5.0 (Windows NT 10.0; Win64; x64)\",\"joined_at\":");
    ml_out_time(o, d->created_ms);
    ml_out_text(o, ",\"left_at\":");
    ml_out_time(o, d->created_ms + 15 * MINUTE_MS);
    ml_out_text(o, "},{\"participant_id\":\"p-2\",\"display_name\":null,\"role\":\"guest\","
                   "\"browser\":\"Safari\",\"os\":\"macOS 15\",\"device\":null,"
                   "\"device_type\":\"desktop\",\"user_agent\":null,\"joined_at\":");
    ml_out_time(o, d->created_ms + MINUTE_MS);
    ml_out_text(o, ",\"left_at\":null}");
}

static void room_insights(const struct detail *d, struct ml_out *o)
{
    ml_out_text(o, ",\"room_insights\":{\"started_at\":");
    ml_out_time(o, d->call ? d->created_ms : -1);
    ml_out_text(o, ",\"ended_at\":");
    ml_out_time(o, d->call ? d->created_ms + 15 * MINUTE_MS : -1);
    if (d->call)
        ml_out_text(o, ",\"duration\":900,\"total_participant_minutes\":28.5,"
                       "\"total_unique_participants\":2,\"participants_insights\":[");
    else
        ml_out_text(o, ",\"duration\":null,\"total_participant_minutes\":null,"
                       "\"total_unique_participants\":null,\"participants_insights\":[");
    if (d->call)
        participants(d, o);
    ml_out_text(o, "]}");
}

/* Newest first: each seeded one is nine minutes older than the one before it, down to 1991;
 * those inserted later are younger than the seed. All are before the account's clock begins, so
 * that a change always moves updated_at forward. */
static int64_t created_ms(const struct ml_recordings *r, unsigned serial)
{
    if (serial >= r->seeded)
        return ML_SEED_DAY_MS - MINUTE_MS;
    return ML_SEED_DAY_MS - (int64_t)(serial % 2000000 + 1) * 9 * MINUTE_MS;
}

void ml_recording_text(const struct ml_recordings *r, const struct ml_recording *rec,
                       struct ml_out *o)
{
    struct detail d = {.seed = r->seed, .serial = rec->serial};
    d.h = ml_seed_mix(r->seed, ML_SEED_DETAIL, rec->serial);
    d.call = (d.h >> 52) % 8 == 0;
    d.created_ms = created_ms(r, rec->serial);

    struct ml_seed_words words;
    ml_seed_words(r->seed, rec->serial, &words);
    ml_out_fmt(o, "{\"uuid\":\"%s\",\"title\":", rec->uuid);
    ml_out_string(o, rec->edited ? rec->title : words.title);
    ml_out_text(o, ",\"summary\":");
    ml_out_string(o, rec->edited ? rec->summary : words.summary);
    ml_out_text(o, ",\"description\":");
    ml_out_string(o, rec->edited ? rec->description : words.description);
    ml_out_text(o, ",");
    metadata(&d, rec, o);
    technical_details(&d, o);
    people_of(&d, r->people, o);
    room_insights(&d, o);
    ml_out_text(o, "}");
}
