/* SPDX-License-Identifier: Apache-2.0 */
/* edge-feed-intake: what was fed, told by devices, by the weight of silos, by people and
 * by files; each feeding once, kept and queued for the cloud (spec edge 10.1). */
#include "common/purge.h"
#include "feedings.h"
#include "openapi.h"
#include "queries.h"

static const struct shim_option options[] = {
    { "SILO_NOISE_GRAMS", SHIM_COUNT, "100",
      "a silo's weight that changed by less is the scale's noise; what is less adds up "
      "until it is more" },
    { "FEED_RETENTION_DAYS", SHIM_COUNT, "365",
      "how long a feeding that the cloud has is kept, and the level of a silo that is "
      "silent; 0: for ever" },
    { "FEED_CLEANUP_INTERVAL_MS", SHIM_MS, "1h", "how often old feedings are deleted" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_feed_records_total", SHIM_COUNTER, "outcome",
      "feedings by outcome: stored, duplicate, skipped" },
    { "farmiq_feed_levels_total", SHIM_COUNTER, "outcome",
      "readings of silos by outcome: first, feeding, refill, steady, late, impossible" },
    { 0 },
};

static int purge_by_age(struct shim_call *call, const struct farmiq_sql_query *query,
                        uint32_t *rows)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(purge_before_unix_ms(call, "FEED_RETENTION_DAYS")),
        farmiq_sql_integer(PURGE_ROWS),
    };

    return purge_rows(call, query, NULL, params, 2, rows);
}

static int purge_feedings(struct shim_call *call, uint32_t *rows)
{
    return purge_by_age(call, &sql_feedings_purge, rows);
}

static int purge_silos(struct shim_call *call, uint32_t *rows)
{
    return purge_by_age(call, &sql_silos_purge, rows);
}

static int purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_feedings, purge_silos, NULL };

    return purge_run(call, steps);
}

static const struct shim_route routes[] = {
    { "POST", "/api/v1/feed-intake/records", SHIM_INTERNAL, feed_post_records },
    { "GET", "/api/v1/feed-intake/records", SHIM_INTERNAL, feed_get_records },
    { "POST", "/api/v1/feed-intake/levels", SHIM_INTERNAL, feed_post_levels },
    { "POST", "/api/v1/feed-intake/manual", SHIM_INTERNAL, feed_post_manual },
    { "POST", "/api/v1/feed-intake/import", SHIM_INTERNAL, feed_post_import },
    { "GET", "/api/v1/edge-feed-intake/status", SHIM_INTERNAL, feed_get_status },
    { "GET", "/api/v1/edge-feed-intake/backlog", SHIM_INTERNAL, feed_get_backlog },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "feed_purge", "FEED_CLEANUP_INTERVAL_MS", purge },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-feed-intake",
    .summary = "keep what was fed and queue it for the cloud",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .jobs = jobs,
    .openapi = edge_feed_intake_openapi,
    .schema = farmiq_schema_edge,
};

SHIM_MAIN(edge_feed_intake, service)
