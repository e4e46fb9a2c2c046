/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of image that are taken in, and how their bytes begin. */
#include "media.h"

#include <string.h>

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

int media_type_is_accepted(struct farmiq_str type)
{
    for (int i = 0; i < KINDS; i++)
        if (text_is(type, kinds[i].type))
            return 1;
    return 0;
}

const char *media_type_of(const unsigned char *head, uint32_t head_bytes)
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

const char *media_type_extension(struct farmiq_str type)
{
    for (int i = 0; i < KINDS; i++)
        if (text_is(type, kinds[i].type))
            return kinds[i].extension;
    return ".jpg";
}
