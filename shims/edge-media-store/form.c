/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data (RFC 7578) in a file: where its parts lie, and what the short ones
 * say. Only a window of it is ever in memory. */
#include "form.h"

#include <string.h>

#define WINDOW_BYTES 32768
#define HEAD_MAX_BYTES 2048

/* ## Looking */

/* Where `needle` stands, at `from` or behind it; -1: nowhere. */
static int64_t find(const struct form *form, int64_t from, struct farmiq_str needle)
{
    char window[WINDOW_BYTES];
    int64_t got;

    while ((got = shim_file_read(form->file, from, window, sizeof window)) >=
           (int64_t)needle.len) {
        const char *at = memmem(window, (size_t)got, needle.ptr, needle.len);

        if (at)
            return from + (at - window);
        if (got < (int64_t)sizeof window)
            break;
        from += got - (int64_t)needle.len + 1;
    }
    return -1;
}

static int stands_at(const struct form *form, int64_t at, const char *text)
{
    char there[4];
    size_t len = strlen(text);

    return shim_file_read(form->file, at, there, len) == (int64_t)len &&
           memcmp(there, text, len) == 0;
}

/* ## A part's head */

/* `key` of a header line, in quotes or not; empty: it is not there. */
static struct farmiq_str parameter(struct farmiq_str head, const char *key)
{
    const char *at = memmem(head.ptr, head.len, key, strlen(key));
    const char *end = head.ptr + head.len;
    struct farmiq_str value = { "", 0 };
    int is_quoted;

    if (!at)
        return value;
    at += strlen(key);
    is_quoted = at < end && *at == '"';
    value.ptr = at + is_quoted;
    while (value.ptr + value.len < end &&
           !strchr(is_quoted ? "\"\r\n" : "; \t\r\n", value.ptr[value.len]))
        value.len++;
    return value;
}

static int read_value(struct form *form, struct form_part *part)
{
    size_t len = (size_t)(part->end - part->begin);
    char *value = len <= FARMIQ_ID_MAX_BYTES ? shim_memory(form->call, len + 1) : NULL;

    if (len > FARMIQ_ID_MAX_BYTES)
        return FARMIQ_E_SYNTAX;
    if (!value)
        return FARMIQ_E_NOMEM;
    if (shim_file_read(form->file, part->begin, value, len) != (int64_t)len)
        return FARMIQ_E_STORE;
    part->value = (struct farmiq_str){ value, len };
    return FARMIQ_OK;
}

static int read_part(struct form *form, int64_t head_at, int64_t head_end, int64_t end)
{
    size_t len = (size_t)(head_end - head_at);
    char *text = len <= HEAD_MAX_BYTES ? shim_memory(form->call, len + 1) : NULL;
    struct farmiq_str head = { text, len };
    struct form_part *part = &form->parts[form->count];

    if (len > HEAD_MAX_BYTES || form->count == FORM_PARTS_MAX)
        return FARMIQ_E_SYNTAX;
    if (!text)
        return FARMIQ_E_NOMEM;
    if (shim_file_read(form->file, head_at, text, len) != (int64_t)len)
        return FARMIQ_E_STORE;
    form->count++;
    part->name = parameter(head, " name=");
    part->file_name = parameter(head, " filename=");
    part->type = parameter(head, "ontent-Type: ");
    if (!part->type.len)
        part->type = parameter(head, "ontent-type: ");
    part->begin = head_end + 4;
    part->end = end;
    return part->file_name.len || part->type.len ? FARMIQ_OK : read_value(form, part);
}

/* ## The parts */

int form_read(struct form *form, struct shim_call *call, struct shim_file *file,
              struct farmiq_str content_type)
{
    struct farmiq_str boundary = parameter(content_type, "boundary=");
    const struct farmiq_str pieces[] = { shim_str("\r\n--"), boundary };
    struct farmiq_str line = text_join(call, pieces, 2);
    int64_t at, head_end, end;
    int r = FARMIQ_OK;

    *form = (struct form){ .call = call, .file = file };
    if (!boundary.len || boundary.len > 70)
        return FARMIQ_E_SYNTAX;
    at = find(form, 0, (struct farmiq_str){ line.ptr + 2, line.len - 2 });
    for (at += (int64_t)line.len - 2; r == FARMIQ_OK && !stands_at(form, at, "--");
         at = end + (int64_t)line.len) {
        head_end = find(form, at, shim_str("\r\n\r\n"));
        end = head_end < 0 ? -1 : find(form, head_end + 2, line);
        if (!stands_at(form, at, "\r\n") || end < head_end + 4)
            return FARMIQ_E_SYNTAX;
        r = read_part(form, at, head_end, end);
    }
    return r;
}
