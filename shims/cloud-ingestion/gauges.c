/* SPDX-License-Identifier: Apache-2.0 */
/* What alarms at the cloud look at (spec cloud 8.5): edges that are silent, and what
 * waits in the database for a consumer. */
#include "ingestion.h"

#include "common/text.h"
#include "queries.h"

static int gauge_edge(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct farmiq_str edge_id = text_copy(ctx, columns[0].text);

    (void)row;
    (void)count;
    if (!edge_id.ptr)
        return FARMIQ_E_NOMEM;
    shim_gauge("farmiq_edge_last_batch_timestamp_seconds", edge_id.ptr,
               (double)columns[1].integer / 1000);
    shim_gauge("farmiq_edge_backlog_rows", edge_id.ptr, (double)columns[2].integer);
    shim_gauge("farmiq_edge_oldest_seconds", edge_id.ptr, (double)columns[3].integer);
    return FARMIQ_OK;
}

static int gauge_tenant(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                        uint32_t count)
{
    struct farmiq_str tenant_id = text_copy(ctx, columns[0].text);

    (void)row;
    (void)count;
    if (!tenant_id.ptr)
        return FARMIQ_E_NOMEM;
    shim_gauge("farmiq_tenant_last_batch_timestamp_seconds", tenant_id.ptr,
               (double)columns[1].integer / 1000);
    return FARMIQ_OK;
}

/* What waits in one of the bus's queues, and its dead letters under a name of their own.
 */
static int gauge_queue(struct shim_call *call, const char *queue, uint64_t *waiting)
{
    const struct farmiq_str parts[] = { shim_str(queue), shim_str(" dead") };
    struct farmiq_str label = text_join(call, parts, 2);
    struct farmiq_outbox_stats stats;
    int r;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    r = farmiq_store_outbox_stats(call->store, queue, &stats);
    if (r < 0 || !label.len)
        return r < 0 ? r : FARMIQ_E_NOMEM;
    *waiting += stats.pending + stats.claimed;
    shim_gauge("farmiq_bus_queue_messages", label.ptr, (double)stats.dlq);
    return FARMIQ_OK;
}

static int gauge_bus(struct shim_call *call)
{
    static const char *const bus[] = { INGESTION_BUS, NULL };
    struct farmiq_outbox_stats unrouted;
    uint64_t waiting = 0;
    int r = FARMIQ_OK;

    for (const char *const *queue = bus; *queue && r == FARMIQ_OK; queue++)
        r = gauge_queue(call, *queue, &waiting);
    farmiq_outbox_stats_init(&unrouted, sizeof unrouted);
    if (r == FARMIQ_OK)
        r = farmiq_store_outbox_stats(call->store, INGESTION_UNROUTED, &unrouted);
    if (r < 0)
        return r;
    shim_gauge("farmiq_bus_backlog_rows", NULL, (double)waiting);
    shim_gauge("farmiq_bus_queue_messages", INGESTION_UNROUTED, (double)unrouted.pending);
    return FARMIQ_OK;
}

static int gauge_all(struct shim_call *call, void *arg)
{
    int r = farmiq_sql_run(call->store, &sql_edges_seen, NULL, NULL, 0, gauge_edge, call);

    (void)arg;
    if (r == FARMIQ_OK)
        r = farmiq_sql_run(call->store, &sql_tenants_seen, NULL, NULL, 0, gauge_tenant,
                           call);
    (void)shim_store_used_pct(call);
    return r < 0 ? r : gauge_bus(call);
}

int ingestion_gauge(struct shim_call *call) { return shim_write(call, gauge_all, NULL); }
