/* SPDX-License-Identifier: Apache-2.0 */
/* The topology (spec cloud 2.2). Nothing that is published may vanish: what no queue
 * takes goes to the alternate exchange, what a queue gives up goes to a dead letter
 * queue, and both are bound to catch everything. */
#include "kit/bus_topology.h"

#include <stdio.h>
#include <string.h>

#define TELEMETRY "farmiq.telemetry.exchange"
#define WEIGHVISION "farmiq.weighvision.exchange"
#define MEDIA "farmiq.media.exchange"
#define INFERENCE "farmiq.inference.exchange"
#define FEED "farmiq.feed.exchange"
#define SYNC "farmiq.sync.exchange"
#define BARN "farmiq.barn.exchange"
#define KPI "farmiq.kpi.exchange"
#define UNROUTED_EXCHANGE "farmiq.unrouted.exchange"

#define DELIVERIES_MAX 10 /* a message that kills its consumers this often is dead */

static const struct {
    const char *name;
    const char *type;
} exchanges[] = {
    { UNROUTED_EXCHANGE, "topic" }, /* first: the others name it */
    { TELEMETRY, "topic" },
    { WEIGHVISION, "topic" },
    { MEDIA, "topic" },
    { SYNC, "topic" },
    { INFERENCE, "topic" },
    { FEED, "topic" },
    { BARN, "topic" },
    { KPI, "topic" },
    { SHIM_BUS_RETRY, "topic" },
    { SHIM_BUS_DLX, "direct" },
};

/* So that bindings made for either of two exchanges work. */
static const struct {
    const char *source;
    const char *destination;
    const char *routing_key;
} bridges[] = {
    { FEED, SYNC, "feed.#" },
    { INFERENCE, WEIGHVISION, "inference.completed" },
    { MEDIA, WEIGHVISION, "media.stored" },
    { BARN, SYNC, "barn.#" },
};

/* Each has dead letters and a retry ladder of its own; what was retried comes back to
 * `home`, whichever of the service's queues it came from. */
static const struct service {
    const char *name;
    const char *home;
    int is_here; /* this release has it */
} services[] = {
    { "cloud-telemetry-service", "farmiq.cloud-telemetry-service.ingest.queue", 1 },
    { "cloud-analytics-service", "farmiq.cloud-analytics-service.kpi.queue", 0 },
    { "cloud-feed-service", "farmiq.cloud-feed-service.intake.queue", 1 },
    { "cloud-weighvision-readmodel", "farmiq.cloud-weighvision-readmodel.queue", 1 },
    { "cloud-media-store", "farmiq.cloud-media-store.queue", 1 },
    { "cloud-notification-service", "farmiq.cloud-notification-service.jobs.queue", 0 },
    { "cloud-reporting-export-service", "report.jobs", 0 },
};

static const struct {
    const char *service;
    const char *consumer; /* the service's name for it (struct shim_queue) */
    const char *name;
} queues[] = {
    { "cloud-telemetry-service", "telemetry",
      "farmiq.cloud-telemetry-service.ingest.queue" },
    { "cloud-telemetry-service", "telemetry",
      "farmiq.cloud-telemetry-service.agg.queue" },
    { "cloud-analytics-service", "kpi", "farmiq.cloud-analytics-service.kpi.queue" },
    { "cloud-feed-service", "intake", "farmiq.cloud-feed-service.intake.queue" },
    { "cloud-weighvision-readmodel", "sessions",
      "farmiq.cloud-weighvision-readmodel.queue" },
    { "cloud-media-store", "media", "farmiq.cloud-media-store.queue" },
    { "cloud-notification-service", "jobs",
      "farmiq.cloud-notification-service.jobs.queue" },
    { "cloud-reporting-export-service", "jobs", "report.jobs" },
};

/* By the exchange, the keys separated by spaces. */
static const struct {
    const char *service;
    const char *queue;
    const char *exchange;
    const char *routing_keys;
} bindings[] = {
    { "cloud-telemetry-service", "farmiq.cloud-telemetry-service.ingest.queue", TELEMETRY,
      "telemetry.ingested telemetry.reading" },
    { "cloud-telemetry-service", "farmiq.cloud-telemetry-service.agg.queue", TELEMETRY,
      "telemetry.aggregated" },
    { "cloud-analytics-service", "farmiq.cloud-analytics-service.kpi.queue", TELEMETRY,
      "telemetry.ingested telemetry.aggregated" },
    { "cloud-analytics-service", "farmiq.cloud-analytics-service.kpi.queue", WEIGHVISION,
      "weighvision.session.finalized inference.completed "
      "weighvision.weight_aggregate.upserted" },
    { "cloud-analytics-service", "farmiq.cloud-analytics-service.kpi.queue", MEDIA,
      "media.stored" },
    { "cloud-analytics-service", "farmiq.cloud-analytics-service.kpi.queue", SYNC,
      "feed.intake.upserted barn.daily_counts.upserted" },
    { "cloud-feed-service", "farmiq.cloud-feed-service.intake.queue", FEED,
      "feed.intake.recorded" },
    { "cloud-feed-service", "farmiq.cloud-feed-service.intake.queue", SYNC,
      "feed.intake.recorded" },
    { "cloud-weighvision-readmodel", "farmiq.cloud-weighvision-readmodel.queue",
      WEIGHVISION,
      "weighvision.session.created weighvision.session.finalized "
      "weighvision.weight.recorded weighvision.image.captured "
      "weighvision.inference.completed weight.recorded media.stored "
      "inference.completed" },
    { "cloud-media-store", "farmiq.cloud-media-store.queue", MEDIA, "media.stored" },
};

