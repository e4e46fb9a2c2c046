/* SPDX-License-Identifier: Apache-2.0 */
/* The batch from edge to cloud and its events: spec edge 6.5, cloud 1.2, 1.8, 2.4. */
#include <farmiq/batch.h>
#include <farmiq/time.h>
#include <farmiq/topic.h>

#include "json_private.h"

void farmiq_batch_init(struct farmiq_batch *batch, size_t size)
{
    static const struct farmiq_batch defaults = { 0 };

    farmiq__init(batch, size, &defaults, sizeof defaults);
}

/* ## One event */

enum member {
    EVENT_ID,
    EVENT_TYPE,
    TENANT_ID,
    FARM_ID,
    BARN_ID,
    DEVICE_ID,
    STATION_ID,
    SESSION_ID,
    BATCH_ID,
    OCCURRED_AT,
    TS,
    TRACE_ID,
    SCHEMA_VERSION,
    PAYLOAD,
    MEMBERS
};

/* In the order in which farmiq_event_write() puts them. */
static const struct farmiq_str names[MEMBERS] = {
    [EVENT_ID] = FARMIQ__JSON_NAME("event_id"),
    [EVENT_TYPE] = FARMIQ__JSON_NAME("event_type"),
    [TENANT_ID] = FARMIQ__JSON_NAME("tenant_id"),
    [FARM_ID] = FARMIQ__JSON_NAME("farm_id"),
    [BARN_ID] = FARMIQ__JSON_NAME("barn_id"),
    [DEVICE_ID] = FARMIQ__JSON_NAME("device_id"),
    [STATION_ID] = FARMIQ__JSON_NAME("station_id"),
    [SESSION_ID] = FARMIQ__JSON_NAME("session_id"),
    [BATCH_ID] = FARMIQ__JSON_NAME("batch_id"),
    [OCCURRED_AT] = FARMIQ__JSON_NAME("occurred_at"),
    [TS] = FARMIQ__JSON_NAME("ts"),
    [TRACE_ID] = FARMIQ__JSON_NAME("trace_id"),
    [SCHEMA_VERSION] = FARMIQ__JSON_NAME("schema_version"),
    [PAYLOAD] = FARMIQ__JSON_NAME("payload"),
};

/* 1: taken, or absent where that is allowed; 0: refused. */
typedef int take_fn(struct farmiq_event *event, const struct farmiq_json_member *members,
                    enum member member, size_t at);

static int take_optional(struct farmiq_event *event,
                         const struct farmiq_json_member *members, enum member member,
                         size_t at)
{
    const struct farmiq_json_member *m = &members[member];

    if (!farmiq__json_is_given(m))
        return 1;
    if (m->type != FARMIQ_JSON_STRING || m->text.len > FARMIQ_ID_MAX_BYTES)
        return 0;
    memcpy((char *)event + at, &m->text, sizeof m->text);
    return 1;
}

static int take_required(struct farmiq_event *event,
                         const struct farmiq_json_member *members, enum member member,
                         size_t at)
{
    const struct farmiq_json_member *m = &members[member];

    return farmiq__json_is_given(m) && m->text.len > 0 &&
           take_optional(event, members, member, at);
}

static int take_version(struct farmiq_event *event,
                        const struct farmiq_json_member *members, enum member member,
                        size_t at)
{
    event->schema_version = farmiq__str("1.0", 3);
    return take_optional(event, members, member, at);
}

/* Spec cloud 1.2: a device's envelope passed on as it is calls it `ts`. */
static int take_time(struct farmiq_event *event, const struct farmiq_json_member *members,
                     enum member member, size_t at)
{
    const struct farmiq_json_member *m = &members[member];
    int64_t *unix_ms = (int64_t *)(void *)((char *)event + at);

    if (!farmiq__json_is_given(m))
        m = &members[TS];
    return m->type == FARMIQ_JSON_STRING &&
           farmiq_time_parse(m->text.ptr, m->text.len, unix_ms) == FARMIQ_OK;
}

static int take_payload(struct farmiq_event *event,
                        const struct farmiq_json_member *members, enum member member,
                        size_t at)
{
    (void)at;
    event->payload = members[member].text;
    return members[member].type == FARMIQ_JSON_OBJECT;
}

