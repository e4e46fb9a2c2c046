/* SPDX-License-Identifier: Apache-2.0 */
/* edge-weighvision-session: what a scale and a camera say of one animal, in any order,
 * becomes one session; the cloud is told each fact once. */
#include "weighing.h"

#include "openapi.h"

static const struct shim_option options[] = {
    { "SESSION_IMAGE_TIMEOUT", SHIM_SECONDS, "600",
      "a session older than this without an image is incomplete" },
    { "SESSION_SWEEP_INTERVAL_MS", SHIM_MS, "60s",
      "how often to look for incomplete and for orphaned sessions" },
    { "SESSION_SETTLE_MS", SHIM_MS, "5s",
      "how long the end of a session waits for a weight or an image that it lacks, "
      "before "
      "the cloud is told" },
    { "SESSION_SETTLE_INTERVAL_MS", SHIM_MS, "1s", "how often to look for such ends" },
    { "SESSION_ORPHAN_TIMEOUT", SHIM_SECONDS, "24h",
      "how long weights wait for the event that creates their session, before the cloud "
      "is told of them without it" },
    { "SESSION_RETENTION_DAYS", SHIM_COUNT, "90",
      "how long a session that the cloud has is kept after its last change; 0: for "
      "ever" },
    { "SESSION_CLEANUP_INTERVAL_MS", SHIM_MS, "5m",
      "how often old sessions are deleted" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_session_facts_total", SHIM_COUNTER, "outcome",
      "facts of weigh sessions by outcome: stored, duplicate, skipped" },
    { "farmiq_session_conflicts_total", SHIM_COUNTER, NULL,
      "repeats of created, finalized or cancelled that said something else" },
    { "farmiq_sessions_incomplete_total", SHIM_COUNTER, NULL,
      "sessions without an image after SESSION_IMAGE_TIMEOUT" },
    { "farmiq_sessions_orphaned_total", SHIM_COUNTER, NULL,
      "sessions of which the cloud was told although created never came" },
    { "farmiq_session_image_mismatches_total", SHIM_COUNTER, NULL,
      "sessions that ended with another number of images than their device said" },
    { 0 },
};

static void count_facts(const struct weigh_fact *first)
{
    uint64_t stored = 0, duplicate = 0, skipped = 0;

    for (; first; first = first->next) {
        skipped += first->refusal != NULL;
        stored += !first->refusal && first->is_new;
        duplicate += !first->refusal && !first->is_new;
    }
    shim_count("farmiq_session_facts_total", "stored", stored);
    shim_count("farmiq_session_facts_total", "duplicate", duplicate);
    shim_count("farmiq_session_facts_total", "skipped", skipped);
}

int weighing_keep(struct shim_call *call, struct weigh_fact *first, uint32_t count,
                  struct sessions *sessions)
{
    int r = sessions_open(sessions, call, count);

    if (r == FARMIQ_OK)
        r = sessions_take(sessions, first);
    if (r == FARMIQ_OK)
        r = weighing_tell(sessions, first);
    if (r == FARMIQ_OK)
        r = sessions_save(sessions);
    if (r == FARMIQ_OK)
        count_facts(first);
    return r;
}

static const struct shim_route routes[] = {
    { "POST", "/api/v1/weighvision/events", SHIM_INTERNAL, weighing_post_events },
    { "POST", "/api/v1/weighvision/sessions", SHIM_INTERNAL, weighing_post_session },
    { "GET", "/api/v1/weighvision/sessions/{sessionId}", SHIM_INTERNAL,
      weighing_get_session },
    { "POST", "/api/v1/weighvision/sessions/{sessionId}/bind-weight", SHIM_INTERNAL,
      weighing_post_weight },
    { "POST", "/api/v1/weighvision/sessions/{sessionId}/bind-media", SHIM_INTERNAL,
      weighing_post_media },
    { "POST", "/api/v1/weighvision/sessions/{sessionId}/attach", SHIM_INTERNAL,
      weighing_attach },
    { "POST", "/api/v1/weighvision/sessions/{sessionId}/finalize", SHIM_INTERNAL,
      weighing_finalize },
    { "POST", "/api/v1/weighvision/sessions/{sessionId}/cancel", SHIM_INTERNAL,
      weighing_cancel },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "session_sweep", "SESSION_SWEEP_INTERVAL_MS", weighing_sweep },
    { "session_settle", "SESSION_SETTLE_INTERVAL_MS", weighing_settle },
    { "session_orphans", "SESSION_SWEEP_INTERVAL_MS", weighing_adopt },
    { "session_purge", "SESSION_CLEANUP_INTERVAL_MS", weighing_purge },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-weighvision-session",
    .summary = "keep weigh sessions and queue them for the cloud",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_weighvision_session_openapi,
    .schema = farmiq_schema_edge,
};

SHIM_MAIN(edge_weighvision_session, service)
