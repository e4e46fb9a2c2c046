/* SPDX-License-Identifier: Apache-2.0 */
/* dashboard-web: the live page. Files only; what the page asks for, the services beside
 * it answer, or others that the questions are passed on to: the page asks where it came
 * from, and no browser has to be told of a second address. */
#include "kit/shim.h"

#include "assets.h"

static const struct shim_option options[] = {
    { "CLOUD_TELEMETRY_URL", SHIM_URL, "http://cloud-telemetry-service:3000",
      "base URL of the telemetry service, when it is another process" },
    { "CLOUD_INGESTION_BASE_URL", SHIM_URL, "http://cloud-ingestion:3000",
      "base URL of the ingestion service, when it is another process" },
    { 0 },
};

static const struct shim_relay relays[] = {
    { "/api/v1/telemetry/latest", "CLOUD_TELEMETRY_URL" },
    { "/api/v1/telemetry/readings", "CLOUD_TELEMETRY_URL" },
    { "/api/v1/telemetry/stream", "CLOUD_TELEMETRY_URL" },
    { "/api/v1/edge/overview", "CLOUD_INGESTION_BASE_URL" },
    { 0 },
};

static const struct shim_service service = {
    .name = "dashboard-web",
    .summary = "the live page",
    .options = options,
    .assets = page_assets,
    .relays = relays,
};

SHIM_MAIN(dashboard_web, service)
