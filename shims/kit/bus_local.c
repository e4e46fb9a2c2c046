/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded bus: queues in the service's own database (architecture, decision 8).
 * Publishing is part of the publisher's transaction; a delivery's effect and its
 * settlement are one transaction too, so nothing is lost and nothing happens twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/bus_local.h"
#include "kit/bus_origin.h"
#include "kit/fail.h"
#include "kit/log.h"

#define QUEUE_NAME_BYTES 64
#define PREFETCH 512
#define DELIVERY_BYTES (4u << 20)

/* What a consumer keeps. */
struct lane {
    char queue_name[QUEUE_NAME_BYTES]; /* of the tables: "bus_telemetry" */
    void *memory;                      /* DELIVERY_BYTES for rows */
};

static const char *tables_of(const struct shim_consumer *consumer)
{
    const struct lane *lane = consumer->own;

    return lane->queue_name;
}

/* ## Publishing */

static int takes(const struct shim_queue *queue, const char *routing_key)
{
    size_t len = strlen(routing_key);
    const char *at = queue->routing_keys;

    while (*at) {
        size_t word = strcspn(at, " ");

        if (word == len && memcmp(at, routing_key, len) == 0)
            return 1;
        at += word + (at[word] == ' ');
    }
    return 0;
}

int shim_bus_local_takes(const struct shim_bus *bus, const char *routing_key)
{
    for (uint32_t i = 0; i < bus->count; i++)
        if (takes(bus->consumers[i].queue, routing_key))
            return 1;
    return 0;
}

/* `queue` NULL: the events that no consumer takes; they wait for one. */
static int is_for(const struct shim_bus *bus, const struct shim_queue *queue,
                  const char *routing_key)
{
    return queue ? takes(queue, routing_key) : !shim_bus_local_takes(bus, routing_key);
}

static int publish_to(const struct shim_bus *bus, struct shim_call *call,
                      struct farmiq_event *first, struct farmiq_str edge_id,
                      const struct shim_queue *queue, const char *queue_name)
{
    struct farmiq_outbox_row *rows = NULL, **tail = &rows;

    for (struct farmiq_event *event = first; event; event = event->next) {
        const char *routing_key = shim_bus_routing_key(event);

        if (!routing_key || !is_for(bus, queue, routing_key))
            continue;
        *tail = shim_bus_row(call, event, routing_key); /* spec cloud 2.3 */
        if (!*tail)
            return FARMIQ_E_NOMEM;
        tail = &(*tail)->next;
    }
    if (!rows)
        return FARMIQ_OK;
    if (queue)
        shim_wake(call, queue->name);
    return shim_bus_append(call, queue_name, rows, edge_id);
}

static int publish(struct shim_bus *bus, struct shim_call *call,
                   struct farmiq_event *first, struct farmiq_str edge_id)
{
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < bus->count && r >= 0; i++)
        r = publish_to(bus, call, first, edge_id, bus->consumers[i].queue,
                       tables_of(&bus->consumers[i]));
    return r < 0 ? r
                 : publish_to(bus, call, first, edge_id, NULL, SHIM_BUS_LOCAL_UNROUTED);
}

/* ## Delivering */

/* A message and the row that it is. */
struct parcel {
    struct shim_message message;
    struct farmiq_outbox_row *row;
};

static struct farmiq_outbox_row *row_of(struct shim_message *message)
{
    return ((struct parcel *)(void *)message)->row;
}

/* What a claim brings. */
struct claiming {
    const struct shim_consumer *consumer;
    struct shim_call *call; /* of the delivery */
    struct farmiq_outbox_row *rows;
    struct shim_origin *origins; /* of each */
};

static int claim(struct shim_call *call, void *arg)
{
    struct claiming *claiming = arg;
    const struct lane *lane = claiming->consumer->own;
    struct farmiq_outbox_claim claim;
    int r;

    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.limit = PREFETCH;
    claim.claimed_by = shim_str(call->service->name);
    claim.lease_ms = (uint32_t)shim_number(call, "BUS_LEASE_MS");
    claim.now_unix_ms = call->now_unix_ms;
    claim.memory = lane->memory;
    claim.memory_bytes = DELIVERY_BYTES;
    shim_random_bytes(call, claim.token, sizeof claim.token);
    r = farmiq_store_outbox_claim(call->store, lane->queue_name, &claim, &claiming->rows);
    return r != FARMIQ_OK ? r
                          : shim_bus_origins(call, lane->queue_name, claiming->rows,
                                             claiming->call, &claiming->origins);
}

