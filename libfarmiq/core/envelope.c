/* SPDX-License-Identifier: Apache-2.0 */
/* The device's envelope: spec edge 2.5, and its agreement with a topic, 2.7. */
#include <farmiq/envelope.h>
#include <farmiq/time.h>

#include "json_private.h"

void farmiq_envelope_init(struct farmiq_envelope *env, size_t size)
{
    static const struct farmiq_envelope defaults = { 0 };

    farmiq__init(env, size, &defaults, sizeof defaults);
}

void farmiq_envelope_rules_init(struct farmiq_envelope_rules *rules, size_t size)
{
    static const struct farmiq_envelope_rules defaults = { 0 };

    farmiq__init(rules, size, &defaults, sizeof defaults);
}

/* ## Reading */

/* In the order of a device's own text, where each is looked for first. */
enum member {
    SCHEMA_VERSION,
    EVENT_ID,
    TRACE_ID,
    EVENT_TYPE,
    TENANT_ID,
    DEVICE_ID,
    TS,
    PAYLOAD,
    CONTENT_HASH,
    RETRY_COUNT,
    PRODUCED_AT,
    OCCURRED_AT,
    MEMBERS
};

static const struct farmiq_str names[MEMBERS] = {
    [SCHEMA_VERSION] = FARMIQ__JSON_NAME("schema_version"),
    [EVENT_ID] = FARMIQ__JSON_NAME("event_id"),
    [TRACE_ID] = FARMIQ__JSON_NAME("trace_id"),
    [EVENT_TYPE] = FARMIQ__JSON_NAME("event_type"),
    [TENANT_ID] = FARMIQ__JSON_NAME("tenant_id"),
    [DEVICE_ID] = FARMIQ__JSON_NAME("device_id"),
    [TS] = FARMIQ__JSON_NAME("ts"),
    [PAYLOAD] = FARMIQ__JSON_NAME("payload"),
    [CONTENT_HASH] = FARMIQ__JSON_NAME("content_hash"),
    [RETRY_COUNT] = FARMIQ__JSON_NAME("retry_count"),
    [PRODUCED_AT] = FARMIQ__JSON_NAME("produced_at"),
    [OCCURRED_AT] = FARMIQ__JSON_NAME("occurred_at"),
};

/* What is known while one envelope is read. */
struct reading {
    const struct farmiq_envelope_rules *rules;
    struct farmiq_json_member members[MEMBERS];
    struct farmiq_envelope env;
    struct farmiq_error *error;
};

static int refuse(struct reading *r, int code, const struct farmiq_json_member *member,
                  const char *detail)
{
    uint32_t offset =
        member->type == FARMIQ_JSON_ABSENT ? FARMIQ_NO_OFFSET : member->offset;

    return farmiq__fail(r->error, code, offset, member->name, detail);
}

static const char *id_fault(struct reading *r, struct farmiq_str text)
{
    if (r->rules && r->rules->loose_ids)
        return farmiq__is_topic_level(text) ? NULL : "is not a topic level";
    return farmiq_id_is_valid(text.ptr, text.len) ? NULL : "is not a legal id";
}

static const char *text_fault(struct reading *r, struct farmiq_str text)
{
    (void)r;
    if (text.len == 0)
        return "is empty";
    return text.len > FARMIQ_ID_MAX_BYTES ? "is longer than 128 bytes" : NULL;
}

static const char *version_fault(struct reading *r, struct farmiq_str text)
{
    (void)r;
    return farmiq__str_is(text, "1.0") ? NULL : "is not a supported schema_version";
}

static const struct {
    enum member member;
    int required;
    size_t at; /* in the envelope */
    const char *(*fault)(struct reading *r, struct farmiq_str text);
} texts[] = {
    { SCHEMA_VERSION, 1, offsetof(struct farmiq_envelope, schema_version),
      version_fault },
    { EVENT_ID, 1, offsetof(struct farmiq_envelope, event_id), text_fault },
    { TRACE_ID, 0, offsetof(struct farmiq_envelope, trace_id), text_fault },
    { EVENT_TYPE, 1, offsetof(struct farmiq_envelope, event_type), id_fault },
    { TENANT_ID, 1, offsetof(struct farmiq_envelope, tenant_id), id_fault },
    { DEVICE_ID, 1, offsetof(struct farmiq_envelope, device_id), id_fault },
    { CONTENT_HASH, 0, offsetof(struct farmiq_envelope, content_hash), text_fault },
};

