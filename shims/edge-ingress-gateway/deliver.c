/* SPDX-License-Identifier: Apache-2.0 */
/* What needs the store or a neighbour: allowlist, dedupe, hand-over. */
#include "gateway.h"

#include "common/text.h"
#include "queries.h"

/* The open arrivals of a batch that `wants`, in order. */
static struct arrival **select_open(struct shim_call *call, struct batch *batch,
                                    int (*wants)(const struct arrival *, const void *),
                                    const void *what, uint32_t *count)
{
    struct arrival **chosen = shim_memory(call, (batch->count + 1) * sizeof(void *));

    *count = 0;
    for (uint32_t i = 0; chosen && i < batch->count; i++)
        if (gateway_is_open(&batch->arrivals[i]) && wants(&batch->arrivals[i], what))
            chosen[(*count)++] = &batch->arrivals[i];
    return chosen;
}

static int is_at_station(const struct arrival *arrival, const void *wanted)
{
    return (arrival->topic.kind == FARMIQ_TOPIC_WEIGHVISION) == (wanted != NULL);
}

static int allow_one(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct arrival **asked = ctx;

    (void)columns;
    (void)count;
    asked[row]->is_allowed = 1;
    return 0;
}

/* One statement for the devices or the stations of a batch (spec edge 2.9). */
static int allow_those(struct shim_call *call, struct batch *batch,
                       const struct farmiq_sql_query *query, const void *is_station)
{
    uint32_t count, i;
    struct arrival **asked = select_open(call, batch, is_at_station, is_station, &count);
    struct farmiq_sql_value *params = shim_memory(call, (count * 4 + 1) * sizeof *params);
    int r;

    if (!asked || !params)
        return FARMIQ_E_NOMEM;
    for (i = 0; i < count; i++) {
        params[i * 4] = farmiq_sql_text(asked[i]->topic.tenant_id);
        params[i * 4 + 1] = farmiq_sql_text(asked[i]->topic.source_id);
        params[i * 4 + 2] = farmiq_sql_text(asked[i]->topic.farm_id);
        params[i * 4 + 3] = farmiq_sql_text(asked[i]->topic.barn_id);
    }
    if (count == 0)
        return FARMIQ_OK;
    r = farmiq_sql_run_many(call->store, query, NULL, params, 4, count, allow_one, asked);
    for (i = 0; r == FARMIQ_OK && i < count; i++)
        if (!asked[i]->is_allowed)
            gateway_refuse(call, asked[i], "NOT_ALLOWED", NULL);
    return r;
}

int gateway_allow(struct shim_call *call, struct batch *batch)
{
    int r;

    if (text_is(shim_str(shim_text(call, "ALLOWLIST_MODE")), "open"))
        return FARMIQ_OK;
    r = allow_those(call, batch, &sql_devices_allowed, NULL);
    return r < 0 ? r : allow_those(call, batch, &sql_stations_allowed, "station");
}

/* The chain of what the ledger shall judge. */
static struct farmiq_sighting *chain_sightings(struct batch *batch)
{
    struct farmiq_sighting *first = NULL, **end = &first;

    for (uint32_t i = 0; i < batch->count; i++) {
        struct arrival *arrival = &batch->arrivals[i];
        const struct farmiq_envelope *envelope = &arrival->envelope;

        if (!gateway_is_open(arrival))
            continue;
        farmiq_sighting_init(&arrival->sighting, sizeof arrival->sighting);
        arrival->sighting.tenant_id = envelope->tenant_id;
        arrival->sighting.event_id = envelope->event_id;
        arrival->sighting.source = arrival->message->topic;
        arrival->sighting.content_hash =
            text_fingerprint(envelope->event_type, envelope->device_id,
                             envelope->ts_unix_ms, envelope->payload);
        *end = &arrival->sighting;
        end = &arrival->sighting.next;
    }
    return first;
}

/* A repeat is done; the same id with other content is a fault of the device, and must
 * not pass for a repeat (spec edge 2.10). */