/* Spec cloud 1.8: the first refusal in this order is the one that is told. */
static const struct {
    enum member member;
    take_fn *take;
    size_t at;
    const char *refusal;
    const char *text;
} fields[] = {
#define AT(member) offsetof(struct farmiq_event, member)
    { EVENT_ID, take_required, AT(event_id), "MISSING_EVENT_ID",
      "event_id is not a string of 1 to 128 bytes" },
    { EVENT_TYPE, take_required, AT(event_type), "UNKNOWN_EVENT_TYPE",
      "event_type is not a string of 1 to 128 bytes" },
    { TENANT_ID, take_required, AT(tenant_id), "TENANT_MISMATCH",
      "tenant_id is not a string of 1 to 128 bytes" },
    { OCCURRED_AT, take_time, AT(occurred_at_unix_ms), "INVALID_TIME",
      "occurred_at is not an RFC 3339 time from 1970 to 9999" },
    { SCHEMA_VERSION, take_version, AT(schema_version), "UNSUPPORTED_SCHEMA",
      "schema_version is not a string of up to 128 bytes" },
    { PAYLOAD, take_payload, AT(payload), "INVALID_PAYLOAD", "payload is not an object" },
    { TRACE_ID, take_optional, AT(trace_id), "INVALID_EVENT",
      "trace_id is not a string of up to 128 bytes" },
    { FARM_ID, take_optional, AT(farm_id), "INVALID_EVENT",
      "farm_id is not a string of up to 128 bytes" },
    { BARN_ID, take_optional, AT(barn_id), "INVALID_EVENT",
      "barn_id is not a string of up to 128 bytes" },
    { DEVICE_ID, take_optional, AT(device_id), "INVALID_EVENT",
      "device_id is not a string of up to 128 bytes" },
    { STATION_ID, take_optional, AT(station_id), "INVALID_EVENT",
      "station_id is not a string of up to 128 bytes" },
    { SESSION_ID, take_optional, AT(session_id), "INVALID_EVENT",
      "session_id is not a string of up to 128 bytes" },
    { BATCH_ID, take_optional, AT(batch_id), "INVALID_EVENT",
      "batch_id is not a string of up to 128 bytes" },
#undef AT
};

static void refuse(struct farmiq_event *event, const char *refusal, const char *text)
{
    if (event->refusal)
        return;
    event->refusal = refusal;
    event->refusal_text = text;
}

/* What the reader found wrong inside the event: poison that is legal JSON. */
static void refuse_fault(struct farmiq_event *event,
                         const struct farmiq__json_fault *fault)
{
    int in_payload = fault->field && strcmp(fault->field, "payload") == 0;

    if (fault->detail)
        refuse(event, in_payload ? "INVALID_PAYLOAD" : "INVALID_EVENT", fault->detail);
}

/* A refused event keeps what could be read, so that the answer can name it. */
static void take_event(struct farmiq_event *event,
                       const struct farmiq_json_member *members,
                       const struct farmiq__json_fault *fault)
{
    refuse_fault(event, fault);
    for (size_t i = 0; i < COUNT(fields); i++)
        if (!fields[i].take(event, members, fields[i].member, fields[i].at))
            refuse(event, fields[i].refusal, fields[i].text);
}

int farmiq_event_parse(struct farmiq_event *out, const char *json, size_t json_bytes,
                       void *scratch, size_t scratch_bytes, struct farmiq_error *error)
{
    struct farmiq_json_member members[MEMBERS];
    struct farmiq__json_fault fault = { 0 };
    struct farmiq_event event = { 0 };
    struct farmiq__arena arena;
    struct farmiq__json_job job = {
        .text = { json, json_bytes },
        .root = FARMIQ_JSON_OBJECT,
        .members = { members, names, MEMBERS },
        .forgiven = &fault,
        .arena = &arena,
        .error = error,
    };
    int result;

    if (!farmiq__is_sized(out, sizeof *out) || !json || !scratch)
        return FARMIQ_E_ARG;
    farmiq__arena_init(&arena, scratch, scratch_bytes);
    result = farmiq__json_read(&job);
    /* Every other fault has been forgiven. */
    if (result == FARMIQ_E_SCHEMA)
        refuse(&event, "INVALID_EVENT", "the event is not an object");
    else if (result != FARMIQ_OK)
        return result;
    else
        take_event(&event, members, &fault);
    event.size = out->size;
    *out = event;
    return FARMIQ_OK;
}

