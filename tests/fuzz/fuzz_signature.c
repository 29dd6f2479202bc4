/* SPDX-License-Identifier: MIT */
/* Signatures of a host's functions: what is accepted prints as text that means the same. */
#include "bind/host.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct ml_host_function *f)
{
    struct ml_host_function same;
    struct ml_err err;
    char text[ML_HOST_PARAMETERS * 50 + 100], second[sizeof text];
    ml_host_signature(f, text, sizeof text);
    if (ml_host_parse(text, &same, &err) < 0)
        abort();
    ml_host_signature(&same, second, sizeof second);
    if (strcmp(text, second) != 0 || same.count != f->count)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ml_host_function f;
    struct ml_err err = {.kind = ML_NONE};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ml_host_parse(text, &f, &err) == 0)
        again(&f);
    else if (err.kind != ML_USAGE)
        abort();
    free(text);
    return 0;
}
