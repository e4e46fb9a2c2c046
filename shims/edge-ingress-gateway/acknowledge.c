/* SPDX-License-Identifier: Apache-2.0 */
/* The application acknowledgement: after the commit each device learns which of its
 * events are safe and which will never be (docs/reliability.md). PUBACK cannot say that:
 * it comes from the broker. */
#include "gateway.h"

#include "common/groups.h"

struct device {
    struct group group;
    struct farmiq_str ack_topic;
    struct arrival *first, *last;
    uint32_t count;
};

static int format_topic(struct shim_call *call, const struct arrival *arrival,
                        struct farmiq_str *out)
{
    struct farmiq_topic topic = arrival->topic;
    size_t bytes = arrival->message->topic.len + 1; /* an ack's topic is shorter */
    char *text = shim_memory(call, bytes);

    topic.kind = FARMIQ_TOPIC_ACK;
    out->ptr = text;
    return text ? farmiq_topic_format(&topic, text, bytes, &out->len) : FARMIQ_E_NOMEM;
}

static int add_arrival(struct shim_call *call, struct groups *devices,
                       struct arrival *arrival)
{
    struct group_key key = { { arrival->topic.tenant_id, arrival->topic.farm_id,
                               arrival->topic.barn_id, arrival->topic.source_id },
                             0 };
    struct device *device = groups_find(devices, call, &key);

    if (!device)
        return FARMIQ_E_NOMEM;
    if (device->last)
        device->last->next_of_device = arrival;
    else
        device->first = arrival;
    device->last = arrival;
    return device->count++ ? FARMIQ_OK : format_topic(call, arrival, &device->ack_topic);
}

static void write_acked(struct farmiq_json_writer *json, const struct device *device)
{
    farmiq_json_key(json, "acked");
    farmiq_json_open(json, '[');
    for (const struct arrival *one = device->first; one; one = one->next_of_device)
        if (one->message->verdict == FARMIQ_OK)
            farmiq_json_str(json, one->envelope.event_id);
    farmiq_json_close(json, ']');
}

static void write_refused(struct farmiq_json_writer *json, const struct device *device)
{
    farmiq_json_key(json, "refused");
    farmiq_json_open(json, '[');
    for (const struct arrival *one = device->first; one; one = one->next_of_device) {
        if (one->message->verdict == FARMIQ_OK)
            continue;
        farmiq_json_open(json, '{');
        farmiq_json_key(json, "event_id");
        farmiq_json_str(json, one->envelope.event_id);
        farmiq_json_key(json, "error");
        farmiq_json_text(json, one->message->reason);
        farmiq_json_close(json, '}');
    }
    farmiq_json_close(json, ']');
}

static void write_answer(struct farmiq_json_writer *json, const void *ctx)
{
    farmiq_json_open(json, '{');
    write_acked(json, ctx);
    write_refused(json, ctx);
    farmiq_json_close(json, '}');
}

int gateway_acknowledge(struct shim_call *call, struct batch *batch)
{
    struct groups devices;
    int r = groups_open(&devices, call, batch->count, sizeof(struct device));

    for (uint32_t i = 0; i < batch->count && r == FARMIQ_OK; i++)
        if (batch->arrivals[i].has_topic && batch->arrivals[i].envelope.event_id.len)
            r = add_arrival(call, &devices, &batch->arrivals[i]);
    for (struct group *group = devices.first; group && r == FARMIQ_OK;
         group = group->next) {
        const struct device *device = (const struct device *)group;
        struct farmiq_str body;

        r = scratch_build(call, (size_t)device->count * 64 + 64, write_answer, device,
                          &body);
        if (r == FARMIQ_OK)
            r = shim_mqtt_send(call, device->ack_topic, body);
    }
    return r;
}
