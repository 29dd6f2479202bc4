/* SPDX-License-Identifier: MIT */
/*
 * The practice account: a stateful, seeded copy of the three services on loopback,
 * with faults on request, so that nobody needs an account to start.
 *
 * It runs on its own thread(s) (libmicrohttpd) and shares no code with the
 * client above base: another JSON library (jansson), its own rules. Routes and
 * shapes come from the catalogues (tools/routes.lua turns them into C data).
 *
 * The services share the origin, and two of them some paths: the header that
 * brings the credential tells them apart. Files go to POST /practice/storage,
 * which stands for a storage host: it needs no token, but is numbered, logged
 * and meets faults.
 *
 * Invariants: it listens on 127.0.0.1 only; the account follows from the seed
 * alone, and its clock moves one second with every change, so that two runs can
 * be compared; a request's fault follows from the seed and its number.
 *
 * For tests there are five paths outside /api. They need no token, meet no
 * faults, and are neither numbered nor logged:
 *
 *   GET /practice/log?since=N   the requests with a number above N, oldest first:
 *       [{"n":7,"method":"PATCH","path":"/api/v2/recordings/…","status":200,
 *         "applied":true,"fault":null,"body":"{\"recording\":…}"}]
 *       status is 0 where nothing was answered; applied: state was changed as
 *       asked; fault: the knob that struck ("rate" for the limit) or null; body:
 *       the request's body as text, or null. A change that came late (late-apply,
 *       accept) has an entry of its own when it comes, with "late":N, the number of
 *       its request. The last 200,000 or 64 MiB are kept.
 *   GET /practice/state         {"recordings":{"count":500,"hash":"…"},
 *         "users":{"count":40,"hash":"…"},"screendragon":{"users":{"count":40,"hash":"…"}},
 *         "workdrive":{"posts":{"count":300,"hash":"…"},…},"hash":"…","requests":9,"applied":3}
 *       The hashes cover everything that can be changed, times left out.
 *   GET /practice/records?of=L  the records of the list L, such as screendragon.users or
 *       workdrive.posts, with what answers hide (members with an underscore). Lists that no
 *       call shows: workdrive.mails, .notifications, .messages, .entries (of FAQs), .files
 *       (with size and sha256), .forms (of uploads), .tokens, .organizations.
 *   GET /practice/stats         {"requests":9,"dropped":0,"unwritten":0,"operations":
 *         {"screendesk.recordings.list":{"received":5,"applied":0},…},"faults":{"429":1},
 *         "storage":{"received":2,"stored":1,"leaked":0},"printed":{"DELETE /api/documents":1}}
 *       dropped: log entries no longer kept; unwritten: lines missing in the file; leaked:
 *       uploads with a credential of the service; printed: forms of WorkDrive's manual that
 *       are never to be sent, and were.
 *   POST /practice/faults       {"faults":"429=5%"} from now on; "" for none.
 *       400 {"error":"…"} when it is not understood, and nothing changes.
 *
 *     struct ml_practice_conf conf;
 *     ml_practice_defaults(&conf);
 *     struct ml_practice *p;
 *     if (ml_practice_start(&conf, &p, &err) == 0) {
 *         printf("%s\n", ml_practice_origin(p));     // http://127.0.0.1:40123
 *         ml_practice_stop(p);
 *     }
 */
#ifndef ML_PRACTICE_PRACTICE_H
#define ML_PRACTICE_PRACTICE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct ml_practice;

struct ml_practice_conf {
    unsigned port;       /* 0 = any free port */
    unsigned long seed;  /* same seed, same account */
    unsigned recordings; /* how many recordings */
    unsigned users;      /* how many users, the owner included (at least 1) */
    unsigned page_size;  /* records a page; WorkDrive shows fewer where fewer are asked for */
    unsigned posts;      /* how many posts WorkDrive has */
    /* Fault text such as "429=5%,reset-after-apply=1%"; NULL or "" = none. */
    const char *faults;
    /* One JSON line a request is appended to this file: the entries of /practice/log without
     * the body, written before the answer goes out. NULL or "" = no file. */
    const char *log_path;
};

struct ml_practice_variable {
    const char *name;  /* "SCREENDESK_TOKEN" */
    const char *value; /* valid until stop */
    bool secret;       /* a credential, else an origin */
};

/* Port 0, seed 1, 500 recordings, 40 users, 100 a page, 300 posts, no faults. */
void ml_practice_defaults(struct ml_practice_conf *conf);
/* Starts the server; *out is owned by the caller. A fault text that does not parse is ML_USAGE
 * and names the part and the knobs there are. */
int ml_practice_start(const struct ml_practice_conf *conf, struct ml_practice **out,
                      struct ml_err *err);
/* "http://127.0.0.1:PORT", valid until stop. */
const char *ml_practice_origin(const struct ml_practice *p);
/* The tokens that the server accepts, never NULL. */
const char *ml_practice_token(const struct ml_practice *p);      /* SCREENDESK_TOKEN */
const char *ml_practice_scim_token(const struct ml_practice *p); /* SCREENDESK_SCIM_TOKEN */
/* SCREENDRAGON_TOKEN, an admin's. With "-member" behind it, it is that of the second user, who
 * has no rights but over his own record. */
const char *ml_practice_dragon_token(const struct ml_practice *p);
/* WORKDRIVE_API_KEY, that of the first person, who may do everything; with "-member" behind it
 * that of the second. A token that is issued for the first one takes its place. */
const char *ml_practice_work_key(const struct ml_practice *p);
/* The i-th variable of an environment to use the account with; false behind the last. */
bool ml_practice_variable(const struct ml_practice *p, size_t i,
                          struct ml_practice_variable *variable);
/* Stops and frees; NULL is fine. */
void ml_practice_stop(struct ml_practice *p);
/* The fault knobs, a line each, for help texts. */
const char *ml_practice_fault_help(void);

#endif