static int build_messages(struct shim_delivery *delivery, const struct claiming *claiming)
{
    const struct shim_origin *origin = claiming->origins;
    struct shim_message **tail = &delivery->messages;

    for (struct farmiq_outbox_row *row = claiming->rows; row; row = row->next) {
        struct parcel *parcel = shim_memory(delivery->call, sizeof *parcel);

        if (!parcel)
            return FARMIQ_E_NOMEM;
        parcel->row = row;
        parcel->message.topic = row->event->event_type;
        parcel->message.body = row->event->payload;
        parcel->message.event = row->event;
        parcel->message.origin = *origin++;
        *tail = &parcel->message;
        tail = &parcel->message.next;
    }
    return FARMIQ_OK;
}

static int32_t outcome_of(const struct shim_message *message)
{
    return message->verdict == FARMIQ_OK          ? FARMIQ_OUTCOME_ACKED
           : message->verdict == FARMIQ_E_REFUSED ? FARMIQ_OUTCOME_REFUSED
                                                  : FARMIQ_OUTCOME_RETRY;
}

static int settle_row(struct shim_call *call, struct farmiq_outbox_row *row,
                      int32_t outcome, const char *reason)
{
    if (outcome != FARMIQ_OUTCOME_ACKED) {
        row->last_error_code =
            shim_str(outcome == FARMIQ_OUTCOME_REFUSED ? "REFUSED" : "FAILED");
        row->last_error_message = shim_str(reason ? reason : "");
    }
    row->status = FARMIQ_OUTBOX_CLAIMED; /* the unit may run again */
    return farmiq_outbox_settle(row, NULL, outcome, call->now_unix_ms, shim_random(call));
}

/* Write the rows of the messages in hand, and only those. Losing the lease means another
 * consumer has these rows: our effects must go. */
static int write_settled(struct shim_call *call, const struct shim_delivery *delivery)
{
    struct farmiq_outbox_row *first = row_of(delivery->messages);
    int r;

    for (struct shim_message *m = delivery->messages; m; m = m->next)
        row_of(m)->next = m->next ? row_of(m->next) : NULL;
    r = farmiq_store_outbox_settle(call->store, tables_of(delivery->consumer), first,
                                   call->now_unix_ms);
    return r == FARMIQ_NONE ? FARMIQ_E_STATE : r;
}

/* A delivered message has had its effect and is no record of anything: it goes at
 * once, so that the bus does not double the database. */
static int settle(struct shim_call *call, struct shim_delivery *delivery)
{
    uint32_t purged;
    int r = FARMIQ_OK;

    for (struct shim_message *m = delivery->messages; m && r >= 0; m = m->next)
        r = settle_row(call, row_of(m), outcome_of(m), m->reason);
    if (r >= 0)
        r = write_settled(call, delivery);
    return r < 0
               ? r
               : farmiq_store_outbox_purge(call->store, tables_of(delivery->consumer),
                                           call->now_unix_ms + 1, 2 * PREFETCH, &purged);
}

/* Give all the same outcome, without the handler. */
static int settle_all(struct shim_call *call, const struct shim_delivery *delivery,
                      int32_t outcome)
{
    for (struct shim_message *m = delivery->messages; m; m = m->next) {
        int r = settle_row(call, row_of(m), outcome, "the consumer failed");

        if (r < 0)
            return r;
    }
    return write_settled(call, delivery);
}

static int retry_all(struct shim_call *call, void *delivery)
{
    return settle_all(call, delivery, FARMIQ_OUTCOME_RETRY);
}

static int give_back(struct shim_call *call, void *delivery)
{
    return settle_all(call, delivery, FARMIQ_OUTCOME_UNREACHED);
}

