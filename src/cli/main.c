/* SPDX-License-Identifier: MIT */
/*
 * The program: takes the credentials out of the environment, parses the
 * arguments, hands over to a command, and makes sure that what was written to
 * standard output has arrived.
 */
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/man.h"
#include "cli/signals.h"

#include <moonlever.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A program that was started with a standard descriptor closed would get a socket in its place,
 * and print into it. Opened the wrong way round, so that using it fails. */
static int fill_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            return -1;
    return 0;
}

static enum ml_color color_of(const struct ml_options *o)
{
    const char *when = o->values[ML_FLAG_COLOR];
    if (o->count[ML_FLAG_NO_COLOR] || (when && strcmp(when, "never") == 0))
        return ML_COLOR_NEVER;
    return when && strcmp(when, "always") == 0 ? ML_COLOR_ALWAYS : ML_COLOR_AUTO;
}

static int no_command(struct ml_term *t)
{
    ml_help_command(t->out.file, ML_CMD_NONE, false, false);
    ml_term_flush(t);
    ml_term_error(t, "which command?");
    return ML_EXIT_USAGE;
}

static int dispatch(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    if (o->count[ML_FLAG_HELP]) {
        if (o->command == ML_CMD_HELP && o->topic)
            return ml_cmd_help(o, t);
        ml_help_command(t->out.file, o->command, !o->short_help, false);
        return ML_EXIT_DONE;
    }
    if (o->count[ML_FLAG_VERSION])
        return ml_cmd_version(t);
    switch (o->command) {
    case ML_CMD_RUN:
    case ML_CMD_PLAN:
        return ml_cmd_run(o, secrets, t);
    case ML_CMD_APPLY:
        return ml_cmd_apply(o, secrets, t);
    case ML_CMD_RESUME:
        return ml_cmd_resume(o, secrets, t);
    case ML_CMD_UNDO:
        return ml_cmd_undo(o, secrets, t);
    case ML_CMD_SHOW:
        return ml_cmd_show(o, t);
    case ML_CMD_RUNS:
        return ml_cmd_runs(o, t);
    case ML_CMD_GET:
        return ml_cmd_get(o, secrets, t);
    case ML_CMD_LOGIN:
        return ml_cmd_login(o, secrets, t);
    case ML_CMD_PROFILE:
        return ml_cmd_profile(o, t);
    case ML_CMD_CONFIG:
        return ml_cmd_config(o, secrets, t);
    case ML_CMD_DOCTOR:
        return ml_cmd_doctor(o, secrets, t);
    case ML_CMD_REPL:
        return ml_cmd_repl(o, secrets, t);
    case ML_CMD_PRACTICE:
        return ml_cmd_practice(o, t);
    case ML_CMD_STUBS:
        return ml_cmd_stubs(o, t);
    case ML_CMD_COMPLETION:
        return ml_cmd_completion(o, t);
    case ML_CMD_HELP:
        return ml_cmd_help(o, t);
    case ML_CMD_VERSION:
        return ml_cmd_version(t);
    case ML_CMD_NONE:
    case ML_COMMANDS:
        break;
    }
    return no_command(t);
}

/* Output that did not arrive is a failure, except that a reader may leave when it likes. */
static int check_output(struct ml_term *t, int code)
{
    int error = ml_term_flush(t);
    if (error == 0 || error == EPIPE)
        return code;
    struct ml_err err;
    ml_err_set(&err, ML_USAGE, "cannot write to standard output: %s.", strerror(error));
    ml_term_error(t, err.text);
    return ML_EXIT_FAILED;
}

/* "moonlever retag ...": the name of a script where a command should be. */
static void explain_stray(const struct ml_options *o, struct ml_err *err)
{
    if (o->stray && moonlever_script_text(o->stray))
        ml_err_set(err, ML_USAGE,
                   "'%.80s' is a script. Did you mean 'moonlever run %.80s'?\n"
                   "see: moonlever --help",
                   o->stray, o->stray);
}

/* Words that no person types: asked for by the scripts of shells, and by the build. */
static bool is_inner(int argc, char **argv)
{
    return argc > 1 &&
           (strcmp(argv[1], ML_COMPLETE) == 0 || (argc == 3 && strcmp(argv[1], ML_MAN) == 0));
}

static int run_inner(int argc, char **argv, struct ml_term *t)
{
    if (strcmp(argv[1], ML_MAN) == 0)
        return ml_man_page(argv[2], t);
    return ml_cmd_complete(argc - 2, argv + 2, t);
}

int main(int argc, char **argv)
{
    struct ml_secrets secrets;
    struct ml_options o = {0};
    struct ml_term t;
    struct ml_err err, term_err;
    if (fill_descriptors() < 0)
        return ML_EXIT_FAILED; /* there is nothing to say it on */
    ml_signals_spare_writes();
    int rc = ml_secrets_take(&secrets, moonlever_credential_names(), &err);
    bool inner = is_inner(argc, argv);
    if (rc == 0 && !inner)
        rc = ml_options_parse(&o, argc, argv, &err);
    if (rc < 0)
        explain_stray(&o, &err);
    int code = rc < 0 && err.kind == ML_USAGE ? ML_EXIT_USAGE : ML_EXIT_FAILED;
    if (ml_term_open(&t, color_of(&o), &term_err) == 0) {
        if (rc == 0 && inner)
            code = run_inner(argc, argv, &t);
        else if (rc == 0)
            code = dispatch(&o, &secrets, &t);
        else
            ml_term_error(&t, err.text);
        code = check_output(&t, code);
        ml_term_close(&t);
    } else {
        fprintf(stderr, "moonlever: %s\n", term_err.text);
    }
    ml_options_destroy(&o);
    ml_secrets_wipe(&secrets);
    return code;
}
