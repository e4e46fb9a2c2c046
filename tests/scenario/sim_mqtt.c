/* SPDX-License-Identifier: Apache-2.0 */
/* A broker, and kit/mqtt_subscriber.h as its one persistent session. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kit/mqtt_subscriber.h"
#include "sim_net.h"
#include "sim_store.h"

#define LATENCY_MOST_MS 50
#define RECONNECT_MS 30000

struct message {
    struct message *next;
    int holders; /* the queue, and the batches it is in */
    int is_queued;
    struct farmiq_str topic, body;
    void (*on_end)(void *ctx, int is_acknowledged);
    void *ctx;
    char bytes[];
};

struct sim_mqtt_faults sim_mqtt_faults;
static struct message *queue;
static uint32_t queued;
static uint64_t crashes; /* a connection from before one is worth nothing */
static void (*deliver_to_device)(struct farmiq_str topic, struct farmiq_str body);

struct shim_mqtt_subscriber {
    struct shim_mqtt_subscriber_options options;
    struct sim_node *node;
    struct sim_fiber *thread;
    int is_closing;
};
static struct shim_mqtt_subscriber *session; /* NULL: nobody is connected */

static void let_go(struct message *message)
{
    if (--message->holders == 0)
        free(message);
}

static void take_from_queue(struct message **at)
{
    struct message *message = *at;

    *at = message->next;
    message->is_queued = 0;
    queued--;
    let_go(message);
}

static void clear_queue(void)
{
    while (queue)
        take_from_queue(&queue);
}

void sim_mqtt_reset(void)
{
    clear_queue();
    memset(&sim_mqtt_faults, 0, sizeof sim_mqtt_faults);
    sim_mqtt_faults.queue_max = 100000;
    deliver_to_device = NULL;
    session = NULL;
    crashes = 0;
}

uint32_t sim_mqtt_queued(void) { return queued; }

void sim_mqtt_on_message(void (*deliver)(struct farmiq_str topic, struct farmiq_str body))
{
    deliver_to_device = deliver;
}

/* ## In from the devices */

static struct message *make_message(struct farmiq_str topic, struct farmiq_str body)
{
    struct message *message = calloc(1, sizeof *message + topic.len + body.len);

    if (!message)
        abort();
    message->holders = 1;
    memcpy(message->bytes, topic.ptr, topic.len);
    memcpy(message->bytes + topic.len, body.ptr, body.len);
    message->topic = (struct farmiq_str){ message->bytes, topic.len };
    message->body = (struct farmiq_str){ message->bytes + topic.len, body.len };
    return message;
}

/* At the end, or somewhere before it. */
static void enqueue(struct message *message)
{
    struct message **at = &queue;
    int64_t ahead =
        sim_chance(sim_mqtt_faults.reorder) ? sim_between(0, queued) : (int64_t)queued;

    while (*at && ahead-- > 0)
        at = &(*at)->next;
    message->next = *at;
    *at = message;
    message->is_queued = 1;
    queued++;
    if (session)
        sim_wake_all(session);
}

/* Mosquitto acknowledges a message that it then drops because the queue is full. */
static void reach_broker(void *ctx)
{
    struct message *message = ctx;
    int is_lost = sim_mqtt_faults.is_down || sim_chance(sim_mqtt_faults.lose_publish);

    if (message->on_end)
        message->on_end(message->ctx, !is_lost);
    if (is_lost || queued >= sim_mqtt_faults.queue_max || sim_is_ending())
        let_go(message);
    else
        enqueue(message);
}

void sim_mqtt_publish(const char *topic, struct farmiq_str body,
                      void (*on_end)(void *ctx, int is_acknowledged), void *ctx)
{
    struct message *message = make_message(shim_str(topic), body);

    message->on_end = on_end;
    message->ctx = ctx;
    sim_after(sim_between(1, LATENCY_MOST_MS), reach_broker, message);
}

static void come_back(void *unused)
{
    (void)unused;
    sim_mqtt_faults.is_down = 0;
    if (session)
        sim_wake_all(session);
}

void sim_mqtt_crash(int64_t down_ms)
{
    crashes++;
    if (!sim_mqtt_faults.is_durable)
        clear_queue();
    sim_mqtt_faults.is_down = 1;
    sim_after(down_ms, come_back, NULL);
}

/* ## Out to the gateway */

