/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor agent's feed: readings from a source, as events. */
#ifndef SENSOR_INTAKE_H
#define SENSOR_INTAKE_H

#include "agent/kind.h"

int intake_open(struct agent_feed **out, const struct agent_options *agent,
                const struct shim_options *options, struct moment now,
                struct farmiq_error *error);
void intake_read(struct agent_feed *feed, struct moment now);
void intake_taken(struct agent_feed *feed);
void intake_close(struct agent_feed *feed);

#endif
