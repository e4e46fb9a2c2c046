/* SPDX-License-Identifier: Apache-2.0 */
/* An order: from the body of a request, into the queue and back, and the ids that follow
 * from it (spec edge 4.5, 8.2, 9). */
#include "inference.h"

#include "common/members.h"
#include "common/scratch.h"
#include "common/text.h"

#include <stddef.h>
#include <string.h>

#define KEY_MAX_BYTES 1024

static const struct field {
    const char *name, *other_name;
    size_t at; /* of the text in an order */
    size_t max_bytes;
    int is_needed; /* the cloud takes no result without its place (spec edge 6.1) */
} fields[] = {
    { "tenant_id", "tenantId", offsetof(struct order, tenant_id), FARMIQ_ID_MAX_BYTES,
      1 },
    { "farm_id", "farmId", offsetof(struct order, farm_id), FARMIQ_ID_MAX_BYTES, 1 },
    { "barn_id", "barnId", offsetof(struct order, barn_id), FARMIQ_ID_MAX_BYTES, 1 },
    { "device_id", "deviceId", offsetof(struct order, device_id), FARMIQ_ID_MAX_BYTES,
      1 },
    { "session_id", "sessionId", offsetof(struct order, session_id), FARMIQ_ID_MAX_BYTES,
      0 },
    { "media_id", "mediaId", offsetof(struct order, media_id), FARMIQ_ID_MAX_BYTES, 0 },
    { "object_key", "objectKey", offsetof(struct order, object_key), KEY_MAX_BYTES, 0 },
    { "trace_id", "traceId", offsetof(struct order, trace_id), FARMIQ_ID_MAX_BYTES, 0 },
};

enum { FIELDS = sizeof fields / sizeof *fields, TYPE = 2 * FIELDS, MEMBERS = TYPE + 2 };

static int refuse(struct shim_call *call, int status, const char *code, const char *name,
                  const char *fault)
{
    shim_reply_error(call, status, code, "%s %s", name, fault);
    return 1;
}

static const struct farmiq_json_member *either(const struct farmiq_json_member *pair)
{
    return pair[0].type != FARMIQ_JSON_ABSENT ? &pair[0] : &pair[1];
}

static int take_field(struct shim_call *call, const struct field *field,
                      const struct farmiq_json_member *member, struct order *order)
{
    struct farmiq_str *text = (struct farmiq_str *)((char *)order + field->at);

    if (!field->is_needed &&
        (member->type == FARMIQ_JSON_ABSENT || member->type == FARMIQ_JSON_NULL))
        return FARMIQ_OK;
    if (member->type != FARMIQ_JSON_STRING || !member->text.len ||
        member->text.len > field->max_bytes)
        return refuse(call, 400, "VALIDATION_ERROR", field->name,
                      field->max_bytes == KEY_MAX_BYTES
                          ? "must be 1 to 1024 bytes of text"
                          : "must be 1 to 128 bytes of text");
    *text = member->text;
    return FARMIQ_OK;
}

/* ## Ids */

/* v5(space, name), of which the next name makes the next space. */
static void descend(uint8_t space[FARMIQ_UUID_BYTES], struct farmiq_str name)
{
    uint8_t parent[FARMIQ_UUID_BYTES];

    memcpy(parent, space, sizeof parent);
    (void)!farmiq_uuid_v5(space, parent, name.ptr, name.len);
}

static struct farmiq_str format(struct shim_call *call,
                                const uint8_t id[FARMIQ_UUID_BYTES])
{
    char *text = shim_memory(call, FARMIQ_UUID_STRLEN + 1);

    if (!text)
        return shim_str("");
    farmiq_uuid_format(id, text);
    return (struct farmiq_str){ text, FARMIQ_UUID_STRLEN };
}

struct farmiq_str order_result_id(struct shim_call *call, const struct order *order,
                                  struct farmiq_str model_version)
{
    uint8_t id[FARMIQ_UUID_BYTES];

    memcpy(id, farmiq_uuid_dns_space(), sizeof id);
    descend(id, shim_str("farmiq.edge.vision-inference"));
    descend(id, order->tenant_id);
    descend(id, order->media_id);
    descend(id, model_version);
    return format(call, id);
}

/* The media store's own rule: the id of a medium follows from its key. */
static struct farmiq_str media_of_key(struct shim_call *call, const struct order *order)
{
    const struct farmiq_str parts[] = { order->tenant_id, shim_str(":"),
                                        shim_str(shim_text(call, "MEDIA_BUCKET")),
                                        shim_str(":"), order->object_key };
    struct farmiq_str name = text_join(call, parts, 5);
    uint8_t id[FARMIQ_UUID_BYTES];

