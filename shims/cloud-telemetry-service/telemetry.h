/* SPDX-License-Identifier: Apache-2.0 */
/* What the telemetry service's files share. */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include "common/ask.h"
#include "common/buckets.h"
#include "common/purge.h"
#include "kit/shim.h"

extern const struct bucket_size telemetry_sizes[]; /* 5m, 1h, 1d */

struct telemetry_state {
    int64_t purged_id; /* where the walks over old rows go on */
    struct purge_place latest, devices;
};

int telemetry_consume(struct shim_call *call);        /* consume.c: the queue */
int telemetry_get_readings(struct shim_call *call);   /* readings.c */
int telemetry_get_aggregates(struct shim_call *call); /* aggregates.c */
int telemetry_get_latest(struct shim_call *call);     /* latest.c */
int telemetry_get_metrics(struct shim_call *call);
int telemetry_get_stream(struct shim_call *call);
int telemetry_purge(struct shim_call *call); /* purge.c: jobs */
int telemetry_purge_silent(struct shim_call *call);

/* stream.c: tell each tenant's pages the newest reading of every series in `latest`. */
int telemetry_stream(struct shim_call *call, const struct groups *latest);

/* The filters that every question has. */
struct filters {
    struct farmiq_sql_value farm_id, barn_id, device_id, metric;
    int64_t from_unix_ms, to_unix_ms;
};
void telemetry_ask_filters(struct ask *ask, struct filters *filters);

/* days.c: `tz`, or else TIME_ZONE. */
const char *telemetry_ask_zone(struct ask *ask);
void telemetry_ask_days(struct ask *ask, const struct filters *filters);
/* The days of the zone that the range touches, as a JSON list of [start, end], and the
 * size of the buckets that they are put together from. 0 or FARMIQ_E_NOMEM. */
int telemetry_days(struct shim_call *call, const char *zone,
                   const struct filters *filters, struct farmiq_sql_value *source,
                   struct farmiq_sql_value *list);

#endif
