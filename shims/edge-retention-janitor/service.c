/* SPDX-License-Identifier: Apache-2.0 */
/* edge-retention-janitor: files at the edge go when their time has come, and never before
 * their row allows it (spec edge 10.3). Rows of other tables are their services' own. */
#include "janitor.h"

#include "common/options.h"
#include "openapi.h"

static const struct shim_option options[] = {
    MEDIA_FOLDER_OPTION,
    S3_OPTIONS,
    { "MEDIA_RETENTION_DAYS", SHIM_COUNT, "30",
      "how long an image is kept that the cloud has heard of and whose session has "
      "ended; 0: for ever" },
    MEDIA_GRACE_OPTION,
    { "MIN_FREE_DISK_GB", SHIM_COUNT, "5",
      "when less is free on the disk of MEDIA_BASE_PATH, images go before their time, "
      "oldest first; 0: never" },
    { "JANITOR_LOG_PATH", SHIM_STRING, "",
      "a folder of logs, of which old ones go; empty: none" },
    { "LOG_RETENTION_DAYS", SHIM_COUNT, "30", "how long those are kept; 0: for ever" },
    { "JANITOR_INTERVAL_SECONDS", SHIM_SECONDS, "21600", "how often all this is done" },
    { "JANITOR_DRY_RUN", SHIM_FLAG, "true",
      "only say what would go; nothing goes until this is false" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "edge_janitor_runs_total", SHIM_COUNTER, NULL, "runs, dry ones with them" },
    { "edge_janitor_deleted_files_total", SHIM_COUNTER, NULL, "files that went" },
    { "edge_janitor_freed_bytes_total", SHIM_COUNTER, NULL, "bytes of those" },
    { "edge_janitor_last_run_timestamp", SHIM_GAUGE, NULL,
      "when the last run ended, in seconds since 1970" },
    { "farmiq_media_orphans_total", SHIM_COUNTER, NULL,
      "files deleted because no row spoke of them after MEDIA_ORPHAN_GRACE" },
    { "farmiq_media_rows_without_bytes", SHIM_GAUGE, NULL,
      "images that are known, but whose bytes are gone" },
    { 0 },
};

static const struct shim_route routes[] = {
    { "POST", "/api/v1/janitor/run", SHIM_INTERNAL | SHIM_NO_STORE, janitor_post_run },
    { "GET", "/api/v1/janitor/state", SHIM_INTERNAL, janitor_get_state },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "janitor_run", "JANITOR_INTERVAL_SECONDS", janitor_run_job },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-retention-janitor",
    .summary = "let files at the edge go when their time has come",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_retention_janitor_openapi,
    .schema = farmiq_schema_edge,
    .state_bytes = sizeof(struct janitor_state),
    .check = s3_check,
};

SHIM_MAIN(edge_retention_janitor, service)
