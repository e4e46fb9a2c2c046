/* SPDX-License-Identifier: Apache-2.0 */
/* From RabbitMQ to a handler: messages are gathered into a batch, which is one
 * transaction, and acknowledged after its commit. What can never be handled goes to the
 * service's dead letters, what failed climbs the retry ladder; both are confirmed before
 * the original is acknowledged, so that at no time there is none of it (spec cloud 2.2,
 * 2.5).
 *
 * When the database is in trouble, the batch stays in hand and is tried again: to give
 * it back would count as a delivery, and after ten of those the broker buries it. */
#include <stdlib.h>
#include <string.h>

#include "kit/bus_amqp.h"
#include "kit/fail.h"
#include "kit/log.h"

#define BATCH_MAX 500
#define WAIT_MS 250 /* so that the end of the process is noticed */
#define SCRATCH_BYTES FARMIQ_ENVELOPE_SCRATCH_BYTES
#define HEADERS 6

/* A message, and how it came. */
struct parcel {
    struct shim_message message;
    struct farmiq_event event;
    struct shim_amqp_delivery *delivery;
};

struct reader {
    struct shim_bus_link link;
    struct shim_consumer *consumer;
    char dlq[SHIM_BUS_NAME_BYTES];
    struct shim_delivery batch;          /* in hand; its call NULL: none */
    struct shim_amqp_delivery *arrivals; /* of the batch, to be freed with it */
    uint32_t failures;                   /* of the batch in hand */
    int64_t not_before_ms;               /* when it is tried again */
};

static struct shim_amqp_delivery *delivery_of(struct shim_message *message)
{
    return ((struct parcel *)(void *)message)->delivery;
}

/* ## Passing on: to the dead letters, or to a step of the ladder */

#define ATTEMPT "x-farmiq-attempt"
#define FAILED_AT "x-farmiq-first-failed-at"
#define FROM_EXCHANGE "x-farmiq-exchange"
#define FROM_KEY "x-farmiq-routing-key"

/* What an earlier failure noted stands; else what is true now. */
static struct farmiq_str noted(const struct shim_amqp_delivery *delivery,
                               const char *header, struct farmiq_str now)
{
    struct farmiq_str before = shim_amqp_header_text(delivery, header);

    return before.len ? before : now;
}

static struct farmiq_str time_text(struct shim_call *call)
{
    char *text = shim_memory(call, FARMIQ_TIME_STRLEN + 1);

    if (!text || farmiq_time_format(call->now_unix_ms, text) != FARMIQ_OK)
        return shim_str("");
    return shim_str(text);
}

struct address {
    const char *exchange;
    const char *queue; /* its routing key */
    const char *reason;
    int64_t attempt;
};

static int pass_on(struct reader *reader, const struct shim_amqp_delivery *delivery,
                   const struct address *to)
{
    struct shim_call *call = reader->batch.call;
    const struct shim_amqp_header headers[HEADERS] = {
        { "x-farmiq-error", shim_str(to->reason), 0 },
        { FAILED_AT, noted(delivery, FAILED_AT, time_text(call)), 0 },
        { ATTEMPT, { NULL, 0 }, to->attempt },
        { FROM_EXCHANGE, noted(delivery, FROM_EXCHANGE, delivery->exchange), 0 },
        { FROM_KEY, noted(delivery, FROM_KEY, delivery->routing_key), 0 },
        { "x-farmiq-queue", delivery->queue, 0 },
    };
    struct shim_amqp_letter letter = { .exchange = shim_str(to->exchange),
                                       .routing_key = shim_str(to->queue),
                                       .body = delivery->body,
                                       .headers = headers,
                                       .header_count = HEADERS,
                                       .base = delivery };
    int r = shim_amqp_send_and_wait(reader->link.amqp, &letter);

    if (r != FARMIQ_OK)
        shim_log_line(SHIM_ERROR, "bus.not_passed_on", "%s: %s", to->queue,
                      r < 0 ? farmiq_strerror(r) : "no queue takes it");
    return r == FARMIQ_OK ? FARMIQ_OK : FARMIQ_E_UNREACHABLE;
}

