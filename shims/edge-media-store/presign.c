/* SPDX-License-Identifier: Apache-2.0 */
/* A device asks where to put an image: nothing is stored, nothing is told (8.1). */
#include "far.h"

#include "common/image.h"

#define NEEDED                                                                           \
    (UINT32_C(1) << MEDIA_TENANT | UINT32_C(1) << MEDIA_FARM |                           \
     UINT32_C(1) << MEDIA_BARN | UINT32_C(1) << MEDIA_DEVICE |                           \
     UINT32_C(1) << MEDIA_TYPE)

int media_refuse_request(struct shim_call *call, const struct media_request *request,
                         int64_t wait_ms)
{
    int64_t most = shim_number(call, "MEDIA_MAX_UPLOAD_BYTES");

    if (!image_type_is_accepted(request->media.text[MEDIA_TYPE]))
        return shim_refuse(call, 400, "UNSUPPORTED_CONTENT_TYPE",
                           "content_type must be image/jpeg, image/png or "
                           "image/webp");
    if (request->media.bytes > most)
        return shim_refuse(call, 413, "PAYLOAD_TOO_LARGE",
                           "an image has at most %lld bytes", (long long)most);
    if (!wait_ms)
        return 0;
    shim_reply_header(call, "Retry-After",
                      text_of_number(call, (wait_ms + 999) / 1000).ptr);
    shim_count("farmiq_media_uploads_total", "limited", 1);
    return shim_refuse(call, 429, "RATE_LIMITED", "this device asks for too many URLs");
}

static void write_headers(struct farmiq_json_writer *json, const char *name,
                          const struct media *media)
{
    farmiq_json_key(json, name);
    farmiq_json_open(json, '{');
    member_text(json, "Content-Type", media->text[MEDIA_TYPE]);
    farmiq_json_close(json, '}');
}

/* The union of what either kind of client looks for (8.5). */
static int reply(struct shim_call *call, const struct media_grant *grant)
{
    struct farmiq_str url =
        s3_is_used(call) ? far_put_url(call, grant) : media_grant_url(call, grant);
    struct farmiq_json_writer *json = shim_json(call, 4096 + url.len);
    int64_t life_ms = grant->expires_at_unix_ms - call->now_unix_ms;

    if (!url.len)
        return FARMIQ_E_NOMEM;
    farmiq_json_open(json, '{');
    member_text(json, "media_id", media_id(call, &grant->media));
    member_text(json, "object_key", grant->media.text[MEDIA_KEY]);
    member_text(json, "upload_url", url);
    member_int(json, "expires_in", life_ms / 1000);
    member_time(json, "expires_at", grant->expires_at_unix_ms);
    member_text(json, "method", shim_str("PUT"));
    write_headers(json, "headers", &grant->media);
    write_headers(json, "required_headers", &grant->media);
    member_int(json, "max_bytes", grant->max_bytes);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

int media_presign(struct shim_call *call)
{
    struct media_request request;
    struct media_grant grant;
    int r = media_read_body(call, NEEDED, &request);

    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    if (media_refuse_request(call, &request, media_rate_wait_ms(call, &request.media)))
        return FARMIQ_OK;
    grant = (struct media_grant){
        .media = request.media,
        .max_bytes = shim_number(call, "MEDIA_MAX_UPLOAD_BYTES"),
        .expires_at_unix_ms =
            call->now_unix_ms + shim_number(call, "MEDIA_PRESIGN_EXPIRES_IN"),
        .completes = request.is_agent,
    };
    if (request.media.bytes > 0)
        grant.max_bytes = request.media.bytes;
    grant.media.text[MEDIA_KEY] = media_key_make(call, &request);
    return grant.media.text[MEDIA_KEY].len ? reply(call, &grant) : FARMIQ_E_NOMEM;
}
