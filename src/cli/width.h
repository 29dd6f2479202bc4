/* SPDX-License-Identifier: MIT */
/*
 * How many columns a text takes on a terminal, in the form that it is shown
 * (render.h). Independent of the locale.
 *
 *     ml_width("請求書", 9);          // 6
 */
#ifndef ML_CLI_WIDTH_H
#define ML_CLI_WIDTH_H

#include <stddef.h>

size_t ml_width(const char *text, size_t len);

#endif