static const struct {
    const char *name;
    int64_t ms;
} ladder[] = { { "5s", 5000 }, { "60s", 60000 }, { "600s", 600000 } };

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ## Names */

const char *shim_bus_queue_at(const char *service, const char *consumer, uint32_t index)
{
    for (size_t i = 0; i < COUNT(queues); i++)
        if (strcmp(queues[i].service, service) == 0 &&
            strcmp(queues[i].consumer, consumer) == 0 && index-- == 0)
            return queues[i].name;
    return NULL;
}

const char *shim_bus_service_at(uint32_t index)
{
    return index < COUNT(services) ? services[index].name : NULL;
}

void shim_bus_dlq_name(const char *service, char out[SHIM_BUS_NAME_BYTES])
{
    snprintf(out, SHIM_BUS_NAME_BYTES, "farmiq.%s.dlq.queue", service);
}

static void step_name(const char *service, size_t step, char out[SHIM_BUS_NAME_BYTES])
{
    snprintf(out, SHIM_BUS_NAME_BYTES, "farmiq.%s.retry.%s", service, ladder[step].name);
}

void shim_bus_retry_name(const char *service, int64_t attempt,
                         char out[SHIM_BUS_NAME_BYTES])
{
    size_t last = COUNT(ladder) - 1, step = attempt > 1 ? (size_t)attempt - 1 : 0;

    step_name(service, step < last ? step : last, out);
}

static int is_wanted(const char *list, const struct service *service)
{
    size_t len = strlen(service->name);

    if (!list)
        return service->is_here;
    if (strcmp(list, "all") == 0)
        return 1;
    while (*list) {
        size_t word = strcspn(list, ",");

        if (word == len && memcmp(list, service->name, len) == 0)
            return 1;
        list += word + (list[word] == ',');
    }
    return 0;
}

/* ## The walk */

/* A quorum queue keeps what it confirmed on disk, in a majority of its replicas. */
#define QUORUM                                                                           \
    {                                                                                    \
        "x-queue-type", "quorum", 0                                                      \
    }

static const struct shim_amqp_argument plain[] = { QUORUM, { 0 } };

static int walk_queue(const struct shim_bus_visitor *v, const char *name,
                      const struct shim_amqp_argument *arguments)
{
    return v->queue ? v->queue(v->ctx, name, arguments) : FARMIQ_OK;
}

static int walk_bind(const struct shim_bus_visitor *v, const char *source,
                     const char *destination, int is_exchange, const char *routing_key)
{
    return v->bind ? v->bind(v->ctx, source, destination, is_exchange, routing_key)
                   : FARMIQ_OK;
}

static int walk_exchanges(const struct shim_bus_visitor *v)
{
    static const struct shim_amqp_argument caught[] = {
        { "alternate-exchange", UNROUTED_EXCHANGE, 0 }, { 0 }
    };
    int r = FARMIQ_OK;

    for (size_t i = 0; v->exchange && i < COUNT(exchanges) && r >= 0; i++)
        r = v->exchange(v->ctx, exchanges[i].name, exchanges[i].type,
                        i == 0 ? NULL : caught);
    for (size_t i = 0; i < COUNT(bridges) && r >= 0; i++)
        r = walk_bind(v, bridges[i].source, bridges[i].destination, 1,
                      bridges[i].routing_key);
    return r;
}

/* What belongs to no service. */
static int walk_common(const struct shim_bus_visitor *v)
{
    int r = walk_queue(v, SHIM_BUS_UNROUTED, plain);

    if (r >= 0)
        r = walk_queue(v, SHIM_BUS_DEAD, plain);
    if (r >= 0)
        r = walk_bind(v, UNROUTED_EXCHANGE, SHIM_BUS_UNROUTED, 0, "#");
    return r < 0 ? r : walk_bind(v, SHIM_BUS_DLX, SHIM_BUS_DEAD, 0, SHIM_BUS_DEAD);
}

/* When its time is over, a message goes home. At least once: the step keeps it until
 * home has confirmed it, which takes the overflow rule that refuses instead of drops. */
