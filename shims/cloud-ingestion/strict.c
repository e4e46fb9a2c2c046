/* SPDX-License-Identifier: Apache-2.0 */
/* STRICT_ENVELOPE: the reference's rules, in its order and words (spec cloud 1.4). */
#include "ingestion.h"

#include <string.h>

static int lacks(struct farmiq_str text) { return text.len == 0; }

static int lacks_event_id(const struct farmiq_event *e) { return lacks(e->event_id); }
static int lacks_type(const struct farmiq_event *e) { return lacks(e->event_type); }
static int lacks_tenant(const struct farmiq_event *e) { return lacks(e->tenant_id); }
static int lacks_farm(const struct farmiq_event *e) { return lacks(e->farm_id); }
static int lacks_barn(const struct farmiq_event *e) { return lacks(e->barn_id); }
static int lacks_trace(const struct farmiq_event *e) { return lacks(e->trace_id); }
static int lacks_schema(const struct farmiq_event *e) { return lacks(e->schema_version); }

static int lacks_source(const struct farmiq_event *e)
{
    return lacks(e->device_id) && lacks(e->station_id);
}

static int was_refused_as(const struct farmiq_event *event, const char *code)
{
    return event->refusal && strcmp(event->refusal, code) == 0;
}

static int lacks_time(const struct farmiq_event *e)
{
    return was_refused_as(e, "INVALID_TIME");
}

static int lacks_payload(const struct farmiq_event *e)
{
    return lacks(e->payload) || was_refused_as(e, "INVALID_PAYLOAD");
}

static const struct {
    const char *text;
    int (*applies)(const struct farmiq_event *event);
} faults[] = {
    { "Missing event_id", lacks_event_id },
    { "Missing event_type", lacks_type },
    { "Missing tenant_id", lacks_tenant },
    { "Missing farm_id", lacks_farm },
    { "Missing barn_id", lacks_barn },
    { "Missing device_id or station_id", lacks_source },
    { "Missing occurred_at", lacks_time },
    { "Missing trace_id", lacks_trace },
    { "Missing schema_version", lacks_schema },
    { "Missing payload", lacks_payload },
};

const char *ingestion_strict_fault(const struct farmiq_event *event)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i].applies(event))
            return faults[i].text;
    return NULL;
}
