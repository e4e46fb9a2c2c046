/* SPDX-License-Identifier: Apache-2.0 */
/* What the telemetry service's files share. */
#ifndef TIMESERIES_H
#define TIMESERIES_H

#include "common/buckets.h"
#include "kit/shim.h"

struct timeseries_state {
    int64_t purged_id; /* where the walk over old readings goes on */
};

extern const struct bucket_size timeseries_windows[]; /* 1m, 1h, 1d */

int timeseries_post_readings(struct shim_call *call); /* readings.c */
int timeseries_emit(struct shim_call *call);          /* emit.c: a job */
int timeseries_purge(struct shim_call *call);         /* purge.c: a job */

#endif
