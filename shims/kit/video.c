/* SPDX-License-Identifier: Apache-2.0 */
/* A camera's device: what it can do, its buffers, and which of its frames is of now. What
 * a frame says is looked at in video_frame.c. */
#include "kit/video.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "kit/fail.h"
#include "kit/video_frame.h"

#define BUFFERS 4

struct buffer {
    void *bytes; /* MAP_FAILED: none */
    size_t len;
};

struct shim_video {
    int fd;
    int quality;
    char path[64];
    char format[48];
    struct video_frame_shape shape;
    uint32_t buffer_count;
    struct buffer buffers[BUFFERS];
};

static int ask(int fd, unsigned long what, void *answer)
{
    int r;

    do {
        r = ioctl(fd, what, answer);
    } while (r < 0 && errno == EINTR);
    return r;
}

/* What errno means of a camera. */
static int failure(const char *path, struct farmiq_error *error)
{
    switch (errno) {
    case EBUSY:
        return shim_fail(error, FARMIQ_E_BUSY, path, "is in use by another program");
    case ENOMEM:
        return FARMIQ_E_NOMEM;
    case EACCES:
    case EPERM:
        return shim_fail(error, FARMIQ_E_UNREACHABLE, path,
                         "may not be opened: this user needs the group video");
    case ENOTTY:
    case EINVAL:
        return shim_fail(error, FARMIQ_E_ARG, path, "is no camera");
    default:
        return shim_fail(error, FARMIQ_E_UNREACHABLE, path, "is not there");
    }
}

/* ## What it can do */

static int check_abilities(const struct shim_video *v, struct farmiq_error *error)
{
    struct v4l2_capability can = { 0 };
    uint32_t abilities;

    if (ask(v->fd, VIDIOC_QUERYCAP, &can) < 0)
        return failure(v->path, error);
    abilities =
        can.capabilities & V4L2_CAP_DEVICE_CAPS ? can.device_caps : can.capabilities;
    if (!(abilities & V4L2_CAP_VIDEO_CAPTURE) || !(abilities & V4L2_CAP_STREAMING))
        return shim_fail(error, FARMIQ_E_ARG, v->path,
                         "takes no pictures: a camera often has a second device that "
                         "does");
    return FARMIQ_OK;
}

/* A camera may answer with another format than it was asked for. FARMIQ_NONE: it has. */
static int set_format(struct shim_video *v, const struct shim_video_wish *wish,
                      uint32_t pixel_format, struct farmiq_error *error)
{
    struct v4l2_format format = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
    struct v4l2_pix_format *pix = &format.fmt.pix;

    pix->width = wish->width_px;
    pix->height = wish->height_px;
    pix->pixelformat = pixel_format;
    pix->field = V4L2_FIELD_ANY;
    if (ask(v->fd, VIDIOC_S_FMT, &format) < 0)
        return errno == EINVAL ? FARMIQ_NONE : failure(v->path, error);
    if (pix->pixelformat != pixel_format)
        return FARMIQ_NONE;
    v->shape = (struct video_frame_shape){
        .is_jpeg = pixel_format == V4L2_PIX_FMT_MJPEG,
        .width_px = pix->width,
        .height_px = pix->height,
        .line_bytes = pix->bytesperline,
    };
    snprintf(v->format, sizeof v->format, "%u x %u %s", pix->width, pix->height,
             v->shape.is_jpeg ? "MJPEG" : "YUYV");
    return video_frame_check_shape(&v->shape)
               ? FARMIQ_OK
               : shim_fail(error, FARMIQ_E_ARG, v->path, "gives pictures of no size");
}

/* MJPEG first: what the camera has encoded needs a tenth of the bus, and no work here. */
static int agree_on_format(struct shim_video *v, const struct shim_video_wish *wish,
                           struct farmiq_error *error)
{
    int r = set_format(v, wish, V4L2_PIX_FMT_MJPEG, error);

    if (r == FARMIQ_NONE)
        r = set_format(v, wish, V4L2_PIX_FMT_YUYV, error);
    return r == FARMIQ_NONE
               ? shim_fail(error, FARMIQ_E_ARG, v->path, "gives neither MJPEG nor YUYV")
               : r;
}

/* Not every camera has a choice; then its own speed will do. */
static void set_speed(const struct shim_video *v, uint32_t fps)
{
    struct v4l2_streamparm speed = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

    speed.parm.capture.timeperframe = (struct v4l2_fract){ 1, fps };
    if (fps)
        (void)ask(v->fd, VIDIOC_S_PARM, &speed);
}

/* ## Buffers */

static int give_back(const struct shim_video *v, uint32_t index)
{
    struct v4l2_buffer buffer = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                  .memory = V4L2_MEMORY_MMAP,
                                  .index = index };

    return ask(v->fd, VIDIOC_QBUF, &buffer);
}

static int map_buffer(struct shim_video *v, uint32_t index)
{
    struct v4l2_buffer buffer = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                  .memory = V4L2_MEMORY_MMAP,
                                  .index = index };
    struct buffer *mine = &v->buffers[index];

    if (ask(v->fd, VIDIOC_QUERYBUF, &buffer) < 0)
        return -1;
    mine->bytes = mmap(NULL, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd,
                       buffer.m.offset);
    if (mine->bytes == MAP_FAILED)
        return -1;
    mine->len = buffer.length;
    v->buffer_count = index + 1;
    return give_back(v, index);
}

