/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events: what is new, once per series and batch, to the pages of its tenant.
 */
#include "telemetry.h"

#include "common/members.h"
#include "common/scratch.h"
#include "common/text.h"

struct tenant {
    struct group group;
    const struct groups *latest; /* of all tenants */
};

static void write_reading(struct farmiq_json_writer *json, const struct reading *reading)
{
    farmiq_json_open(json, '{');
    member_text(json, "farm_id", reading->farm_id);
    member_text(json, "barn_id", reading->barn_id);
    member_text(json, "device_id", reading->device_id);
    member_text(json, "metric", reading->metric);
    member_real(json, "value", reading->value);
    member_text(json, "unit", reading->unit);
    member_time(json, "occurred_at", reading->occurred_at_unix_ms);
    farmiq_json_close(json, '}');
}

static void write_readings(struct farmiq_json_writer *json, const void *ctx)
{
    const struct tenant *tenant = ctx;

    farmiq_json_open(json, '[');
    for (const struct group *group = tenant->latest->first; group; group = group->next) {
        const struct reading *reading = ((const struct latest *)group)->reading;

        if (text_equal(reading->tenant_id, tenant->group.key.part[0]))
            write_reading(json, reading);
    }
    farmiq_json_close(json, ']');
}

int telemetry_stream(struct shim_call *call, const struct groups *latest)
{
    struct groups tenants;
    int r = groups_open(&tenants, call, 1, sizeof(struct tenant));

    for (const struct group *group = latest->first; group && r == FARMIQ_OK;
         group = group->next) {
        struct group_key key = { { group->key.part[0] }, 0 };
        struct tenant *tenant = groups_find(&tenants, call, &key);

        r = tenant ? FARMIQ_OK : FARMIQ_E_NOMEM;
        if (tenant)
            tenant->latest = latest;
    }
    for (const struct group *group = tenants.first; group && r == FARMIQ_OK;
         group = group->next) {
        struct farmiq_str json;

        r = scratch_build(call, 4096, write_readings, group, &json);
        if (r == FARMIQ_OK)
            r = shim_stream_send(call, "readings", group->key.part[0], json);
    }
    return r;
}

int telemetry_get_stream(struct shim_call *call)
{
    struct farmiq_json_writer *json = shim_json(call, 128);

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "time");
    farmiq_json_time(json, call->now_unix_ms);
    farmiq_json_close(json, '}');
    return shim_reply(call, 200);
}
