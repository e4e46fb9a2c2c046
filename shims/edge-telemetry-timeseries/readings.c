/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/telemetry/readings: the question and the answer (spec edge 4.2). */
#include "intake.h"

#include "common/members.h"
#include "common/text.h"

/* The shape is the request's fault, as in spec edge 4.2; only a time that is no time
 * is the element's own. NULL: nothing is wrong. */
static const char *find_fault(const struct element *element,
                              const struct farmiq_json_member payload[3])
{
    const struct farmiq_event *event = element->event;

    if (event->refusal && !element->skipped)
        return event->refusal_text;
    if (!event->tenant_id.len || !event->device_id.len)
        return "an event lacks tenant_id or device_id";
    if (payload[0].type != FARMIQ_JSON_NUMBER)
        return "payload.value must be a number";
    if (payload[1].text.len > FARMIQ_ID_MAX_BYTES ||
        payload[2].text.len > FARMIQ_ID_MAX_BYTES)
        return "payload.metric or payload.unit is longer than 128 bytes";
    return NULL;
}

static void take_reading(struct element *element,
                         const struct farmiq_json_member payload[3])
{
    const struct farmiq_event *event = element->event;
    struct reading *reading = &element->reading;

    reading->tenant_id = event->tenant_id;
    reading->farm_id = event->farm_id;
    reading->barn_id = event->barn_id;
    reading->device_id = event->device_id;
    reading->occurred_at_unix_ms = event->occurred_at_unix_ms;
    reading->value = payload[0].number;
    reading->metric = shim_str("unknown");
    if (payload[1].type == FARMIQ_JSON_STRING && payload[1].text.len)
        reading->metric = payload[1].text;
    if (payload[2].type == FARMIQ_JSON_STRING)
        reading->unit = payload[2].text;
}

static void chain(struct intake *intake, struct element *element)
{
    element->index = intake->count++;
    if (intake->last)
        intake->last->next = element;
    else
        intake->first = element;
    intake->last = element;
}

static int read_element(struct intake *intake, struct farmiq_event *event)
{
    struct farmiq_json_member payload[] = { { .name = "value" },
                                            { .name = "metric" },
                                            { .name = "unit" } };
    struct element *element = shim_memory(intake->call, sizeof *element);
    int r = FARMIQ_OK;

    if (!element)
        return FARMIQ_E_NOMEM;
    element->event = event;
    if (event->refusal && text_is(shim_str(event->refusal), "INVALID_TIME"))
        element->skipped = event->refusal;
    if (event->payload.len)
        r = scratch_members(&intake->scratch, intake->call, event->payload, payload, 3);
    if (r < 0)
        return r;
    intake->fault = find_fault(element, payload);
    if (intake->fault)
        return FARMIQ_E_SCHEMA;
    take_reading(element, payload);
    if (!reading_can_be_kept(element->reading.value))
        element->skipped = "INVALID_VALUE";
    chain(intake, element);
    intake->skipped_count += element->skipped != NULL;
    return FARMIQ_OK;
}

static int read_events(struct intake *intake)
{
    struct farmiq_event *next;
    struct farmiq_batch batch;
    int r = scratch_batch(intake->call, farmiq_events_parse, &batch, NULL);

    intake->fault = "the body must be an object with an array of at most 1000 events";
    for (struct farmiq_event *event = r < 0 ? NULL : batch.first; event && r == FARMIQ_OK;
         event = next) {
        next = event->next;
        event->next = NULL; /* its outbox row is one event */
        r = read_element(intake, event);
    }
    return r;
}

static void write_skipped(struct farmiq_json_writer *json, const struct element *first)
{
    farmiq_json_key(json, "results");
    farmiq_json_open(json, '[');
    for (const struct element *e = first; e; e = e->next)
        if (e->skipped)
            member_skipped(json, e->index, e->event->event_id, e->skipped);
    farmiq_json_close(json, ']');
}

static int reply(const struct intake *intake)
{
    struct farmiq_json_writer *json =
        shim_json(intake->call, 256 + (size_t)intake->skipped_count * 1024);

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "ingested_count");
    farmiq_json_int(json, intake->count - intake->skipped_count);
    if (intake->skipped_count)
        write_skipped(json, intake->first);
    farmiq_json_close(json, '}');
    return shim_reply(intake->call, 200);
}

static void count_readings(const struct intake *intake)
{
    uint32_t taken = intake->count - intake->skipped_count;

    shim_count("farmiq_telemetry_readings_total", "stored", intake->new_count);
    shim_count("farmiq_telemetry_readings_total", "duplicate", taken - intake->new_count);
    shim_count("farmiq_telemetry_readings_total", "skipped", intake->skipped_count);
}

int timeseries_post_readings(struct shim_call *call)
{
    struct intake intake = { .call = call };
    int r = read_events(&intake);

    if (r == FARMIQ_E_RANGE)
        return shim_reply_error(call, 413, "PAYLOAD_TOO_LARGE",
                                "at most 1000 events, and an event 32 levels");
    if (r == FARMIQ_E_SYNTAX || r == FARMIQ_E_SCHEMA)
        return shim_reply_error(call, 400, "VALIDATION_ERROR", "%s",
                                intake.fault ? intake.fault
                                             : "an event is not valid JSON");
    if (r == FARMIQ_OK)
        r = timeseries_keep(&intake);
    if (r < 0)
        return r;
    count_readings(&intake);
    return reply(&intake);
}
