/* SPDX-License-Identifier: MIT */
#include "practice/seed.h"

#include <ctype.h>
#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const subjects[] = {"Invoice export hangs at 40 percent",
                                       "Login loop after password change",
                                       "Walkthrough with customer",
                                       "Missing report column",
                                       "Cannot upload logo",
                                       "Dashboard shows old numbers",
                                       "Search finds nothing",
                                       "Setting up single sign-on",
                                       "Page stays white in Safari",
                                       "Refund for order shown twice",
                                       "Import of contacts stops",
                                       "Rückfrage zur Rechnung",
                                       "Checkout button does nothing",
                                       "Écran figé au démarrage",
                                       "Wrong time zone in calendar",
                                       "Demo of the \"quick reply\" panel",
                                       "Slow ticket list",
                                       "Webhook arrives two times",
                                       "Macro C:\\templates not found",
                                       "First steps for new agents"};

static const char *const tags[] = {"billing", "bug", "how-to", "onboarding", "urgent"};

static const char *const summaries[] = {
    "Customer shows the steps", "Works after clearing the cache", "Needs a look by engineering",
    "Answered in the call", "Same as last week"};

/* Each list has 40 names, so that 1,600 people differ before a number is needed. */
static const char *const given_names[] = {
    "Mira",  "Sam",   "Ines",  "Tom",   "Lena",  "Omar",  "Yuki",  "Paul",   "Nora",  "Ravi",
    "Zoe",   "Leon",  "Aisha", "Karl",  "Maja",  "Hugo",  "Elif",  "Jonas",  "Priya", "Felix",
    "Clara", "Diego", "Anna",  "Malik", "Freya", "Bruno", "Sofia", "Ivan",   "Tara",  "Noah",
    "Greta", "Luca",  "Amina", "Oskar", "Chloe", "Emil",  "Rosa",  "Viktor", "Hana",  "Jakob"};
static const char *const family_names[] = {
    "Okafor",   "Reyes",  "Duarte", "Hale",    "Brandt", "Haddad",   "Tanaka",   "Meyer",
    "Lindgren", "Kapoor", "Novak",  "Fischer", "Bello",  "Jansen",   "Kowalska", "Laurent",
    "Yilmaz",   "Weber",  "Sharma", "Moretti", "Schulz", "Garcia",   "Larsen",   "Diallo",
    "Nielsen",  "Costa",  "Rossi",  "Petrov",  "Walsh",  "Fournier", "Holm",     "Bianchi",
    "Khan",     "Berg",   "Martin", "Keller",  "Santos", "Horvat",   "Sato",     "Vogel"};

uint64_t ml_seed_mix(uint64_t seed, enum ml_seed_stream stream, uint64_t number)
{
    /* splitmix64, twice, so that neighbours in any of the three part ways. */
    uint64_t z =
        seed * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)stream * UINT64_C(0xd1342543de82ef95);
    for (int round = 0; round < 2; round++) {
        z += number * UINT64_C(0xbf58476d1ce4e5b9) + UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
    }
    return z;
}

double ml_seed_chance(uint64_t seed, enum ml_seed_stream stream, uint64_t number)
{
    return (double)(ml_seed_mix(seed, stream, number) >> 11) * 0x1p-53;
}

void ml_seed_words(uint64_t seed, unsigned serial, struct ml_seed_words *w)
{
    uint64_t h = ml_seed_mix(seed, ML_SEED_TITLE, serial);
    const char *subject = subjects[h % COUNT(subjects)];
    const char *tag = tags[(h >> 8) % COUNT(tags)];
    const char *other = tags[(h >> 16) % COUNT(tags)];
    unsigned form = (h >> 24) % 12;

    if (form < 4)
        snprintf(w->titled, sizeof w->titled, "[%s] %s", tag, subject);
    else if (form < 6 && other != tag)
        snprintf(w->titled, sizeof w->titled, "[%s] [%s] %s", tag, other, subject);
    else
        snprintf(w->titled, sizeof w->titled, "%s", subject);
    w->title = form == 11 ? NULL : w->titled;
    w->summary = (h >> 32) % 3 ? summaries[(h >> 36) % COUNT(summaries)] : NULL;
    snprintf(w->described, sizeof w->described, "Recorded from the help widget.\n#%s #%s",
             tags[(h >> 40) % COUNT(tags)], tag);
    w->description = (h >> 48) % 2 ? w->described : NULL;
}

void ml_seed_uuid(uint64_t seed, enum ml_seed_stream stream, uint64_t number, char out[37])
{
    uint64_t a = ml_seed_mix(seed, stream, number * 2);
    uint64_t b = ml_seed_mix(seed, stream, number * 2 + 1);
    snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(b >> 48 & 0x3fff) | 0x8000u,
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

void ml_seed_person(uint64_t seed, unsigned index, struct ml_seed_person *person)
{
    unsigned start = (unsigned)(ml_seed_mix(seed, ML_SEED_PERSON, 0) % COUNT(given_names));
    unsigned lap = index / COUNT(given_names);
    const char *given = given_names[(index + start) % COUNT(given_names)];
    /* Moved by one each lap: no pair of names comes twice within 1,600 people. */
    const char *family = family_names[(index + lap + start) % COUNT(family_names)];
    unsigned again = index / (unsigned)(COUNT(given_names) * COUNT(family_names));

    snprintf(person->given, sizeof person->given, "%s", given);
    snprintf(person->family, sizeof person->family, "%s", family);
    char number[12] = "";
    if (again)
        snprintf(number, sizeof number, "%u", again + 1);
    snprintf(person->email, sizeof person->email, "%s.%s%s%s@example.com", given, family,
             number, index % 10 == 9 ? "+desk" : "");
    for (char *c = person->email; *c; c++)
        *c = (char)tolower((unsigned char)*c);
}
