/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an upload, as its device says (spec edge 4.4): the object is looked at
 * beside the writer, the row is written by it. */
#include "far.h"

#include "common/image.h"

#define NEEDED                                                                           \
    (UINT32_C(1) << MEDIA_TENANT | UINT32_C(1) << MEDIA_FARM |                           \
     UINT32_C(1) << MEDIA_BARN | UINT32_C(1) << MEDIA_DEVICE |                           \
     UINT32_C(1) << MEDIA_KEY | UINT32_C(1) << MEDIA_TYPE)

struct completion {
    struct media media;
    int is_there;
    int64_t bytes;
    const char *type;
    struct farmiq_str etag;
};

/* An object that the sweep may take any moment is as good as gone. */
static int is_fresh(const struct shim_call *call, const struct shim_file_facts *facts)
{
    return call->now_unix_ms - facts->changed_unix_ms <
           shim_number(call, "MEDIA_ORPHAN_GRACE") / 2;
}

static int look(struct shim_call *call, struct completion *completion)
{
    struct shim_file *file;
    struct shim_file_facts facts;
    int r = shim_file_open(call, MEDIA_FOLDER, completion->media.text[MEDIA_KEY], &file);

    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    r = shim_file_digest(file);
    shim_file_look(file, &facts);
    completion->is_there = is_fresh(call, &facts);
    completion->bytes = facts.bytes;
    completion->type = image_type_of(facts.head, facts.head_bytes);
    completion->etag = text_copy(call, shim_str(facts.sha256));
    return r;
}

static int look_far(struct shim_call *call, struct completion *completion)
{
    struct far_object object;
    int r = far_look(call, completion->media.text[MEDIA_KEY], &object);

    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    completion->is_there = 1;
    completion->bytes = object.bytes;
    completion->type = object.type;
    completion->etag = object.etag;
    return FARMIQ_OK;
}

int media_look(struct shim_call *call)
{
    struct completion *completion = shim_memory(call, sizeof *completion);
    struct media_request request;
    int r;

    if (!completion)
        return FARMIQ_E_NOMEM;
    r = media_read_body(call, NEEDED, &request);
    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    if (!media_key_is_ours(call, request.media.text[MEDIA_TENANT],
                           request.media.text[MEDIA_KEY]))
        return shim_reply_error(call, 403, "TENANT_MISMATCH",
                                "object_key was not given to this tenant");
    completion->media = request.media;
    call->finding = completion;
    return s3_is_used(call) ? look_far(call, completion) : look(call, completion);
}

/* 0, or 1 after replying. */
static int check(struct shim_call *call, const struct completion *completion)
{
    int64_t said = completion->media.bytes;

    if (!completion->is_there)
        return shim_refuse(call, 404, "OBJECT_NOT_FOUND",
                           "nothing was uploaded under object_key");
    if (said >= 0 && said != completion->bytes)
        return shim_refuse(call, 409, "SIZE_MISMATCH",
                           "size_bytes is %lld, the object has %lld", (long long)said,
                           (long long)completion->bytes);
    if (completion->bytes > shim_number(call, "MEDIA_MAX_UPLOAD_BYTES"))
        return shim_refuse(call, 413, "PAYLOAD_TOO_LARGE", "the object is too long");
    if (!text_is(completion->media.text[MEDIA_TYPE], completion->type))
        return shim_refuse(call, 409, "CONTENT_TYPE_MISMATCH",
                           "mime_type is not the type of the object");
    return 0;
}

int media_complete(struct shim_call *call)
{
    const struct completion *completion = call->finding;
    struct media media = completion->media;
    int r = media_reply_kept(call, &media);

    if (r != FARMIQ_NONE)
        return r;
    if (check(call, completion))
        return FARMIQ_OK;
    media.bytes = completion->bytes;
    media.etag = completion->etag;
    r = media_keep(call, &media);
    return r < 0 ? r : media_reply_kept(call, &media);
}
