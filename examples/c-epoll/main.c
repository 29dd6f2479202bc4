/* SPDX-License-Identifier: MIT */
/*
 * Moonlever in the loop of a server that has work of its own: one epoll holds
 * the server's sockets and the one descriptor of the handle.
 *
 *     c-epoll SCRIPT [ARG...]
 *
 * The server listens on a free port of loopback, which it prints, and answers
 * each line it receives with "N in flight", the requests that the script has
 * under way. At the end of the script it says how many lines it answered
 * meanwhile, and how long the longest moonlever_dispatch() took, during which
 * nobody else was served: of all of them, and of those with 500 and more
 * requests in flight.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <moonlever.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 64

struct host {
    moonlever *h;
    int epoll, listener;
    unsigned long answered;
    double longest_ms, longest_busy_ms; /* of moonlever_dispatch */
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int watch(struct host *host, int fd)
{
    struct epoll_event ev;
    memset(&ev, 0, sizeof ev);
    ev.events = EPOLLIN;
    ev.data.fd = fd;
    return epoll_ctl(host->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* The requests that the script has under way. */
static unsigned long in_flight(const struct host *host)
{
    struct moonlever_status s;
    s.size = sizeof s;
    return moonlever_status(host->h, &s) == MOONLEVER_OK ? (unsigned long)s.in_flight : 0;
}

/* --- the server --- */

static int start_listening(struct host *host)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    host->epoll = epoll_create1(EPOLL_CLOEXEC);
    host->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (host->epoll < 0 || host->listener < 0 ||
        bind(host->listener, (struct sockaddr *)&address, len) < 0 ||
        listen(host->listener, 16) < 0 || watch(host, host->listener) < 0 ||
        getsockname(host->listener, (struct sockaddr *)&address, &len) < 0)
        return -1;
    printf("listening on 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    return fflush(stdout);
}

static void welcome(struct host *host)
{
    int fd = accept(host->listener, NULL, NULL);
    if (fd >= 0 && watch(host, fd) < 0)
        close(fd);
}

static void answer(struct host *host, int fd)
{
    char line[256];
    ssize_t n = recv(fd, line, sizeof line, MSG_DONTWAIT);
    if (n <= 0) {
        close(fd);
        return;
    }
    int len = snprintf(line, sizeof line, "%lu in flight\n", in_flight(host));
    if (send(fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len)
        host->answered++;
}

/* --- the script beside it --- */

static void print(void *ud, const char *text, size_t len)
{
    (void)ud;
    fwrite(text, 1, len, stdout);
}

static void dispatch(struct host *host)
{
    int busy = in_flight(host) >= 500;
    double start = now_ms();
    moonlever_dispatch(host->h);
    double took = now_ms() - start;
    if (took > host->longest_ms)
        host->longest_ms = took;
    if (busy && took > host->longest_busy_ms)
        host->longest_busy_ms = took;
}

static int serve(struct host *host)
{
    struct epoll_event events[EVENTS];
    int i, n;
    if (watch(host, moonlever_fd(host->h)) < 0) /* there is one from moonlever_run_start on */
        return -1;
    while (!moonlever_run_done(host->h)) {
        n = epoll_wait(host->epoll, events, EVENTS, moonlever_timeout_ms(host->h));
        for (i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == host->listener)
                welcome(host);
            else if (fd != moonlever_fd(host->h))
                answer(host, fd);
        }
        dispatch(host); /* it is due, or it has nothing to do and returns at once */
    }
    return 0;
}

static int run(struct host *host, int argc, const char *const *argv)
{
    moonlever *h = host->h;
    moonlever_on_output(h, print, NULL);
    if (start_listening(host) < 0)
        return -1;
    if (moonlever_set(h, "env", "true") != MOONLEVER_OK ||
        moonlever_set(h, "concurrency", "1000") != MOONLEVER_OK ||
        moonlever_run_start(h, argv[1], argc - 2, argv + 2) != MOONLEVER_OK)
        return -1;
    if (serve(host) < 0)
        return -1;
    printf("%s\n", moonlever_result_json(h));
    printf("answered %lu lines meanwhile; the longest dispatch took %.2f ms, "
           "with 500 requests in flight %.2f ms\n",
           host->answered, host->longest_ms, host->longest_busy_ms);
    return moonlever_exit_code(h);
}

int main(int argc, char **argv)
{
    struct host host;
    int code;
    memset(&host, 0, sizeof host);
    if (argc < 2 || moonlever_open(&host.h) != MOONLEVER_OK)
        return 2;
    code = run(&host, argc, (const char *const *)argv);
    if (code != 0)
        fprintf(stderr, "%s\n", moonlever_errmsg(host.h));
    moonlever_close(host.h);
    return code < 0 ? 2 : code;
}
