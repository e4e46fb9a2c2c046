/* SPDX-License-Identifier: Apache-2.0 */
/* cloud-feed-service: what was fed, from the bus; kept and asked for (spec cloud 6.4). */
#include "common/consume.h"
#include "common/purge.h"
#include "records.h"
#include "openapi.h"
#include "queries.h"

static const struct shim_option options[] = {
    { "FEED_RETENTION_DAYS", SHIM_COUNT, "2555",
      "how long a feeding is kept after it came in; 0: for ever" },
    { "FEED_CLEANUP_INTERVAL_MS", SHIM_MS, "1h", "how often old feedings are deleted" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_feed_records_total", SHIM_COUNTER, "outcome",
      "feedings from the bus by outcome: stored, duplicate" },
    CONSUME_REFUSED_METRIC,
    { 0 },
};

static int purge_records(struct shim_call *call, uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, "FEED_RETENTION_DAYS")),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, &sql_records_purge, NULL, params, 2, rows);
}

static int purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_records, NULL };

    return purge_run(call, steps);
}

static const struct shim_route routes[] = {
    { "GET", "/api/v1/feed/intake-records", SHIM_TENANT, records_get },
    { 0 },
};

static const struct shim_queue queues[] = {
    { "intake", "feed.intake.recorded", records_consume },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "feed_purge", "FEED_CLEANUP_INTERVAL_MS", purge },
    { 0 },
};

static const struct shim_service service = {
    .name = "cloud-feed-service",
    .summary = "keep and show what was fed",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .queues = queues,
    .jobs = jobs,
    .openapi = cloud_feed_service_openapi,
    .schema = farmiq_schema_cloud,
};

SHIM_MAIN(cloud_feed_service, service)
