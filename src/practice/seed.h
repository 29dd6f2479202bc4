/* SPDX-License-Identifier: MIT */
/*
 * Everything in the practice account that looks like chance: words, people, ids.
 *
 * Pure functions of (seed, number): the same seed gives the same account on
 * every machine, and a recording that nobody touched needs no memory for its
 * words, since they can be made again.
 *
 * Tags in titles and descriptions come from this list, for examples and tests:
 * billing, bug, how-to, onboarding, urgent.
 *
 *     struct ml_seed_words w;
 *     ml_seed_words(1, 17, &w);
 *     printf("%s\n", w.title ? w.title : "(none)");
 */
#ifndef ML_PRACTICE_SEED_H
#define ML_PRACTICE_SEED_H

#include <stdint.h>

/* The day the account was seeded: 2025-06-01T00:00:00Z in milliseconds since 1970. The account
 * has a clock of its own, so that runs can be compared: it stands here and moves one second
 * with every change. */
#define ML_SEED_DAY_MS INT64_C(1748736000000)

/* Streams of ml_seed_mix: what a number is for, so that two uses of one number never meet. */
enum ml_seed_stream {
    ML_SEED_TITLE = 1,
    ML_SEED_DETAIL,
    ML_SEED_UUID,
    ML_SEED_PERSON,
    ML_SEED_TOKEN,
    ML_SEED_REQUEST,
    ML_SEED_FAULT,
    ML_SEED_SLOW,
    ML_SEED_SHIFT,
    ML_SEED_DRAGON,
    ML_SEED_WORK,
    ML_SEED_WORK_ID,
    ML_SEED_QUEUE
};

struct ml_seed_words {
    const char *title; /* points into titled, or NULL */
    const char *summary;
    const char *description;
    char titled[128];
    char described[128];
};

struct ml_seed_person {
    char given[16];
    char family[16];
    char email[64]; /* one in ten has a plus sign in it (SD-26) */
};

/* 64 well-mixed bits for (seed, stream, number). */
uint64_t ml_seed_mix(uint64_t seed, enum ml_seed_stream stream, uint64_t number);
/* The same as a number in [0,1). */
double ml_seed_chance(uint64_t seed, enum ml_seed_stream stream, uint64_t number);
/* Title, summary and description of a recording; one in twelve titles is NULL. */
void ml_seed_words(uint64_t seed, unsigned serial, struct ml_seed_words *w);
/* A text that looks like a version 4 UUID (RFC 9562 5.4), NUL included. */
void ml_seed_uuid(uint64_t seed, enum ml_seed_stream stream, uint64_t number, char out[37]);
/* The person with this index; addresses differ between indexes. */
void ml_seed_person(uint64_t seed, unsigned index, struct ml_seed_person *person);

#endif
