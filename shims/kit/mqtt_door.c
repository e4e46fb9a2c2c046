/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of devices: from the subscriber to the service that takes them, a batch in one
 * transaction. */
#include "kit/fail.h"
#include "kit/internal.h"
#include "kit/log.h"

const struct shim_option shim_mqtt_options[] = {
    { "MQTT_BROKER_URL", SHIM_URL, "mqtt://127.0.0.1:1883",
      "the broker: mqtt://host:port or mqtts://host:port" },
    { "MQTT_CLIENT_ID", SHIM_STRING, "edge-ingress-gateway",
      "must be stable, and different for each replica: the broker keeps its session" },
    { "MQTT_SHARE_GROUP", SHIM_STRING, "",
      "share the subscription with other replicas of this name; empty: do not" },
    { "MQTT_BATCH_MAX", SHIM_COUNT, "1000",
      "messages in one commit at most; up to 1000" },
    { "MQTT_BATCH_WAIT_MS", SHIM_MS, "2", "how long the first may wait for company" },
    { 0 },
};

static int run_messages(struct shim_call *call, void *arg)
{
    const struct shim_service *service = call->service;

    call->messages = arg;
    for (struct shim_message *m = arg; m; m = m->next)
        m->verdict = FARMIQ_OK;
    return service->on_messages(call);
}

static int on_batch(void *ctx, struct shim_message *first, uint32_t count)
{
    struct shim_runtime *runtime = ctx;
    const struct shim_hosted *hosted = runtime->subscriber;
    struct shim_call *call = shim_call_open(runtime, hosted);
    struct shim_unit unit = { .call = call, .run = run_messages, .arg = first };
    int r;

    if (!call)
        return FARMIQ_E_NOMEM;
    r = shim_writer_run(runtime->writer, &unit);
    if (r >= 0)
        shim_call_run_effects(call);
    else
        shim_log(call, SHIM_ERROR, "mqtt.batch_failed",
                 "%u messages were not acknowledged and will come again: %s", count,
                 farmiq_strerror(r));
    shim_call_close(call);
    return r < 0 ? r : 0;
}

static void on_mqtt_state(void *ctx, int connected, const char *why)
{
    (void)ctx;
    shim_gauge("farmiq_mqtt_connected", NULL, connected);
    shim_log_line(connected ? SHIM_INFO : SHIM_WARN,
                  connected ? "mqtt.connected" : "mqtt.disconnected", "%s",
                  why ? why : "");
}

#define MAX_FILTERS 8

int shim_mqtt_door_open(struct shim_runtime *runtime, struct farmiq_error *error)
{
    static char texts[MAX_FILTERS][128];
    static const char *filters[MAX_FILTERS + 1];
    const struct shim_service *service = runtime->subscriber->service;
    const struct shim_options *options = runtime->options;
    struct shim_mqtt_subscriber_options mqtt = {
        .url = shim_options_text(options, "MQTT_BROKER_URL"),
        .client_id = shim_options_text(options, "MQTT_CLIENT_ID"),
        .access = shim_mqtt_access_of(options),
        .share_group = shim_options_text_or_null(options, "MQTT_SHARE_GROUP"),
        .filters = filters,
        .batch_max = shim_options_number32(options, "MQTT_BATCH_MAX"),
        .batch_wait_ms = shim_options_number32(options, "MQTT_BATCH_WAIT_MS"),
        .message_max_bytes = FARMIQ_ENVELOPE_MAX_BYTES,
        .on_batch = on_batch,
        .on_state = on_mqtt_state,
        .ctx = runtime,
    };
    size_t len;

    if (mqtt.batch_max > FARMIQ_BATCH_MAX_EVENTS)
        return shim_fail(error, FARMIQ_E_ARG, "MQTT_BATCH_MAX", "must be at most 1000");
    for (size_t i = 0; service->topics[i] && i < MAX_FILTERS; i++) {
        if (farmiq_topic_filter(service->topics[i], NULL, 0, texts[i], sizeof texts[i],
                                &len) < 0)
            return FARMIQ_E_ARG;
        filters[i] = texts[i];
    }
    return shim_mqtt_subscriber_open(&runtime->mqtt, &mqtt, error);
}
