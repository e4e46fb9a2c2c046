/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that can be judged from the message alone (spec edge 2.7). All of it comes
 * before the dedupe mark, so that a corrected resend with the same id still gets in
 * (13-A2). */
#include "gateway.h"

#include "common/buckets.h"
#include "common/feed.h"
#include "common/text.h"
#include "common/weigh.h"

int gateway_is_open(const struct arrival *arrival)
{
    return arrival->message->verdict == FARMIQ_OK && !arrival->is_duplicate;
}

void gateway_refuse(struct shim_call *call, struct arrival *arrival, const char *code,
                    const struct farmiq_error *error)
{
    struct farmiq_str topic =
        arrival->has_topic ? arrival->message->topic : shim_str("?");

    arrival->message->verdict = FARMIQ_E_REFUSED;
    arrival->message->reason = code;
    shim_count("farmiq_ingress_refused_total", code, 1);
    shim_log(call, SHIM_WARN, "ingress.refused", "%s topic=%.*s event_id=%.*s %s %s",
             code, (int)topic.len, topic.ptr, (int)arrival->envelope.event_id.len,
             arrival->envelope.event_id.ptr, error ? error->field : "",
             error ? error->detail : "");
}

static int read_topic(struct shim_call *call, struct batch *batch,
                      struct arrival *arrival, struct farmiq_error *error)
{
    struct farmiq_str text = arrival->message->topic;
    int r = farmiq_topic_parse(&arrival->topic, text.ptr, text.len, error);

    (void)call;
    (void)batch;
    arrival->has_topic = r == FARMIQ_OK;
    return r;
}

static int measure(struct shim_call *call, struct batch *batch, struct arrival *arrival,
                   struct farmiq_error *error)
{
    (void)call;
    (void)batch;
    (void)error;
    return arrival->message->body.len > FARMIQ_ENVELOPE_MAX_BYTES ? FARMIQ_E_RANGE
                                                                  : FARMIQ_OK;
}

static void keep_envelope(struct scratch *scratch, const struct farmiq_envelope *envelope)
{
    const struct farmiq_str texts[] = { envelope->event_id,   envelope->trace_id,
                                        envelope->event_type, envelope->tenant_id,
                                        envelope->device_id,  envelope->schema_version };

    scratch_keep_all(scratch, texts, sizeof texts / sizeof *texts);
}

static int read_envelope(struct shim_call *call, struct batch *batch,
                         struct arrival *arrival, struct farmiq_error *error)
{
    struct farmiq_str body = arrival->message->body;
    void *memory = scratch_take(&batch->scratch, call, body.len);
    int r;

    if (!memory)
        return FARMIQ_E_NOMEM;
    r = farmiq_envelope_parse(&arrival->envelope, NULL, body.ptr, body.len, memory,
                              batch->scratch.bytes, error);
    if (r < 0)
        return r;
    keep_envelope(&batch->scratch, &arrival->envelope);
    if (!arrival->envelope.trace_id.len) {
        arrival->envelope.trace_id = shim_uuid(call);
        shim_count("farmiq_ingress_trace_ids_made_total", NULL, 1);
    }
    return FARMIQ_OK;
}

static int compare_topic(struct shim_call *call, struct batch *batch,
                         struct arrival *arrival, struct farmiq_error *error)
{
    (void)call;
    (void)batch;
    return farmiq_envelope_check_topic(&arrival->envelope, &arrival->topic, error);
}

static int takes(const struct route *route, const struct arrival *arrival)
{
    struct farmiq_str types = shim_str(route->event_types);

    while (types.len)
        if (text_equal(text_next(&types, ' '), arrival->envelope.event_type))
            return 1;
    return !route->event_types;
}

static int find_route(struct shim_call *call, struct batch *batch,
                      struct arrival *arrival, struct farmiq_error *error)
{
    (void)call;
    (void)batch;
    (void)error;
    for (const struct route *route = gateway_routes; route->kind; route++)
        if (route->kind == arrival->topic.kind && takes(route, arrival)) {
            arrival->route = route;
            return route->target && !route->deliver ? FARMIQ_E_REFUSED : FARMIQ_OK;
        }
    return FARMIQ_E_REFUSED;
}

static int check_payload(struct shim_call *call, struct batch *batch,
                         struct arrival *arrival, struct farmiq_error *error)
{
    (void)error;
    return arrival->route->check ? arrival->route->check(call, batch, arrival)
                                 : FARMIQ_OK;
}

