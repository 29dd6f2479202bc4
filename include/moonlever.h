/* SPDX-License-Identifier: MIT */
/*
 * moonlever.h: Moonlever inside another program.
 *
 * A handle runs one Lua script at a time. The script says what to change; the
 * engine behind the handle does HTTP, pacing, retries and the guards.
 *
 * Threads: one handle, one thread at a time; different handles may live on
 * different threads. Only moonlever_cancel() and moonlever_interrupt() may be called
 * from any thread or from a signal handler. Callbacks run inside moonlever_dispatch(),
 * moonlever_wait() and moonlever_run_start(), on the caller's thread, and may
 * call nothing of this header but moonlever_cancel(), moonlever_interrupt(),
 * moonlever_status(), moonlever_confirm_word(), moonlever_return() and
 * moonlever_raise(). moonlever_close() may call on_log and on_event once more.
 *
 * The loop: one file descriptor (readable when there is work), one timeout,
 * one dispatch that never blocks on the network.
 *
 *     moonlever *h;
 *     if (moonlever_open(&h) != MOONLEVER_OK) ...
 *     moonlever_set(h, "credential", "SCREENDESK_TOKEN=...");
 *     moonlever_set(h, "dry_run", "true");
 *     const char *args[] = {"--from", "a", "--to", "b"};
 *     if (moonlever_run_start(h, "retag.lua", 4, args) == MOONLEVER_OK)
 *         while (!moonlever_run_done(h))
 *             moonlever_wait(h, 1000);
 *     puts(moonlever_result_json(h));
 *     moonlever_close(h);
 *
 * The library never calls exit, prints, changes the locale or directory, or
 * touches signals.
 */
#ifndef MOONLEVER_H
#define MOONLEVER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MOONLEVER_API __attribute__((visibility("default")))
#else
#define MOONLEVER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct moonlever moonlever;

/* What functions return. The text behind a failure: moonlever_errmsg(). */
enum {
    MOONLEVER_OK = 0,
    MOONLEVER_EUSAGE = -1,  /* wrong key, value, file or script; nothing was sent */
    MOONLEVER_ENOMEM = -2,  /* out of memory */
    MOONLEVER_ESYSTEM = -3, /* the system refused something (descriptors, files) */
    MOONLEVER_EBUSY = -4,   /* a run is under way, or called from a callback */
    MOONLEVER_ELOCKED = -5  /* another process is at work on this plan (exit 75) */
};

enum { MOONLEVER_LOG_ERROR, MOONLEVER_LOG_WARN, MOONLEVER_LOG_INFO, MOONLEVER_LOG_DEBUG };

/* A log line (no newline, no secrets). */
typedef void (*moonlever_log_fn)(void *ud, int level, const char *text, size_t len);
/* What the script prints, newlines included. */
typedef void (*moonlever_output_fn)(void *ud, const char *text, size_t len);
/* Asked once a run, before the first change is sent; 1 = go, 0 = stop the run (exit 6).
 * `text` is one line that says what is known of the amount. */
typedef int (*moonlever_confirm_fn)(void *ud, const char *text, size_t len);
/* Runs the command of a profile that prints its token: argv is ended by NULL, argv[0] looked
 * for in PATH, and there is no shell. Puts the first line of its output, without the line
 * break, into out and returns its length; 0 = it printed nothing, -1 = it failed (the host says
 * why). */
typedef ptrdiff_t (*moonlever_command_fn)(void *ud, const char *const *argv, char *out,
                                          size_t size);
/* Asked for a secret whenever a script connects: `name` is that of the environment variable
 * (SCREENDESK_TOKEN), `origin` where it will be sent, such as "https://app.screendesk.io". Puts
 * it into out and returns its length (below size); 0 = look elsewhere, -1 = refused. The
 * library wipes out. */
typedef ptrdiff_t (*moonlever_credential_fn)(void *ud, const char *name, const char *origin,
                                             char *out, size_t size);
/* A script calls a function of the host; see moonlever_function(). */
typedef void (*moonlever_function_fn)(void *ud, uint64_t call, const char *args, size_t len);
/* What happens in a run, one JSON object at a time, ended by NUL; see moonlever_on_event(). */
typedef void (*moonlever_event_fn)(void *ud, const char *json, size_t len);
/* Told once a run, before the first request that writes: the id of the run. */
typedef void (*moonlever_run_fn)(void *ud, const char *run_id);

