/* SPDX-License-Identifier: Apache-2.0 */
/* A camera that is not there, preloaded into a program (LD_PRELOAD): V4L2_STAND_IN is its
 * path, and the words in the file V4L2_STAND_IN_SAYS are how it behaves from now on:
 *
 *   absent openbusy busy metadata neither yuyv small   how it is opened
 *   stopped slow gone                                  when frames come
 *   flagged cut padded noise toolong badindex untimed  what frames are like
 *   light=N                                            how bright, of YUYV
 *
 * MJPEG frames are the file V4L2_STAND_IN_JPEG. Frames are made on a thread, into the
 * buffers that the program has given, as a driver does it. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/videodev2.h>

#define BUFFERS 4
#define PERIOD_MS 10

/* What the program finds here before it finds it in the C library. */
#define SEEN __attribute__((visibility("default")))
SEEN int open(const char *path, int flags, ...);
SEEN int open64(const char *path, int flags, ...);
SEEN int ioctl(int fd, unsigned long what, ...);
SEEN void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset);
SEEN void *mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset);
SEEN int close(int fd);

struct frame {
    uint8_t *bytes;
    int is_queued, is_done;
    uint32_t used;
    struct timespec taken;
};

static struct {
    pthread_mutex_t lock;
    int fd; /* an eventfd: readable while frames are done; -1: closed */
    _Atomic int is_running;
    pthread_t thread;
    struct v4l2_pix_format pix;
    struct frame frames[BUFFERS];
} camera = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static int says(const char *word, int *number)
{
    const char *path = getenv("V4L2_STAND_IN_SAYS");
    FILE *file = path ? fopen(path, "re") : NULL;
    char said[64];
    int found = 0;

    while (file && fscanf(file, "%63s", said) == 1)
        if (strncmp(said, word, strlen(word)) == 0) {
            found = 1;
            if (number)
                *number = atoi(said + strlen(word));
        }
    if (file)
        fclose(file);
    return found;
}

static int fail(int code)
{
    errno = code;
    return -1;
}

/* ## Frames */

static uint32_t fill_jpeg(uint8_t *bytes)
{
    const char *path = getenv("V4L2_STAND_IN_JPEG");
    FILE *file = path ? fopen(path, "re") : NULL;
    size_t len = file ? fread(bytes, 1, camera.pix.sizeimage, file) : 0;

    if (file)
        fclose(file);
    if (says("padded", NULL) && len + 64 <= camera.pix.sizeimage) {
        memset(bytes + len, 0, 64);
        len += 64;
    }
    return (uint32_t)len;
}

static uint32_t fill_yuyv(uint8_t *bytes)
{
    int light = 128;

    says("light=", &light);
    for (uint32_t i = 0; i < camera.pix.sizeimage; i++)
        bytes[i] = (uint8_t)(i % 2 ? 128 : light);
    return camera.pix.sizeimage;
}

/* A frame is of when it began: what the test says later is not in it. */
static void fill(struct frame *frame)
{
    clock_gettime(CLOCK_MONOTONIC, &frame->taken);
    frame->used = camera.pix.pixelformat == V4L2_PIX_FMT_MJPEG ? fill_jpeg(frame->bytes)
                                                               : fill_yuyv(frame->bytes);
    if (says("noise", NULL))
        for (uint32_t i = 3; i + 2 < frame->used; i++)
            frame->bytes[i] = (uint8_t)(rand() >> 3);
    if (says("cut", NULL))
        frame->used /= 2;
    frame->is_queued = 0;
    frame->is_done = 1;
    eventfd_write(camera.fd, 1);
}

static void take_frame(void)
{
    static uint32_t next;

    pthread_mutex_lock(&camera.lock);
    if (says("gone", NULL))
        eventfd_write(camera.fd, 1); /* as a driver wakes who waits */
    else if (!says("stopped", NULL) && camera.frames[next % BUFFERS].is_queued)
        fill(&camera.frames[next++ % BUFFERS]);
    else if (!camera.frames[next % BUFFERS].is_done)
        next++;
    pthread_mutex_unlock(&camera.lock);
}

static void *run(void *ctx)
{
    (void)ctx;
    while (camera.is_running) {
        usleep((says("slow", NULL) ? 20 : 1) * PERIOD_MS * 1000);
        take_frame();
    }
    return NULL;
}

/* ## What is asked of it */

static int query(struct v4l2_capability *can)
{
    memset(can, 0, sizeof *can);
    can->capabilities =
        V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
    can->device_caps = says("metadata", NULL)
                           ? V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING
                           : V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    return 0;
}

static int set_format(struct v4l2_pix_format *pix)
{
    if (says("busy", NULL))
        return fail(EBUSY);
    if (says("neither", NULL))
        pix->pixelformat = V4L2_PIX_FMT_H264;
    else if (says("yuyv", NULL))
        pix->pixelformat = V4L2_PIX_FMT_YUYV;
    if (says("small", NULL)) {
        pix->width = 322;
        pix->height = 242;
    }
    pix->bytesperline = pix->pixelformat == V4L2_PIX_FMT_YUYV ? pix->width * 2 + 32 : 0;
    pix->sizeimage = (pix->width * 2 + 32) * pix->height;
    camera.pix = *pix;
    return 0;
}

