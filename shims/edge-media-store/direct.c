/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/media/images (seed 001): presign, PUT and complete in one request, for
 * devices that know only this (12, D-02). */
#include "form.h"
#include "far.h"

#define AROUND_BYTES 65536 /* what a form may have besides its image */
#define PIECE_BYTES 32768
#define NEEDED                                                                           \
    (UINT32_C(1) << MEDIA_TENANT | UINT32_C(1) << MEDIA_FARM |                           \
     UINT32_C(1) << MEDIA_BARN | UINT32_C(1) << MEDIA_DEVICE |                           \
     UINT32_C(1) << MEDIA_TYPE)

int media_admit_form(struct shim_call *call)
{
    struct farmiq_str type = shim_header(call, "content-type");
    static const struct farmiq_str wanted = { "multipart/form-data;", 20 };

    if (s3_is_used(call))
        return shim_reply_error(call, 501, "NOT_IMPLEMENTED",
                                "images go to another store: ask presign for a URL");
    if (type.len <= wanted.len ||
        !text_equal((struct farmiq_str){ type.ptr, wanted.len }, wanted))
        return shim_reply_error(call, 415, "UNSUPPORTED_MEDIA_TYPE",
                                "the body must be multipart/form-data");
    return shim_upload(call, MEDIA_FOLDER,
                       shim_number(call, "MEDIA_MAX_UPLOAD_BYTES") + AROUND_BYTES);
}

/* The last part that is a file; NULL: none is. */
static const struct form_part *image_of(const struct form *form)
{
    const struct form_part *image = NULL;

    for (uint32_t i = 0; i < form->count; i++)
        if (form->parts[i].type.len || form->parts[i].file_name.len)
            image = &form->parts[i];
    return image;
}

static int copy_image(struct shim_call *call, const struct form *form,
                      const struct form_part *image, struct shim_file **file)
{
    char piece[PIECE_BYTES];
    int r = shim_file_new(call, MEDIA_FOLDER, file);

    for (int64_t at = image->begin; at < image->end && r >= 0;) {
        int64_t left = image->end - at;
        int64_t got = shim_file_read(form->file, at, piece,
                                     left < PIECE_BYTES ? (size_t)left : PIECE_BYTES);

        if (got <= 0)
            return FARMIQ_E_STORE;
        r = shim_file_write(*file, (struct farmiq_str){ piece, (size_t)got });
        at += got;
    }
    return r;
}

static int check_rate(struct shim_call *call, void *arg)
{
    struct media_share *share = arg;

    share->wait_ms = media_rate_wait_ms(call, share->media);
    return FARMIQ_OK;
}

static int take_image(struct shim_call *call, const struct form *form,
                      const struct form_part *image, struct media_request *request)
{
    struct media_share share = { &request->media, 0 };
    struct shim_file *file;
    int r = shim_write(call, check_rate, &share);

    if (r < 0)
        return r;
    if (media_refuse_request(call, request, share.wait_ms))
        return FARMIQ_OK;
    r = copy_image(call, form, image, &file);
    if (r < 0)
        return r;
    request->media.text[MEDIA_KEY] = media_key_make(call, request);
    return request->media.text[MEDIA_KEY].len
               ? media_take_file(call, &request->media, file, 1)
               : FARMIQ_E_NOMEM;
}

int media_post_form(struct shim_call *call)
{
    struct form *form = shim_memory(call, sizeof *form);
    const struct form_part *image;
    struct media_request request;
    int r;

    if (!form)
        return FARMIQ_E_NOMEM;
    r = form_read(form, call, shim_uploaded(call), shim_header(call, "content-type"));
    if (r < 0 && r != FARMIQ_E_SYNTAX)
        return r;
    image = r == FARMIQ_OK ? image_of(form) : NULL;
    if (!image)
        return shim_reply_error(call, 400, "VALIDATION_ERROR",
                                "the body must be a form of short texts and one image");
    r = media_read_form(call, form, image, NEEDED, &request);
    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    return take_image(call, form, image, &request);
}
