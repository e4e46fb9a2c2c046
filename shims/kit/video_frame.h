/* SPDX-License-Identifier: Apache-2.0 */
/* What a camera put into a buffer, as a picture; it is not believed. */
#ifndef SHIM_VIDEO_FRAME_H
#define SHIM_VIDEO_FRAME_H

#include <farmiq/farmiq.h>

struct video_frame_shape {
    int is_jpeg; /* or YUYV */
    uint32_t width_px, height_px;
    uint32_t line_bytes; /* YUYV: from one line to the next */
};

/* Can there be such pictures? */
int video_frame_check_shape(const struct video_frame_shape *shape);
/* FARMIQ_OK: `*jpeg` is a whole JPEG file that anybody can read, and the caller's to
 * free(); FARMIQ_NONE: it is broken; FARMIQ_E_NOMEM. */
int video_frame_read(const struct video_frame_shape *shape, const uint8_t *bytes,
                     size_t len, int quality, uint8_t **jpeg, size_t *jpeg_bytes);

#endif
