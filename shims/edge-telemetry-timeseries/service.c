/* SPDX-License-Identifier: Apache-2.0 */
/* edge-telemetry-timeseries: readings and their buckets, kept and asked for locally. */
#include "timeseries.h"

#include "common/purge.h"
#include "common/ask.h"
#include "common/rows.h"
#include "common/text.h"
#include "openapi.h"
#include "queries.h"

const struct bucket_size timeseries_windows[] = {
    { "1m", 60000 }, { "1h", 3600000 }, { "1d", 86400000 }, { 0 }
};

static const struct shim_option options[] = {
    { "EMIT_AGGREGATES", SHIM_FLAG, "false",
      "send closed buckets to the cloud as telemetry.aggregated" },
    { "EMIT_AGGREGATES_INTERVAL_MS", SHIM_MS, "60s", "how often to look for them" },
    { "TELEMETRY_RAW_RETENTION_DAYS", SHIM_COUNT, "90",
      "how long a reading that the cloud has is kept; 0: for ever" },
    { "TELEMETRY_AGG_RETENTION_DAYS", SHIM_COUNT, "365",
      "how long a bucket is kept; 0: for ever" },
    PURGE_PRESSURE_OPTION,
    { "TELEMETRY_CLEANUP_INTERVAL_MS", SHIM_MS, "5m",
      "how often old readings and buckets are deleted" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_telemetry_readings_total", SHIM_COUNTER, "outcome",
      "readings by outcome: stored, duplicate, skipped" },
    { 0 },
};

static const struct rows_column reading_columns[] = {
    { "id", ROWS_INTEGER },
    { "tenant_id", ROWS_TEXT },
    { "farm_id", ROWS_TEXT },
    { "barn_id", ROWS_TEXT },
    { "device_id", ROWS_TEXT },
    { "metric_type", ROWS_TEXT },
    { "metric_value", ROWS_REAL },
    { "unit", ROWS_TEXT },
    { "occurred_at", ROWS_TIME },
    { "ingested_at", ROWS_TIME },
    { 0 },
};

static const struct rows_column aggregate_columns[] = {
    { "id", ROWS_TEXT },
    { "tenant_id", ROWS_TEXT },
    { "device_id", ROWS_TEXT },
    { "window", ROWS_TEXT },
    { "bucket_start_at", ROWS_TIME },
    { "bucket_end_at", ROWS_TIME },
    { "metric_type", ROWS_TEXT },
    { "avg_value", ROWS_REAL },
    { "min_value", ROWS_REAL },
    { "max_value", ROWS_REAL },
    { "count", ROWS_INTEGER },
    { 0 },
};

static int get_readings(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_str tenant_id = ask_required(&ask, "tenant_id|tenantId");
    struct farmiq_str device_id = ask_text(&ask, ASK_DEVICE);
    int64_t limit = ask_limit(&ask, 100, 1000);
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(tenant_id),
        farmiq_sql_integer(ask_time(&ask, ASK_FROM, 0)),
        farmiq_sql_integer(ask_time(&ask, ASK_TO, ASK_LAST_UNIX_MS)),
        farmiq_sql_integer(limit),
        farmiq_sql_text(device_id),
    };

    if (ask.is_refused)
        return 0;
    return rows_reply(call, limit, "readings", reading_columns,
                      device_id.len ? &sql_readings_of_device : &sql_readings_of_tenant,
                      NULL, params, device_id.len ? 5 : 4);
}

static int get_aggregates(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_str tenant_id = ask_required(&ask, "tenant_id|tenantId");
    struct farmiq_str window = ask_text(&ask, "window");
    struct farmiq_str device_id = ask_text(&ask, ASK_DEVICE);
    int64_t limit = ask_limit(&ask, 100, 1000);

    if (!window.len)
        window = shim_str("1h");
    if (!bucket_size_find(timeseries_windows, window))
        ask_refuse(&ask, "window must be 1m, 1h or 1d");
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(tenant_id),
        farmiq_sql_text(window),
        farmiq_sql_integer(ask_time(&ask, ASK_FROM, 0)),
        farmiq_sql_integer(ask_time(&ask, ASK_TO, ASK_LAST_UNIX_MS)),
        farmiq_sql_integer(limit),
        farmiq_sql_text(device_id),
    };
    if (ask.is_refused)
        return 0;
    return rows_reply(call, limit, "aggregates", aggregate_columns,
                      device_id.len ? &sql_aggregates_of_device
                                    : &sql_aggregates_of_tenant,
                      NULL, params, device_id.len ? 6 : 5);
}

/* One row of figures as an object. */
static int reply_row(struct shim_call *call, const struct farmiq_sql_query *query,
                     const struct rows_column *columns,
                     const struct farmiq_sql_value *param)
{
    struct rows rows = { shim_json(call, ROWS_BYTES), columns, 0 };
    int r = farmiq_sql_run(call->store, query, NULL, param, 1, rows_write, &rows);

    return r < 0 ? r : shim_reply(call, 200);
}

static int get_metrics(struct shim_call *call)
{
    static const struct rows_column columns[] = {
        { "ingestionRatePerMinute", ROWS_INTEGER },
        { "totalReadings", ROWS_INTEGER },
        { "totalAggregates", ROWS_INTEGER },
        { 0 },
    };
    const struct farmiq_sql_value since = farmiq_sql_integer(call->now_unix_ms - 60000);

    return reply_row(call, &sql_totals, columns, &since);
}

static int get_stats(struct shim_call *call)
{
    static const struct rows_column columns[] = {
        { "total_readings", ROWS_INTEGER },
        { "total_aggregates", ROWS_INTEGER },
        { "last_reading_at", ROWS_TIME },
        { "tenant_id", ROWS_TEXT },
        { 0 },
    };
    struct ask ask = { call, 0 };
    struct farmiq_str tenant_id = ask_text(&ask, "tenant_id|tenantId");
    struct farmiq_sql_value param;

    if (ask.is_refused)
        return 0;
    param = farmiq_sql_text(tenant_id.len ? tenant_id : shim_header(call, "x-tenant-id"));
    return reply_row(call, param.text.len ? &sql_totals_of_tenant : &sql_totals_of_all,
                     columns, &param);
}

static const struct shim_route routes[] = {
    { "POST", "/api/v1/telemetry/readings", SHIM_INTERNAL, timeseries_post_readings },
    { "GET", "/api/v1/telemetry/readings", SHIM_INTERNAL, get_readings },
    { "GET", "/api/v1/telemetry/aggregates", SHIM_INTERNAL, get_aggregates },
    { "GET", "/api/v1/telemetry/metrics", SHIM_INTERNAL, get_metrics },
    { "GET", "/api/v1/telemetry/stats", SHIM_INTERNAL, get_stats },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "emit_aggregates", "EMIT_AGGREGATES_INTERVAL_MS", timeseries_emit },
    { "telemetry_purge", "TELEMETRY_CLEANUP_INTERVAL_MS", timeseries_purge },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-telemetry-timeseries",
    .summary = "keep readings and their buckets, and queue them for the cloud",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_telemetry_timeseries_openapi,
    .schema = farmiq_schema_edge,
    .state_bytes = sizeof(struct timeseries_state),
};

SHIM_MAIN(edge_telemetry_timeseries, service)
