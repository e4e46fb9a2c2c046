/* SPDX-License-Identifier: Apache-2.0 */
/* What the kit itself says when it refuses a request. */
#include <stdio.h>
#include <string.h>

#include "kit/crypto.h"
#include "kit/http_private.h"

#define REFUSAL(name, status, code, message)                                             \
    const struct shim__http_refusal shim__http_##name = { status, code, message, NULL }

REFUSAL(bad_target, 400, "VALIDATION_ERROR", "the request target is not a valid path");
REFUSAL(bad_head, 400, "VALIDATION_ERROR", "the request head is malformed");
REFUSAL(said_twice, 400, "VALIDATION_ERROR", "a header that may stand once stands twice");
REFUSAL(bad_framing, 400, "VALIDATION_ERROR", "the body's length is said ambiguously");
REFUSAL(bad_coding, 501, "NOT_IMPLEMENTED", "the transfer coding is not supported");
REFUSAL(bad_encoding, 415, "UNSUPPORTED_MEDIA_TYPE", "the content encoding is not gzip");
REFUSAL(bad_gzip, 400, "VALIDATION_ERROR", "the gzip body is damaged or cut");
REFUSAL(bad_certificate, 403, "FORBIDDEN", "the client certificate is not trusted");
REFUSAL(head_too_large, 431, "PAYLOAD_TOO_LARGE", "the request head is too large");
REFUSAL(too_large, 413, "PAYLOAD_TOO_LARGE", "the body is larger than allowed");
REFUSAL(no_memory, 503, "SERVICE_UNAVAILABLE", "out of memory; try again later");
REFUSAL(no_room, 503, "STORAGE_FULL", "the disk or the quota is full");
REFUSAL(no_sink, 503, "STORAGE_UNAVAILABLE", "the body cannot be kept; try again later");
const struct shim__http_refusal shim__http_crowded = {
    503, "SERVICE_UNAVAILABLE",
    "the bodies of other requests take all the room; try later", "5"
};
REFUSAL(closing, 503, "SERVICE_UNAVAILABLE", "the service is stopping; try again later");

/* An id worth echoing: what UUIDs and W3C trace ids are made of. */
static int is_plain_id(struct farmiq_str id)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:";

    if (id.len == 0 || id.len > 128)
        return 0;
    for (size_t i = 0; i < id.len; i++)
        if (!memchr(plain, id.ptr[i], sizeof plain - 1))
            return 0;
    return 1;
}

static void put_id(struct farmiq_str id, const char *otherwise,
                   char out[SHIM__HTTP_ID_BYTES])
{
    if (is_plain_id(id))
        snprintf(out, SHIM__HTTP_ID_BYTES, "%.*s", (int)id.len, id.ptr);
    else
        snprintf(out, SHIM__HTTP_ID_BYTES, "%s", otherwise);
}

void shim__http_refusal_ids(const struct shim__http_head *head,
                            char request_id[SHIM__HTTP_ID_BYTES],
                            char trace_id[SHIM__HTTP_ID_BYTES])
{
    uint8_t random[FARMIQ_UUID_BYTES] = { 0 };
    char fresh[FARMIQ_UUID_STRLEN + 1];

    (void)shim_crypto_random(random, sizeof random);
    random[6] = (random[6] & 0x0f) | 0x40; /* version 4 (RFC 9562, 5.4) */
    random[8] = (random[8] & 0x3f) | 0x80;
    farmiq_uuid_format(random, fresh);
    put_id(shim__http_head_header(head, "x-request-id"), fresh, request_id);
    put_id(shim__http_head_header(head, "x-trace-id"), request_id, trace_id);
}

size_t shim__http_refusal_json(const struct shim__http_refusal *refusal,
                               struct farmiq_str trace_id,
                               char out[SHIM__HTTP_REFUSAL_BYTES])
{
    int shown = is_plain_id(trace_id) ? (int)trace_id.len : 0;
    int len =
        snprintf(out, SHIM__HTTP_REFUSAL_BYTES,
                 "{\"error\":{\"code\":\"%s\",\"message\":\"%s\",\"traceId\":\"%.*s\"}}",
                 refusal->code, refusal->message, shown, shown ? trace_id.ptr : "");

    return (size_t)len; /* the longest row and a 128-byte id fit */
}
