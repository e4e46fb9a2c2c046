/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/ingress/stats (spec edge 4.1). */
#include "gateway.h"

#include "common/members.h"

/* The names of spec edge 2.11, each the sum of two of ours. */
static const struct {
    const char *name;
    const char *metric[2];
    const char *label[2];
} counters[] = {
    { "messages_received_total", { "farmiq_ingress_messages_total" }, { "received" } },
    { "messages_valid_total", { "farmiq_ingress_messages_total" }, { "valid" } },
    { "messages_invalid_total",
      { "farmiq_ingress_messages_total", "farmiq_ingress_messages_total" },
      { "refused", "duplicate" } },
    { "messages_deduped_total", { "farmiq_ingress_messages_total" }, { "duplicate" } },
    { "messages_processing_errors_total",
      { "farmiq_ingress_messages_total" },
      { "error" } },
    { "routed_edge_telemetry_timeseries_total",
      { "farmiq_ingress_routed_total", "farmiq_ingress_route_failures_total" },
      { "edge_telemetry_timeseries", "edge_telemetry_timeseries" } },
    { "routed_edge_telemetry_timeseries_success_total",
      { "farmiq_ingress_routed_total" },
      { "edge_telemetry_timeseries" } },
    { "routed_edge_telemetry_timeseries_failed__fail_total",
      { "farmiq_ingress_route_failures_total" },
      { "edge_telemetry_timeseries" } },
    { "routed_edge_weighvision_session_total",
      { "farmiq_ingress_routed_total", "farmiq_ingress_route_failures_total" },
      { "edge_weighvision_session", "edge_weighvision_session" } },
    { "routed_edge_weighvision_session_success_total",
      { "farmiq_ingress_routed_total" },
      { "edge_weighvision_session" } },
    { "routed_edge_weighvision_session_failed__fail_total",
      { "farmiq_ingress_route_failures_total" },
      { "edge_weighvision_session" } },
    { "routed_edge_feed_intake_total",
      { "farmiq_ingress_routed_total", "farmiq_ingress_route_failures_total" },
      { "edge_feed_intake", "edge_feed_intake" } },
    { "routed_edge_feed_intake_success_total",
      { "farmiq_ingress_routed_total" },
      { "edge_feed_intake" } },
    { "routed_edge_feed_intake_failed__fail_total",
      { "farmiq_ingress_route_failures_total" },
      { "edge_feed_intake" } },
    { "routed_device_last_seen_total",
      { "farmiq_ingress_routed_total" },
      { "device_last_seen" } },
    { "routed_device_last_seen_success_total",
      { "farmiq_ingress_routed_total" },
      { "device_last_seen" } },
};

static void write_counters(struct farmiq_json_writer *json)
{
    farmiq_json_open(json, '{');
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        uint64_t sum = 0;

        for (int k = 0; k < 2 && counters[i].metric[k]; k++)
            sum += shim_counted(counters[i].metric[k], counters[i].label[k]);
        member_int(json, counters[i].name, (int64_t)sum);
    }
    farmiq_json_close(json, '}');
}

static void write_errors(struct farmiq_json_writer *json,
                         const struct gateway_state *state)
{
    static const char *const names[GATEWAY_NEIGHBOURS] = {
        [GATEWAY_TELEMETRY] = "edge_telemetry_timeseries",
        [GATEWAY_SESSIONS] = "edge_weighvision_session",
        [GATEWAY_FEEDINGS] = "edge_feed_intake",
        [GATEWAY_LEVELS] = "edge_feed_intake_levels",
    };

    farmiq_json_open(json, '{');
    for (int i = 0; i < GATEWAY_NEIGHBOURS; i++)
        member_text_or_null(json, names[i], shim_str(state->errors[i]));
    farmiq_json_close(json, '}');
}

int gateway_get_stats(struct shim_call *call)
{
    const struct gateway_state *state = call->state;
    struct farmiq_json_writer *json = shim_json(call, 4096);

    farmiq_json_open(json, '{');
    member_time(json, "startedAt", state->started_at_unix_ms);
    member_flag(json, "mqttConnected", shim_counted("farmiq_mqtt_connected", NULL) != 0);
    member_time_or_null(json, "lastMessageAt", state->last_message_unix_ms);
    farmiq_json_key(json, "counters");
    write_counters(json);
    farmiq_json_key(json, "lastErrors");
    write_errors(json, state);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}
