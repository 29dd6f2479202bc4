/* SPDX-License-Identifier: MIT */
/*
 * The server of the cases that nginx cannot play: answers that come a fixed time after their
 * request, and lists too long to lie on a disk. One thread, one epoll, and because the delay is
 * the same for all, the answers that wait are a plain queue.
 *
 *     loopback_server DELAY_US PAGES PAGE_FILE RECORD_FILE
 *
 * prints its port and serves 127.0.0.1 until standard input ends:
 *
 *     GET /api/v2/recordings?page=N        PAGE_FILE with its tokens filled in
 *     PATCH (or GET) /api/v2/recordings/U  RECORD_FILE with U as its uuid
 *     GET /stats                           {"requests":N}, this one not counted
 *
 * The tokens are those of lib/fixtures.py: eight times the same character, replaced by eight.
 *
 * Invariants
 *   1. A connection has one request at a time: the next is read when the answer is out.
 *   2. A connection in the queue is in no other place, and the queue is in order of time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { TOKEN = 8, UUID = 36, REQUEST_MAX = 16384, HEAD_MAX = 160, SLOTS_MAX = 4096 };

struct slot {
    size_t at;
    char kind; /* the character of the token */
};

struct answer_file {
    char *text;
    size_t len;
    struct slot slots[SLOTS_MAX];
    size_t slots_len;
};

struct conn {
    int fd;
    int64_t due_us;
    struct conn *next; /* in the queue */
    char in[REQUEST_MAX + 1];
    size_t in_len;
    size_t request_len; /* 0 = not yet whole */
    char *out;
    size_t out_len, out_sent;
};

struct server {
    int epoll_fd, listen_fd, timer_fd;
    int64_t delay_us;
    long pages;
    struct answer_file page, record;
    struct conn *first, *last; /* answers that wait */
    unsigned long requests;
};

static void die(const char *what)
{
    fprintf(stderr, "loopback_server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- what is answered ------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die(path);
    long size = ftell(f);
    char *text = size < 0 ? NULL : malloc((size_t)size + 1);
    rewind(f);
    if (!text || fread(text, 1, (size_t)size, f) != (size_t)size)
        die(path);
    fclose(f);
    text[size] = '\0';
    *len = (size_t)size;
    return text;
}

static bool is_token(const char *at)
{
    for (int i = 1; i < TOKEN; i++)
        if (at[i] != at[0])
            return false;
    return strchr("%+~<>#", at[0]) != NULL;
}

static void find_slots(struct answer_file *a)
{
    for (size_t i = 0; i + TOKEN <= a->len; i++)
        if (is_token(a->text + i)) {
            if (a->slots_len == SLOTS_MAX) {
                fprintf(stderr, "loopback_server: more than %d tokens\n", SLOTS_MAX);
                exit(2);
            }
            a->slots[a->slots_len++] = (struct slot){i, a->text[i]};
            i += TOKEN - 1;
        }
}

/* Eight characters (and a NUL) for a token of page `page`. */
static void fill(char out[TOKEN + 1], char kind, long page, long pages, long records)
{
    long value = page;
    if (kind == '+')
        value = page < pages ? page + 1 : 0;
    else if (kind == '~')
        value = page - 1;
    else if (kind == '<')
        value = (page - 1) * records + 1;
    else if (kind == '>')
        value = page * records;
    if (kind == '#')
        snprintf(out, TOKEN + 1, "%08lx", page & 0xffffffffL);
    else if (value == 0)
        memcpy(out, "    null", TOKEN + 1);
    else
        snprintf(out, TOKEN + 1, "%8lu", (unsigned long)value % 100000000UL);
}

static size_t put_head(char *out, int status, size_t body_len)
{
    return (size_t)snprintf(
        out, HEAD_MAX,
        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        status, status == 200 ? "OK" : "Not Found", body_len);
}

static void answer_page(struct server *s, struct conn *c, long page)
{
    const struct answer_file *a = &s->page;
    size_t head = put_head(c->out, 200, a->len);
    char *body = c->out + head, hex[TOKEN + 1], text[TOKEN + 1];
    long records = (long)a->slots_len - 5;
    fill(hex, '#', page, s->pages, records);
    memcpy(body, a->text, a->len);
    for (size_t i = 0; i < a->slots_len; i++) {
        const char *eight = hex;
        if (a->slots[i].kind != '#') {
            fill(text, a->slots[i].kind, page, s->pages, records);
            eight = text;
        }
        memcpy(body + a->slots[i].at, eight, TOKEN);
    }
    c->out_len = head + a->len;
}

static void answer_record(struct server *s, struct conn *c, const char *uuid)
{
    const struct answer_file *a = &s->record;
    size_t head = put_head(c->out, 200, a->len);
    memcpy(c->out + head, a->text, a->len);
    memcpy(c->out + head + a->slots[0].at, uuid, UUID);
    c->out_len = head + a->len;
}

static void answer_text(struct conn *c, int status, const char *body)
{
    size_t len = strlen(body), head = put_head(c->out, status, len);
    memcpy(c->out + head, body, len);
    c->out_len = head + len;
}

/* The page number in the query of a request line, 1 where there is none. */
static long page_of(const char *query)
{
    const char *at = strstr(query, "page=");
    return at ? strtol(at + 5, NULL, 10) : 1;
}

static void make_answer(struct server *s, struct conn *c)
{
    static const char prefix[] = "/api/v2/recordings";
    char *line_end = strstr(c->in, "\r\n");
    *line_end = '\0';
    const char *path = strchr(c->in, ' ');
    path = path ? path + 1 : "";
    const char *rest =
        strncmp(path, prefix, sizeof prefix - 1) == 0 ? path + sizeof prefix - 1 : "";
    char stats[64];
    c->out_sent = 0;
    if (rest[0] == '/' && strcspn(rest + 1, " ?/") == UUID)
        answer_record(s, c, rest + 1);
    else if ((rest[0] == '?' || rest[0] == ' ') && page_of(rest) >= 1 &&
             page_of(rest) <= s->pages)
        answer_page(s, c, page_of(rest));
    else if (strncmp(path, "/stats ", 7) == 0) {
        snprintf(stats, sizeof stats, "{\"requests\":%lu}", s->requests);
        answer_text(c, 200, stats);
        return;
    } else
        answer_text(c, 404, "{\"error\":\"not found\"}");
    s->requests++;
}

/* --- connections ------------------------------------------------------------------------ */

static void watch(struct server *s, struct conn *c, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &e) != 0)
        die("epoll_ctl");
}

