/* SPDX-License-Identifier: Apache-2.0 */
/* The PUT of an image on a URL from presign: its bytes go to the disk as they come, and
 * get their name when they are whole, safe and what they were said to be. */
#include "media.h"

#include "common/image.h"

int media_admit_upload(struct shim_call *call)
{
    struct media_grant *grant = shim_memory(call, sizeof *grant);
    int r;

    if (!grant)
        return FARMIQ_E_NOMEM;
    r = media_grant_read(call, grant);
    if (r)
        return r < 0 ? r : 0;
    if (!text_equal(shim_header(call, "content-type"), grant->media.text[MEDIA_TYPE]))
        return shim_reply_error(call, 409, "CONTENT_TYPE_MISMATCH",
                                "Content-Type must be the one the URL was asked for");
    call->finding = grant;
    return shim_upload(call, MEDIA_FOLDER, grant->max_bytes);
}

static int keep_row(struct shim_call *call, void *arg) { return media_keep(call, arg); }

static int reply(struct shim_call *call, const struct media *media)
{
    struct farmiq_json_writer *json = shim_json(call, 4096);

    farmiq_json_open(json, '{');
    member_text(json, "media_id", media_id(call, media));
    member_text(json, "object_key", media->text[MEDIA_KEY]);
    member_text(json, "etag", media->etag);
    member_int(json, "size_bytes", media->bytes);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

int media_take_file(struct shim_call *call, const struct media *said,
                    struct shim_file *file, int completes)
{
    struct media media = *said;
    struct shim_file_facts facts;
    int r;

    shim_file_look(file, &facts);
    media.bytes = facts.bytes;
    media.etag = shim_str(facts.sha256);
    if (image_is_refused(call, media.text[MEDIA_TYPE],
                         shim_number(call, "MEDIA_MAX_UPLOAD_BYTES"), &facts)) {
        shim_count("farmiq_media_uploads_total", "refused", 1);
        return FARMIQ_OK;
    }
    r = shim_file_keep(file, media.text[MEDIA_KEY]);
    if (r == FARMIQ_E_REFUSED)
        return shim_reply_error(call, 409, "CONFLICT",
                                "other bytes have this URL already: ask for another");
    if (r >= 0 && completes)
        r = shim_write(call, keep_row, &media);
    if (r < 0)
        return r;
    shim_count("farmiq_media_uploads_total", "stored", 1);
    return reply(call, &media);
}

int media_put_upload(struct shim_call *call)
{
    const struct media_grant *grant = call->finding;

    return media_take_file(call, &grant->media, shim_uploaded(call), grant->completes);
}
