/* SPDX-License-Identifier: Apache-2.0 */
/* The bus: RABBITMQ_URL chooses who carries it (architecture, decision 8). */
#include "kit/bus.h"

#include <stdlib.h>
#include <string.h>

#include "kit/fail.h"

const struct shim_option shim_bus_options[] = {
    { "BUS_DECLARE", SHIM_FLAG, "true",
      "declare exchanges, queues and bindings at each connection; false where an "
      "operator runs farmiqctl bus declare" },
    { "BUS_PREFETCH", SHIM_COUNT, "1000",
      "messages that RabbitMQ hands to a consumer ahead of its acknowledgements; 1 to "
      "65535" },
    { "BUS_BATCH_WAIT_MS", SHIM_MS, "5",
      "how long RabbitMQ's first message of a batch may wait for company" },
    { "BUS_POLL_MS", SHIM_MS, "1s",
      "how often queues in the database are looked at for what is due again; news wakes "
      "earlier" },
    { "BUS_LEASE_MS", SHIM_MS, "60s",
      "how long what was taken from such a queue is nobody else's" },
    { 0 },
};

static const struct {
    const char *prefix;
    const struct shim_bus_ops *ops;
} transports[] = {
    { "local:", &shim_bus_local },
    { "amqp://", &shim_bus_amqp },
    { "amqps://", &shim_bus_amqp },
};

static const struct shim_bus_ops *choose(const char *url)
{
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++)
        if (strncmp(url, transports[i].prefix, strlen(transports[i].prefix)) == 0)
            return transports[i].ops;
    return NULL;
}

const char *shim_bus_routing_key(const struct farmiq_event *event)
{
    const struct farmiq_event_kind *kind =
        farmiq_event_kind_find(event->event_type.ptr, event->event_type.len);

    return kind ? kind->routing_key : NULL;
}

struct farmiq_outbox_row *shim_bus_row(struct shim_call *call,
                                       const struct farmiq_event *event,
                                       const char *event_type)
{
    struct farmiq_outbox_row *row = shim_memory(call, sizeof *row);
    struct farmiq_event *copy = shim_memory(call, sizeof *copy);

    if (!row || !copy)
        return NULL;
    *copy = *event;
    copy->next = NULL;
    if (event_type)
        copy->event_type = shim_str(event_type);
    farmiq_outbox_row_init(row, sizeof *row);
    row->event = copy;
    return row;
}

static uint32_t count_queues(const struct shim_runtime *runtime)
{
    uint32_t count = 0;

    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_queue *q = h->service->queues; q && q->name; q++)
            count++;
    return count;
}

static struct shim_bus *make_bus(struct shim_runtime *runtime)
{
    uint32_t count = count_queues(runtime);
    struct shim_bus *bus = calloc(1, sizeof *bus + count * sizeof *bus->consumers);

    if (!bus)
        return NULL;
    bus->runtime = runtime;
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++) {
        if (h->service->publishes && !bus->publisher)
            bus->publisher = h;
        for (const struct shim_queue *q = h->service->queues; q && q->name; q++)
            bus->consumers[bus->count++] =
                (struct shim_consumer){ .bus = bus, .hosted = h, .queue = q };
    }
    return bus;
}

int shim_bus_open(struct shim_bus **out, struct shim_runtime *runtime,
                  struct farmiq_error *error)
{
    struct shim_bus *bus = make_bus(runtime);

    if (!bus)
        return FARMIQ_E_NOMEM;
    *out = bus;
    if (!bus->publisher && !bus->count)
        return FARMIQ_OK; /* nobody here uses it, and its options are not there */
    bus->ops = choose(shim_options_text(runtime->options, "RABBITMQ_URL"));
    if (!bus->ops)
        return shim_fail(error, FARMIQ_E_ARG, "RABBITMQ_URL",
                         "must begin with local:, amqp:// or amqps://");
    return bus->ops->open(bus, error);
}

int shim_publish(struct shim_call *call, struct farmiq_event *first,
                 struct farmiq_str edge_id)
{
    struct shim_bus *bus = call->internal->runtime->bus;

    /* The table must say so: what a process needs is decided before it starts. */
    if (!bus->publisher)
        return FARMIQ_E_UNSUPPORTED;
    return bus->ops->publish(bus, call, first, edge_id);
}

int shim_bus_start(struct shim_bus *bus)
{
    return bus->ops ? bus->ops->start(bus) : FARMIQ_OK;
}

int shim_bus_is_remote(const struct shim_bus *bus)
{
    return bus && bus->ops && bus->ops->is_ready;
}

int shim_bus_is_ready(struct shim_bus *bus)
{
    return !shim_bus_is_remote(bus) || bus->ops->is_ready(bus);
}

void shim_bus_close(struct shim_bus *bus)
{
    if (bus && bus->ops)
        bus->ops->close(bus);
    free(bus);
}