static int64_t attempts_of(const struct shim_amqp_delivery *delivery)
{
    int64_t attempts = shim_amqp_header_number(delivery, ATTEMPT, 0);

    return attempts < 0 || attempts > SHIM_BUS_ATTEMPTS ? SHIM_BUS_ATTEMPTS : attempts;
}

static int bury(struct reader *reader, const struct shim_amqp_delivery *delivery,
                const char *reason, int64_t attempts)
{
    const struct address to = { SHIM_BUS_DLX, reader->dlq, reason ? reason : "REFUSED",
                                attempts };

    shim_count("farmiq_bus_dead_letters_total", reader->consumer->queue->name, 1);
    return pass_on(reader, delivery, &to);
}

static int retry(struct reader *reader, const struct shim_amqp_delivery *delivery,
                 const char *reason)
{
    int64_t attempt = attempts_of(delivery) + 1;
    char step[SHIM_BUS_NAME_BYTES];
    const struct address to = { SHIM_BUS_RETRY, step, reason, attempt };

    if (attempt >= SHIM_BUS_ATTEMPTS)
        return bury(reader, delivery, reason, attempt);
    shim_bus_retry_name(reader->consumer->hosted->service->name, attempt, step);
    return pass_on(reader, delivery, &to);
}

/* ## Settling: after the commit */

/* Messages come in the order of their tags and those before were acknowledged, so one
 * acknowledgement serves for all in hand. */
static int acknowledge(struct shim_delivery *batch)
{
    struct reader *reader = batch->own;
    struct shim_message *last = batch->messages;

    while (last->next)
        last = last->next;
    return shim_amqp_ack(reader->link.amqp, delivery_of(last)->tag, 1);
}

static int settled(struct shim_delivery *batch)
{
    struct reader *reader = batch->own;
    int r = FARMIQ_OK;

    for (struct shim_message *m = batch->messages; m && r == FARMIQ_OK; m = m->next) {
        if (m->verdict == FARMIQ_E_REFUSED)
            r = bury(reader, delivery_of(m), m->reason, attempts_of(delivery_of(m)));
        else if (m->verdict != FARMIQ_OK)
            r = retry(reader, delivery_of(m), m->reason ? m->reason : "NOT_NOW");
    }
    return r < 0 ? r : acknowledge(batch);
}

static int failed(struct shim_delivery *batch)
{
    int r = retry(batch->own, delivery_of(batch->messages), "the consumer failed");

    return r < 0 ? r : acknowledge(batch);
}

static const struct shim_delivery_ways ways = { .settled = settled, .failed = failed };

/* ## Gathering a batch */

static void let_go(struct reader *reader)
{
    while (reader->arrivals) {
        struct shim_amqp_delivery *delivery = reader->arrivals;

        reader->arrivals = delivery->next;
        shim_amqp_delivery_free(delivery);
    }
    shim_call_close(reader->batch.call);
    reader->batch.call = NULL;
    reader->batch.messages = NULL;
    reader->failures = 0;
    reader->not_before_ms = 0;
}

/* Why this is no event; NULL if it is one. */
static const char *read_event(struct shim_call *call, struct parcel *parcel)
{
    struct farmiq_str body = parcel->delivery->body;
    size_t scratch_bytes = SCRATCH_BYTES + body.len;
    void *scratch = shim_memory(call, scratch_bytes);
    int r;

    farmiq_event_init(&parcel->event, sizeof parcel->event);
    if (body.len > FARMIQ_ENVELOPE_MAX_BYTES)
        return "TOO_LARGE";
    r = scratch ? farmiq_event_parse(&parcel->event, body.ptr, body.len, scratch,
                                     scratch_bytes, NULL)
                : FARMIQ_E_NOMEM;
    if (r < 0)
        return r == FARMIQ_E_SYNTAX ? "INVALID_JSON" : farmiq_errname(r);
    return parcel->event.refusal;
}

