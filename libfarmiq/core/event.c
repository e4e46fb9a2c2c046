/* SPDX-License-Identifier: Apache-2.0 */
/* The event catalogue and the cloud's judgement of an event (spec cloud 1.8, 2.3). */
#include <farmiq/error.h>
#include <farmiq/event.h>

#include "private.h"

#define EVENT_ID_MAX_BYTES 128
#define FUTURE_MAX_MS 600000

#define SCOPE (FARMIQ_NEEDS_FARM | FARMIQ_NEEDS_BARN | FARMIQ_NEEDS_DEVICE)
#define INTERNAL FARMIQ_NEEDS_CLOUD

#define TELEMETRY "farmiq.telemetry.exchange"
#define WEIGHVISION "farmiq.weighvision.exchange"
#define MEDIA "farmiq.media.exchange"
#define INFERENCE "farmiq.inference.exchange"
#define FEED "farmiq.feed.exchange"
#define SYNC "farmiq.sync.exchange"
#define BARN "farmiq.barn.exchange"
#define KPI "farmiq.kpi.exchange"

#define ROW(type, exchange, needs)                                                       \
    {                                                                                    \
        type, exchange, type, needs, 0                                                   \
    }

static const struct farmiq_event_kind catalogue[] = {
    { "telemetry.reading", TELEMETRY, "telemetry.ingested", SCOPE,
      0 }, /* seed 002, 8.1 */
    ROW("telemetry.ingested", TELEMETRY, SCOPE),
    ROW("telemetry.aggregated", TELEMETRY, SCOPE),
    ROW("weighvision.session.created", WEIGHVISION, 0),
    ROW("weighvision.weight.recorded", WEIGHVISION, 0),
    ROW("weighvision.session.finalized", WEIGHVISION, 0),
    ROW("weighvision.image.captured", WEIGHVISION, 0),
    ROW("weighvision.inference.completed", WEIGHVISION, 0),
    ROW("media.stored", MEDIA, 0),
    ROW("inference.completed", INFERENCE, 0),
    ROW("feed.intake.recorded", FEED, SCOPE),
    ROW("feed.lot.received", FEED, SCOPE),
    ROW("sync.batch.sent", SYNC, 0),
    ROW("sync.batch.acked", SYNC, 0),
    ROW("device.status", TELEMETRY, FARMIQ_NEEDS_DEVICE),
    ROW("sensor.heartbeat", TELEMETRY, FARMIQ_NEEDS_DEVICE),
    ROW("feed.intake.upserted", FEED, INTERNAL),
    ROW("barn.daily_counts.upserted", BARN, INTERNAL),
    ROW("barn.record.created", BARN, INTERNAL),
    ROW("weighvision.weight_aggregate.upserted", WEIGHVISION, INTERNAL),
    ROW("kpi.daily.updated", KPI, INTERNAL),
};

void farmiq_event_init(struct farmiq_event *event, size_t size)
{
    static const struct farmiq_event defaults = { .schema_version = { "1.0", 3 } };

    farmiq__init(event, size, &defaults, sizeof defaults);
}

const struct farmiq_event_kind *farmiq_event_kind_at(uint32_t index)
{
    return index < COUNT(catalogue) ? &catalogue[index] : NULL;
}

const struct farmiq_event_kind *farmiq_event_kind_find(const char *event_type, size_t len)
{
    struct farmiq_str wanted = { event_type, len };

    if (!event_type)
        return NULL;
    for (size_t i = 0; i < COUNT(catalogue); i++)
        if (farmiq__str_is(wanted, catalogue[i].event_type))
            return &catalogue[i];
    return NULL;
}

/* One event before the cloud, with what it is measured against. */
struct trial {
    const struct farmiq_event *event;
    const struct farmiq_event_kind *kind; /* NULL: not in the catalogue */
    struct farmiq_str tenant_id;
    int64_t now_unix_ms;
};

static int has_id(const struct trial *trial)
{
    size_t len = trial->event->event_id.len;

    return 1 <= len && len <= EVENT_ID_MAX_BYTES;
}

/* What only the cloud may say is as unknown from an edge as a spelling mistake. */
static int has_known_type(const struct trial *trial)
{
    return trial->kind && !(trial->kind->needs & FARMIQ_NEEDS_CLOUD);
}

static int has_tenant(const struct trial *trial)
{
    struct farmiq_str tenant = trial->event->tenant_id;

    return tenant.len > 0 && farmiq__str_eq(tenant, trial->tenant_id);
}

