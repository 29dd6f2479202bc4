/* SPDX-License-Identifier: MIT */
#include "cli/suggest.h"

#include <stdio.h>
#include <string.h>

#define TOO_FAR (2 * ML_SUGGEST_LONGEST)

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' ? '-' : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Three rows of the matrix are enough: a swap looks two rows back. */
unsigned ml_suggest_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    if (na > ML_SUGGEST_LONGEST || nb > ML_SUGGEST_LONGEST)
        return TOO_FAR;
    unsigned row[3][ML_SUGGEST_LONGEST + 1];
    unsigned *before = row[0], *above = row[1], *here = row[2];
    for (size_t j = 0; j <= nb; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        here[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            char x = fold(a[i - 1]), y = fold(b[j - 1]);
            here[j] = least(least(above[j], here[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == fold(b[j - 2]) && fold(a[i - 2]) == y)
                here[j] = least(here[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = above;
        above = here;
        here = spare;
    }
    return above[nb];
}

void ml_suggest_create(struct ml_suggest *s, const char *typed)
{
    *s = (struct ml_suggest){.typed = typed, .distance = TOO_FAR};
}

void ml_suggest_offer(struct ml_suggest *s, const char *name)
{
    size_t shorter = strlen(name) < strlen(s->typed) ? strlen(name) : strlen(s->typed);
    /* One slip in a word of three, two in a word of six, three in longer ones. */
    size_t allowed = shorter / 3 < 3 ? shorter / 3 : 3;
    unsigned distance = ml_suggest_distance(s->typed, name);
    if (distance > allowed || distance >= s->distance)
        return;
    s->distance = distance;
    snprintf(s->best, sizeof s->best, "%s", name);
}