    memcpy(id, farmiq_uuid_dns_space(), sizeof id);
    descend(id, shim_str("farmiq.edge.media-store"));
    descend(id, name);
    return name.len ? format(call, id) : name;
}

/* ## From a request */

/* It becomes a part of a path. */
static int can_be_asked_for(struct farmiq_str id)
{
    return !id.len || farmiq_id_is_valid(id.ptr, id.len);
}

static int check(struct shim_call *call, const struct farmiq_json_member *type,
                 const struct order *order)
{
    struct farmiq_str tenant_id = shim_header(call, "x-tenant-id");

    if (tenant_id.len && !text_equal(tenant_id, order->tenant_id))
        return refuse(call, 403, "TENANT_MISMATCH", "tenant_id",
                      "is not the one of x-tenant-id");
    if (!order->media_id.len && !order->object_key.len)
        return refuse(call, 400, "VALIDATION_ERROR", "media_id",
                      "or object_key is required");
    if (!can_be_asked_for(order->media_id) || !can_be_asked_for(order->session_id))
        return refuse(call, 400, "VALIDATION_ERROR", "media_id and session_id",
                      "may hold A-Z a-z 0-9 . _ : @ - only");
    if (type->type != FARMIQ_JSON_ABSENT && type->type != FARMIQ_JSON_NULL &&
        !text_is(type->text, "inference"))
        return refuse(call, 400, "VALIDATION_ERROR", "job_type", "must be \"inference\"");
    return FARMIQ_OK;
}

static int complete(struct shim_call *call, struct order *order)
{
    const struct inference_state *state = call->state;

    if (!order->media_id.len)
        order->media_id = media_of_key(call, order);
    if (!order->trace_id.len)
        order->trace_id = call->trace_id;
    order->job_id = order_result_id(call, order, shim_str(state->version));
    return order->media_id.len && order->job_id.len ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

int order_read(struct shim_call *call, struct order *order)
{
    struct farmiq_json_member members[MEMBERS] = { [TYPE] = { .name = "job_type" },
                                                   { .name = "jobType" } };
    struct scratch scratch = { 0 };
    int r;

    for (int i = 0; i < FIELDS; i++) {
        members[2 * i].name = fields[i].name;
        members[2 * i + 1].name = fields[i].other_name;
    }
    *order = (struct order){ 0 };
    r = scratch_members(&scratch, call, call->body, members, MEMBERS);
    if (r == FARMIQ_E_NOMEM)
        return r;
    if (r != FARMIQ_OK)
        return refuse(call, 400, "VALIDATION_ERROR", "the body", "must be a JSON object");
    for (int i = 0; i < FIELDS && r == FARMIQ_OK; i++)
        r = take_field(call, &fields[i], either(&members[2 * i]), order);
    if (r == FARMIQ_OK)
        r = check(call, either(&members[TYPE]), order);
    return r == FARMIQ_OK ? complete(call, order) : r;
}

/* ## Into the queue, and back */

static void write_payload(struct farmiq_json_writer *json, const void *ctx)
{
    const struct order *order = ctx;

    farmiq_json_open(json, '{');
    member_text(json, "media_id", order->media_id);
    member_text_or_null(json, "object_key", order->object_key);
    farmiq_json_close(json, '}');
}

int order_event(struct shim_call *call, const struct order *order,
                struct farmiq_event *event)
{
    farmiq_event_init(event, sizeof *event);
    event->event_type = shim_str("inference.requested");
    event->event_id = order->job_id;
    event->tenant_id = order->tenant_id;
    event->farm_id = order->farm_id;
    event->barn_id = order->barn_id;
    event->device_id = order->device_id;
    event->session_id = order->session_id;
    event->trace_id = order->trace_id;
    event->occurred_at_unix_ms = call->now_unix_ms;
    return scratch_build(call, 256 + order->object_key.len, write_payload, order,
                         &event->payload);
}

int order_of_event(struct shim_call *call, const struct farmiq_event *event,
                   struct order *order)
{
    struct farmiq_json_member members[] = { { .name = "media_id" },
                                            { .name = "object_key" } };
    struct scratch scratch = { 0 };
    int r = scratch_members(&scratch, call, event->payload, members, 2);

    *order = (struct order){ .job_id = event->event_id,
                             .tenant_id = event->tenant_id,
                             .farm_id = event->farm_id,
                             .barn_id = event->barn_id,
                             .device_id = event->device_id,
                             .session_id = event->session_id,
                             .trace_id = event->trace_id,
                             .media_id = members[0].text };
    if (members[1].type == FARMIQ_JSON_STRING)
        order->object_key = members[1].text;
    return r;
}
