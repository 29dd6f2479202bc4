/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS 64
#define WATCHED (-1) /* the event of a descriptor that is not curl's */
#define UNKNOWN 0xff /* `told`: the number may stand for another socket by now */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- what curl tells us: recorded here, applied in ml_loop_flush --- */

static int grow_fds(struct ml_loop *loop, int fd)
{
    if (fd < loop->fds_len)
        return 0;
    int len = loop->fds_len ? loop->fds_len : 64;
    while (len <= fd)
        len *= 2;
    struct ml_loop_fd *fds = realloc(loop->fds, (size_t)len * sizeof *fds);
    if (!fds)
        return -1;
    memset(fds + loop->fds_len, 0, (size_t)(len - loop->fds_len) * sizeof *fds);
    loop->fds = fds;
    loop->fds_len = len;
    return 0;
}

static int mark_dirty(struct ml_loop *loop, int fd)
{
    if (loop->fds[fd].dirty)
        return 0;
    if (loop->dirty_len == loop->dirty_cap) {
        int cap = loop->dirty_cap ? loop->dirty_cap * 2 : 64;
        int *dirty = realloc(loop->dirty, (size_t)cap * sizeof *dirty);
        if (!dirty)
            return -1;
        loop->dirty = dirty;
        loop->dirty_cap = cap;
    }
    loop->dirty[loop->dirty_len++] = fd;
    loop->fds[fd].dirty = true;
    return 0;
}

/* Out of epoll; it may be closed already: no matter. */
static void forget_fd(struct ml_loop *loop, int fd)
{
    struct epoll_event ev = {0};
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, &ev);
    loop->fds[fd].told = 0;
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ud, void *socket_ud)
{
    (void)easy, (void)socket_ud;
    struct ml_loop_multi *multi = ud;
    struct ml_loop *loop = multi->loop;
    if (grow_fds(loop, fd) < 0 || mark_dirty(loop, fd) < 0) {
        loop->no_memory = true;
        return -1;
    }
    /* Descriptors of curl's own (the resolver's) are closed unseen right after this and their
     * numbers given out again. A forked child may hold them open: then the kernel would go on
     * reporting them, and nobody could take them out any more. So they go now. */
    if (what == CURL_POLL_REMOVE && !loop->fds[fd].ours)
        forget_fd(loop, fd);
    loop->fds[fd].multi = multi;
    loop->fds[fd].want = what == CURL_POLL_REMOVE ? 0
                                                  : (what & CURL_POLL_IN ? EPOLLIN : 0) |
                                                        (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    return 0;
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer(CURLM *curl, long timeout_ms, void *ud)
{
    (void)curl;
    struct ml_loop_multi *multi = ud;
    multi->due_us = timeout_ms < 0 ? INT64_MAX : ml_clock_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

/* CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION: knowing when a number changes
 * hands saves two system calls a request, because a kept connection can stay as it was told. */
static curl_socket_t on_open(void *ud, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct ml_loop *loop = ud;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (grow_fds(loop, fd) < 0) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    loop->fds[fd].ours = true;
    loop->fds[fd].told = UNKNOWN;
    return fd;
}

static int on_close(void *ud, curl_socket_t fd)
{
    struct ml_loop *loop = ud;
    if (fd < loop->fds_len) {
        struct ml_loop_fd *f = &loop->fds[fd];
        if (f->told != UNKNOWN && f->told != 0) /* a forked child may hold it open */
            forget_fd(loop, fd);
        f->ours = false;
        f->told = UNKNOWN;
    }
    return close(fd);
}

/* --- life --- */

static int watch(struct ml_loop *loop, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return fd < 0 ? -1 : epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static int create_multi(struct ml_loop *loop, struct ml_loop_multi *multi)
{
    *multi = (struct ml_loop_multi){.loop = loop, .due_us = INT64_MAX};
    multi->curl = curl_multi_init();
    if (!multi->curl)
        return -1;
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_MAX_CONCURRENT_STREAMS, 100L);
    return 0;
}

static int create_multis(struct ml_loop *loop)
{
    loop->share = curl_share_init();
    if (!loop->share)
        return -1;
    curl_share_setopt(loop->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    for (int i = 0; i < ML_LOOP_MULTIS; i++)
        if (create_multi(loop, &loop->multi[i]) < 0)
            return -1;
    return 0;
}

int ml_loop_create(struct ml_loop *loop, struct ml_err *err)
{
    pthread_once(&curl_once, curl_start);
    *loop = (struct ml_loop){.armed_us = INT64_MAX};
    ml_heap_create(&loop->timers);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || watch(loop, loop->timer_fd) < 0 ||
        watch(loop, loop->wake_fd) < 0) {
        ml_err_set(err, ML_USAGE, "cannot create the event loop: %s", strerror(errno));
        ml_loop_destroy(loop);
        return -1;
    }
    if (create_multis(loop) < 0) {
        ml_err_set(err, ML_MEMORY, "out of memory");
        ml_loop_destroy(loop);
        return -1;
    }
    return 0;
}

void ml_loop_destroy(struct ml_loop *loop)
{
    while (loop->pool_len) {
        struct ml_loop_idle *idle = &loop->pool[--loop->pool_len];
        curl_easy_cleanup(idle->easy);
        curl_url_cleanup(idle->place);
    }
    for (int i = 0; i < ML_LOOP_MULTIS; i++)
        if (loop->multi[i].curl)
            curl_multi_cleanup(loop->multi[i].curl);
    if (loop->share)
        curl_share_cleanup(loop->share);
    int fds[] = {loop->epoll_fd, loop->timer_fd, loop->wake_fd};
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    ml_heap_destroy(&loop->timers);
    free(loop->fds);
    free(loop->dirty);
    *loop = (struct ml_loop){.epoll_fd = -1, .timer_fd = -1, .wake_fd = -1};
}

void ml_loop_limits(struct ml_loop *loop, long host_conns, long kept)
{
    for (int i = 0; i < ML_LOOP_MULTIS; i++) {
        curl_multi_setopt(loop->multi[i].curl, CURLMOPT_MAX_HOST_CONNECTIONS, host_conns);
        curl_multi_setopt(loop->multi[i].curl, CURLMOPT_MAXCONNECTS, kept);
    }
}

/* --- transfers and timers --- */

CURL *ml_loop_take(struct ml_loop *loop, const void *recipe, CURLU **place, bool *ready)
{
    int at = loop->pool_len - 1;
    *ready = false;
    *place = NULL;
    if (at < 0)
        return curl_easy_init();
    while (at > 0 && (!recipe || loop->pool[at].recipe != recipe))
        at--;
    *ready = recipe && loop->pool[at].recipe == recipe;
    struct ml_loop_idle idle = loop->pool[at];
    loop->pool[at] = loop->pool[--loop->pool_len];
    if (*ready) {
        *place = idle.place;
    } else {
        curl_easy_reset(idle.easy);
        curl_url_cleanup(idle.place);
    }
    return idle.easy;
}

void ml_loop_give(struct ml_loop *loop, CURL *easy, CURLU *place, const void *recipe)
{
    if (loop->pool_len < ML_LOOP_POOL) {
        loop->pool[loop->pool_len++] = (struct ml_loop_idle){easy, place, recipe};
        return;
    }
    curl_easy_cleanup(easy);
    curl_url_cleanup(place);
}

void ml_loop_prepare(struct ml_loop *loop, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_SHARE, loop->share);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, loop);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop);
}

