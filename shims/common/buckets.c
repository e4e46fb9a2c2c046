/* SPDX-License-Identifier: Apache-2.0 */
/* Readings gathered into time buckets. */
#include "common/buckets.h"

#include "common/text.h"

const struct bucket_size *bucket_size_find(const struct bucket_size *sizes,
                                           struct farmiq_str name)
{
    for (; sizes->name; sizes++)
        if (text_is(name, sizes->name))
            return sizes;
    return NULL;
}

int reading_can_be_kept(double value) { return value >= -1e15 && value <= 1e15; }

static void put_in(struct bucket *bucket, const struct reading *reading)
{
    bucket->count++;
    bucket->sum += reading->value;
    bucket->sum_of_squares += reading->value * reading->value;
    if (reading->value < bucket->least)
        bucket->least = reading->value;
    if (reading->value > bucket->most)
        bucket->most = reading->value;
    if (reading->occurred_at_unix_ms >= bucket->last_unix_ms) {
        bucket->last_unix_ms = reading->occurred_at_unix_ms;
        bucket->last = reading->value;
    }
}

/* Times are from 1970 on (farmiq_time_parse), so truncation is the floor; 1970-01-01
 * and the 2000-01-01 of spec cloud 3.3 cut every size at the same moments. The middle of
 * a bucket is its key: unlike the start, it also tells the sizes apart. */
static int add_to(struct groups *buckets, struct shim_call *call,
                  const struct bucket_size *size, const struct reading *reading)
{
    int64_t start =
        reading->occurred_at_unix_ms - reading->occurred_at_unix_ms % size->ms;
    struct group_key key = { { reading->tenant_id, reading->farm_id, reading->barn_id,
                               reading->device_id, reading->metric },
                             start + (size->ms >> 1) };
    struct bucket *bucket = groups_find(buckets, call, &key);

    if (!bucket)
        return FARMIQ_E_NOMEM;
    if (!bucket->size) {
        bucket->first = reading;
        bucket->size = size;
        bucket->start_unix_ms = start;
        bucket->least = bucket->most = reading->value;
    }
    put_in(bucket, reading);
    return FARMIQ_OK;
}

int buckets_add(struct groups *buckets, struct shim_call *call,
                const struct bucket_size *sizes, const struct reading *reading)
{
    int r = FARMIQ_OK;

    for (; sizes->name && r == FARMIQ_OK; sizes++)
        r = add_to(buckets, call, sizes, reading);
    return r;
}

void bucket_put_key(struct farmiq_sql_value *to, const struct bucket *bucket)
{
    const struct reading *whose = bucket->first;

    to[0] = farmiq_sql_text(whose->tenant_id);
    to[1] = farmiq_sql_text(whose->farm_id);
    to[2] = farmiq_sql_text(whose->barn_id);
    to[3] = farmiq_sql_text(whose->device_id);
    to[4] = farmiq_sql_text(whose->metric);
    to[5] = farmiq_sql_text(shim_str(bucket->size->name));
    to[6] = farmiq_sql_integer(bucket->start_unix_ms);
}

void bucket_put_sums(struct farmiq_sql_value *to, const struct bucket *bucket,
                     int64_t now_unix_ms)
{
    to[0] = farmiq_sql_integer(bucket->count);
    to[1] = farmiq_sql_real(bucket->sum);
    to[2] = farmiq_sql_real(bucket->sum_of_squares);
    to[3] = farmiq_sql_real(bucket->least);
    to[4] = farmiq_sql_real(bucket->most);
    to[5] = farmiq_sql_real(bucket->last);
    to[6] = farmiq_sql_integer(bucket->last_unix_ms);
    to[7] = farmiq_sql_integer(now_unix_ms);
}

int latest_add(struct groups *latest, struct shim_call *call,
               const struct reading *reading)
{
    struct group_key key = { { reading->tenant_id, reading->device_id, reading->metric },
                             0 };
    struct latest *entry = groups_find(latest, call, &key);

    if (!entry)
        return FARMIQ_E_NOMEM;
    if (!entry->reading ||
        entry->reading->occurred_at_unix_ms <= reading->occurred_at_unix_ms)
        entry->reading = reading;
    return FARMIQ_OK;
}
