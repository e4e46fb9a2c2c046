/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request as a fact (spec edge 4.3): who, where and when; what was weighed
 * or seen is spelled as in the events. */
#include "weighing.h"

#include <stddef.h>

#define OF(kind) (UINT32_C(1) << FARMIQ_SESSION_EV_##kind)
#define ANY UINT32_MAX

static const struct {
    const char *name, *other_name;
    size_t at; /* of the text in a fact */
    uint32_t needed_by;
} fields[] = {
    { "tenantId", "tenant_id", offsetof(struct weigh_fact, tenant_id), ANY },
    { "eventId", "event_id", offsetof(struct weigh_fact, event_id), ~OF(CANCELLED) },
    { "farmId", "farm_id", offsetof(struct weigh_fact, farm_id), OF(CREATED) },
    { "barnId", "barn_id", offsetof(struct weigh_fact, barn_id), OF(CREATED) },
    { "deviceId", "device_id", offsetof(struct weigh_fact, device_id), OF(CREATED) },
    { "stationId", "station_id", offsetof(struct weigh_fact, station_id), OF(CREATED) },
};

enum { FIELDS = sizeof fields / sizeof *fields, TIME = 2 * FIELDS, MEMBERS = TIME + 4 };

static int refuse(struct shim_call *call, const char *name, const char *fault)
{
    shim_reply_error(call, 400, "VALIDATION_ERROR", "%s %s", name, fault);
    return 1;
}

static const struct farmiq_json_member *either(const struct farmiq_json_member *pair)
{
    return pair[0].type != FARMIQ_JSON_ABSENT ? &pair[0] : &pair[1];
}

static int take_texts(struct shim_call *call, const struct farmiq_json_member *members,
                      struct weigh_fact *fact)
{
    for (int i = 0; i < FIELDS; i++) {
        const struct farmiq_json_member *member = either(&members[2 * i]);
        struct farmiq_str *text = (struct farmiq_str *)((char *)fact + fields[i].at);
        int is_absent =
            member->type == FARMIQ_JSON_ABSENT || member->type == FARMIQ_JSON_NULL;

        if (is_absent && !(fields[i].needed_by & UINT32_C(1) << fact->kind))
            continue;
        if (member->type != FARMIQ_JSON_STRING || !member->text.len ||
            member->text.len > FARMIQ_ID_MAX_BYTES)
            return refuse(call, fields[i].name, "must be 1 to 128 bytes of text");
        *text = member->text;
    }
    return FARMIQ_OK;
}

/* startAt of a creation, occurredAt of anything else. A cancellation may leave it out. */
static int take_time(struct shim_call *call, const struct farmiq_json_member *members,
                     struct weigh_fact *fact)
{
    int is_creation = fact->kind == FARMIQ_SESSION_EV_CREATED;
    const struct farmiq_json_member *member = either(members + (is_creation ? 2 : 0));

    fact->occurred_at_unix_ms = call->now_unix_ms;
    if (fact->kind == FARMIQ_SESSION_EV_CANCELLED && member->type == FARMIQ_JSON_ABSENT)
        return FARMIQ_OK;
    if (member->type != FARMIQ_JSON_STRING ||
        farmiq_time_parse(member->text.ptr, member->text.len,
                          &fact->occurred_at_unix_ms) != FARMIQ_OK)
        return refuse(call, is_creation ? "startAt" : "occurredAt",
                      "must be an RFC 3339 time");
    return FARMIQ_OK;
}

static int take_facts(struct shim_call *call, struct scratch *scratch,
                      struct weigh_fact *fact)
{
    const char *fault = NULL;
    int r = fact->kind == FARMIQ_SESSION_EV_CANCELLED
                ? FARMIQ_OK
                : weigh_read(fact, scratch, call, call->body, &fault);

    return r == FARMIQ_OK || r == FARMIQ_E_NOMEM ? r : refuse(call, fault, "");
}

int weighing_read_body(struct shim_call *call, int32_t kind, struct weigh_fact *fact)
{
    struct farmiq_json_member members[MEMBERS] = {
        [TIME] = { .name = "occurredAt" },
        { .name = "occurred_at" },
        { .name = "startAt" },
        { .name = "start_at" },
    };
    struct scratch scratch = { 0 };
    int r;

    for (int i = 0; i < FIELDS; i++) {
        members[2 * i].name = fields[i].name;
        members[2 * i + 1].name = fields[i].other_name;
    }
    *fact = (struct weigh_fact){ .kind = kind, .trace_id = call->trace_id };
    fact->session_id = shim_path_part(call, "sessionId");
    r = scratch_members(&scratch, call, call->body, members, MEMBERS);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r != FARMIQ_OK)
        return refuse(call, "the body", "must be a JSON object");
    r = take_texts(call, members, fact);
    if (r == FARMIQ_OK)
        r = take_time(call, members + TIME, fact);
    if (r == FARMIQ_OK)
        r = take_facts(call, &scratch, fact);
    if (r != FARMIQ_OK)
        return r;
    return fact->session_id.len && fact->session_id.len <= FARMIQ_ID_MAX_BYTES
               ? FARMIQ_OK
               : refuse(call, "sessionId", "must be 1 to 128 bytes of text");
}
