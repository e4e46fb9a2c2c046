/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, buckets and latest values in one transaction; what was there before counts
 * nowhere. */
#include "intake.h"

#include "queries.h"

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct intake *intake = ctx;

    (void)columns;
    (void)count;
    intake->deliveries[row].is_new = 1;
    intake->new_count++;
    return 0;
}

#define RAW_COLUMNS 12

static void put_raw(struct farmiq_sql_value *to, const struct delivery *delivery,
                    int64_t now_unix_ms)
{
    const struct reading *reading = &delivery->reading;
    const struct farmiq_event *event = delivery->message->event;

    to[0] = farmiq_sql_text(reading->tenant_id);
    to[1] = farmiq_sql_text_or_null(reading->farm_id);
    to[2] = farmiq_sql_text_or_null(reading->barn_id);
    to[3] = farmiq_sql_text(reading->device_id);
    to[4] = farmiq_sql_text_or_null(delivery->batch_id);
    to[5] = farmiq_sql_text(reading->metric);
    to[6] = farmiq_sql_real(reading->value);
    to[7] = farmiq_sql_text_or_null(reading->unit);
    to[8] = farmiq_sql_integer(reading->occurred_at_unix_ms);
    to[9] = farmiq_sql_text_or_null(event->trace_id);
    to[10] = farmiq_sql_text(event->event_id);
    to[11] = farmiq_sql_integer(now_unix_ms);
}

static int store_raw(struct intake *intake)
{
    struct shim_call *call = intake->call;
    struct farmiq_sql_value *params =
        shim_memory(call, (size_t)(intake->count + 1) * RAW_COLUMNS * sizeof *params);

    if (!params)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < intake->count; i++)
        put_raw(params + (size_t)i * RAW_COLUMNS, &intake->deliveries[i],
                call->now_unix_ms);
    return intake->count
               ? farmiq_sql_run_many(call->store, &sql_raw_add, NULL, params, RAW_COLUMNS,
                                     intake->count, note_new, intake)
               : FARMIQ_OK;
}

#define BUCKET_COLUMNS (BUCKET_KEY_COLUMNS + BUCKET_SUM_COLUMNS)

static void put_bucket(struct farmiq_sql_value *to, const struct group *group,
                       int64_t now_unix_ms)
{
    const struct bucket *bucket = (const struct bucket *)group;

    bucket_put_key(to, bucket);
    bucket_put_sums(to + BUCKET_KEY_COLUMNS, bucket, now_unix_ms);
}

static int store_buckets(struct intake *intake)
{
    struct groups buckets;
    int r =
        groups_open(&buckets, intake->call, intake->new_count * 3, sizeof(struct bucket));

    for (uint32_t i = 0; i < intake->count && r == FARMIQ_OK; i++)
        if (intake->deliveries[i].is_new)
            r = buckets_add(&buckets, intake->call, telemetry_sizes,
                            &intake->deliveries[i].reading);
    return r < 0 ? r
                 : groups_store(intake->call, &buckets, &sql_bucket_add, BUCKET_COLUMNS,
                                put_bucket);
}

static int gather_latest(struct intake *intake)
{
    int r = groups_open(&intake->latest, intake->call, intake->new_count,
                        sizeof(struct latest));

    for (uint32_t i = 0; i < intake->count && r == FARMIQ_OK; i++)
        if (intake->deliveries[i].is_new)
            r = latest_add(&intake->latest, intake->call, &intake->deliveries[i].reading);
    return r;
}

#define SEEN_COLUMNS 5

static void put_seen(struct farmiq_sql_value *to, const struct group *group,
                     int64_t now_unix_ms)
{
    const struct reading *reading = ((const struct latest *)group)->reading;

    (void)now_unix_ms;
    to[0] = farmiq_sql_text(reading->tenant_id);
    to[1] = farmiq_sql_text(reading->device_id);
    to[2] = farmiq_sql_text(reading->metric);
    to[3] = farmiq_sql_real(reading->value);
    to[4] = farmiq_sql_integer(reading->occurred_at_unix_ms);
}

#define LATEST_COLUMNS 8

static void put_latest(struct farmiq_sql_value *to, const struct group *group,
                       int64_t now_unix_ms)
{
    const struct reading *reading = ((const struct latest *)group)->reading;

    put_seen(to, group, now_unix_ms);
    to[5] = farmiq_sql_text_or_null(reading->unit);
    to[6] = farmiq_sql_text(reading->farm_id);
    to[7] = farmiq_sql_text(reading->barn_id);
}

static int store_latest(struct intake *intake)
{
    return groups_store(intake->call, &intake->latest, &sql_latest_put, LATEST_COLUMNS,
                        put_latest);
}

static int store_seen(struct intake *intake)
{
    return groups_store(intake->call, &intake->latest, &sql_device_seen, SEEN_COLUMNS,
                        put_seen);
}

int telemetry_keep(struct intake *intake)
{
    static int (*const steps[])(struct intake *) = {
        store_raw, store_buckets, gather_latest, store_latest, store_seen,
    };
    int r = FARMIQ_OK;

    for (size_t i = 0; i < sizeof steps / sizeof *steps && r == FARMIQ_OK; i++)
        r = steps[i](intake);
    return r;
}