int ml_loop_add(struct ml_loop *loop, CURL *easy, enum ml_loop_kind kind)
{
    struct ml_loop_multi *multi = &loop->multi[kind];
    if (curl_multi_add_handle(multi->curl, easy) != CURLM_OK)
        return -1;
    multi->added++;
    return 0;
}

void ml_loop_remove(struct ml_loop *loop, CURL *easy, enum ml_loop_kind kind)
{
    curl_multi_remove_handle(loop->multi[kind].curl, easy);
    loop->multi[kind].added--;
}

int ml_loop_timer(struct ml_loop *loop, struct ml_timer *timer, int64_t at_us)
{
    return ml_heap_add(&loop->timers, timer, at_us);
}

void ml_loop_timer_cancel(struct ml_loop *loop, struct ml_timer *timer)
{
    ml_heap_remove(&loop->timers, timer);
}

/* --- turning --- */

static void apply(struct ml_loop *loop, int fd)
{
    struct ml_loop_fd *f = &loop->fds[fd];
    f->dirty = false;
    if (f->want == f->told)
        return;
    if (f->want == 0) {
        /* A kept connection stays as it was told: its next request wants the same. Something
         * that happens on it before takes it out (on_event). */
        if (!f->ours || f->told == UNKNOWN)
            forget_fd(loop, fd);
        return;
    }
    struct epoll_event ev = {.events = f->want, .data.fd = fd};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &ev) < 0 && errno == ENOENT &&
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
        loop->no_memory |= errno == ENOMEM || errno == ENOSPC; /* no event would come */
    f->told = f->want;
}

static void arm(struct ml_loop *loop, int64_t at_us)
{
    if (at_us == loop->armed_us)
        return;
    struct itimerspec t = {0};
    if (at_us != INT64_MAX) {
        int64_t at = at_us > 0 ? at_us : 1;
        t.it_value = (struct timespec){.tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000};
    }
    timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
    loop->armed_us = at_us;
}

void ml_loop_flush(struct ml_loop *loop)
{
    while (loop->dirty_len)
        apply(loop, loop->dirty[--loop->dirty_len]);
    if (loop->hosted)
        arm(loop, ml_loop_next(loop));
}

void ml_loop_alarm(struct ml_loop *loop, int64_t at_us)
{
    ml_loop_flush(loop);
    if (loop->hosted && at_us < ml_loop_next(loop))
        arm(loop, at_us);
}

int64_t ml_loop_next(const struct ml_loop *loop)
{
    if (loop->early || loop->no_memory) /* the turn has to say so: no event would come */
        return 0;
    int64_t next = ml_heap_next(&loop->timers);
    for (int i = 0; i < ML_LOOP_MULTIS; i++)
        if (loop->multi[i].due_us < next)
            next = loop->multi[i].due_us;
    return next;
}

