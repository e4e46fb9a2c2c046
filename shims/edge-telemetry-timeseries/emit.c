/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry.aggregated: a bucket that has closed is told to the cloud; one that late data
 * changed is told again, under another id (spec edge 6.1). Off by default: the cloud
 * computes its own from the readings. */
#include "timeseries.h"

#include "common/rows.h"
#include "common/scratch.h"
#include "common/text.h"
#include "queries.h"

#define ROWS_AT_ONCE 200
#define SETTLING_MS 60000 /* late messages of the last moment still belong to it */

/* The select list of closed_buckets; the payload has the same names. */
static const struct rows_column columns[] = {
    { "tenant_id", ROWS_TEXT },
    { "farm_id", ROWS_TEXT },
    { "barn_id", ROWS_TEXT },
    { "device_id", ROWS_TEXT },
    { "metric_type", ROWS_TEXT },
    { "aggregation_window", ROWS_TEXT },
    { "bucket_start_at", ROWS_TIME },
    { "bucket_end_at", ROWS_TIME },
    { "unit", ROWS_TEXT },
    { "count", ROWS_INTEGER },
    { "avg_value", ROWS_REAL },
    { "min_value", ROWS_REAL },
    { "max_value", ROWS_REAL },
    { 0 },
};

struct emission {
    struct shim_call *call;
    struct farmiq_outbox_row *first, **end;
    uint32_t count;
};

/* Device, metric, window, start and count name one telling of one bucket. */
static void write_name(struct farmiq_json_writer *json, const void *ctx)
{
    const struct farmiq_sql_value *values = ctx;

    farmiq_json_open(json, '[');
    for (int i = 1; i <= 9; i++)
        rows_value(json, columns[i].kind, &values[i]);
    farmiq_json_close(json, ']');
}

static void write_payload(struct farmiq_json_writer *json, const void *ctx)
{
    struct rows rows = { json, columns, 0 };

    rows_write(&rows, 0, ctx, sizeof columns / sizeof *columns - 1);
}

static int name_event(struct shim_call *call, const struct farmiq_sql_value *values,
                      struct farmiq_event *event)
{
    struct farmiq_str name;
    char *id = shim_memory(call, FARMIQ_UUID_STRLEN + 1);
    int r = id ? scratch_build(call, 1024, write_name, values, &name) : FARMIQ_E_NOMEM;

    if (r < 0)
        return r;
    event->event_id = (struct farmiq_str){ id, FARMIQ_UUID_STRLEN };
    r = farmiq_event_id_normalize(values[0].text.ptr, values[0].text.len, name.ptr,
                                  name.len, id);
    return r < 0 ? r : FARMIQ_OK;
}

static int add_event(void *ctx, uint32_t index, const struct farmiq_sql_value *values,
                     uint32_t count)
{
    struct emission *emission = ctx;
    struct shim_call *call = emission->call;
    struct farmiq_outbox_row *row = shim_memory(call, sizeof *row);
    struct farmiq_event *event = shim_memory(call, sizeof *event);
    int r;

    (void)index;
    (void)count;
    if (!row || !event)
        return FARMIQ_E_NOMEM;
    farmiq_outbox_row_init(row, sizeof *row);
    farmiq_event_init(event, sizeof *event);
    r = name_event(call, values, event);
    if (r == FARMIQ_OK)
        r = scratch_build(call, 1024, write_payload, values, &event->payload);
    event->event_type = shim_str("telemetry.aggregated");
    event->tenant_id = text_copy(call, values[0].text);
    event->farm_id = text_copy(call, values[1].text);
    event->barn_id = text_copy(call, values[2].text);
    event->device_id = text_copy(call, values[3].text);
    event->occurred_at_unix_ms = values[7].integer;
    event->trace_id = event->event_id;
    event->schema_version = shim_str("1.0");
    row->event = event;
    *emission->end = row;
    emission->end = &row->next;
    emission->count++;
    return r;
}

static int emit(struct shim_call *call, void *arg)
{
    struct emission emission = { call, NULL, &emission.first, 0 };
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(call->now_unix_ms - SETTLING_MS),
        farmiq_sql_integer(ROWS_AT_ONCE),
    };
    int r = farmiq_sql_run(call->store, &sql_closed_buckets, NULL, params, 2, add_event,
                           &emission);

    if (r == FARMIQ_OK && emission.first)
        r = farmiq_store_outbox_append(call->store, "sync", emission.first,
                                       call->now_unix_ms);
    if (r == FARMIQ_OK && emission.first)
        r = farmiq_sql_run(call->store, &sql_closed_buckets_told, NULL, params, 2, NULL,
                           NULL);
    *(uint32_t *)arg = emission.count;
    return r;
}

int timeseries_emit(struct shim_call *call)
{
    uint32_t count = 0;
    int r;

    if (!shim_number(call, "EMIT_AGGREGATES"))
        return FARMIQ_OK;
    r = shim_write(call, emit, &count);
    return r < 0 ? r : count == ROWS_AT_ONCE ? SHIM_AGAIN : FARMIQ_OK;
}
