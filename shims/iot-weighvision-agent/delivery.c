/* SPDX-License-Identifier: Apache-2.0 */
/* One image of the spool to the media store, wherever an earlier attempt ended. */
#include "delivery.h"

#include <stdlib.h>

#include "kit/log.h"

static int note_place(void *ctx, const struct upload_place *place)
{
    const struct delivery *d = ctx;

    return spool_note_place(d->upload.options->spool_dir, d->image, place);
}

/* An upload that a kill interrupted may have been whole: ask before sending it again. */
static int upload_one(struct delivery *d)
{
    struct upload *upload = &d->upload;
    int r = FARMIQ_E_STATE;

    if (spool_read_place(upload->options->spool_dir, d->image, &upload->place) ==
        FARMIQ_OK)
        r = upload_complete(upload);
    if (r != FARMIQ_E_STATE)
        return r;
    r = upload_presign_and_put(upload, note_place, d);
    return r ? r : upload_complete(upload);
}

int delivery_make(struct delivery *d)
{
    struct upload *upload = &d->upload;
    const char *dir = upload->options->spool_dir;
    char *jpeg = NULL;
    int r = spool_load(dir, d->image, &jpeg, &upload->jpeg.len);

    upload->jpeg.ptr = jpeg;
    upload->session_id = d->image->session_id;
    upload->captured_unix_ms = spool_time(d->image);
    upload->retry_after_ms = -1;
    if (r == FARMIQ_OK)
        r = upload_one(d);
    free(jpeg);
    if (r == FARMIQ_E_REFUSED)
        shim_log_line(SHIM_WARN, "image.refused",
                      "session_id=%s: the media store refuses its image",
                      d->image->session_id);
    return r ? r : spool_mark_sent(dir, d->image);
}
