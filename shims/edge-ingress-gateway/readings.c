/* SPDX-License-Identifier: Apache-2.0 */
/* The telemetry of a batch, handed over in one request (spec edge 2.8). */
#include "gateway.h"

#include "common/text.h"

struct span {
    struct arrival **arrivals;
    uint32_t count;
};

static void write_text(struct farmiq_json_writer *json, const char *key,
                       struct farmiq_str text)
{
    farmiq_json_key(json, key);
    farmiq_json_str(json, text);
}

static void write_reading(struct farmiq_json_writer *json, const struct arrival *arrival)
{
    const struct farmiq_envelope *envelope = &arrival->envelope;

    farmiq_json_open(json, '{');
    write_text(json, "schema_version", envelope->schema_version);
    write_text(json, "event_id", envelope->event_id);
    write_text(json, "trace_id", envelope->trace_id);
    write_text(json, "tenant_id", envelope->tenant_id);
    write_text(json, "device_id", envelope->device_id);
    write_text(json, "event_type", envelope->event_type);
    farmiq_json_key(json, "ts");
    farmiq_json_time(json, envelope->ts_unix_ms);
    write_text(json, "farm_id", arrival->topic.farm_id);
    write_text(json, "barn_id", arrival->topic.barn_id);
    farmiq_json_key(json, "payload");
    farmiq_json_open(json, '{');
    write_text(json, "metric", arrival->topic.leaf);
    farmiq_json_key(json, "value");
    farmiq_json_double(json, arrival->value);
    if (arrival->unit.len)
        write_text(json, "unit", arrival->unit);
    farmiq_json_close(json, '}');
    farmiq_json_close(json, '}');
}

static void write_readings(struct farmiq_json_writer *json, const void *ctx)
{
    const struct span *span = ctx;

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "events");
    farmiq_json_open(json, '[');
    for (uint32_t i = 0; i < span->count; i++)
        write_reading(json, span->arrivals[i]);
    farmiq_json_close(json, ']');
    farmiq_json_close(json, '}');
}

struct results {
    struct shim_call *call;
    struct span span;
    struct scratch scratch;
};

/* One element of the answer: what was skipped, and why. */
static int apply_result(void *ctx, uint32_t index, const char *json, size_t json_bytes)
{
    struct results *results = ctx;
    struct farmiq_json_member members[] = { { .name = "index" }, { .name = "status" } };
    struct farmiq_str element = { json, json_bytes };
    int r = scratch_members(&results->scratch, results->call, element, members, 2);

    (void)index;
    if (r != FARMIQ_OK)
        return r;
    if (members[0].type != FARMIQ_JSON_NUMBER || members[0].number < 0 ||
        members[0].number >= results->span.count)
        return FARMIQ_E_SCHEMA;
    if (text_is(members[1].text, "skipped"))
        gateway_refuse(results->call, results->span.arrivals[(uint32_t)members[0].number],
                       "NOT_STORED", NULL);
    return FARMIQ_OK;
}

/* 200 with a list of results names what was not taken (13-A11). */
static int apply_results(struct shim_call *call, struct span span,
                         struct farmiq_str reply)
{
    struct results results = { call, span, { 0 } };
    struct farmiq_json_member member = { .name = "results" };
    void *memory;
    int r = scratch_members(&results.scratch, call, reply, &member, 1);

    if (r != FARMIQ_OK || member.type != FARMIQ_JSON_ARRAY)
        return r;
    memory = shim_memory(call, FARMIQ_ENVELOPE_SCRATCH_BYTES + member.text.len);
    return memory
               ? farmiq_json_each(member.text.ptr, member.text.len, apply_result,
                                  &results, memory,
                                  FARMIQ_ENVELOPE_SCRATCH_BYTES + member.text.len, NULL)
               : FARMIQ_E_NOMEM;
}

static int ask_telemetry(struct shim_call *call, struct span span,
                         struct shim_request *request)
{
    *request = (struct shim_request){
        .service = "edge-telemetry-timeseries",
        .url_option = "EDGE_TELEMETRY_TIMESERIES_URL",
        .method = "POST",
        .path = "/api/v1/telemetry/readings",
        .timeout_ms = (uint32_t)shim_number(call, "DOWNSTREAM_TIMEOUT_MS"),
    };
    int r = scratch_build(call, (size_t)span.count * 512 + 64, write_readings, &span,
                          &request->body);

    return r < 0 ? r : shim_request(call, request);
}

/* A refusal of the whole request is bisected until the culprit stands alone; anything
 * else that is not a yes undoes the batch, and the broker sends it again. */
static int hand_over(struct shim_call *call, struct span span)
{
    struct gateway_state *state = call->state;
    struct span halves[2] = { { span.arrivals, span.count / 2 },
                              { span.arrivals + span.count / 2,
                                span.count - span.count / 2 } };
    struct shim_request request;
    int r = ask_telemetry(call, span, &request);
    int outcome = farmiq_outbox_outcome_of_http(r == FARMIQ_OK ? request.status : 0);

    if (r < 0 && r != FARMIQ_E_UNREACHABLE)
        return r;
    state->telemetry_error = outcome == FARMIQ_OUTCOME_ACKED     ? NULL
                             : outcome == FARMIQ_OUTCOME_REFUSED ? "refused"
                                                                 : "unreachable";
    if (outcome == FARMIQ_OUTCOME_ACKED)
        return apply_results(call, span, request.reply);
    if (outcome != FARMIQ_OUTCOME_REFUSED)
        return FARMIQ_E_UNREACHABLE;
    if (span.count == 1) {
        gateway_refuse(call, span.arrivals[0], "NOT_STORED", NULL);
        return FARMIQ_OK;
    }
    r = hand_over(call, halves[0]);
    return r < 0 ? r : hand_over(call, halves[1]);
}

int gateway_deliver_readings(struct shim_call *call, struct arrival **arrivals,
                             uint32_t count)
{
    return hand_over(call, (struct span){ arrivals, count });
}
