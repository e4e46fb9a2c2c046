/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/edge/batch (spec cloud 1.7). What can be judged without a store is judged
 * before the transaction; then marks and intents to publish commit together, and only
 * then is there a 200. */
#include "ingestion.h"

#include "common/scratch.h"
#include "common/text.h"
#include "queries.h"

static int refuse(struct intake *intake, int status, const char *code, const char *why)
{
    shim_reply_error(intake->call, status, code, "%s", why);
    return REPLIED;
}

/* ## Before the transaction */

static int admit_edge(struct intake *intake)
{
    return ingestion_identify(intake->call, &intake->credential);
}

static int read_batch(struct intake *intake)
{
    struct farmiq_str tenant_id = shim_header(intake->call, "x-tenant-id");
    struct farmiq_error error;
    int r;

    farmiq_error_init(&error, sizeof error);
    r = scratch_batch(intake->call, farmiq_batch_parse, &intake->batch, &error);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r == FARMIQ_E_RANGE || r == FARMIQ_E_NOSPACE)
        return refuse(intake, 413, "PAYLOAD_TOO_LARGE",
                      "a batch holds at most 1000 events and 10 MiB, and an event 32 "
                      "levels");
    if (r < 0) {
        shim_reply_error(intake->call, 400, "VALIDATION_ERROR", "%s %s",
                         *error.field ? error.field : "the body", error.detail);
        return REPLIED;
    }
    if (tenant_id.len && !text_equal(tenant_id, intake->batch.tenant_id))
        return refuse(intake, 400, "VALIDATION_ERROR",
                      "x-tenant-id differs from the body's tenant_id");
    return FARMIQ_OK;
}

static void refuse_event(struct farmiq_event *event, const char *code, const char *text)
{
    event->refusal = code;
    event->refusal_text = text;
}

static void judge_event(struct intake *intake, struct farmiq_event *event, int is_strict)
{
    struct shim_call *call = intake->call;
    struct farmiq_str tenant_id = intake->batch.tenant_id;
    const char *fault = is_strict ? ingestion_strict_fault(event) : NULL;

    if (!ingestion_speaks_for(&intake->credential, tenant_id))
        refuse_event(event, "TENANT_MISMATCH", "the credential is not for this tenant");
    else if (fault)
        refuse_event(event, "MISSING_FIELD", fault);
    if (!event->trace_id.len)
        event->trace_id = call->trace_id;
    (void)!farmiq_event_check(event, tenant_id.ptr, tenant_id.len, call->now_unix_ms);
}

static int judge_events(struct intake *intake)
{
    uint32_t count = intake->batch.event_count, i = 0;
    int is_strict = shim_number(intake->call, "STRICT_ENVELOPE") != 0;

    intake->events = shim_memory(intake->call, (count + 1) * sizeof *intake->events);
    intake->sightings =
        shim_memory(intake->call, (count + 1) * sizeof *intake->sightings);
    if (!intake->events || !intake->sightings)
        return FARMIQ_E_NOMEM;
    for (struct farmiq_event *event = intake->batch.first; event && i < count;
         event = event->next) {
        intake->events[i++] = event;
        judge_event(intake, event, is_strict);
    }
    return i == count ? FARMIQ_OK : FARMIQ_E_STATE;
}

static int take_steps(struct intake *intake, int (*const *steps)(struct intake *))
{
    int r = FARMIQ_OK;

    for (; *steps && r == FARMIQ_OK; steps++)
        r = (*steps)(intake);
    return r;
}

int ingestion_admit_batch(struct shim_call *call)
{
    static int (*const steps[])(struct intake *) = { admit_edge, read_batch, judge_events,
                                                     NULL };
    struct intake *intake = shim_memory(call, sizeof *intake);
    int r;

    if (!intake)
        return FARMIQ_E_NOMEM;
    intake->call = call;
    r = take_steps(intake, steps);
    if (r == FARMIQ_OK)
        call->finding = intake;
    return r < 0 ? r : FARMIQ_OK;
}

/* ## In the transaction */

static int admit_once(struct intake *intake)
{
    return ingestion_admit_once(intake->call, &intake->credential);
}

/* Who has shown who it is, goes by that name; else the one in the body. */
static struct farmiq_str sender(const struct intake *intake)
{
    return intake->credential.edge_id.len ? intake->credential.edge_id
                                          : intake->batch.edge_id;
}

