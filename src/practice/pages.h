/* SPDX-License-Identifier: MIT */
/*
 * Numbered pages, and the ways in which they do not behave.
 *
 *     struct ml_page page;
 *     ml_page_plan(&page, count, 100, number);
 *     ml_page_spoil(&p->faults, ask, &page);
 *     size_t first = (page.source - 1) * page.size;   // of the items that are shown
 */
#ifndef ML_PRACTICE_PAGES_H
#define ML_PRACTICE_PAGES_H

#include "practice/answer.h"

/* Where a page stands in its list. */
struct ml_page {
    size_t count, size, pages; /* items, items a page, pages (at least 1) */
    size_t number;             /* from 1 */
    size_t source;             /* the page whose items are shown: number, or another by fault */
    size_t next;               /* 0 = none */
};

/* A whole number from 1 on in the query, or `unless` where it is not given. 0: refused, and the
 * 400 is in ans. */
size_t ml_page_number(const struct ml_ask *ask, struct ml_answer *ans, const char *name,
                      size_t unless);
void ml_page_plan(struct ml_page *page, size_t count, size_t size, size_t number);
/* Carries out shrink-pages, repeat-page and loop-pages. */
void ml_page_spoil(const struct ml_faults *f, struct ml_ask *ask, struct ml_page *page);
/* How many items the page shows, from *first on. */
size_t ml_page_span(const struct ml_page *page, size_t *first);

#endif