void farmiq_event_write(struct farmiq_json_writer *w, const struct farmiq_event *event)
{
    if (!w || !event)
        return;
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "event_id");
    farmiq_json_str(w, event->event_id);
    farmiq_json_key(w, "event_type");
    farmiq_json_str(w, event->event_type);
    farmiq_json_key(w, "tenant_id");
    farmiq_json_str(w, event->tenant_id);
    farmiq__json_optional(w, "farm_id", event->farm_id);
    farmiq__json_optional(w, "barn_id", event->barn_id);
    farmiq__json_optional(w, "device_id", event->device_id);
    farmiq__json_optional(w, "station_id", event->station_id);
    farmiq__json_optional(w, "session_id", event->session_id);
    farmiq__json_optional(w, "batch_id", event->batch_id);
    farmiq_json_key(w, "occurred_at");
    farmiq_json_time(w, event->occurred_at_unix_ms);
    farmiq__json_optional(w, "trace_id", event->trace_id);
    farmiq__json_optional(w, "schema_version", event->schema_version);
    farmiq_json_key(w, "payload");
    farmiq_json_raw(w, event->payload);
    farmiq_json_close(w, '}');
}

/* ## Writing a batch */

void farmiq_batch_open(struct farmiq_json_writer *w, char *buf, size_t buf_bytes,
                       struct farmiq_str tenant_id, struct farmiq_str edge_id,
                       struct farmiq_str batch_id, int64_t sent_at_unix_ms)
{
    farmiq_json_begin(w, buf, buf_bytes);
    farmiq_json_open(w, '{');
    farmiq_json_key(w, "tenant_id");
    farmiq_json_str(w, tenant_id);
    farmiq__json_optional(w, "edge_id", edge_id);
    farmiq__json_optional(w, "batch_id", batch_id);
    farmiq_json_key(w, "sent_at");
    farmiq_json_time(w, sent_at_unix_ms);
    farmiq_json_key(w, "events");
    farmiq_json_open(w, '[');
}

int farmiq_batch_add(struct farmiq_json_writer *w, struct farmiq_str tenant_id,
                     const struct farmiq_event *event)
{
    static const char closing[] = "]}"; /* the NUL that ends the buffer included */
    struct farmiq_json_writer before;
    int result;

    if (!w || !farmiq__is_sized(event, sizeof *event))
        return FARMIQ_E_ARG;
    if (!farmiq__str_eq(tenant_id, event->tenant_id))
        return FARMIQ_E_TENANT;
    before = *w;
    farmiq_event_write(w, event);
    result = w->failed;
    if (result == FARMIQ_OK && w->len + sizeof closing > w->buf_bytes)
        result = FARMIQ_E_NOSPACE;
    if (result != FARMIQ_OK)
        *w = before;
    return result;
}

int farmiq_batch_close(struct farmiq_json_writer *w, size_t *len)
{
    farmiq_json_close(w, ']');
    farmiq_json_close(w, '}');
    return farmiq_json_end(w, len);
}

/* ## Reading a batch */

enum head {
    HEAD_TENANT_ID,
    HEAD_EDGE_ID,
    HEAD_BATCH_ID,
    HEAD_BATCHID,
    HEAD_EVENTS,
    HEADS
};

static const struct farmiq_str head_names[HEADS] = {
    [HEAD_TENANT_ID] = FARMIQ__JSON_NAME("tenant_id"),
    [HEAD_EDGE_ID] = FARMIQ__JSON_NAME("edge_id"),
    [HEAD_BATCH_ID] = FARMIQ__JSON_NAME("batch_id"),
    [HEAD_BATCHID] = FARMIQ__JSON_NAME("batchId"),
    [HEAD_EVENTS] = FARMIQ__JSON_NAME("events"),
};

struct reading {
    struct farmiq__arena arena;
    struct farmiq_json_member head[HEADS];
    struct farmiq_json_member members[MEMBERS];
    struct farmiq__json_fault fault;
    struct farmiq_event **tail;
    struct farmiq_batch batch;
    struct farmiq_error *error;
    int is_tenant_optional;
};

static int refuse_batch(struct reading *r, int code, enum head member, const char *detail)
{
    const struct farmiq_json_member *m = &r->head[member];

    return farmiq__fail(r->error, code,
                        m->type == FARMIQ_JSON_ABSENT ? FARMIQ_NO_OFFSET : m->offset,
                        m->name, detail);
}

