/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges, queues and bindings at RabbitMQ (spec cloud 2.2), as one table that is
 * declared, printed and looked up. */
#ifndef SHIM_BUS_TOPOLOGY_H
#define SHIM_BUS_TOPOLOGY_H

#include "kit/amqp.h"

#define SHIM_BUS_NAME_BYTES 96
#define SHIM_BUS_DLX "farmiq.dlq.exchange"
#define SHIM_BUS_RETRY "farmiq.retry.exchange"
#define SHIM_BUS_DEAD "farmiq.dlq.queue" /* whose service nobody knows */
#define SHIM_BUS_UNROUTED "farmiq.unrouted.queue"
#define SHIM_BUS_ATTEMPTS 5 /* then the dead letters */

/* What there is, each thing before those that name it. NULL members are skipped; a
 * negative result ends the walk and is returned. */
struct shim_bus_visitor {
    void *ctx;
    int (*exchange)(void *ctx, const char *name, const char *type,
                    const struct shim_amqp_argument *arguments);
    int (*queue)(void *ctx, const char *name, const struct shim_amqp_argument *arguments);
    int (*bind)(void *ctx, const char *source, const char *destination, int is_exchange,
                const char *routing_key);
};

/* `services`: whose queues, separated by commas; "all"; NULL: those that this release
 * has. A queue without its consumer would only fill the broker's disk. */
int shim_bus_walk(const char *services, const struct shim_bus_visitor *visitor);

/* A fault is something that the broker has otherwise, or refuses: `code` as in
 * kit/amqp.h, `why` in the broker's words. */
typedef void shim_bus_on_fault(void *ctx, const char *kind, const char *name, int code,
                               const char *why);
/* Declare it all. Returns how many faults there were, or FARMIQ_E_UNREACHABLE. */
int shim_bus_declare(struct shim_amqp *link, const char *services,
                     shim_bus_on_fault *on_fault, void *ctx);

/* The queues that a service's consumer reads: the `index`th, or NULL past the end. */
const char *shim_bus_queue_at(const char *service, const char *consumer, uint32_t index);
/* The services with dead letters of their own: the `index`th, or NULL past the end. */
const char *shim_bus_service_at(uint32_t index);
void shim_bus_dlq_name(const char *service, char out[SHIM_BUS_NAME_BYTES]);
/* Where a message waits that failed `attempt` (from 1) times. */
void shim_bus_retry_name(const char *service, int64_t attempt,
                         char out[SHIM_BUS_NAME_BYTES]);

#endif
