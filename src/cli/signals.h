/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C: the first asks the run to stop, the second leaves at once.
 *
 * A handler, not a signalfd: a script may compute for long without coming back
 * to the loop, and must be stopped there too. A handler needs one place that
 * it can reach, so this file holds the only mutable statics of the program.
 * Signals that were ignored when the program started (nohup) stay ignored.
 * SIGPIPE and SIGXFSZ get a handler that does nothing rather than SIG_IGN,
 * because a handler, unlike SIG_IGN, does not pass on to programs that scripts
 * start.
 *
 *     ml_signals_guard(h);
 *     while (!moonlever_run_done(h)) ...
 *     ml_signals_release();               // before moonlever_close(h)
 */
#ifndef ML_CLI_SIGNALS_H
#define ML_CLI_SIGNALS_H

#include <moonlever.h>

/* Writes to a closed pipe fail with EPIPE, and those beyond a limit of the size of files with
 * EFBIG, instead of ending the process. */
void ml_signals_spare_writes(void);
/* From now on SIGINT, SIGTERM and SIGHUP cancel the run of h; a second one ends the process
 * with exit code 130. System calls that wait are interrupted. */
void ml_signals_guard(moonlever *h);
/* For a session at a terminal: SIGINT is counted and stops what the session of h does (NULL =
 * nothing), SIGWINCH is counted, SIGTERM and SIGHUP do as for ml_signals_guard. Called again,
 * it names another handle. */
void ml_signals_session(moonlever *h);
/* The session takes no lines any more: SIGINT does again as for ml_signals_guard. */
void ml_signals_leave(void);
/* How many times Ctrl-C has been pressed, and how often the window has changed, so far. */
int ml_signals_breaks(void);
int ml_signals_windows(void);
/* The descriptor of ml_signals_fd is not readable any more, until the next one comes. */
void ml_signals_drain(void);
/* The handle is not touched any more. */
void ml_signals_release(void);
/* Readable once one of them has come, for those who wait for something else; -1 = not there. A
 * wait cannot rely on being interrupted: the handler may run on another thread, or just before.
 */
int ml_signals_fd(void);
/* How many of them came so far. */
int ml_signals_count(void);
/* Blocks SIGINT, SIGTERM and SIGHUP; threads started later inherit that. For ml_signals_wait.
 */
void ml_signals_block(void);
/* Waits for one of them after ml_signals_block and returns its number. */
int ml_signals_wait(void);

#endif
