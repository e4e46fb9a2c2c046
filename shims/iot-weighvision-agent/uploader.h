/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that brings images from the spool to the media store, so that the station
 * never waits for it. */
#ifndef WEIGHVISION_UPLOADER_H
#define WEIGHVISION_UPLOADER_H

#include "spool.h"

struct uploader;

/* An image that is at the media store, and that the edge must be told of. */
struct uploaded {
    struct uploaded *next;
    struct spooled image;
    struct upload_place place;
};

int uploader_open(struct uploader **out, const struct agent_options *agent,
                  const struct station_options *options, struct farmiq_error *error);
void uploader_close(struct uploader *uploader);   /* NULL is fine */
int uploader_fd(const struct uploader *uploader); /* can be read when there is news */

/* Keep a picture. FARMIQ_OK; FARMIQ_E_NOSPACE: SPOOL_MAX_IMAGES are there already;
 * FARMIQ_E_STORE. */
int uploader_add(struct uploader *uploader, const struct spooled *image,
                 struct farmiq_str jpeg);
/* What has arrived since the last look, oldest first; free() each. */
struct uploaded *uploader_take(struct uploader *uploader);
/* The edge will be told: the file may go. */
void uploader_forget(struct uploader *uploader, const struct spooled *image);
/* Images that are not forgotten. */
uint32_t uploader_held(const struct uploader *uploader);

#endif