struct delivery {
    struct shim_message shown; /* to the handler */
    struct message *message;
};
struct batch {
    uint32_t count;
    struct delivery deliveries[];
};

static struct batch *take_batch(const struct shim_mqtt_subscriber *subscriber)
{
    uint32_t most = subscriber->options.batch_max;
    struct batch *batch = calloc(1, sizeof *batch + most * sizeof *batch->deliveries);

    if (!batch)
        abort();
    for (struct message *m = queue; m && batch->count < most; m = m->next) {
        struct delivery *delivery = &batch->deliveries[batch->count++];

        delivery->message = m;
        delivery->shown.topic = m->topic;
        delivery->shown.body = m->body;
        if (batch->count > 1)
            delivery[-1].shown.next = &delivery->shown;
        m->holders++;
    }
    return batch;
}

static void free_batch(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        let_go(batch->deliveries[i].message);
    free(batch);
}

/* The broker forgets what was acknowledged, unless the PUBACK is lost on the way. */
static void acknowledge(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct message *message = batch->deliveries[i].message, **at = &queue;

        if (!message->is_queued || sim_chance(sim_mqtt_faults.duplicate))
            continue;
        while (*at != message)
            at = &(*at)->next;
        take_from_queue(at);
    }
}

static void deliver_batch(struct shim_mqtt_subscriber *subscriber)
{
    uint64_t connection = crashes;
    struct batch *batch = take_batch(subscriber);
    int r;

    if (sim_bug_is(SIM_BUG_PUBACK_FIRST))
        acknowledge(batch);
    r = subscriber->options.on_batch(subscriber->options.ctx, &batch->deliveries[0].shown,
                                     batch->count);
    if (r >= 0 && !subscriber->node->is_dead && connection == crashes)
        acknowledge(batch);
    free_batch(batch);
    if (r < 0 && !subscriber->is_closing)
        sim_wait(subscriber, sim_now_ms() + RECONNECT_MS);
}

static void subscribe(void *arg)
{
    struct shim_mqtt_subscriber *subscriber = arg;

    while (!subscriber->is_closing) {
        if (!queue || sim_mqtt_faults.is_down || subscriber->node->is_dead)
            sim_wait(subscriber, SIM_FOR_EVER);
        else
            deliver_batch(subscriber);
        if (subscriber->node->is_dead)
            break;
    }
}

/* ## kit/mqtt_subscriber.h */

int shim_mqtt_subscriber_open(struct shim_mqtt_subscriber **out,
                              const struct shim_mqtt_subscriber_options *options,
                              struct farmiq_error *error)
{
    struct shim_mqtt_subscriber *subscriber = calloc(1, sizeof *subscriber);

    (void)error;
    if (!subscriber)
        return FARMIQ_E_NOMEM;
    subscriber->options = *options;
    subscriber->node = sim_node_current();
    assert(!session);
    session = subscriber;
    subscriber->thread = sim_fiber_start(subscriber->node, subscribe, subscriber);
    *out = subscriber;
    return FARMIQ_OK;
}

void shim_mqtt_subscriber_close(struct shim_mqtt_subscriber *subscriber)
{
    if (!subscriber)
        return;
    subscriber->is_closing = 1;
    sim_wake_all(subscriber);
    while (!sim_fiber_is_done(subscriber->thread))
        sim_wait(subscriber->thread, SIM_FOR_EVER);
    session = NULL;
    free(subscriber);
}

int shim_mqtt_subscriber_is_connected(const struct shim_mqtt_subscriber *subscriber)
{
    (void)subscriber;
    return !sim_mqtt_faults.is_down;
}

static void reach_device(void *ctx)
{
    struct message *message = ctx;

    if (!sim_is_ending() && deliver_to_device && !sim_mqtt_faults.is_down &&
        !sim_chance(sim_mqtt_faults.lose_ack))
        deliver_to_device(message->topic, message->body);
    let_go(message);
}

int shim_mqtt_subscriber_send(struct shim_mqtt_subscriber *subscriber,
                              struct farmiq_str topic, struct farmiq_str body)
{
    if (subscriber->node->is_dead || sim_mqtt_faults.is_down)
        return FARMIQ_E_UNREACHABLE;
    sim_after(sim_between(1, LATENCY_MOST_MS), reach_device, make_message(topic, body));
    return FARMIQ_OK;
}
