/* SPDX-License-Identifier: Apache-2.0 */
/* A link to an image, for a browser that has no token: it says whose image it is and how
 * long it is good, and is signed (spec cloud 6.9). */
#include "cloud_media.h"

#include "common/grant.h"

enum { TENANT, MEDIA, EXPIRES, FIELDS };

static const char *const names[FIELDS] = { "tenant", "media", "expires_at" };

static const char *secret_of(const struct shim_call *call)
{
    const struct cloud_media_state *state = call->state;
    const char *given = shim_text(call, "MEDIA_URL_SECRET");

    return *given ? given : state->secret.text;
}

static int reply(struct shim_call *call, const struct cloud_media *media)
{
    int64_t life_ms = shim_number(call, "MEDIA_LINK_EXPIRES_IN");
    int64_t expires_at_unix_ms = call->now_unix_ms + life_ms;
    const struct grant_field fields[FIELDS] = {
        { names[TENANT], call->tenant_id },
        { names[MEDIA], media->media_id },
        { names[EXPIRES], text_of_number(call, expires_at_unix_ms) },
    };
    const struct farmiq_str where[] = { grant_base(call, "MEDIA_LINK_ENDPOINT"),
                                        shim_str("/api/v1/media/files") };
    struct farmiq_str url = grant_url(call, secret_of(call), "GET",
                                      text_join(call, where, 2), fields, FIELDS);
    struct farmiq_json_writer *json = shim_json(call, 4096 + url.len);

    if (!url.len)
        return FARMIQ_E_NOMEM;
    farmiq_json_open(json, '{');
    member_text(json, "url", url);
    member_int(json, "expiresIn", life_ms / 1000);
    member_time(json, "expiresAt", expires_at_unix_ms);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

int cloud_media_get_link(struct shim_call *call)
{
    struct cloud_media media;
    int r = cloud_media_find(call, call->store, call->tenant_id,
                             shim_path_part(call, "mediaId"), &media);

    if (r < 0)
        return r;
    return media.file_name.len ? reply(call, &media)
                               : cloud_media_reply_bytes(call, &media);
}

int cloud_media_get_file(struct shim_call *call)
{
    struct grant_field fields[FIELDS];
    struct cloud_media media;
    int64_t expires_at_unix_ms;
    int r;

    for (int i = 0; i < FIELDS; i++)
        fields[i] = (struct grant_field){ names[i], shim_query(call, names[i]) };
    if (!grant_is_ours(call, secret_of(call), "GET", fields, FIELDS) ||
        text_number(fields[EXPIRES].value, &expires_at_unix_ms) != FARMIQ_OK)
        return shim_reply_error(call, 403, "FORBIDDEN",
                                "this link was altered, or not given out here");
    if (call->now_unix_ms >= expires_at_unix_ms)
        return shim_reply_error(call, 403, "FORBIDDEN",
                                "this link has expired: ask for another");
    r = cloud_media_find(call, call->store, fields[TENANT].value, fields[MEDIA].value,
                         &media);
    return r < 0 ? r : cloud_media_reply_bytes(call, &media);
}
