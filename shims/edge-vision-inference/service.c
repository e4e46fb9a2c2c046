/* SPDX-License-Identifier: Apache-2.0 */
/* edge-vision-inference: a model looks at each picture once, and what it says of the
 * animal's weight goes to the session and to the cloud. */
#include "inference.h"

#include "common/options.h"
#include "common/purge.h"
#include "openapi.h"

static const struct shim_option options[] = {
    { "INFERENCE_MODEL_MANIFEST", SHIM_STRING, "",
      "the manifest of the model that looks at pictures; empty: there is none, and jobs "
      "are refused" },
    { "INFERENCE_MODEL_WORKER", SHIM_STRING, "farmiq-model-worker",
      "the program that runs the model: a path, or the name of one that came with "
      "FarmIQ" },
    { "INFERENCE_MODEL_TIMEOUT_MS", SHIM_MS, "20s",
      "how long the model may take to start, or for a picture, before it is ended" },
    { "INFERENCE_MODEL_MEMORY_BYTES", SHIM_BYTES, "1G",
      "address space that the model may use; 0: no limit" },
    { "INFERENCE_INTERVAL_MS", SHIM_MS, "1s",
      "how often to look for jobs, besides being woken by new ones" },
    { "INFERENCE_MAX_ATTEMPTS", SHIM_COUNT, "5",
      "attempts at one picture before its job has failed; outages do not count" },
    { "INFERENCE_BACKOFF_CAP_MS", SHIM_MS, "5m",
      "the longest pause between two attempts at a picture, plus jitter" },
    { "INFERENCE_RETENTION_DAYS", SHIM_COUNT, "90",
      "how long a finished job and its result are kept; 0: for ever" },
    { "INFERENCE_CLEANUP_INTERVAL_MS", SHIM_MS, "5m",
      "how often old jobs and results are deleted" },
    PURGE_AUDIT_OPTION,
    PURGE_DEAD_OPTION,
    { "EDGE_MEDIA_STORE_URL", SHIM_URL, "http://edge-media-store:3000",
      "base URL of the media store, when it is another process" },
    SESSION_SERVICE_OPTION,
    { "MEDIA_TIMEOUT_MS", SHIM_MS, "30s", "how long the media store may take" },
    MEDIA_BUCKET_OPTION,
    NEIGHBOUR_TIMEOUT_OPTION,
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_inference_attempts_total", SHIM_COUNTER, "outcome",
      "attempts at pictures by outcome: acked, retry, refused, unreached" },
    { "farmiq_inference_jobs", SHIM_GAUGE, "state",
      "jobs by state: pending, claimed, dead" },
    { "farmiq_inference_oldest_seconds", SHIM_GAUGE, NULL,
      "age of the oldest job that waits" },
    { "farmiq_inference_model_ready", SHIM_GAUGE, NULL,
      "1: the model runs; 0: it cannot be started" },
    { "farmiq_inference_low_confidence_total", SHIM_COUNTER, NULL,
      "results with a confidence below 0.5, which the cloud does not take for weights" },
    { "farmiq_inference_unattached_total", SHIM_COUNTER, NULL,
      "results whose session did not take them: it is cancelled, or another tenant's" },
    { 0 },
};

static const struct shim_route routes[] = {
    { "POST", "/api/v1/inference/jobs", SHIM_INTERNAL, inference_post_job },
    { "GET", "/api/v1/inference/jobs/{jobId}", SHIM_INTERNAL, inference_get_job },
    { "GET", "/api/v1/inference/results", SHIM_INTERNAL, inference_get_results },
    { "GET", "/api/v1/inference/stats", SHIM_INTERNAL, inference_get_stats },
    { "GET", "/api/v1/inference/models", SHIM_INTERNAL, inference_get_models },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "inference_work", "INFERENCE_INTERVAL_MS", inference_work },
    { "inference_purge", "INFERENCE_CLEANUP_INTERVAL_MS", inference_purge },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-vision-inference",
    .summary = "weigh animals by their pictures, and tell the session and the cloud",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_vision_inference_openapi,
    .schema = farmiq_schema_edge,
    .state_bytes = sizeof(struct inference_state),
    .start = inference_begin,
};

SHIM_MAIN(edge_vision_inference, service)