/* Numbers of the run so far; set `size` to sizeof before the call. */
struct moonlever_status {
    size_t size;
    uint64_t requests;   /* attempts that have been answered or have failed */
    uint64_t retries;    /* attempts that repeat an earlier one of the same request or change */
    uint64_t in_flight;  /* requests under way */
    uint64_t queued;     /* calls waiting for their turn */
    uint64_t items_done; /* items handed out by lists so far */
    uint64_t items_total;    /* items that the lists promise, 0 = not known */
    uint64_t changes_done;   /* changes that have ended in a state */
    uint64_t changes_failed; /* of these: failed, conflict or unknown */
    uint64_t changes_total;  /* changes begun, or expected by each(); 0 = not known */
    uint64_t upload_done;    /* bytes of the files that are just being sent, and ... */
    uint64_t upload_total;   /* ... of how many; 0 = no file is being sent */
    int64_t pause_us;        /* a lane waits this long on the server's word, 0 = none */
    int pause_status;        /* the HTTP status that asked for it */
    char current[96];        /* what is being done, such as "screendesk.recordings.update" */
    uint64_t memory;         /* bytes that Lua has held at most */
    uint64_t instructions;   /* of Lua code and what was counted as such, ... */
    uint64_t script_us;      /* ... and its processor time; 0 for a run without limits */
};

/* What a code means, in English; never NULL. */
MOONLEVER_API const char *moonlever_strerror(int code);
/* The version of the library at run time, such as "0.1.0". */
MOONLEVER_API const char *moonlever_version(void);
/* Versions of the libraries underneath, one line. */
MOONLEVER_API const char *moonlever_libraries(void);
/* A new handle in *out, owned by the caller. */
MOONLEVER_API int moonlever_open(moonlever **out);
/* Cancels what runs, frees everything. NULL is fine. */
MOONLEVER_API void moonlever_close(moonlever *h);

/* Settings, before moonlever_run_start(). An unknown key or a bad value is MOONLEVER_EUSAGE.
 *   dry_run       true|false   reads are live, no write is ever sent
 *   yes           true|false   writes need no confirmation
 *   rate          N            requests a second at most, and to begin with; 0 = no limit
 *   concurrency   N            requests in flight at most (1..1000, default 32)
 *   max_changes   N            stop (exit 6) before change N+1
 *   max_requests  N            stop (exit 6) before request N+1
 *   max_time      SECONDS      stop (exit 6) after this; writes under way are settled
 *   canary        true|false   1 change, then 10, then 100, then all; stops (exit 6) when one
 *                              of a lot does not go well
 *   confirm       N            yes, and up to N deletes (yes alone allows 10)
 *   plan_file     PATH         a dry run, whose changes become a plan in this file
 *   wait          SECONDS      how long to look for what a service has only accepted (120)
 *   retention     DAYS         runs stay in the journal for so long (365); 0 = for ever
 *   journal       PATH         instead of $XDG_STATE_HOME/moonlever/journal.db
 *   log_level     0..3         MOONLEVER_LOG_*
 *   env           true|false   credentials and origins may be read from the environment
 *   credential    NAME=SECRET  e.g. SCREENDESK_TOKEN=...; goes before the environment
 *   origin        NAME=URL     e.g. SCREENDESK_URL=http://127.0.0.1:8080; as credential
 *   config        DIR          of config.lua and credentials/, instead of
 *                              $XDG_CONFIG_HOME/moonlever; "" = there are no profiles, and what
 *                              scripts name one gets what the host has set
 *   profile       NAME         for its service, whatever connect{} says
 *   proxy         true|false   honour HTTPS_PROXY and NO_PROXY
 *   ca_file       PATH         certificates to trust instead of the system's
 *
 * What scripts may do (docs/confinement.md). Beyond it the run ends with 6 and an error of kind
 * "guard" that no script can catch. 0 = no limit; lists are apart by commas, "" = none.
 *   confine       true|false   an allow-listed library, and the limits below unless they are
 *                              set (true); Moonlever's ready-made scripts are trusted
 *   isolate       none|process in a process of their own, with the limits of the system (none)
 *   isolate_program PATH       of moonlever-isolate, where it is not beside the library
 *   memory_max    BYTES        of the Lua state, 4 MiB and more (256 MiB)
 *   instructions_max N         of Lua code, and work of its library counted as such (5e9)
 *   script_time_max SECONDS    of processor time in Lua code; waiting is free (60)
 *   output_max    BYTES        printed and logged (64 MiB)
 *   files         true|false   csv, reports and uploads may use files (false when confined)
 *   hosts         ORIGINS      that may be talked to, such as https://app.screendesk.io; not
 *                              set: those of the host's settings, none that scripts choose
 *   methods       METHODS      that may be sent, such as GET,HEAD,PATCH (all)
 *   writes        RESOURCES    that may be written, such as screendesk.recordings (all);
 *                              the header of a script only narrows it
 */
