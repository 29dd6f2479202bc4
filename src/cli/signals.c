/* SPDX-License-Identifier: MIT */
#include "cli/signals.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define INTERRUPTED 130

static _Atomic(moonlever *) target;
static _Atomic(moonlever *) session; /* what SIGINT interrupts */
static atomic_int arrived, breaks, windows;
static atomic_int wake = -1; /* eventfd: readable once a signal has come */
static atomic_int inside;    /* handlers that may hold the target, on whatever thread */

static const int stops[] = {SIGINT, SIGTERM, SIGHUP};

static void ring(void)
{
    int before = errno, fd = atomic_load(&wake);
    const uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        errno = before; /* a full counter is readable as well */
}

static void on_stop(int number)
{
    (void)number;
    if (atomic_fetch_add(&arrived, 1) > 0)
        _exit(INTERRUPTED);
    int before = errno;
    atomic_fetch_add(&inside, 1);
    moonlever *h = atomic_load(&target);
    if (h)
        moonlever_cancel(h);
    ring();
    atomic_fetch_sub(&inside, 1);
    errno = before;
}

static void on_break(int number)
{
    (void)number;
    int before = errno;
    atomic_fetch_add(&inside, 1);
    atomic_fetch_add(&breaks, 1);
    moonlever *h = atomic_load(&session);
    if (h)
        moonlever_interrupt(h);
    ring();
    atomic_fetch_sub(&inside, 1);
    errno = before;
}

static void on_window(int number)
{
    (void)number;
    atomic_fetch_add(&windows, 1);
    ring();
}

static void on_nothing(int number)
{
    (void)number;
}

static void handle(int number, void (*fn)(int))
{
    struct sigaction now, action = {.sa_handler = fn};
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN)
        return;
    sigaction(number, &action, NULL);
}

void ml_signals_spare_writes(void)
{
    handle(SIGPIPE, on_nothing);
    handle(SIGXFSZ, on_nothing);
}

int ml_signals_fd(void)
{
    return atomic_load(&wake);
}

void ml_signals_guard(moonlever *h)
{
    atomic_store(&wake, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    atomic_store(&target, h);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
        handle(stops[i], on_stop);
}

void ml_signals_session(moonlever *h)
{
    atomic_store(&session, h);
    handle(SIGINT, on_break);
    handle(SIGWINCH, on_window);
}

void ml_signals_leave(void)
{
    atomic_store(&session, NULL);
    handle(SIGINT, on_stop);
}

int ml_signals_breaks(void)
{
    return atomic_load(&breaks);
}

int ml_signals_windows(void)
{
    return atomic_load(&windows);
}

void ml_signals_drain(void)
{
    uint64_t count;
    if (read(atomic_load(&wake), &count, sizeof count) < 0)
        return; /* nothing was there */
}

void ml_signals_release(void)
{
    atomic_store(&target, NULL);
    atomic_store(&session, NULL);
    int fd = atomic_exchange(&wake, -1);
    while (atomic_load(&inside) > 0)
        sched_yield();
    if (fd >= 0)
        close(fd);
}

int ml_signals_count(void)
{
    return atomic_load(&arrived);
}

static void stop_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
        sigaddset(set, stops[i]);
}

/* A shell starts what it puts into the background with SIGINT ignored, and an ignored signal
 * never arrives, blocked or not: a server that says "stop me with Ctrl-C" undoes that. */
void ml_signals_block(void)
{
    sigset_t set;
    stop_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

int ml_signals_wait(void)
{
    sigset_t set;
    int number;
    stop_set(&set);
    do
        number = sigwaitinfo(&set, NULL);
    while (number < 0 && errno == EINTR);
    return number;
}
