/* SPDX-License-Identifier: Apache-2.0 */
/* iot-snmp-agent: barn controllers, UPSs and switches that speak SNMP. */
#include "agent/agent.h"
#include "collect.h"

int main(int argc, char **argv) { return agent_main(argc, argv, &snmp_agent_kind); }
