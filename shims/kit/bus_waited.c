/* SPDX-License-Identifier: Apache-2.0 */
/* What waited for a consumer: events that none took lie in a queue of their own, and once
 * this process has one that does, they are handed over. Each is put into its consumer's
 * queue and ended here in one transaction; one that is there already stays one.
 *
 * Looked at once a day, too: during an upgrade a replica of the version before may go on
 * putting events here. */
#include <stdlib.h>

#include "kit/bus_local.h"
#include "kit/log.h"

#define QUEUE SHIM_BUS_LOCAL_UNROUTED
#define ROWS 512
#define ROWS_BYTES (4u << 20)
#define EVERY_MS (24 * 3600 * INT64_C(1000))

/* A walk through the queue. What nobody takes stays claimed until its end, so that it is
 * met once; nothing depends on that claim. */
struct waited {
    struct shim_bus *bus;
    const struct shim_hosted *hosted; /* in whose name */
    void *memory;                     /* ROWS_BYTES */
    int is_under_way;
    uint32_t handed_over; /* in the transaction in hand */
};

/* Whatever the lease says. */
static int give_back(struct shim_call *call, void *waited)
{
    (void)waited;
    return farmiq_store_outbox_unclaim(call->store, QUEUE, call->now_unix_ms,
                                       -2 * shim_number(call, "BUS_LEASE_MS"),
                                       &(uint32_t){ 0 });
}

static int claim(const struct waited *waited, struct shim_call *call,
                 struct farmiq_outbox_row **first)
{
    struct farmiq_outbox_claim claim;

    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.limit = ROWS;
    claim.claimed_by = shim_str("handover");
    claim.lease_ms = (uint32_t)shim_number(call, "BUS_LEASE_MS");
    claim.now_unix_ms = call->now_unix_ms;
    claim.max_claims = UINT32_MAX; /* looking kills nothing */
    claim.memory = waited->memory;
    claim.memory_bytes = ROWS_BYTES;
    shim_random_bytes(call, claim.token, sizeof claim.token);
    return farmiq_store_outbox_claim(call->store, QUEUE, &claim, first);
}

/* Those that a consumer takes, as a chain of rows and as one of their events; negative as
 * farmiq_outbox_settle(). */
static int pick(struct waited *waited, struct shim_call *call,
                struct farmiq_outbox_row *row, struct farmiq_outbox_row **rows,
                struct farmiq_event **events)
{
    int r = FARMIQ_OK;

    for (struct farmiq_outbox_row *next; row && r >= 0; row = next) {
        const char *routing_key = shim_bus_routing_key(row->event);

        next = row->next;
        if (!routing_key || !shim_bus_local_takes(waited->bus, routing_key))
            continue;
        r = farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_ACKED, call->now_unix_ms, 0);
        row->next = NULL;
        row->event->next = NULL;
        *rows = row;
        *events = row->event;
        rows = &row->next;
        events = &row->event->next;
        waited->handed_over++;
    }
    return r;
}

/* FARMIQ_NONE: everything was looked at. */
static int hand_over(struct shim_call *call, void *arg)
{
    struct waited *waited = arg;
    struct farmiq_outbox_row *claimed, *rows = NULL;
    struct farmiq_event *events = NULL;
    uint32_t purged;
    int r = claim(waited, call, &claimed);

    waited->handed_over = 0; /* the unit may run again */
    if (r == FARMIQ_OK)
        r = pick(waited, call, claimed, &rows, &events);
    if (r != FARMIQ_OK || !rows)
        return r;
    r = waited->bus->ops->publish(waited->bus, call, events, shim_str(""));
    if (r == FARMIQ_OK)
        r = farmiq_store_outbox_settle(call->store, QUEUE, rows, call->now_unix_ms);
    if (r == FARMIQ_OK)
        r = farmiq_store_outbox_purge(call->store, QUEUE, call->now_unix_ms + 1, 2 * ROWS,
                                      &purged);
    return r == FARMIQ_NONE ? FARMIQ_E_STATE : r;
}

/* A killed process, or a replica, may have left claims: nobody waits for them. */
static int begin_or_end(struct waited *waited, struct shim_call *call, int is_under_way)
{
    int r = shim_write(call, give_back, waited);

    if (r >= 0)
        waited->is_under_way = is_under_way;
    return r;
}

static int step(struct waited *waited, struct shim_call *call)
{
    int r = waited->is_under_way ? FARMIQ_OK : begin_or_end(waited, call, 1);

    if (r >= 0)
        r = shim_write(call, hand_over, waited);
    if (r == FARMIQ_NONE)
        return begin_or_end(waited, call, 0);
    if (r >= 0 && waited->handed_over)
        shim_log(call, SHIM_INFO, "bus.handed_over",
                 "%u events that waited for a consumer", waited->handed_over);
    return r < 0 ? r : SHIM_AGAIN;
}

static int walk(void *arg)
{
    struct waited *waited = arg;
    struct shim_call *call = shim_call_open(waited->bus->runtime, waited->hosted);
    int r = call ? step(waited, call) : FARMIQ_E_NOMEM;

    shim_call_close(call);
    return r;
}

int shim_bus_waited_start(struct shim_bus *bus)
{
    struct shim_task task = { .name = "handover", .run = walk, .period_ms = EVERY_MS };
    struct waited *waited;

    if (!bus->count)
        return FARMIQ_OK;
    bus->own = waited = calloc(1, sizeof *waited);
    if (!waited)
        return FARMIQ_E_NOMEM;
    waited->bus = bus;
    waited->hosted = bus->consumers[0].hosted;
    waited->memory = malloc(ROWS_BYTES);
    task.ctx = waited;
    return waited->memory ? shim_tasks_start(bus->runtime->tasks, &task) : FARMIQ_E_NOMEM;
}

void shim_bus_waited_close(struct shim_bus *bus)
{
    struct waited *waited = bus->own;

    free(waited ? waited->memory : NULL);
    free(waited);
}
