/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's options. Names and defaults of the spec (edge 2.13) where it has them. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#define DEVICES_MAX 100000
#define WINDOW_MAX 60000

const struct shim_option agent_option_table[] = {
    { "TENANT_ID", SHIM_STRING, "t-123", "the tenant the barn belongs to" },
    { "FARM_ID", SHIM_STRING, "f-456", "the farm" },
    { "BARN_ID", SHIM_STRING, "b-789", "the barn" },
    { "DEVICE_ID", SHIM_STRING, "d-001", "this device" },
    { "DEVICES", SHIM_COUNT, "1",
      "simulate this many devices, named DEVICE_ID-0001 and so on" },
    { "MQTT_HOST", SHIM_STRING, "edge-mqtt-broker", "the broker's host" },
    { "MQTT_PORT", SHIM_COUNT, "1883", "the broker's port; with MQTT_TLS usually 8883" },
    { "MQTT_TLS", SHIM_FLAG, "false", "speak TLS to the broker" },
    { "MQTT_CA_FILE", SHIM_STRING, "",
      "trust these authorities instead of the system's" },
    { "MQTT_CERT_FILE", SHIM_STRING, "", "the device's certificate" },
    { "MQTT_KEY_FILE", SHIM_STRING, "", "its key" },
    { "MQTT_CLIENT_ID", SHIM_STRING, "", "the client id; empty: DEVICE_ID" },
    { "MQTT_USERNAME", SHIM_STRING, "", "the device's name at the broker" },
    { "MQTT_PASSWORD", SHIM_SECRET, "", "its password" },
    { "WINDOW", SHIM_COUNT, "100",
      "events on the way and not yet acknowledged, at most" },
    { "ACK_TIMEOUT", SHIM_MS, "30s",
      "publish again what the edge has not acknowledged by then" },
    { "ACK_MODE", SHIM_CHOICE, "application",
      "application|puback: what ends an event's stay in the buffer; puback is for an "
      "edge "
      "without application acknowledgements, and loses what the broker loses" },
    { "DATABASE_URL", SHIM_URL, "sqlite:/var/lib/farmiq/iot-sensor-agent.db",
      "the durable buffer" },
    { "BUFFER_MAX_MESSAGES", SHIM_COUNT, "360",
      "keep at most this many events of a device; then the oldest goes" },
    { "BUFFER_MAX_AGE", SHIM_MS, "6h", "an event older than this is not sent any more" },
    { "REPLAY_RATE", SHIM_COUNT, "5",
      "old events a second and device after an outage; 0: no limit" },
    { "SOURCE", SHIM_CHOICE, "simulator",
      "simulator|csv|command: where readings come from" },
    { "POLL_INTERVAL_MS", SHIM_MS, "60000", "one reading of each metric in this time" },
    { "RATE", SHIM_COUNT, "0",
      "simulator: events a second, of all devices together, instead of "
      "POLL_INTERVAL_MS" },
    { "SPEED", SHIM_COUNT, "1",
      "simulator: let a day pass this many times faster, beginning a day ago; csv: "
      "replay "
      "this many times faster, 0 without pauses" },
    { "COUNT", SHIM_COUNT, "0",
      "end after this many events, once all are acknowledged; 0: never" },
    { "SEED", SHIM_COUNT, "1", "simulator: the same seed gives the same barn" },
    { "CSV_FILE", SHIM_STRING, "", "csv: a file with columns ts,metric,value,unit" },
    { "COMMAND", SHIM_STRING, "",
      "command: a shell command that prints 'metric value unit' or JSON lines; it is "
      "started again POLL_INTERVAL_MS after it ends" },
    { "LEDGER", SHIM_STRING, "",
      "append the id of each event to this file once it is safe in the buffer" },
    { "DRAIN", SHIM_MS, "5s", "how long to wait for acknowledgements when stopped" },
    { "LOG_LEVEL", SHIM_CHOICE, "info", "error|warn|info|debug: how much to log" },
    { 0 },
};

static int refuse(const char *name, const char *why)
{
    fprintf(stderr, "iot-sensor-agent: %s %s\n", name, why);
    return FARMIQ_E_ARG;
}

static int read_level(const char *text)
{
    return strcmp(text, "error") == 0  ? SHIM_ERROR
           : strcmp(text, "warn") == 0 ? SHIM_WARN
           : strcmp(text, "info") == 0 ? SHIM_INFO
                                       : SHIM_DEBUG;
}

