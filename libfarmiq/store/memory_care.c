/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store's verbs that look after a queue: stats, redrive, unclaim, purge,
 * replay. */
#include "memory_private.h"

static int64_t older(int64_t a_unix_ms, int64_t b_unix_ms)
{
    return !a_unix_ms || (b_unix_ms && b_unix_ms < a_unix_ms) ? b_unix_ms : a_unix_ms;
}

/* Of what is ready, the row that comes next of each priority is looked at, and of what
 * waits the first that was appended, as every store does. */
static int64_t oldest_of(const struct farmiq__memory *m, uint32_t owner)
{
    const struct farmiq__entry *first = NULL, *before = NULL, *entry;
    int64_t oldest = 0;

    for (uint32_t cell = farmiq__first_of(m, owner, READY); cell;
         cell = farmiq__next_of(m, cell)) {
        entry = farmiq__entry(m, cell);
        if (!before || before->priority != entry->priority)
            oldest = older(oldest, entry->created_at_unix_ms);
        before = entry;
    }
    for (uint32_t cell = farmiq__first_of(m, owner, RETRY); cell;
         cell = farmiq__next_of(m, cell)) {
        entry = farmiq__entry(m, cell);
        if (!first || entry->seq < first->seq)
            first = entry;
    }
    return first ? older(oldest, first->created_at_unix_ms) : oldest;
}

int farmiq__memory_stats(void *ctx, const char *queue, struct farmiq_outbox_stats *stats)
{
    struct farmiq__memory *m = ctx;
    const struct farmiq__named *named;
    uint32_t owner;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    if (r)
        return r;
    named = farmiq__named(m, owner);
    stats->pending = (uint64_t)named->lists[READY].count + named->lists[RETRY].count;
    stats->claimed = named->lists[FLIGHT].count;
    stats->dlq = named->lists[DEAD].count;
    stats->acked = named->lists[ACKED].count;
    stats->oldest_pending_unix_ms = oldest_of(m, owner);
    stats->last_acked_unix_ms = named->last_acked_unix_ms;
    return FARMIQ_OK;
}

static int is_among(int64_t seq, const int64_t *seqs, uint32_t seq_count)
{
    for (uint32_t i = 0; i < seq_count; i++)
        if (seqs[i] == seq)
            return 1;
    return seq_count == 0;
}

/* Claimable, as if nothing had been tried. */
static int give_back(struct farmiq__memory *m, uint32_t cell)
{
    struct farmiq__entry *entry = farmiq__entry(m, cell);
    int r = farmiq__touch(m, cell);

    if (r)
        return r;
    entry->attempt_count = entry->claim_count = 0;
    return farmiq__move(m, cell, READY);
}

/* There is no audit here: it would not outlive the process. */
int farmiq__memory_redrive(void *ctx, const char *queue, const int64_t *seqs,
                           uint32_t seq_count, struct farmiq_str by,
                           struct farmiq_str reason, int64_t now_unix_ms,
                           uint32_t *redriven)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    (void)by, (void)reason, (void)now_unix_ms;
    for (cell = r ? 0 : farmiq__first_of(m, owner, DEAD); cell && !r; cell = next) {
        next = farmiq__next_of(m, cell);
        if (!is_among(farmiq__entry(m, cell)->seq, seqs, seq_count))
            continue;
        r = give_back(m, cell);
        count++;
    }
    if (!r)
        *redriven = count;
    return r;
}

int farmiq__memory_unclaim(void *ctx, const char *queue, int64_t now_unix_ms,
                           int64_t older_than_ms, uint32_t *unclaimed)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    while (!r && (cell = farmiq__find_lapsed(m, owner, now_unix_ms - older_than_ms,
                                             now_unix_ms))) {
        r = farmiq__move(m, cell, READY);
        count++;
    }
    if (!r)
        *unclaimed = count;
    return r;
}

int farmiq__memory_purge(void *ctx, const char *queue, int64_t before_unix_ms,
                         uint32_t limit, uint32_t *purged)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    while (!r && count < limit && (cell = farmiq__first_of(m, owner, ACKED)) &&
           farmiq__entry(m, cell)->lease_unix_ms[0] < before_unix_ms) {
        r = farmiq__entry_free(m, cell);
        count++;
    }
    if (!r)
        *purged = count;
    return r;
}

int farmiq__memory_purge_dead(void *ctx, const char *queue, int64_t before_unix_ms,
                              uint32_t limit, uint32_t *purged)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    for (cell = r ? 0 : farmiq__first_of(m, owner, DEAD); cell && !r && count < limit;
         cell = next) {
        next = farmiq__next_of(m, cell);
        if (farmiq__entry(m, cell)->lease_unix_ms[0] >= before_unix_ms)
            continue;
        r = farmiq__entry_free(m, cell);
        count++;
    }
    if (!r)
        *purged = count;
    return r;
}

/* Acknowledged rows lie in the order of their acknowledgement. */
int farmiq__memory_replay(void *ctx, const char *queue,
                          struct farmiq_outbox_replay *replay, uint32_t *replayed)
{
    struct farmiq__memory *m = ctx;
    uint32_t owner, cell, next, count = 0;
    int r = farmiq__named_get(m, &m->state.queues, queue, &owner);

    for (cell = r ? 0 : farmiq__first_of(m, owner, ACKED); cell && !r; cell = next) {
        const struct farmiq__entry *entry = farmiq__entry(m, cell);
        int64_t acked_at_unix_ms = entry->lease_unix_ms[0];

        next = farmiq__next_of(m, cell);
        if (acked_at_unix_ms >= replay->before_unix_ms || count == replay->limit)
            break;
        if (acked_at_unix_ms < replay->since_unix_ms ||
            (replay->tenant_id.len && !farmiq__text_is(m, entry, 0, replay->tenant_id)))
            continue;
        r = give_back(m, cell);
        count++;
    }
    if (r)
        return r;
    *replayed = count;
    return count < replay->limit ? FARMIQ_NONE : FARMIQ_OK;
}
