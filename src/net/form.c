/* SPDX-License-Identifier: MIT */
#include "net/form.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct ml_form {
    struct ml_call_header *fields; /* owned, and so are their texts */
    size_t fields_len;
    char *part, *path, *name, *type;
    uint64_t size; /* of the file */
};

static int copy_fields(struct ml_form *form, const struct ml_call_form *spec)
{
    form->fields = calloc(spec->fields_len + 1, sizeof *form->fields);
    if (!form->fields)
        return -1;
    for (size_t i = 0; i < spec->fields_len; i++) {
        struct ml_call_header *field = &form->fields[form->fields_len++];
        field->name = strdup(spec->fields[i].name);
        field->value = strdup(spec->fields[i].value);
        if (!field->name || !field->value)
            return -1;
    }
    return 0;
}

struct ml_form *ml_form_new(const struct ml_call_form *spec)
{
    struct ml_form *form = calloc(1, sizeof *form);
    if (!form)
        return NULL;
    struct stat file;
    if (stat(spec->path, &file) == 0 && S_ISREG(file.st_mode))
        form->size = (uint64_t)file.st_size;
    form->part = strdup(spec->part);
    form->path = strdup(spec->path);
    form->name = strdup(spec->name);
    form->type = strdup(spec->type);
    if (form->part && form->path && form->name && form->type && copy_fields(form, spec) == 0)
        return form;
    ml_form_free(form);
    return NULL;
}

/* A field may hold a signature. */
static void wipe(const char *text)
{
    if (text)
        explicit_bzero((char *)text, strlen(text));
    free((char *)text);
}

void ml_form_free(struct ml_form *form)
{
    if (!form)
        return;
    for (size_t i = 0; i < form->fields_len; i++) {
        free((char *)form->fields[i].name);
        wipe(form->fields[i].value);
    }
    free(form->fields);
    free(form->part);
    free(form->path);
    free(form->name);
    free(form->type);
    free(form);
}

uint64_t ml_form_size(const struct ml_form *form)
{
    return form->size;
}

static CURLcode add_field(curl_mime *mime, const struct ml_call_header *field)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    if (!part || curl_mime_name(part, field->name) != CURLE_OK)
        return CURLE_OUT_OF_MEMORY;
    return curl_mime_data(part, field->value, CURL_ZERO_TERMINATED);
}

static CURLcode add_file(curl_mime *mime, const struct ml_form *form)
{
    curl_mimepart *part = curl_mime_addpart(mime);
    CURLcode code = part ? curl_mime_name(part, form->part) : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK)
        code = curl_mime_filedata(part, form->path); /* names the file by its path ... */
    if (code == CURLE_OK)
        code = curl_mime_filename(part, form->name); /* ... so the name comes behind it */
    return code == CURLE_OK ? curl_mime_type(part, form->type) : code;
}

curl_mime *ml_form_make(const struct ml_form *form, CURL *easy)
{
    curl_mime *mime = curl_mime_init(easy);
    CURLcode code = mime ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    for (size_t i = 0; i < form->fields_len && code == CURLE_OK; i++)
        code = add_field(mime, &form->fields[i]);
    if (code == CURLE_OK)
        code = add_file(mime, form);
    if (code == CURLE_OK)
        return mime;
    curl_mime_free(mime);
    return NULL;
}
