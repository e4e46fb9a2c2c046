/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded bus: queues in the service's own database (architecture, decision 8).
 * Publishing is part of the publisher's transaction; a delivery's effect and its
 * settlement are one transaction too, so nothing is lost and nothing happens twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/internal.h"
#include "kit/log.h"

#define QUEUE_NAME_BYTES 64
#define PREFETCH 512
#define DELIVERY_BYTES (4u << 20)
#define UNROUTED "bus_unrouted"

const struct shim_option shim_bus_options[] = {
    { "BUS_POLL_MS", SHIM_MS, "1s",
      "how often a consumer looks for what is due again; news wakes it" },
    { "BUS_LEASE_MS", SHIM_MS, "60s",
      "how long what a consumer has in hand is nobody else's" },
    { 0 },
};

struct consumer {
    struct shim_bus *bus;
    const struct shim_hosted *hosted;
    const struct shim_queue *queue;
    char queue_name[QUEUE_NAME_BYTES]; /* of the tables: "bus_telemetry" */
    void *memory;                      /* DELIVERY_BYTES for rows */
};

struct shim_bus {
    struct shim_runtime *runtime;
    uint32_t count;
    struct consumer consumers[];
};

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

/* A row for one queue, under the routing key as its type (spec cloud 2.3). */
static struct farmiq_outbox_row *make_row(struct shim_call *call,
                                          const struct farmiq_event *event,
                                          const char *routing_key)
{
    struct farmiq_outbox_row *row = shim_memory(call, sizeof *row);
    struct farmiq_event *copy = shim_memory(call, sizeof *copy);

    if (!row || !copy)
        return NULL;
    *copy = *event;
    copy->next = NULL;
    copy->event_type = shim_str(routing_key);
    farmiq_outbox_row_init(row, sizeof *row);
    row->event = copy;
    return row;
}

static const char *routing_key_of(const struct farmiq_event *event)
{
    const struct farmiq_event_kind *kind =
        farmiq_event_kind_find(event->event_type.ptr, event->event_type.len);

    return kind ? kind->routing_key : NULL;
}

/* `queue` NULL: the events that no consumer takes; they wait for one. */
static int is_for(const struct shim_bus *bus, const struct shim_queue *queue,
                  const char *routing_key)
{
    if (queue)
        return takes(queue, routing_key);
    for (uint32_t i = 0; i < bus->count; i++)
        if (takes(bus->consumers[i].queue, routing_key))
            return 0;
    return 1;
}

static int publish_to(const struct shim_bus *bus, struct shim_call *call,
                      struct farmiq_event *first, const struct shim_queue *queue,
                      const char *queue_name)
{
    struct farmiq_outbox_row *rows = NULL, **tail = &rows;

    for (struct farmiq_event *event = first; event; event = event->next) {
        const char *routing_key = routing_key_of(event);

        if (!routing_key || !is_for(bus, queue, routing_key))
            continue;
        *tail = make_row(call, event, routing_key);
        if (!*tail)
            return FARMIQ_E_NOMEM;
        tail = &(*tail)->next;
    }
    if (!rows)
        return FARMIQ_OK;
    shim_wake(call, queue ? queue->name : queue_name);
    return farmiq_store_outbox_append(call->store, queue_name, rows, call->now_unix_ms);
}

int shim_publish(struct shim_call *call, struct farmiq_event *first)
{
    const struct shim_bus *bus = call->internal->runtime->bus;
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < bus->count && r >= 0; i++)
        r = publish_to(bus, call, first, bus->consumers[i].queue,
                       bus->consumers[i].queue_name);
    return r < 0 ? r : publish_to(bus, call, first, NULL, UNROUTED);
}

/* ## Delivering */

/* What one consumer has in hand. */
struct delivery {
    struct consumer *consumer;
    struct shim_call *call; /* owns the memory of the messages */
    struct farmiq_outbox_row *rows;
    struct shim_message *messages;
    int32_t outcome; /* for settle_all() */
};

