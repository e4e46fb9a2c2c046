/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from the bus: feedings that sites recorded, each once (spec cloud 2.5, 6.4). */
#include "common/consume.h"
#include "common/feed.h"
#include "common/text.h"
#include "records.h"

#define TABLE "feed_intake"

struct delivery {
    struct feeding feeding;
    struct shim_message *message;
};

struct intake {
    struct shim_call *call;
    struct scratch scratch;
    struct delivery *deliveries; /* those that say what a feeding must say */
    uint32_t count;
};

/* The dead letter names the member that is wrong; the count knows only one word for all
 * of these. */
static void refuse(struct shim_message *message, const char *fault)
{
    consume_refuse(message, "INVALID_FEEDING");
    message->reason = fault;
}

static struct feeding feeding_of(const struct farmiq_event *event)
{
    return (struct feeding){
        .tenant_id = event->tenant_id,
        .event_id = event->event_id,
        .farm_id = event->farm_id,
        .barn_id = event->barn_id,
        .batch_id = event->batch_id,
        .occurred_at_unix_ms = event->occurred_at_unix_ms,
    };
}

/* People and files have no device; the one in their envelope is the service that told the
 * cloud. A dispenser and a silo speak for themselves. */
static int is_told_by_a_device(const struct feeding *feeding)
{
    return text_is(feeding->source, "MQTT_DISPENSED") ||
           text_is(feeding->source, "SILO_AUTO");
}

static void fill_in(struct feeding *feeding, const struct farmiq_event *event)
{
    if (!feeding->source.len)
        feeding->source = shim_str("SILO_AUTO"); /* spec cloud 9.3, 73 */
    if (!feeding->device_id.len && is_told_by_a_device(feeding))
        feeding->device_id = event->device_id;
}

/* Sets the message's verdict; negative only when memory is out. */
static int read_message(void *ctx, struct shim_message *message)
{
    struct intake *intake = ctx;
    struct delivery *delivery = &intake->deliveries[intake->count];
    const char *fault;
    int r;

    *delivery = (struct delivery){ feeding_of(message->event), message };
    r = feed_read(&delivery->feeding, &intake->scratch, intake->call,
                  message->event->payload, &fault);
    if (r == FARMIQ_E_NOMEM)
        return r;
    fill_in(&delivery->feeding, message->event);
    if (r == FARMIQ_OK)
        fault = message->event->event_id.len ? feed_fault(&delivery->feeding)
                                             : "event_id is missing";
    if (fault)
        refuse(message, fault);
    else
        intake->count++;
    return FARMIQ_OK;
}

static int read_messages(struct intake *intake)
{
    int r;

    intake->deliveries = consume_room(intake->call, sizeof *intake->deliveries);
    r = intake->deliveries ? consume_each(intake->call, read_message, intake)
                           : FARMIQ_E_NOMEM;
    for (uint32_t i = 1; i < intake->count; i++)
        intake->deliveries[i - 1].feeding.next = &intake->deliveries[i].feeding;
    return r;
}

/* What was there before is a repeat. If it says something else, two feedings have one
 * name: the second waits for somebody who knows which is right. */
static int judge_known(struct intake *intake, struct delivery *delivery)
{
    int is_repeat = 0;
    int r = feed_look_for_repeat(intake->call, TABLE, &delivery->feeding, &is_repeat);

    if (r < 0 || is_repeat)
        return r;
    consume_refuse(delivery->message, "CONFLICT");
    delivery->message->reason =
        "event_id or external_ref belongs to another feeding, which is kept";
    return FARMIQ_OK;
}

static int settle(struct intake *intake)
{
    uint64_t stored = 0, refused = 0;
    int r = FARMIQ_OK;

    for (uint32_t i = 0; i < intake->count && r == FARMIQ_OK; i++) {
        struct delivery *delivery = &intake->deliveries[i];

        if (!delivery->feeding.is_new)
            r = judge_known(intake, delivery);
        stored += delivery->feeding.is_new != 0;
        refused += delivery->message->verdict == FARMIQ_E_REFUSED;
    }
    shim_count("farmiq_feed_records_total", "stored", stored);
    shim_count("farmiq_feed_records_total", "duplicate",
               intake->count - stored - refused);
    return r;
}

int records_consume(struct shim_call *call)
{
    struct intake intake = { .call = call };
    int r = read_messages(&intake);

    if (r == FARMIQ_OK && intake.count)
        r = feed_store(call, TABLE, &intake.deliveries->feeding);
    return r == FARMIQ_OK ? settle(&intake) : r;
}
