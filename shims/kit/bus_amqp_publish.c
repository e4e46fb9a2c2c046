/* SPDX-License-Identifier: Apache-2.0 */
/* From the database to RabbitMQ. What is published is a row of the queue `ingest` first,
 * in the publisher's transaction; a task claims rows, sends them, and settles those that
 * the broker confirmed. What it did not confirm, it gets again: consumers know an event
 * by its key (spec cloud 1.7, 1.9). */
#include <stdlib.h>
#include <string.h>

#include "kit/bus_amqp.h"
#include "kit/bus_origin.h"

#define QUEUE "ingest"
/* Several shipments are under way, so that the broker works while we settle and claim. */
#define SHIPMENTS 4
#define WINDOW 1000
#define SHIPMENT_BYTES (4u << 20)
#define ROUNDS 64 /* in one run, so that the end of the process is noticed */
/* What no queue takes is tried again now and then, behind what can be sent. */
#define UNROUTABLE_MS 30000
#define TEND_EVERY_MS 5000

struct shipment {
    struct shim_call *call; /* owns the letters */
    void *memory;           /* SHIPMENT_BYTES for rows */
    struct farmiq_outbox_row *rows;
    struct shim_origin *origins;      /* of each row */
    struct shim_amqp_letter *letters; /* one for each row */
    uint64_t last_tag;                /* 0: nothing was sent */
};

struct shim_bus_publisher {
    struct shim_bus_link link;
    struct shipment shipments[SHIPMENTS];
    int64_t counted_at_ms;
};

/* ## Appending */

int shim_bus_publisher_append(struct shim_call *call, struct farmiq_event *first,
                              struct farmiq_str edge_id)
{
    struct farmiq_outbox_row *rows = NULL, **tail = &rows;

    for (struct farmiq_event *event = first; event; event = event->next) {
        if (!shim_bus_routing_key(event))
            continue;
        *tail = shim_bus_row(call, event, NULL);
        if (!*tail)
            return FARMIQ_E_NOMEM;
        tail = &(*tail)->next;
    }
    if (!rows)
        return FARMIQ_OK;
    shim_wake(call, QUEUE);
    return shim_bus_append(call, QUEUE, rows, edge_id);
}

/* ## Letters */

/* A letter that cannot be written has no body, and is not sent. */
static int write_letters(struct shipment *shipment)
{
    size_t count = 0;
    int r = FARMIQ_OK;

    for (struct farmiq_outbox_row *row = shipment->rows; row; row = row->next)
        count++;
    shipment->letters = shim_memory(shipment->call, count * sizeof *shipment->letters);
    if (!shipment->letters)
        return FARMIQ_E_NOMEM;
    count = 0;
    for (struct farmiq_outbox_row *row = shipment->rows; row; row = row->next) {
        struct shim_amqp_letter *letter = &shipment->letters[count];

        r = shim_bus_letter_write(letter, shipment->call, row->event,
                                  &shipment->origins[count++]);
        if (r == FARMIQ_E_NOMEM)
            return r;
        if (r < 0)
            letter->body.len = 0;
    }
    return FARMIQ_OK;
}

static int send(struct shim_bus_publisher *publisher, struct shipment *shipment)
{
    size_t i = 0;
    int r = write_letters(shipment);

    for (struct farmiq_outbox_row *row = shipment->rows; row; row = row->next) {
        struct shim_amqp_letter *letter = &shipment->letters[i++];

        if (r >= 0 && letter->body.len) {
            r = shim_amqp_send(publisher->link.amqp, letter, WINDOW);
            shipment->last_tag = r < 0 ? shipment->last_tag : letter->tag;
        } else if (shipment->letters) {
            letter->fate = SHIM_AMQP_LOST;
        }
    }
    return r;
}

/* ## Claiming and settling */

static const char *const fate_names[] = {
    [SHIM_AMQP_UNANSWERED] = "lost",   [SHIM_AMQP_CONFIRMED] = "confirmed",
    [SHIM_AMQP_RETURNED] = "returned", [SHIM_AMQP_NACKED] = "nacked",
    [SHIM_AMQP_LOST] = "lost",
};

/* Nothing that the broker does or leaves uses up an attempt: only a row that is no
 * message at all is dead. What was looked at was no claim without an outcome, either. */
static int settle_row(struct shim_call *call, struct farmiq_outbox_row *row,
                      const struct shim_amqp_letter *letter)
{
    int32_t outcome = !letter->body.len                     ? FARMIQ_OUTCOME_REFUSED
                      : letter->fate == SHIM_AMQP_CONFIRMED ? FARMIQ_OUTCOME_ACKED
                                                            : FARMIQ_OUTCOME_UNREACHED;
    int r;

    row->status = FARMIQ_OUTBOX_CLAIMED; /* the unit may run again */
    if (outcome == FARMIQ_OUTCOME_REFUSED)
        row->last_error_code = shim_str("NO_MESSAGE");
    r = farmiq_outbox_settle(row, NULL, outcome, call->now_unix_ms, 0);
    if (outcome == FARMIQ_OUTCOME_UNREACHED)
        row->claim_count = 0;
    if (letter->fate == SHIM_AMQP_RETURNED) {
        row->next_attempt_at_unix_ms = call->now_unix_ms + UNROUTABLE_MS;
        row->last_error_code = shim_str("UNROUTABLE");
    }
    return r;
}

