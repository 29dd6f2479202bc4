/* SPDX-License-Identifier: MIT */
/*
 * Answers on their way out, whole or broken as the request's fate says.
 *
 * libmicrohttpd gives the two means: a body that comes from a callback can be
 * ended with an error (the connection is closed where it stands), and the
 * connection's socket can be had to reset it.
 *
 *     return ml_deliver(&p->delay, connection, &x->ask, &x->ans);
 */
#ifndef ML_PRACTICE_DELIVER_H
#define ML_PRACTICE_DELIVER_H

#include "practice/answer.h"
#include "practice/delay.h"

#include <microhttpd.h>

/* Queues the answer and takes its body over. MHD_NO: the connection is to be closed. */
enum MHD_Result ml_deliver(struct ml_delay *delay, struct MHD_Connection *connection,
                           const struct ml_ask *ask, struct ml_answer *ans);

#endif
