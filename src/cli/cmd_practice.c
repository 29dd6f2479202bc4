/* SPDX-License-Identifier: MIT */
/*
 * `moonlever practice`: serves a practice account until it is told to stop.
 *
 * Standard output holds nothing but lines for the shell, so that
 * `moonlever practice > practice.env &` followed by `. ./practice.env` works.
 */
#include "cli/cmd.h"
#include "cli/format.h"
#include "cli/signals.h"

#include <string.h>

int ml_practice_from(const struct ml_options *o, struct ml_practice **out, struct ml_err *err)
{
    struct ml_practice_conf conf;
    ml_practice_defaults(&conf);
    conf.port = (unsigned)ml_options_integer(o, ML_FLAG_PORT, conf.port);
    conf.seed = ml_options_integer(o, ML_FLAG_SEED, conf.seed);
    conf.recordings = (unsigned)ml_options_integer(o, ML_FLAG_RECORDINGS, conf.recordings);
    conf.users = (unsigned)ml_options_integer(o, ML_FLAG_USERS, conf.users);
    conf.posts = (unsigned)ml_options_integer(o, ML_FLAG_POSTS, conf.posts);
    conf.faults = o->values[ML_FLAG_FAULTS];
    conf.log_path = o->values[ML_FLAG_LOG];
    return ml_practice_start(&conf, out, err);
}

/* A line for the shell. */
static void export_line(FILE *to, const char *name, const char *value)
{
    struct ml_buf word;
    ml_buf_create(&word, 4 * strlen(value) + 3);
    if (ml_format_word(&word, value) == 0)
        fprintf(to, "export %s=%s\n", name, ml_buf_str(&word));
    ml_buf_destroy(&word);
}

int ml_cmd_practice(const struct ml_options *o, struct ml_term *t)
{
    struct ml_practice *p;
    struct ml_practice_variable variable;
    struct ml_err err;
    ml_signals_block();
    if (ml_practice_from(o, &p, &err) < 0) {
        ml_term_error(t, err.text);
        return err.kind == ML_USAGE ? ML_EXIT_USAGE : ML_EXIT_FAILED;
    }
    for (size_t i = 0; ml_practice_variable(p, i, &variable); i++)
        export_line(t->out.file, variable.name, variable.value);
    /* Without these lines nobody can use the account. */
    if (ml_term_flush(t) == 0) {
        if (!o->count[ML_FLAG_QUIET])
            ml_term_note(t, "the practice account is ready at %s; Ctrl-C (or SIGTERM) stops it",
                         ml_practice_origin(p));
        ml_signals_wait();
    }
    ml_practice_stop(p);
    return ML_EXIT_DONE;
}
