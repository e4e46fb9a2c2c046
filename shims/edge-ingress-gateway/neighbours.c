/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a batch that belong to a neighbour, handed over in one request (spec edge
 * 2.8). */
#include "gateway.h"

#include "common/members.h"
#include "common/text.h"

struct span {
    struct shim_call *call;
    enum gateway_neighbour to;
    struct arrival **arrivals;
    uint32_t count;
};

static void write_reading(struct farmiq_json_writer *json, const struct arrival *arrival)
{
    farmiq_json_key(json, "payload");
    farmiq_json_open(json, '{');
    member_text(json, "metric", arrival->topic.leaf);
    member_real(json, "value", arrival->value);
    if (arrival->unit.len)
        member_text(json, "unit", arrival->unit);
    farmiq_json_close(json, '}');
}

static void write_payload(struct farmiq_json_writer *json, const struct arrival *arrival)
{
    farmiq_json_key(json, "payload");
    farmiq_json_raw(json, arrival->envelope.payload);
}

static void write_fact(struct farmiq_json_writer *json, const struct arrival *arrival)
{
    member_text(json, "station_id", arrival->topic.source_id);
    member_text(json, "session_id", arrival->topic.session_id);
    write_payload(json, arrival);
}

static const struct neighbour {
    const char *service;
    const char *url_option;
    const char *path;
    /* The members of an event that are this neighbour's alone. */
    void (*write)(struct farmiq_json_writer *json, const struct arrival *arrival);
} neighbours[] = {
    [GATEWAY_TELEMETRY] = { "edge-telemetry-timeseries", "EDGE_TELEMETRY_TIMESERIES_URL",
                            "/api/v1/telemetry/readings", write_reading },
    [GATEWAY_SESSIONS] = { "edge-weighvision-session", "EDGE_WEIGHVISION_SESSION_URL",
                           "/api/v1/weighvision/events", write_fact },
    [GATEWAY_FEEDINGS] = { "edge-feed-intake", "EDGE_FEED_INTAKE_URL",
                           "/api/v1/feed-intake/records", write_payload },
    [GATEWAY_LEVELS] = { "edge-feed-intake", "EDGE_FEED_INTAKE_URL",
                         "/api/v1/feed-intake/levels", write_reading },
};

static void write_event(struct farmiq_json_writer *json, const struct arrival *arrival,
                        const struct neighbour *neighbour)
{
    const struct farmiq_envelope *envelope = &arrival->envelope;

    farmiq_json_open(json, '{');
    member_text(json, "schema_version", envelope->schema_version);
    member_text(json, "event_id", envelope->event_id);
    member_text(json, "trace_id", envelope->trace_id);
    member_text(json, "tenant_id", envelope->tenant_id);
    member_text(json, "device_id", envelope->device_id);
    member_text(json, "event_type", envelope->event_type);
    member_time(json, "ts", envelope->ts_unix_ms);
    member_text(json, "farm_id", arrival->topic.farm_id);
    member_text(json, "barn_id", arrival->topic.barn_id);
    neighbour->write(json, arrival);
    farmiq_json_close(json, '}');
}

static void write_events(struct farmiq_json_writer *json, const void *ctx)
{
    const struct span *span = ctx;

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "events");
    farmiq_json_open(json, '[');
    for (uint32_t i = 0; i < span->count; i++)
        write_event(json, span->arrivals[i], &neighbours[span->to]);
    farmiq_json_close(json, ']');
    farmiq_json_close(json, '}');
}

struct results {
    const struct span *span;
    struct scratch scratch;
};

/* One element of the answer: what was skipped, and why. */
static int apply_result(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    struct results *results = ctx;
    struct farmiq_json_member members[] = { { .name = "index" }, { .name = "status" } };
    struct farmiq_str element = { json, json_bytes };
    int r = scratch_members(&results->scratch, results->span->call, element, members, 2);

    (void)index;
    if (r != FARMIQ_OK)
        return r;
    if (members[0].type != FARMIQ_JSON_NUMBER || members[0].number < 0 ||
        members[0].number >= results->span->count)
        return FARMIQ_E_SCHEMA;
    if (text_is(members[1].text, "skipped"))
        gateway_refuse(results->span->call,
                       results->span->arrivals[(uint32_t)members[0].number], "NOT_STORED",
                       NULL);
    return FARMIQ_OK;
}

static int falls_short(const struct farmiq_json_member *taken, const struct span *span)
{
    return taken->type == FARMIQ_JSON_NUMBER && taken->number < span->count;
}

/* A 200 with a list of results names what was not taken. An older neighbour only counts
 * what was (13-A11): FARMIQ_NONE, if that is not all. */
