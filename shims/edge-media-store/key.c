/* SPDX-License-Identifier: Apache-2.0 */
/* Names of objects (spec edge 8.3). Every part is chosen here. The UUID in it is half
 * chance and half a MAC over the tenant and the rest of the name, so that a name needs
 * no row to prove, at complete, that presign gave it to this tenant. */
#include "far.h"

#include <string.h>

#include "common/image.h"

#define CHANCE_BYTES 8 /* of the UUID; the other half is the MAC */

/* ## The UUID */

/* `id` with its version and variant bits, and the MAC behind the chance (RFC 9562, 5.8:
 * a version of one's own). */
static int seal(const struct shim_call *call, struct farmiq_str tenant_id,
                struct farmiq_str before, struct farmiq_str after,
                uint8_t id[FARMIQ_UUID_BYTES])
{
    const char *secret = media_secret(call);
    uint8_t mac[32];
    int r;

    id[6] = (id[6] & 0x0f) | 0x80;
    const struct farmiq_str parts[] = {
        { "key", 4 },
        tenant_id,
        { "", 1 },
        before,
        { "", 1 },
        after,
        { (const char *)id, CHANCE_BYTES },
    };
    r = shim_hmac_sha256(NULL, secret, strlen(secret), parts, 7, mac);
    memcpy(id + CHANCE_BYTES, mac, FARMIQ_UUID_BYTES - CHANCE_BYTES);
    id[8] = (id[8] & 0x3f) | 0x80;
    return r;
}

static struct farmiq_str sealed_key(struct shim_call *call, struct farmiq_str tenant_id,
                                    struct farmiq_str before, struct farmiq_str after)
{
    uint8_t id[FARMIQ_UUID_BYTES];
    char text[FARMIQ_UUID_STRLEN + 1];

    shim_random_bytes(call, id, sizeof id);
    if (seal(call, tenant_id, before, after, id) < 0)
        return shim_str("");
    farmiq_uuid_format(id, text);
    return text_join(call, (struct farmiq_str[]){ before, shim_str(text), after }, 3);
}

int media_key_is_ours(const struct shim_call *call, struct farmiq_str tenant_id,
                      struct farmiq_str key)
{
    uint8_t id[FARMIQ_UUID_BYTES], said[FARMIQ_UUID_BYTES];
    size_t dot = key.len;

    while (dot > 0 && key.ptr[dot - 1] != '.')
        dot--;
    if (dot < FARMIQ_UUID_STRLEN + 2 || !shim_file_name_is_valid(key))
        return 0;
    const struct farmiq_str before = { key.ptr, dot - 1 - FARMIQ_UUID_STRLEN };
    const struct farmiq_str after = { key.ptr + dot - 1, key.len - dot + 1 };
    if (farmiq_uuid_parse(said, key.ptr + before.len, FARMIQ_UUID_STRLEN) != FARMIQ_OK)
        return 0;
    memcpy(id, said, sizeof id);
    return seal(call, tenant_id, before, after, id) == FARMIQ_OK &&
           text_equal_secret((struct farmiq_str){ (const char *)id, sizeof id },
                             (struct farmiq_str){ (const char *)said, sizeof said });
}

/* ## The name */

/* ".png" of a file's name, or what its type is usually called. */
static struct farmiq_str extension(struct shim_call *call,
                                   const struct media_request *request)
{
    struct farmiq_str name = request->file_name;
    size_t dot = name.len;

    while (dot > 0 && name.ptr[dot - 1] != '.')
        dot--;
    if (dot == 0 || dot == name.len || name.len - dot > 8)
        return shim_str(image_type_extension(request->media.text[MEDIA_TYPE]));
    const struct farmiq_str letters = { name.ptr + dot, name.len - dot };
    return text_join(
        call, (struct farmiq_str[]){ shim_str("."), image_path_part(call, letters) }, 2);
}

/* 2025-01-02T03:04:05.678Z as 20250102T030405678Z */
static struct farmiq_str stamp(struct shim_call *call, const char time[25])
{
    char digits[25];
    size_t len = 0;

    for (const char *c = time; *c; c++)
        if (*c != '-' && *c != ':' && *c != '.')
            digits[len++] = *c;
    return text_copy(call, (struct farmiq_str){ digits, len });
}

struct farmiq_str media_key_make(struct shim_call *call,
                                 const struct media_request *request)
{
    const struct farmiq_str *text = request->media.text;
    int64_t at = request->media.captured_at_unix_ms;
    struct farmiq_str before, slash = shim_str("/");
    char time[FARMIQ_TIME_STRLEN + 1];
    int has_session = text[MEDIA_SESSION].len && !s3_is_used(call); /* seed 001's path */

    if (farmiq_time_format(at && has_session ? at : call->now_unix_ms, time) != FARMIQ_OK)
        return shim_str("");
    if (has_session)
        before = text_join(
            call,
            (struct farmiq_str[]){ image_path_part(call, text[MEDIA_TENANT]), slash,
                                   image_path_part(call, text[MEDIA_FARM]), slash,
                                   image_path_part(call, text[MEDIA_BARN]), slash,
                                   image_path_part(call, text[MEDIA_SESSION]), slash,
                                   stamp(call, time), shim_str("-") },
            10);
    else
        before =
            text_join(call,
                      (struct farmiq_str[]){ shim_str("tenants/"),
                                             image_path_part(call, text[MEDIA_TENANT]),
                                             shim_str("/farms/"),
                                             image_path_part(call, text[MEDIA_FARM]),
                                             shim_str("/barns/"),
                                             image_path_part(call, text[MEDIA_BARN]),
                                             shim_str("/devices/"),
                                             image_path_part(call, text[MEDIA_DEVICE]),
                                             shim_str("/images/"),
                                             { time, 4 },
                                             slash,
                                             { time + 5, 2 },
                                             slash,
                                             { time + 8, 2 },
                                             slash },
                      15);
    return sealed_key(call, text[MEDIA_TENANT], before, extension(call, request));
}
