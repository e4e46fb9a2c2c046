/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that uploads. */
#include "uploader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bell.h"
#include "delivery.h"
#include "kit/log.h"
#include "kit/mqtt_link.h"

#define CONNECT_TIMEOUT_MS 5000
#define REPLY_BYTES 65536
#define RETRY_MS 1000  /* doubling (spec edge 2.13) */
#define PAUSE_MS 30000 /* after the last retry, and at most */
#define CLOSE_WAIT_S 2 /* for a request that hangs */

struct uploader {
    struct agent_options agent;      /* copies: a request that hangs outlives */
    struct station_options options;  /* the station */
    struct shim_http_client *client; /* the thread's, like the next two */
    uint32_t failures;               /* in a row */
    int is_away;                     /* said so */
    pthread_t thread;
    int has_thread, wake_fd;
    atomic_uint held;

    struct bell bell;     /* rings for new images */
    pthread_mutex_t lock; /* of the box of finished ones */
    struct uploaded *first, **tail;
};

/* ## On the thread */

static int hand_over(struct uploader *u, const struct spooled *image,
                     const struct upload_place *place)
{
    struct uploaded *done = calloc(1, sizeof *done);

    if (!done)
        return FARMIQ_E_NOMEM;
    done->image = *image;
    done->place = *place;
    pthread_mutex_lock(&u->lock);
    *u->tail = done;
    u->tail = &done->next;
    pthread_mutex_unlock(&u->lock);
    eventfd_write(u->wake_fd, 1);
    return FARMIQ_OK;
}

/* What had arrived before a kill. */
static void hand_over_sent(struct uploader *u)
{
    struct spooled image = { .event_id = "" };
    struct upload_place place;

    while (spool_next(u->options.spool_dir, 1, image.event_id, &image) == FARMIQ_OK) {
        if (spool_read_place(u->options.spool_dir, &image, &place) == FARMIQ_OK)
            (void)hand_over(u, &image, &place);
        else
            uploader_forget(u, &image);
    }
}

static int bring(struct uploader *u, struct spooled *image, int64_t *retry_after_ms)
{
    struct delivery delivery = {
        .upload = { .client = u->client, .agent = &u->agent, .options = &u->options },
        .image = image
    };
    int r = delivery_make(&delivery);

    *retry_after_ms = delivery.upload.retry_after_ms;
    if (r == FARMIQ_E_REFUSED) {
        uploader_forget(u, image);
        eventfd_write(u->wake_fd, 1); /* somebody may wait for the last one */
        return FARMIQ_OK;
    }
    return r ? r : hand_over(u, image, &delivery.upload.place);
}

/* How long to wait after a failure. */
static int64_t pause_ms(struct uploader *u, int64_t retry_after_ms)
{
    int64_t ms =
        u->failures < u->options.media_retries ? RETRY_MS << u->failures : PAUSE_MS;

    if (u->failures < u->options.media_retries)
        u->failures++;
    if (!u->is_away)
        shim_log_line(SHIM_WARN, "media.away",
                      "images wait in SPOOL_DIR until the media store takes them");
    u->is_away = 1;
    if (retry_after_ms >= 0)
        ms = retry_after_ms;
    return ms < PAUSE_MS ? ms : PAUSE_MS;
}

/* Returns how long to rest. */
static int64_t bring_next(struct uploader *u)
{
    int64_t retry_after_ms;
    struct spooled image;

    if (spool_next(u->options.spool_dir, 0, "", &image) != FARMIQ_OK)
        return -1;
    if (bring(u, &image, &retry_after_ms) != FARMIQ_OK)
        return pause_ms(u, retry_after_ms);
    if (u->is_away)
        shim_log_line(SHIM_INFO, "media.back", "the media store takes images");
    u->is_away = 0;
    u->failures = 0;
    return 0;
}

static void *run(void *arg)
{
    struct uploader *u = arg;
    int64_t wait_ms = 0;
    uint32_t heard = 0;

    hand_over_sent(u);
    while (!bell_rest(&u->bell, wait_ms, heard)) {
        heard = bell_rung(&u->bell);
        wait_ms = bring_next(u);
    }
    return NULL;
}

/* ## On the station's thread */

int uploader_add(struct uploader *u, const struct spooled *image, struct farmiq_str jpeg)
{
    int r;

    if (u->held >= u->options.spool_max_images)
        return FARMIQ_E_NOSPACE;
    r = spool_add(u->options.spool_dir, image, jpeg);
    if (r != FARMIQ_OK)
        return r;
    u->held++;
    bell_ring(&u->bell);
    return FARMIQ_OK;
}

struct uploaded *uploader_take(struct uploader *u)
{
    struct uploaded *first;
    eventfd_t ignored;

    eventfd_read(u->wake_fd, &ignored);
    pthread_mutex_lock(&u->lock);
    first = u->first;
    u->first = NULL;
    u->tail = &u->first;
    pthread_mutex_unlock(&u->lock);
    return first;
}

void uploader_forget(struct uploader *u, const struct spooled *image)
{
    spool_remove(u->options.spool_dir, image);
    u->held--;
}

uint32_t uploader_held(const struct uploader *u) { return u->held; }
int uploader_fd(const struct uploader *u) { return u->wake_fd; }

/* ## Opening and closing */

static int open_client(struct uploader *u, struct farmiq_error *error)
{
    struct shim_http_client_options http = { .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                             .max_reply_bytes = REPLY_BYTES };

    if (*u->options.media_ca_file)
        http.ca_file = u->options.media_ca_file;
    return shim_http_client_open(&u->client, &http, error);
}

int uploader_open(struct uploader **out, const struct agent_options *agent,
                  const struct station_options *options, struct farmiq_error *error)
{
    struct uploader *u = calloc(1, sizeof *u);
    int r;

    if (!u)
        return FARMIQ_E_NOMEM;
    u->agent = *agent;
    u->options = *options;
    u->tail = &u->first;
    u->held = spool_count(options->spool_dir);
    pthread_mutex_init(&u->lock, NULL);
    bell_open(&u->bell);
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = u->wake_fd >= 0 ? open_client(u, error) : FARMIQ_E_NOMEM;
    if (r == FARMIQ_OK)
        r = shim_mqtt_start_thread(&u->thread, run, u);
    u->has_thread = r == FARMIQ_OK;
    if (r == FARMIQ_OK)
        *out = u;
    else
        uploader_close(u);
    return r;
}

/* A request that hangs may keep what it uses: the process is about to end. */
static int end_thread(struct uploader *u)
{
    struct timespec until;

    bell_end(&u->bell);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSE_WAIT_S;
    return u->has_thread ? pthread_timedjoin_np(u->thread, NULL, &until) : 0;
}

void uploader_close(struct uploader *u)
{
    if (!u || end_thread(u) != 0)
        return;
    for (struct uploaded *done = uploader_take(u), *next; done; done = next) {
        next = done->next;
        free(done);
    }
    shim_http_client_close(u->client);
    if (u->wake_fd >= 0)
        close(u->wake_fd);
    bell_close(&u->bell);
    pthread_mutex_destroy(&u->lock);
    free(u);
}