static int failed(struct shim_delivery *delivery)
{
    return shim_write(delivery->call, retry_all, delivery);
}

static const struct shim_delivery_ways ways = { .settle = settle, .failed = failed };

/* Claim a batch and deliver it. SHIM_AGAIN: there may be more. */
static int consume(void *arg)
{
    struct shim_consumer *consumer = arg;
    struct claiming claiming = { .consumer = consumer };
    struct shim_delivery delivery = { .consumer = consumer, .ways = &ways };
    int r;

    delivery.call = shim_call_open(consumer->bus->runtime, consumer->hosted);
    if (!delivery.call)
        return FARMIQ_E_NOMEM;
    claiming.call = delivery.call;
    r = shim_write(delivery.call, claim, &claiming);
    if (r == FARMIQ_OK)
        r = build_messages(&delivery, &claiming);
    if (r == FARMIQ_OK)
        r = shim_deliver(&delivery);
    if (r < 0 && delivery.messages)
        (void)!shim_write(delivery.call, give_back, &delivery);
    shim_call_close(delivery.call);
    return r == FARMIQ_OK ? SHIM_AGAIN : r == FARMIQ_NONE ? 0 : r;
}

/* ## Opening and closing */

/* In one process this bus joins those who publish to those who consume. Without a
 * consumer, events would pile up where nobody looks. */
static int open_bus(struct shim_bus *bus, struct farmiq_error *error)
{
    if (bus->publisher && !bus->count)
        return shim_fail(error, FARMIQ_E_ARG, "RABBITMQ_URL",
                         "is local:, but no consumer lives in this process: set "
                         "amqp://user:password@host:port/vhost");
    for (uint32_t i = 0; i < bus->count; i++) {
        struct lane *lane = calloc(1, sizeof *lane);

        bus->consumers[i].own = lane;
        if (!lane || !(lane->memory = malloc(DELIVERY_BYTES)))
            return FARMIQ_E_NOMEM;
        snprintf(lane->queue_name, sizeof lane->queue_name, "bus_%s",
                 bus->consumers[i].queue->name);
    }
    if (bus->count && !bus->publisher)
        shim_log_line(SHIM_WARN, "bus.idle",
                      "RABBITMQ_URL is local:, and nobody in this process publishes");
    return FARMIQ_OK;
}

/* From a time when every lease has expired. */
static int unclaim(struct shim_call *call, void *arg)
{
    uint32_t count;

    return farmiq_store_outbox_unclaim(
        call->store, tables_of(arg),
        call->now_unix_ms + 2 * shim_number(call, "BUS_LEASE_MS"), 0, &count);
}

/* What was in hand when the process was killed must not wait for its lease to expire,
 * unless it may be in the hands of a neighbour who lives: nobody can tell, so there the
 * lease decides. */
static int end_leases(struct shim_consumer *consumer)
{
    struct shim_call *call = shim_call_open(consumer->bus->runtime, consumer->hosted);
    int r = call ? FARMIQ_OK : FARMIQ_E_NOMEM;

    if (call && !shim_store_is_shared(call))
        r = shim_write(call, unclaim, consumer);
    shim_call_close(call);
    return r;
}

static int start(struct shim_bus *bus)
{
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < bus->count && r >= 0; i++)
        r = end_leases(&bus->consumers[i]);
    for (uint32_t i = 0; i < bus->count && r >= 0; i++) {
        struct shim_task task = { .name = bus->consumers[i].queue->name,
                                  .run = consume,
                                  .ctx = &bus->consumers[i],
                                  .period_ms = shim_options_number(bus->runtime->options,
                                                                   "BUS_POLL_MS") };

        r = shim_tasks_start(bus->runtime->tasks, &task);
    }
    return r < 0 ? r : shim_bus_waited_start(bus);
}

static void close_bus(struct shim_bus *bus)
{
    for (uint32_t i = 0; i < bus->count; i++) {
        struct lane *lane = bus->consumers[i].own;

        free(lane ? lane->memory : NULL);
        free(lane);
    }
    shim_bus_waited_close(bus);
}

const struct shim_bus_ops shim_bus_local = {
    .open = open_bus, .publish = publish, .start = start, .close = close_bus
};
