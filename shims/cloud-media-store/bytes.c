/* SPDX-License-Identifier: Apache-2.0 */
/* The PUT of an image by whoever brings it from its site: the bytes must be those that
 * media.stored spoke of, and get a name that is chosen here. */
#include "cloud_media.h"

#include "common/image.h"
#include "queries.h"

#define SHA256_HEX_BYTES 64

int cloud_media_admit(struct shim_call *call)
{
    if (!cloud_media_has_folder(call))
        return shim_reply_error(call, 501, "NOT_IMPLEMENTED",
                                "this cloud keeps no images: MEDIA_BASE_PATH is empty");
    if (!image_type_is_accepted(shim_header(call, "content-type")))
        return shim_reply_error(call, 415, "UNSUPPORTED_MEDIA_TYPE",
                                "Content-Type must be image/jpeg, image/png or "
                                "image/webp");
    return shim_upload(call, CLOUD_MEDIA_FOLDER,
                       shim_number(call, "MEDIA_MAX_UPLOAD_BYTES"));
}

struct arrival {
    struct shim_call *call; /* the request's: what is read outlives the transaction */
    struct cloud_media media;
    struct shim_file_facts facts;
    struct farmiq_str type, name;
    int is_lost;
};

static int read_row(struct shim_call *call, void *arg)
{
    struct arrival *arrival = arg;

    return cloud_media_find(arrival->call, call->store, arrival->call->tenant_id,
                            shim_path_part(arrival->call, "mediaId"), &arrival->media);
}

/* 1 after replying that these are not the bytes. */
static int are_others(const struct arrival *arrival)
{
    const struct cloud_media *media = &arrival->media;
    struct shim_call *call = arrival->call;

    if (media->type.len && !text_equal(media->type, arrival->type))
        return shim_refuse(call, 409, "CONTENT_TYPE_MISMATCH",
                           "media.stored says another type than Content-Type");
    if (media->bytes >= 0 && media->bytes != arrival->facts.bytes)
        return shim_refuse(call, 409, "SIZE_MISMATCH",
                           "media.stored says %lld bytes, these are %lld",
                           (long long)media->bytes, (long long)arrival->facts.bytes);
    if (media->etag.len == SHA256_HEX_BYTES &&
        !text_is(media->etag, arrival->facts.sha256))
        return shim_refuse(call, 409, "DIGEST_MISMATCH",
                           "media.stored says another SHA-256");
    return 0;
}

/* {tenant}/{farm}/{barn}/{session}/{uuid}.jpg: nothing in it was chosen elsewhere, and
 * the UUID follows from tenant and image, so that no two share a name. */
static struct farmiq_str name_of(struct shim_call *call, const struct cloud_media *media,
                                 struct farmiq_str type)
{
    const struct farmiq_str names[] = { call->tenant_id, media->farm_id, media->barn_id,
                                        media->session_id };
    const struct farmiq_str whole[] = { call->tenant_id, { "\n", 1 }, media->media_id };
    struct farmiq_str id = text_join(call, whole, 3);
    uint8_t space[FARMIQ_UUID_BYTES], uuid[FARMIQ_UUID_BYTES];
    char text[FARMIQ_UUID_STRLEN + 1];
    struct farmiq_str parts[10];

    if (farmiq_uuid_v5(space, farmiq_uuid_dns_space(), "farmiq.cloud.media-store", 24) <
            0 ||
        farmiq_uuid_v5(uuid, space, id.ptr, id.len) < 0)
        return shim_str("");
    farmiq_uuid_format(uuid, text);
    for (int i = 0; i < 4; i++) {
        parts[2 * i] = names[i].len ? image_path_part(call, names[i]) : shim_str("none");
        parts[2 * i + 1] = shim_str("/");
    }
    parts[8] = shim_str(text);
    parts[9] = shim_str(image_type_extension(type));
    return text_join(call, parts, 10);
}

/* In the transaction in which the sweep would look for a row. */
static int keep_row(struct shim_call *call, void *arg)
{
    struct arrival *arrival = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(arrival->call->tenant_id),
        farmiq_sql_text(arrival->media.media_id),
        farmiq_sql_text(arrival->name),
        farmiq_sql_text(arrival->type),
        farmiq_sql_integer(arrival->facts.bytes),
        farmiq_sql_text(shim_str(arrival->facts.sha256)),
        farmiq_sql_integer(call->now_unix_ms),
    };

    arrival->is_lost =
        shim_file_is_there(call, CLOUD_MEDIA_FOLDER, arrival->name) == FARMIQ_NONE;
    return arrival->is_lost ? FARMIQ_OK
                            : farmiq_sql_run(call->store, &sql_object_keep, NULL, params,
                                             7, NULL, NULL);
}

static int reply(const struct arrival *arrival)
{
    struct farmiq_json_writer *json = shim_json(arrival->call, 4096);

    farmiq_json_open(json, '{');
    member_text(json, "mediaId", arrival->media.media_id);
    member_text(json, "path", arrival->name);
    member_text(json, "sha256", shim_str(arrival->facts.sha256));
    member_int(json, "sizeBytes", arrival->facts.bytes);
    farmiq_json_close(json, '}');
    return shim_reply(arrival->call, 200);
}

static int keep(struct arrival *arrival, struct shim_file *file)
{
    int r;

    arrival->name = name_of(arrival->call, &arrival->media, arrival->type);
    if (!arrival->name.len)
        return FARMIQ_E_NOMEM;
    r = shim_file_keep(file, arrival->name);
    if (r == FARMIQ_E_REFUSED)
        return shim_reply_error(arrival->call, 409, "CONFLICT",
                                "other bytes are kept as this image");
    if (r >= 0)
        r = shim_write(arrival->call, keep_row, arrival);
    if (r < 0 || arrival->is_lost)
        return r < 0 ? r : FARMIQ_E_BUSY;
    shim_count("farmiq_media_uploads_total", "stored", 1);
    return reply(arrival);
}

int cloud_media_put(struct shim_call *call)
{
    struct arrival arrival = { .call = call, .type = shim_header(call, "content-type") };
    struct shim_file *file = shim_uploaded(call);
    int r = shim_write(call, read_row, &arrival);

    if (r < 0)
        return r;
    if (!arrival.media.is_known)
        return shim_reply_error(call, 404, "NOT_FOUND",
                                "the cloud has not heard of this image: its media.stored "
                                "comes first");
    shim_file_look(file, &arrival.facts);
    if (image_is_refused(call, arrival.type, shim_number(call, "MEDIA_MAX_UPLOAD_BYTES"),
                         &arrival.facts) ||
        are_others(&arrival)) {
        shim_count("farmiq_media_uploads_total", "refused", 1);
        return FARMIQ_OK;
    }
    return keep(&arrival, file);
}
