/* SPDX-License-Identifier: MIT */
/*
 * Did you mean ...? The nearest of some names to what was typed.
 *
 * Distance: insertions, deletions, replacements and swaps of neighbours
 * (optimal string alignment), letters case-blind, "_" as "-". A guess is only
 * made when it is near: a wrong guess is worse than none.
 *
 *     struct ml_suggest s;
 *     ml_suggest_create(&s, "retga");
 *     ml_suggest_offer(&s, "retag");
 *     if (s.best[0]) printf("did you mean %s?", s.best);
 */
#ifndef ML_CLI_SUGGEST_H
#define ML_CLI_SUGGEST_H

#define ML_SUGGEST_LONGEST 64 /* longer words are not compared */

struct ml_suggest {
    const char *typed;                 /* borrowed */
    char best[ML_SUGGEST_LONGEST + 1]; /* "" = nothing near enough so far */
    unsigned distance;                 /* of best */
};

/* Starts a search for names near `typed`, which must live as long as the search. */
void ml_suggest_create(struct ml_suggest *s, const char *typed);
/* Considers one name; the first of several equally near ones stays. */
void ml_suggest_offer(struct ml_suggest *s, const char *name);
/* The distance of two words, at most ML_SUGGEST_LONGEST letters each; larger than any real
 * distance when one is longer. */
unsigned ml_suggest_distance(const char *a, const char *b);

#endif
