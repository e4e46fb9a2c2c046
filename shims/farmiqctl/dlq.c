/* SPDX-License-Identifier: Apache-2.0 */
/* farmiqctl dlq: what nobody could take. It asks RabbitMQ over AMQP alone. Looking takes
 * messages and gives them back, so their order may change. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "kit/broker.h"
#include "kit/bus_topology.h"

static const struct shim_option options[] = {
    { "QUEUE", SHIM_STRING, "",
      "show and replay: which queue, as ls names it, or a service's name" },
    { "LIMIT", SHIM_COUNT, "100", "show and replay: at most this many messages" },
    { "RATE", SHIM_COUNT, "100", "replay: at most this many a second; 0: no limit" },
    { "PAYLOAD", SHIM_FLAG, "false", "show: print the messages themselves, too" },
    { 0 },
};
static const struct shim_option *const tables[] = { options, shim_broker_options, NULL };

/* ## ls */

/* 1 if the queue is there. */
static int list_queue(struct shim_amqp *link, const char *queue)
{
    uint32_t messages;

    if (shim_amqp_depth(link, queue, &messages) != FARMIQ_OK)
        return 0;
    printf("%s\t%" PRIu32 "\n", queue, messages);
    return 1;
}

static int list(const struct shim_options *given)
{
    struct shim_amqp *link = NULL;
    char name[SHIM_BUS_NAME_BYTES];
    const char *service;
    int r = ctl_bus_open(&link, given), found;

    if (r)
        return r;
    printf("queue\tmessages\n");
    found = list_queue(link, SHIM_BUS_UNROUTED);
    found += list_queue(link, SHIM_BUS_DEAD);
    for (uint32_t i = 0; (service = shim_bus_service_at(i)); i++) {
        shim_bus_dlq_name(service, name);
        found += list_queue(link, name);
    }
    r = shim_amqp_is_lost(link);
    if (r)
        fprintf(stderr, "farmiqctl dlq ls: %s\n", shim_amqp_why(link));
    shim_amqp_close(link);
    return r ? 2 : found ? 0 : 1;
}

/* ## One message */

/* Where it came from, and why it is here: as the consumer noted it, or the broker; an
 * unrouted one is as it was published. */
struct story {
    struct farmiq_str exchange;
    struct farmiq_str routing_key;
    struct farmiq_str reason;
    struct farmiq_str failed_at;
};

static struct farmiq_str first_of(struct farmiq_str a, struct farmiq_str b)
{
    return a.len ? a : b;
}

static struct story story_of(const struct shim_amqp_delivery *delivery)
{
    struct shim_amqp_death death = { 0 };
    struct farmiq_str key = shim_amqp_header_text(delivery, "x-farmiq-routing-key");
    struct story story = { delivery->exchange,
                           delivery->routing_key,
                           { "", 0 },
                           shim_amqp_header_text(delivery, "x-farmiq-first-failed-at") };

    if (shim_amqp_death(delivery, &death)) {
        story.exchange = death.exchange;
        story.routing_key = death.routing_key;
        story.reason = death.reason;
    }
    if (key.len) {
        story.exchange = shim_amqp_header_text(delivery, "x-farmiq-exchange");
        story.routing_key = key;
    }
    story.reason =
        first_of(shim_amqp_header_text(delivery, "x-farmiq-error"), story.reason);
    return story;
}

static void print_cell(struct farmiq_str text, char end)
{
    for (size_t i = 0; i < text.len; i++)
        putchar((unsigned char)text.ptr[i] < 0x20 ? '?' : text.ptr[i]);
    putchar(end);
}

static int show_one(const struct shim_amqp_delivery *delivery, int with_payload)
{
    struct story story = story_of(delivery);

    print_cell(story.failed_at, '\t');
    print_cell(story.reason, '\t');
    printf("%" PRId64 "\t", shim_amqp_header_number(delivery, "x-farmiq-attempt", 0));
    print_cell(story.exchange, '\t');
    print_cell(story.routing_key, '\t');
    print_cell(shim_amqp_header_text(delivery, "tenant_id"), '\t');
    print_cell(delivery->message_id, '\t');
    printf("%zu%c", delivery->body.len, with_payload ? '\t' : '\n');
    if (with_payload)
        print_cell(delivery->body, '\n');
    return FARMIQ_OK;
}

/* ## show and replay: through a queue, at most once */

struct walk {
    const struct shim_options *given;
    struct shim_amqp *link;
    char queue[SHIM_BUS_NAME_BYTES];
    uint32_t most;
    uint32_t done;
};

/* A service's name stands for its queue. */
static int name_queue(struct walk *walk)
{
    const char *wanted = shim_options_text(walk->given, "QUEUE"), *service;

    if (!*wanted) {
        fprintf(stderr, "farmiqctl dlq: --queue is needed: one that ls names\n");
        return 2;
    }
    snprintf(walk->queue, sizeof walk->queue, "%s", wanted);
    for (uint32_t i = 0; (service = shim_bus_service_at(i)); i++)
        if (strcmp(service, wanted) == 0)
            shim_bus_dlq_name(service, walk->queue);
    return 0;
}

