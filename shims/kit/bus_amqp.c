/* SPDX-License-Identifier: Apache-2.0 */
/* The bus on RabbitMQ: links that come back, one for the publisher and one for each
 * consumer (spec cloud 2). */
#include "kit/bus_amqp.h"

#include <stdio.h>
#include <string.h>

#include "kit/broker.h"
#include "kit/log.h"

#define LOOK_EVERY_MS 10000

/* ## Links */

static void tell_fault(void *ctx, const char *kind, const char *name, int code,
                       const char *why)
{
    const struct shim_bus_link *link = ctx;

    (void)code;
    shim_log_line(SHIM_WARN, "bus.undeclared", "%s: %s %s: %s", link->label, kind, name,
                  why);
}

/* What is otherwise at the broker is told, and worked with: consuming and publishing
 * will say whether they can. */
static int declare(struct shim_bus_link *link)
{
    if (!shim_options_number(link->bus->runtime->options, "BUS_DECLARE"))
        return FARMIQ_OK;
    return shim_bus_declare(link->amqp, NULL, tell_fault, link) < 0
               ? shim_bus_link_drop(link)
               : FARMIQ_OK;
}

int shim_bus_link_open(struct shim_bus_link *link)
{
    const struct shim_runtime *runtime = link->bus->runtime;
    char name[SHIM_BUS_NAME_BYTES];
    struct farmiq_error error;

    farmiq_error_init(&error, sizeof error);
    snprintf(name, sizeof name, "%s %s", runtime->program, link->label);
    if (shim_broker_open(&link->amqp, runtime->options, name, &error) < 0) {
        shim_log_line(SHIM_WARN, "bus.unreachable", "%s: %s %s", link->label, error.field,
                      error.detail);
        return FARMIQ_E_UNREACHABLE;
    }
    return declare(link);
}

static void show(struct shim_bus_link *link, int is_open)
{
    atomic_store(&link->is_open, is_open);
    shim_gauge("farmiq_bus_connected", link->label, is_open);
}

void shim_bus_link_stands(struct shim_bus_link *link)
{
    if (link->was_open)
        shim_count("farmiq_bus_reconnects_total", link->label, 1);
    link->was_open = 1;
    show(link, 1);
    shim_log_line(SHIM_INFO, "bus.connected", "%s", link->label);
}

int shim_bus_link_drop(struct shim_bus_link *link)
{
    if (link->amqp)
        shim_log_line(SHIM_WARN, "bus.disconnected", "%s: %s", link->label,
                      shim_amqp_why(link->amqp));
    shim_amqp_close(link->amqp);
    link->amqp = NULL;
    show(link, 0);
    return FARMIQ_E_UNREACHABLE;
}

void shim_bus_link_gauge(struct shim_bus_link *link, const char *queue)
{
    int64_t now_ms = shim_clock_monotonic_ms();
    uint32_t messages;

    if (now_ms - link->looked_at_ms < LOOK_EVERY_MS)
        return;
    link->looked_at_ms = now_ms;
    if (shim_amqp_depth(link->amqp, queue, &messages) == FARMIQ_OK)
        shim_gauge("farmiq_bus_queue_messages", queue, messages);
}

/* ## The transport */

static int open_bus(struct shim_bus *bus, struct farmiq_error *error)
{
    char place[SHIM_AMQP_PLACE_BYTES];
    struct shim_bus_publisher *publisher = NULL;
    int r = shim_broker_check(bus->runtime->options, place, error);

    if (r < 0)
        return r;
    shim_log_line(SHIM_INFO, "bus.broker", "%s", place);
    if (bus->publisher)
        r = shim_bus_publisher_open(&publisher, bus);
    bus->own = publisher;
    for (uint32_t i = 0; i < bus->count && r >= 0; i++)
        r = shim_bus_reader_open(&bus->consumers[i], error);
    return r;
}

static int publish(struct shim_bus *bus, struct shim_call *call,
                   struct farmiq_event *first, struct farmiq_str edge_id)
{
    (void)bus;
    return shim_bus_publisher_append(call, first, edge_id);
}

static int start(struct shim_bus *bus)
{
    int r = bus->own ? shim_bus_publisher_start(bus->own) : FARMIQ_OK;

    for (uint32_t i = 0; i < bus->count && r >= 0; i++)
        r = shim_bus_reader_start(&bus->consumers[i]);
    return r;
}

static int is_ready(struct shim_bus *bus)
{
    if (bus->own && !shim_bus_publisher_is_open(bus->own))
        return 0;
    for (uint32_t i = 0; i < bus->count; i++)
        if (!shim_bus_reader_is_open(&bus->consumers[i]))
            return 0;
    return 1;
}

static void close_bus(struct shim_bus *bus)
{
    shim_bus_publisher_close(bus->own);
    for (uint32_t i = 0; i < bus->count; i++)
        shim_bus_reader_close(&bus->consumers[i]);
}

const struct shim_bus_ops shim_bus_amqp = { .open = open_bus,
                                            .publish = publish,
                                            .start = start,
                                            .is_ready = is_ready,
                                            .close = close_bus };
