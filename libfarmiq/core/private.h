/* SPDX-License-Identifier: Apache-2.0 */
/* What core files share and nobody else sees. Prefix: farmiq__ */
#ifndef FARMIQ_CORE_PRIVATE_H
#define FARMIQ_CORE_PRIVATE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <farmiq/error.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Fill a caller's sized struct with defaults. The caller may have been compiled
 * against a smaller or a larger struct than ours: never touch what it lacks,
 * zero what we lack. */
static inline void farmiq__init(void *object, size_t size, const void *defaults,
                                size_t known)
{
    uint32_t size32 = (uint32_t)size;

    if (!object || size < sizeof size32)
        return;
    memset(object, 0, size);
    memcpy(object, defaults, size < known ? size : known);
    memcpy(object, &size32, sizeof size32);
}

/* 1 if the caller's sized struct is there and has every member we are going to use. */
static inline int farmiq__is_sized(const void *object, size_t known)
{
    uint32_t size32;

    if (!object)
        return 0;
    memcpy(&size32, object, sizeof size32);
    return size32 >= known;
}

/* Record why, if the caller wants to know, and return the code. */
int farmiq__fail(struct farmiq_error *error, int code, uint32_t offset, const char *field,
                 const char *detail);

static inline struct farmiq_str farmiq__str(const char *ptr, size_t len)
{
    struct farmiq_str text = { ptr, len };

    return text;
}

/* 0 for text that claims bytes it has not got. */
static inline int farmiq__str_is_sound(struct farmiq_str text)
{
    return text.ptr || text.len == 0;
}

static inline int farmiq__str_eq(struct farmiq_str a, struct farmiq_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline int farmiq__str_is(struct farmiq_str text, const char *literal)
{
    return text.len == strlen(literal) && memcmp(text.ptr, literal, text.len) == 0;
}

/* What MQTT lets a level of a topic be: not empty, no separator, no wildcard. */
static inline int farmiq__is_topic_level(struct farmiq_str text)
{
    static const char foreign[] = "/+#"; /* and the NUL at its end */

    for (size_t i = 0; i < text.len; i++)
        if (memchr(foreign, text.ptr[i], sizeof foreign))
            return 0;
    return text.len > 0;
}

static inline uint32_t farmiq__load_be32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 |
           from[3];
}

#define FARMIQ__SHA1_BYTES 20

/* SHA-1 of the concatenation of `parts`. */
void farmiq__sha1(const struct farmiq_str *parts, uint32_t part_count,
                  uint8_t out[FARMIQ__SHA1_BYTES]);

#define FARMIQ__SIPHASH_BYTES 16

/* SipHash-2-4-128 of the concatenation of `parts`. */
void farmiq__siphash(const uint8_t key[16], const struct farmiq_str *parts,
                     uint32_t part_count, uint8_t out[FARMIQ__SIPHASH_BYTES]);

#endif