static void unqueue(struct server *s, const struct conn *c)
{
    struct conn *before = NULL;
    for (struct conn *at = s->first; at; before = at, at = at->next)
        if (at == c) {
            *(before ? &before->next : &s->first) = c->next;
            if (s->last == c)
                s->last = before;
            return;
        }
}

static void drop(struct server *s, struct conn *c)
{
    unqueue(s, c);
    close(c->fd);
    free(c->out);
    free(c);
}

static void arm(struct server *s)
{
    struct itimerspec t = {0};
    if (s->first) {
        int64_t due = s->first->due_us;
        t.it_value.tv_sec = due / 1000000;
        t.it_value.tv_nsec = due % 1000000 * 1000 + 1;
    }
    timerfd_settime(s->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static void enqueue(struct server *s, struct conn *c)
{
    bool was_empty = s->first == NULL;
    c->due_us = now_us() + s->delay_us;
    c->next = NULL;
    *(was_empty ? &s->first : &s->last->next) = c;
    s->last = c;
    if (was_empty)
        arm(s);
}

/* The length of the request that starts the buffer, 0 when it is not all there, -1 when it is
 * too long ever to be. */
static long request_length(const struct conn *c)
{
    const char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return c->in_len == REQUEST_MAX ? -1 : 0;
    long len = end + 4 - c->in;
    const char *field = strcasestr(c->in, "\r\ncontent-length:");
    if (field && field < end)
        len += strtol(field + 17, NULL, 10);
    if (len > REQUEST_MAX)
        return -1;
    return (size_t)len <= c->in_len ? len : 0;
}

static bool take_request(struct server *s, struct conn *c);

/* Sends what is left; when all is out the next request may follow. False: the connection is
 * gone. */
static bool send_answer(struct server *s, struct conn *c)
{
    while (c->out_sent < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            watch(s, c, EPOLLOUT);
            return true;
        }
        if (n < 0) {
            drop(s, c);
            return false;
        }
        c->out_sent += (size_t)n;
    }
    memmove(c->in, c->in + c->request_len, c->in_len - c->request_len + 1);
    c->in_len -= c->request_len;
    c->request_len = c->out_len = 0;
    return take_request(s, c);
}

/* Answers the request in the buffer, at once or when its time has come, if it is whole. */
static bool take_request(struct server *s, struct conn *c)
{
    long len = request_length(c);
    if (len < 0) {
        drop(s, c);
        return false;
    }
    if (len == 0) {
        watch(s, c, EPOLLIN);
        return true;
    }
    c->request_len = (size_t)len;
    if (s->delay_us > 0) {
        watch(s, c, 0);
        enqueue(s, c);
        return true;
    }
    make_answer(s, c);
    return send_answer(s, c);
}

static void on_readable(struct server *s, struct conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, REQUEST_MAX - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(s, c);
        return;
    }
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
    take_request(s, c);
}

