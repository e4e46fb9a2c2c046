/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's messages. */
#include "agent/message.h"

#include <string.h>
#include <sys/random.h>

static struct farmiq_str str(const char *text)
{
    struct farmiq_str s = { text, strlen(text) };

    return s;
}

int message_write(const struct farmiq_event *event, char *buf, size_t buf_bytes,
                  size_t *len)
{
    struct farmiq_envelope env;

    farmiq_envelope_init(&env, sizeof env);
    env.schema_version = event->schema_version;
    env.event_id = event->event_id;
    env.trace_id = event->trace_id;
    env.event_type = event->event_type;
    env.tenant_id = event->tenant_id;
    env.device_id = event->device_id;
    env.payload = event->payload;
    env.ts_unix_ms = env.produced_at_unix_ms = event->occurred_at_unix_ms;
    return farmiq_envelope_write(&env, buf, buf_bytes, len);
}

static int new_id(int64_t now_unix_ms, char out[FARMIQ_UUID_STRLEN + 1])
{
    uint8_t entropy[FARMIQ_UUID_ENTROPY_BYTES], id[FARMIQ_UUID_BYTES];
    int r;

    if (getrandom(entropy, sizeof entropy, 0) != (ssize_t)sizeof entropy)
        return FARMIQ_E_BUSY;
    r = farmiq_uuid_v7(id, NULL, now_unix_ms, entropy);
    return r ? r : farmiq_uuid_format(id, out);
}

static int write_status(const char *const *health, int is_online, int64_t now_unix_ms,
                        char *buf, size_t buf_bytes, size_t *len)
{
    struct farmiq_json_writer w;

    farmiq_json_begin(&w, buf, buf_bytes);
    farmiq_json_open(&w, '{');
    farmiq_json_key(&w, "status");
    farmiq_json_text(&w, is_online ? "online" : "offline");
    farmiq_json_key(&w, "last_seen_at");
    farmiq_json_time(&w, now_unix_ms);
    farmiq_json_key(&w, "firmware_version");
    farmiq_json_text(&w, farmiq_version_string());
    farmiq_json_key(&w, "health");
    farmiq_json_open(&w, '{');
    for (; *health; health++) {
        farmiq_json_key(&w, *health);
        farmiq_json_bool(&w, is_online);
    }
    farmiq_json_close(&w, '}');
    farmiq_json_close(&w, '}');
    return farmiq_json_end(&w, len);
}

int message_status(const struct agent_options *o, int is_online, int64_t now_unix_ms,
                   char *buf, size_t buf_bytes, size_t *len)
{
    char id[FARMIQ_UUID_STRLEN + 1], payload[512];
    struct farmiq_event event;
    size_t payload_len;
    int r = new_id(now_unix_ms, id);

    if (r == FARMIQ_OK)
        r = write_status(o->kind->health, is_online, now_unix_ms, payload, sizeof payload,
                         &payload_len);
    if (r != FARMIQ_OK)
        return r;
    farmiq_event_init(&event, sizeof event);
    event.event_id = event.trace_id = str(id);
    event.event_type = str("device.status");
    event.schema_version = str("1.0");
    event.tenant_id = str(o->tenant_id);
    event.device_id = str(o->device_id);
    event.payload = (struct farmiq_str){ payload, payload_len };
    event.occurred_at_unix_ms = now_unix_ms;
    return message_write(&event, buf, buf_bytes, len);
}

static int own_topic(const struct agent_options *o, int32_t kind, char *out)
{
    struct farmiq_topic topic;
    size_t len;

    farmiq_topic_init(&topic, sizeof topic);
    topic.kind = kind;
    topic.tenant_id = str(o->tenant_id);
    topic.farm_id = str(o->farm_id);
    topic.barn_id = str(o->barn_id);
    topic.source_id = str(o->device_id);
    return farmiq_topic_format(&topic, out, FARMIQ_TOPIC_MAX_BYTES + 1, &len);
}

int message_status_topic(const struct agent_options *o, char *out)
{
    return own_topic(o, FARMIQ_TOPIC_STATUS, out);
}

int message_ack_filter(const struct agent_options *o, char *out)
{
    int r = own_topic(o, FARMIQ_TOPIC_ACK, out);

    if (r == FARMIQ_OK && o->devices > 1)
        strcpy(strrchr(out, '/') + 1, "+");
    return r;
}
