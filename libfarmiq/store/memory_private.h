/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the memory store share: lists, and the verbs of a queue. */
#ifndef FARMIQ_STORE_MEMORY_PRIVATE_H
#define FARMIQ_STORE_MEMORY_PRIVATE_H

#include <string.h>

#include "memory_cells.h"

/* Run `body` as one: a verb that allocates undoes what it did when memory ends midway.
 * The others cannot fail outside a transaction, and inside one the caller rolls back. */
int farmiq__memory_do(struct farmiq__memory *m,
                      int (*body)(struct farmiq__memory *m, void *arg), void *arg);

/* Put an entry that is in no list into one of its owner's; take it to another. */
int farmiq__put(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list);
int farmiq__move(struct farmiq__memory *m, uint32_t cell, enum farmiq__lists list);

static inline uint32_t farmiq__first_of(const struct farmiq__memory *m, uint32_t owner,
                                        enum farmiq__lists list)
{
    return farmiq__named(m, owner)->lists[list].first;
}

static inline uint32_t farmiq__next_of(const struct farmiq__memory *m, uint32_t cell)
{
    return farmiq__entry(m, cell)->head.next;
}

/* An event in flight whose lease ended before `end`, the longest ago; 0: none. */
uint32_t farmiq__find_lapsed(const struct farmiq__memory *m, uint32_t owner, int64_t end,
                             int64_t now_unix_ms);

int farmiq__memory_append(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms);
int farmiq__memory_claim(void *ctx, const char *queue,
                         const struct farmiq_outbox_claim *claim,
                         struct farmiq_outbox_row **first);
int farmiq__memory_renew(void *ctx, const char *queue, const uint64_t token[2],
                         int64_t now_unix_ms, uint32_t lease_ms);
int farmiq__memory_settle(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                          int64_t now_unix_ms);
int farmiq__memory_stats(void *ctx, const char *queue, struct farmiq_outbox_stats *stats);
int farmiq__memory_redrive(void *ctx, const char *queue, const int64_t *seqs,
                           uint32_t seq_count, struct farmiq_str by,
                           struct farmiq_str reason, int64_t now_unix_ms,
                           uint32_t *redriven);
int farmiq__memory_unclaim(void *ctx, const char *queue, int64_t now_unix_ms,
                           int64_t older_than_ms, uint32_t *unclaimed);
int farmiq__memory_purge(void *ctx, const char *queue, int64_t before_unix_ms,
                         uint32_t limit, uint32_t *purged);
int farmiq__memory_purge_dead(void *ctx, const char *queue, int64_t before_unix_ms,
                              uint32_t limit, uint32_t *purged);
int farmiq__memory_replay(void *ctx, const char *queue,
                          struct farmiq_outbox_replay *replay, uint32_t *replayed);

#endif
