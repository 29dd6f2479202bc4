/* SPDX-License-Identifier: MIT */
/*
 * The practice account: a stateful, seeded copy of the services on loopback,
 * with faults on request, so that nobody needs an account to start.
 *
 * It runs on its own thread(s) (libmicrohttpd) and shares no code with the
 * client above base: another JSON library (jansson), its own rules. Routes and
 * shapes come from the catalogues (tools/routes.lua turns them into C data).
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

struct ml_practice;

struct ml_practice_conf {
    unsigned port;       /* 0 = any free port */
    unsigned long seed;  /* same seed, same account */
    unsigned recordings; /* how many recordings */
    unsigned users;      /* how many users, the owner included (at least 1) */
    unsigned page_size;  /* records a page */
    const char
        *faults; /* fault text such as "429=5%,reset-after-apply=1%", NULL or "" = none */
    const char *log_path; /* one JSON line a request is appended here, NULL = no log */
};

/* Port 0, seed 1, 500 recordings, 40 users, 100 a page, no faults. */
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
/* Stops and frees; NULL is fine. */
void ml_practice_stop(struct ml_practice *p);
/* The fault knobs, a line each, for help texts. */
const char *ml_practice_fault_help(void);

#endif
