/* SPDX-License-Identifier: Apache-2.0 */
/* edge-ingress-gateway: device messages in, judged, deduplicated and handed over; what
 * was committed is acknowledged to the device. */
#include "gateway.h"

#include "common/options.h"
#include "common/text.h"
#include "openapi.h"

const struct route gateway_routes[] = {
    { FARMIQ_TOPIC_TELEMETRY, "telemetry.reading", "edge_telemetry_timeseries",
      gateway_check_reading, gateway_deliver_readings },
    { FARMIQ_TOPIC_STATUS, NULL, "device_last_seen", NULL, gateway_deliver_last_seen },
    { FARMIQ_TOPIC_WEIGHVISION,
      "weighvision.session.created weighvision.weight.recorded "
      "weighvision.image.captured media.bound media.stored "
      "weighvision.inference.completed weighvision.session.finalized",
      "edge_weighvision_session", gateway_check_fact, gateway_deliver_facts },
    { FARMIQ_TOPIC_EVENT, "feed.dispensed", "edge_feed_intake", gateway_check_feeding,
      gateway_deliver_feedings },
    { FARMIQ_TOPIC_EVENT, NULL, NULL, NULL, NULL },
    { 0 },
};

static const struct shim_option options[] = {
    { "EDGE_TELEMETRY_TIMESERIES_URL", SHIM_URL, "http://edge-telemetry-timeseries:3000",
      "base URL of the telemetry service, when it is another process" },
    SESSION_SERVICE_OPTION,
    { "EDGE_FEED_INTAKE_URL", SHIM_URL, "http://edge-feed-intake:3000",
      "base URL of the feed service, when it is another process" },
    NEIGHBOUR_TIMEOUT_OPTION,
    { "DEDUPE_TTL_MS", SHIM_MS, "72h", "how long an event id is remembered" },
    { "DEDUPE_CLEANUP_INTERVAL_MS", SHIM_MS, "60s",
      "how often forgotten event ids are deleted" },
    PURGE_SILENT_OPTIONS,
    { "ALLOWLIST_MODE", SHIM_CHOICE, "enforce",
      "enforce|open: whether a device must stand in device_allowlist or "
      "station_allowlist" },
    { 0 },
};

static const struct shim_metric metrics[] = {
    { "farmiq_ingress_messages_total", SHIM_COUNTER, "outcome",
      "messages by outcome: received, valid, refused, duplicate, error" },
    { "farmiq_ingress_refused_total", SHIM_COUNTER, "reason",
      "messages refused for good, by reason" },
    { "farmiq_ingress_routed_total", SHIM_COUNTER, "target", "events handed over" },
    { "farmiq_ingress_route_failures_total", SHIM_COUNTER, "target",
      "events that could not be handed over and will come again" },
    { "farmiq_ingress_trace_ids_made_total", SHIM_COUNTER, NULL,
      "events that came without a trace_id" },
    { 0 },
};

static int start(struct shim_call *call)
{
    struct gateway_state *state = call->state;

    state->started_at_unix_ms = call->now_unix_ms;
    return FARMIQ_OK;
}

static int open_batch(struct shim_call *call, struct batch *batch)
{
    struct shim_message *message;
    struct arrival *arrival;

    for (message = call->messages; message; message = message->next)
        batch->count++;
    batch->arrivals = arrival = shim_memory(call, batch->count * sizeof *arrival);
    if (!arrival)
        return FARMIQ_E_NOMEM;
    for (message = call->messages; message; message = message->next)
        (arrival++)->message = message;
    return FARMIQ_OK;
}

static void count_batch(const struct batch *batch, int result)
{
    uint64_t refused = 0, duplicate = 0;

    for (uint32_t i = 0; i < batch->count; i++) {
        refused += batch->arrivals[i].message->verdict != FARMIQ_OK;
        duplicate += batch->arrivals[i].is_duplicate != 0;
    }
    shim_count("farmiq_ingress_messages_total", "received", batch->count);
    if (result < 0) {
        shim_count("farmiq_ingress_messages_total", "error", batch->count);
        return;
    }
    shim_count("farmiq_ingress_messages_total", "refused", refused);
    shim_count("farmiq_ingress_messages_total", "duplicate", duplicate);
    shim_count("farmiq_ingress_messages_total", "valid",
               batch->count - refused - duplicate);
}

/* One transaction: marks, hand-over and last-seen rows commit together or not at all,
 * and only then are the messages acknowledged (13-A1, A2). */
static int on_messages(struct shim_call *call)
{
    static int (*const stages[])(struct shim_call *, struct batch *) = {
        open_batch,   gateway_judge,   gateway_allow,
        gateway_mark, gateway_deliver, gateway_acknowledge,
    };
    struct gateway_state *state = call->state;
    struct batch batch = { 0 };
    int r = FARMIQ_OK;

    state->last_message_unix_ms = call->now_unix_ms;
    for (size_t i = 0; i < sizeof stages / sizeof *stages && r == FARMIQ_OK; i++)
        r = stages[i](call, &batch);
    if (batch.arrivals)
        count_batch(&batch, r);
    return r;
}

/* Images go to the media store by presigned upload (spec edge 4.1, D-02). */
static int refuse_media(struct shim_call *call)
{
    return shim_reply_error(call, 410, "GONE",
                            "images are uploaded through the media store: POST "
                            "/api/v1/media/images/presign there");
}

static int purge_dedupe(struct shim_call *call, uint32_t *rows)
{
    return farmiq_store_dedupe_purge(call->store, "ingress", call->now_unix_ms,
                                     PURGE_ROWS, rows);
}

static int run_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_dedupe, NULL };

    return purge_run(call, steps);
}

static int purge_last_seen(struct shim_call *call, uint32_t *rows)
{
    struct gateway_state *state = call->state;

    return purge_devices(call, &state->silent, rows);
}

static int run_purge_silent(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_last_seen, NULL };

    return purge_run(call, steps);
}

static const struct shim_route routes[] = {
    { "GET", "/api/v1/ingress/stats", SHIM_INTERNAL, gateway_get_stats },
    { "POST", "/api/v1/media/images", SHIM_OPEN | SHIM_NO_STORE, refuse_media },
    { "POST", "/api/v1/media/images/presign", SHIM_OPEN | SHIM_NO_STORE, refuse_media },
    { 0 },
};

static const int32_t topics[] = { FARMIQ_TOPIC_TELEMETRY, FARMIQ_TOPIC_EVENT,
                                  FARMIQ_TOPIC_WEIGHVISION, FARMIQ_TOPIC_STATUS, 0 };

static const struct shim_job jobs[] = {
    { "ingress_dedupe_purge", "DEDUPE_CLEANUP_INTERVAL_MS", run_purge },
    { "ingress_silent_purge", "SILENT_CLEANUP_INTERVAL_MS", run_purge_silent },
    { 0 },
};

static const struct shim_service service = {
    .name = "edge-ingress-gateway",
    .summary = "judge, deduplicate and route what devices publish",
    .options = options,
    .metrics = metrics,
    .routes = routes,
    .topics = topics,
    .on_messages = on_messages,
    .jobs = jobs,
    .openapi = edge_ingress_gateway_openapi,
    .schema = farmiq_schema_edge,
    .state_bytes = sizeof(struct gateway_state),
    .start = start,
};

SHIM_MAIN(edge_ingress_gateway, service)