/* As its publisher says it; who says nothing came from nowhere. */
static void read_origin(struct shim_origin *origin,
                        const struct shim_amqp_delivery *delivery)
{
    struct farmiq_str at = shim_amqp_header_text(delivery, "ingested_at");

    origin->request_id = shim_amqp_header_text(delivery, "x-request-id");
    origin->edge_id = shim_amqp_header_text(delivery, "edge_id");
    if (farmiq_time_parse(at.ptr, at.len, &origin->ingested_at_unix_ms) != FARMIQ_OK)
        origin->ingested_at_unix_ms = 0;
}

/* What is no event goes to the dead letters at once: no handler sees it. */
static int take_in(struct reader *reader, struct shim_amqp_delivery *delivery,
                   struct shim_message ***tail)
{
    struct parcel *parcel = shim_memory(reader->batch.call, sizeof *parcel);
    const char *reason;
    int r;

    delivery->next = reader->arrivals;
    reader->arrivals = delivery;
    if (!parcel)
        return FARMIQ_E_NOMEM;
    parcel->delivery = delivery;
    reason = read_event(reader->batch.call, parcel);
    if (reason) {
        shim_count("farmiq_bus_deliveries_total", "refused", 1);
        r = bury(reader, delivery, reason, attempts_of(delivery));
        return r < 0 ? r : shim_amqp_ack(reader->link.amqp, delivery->tag, 0);
    }
    parcel->message.topic = noted(delivery, FROM_KEY, delivery->routing_key);
    parcel->message.body = parcel->event.payload;
    parcel->message.event = &parcel->event;
    read_origin(&parcel->message.origin, delivery);
    **tail = &parcel->message;
    *tail = &parcel->message.next;
    return FARMIQ_OK;
}

static int begin_batch(struct reader *reader)
{
    struct shim_consumer *consumer = reader->consumer;

    reader->batch = (struct shim_delivery){
        .consumer = consumer,
        .call = shim_call_open(consumer->bus->runtime, consumer->hosted),
        .ways = &ways,
        .own = reader,
    };
    return reader->batch.call ? FARMIQ_OK : FARMIQ_E_NOMEM;
}

/* FARMIQ_NONE: nothing came. */
static int gather(struct reader *reader)
{
    struct shim_message **tail = &reader->batch.messages;
    struct shim_amqp_delivery *delivery;
    int64_t until_ms = 0, now_ms = 0;
    int r = shim_amqp_receive(reader->link.amqp, WAIT_MS, &delivery), began;
    uint32_t count = 0;

    if (r != FARMIQ_OK)
        return r;
    began = begin_batch(reader);
    if (began < 0) {
        shim_amqp_delivery_free(delivery); /* and its link is dropped: it comes again */
        return began;
    }
    until_ms =
        shim_clock_monotonic_ms() + shim_number(reader->batch.call, "BUS_BATCH_WAIT_MS");
    while (r == FARMIQ_OK) {
        r = take_in(reader, delivery, &tail);
        if (r < 0 || ++count == BATCH_MAX)
            break;
        now_ms = shim_clock_monotonic_ms();
        r = shim_amqp_receive(reader->link.amqp,
                              now_ms < until_ms ? (uint32_t)(until_ms - now_ms) : 0,
                              &delivery);
    }
    return r < 0 ? r : FARMIQ_OK;
}

/* ## The task */

static uint32_t pause_ms(struct reader *reader)
{
    struct farmiq_backoff policy;
    uint32_t delay_ms = SHIM_BUS_LONGEST_PAUSE_MS;

    farmiq_backoff_init(&policy, sizeof policy);
    policy.max_ms = SHIM_BUS_LONGEST_PAUSE_MS;
    policy.max_attempts = UINT32_MAX;
    (void)!farmiq_backoff_delay(&policy, ++reader->failures, shim_chance(), &delay_ms);
    return delay_ms;
}

