/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an agent a sensor agent. */
#include "sensor.h"

#include "draft.h"
#include "intake.h"

static const char *const health[] = { "sensor_ok", "mqtt_ok", "disk_ok", NULL };

const struct agent_kind sensor_agent_kind = {
    .program = "iot-sensor-agent",
    .summary = "read sensors, keep every event until the edge has it",
    .options = sensor_option_table,
    .limits = sensor_limits,
    .devices_option = "DEVICES",
    .health = health,
    .check = sensor_options_check,
    .topic = draft_topic,
    .open = intake_open,
    .read = intake_read,
    .taken = intake_taken,
    .close = intake_close,
};