static int take_text(struct reading *r, size_t row)
{
    const struct farmiq_json_member *member = &r->members[texts[row].member];
    const char *fault;

    if (!farmiq__json_is_given(member))
        return texts[row].required ? refuse(r, FARMIQ_E_SCHEMA, member, "is missing")
                                   : FARMIQ_OK;
    if (member->type != FARMIQ_JSON_STRING)
        return refuse(r, FARMIQ_E_SCHEMA, member, "is not a string");
    fault = texts[row].fault(r, member->text);
    if (fault)
        return refuse(r, FARMIQ_E_SCHEMA, member, fault);
    memcpy((char *)&r->env + texts[row].at, &member->text, sizeof member->text);
    return FARMIQ_OK;
}

static int take_texts(struct reading *r)
{
    struct farmiq_json_member *version = &r->members[SCHEMA_VERSION];

    if (!farmiq__json_is_given(version) && r->rules && r->rules->default_schema_version) {
        version->type = FARMIQ_JSON_STRING;
        version->text = farmiq__str("1.0", 3);
    }
    for (size_t row = 0; row < COUNT(texts); row++) {
        int result = take_text(r, row);

        if (result != FARMIQ_OK)
            return result;
    }
    return FARMIQ_OK;
}

static int take_time(struct reading *r, const struct farmiq_json_member *member,
                     int64_t *unix_ms)
{
    int result;

    if (member->type != FARMIQ_JSON_STRING)
        return refuse(r, FARMIQ_E_SCHEMA, member, "is not a string");
    result = farmiq_time_parse(member->text.ptr, member->text.len, unix_ms);
    if (result == FARMIQ_E_RANGE)
        return refuse(r, FARMIQ_E_RANGE, member, "is no moment from 1970 to 9999");
    if (result != FARMIQ_OK)
        return refuse(r, FARMIQ_E_SCHEMA, member, "is not an RFC 3339 time");
    return FARMIQ_OK;
}

/* Spec edge 2.5, D-22: `ts` wins; its alias is looked at only when it is absent. */
static int take_times(struct reading *r)
{
    const struct farmiq_json_member *ts = &r->members[TS];
    const struct farmiq_json_member *produced = &r->members[PRODUCED_AT];
    int result;

    if (!farmiq__json_is_given(ts) && farmiq__json_is_given(&r->members[OCCURRED_AT])) {
        ts = &r->members[OCCURRED_AT];
        r->env.used_alias = 1;
    }
    if (!farmiq__json_is_given(ts))
        return refuse(r, FARMIQ_E_SCHEMA, ts, "is missing");
    result = take_time(r, ts, &r->env.ts_unix_ms);
    r->env.produced_at_unix_ms = r->env.ts_unix_ms;
    if (result == FARMIQ_OK && farmiq__json_is_given(produced))
        result = take_time(r, produced, &r->env.produced_at_unix_ms);
    return result;
}

static int take_payload(struct reading *r)
{
    const struct farmiq_json_member *payload = &r->members[PAYLOAD];

    if (!farmiq__json_is_given(payload))
        return refuse(r, FARMIQ_E_SCHEMA, payload, "is missing");
    if (payload->type != FARMIQ_JSON_OBJECT)
        return refuse(r, FARMIQ_E_SCHEMA, payload, "is not an object");
    r->env.payload = payload->text;
    return FARMIQ_OK;
}

static int take_retry_count(struct reading *r)
{
    const struct farmiq_json_member *count = &r->members[RETRY_COUNT];

    if (!farmiq__json_is_given(count))
        return FARMIQ_OK;
    if (count->type != FARMIQ_JSON_NUMBER ||
        farmiq__number_to_uint32(count->number, &r->env.retry_count) != FARMIQ_OK)
        return refuse(r, FARMIQ_E_SCHEMA, count, "is not a count");
    return FARMIQ_OK;
}

static int take_all(struct reading *r)
{
    static int (*const steps[])(struct reading *) = { take_texts, take_times,
                                                      take_payload, take_retry_count };
    int result = FARMIQ_OK;

    for (size_t i = 0; i < COUNT(steps) && result == FARMIQ_OK; i++)
        result = steps[i](r);
    return result;
}

static int read_members(struct reading *r, const char *json, size_t json_bytes,
                        void *scratch, size_t scratch_bytes)
{
    struct farmiq__arena arena;
    struct farmiq__json_job job = {
        .text = { json, json_bytes },
        .root = FARMIQ_JSON_OBJECT,
        .members = { r->members, names, MEMBERS },
        .arena = &arena,
        .error = r->error,
    };

    if (json_bytes > FARMIQ_ENVELOPE_MAX_BYTES)
        return farmiq__fail(r->error, FARMIQ_E_RANGE, FARMIQ_ENVELOPE_MAX_BYTES, NULL,
                            "is longer than 256 KiB");
    farmiq__arena_init(&arena, scratch, scratch_bytes);
    return farmiq__json_read(&job);
}