static int connect_reader(struct reader *reader)
{
    const struct shim_options *options = reader->consumer->bus->runtime->options;
    uint16_t prefetch = (uint16_t)shim_options_number(options, "BUS_PREFETCH");
    const char *service = reader->consumer->hosted->service->name, *queue;
    int r = shim_bus_link_open(&reader->link);

    for (uint32_t i = 0; r == FARMIQ_OK; i++) {
        queue = shim_bus_queue_at(service, reader->consumer->queue->name, i);
        if (!queue)
            break;
        r = shim_amqp_consume(reader->link.amqp, queue, prefetch);
        if (r != FARMIQ_OK)
            shim_log_line(SHIM_ERROR, "bus.no_queue", "%s: %s%s", queue,
                          shim_amqp_why(reader->link.amqp),
                          r == FARMIQ_NONE ? "; farmiqctl bus declare makes it" : "");
    }
    if (r == FARMIQ_OK) {
        shim_bus_link_stands(&reader->link);
        return r;
    }
    return reader->link.amqp ? shim_bus_link_drop(&reader->link) : r;
}

/* The batch in hand stays there through the store's trouble. */
static int deliver(struct reader *reader)
{
    int r = reader->batch.messages ? shim_deliver(&reader->batch) : FARMIQ_OK;

    if (r >= 0) {
        let_go(reader);
    } else {
        uint32_t wait_ms = pause_ms(reader);

        reader->not_before_ms = shim_clock_monotonic_ms() + wait_ms;
        shim_log_line(SHIM_WARN, "bus.waiting", "%s: %s; again in %u ms",
                      reader->link.label, farmiq_strerror(r), wait_ms);
    }
    return FARMIQ_OK;
}

static int work(struct reader *reader)
{
    int r;

    if (!reader->batch.call) {
        shim_bus_link_gauge(&reader->link, reader->dlq);
        r = gather(reader);
        return r == FARMIQ_OK ? deliver(reader) : r;
    }
    if (shim_clock_monotonic_ms() >= reader->not_before_ms)
        return deliver(reader);
    return shim_amqp_tend(reader->link.amqp, WAIT_MS);
}

static int run(void *arg)
{
    struct reader *reader = arg;
    int r = reader->link.amqp ? FARMIQ_OK : connect_reader(reader);

    if (r == FARMIQ_OK)
        r = work(reader);
    /* Whatever failed on the way, a new link brings what is not acknowledged. */
    if (reader->link.amqp && (r < 0 || shim_amqp_is_lost(reader->link.amqp))) {
        let_go(reader);
        r = shim_bus_link_drop(&reader->link);
    }
    return r < 0 ? r : SHIM_AGAIN;
}

/* ## Opening and closing */

int shim_bus_reader_open(struct shim_consumer *consumer, struct farmiq_error *error)
{
    const char *service = consumer->hosted->service->name;
    int64_t prefetch =
        shim_options_number(consumer->bus->runtime->options, "BUS_PREFETCH");
    struct reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return FARMIQ_E_NOMEM;
    consumer->own = reader;
    reader->consumer = consumer;
    reader->link.bus = consumer->bus;
    reader->link.label = consumer->queue->name;
    shim_bus_dlq_name(service, reader->dlq);
    shim_gauge("farmiq_bus_connected", reader->link.label, 0);
    if (prefetch < 1 || prefetch > UINT16_MAX)
        return shim_fail(error, FARMIQ_E_ARG, "BUS_PREFETCH", "must be 1 to 65535");
    if (!shim_bus_queue_at(service, consumer->queue->name, 0))
        return shim_fail(error, FARMIQ_E_ARG, service,
                         "has a consumer without a queue in the topology");
    return FARMIQ_OK;
}

int shim_bus_reader_start(struct shim_consumer *consumer)
{
    struct reader *reader = consumer->own;
    struct shim_task task = { .name = consumer->queue->name,
                              .run = run,
                              .ctx = reader,
                              .longest_pause_ms = SHIM_BUS_LONGEST_PAUSE_MS };

    return shim_tasks_start(consumer->bus->runtime->tasks, &task);
}

int shim_bus_reader_is_open(const struct shim_consumer *consumer)
{
    const struct reader *reader = consumer->own;

    return atomic_load(&reader->link.is_open);
}

void shim_bus_reader_close(struct shim_consumer *consumer)
{
    struct reader *reader = consumer->own;

    if (!reader)
        return;
    let_go(reader);
    shim_amqp_close(reader->link.amqp);
    free(reader);
}
