/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of image that are taken in, and how their bytes begin; images as files. */
#include "common/image.h"

#include <string.h>

#include "common/text.h"

static const struct {
    const char *type, *extension, *begin;
    uint32_t begin_bytes;
    const char *then; /* at byte 8 */
} kinds[] = {
    { "image/jpeg", ".jpg", "\xff\xd8\xff", 3, "" },
    { "image/png", ".png", "\x89PNG\r\n\x1a\n", 8, "" },
    { "image/webp", ".webp", "RIFF", 4, "WEBP" },
};

enum { KINDS = sizeof kinds / sizeof *kinds };

int image_type_is_accepted(struct farmiq_str type)
{
    for (int i = 0; i < KINDS; i++)
        if (text_is(type, kinds[i].type))
            return 1;
    return 0;
}

const char *image_type_of(const unsigned char *head, uint32_t head_bytes)
{
    for (int i = 0; i < KINDS; i++) {
        size_t then_bytes = strlen(kinds[i].then);

        if (head_bytes >= kinds[i].begin_bytes && head_bytes >= 8 + then_bytes &&
            memcmp(head, kinds[i].begin, kinds[i].begin_bytes) == 0 &&
            memcmp(head + 8, kinds[i].then, then_bytes) == 0)
            return kinds[i].type;
    }
    return "";
}

const char *image_type_extension(struct farmiq_str type)
{
    for (int i = 0; i < KINDS; i++)
        if (text_is(type, kinds[i].type))
            return kinds[i].extension;
    return ".jpg";
}

int image_is_refused(struct shim_call *call, struct farmiq_str type, int64_t max_bytes,
                     const struct shim_file_facts *facts)
{
    if (facts->bytes == 0)
        return shim_refuse(call, 400, "VALIDATION_ERROR", "the image is empty");
    if (facts->bytes > max_bytes)
        return shim_refuse(call, 413, "PAYLOAD_TOO_LARGE", "the image is too long");
    if (!text_is(type, image_type_of(facts->head, facts->head_bytes)))
        return shim_refuse(call, 409, "CONTENT_TYPE_MISMATCH",
                           "the bytes are not of the type they are said to be");
    return 0;
}

struct farmiq_str image_path_part(struct shim_call *call, struct farmiq_str id)
{
    struct farmiq_str copy = text_copy(call, id);
    char *text = (char *)(uintptr_t)copy.ptr;

    for (size_t i = 0; i < copy.len; i++) {
        char c = text[i];
        int is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                       (c == '.' && i > 0);

        if (!is_plain)
            text[i] = '_';
    }
    return copy;
}

int image_reply_lost(struct shim_call *call)
{
    return shim_reply_error(call, 500, "STREAM_ERROR",
                            "the image is known, but its bytes cannot be read");
}

int image_reply(struct shim_call *call, const char *folder_option, struct farmiq_str name,
                struct farmiq_str type, struct farmiq_str etag)
{
    struct shim_file *file;
    int r = shim_file_open(call, folder_option, name, &file);

    return r == FARMIQ_OK ? shim_reply_file(call, type.ptr, etag, file)
                          : image_reply_lost(call);
}