/* A name becomes a level of a topic, and so must be one that the edge accepts. */
static int check_names(const struct shim_options *options)
{
    static const char *const names[] = { "TENANT_ID", "FARM_ID", "BARN_ID", "DEVICE_ID" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = shim_options_text(options, names[i]);

        if (!farmiq_id_is_valid(text, strlen(text)))
            return refuse(names[i], "must be 1 to 128 of A-Z a-z 0-9 . _ : @ -");
    }
    return FARMIQ_OK;
}

static int check_limits(const struct shim_options *options)
{
    static const struct {
        const char *name;
        int64_t least, most;
    } limits[] = {
        { "DEVICES", 1, DEVICES_MAX },
        { "MQTT_PORT", 1, UINT16_MAX },
        { "WINDOW", 1, WINDOW_MAX },
        { "BUFFER_MAX_MESSAGES", 1, INT32_MAX },
        { "POLL_INTERVAL_MS", 1, INT32_MAX },
        { "ACK_TIMEOUT", 100, INT32_MAX },
        { "RATE", 0, 1000000 },
        { "SPEED", 0, 1000000 },
        { "REPLAY_RATE", 0, 1000000 },
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int64_t number = shim_options_number(options, limits[i].name);

        if (number < limits[i].least || number > limits[i].most)
            return refuse(limits[i].name, "is out of range");
    }
    return FARMIQ_OK;
}

static int check_source(const struct agent_options *o)
{
    if (strcmp(o->source, "csv") == 0 && !*o->csv_file)
        return refuse("CSV_FILE", "is needed for the source csv");
    if (strcmp(o->source, "command") == 0 && !*o->command)
        return refuse("COMMAND", "is needed for the source command");
    if (strcmp(o->source, "simulator") == 0 && o->speed == 0)
        return refuse("SPEED", "0 is for the source csv only");
    if (!*o->database)
        return refuse("DATABASE_URL", "must be sqlite:FILE");
    return FARMIQ_OK;
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
    o->username = shim_options_text(options, "MQTT_USERNAME");
    o->password = shim_options_text(options, "MQTT_PASSWORD");
    o->ca_file = shim_options_text(options, "MQTT_CA_FILE");
    o->cert_file = shim_options_text(options, "MQTT_CERT_FILE");
    o->key_file = shim_options_text(options, "MQTT_KEY_FILE");
    o->window = (uint32_t)shim_options_number(options, "WINDOW");
    o->ack_timeout_ms = shim_options_number(options, "ACK_TIMEOUT");
    o->puback_is_enough = strcmp(shim_options_text(options, "ACK_MODE"), "puback") == 0;
}

static void read_buffer(struct agent_options *o, const struct shim_options *options)
{
    const char *url = shim_options_text(options, "DATABASE_URL");

    o->database = strncmp(url, "sqlite:", 7) == 0 ? url + 7 : "";
    o->buffer_max_messages =
        (uint64_t)shim_options_number(options, "BUFFER_MAX_MESSAGES") * o->devices;
    o->buffer_max_age_ms = shim_options_number(options, "BUFFER_MAX_AGE");
    o->replay_rate = (uint32_t)shim_options_number(options, "REPLAY_RATE");
    o->ledger = shim_options_text(options, "LEDGER");
}

static void read_source(struct agent_options *o, const struct shim_options *options)
{
    o->source = shim_options_text(options, "SOURCE");
    o->poll_interval_ms = shim_options_number(options, "POLL_INTERVAL_MS");
    o->rate = (uint32_t)shim_options_number(options, "RATE");
    o->speed = (uint32_t)shim_options_number(options, "SPEED");
    o->count = (uint64_t)shim_options_number(options, "COUNT");
    o->seed = (uint64_t)shim_options_number(options, "SEED");
    o->csv_file = shim_options_text(options, "CSV_FILE");
    o->command = shim_options_text(options, "COMMAND");
}

int agent_options_read(struct agent_options *out, const struct shim_options *options)
{
    struct agent_options o = { 0 };

    if (check_names(options) != FARMIQ_OK || check_limits(options) != FARMIQ_OK)
        return FARMIQ_E_ARG;
    o.tenant_id = shim_options_text(options, "TENANT_ID");
    o.farm_id = shim_options_text(options, "FARM_ID");
    o.barn_id = shim_options_text(options, "BARN_ID");
    o.device_id = shim_options_text(options, "DEVICE_ID");
    o.devices = (uint32_t)shim_options_number(options, "DEVICES");
    o.drain_ms = shim_options_number(options, "DRAIN");
    o.log_level = read_level(shim_options_text(options, "LOG_LEVEL"));
    read_broker(&o, options);
    read_buffer(&o, options);
    read_source(&o, options);
    if (check_source(&o) != FARMIQ_OK)
        return FARMIQ_E_ARG;
    *out = o;
    return FARMIQ_OK;
}
