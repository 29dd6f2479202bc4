/* SPDX-License-Identifier: MIT */
#include "cli/line.h"

#include "cli/render.h"

#include <errno.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define TEXT_MAX (16u * 1024 * 1024)
#define WORDS_MAX (64 * 1024)
#define PROMPT_MAX 120
#define HISTORY_MAX 2000
#define PASTE_BEGIN "\\e[200~"
#define PASTE_END "\x1b[201~"
#define MARK_PASTES "\x1b[?2004h"
#define MARK_NO_PASTES "\x1b[?2004l"

struct ml_line {
    struct ml_line_host host;
    struct ml_term *t;
    struct ml_history *history;
    enum ml_line_mode mode;
    FILE *out; /* the terminal itself: no rendering in between */
    EditLine *el;
    History *past;
    char prompt[PROMPT_MAX];
    char keys[4096]; /* read and not yet used */
    size_t at, len;
    mbstate_t state;      /* of a character whose bytes are still coming */
    struct ml_buf paste;  /* what is between the marks */
    struct ml_buf behind; /* the lines of a paste that follow its first */
    enum ml_line_end end; /* why the last read of a key gave none */
    bool too_long;        /* a paste was */
};

/* --- keys --- */

/* The next byte, or -1: l->end says why there is none. */
static int next_byte(struct ml_line *l)
{
    while (l->at == l->len) {
        l->end = l->host.wait(l->host.ud);
        if (l->end != ML_LINE_TEXT)
            return -1;
        ssize_t n = read(STDIN_FILENO, l->keys, sizeof l->keys);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        l->end = n > 0 ? ML_LINE_TEXT : ML_LINE_END;
        if (n <= 0)
            return -1;
        l->at = 0;
        l->len = (size_t)n;
    }
    return (unsigned char)l->keys[l->at++];
}

static struct ml_line *line_of(EditLine *el)
{
    void *l = NULL;
    el_get(el, EL_CLIENTDATA, &l);
    return l;
}

/* For libedit: the next character; bytes that are none come as U+FFFD. */
static int get_key(EditLine *el, wchar_t *key)
{
    struct ml_line *l = line_of(el);
    for (;;) {
        int byte = next_byte(l);
        if (byte < 0) {
            errno = l->end == ML_LINE_BREAK ? EINTR : 0;
            return l->end == ML_LINE_BREAK ? -1 : 0;
        }
        char c = (char)byte;
        size_t n = mbrtowc(key, &c, 1, &l->state);
        if (n == (size_t)-2)
            continue;
        if (n == (size_t)-1) {
            memset(&l->state, 0, sizeof l->state);
            *key = 0xFFFD;
        }
        return 1;
    }
}

/* --- pastes --- */

static bool ends_with(const struct ml_buf *b, const char *end)
{
    size_t n = strlen(end);
    return b->len >= n && memcmp(b->data + b->len - n, end, n) == 0;
}

/* Everything up to the closing mark, which is left out. */
static int read_paste(struct ml_line *l)
{
    int byte = 0;
    ml_buf_clear(&l->paste);
    while (!ends_with(&l->paste, PASTE_END) && (byte = next_byte(l)) >= 0) {
        char c = (char)byte;
        if (ml_buf_add(&l->paste, &c, 1) < 0) {
            l->too_long = true; /* goes on to look for its end, which may have begun */
            memmove(l->paste.data, l->paste.data + l->paste.len - 8, 8);
            l->paste.len = 8;
            (void)ml_buf_add(&l->paste, &c, 1); /* there is room again */
        }
    }
    if (byte < 0)
        return -1;
    l->paste.len -= strlen(PASTE_END);
    l->paste.data[l->paste.len] = '\0';
    return 0;
}

/* Line ends as \n, none at the end, no other control characters but tabs as blanks. */
static void tidy(struct ml_buf *b)
{
    size_t to = 0;
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->data[i];
        if (c == '\r' && i + 1 < b->len && b->data[i + 1] == '\n')
            continue;
        if (c == '\r')
            c = '\n';
        if (c == '\t')
            c = ' ';
        if (c >= ' ' || c == '\n')
            b->data[to++] = (char)c;
    }
    while (to && b->data[to - 1] == '\n')
        to--;
    b->len = to;
    if (b->data)
        b->data[to] = '\0';
}

/* The key binding of the mark. The first line goes where the cursor is; where there are more,
 * they wait in l->behind, and Enter follows by itself. */
static unsigned char on_paste(EditLine *el, int key)
{
    struct ml_line *l = line_of(el);
    (void)key;
    if (read_paste(l) < 0)
        return CC_REFRESH;
    tidy(&l->paste);
    char *text = l->paste.len ? l->paste.data : NULL;
    char *more = text ? strchr(text, '\n') : NULL;
    if (more) {
        *more = '\0';
        if (ml_buf_adds(&l->behind, more + 1) < 0)
            l->too_long = true;
        el_push(el, "\n");
    }
    if (text && *text && el_insertstr(el, text) < 0)
        l->too_long = true;
    return CC_REFRESH;
}

