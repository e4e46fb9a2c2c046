/* SPDX-License-Identifier: Apache-2.0 */
/* Files in a call's hand: they are closed with it, and may be its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/files.h"
#include "kit/internal.h"

struct shim_held_file {
    struct shim_held_file *next;
    struct shim_file *file;
};

/* Takes the file over, also when there is no memory to remember it. */
static int hold(struct shim_call *call, struct shim_file *file)
{
    struct shim_internal *owner = shim_call_owner(call);
    struct shim_held_file *held = calloc(1, sizeof *held);

    if (!held) {
        shim_files_close(file);
        return FARMIQ_E_NOMEM;
    }
    *held = (struct shim_held_file){ owner->files, file };
    owner->files = held;
    return FARMIQ_OK;
}

void shim_call_close_files(struct shim_internal *internal)
{
    while (internal->files) {
        struct shim_held_file *held = internal->files;

        internal->files = held->next;
        shim_files_close(held->file);
        free(held);
    }
}

/* ## Writing */

int shim_file_new(struct shim_call *call, const char *folder_option,
                  struct shim_file **file)
{
    int r = shim_files_new(file, shim_text(call, folder_option));

    return r < 0 ? r : hold(call, *file);
}

int shim_file_write(struct shim_file *file, struct farmiq_str bytes)
{
    return shim_files_write(file, bytes);
}

int shim_upload(struct shim_call *call, const char *folder_option, int64_t max_bytes)
{
    struct shim_file *file;
    int r = shim_file_new(call, folder_option, &file);

    if (r < 0)
        return r;
    call->internal->upload = file;
    call->internal->upload_max_bytes = max_bytes;
    return FARMIQ_OK;
}

struct shim_file *shim_uploaded(struct shim_call *call) { return call->internal->upload; }

int shim_file_keep(struct shim_file *file, struct farmiq_str name)
{
    return shim_files_keep(file, name);
}

/* ## Reading and removing */

int shim_file_open(struct shim_call *call, const char *folder_option,
                   struct farmiq_str name, struct shim_file **file)
{
    int r = shim_files_open(file, shim_text(call, folder_option), name);

    return r != FARMIQ_OK ? r : hold(call, *file);
}

int64_t shim_file_read(struct shim_file *file, int64_t offset, void *out, size_t bytes)
{
    return offset < 0 ? FARMIQ_E_ARG
                      : shim_files_read(file, (uint64_t)offset, out, bytes);
}

void shim_file_look(struct shim_file *file, struct shim_file_facts *facts)
{
    shim_files_look(file, facts);
}

int shim_file_digest(struct shim_file *file) { return shim_files_digest(file); }

int shim_file_is_there(struct shim_call *call, const char *folder_option,
                       struct farmiq_str name)
{
    struct shim_file *file = NULL;
    int r = shim_files_open(&file, shim_text(call, folder_option), name);

    shim_files_close(file);
    return r;
}

int shim_file_remove(struct shim_call *call, const char *folder_option,
                     struct farmiq_str name)
{
    return shim_files_remove(shim_text(call, folder_option), name);
}

int shim_file_walk(struct shim_call *call, const char *folder_option,
                   int64_t before_unix_ms, shim_file_visit *visit, void *ctx)
{
    return shim_files_walk(shim_text(call, folder_option), before_unix_ms, visit, ctx);
}

/* ## Answering with one (RFC 9110, 13 and 14) */

struct range {
    uint64_t first, last;
};

static const char *number(const char *at, const char *end, uint64_t *value)
{
    *value = 0;
    while (at < end && *at >= '0' && *at <= '9' && *value < UINT64_MAX / 10 - 1)
        *value = *value * 10 + (uint64_t)(*at++ - '0');
    return at;
}

enum asked { ASKED_ALL, ASKED_RANGE, ASKED_NOTHING };

/* "bytes=0-99", "bytes=100-", "bytes=-100". Several ranges, or what is none, may be
 * answered with everything. */
static enum asked read_range(struct farmiq_str header, uint64_t bytes,
                             struct range *range)
{
    const char *at, *end, *digits;
    uint64_t number_of = 0;
    int is_suffix;

