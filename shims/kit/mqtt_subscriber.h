/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT in: libmosquitto with an external loop, so that PUBACK can wait for the
 * commit (docs/decisions). One thread of its own; reconnects for ever. */
#ifndef SHIM_MQTT_SUBSCRIBER_H
#define SHIM_MQTT_SUBSCRIBER_H

#include "kit/mqtt_access.h"
#include "kit/shim.h"

struct shim_mqtt_subscriber;

struct shim_mqtt_subscriber_options {
    const char *url;       /* mqtt://host:port or mqtts://host:port */
    const char *client_id; /* stable: the session is persistent */
    struct shim_mqtt_access access;
    const char *share_group;    /* NULL or "": plain subscriptions; else $share/GROUP/ */
    const char *const *filters; /* NULL-terminated */
    uint32_t batch_max;         /* messages in one batch; 0: 256; at most 30000 */
    uint32_t batch_wait_ms;     /* how long the first may wait for company; often 2 */
    size_t message_max_bytes;   /* 0: FARMIQ_ENVELOPE_MAX_BYTES; longer ones reach the
                                 * handler cut to this + 1 bytes,   so that it can refuse
                                 * them   by length */
    /* On the subscriber's thread. 0: committed, acknowledge all. Negative: nothing is
     * acknowledged; the connection is dropped and the broker sends again. */
    int (*on_batch)(void *ctx, struct shim_message *first, uint32_t count);
    /* On the subscriber's thread; may be NULL. `connected` means that the subscriptions
     * stand. `why` is for the log: a short text without secrets. */
    void (*on_state)(void *ctx, int connected, const char *why);
    void *ctx;
};

/* Options are copied. A broker that is not there yet is no error.
 * FARMIQ_OK, FARMIQ_E_ARG (a missing or unusable option: `error`), FARMIQ_E_NOMEM. */
int shim_mqtt_subscriber_open(struct shim_mqtt_subscriber **out,
                              const struct shim_mqtt_subscriber_options *options,
                              struct farmiq_error *error);
/* Finish the batch in hand, disconnect (the broker keeps the session), free.
 * NULL is fine. */
void shim_mqtt_subscriber_close(struct shim_mqtt_subscriber *subscriber);
int shim_mqtt_subscriber_is_connected(const struct shim_mqtt_subscriber *subscriber);
/* Publish QoS 1 on the same connection; only from inside on_batch. It goes out after
 * the PUBACKs of the batch. Best effort: an application acknowledgement that is lost
 * is asked for again by its device. If on_batch then fails, what it sent is dropped.
 * FARMIQ_OK, FARMIQ_E_ARG, FARMIQ_E_RANGE (topic or body too long), FARMIQ_E_NOMEM. */
int shim_mqtt_subscriber_send(struct shim_mqtt_subscriber *subscriber,
                              struct farmiq_str topic, struct farmiq_str body);

#endif
