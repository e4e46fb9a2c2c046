/* SPDX-License-Identifier: Apache-2.0 */
/* iot-weighvision-agent: weighs each animal that steps on the scale, takes its picture,
 * and tells the edge until it listens. */
#include "agent/agent.h"
#include "station.h"

int main(int argc, char **argv)
{
    return agent_main(argc, argv, &weighvision_agent_kind);
}