static int claim(struct shim_call *call, void *arg)
{
    struct delivery *delivery = arg;
    struct farmiq_outbox_claim claim;

    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.limit = PREFETCH;
    claim.claimed_by = shim_str(call->service->name);
    claim.lease_ms = (uint32_t)shim_number(call, "BUS_LEASE_MS");
    claim.now_unix_ms = call->now_unix_ms;
    claim.memory = delivery->consumer->memory;
    claim.memory_bytes = DELIVERY_BYTES;
    shim_random_bytes(call, claim.token, sizeof claim.token);
    return farmiq_store_outbox_claim(call->store, delivery->consumer->queue_name, &claim,
                                     &delivery->rows);
}

static struct shim_message *message_of(struct shim_call *call,
                                       struct farmiq_outbox_row *row)
{
    struct shim_message *message = shim_memory(call, sizeof *message);

    if (!message)
        return NULL;
    message->topic = row->event->event_type;
    message->body = row->event->payload;
    message->event = row->event;
    return message;
}

static int build_messages(struct delivery *delivery)
{
    struct shim_message **tail = &delivery->messages;

    for (struct farmiq_outbox_row *row = delivery->rows; row; row = row->next) {
        *tail = message_of(delivery->call, row);
        if (!*tail)
            return FARMIQ_E_NOMEM;
        tail = &(*tail)->next;
    }
    *tail = NULL;
    return FARMIQ_OK;
}

static int32_t outcome_of(const struct shim_message *message)
{
    return message->verdict == FARMIQ_OK          ? FARMIQ_OUTCOME_ACKED
           : message->verdict == FARMIQ_E_REFUSED ? FARMIQ_OUTCOME_REFUSED
                                                  : FARMIQ_OUTCOME_RETRY;
}

/* Losing the lease means another consumer has these rows: our effects must go. */
static int write_settled(struct shim_call *call, const struct delivery *delivery)
{
    int r = farmiq_store_outbox_settle(call->store, delivery->consumer->queue_name,
                                       delivery->rows, call->now_unix_ms);

    return r == FARMIQ_NONE ? FARMIQ_E_STATE : r;
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

/* A delivered message has had its effect and is no record of anything: it goes at
 * once, so that the bus does not double the database. */
static int finish_delivery(struct shim_call *call, const struct delivery *delivery)
{
    uint32_t purged;
    int r = write_settled(call, delivery);

    return r < 0
               ? r
               : farmiq_store_outbox_purge(call->store, delivery->consumer->queue_name,
                                           call->now_unix_ms + 1, 2 * PREFETCH, &purged);
}

/* Handler and settlement, in one transaction. */
static int deliver(struct shim_call *call, void *arg)
{
    struct delivery *delivery = arg;
    struct farmiq_outbox_row *row = delivery->rows;
    int r;

    for (struct shim_message *m = delivery->messages; m; m = m->next)
        m->verdict = FARMIQ_OK;
    call->messages = delivery->messages;
    r = delivery->consumer->queue->handle(call);
    for (struct shim_message *m = delivery->messages; m && r >= 0; m = m->next) {
        r = settle_row(call, row, outcome_of(m), m->reason);
        shim_count("farmiq_bus_deliveries_total",
                   m->verdict == FARMIQ_OK ? "done" : "refused", 1);
        row = row->next;
    }
    return r < 0 ? r : finish_delivery(call, delivery);
}

/* Give all rows one outcome, without the handler. */
static int settle_all(struct shim_call *call, void *arg)
{
    struct delivery *delivery = arg;

    for (struct farmiq_outbox_row *row = delivery->rows; row; row = row->next) {
        int r = settle_row(call, row, delivery->outcome, "the consumer failed");

        if (r < 0)
            return r;
    }
    return write_settled(call, delivery);
}

static int is_store_trouble(int code)
{
    return farmiq_err_is_retryable(code) || code == FARMIQ_E_NOSPACE;
}

/* A batch that fails is tried message by message, so that one poison message does
 * not hold up its neighbours. The store's own troubles are nobody's fault. */
static int deliver_one_by_one(struct delivery *delivery)
{
    struct farmiq_outbox_row *row = delivery->rows;
    struct shim_message *message = delivery->messages;
    int r = FARMIQ_OK;

    while (row && r >= 0) {
        struct farmiq_outbox_row *next_row = row->next;
        struct shim_message *next_message = message->next;

        delivery->rows = row;
        delivery->messages = message;
        row->next = NULL;
        message->next = NULL;
        r = shim_write(delivery->call, deliver, delivery);
        if (r < 0 && !is_store_trouble(r)) {
            delivery->outcome = FARMIQ_OUTCOME_RETRY;
            r = shim_write(delivery->call, settle_all, delivery);
        }
        row = next_row;
        message = next_message;
    }
    return r;
}

/* Claim a batch and deliver it. SHIM_AGAIN: there may be more. */
static int consume(void *arg)
{
    struct consumer *consumer = arg;
    struct delivery delivery = { .consumer = consumer };
    int r;

    delivery.call = shim_call_open(consumer->bus->runtime, consumer->hosted);
    if (!delivery.call)
        return FARMIQ_E_NOMEM;
    r = shim_write(delivery.call, claim, &delivery);
    if (r == FARMIQ_OK)
        r = build_messages(&delivery);
    if (r == FARMIQ_OK)
        r = shim_write(delivery.call, deliver, &delivery);
    if (r < 0 && delivery.messages && is_store_trouble(r)) {
        delivery.outcome = FARMIQ_OUTCOME_UNREACHED;
        (void)!shim_write(delivery.call, settle_all, &delivery);
    } else if (r < 0 && delivery.messages) {
        shim_log(delivery.call, SHIM_WARN, "bus.isolating", "%s: %s",
                 consumer->queue->name, farmiq_strerror(r));
        r = deliver_one_by_one(&delivery);
    }
    shim_call_close(delivery.call);
    return r == FARMIQ_OK ? SHIM_AGAIN : r == FARMIQ_NONE ? 0 : r;
}

/* ## Opening and closing */

static uint32_t count_queues(const struct shim_runtime *runtime)
{
    uint32_t count = 0;

    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_queue *q = h->service->queues; q && q->name; q++)
            count++;
    return count;
}

