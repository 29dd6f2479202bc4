/* SPDX-License-Identifier: MIT */
#include "servers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOW_US 100000 /* of an answer below /slow */

static int listen_on(char *url, size_t size, char *port, size_t port_size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return -1;
    snprintf(port, port_size, "%u", ntohs(at.sin_port));
    snprintf(url, size, "http://127.0.0.1:%s", port);
    return fd;
}

/* --- answers --- */

/* Where a path below /redirect/ leads. */
static void location(const struct servers *s, const char *kind, char *out, size_t size)
{
    if (strncmp(kind, "slashes", 7) == 0)
        snprintf(out, size, "//127.0.0.1:%s/x", s->evil_port);
    else if (strncmp(kind, "userinfo", 8) == 0)
        snprintf(out, size, "http://127.0.0.1:%s@127.0.0.1:%s/x", s->good_port, s->evil_port);
    else if (strncmp(kind, "number", 6) == 0)
        snprintf(out, size, "http://2130706433:%s/x", s->evil_port);
    else if (strncmp(kind, "file", 4) == 0)
        snprintf(out, size, "file:///etc/passwd");
    else if (strncmp(kind, "self", 4) == 0)
        snprintf(out, size, "/redirect/self");
    else
        snprintf(out, size, "%s/x", s->evil_url);
}

static void answer(const struct servers *s, const char *head, char *out, size_t size)
{
    char to[200], body[300] = "{}";
    const char *path = strchr(head, ' ') ? strchr(head, ' ') + 1 : "";
    const char *token = strcasestr(head, "authorization:");
    if (strncmp(path, "/redirect/", 10) == 0) {
        location(s, path + 10, to, sizeof to);
        snprintf(out, size, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                 to);
        return;
    }
    bool echo = strncmp(path, "/echo", 5) == 0;
    if (echo)
        snprintf(body, sizeof body, "{\"error\":\"%.*s\"}",
                 token ? (int)strcspn(token, "\r\n") : 0, token ? token : "");
    snprintf(out, size,
             "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
             "Connection: close\r\n\r\n%s",
             echo ? "400 Bad Request" : "200 OK", strlen(body), body);
}

/* One request a connection; scripts send small ones. */
static void serve(struct servers *s, int fd)
{
    char head[8192], out[1024];
    size_t len = 0;
    ssize_t n;
    struct timeval patience = {5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    head[0] = '\0';
    while (len < sizeof head - 1 && !strstr(head, "\r\n\r\n") &&
           (n = recv(fd, head + len, sizeof head - 1 - len, 0)) > 0) {
        len += (size_t)n;
        head[len] = '\0';
    }
    if (strcasestr(head, "injected"))
        atomic_store(&s->injected, true);
    answer(s, head, out, sizeof out);
    if (strstr(head, " /slow"))
        usleep(SLOW_US);
    if (len)
        send(fd, out, strlen(out), MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (recv(fd, head, sizeof head, 0) > 0)
        continue;
    close(fd);
}

static void *work(void *ud)
{
    struct servers *s = ud;
    struct pollfd watched[2] = {{.fd = s->good, .events = POLLIN},
                                {.fd = s->wake[0], .events = POLLIN}};
    while (poll(watched, 2, -1) > 0 && !watched[1].revents) {
        int fd = accept4(s->good, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            serve(s, fd);
    }
    return NULL;
}

int servers_start(struct servers *s)
{
    memset(s, 0, sizeof *s);
    s->good = listen_on(s->good_url, sizeof s->good_url, s->good_port, sizeof s->good_port);
    s->evil = listen_on(s->evil_url, sizeof s->evil_url, s->evil_port, sizeof s->evil_port);
    if (s->good < 0 || s->evil < 0 || pipe(s->wake) < 0)
        return -1;
    return pthread_create(&s->thread, NULL, work, s) == 0 ? 0 : -1;
}

void servers_stop(struct servers *s)
{
    close(s->wake[1]);
    pthread_join(s->thread, NULL);
    close(s->wake[0]);
    close(s->good);
    close(s->evil);
}

unsigned servers_evil_connections(struct servers *s)
{
    unsigned n = 0;
    for (int fd; (fd = accept4(s->evil, NULL, NULL, SOCK_CLOEXEC)) >= 0; n++)
        close(fd);
    return n;
}

bool servers_injected(struct servers *s)
{
    return atomic_exchange(&s->injected, false);
}