static int walk_step(const struct shim_bus_visitor *v, const struct service *service,
                     size_t step)
{
    const struct shim_amqp_argument arguments[] = {
        QUORUM,
        { "x-message-ttl", NULL, ladder[step].ms },
        { "x-dead-letter-exchange", SHIM_BUS_RETRY, 0 },
        { "x-dead-letter-routing-key", service->home, 0 },
        { "x-dead-letter-strategy", "at-least-once", 0 },
        { "x-overflow", "reject-publish", 0 },
        { 0 },
    };
    char name[SHIM_BUS_NAME_BYTES];
    int r;

    step_name(service->name, step, name);
    r = walk_queue(v, name, arguments);
    return r < 0 ? r : walk_bind(v, SHIM_BUS_RETRY, name, 0, name);
}

static int walk_queues_of(const struct shim_bus_visitor *v, const char *service,
                          const char *dlq)
{
    const struct shim_amqp_argument arguments[] = {
        QUORUM,
        { "x-delivery-limit", NULL, DELIVERIES_MAX },
        { "x-dead-letter-exchange", SHIM_BUS_DLX, 0 },
        { "x-dead-letter-routing-key", dlq, 0 },
        { "x-dead-letter-strategy", "at-least-once", 0 },
        { "x-overflow", "reject-publish", 0 },
        { 0 },
    };
    int r = FARMIQ_OK;

    for (size_t i = 0; i < COUNT(queues) && r >= 0; i++)
        if (strcmp(queues[i].service, service) == 0)
            r = walk_queue(v, queues[i].name, arguments);
    return r;
}

static int walk_binding(const struct shim_bus_visitor *v, size_t index)
{
    const char *at = bindings[index].routing_keys;
    int r = FARMIQ_OK;

    while (*at && r >= 0) {
        size_t word = strcspn(at, " ");
        char key[SHIM_BUS_NAME_BYTES];

        snprintf(key, sizeof key, "%.*s", (int)word, at);
        r = walk_bind(v, bindings[index].exchange, bindings[index].queue, 0, key);
        at += word + (at[word] == ' ');
    }
    return r;
}

static int walk_service(const struct shim_bus_visitor *v, const struct service *service)
{
    char dlq[SHIM_BUS_NAME_BYTES];
    int r;

    shim_bus_dlq_name(service->name, dlq);
    r = walk_queue(v, dlq, plain);
    if (r >= 0)
        r = walk_bind(v, SHIM_BUS_DLX, dlq, 0, dlq);
    if (r >= 0)
        r = walk_queues_of(v, service->name, dlq);
    if (r >= 0)
        r = walk_bind(v, SHIM_BUS_RETRY, service->home, 0, service->home);
    for (size_t i = 0; i < COUNT(ladder) && r >= 0; i++)
        r = walk_step(v, service, i);
    for (size_t i = 0; i < COUNT(bindings) && r >= 0; i++)
        if (strcmp(bindings[i].service, service->name) == 0)
            r = walk_binding(v, i);
    return r;
}

int shim_bus_walk(const char *list, const struct shim_bus_visitor *visitor)
{
    int r = walk_exchanges(visitor);

    if (r >= 0)
        r = walk_common(visitor);
    for (size_t i = 0; i < COUNT(services) && r >= 0; i++)
        if (is_wanted(list, &services[i]))
            r = walk_service(visitor, &services[i]);
    return r;
}

/* ## Declaring */

struct declaring {
    struct shim_amqp *link;
    shim_bus_on_fault *on_fault;
    void *ctx;
    int faults;
};

/* A link that is gone ends the walk; a thing that is wrong does not. */
static int note(struct declaring *d, const char *kind, const char *name, int r)
{
    if (r == FARMIQ_OK || r == FARMIQ_E_UNREACHABLE)
        return r;
    d->faults++;
    if (d->on_fault)
        d->on_fault(d->ctx, kind, name, r, shim_amqp_why(d->link));
    return FARMIQ_OK;
}

static int declare_exchange(void *ctx, const char *name, const char *type,
                            const struct shim_amqp_argument *arguments)
{
    struct declaring *d = ctx;

    return note(d, "exchange", name,
                shim_amqp_declare_exchange(d->link, name, type, arguments));
}

static int declare_queue(void *ctx, const char *name,
                         const struct shim_amqp_argument *arguments)
{
    struct declaring *d = ctx;

    return note(d, "queue", name, shim_amqp_declare_queue(d->link, name, arguments));
}

static int declare_binding(void *ctx, const char *source, const char *destination,
                           int is_exchange, const char *routing_key)
{
    struct declaring *d = ctx;

    return note(d, "binding of", destination,
                is_exchange
                    ? shim_amqp_bind_exchange(d->link, destination, source, routing_key)
                    : shim_amqp_bind_queue(d->link, destination, source, routing_key));
}

int shim_bus_declare(struct shim_amqp *link, const char *list,
                     shim_bus_on_fault *on_fault, void *ctx)
{
    struct declaring declaring = { link, on_fault, ctx, 0 };
    const struct shim_bus_visitor visitor = { .ctx = &declaring,
                                              .exchange = declare_exchange,
                                              .queue = declare_queue,
                                              .bind = declare_binding };
    int r = shim_bus_walk(list, &visitor);

    return r < 0 ? r : declaring.faults;
}