static int add_consumer(struct shim_bus *bus, const struct shim_hosted *hosted,
                        const struct shim_queue *queue)
{
    struct consumer *consumer = &bus->consumers[bus->count++];

    consumer->bus = bus;
    consumer->hosted = hosted;
    consumer->queue = queue;
    consumer->memory = malloc(DELIVERY_BYTES);
    snprintf(consumer->queue_name, sizeof consumer->queue_name, "bus_%s", queue->name);
    return consumer->memory ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

int shim_bus_open(struct shim_bus **out, struct shim_runtime *runtime)
{
    struct shim_bus *bus =
        calloc(1, sizeof *bus + count_queues(runtime) * sizeof *bus->consumers);
    int r = FARMIQ_OK;

    if (!bus)
        return FARMIQ_E_NOMEM;
    bus->runtime = runtime;
    *out = bus;
    for (const struct shim_hosted *h = runtime->hosted; h->service; h++)
        for (const struct shim_queue *q = h->service->queues; q && q->name && r >= 0; q++)
            r = add_consumer(bus, h, q);
    return r;
}

/* From a time when every lease has expired. */
static int unclaim(struct shim_call *call, void *arg)
{
    const struct consumer *consumer = arg;
    uint32_t count;

    return farmiq_store_outbox_unclaim(
        call->store, consumer->queue_name,
        call->now_unix_ms + 2 * shim_number(call, "BUS_LEASE_MS"), 0, &count);
}

/* What was in hand when the process was killed must not wait for its lease to expire,
 * unless it may be in the hands of a neighbour who lives: nobody can tell, so there the
 * lease decides. */
static int end_leases(struct consumer *consumer)
{
    struct shim_call *call = shim_call_open(consumer->bus->runtime, consumer->hosted);
    int r = call ? FARMIQ_OK : FARMIQ_E_NOMEM;

    if (call && !shim_store_is_shared(call))
        r = shim_write(call, unclaim, consumer);
    shim_call_close(call);
    return r;
}

int shim_bus_start(struct shim_bus *bus)
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
    return r;
}

void shim_bus_close(struct shim_bus *bus)
{
    if (!bus)
        return;
    for (uint32_t i = 0; i < bus->count; i++)
        free(bus->consumers[i].memory);
    free(bus);
}
