/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of a queue: an event is in exactly one, and the list is its state. */
#include "memory_private.h"

int farmiq__memory_do(struct farmiq__memory *m,
                      int (*body)(struct farmiq__memory *m, void *arg), void *arg)
{
    int r = farmiq__memory_begin(m);

    if (r)
        return r;
    r = body(m, arg);
    if (r < 0)
        farmiq__memory_rollback(m);
    else
        (void)farmiq__memory_commit(m);
    return r;
}

/* Orders of lists: is a after b? --------------------------------------------------- */

static int by_claim(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->occurred_at_unix_ms != b->occurred_at_unix_ms)
        return a->occurred_at_unix_ms > b->occurred_at_unix_ms;
    return a->seq > b->seq;
}

static int by_due(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    return a->due_at_unix_ms > b->due_at_unix_ms;
}

static int by_arrival(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    (void)a, (void)b;
    return 0;
}

static int by_end(const struct farmiq__entry *a, const struct farmiq__entry *b)
{
    return a->lease_unix_ms[0] > b->lease_unix_ms[0];
}

static farmiq__order *const orders[LISTS] = { by_claim,   by_due, by_arrival,
                                              by_arrival, by_end, by_due };

int farmiq__put(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list)
{
    return farmiq__list_add(m, cell, list, orders[list]);
}

int farmiq__move(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list)
{
    int r = farmiq__list_remove(m, cell);

    return r ? r : farmiq__put(m, cell, list);
}

uint32_t farmiq__find_lapsed(const struct farmiq__memory *m, uint32_t owner, int64_t end,
                             int64_t now_unix_ms)
{
    uint32_t found = 0;

    for (uint32_t cell = farmiq__first_of(m, owner, FLIGHT); cell;
         cell = farmiq__next_of(m, cell)) {
        const struct farmiq__entry *e = farmiq__entry(m, cell);
        int64_t at = e->lease_unix_ms[0], until = e->lease_unix_ms[1];

        if (until >= end && at - now_unix_ms <= until - at)
            continue;
        if (!found || until < farmiq__entry(m, found)->lease_unix_ms[1])
            found = cell;
    }
    return found;
}
