/* SPDX-License-Identifier: MIT */
#include "practice/deliver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define DRIP_PIECES 24     /* a page of 150 kB is through after 24 pieces */
#define DRIP_PAUSE_US 1000 /* so that each piece is a packet of its own */

/* A body that is sent piece by piece. Owned by its response. */
struct piece {
    char *data; /* owned */
    size_t len;
    size_t end;  /* bytes that are sent; below len the connection is then closed */
    size_t step; /* bytes at once, with a pause before each but the first; 0 = no pauses */
    bool rested;
    struct ml_wait wait;
    struct ml_delay *delay;
    struct MHD_Connection *connection;
};

static ssize_t read_piece(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct piece *piece = cls;
    if (pos >= piece->end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (piece->step && pos > 0 && !piece->rested) {
        piece->rested = true;
        if (ml_delay_hold(piece->delay, &piece->wait, piece->connection, DRIP_PAUSE_US) == 0)
            return 0; /* asked again when it wakes */
    }
    piece->rested = false;
    size_t n = piece->end - pos;
    if (piece->step && n > piece->step)
        n = piece->step;
    if (n > max)
        n = max;
    memcpy(buf, piece->data + pos, n);
    return (ssize_t)n;
}

static void free_piece(void *cls)
{
    struct piece *piece = cls;
    free(piece->data);
    free(piece);
}

/* A response that reads from a piece, which takes the body over. NULL: no memory. */
static struct MHD_Response *piecewise(struct ml_delay *delay, struct MHD_Connection *connection,
                                      enum ml_break kind, struct ml_buf *body)
{
    struct piece *piece = calloc(1, sizeof *piece);
    if (!piece)
        return NULL;
    piece->data = body->data;
    piece->len = body->len;
    piece->end = kind == ML_BREAK_DRIP ? body->len : body->len / 2;
    piece->step = kind == ML_BREAK_DRIP ? body->len / DRIP_PIECES + 1 : 0;
    piece->delay = delay;
    piece->connection = connection;
    ml_buf_create(body, body->max); /* the bytes are the piece's now */
    uint64_t declared = kind == ML_BREAK_HALF_CHUNKED ? MHD_SIZE_UNKNOWN : piece->len;
    struct MHD_Response *response =
        MHD_create_response_from_callback(declared, 16384, read_piece, piece, free_piece);
    if (!response)
        free_piece(piece);
    return response;
}

static struct MHD_Response *whole(struct ml_buf *body)
{
    if (!body->data)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
    if (response)
        ml_buf_create(body, body->max);
    return response;
}

static enum MHD_Result add_headers(struct MHD_Response *response, const struct ml_ask *ask,
                                   const struct ml_answer *ans)
{
    enum MHD_Result ok = MHD_add_response_header(response, "x-request-id", ans->request_id);
    if (ok && ans->type)
        ok = MHD_add_response_header(response, "Content-Type", ans->type);
    if (ok && ask->fate.retry_after[0])
        ok = MHD_add_response_header(response, "Retry-After", ask->fate.retry_after);
    return ok;
}

/* Closes the connection with a reset. Connecting a TCP socket to "no address" makes the kernel
 * send RST at once (tcp(7) has it as the way to dissolve an association); the linger option
 * covers what closes the socket later. Afterwards libmicrohttpd finds a dead socket. */
static enum MHD_Result reset(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        connect(info->connect_fd, &none, sizeof none);
    }
    return MHD_NO;
}

enum MHD_Result ml_deliver(struct ml_delay *delay, struct MHD_Connection *connection,
                           const struct ml_ask *ask, struct ml_answer *ans)
{
    enum ml_break kind = ask->fate.kind;
    if (kind == ML_BREAK_RESET || kind == ML_BREAK_RESET_AFTER)
        return reset(connection);
    if (kind == ML_BREAK_CLOSE_AFTER || kind == ML_BREAK_LATE)
        return MHD_NO; /* libmicrohttpd closes in order */
    if (kind == ML_BREAK_HANG)
        return MHD_NO; /* let go because the server stops */

    bool pieces =
        kind == ML_BREAK_HALF || kind == ML_BREAK_HALF_CHUNKED || kind == ML_BREAK_DRIP;
    struct ml_buf *body = &ans->out.buf;
    struct MHD_Response *response =
        pieces ? piecewise(delay, connection, kind, body) : whole(body);
    if (!response)
        return MHD_NO;
    enum MHD_Result ok = add_headers(response, ask, ans);
    if (ok)
        ok = MHD_queue_response(connection, (unsigned)ans->status, response);
    MHD_destroy_response(response);
    return ok;
}
