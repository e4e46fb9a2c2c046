/* SPDX-License-Identifier: Apache-2.0 */
/* What the telemetry service's files share. */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include "common/ask.h"
#include "common/buckets.h"
#include "kit/shim.h"

extern const struct bucket_size stored_sizes[]; /* 5m, 1h, 1d */

int consume(struct shim_call *call);        /* consume.c: the queue */
int get_readings(struct shim_call *call);   /* readings.c */
int get_aggregates(struct shim_call *call); /* aggregates.c */
int get_latest(struct shim_call *call);     /* latest.c */
int get_metrics(struct shim_call *call);
int get_stream(struct shim_call *call);

/* stream.c: tell each tenant's pages the newest reading of every series in `latest`. */
int stream_latest(struct shim_call *call, const struct groups *latest);

/* The filters that every question has. */
struct filters {
    struct farmiq_sql_value farm_id, barn_id, device_id, metric;
    int64_t from_unix_ms, to_unix_ms;
};
void ask_filters(struct ask *ask, struct filters *filters);

#endif
