/* SPDX-License-Identifier: Apache-2.0 */
/* A merge sort of a chain. */
#include "ingestion.h"

static int is_before(const struct farmiq_sighting *a, const struct farmiq_sighting *b)
{
    size_t least = a->event_id.len < b->event_id.len ? a->event_id.len : b->event_id.len;

    for (size_t i = 0; i < least; i++)
        if (a->event_id.ptr[i] != b->event_id.ptr[i])
            return (unsigned char)a->event_id.ptr[i] < (unsigned char)b->event_id.ptr[i];
    return a->event_id.len <= b->event_id.len; /* equal: the first stays first */
}

static struct farmiq_sighting *merge(struct farmiq_sighting *a, struct farmiq_sighting *b)
{
    struct farmiq_sighting *first = NULL, **end = &first;

    while (a && b) {
        struct farmiq_sighting **least = is_before(a, b) ? &a : &b;

        *end = *least;
        end = &(*least)->next;
        *least = *end;
    }
    *end = a ? a : b;
    return first;
}

/* By key, so that two replicas with the same batch lock its rows in the same order
 * instead of deadlocking (spec cloud 1.7). */
struct farmiq_sighting *ingestion_sort(struct farmiq_sighting *first)
{
    struct farmiq_sighting *middle = first, *end = first ? first->next : NULL;

    if (!end)
        return first;
    while (end && end->next) {
        middle = middle->next;
        end = end->next->next;
    }
    end = middle->next;
    middle->next = NULL;
    return merge(ingestion_sort(first), ingestion_sort(end));
}
