/* SPDX-License-Identifier: MIT */
#include "cli/tool.h"

#include "base/buf.h"
#include "cli/drive.h"
#include "cli/signals.h"

#include <moonlever.h>
#include <string.h>

struct tool {
    struct ml_term *t;
    moonlever *h;
    struct ml_buf *into; /* takes the output, NULL = standard output does */
    bool broken;         /* nobody takes the output */
};

static void on_log(void *ud, int level, const char *text, size_t len)
{
    struct tool *tool = ud;
    ml_term_note(tool->t, "%s%.*s", level == MOONLEVER_LOG_WARN ? "warning: " : "", (int)len,
                 text);
}

/* A list may be long, and its reader (head) gone long before the end. */
static void on_output(void *ud, const char *text, size_t len)
{
    struct tool *tool = ud;
    if (tool->into ? ml_buf_add(tool->into, text, len) == 0
                   : fwrite(text, 1, len, tool->t->out.file) == len)
        return;
    tool->broken = true;
    moonlever_cancel(tool->h);
}

static int turn(struct tool *tool, const char *name, int argc, const char *const *argv)
{
    int rc = moonlever_tool_start(tool->h, name, argc, argv);
    while (rc == MOONLEVER_OK && !moonlever_run_done(tool->h))
        rc = moonlever_wait(tool->h, -1);
    return rc;
}

/* Standard output that failed is told of at the end of the program, by its errno. */
static int close_words(struct tool *tool, int rc)
{
    const char *why = moonlever_errmsg(tool->h);
    ml_term_flush(tool->t);
    if (tool->broken)
        return tool->into ? ML_EXIT_FAILED : ML_EXIT_DONE;
    if (*why)
        ml_term_error(tool->t, why);
    return ml_drive_code(tool->h, rc);
}

static int run_tool(const struct ml_options *o, struct tool *tool, const char *name, int argc,
                    const char *const *argv)
{
    if (moonlever_open(&tool->h) != MOONLEVER_OK) {
        ml_term_error(tool->t, "the engine does not start: out of memory or descriptors");
        return ML_EXIT_FAILED;
    }
    moonlever_on_log(tool->h, on_log, tool);
    moonlever_on_output(tool->h, on_output, tool);
    int rc = moonlever_set(tool->h, "log_level", ml_drive_log_level(o));
    if (rc == MOONLEVER_OK)
        rc = moonlever_set(tool->h, "confine", "false");
    if (rc == MOONLEVER_OK)
        rc = moonlever_set(tool->h, "env", "true"); /* where the journal is */
    if (rc == MOONLEVER_OK && o->command == ML_CMD_CONFIG && o->count[ML_FLAG_PROFILE])
        rc = moonlever_set(tool->h, "profile", o->values[ML_FLAG_PROFILE]);
    ml_signals_guard(tool->h);
    if (rc == MOONLEVER_OK)
        rc = turn(tool, name, argc, argv);
    int code = close_words(tool, rc);
    ml_signals_release();
    moonlever_close(tool->h);
    return code;
}

int ml_tool(const struct ml_options *o, struct ml_term *t, const char *name, int argc,
            const char *const *argv)
{
    struct tool tool = {.t = t};
    return run_tool(o, &tool, name, argc, argv);
}

int ml_tool_text(const struct ml_options *o, struct ml_term *t, const char *name, int argc,
                 const char *const *argv, struct ml_buf *out)
{
    struct tool tool = {.t = t, .into = out};
    return run_tool(o, &tool, name, argc, argv);
}

int ml_tool_run_id(const struct ml_options *o, const char *word, struct ml_term *t,
                   char id[ML_RUN_ID_MAX])
{
    const char *argv[] = {"--id", "--", word};
    struct ml_buf out;
    struct tool tool = {.t = t, .into = &out};
    ml_buf_create(&out, ML_RUN_ID_MAX);
    int code = run_tool(o, &tool, "runs", 3, argv);
    snprintf(id, ML_RUN_ID_MAX, "%.*s", (int)strcspn(ml_buf_str(&out), "\n"), ml_buf_str(&out));
    ml_buf_destroy(&out);
    return code;
}