static struct farmiq_sighting *chain_sightings(struct intake *intake)
{
    struct farmiq_sighting *first = NULL, **end = &first;
    struct farmiq_str source = sender(intake);

    for (uint32_t i = 0; i < intake->batch.event_count; i++) {
        const struct farmiq_event *event = intake->events[i];
        struct farmiq_sighting *sighting = &intake->sightings[i];

        farmiq_sighting_init(sighting, sizeof *sighting);
        if (event->refusal)
            continue;
        sighting->tenant_id = event->tenant_id;
        sighting->event_id = event->event_id;
        sighting->source = source;
        sighting->content_hash =
            text_fingerprint(event->event_type, event->device_id,
                             event->occurred_at_unix_ms, event->payload);
        *end = sighting;
        end = &sighting->next;
    }
    return ingestion_sort(first);
}

static int mark_events(struct intake *intake)
{
    struct shim_call *call = intake->call;
    struct farmiq_sighting *first = chain_sightings(intake);

    if (!first)
        return FARMIQ_OK;
    return farmiq_store_dedupe(call->store, "cloud", first, call->now_unix_ms,
                               call->now_unix_ms +
                                   shim_number(call, "DEDUPE_RETENTION_MS"));
}

/* The same id with other content is neither new nor a repeat: the sender must hear of
 * it. */
struct refusal ingestion_refusal(const struct intake *intake, uint32_t index)
{
    const struct farmiq_event *event = intake->events[index];

    if (event->refusal)
        return (struct refusal){ event->refusal, event->refusal_text };
    if (intake->sightings[index].verdict == FARMIQ_CONFLICT)
        return (struct refusal){ "CONFLICT", "the event_id is taken by another event" };
    return (struct refusal){ NULL, NULL };
}

/* Exactly the new ones go on the bus. */
static int publish_new(struct intake *intake)
{
    struct farmiq_event *first = NULL, **end = &first;

    for (uint32_t i = 0; i < intake->batch.event_count; i++) {
        struct farmiq_event *event = intake->events[i];
        const char *refusal = ingestion_refusal(intake, i).code;

        event->next = NULL;
        if (refusal) {
            intake->rejected++;
            shim_count("farmiq_ingest_rejected_total", refusal, 1);
        } else if (intake->sightings[i].verdict == FARMIQ_DUPLICATE) {
            intake->duplicated++;
        } else {
            intake->accepted++;
            *end = event;
            end = &event->next;
        }
    }
    shim_count("farmiq_ingest_events_total", "accepted", intake->accepted);
    shim_count("farmiq_ingest_events_total", "duplicated", intake->duplicated);
    shim_count("farmiq_ingest_events_total", "rejected", intake->rejected);
    return first ? shim_publish(intake->call, first, sender(intake)) : FARMIQ_OK;
}

static int64_t header_number(const struct shim_call *call, const char *name)
{
    int64_t number = 0;

    return text_number(shim_header(call, name), &number) == FARMIQ_OK ? number : 0;
}

/* How the edge is doing, for the overview. Only what its credential may speak for. */
static int note_edge(struct intake *intake)
{
    struct shim_call *call = intake->call;
    struct farmiq_str edge_id = sender(intake);

    if (!edge_id.len)
        edge_id = shim_str("unknown");
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(edge_id),
        farmiq_sql_text(intake->batch.tenant_id),
        farmiq_sql_integer(header_number(call, "x-farmiq-backlog")),
        farmiq_sql_integer(header_number(call, "x-farmiq-oldest-pending-age-seconds")),
        farmiq_sql_integer(call->now_unix_ms),
        farmiq_sql_integer(intake->accepted),
        farmiq_sql_integer(intake->duplicated),
        farmiq_sql_integer(intake->rejected),
    };

    if (!ingestion_speaks_for(&intake->credential, intake->batch.tenant_id))
        return FARMIQ_OK;
    return farmiq_sql_run(call->store, &sql_edge_seen, NULL, params, 8, NULL, NULL);
}

int ingestion_post_batch(struct shim_call *call)
{
    static int (*const steps[])(struct intake *) = { admit_once,      mark_events,
                                                     publish_new,     note_edge,
                                                     ingestion_reply, NULL };
    struct intake intake = *(const struct intake *)call->finding; /* counts from 0 */
    int r = take_steps(&intake, steps);

    return r < 0 ? r : FARMIQ_OK;
}
