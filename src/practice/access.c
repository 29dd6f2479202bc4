/* SPDX-License-Identifier: MIT */
#include "practice/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_ENTRIES 200000
#define KEEP_BYTES ((size_t)64 << 20)

int ml_access_create(struct ml_access *a, const char *path, struct ml_err *err)
{
    *a = (struct ml_access){.fd = -1};
    if (!path || !*path)
        return 0;
    a->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (a->fd < 0)
        return ml_err_set(err, ML_USAGE, "cannot open the practice log '%.200s': %s", path,
                          strerror(errno));
    return 0;
}

static void drop_oldest(struct ml_access *a)
{
    struct ml_access_entry *oldest = &a->entry[a->first];
    a->bytes -= oldest->len;
    free(oldest->text);
    a->first = (a->first + 1) % a->cap;
    a->count--;
    a->dropped++;
}

void ml_access_destroy(struct ml_access *a)
{
    while (a->count)
        drop_oldest(a);
    free(a->entry);
    if (a->fd >= 0)
        close(a->fd);
    *a = (struct ml_access){.fd = -1};
}

/* Room for one more entry; the ring starts at its beginning afterwards when it grew. */
static int grow(struct ml_access *a)
{
    if (a->count < a->cap)
        return 0;
    size_t cap = a->cap ? a->cap * 2 : 256;
    struct ml_access_entry *entry = calloc(cap, sizeof *entry);
    if (!entry)
        return -1;
    for (size_t i = 0; i < a->count; i++)
        entry[i] = a->entry[(a->first + i) % a->cap];
    free(a->entry);
    a->entry = entry;
    a->cap = cap;
    a->first = 0;
    return 0;
}

void ml_access_keep(struct ml_access *a, unsigned long n, struct ml_out *entry)
{
    size_t len = entry->buf.len;
    while (a->count && (a->count >= KEEP_ENTRIES || a->bytes + len > KEEP_BYTES))
        drop_oldest(a);
    char *text = entry->failed || grow(a) < 0 ? NULL : realloc(entry->buf.data, len + 1);
    if (!text) {
        a->dropped++;
        return;
    }
    ml_buf_create(&entry->buf, entry->buf.max); /* the bytes are ours now */
    a->entry[(a->first + a->count) % a->cap] = (struct ml_access_entry){n, text, len};
    a->count++;
    a->bytes += len;
}

void ml_access_line(struct ml_access *a, const struct ml_out *line)
{
    if (a->fd < 0)
        return;
    ssize_t n = -1;
    do {
        if (!line->failed)
            n = write(a->fd, line->buf.data, line->buf.len); /* O_APPEND: lines never mix */
    } while (n < 0 && !line->failed && errno == EINTR);
    if (n < 0 || (size_t)n != line->buf.len)
        a->unwritten++;
}

void ml_access_write(const struct ml_access *a, unsigned long since, struct ml_out *o)
{
    bool any = false;
    ml_out_text(o, "[");
    for (size_t i = 0; i < a->count; i++) {
        const struct ml_access_entry *entry = &a->entry[(a->first + i) % a->cap];
        if (entry->n <= since)
            continue;
        if (any)
            ml_out_text(o, ",");
        ml_out_bytes(o, entry->text, entry->len);
        any = true;
    }
    ml_out_text(o, "]");
}