static int whole_ms(int64_t us)
{
    return us < 0                               ? -1
           : us > (int64_t)INT_MAX * 1000 - 999 ? INT_MAX
                                                : (int)((us + 999) / 1000);
}

/* To the microsecond, where the kernel can (5.11 on) and a sandbox lets it. */
static int wait_precisely(struct ml_loop *loop, int64_t us, struct epoll_event *events)
{
    struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    int n = epoll_pwait2(loop->epoll_fd, events, EVENTS, us < 0 ? NULL : &t, NULL);
    loop->coarse = n < 0 && (errno == ENOSYS || errno == EPERM);
    return n;
}

static int wait_events(struct ml_loop *loop, int64_t timeout_us, struct epoll_event *events)
{
    int64_t next = ml_loop_next(loop);
    if (next != INT64_MAX) {
        int64_t left = next - ml_clock_us();
        if (left < 0)
            left = 0;
        if (timeout_us < 0 || left < timeout_us)
            timeout_us = left;
    }
    int n = loop->coarse ? -1 : wait_precisely(loop, timeout_us, events);
    if (loop->coarse)
        n = epoll_wait(loop->epoll_fd, events, EVENTS, whole_ms(timeout_us));
    return n < 0 && errno == EINTR ? 0 : n;
}

/* One read takes all: both kinds of descriptor count. */
static void drain(int fd)
{
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n; /* somebody else took it: no matter */
}

/* A multi that fails is out of memory: some transfer of it would never end. */
static void act(struct ml_loop_multi *multi, curl_socket_t fd, int mask, int *running)
{
    if (curl_multi_socket_action(multi->curl, fd, mask, running) != CURLM_OK)
        multi->loop->no_memory = true;
}

static void on_event(struct ml_loop *loop, const struct epoll_event *ev)
{
    int fd = ev->data.fd, running, mask = 0;
    if (fd == WATCHED)
        return;
    if (fd == loop->wake_fd || fd == loop->timer_fd) {
        drain(fd);
        if (fd == loop->timer_fd)
            loop->armed_us = INT64_MAX;
        return;
    }
    if (loop->fds[fd].want == 0) { /* an idle connection, most likely at its end */
        forget_fd(loop, fd);
        return;
    }
    if (ev->events & EPOLLIN)
        mask |= CURL_CSELECT_IN;
    if (ev->events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (ev->events & (EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_ERR;
    if (loop->fds[fd].multi)
        act(loop->fds[fd].multi, fd, mask, &running);
}

/* Calls curl when it is due; returns how many transfers go on. */
static int call_curl(struct ml_loop_multi *multi)
{
    int running = multi->added;
    if (multi->due_us > ml_clock_us())
        return running;
    multi->due_us = INT64_MAX; /* set anew from inside when curl wants more */
    act(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    return running;
}

void ml_loop_kick(struct ml_loop *loop)
{
    /* On loopback the answer may be there already; its end is reported by the next turn, which
     * no socket would wake. */
    for (int i = 0; i < ML_LOOP_MULTIS; i++)
        if (call_curl(&loop->multi[i]) < loop->multi[i].added)
            loop->early = true;
}

static void finish_transfers(struct ml_loop_multi *multi, ml_loop_done_fn done)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(multi->curl, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURL *easy = msg->easy_handle;
        CURLcode code = msg->data.result; /* msg dies with the removal */
        char *private = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        curl_multi_remove_handle(multi->curl, easy);
        multi->added--;
        done(private, code);
    }
}

static void fire_timers(struct ml_loop *loop)
{
    int64_t now = ml_clock_us();
    struct ml_timer *timer;
    while ((timer = ml_heap_pop(&loop->timers, now)) != NULL)
        timer->fire(timer);
}

int ml_loop_turn(struct ml_loop *loop, int64_t timeout_us, ml_loop_done_fn done)
{
    struct epoll_event events[EVENTS];
    ml_loop_flush(loop);
    int n = wait_events(loop, timeout_us, events);
    if (n < 0 || loop->no_memory)
        return -1;
    for (int i = 0; i < n; i++)
        on_event(loop, &events[i]);
    for (int i = 0; i < ML_LOOP_MULTIS; i++)
        call_curl(&loop->multi[i]);
    for (int i = 0; i < ML_LOOP_MULTIS; i++)
        finish_transfers(&loop->multi[i], done);
    loop->early = false;
    fire_timers(loop);
    return 0;
}

int ml_loop_fd(struct ml_loop *loop)
{
    loop->hosted = true;
    ml_loop_flush(loop);
    return loop->epoll_fd;
}

int ml_loop_watch(struct ml_loop *loop, int fd, bool write)
{
    struct epoll_event ev = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.fd = WATCHED};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &ev) == 0)
        return 0;
    return errno == ENOENT ? epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) : -1;
}

void ml_loop_unwatch(struct ml_loop *loop, int fd)
{
    struct epoll_event ev = {0};
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, &ev);
}

void ml_loop_wake(struct ml_loop *loop)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t n = write(loop->wake_fd, &one, sizeof one);
    (void)n; /* a full counter wakes as well */
    errno = saved;
}
