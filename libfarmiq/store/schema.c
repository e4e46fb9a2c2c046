/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas that ship. They are text, so that the core may hold them for every store.
 */
#include <farmiq/schema.h>

#include "agent_schema.h"
#include "cloud_schema.h"
#include "edge_schema.h"

const struct farmiq_migration *farmiq_schema_edge(void) { return edge_schema; }

const struct farmiq_migration *farmiq_schema_cloud(void) { return cloud_schema; }

const struct farmiq_migration *farmiq_schema_agent(void) { return agent_schema; }
