/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_SESSION_H
#define FARMIQ_SESSION_H

#include <farmiq/base.h>

FARMIQ_BEGIN

/** # A weighing session (seed 002, section 3; spec edge 7.3)
 *
 * One animal group on one scale, from created to finalized or cancelled. Its facts
 * come in any order and may come again; the struct they leave behind is the same. */

enum farmiq_session_state {
    FARMIQ_SESSION_NEW = 0, /* created has not come; facts are remembered */
    FARMIQ_SESSION_CREATED = 1,
    FARMIQ_SESSION_FINALIZED = 2,
    FARMIQ_SESSION_CANCELLED = 3,
    FARMIQ_SESSION_AWAITING = 4 /* finalized came, created has not: neither is lost */
};

enum farmiq_session_event_kind {
    FARMIQ_SESSION_EV_CREATED = 1,
    FARMIQ_SESSION_EV_WEIGHT = 2,
    FARMIQ_SESSION_EV_IMAGE = 3,
    FARMIQ_SESSION_EV_INFERENCE = 4,
    FARMIQ_SESSION_EV_FINALIZED = 5,
    FARMIQ_SESSION_EV_CANCELLED = 6 /* by explicit operation only */
};

#define FARMIQ_SESSION_WEIGHT_MAX_KG 5000
#define FARMIQ_SESSION_IMAGE_LIMIT_MS 600000 /* the sweeper's default */

/* Bits of `flags`. */
#define FARMIQ_SESSION_INCOMPLETE 1   /* no image in time; a later one clears it */
#define FARMIQ_SESSION_LATE_WEIGHTS 2 /* weights from after the end were left out */

struct farmiq_session {
    uint32_t size;
    int32_t state; /* enum farmiq_session_state */
    int64_t start_at_unix_ms;
    int64_t end_at_unix_ms;   /* of the finalized or cancelled event; 0 while open */
    double initial_weight_kg; /* earliest by occurred_at; 0 before any */
    double final_weight_kg;   /* latest by occurred_at, up to the end; 0 before any */
    int64_t initial_weight_at_unix_ms;
    int64_t final_weight_at_unix_ms;
    uint32_t weight_count;         /* up to the end */
    uint32_t late_weight_count;    /* after the end: stored, counted, not used */
    uint32_t image_count;          /* distinct images bound */
    uint32_t declared_image_count; /* claimed by the finalized event: for comparison */
    uint32_t flags;                /* FARMIQ_SESSION_INCOMPLETE, ..._LATE_WEIGHTS */
    uint32_t reserved;
};

struct farmiq_session_event {
    uint32_t size;
    int32_t kind;                            /* enum farmiq_session_event_kind */
    const struct farmiq_session_event *next; /* for farmiq_session_replay() */
    int64_t occurred_at_unix_ms;             /* not negative */
    double weight_kg;                        /* WEIGHT: finite, 0 < w <= 5000 */
    uint32_t image_count; /* IMAGE: distinct images bound by now, this one included,
                           * counted from the bindings. FINALIZED: as claimed */
    uint32_t reserved;
};

FARMIQ_API void farmiq_session_init(struct farmiq_session *session, size_t size);
FARMIQ_API void farmiq_session_event_init(struct farmiq_session_event *event,
                                          size_t size);

/** Apply one event. The result does not depend on the order of events (two weights
 * with one timestamp: the smaller counts as earlier). Repeats of created, finalized
 * and cancelled and of images are recognised here; the caller has dropped repeated
 * weights, whose key is (tenant_id, event_id).
 *
 * A session that ended before weights already applied needs a replay: what the scale
 * showed at its end is known to the store only. This takes a weight from after the
 * end overtaking the finalized event, which no healthy device sends.
 *
 * On any answer but FARMIQ_OK nothing has changed.
 * Returns FARMIQ_OK; FARMIQ_UNCHANGED (an agreeing repeat, or an image counted
 * already); FARMIQ_CONFLICT (a repeat that disagrees: the first one stands);
 * FARMIQ_UNDEFINED (call farmiq_session_replay() with all facts); FARMIQ_E_STATE (the
 * table forbids it, such as a weight after cancelled); FARMIQ_E_RANGE (a weight or a
 * time); FARMIQ_E_ARG (also an image that is not counted). */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_session_apply(struct farmiq_session *session,
                     const struct farmiq_session_event *event);

/** Build a session from all its facts, chained by `next` in any order: the struct
 * that any order of farmiq_session_apply() leaves. Of disagreeing repeats the first
 * in the chain stands. FARMIQ_SESSION_INCOMPLETE stays set, lest the alert be raised
 * again, unless there is an image.
 * Returns FARMIQ_OK; FARMIQ_E_STATE, FARMIQ_E_RANGE, FARMIQ_E_ARG (`session` is
 * untouched). */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_session_replay(struct farmiq_session *session,
                      const struct farmiq_session_event *first);

/** Flag a session that was created more than `limit_ms` ago and has no image.
 * Returns FARMIQ_OK (flagged now: raise the alert, once); FARMIQ_UNCHANGED (nothing
 * to flag, or flagged before); FARMIQ_E_ARG. */
FARMIQ_API FARMIQ_MUST_USE int farmiq_session_sweep(struct farmiq_session *session,
                                                    int64_t now_unix_ms,
                                                    int64_t limit_ms);

/** 1 if the session is valid: created, at least one weight and one image, finalized. */
FARMIQ_API int farmiq_session_is_complete(const struct farmiq_session *session);

/** Bit set (1 << kind) of the events `state` accepts: the table itself, for
 * documentation, dashboards and tests. 0 for no such state. */
FARMIQ_API uint32_t farmiq_session_accepts(int32_t state);

FARMIQ_END

#endif
