/* SPDX-License-Identifier: Apache-2.0 */
/* The reading, its buckets and its outbox row, in one transaction (spec edge 6.1, 13-A3).
 */
#include "intake.h"

#include "queries.h"

static int note_last_id(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                        uint32_t count)
{
    struct intake *intake = ctx;

    (void)row;
    (void)count;
    intake->last_raw_id = columns[0].integer;
    return 0;
}

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct intake *intake = ctx;

    intake->by_row[row]->raw_id =
        count ? columns[0].integer : intake->last_raw_id + 1 + row;
    intake->new_count++;
    return 0;
}

/* A device's id that is no UUID becomes one, and stays in the payload as source_event_id
 * (13-A5). The row gets the same id, so that row and event find each other. */
static int name_events(struct intake *intake)
{
    int r = FARMIQ_OK;

    for (struct element *e = intake->first; e && r >= 0; e = e->next) {
        const struct farmiq_event *event = e->event;
        char *id = shim_memory(intake->call, FARMIQ_UUID_STRLEN + 1);

        if (!id)
            return FARMIQ_E_NOMEM;
        if (e->skipped)
            continue;
        r = farmiq_event_id_normalize(event->tenant_id.ptr, event->tenant_id.len,
                                      event->event_id.ptr, event->event_id.len, id);
        e->event_id = (struct farmiq_str){ id, FARMIQ_UUID_STRLEN };
    }
    return r < 0 ? r : FARMIQ_OK;
}

#define RAW_COLUMNS 11

static void put_raw(struct farmiq_sql_value *to, const struct element *element,
                    int64_t id, int64_t now_unix_ms)
{
    const struct reading *reading = &element->reading;

    to[0] = farmiq_sql_text(reading->tenant_id);
    to[1] = farmiq_sql_text_or_null(reading->farm_id);
    to[2] = farmiq_sql_text_or_null(reading->barn_id);
    to[3] = farmiq_sql_text(reading->device_id);
    to[4] = farmiq_sql_text(reading->metric);
    to[5] = farmiq_sql_real(reading->value);
    to[6] = farmiq_sql_text_or_null(reading->unit);
    to[7] = farmiq_sql_integer(reading->occurred_at_unix_ms);
    to[8] = farmiq_sql_integer(now_unix_ms);
    to[9] = farmiq_sql_text(element->event_id);
    to[10] = farmiq_sql_integer(id);
}

/* What was there already gets no id: a repeated POST changes nothing. */
static int store_raw(struct intake *intake)
{
    struct shim_call *call = intake->call;
    struct farmiq_sql_value *params =
        shim_memory(call, (size_t)(intake->count + 1) * RAW_COLUMNS * sizeof *params);
    uint32_t rows = 0;
    int r;

    intake->by_row = shim_memory(call, (intake->count + 1) * sizeof(void *));
    if (!params || !intake->by_row)
        return FARMIQ_E_NOMEM;
    r = farmiq_sql_run(call->store, &sql_raw_last, NULL, NULL, 0, note_last_id, intake);
    if (r < 0)
        return r;
    for (struct element *e = intake->first; e; e = e->next)
        if (!e->skipped) {
            put_raw(params + (size_t)rows * RAW_COLUMNS, e,
                    intake->last_raw_id + 1 + rows, call->now_unix_ms);
            intake->by_row[rows++] = e;
        }
    return rows ? farmiq_sql_run_many(call->store, &sql_raw_add, NULL, params,
                                      RAW_COLUMNS, rows, note_new, intake)
                : FARMIQ_OK;
}

/* Besides, where it ends and its unit. */
#define BUCKET_COLUMNS (BUCKET_KEY_COLUMNS + 2 + BUCKET_SUM_COLUMNS)

static void put_bucket(struct farmiq_sql_value *to, const struct group *group,
                       int64_t now_unix_ms)
{
    const struct bucket *bucket = (const struct bucket *)group;

    bucket_put_key(to, bucket);
    to += BUCKET_KEY_COLUMNS;
    to[0] = farmiq_sql_integer(bucket->start_unix_ms + bucket->size->ms);
    to[1] = farmiq_sql_text_or_null(bucket->first->unit);
    bucket_put_sums(to + 2, bucket, now_unix_ms);
}

static int store_buckets(struct intake *intake)
{
    struct groups buckets;
    int r =
        groups_open(&buckets, intake->call, intake->new_count * 3, sizeof(struct bucket));

    for (struct element *e = intake->first; e && r == FARMIQ_OK; e = e->next)
        if (e->raw_id)
            r = buckets_add(&buckets, intake->call, timeseries_windows, &e->reading);
    return r < 0 ? r
                 : groups_store(intake->call, &buckets, &sql_bucket_add, BUCKET_COLUMNS,
                                put_bucket);
}

static void write_payload(struct farmiq_json_writer *json, const void *ctx)
{
    const struct element *element = ctx;
    const struct reading *reading = &element->reading;

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "telemetry_raw_id");
    farmiq_json_int(json, element->raw_id);
    farmiq_json_key(json, "tenant_id");
    farmiq_json_str(json, reading->tenant_id);
    farmiq_json_key(json, "device_id");
    farmiq_json_str(json, reading->device_id);
    farmiq_json_key(json, "metric_type");
    farmiq_json_str(json, reading->metric);
    farmiq_json_key(json, "metric_value");
    farmiq_json_double(json, reading->value);
    farmiq_json_key(json, "unit");
    if (reading->unit.len)
        farmiq_json_str(json, reading->unit);
    else
        farmiq_json_null(json);
    farmiq_json_key(json, "occurred_at");
    farmiq_json_time(json, reading->occurred_at_unix_ms);
    farmiq_json_key(json, "source_event_id");
    farmiq_json_str(json, element->event->event_id);
    farmiq_json_close(json, '}');
}

/* The event as it travels. */
static int make_outgoing(struct shim_call *call, struct element *element)
{
    struct farmiq_event *event = element->event;
    int r = scratch_build(call, 512, write_payload, element, &event->payload);

    if (r < 0)
        return r;
    event->event_id = element->event_id;
    event->event_type = shim_str("telemetry.ingested");
    event->schema_version = shim_str("1.0");
    if (!event->trace_id.len)
        event->trace_id = event->event_id;
    return FARMIQ_OK;
}

static int append_outbox(struct intake *intake)
{
    struct shim_call *call = intake->call;
    struct farmiq_outbox_row *first = NULL, **end = &first;
    int r = FARMIQ_OK;

    for (struct element *e = intake->first; e && r == FARMIQ_OK; e = e->next) {
        struct farmiq_outbox_row *row;

        if (!e->raw_id)
            continue;
        row = shim_memory(call, sizeof *row);
        r = row ? make_outgoing(call, e) : FARMIQ_E_NOMEM;
        if (r < 0)
            return r;
        farmiq_outbox_row_init(row, sizeof *row);
        row->event = e->event;
        *end = row;
        end = &row->next;
    }
    if (!first)
        return r;
    shim_wake(call, "sync_once");
    return farmiq_store_outbox_append(call->store, "sync", first, call->now_unix_ms);
}

int timeseries_keep(struct intake *intake)
{
    static int (*const steps[])(struct intake *) = { name_events, store_raw,
                                                     store_buckets, append_outbox };
    int r = FARMIQ_OK;

    for (size_t i = 0; i < sizeof steps / sizeof *steps && r == FARMIQ_OK; i++)
        r = steps[i](intake);
    return r;
}
