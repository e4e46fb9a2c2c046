/* SPDX-License-Identifier: Apache-2.0 */
/* From a batch in hand to its handler, whatever brought it. The effect is one
 * transaction; a batch that fails is taken apart. */
#include "kit/bus.h"

static int handle(struct shim_call *call, void *arg)
{
    struct shim_delivery *delivery = arg;
    int r;

    for (struct shim_message *m = delivery->messages; m; m = m->next)
        m->verdict = FARMIQ_OK;
    call->messages = delivery->messages;
    r = delivery->consumer->queue->handle(call);
    return r < 0 || !delivery->ways->settle ? r : delivery->ways->settle(call, delivery);
}

/* With the ids of the request that brought it, so that its traces meet. */
static void tell(struct shim_delivery *delivery, const struct shim_message *message,
                 const char *event, const char *why)
{
    struct shim_call *call = delivery->call;
    const struct farmiq_str request_id = call->request_id, trace_id = call->trace_id;
    const struct shim_origin *origin = &message->origin;

    call->request_id = origin->request_id;
    call->trace_id = message->event->trace_id;
    shim_log(call, SHIM_WARN, event, "%s: %.*s from edge %.*s: %s",
             delivery->consumer->queue->name, (int)message->topic.len, message->topic.ptr,
             (int)origin->edge_id.len, origin->edge_id.ptr,
             why ? why : "no reason given");
    call->request_id = request_id;
    call->trace_id = trace_id;
}

static void tell_verdicts(struct shim_delivery *delivery)
{
    for (struct shim_message *message = delivery->messages; message;
         message = message->next) {
        if (message->verdict == FARMIQ_E_REFUSED)
            tell(delivery, message, "bus.refused", message->reason);
        shim_count("farmiq_bus_deliveries_total",
                   message->verdict == FARMIQ_OK          ? "done"
                   : message->verdict == FARMIQ_E_REFUSED ? "refused"
                                                          : "retried",
                   1);
    }
}

static int handle_and_settle(struct shim_delivery *delivery)
{
    int r = shim_write(delivery->call, handle, delivery);

    if (r < 0)
        return r;
    tell_verdicts(delivery);
    return delivery->ways->settled ? delivery->ways->settled(delivery) : FARMIQ_OK;
}

static int is_store_trouble(int code)
{
    return farmiq_err_is_retryable(code) || code == FARMIQ_E_NOSPACE;
}

/* `delivery->messages` is one. */
static int deliver_alone(struct shim_delivery *delivery)
{
    int r = handle_and_settle(delivery);

    if (r >= 0 || is_store_trouble(r))
        return r;
    tell(delivery, delivery->messages, "bus.failed", farmiq_strerror(r));
    shim_count("farmiq_bus_deliveries_total", "failed", 1);
    return delivery->ways->failed(delivery);
}

static int deliver_one_by_one(struct shim_delivery *delivery)
{
    struct shim_message *message = delivery->messages;
    int r = FARMIQ_OK;

    while (message) {
        struct shim_message *rest = message->next;

        message->next = NULL;
        delivery->messages = message;
        r = deliver_alone(delivery);
        message->next = rest;
        if (r < 0)
            return r;
        message = rest;
    }
    delivery->messages = NULL;
    return FARMIQ_OK;
}

int shim_deliver(struct shim_delivery *delivery)
{
    int r = handle_and_settle(delivery);

    if (r >= 0) {
        delivery->messages = NULL;
        return FARMIQ_OK;
    }
    if (is_store_trouble(r))
        return r;
    shim_log(delivery->call, SHIM_WARN, "bus.isolating", "%s: %s",
             delivery->consumer->queue->name, farmiq_strerror(r));
    return deliver_one_by_one(delivery);
}
