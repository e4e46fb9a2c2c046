/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor agent's own options. */
#include "options.h"

#include <string.h>

#define DEVICES_MAX 100000

const struct shim_option sensor_option_table[] = {
    { "DEVICES", SHIM_COUNT, "1",
      "simulate this many devices, named DEVICE_ID-0001 and so on" },
    { "SOURCE", SHIM_CHOICE, "simulator",
      "simulator|csv|command: where readings come from" },
    { "POLL_INTERVAL_MS", SHIM_MS, "60000", "one reading of each metric in this time" },
    { "RATE", SHIM_COUNT, "0",
      "simulator: events a second, of all devices together, instead of "
      "POLL_INTERVAL_MS" },
    { "SPEED", SHIM_COUNT, "1",
      "simulator: let a day pass this many times faster, beginning a day ago; csv: "
      "replay this many times faster, 0 without pauses" },
    { "COUNT", SHIM_COUNT, "0",
      "end after this many events, once all are acknowledged; 0: never" },
    { "SEED", SHIM_COUNT, "1", "simulator: the same seed gives the same barn" },
    { "METRICS", SHIM_STRING, SENSOR_METRICS,
      "simulator: what each device measures, by blanks; feed.dispensed makes it a "
      "feeder, "
      "whose feedings are events" },
    { "CSV_FILE", SHIM_STRING, "", "csv: a file with columns ts,metric,value,unit" },
    { "COMMAND", SHIM_STRING, "",
      "command: a shell command that prints 'metric value unit' or JSON lines, such as "
      "'feed.dispensed 12.5 kg'; it is started again POLL_INTERVAL_MS after it ends" },
    { "DATABASE_URL", SHIM_URL, "sqlite:/var/lib/farmiq/iot-sensor-agent.db",
      "the durable buffer" },
    { 0 },
};

const struct agent_limit sensor_limits[] = {
    { "DEVICES", 1, DEVICES_MAX },
    { "POLL_INTERVAL_MS", 1, INT32_MAX },
    { "RATE", 0, 1000000 },
    { "SPEED", 0, 1000000 },
    { 0 },
};

int sensor_options_check(const struct agent_kind *kind,
                         const struct shim_options *options)
{
    struct sensor_options o;

    sensor_options_read(&o, options);
    if (strcmp(o.source, "csv") == 0 && !*o.csv_file)
        return agent_refuse(kind, "CSV_FILE", "is needed for the source csv");
    if (strcmp(o.source, "command") == 0 && !*o.command)
        return agent_refuse(kind, "COMMAND", "is needed for the source command");
    if (strcmp(o.source, "simulator") == 0 && o.speed == 0)
        return agent_refuse(kind, "SPEED", "0 is for the source csv only");
    return FARMIQ_OK;
}

void sensor_options_read(struct sensor_options *o, const struct shim_options *options)
{
    o->devices = (uint32_t)shim_options_number(options, "DEVICES");
    o->source = shim_options_text(options, "SOURCE");
    o->poll_interval_ms = shim_options_number(options, "POLL_INTERVAL_MS");
    o->rate = (uint32_t)shim_options_number(options, "RATE");
    o->speed = (uint32_t)shim_options_number(options, "SPEED");
    o->count = (uint64_t)shim_options_number(options, "COUNT");
    o->seed = (uint64_t)shim_options_number(options, "SEED");
    o->metrics = shim_options_text(options, "METRICS");
    o->csv_file = shim_options_text(options, "CSV_FILE");
    o->command = shim_options_text(options, "COMMAND");
}
