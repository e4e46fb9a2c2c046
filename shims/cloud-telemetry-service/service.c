/* SPDX-License-Identifier: Apache-2.0 */
/* cloud-telemetry-service: readings from the bus, kept, summed up, asked for and shown as
 * they come. */
#include "telemetry.h"

#include "common/consume.h"
#include "common/zone.h"
#include "openapi.h"

const struct bucket_size telemetry_sizes[] = {
    { "5m", 300000 }, { "1h", 3600000 }, { "1d", 86400000 }, { 0 }
};

static const struct shim_option options[] = {
    { "STALE_AFTER_MS", SHIM_MS, "5m", "a value older than this is shown as stale" },
    ZONE_OPTION,
    { "TELEMETRY_RAW_RETENTION_DAYS", SHIM_COUNT, "730",
      "how long readings are kept; 0: for ever" },
    { "TELEMETRY_AGG_RETENTION_DAYS", SHIM_COUNT, "2557",
      "how long aggregates are kept; 0: for ever" },
    { "TELEMETRY_CLEANUP_INTERVAL_MS", SHIM_MS, "5m",
      "how often old readings and aggregates are looked for" },
    PURGE_SILENT_OPTIONS,
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_telemetry_rows_total", SHIM_COUNTER, "outcome",
      "readings from the bus by outcome: stored, duplicate" },
    { "farmiq_telemetry_lag_seconds", SHIM_GAUGE, NULL,
      "age of the newest reading of the last batch from the bus" },
    CONSUME_REFUSED_METRIC,
    { 0 },
};

void telemetry_ask_filters(struct ask *ask, struct filters *filters)
{
    filters->farm_id = farmiq_sql_text(ask_text(ask, ASK_FARM));
    filters->barn_id = farmiq_sql_text(ask_text(ask, ASK_BARN));
    filters->device_id = farmiq_sql_text(ask_text(ask, ASK_DEVICE));
    filters->metric = farmiq_sql_text(ask_text(ask, ASK_METRIC));
    filters->from_unix_ms = ask_time(ask, ASK_FROM, 0);
    filters->to_unix_ms = ask_time(ask, ASK_TO, ASK_LAST_UNIX_MS);
    if (filters->from_unix_ms > filters->to_unix_ms)
        ask_refuse(ask, "from is after to");
}

static const struct shim_route routes[] = {
    { "GET", "/api/v1/telemetry/readings", SHIM_TENANT, telemetry_get_readings },
    { "GET", "/api/v1/telemetry/aggregates", SHIM_TENANT, telemetry_get_aggregates },
    { "GET", "/api/v1/telemetry/metrics", SHIM_TENANT, telemetry_get_metrics },
    { "GET", "/api/v1/telemetry/latest", SHIM_TENANT, telemetry_get_latest },
    { "GET", "/api/v1/telemetry/stream", SHIM_TENANT | SHIM_STREAM,
      telemetry_get_stream },
    { 0 },
};

static const struct shim_queue queues[] = {
    { "telemetry", "telemetry.ingested telemetry.aggregated", telemetry_consume },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "telemetry_purge", "TELEMETRY_CLEANUP_INTERVAL_MS", telemetry_purge },
    { "telemetry_silent", "SILENT_CLEANUP_INTERVAL_MS", telemetry_purge_silent },
    { 0 },
};

static const struct shim_service service = {
    .name = "cloud-telemetry-service",
    .summary = "keep, sum up and show readings",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .queues = queues,
    .jobs = jobs,
    .openapi = cloud_telemetry_service_openapi,
    .schema = farmiq_schema_cloud,
    .state_bytes = sizeof(struct telemetry_state),
    .start = zone_check,
};

SHIM_MAIN(cloud_telemetry_service, service)
