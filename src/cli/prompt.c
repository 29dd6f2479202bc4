/* SPDX-License-Identifier: MIT */
#include "cli/prompt.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#define ANSWER_MAX 80

/* The descriptor that answers come from, -1 when there is none; *opened: the caller closes it.
 */
static int answers(const struct ml_term *t, bool *opened)
{
    *opened = false;
    if (!t->err.tty)
        return -1;
    if (isatty(STDIN_FILENO) == 1)
        return STDIN_FILENO;
    int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
    *opened = fd >= 0;
    return fd;
}

bool ml_prompt_possible(const struct ml_term *t)
{
    bool opened;
    int fd = answers(t, &opened);
    if (opened)
        close(fd);
    return fd >= 0;
}

/* Waits until fd can be read; false when stop_fd can. */
static bool wait_for_key(int fd, int stop_fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
    while (poll(p, 2, -1) < 0)
        if (errno != EINTR)
            return false;
    return !p[1].revents;
}

/* Reads a line byte by byte, so that nothing behind it is taken away from the script. What does
 * not fit is read and dropped, and *fits is false. False when it is stopped, and at the end of
 * the input before a line has begun. */
static bool read_line(int fd, int stop_fd, char *line, size_t size, bool *fits)
{
    size_t n = 0;
    char c;
    bool begun = false, ended = false;
    *fits = true;
    while (!ended) {
        if (!wait_for_key(fd, stop_fd))
            return false;
        if (read(fd, &c, 1) != 1)
            break;
        begun = true;
        ended = c == '\n';
        if (!ended && n + 1 < size)
            line[n++] = c;
        else if (!ended)
            *fits = false;
    }
    line[n] = '\0';
    return begun;
}

/* The question stays on one line with the answer. */
static void put_question(struct ml_term *t, const char *text, size_t len, const char *word)
{
    bool question = len > 0 && text[len - 1] == '?';
    struct ml_buf b;
    ml_buf_create(&b, len + strlen(word) + 40);
    int rc = ml_buf_add(&b, text, len);
    if (rc == 0 && *word)
        rc = ml_buf_addf(&b, " Type '%s' to go on: ", word);
    else if (rc == 0)
        rc = ml_buf_adds(&b, question ? " [y/N] " : " Go on? [y/N] ");
    if (rc == 0)
        ml_term_text(t, b.data, b.len);
    ml_buf_destroy(&b);
}

bool ml_prompt_ask(struct ml_term *t, const char *text, size_t len, const char *word,
                   int stop_fd)
{
    char line[ANSWER_MAX] = "";
    bool opened;
    int fd = answers(t, &opened);
    if (fd < 0)
        return false;
    put_question(t, text, len, word);
    bool fits, got = read_line(fd, stop_fd, line, sizeof line, &fits);
    if (opened)
        close(fd);
    if (got)
        t->fresh = true; /* the terminal has shown the answer and its newline */
    if (*word)
        return got && strcmp(line, word) == 0;
    return got && (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0);
}

ptrdiff_t ml_prompt_line(int fd, char *out, size_t size, int stop_fd)
{
    bool fits;
    if (!read_line(fd, stop_fd, out, size, &fits) || !fits)
        return -1;
    size_t n = strcspn(out, "\r");
    out[n] = '\0';
    return (ptrdiff_t)n;
}

/* Turns the echo of a terminal off; *before is how it was. */
static bool hide(int fd, struct termios *before)
{
    struct termios hidden;
    if (tcgetattr(fd, before) < 0)
        return false;
    hidden = *before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    return tcsetattr(fd, TCSAFLUSH, &hidden) == 0;
}

ptrdiff_t ml_prompt_secret(struct ml_term *t, const char *text, char *out, size_t size,
                           int stop_fd)
{
    struct termios before;
    bool opened;
    ptrdiff_t n = -1;
    int fd = answers(t, &opened);
    if (fd < 0)
        return -1;
    if (hide(fd, &before)) {
        ml_term_text(t, text, strlen(text));
        n = ml_prompt_line(fd, out, size, stop_fd);
        tcsetattr(fd, TCSAFLUSH, &before);
        ml_term_text(t, "\n", 1);
    }
    if (opened)
        close(fd);
    return n;
}
