/* SPDX-License-Identifier: Apache-2.0 */
/* cloud-media-store: what the cloud knows of images, and, where it has a folder for them,
 * their bytes (spec cloud 6.9). */
#include "cloud_media.h"

#include "common/consume.h"
#include "common/options.h"
#include "openapi.h"

static const struct shim_option options[] = {
    { "MEDIA_BASE_PATH", SHIM_STRING, "",
      "the folder that images are kept in; it is made if the one above is there; empty: "
      "only what is known of them is kept" },
    { "MEDIA_URL_SECRET", SHIM_SECRET, "",
      "what links are signed with; empty: one that the database keeps" },
    { "MEDIA_LINK_ENDPOINT", SHIM_URL, "",
      "how browsers reach this store, for links; empty: as the one that asks did" },
    { "MEDIA_LINK_EXPIRES_IN", SHIM_SECONDS, "900", "how long a link is good" },
    IMAGE_SIZE_OPTION,
    { "MEDIA_CLEANUP_INTERVAL_MS", SHIM_MS, "5m", "how often old images are deleted" },
    { "MEDIA_SWEEP_INTERVAL_MS", SHIM_MS, "1h",
      "how often bytes without a row, and rows without bytes, are looked for" },
    { "MEDIA_ORPHAN_GRACE", SHIM_SECONDS, "24h", "how long bytes wait for their row" },
    { "MEDIA_RETENTION_DAYS", SHIM_COUNT, "365",
      "how long an image is kept, and what is known of it; 0: for ever" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_cloud_media_events_total", SHIM_COUNTER, "outcome",
      "images that the bus told of, by outcome: stored, duplicate" },
    { "farmiq_media_uploads_total", SHIM_COUNTER, "outcome",
      "uploads by outcome: stored, refused" },
    CONSUME_REFUSED_METRIC,
    { "farmiq_media_orphans_total", SHIM_COUNTER, NULL,
      "files deleted because no row spoke of them after MEDIA_ORPHAN_GRACE" },
    { "farmiq_media_rows_without_bytes", SHIM_GAUGE, NULL,
      "images that are known, but whose bytes are gone" },
    { 0 },
};

static const struct shim_route routes[] = {
    { "GET", "/api/v1/media/objects", SHIM_TENANT, cloud_media_list },
    { "GET", "/api/v1/media/objects/{mediaId}", SHIM_TENANT, cloud_media_get_object },
    { "PUT", "/api/v1/media/objects/{mediaId}", SHIM_TENANT | SHIM_UPLOAD | SHIM_NO_STORE,
      cloud_media_put, cloud_media_admit },
    { "GET", "/api/v1/media/objects/{mediaId}/meta", SHIM_TENANT, cloud_media_get_meta },
    { "GET", "/api/v1/media/objects/{mediaId}/link", SHIM_TENANT, cloud_media_get_link },
    { "GET", "/api/v1/media/files", SHIM_OPEN, cloud_media_get_file },
    { "GET", "/api/v1/media/stats", SHIM_TENANT, cloud_media_get_stats },
    { 0 },
};

static const struct shim_queue queues[] = {
    { "media", "media.stored", cloud_media_consume },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "media_purge", "MEDIA_CLEANUP_INTERVAL_MS", cloud_media_purge },
    { "media_sweep", "MEDIA_SWEEP_INTERVAL_MS", cloud_media_sweep },
    { 0 },
};

static int start(struct shim_call *call)
{
    struct cloud_media_state *state = call->state;

    return url_secret_start(call, &state->secret);
}

static const struct shim_service service = {
    .name = "cloud-media-store",
    .summary = "know the images of all sites, and keep those whose bytes are brought",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .queues = queues,
    .jobs = jobs,
    .openapi = cloud_media_store_openapi,
    .schema = farmiq_schema_cloud,
    .state_bytes = sizeof(struct cloud_media_state),
    .start = start,
};

SHIM_MAIN(cloud_media_store, service)