/* --- completion --- */

static size_t common_length(const struct ml_buf *words)
{
    size_t first = strcspn(words->data, "\n"), common = first;
    for (const char *w = words->data; *w; w += strcspn(w, "\n") + 1) {
        size_t n = 0;
        while (n < common && w[n] == words->data[n])
            n++;
        common = n;
    }
    return common;
}

static size_t longest(const struct ml_buf *words)
{
    size_t most = 1;
    for (const char *w = words->data; *w; w += strcspn(w, "\n") + 1)
        if (strcspn(w, "\n") > most)
            most = strcspn(w, "\n");
    return most;
}

static void list_words(struct ml_line *l, const struct ml_buf *words)
{
    size_t wide = longest(words) + 2, fit = ml_term_width(l->t) / wide, n = 0;
    fit = fit ? fit : 1;
    fputc('\n', l->out);
    for (const char *w = words->data; *w; w += strcspn(w, "\n") + 1) {
        int len = (int)strcspn(w, "\n");
        bool last = ++n % fit == 0 || !w[len + 1];
        fprintf(l->out, "%.*s%*s", len, w, last ? 0 : (int)wide - len, "");
        if (last)
            fputc('\n', l->out);
    }
}

/* Puts in what all words have in common; shows them where that is nothing new. */
static unsigned char offer(struct ml_line *l, const struct ml_buf *words, size_t typed)
{
    char more[WORDS_MAX / 64];
    size_t common = common_length(words), first = strcspn(words->data, "\n");
    bool one = words->data[first] == '\0' || words->data[first + 1] == '\0';
    if (common > typed && common - typed < sizeof more) {
        memcpy(more, words->data + typed, common - typed);
        more[common - typed] = '\0';
        return el_insertstr(l->el, more) < 0 ? CC_ERROR : CC_REFRESH;
    }
    if (one)
        return CC_NORM;
    list_words(l, words);
    return CC_REDISPLAY;
}

static unsigned char on_tab(EditLine *el, int key)
{
    struct ml_line *l = line_of(el);
    const LineInfo *info = el_line(el);
    size_t len = (size_t)(info->cursor - info->buffer), at;
    struct ml_buf words;
    unsigned char done = CC_ERROR;
    (void)key;
    if (strspn(info->buffer, " ") >= len)
        return el_insertstr(el, "  ") < 0 ? CC_ERROR : CC_REFRESH;
    ml_buf_create(&words, WORDS_MAX);
    if (l->host.complete(l->host.ud, info->buffer, len, &words, &at) == 0 && words.len &&
        at <= len)
        done = offer(l, &words, len - at);
    ml_buf_destroy(&words);
    return done;
}

/* --- life --- */

static char *prompt_of(EditLine *el)
{
    return line_of(el)->prompt;
}

static void bind_keys(EditLine *el)
{
    static const char *const keys[][2] = {
        {"^@", "vi-list-or-eof"}, /* a Ctrl-D that was typed before its time comes as NUL */
        {"^I", "ml-complete"},        {PASTE_BEGIN, "ml-paste"},
        {"^R", "em-inc-search-prev"}, {"\\e[3~", "ed-delete-next-char"},
        {"\\e[H", "ed-move-to-beg"},  {"\\e[F", "ed-move-to-end"},
        {"\\e[1~", "ed-move-to-beg"}, {"\\e[4~", "ed-move-to-end"},
        {"\\e[1;5D", "ed-prev-word"}, {"\\e[1;5C", "em-next-word"},
    };
    /* The narrow el_set would copy the names and never free them. */
    el_wset(el, EL_ADDFN, L"ml-complete", L"Completes the word", on_tab);
    el_wset(el, EL_ADDFN, L"ml-paste", L"Takes a paste", on_paste);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
}

static int open_editor(struct ml_line *l)
{
    HistEvent event;
    l->past = history_init();
    l->el = el_init("moonlever", stdin, l->out, l->t->err.before);
    if (!l->past || !l->el)
        return -1;
    history(l->past, &event, H_SETSIZE, HISTORY_MAX);
    history(l->past, &event, H_SETUNIQUE, 1);
    for (size_t i = 0; i < l->history->count; i++)
        history(l->past, &event, H_ENTER, l->history->lines[i]);
    el_set(l->el, EL_CLIENTDATA, l);
    el_set(l->el, EL_SIGNAL, 0);
    el_set(l->el, EL_EDITOR, "emacs");
    el_set(l->el, EL_HIST, history, l->past);
    el_set(l->el, EL_PROMPT, prompt_of);
    el_set(l->el, EL_GETCFN, get_key);
    bind_keys(l->el);
    el_source(l->el, NULL); /* what people have set for themselves; none is fine */
    return 0;
}

