/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_ENVELOPE_H
#define FARMIQ_ENVELOPE_H

#include <farmiq/base.h>
#include <farmiq/error.h>
#include <farmiq/topic.h>

FARMIQ_BEGIN

#define FARMIQ_ENVELOPE_MAX_BYTES 262144   /* larger input is FARMIQ_E_RANGE */
#define FARMIQ_ENVELOPE_SCRATCH_BYTES 4096 /* enough for any envelope without escapes */

/** One event as a device sends it (seed 002, section 2.5; spec edge 2.5).
 *
 * Strings without escapes are slices of the input; the rare one with an escape is
 * decoded into the scratch. `payload` is the raw JSON object, braces included:
 * checked as JSON, not interpreted. An optional member that is null is absent. */
struct farmiq_envelope {
    uint32_t size;
    uint32_t retry_count; /* optional on the wire; 0 */
    struct farmiq_str schema_version;
    struct farmiq_str event_id; /* 1..128 bytes; usually a UUID */
    struct farmiq_str trace_id; /* optional; empty */
    struct farmiq_str event_type;
    struct farmiq_str tenant_id;
    struct farmiq_str device_id;
    struct farmiq_str payload;
    struct farmiq_str content_hash; /* optional; empty */
    int64_t ts_unix_ms;             /* `ts`, else its alias `occurred_at` */
    int64_t produced_at_unix_ms;    /* optional; equals ts_unix_ms */
    uint32_t used_alias;            /* 1: `occurred_at` stood in for `ts` */
    uint32_t reserved;
};

/** What may be forgiven. Defaults: nothing. */
struct farmiq_envelope_rules {
    uint32_t size;
    uint32_t default_schema_version; /* 1: absent means "1.0" */
    uint32_t loose_ids;              /* 1: any non-empty id that MQTT allows */
    uint32_t reserved;
};

FARMIQ_API void farmiq_envelope_init(struct farmiq_envelope *env, size_t size);
FARMIQ_API void farmiq_envelope_rules_init(struct farmiq_envelope_rules *rules,
                                           size_t size);

/** Validate and take apart. Unknown members are checked and skipped; a known
 * member that comes twice is refused. Time and stack are bounded: O(json_bytes),
 * depth FARMIQ_JSON_MAX_DEPTH. No heap. `rules` may be NULL. docs/spec/envelope.md
 * has the rules member by member.
 *
 * `scratch` must be aligned for int64_t and live as long as `out` is used;
 * FARMIQ_ENVELOPE_SCRATCH_BYTES plus the length of what must be decoded.
 *
 * Returns FARMIQ_OK; FARMIQ_E_SYNTAX (not JSON), FARMIQ_E_SCHEMA (a member is
 * missing, repeated or malformed: `error->field` names it), FARMIQ_E_RANGE (too
 * large, too deep, or a moment outside 1970..9999), FARMIQ_E_NOSPACE (scratch),
 * FARMIQ_E_ARG. `error->offset` is the byte where it went wrong. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_envelope_parse(struct farmiq_envelope *out,
                      const struct farmiq_envelope_rules *rules, const char *json,
                      size_t json_bytes, void *scratch, size_t scratch_bytes,
                      struct farmiq_error *error);

/** Write canonical JSON: fixed member order, no spaces, `Z` timestamps, empty
 * optionals left out. Buffer rules as in farmiq_topic_format(). What this
 * writes, farmiq_envelope_parse() reads back to an equal struct, but for `used_alias`:
 * the moment is always written as `ts`.
 * Returns FARMIQ_OK, FARMIQ_E_NOSPACE, FARMIQ_E_RANGE (time), FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_envelope_write(const struct farmiq_envelope *env,
                                                     char *buf, size_t buf_bytes,
                                                     size_t *len);

/** Does the envelope belong on this topic? Tenant and event type must agree, and
 * the device unless the topic names a station (spec edge 2.7, steps 4 to 7). A metric
 * inside the payload is the caller's to compare.
 * Returns FARMIQ_OK, FARMIQ_E_TENANT or FARMIQ_E_SCHEMA (`error->field`). */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_envelope_check_topic(const struct farmiq_envelope *env,
                            const struct farmiq_topic *topic, struct farmiq_error *error);

FARMIQ_END

#endif
