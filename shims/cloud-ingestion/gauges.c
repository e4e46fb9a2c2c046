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

static int gauge_bus(struct shim_call *call)
{
    struct farmiq_outbox_stats bus, unrouted;
    int r;

    farmiq_outbox_stats_init(&bus, sizeof bus);
    farmiq_outbox_stats_init(&unrouted, sizeof unrouted);
    r = farmiq_store_outbox_stats(call->store, "bus_telemetry", &bus);
    if (r == FARMIQ_OK)
        r = farmiq_store_outbox_stats(call->store, "bus_unrouted", &unrouted);
    if (r < 0)
        return r;
    shim_gauge("farmiq_bus_backlog_rows", NULL, (double)(bus.pending + bus.claimed));
    shim_gauge("farmiq_bus_queue_messages", "bus_telemetry dead", (double)bus.dlq);
    shim_gauge("farmiq_bus_queue_messages", "bus_unrouted", (double)unrouted.pending);
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
