/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an agent a sensor agent. */
#include "sensor.h"

#include <stdio.h>

#include "agent/draft.h"
#include "intake.h"
#include "options.h"

static const char *const health[] = { "sensor_ok", "mqtt_ok", "disk_ok", NULL };

void sensor_name_device(const struct agent_options *agent, uint32_t device, char *out)
{
    if (agent->devices == 1)
        snprintf(out, AGENT_DEVICE_BYTES, "%s", agent->device_id);
    else
        snprintf(out, AGENT_DEVICE_BYTES, "%s-%04u", agent->device_id,
                 (unsigned)device + 1);
}

static uint32_t count_devices(const struct shim_options *options)
{
    return (uint32_t)shim_options_number(options, "DEVICES");
}

const struct agent_kind sensor_agent_kind = {
    .program = "iot-sensor-agent",
    .summary = "read sensors, keep every event until the edge has it",
    .options = sensor_option_table,
    .limits = sensor_limits,
    .count_devices = count_devices,
    .health = health,
    .check = sensor_options_check,
    .topic = draft_topic,
    .open = intake_open,
    .read = intake_read,
    .taken = intake_taken,
    .close = intake_close,
};
