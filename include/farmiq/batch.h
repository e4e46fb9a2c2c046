/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_BATCH_H
#define FARMIQ_BATCH_H

#include <farmiq/base.h>
#include <farmiq/error.h>
#include <farmiq/event.h>
#include <farmiq/json.h>

FARMIQ_BEGIN

#define FARMIQ_BATCH_MAX_BYTES 10485760 /* spec cloud 0.5 */
#define FARMIQ_BATCH_MAX_EVENTS 1000

/** ## The request (spec edge 6.5, cloud 1.2) */

/** Write a batch piece by piece, so that its size can decide what goes in.
 * `batch_id` makes the request recognisable across HTTP retries. */
FARMIQ_API void farmiq_batch_open(struct farmiq_json_writer *w, char *buf,
                                  size_t buf_bytes, struct farmiq_str tenant_id,
                                  struct farmiq_str edge_id, struct farmiq_str batch_id,
                                  int64_t sent_at_unix_ms);

/** Add one event; always wrapped, never replaced by its payload (13-A8).
 * Returns FARMIQ_OK; FARMIQ_E_NOSPACE if the batch, closed, would not fit: then
 * nothing was added and the batch may still be closed; FARMIQ_E_TENANT. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_batch_add(struct farmiq_json_writer *w,
                                                struct farmiq_str tenant_id,
                                                const struct farmiq_event *event);

/** Returns as farmiq_json_end(). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_batch_close(struct farmiq_json_writer *w,
                                                  size_t *len);

struct farmiq_batch {
    uint32_t size;
    uint32_t event_count; /* elements of `events`, refused ones included */
    struct farmiq_str tenant_id;
    struct farmiq_str edge_id;  /* optional */
    struct farmiq_str batch_id; /* optional; also spelled batchId */
    struct farmiq_event *first; /* chained in order; refused ones carry `refusal` */
};

FARMIQ_API void farmiq_batch_init(struct farmiq_batch *batch, size_t size);

/** Take a batch apart in one pass. An element that is not a usable event is
 * chained with its `refusal` set (INVALID_EVENT, INVALID_TIME, INVALID_PAYLOAD,
 * MISSING_EVENT_ID, ...) and does not disturb its neighbours. `ts` is accepted for
 * `occurred_at`; an absent schema_version is "1.0". Poison that is legal JSON (a
 * repeated member, \u0000, a number without a double) inside an element refuses that
 * element only. Depth is counted within an element.
 *
 * `scratch`: 512 bytes an event plus 4096, and the length of those members outside
 * of payloads that have escapes; payloads cost nothing.
 * Returns FARMIQ_OK; FARMIQ_E_SYNTAX; FARMIQ_E_SCHEMA (no tenant_id, events not an
 * array, not an object, a repeated member); FARMIQ_E_RANGE (too many bytes, too
 * many events, too deep); FARMIQ_E_NOSPACE; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_batch_parse(struct farmiq_batch *out,
                                                  const char *json, size_t json_bytes,
                                                  void *scratch, size_t scratch_bytes,
                                                  struct farmiq_error *error);

/** The same for a list of events without a tenant of its own, `{"events":[...]}`, as
 * readings travel inside the edge (spec edge 4.2). `out->tenant_id` stays empty.
 * Codes as farmiq_batch_parse(). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_events_parse(struct farmiq_batch *out,
                                                   const char *json, size_t json_bytes,
                                                   void *scratch, size_t scratch_bytes,
                                                   struct farmiq_error *error);

/** Take one event apart: a bus message (spec cloud 2.4), or one element. `scratch`
 * as in farmiq_envelope_parse().
 * Returns FARMIQ_OK, also for an event with `refusal` set; FARMIQ_E_SYNTAX;
 * FARMIQ_E_RANGE; FARMIQ_E_NOSPACE; FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_event_parse(struct farmiq_event *out,
                                                  const char *json, size_t json_bytes,
                                                  void *scratch, size_t scratch_bytes,
                                                  struct farmiq_error *error);

/** Write one event as JSON: the element of a batch and the body on the bus. */
FARMIQ_API void farmiq_event_write(struct farmiq_json_writer *w,
                                   const struct farmiq_event *event);

/** ## The answer (spec edge 6.6, cloud 1.4) */

struct farmiq_batch_error {
    uint32_t size;
    uint32_t index; /* UINT32_MAX when the answer named only an id */
    struct farmiq_batch_error *next;
    struct farmiq_str event_id;
    struct farmiq_str code; /* may be empty */
    struct farmiq_str text; /* may be empty */
    uint32_t retryable; /* unless the answer says that it is not: clouds that do not say
                         * list passing failures, too (spec cloud 1.4) */
    uint32_t reserved;
};

struct farmiq_batch_answer {
    uint32_t size;
    uint32_t has_counts; /* 1: the three counters were all there */
    uint32_t accepted;
    uint32_t duplicated;
    uint32_t rejected;
    uint32_t reserved;
    struct farmiq_batch_error *first;
};

FARMIQ_API void farmiq_batch_answer_init(struct farmiq_batch_answer *answer, size_t size);

/** Read a 200 answer. An empty body is an answer without errors (spec edge 6.6).
 * The texts of the errors live in `scratch` and are NUL-terminated: 128 bytes an
 * error plus their length, plus 4096.
 * Returns as farmiq_json_members(). */
FARMIQ_API FARMIQ_MUST_USE int farmiq_batch_answer_parse(struct farmiq_batch_answer *out,
                                                         const char *json,
                                                         size_t json_bytes, void *scratch,
                                                         size_t scratch_bytes,
                                                         struct farmiq_error *error);

/** Does the answer fit the question? Counters, when present, must add up to
 * `sent_count`; every error must name an event that was sent, by id or by index;
 * and, when there are counters, as many events must be named as rejected; no event
 * may be named twice. A 200 with garbage in it is not an acknowledgement (13-C20).
 * The events of the chain `first` bring no refusal. On FARMIQ_OK those named in the
 * answer have one: its code, "RETRY" for a retryable one, "REJECTED" where it has no
 * code; `refusal_text` and the code point into the answer's scratch.
 * Returns FARMIQ_OK or FARMIQ_E_SCHEMA (`error` says what does not fit). */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_batch_answer_apply(const struct farmiq_batch_answer *answer,
                          struct farmiq_event *first, uint32_t sent_count,
                          struct farmiq_error *error);

FARMIQ_END

#endif
