/* SPDX-License-Identifier: Apache-2.0 */
/* edge-media-store: images of animals, from a URL that a device asks for to bytes on the
 * disk, a row beside them and an event for the cloud. */
#include "media.h"

#include "common/options.h"
#include "openapi.h"
#include "far.h"

static const struct shim_option options[] = {
    MEDIA_FOLDER_OPTION,
    S3_OPTIONS,
    { "MEDIA_URL_SECRET", SHIM_SECRET, "",
      "what upload URLs are signed with; empty: one that the database keeps" },
    { "MEDIA_PRESIGN_ENDPOINT", SHIM_URL, "",
      "how devices reach this store, for upload URLs; empty: as the one that asks did" },
    { "MEDIA_PRESIGN_EXPIRES_IN", SHIM_SECONDS, "900", "how long an upload URL is good" },
    { "MEDIA_PRESIGN_PER_MINUTE", SHIM_COUNT, "10",
      "upload URLs for one device; 0: as many as it likes" },
    { "MEDIA_PROBE_INTERVAL_MS", SHIM_MS, "10s",
      "how often it is looked whether images can be put where they go" },
    IMAGE_SIZE_OPTION,
    MEDIA_GRACE_OPTION,
    { "TRIGGER_INFERENCE_ON_COMPLETE", SHIM_FLAG, "false",
      "show each image to edge-vision-inference" },
    { "EDGE_VISION_INFERENCE_URL", SHIM_URL, "http://edge-vision-inference:3000",
      "where that is, unless it is hosted here" },
    { "MEDIA_INFERENCE_INTERVAL_MS", SHIM_MS, "10s",
      "how often images are looked for that it gave no answer about" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_media_uploads_total", SHIM_COUNTER, "outcome",
      "uploads by outcome: stored, refused; and URLs not given: limited" },
    { "farmiq_media_backend_up", SHIM_GAUGE, NULL,
      "1 while bytes can be written to the folder, or the S3-compatible store answers" },
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
    { "media_probe", "MEDIA_PROBE_INTERVAL_MS", media_probe },
    { "media_infer", "MEDIA_INFERENCE_INTERVAL_MS", media_infer },
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
    .ready = media_ready,
    .start = start,
};

SHIM_MAIN(edge_media_store, service)
