/* SPDX-License-Identifier: Apache-2.0 */
/* Images in an S3-compatible store (spec edge 8.3): devices PUT to it on URLs that are
 * signed here, and we look at what they put. */
#include "far.h"

#include "common/image.h"
#include "common/text.h"

struct farmiq_str far_put_url(struct shim_call *call, const struct media_grant *grant)
{
    const char *said = shim_text(call, "MEDIA_PRESIGN_ENDPOINT");
    struct farmiq_str endpoint =
        shim_str(*said ? said : shim_text(call, "MEDIA_ENDPOINT"));
    const struct sigv4 put = {
        .method = "PUT",
        .life_s = (grant->expires_at_unix_ms - call->now_unix_ms) / 1000,
        .content_type = grant->media.text[MEDIA_TYPE],
        .content_length = grant->media.bytes > 0
                              ? text_of_number(call, grant->media.bytes)
                              : shim_str(""),
    };
    const struct farmiq_str parts[] = {
        endpoint,
        s3_target(call, endpoint, put, grant->media.text[MEDIA_KEY]),
    };

    return text_join(call, parts, 2);
}

/* Quotes are the header's, not the tag's. */
static struct farmiq_str unquoted(struct farmiq_str etag)
{
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        return (struct farmiq_str){ etag.ptr + 1, etag.len - 2 };
    return etag;
}

int far_look(struct shim_call *call, struct farmiq_str key, struct far_object *object)
{
    struct shim_request head, begin;
    int r = s3_ask(call, "HEAD", key, NULL, &head);

    if (r != FARMIQ_OK)
        return r;
    object->bytes = head.content_bytes;
    object->etag = unquoted(head.etag);
    object->type = "";
    if (object->bytes <= 0)
        return FARMIQ_OK;
    r = s3_ask(call, "GET", key, "bytes=0-15", &begin);
    if (r != FARMIQ_OK)
        return r;
    object->type = image_type_of((const unsigned char *)begin.reply.ptr,
                                 begin.reply.len < 16 ? (uint32_t)begin.reply.len : 16);
    if (!text_is(head.content_type, object->type))
        object->type = "";
    return FARMIQ_OK;
}
