/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of units of work between threads. Each origin has a lane of its own, and lanes
 * take turns: whoever sends a thousand requests waits behind himself. */
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

static struct shim_unit *find_lane(const struct shim_units *units, uint64_t origin)
{
    struct shim_unit *head = units->first;

    while (head && head->origin != origin)
        head = head->next_lane;
    return head;
}

static void append_lane(struct shim_units *units, struct shim_unit *head)
{
    head->next_lane = NULL;
    if (units->last)
        units->last->next_lane = head;
    else
        units->first = head;
    units->last = head;
}

void shim_units_push(struct shim_units *units, struct shim_unit *unit)
{
    struct shim_unit *head;

    unit->next = NULL;
    unit->lane_end = unit;
    pthread_mutex_lock(&units->lock);
    head = find_lane(units, unit->origin);
    if (head) {
        head->lane_end->next = unit;
        head->lane_end = unit;
    } else {
        append_lane(units, unit);
    }
    pthread_cond_signal(&units->arrived);
    pthread_mutex_unlock(&units->lock);
}

/* The oldest of the lane whose turn it is; what is left of that lane goes to the end. */
static struct shim_unit *pop(struct shim_units *units)
{
    struct shim_unit *unit = units->first, *rest = unit ? unit->next : NULL;

    if (!unit)
        return NULL;
    units->first = unit->next_lane;
    if (!units->first)
        units->last = NULL;
    if (rest) {
        rest->lane_end = unit->lane_end;
        append_lane(units, rest);
    }
    unit->next = NULL;
    return unit;
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
    group = end = pop(units);
    while (end && --most > 0)
        end = end->next = pop(units);
    pthread_mutex_unlock(&units->lock);
    return group;
}
