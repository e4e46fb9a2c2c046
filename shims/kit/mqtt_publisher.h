/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT out: Paho C, asynchronous, MQTT 5, because only MQTT 5 tells a publisher that
 * the broker refused. Used by device agents. Thread-safe. */
#ifndef SHIM_MQTT_PUBLISHER_H
#define SHIM_MQTT_PUBLISHER_H

#include <farmiq/farmiq.h>

#include "kit/mqtt_access.h"

struct shim_mqtt_publisher;

struct shim_mqtt_publisher_options {
    const char *url; /* mqtt:// or mqtts:// */
    const char *client_id;
    struct shim_mqtt_access access;
    uint32_t keepalive_s;   /* 60 */
    uint32_t window;        /* unacknowledged publishes at most; 100 */
    const char *will_topic; /* NULL: none; QoS 1, retained */
    struct farmiq_str will_body;
    const char *const *filters; /* to subscribe to, QoS 1; NULL-terminated; may be NULL */
    /* All on Paho's thread; must not block; any may be NULL. `connected` means that
     * the subscriptions stand, too. `why` is for the log: a short text without secrets,
     * empty when connected. */
    void (*on_state)(void *ctx, int connected, const char *why);
    /* `cookie` from the publish. FARMIQ_OK: PUBACK. FARMIQ_E_REFUSED: the broker said
     * no (reason code >= 0x80). FARMIQ_E_UNREACHABLE: the link went before an answer.
     * Called exactly once for each send that returned FARMIQ_OK, until close. */
    void (*on_published)(void *ctx, uint64_t cookie, int result, int reason_code);
    void (*on_message)(void *ctx, struct farmiq_str topic, struct farmiq_str body);
    void *ctx;
};

/* Reconnects for ever; a broker that is not there yet is no error.
 * FARMIQ_OK, FARMIQ_E_ARG (a missing or unusable option: `error`), FARMIQ_E_NOMEM. */
int shim_mqtt_publisher_open(struct shim_mqtt_publisher **out,
                             const struct shim_mqtt_publisher_options *options,
                             struct farmiq_error *error);
/* Says DISCONNECT, so the will stays unsent. No callback runs after it. NULL is fine. */
void shim_mqtt_publisher_close(struct shim_mqtt_publisher *publisher);
int shim_mqtt_publisher_is_connected(const struct shim_mqtt_publisher *publisher);
/* FARMIQ_OK; FARMIQ_E_BUSY: the window is full; FARMIQ_E_UNREACHABLE: no link. */
int shim_mqtt_publisher_send(struct shim_mqtt_publisher *publisher, const char *topic,
                             struct farmiq_str body, int retain, uint64_t cookie);

#endif