int farmiq_envelope_parse(struct farmiq_envelope *out,
                          const struct farmiq_envelope_rules *rules, const char *json,
                          size_t json_bytes, void *scratch, size_t scratch_bytes,
                          struct farmiq_error *error)
{
    struct reading r;
    int result;

    if (!farmiq__is_sized(out, sizeof *out) || !json || !scratch ||
        (rules && !farmiq__is_sized(rules, sizeof *rules)))
        return FARMIQ_E_ARG;
    r.rules = rules;
    r.error = error;
    r.env = (struct farmiq_envelope){ .size = out->size };
    result = read_members(&r, json, json_bytes, scratch, scratch_bytes);
    if (result == FARMIQ_OK)
        result = take_all(&r);
    if (result != FARMIQ_OK)
        return result;
    *out = r.env;
    return FARMIQ_OK;
}

/* ## Writing */

static void write_text(struct farmiq_json_writer *w, const char *name,
                       struct farmiq_str text)
{
    farmiq_json_key(w, name);
    farmiq_json_str(w, text);
}

static void write_time(struct farmiq_json_writer *w, const char *name, int64_t unix_ms)
{
    farmiq_json_key(w, name);
    farmiq_json_time(w, unix_ms);
}

int farmiq_envelope_write(const struct farmiq_envelope *env, char *buf, size_t buf_bytes,
                          size_t *len)
{
    struct farmiq_json_writer w;

    if (!farmiq__is_sized(env, sizeof *env) || !len || (!buf && buf_bytes > 0))
        return FARMIQ_E_ARG;
    farmiq_json_begin(&w, buf, buf_bytes);
    farmiq_json_open(&w, '{');
    write_text(&w, "schema_version", env->schema_version);
    write_text(&w, "event_id", env->event_id);
    farmiq__json_optional(&w, "trace_id", env->trace_id);
    write_text(&w, "event_type", env->event_type);
    write_text(&w, "tenant_id", env->tenant_id);
    write_text(&w, "device_id", env->device_id);
    write_time(&w, "ts", env->ts_unix_ms);
    farmiq_json_key(&w, "payload");
    farmiq_json_raw(&w, env->payload);
    farmiq__json_optional(&w, "content_hash", env->content_hash);
    if (env->retry_count > 0) {
        farmiq_json_key(&w, "retry_count");
        farmiq_json_int(&w, env->retry_count);
    }
    if (env->produced_at_unix_ms != env->ts_unix_ms)
        write_time(&w, "produced_at", env->produced_at_unix_ms);
    farmiq_json_close(&w, '}');
    return farmiq_json_end(&w, len);
}

/* ## Agreement with the topic */

/* Spec edge 2.7, steps 4 to 7. A weighing station speaks for its scales and
 * cameras, so there the device is free; a status topic names no event type. */
static const struct {
    int device;
    int leaf_is_type;
    const char *event_type;
} agreement[] = {
    [FARMIQ_TOPIC_TELEMETRY] = { 1, 0, "telemetry.reading" },
    [FARMIQ_TOPIC_EVENT] = { 1, 1, NULL },
    [FARMIQ_TOPIC_WEIGHVISION] = { 0, 1, NULL },
    [FARMIQ_TOPIC_STATUS] = { 1, 0, NULL },
};

static int disagree(struct farmiq_error *error, int code, const char *field)
{
    return farmiq__fail(error, code, FARMIQ_NO_OFFSET, field, "does not fit the topic");
}

int farmiq_envelope_check_topic(const struct farmiq_envelope *env,
                                const struct farmiq_topic *topic,
                                struct farmiq_error *error)
{
    if (!farmiq__is_sized(env, sizeof *env) || !farmiq__is_sized(topic, sizeof *topic))
        return FARMIQ_E_ARG;
    if (topic->kind < FARMIQ_TOPIC_TELEMETRY || topic->kind > FARMIQ_TOPIC_STATUS)
        return disagree(error, FARMIQ_E_SCHEMA, "topic");
    if (!farmiq__str_eq(env->tenant_id, topic->tenant_id))
        return disagree(error, FARMIQ_E_TENANT, "tenant_id");
    if (agreement[topic->kind].device &&
        !farmiq__str_eq(env->device_id, topic->source_id))
        return disagree(error, FARMIQ_E_SCHEMA, "device_id");
    if (agreement[topic->kind].leaf_is_type &&
        !farmiq__str_eq(env->event_type, topic->leaf))
        return disagree(error, FARMIQ_E_SCHEMA, "event_type");
    if (agreement[topic->kind].event_type &&
        !farmiq__str_is(env->event_type, agreement[topic->kind].event_type))
        return disagree(error, FARMIQ_E_SCHEMA, "event_type");
    return FARMIQ_OK;
}
