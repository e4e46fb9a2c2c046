/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SENSOR_SENSOR_H
#define SENSOR_SENSOR_H

#include "agent/kind.h"

extern const struct agent_kind sensor_agent_kind;

#endif
