/* SPDX-License-Identifier: Apache-2.0 */
/* Where the events in the bus's queues came from: with which request, from which edge and
 * when. The same for all events of a request, it stands beside the queue, once for each
 * run of numbers (decision 29). */
#ifndef SHIM_BUS_ORIGIN_H
#define SHIM_BUS_ORIGIN_H

#include "kit/bus.h"

/* Append to a queue, and note where the rows came from: the call's request, and
 * `edge_id`, which may be empty. In the call's transaction. Codes as
 * farmiq_store_outbox_append(). */
int shim_bus_append(struct shim_call *call, const char *queue,
                    struct farmiq_outbox_row *rows, struct farmiq_str edge_id);

/* What is known of each of the rows, in their order; unknown is empty and 0. In
 * `keeper`'s memory: a unit's own ends with it. Codes as farmiq_sql_run_many(). */
int shim_bus_origins(struct shim_call *call, const char *queue,
                     const struct farmiq_outbox_row *rows, struct shim_call *keeper,
                     struct shim_origin **out);

#endif
