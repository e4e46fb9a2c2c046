/* SPDX-License-Identifier: Apache-2.0 */
/* The bus as its transports see it: a table of functions each. bus.c chooses one by
 * RABBITMQ_URL; no service can tell which. */
#ifndef SHIM_BUS_H
#define SHIM_BUS_H

#include "kit/internal.h"

/* One queue of one hosted service. */
struct shim_consumer {
    struct shim_bus *bus;
    const struct shim_hosted *hosted;
    const struct shim_queue *queue;
    void *own; /* the transport's */
};

struct shim_bus_ops {
    int (*open)(struct shim_bus *bus, struct farmiq_error *error);
    /* In the caller's transaction. */
    int (*publish)(struct shim_bus *bus, struct shim_call *call,
                   struct farmiq_event *first, struct farmiq_str edge_id);
    int (*start)(struct shim_bus *bus);
    int (*is_ready)(struct shim_bus *bus); /* NULL: always */
    void (*close)(struct shim_bus *bus);
};

struct shim_bus {
    const struct shim_bus_ops *ops;
    struct shim_runtime *runtime;
    const struct shim_hosted *publisher; /* NULL: nobody here publishes */
    void *own;                           /* the transport's */
    uint32_t count;
    struct shim_consumer consumers[];
};

extern const struct shim_bus_ops shim_bus_local;
extern const struct shim_bus_ops shim_bus_amqp;

/* The routing key of an event's type, or NULL: no such type. */
const char *shim_bus_routing_key(const struct farmiq_event *event);
/* A row for a queue with a copy of the event, under `event_type`. NULL: no memory. */
struct farmiq_outbox_row *shim_bus_row(struct shim_call *call,
                                       const struct farmiq_event *event,
                                       const char *event_type);

/* ## bus_deliver.c: messages to their handler, and one that fails to isolation */

struct shim_delivery;

/* How a transport keeps what was decided. A message that has its verdict and was settled
 * is not touched again. */
struct shim_delivery_ways {
    /* After the handler, in its transaction. NULL: nothing. */
    int (*settle)(struct shim_call *call, struct shim_delivery *delivery);
    /* After the commit. NULL: nothing. */
    int (*settled)(struct shim_delivery *delivery);
    /* The handler failed on the one message that is in hand. */
    int (*failed)(struct shim_delivery *delivery);
};

struct shim_delivery {
    const struct shim_consumer *consumer;
    struct shim_call *call; /* owns the memory of the messages */
    struct shim_message *messages;
    const struct shim_delivery_ways *ways;
    void *own; /* the transport's */
};

/* Hand all to the handler in one transaction. If that fails, one by one, so that one
 * poison message does not hold up its neighbours.
 * FARMIQ_OK: all settled. Negative: the store's own trouble, or the transport's; nobody's
 * fault. `messages` are those that were not settled. */
int shim_deliver(struct shim_delivery *delivery);

#endif
