/* SPDX-License-Identifier: Apache-2.0 */
/* iot-sensor-agent: reads sensors, remembers, and tells the edge until it listens. */
#include "agent/agent.h"
#include "sensor.h"

int main(int argc, char **argv) { return agent_main(argc, argv, &sensor_agent_kind); }
