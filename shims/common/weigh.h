/* SPDX-License-Identifier: Apache-2.0 */
/* What a weigh-vision event says, in whichever spelling (spec edge 2.6): the gateway
 * judges by it, the edge and the cloud keep it. */
#ifndef COMMON_WEIGH_H
#define COMMON_WEIGH_H

#include "common/scratch.h"

struct session;

/* One fact about one session. */
struct weigh_fact {
    struct weigh_fact *next;
    int32_t kind;         /* enum farmiq_session_event_kind */
    uint32_t image_count; /* FINALIZED: as claimed */
    struct farmiq_str tenant_id, session_id, event_id, trace_id;
    struct farmiq_str farm_id, barn_id, device_id, station_id, batch_id; /* or empty */
    struct farmiq_str media_id;                                          /* IMAGE */
    struct farmiq_str inference_result_id;                               /* INFERENCE */
    double weight_kg; /* WEIGHT; FINALIZED: as claimed, or 0 */
    int64_t occurred_at_unix_ms;
    /* What became of it (sessions.h). */
    struct session *session;
    const char *refusal; /* it can never be kept: static text */
    int is_new;          /* it changed something: it was not known before */
    int is_told;         /* WEIGHT: of a session that is there */
};

/* The kind of fact that an event of this type is; 0: none. */
int32_t weigh_kind(struct farmiq_str event_type);

/* Fill in what the payload of an event says; `fact->kind` is set, and the session's id if
 * the event has one. Everything else stays as it is.
 * FARMIQ_OK; FARMIQ_E_SCHEMA, FARMIQ_E_RANGE (`*fault` names the member); codes of
 * farmiq_json_members(); FARMIQ_E_NOMEM. */
int weigh_read(struct weigh_fact *fact, struct scratch *scratch, struct shim_call *call,
               struct farmiq_str payload, const char **fault);

#endif
