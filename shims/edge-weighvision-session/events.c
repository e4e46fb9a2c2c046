/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/weighvision/events: facts of many sessions in one transaction, as the
 * gateway hands them over. What can never be kept is named, its neighbours go through
 * (13-A11). */
#include "weighing.h"

#include "common/members.h"

struct intake {
    struct shim_call *call;
    struct scratch scratch;
    struct weigh_fact *facts; /* in a row, and chained */
    uint32_t count, skipped_count;
};

static void take_identity(struct weigh_fact *fact, const struct farmiq_event *event)
{
    fact->kind = weigh_kind(event->event_type);
    fact->event_id = event->event_id;
    fact->trace_id = event->trace_id;
    fact->tenant_id = event->tenant_id;
    fact->session_id = event->session_id;
    fact->farm_id = event->farm_id;
    fact->barn_id = event->barn_id;
    fact->device_id = event->device_id;
    fact->station_id = event->station_id;
    fact->batch_id = event->batch_id;
    fact->occurred_at_unix_ms = event->occurred_at_unix_ms;
}

/* NULL: nothing is wrong. */
static const char *find_fault(const struct weigh_fact *fact,
                              const struct farmiq_event *event)
{
    if (event->refusal)
        return event->refusal;
    if (!fact->kind)
        return "UNKNOWN_EVENT_TYPE";
    return fact->tenant_id.len ? NULL : "MISSING_TENANT_ID";
}

static int read_event(struct intake *intake, const struct farmiq_event *event)
{
    struct weigh_fact *fact = &intake->facts[intake->count++];
    const char *fault;
    int r;

    take_identity(fact, event);
    fact->refusal = find_fault(fact, event);
    if (fact->refusal)
        return FARMIQ_OK;
    r = weigh_read(fact, &intake->scratch, intake->call, event->payload, &fault);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r != FARMIQ_OK)
        fact->refusal = "INVALID_PAYLOAD";
    else if (!fact->session_id.len)
        fact->refusal = "MISSING_SESSION_ID";
    return FARMIQ_OK;
}

static int read_events(struct intake *intake)
{
    struct farmiq_batch batch;
    uint32_t count = 0;
    int r = scratch_batch(intake->call, farmiq_events_parse, &batch, NULL);

    if (r < 0)
        return r;
    for (const struct farmiq_event *event = batch.first; event; event = event->next)
        count++;
    intake->facts = shim_memory(intake->call, (count + 1) * sizeof *intake->facts);
    if (!intake->facts)
        return FARMIQ_E_NOMEM;
    for (const struct farmiq_event *event = batch.first; event && r == FARMIQ_OK;
         event = event->next) {
        r = read_event(intake, event);
        if (event->next)
            intake->facts[intake->count - 1].next = &intake->facts[intake->count];
    }
    return r;
}

static void count_skipped(struct intake *intake)
{
    for (uint32_t i = 0; i < intake->count; i++)
        intake->skipped_count += intake->facts[i].refusal != NULL;
}

static int reply(const struct intake *intake)
{
    struct farmiq_json_writer *json =
        shim_json(intake->call, 256 + (size_t)intake->skipped_count * 1024);

    farmiq_json_open(json, '{');
    member_int(json, "ingested_count", intake->count - intake->skipped_count);
    if (intake->skipped_count) {
        farmiq_json_key(json, "results");
        farmiq_json_open(json, '[');
        for (uint32_t i = 0; i < intake->count; i++)
            if (intake->facts[i].refusal)
                member_skipped(json, i, intake->facts[i].event_id,
                               intake->facts[i].refusal);
        farmiq_json_close(json, ']');
    }
    farmiq_json_close(json, '}');
    return shim_reply(intake->call, 200);
}

int weighing_post_events(struct shim_call *call)
{
    struct intake intake = { .call = call };
    struct sessions sessions;
    int r = read_events(&intake);

    if (r == FARMIQ_E_SYNTAX || r == FARMIQ_E_SCHEMA || r == FARMIQ_E_RANGE)
        return shim_reply_error(call, 400, "VALIDATION_ERROR",
                                "the body must be an object with an array of at most "
                                "1000 events");
    if (r == FARMIQ_OK)
        r = weighing_keep(call, intake.count ? intake.facts : NULL, intake.count,
                          &sessions);
    if (r < 0)
        return r;
    count_skipped(&intake);
    return reply(&intake);
}
