/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, weights and bindings as JSON: camelCase, decimals as text (spec edge 4.3). */
#include "weighing.h"

#include "common/members.h"
#include "common/text.h"
#include "queries.h"

#define SESSION_BYTES 4096
#define WEIGHT_BYTES 2048

static void put_decimal(struct farmiq_json_writer *json, const char *key, double kg)
{
    struct farmiq_json_writer digits;
    char text[40];
    size_t len = 0;

    farmiq_json_begin(&digits, text, sizeof text);
    farmiq_json_double(&digits, kg);
    if (farmiq_json_end(&digits, &len) == FARMIQ_OK)
        member_text(json, key, (struct farmiq_str){ text, len });
    else
        member_null(json, key);
}

static void put_weight_of_session(struct farmiq_json_writer *json, const char *key,
                                  const struct farmiq_session *fold, double kg)
{
    if (fold->weight_count)
        put_decimal(json, key, kg);
    else
        member_null(json, key);
}

static const char *status_of(const struct farmiq_session *fold)
{
    static const char *const names[] = {
        [FARMIQ_SESSION_NEW] = "pending",
        [FARMIQ_SESSION_CREATED] = "created",
        [FARMIQ_SESSION_FINALIZED] = "finalized",
        [FARMIQ_SESSION_CANCELLED] = "cancelled",
        [FARMIQ_SESSION_AWAITING] = "pending",
    };

    return names[fold->state];
}

static void write_members(struct farmiq_json_writer *json, const struct session *session)
{
    const struct farmiq_session *fold = &session->fold;
    const struct farmiq_str *text = session->text;

    member_text(json, "id", text[SESSION_ID]);
    member_text(json, "sessionId", session_name(session));
    member_text(json, "tenantId", session_tenant(session));
    member_text(json, "farmId", text[SESSION_FARM]);
    member_text(json, "barnId", text[SESSION_BARN]);
    member_text(json, "deviceId", text[SESSION_DEVICE]);
    member_text(json, "stationId", text[SESSION_STATION]);
    member_text_or_null(json, "batchId", text[SESSION_BATCH]);
    member_text(json, "status", shim_str(status_of(fold)));
    member_time_or_null(json, "startAt", fold->start_at_unix_ms);
    member_time_or_null(json, "endAt", fold->end_at_unix_ms);
    put_weight_of_session(json, "initialWeightKg", fold, fold->initial_weight_kg);
    put_weight_of_session(json, "finalWeightKg", fold, fold->final_weight_kg);
    member_int(json, "imageCount", fold->image_count);
    member_text_or_null(json, "inferenceResultId", text[SESSION_RESULT]);
    member_int(json, "weightCount", fold->weight_count);
    member_int(json, "lateWeightCount", fold->late_weight_count);
    member_flag(json, "isComplete", farmiq_session_is_complete(fold));
    member_flag(json, "isIncomplete", (fold->flags & FARMIQ_SESSION_INCOMPLETE) != 0);
    member_time(json, "createdAt", session->time_unix_ms[SESSION_CREATED_AT]);
    member_time(json, "updatedAt", session->time_unix_ms[SESSION_UPDATED_AT]);
}

void weighing_write_session(struct farmiq_json_writer *json,
                            const struct session *session)
{
    farmiq_json_open(json, '{');
    write_members(json, session);
    farmiq_json_close(json, '}');
}

int weighing_reply_session(struct shim_call *call, int status,
                           const struct session *session)
{
    weighing_write_session(shim_json(call, SESSION_BYTES), session);
    return shim_reply(call, status);
}

