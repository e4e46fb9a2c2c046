/* SPDX-License-Identifier: Apache-2.0 */
/* What both MQTT clients need and neither library has: the URL, the pause between
 * attempts, options that are kept, a thread without signals. */
#ifndef SHIM_MQTT_LINK_H
#define SHIM_MQTT_LINK_H

#include <pthread.h>

#include <farmiq/farmiq.h>

struct shim_mqtt_url {
    char host[254]; /* a name, or an address without brackets */
    uint16_t port;  /* 1883, or 8883 with TLS, unless the URL says */
    int is_tls;
};

/* mqtt://host[:port] or mqtts://host[:port]; [::1] for IPv6. Credentials, paths and
 * queries are refused: a secret does not belong in an URL.
 * FARMIQ_OK, FARMIQ_E_ARG, FARMIQ_E_SYNTAX, FARMIQ_E_RANGE. */
int shim_mqtt_url_parse(struct shim_mqtt_url *out, const char *text);

/* The pause after `attempt` failures in a row: 100 to 200 ms after the first, never
 * more than 30 s. */
uint32_t shim_mqtt_pause_ms(uint32_t attempt);

/* Copy a struct's texts, which are `const char *` members at these offsets, to another
 * struct of the same type. An empty text becomes NULL: that is how an option that was
 * not set arrives. `to` can be freed even after FARMIQ_E_NOMEM. */
int shim_mqtt_copy_texts(void *to, const void *from, const size_t *offsets, size_t count);
void shim_mqtt_free_texts(void *of, const size_t *offsets, size_t count);

/* Copy a NULL-terminated list of filters, each put under $share/GROUP/ unless the group
 * is NULL or empty. */
int shim_mqtt_copy_filters(char ***out, int *out_count, const char *const *filters,
                           const char *share_group);
void shim_mqtt_free_filters(char **filters);

/* Signals stay with the threads that were there before. */
int shim_mqtt_start_thread(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