static int settle(struct shim_call *call, void *arg)
{
    const struct shipment *shipment = arg;
    size_t i = 0;
    uint32_t purged;
    int r = FARMIQ_OK;

    for (struct farmiq_outbox_row *row = shipment->rows; row && r >= 0; row = row->next)
        r = settle_row(call, row, &shipment->letters[i++]);
    if (r >= 0)
        r = farmiq_store_outbox_settle(call->store, QUEUE, shipment->rows,
                                       call->now_unix_ms);
    /* FARMIQ_NONE: another replica holds them by now, and publishes them again. */
    return r < 0 ? r
                 : farmiq_store_outbox_purge(call->store, QUEUE, call->now_unix_ms + 1,
                                             WINDOW, &purged);
}

static int claim(struct shim_call *call, void *arg)
{
    struct shipment *shipment = arg;
    struct farmiq_outbox_claim claim;
    int r;

    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.limit = WINDOW / SHIPMENTS;
    claim.claimed_by = shim_str(call->service->name);
    claim.lease_ms = (uint32_t)shim_number(call, "BUS_LEASE_MS");
    claim.now_unix_ms = call->now_unix_ms;
    claim.memory = shipment->memory;
    claim.memory_bytes = SHIPMENT_BYTES;
    shim_random_bytes(call, claim.token, sizeof claim.token);
    r = farmiq_store_outbox_claim(call->store, QUEUE, &claim, &shipment->rows);
    return r != FARMIQ_OK ? r
                          : shim_bus_origins(call, QUEUE, shipment->rows, shipment->call,
                                             &shipment->origins);
}

static void count_fates(const struct shipment *shipment)
{
    size_t i = 0;

    for (struct farmiq_outbox_row *row = shipment->rows; row; row = row->next) {
        const struct shim_amqp_letter *letter = &shipment->letters[i++];

        shim_count("farmiq_bus_published_total", fate_names[letter->fate], 1);
    }
}

/* ## The run */

static void empty(struct shipment *shipment)
{
    shim_call_close(shipment->call);
    shipment->call = NULL;
    shipment->rows = NULL;
    shipment->origins = NULL;
    shipment->letters = NULL;
    shipment->last_tag = 0;
}

static int settle_shipment(struct shipment *shipment)
{
    int r = FARMIQ_OK;

    if (shipment->rows && shipment->letters) {
        count_fates(shipment);
        r = shim_write(shipment->call, settle, shipment);
    }
    empty(shipment);
    return r < 0 ? r : FARMIQ_OK;
}

/* FARMIQ_NONE: there is nothing to send. */
static int fill_shipment(struct shim_bus_publisher *publisher, struct shipment *shipment)
{
    const struct shim_bus *bus = publisher->link.bus;
    int r;

    shipment->call = shim_call_open(bus->runtime, bus->publisher);
    if (!shipment->call)
        return FARMIQ_E_NOMEM;
    r = shim_write(shipment->call, claim, shipment);
    if (r == FARMIQ_OK)
        return send(publisher, shipment);
    empty(shipment);
    return r;
}

/* All letters of a shipment have their fate when this returns, whatever it returns. */
static int await_shipment(struct shim_bus_publisher *publisher, struct shipment *shipment)
{
    return shipment->last_tag ? shim_amqp_await(publisher->link.amqp, shipment->last_tag)
                              : FARMIQ_OK;
}

static int finish(struct shim_bus_publisher *publisher, struct shipment *shipment)
{
    int awaited = await_shipment(publisher, shipment);
    int settled = settle_shipment(shipment);

    return settled < 0 ? settled : awaited;
}

/* Wait for the shipment that was sent first, settle it and send the next in its place,
 * while the broker works on the other. Whatever ends this, both are settled. */
static int ship(struct shim_bus_publisher *publisher)
{
    int r = FARMIQ_OK;

    for (int round = 0; round < ROUNDS && r == FARMIQ_OK; round++) {
        struct shipment *shipment = &publisher->shipments[round % SHIPMENTS];

        r = finish(publisher, shipment);
        if (r == FARMIQ_OK)
            r = fill_shipment(publisher, shipment);
    }
    for (int i = 0; i < SHIPMENTS; i++) {
        int finished = finish(publisher, &publisher->shipments[i]);

        r = finished < 0 && r >= 0 ? finished : r;
    }
    return r == FARMIQ_OK ? SHIM_AGAIN : r;
}

/* ## What the operator sees */