    if (header.len < 8 || memcmp(header.ptr, "bytes=", 6) != 0)
        return ASKED_ALL;
    at = header.ptr + 6;
    end = header.ptr + header.len;
    is_suffix = *at == '-';
    digits = number(at + is_suffix, end, &number_of);
    if (digits == at + is_suffix)
        return ASKED_ALL;
    *range = (struct range){ number_of, UINT64_MAX };
    if (is_suffix)
        range->first = number_of < bytes ? bytes - number_of : 0;
    else if (digits == end || *digits++ != '-')
        return ASKED_ALL;
    else if (digits < end)
        digits = number(digits, end, &range->last);
    if (digits != end || range->last < range->first)
        return ASKED_ALL;
    if (range->first >= bytes || (is_suffix && number_of == 0))
        return ASKED_NOTHING;
    range->last = range->last < bytes ? range->last : bytes - 1;
    return ASKED_RANGE;
}

static int says_tag(struct farmiq_str header, const char *quoted)
{
    return header.len && quoted && strlen(quoted) == header.len &&
           memcmp(header.ptr, quoted, header.len) == 0;
}

static const char *quote(struct shim_call *call, struct farmiq_str etag)
{
    char *quoted = etag.len ? shim_memory(call, etag.len + 3) : NULL;

    if (quoted)
        snprintf(quoted, etag.len + 3, "\"%.*s\"", (int)etag.len, etag.ptr);
    return quoted;
}

static void say_range(struct shim_call *call, const struct range *range, uint64_t bytes)
{
    char *text = shim_memory(call, 80);

    if (!text)
        return;
    if (range)
        snprintf(text, 80, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
                 (unsigned long long)range->last, (unsigned long long)bytes);
    else
        snprintf(text, 80, "bytes */%llu", (unsigned long long)bytes);
    shim_reply_header(call, "Content-Range", text);
}

/* Which part of it is wanted. */
static enum asked ask_part(struct shim_call *call, const char *quoted, uint64_t bytes,
                           struct range *range)
{
    struct farmiq_str if_range = shim_header(call, "if-range");

    if (if_range.len && !says_tag(if_range, quoted))
        return ASKED_ALL;
    return read_range(shim_header(call, "range"), bytes, range);
}

static int reply_part(struct shim_call *call, int status, const char *type,
                      struct shim_file *file, const struct range *part)
{
    struct shim_answer *answer = &call->internal->answer;

    shim_reply_text(call, status, type, shim_str(""));
    answer->file = file;
    answer->file_offset = part->first;
    answer->file_bytes = part->last + 1 - part->first;
    return 0;
}

int shim_reply_file(struct shim_call *call, const char *type, struct farmiq_str etag,
                    struct shim_file *file)
{
    const char *quoted = quote(call, etag);
    struct shim_file_facts facts;
    struct range range;
    enum asked asked;

    shim_files_look(file, &facts);
    shim_reply_header(call, "Accept-Ranges", "bytes");
    if (quoted)
        shim_reply_header(call, "ETag", quoted);
    if (says_tag(shim_header(call, "if-none-match"), quoted))
        return shim_reply_text(call, 304, NULL, shim_str(""));
    asked = ask_part(call, quoted, (uint64_t)facts.bytes, &range);
    if (asked == ASKED_NOTHING) {
        say_range(call, NULL, (uint64_t)facts.bytes);
        return shim_reply_error(call, 416, "RANGE_NOT_SATISFIABLE",
                                "the range begins behind the end");
    }
    if (asked == ASKED_RANGE) {
        say_range(call, &range, (uint64_t)facts.bytes);
        return reply_part(call, 206, type, file, &range);
    }
    if (facts.bytes == 0)
        return shim_reply_text(call, 200, type, shim_str(""));
    range = (struct range){ 0, (uint64_t)facts.bytes - 1 };
    return reply_part(call, 200, type, file, &range);
}

int shim_call_read_answer(struct shim_call *call, struct farmiq_str *body)
{
    const struct shim_answer *answer = &call->internal->answer;
    char *memory = shim_memory(call, answer->file_bytes);
    int64_t read;

    if (!memory)
        return FARMIQ_E_NOMEM;
    read = shim_files_read(answer->file, answer->file_offset, memory, answer->file_bytes);
    *body = (struct farmiq_str){ memory, read < 0 ? 0 : (size_t)read };
    return read < 0 ? (int)read : FARMIQ_OK;
}
