/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_SESSION_H
#define FARMIQ_SESSION_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** A weighing session: one animal group on one scale, from created to
 * finalized or cancelled (seed 002, section 3). */
enum farmiq_session_state {
    FARMIQ_SESSION_NEW = 0, /* nothing applied yet */
    FARMIQ_SESSION_CREATED = 1,
    FARMIQ_SESSION_FINALIZED = 2,
    FARMIQ_SESSION_CANCELLED = 3
};

enum farmiq_session_event_kind {
    FARMIQ_SESSION_EV_CREATED = 1,
    FARMIQ_SESSION_EV_WEIGHT = 2,
    FARMIQ_SESSION_EV_IMAGE = 3,
    FARMIQ_SESSION_EV_INFERENCE = 4,
    FARMIQ_SESSION_EV_FINALIZED = 5,
    FARMIQ_SESSION_EV_CANCELLED = 6
};

struct farmiq_session {
    uint32_t size;
    int32_t state; /* enum farmiq_session_state */
    int64_t start_at_unix_ms;
    int64_t end_at_unix_ms;   /* 0 while open */
    double initial_weight_kg; /* earliest by occurred_at; 0 before any */
    double final_weight_kg;   /* latest by occurred_at; 0 before any */
    int64_t initial_weight_at_unix_ms;
    int64_t final_weight_at_unix_ms;
    uint32_t weight_count;
    uint32_t image_count;          /* images seen */
    uint32_t declared_image_count; /* claimed by the finalized event */
    uint32_t reserved;
};

struct farmiq_session_event {
    uint32_t size;
    int32_t kind; /* enum farmiq_session_event_kind */
    int64_t occurred_at_unix_ms;
    double weight_kg;     /* WEIGHT: finite, 0 < w <= 5000 */
    uint32_t image_count; /* FINALIZED */
    uint32_t reserved;
};

FARMIQ_API void farmiq_session_init(struct farmiq_session *session, size_t size);
FARMIQ_API void farmiq_session_event_init(struct farmiq_session_event *event,
                                          size_t size);

/** Apply one event. The result does not depend on the order in which weights
 * and images arrive, so replays and re-deliveries converge (two weights with
 * one timestamp: the smaller counts as earlier).
 *
 * The caller has already dropped duplicates (dedupe.h or store.h).
 * Returns FARMIQ_OK; FARMIQ_UNCHANGED (a second created, finalized or
 * cancelled that agrees with the first); FARMIQ_E_STATE (the table forbids it:
 * a weight after cancelled, finalized before created); FARMIQ_E_RANGE. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_session_apply(struct farmiq_session *session,
                     const struct farmiq_session_event *event);

/** Bit set (1 << kind) of the events `state` accepts: the table itself, for
 * documentation, dashboards and tests. */
FARMIQ_API uint32_t farmiq_session_accepts(int32_t state);

FARMIQ_END

#endif
