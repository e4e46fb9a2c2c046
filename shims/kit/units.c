/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of units of work between threads. */
#include "kit/internal.h"

void shim_units_init(struct shim_units *units)
{
    pthread_mutex_init(&units->lock, NULL);
    pthread_cond_init(&units->arrived, NULL);
    units->first = units->last = NULL;
    units->is_closing = 0;
}

void shim_units_fini(struct shim_units *units)
{
    pthread_cond_destroy(&units->arrived);
    pthread_mutex_destroy(&units->lock);
}

void shim_units_push(struct shim_units *units, struct shim_unit *unit)
{
    unit->next = NULL;
    pthread_mutex_lock(&units->lock);
    if (units->last)
        units->last->next = unit;
    else
        units->first = unit;
    units->last = unit;
    pthread_cond_signal(&units->arrived);
    pthread_mutex_unlock(&units->lock);
}

void shim_units_end(struct shim_units *units)
{
    pthread_mutex_lock(&units->lock);
    units->is_closing = 1;
    pthread_cond_broadcast(&units->arrived);
    pthread_mutex_unlock(&units->lock);
}

struct shim_unit *shim_units_take(struct shim_units *units, int most)
{
    struct shim_unit *group, *end;

    pthread_mutex_lock(&units->lock);
    while (!units->first && !units->is_closing)
        pthread_cond_wait(&units->arrived, &units->lock);
    group = end = units->first;
    while (end && end->next && --most > 0)
        end = end->next;
    if (end) {
        units->first = end->next;
        end->next = NULL;
    }
    if (!units->first)
        units->last = NULL;
    pthread_mutex_unlock(&units->lock);
    return group;
}
