/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/ops/edge/status (spec edge 4.7), and the one thing that can be done about
 * it from here. */
#include "common/members.h"
#include "observer.h"

static const char *overall(const struct observer_state *state, const struct round *round)
{
    int all_ready = state->target_count > 0;

    for (uint32_t i = 0; i < state->target_count; i++) {
        if (!round->findings[i].is_healthy)
            return "DEGRADED";
        all_ready &= round->findings[i].is_ready;
    }
    return all_ready ? "OK" : "WARN";
}

static void write_services(struct farmiq_json_writer *json,
                           const struct observer_state *state, const struct round *round)
{
    farmiq_json_key(json, "services");
    farmiq_json_open(json, '[');
    for (uint32_t i = 0; i < state->target_count; i++) {
        const struct finding *finding = &round->findings[i];

        farmiq_json_open(json, '{');
        member_text(json, "name", shim_str(state->targets[i].name));
        member_text(json, "base_url", shim_str(state->targets[i].url));
        member_flag(json, "health_ok", finding->is_healthy);
        member_flag(json, "ready_ok", finding->is_ready);
        member_int(json, "latency_ms", finding->latency_ms);
        member_time(json, "last_check_at", finding->at_unix_ms);
        farmiq_json_close(json, '}');
    }
    farmiq_json_close(json, ']');
}

static void member_known(struct farmiq_json_writer *json, const char *key, double value)
{
    if (value < 0)
        member_null(json, key);
    else
        member_real(json, key, value);
}

static void write_resources(struct farmiq_json_writer *json,
                            const struct shim_machine *machine)
{
    farmiq_json_key(json, "resources");
    farmiq_json_open(json, '{');
    member_known(json, "cpu_load_1m", machine->load[0]);
    member_known(json, "cpu_load_5m", machine->load[1]);
    member_known(json, "cpu_load_15m", machine->load[2]);
    member_known(json, "memory_free_bytes", (double)machine->memory_free_bytes);
    member_known(json, "memory_total_bytes", (double)machine->memory_total_bytes);
    member_known(json, "disk_free_bytes", (double)machine->disk_free_bytes);
    member_known(json, "disk_total_bytes", (double)machine->disk_total_bytes);
    farmiq_json_close(json, '}');
}

static int ask_forwarder(struct shim_call *call, struct shim_request *request)
{
    request->service = "edge-sync-forwarder";
    request->url_option = "EDGE_SYNC_FORWARDER_URL";
    request->timeout_ms = (uint32_t)shim_number(call, "OBSERVE_TIMEOUT_MS");
    return shim_request(call, request);
}

/* Asked when we are asked: what is shown of the backlog is never old. */
static void write_sync_state(struct farmiq_json_writer *json,
                             const struct shim_request *request, int r)
{
    farmiq_json_key(json, "sync_state");
    if (r == FARMIQ_OK && request->status == 200)
        farmiq_json_raw(json, request->reply);
    else
        farmiq_json_null(json);
}

int observer_get_status(struct shim_call *call)
{
    const struct observer_state *state = call->state;
    uint32_t polls = state->polls;
    const struct round *round = &state->rounds[polls % OBSERVER_ROUNDS];
    struct shim_request request = { .method = "GET", .path = "/api/v1/sync/state" };
    struct farmiq_json_writer *json;
    int r;

    if (!polls)
        return shim_reply_error(call, 503, "NOT_READY", "nothing was looked at yet");
    r = ask_forwarder(call, &request);
    json = shim_json(call, 4096 + (size_t)state->target_count * 1024 + request.reply.len);
    farmiq_json_open(json, '{');
    member_text(json, "overall", shim_str(overall(state, round)));
    member_time(json, "last_check_at", round->at_unix_ms);
    write_services(json, state, round);
    write_resources(json, &round->machine);
    write_sync_state(json, &request, r);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

/* The forwarder owns the dead letters, and says what became of the request. */
int observer_post_redrive(struct shim_call *call)
{
    struct shim_request request = { .method = "POST",
                                    .path = "/api/v1/sync/dlq/redrive",
                                    .body = call->body };
    int r = ask_forwarder(call, &request);

    if (r == FARMIQ_E_UNREACHABLE)
        return shim_reply_error(call, 502, "BAD_GATEWAY",
                                "the forwarder does not answer");
    return r < 0
               ? r
               : shim_reply_text(call, request.status, "application/json", request.reply);
}
