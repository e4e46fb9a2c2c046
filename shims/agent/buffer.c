/* SPDX-License-Identifier: Apache-2.0 */
/* The durable buffer, a queue of the SQLite store. */
#include "agent/buffer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent_queries.h"
#include "kit/log.h"

#define QUEUE "agent"
#define PURGE_SLACK 64
#define CACHE_KIB 512 /* the agent is small; the queue's hot pages are few */

static struct farmiq_str str(const char *text)
{
    struct farmiq_str s = { text, strlen(text) };

    return s;
}

/* ## Opening */

static int open_store(struct buffer *b, struct farmiq_error *error)
{
    struct farmiq_sqlite_options sqlite;

    farmiq_sqlite_options_init(&sqlite, sizeof sqlite);
    sqlite.migrations = farmiq_schema_agent();
    sqlite.cache_kib = CACHE_KIB;
    return farmiq_store_open_sqlite(&b->store, b->options->database, &sqlite, error);
}

/* Every lease in the file is one of our own, and the process that held it is gone: look
 * at it from a time when all of them have expired. */
static int end_leases(struct buffer *b, struct moment now)
{
    uint32_t count;

    return farmiq_store_outbox_unclaim(&b->store, QUEUE, now.unix_ms + INT32_MAX * 2ll, 0,
                                       &count);
}

static int count_held(struct buffer *b)
{
    struct farmiq_outbox_stats stats;
    int r;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    r = farmiq_store_outbox_stats(&b->store, QUEUE, &stats);
    if (r != FARMIQ_OK)
        return r;
    b->held = stats.pending + stats.claimed;
    b->dead = stats.dlq;
    return FARMIQ_OK;
}

int buffer_recover(struct buffer *b, struct moment now)
{
    int r = end_leases(b, now);

    return r ? r : count_held(b);
}

int buffer_open(struct buffer *b, const struct agent_options *options, struct moment now,
                struct farmiq_error *error)
{
    int r;

    memset(b, 0, sizeof *b);
    b->options = options;
    b->drop_memory = malloc(BUFFER_DROP_BYTES);
    r = b->drop_memory ? open_store(b, error) : FARMIQ_E_NOMEM;
    if (r == FARMIQ_OK)
        r = buffer_recover(b, now);
    if (r != FARMIQ_OK)
        buffer_close(b);
    return r;
}

void buffer_close(struct buffer *b)
{
    if (b->store.ops)
        farmiq_store_close(&b->store);
    free(b->drop_memory);
    memset(b, 0, sizeof *b);
}

/* ## Adding */

int buffer_add(struct buffer *b, struct farmiq_outbox_row *first, uint32_t count,
               struct moment now)
{
    int r = count ? farmiq_store_outbox_append(&b->store, QUEUE, first, now.unix_ms)
                  : FARMIQ_OK;

    /* What is said again after a kill may be here already. */
    for (; r == FARMIQ_OK && count; count--, first = first->next)
        b->held += first->verdict == FARMIQ_OK;
    return r;
}

/* ## Claiming and settling */

int buffer_claim(struct buffer *b, uint32_t limit, void *memory, size_t memory_bytes,
                 struct moment now, uint64_t token[2], struct farmiq_outbox_row **first)
{
    struct farmiq_outbox_claim claim;
    int r;

    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.limit = limit;
    claim.claimed_by = str(b->options->kind->program);
    claim.now_unix_ms = now.unix_ms;
    claim.lease_ms = INT32_MAX;    /* ours until we say otherwise, or start again */
    claim.max_claims = UINT32_MAX; /* an outage is no fault of the event */
    claim.memory = memory;
    claim.memory_bytes = memory_bytes;
    if (getrandom(claim.token, sizeof claim.token, 0) != (ssize_t)sizeof claim.token)
        return FARMIQ_E_BUSY;
    claim.token[0] |= 1; /* never both 0 */
    r = farmiq_store_outbox_claim(&b->store, QUEUE, &claim, first);
    token[0] = claim.token[0];
    token[1] = claim.token[1];
    return r;
}

/* A person may come for the dead, or may not: there are as many as the buffer may hold,
 * and the oldest make room. The audit is as long. */
static int bound_dead(struct buffer *b, struct moment now)
{
    uint64_t limit = b->options->buffer_max_messages;
    const struct farmiq_sql_value kept = farmiq_sql_integer((int64_t)limit);
    uint32_t purged = 0;
    int r = FARMIQ_OK;

    if (b->dead > limit)
        r = farmiq_store_outbox_purge_dead(&b->store, QUEUE, now.unix_ms + 1,
                                           (uint32_t)(b->dead - limit), &purged);
    b->dead -= purged;
    return r < 0
               ? r
               : farmiq_sql_run(&b->store, &sql_audit_bound, NULL, &kept, 1, NULL, NULL);
}

int buffer_settle(struct buffer *b, struct farmiq_outbox_row *landed, struct moment now)
{
    uint64_t acked = 0, dead = 0;
    uint32_t purged;
    int r;

    for (struct farmiq_outbox_row *row = landed; row; row = row->next) {
        acked += row->status == FARMIQ_OUTBOX_ACKED;
        dead += row->status == FARMIQ_OUTBOX_FAILED || row->status == FARMIQ_OUTBOX_DLQ;
    }
    r = farmiq_store_outbox_settle(&b->store, QUEUE, landed, now.unix_ms);
    if (r == FARMIQ_OK && acked)
        r = farmiq_store_outbox_purge(&b->store, QUEUE, now.unix_ms + 1,
                                      (uint32_t)acked + PURGE_SLACK, &purged);
    if (r == FARMIQ_NONE)
        return FARMIQ_E_STATE; /* nobody else may hold our leases */
    if (r == FARMIQ_OK) {
        b->held -= acked + dead;
        b->dead += dead;
    }
    return r == FARMIQ_OK && dead ? bound_dead(b, now) : r;
}

/* ## Age */

int64_t buffer_age_ms(const struct farmiq_event *event, struct moment now)
{
    uint8_t id[FARMIQ_UUID_BYTES];
    int64_t made_unix_ms;

    if (farmiq_uuid_parse(id, event->event_id.ptr, event->event_id.len) != FARMIQ_OK ||
        farmiq_uuid_time(id, &made_unix_ms) != FARMIQ_OK)
        return 0;
    return now.unix_ms - made_unix_ms;
}

int buffer_is_too_old(const struct buffer *b, const struct farmiq_event *event,
                      struct moment now)
{
    return buffer_age_ms(event, now) > b->options->buffer_max_age_ms;
}
