/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from the bus: rows, buckets and latest values in one transaction; what was
 * there before counts nowhere (spec cloud 2.5, 3.1). */
#include "intake.h"

#include "common/consume.h"
#include "common/text.h"
#include "queries.h"

/* The first of two spellings that is there. */
static const struct farmiq_json_member *either(const struct farmiq_json_member *a,
                                               const struct farmiq_json_member *b)
{
    return a->type != FARMIQ_JSON_ABSENT ? a : b;
}

static void fill_place(struct reading *reading, const struct farmiq_event *event)
{
    reading->tenant_id = event->tenant_id;
    reading->farm_id = event->farm_id;
    reading->barn_id = event->barn_id;
    reading->device_id = event->device_id.len ? event->device_id : event->station_id;
    reading->occurred_at_unix_ms = event->occurred_at_unix_ms;
}

static int is_name(const struct farmiq_json_member *member)
{
    return member->type == FARMIQ_JSON_STRING && member->text.len > 0 &&
           member->text.len <= FARMIQ_ID_MAX_BYTES;
}

/* telemetry.ingested says metric_type and metric_value, telemetry.reading metric and
 * value (spec cloud 1.3). Sets the message's verdict; negative only when memory is out.
 */
static int read_reading(struct intake *intake, struct shim_message *message)
{
    struct delivery *delivery = &intake->deliveries[intake->count];
    struct farmiq_json_member members[] = {
        { .name = "metric_type" }, { .name = "metric" }, { .name = "metric_value" },
        { .name = "value" },       { .name = "unit" },   { .name = "batch_id" },
    };
    const struct farmiq_json_member *metric, *value;
    const struct farmiq_event *event = message->event;
    int r = scratch_members(&intake->scratch, intake->call, event->payload, members, 6);

    if (r == FARMIQ_E_NOMEM)
        return r;
    metric = either(&members[0], &members[1]);
    value = either(&members[2], &members[3]);
    *delivery = (struct delivery){ .message = message }; /* one before was refused */
    fill_place(&delivery->reading, event);
    if (r < 0 || !event->event_id.len || !delivery->reading.device_id.len)
        consume_refuse(message, "INVALID_EVENT");
    else if (!is_name(metric))
        consume_refuse(message, "INVALID_METRIC");
    else if (value->type != FARMIQ_JSON_NUMBER || !reading_can_be_kept(value->number))
        consume_refuse(message, "INVALID_VALUE");
    delivery->reading.metric = metric->text;
    delivery->reading.value = value->number;
    if (is_name(&members[4]))
        delivery->reading.unit = members[4].text;
    delivery->batch_id = event->batch_id;
    if (!delivery->batch_id.len && is_name(&members[5]))
        delivery->batch_id = members[5].text;
    intake->count += message->verdict == FARMIQ_OK;
    return FARMIQ_OK;
}

/* What an edge computed itself is kept beside our own buckets, never mixed with them:
 * the readings come as well, and would be counted twice. */
static int keep_edge_aggregate(struct intake *intake, struct shim_message *message)
{
    struct farmiq_json_member m[] = {
        { .name = "metric_type" }, { .name = "aggregation_window" },
        { .name = "avg_value" },   { .name = "min_value" },
        { .name = "max_value" },   { .name = "count" },
    };
    const struct farmiq_event *event = message->event;
    int r = scratch_members(&intake->scratch, intake->call, event->payload, m, 6);
    int is_sound = r == FARMIQ_OK && is_name(&m[0]) && is_name(&m[1]);

    if (r == FARMIQ_E_NOMEM)
        return r;
    for (int i = 2; i < 6; i++)
        is_sound = is_sound && m[i].type == FARMIQ_JSON_NUMBER;
    if (!is_sound) {
        consume_refuse(message, "INVALID_AGGREGATE");
        return FARMIQ_OK;
    }
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(event->tenant_id),
        farmiq_sql_text(event->device_id),
        farmiq_sql_text(m[0].text),
        farmiq_sql_text(m[1].text),
        farmiq_sql_integer(event->occurred_at_unix_ms),
        farmiq_sql_real(m[2].number),
        farmiq_sql_real(m[3].number),
        farmiq_sql_real(m[4].number),
        farmiq_sql_integer((int64_t)m[5].number),
        farmiq_sql_integer(intake->call->now_unix_ms),
    };
    return farmiq_sql_run(intake->call->store, &sql_edge_aggregate_put, NULL, params, 10,
                          NULL, NULL);
}

static int read_message(void *ctx, struct shim_message *message)
{
    return text_is(message->event->event_type, "telemetry.aggregated")
               ? keep_edge_aggregate(ctx, message)
               : read_reading(ctx, message);
}

/* How old the newest reading of the batch is: the freshness of what the page shows. */
static void gauge_lag(const struct intake *intake)
{
    int64_t newest_unix_ms = 0;

    for (const struct group *group = intake->latest.first; group; group = group->next) {
        const struct reading *reading = ((const struct latest *)group)->reading;

        if (reading->occurred_at_unix_ms > newest_unix_ms)
            newest_unix_ms = reading->occurred_at_unix_ms;
    }
    if (newest_unix_ms)
        shim_gauge("farmiq_telemetry_lag_seconds", NULL,
                   (double)(intake->call->now_unix_ms - newest_unix_ms) / 1000);
}

int telemetry_consume(struct shim_call *call)
{
    struct intake intake = { .call = call,
                             .deliveries = consume_room(call, sizeof(struct delivery)) };
    int r =
        intake.deliveries ? consume_each(call, read_message, &intake) : FARMIQ_E_NOMEM;

    if (r == FARMIQ_OK)
        r = telemetry_keep(&intake);
    if (r < 0)
        return r;
    shim_count("farmiq_telemetry_rows_total", "stored", intake.new_count);
    shim_count("farmiq_telemetry_rows_total", "duplicate",
               intake.count - intake.new_count);
    gauge_lag(&intake);
    return telemetry_stream(call, &intake.latest);
}
