/* SPDX-License-Identifier: Apache-2.0 */
/* One image on its way to the media store: presign, PUT, complete (spec edge 8.1).
 * Blocks: it belongs on a thread that may wait. */
#ifndef WEIGHVISION_UPLOAD_H
#define WEIGHVISION_UPLOAD_H

#include "kit/http_client.h"
#include "options.h"

/* Where the media store put an image. */
struct upload_place {
    char object_key[1024]; /* empty: nowhere yet */
    char media_id[FARMIQ_ID_MAX_BYTES + 1];
};

struct upload {
    struct shim_http_client *client;
    const struct agent_options *agent;
    const struct station_options *options;
    const char *session_id;
    int64_t captured_unix_ms;
    struct farmiq_str jpeg;
    struct upload_place place; /* known after presign */
    int64_t retry_after_ms;    /* after FARMIQ_E_BUSY; -1: not said */
};

/* Each step: FARMIQ_OK; FARMIQ_E_UNREACHABLE (no answer, or one that says later);
 * FARMIQ_E_BUSY (later, and it may say when); FARMIQ_E_STATE (the store does not have the
 * image, or its URL has expired: presign again); FARMIQ_E_REFUSED (this image never). */
int upload_presign_and_put(struct upload *upload,
                           int (*on_place)(void *ctx, const struct upload_place *place),
                           void *ctx);
int upload_complete(struct upload *upload);

#endif