static int count_rows(struct shim_call *call, void *arg)
{
    return farmiq_store_outbox_stats(call->store, QUEUE, arg);
}

/* Also, and most of all, while there is no broker. */
static void gauge_rows(struct shim_bus_publisher *publisher)
{
    struct shim_bus *bus = publisher->link.bus;
    int64_t now_ms = shim_clock_monotonic_ms(), oldest;
    struct farmiq_outbox_stats stats;
    struct shim_call *call;

    if (publisher->counted_at_ms && now_ms - publisher->counted_at_ms < TEND_EVERY_MS)
        return;
    publisher->counted_at_ms = now_ms;
    farmiq_outbox_stats_init(&stats, sizeof stats);
    call = shim_call_open(bus->runtime, bus->publisher);
    if (call && shim_write(call, count_rows, &stats) >= 0) {
        oldest = stats.oldest_pending_unix_ms;
        shim_gauge("farmiq_bus_outbox_rows", NULL,
                   (double)(stats.pending + stats.claimed));
        shim_gauge("farmiq_bus_outbox_oldest_seconds", NULL,
                   oldest ? (double)(call->now_unix_ms - oldest) / 1000 : 0);
    }
    shim_call_close(call);
}

/* ## The task */

static int tend(struct shim_bus_publisher *publisher)
{
    struct shim_bus_link *link = &publisher->link;
    int r;

    if (!link->amqp) {
        r = shim_bus_link_open(link);
        if (r < 0)
            return r;
        shim_bus_link_stands(link);
    }
    do
        r = shim_amqp_tend(link->amqp, 0);
    while (r == FARMIQ_OK);
    if (r >= 0)
        shim_bus_link_gauge(link, SHIM_BUS_UNROUTED);
    return r < 0 ? r : FARMIQ_OK;
}

static int drain(void *arg)
{
    struct shim_bus_publisher *publisher = arg;
    int r;

    gauge_rows(publisher);
    r = tend(publisher);
    if (r >= 0)
        r = ship(publisher);
    if (publisher->link.amqp && shim_amqp_is_lost(publisher->link.amqp))
        r = shim_bus_link_drop(&publisher->link);
    return r == FARMIQ_NONE ? 0 : r;
}

/* ## Opening and closing */

int shim_bus_publisher_open(struct shim_bus_publisher **out, struct shim_bus *bus)
{
    struct shim_bus_publisher *publisher = calloc(1, sizeof *publisher);

    if (!publisher)
        return FARMIQ_E_NOMEM;
    *out = publisher;
    publisher->link.bus = bus;
    publisher->link.label = "publisher";
    shim_gauge("farmiq_bus_connected", publisher->link.label, 0);
    for (int i = 0; i < SHIPMENTS; i++) {
        publisher->shipments[i].memory = malloc(SHIPMENT_BYTES);
        if (!publisher->shipments[i].memory)
            return FARMIQ_E_NOMEM;
    }
    return FARMIQ_OK;
}

/* From a time when every lease has expired. */
static int unclaim(struct shim_call *call, void *arg)
{
    (void)arg;
    return farmiq_store_outbox_unclaim(
        call->store, QUEUE, call->now_unix_ms + 2 * shim_number(call, "BUS_LEASE_MS"), 0,
        &(uint32_t){ 0 });
}

/* As in the local bus: where no neighbour can hold rows, those of a killed process do
 * not wait. */
static int end_leases(struct shim_bus_publisher *publisher)
{
    const struct shim_bus *bus = publisher->link.bus;
    struct shim_call *call = shim_call_open(bus->runtime, bus->publisher);
    int r = call ? FARMIQ_OK : FARMIQ_E_NOMEM;

    if (call && !shim_store_is_shared(call))
        r = shim_write(call, unclaim, NULL);
    shim_call_close(call);
    return r;
}

int shim_bus_publisher_start(struct shim_bus_publisher *publisher)
{
    struct shim_runtime *runtime = publisher->link.bus->runtime;
    int64_t poll_ms = shim_options_number(runtime->options, "BUS_POLL_MS");
    struct shim_task task = { .name = QUEUE,
                              .run = drain,
                              .ctx = publisher,
                              .period_ms =
                                  poll_ms < TEND_EVERY_MS ? poll_ms : TEND_EVERY_MS,
                              .longest_pause_ms = SHIM_BUS_LONGEST_PAUSE_MS,
                              .is_patient = 1 };
    int r = end_leases(publisher);

    return r < 0 ? r : shim_tasks_start(runtime->tasks, &task);
}

int shim_bus_publisher_is_open(const struct shim_bus_publisher *publisher)
{
    return atomic_load(&publisher->link.is_open);
}

void shim_bus_publisher_close(struct shim_bus_publisher *publisher)
{
    if (!publisher)
        return;
    shim_amqp_close(publisher->link.amqp);
    for (int i = 0; i < SHIPMENTS; i++)
        free(publisher->shipments[i].memory);
    free(publisher);
}
