/* SPDX-License-Identifier: Apache-2.0 */
/* The poller's thread and the box between it and the agent's loop. */
#include "poller.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "kit/mqtt_link.h"
#include "target.h"

#define BOX_READINGS 4096

struct poller {
    const struct snmp_devices *devices;
    struct target *targets;
    int wake_fd;
    pthread_t thread;
    int is_started;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    int is_closing;
    struct reading box[BOX_READINGS];
    uint32_t count;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ## The box */

/* A full box means that the agent's disk is full or slow: polling waits for it. */
static void put(void *ctx, const struct reading *reading)
{
    struct poller *p = ctx;

    pthread_mutex_lock(&p->lock);
    while (p->count == BOX_READINGS && !p->is_closing)
        pthread_cond_wait(&p->changed, &p->lock);
    if (!p->is_closing)
        p->box[p->count++] = *reading;
    pthread_mutex_unlock(&p->lock);
    eventfd_write(p->wake_fd, 1);
}

uint32_t poller_take(struct poller *p, struct reading *out, uint32_t most)
{
    eventfd_t ignored;
    uint32_t count;

    eventfd_read(p->wake_fd, &ignored);
    pthread_mutex_lock(&p->lock);
    count = p->count < most ? p->count : most;
    memcpy(out, p->box, count * sizeof *out);
    p->count -= count;
    memmove(p->box, p->box + count, p->count * sizeof *p->box);
    if (p->count > 0)
        eventfd_write(p->wake_fd, 1);
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return count;
}

int poller_fd(const struct poller *p) { return p->wake_fd; }

/* ## The thread */

static struct target *next_target(struct poller *p)
{
    struct target *next = &p->targets[0];

    for (uint32_t i = 1; i < p->devices->count; i++)
        if (p->targets[i].due_steady_ms < next->due_steady_ms)
            next = &p->targets[i];
    return next;
}

/* Returns 0 when the poller is closing. */
static int wait_until(struct poller *p, int64_t steady_ms)
{
    struct timespec until = { steady_ms / 1000, steady_ms % 1000 * 1000000 };
    int goes_on;

    pthread_mutex_lock(&p->lock);
    while (!p->is_closing && clock_ms(CLOCK_MONOTONIC) < steady_ms)
        pthread_cond_timedwait(&p->changed, &p->lock, &until);
    goes_on = !p->is_closing;
    pthread_mutex_unlock(&p->lock);
    return goes_on;
}

static void *poll_for_ever(void *arg)
{
    struct poller *p = arg;
    struct target *target = next_target(p);

    while (wait_until(p, target->due_steady_ms)) {
        target_poll(target);
        target = next_target(p);
    }
    return NULL;
}

/* ## Opening and closing */

static void init_lock(struct poller *p)
{
    pthread_condattr_t steady;

    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &steady);
    pthread_condattr_destroy(&steady);
}

/* The first polls are spread over the interval: a site's devices are not asked at once.
 */
static int open_targets(struct poller *p)
{
    int64_t now_steady_ms = clock_ms(CLOCK_MONOTONIC);
    int r = FARMIQ_OK;

    p->targets = calloc(p->devices->count, sizeof *p->targets);
    if (!p->targets)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < p->devices->count && r == FARMIQ_OK; i++) {
        const struct snmp_device *device = &p->devices->list[i];

        p->targets[i] = (struct target){
            .device = device,
            .index = i,
            .due_steady_ms = now_steady_ms + device->interval_ms * i / p->devices->count,
            .on_reading = put,
            .ctx = p,
        };
        r = shim_snmp_open(&p->targets[i].peer, &device->peer, NULL);
    }
    return r;
}

int poller_open(struct poller **out, const struct snmp_devices *devices)
{
    struct poller *p = calloc(1, sizeof *p);
    int r;

    if (!p)
        return FARMIQ_E_NOMEM;
    p->devices = devices;
    init_lock(p);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = p->wake_fd < 0 ? FARMIQ_E_NOMEM : open_targets(p);
    if (r == FARMIQ_OK)
        r = shim_mqtt_start_thread(&p->thread, poll_for_ever, p);
    p->is_started = r == FARMIQ_OK;
    if (r == FARMIQ_OK)
        *out = p;
    else
        poller_close(p);
    return r;
}

void poller_close(struct poller *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->is_closing = 1;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (p->is_started)
        pthread_join(p->thread, NULL);
    for (uint32_t i = 0; p->targets && i < p->devices->count; i++)
        shim_snmp_close(p->targets[i].peer);
    if (p->wake_fd >= 0)
        close(p->wake_fd);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->targets);
    free(p);
}
