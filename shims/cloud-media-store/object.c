/* SPDX-License-Identifier: Apache-2.0 */
/* One image of a tenant: its row, and its bytes. */
#include "cloud_media.h"

#include "common/image.h"
#include "queries.h"

struct finding {
    struct shim_call *call;
    struct cloud_media *media;
};

static int note(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                uint32_t count)
{
    struct finding *finding = ctx;
    struct cloud_media *media = finding->media;
    struct farmiq_str *const texts[] = { &media->media_id,   &media->farm_id,
                                         &media->barn_id,    &media->session_id,
                                         &media->etag,       &media->type,
                                         &media->file_name,  &media->file_type,
                                         &media->file_sha256 };
    uint32_t last = sizeof texts / sizeof *texts;

    (void)row;
    (void)count;
    for (uint32_t i = 0; i < last; i++)
        *texts[i] = text_copy(finding->call, columns[i].text);
    media->bytes = columns[last].type == FARMIQ_SQL_NULL ? -1 : columns[last].integer;
    media->is_known = 1;
    return 0;
}

int cloud_media_find(struct shim_call *call, struct farmiq_store *store,
                     struct farmiq_str tenant_id, struct farmiq_str media_id,
                     struct cloud_media *media)
{
    struct finding finding = { call, media };
    const struct farmiq_sql_value params[] = { farmiq_sql_text(tenant_id),
                                               farmiq_sql_text(media_id) };

    *media = (struct cloud_media){ .bytes = -1 };
    return farmiq_sql_run(store, &sql_object, NULL, params, 2, note, &finding);
}

int cloud_media_reply_none(struct shim_call *call)
{
    return shim_reply_error(call, 404, "NOT_FOUND", "this tenant has no such image");
}

int cloud_media_has_folder(const struct shim_call *call)
{
    return *shim_text(call, CLOUD_MEDIA_FOLDER) != '\0';
}

int cloud_media_reply_bytes(struct shim_call *call, const struct cloud_media *media)
{
    if (!media->is_known)
        return cloud_media_reply_none(call);
    if (!media->file_name.len || !cloud_media_has_folder(call))
        return shim_reply_error(call, 404, "BYTES_NOT_HERE",
                                "the image is known, but its bytes are not at this "
                                "cloud: the site's media store has them");
    return image_reply(call, CLOUD_MEDIA_FOLDER, media->file_name, media->file_type,
                       media->file_sha256);
}

int cloud_media_get_object(struct shim_call *call)
{
    struct cloud_media media;
    int r = cloud_media_find(call, call->store, call->tenant_id,
                             shim_path_part(call, "mediaId"), &media);

    return r < 0 ? r : cloud_media_reply_bytes(call, &media);
}
