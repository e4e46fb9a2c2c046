/* SPDX-License-Identifier: Apache-2.0 */
/* The network between the simulated processes, and the ways in which it fails. */
#ifndef SIM_NET_H
#define SIM_NET_H

#include <farmiq/farmiq.h>

#include "sim.h"

/* ## HTTP (sim_http.c). Chances are per million requests. */

struct sim_http_faults {
    int is_cut_off;         /* nothing gets through; for days, if need be */
    int is_refusing;        /* every request is answered 503 by a proxy */
    int64_t retry_after_ms; /* said in that 503; negative: not said */
    uint32_t lose_request;
    uint32_t lose_answer;
    uint32_t duplicate;
    uint32_t delay; /* the request, by up to `delay_ms` */
    int64_t delay_ms;
    uint32_t cut;        /* the connection breaks after the request arrived */
    uint32_t garbage;    /* 200 with something that is no answer */
    uint32_t overloaded; /* 503 or 429 */
};
extern struct sim_http_faults sim_http_faults;

/* Sees each request that arrives, before its server does. NULL: nobody looks. */
void sim_http_watch(void (*on_request)(const char *host, struct farmiq_str path,
                                       struct farmiq_str body));
uint64_t sim_http_requests(void);
void sim_http_reset(void);

/* ## MQTT (sim_mqtt.c) */

struct sim_mqtt_faults {
    int is_down;
    int is_durable;        /* 0: a crash forgets what it acknowledged */
    uint32_t queue_max;    /* messages kept for the gateway; more are dropped silently */
    uint32_t lose_publish; /* the device's link breaks on the way in */
    uint32_t lose_ack;     /* the same on the way back */
    uint32_t duplicate;    /* a delivery is repeated, although it was acknowledged */
    uint32_t reorder;      /* a message is queued before its predecessors */
};
extern struct sim_mqtt_faults sim_mqtt_faults;

/* A device publishes, QoS 1. `on_end` (may be NULL) tells whether PUBACK came. */
void sim_mqtt_publish(const char *topic, struct farmiq_str body,
                      void (*on_end)(void *ctx, int is_acknowledged), void *ctx);
/* Who gets what the gateway publishes. */
void sim_mqtt_on_message(void (*deliver)(struct farmiq_str topic,
                                         struct farmiq_str body));
void sim_mqtt_crash(int64_t down_ms);
uint32_t sim_mqtt_queued(void);
void sim_mqtt_reset(void);

#endif