static int take_element(void *ctx, const struct farmiq__json_element *element)
{
    struct reading *r = ctx;
    struct farmiq_event *event;

    if (element->index >= FARMIQ_BATCH_MAX_EVENTS)
        return refuse_batch(r, FARMIQ_E_RANGE, HEAD_EVENTS,
                            "has more than 1000 elements");
    event = farmiq__arena_take(&r->arena, sizeof *event);
    if (!event)
        return refuse_batch(r, FARMIQ_E_NOSPACE, HEAD_EVENTS,
                            "does not fit the scratch memory");
    *event = (struct farmiq_event){ .size = sizeof *event, .index = element->index };
    if (element->type == FARMIQ_JSON_OBJECT)
        take_event(event, r->members, &r->fault);
    else
        refuse(event, "INVALID_EVENT", "the event is not an object");
    *r->tail = event;
    r->tail = &event->next;
    r->batch.event_count++;
    return FARMIQ_OK;
}

/* Spec cloud 1.2: the cloud has no use for a member of another type than text. */
static struct farmiq_str head_text(const struct farmiq_json_member *member)
{
    return member->type == FARMIQ_JSON_STRING ? member->text : farmiq__str(NULL, 0);
}

static int take_head(struct reading *r)
{
    struct farmiq_str tenant_id = head_text(&r->head[HEAD_TENANT_ID]);
    struct farmiq_str batch_id = head_text(&r->head[HEAD_BATCH_ID]);

    if (!r->is_tenant_optional &&
        (tenant_id.len == 0 || tenant_id.len > FARMIQ_ID_MAX_BYTES))
        return refuse_batch(r, FARMIQ_E_SCHEMA, HEAD_TENANT_ID,
                            "is not a string of 1 to 128 bytes");
    if (r->head[HEAD_EVENTS].type != FARMIQ_JSON_ARRAY)
        return refuse_batch(r, FARMIQ_E_SCHEMA, HEAD_EVENTS, "is not an array");
    if (!r->is_tenant_optional)
        r->batch.tenant_id = tenant_id;
    r->batch.edge_id = head_text(&r->head[HEAD_EDGE_ID]);
    r->batch.batch_id = batch_id.len ? batch_id : head_text(&r->head[HEAD_BATCHID]);
    return FARMIQ_OK;
}

static int read_batch(struct reading *r, const char *json, size_t json_bytes)
{
    struct farmiq__json_list events = {
        .name = "events",
        .members = { r->members, names, MEMBERS },
        .forgiven = &r->fault,
        .element = take_element,
        .ctx = r,
    };
    struct farmiq__json_job job = {
        .text = { json, json_bytes },
        .root = FARMIQ_JSON_OBJECT,
        .members = { r->head, head_names, HEADS },
        .list = &events,
        .arena = &r->arena,
        .error = r->error,
    };
    int result = farmiq__json_read(&job);

    return result == FARMIQ_OK ? take_head(r) : result;
}

static int parse(struct farmiq_batch *out, const char *json, size_t json_bytes,
                 void *scratch, size_t scratch_bytes, struct farmiq_error *error,
                 int is_tenant_optional)
{
    struct reading r = { .error = error, .is_tenant_optional = is_tenant_optional };
    int result;

    if (!farmiq__is_sized(out, sizeof *out) || !json || !scratch)
        return FARMIQ_E_ARG;
    if (json_bytes > FARMIQ_BATCH_MAX_BYTES)
        return farmiq__fail(error, FARMIQ_E_RANGE, FARMIQ_BATCH_MAX_BYTES, NULL,
                            "is longer than 10 MiB");
    r.tail = &r.batch.first;
    farmiq__arena_init(&r.arena, scratch, scratch_bytes);
    result = read_batch(&r, json, json_bytes);
    if (result != FARMIQ_OK)
        return result;
    r.batch.size = out->size;
    *out = r.batch;
    return FARMIQ_OK;
}

int farmiq_batch_parse(struct farmiq_batch *out, const char *json, size_t json_bytes,
                       void *scratch, size_t scratch_bytes, struct farmiq_error *error)
{
    return parse(out, json, json_bytes, scratch, scratch_bytes, error, 0);
}

int farmiq_events_parse(struct farmiq_batch *out, const char *json, size_t json_bytes,
                        void *scratch, size_t scratch_bytes, struct farmiq_error *error)
{
    return parse(out, json, json_bytes, scratch, scratch_bytes, error, 1);
}