/* No more than there are now: what comes back behind them is not met again. */
static int open_walk(struct walk *walk, const struct shim_options *given)
{
    int64_t limit = shim_options_number(given, "LIMIT");
    int r;

    walk->given = given;
    r = name_queue(walk);
    if (r)
        return r;
    r = ctl_bus_open(&walk->link, given);
    if (r)
        return r;
    r = shim_amqp_depth(walk->link, walk->queue, &walk->most);
    if (r != FARMIQ_OK) {
        fprintf(stderr, "farmiqctl dlq: %s: %s\n", walk->queue,
                shim_amqp_why(walk->link));
        shim_amqp_close(walk->link);
        return 2;
    }
    walk->most = limit < walk->most ? (uint32_t)limit : walk->most;
    return 0;
}

static int show(const struct shim_options *given)
{
    struct walk walk = { .done = 0 };
    int r = open_walk(&walk, given);

    if (r)
        return r;
    printf("first_failed_at\terror\tattempts\texchange\trouting_key\ttenant_id\t"
           "message_id\tbytes%s\n",
           shim_options_number(given, "PAYLOAD") ? "\tpayload" : "");
    while (r == FARMIQ_OK && walk.done < walk.most) {
        struct shim_amqp_delivery *delivery = NULL;

        r = shim_amqp_get(walk.link, walk.queue, &delivery);
        if (r == FARMIQ_OK) {
            walk.done++;
            show_one(delivery, shim_options_number(given, "PAYLOAD") != 0);
        }
        shim_amqp_delivery_free(delivery);
    }
    if (r < 0)
        fprintf(stderr, "farmiqctl dlq show: %s\n", shim_amqp_why(walk.link));
    shim_amqp_close(walk.link); /* gives back what was taken */
    return r < 0 ? 2 : walk.done ? 0 : 1;
}

/* Back to where it was published; acknowledged here when it is safe there. */
static int replay_one(struct walk *walk, const struct shim_amqp_delivery *delivery)
{
    struct story story = story_of(delivery);
    struct shim_amqp_letter letter = { .exchange = story.exchange,
                                       .routing_key = story.routing_key,
                                       .body = delivery->body,
                                       .base = delivery,
                                       .is_fresh = 1 };
    int r = shim_amqp_send_and_wait(walk->link, &letter);

    if (r == FARMIQ_OK)
        return shim_amqp_ack(walk->link, delivery->tag, 0);
    fprintf(stderr, "farmiqctl dlq replay: %.*s %.*s: %s\n", (int)story.exchange.len,
            story.exchange.ptr, (int)story.routing_key.len, story.routing_key.ptr,
            r == FARMIQ_NONE ? "no queue takes it; it stays here"
                             : shim_amqp_why(walk->link));
    return r;
}

static void pause_for(int64_t rate)
{
    struct timespec pause = { 0, 0 };

    if (rate <= 0)
        return;
    pause.tv_sec = rate == 1;
    pause.tv_nsec = rate == 1 ? 0 : 1000000000 / rate;
    nanosleep(&pause, NULL);
}

static int replay(const struct shim_options *given)
{
    struct walk walk = { .done = 0 };
    int r = open_walk(&walk, given);
    uint32_t left = 0;

    if (r)
        return r;
    for (uint32_t i = 0; i < walk.most && r >= 0 && r != FARMIQ_EXHAUSTED; i++) {
        struct shim_amqp_delivery *delivery = NULL;

        r = shim_amqp_get(walk.link, walk.queue, &delivery);
        if (r == FARMIQ_OK) {
            r = replay_one(&walk, delivery);
            walk.done += r == FARMIQ_OK;
            left += r != FARMIQ_OK;
            pause_for(shim_options_number(given, "RATE"));
        }
        shim_amqp_delivery_free(delivery);
    }
    if (r < 0)
        fprintf(stderr, "farmiqctl dlq replay: %s\n", shim_amqp_why(walk.link));
    shim_amqp_close(walk.link); /* gives back what was not replayed */
    printf("%" PRIu32 " messages are on their way again\n", walk.done);
    return r < 0 || left ? 2 : walk.done ? 0 : 1;
}

/* ## The command */

static const struct ctl_verb verbs[] = {
    { "ls", list,
      "list the queues of dead letters and of unrouted messages, and how many" },
    { "show", show, "print where messages came from, and why they are there" },
    { "replay", replay, "publish them again where they were published first" },
    { 0 },
};

static void man(void) { ctl_verbs_man(verbs); }

static int dlq(int argc, char **argv)
{
    return ctl_verbs_run("dlq", verbs, tables, argc, argv);
}

const struct ctl_command ctl_dlq = {
    .name = "dlq",
    .arguments = "VERB [--name value]...",
    .summary = "look at RabbitMQ's dead letters, and put them back to work",
    .tables = tables,
    .man = man,
    .run = dlq,
};