int gateway_mark(struct shim_call *call, struct batch *batch)
{
    struct farmiq_sighting *first = chain_sightings(batch);
    int64_t expires_at_unix_ms = call->now_unix_ms + shim_number(call, "DEDUPE_TTL_MS");
    int r;

    if (!first)
        return FARMIQ_OK;
    r = farmiq_store_dedupe(call->store, "ingress", first, call->now_unix_ms,
                            expires_at_unix_ms);
    for (uint32_t i = 0; r == FARMIQ_OK && i < batch->count; i++) {
        struct arrival *arrival = &batch->arrivals[i];

        if (!gateway_is_open(arrival))
            continue;
        if (arrival->sighting.verdict == FARMIQ_CONFLICT)
            gateway_refuse(call, arrival, "CONFLICT", NULL);
        arrival->is_duplicate = arrival->sighting.verdict == FARMIQ_DUPLICATE;
    }
    return r;
}

static int is_on_route(const struct arrival *arrival, const void *route)
{
    return arrival->route == route;
}

int gateway_deliver(struct shim_call *call, struct batch *batch)
{
    for (const struct route *route = gateway_routes; route->kind; route++) {
        uint32_t count = 0;
        struct arrival **chosen = select_open(call, batch, is_on_route, route, &count);
        int r = chosen ? FARMIQ_OK : FARMIQ_E_NOMEM;

        if (r == FARMIQ_OK && count && route->deliver)
            r = route->deliver(call, chosen, count);
        if (r < 0) {
            shim_count("farmiq_ingress_route_failures_total", route->target, count);
            return r;
        }
        if (route->target)
            shim_count("farmiq_ingress_routed_total", route->target, count);
    }
    return FARMIQ_OK;
}

/* A last will says offline, or has a health in which nothing is well (spec edge 2.13). */
static int says_offline(struct shim_call *call, struct farmiq_str payload)
{
    struct farmiq_json_member members[] = { { .name = "status" }, { .name = "health" } };
    struct farmiq_json_member flags[] = { { .name = "camera_ok" },
                                          { .name = "scale_ok" },
                                          { .name = "disk_ok" },
                                          { .name = "mqtt_ok" } };
    struct scratch scratch = { 0 };
    int known = 0;

    if (scratch_members(&scratch, call, payload, members, 2) != FARMIQ_OK)
        return 0;
    if (members[0].type == FARMIQ_JSON_STRING)
        return text_is(members[0].text, "offline");
    if (members[1].type != FARMIQ_JSON_OBJECT ||
        scratch_members(&scratch, call, members[1].text, flags, 4) != FARMIQ_OK)
        return 0;
    for (int i = 0; i < 4; i++) {
        known += flags[i].type == FARMIQ_JSON_BOOL;
        if (flags[i].type == FARMIQ_JSON_BOOL && flags[i].number != 0)
            return 0;
    }
    return known > 0;
}

/* A device's clock may run ahead of ours: last_seen_at never goes past now, or the
 * device would look alive for as long as it was wrong. */
int gateway_deliver_last_seen(struct shim_call *call, struct arrival **arrivals,
                              uint32_t count)
{
    struct farmiq_sql_value *params = shim_memory(call, count * 6 * sizeof *params);

    if (!params)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const struct arrival *arrival = arrivals[i];
        int64_t seen_unix_ms = arrival->envelope.ts_unix_ms;

        if (seen_unix_ms > call->now_unix_ms)
            seen_unix_ms = call->now_unix_ms;
        params[i * 6] = farmiq_sql_text(arrival->topic.tenant_id);
        params[i * 6 + 1] = farmiq_sql_text(arrival->topic.source_id);
        params[i * 6 + 2] = farmiq_sql_integer(seen_unix_ms);
        params[i * 6 + 3] = farmiq_sql_text(arrival->message->topic);
        params[i * 6 + 4] =
            farmiq_sql_integer(!says_offline(call, arrival->envelope.payload));
        params[i * 6 + 5] = farmiq_sql_integer(call->now_unix_ms);
    }
    return farmiq_sql_run_many(call->store, &sql_last_seen_put, NULL, params, 6, count,
                               NULL, NULL);
}
