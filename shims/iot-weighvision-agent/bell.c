/* SPDX-License-Identifier: Apache-2.0 */
/* What wakes a thread that rests. */
#include "bell.h"

#include <time.h>

void bell_open(struct bell *b)
{
    pthread_condattr_t steady;

    b->rung = 0;
    b->must_end = 0;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&b->rings, &steady);
    pthread_condattr_destroy(&steady);
}

void bell_close(struct bell *b)
{
    pthread_cond_destroy(&b->rings);
    pthread_mutex_destroy(&b->lock);
}

static void ring(struct bell *b, int must_end)
{
    pthread_mutex_lock(&b->lock);
    b->rung++;
    b->must_end |= must_end;
    pthread_cond_signal(&b->rings);
    pthread_mutex_unlock(&b->lock);
}

void bell_ring(struct bell *b) { ring(b, 0); }
void bell_end(struct bell *b) { ring(b, 1); }

uint32_t bell_rung(struct bell *b)
{
    uint32_t rung;

    pthread_mutex_lock(&b->lock);
    rung = b->rung;
    pthread_mutex_unlock(&b->lock);
    return rung;
}

static struct timespec steady_after(int64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

int bell_rest(struct bell *b, int64_t ms, uint32_t heard)
{
    struct timespec until = steady_after(ms < 0 ? 0 : ms);
    int must_end, r = 0;

    pthread_mutex_lock(&b->lock);
    while (!b->must_end && r == 0 && (ms >= 0 || b->rung == heard))
        r = ms >= 0 ? pthread_cond_timedwait(&b->rings, &b->lock, &until)
                    : pthread_cond_wait(&b->rings, &b->lock);
    must_end = b->must_end;
    pthread_mutex_unlock(&b->lock);
    return must_end;
}
