/* SPDX-License-Identifier: Apache-2.0 */
/* Is the place there that images go to? A job looks, so that /api/ready need not wait for
 * a store that does not answer. */
#include "far.h"

/* A file that can be made and written; it goes with the call. */
static int look_near(struct shim_call *call)
{
    struct shim_file *file;
    int r = shim_file_new(call, MEDIA_FOLDER, &file);

    return r < 0 ? r : shim_file_write(file, shim_str("?"));
}

static const char *name_of(const struct shim_call *call)
{
    return s3_is_used(call) ? "s3" : "folder";
}

int media_probe(struct shim_call *call)
{
    struct media_state *state = call->state;
    int is_down = (s3_is_used(call) ? s3_reach(call) : look_near(call)) < 0;

    if (is_down != state->is_backend_down)
        shim_log(call, is_down ? SHIM_ERROR : SHIM_INFO, "media.backend", "%s is %s",
                 name_of(call), is_down ? "down" : "up");
    state->is_backend_down = is_down;
    shim_gauge("farmiq_media_backend_up", NULL, !is_down);
    return FARMIQ_OK;
}

int media_ready(const struct shim_call *call, struct farmiq_json_writer *json)
{
    const struct media_state *state = call->state;

    member_text(json, "bucket", shim_str(shim_text(call, "MEDIA_BUCKET")));
    member_text(json, "presign", shim_str("ok"));
    member_text(json, name_of(call), shim_str(state->is_backend_down ? "down" : "up"));
    return !state->is_backend_down;
}
