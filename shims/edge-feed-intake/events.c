/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway hands over: feedings that devices report, and the weight of silos.
 * What can never be kept is named, its neighbours go through (13-A11). */
#include "common/members.h"
#include "feedings.h"

/* One element; `feeding` or `level` by which it is. */
struct element {
    const struct farmiq_event *event;
    const char *refusal;
};

struct intake {
    struct shim_call *call;
    struct scratch scratch;
    struct farmiq_batch batch;
    struct element *elements;
    uint32_t count, skipped_count;
};

static int refuse_request(struct shim_call *call)
{
    shim_reply_error(call, 400, "VALIDATION_ERROR",
                     "the body must be an object with an array of at most 1000 events");
    return 1;
}

/* 0, 1 when refused, or FARMIQ_E_NOMEM. */
static int open_intake(struct intake *intake)
{
    int r = scratch_batch(intake->call, farmiq_events_parse, &intake->batch, NULL);

    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r < 0)
        return refuse_request(intake->call);
    for (const struct farmiq_event *event = intake->batch.first; event;
         event = event->next)
        intake->count++;
    intake->elements =
        shim_memory(intake->call, (intake->count + 1) * sizeof *intake->elements);
    if (!intake->elements)
        return FARMIQ_E_NOMEM;
    intake->count = 0;
    for (const struct farmiq_event *event = intake->batch.first; event;
         event = event->next)
        intake->elements[intake->count++] = (struct element){ event, event->refusal };
    return FARMIQ_OK;
}

static int reply(struct intake *intake)
{
    struct farmiq_json_writer *json;
    uint32_t i;

    for (i = 0; i < intake->count; i++)
        intake->skipped_count += intake->elements[i].refusal != NULL;
    json = shim_json(intake->call, 256 + (size_t)intake->skipped_count * 1024);
    farmiq_json_open(json, '{');
    member_int(json, "ingested_count", intake->count - intake->skipped_count);
    if (intake->skipped_count) {
        farmiq_json_key(json, "results");
        farmiq_json_open(json, '[');
        for (i = 0; i < intake->count; i++)
            if (intake->elements[i].refusal)
                member_skipped(json, i, intake->elements[i].event->event_id,
                               intake->elements[i].refusal);
        farmiq_json_close(json, ']');
    }
    farmiq_json_close(json, '}');
    return shim_reply(intake->call, 200);
}

/* ## Feedings */

static void take_identity(struct feeding *feeding, const struct farmiq_event *event)
{
    feeding->tenant_id = event->tenant_id;
    feeding->event_id = event->event_id;
    feeding->trace_id = event->trace_id;
    feeding->farm_id = event->farm_id;
    feeding->barn_id = event->barn_id;
    feeding->batch_id = event->batch_id;
    feeding->device_id = event->device_id;
    feeding->occurred_at_unix_ms = event->occurred_at_unix_ms;
    feeding->source = shim_str("MQTT_DISPENSED");
}

static int read_feeding(struct intake *intake, struct element *element,
                        struct feeding *feeding)
{
    const char *fault;
    int r;

    take_identity(feeding, element->event);
    feeding->refusal = element->refusal;
    if (feeding->refusal)
        return FARMIQ_OK;
    r = feed_read(feeding, &intake->scratch, intake->call, element->event->payload,
                  &fault);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r != FARMIQ_OK || feed_fault(feeding))
        feeding->refusal = element->refusal = "INVALID_PAYLOAD";
    return FARMIQ_OK;
}

int feed_post_records(struct shim_call *call)
{
    struct intake intake = { .call = call };
    int r = open_intake(&intake);
    struct feeding *feedings;

    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    feedings = shim_memory(call, (intake.count + 1) * sizeof *feedings);
    if (!feedings)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < intake.count && r == FARMIQ_OK; i++) {
        r = read_feeding(&intake, &intake.elements[i], &feedings[i]);
        if (i)
            feedings[i - 1].next = &feedings[i];
    }
    if (r == FARMIQ_OK && intake.count)
        r = feedings_keep(call, feedings);
    return r < 0 ? r : reply(&intake);
}

/* ## Levels */

/* A level below nothing is a scale that lies: passed over, as its reading is kept. */
static int read_level(struct intake *intake, struct element *element, struct level *level,
                      int *is_level)
{
    const struct farmiq_event *event = element->event;
    struct farmiq_json_member value = { .name = "value" };
    int r;

    *is_level = 0;
    if (element->refusal)
        return FARMIQ_OK;
    r = scratch_members(&intake->scratch, intake->call, event->payload, &value, 1);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r != FARMIQ_OK || value.type != FARMIQ_JSON_NUMBER) {
        element->refusal = "INVALID_PAYLOAD";
        return FARMIQ_OK;
    }
    *is_level = value.number >= 0 && value.number <= FEED_MOST_KG &&
                event->device_id.len > 0 && event->farm_id.len && event->barn_id.len;
    shim_count("farmiq_feed_levels_total", "impossible", !*is_level);
    *level = (struct level){ NULL,           event->tenant_id,          event->farm_id,
                             event->barn_id, event->device_id,          event->trace_id,
                             value.number,   event->occurred_at_unix_ms };
    return FARMIQ_OK;
}

int feed_post_levels(struct shim_call *call)
{
    struct intake intake = { .call = call };
    struct level *first = NULL, *levels;
    int r = open_intake(&intake);

    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    levels = shim_memory(call, (intake.count + 1) * sizeof *levels);
    if (!levels)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < intake.count && r == FARMIQ_OK; i++) {
        int is_level;

        r = read_level(&intake, &intake.elements[i], &levels[i], &is_level);
        if (r == FARMIQ_OK && is_level) {
            levels[i].next = first;
            first = &levels[i];
        }
    }
    if (r == FARMIQ_OK)
        r = levels_keep(call, first);
    return r < 0 ? r : reply(&intake);
}
