/* SPDX-License-Identifier: MIT */
/*
 * The flag parser over any arguments: words apart by NUL bytes. Checks what
 * flags.h promises, beyond not crashing.
 */
#include "cli/flags.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static void check(const struct ml_options *o, int argc)
{
    require(o->script_argc >= 0 && o->script_argc < argc);
    require(o->script || o->script_argc == 0);
    require(!o->script || ml_command_runs_script(o->command));
    require(!o->operand || !o->script);
    require(!o->topic || o->command == ML_CMD_HELP);
    for (int f = 0; f < ML_FLAGS; f++) {
        require(!o->values[f] || o->count[f] > 0);
        require(!o->count[f] || o->command == ML_CMD_NONE ||
                ml_command_has(o->command, (enum ml_flag)f));
        require(!o->count[f] || (ml_flag_rows[f].type == ML_TYPE_SWITCH) == !o->values[f]);
        if (o->values[f] && ml_flag_rows[f].type == ML_TYPE_INTEGER) {
            double n = (double)ml_options_integer(o, (enum ml_flag)f, 0);
            require(n >= ml_flag_rows[f].low && n <= ml_flag_rows[f].high);
        }
        if (o->values[f] && ml_flag_rows[f].type == ML_TYPE_DURATION) {
            double n = ml_options_seconds(o, (enum ml_flag)f);
            require(n >= ml_flag_rows[f].low && n <= ml_flag_rows[f].high);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *argv[WORDS_MAX] = {(char[]){"moonlever"}};
    int argc = 1;
    struct ml_options o;
    struct ml_err err = {0};
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t at = 0; at <= size && argc < WORDS_MAX; at += strlen(text + at) + 1)
        argv[argc++] = text + at;
    if (ml_options_parse(&o, argc, argv, &err) == 0)
        check(&o, argc);
    else
        require(err.kind == ML_USAGE && err.text[0] != '\0');
    ml_options_destroy(&o);
    free(text);
    return 0;
}