static int has_plausible_time(const struct trial *trial)
{
    int64_t occurred_at_unix_ms = trial->event->occurred_at_unix_ms;

    return occurred_at_unix_ms >= 0 &&
           occurred_at_unix_ms - FUTURE_MAX_MS <= trial->now_unix_ms;
}

/* "1", "1.0", "1.1.0": the major version alone decides, and absent means "1.0". */
static int has_known_schema(const struct trial *trial)
{
    struct farmiq_str version = trial->event->schema_version;

    return version.len == 0 ||
           (version.ptr[0] == '1' && (version.len == 1 || version.ptr[1] == '.'));
}

static int has_object(const struct trial *trial)
{
    struct farmiq_str payload = trial->event->payload;

    return payload.len >= 2 && payload.ptr[0] == '{' &&
           payload.ptr[payload.len - 1] == '}';
}

static int has_scope(const struct trial *trial)
{
    const struct farmiq_event *event = trial->event;
    uint32_t has = 0;

    if (event->farm_id.len > 0)
        has |= FARMIQ_NEEDS_FARM;
    if (event->barn_id.len > 0)
        has |= FARMIQ_NEEDS_BARN;
    if (event->device_id.len > 0 || event->station_id.len > 0)
        has |= FARMIQ_NEEDS_DEVICE;
    return (trial->kind->needs & ~has) == 0;
}

/* In the order of spec cloud 1.8. The last rule may rely on the second. */
static const struct {
    int (*holds)(const struct trial *trial);
    const char *code;
    const char *text;
} rules[] = {
    { has_id, "MISSING_EVENT_ID", "event_id must have 1 to 128 bytes" },
    { has_known_type, "UNKNOWN_EVENT_TYPE", "event_type is not one an edge may send" },
    { has_tenant, "TENANT_MISMATCH", "tenant_id is not the batch's" },
    { has_plausible_time, "INVALID_TIME",
      "occurred_at is before 1970 or more than 10 minutes in the future" },
    { has_known_schema, "UNSUPPORTED_SCHEMA", "schema_version must be 1 or 1.x" },
    { has_object, "INVALID_PAYLOAD", "payload must be an object" },
    { has_scope, "MISSING_SCOPE",
      "farm_id, barn_id and a device_id or station_id are needed for this event_type" },
};

int farmiq_event_check(struct farmiq_event *event, const char *tenant_id,
                       size_t tenant_id_len, int64_t now_unix_ms)
{
    struct trial trial = { event, NULL, { tenant_id, tenant_id_len }, now_unix_ms };

    if (!farmiq__is_sized(event, sizeof *event) || !tenant_id)
        return FARMIQ_E_ARG;
    trial.kind = farmiq_event_kind_find(event->event_type.ptr, event->event_type.len);
    for (size_t i = 0; !event->refusal && i < COUNT(rules); i++) {
        if (rules[i].holds(&trial))
            continue;
        event->refusal = rules[i].code;
        event->refusal_text = rules[i].text;
    }
    return event->refusal ? FARMIQ_E_REFUSED : FARMIQ_OK;
}

/* v5("farmiq.event" in the DNS namespace), the root of all derived event ids. */
static const uint8_t event_space[FARMIQ_UUID_BYTES] = {
    0x02, 0x32, 0x27, 0x8a, 0x40, 0xde, 0x59, 0x21,
    0xad, 0x47, 0x6c, 0x36, 0x9c, 0x7e, 0x89, 0x91,
};

/* The tenant gets a namespace of its own: two ids joined into one name could be cut
 * in two ways, and then two tenants would share an event. */
int farmiq_event_id_normalize(const char *tenant_id, size_t tenant_id_len,
                              const char *event_id, size_t event_id_len,
                              char out[FARMIQ_UUID_STRLEN + 1])
{
    uint8_t space[FARMIQ_UUID_BYTES], id[FARMIQ_UUID_BYTES];
    int r;

    if (!tenant_id || !event_id || event_id_len == 0 || !out)
        return FARMIQ_E_ARG;
    if (farmiq_uuid_parse(id, event_id, event_id_len) == FARMIQ_OK) {
        farmiq_uuid_format(id, out);
        return FARMIQ_UNCHANGED;
    }
    r = farmiq_uuid_v5(space, event_space, tenant_id, tenant_id_len);
    if (r == FARMIQ_OK)
        r = farmiq_uuid_v5(id, space, event_id, event_id_len);
    return r == FARMIQ_OK ? farmiq_uuid_format(id, out) : r;
}