static const struct {
    const char *refusal;
    int (*run)(struct shim_call *call, struct batch *batch, struct arrival *arrival,
               struct farmiq_error *error);
} checks[] = {
    { "INVALID_TOPIC", read_topic },
    { "PAYLOAD_TOO_LARGE", measure },
    { "INVALID_ENVELOPE", read_envelope },
    { "TOPIC_MISMATCH", compare_topic },
    { "NO_ROUTE", find_route },
    { "INVALID_PAYLOAD", check_payload },
};

/* A device should learn that its event is refused even when only the id in it makes
 * sense: it would send it for ever otherwise. */
static void salvage_event_id(struct shim_call *call, struct batch *batch,
                             struct arrival *arrival)
{
    struct farmiq_json_member member = { .name = "event_id" };
    struct farmiq_str body = arrival->message->body;

    if (arrival->envelope.event_id.len || !arrival->has_topic ||
        body.len > FARMIQ_ENVELOPE_MAX_BYTES)
        return;
    if (scratch_members(&batch->scratch, call, body, &member, 1) == FARMIQ_OK &&
        member.type == FARMIQ_JSON_STRING && member.text.len <= FARMIQ_ID_MAX_BYTES)
        arrival->envelope.event_id = member.text;
}

/* Returns 0, or FARMIQ_E_NOMEM: everything else is the message's own fault. */
static int judge(struct shim_call *call, struct batch *batch, struct arrival *arrival)
{
    struct farmiq_error error;

    farmiq_error_init(&error, sizeof error);
    farmiq_topic_init(&arrival->topic, sizeof arrival->topic);
    farmiq_envelope_init(&arrival->envelope, sizeof arrival->envelope);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        int r = checks[i].run(call, batch, arrival, &error);

        if (r == FARMIQ_OK)
            continue;
        if (r == FARMIQ_E_NOMEM)
            return r;
        salvage_event_id(call, batch, arrival);
        gateway_refuse(call, arrival,
                       r == FARMIQ_E_TENANT ? "TENANT_MISMATCH" : checks[i].refusal,
                       &error);
        return FARMIQ_OK;
    }
    return FARMIQ_OK;
}

int gateway_judge(struct shim_call *call, struct batch *batch)
{
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < batch->count && r == FARMIQ_OK; i++)
        r = judge(call, batch, &batch->arrivals[i]);
    return r;
}

/* payload.value must be a finite number; payload.metric, when it is text, must be the
 * topic's; a unit that is not text is ignored (spec edge 2.6). */
int gateway_check_reading(struct shim_call *call, struct batch *batch,
                          struct arrival *arrival)
{
    struct farmiq_json_member members[] = { { .name = "value" },
                                            { .name = "metric" },
                                            { .name = "unit" } };
    int r = scratch_members(&batch->scratch, call, arrival->envelope.payload, members, 3);

    if (r != FARMIQ_OK)
        return r;
    if (members[0].type != FARMIQ_JSON_NUMBER || !reading_can_be_kept(members[0].number))
        return FARMIQ_E_SCHEMA;
    if (members[1].type == FARMIQ_JSON_STRING &&
        !text_equal(members[1].text, arrival->topic.leaf))
        return FARMIQ_E_SCHEMA;
    arrival->value = members[0].number;
    if (members[2].type == FARMIQ_JSON_STRING)
        arrival->unit = members[2].text;
    return FARMIQ_OK;
}

/* By the event's type: a weight, a medium, a result; and only about the session that the
 * topic names (spec edge 2.6). */
int gateway_check_fact(struct shim_call *call, struct batch *batch,
                       struct arrival *arrival)
{
    struct weigh_fact fact = { .kind = weigh_kind(arrival->envelope.event_type),
                               .session_id = arrival->topic.session_id };
    const char *fault;

    return weigh_read(&fact, &batch->scratch, call, arrival->envelope.payload, &fault);
}

/* What is fed, where and when: the topic names the place, whatever the payload says. */
int gateway_check_feeding(struct shim_call *call, struct batch *batch,
                          struct arrival *arrival)
{
    struct feeding feeding = { .tenant_id = arrival->topic.tenant_id,
                               .farm_id = arrival->topic.farm_id,
                               .barn_id = arrival->topic.barn_id,
                               .device_id = arrival->topic.source_id,
                               .occurred_at_unix_ms = arrival->envelope.ts_unix_ms,
                               .source = shim_str("MQTT_DISPENSED") };
    const char *fault;
    int r = feed_read(&feeding, &batch->scratch, call, arrival->envelope.payload, &fault);

    return r == FARMIQ_OK && feed_fault(&feeding) ? FARMIQ_E_SCHEMA : r;
}
