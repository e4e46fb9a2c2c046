/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing borrowed text, and a fingerprint of what an event says. */
#include "common/text.h"

#include <string.h>

int text_equal(struct farmiq_str a, struct farmiq_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

int text_is(struct farmiq_str text, const char *literal)
{
    return text_equal(text, shim_str(literal));
}

int text_compare(struct farmiq_str a, struct farmiq_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

int text_equal_secret(struct farmiq_str a, struct farmiq_str b)
{
    unsigned difference = a.len != b.len;

    for (size_t i = 0; i < a.len && i < b.len; i++)
        difference |= (unsigned char)a.ptr[i] ^ (unsigned char)b.ptr[i];
    return difference == 0;
}

struct farmiq_str text_next(struct farmiq_str *list, char separator)
{
    const char *end = list->len ? memchr(list->ptr, separator, list->len) : NULL;
    struct farmiq_str member = { list->ptr, end ? (size_t)(end - list->ptr) : list->len };

    list->ptr += member.len + (end != NULL);
    list->len -= member.len + (end != NULL);
    while (member.len && member.ptr[0] == ' ') {
        member.ptr++;
        member.len--;
    }
    while (member.len && member.ptr[member.len - 1] == ' ')
        member.len--;
    return member;
}

int text_number(struct farmiq_str text, int64_t *number)
{
    int64_t value = 0;

    if (text.len == 0)
        return FARMIQ_E_SYNTAX;
    if (text.len > 18)
        return FARMIQ_E_RANGE;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return FARMIQ_E_SYNTAX;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *number = value;
    return FARMIQ_OK;
}

struct farmiq_str text_of_number(struct shim_call *call, int64_t number)
{
    struct farmiq_json_writer json;
    char *text = shim_memory(call, 24);
    size_t len = 0;

    if (!text)
        return shim_str("");
    farmiq_json_begin(&json, text, 24);
    farmiq_json_int(&json, number);
    return farmiq_json_end(&json, &len) == FARMIQ_OK ? (struct farmiq_str){ text, len }
                                                     : shim_str("");
}

struct farmiq_str text_copy(struct shim_call *call, struct farmiq_str text)
{
    return text_join(call, &text, 1);
}

struct farmiq_str text_join(struct shim_call *call, const struct farmiq_str *parts,
                            size_t count)
{
    size_t bytes = 1, len = 0;
    char *text;

    for (size_t i = 0; i < count; i++)
        bytes += parts[i].len;
    text = shim_memory(call, bytes);
    for (size_t i = 0; text && i < count; i++)
        if (parts[i].len) {
            memcpy(text + len, parts[i].ptr, parts[i].len);
            len += parts[i].len;
        }
    return text ? (struct farmiq_str){ text, len } : shim_str("");
}

uint64_t text_fingerprint(struct farmiq_str event_type, struct farmiq_str device_id,
                          int64_t occurred_at_unix_ms, struct farmiq_str payload)
{
    uint64_t parts[4] = { farmiq_content_hash(event_type.ptr, event_type.len),
                          farmiq_content_hash(device_id.ptr, device_id.len),
                          (uint64_t)occurred_at_unix_ms,
                          farmiq_content_hash(payload.ptr, payload.len) };

    return farmiq_content_hash((const char *)parts, sizeof parts);
}