struct ml_line *ml_line_new(const struct ml_line_host *host, struct ml_term *t,
                            struct ml_history *history_of, enum ml_line_mode mode)
{
    struct ml_line *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->host = *host;
    l->t = t;
    l->history = history_of;
    l->mode = mode;
    l->out = t->out.before;
    ml_buf_create(&l->paste, TEXT_MAX);
    ml_buf_create(&l->behind, TEXT_MAX);
    if (mode != ML_LINE_EDIT || open_editor(l) == 0)
        return l;
    ml_line_free(l);
    return NULL;
}

void ml_line_free(struct ml_line *l)
{
    if (!l)
        return;
    if (l->el)
        el_end(l->el);
    if (l->past)
        history_end(l->past);
    ml_buf_destroy(&l->paste);
    ml_buf_destroy(&l->behind);
    free(l);
}

void ml_line_refresh(struct ml_line *l)
{
    if (l->el)
        el_set(l->el, EL_REFRESH);
    fflush(l->out);
}

void ml_line_resize(struct ml_line *l)
{
    if (!l->el)
        return;
    el_resize(l->el);
    fputs("\r\x1b[J", l->out);
    ml_line_refresh(l);
}

/* --- reading --- */

/* Each line of the text on its own: a history of single lines. */
static void remember(struct ml_line *l, const char *text)
{
    HistEvent event;
    while (*text) {
        size_t n = strcspn(text, "\n");
        char *line = strndup(text, n);
        if (line && ml_history_add(l->history, line) && l->past)
            history(l->past, &event, H_ENTER, line);
        free(line);
        text += n + (text[n] == '\n');
    }
}

/* The lines of a paste behind the first, shown as if they had been typed. */
static int take_behind(struct ml_line *l, struct ml_buf *out)
{
    struct ml_buf shown;
    ml_buf_create(&shown, 8 * l->behind.len + 16);
    for (const char *p = ml_buf_str(&l->behind); *p;) {
        size_t n = strcspn(p, "\n");
        ml_buf_clear(&shown);
        if (ml_render(&shown, p, n) == 0)
            fprintf(l->out, "..> %s\n", ml_buf_str(&shown));
        p += n + (p[n] == '\n');
    }
    ml_buf_destroy(&shown);
    int rc = ml_buf_adds(out, "\n");
    return rc < 0 ? rc : ml_buf_adds(out, ml_buf_str(&l->behind));
}

static enum ml_line_end edit(struct ml_line *l, struct ml_buf *out)
{
    int n = 0;
    /* libedit prints the prompt first and looks for keys then: what came in between would be
     * echoed as well. What came before has been: it is read now, and shown where it belongs. */
    el_set(l->el, EL_PREP_TERM, 1);
    fputs(l->t->fresh ? "\r\x1b[K" : "\n", l->out);
    fputs(MARK_PASTES, l->out);
    fflush(l->out);
    memset(&l->state, 0, sizeof l->state);
    l->end = ML_LINE_TEXT;
    const char *text = el_gets(l->el, &n);
    fputs(MARK_NO_PASTES, l->out);
    int rc = text ? ml_buf_add(out, text, strcspn(text, "\n")) : 0;
    if (!text && l->end == ML_LINE_TEXT)
        l->end = ML_LINE_END; /* Ctrl-D */
    const LineInfo *given_up = el_line(l->el);
    if (!text && rc == 0)
        rc = ml_buf_add(out, given_up->buffer, (size_t)(given_up->lastchar - given_up->buffer));
    if (text && l->behind.len && rc == 0)
        rc = take_behind(l, out);
    if (!text)
        fputs(l->end == ML_LINE_BREAK ? "^C\n" : "\n", l->out);
    fflush(l->out);
    if (rc < 0)
        l->too_long = true;
    return text ? ML_LINE_TEXT : l->end;
}

static enum ml_line_end read_plain(struct ml_line *l, struct ml_buf *out)
{
    int byte;
    if (l->mode == ML_LINE_PLAIN) {
        fputs(l->prompt, l->out);
        fflush(l->out);
    }
    while ((byte = next_byte(l)) >= 0 && byte != '\n') {
        char c = (char)byte;
        if (!l->too_long && ml_buf_add(out, &c, 1) < 0)
            l->too_long = true;
    }
    if (byte >= 0 || (l->end == ML_LINE_END && out->len))
        return ML_LINE_TEXT;
    if (l->mode == ML_LINE_PLAIN)
        fputc('\n', l->out);
    return l->end;
}

enum ml_line_end ml_line_read(struct ml_line *l, const char *prompt, struct ml_buf *out)
{
    ml_buf_clear(out);
    ml_buf_clear(&l->behind);
    l->too_long = false;
    snprintf(l->prompt, sizeof l->prompt, "%s", prompt);
    enum ml_line_end end = l->mode == ML_LINE_EDIT ? edit(l, out) : read_plain(l, out);
    if (l->mode != ML_LINE_PIPE)
        l->t->fresh = true;
    if (l->too_long) {
        ml_term_note(l->t, "that is too long and was dropped");
        return ML_LINE_BREAK;
    }
    if (end == ML_LINE_TEXT && l->mode != ML_LINE_PIPE)
        remember(l, ml_buf_str(out));
    return end;
}
