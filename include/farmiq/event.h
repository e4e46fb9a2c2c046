/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_EVENT_H
#define FARMIQ_EVENT_H

#include <farmiq/base.h>
#include <farmiq/uuid.h>

FARMIQ_BEGIN

/** One event in the form it has from the edge's outbox to the cloud's tables
 * (spec: batch event). Devices speak farmiq_envelope; this is what becomes of it.
 *
 * Every farmiq_str is decoded text except `payload`, which is a raw JSON object,
 * braces included. Absent optional members have len 0. */
struct farmiq_event {
    uint32_t size;
    uint32_t index; /* position in its batch, from 0 */
    struct farmiq_event *next;
    struct farmiq_str event_id;
    struct farmiq_str event_type;
    struct farmiq_str tenant_id;
    struct farmiq_str farm_id;    /* optional */
    struct farmiq_str barn_id;    /* optional */
    struct farmiq_str device_id;  /* optional */
    struct farmiq_str station_id; /* optional */
    struct farmiq_str session_id; /* optional */
    struct farmiq_str batch_id;   /* optional: the animal batch */
    struct farmiq_str trace_id;
    struct farmiq_str schema_version;
    struct farmiq_str payload;
    int64_t occurred_at_unix_ms;
    /* What a parser or a validator thinks of it. NULL: accepted; else a static
     * code such as "MISSING_EVENT_ID", with one static sentence in `refusal_text`. */
    const char *refusal;
    const char *refusal_text;
};

FARMIQ_API void farmiq_event_init(struct farmiq_event *event, size_t size);

/** One row of the event catalogue (seed 002, section 8; spec cloud 2.3). Static. */
struct farmiq_event_kind {
    const char *event_type;
    const char *exchange;
    const char *routing_key;
    uint32_t needs; /* FARMIQ_NEEDS_*: scope the cloud demands */
    uint32_t reserved;
};

#define FARMIQ_NEEDS_FARM 1
#define FARMIQ_NEEDS_BARN 2
#define FARMIQ_NEEDS_DEVICE 4 /* device_id or station_id */
#define FARMIQ_NEEDS_CLOUD 8  /* to come from a cloud service: refused from an edge */

/** The catalogue's row for an event type, or NULL if there is none. */
FARMIQ_API const struct farmiq_event_kind *farmiq_event_kind_find(const char *event_type,
                                                                  size_t len);

/** Row `index` of the catalogue, or NULL past its end: for listings and tests. */
FARMIQ_API const struct farmiq_event_kind *farmiq_event_kind_at(uint32_t index);

/** The cloud's judgement of one parsed event (spec cloud 1.8): ids, type, tenant,
 * time (at most 10 minutes in the future), schema major 1, payload, scope. Sets
 * `refusal` and `refusal_text`; an event already refused stays as it is.
 * `tenant_id` is the batch's.
 * Returns FARMIQ_OK (accepted), FARMIQ_E_REFUSED (see `refusal`), FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_event_check(struct farmiq_event *event,
                                                  const char *tenant_id,
                                                  size_t tenant_id_len,
                                                  int64_t now_unix_ms);

/** The id under which a device's event travels to the cloud: `event_id` itself if
 * it is a UUID (lower case), else a version 5 UUID of (tenant_id, event_id), so
 * that a free-text id survives and still deduplicates (spec edge 13-A5):
 * v5(v5(v5(DNS, "farmiq.event"), tenant_id), event_id).
 * Returns FARMIQ_OK, FARMIQ_UNCHANGED (it was a UUID already), FARMIQ_E_ARG. */
FARMIQ_API int farmiq_event_id_normalize(const char *tenant_id, size_t tenant_id_len,
                                         const char *event_id, size_t event_id_len,
                                         char out[FARMIQ_UUID_STRLEN + 1]);

FARMIQ_END

#endif
