/* SPDX-License-Identifier: Apache-2.0 */
/* Cameras that Linux knows (V4L2, linux/videodev2.h): pictures of now, as JPEG. A camera
 * belongs to one thread. */
#ifndef SHIM_VIDEO_H
#define SHIM_VIDEO_H

#include <farmiq/farmiq.h>

struct shim_video;
struct shim_video_wish {
    const char *path;             /* "/dev/video0" */
    uint32_t width_px, height_px; /* the camera may give another size near it */
    uint32_t fps;                 /* 0: as the camera likes */
    int quality; /* 1 to 100, of pictures that the camera does not encode */
};

/* Open a camera, and let it run. FARMIQ_OK; FARMIQ_E_BUSY: another program has it;
 * FARMIQ_E_UNREACHABLE: it is not there; FARMIQ_E_ARG: it is no camera, or one that gives
 * neither MJPEG nor YUYV; FARMIQ_E_NOMEM. `error` says which, in words. */
int shim_video_open(struct shim_video **out, const struct shim_video_wish *wish,
                    struct farmiq_error *error);
/* What the camera gives, for people: "640 x 480 MJPEG". */
const char *shim_video_format(const struct shim_video *video);
/* A picture that was taken after this was called; waits `timeout_ms` for it. `*jpeg` is
 * the caller's to free(). FARMIQ_OK; FARMIQ_NONE: no whole picture came in time;
 * FARMIQ_E_UNREACHABLE: the camera is gone: close it; FARMIQ_E_NOMEM. */
int shim_video_take(struct shim_video *video, uint32_t timeout_ms, uint8_t **jpeg,
                    size_t *jpeg_bytes, struct farmiq_error *error);
void shim_video_close(struct shim_video *video); /* NULL is fine */

#endif
