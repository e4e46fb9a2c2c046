/* SPDX-License-Identifier: Apache-2.0 */
/* A camera at this machine. It may be unplugged and come back: sessions go on without a
 * picture meanwhile. */
#include <stdlib.h>
#include <time.h>

#include "camera.h"
#include "kit/fail.h"
#include "kit/log.h"
#include "kit/video.h"

#define REOPEN_MIN_MS 1000
#define REOPEN_MAX_MS 30000

struct v4l2 {
    struct camera base;
    struct shim_video_wish wish;
    uint32_t timeout_ms;
    struct shim_video *video; /* NULL: it is away */
    int64_t reopen_steady_ms;
    int64_t pause_ms; /* before it is tried again */
    uint64_t missed;  /* pictures, since it last gave one */
    int has_complained;
};

static int64_t steady_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void complain(struct v4l2 *c, const struct farmiq_error *error)
{
    if (!c->has_complained)
        shim_log_line(SHIM_WARN, "camera.failed", "IMAGE_DEVICE %s %s", c->wish.path,
                      error->detail);
    c->has_complained = 1;
}

static int connect_camera(struct v4l2 *c, struct farmiq_error *error)
{
    int r = shim_video_open(&c->video, &c->wish, error);

    if (r == FARMIQ_OK) {
        shim_log_line(SHIM_INFO, "camera.connected", "%s gives %s", c->wish.path,
                      shim_video_format(c->video));
        return r;
    }
    complain(c, error);
    c->pause_ms = c->pause_ms < REOPEN_MIN_MS       ? REOPEN_MIN_MS
                  : c->pause_ms < REOPEN_MAX_MS / 2 ? 2 * c->pause_ms
                                                    : REOPEN_MAX_MS;
    c->reopen_steady_ms = steady_ms() + c->pause_ms;
    return r;
}

static void disconnect(struct v4l2 *c)
{
    shim_video_close(c->video);
    c->video = NULL;
    c->reopen_steady_ms = 0;
}

static void close_v4l2(struct camera *camera)
{
    disconnect((struct v4l2 *)camera);
    free(camera);
}

/* One that is away may come; what is no camera never will be one. */
static int open_v4l2(struct camera **out, const struct station_options *o,
                     struct farmiq_error *error)
{
    struct v4l2 *c = calloc(1, sizeof *c);
    struct farmiq_error why;

    if (!c)
        return FARMIQ_E_NOMEM;
    c->base.kind = &camera_v4l2;
    c->timeout_ms = o->image_timeout_ms;
    c->wish = (struct shim_video_wish){
        .path = o->image_device,
        .width_px = o->image_width_px,
        .height_px = o->image_height_px,
        .fps = o->image_fps,
        .quality = o->image_quality,
    };
    farmiq_error_init(&why, sizeof why);
    if (connect_camera(c, &why) == FARMIQ_E_ARG) {
        close_v4l2(&c->base);
        return shim_fail(error, FARMIQ_E_ARG, "IMAGE_DEVICE", "%s", why.detail);
    }
    *out = &c->base;
    return FARMIQ_OK;
}

static void note_picture(struct v4l2 *c)
{
    if (c->missed)
        shim_log_line(SHIM_INFO, "camera.back",
                      "%s gives pictures again; %llu were missed", c->wish.path,
                      (unsigned long long)c->missed);
    c->missed = 0;
    c->pause_ms = 0;
    c->has_complained = 0;
}

static int take_from(struct v4l2 *c, uint8_t **jpeg, size_t *jpeg_bytes)
{
    struct farmiq_error error;
    int r;

    farmiq_error_init(&error, sizeof error);
    if (!c->video && steady_ms() >= c->reopen_steady_ms)
        (void)connect_camera(c, &error);
    if (!c->video)
        return FARMIQ_NONE;
    r = shim_video_take(c->video, c->timeout_ms, jpeg, jpeg_bytes, &error);
    if (r == FARMIQ_NONE || r == FARMIQ_E_UNREACHABLE)
        complain(c, &error);
    if (r == FARMIQ_E_UNREACHABLE)
        disconnect(c);
    return r == FARMIQ_E_UNREACHABLE ? FARMIQ_NONE : r;
}

static int take(struct camera *camera, const struct camera_scene *scene, uint8_t **jpeg,
                size_t *jpeg_bytes)
{
    struct v4l2 *c = (struct v4l2 *)camera;
    int r = take_from(c, jpeg, jpeg_bytes);

    (void)scene;
    if (r == FARMIQ_OK)
        note_picture(c);
    else
        c->missed++;
    return r;
}

const struct camera_kind camera_v4l2 = { "v4l2", open_v4l2, take, close_v4l2 };
