/* SPDX-License-Identifier: MIT */
/*
 * The two servers of the hostile scripts: one that they may talk to, and one that hears of it
 * when somebody does who should not.
 *
 *     struct servers s;
 *     servers_start(&s);      // s.good_url, s.evil_url
 *     ...
 *     servers_stop(&s);
 */
#ifndef HOSTILE_SERVERS_H
#define HOSTILE_SERVERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct servers {
    int good, evil, wake[2];
    char good_url[60], evil_url[60], good_port[12], evil_port[12];
    pthread_t thread;
    atomic_bool injected;
};

/* -1: no sockets, or no thread. */
int servers_start(struct servers *s);
void servers_stop(struct servers *s);
/* Connections that the second one has had since the last question. */
unsigned servers_evil_connections(struct servers *s);
/* Has a request held what no request should since the last question? */
bool servers_injected(struct servers *s);

#endif
