/* SPDX-License-Identifier: Apache-2.0 */
/* Readings gathered into the time buckets of their device and metric, in memory, so
 * that a batch costs one upsert per bucket and not one per reading. */
#ifndef COMMON_BUCKETS_H
#define COMMON_BUCKETS_H

#include "common/groups.h"

/* Ended by a zeroed entry. */
struct bucket_size {
    const char *name; /* "1h" */
    int64_t ms;
};

struct reading {
    struct farmiq_str tenant_id, farm_id, barn_id, device_id, metric, unit;
    double value;
    int64_t occurred_at_unix_ms;
};

/* 1 if the value and its square can be summed for ever without leaving the range of a
 * double (13-A12): |value| up to 1e15. */
int reading_can_be_kept(double value);

struct bucket {
    struct group group;
    const struct reading *first; /* whose bucket it is */
    const struct bucket_size *size;
    int64_t start_unix_ms;
    int64_t count;
    double sum, sum_of_squares, least, most;
    double last;
    int64_t last_unix_ms;
};

/* The newest reading of a device's metric in the batch. */
struct latest {
    struct group group;
    const struct reading *reading;
};

/* The bucket size called `name`, or NULL. */
const struct bucket_size *bucket_size_find(const struct bucket_size *sizes,
                                           struct farmiq_str name);

/* Add a reading to its bucket of each size. FARMIQ_OK or FARMIQ_E_NOMEM. */
int buckets_add(struct groups *buckets, struct shim_call *call,
                const struct bucket_size *sizes, const struct reading *reading);

/* Its columns in the tables of aggregates, edge and cloud: whose it is and which, up to
 * its start; and what it sums up, with the time of the change last. */
#define BUCKET_KEY_COLUMNS 7
#define BUCKET_SUM_COLUMNS 8
void bucket_put_key(struct farmiq_sql_value *to, const struct bucket *bucket);
void bucket_put_sums(struct farmiq_sql_value *to, const struct bucket *bucket,
                     int64_t now_unix_ms);

/* Keep the reading if it is its device's newest of that metric so far. */
int latest_add(struct groups *latest, struct shim_call *call,
               const struct reading *reading);

#endif