static void on_connection(struct server *s)
{
    int fd = accept4(s->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0)
        return; /* it went away again */
    struct conn *c = calloc(1, sizeof *c);
    size_t body = s->page.len > s->record.len ? s->page.len : s->record.len;
    if (!c || !(c->out = malloc(HEAD_MAX + body)))
        die("memory");
    c->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        die("epoll_ctl");
}

static void on_timer(struct server *s)
{
    uint64_t expirations;
    if (read(s->timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
        die("timer");
    int64_t now = now_us();
    while (s->first && s->first->due_us <= now) {
        struct conn *c = s->first;
        s->first = c->next;
        if (!s->first)
            s->last = NULL;
        make_answer(s, c);
        send_answer(s, c);
    }
    arm(s);
}

/* --- the server ------------------------------------------------------------------------- */

static void add(struct server *s, int fd, void *mark)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = mark};
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        die(fd == STDIN_FILENO ? "standard input must be a pipe; its end ends the server"
                               : "epoll_ctl");
}

static void open_server(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    s->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->listen_fd < 0 || bind(s->listen_fd, (struct sockaddr *)&a, len) != 0 ||
        listen(s->listen_fd, 1024) != 0 ||
        getsockname(s->listen_fd, (struct sockaddr *)&a, &len) != 0)
        die("listen on 127.0.0.1");
    s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->timer_fd < 0 || s->epoll_fd < 0)
        die("epoll");
    add(s, s->listen_fd, &s->listen_fd);
    add(s, s->timer_fd, &s->timer_fd);
    add(s, STDIN_FILENO, s);
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
}

/* False when standard input has ended. */
static bool handle(struct server *s, const struct epoll_event *e)
{
    char ignored[64];
    if (e->data.ptr == s)
        return read(STDIN_FILENO, ignored, sizeof ignored) > 0;
    struct conn *c = e->data.ptr;
    if (e->data.ptr == &s->listen_fd)
        on_connection(s);
    else if (e->data.ptr == &s->timer_fd)
        on_timer(s);
    else if (e->events & EPOLLOUT)
        send_answer(s, c);
    else if (e->events & EPOLLIN)
        on_readable(s, c);
    else
        drop(s, c);
    return true;
}

/* One event a wait: an event of a connection that the one before it closed cannot come up. */
static void serve(struct server *s)
{
    struct epoll_event e;
    for (;;) {
        int n = epoll_wait(s->epoll_fd, &e, 1, -1);
        if (n < 0 && errno != EINTR)
            die("epoll_wait");
        if (n == 1 && !handle(s, &e))
            return;
    }
}

int main(int argc, char **argv)
{
    struct server s = {0};
    if (argc != 5) {
        fprintf(stderr, "usage: loopback_server DELAY_US PAGES PAGE_FILE RECORD_FILE\n");
        return 2;
    }
    s.delay_us = atoll(argv[1]);
    s.pages = atol(argv[2]);
    s.page.text = read_file(argv[3], &s.page.len);
    s.record.text = read_file(argv[4], &s.record.len);
    find_slots(&s.page);
    find_slots(&s.record);
    if (s.delay_us < 0 || s.pages < 1 || s.page.slots_len < 5 || s.record.slots_len < 1) {
        fprintf(stderr,
                "loopback_server: DELAY_US >= 0, PAGES >= 1, and files with tokens please\n");
        return 2;
    }
    open_server(&s);
    serve(&s);
    return 0;
}
