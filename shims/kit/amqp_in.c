/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in: delivered, or fetched one at a time, and acknowledged. */
#include <stdlib.h>
#include <string.h>

#include "kit/amqp_private.h"

/* A delivery with copies of these texts; its message is still to be read. */
static struct shim_amqp_held *make_held(uint64_t tag, int is_redelivered,
                                        amqp_bytes_t exchange, amqp_bytes_t routing_key,
                                        amqp_bytes_t queue)
{
    struct shim_amqp_held *held =
        calloc(1, sizeof *held + exchange.len + routing_key.len + queue.len);
    char *at;

    if (!held)
        return NULL;
    at = held->texts;
    held->delivery.tag = tag;
    held->delivery.is_redelivered = is_redelivered;
    held->delivery.exchange = (struct farmiq_str){ at, exchange.len };
    at = (char *)mempcpy(at, exchange.bytes, exchange.len);
    held->delivery.routing_key = (struct farmiq_str){ at, routing_key.len };
    at = (char *)mempcpy(at, routing_key.bytes, routing_key.len);
    held->delivery.queue = (struct farmiq_str){ at, queue.len };
    memcpy(at, queue.bytes, queue.len);
    return held;
}

/* The content follows its method at once, on the same channel. */
static int read_content(struct shim_amqp *link, struct shim_amqp_held *held)
{
    const amqp_basic_properties_t *properties = &held->message.properties;
    amqp_rpc_reply_t reply =
        amqp_read_message(link->connection, SHIM_AMQP_IN, &held->message, 0);

    if (reply.reply_type != AMQP_RESPONSE_NORMAL) {
        free(held);
        return shim__amqp_lose(link, "a message broke off", amqp_empty_bytes);
    }
    held->delivery.body = shim__amqp_str(held->message.body);
    if (properties->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
        held->delivery.message_id = shim__amqp_str(properties->message_id);
    return FARMIQ_OK;
}

int shim__amqp_take_delivery(struct shim_amqp *link, const amqp_frame_t *frame)
{
    const amqp_basic_deliver_t *deliver = frame->payload.method.decoded;
    /* The consumer's tag is its queue's name: see shim_amqp_consume(). */
    struct shim_amqp_held *held =
        make_held(deliver->delivery_tag, deliver->redelivered, deliver->exchange,
                  deliver->routing_key, deliver->consumer_tag);
    int r;

    if (!held)
        return shim__amqp_lose(link, "out of memory", amqp_empty_bytes);
    r = read_content(link, held);
    if (r < 0)
        return r;
    *link->inbox_end = &held->delivery;
    link->inbox_end = &held->delivery.next;
    return FARMIQ_OK;
}

int shim_amqp_consume(struct shim_amqp *link, const char *queue, uint16_t prefetch)
{
    int r;

    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    amqp_basic_qos(link->connection, SHIM_AMQP_IN, 0, prefetch, 0);
    r = shim__amqp_rpc(link, amqp_get_rpc_reply(link->connection));
    if (r != FARMIQ_OK)
        return r;
    amqp_basic_consume(link->connection, SHIM_AMQP_IN, amqp_cstring_bytes(queue),
                       amqp_cstring_bytes(queue), 0, 0, 0, amqp_empty_table);
    return shim__amqp_rpc(link, amqp_get_rpc_reply(link->connection));
}

int shim_amqp_receive(struct shim_amqp *link, uint32_t wait_ms,
                      struct shim_amqp_delivery **out)
{
    int r = FARMIQ_OK;

    while (!link->inbox && r == FARMIQ_OK)
        r = shim_amqp_tend(link, wait_ms);
    if (!link->inbox)
        return r;
    *out = link->inbox;
    link->inbox = (*out)->next;
    (*out)->next = NULL;
    if (!link->inbox)
        link->inbox_end = &link->inbox;
    return FARMIQ_OK;
}

int shim_amqp_get(struct shim_amqp *link, const char *queue,
                  struct shim_amqp_delivery **out)
{
    const amqp_basic_get_ok_t *got;
    struct shim_amqp_held *held;
    amqp_rpc_reply_t reply;
    int r;

    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    reply = amqp_basic_get(link->connection, SHIM_AMQP_IN, amqp_cstring_bytes(queue), 0);
    r = shim__amqp_rpc(link, reply);
    if (r != FARMIQ_OK)
        return r;
    if (reply.reply.id == AMQP_BASIC_GET_EMPTY_METHOD)
        return FARMIQ_EXHAUSTED;
    got = reply.reply.decoded;
    held = make_held(got->delivery_tag, got->redelivered, got->exchange, got->routing_key,
                     amqp_cstring_bytes(queue));
    if (!held)
        return FARMIQ_E_NOMEM;
    r = read_content(link, held);
    if (r == FARMIQ_OK)
        *out = &held->delivery;
    return r;
}

int shim_amqp_ack(struct shim_amqp *link, uint64_t tag, int is_multiple)
{
    int r;

    if (link->is_lost)
        return FARMIQ_E_UNREACHABLE;
    r = amqp_basic_ack(link->connection, SHIM_AMQP_IN, tag, is_multiple);
    return r == AMQP_STATUS_OK
               ? FARMIQ_OK
               : shim__amqp_lose(link, amqp_error_string2(r), amqp_empty_bytes);
}

void shim_amqp_delivery_free(struct shim_amqp_delivery *delivery)
{
    struct shim_amqp_held *held = (struct shim_amqp_held *)(void *)delivery;

    if (!held)
        return;
    amqp_destroy_message(&held->message);
    free(held);
}

/* ## Headers */

static const amqp_field_value_t *find_entry(const amqp_table_t *table, const char *name)
{
    size_t len = strlen(name);

    for (int i = 0; i < table->num_entries; i++) {
        const amqp_table_entry_t *entry = &table->entries[i];

        if (entry->key.len == len && memcmp(entry->key.bytes, name, len) == 0)
            return &entry->value;
    }
    return NULL;
}

static const amqp_field_value_t *find_header(const struct shim_amqp_delivery *delivery,
                                             const char *name)
{
    const struct shim_amqp_held *held = (const void *)delivery;
    const amqp_basic_properties_t *properties = &held->message.properties;

    return properties->_flags & AMQP_BASIC_HEADERS_FLAG
               ? find_entry(&properties->headers, name)
               : NULL;
}

static struct farmiq_str text_of(const amqp_field_value_t *value)
{
    struct farmiq_str none = { "", 0 };

    if (!value ||
        (value->kind != AMQP_FIELD_KIND_UTF8 && value->kind != AMQP_FIELD_KIND_BYTES))
        return none;
    return shim__amqp_str(value->value.bytes);
}

/* The newest death comes first. */
static const amqp_field_value_t *last_of(const amqp_field_value_t *value, int kind)
{
    const amqp_array_t *array;

    if (!value || value->kind != AMQP_FIELD_KIND_ARRAY)
        return NULL;
    array = &value->value.array;
    if (!array->num_entries || array->entries[array->num_entries - 1].kind != kind)
        return NULL;
    return &array->entries[array->num_entries - 1];
}

int shim_amqp_death(const struct shim_amqp_delivery *delivery,
                    struct shim_amqp_death *out)
{
    const amqp_field_value_t *first =
        last_of(find_header(delivery, "x-death"), AMQP_FIELD_KIND_TABLE);
    const amqp_table_t *table;

    if (!first)
        return 0;
    table = &first->value.table;
    out->reason = text_of(find_entry(table, "reason"));
    out->exchange = text_of(find_entry(table, "exchange"));
    out->queue = text_of(find_entry(table, "queue"));
    out->routing_key =
        text_of(last_of(find_entry(table, "routing-keys"), AMQP_FIELD_KIND_UTF8));
    return 1;
}

struct farmiq_str shim_amqp_header_text(const struct shim_amqp_delivery *delivery,
                                        const char *name)
{
    return text_of(find_header(delivery, name));
}

int64_t shim_amqp_header_number(const struct shim_amqp_delivery *delivery,
                                const char *name, int64_t fallback)
{
    const amqp_field_value_t *value = find_header(delivery, name);

    switch (value ? value->kind : 0) {
    case AMQP_FIELD_KIND_I8:
        return value->value.i8;
    case AMQP_FIELD_KIND_I16:
        return value->value.i16;
    case AMQP_FIELD_KIND_I32:
        return value->value.i32;
    case AMQP_FIELD_KIND_I64:
        return value->value.i64;
    default:
        return fallback;
    }
}
