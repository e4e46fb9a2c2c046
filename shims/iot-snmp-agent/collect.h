/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNMP_COLLECT_H
#define SNMP_COLLECT_H

#include "agent/kind.h"

extern const struct agent_kind snmp_agent_kind;

#endif
