/* SPDX-License-Identifier: Apache-2.0 */
/* cloud-ingestion: the only door for what edges send. */
#include "ingestion.h"

#include "common/ask.h"
#include "common/options.h"
#include "common/rows.h"
#include "openapi.h"
#include "queries.h"

static const struct shim_option options[] = {
    EDGE_PROOF_OPTIONS,
    { "EDGE_KEYS", SHIM_SECRET, "",
      "who may send for whom: edge:secret:tenant+tenant, separated by commas" },
    { "EDGE_CERTS", SHIM_SECRET, "",
      "whose certificates are whose, for mtls: edge:name:tenant+tenant, separated by "
      "commas; name is the subject's CN, or the URI where it holds ://" },
    { "CLOUD_API_KEYS", SHIM_SECRET, "", "keys bound to no tenant; FARMIQ_INSECURE_DEV" },
    { "CLOUD_HMAC_SECRETS", SHIM_SECRET, "",
      "secrets bound to no tenant; FARMIQ_INSECURE_DEV" },
    { "HMAC_MAX_SKEW_MS", SHIM_MS, "300000", "how far a signature's time may be off" },
    { "STRICT_ENVELOPE", SHIM_FLAG, "false",
      "refuse every missing field, as older clouds did" },
    { "DEDUPE_RETENTION_MS", SHIM_MS, "90d", "how long an event id is remembered" },
    PURGE_AUDIT_OPTION,
    PURGE_DEAD_OPTION,
    PURGE_SILENT_OPTIONS,
    { "UNROUTED_RETENTION_DAYS", SHIM_COUNT, "365",
      "how long events that no service takes yet are kept; 0: for ever" },
    { "INGEST_CLEANUP_INTERVAL_MS", SHIM_MS, "60s",
      "how often forgotten ids, signatures and audit rows are deleted" },
    { "INGEST_GAUGES_INTERVAL_MS", SHIM_MS, "15s",
      "how often the gauges about edges, tenants and the bus are read" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_ingest_events_total", SHIM_COUNTER, "outcome",
      "events by outcome: accepted, duplicated, rejected" },
    { "farmiq_ingest_rejected_total", SHIM_COUNTER, "code", "rejected events by reason" },
    { "farmiq_edge_last_batch_timestamp_seconds", SHIM_GAUGE, "edge",
      "when this edge last sent a batch" },
    { "farmiq_edge_backlog_rows", SHIM_GAUGE, "edge",
      "events waiting at this edge, as of its last batch" },
    { "farmiq_edge_oldest_seconds", SHIM_GAUGE, "edge",
      "age of the oldest of them, as of its last batch" },
    { "farmiq_tenant_last_batch_timestamp_seconds", SHIM_GAUGE, "tenant",
      "when something of this tenant last came" },
    { "farmiq_bus_backlog_rows", SHIM_GAUGE, NULL,
      "events on the bus inside the database that no consumer has settled" },
    { "farmiq_auth_failures_total", SHIM_COUNTER, "reason",
      "edges that were turned away" },
    { 0 },
};

static int get_handshake(struct shim_call *call)
{
    struct farmiq_json_writer *json = shim_json(call, 1024);

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "ok");
    farmiq_json_bool(json, 1);
    farmiq_json_key(json, "service");
    farmiq_json_text(json, "cloud-ingestion");
    farmiq_json_key(json, "auth_mode");
    farmiq_json_text(json, shim_text(call, "CLOUD_AUTH_MODE"));
    farmiq_json_key(json, "request_id");
    farmiq_json_str(json, call->request_id);
    farmiq_json_key(json, "trace_id");
    farmiq_json_str(json, call->trace_id);
    farmiq_json_key(json, "time");
    farmiq_json_time(json, call->now_unix_ms);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

static int take_total(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    (void)row;
    (void)count;
    *(int64_t *)ctx = columns[0].integer;
    return 0;
}

static const struct rows_column dedupe_columns[] = { { "tenant_id", ROWS_TEXT },
                                                     { "event_id", ROWS_TEXT },
                                                     { "first_seen_at", ROWS_TIME },
                                                     { 0 } };

/* A tenant must be named, and the credential must be for it (10-A10). */
static int get_dedupe(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_json_writer *json;
    int64_t limit = 0, total = 0;
    int r;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(ask_required(&ask, "tenant_id|tenantId")),
        farmiq_sql_integer(limit = ask_limit(&ask, 20, 200)),
    };
    if (ask.is_refused)
        return 0;
    if (!ingestion_speaks_for(call->finding, params[0].text))
        return shim_reply_error(call, 403, "FORBIDDEN", "not for this tenant");
    json = shim_json(call, (size_t)(limit + 1) * ROWS_BYTES);
    farmiq_json_open(json, '{');
    r = farmiq_sql_run(call->store, &sql_dedupe_count, NULL, params, 1, take_total,
                       &total);
    farmiq_json_key(json, "count");
    farmiq_json_int(json, total);
    if (r == FARMIQ_OK)
        r = rows_array(call, json, "entries", dedupe_columns, &sql_dedupe_newest, NULL,
                       params, 2, NULL);
    farmiq_json_close(json, '}');
    return r < 0 ? r : shim_reply(call, 200);
}

static const struct rows_column edge_columns[] = {
    { "edge_id", ROWS_TEXT },
    { "tenant_id", ROWS_TEXT },
    { "backlog", ROWS_INTEGER },
    { "oldest_pending_age_seconds", ROWS_INTEGER },
    { "last_sync_at", ROWS_TIME },
    { "last_sync_age_seconds", ROWS_REAL },
    { "events_accepted", ROWS_INTEGER },
    { "events_duplicated", ROWS_INTEGER },
    { "events_rejected", ROWS_INTEGER },
    { 0 },
};

static int get_overview(struct shim_call *call)
{
    const struct farmiq_sql_value params[] = { farmiq_sql_text(call->tenant_id),
                                               farmiq_sql_integer(call->now_unix_ms) };

    return rows_reply(call, 1000, "edges", edge_columns, &sql_edges, NULL, params, 2);
}

static const struct shim_route routes[] = {
    { "POST", "/api/v1/edge/batch", SHIM_OPEN, ingestion_post_batch,
      ingestion_admit_batch },
    { "POST", "/api/v1/ingestion/batch", SHIM_OPEN, ingestion_post_batch,
      ingestion_admit_batch },
    { "GET", "/api/v1/edge/diagnostics/handshake", SHIM_OPEN, get_handshake,
      ingestion_admit },
    { "GET", "/api/v1/ingestion/diagnostics/handshake", SHIM_OPEN, get_handshake,
      ingestion_admit },
    { "GET", "/api/v1/edge/diagnostics/dedupe", SHIM_OPEN, get_dedupe, ingestion_admit },
    { "GET", "/api/v1/edge/overview", SHIM_TENANT, get_overview },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "ingest_purge", "INGEST_CLEANUP_INTERVAL_MS", ingestion_purge },
    { "ingest_gauges", "INGEST_GAUGES_INTERVAL_MS", ingestion_gauge },
    { "ingest_silent_purge", "SILENT_CLEANUP_INTERVAL_MS", ingestion_purge_silent },
    { 0 },
};

static const struct shim_service service = {
    .name = "cloud-ingestion",
    .summary = "take in what edges send, once, and put it on the bus",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .publishes = 1,
    .jobs = jobs,
    .openapi = cloud_ingestion_openapi,
    .schema = farmiq_schema_cloud,
    .state_bytes = sizeof(struct ingestion_state),
    .check = ingestion_check_options,
};

SHIM_MAIN(cloud_ingestion, service)
