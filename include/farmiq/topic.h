/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_TOPIC_H
#define FARMIQ_TOPIC_H

#include <farmiq/base.h>
#include <farmiq/error.h>

FARMIQ_BEGIN

/** The MQTT topic families (seed 002, sections 2.4, 3.3, 4.3; ACK is ours). */
enum farmiq_topic_kind {
    FARMIQ_TOPIC_TELEMETRY = 1,   /* iot/telemetry/T/F/B/device/metric */
    FARMIQ_TOPIC_EVENT = 2,       /* iot/event/T/F/B/device/event */
    FARMIQ_TOPIC_WEIGHVISION = 3, /* iot/weighvision/T/F/B/station/session/S/event */
    FARMIQ_TOPIC_STATUS = 4,      /* iot/status/T/F/B/device (retained) */
    FARMIQ_TOPIC_ACK = 5          /* iot/ack/T/F/B/device (edge to device) */
};

#define FARMIQ_ID_MAX_BYTES 128
#define FARMIQ_TOPIC_MAX_BYTES 1024 /* longest topic of legal ids, without a NUL */

/** A topic taken apart. An id is 1..128 bytes of [A-Za-z0-9._:@-], and is neither
 * "." nor "..". */
struct farmiq_topic {
    uint32_t size;
    int32_t kind; /* enum farmiq_topic_kind */
    struct farmiq_str tenant_id;
    struct farmiq_str farm_id;
    struct farmiq_str barn_id;
    struct farmiq_str source_id;  /* device, or station for WEIGHVISION */
    struct farmiq_str session_id; /* empty unless WEIGHVISION */
    struct farmiq_str leaf;       /* metric or event type; empty for STATUS and ACK.
                                   * WEIGHVISION: always the full event type, whichever
                                   * spelling the topic used (then it is static text) */
    uint32_t loose_ids; /* set by the caller; 1: any id that MQTT allows as a level */
    uint32_t reserved;
};

FARMIQ_API void farmiq_topic_init(struct farmiq_topic *topic, size_t size);

/** 1 if `text` is a legal id, else 0. */
FARMIQ_API int farmiq_id_is_valid(const char *text, size_t len);

/** Take a topic apart; members point into `text`, `loose_ids` is heeded and kept.
 * Linear, no copy.
 * Returns FARMIQ_OK; FARMIQ_E_SYNTAX (not one of the families);
 * FARMIQ_E_SCHEMA (an id is empty, too long or has a foreign byte). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_topic_parse(struct farmiq_topic *out,
                                                  const char *text, size_t len,
                                                  struct farmiq_error *error);

/** Write the topic, NUL-terminated. `*len` gets its length without the NUL,
 * also on FARMIQ_E_NOSPACE, so a second call can bring `*len + 1` bytes.
 * Returns FARMIQ_OK, FARMIQ_E_NOSPACE, FARMIQ_E_SCHEMA (an id is illegal),
 * FARMIQ_E_ARG (no such kind). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_topic_format(const struct farmiq_topic *topic,
                                                   char *buf, size_t buf_bytes,
                                                   size_t *len);

/** Write the subscription filter for one kind: one tenant, or all when
 * `tenant_id` is NULL. Buffer rules and codes as in farmiq_topic_format(). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_topic_filter(int32_t kind, const char *tenant_id,
                                                   size_t tenant_id_len, char *buf,
                                                   size_t buf_bytes, size_t *len);

FARMIQ_END

#endif
