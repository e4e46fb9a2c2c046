/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway's files share: one arrival, one batch, the stages. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "common/purge.h"
#include "common/scratch.h"
#include "kit/shim.h"

struct route;

/* One message on its way through the pipeline. */
struct arrival {
    struct shim_message *message;
    struct arrival *next_of_device; /* for the acknowledgement */
    const struct route *route;
    struct farmiq_topic topic;
    struct farmiq_envelope envelope; /* event_id may be set even when refused */
    struct farmiq_sighting sighting;
    struct farmiq_str unit; /* telemetry */
    double value;
    int has_topic;    /* the topic could be read: its device can be answered */
    int is_allowed;   /* by the allowlist */
    int is_duplicate; /* done before: acknowledged, not routed */
};

struct batch {
    struct arrival *arrivals;
    uint32_t count;
    struct scratch scratch;
};

/* The services that events are handed to. */
enum gateway_neighbour {
    GATEWAY_TELEMETRY,
    GATEWAY_SESSIONS,
    GATEWAY_FEEDINGS,
    GATEWAY_LEVELS, /* of silos */
    GATEWAY_NEIGHBOURS
};

struct gateway_state {
    int64_t started_at_unix_ms;
    /* The stats route reads these beside the batch. */
    _Atomic int64_t last_message_unix_ms;
    const char *_Atomic errors[GATEWAY_NEIGHBOURS]; /* of the last hand-over; or NULL */
    const char *_Atomic telemetry_error;
    struct purge_place silent; /* where the walk over silent devices goes on */
};

/* Where an event goes (spec edge 2.8). The first row that fits is taken. A row with a
 * target but without `deliver` is a service that is not there: its events are refused,
 * so that they stay with their device instead of being acknowledged and forgotten. */
struct route {
    int32_t kind;            /* enum farmiq_topic_kind */
    const char *event_types; /* separated by spaces; NULL: any */
    const char *target;      /* label of the counters; NULL: accepted, not routed */
    /* The payload's rules; returns FARMIQ_OK or FARMIQ_E_SCHEMA. NULL: none. */
    int (*check)(struct shim_call *call, struct batch *batch, struct arrival *arrival);
    /* Hand over `count` arrivals at once. A failure undoes the whole batch; an
     * arrival that can never be taken is refused. */
    int (*deliver)(struct shim_call *call, struct arrival **arrivals, uint32_t count);
};
extern const struct route gateway_routes[]; /* ends with a zeroed row */

/* 1 while nothing has ended the arrival's way. */
int gateway_is_open(const struct arrival *arrival);
/* End it for good: `code` is static text; counted and logged, never the payload. */
void gateway_refuse(struct shim_call *call, struct arrival *arrival, const char *code,
                    const struct farmiq_error *error);

/* The stages, in order. 0 or FARMIQ_E_*. */
int gateway_judge(struct shim_call *call, struct batch *batch);
int gateway_allow(struct shim_call *call, struct batch *batch);
int gateway_mark(struct shim_call *call, struct batch *batch);
int gateway_deliver(struct shim_call *call, struct batch *batch);
int gateway_acknowledge(struct shim_call *call, struct batch *batch);

int gateway_get_stats(struct shim_call *call); /* stats.c */

/* For the routing table. */
int gateway_check_reading(struct shim_call *call, struct batch *batch,
                          struct arrival *arrival);
int gateway_check_fact(struct shim_call *call, struct batch *batch,
                       struct arrival *arrival);
int gateway_check_feeding(struct shim_call *call, struct batch *batch,
                          struct arrival *arrival);
int gateway_deliver_readings(struct shim_call *call, struct arrival **arrivals,
                             uint32_t count);
int gateway_deliver_facts(struct shim_call *call, struct arrival **arrivals,
                          uint32_t count);
int gateway_deliver_feedings(struct shim_call *call, struct arrival **arrivals,
                             uint32_t count);
int gateway_deliver_last_seen(struct shim_call *call, struct arrival **arrivals,
                              uint32_t count);

#endif
