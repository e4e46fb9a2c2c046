/* SPDX-License-Identifier: Apache-2.0 */
/* cloud-weighvision-readmodel: weigh sessions from the bus, in any order; asked for, and
 * summed up by the day (spec cloud 3.4). */
#include "readmodel.h"

#include "common/consume.h"
#include "common/zone.h"
#include "openapi.h"

static const struct shim_option options[] = {
    ZONE_OPTION,
    { "WEIGHT_ROLLUP_INTERVAL_MS", SHIM_MS, "10s",
      "how often days are summed up again that have changed; news wakes it" },
    { "WEIGHT_AGGREGATE_EVENTS", SHIM_FLAG, "false",
      "tell the bus of each day summed up; for a cloud where a service takes it" },
    { "SESSION_RETENTION_DAYS", SHIM_COUNT, "2555",
      "how long a session and its day are kept after their last change; 0: for ever" },
    { "SESSION_CLEANUP_INTERVAL_MS", SHIM_MS, "1h",
      "how often old sessions are deleted" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_readmodel_facts_total", SHIM_COUNTER, "outcome",
      "facts of weigh sessions from the bus by outcome: stored, duplicate, ignored" },
    { "farmiq_session_conflicts_total", SHIM_COUNTER, NULL,
      "repeats of created, finalized or cancelled that said something else" },
    CONSUME_REFUSED_METRIC,
    { 0 },
};

static const struct shim_route routes[] = {
    { "GET", "/api/v1/weighvision/sessions", SHIM_TENANT, readmodel_get_sessions },
    { "GET", "/api/v1/weighvision/sessions/{sessionId}", SHIM_TENANT,
      readmodel_get_session },
    { "GET", "/api/v1/weighvision/analytics", SHIM_TENANT, readmodel_get_analytics },
    { "GET", "/api/v1/weighvision/weight-aggregates", SHIM_TENANT,
      readmodel_get_aggregates },
    { 0 },
};

static const struct shim_queue queues[] = {
    { "sessions",
      "weighvision.session.created weighvision.weight.recorded "
      "weighvision.session.finalized weighvision.image.captured "
      "weighvision.inference.completed media.stored inference.completed",
      readmodel_consume },
    { 0 },
};

static const struct shim_job jobs[] = {
    { "weight_rollup", "WEIGHT_ROLLUP_INTERVAL_MS", readmodel_roll_up },
    { "session_purge", "SESSION_CLEANUP_INTERVAL_MS", readmodel_purge },
    { 0 },
};

static const struct shim_service service = {
    .name = "cloud-weighvision-readmodel",
    .summary = "keep, show and sum up weigh sessions",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .queues = queues,
    .publishes = 1,
    .jobs = jobs,
    .openapi = cloud_weighvision_readmodel_openapi,
    .schema = farmiq_schema_cloud,
    .start = zone_check,
};

SHIM_MAIN(cloud_weighvision_readmodel, service)