static void write_weight(struct farmiq_json_writer *json, const struct session *session,
                         const struct session_weight *weight)
{
    const struct farmiq_session *fold = &session->fold;

    farmiq_json_open(json, '{');
    member_text(json, "id", weight->event_id);
    member_text(json, "sessionId", session_name(session));
    member_text(json, "tenantId", session_tenant(session));
    put_decimal(json, "weightKg", weight->weight_kg);
    member_time(json, "occurredAt", weight->occurred_at_unix_ms);
    member_text(json, "eventId", weight->event_id);
    member_text_or_null(json, "traceId", weight->trace_id);
    member_flag(json, "isLate",
                fold->end_at_unix_ms &&
                    weight->occurred_at_unix_ms > fold->end_at_unix_ms);
    member_time(json, "createdAt", weight->created_at_unix_ms);
    farmiq_json_close(json, '}');
}

int weighing_reply_whole(struct shim_call *call, const struct session *session)
{
    size_t most = (size_t)session->fold.weight_count + session->fold.late_weight_count;
    struct farmiq_json_writer *json =
        shim_json(call, SESSION_BYTES + most * WEIGHT_BYTES);
    struct session_weight *weight;
    int r = sessions_weights(call, session, &weight);

    if (r < 0)
        return r;
    farmiq_json_open(json, '{');
    write_members(json, session);
    farmiq_json_key(json, "weights");
    farmiq_json_open(json, '[');
    for (; weight; weight = weight->next)
        write_weight(json, session, weight);
    farmiq_json_close(json, ']');
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}

static int refuse_conflict(struct shim_call *call)
{
    return shim_reply_error(call, 409, "CONFLICT",
                            "this eventId belongs to another fact: a new fact needs a "
                            "new one");
}

int weighing_reply_weight(struct shim_call *call, const struct weigh_fact *fact)
{
    struct session_weight *weight;
    int r = sessions_weights(call, fact->session, &weight);

    while (r == FARMIQ_OK && weight && !text_equal(weight->event_id, fact->event_id))
        weight = weight->next;
    if (r < 0)
        return r;
    if (!weight || weight->weight_kg != fact->weight_kg ||
        weight->occurred_at_unix_ms != fact->occurred_at_unix_ms)
        return refuse_conflict(call);
    write_weight(shim_json(call, WEIGHT_BYTES), fact->session, weight);
    return shim_reply(call, 200);
}

/* ## Bindings */

struct binding {
    struct farmiq_json_writer *json;
    const struct weigh_fact *fact;
    int count;
};

static int write_binding(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                         uint32_t count)
{
    struct binding *binding = ctx;
    struct farmiq_json_writer *json = binding->json;
    const struct session *session = binding->fact->session;

    (void)row;
    (void)count;
    binding->count++;
    farmiq_json_open(json, '{');
    member_text(json, "id", columns[0].text);
    member_text(json, "sessionId", session_name(session));
    member_text(json, "tenantId", session_tenant(session));
    member_text(json, "mediaObjectId", binding->fact->media_id);
    member_time(json, "occurredAt", columns[2].integer);
    member_text(json, "eventId", columns[0].text);
    member_text_or_null(json, "traceId", columns[1].text);
    member_flag(json, "isBound", session_is_there(session->fold.state));
    member_time(json, "createdAt", columns[3].integer);
    farmiq_json_close(json, '}');
    return 0;
}

static int find_binding(struct shim_call *call, struct binding *binding)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(binding->fact->tenant_id),
        farmiq_sql_text(binding->fact->session_id),
        farmiq_sql_text(binding->fact->media_id),
    };

    return farmiq_sql_run(call->store, &sql_binding, NULL, params, 3, write_binding,
                          binding);
}

int weighing_reply_binding(struct shim_call *call, const struct weigh_fact *fact)
{
    struct binding binding = { shim_json(call, WEIGHT_BYTES), fact, 0 };
    int r = find_binding(call, &binding);

    return r < 0 ? r : shim_reply(call, 200);
}

int weighing_write_binding(struct shim_call *call, struct farmiq_json_writer *json,
                           const struct weigh_fact *fact)
{
    struct binding binding = { json, fact, 0 };
    int r = FARMIQ_OK;

    farmiq_json_key(json, "media_binding");
    if (fact->media_id.len)
        r = find_binding(call, &binding);
    if (!binding.count)
        farmiq_json_null(json);
    return r;
}
