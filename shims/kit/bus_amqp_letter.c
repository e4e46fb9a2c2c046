/* SPDX-License-Identifier: Apache-2.0 */
/* An event as a message on RabbitMQ: its body, its properties and its headers (spec cloud
 * 1.9, 2.4). */
#include <stdio.h>

#include "kit/bus_amqp.h"

#define HEADERS_MAX 9
#define ALWAYS_SAID 6
#define INGESTED_AT_ROOM 64

/* Room for an event as JSON: any byte of a text may become six. */
static size_t room_for(const struct farmiq_event *event)
{
    size_t texts = event->event_id.len + event->event_type.len + event->tenant_id.len +
                   event->farm_id.len + event->barn_id.len + event->device_id.len +
                   event->station_id.len + event->session_id.len + event->batch_id.len +
                   event->trace_id.len + event->schema_version.len;

    return event->payload.len + 6 * texts + 512;
}

/* When it came in is of the envelope, and not of the event: it goes in before the end. */
static void add_ingested_at(struct farmiq_str *body, char *buf, int64_t unix_ms)
{
    char time[FARMIQ_TIME_STRLEN + 1];

    if (!unix_ms || farmiq_time_format(unix_ms, time) != FARMIQ_OK)
        return;
    body->len--;
    body->len += (size_t)snprintf(buf + body->len, INGESTED_AT_ROOM,
                                  ",\"ingested_at\":\"%s\"}", time);
}

/* The envelope on the bus, under the routing key as its type (spec cloud 2.3, 2.4). */
static int write_body(struct farmiq_str *body, struct shim_call *call,
                      const struct farmiq_event *event, const char *routing_key,
                      int64_t ingested_at_unix_ms)
{
    struct farmiq_event on_the_bus = *event;
    struct farmiq_json_writer w;
    size_t room = room_for(event);
    char *buf = shim_memory(call, room + INGESTED_AT_ROOM);
    int r;

    if (!buf)
        return FARMIQ_E_NOMEM;
    on_the_bus.event_type = shim_str(routing_key);
    farmiq_json_begin(&w, buf, room);
    farmiq_event_write(&w, &on_the_bus);
    body->ptr = buf;
    r = farmiq_json_end(&w, &body->len);
    if (r == FARMIQ_OK)
        add_ingested_at(body, buf, ingested_at_unix_ms);
    return r;
}

static struct farmiq_str time_text(struct shim_call *call, int64_t unix_ms)
{
    char *text = unix_ms ? shim_memory(call, FARMIQ_TIME_STRLEN + 1) : NULL;

    if (!text || farmiq_time_format(unix_ms, text) != FARMIQ_OK)
        return shim_str("");
    return shim_str(text);
}

/* Of those that may be unknown, only what is known. FARMIQ_OK or FARMIQ_E_NOMEM. */
static int make_headers(struct shim_amqp_letter *letter, struct shim_call *call,
                        const struct farmiq_event *event,
                        const struct shim_origin *origin)
{
    const struct shim_amqp_header headers[HEADERS_MAX] = {
        { "tenant_id", event->tenant_id, 0 },
        { "trace_id", event->trace_id, 0 },
        { "x-trace-id", event->trace_id, 0 },
        { "schema_version", event->schema_version, 0 },
        { "event_type", event->event_type, 0 },
        { "app_version", shim_str(farmiq_version_string()), 0 },
        { "x-request-id", origin->request_id, 0 },
        { "edge_id", origin->edge_id, 0 },
        { "ingested_at", time_text(call, origin->ingested_at_unix_ms), 0 },
    };
    struct shim_amqp_header *copy = shim_memory(call, sizeof headers);

    if (!copy)
        return FARMIQ_E_NOMEM;
    letter->headers = copy;
    for (size_t i = 0; i < HEADERS_MAX; i++)
        if (i < ALWAYS_SAID || headers[i].text.len)
            copy[letter->header_count++] = headers[i];
    return FARMIQ_OK;
}

int shim_bus_letter_write(struct shim_amqp_letter *letter, struct shim_call *call,
                          const struct farmiq_event *event,
                          const struct shim_origin *origin)
{
    const struct farmiq_event_kind *kind =
        farmiq_event_kind_find(event->event_type.ptr, event->event_type.len);
    int r;

    if (!kind)
        return FARMIQ_E_SCHEMA; /* only who writes the tables by hand gets here */
    letter->exchange = shim_str(kind->exchange);
    letter->routing_key = shim_str(kind->routing_key);
    letter->message_id = event->event_id;
    letter->type = letter->routing_key;
    letter->app_id = shim_str(call->service->name);
    letter->sent_at_unix_s = call->now_unix_ms / 1000;
    r = make_headers(letter, call, event, origin);
    return r < 0 ? r
                 : write_body(&letter->body, call, event, kind->routing_key,
                              origin->ingested_at_unix_ms);
}
