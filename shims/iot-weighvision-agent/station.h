/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIGHVISION_STATION_H
#define WEIGHVISION_STATION_H

#include "agent/kind.h"

extern const struct agent_kind weighvision_agent_kind;

#endif
