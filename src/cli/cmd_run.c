/* SPDX-License-Identifier: MIT */
/*
 * `moonlever run` and `moonlever plan`: a script, on its own or once more for
 * what failed. Driving it is the same for all (drive.h).
 */
#include "cli/cmd.h"
#include "cli/drive.h"
#include "cli/help.h"
#include "cli/script_file.h"
#include "cli/tool.h"

static int which_script(const struct ml_options *o, struct ml_term *t)
{
    struct ml_err err;
    ml_help_scripts(t->out.file);
    ml_term_flush(t);
    ml_err_set(&err, ML_USAGE,
               "which script? A file, or one of these names.\nsee: moonlever %s --help",
               ml_command_rows[o->command].name);
    ml_term_error(t, err.text);
    return ml_drive_refuse(o, t, ML_EXIT_USAGE);
}

static int start_script(moonlever *h, const struct ml_options *o, const char *script)
{
    return moonlever_run_start(h, script, o->script_argc, o->script_argv);
}

static int start_again(moonlever *h, const struct ml_options *o, const char *run)
{
    (void)o;
    return moonlever_rerun_start(h, run);
}

static int only_failed(const struct ml_options *o, struct ml_secrets *secrets,
                       struct ml_term *t)
{
    char run[ML_RUN_ID_MAX];
    int code = ml_tool_run_id(o, o->values[ML_FLAG_ONLY_FAILED], t, run);
    return code == ML_EXIT_DONE ? ml_drive(o, secrets, t, start_again, run)
                                : ml_drive_refuse(o, t, code);
}

int ml_cmd_run(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    struct ml_err err;
    if (o->count[ML_FLAG_ONLY_FAILED])
        return only_failed(o, secrets, t);
    if (!o->script)
        return which_script(o, t);
    if (ml_script_check(o->script, &err) < 0) {
        ml_term_error(t, err.text);
        return ml_drive_refuse(o, t, ML_EXIT_USAGE);
    }
    return ml_drive(o, secrets, t, start_script, o->script);
}