static int request(struct v4l2_requestbuffers *want)
{
    want->count = BUFFERS;
    for (int i = 0; i < BUFFERS; i++) {
        free(camera.frames[i].bytes);
        camera.frames[i] = (struct frame){ .bytes = malloc(camera.pix.sizeimage) };
    }
    return 0;
}

static int give(struct v4l2_buffer *out, uint32_t index)
{
    struct frame *frame = &camera.frames[index];
    eventfd_t one;

    eventfd_read(camera.fd, &one);
    frame->is_done = 0;
    out->index = says("badindex", NULL) ? 77 : index;
    out->bytesused = says("toolong", NULL) ? UINT32_MAX : frame->used;
    out->flags = says("untimed", NULL) ? V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN
                                       : V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (says("flagged", NULL))
        out->flags |= V4L2_BUF_FLAG_ERROR;
    out->timestamp.tv_sec = frame->taken.tv_sec;
    out->timestamp.tv_usec = frame->taken.tv_nsec / 1000;
    return 0;
}

/* The oldest that is done. */
static int dequeue(struct v4l2_buffer *out)
{
    int oldest = -1;

    for (int i = 0; i < BUFFERS; i++) {
        const struct timespec *mine = &camera.frames[i].taken;
        const struct timespec *its = &camera.frames[oldest < 0 ? 0 : oldest].taken;

        if (camera.frames[i].is_done &&
            (oldest < 0 || mine->tv_sec < its->tv_sec ||
             (mine->tv_sec == its->tv_sec && mine->tv_nsec < its->tv_nsec)))
            oldest = i;
    }
    return oldest < 0 ? fail(EAGAIN) : give(out, (uint32_t)oldest);
}

static void stop(void)
{
    int was_running = camera.is_running;

    camera.is_running = 0;
    pthread_mutex_unlock(&camera.lock);
    if (was_running)
        pthread_join(camera.thread, NULL);
    pthread_mutex_lock(&camera.lock);
}

static int answer(unsigned long what, void *ctx)
{
    struct v4l2_buffer *buffer = ctx;

    if (what == VIDIOC_STREAMOFF)
        stop();
    if (says("gone", NULL))
        return fail(ENODEV);
    switch (what) {
    case VIDIOC_QUERYCAP:
        return query(ctx);
    case VIDIOC_S_FMT:
        return set_format(&((struct v4l2_format *)ctx)->fmt.pix);
    case VIDIOC_REQBUFS:
        return request(ctx);
    case VIDIOC_QUERYBUF:
        buffer->length = camera.pix.sizeimage;
        buffer->m.offset = buffer->index * 4096;
        return 0;
    case VIDIOC_QBUF:
        camera.frames[buffer->index % BUFFERS].is_queued = 1;
        return 0;
    case VIDIOC_DQBUF:
        return dequeue(buffer);
    case VIDIOC_STREAMOFF:
        return 0;
    case VIDIOC_STREAMON:
        camera.is_running = 1;
        return pthread_create(&camera.thread, NULL, run, NULL) ? fail(ENOMEM) : 0;
    default:
        return fail(ENOTTY);
    }
}

/* ## In place of the C library's */

static int open_camera(void)
{
    if (says("absent", NULL))
        return fail(ENOENT);
    if (says("openbusy", NULL) || camera.fd >= 0)
        return fail(EBUSY);
    camera.fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE | EFD_CLOEXEC);
    return camera.fd;
}

static int open_any(const char *symbol, const char *path, int flags, mode_t mode)
{
    int (*next)(const char *, int, ...) =
        (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, symbol);
    const char *mine = getenv("V4L2_STAND_IN");

    return mine && strcmp(path, mine) == 0 ? open_camera() : next(path, flags, mode);
}

static mode_t mode_of(int flags, va_list more)
{
    return flags & O_CREAT ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return open_any("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    mode_t mode;

    va_start(more, flags);
    mode = mode_of(flags, more);
    va_end(more);
    return open_any("open64", path, flags, mode);
}

int ioctl(int fd, unsigned long what, ...)
{
    int (*next)(int, unsigned long, ...) =
        (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    va_list more;
    void *ctx;
    int r;

    va_start(more, what);
    ctx = va_arg(more, void *);
    va_end(more);
    if (fd < 0 || fd != camera.fd)
        return next(fd, what, ctx);
    pthread_mutex_lock(&camera.lock);
    r = answer(what, ctx);
    pthread_mutex_unlock(&camera.lock);
    return r;
}

/* Nothing is shared but within the program; its buffers are the frames'. */
static void *map_frame(size_t len, off_t offset)
{
    struct frame *frame = &camera.frames[offset / 4096 % BUFFERS];

    free(frame->bytes);
    frame->bytes =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return frame->bytes;
}

void *mmap64(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    void *(*next)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap64");

    return fd >= 0 && fd == camera.fd ? map_frame(len, offset)
                                      : next(at, len, protection, flags, fd, offset);
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
    void *(*next)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");

    return fd >= 0 && fd == camera.fd ? map_frame(len, offset)
                                      : next(at, len, protection, flags, fd, offset);
}

int close(int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");

    if (fd >= 0 && fd == camera.fd) {
        for (int i = 0; i < BUFFERS; i++)
            camera.frames[i].bytes = NULL;
        camera.fd = -1;
    }
    return next(fd);
}