MOONLEVER_API int moonlever_set(moonlever *h, const char *key, const char *value);
MOONLEVER_API void moonlever_on_log(moonlever *h, moonlever_log_fn fn, void *ud);
MOONLEVER_API void moonlever_on_output(moonlever *h, moonlever_output_fn fn, void *ud);
/* Without this callback and without yes=true no change is sent. */
MOONLEVER_API void moonlever_on_confirm(moonlever *h, moonlever_confirm_fn fn, void *ud);
/* Inside on_confirm: the word that somebody should type instead of a plain yes (the name of a
 * profile that is production); "" = a yes will do. */
MOONLEVER_API const char *moonlever_confirm_word(const moonlever *h);
/* Without this callback profiles with a token_cmd have no token. Called while a script
 * connects. */
MOONLEVER_API void moonlever_on_command(moonlever *h, moonlever_command_fn fn, void *ud);
MOONLEVER_API void moonlever_on_run(moonlever *h, moonlever_run_fn fn, void *ud);
/* Goes before all other sources of credentials. */
MOONLEVER_API void moonlever_on_credential(moonlever *h, moonlever_credential_fn fn, void *ud);
/* {"event":"change","seq":3,"operation":"screendesk.recordings.update","target":"9f1c...",
 *  "state":"confirmed|accepted|noop|planned|failed|conflict|unknown","kind":...,"reason":...}
 *     each change, when it has ended; `seq` is its number in the journal (absent: it has none),
 *     `kind` and `reason` are there when it did not go well
 * {"event":"progress","requests":...} with the names of struct moonlever_status (and pause_ms)
 *     at most five times a second, when something moved, and at the end
 */
MOONLEVER_API void moonlever_on_event(moonlever *h, moonlever_event_fn fn, void *ud);

/* --- Functions of the host. A script calls moonlever.host.NAME(...).
 *
 *     static void book(void *ud, uint64_t call, const char *args, size_t len)
 *     {   // args: {"minutes":5,"ticket":"T-1"}
 *         moonlever_return(ud, call, "{\"booked\":true}", 15);
 *     }
 *     moonlever_function(h, "book(ticket: string, minutes: integer?)", book, h);
 *
 * The signature gives each argument a name and a type (string, integer, number, boolean, array,
 * object, any; `?` = may be left out), and what does not fit is an error in the script that the
 * host never hears of. The callback gets a JSON object, valid during the callback. It answers
 * there, or later from the thread of the handle: the script waits, everything else goes on.
 */
/* Lends a function, for all runs of the handle; one of the same name takes its place. Not while
 * a run is under way. MOONLEVER_EUSAGE: what is wrong with the signature. */
MOONLEVER_API int moonlever_function(moonlever *h, const char *signature,
                                     moonlever_function_fn fn, void *ud);
/* Answers a call with one JSON value, copied; NULL = null, which is nil for the script.
 * MOONLEVER_EUSAGE: nobody waits for that call any more (it was answered, or cancelled), or the
 * text is not JSON, and the call still waits. */
MOONLEVER_API int moonlever_return(moonlever *h, uint64_t call, const char *json, size_t len);
/* Answers a call with an error object of this kind ("notfound", "forbidden", "invalid", ... as
 * in scripts; NULL = "remote") and text. As moonlever_return(). */
MOONLEVER_API int moonlever_raise(moonlever *h, uint64_t call, const char *kind,
                                  const char *text);

/* Names (ended by NULL, borrowed) that a script's header may not give to its arguments, because
 * the host takes them for itself: the long flags of a command line. */
MOONLEVER_API void moonlever_reserve_flags(moonlever *h, const char *const *names);

/* The environment variables that hold credentials of the known services, ended by NULL: a
 * program that takes them out of its environment passes them on with "credential". */
MOONLEVER_API const char *const *moonlever_credential_names(void);

/* Loads a script (a path, or the name of a ready-made script) and starts it. Text only. The
 * arguments are copied. A syntax error or a missing file is MOONLEVER_EUSAGE. */
MOONLEVER_API int moonlever_run_start(moonlever *h, const char *script, int argc,
                                      const char *const *argv);
/* As moonlever_run_start with the text of the script; `name` is what messages call it. */
MOONLEVER_API int moonlever_run_text(moonlever *h, const char *name, const char *text,
                                     size_t len, int argc, const char *const *argv);
/* The following are runs as well; what is wrong with the run or the plan shows in their exit
 * code and in moonlever_errmsg().
 * Sends the changes of a plan file, or what an earlier apply of it has left. */
