/* SPDX-License-Identifier: MIT */
/*
 * `moonlever apply`, `resume` and `undo`: runs that go by a plan or by the
 * journal. Driving them is the same as driving a script (drive.h).
 */
#include "cli/cmd.h"
#include "cli/drive.h"
#include "cli/tool.h"

static int start_apply(moonlever *h, const struct ml_options *o, const char *plan)
{
    (void)o;
    return moonlever_apply_start(h, plan);
}

static int start_resume(moonlever *h, const struct ml_options *o, const char *run)
{
    (void)o;
    return moonlever_resume_start(h, run);
}

static int start_undo(moonlever *h, const struct ml_options *o, const char *run)
{
    (void)o;
    return moonlever_undo_start(h, run);
}

/* Drives with the whole id of the run that was named. */
static int by_run(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t,
                  ml_drive_start start)
{
    char run[ML_RUN_ID_MAX];
    int code = ml_tool_run_id(o, o->operand, t, run);
    return code == ML_EXIT_DONE ? ml_drive(o, secrets, t, start, run)
                                : ml_drive_refuse(o, t, code);
}

int ml_cmd_apply(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    return ml_drive(o, secrets, t, start_apply, o->operand);
}

int ml_cmd_resume(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    return by_run(o, secrets, t, start_resume);
}

int ml_cmd_undo(const struct ml_options *o, struct ml_secrets *secrets, struct ml_term *t)
{
    return by_run(o, secrets, t, start_undo);
}
