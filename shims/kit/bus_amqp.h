/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about the bus on RabbitMQ share: its links. */
#ifndef SHIM_BUS_AMQP_H
#define SHIM_BUS_AMQP_H

#include <stdatomic.h>

#include "kit/amqp.h"
#include "kit/bus.h"
#include "kit/bus_topology.h"

/* So that a broker that is back is used, and the process ready, within 30 s (spec cloud
 * 11, row 24). */
#define SHIM_BUS_LONGEST_PAUSE_MS 25000

/* A connection of one task. It is opened again for as long as the process lives. */
struct shim_bus_link {
    struct shim_bus *bus;
    const char *label;      /* in metrics and logs: the consumer's name, or "publisher" */
    struct shim_amqp *amqp; /* NULL: not open */
    _Atomic int is_open;    /* and everything on it is: read by /api/ready */
    int was_open;
    int64_t looked_at_ms; /* when depths were asked for */
};

/* Connect and declare. FARMIQ_OK; FARMIQ_E_UNREACHABLE after saying why. */
int shim_bus_link_open(struct shim_bus_link *link);
/* It is ready for use now. */
void shim_bus_link_stands(struct shim_bus_link *link);
/* Close it, and say why. Returns FARMIQ_E_UNREACHABLE. */
int shim_bus_link_drop(struct shim_bus_link *link);
/* Every ten seconds: show how full a queue is. */
void shim_bus_link_gauge(struct shim_bus_link *link, const char *queue);

/* bus_amqp_publish.c */
struct shim_bus_publisher;
int shim_bus_publisher_open(struct shim_bus_publisher **out, struct shim_bus *bus);
int shim_bus_publisher_start(struct shim_bus_publisher *publisher);
int shim_bus_publisher_is_open(const struct shim_bus_publisher *publisher);
void shim_bus_publisher_close(struct shim_bus_publisher *publisher);
int shim_bus_publisher_append(struct shim_call *call, struct farmiq_event *first,
                              struct farmiq_str edge_id);

/* bus_amqp_letter.c: the event as a message, in the call's memory. FARMIQ_OK,
 * FARMIQ_E_NOMEM; FARMIQ_E_SCHEMA and others: it cannot be one. */
int shim_bus_letter_write(struct shim_amqp_letter *letter, struct shim_call *call,
                          const struct farmiq_event *event,
                          const struct shim_origin *origin);

/* bus_amqp_consume.c: `consumer->own` is its */
int shim_bus_reader_open(struct shim_consumer *consumer, struct farmiq_error *error);
int shim_bus_reader_start(struct shim_consumer *consumer);
int shim_bus_reader_is_open(const struct shim_consumer *consumer);
void shim_bus_reader_close(struct shim_consumer *consumer);

#endif