MOONLEVER_API int moonlever_apply_start(moonlever *h, const char *plan_path);
/* Takes up a run that was stopped or killed: settles what it had sent, then does the rest. */
MOONLEVER_API int moonlever_resume_start(moonlever *h, const char *run);
/* Takes back what a run has changed, and nobody since. */
MOONLEVER_API int moonlever_undo_start(moonlever *h, const char *run);
/* Runs the script of a run again, writing only where that run did not succeed. */
MOONLEVER_API int moonlever_rerun_start(moonlever *h, const char *run);
/* Runs one of the program's own tools ("runs", "show"), which print to the output callback. */
MOONLEVER_API int moonlever_tool_start(moonlever *h, const char *tool, int argc,
                                       const char *const *argv);
/* --- A session: Lua a line at a time, for a person or a program that types it. It is one run;
 * with dry_run=true its changes are planned, and the host sends what is committed.
 * The session asks its host with a text, and goes on when that is answered:
 *   hello              which words describe the host: "terminal", "practice", or none of them
 *   line PROMPT        the next line: "=COLUMNS TEXT" (COLUMNS 0: tables are for programs), "!"
 * for a line that was given up, "?TEXT" what could complete TEXT words AT\nWORD...  the answer
 * to "?": words that may stand from byte AT (from 1) on history            the lines so far,
 * each with its newline commit N\nPLAN     send this plan (moonlever_apply_start), N: the
 * number confirmed, 0 = none; answered with moonlever_result_json() of that run
 */
MOONLEVER_API int moonlever_session_start(moonlever *h);
/* What the session asks just now, NULL = nothing. Valid until it is answered. */
MOONLEVER_API const char *moonlever_asks(const moonlever *h);
/* Answers it; text NULL ends the session. The text is copied. MOONLEVER_EUSAGE: nothing is
 * asked. */
MOONLEVER_API int moonlever_answer(moonlever *h, const char *text, size_t len);
/* Stops what the last line has begun, and nothing else. */
MOONLEVER_API void moonlever_interrupt(moonlever *h);
/* How many columns a text takes when it is shown; without it every character takes one. */
typedef size_t (*moonlever_width_fn)(void *ud, const char *text, size_t len);
MOONLEVER_API void moonlever_on_width(moonlever *h, moonlever_width_fn fn, void *ud);

/* 1 when no run is under way. */
MOONLEVER_API int moonlever_run_done(const moonlever *h);
/* Readable when dispatch has something to do. Owned by the handle. */
MOONLEVER_API int moonlever_fd(const moonlever *h);
/* Milliseconds until dispatch should be called even if the descriptor is quiet; -1 = no limit.
 */
MOONLEVER_API int moonlever_timeout_ms(const moonlever *h);
/* Does what can be done now, without blocking. */
MOONLEVER_API int moonlever_dispatch(moonlever *h);
/* Waits up to timeout_ms (-1 = as long as it takes) for work, then dispatches. */
MOONLEVER_API int moonlever_wait(moonlever *h, int timeout_ms);
/* Stops the run: what waits is cancelled, the script sees an error of kind "cancelled". */
MOONLEVER_API void moonlever_cancel(moonlever *h);

/* The end of the last run, one JSON line without newline:
 * {"run":"ID"|null,"state":"done|partial|stopped|planned","counts":{...},"exit":N}.
 * Valid until the next run or close; "{}" before the first. */
MOONLEVER_API const char *moonlever_result_json(moonlever *h);
/* The exit code by contract, -1 while a run is under way. */
MOONLEVER_API int moonlever_exit_code(const moonlever *h);
/* Why the run ended as it did, for people: several lines, "" when there is nothing to say. */
MOONLEVER_API const char *moonlever_errmsg(const moonlever *h);
/* The closing report for people, lines with newlines, "" when nothing was changed or read. */
MOONLEVER_API const char *moonlever_report(moonlever *h);
MOONLEVER_API int moonlever_status(const moonlever *h, struct moonlever_status *out);
/* The ready-made scripts: name of number `index` from 0, NULL behind the last. */
MOONLEVER_API const char *moonlever_script_name(size_t index);
/* The text of a ready-made script, NULL when there is none of that name. */
MOONLEVER_API const char *moonlever_script_text(const char *name);

/* --- For a host that has a Lua of its own: luaL_requiref(L, "moonlever", luaopen_moonlever,
 * 0). No handle is needed: calls outside of moonlever.spawn() wait until they are done. The
 * state keeps its allocator, hooks, mode of collection and print; its end (lua_close) is the
 * end of the run. Credentials and origins come from the environment, and writes need
 * MOONLEVER_YES=1 there. The state has to be of the liblua5.4 that the library is linked with;
 * a program with another Lua inside loads the Lua module moonlever.so instead, which brings
 * none. */
struct lua_State;
MOONLEVER_API int luaopen_moonlever(struct lua_State *L);

#ifdef __cplusplus
}
#endif
#endif
