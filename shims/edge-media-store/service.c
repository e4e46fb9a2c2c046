/* SPDX-License-Identifier: Apache-2.0 */
/* edge-media-store: images of animals, from a URL that a device asks for to bytes on the
 * disk, a row beside them and an event for the cloud. */
#include "media.h"

#include "common/options.h"
#include "openapi.h"
#include "s3.h"

static const struct shim_option options[] = {
    { "MEDIA_BASE_PATH", SHIM_STRING, "media",
      "the folder that images are kept in; it is made if the one above is there" },
    { "MEDIA_BACKEND", SHIM_CHOICE, "filesystem",
      "filesystem|s3: where bytes are: below MEDIA_BASE_PATH, or in an S3-compatible "
      "store" },
    { "MEDIA_ENDPOINT", SHIM_URL, "", "s3: its URL, without a path" },
    { "MEDIA_REGION", SHIM_STRING, "us-east-1", "s3: its region" },
    { "MEDIA_ACCESS_KEY", SHIM_STRING, "", "s3: the access key's id" },
    { "MEDIA_SECRET_KEY", SHIM_SECRET, "", "s3: and the secret behind it" },
    MEDIA_BUCKET_OPTION,
    { "MEDIA_URL_SECRET", SHIM_SECRET, "",
      "what upload URLs are signed with; empty: one that the database keeps" },
    { "MEDIA_PRESIGN_ENDPOINT", SHIM_URL, "",
      "how devices reach this store, for upload URLs; empty: as the one that asks did" },
    { "MEDIA_PRESIGN_EXPIRES_IN", SHIM_SECONDS, "900", "how long an upload URL is good" },
    { "MEDIA_PRESIGN_PER_MINUTE", SHIM_COUNT, "10",
      "upload URLs for one device; 0: as many as it likes" },
    IMAGE_OPTIONS,
    { "MEDIA_ORPHAN_GRACE", SHIM_SECONDS, "24h",
      "how long bytes wait for their complete, at most half of it for its call" },
    { "TRIGGER_INFERENCE_ON_COMPLETE", SHIM_FLAG, "false",
      "show each image to edge-vision-inference" },
    { "EDGE_VISION_INFERENCE_URL", SHIM_URL, "http://edge-vision-inference:3000",
      "where that is, unless it is hosted here" },
    { "MEDIA_INFERENCE_INTERVAL_MS", SHIM_MS, "10s",
      "how often images are looked for that it gave no answer about" },
    { "MEDIA_RETENTION_DAYS", SHIM_COUNT, "30",
      "how long an image is kept that the cloud has heard of and whose session has "
      "ended; 0: for ever" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_media_uploads_total", SHIM_COUNTER, "outcome",
      "uploads by outcome: stored, refused; and URLs not given: limited" },
    { "farmiq_media_orphans_total", SHIM_COUNTER, NULL,
      "files deleted because no row spoke of them after MEDIA_ORPHAN_GRACE" },
    { "farmiq_media_rows_without_bytes", SHIM_GAUGE, NULL,
      "images that are known, but whose bytes are gone" },
    { 0 },
};

static const struct shim_route routes[] = {
    { "POST", "/api/v1/media/images/presign", SHIM_INTERNAL, media_presign },
    { "PUT", "/api/v1/media/uploads", SHIM_UPLOAD | SHIM_NO_STORE, media_put_upload,
      media_admit_upload },
    { "POST", "/api/v1/media/images/complete", SHIM_INTERNAL, media_complete,
      media_look },
    { "POST", "/api/v1/media/images", SHIM_INTERNAL | SHIM_UPLOAD | SHIM_NO_STORE,
      media_post_form, media_admit_form },
    { "GET", "/api/v1/media/objects/by-key", SHIM_INTERNAL, media_get_by_key },
    { "GET", "/api/v1/media/objects/{mediaId}", SHIM_INTERNAL, media_get_object },
    { "GET", "/api/v1/media/objects/{mediaId}/meta", SHIM_INTERNAL, media_get_meta },
    { "GET", "/api/v1/media/stats", SHIM_INTERNAL, media_get_stats },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "media_purge", "MEDIA_CLEANUP_INTERVAL_MS", media_purge },
    { "media_infer", "MEDIA_INFERENCE_INTERVAL_MS", media_infer },
    { "media_sweep", "MEDIA_SWEEP_INTERVAL_MS", media_sweep },
    { 0 },
};

const char *media_secret(const struct shim_call *call)
{
    const struct media_state *state = call->state;
    const char *given = shim_text(call, "MEDIA_URL_SECRET");

    return *given ? given : state->secret.text;
}

static int start(struct shim_call *call)
{
    struct media_state *state = call->state;

    return url_secret_start(call, &state->secret);
}

static const struct shim_service service = {
    .name = "edge-media-store",
    .summary = "take in images of animals, keep them, and tell the cloud of them",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_media_store_openapi,
    .schema = farmiq_schema_edge,
    .state_bytes = sizeof(struct media_state),
    .check = s3_check,
    .start = start,
};

SHIM_MAIN(edge_media_store, service)
