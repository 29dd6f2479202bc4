/* SPDX-License-Identifier: MIT */
#include "practice/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t ml_page_number(const struct ml_ask *ask, struct ml_answer *ans, const char *name,
                      size_t unless)
{
    char text[16], message[80];
    int there = ml_route_query(ask->target.query, name, text, sizeof text);
    if (there == 0)
        return unless;
    size_t number = 0;
    if (there > 0 && *text && strspn(text, "0123456789") == strlen(text))
        number = strtoul(text, NULL, 10);
    if (number == 0) {
        snprintf(message, sizeof message, "%.40s has to be a whole number from 1 on", name);
        ml_answer_refuse(ask, ans, 400, message);
    }
    return number;
}

void ml_page_plan(struct ml_page *page, size_t count, size_t size, size_t number)
{
    *page = (struct ml_page){.count = count, .size = size, .number = number, .source = number};
    page->pages = count ? (count + size - 1) / size : 1;
    page->next = number < page->pages ? number + 1 : 0;
}

void ml_page_spoil(const struct ml_faults *f, struct ml_ask *ask, struct ml_page *page)
{
    if (f->shrink_pages && page->number > 1) {
        ml_page_plan(page, page->count / 2, page->size, page->number);
        ask->fault = "shrink-pages";
    }
    if (f->repeat_page && page->number == 2) {
        page->source = 1;
        ask->fault = "repeat-page";
    }
    /* On the last page a next page would only be ignored: the loop is before it. */
    if (f->loop_pages && page->pages > 1 && page->number == (page->pages > 2 ? 2 : 1)) {
        page->next = 1;
        ask->fault = "loop-pages";
    }
}

size_t ml_page_span(const struct ml_page *page, size_t *first)
{
    *first = (page->source - 1) * page->size;
    size_t left = *first < page->count ? page->count - *first : 0;
    return left < page->size ? left : page->size;
}
