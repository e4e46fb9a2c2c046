/* SPDX-License-Identifier: Apache-2.0 */
/* The options of every agent. Names and defaults of the spec (edge 2.13) where it has
 * them. */
#include "agent/options.h"

#include <stdio.h>
#include <string.h>

#include "agent/kind.h"
#include "kit/log.h"

#define WINDOW_MAX 60000

const struct shim_option agent_option_table[] = {
    { "TENANT_ID", SHIM_STRING, "t-123", "the tenant the barn belongs to" },
    { "FARM_ID", SHIM_STRING, "f-456", "the farm" },
    { "BARN_ID", SHIM_STRING, "b-789", "the barn" },
    { "DEVICE_ID", SHIM_STRING, "d-001", "this device" },
    { "MQTT_HOST", SHIM_STRING, "edge-mqtt-broker", "the broker's host" },
    { "MQTT_PORT", SHIM_COUNT, "1883", "the broker's port; with MQTT_TLS usually 8883" },
    { "MQTT_TLS", SHIM_FLAG, "false", "speak TLS to the broker" },
    { "MQTT_CLIENT_ID", SHIM_STRING, "", "the client id; empty: this device's name" },
    { "WINDOW", SHIM_COUNT, "100",
      "events on the way and not yet acknowledged, at most" },
    { "ACK_TIMEOUT", SHIM_MS, "30s",
      "publish again what the edge has not acknowledged by then" },
    { "ACK_MODE", SHIM_CHOICE, "application",
      "application|puback: what ends an event's stay in the buffer; puback is for an "
      "edge without application acknowledgements, and loses what the broker loses" },
    { "DATABASE_URL", SHIM_URL, "sqlite:/var/lib/farmiq/agent.db", "the durable buffer" },
    { "BUFFER_MAX_MESSAGES", SHIM_COUNT, "360",
      "keep at most this many events of a device; then the oldest goes" },
    { "BUFFER_MAX_AGE", SHIM_MS, "6h", "an event older than this is not sent any more" },
    { "REPLAY_RATE", SHIM_COUNT, "5",
      "old events a second and device after an outage; 0: no limit" },
    { "LEDGER", SHIM_STRING, "",
      "append the id of each event to this file once it is safe in the buffer" },
    { "DRAIN", SHIM_MS, "5s", "how long to wait for acknowledgements when stopped" },
    { 0 },
};

int agent_refuse(const struct agent_kind *kind, const char *name, const char *why)
{
    fprintf(stderr, "%s: %s %s\n", kind->program, name, why);
    return FARMIQ_E_ARG;
}

/* A name becomes a level of a topic, and so must be one that the edge accepts. */
static int check_names(const struct agent_kind *kind, const struct shim_options *options)
{
    const char *const names[] = { "TENANT_ID", "FARM_ID", "BARN_ID", "DEVICE_ID",
                                  kind->name_option };

    for (size_t i = 0; i < sizeof names / sizeof *names && names[i]; i++) {
        const char *text = shim_options_text(options, names[i]);

        if (!farmiq_id_is_valid(text, strlen(text)))
            return agent_refuse(kind, names[i],
                                "must be 1 to 128 of A-Z a-z 0-9 . _ : @ -");
    }
    return FARMIQ_OK;
}

static int check_limits(const struct agent_kind *kind, const struct agent_limit *limits,
                        const struct shim_options *options)
{
    for (; limits->name; limits++) {
        int64_t number = shim_options_number(options, limits->name);

        if (number < limits->least || number > limits->most)
            return agent_refuse(kind, limits->name, "is out of range");
    }
    return FARMIQ_OK;
}

static int check(const struct agent_kind *kind, const struct shim_options *options)
{
    static const struct agent_limit limits[] = {
        { "MQTT_PORT", 1, UINT16_MAX },          { "WINDOW", 1, WINDOW_MAX },
        { "BUFFER_MAX_MESSAGES", 1, INT32_MAX }, { "ACK_TIMEOUT", 100, INT32_MAX },
        { "REPLAY_RATE", 0, 1000000 },           { 0 },
    };
    int r = check_names(kind, options);

    if (r == FARMIQ_OK)
        r = check_limits(kind, limits, options);
    if (r == FARMIQ_OK)
        r = check_limits(kind, kind->limits, options);
    if (r == FARMIQ_OK &&
        strncmp(shim_options_text(options, "DATABASE_URL"), "sqlite:", 7) != 0)
        r = agent_refuse(kind, "DATABASE_URL", "must be sqlite:FILE");
    return r == FARMIQ_OK && kind->check ? kind->check(kind, options) : r;
}

static void read_broker(struct agent_options *o, const struct shim_options *options)
{
    int is_tls = (int)shim_options_number(options, "MQTT_TLS");
    const char *host = shim_options_text(options, "MQTT_HOST");
    int is_v6 = strchr(host, ':') != NULL;

    snprintf(o->url, sizeof o->url, "%s://%s%s%s:%d", is_tls ? "mqtts" : "mqtt",
             is_v6 ? "[" : "", host, is_v6 ? "]" : "",
             (int)shim_options_number(options, "MQTT_PORT"));
    o->client_id = shim_options_text(options, "MQTT_CLIENT_ID");
    if (!*o->client_id)
        o->client_id = o->device_id;
    o->access = shim_mqtt_access_of(options);
    o->window = (uint32_t)shim_options_number(options, "WINDOW");
    o->ack_timeout_ms = shim_options_number(options, "ACK_TIMEOUT");
    o->puback_is_enough = strcmp(shim_options_text(options, "ACK_MODE"), "puback") == 0;
}

static void read_buffer(struct agent_options *o, const struct shim_options *options)
{
    o->database = shim_options_text(options, "DATABASE_URL") + strlen("sqlite:");
    o->buffer_max_messages =
        (uint64_t)shim_options_number(options, "BUFFER_MAX_MESSAGES") * o->devices;
    o->buffer_max_age_ms = shim_options_number(options, "BUFFER_MAX_AGE");
    o->replay_rate = (uint32_t)shim_options_number(options, "REPLAY_RATE");
    o->ledger = shim_options_text(options, "LEDGER");
}

int agent_options_read(struct agent_options *out, const struct agent_kind *kind,
                       const struct shim_options *options)
{
    struct agent_options o = { .kind = kind };

    if (check(kind, options) != FARMIQ_OK)
        return FARMIQ_E_ARG;
    o.tenant_id = shim_options_text(options, "TENANT_ID");
    o.farm_id = shim_options_text(options, "FARM_ID");
    o.barn_id = shim_options_text(options, "BARN_ID");
    o.device_id =
        shim_options_text(options, kind->name_option ? kind->name_option : "DEVICE_ID");
    o.devices = kind->count_devices ? kind->count_devices(options) : 1;
    o.drain_ms = shim_options_number(options, "DRAIN");
    o.log_level = shim_log_level(options);
    read_broker(&o, options);
    read_buffer(&o, options);
    *out = o;
    return FARMIQ_OK;
}
