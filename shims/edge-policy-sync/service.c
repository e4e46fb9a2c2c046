/* SPDX-License-Identifier: Apache-2.0 */
/* edge-policy-sync: the barns' configuration, asked for at the cloud, served at any age.
 */
#include "policy.h"

#include "openapi.h"

static const struct shim_option options[] = {
    { "BFF_BASE_URL", SHIM_URL, "",
      "base URL of the cloud that knows the barns' configuration; empty: nobody is "
      "asked" },
    { "EDGE_CLOUD_TOKEN", SHIM_SECRET, "", "bearer token for it" },
    { "EDGE_CONTEXTS", SHIM_STRING, "",
      "whose configuration: a JSON array of objects with tenantId, farmId and barnId" },
    { "POLICY_SYNC_INTERVAL_SECONDS", SHIM_SECONDS, "60",
      "how often the cloud is asked" },
    { "POLICY_SYNC_TIMEOUT_SECONDS", SHIM_SECONDS, "10", "how long an answer may take" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "edge_policy_sync_success_total", SHIM_COUNTER, NULL,
      "passes over all barns that went through" },
    { "edge_policy_sync_failure_total", SHIM_COUNTER, NULL, "passes that did not" },
    { "edge_policy_sync_lag_seconds", SHIM_GAUGE, NULL,
      "since the last pass that went through, or, where none did, since the first; as "
      "of the last pass" },
    { "edge_policy_cache_entries", SHIM_GAUGE, NULL,
      "configurations that are kept; as of the last pass" },
    { 0 },
};

static const struct shim_route routes[] = {
    { "GET", "/api/v1/edge-config/effective", SHIM_INTERNAL, policy_get_effective },
    { "GET", "/api/v1/edge-config/state", SHIM_INTERNAL, policy_get_state },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "policy_sync", "POLICY_SYNC_INTERVAL_SECONDS", policy_sync },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-policy-sync",
    .summary = "keep what the cloud configured for the barns",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_policy_sync_openapi,
    .schema = farmiq_schema_edge,
    .state_bytes = sizeof(struct policy_state),
    .check = policy_check,
};

SHIM_MAIN(edge_policy_sync, service)
