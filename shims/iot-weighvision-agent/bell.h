/* SPDX-License-Identifier: Apache-2.0 */
/* What wakes a thread that rests. */
#ifndef WEIGHVISION_BELL_H
#define WEIGHVISION_BELL_H

#include <pthread.h>
#include <stdint.h>

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rings;
    uint32_t rung; /* counts, so that a thread hears what rang while it was busy */
    int must_end;
};

void bell_open(struct bell *bell);
void bell_close(struct bell *bell);
void bell_ring(struct bell *bell);
void bell_end(struct bell *bell); /* it rings for ever */
uint32_t bell_rung(struct bell *bell);
/* For `ms`; if that is negative, until it has rung more than `heard` times. Returns 1 at
 * the end. */
int bell_rest(struct bell *bell, int64_t ms, uint32_t heard);

#endif
