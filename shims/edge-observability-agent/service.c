/* SPDX-License-Identifier: Apache-2.0 */
/* edge-observability-agent: how the site is, as an answer for programs and as a page for
 * people (spec edge 4.7, 10.4). It asks the others, and keeps nothing. */
#include "observer.h"

#include "openapi.h"
#include "ops_assets.h"

static const struct shim_option options[] = {
    { "OBSERVE_TARGETS", SHIM_STRING, "",
      "the processes of the site, as name=url, name=url; empty: this one alone" },
    { "OBSERVE_INTERVAL_MS", SHIM_MS, "30s", "how often they are asked how they are" },
    { "OBSERVE_TIMEOUT_MS", SHIM_MS, "2s", "how long one of them may take to answer" },
    { "OBSERVE_DISK_PATH", SHIM_STRING, ".", "whose disk is watched: where the data is" },
    { "EDGE_SYNC_FORWARDER_URL", SHIM_URL, "http://edge-sync-forwarder:3000",
      "base URL of the forwarder, when it is another process" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "edge_service_up", SHIM_GAUGE, "service", "1 while the process says it is alive" },
    { "edge_service_ready", SHIM_GAUGE, "service", "1 while it says it is ready" },
    { "edge_service_latency_seconds", SHIM_GAUGE, "service",
      "how long it took to say both, the last time" },
    { "edge_disk_free_bytes", SHIM_GAUGE, NULL, "free on the disk of OBSERVE_DISK_PATH" },
    { "edge_memory_free_bytes", SHIM_GAUGE, NULL, "memory that could be had" },
    { 0 },
};

static const struct shim_route routes[] = {
    { "GET", "/api/v1/ops/edge/status", SHIM_INTERNAL, observer_get_status },
    { "POST", "/api/v1/ops/edge/redrive", SHIM_ADMIN | SHIM_INTERNAL,
      observer_post_redrive },
    { 0 },
};

/* The page asks for the dead letters where it came from. */
static const struct shim_relay relays[] = {
    { "/api/v1/sync/dlq", "EDGE_SYNC_FORWARDER_URL" },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "observe", "OBSERVE_INTERVAL_MS", observer_poll },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-observability-agent",
    .summary = "watch the services of a site, and show how they are",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .relays = relays,
    .jobs = jobs,
    .assets = ops_assets,
    .openapi = edge_observability_agent_openapi,
    .state_bytes = sizeof(struct observer_state),
    .check = observer_check,
    .start = observer_start,
};

SHIM_MAIN(edge_observability_agent, service)
