/* SPDX-License-Identifier: Apache-2.0 */
/* edge-sync-forwarder: the only way from the edge to the cloud. */
#include "forwarder.h"

#include "common/options.h"
#include "common/purge.h"
#include "openapi.h"

static const struct shim_option options[] = {
    { "CLOUD_INGESTION_URL", SHIM_URL, "",
      "where batches go, path included; empty: nothing is sent" },
    { "CLOUD_INGESTION_AUTHORIZATION", SHIM_SECRET, "",
      "an Authorization header to send" },
    { "CLOUD_INGESTION_HEADERS_JSON", SHIM_SECRET, "",
      "an object of more headers to send: {\"x-proxy-key\":\"...\"}" },
    EDGE_PROOF_OPTIONS,
    { "CLOUD_TIMEOUT_MS", SHIM_MS, "30s", "how long the cloud may take for a batch" },
    { "SYNC_FORWARDER_MODE", SHIM_CHOICE, "send",
      "send|noop: noop keeps everything here" },
    { "SYNC_INTERVAL_MS", SHIM_MS, "1s",
      "how often to look for due events, besides being woken by new ones" },
    { "SYNC_BATCH_MAX_BYTES", SHIM_BYTES, "1M", "bytes in one request at most" },
    { "SYNC_ATTEMPTS_COUNT_OUTAGES", SHIM_FLAG, "false",
      "true: an outage uses up attempts, as seed 002, 7.4 reads literally" },
    { "SYNC_TRUST_BARE_ANSWER", SHIM_FLAG, "false",
      "true: a 200 without counts acknowledges, for clouds that answer nothing" },
    { "OUTBOX_BATCH_SIZE", SHIM_COUNT, "100", "events in one request at most" },
    { "OUTBOX_LEASE_SECONDS", SHIM_SECONDS, "120", "how long claimed events are ours" },
    { "OUTBOX_MAX_ATTEMPTS", SHIM_COUNT, "10",
      "answers about one event before it is a dead letter" },
    { "OUTBOX_BACKOFF_CAP_SECONDS", SHIM_SECONDS, "300",
      "the longest pause, plus jitter" },
    { "OUTBOX_RETENTION_DAYS", SHIM_COUNT, "14",
      "how long an acknowledged event is kept; 0: for ever" },
    PURGE_AUDIT_OPTION,
    PURGE_DEAD_OPTION,
    PURGE_PRESSURE_OPTION,
    { "OUTBOX_CLEANUP_INTERVAL_MS", SHIM_MS, "5m",
      "how often old acknowledged events and audit rows are deleted" },
    { "EDGE_ID", SHIM_STRING, "", "this edge's name to the cloud; empty: INSTANCE_ID" },
    { "INSTANCE_ID", SHIM_STRING, "edge-sync-forwarder", "our name on a lease" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_outbox_rows", SHIM_GAUGE, "state",
      "events by state: pending, claimed, dlq" },
    { "farmiq_outbox_oldest_seconds", SHIM_GAUGE, NULL,
      "age of the oldest pending event" },
    { "farmiq_sync_last_success_timestamp_seconds", SHIM_GAUGE, "tenant",
      "when the cloud last took events of this tenant" },
    { "farmiq_sync_consecutive_failures", SHIM_GAUGE, NULL,
      "requests that failed since the last one that did not" },
    { "farmiq_sync_requests_total", SHIM_COUNTER, "outcome",
      "batches by outcome: ok, refused, unreached" },
    { "farmiq_sync_events_total", SHIM_COUNTER, "outcome",
      "events by outcome: acked, retry, refused, unreached" },
    { 0 },
};

static const struct shim_route routes[] = {
    { "GET", "/api/v1/sync/state", SHIM_INTERNAL, forwarder_get_state },
    { "GET", "/api/v1/sync/outbox", SHIM_INTERNAL, forwarder_get_outbox },
    { "GET", "/api/v1/sync/dlq", SHIM_ADMIN | SHIM_INTERNAL, forwarder_get_dlq },
    { "POST", "/api/v1/sync/redrive", SHIM_ADMIN | SHIM_INTERNAL,
      forwarder_post_redrive },
    { "POST", "/api/v1/sync/dlq/redrive", SHIM_ADMIN | SHIM_INTERNAL,
      forwarder_post_redrive },
    { "POST", "/api/v1/sync/unclaim-stuck", SHIM_ADMIN | SHIM_INTERNAL,
      forwarder_post_unclaim },
    { "POST", "/api/v1/sync/trigger", SHIM_INTERNAL, forwarder_post_trigger },
    { "GET", "/api/v1/sync/diagnostics/cloud", SHIM_INTERNAL | SHIM_NO_STORE,
      forwarder_get_cloud_diagnostics },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "sync_once", "SYNC_INTERVAL_MS", forwarder_sync },
    { "sync_purge", "OUTBOX_CLEANUP_INTERVAL_MS", forwarder_purge },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-sync-forwarder",
    .summary = "bring the outbox to the cloud, and account for every answer",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_sync_forwarder_openapi,
    .schema = farmiq_schema_edge,
    .state_bytes = sizeof(struct forwarder_state),
    .check = forwarder_auth_check_options,
    .start = forwarder_end_leases,
};

SHIM_MAIN(edge_sync_forwarder, service)
