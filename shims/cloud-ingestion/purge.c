/* SPDX-License-Identifier: Apache-2.0 */
/* What ingestion owns and nobody needs any more: ids, signatures, the bus's past, edges
 * that are gone. */
#include "ingestion.h"

#include "queries.h"

static int purge_ids(struct shim_call *call, uint32_t *rows)
{
    return farmiq_store_dedupe_purge(call->store, "cloud", call->now_unix_ms, PURGE_ROWS,
                                     rows);
}

/* A signature is too old to be used again after twice the skew (spec cloud 1.5). */
static int purge_signatures(struct shim_call *call, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(call->now_unix_ms - 2 * shim_number(call, "HMAC_MAX_SKEW_MS")),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, &sql_replay_purge, NULL, params, 2, rows);
}

/* The queues of the cloud: the way to RabbitMQ, and the bus where there is none. */
static const char *const queues[] = { INGESTION_BUS, INGESTION_UNROUTED, "ingest", NULL };

static int purge_queues(struct shim_call *call, uint32_t *rows,
                        int (*purge)(struct shim_call *call, const char *queue,
                                     uint32_t *rows))
{
    int r = FARMIQ_OK;

    for (const char *const *queue = queues; *queue && r == FARMIQ_OK; queue++) {
        uint32_t purged = 0;

        r = purge(call, *queue, &purged);
        *rows += purged;
    }
    return r;
}

static int purge_audits(struct shim_call *call, uint32_t *rows)
{
    return purge_queues(call, rows, purge_audit);
}

static int purge_all_dead(struct shim_call *call, uint32_t *rows)
{
    return purge_queues(call, rows, purge_dead);
}

/* ## What no service takes yet. It was acknowledged to an edge, so it goes late, and not
 * without a word. In the order of its claims: by the time when it happened. */

#define UNROUTED INGESTION_UNROUTED
#define UNROUTED_ROWS 200
#define UNROUTED_BYTES (1024 * 1024)

static int claim_unrouted(struct shim_call *call, struct farmiq_outbox_row **first)
{
    struct farmiq_outbox_claim claim;

    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.limit = UNROUTED_ROWS;
    claim.claimed_by = shim_str("purge");
    claim.now_unix_ms = call->now_unix_ms;
    claim.max_claims = UINT32_MAX;
    claim.memory = shim_memory(call, UNROUTED_BYTES);
    claim.memory_bytes = UNROUTED_BYTES;
    shim_random_bytes(call, claim.token, sizeof claim.token);
    claim.token[0] |= 1;
    return claim.memory ? farmiq_store_outbox_claim(call->store, UNROUTED, &claim, first)
                        : FARMIQ_E_NOMEM;
}

static int settle_unrouted(struct shim_call *call, struct farmiq_outbox_row *first,
                           int64_t before_unix_ms, uint32_t *old)
{
    int r = FARMIQ_OK;

    for (struct farmiq_outbox_row *row = first; row && r >= 0; row = row->next) {
        int is_old = row->event->occurred_at_unix_ms < before_unix_ms;

        *old += (uint32_t)is_old;
        r = farmiq_outbox_settle(row, NULL,
                                 is_old ? FARMIQ_OUTCOME_ACKED : FARMIQ_OUTCOME_UNREACHED,
                                 call->now_unix_ms, 0);
    }
    return r < 0 ? r
                 : farmiq_store_outbox_settle(call->store, UNROUTED, first,
                                              call->now_unix_ms);
}

/* Almost always nothing is that old: then nothing is claimed. */
static int find_unrouted(struct shim_call *call, int64_t before_unix_ms,
                         struct farmiq_outbox_row **first)
{
    struct farmiq_outbox_stats stats;
    int r;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    r = farmiq_store_outbox_stats(call->store, UNROUTED, &stats);
    if (r < 0)
        return r;
    return stats.oldest_pending_unix_ms && stats.oldest_pending_unix_ms < before_unix_ms
               ? claim_unrouted(call, first)
               : FARMIQ_NONE;
}

static int purge_unrouted(struct shim_call *call, uint32_t *rows)
{
    struct farmiq_outbox_row *first = NULL;
    uint32_t old = 0, purged = 0;
    int64_t before_unix_ms = purge_before_unix_ms(call, "UNROUTED_RETENTION_DAYS");
    int r = find_unrouted(call, before_unix_ms, &first);

    if (r == FARMIQ_OK)
        r = settle_unrouted(call, first, before_unix_ms, &old);
    if (r == FARMIQ_OK && old)
        r = farmiq_store_outbox_purge(call->store, UNROUTED, call->now_unix_ms + 1, old,
                                      &purged);
    if (purged)
        shim_log(call, SHIM_WARN, "unrouted.purged",
                 "%u events that no service took were older than "
                 "UNROUTED_RETENTION_DAYS",
                 purged);
    *rows = old == UNROUTED_ROWS ? PURGE_ROWS : purged;
    return r < 0 ? r : FARMIQ_OK;
}

/* Where events came from, once none of them is in the queue any more. */
static int purge_origins_of(struct shim_call *call, const char *queue, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = { farmiq_sql_text(shim_str(queue)),
                                               farmiq_sql_integer(PURGE_ROWS) };

    return purge_rows(call, &sql_origin_purge, queue, params, 2, rows);
}

static int purge_origins(struct shim_call *call, uint32_t *rows)
{
    return purge_queues(call, rows, purge_origins_of);
}

int ingestion_purge(struct shim_call *call)
{
    static purge_step *const steps[] = {
        purge_ids,      purge_signatures, purge_audits, purge_all_dead,
        purge_unrouted, purge_origins,    NULL
    };

    return purge_run(call, steps);
}

static int purge_edges(struct shim_call *call, uint32_t *rows)
{
    struct ingestion_state *state = call->state;

    return purge_silent(call, &state->edges, &sql_edge_end, &sql_edge_purge, rows);
}

int ingestion_purge_silent(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_edges, NULL };

    return purge_run(call, steps);
}