static int apply_results(const struct span *span, struct farmiq_str reply)
{
    struct results results = { span, { 0 } };
    struct farmiq_json_member members[] = { { .name = "results" },
                                            { .name = "ingested_count" } };
    const struct farmiq_json_member *list = &members[0], *taken = &members[1];
    size_t bytes;
    void *memory;
    int r = scratch_members(&results.scratch, span->call, reply, members, 2);

    if (r == FARMIQ_OK && list->type != FARMIQ_JSON_ARRAY && falls_short(taken, span))
        return FARMIQ_NONE;
    if (r != FARMIQ_OK || list->type != FARMIQ_JSON_ARRAY)
        return r;
    bytes = FARMIQ_ENVELOPE_SCRATCH_BYTES + list->text.len;
    memory = shim_memory(span->call, bytes);
    return memory ? farmiq_json_each(list->text.ptr, list->text.len, apply_result,
                                     &results, memory, bytes, NULL)
                  : FARMIQ_E_NOMEM;
}

static int ask(const struct span *span, struct shim_request *request)
{
    const struct neighbour *neighbour = &neighbours[span->to];

    *request = (struct shim_request){
        .service = neighbour->service,
        .url_option = neighbour->url_option,
        .method = "POST",
        .path = neighbour->path,
        .timeout_ms = (uint32_t)shim_number(span->call, "DOWNSTREAM_TIMEOUT_MS"),
    };
    int r = scratch_build(span->call, (size_t)span->count * 512 + 64, write_events, span,
                          &request->body);

    return r < 0 ? r : shim_request(span->call, request);
}

static int hand_over(const struct span *span);

/* The neighbour refuses the request as a whole, or has not taken all of it: bisected
 * until the culprit stands alone. */
static int hand_over_halves(const struct span *span)
{
    struct span first = *span, second = *span;
    int r;

    if (span->count == 1) {
        gateway_refuse(span->call, span->arrivals[0], "NOT_STORED", NULL);
        return FARMIQ_OK;
    }
    first.count = span->count / 2;
    second.arrivals += first.count;
    second.count -= first.count;
    r = hand_over(&first);
    return r < 0 ? r : hand_over(&second);
}

/* Anything that is neither a yes nor a refusal undoes the batch, and the broker sends it
 * again. */
static int hand_over(const struct span *span)
{
    struct gateway_state *state = span->call->state;
    struct shim_request request;
    int r = ask(span, &request);
    int outcome = farmiq_outbox_outcome_of_http(r == FARMIQ_OK ? request.status : 0);

    if (r < 0 && r != FARMIQ_E_UNREACHABLE)
        return r;
    state->errors[span->to] = outcome == FARMIQ_OUTCOME_ACKED     ? NULL
                              : outcome == FARMIQ_OUTCOME_REFUSED ? "refused"
                                                                  : "unreachable";
    if (outcome == FARMIQ_OUTCOME_UNREACHED)
        return FARMIQ_E_UNREACHABLE;
    r = outcome == FARMIQ_OUTCOME_ACKED ? apply_results(span, request.reply)
                                        : FARMIQ_NONE;
    return r == FARMIQ_NONE ? hand_over_halves(span) : r;
}

/* The level of a silo is a reading like any other, and says beside it what was fed. */
static int hand_over_levels(struct shim_call *call, struct arrival **arrivals,
                            uint32_t count)
{
    struct span levels = { call, GATEWAY_LEVELS,
                           shim_memory(call, (count + 1) * sizeof(void *)), 0 };

    if (!levels.arrivals)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        if (gateway_is_open(arrivals[i]) &&
            text_is(arrivals[i]->topic.leaf, "silo.weight"))
            levels.arrivals[levels.count++] = arrivals[i];
    return levels.count ? hand_over(&levels) : FARMIQ_OK;
}

int gateway_deliver_readings(struct shim_call *call, struct arrival **arrivals,
                             uint32_t count)
{
    int r = hand_over(&(struct span){ call, GATEWAY_TELEMETRY, arrivals, count });

    return r < 0 ? r : hand_over_levels(call, arrivals, count);
}

int gateway_deliver_feedings(struct shim_call *call, struct arrival **arrivals,
                             uint32_t count)
{
    return hand_over(&(struct span){ call, GATEWAY_FEEDINGS, arrivals, count });
}

int gateway_deliver_facts(struct shim_call *call, struct arrival **arrivals,
                          uint32_t count)
{
    return hand_over(&(struct span){ call, GATEWAY_SESSIONS, arrivals, count });
}