static int map_buffers(struct shim_video *v, struct farmiq_error *error)
{
    struct v4l2_requestbuffers want = { .count = BUFFERS,
                                        .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                        .memory = V4L2_MEMORY_MMAP };

    if (ask(v->fd, VIDIOC_REQBUFS, &want) < 0)
        return failure(v->path, error);
    if (want.count < 1)
        return shim_fail(error, FARMIQ_E_ARG, v->path, "gives no buffers");
    for (uint32_t i = 0; i < want.count && i < BUFFERS; i++)
        if (map_buffer(v, i) < 0)
            return failure(v->path, error);
    return FARMIQ_OK;
}

static int start(struct shim_video *v, const struct shim_video_wish *wish,
                 struct farmiq_error *error)
{
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    int r = check_abilities(v, error);

    if (r == FARMIQ_OK)
        r = agree_on_format(v, wish, error);
    if (r < 0)
        return r;
    set_speed(v, wish->fps);
    r = map_buffers(v, error);
    if (r == FARMIQ_OK && ask(v->fd, VIDIOC_STREAMON, &type) < 0)
        r = failure(v->path, error);
    return r;
}

int shim_video_open(struct shim_video **out, const struct shim_video_wish *wish,
                    struct farmiq_error *error)
{
    struct shim_video *v = calloc(1, sizeof *v);
    int r;

    if (!v)
        return FARMIQ_E_NOMEM;
    snprintf(v->path, sizeof v->path, "%s", wish->path);
    v->quality = wish->quality;
    v->fd = open(wish->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    r = v->fd < 0 ? failure(v->path, error) : start(v, wish, error);
    if (r == FARMIQ_OK)
        *out = v;
    else
        shim_video_close(v);
    return r;
}

const char *shim_video_format(const struct shim_video *video) { return video->format; }

/* The driver stops before its buffers go. */
void shim_video_close(struct shim_video *v)
{
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;

    if (!v)
        return;
    if (v->fd >= 0)
        (void)ask(v->fd, VIDIOC_STREAMOFF, &type);
    for (uint32_t i = 0; i < v->buffer_count; i++)
        munmap(v->buffers[i].bytes, v->buffers[i].len);
    if (v->fd >= 0)
        close(v->fd);
    free(v);
}

/* ## A picture of now */

static int64_t steady_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* While nobody asks, a driver fills all its buffers and stops: those are old. By its time
 * where it says one of our clock; else as many as there are may be. */
static int is_stale(const struct shim_video *v, const struct v4l2_buffer *buffer,
                    int64_t asked_ms, uint32_t seen)
{
    int64_t taken_ms =
        (int64_t)buffer->timestamp.tv_sec * 1000 + buffer->timestamp.tv_usec / 1000;

    return (buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) ==
                   V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC
               ? taken_ms <= asked_ms
               : seen <= v->buffer_count;
}

/* Waits for the next frame. FARMIQ_OK, FARMIQ_NONE: the time is over. */
static int next_frame(const struct shim_video *v, int64_t until_ms,
                      struct v4l2_buffer *buffer, struct farmiq_error *error)
{
    for (;;) {
        struct pollfd readable = { v->fd, POLLIN, 0 };
        int64_t left_ms = until_ms - steady_ms();

        *buffer = (struct v4l2_buffer){ .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                        .memory = V4L2_MEMORY_MMAP };
        if (ask(v->fd, VIDIOC_DQBUF, buffer) == 0)
            return buffer->index < v->buffer_count
                       ? FARMIQ_OK
                       : shim_fail(error, FARMIQ_E_UNREACHABLE, v->path,
                                   "gives buffers that it has not");
        if (errno != EAGAIN)
            return shim_fail(error, FARMIQ_E_UNREACHABLE, v->path, "is gone");
        if (left_ms <= 0)
            return FARMIQ_NONE;
        (void)poll(&readable, 1, (int)left_ms);
    }
}

/* FARMIQ_NONE: it is old, broken or not whole; the next may be better. */
static int read_frame(const struct shim_video *v, const struct v4l2_buffer *buffer,
                      uint8_t **jpeg, size_t *jpeg_bytes)
{
    const struct buffer *mine = &v->buffers[buffer->index];

    if (buffer->flags & V4L2_BUF_FLAG_ERROR || buffer->bytesused > mine->len)
        return FARMIQ_NONE;
    return video_frame_read(&v->shape, mine->bytes, buffer->bytesused, v->quality, jpeg,
                            jpeg_bytes);
}

int shim_video_take(struct shim_video *v, uint32_t timeout_ms, uint8_t **jpeg,
                    size_t *jpeg_bytes, struct farmiq_error *error)
{
    int64_t asked_ms = steady_ms(), until_ms = asked_ms + timeout_ms;
    uint32_t seen = 0, broken = 0;
    int r;

    do {
        struct v4l2_buffer buffer;

        r = next_frame(v, until_ms, &buffer, error);
        if (r != FARMIQ_OK)
            break;
        r = FARMIQ_NONE;
        if (!is_stale(v, &buffer, asked_ms, ++seen)) {
            r = read_frame(v, &buffer, jpeg, jpeg_bytes);
            broken += r == FARMIQ_NONE;
        }
        if (give_back(v, buffer.index) < 0 && r == FARMIQ_NONE)
            r = shim_fail(error, FARMIQ_E_UNREACHABLE, v->path, "is gone");
    } while (r == FARMIQ_NONE && steady_ms() < until_ms);
    return r != FARMIQ_NONE ? r
           : broken         ? shim_fail(error, r, v->path, "gave only broken pictures")
                            : shim_fail(error, r, v->path, "gave no picture in time");
}
