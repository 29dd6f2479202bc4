/* SPDX-License-Identifier: MIT */
#include "cli/term.h"

#include "cli/render.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RENDER_AT_ONCE 4096
#define OUT_BUFFER 65536
#define NOTE_MAX 4000
#define NAME "moonlever:"
#define RED "\x1b[1;31m"
#define PLAIN "\x1b[0m"
#define CLEAR_LINE "\r\x1b[K"

/* Writes all of it. 0, or the errno. A descriptor that does not block is waited for. */
static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* Control sequences of our own. When the terminal is gone there is nobody left to tell. */
static void control(const char *sequence)
{
    (void)write_all(STDERR_FILENO, sequence, strlen(sequence));
}

void ml_term_clear(struct ml_term *t)
{
    if (t->line_shown)
        control(CLEAR_LINE);
    t->line_shown = false;
}

/* Renders one piece and writes it; what the piece leaves unfinished at its end waits in tail.
 */
static int write_piece(struct ml_stream *s, const char *text, size_t len, bool last)
{
    char joined[RENDER_AT_ONCE + sizeof s->tail];
    memcpy(joined, s->tail, s->tail_len);
    memcpy(joined + s->tail_len, text, len);
    len += s->tail_len;
    s->tail_len = last ? 0 : ml_render_tail(joined, len);
    len -= s->tail_len;
    memcpy(s->tail, joined + len, s->tail_len);
    struct ml_buf b;
    ml_buf_create(&b, 8 * sizeof joined);
    int rc = ml_render(&b, joined, len) < 0 ? ENOMEM : write_all(s->fd, b.data, b.len);
    ml_buf_destroy(&b);
    return rc;
}

static int write_terminal(struct ml_stream *s, const char *text, size_t len)
{
    int rc = 0;
    ml_term_clear(s->term);
    for (size_t at = 0; at < len && rc == 0; at += RENDER_AT_ONCE)
        rc = write_piece(s, text + at, len - at < RENDER_AT_ONCE ? len - at : RENDER_AT_ONCE,
                         false);
    s->term->fresh = text[len - 1] == '\n';
    return rc;
}

static int stream_write(struct ml_stream *s, const char *text, size_t len)
{
    if (len == 0 || s->error)
        return s->error;
    s->last = text[len - 1];
    s->error = s->tty ? write_terminal(s, text, len) : write_all(s->fd, text, len);
    return s->error;
}

/* The write function of our FILE; 0 means failure there. */
static ssize_t on_write(void *cookie, const char *text, size_t len)
{
    int rc = stream_write(cookie, text, len);
    errno = rc ? rc : errno;
    return rc ? 0 : (ssize_t)len;
}

static bool env_is(const char *name, const char *value)
{
    const char *v = getenv(name);
    return v && strcmp(v, value) == 0;
}

static bool env_set(const char *name)
{
    const char *v = getenv(name);
    return v && *v;
}

static bool want_color(enum ml_color color, bool tty)
{
    if (color != ML_COLOR_AUTO)
        return color == ML_COLOR_ALWAYS;
    if (env_set("NO_COLOR"))
        return false;
    if (env_set("CLICOLOR_FORCE") && !env_is("CLICOLOR_FORCE", "0"))
        return true;
    return tty && env_set("TERM") && !env_is("TERM", "dumb") && !env_is("CLICOLOR", "0");
}

static FILE *take_over(struct ml_stream *s, struct ml_term *t, FILE *before, int mode)
{
    *s = (struct ml_stream){.term = t, .fd = fileno(before), .last = '\n', .before = before};
    s->tty = isatty(s->fd) == 1;
    if (s->fd == STDERR_FILENO && !s->tty)
        return before;
    s->file = fopencookie(s, "w", (cookie_io_functions_t){.write = on_write});
    if (!s->file)
        return NULL;
    setvbuf(s->file, NULL, mode, mode == _IONBF ? 0 : OUT_BUFFER);
    return s->file;
}

int ml_term_open(struct ml_term *t, enum ml_color color, struct ml_err *err)
{
    *t = (struct ml_term){.fresh = true};
    FILE *out = take_over(&t->out, t, stdout, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
    FILE *errors = take_over(&t->err, t, stderr, _IONBF);
    if (!out || !errors) {
        if (out)
            fclose(out);
        return ml_err_set(err, ML_MEMORY, "out of memory");
    }
    stdout = out;
    stderr = errors;
    t->out_color = want_color(color, t->out.tty);
    t->err_color = want_color(color, t->err.tty);
    t->live = t->err.tty && env_set("TERM") && !env_is("TERM", "dumb");
    return 0;
}

/* A character that was begun and never finished is shown as the bytes it is. */
static void give_back(struct ml_stream *s, FILE **standard)
{
    if (!s->file)
        return;
    fclose(s->file);
    s->file = NULL;
    *standard = s->before;
    if (s->tail_len && !s->error)
        s->error = write_piece(s, "", 0, true);
}

int ml_term_close(struct ml_term *t)
{
    ml_term_clear(t);
    give_back(&t->out, &stdout);
    give_back(&t->err, &stderr);
    return t->out.error;
}

int ml_term_flush(struct ml_term *t)
{
    fflush(t->out.file);
    return t->out.error;
}

static void emit(struct ml_term *t, const char *text, size_t len)
{
    /* A failure stays in t->err.error; there is no other place to report it. */
    (void)stream_write(&t->err, text, len);
}

/* Makes room for a message: no progress line, and no line of the script that has no end yet. */
static void begin(struct ml_term *t)
{
    if (t->out.tty)
        fflush(t->out.file);
    ml_term_clear(t);
    if (t->err.tty && !t->fresh)
        emit(t, "\n", 1);
}

void ml_term_text(struct ml_term *t, const char *text, size_t len)
{
    begin(t);
    emit(t, text, len);
}

void ml_term_note(struct ml_term *t, const char *fmt, ...)
{
    char line[NOTE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    begin(t);
    emit(t, NAME, sizeof NAME - 1);
    emit(t, " ", 1);
    emit(t, line, strlen(line));
    emit(t, "\n", 1);
}

static void red_name(struct ml_term *t)
{
    if (t->err_color)
        control(RED);
    emit(t, NAME, sizeof NAME - 1);
    if (t->err_color)
        control(PLAIN);
    emit(t, " ", 1);
}

void ml_term_error(struct ml_term *t, const char *text)
{
    if (strncmp(text, NAME " ", sizeof NAME) == 0)
        text += sizeof NAME;
    begin(t);
    red_name(t);
    while (*text) {
        size_t n = strcspn(text, "\n");
        emit(t, text, n);
        emit(t, "\n", 1);
        text += n + (text[n] == '\n');
        if (*text && *text != ' ' && *text != '\n')
            emit(t, "  ", 2);
    }
}

void ml_term_progress(struct ml_term *t, const char *text, size_t len)
{
    if (!t->live || (!t->fresh && !t->line_shown))
        return;
    struct ml_buf b;
    ml_buf_create(&b, 16 + 8 * len);
    if (ml_buf_adds(&b, "\r") == 0 && ml_render(&b, text, len) == 0 &&
        ml_buf_adds(&b, "\x1b[K") == 0) {
        t->line_shown = true;
        (void)write_all(STDERR_FILENO, b.data, b.len);
    }
    ml_buf_destroy(&b);
}

static size_t width_of(const struct ml_stream *s)
{
    struct winsize size;
    if (s->tty && ioctl(s->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

size_t ml_term_width(const struct ml_term *t)
{
    return width_of(&t->err);
}

size_t ml_term_out_width(const struct ml_term *t)
{
    return width_of(&t->out);
}
