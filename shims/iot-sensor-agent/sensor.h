/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENSOR_SENSOR_H
#define SENSOR_SENSOR_H

#include "agent/kind.h"

extern const struct agent_kind sensor_agent_kind;

/* One device is DEVICE_ID; of several it is the first part of their names. `out` holds
 * AGENT_DEVICE_BYTES. */
void sensor_name_device(const struct agent_options *agent, uint32_t device, char *out);

#endif
