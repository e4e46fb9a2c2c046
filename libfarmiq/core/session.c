/* SPDX-License-Identifier: Apache-2.0 */
/* The weighing session: facts in any order, one outcome (spec edge 7.3). */
#include <farmiq/error.h>
#include <farmiq/session.h>

#include "private.h"

#define STATES (FARMIQ_SESSION_AWAITING + 1)
#define KINDS (FARMIQ_SESSION_EV_CANCELLED + 1)

/* What an event does to a state: lead to another, leave it, repeat what led to it, or
 * not be allowed. */
enum { FORBIDDEN, STAYS, REPEATS, LEADS_TO };

#define TO(state) (LEADS_TO + FARMIQ_SESSION_##state)

static const uint8_t table[STATES][KINDS] = {
    [FARMIQ_SESSION_NEW] = {
        [FARMIQ_SESSION_EV_CREATED] = TO(CREATED),
        [FARMIQ_SESSION_EV_WEIGHT] = STAYS,
        [FARMIQ_SESSION_EV_IMAGE] = STAYS,
        [FARMIQ_SESSION_EV_INFERENCE] = STAYS,
        [FARMIQ_SESSION_EV_FINALIZED] = TO(AWAITING),
    },
    [FARMIQ_SESSION_AWAITING] = {
        [FARMIQ_SESSION_EV_CREATED] = TO(FINALIZED),
        [FARMIQ_SESSION_EV_WEIGHT] = STAYS,
        [FARMIQ_SESSION_EV_IMAGE] = STAYS,
        [FARMIQ_SESSION_EV_INFERENCE] = STAYS,
        [FARMIQ_SESSION_EV_FINALIZED] = REPEATS,
    },
    [FARMIQ_SESSION_CREATED] = {
        [FARMIQ_SESSION_EV_CREATED] = REPEATS,
        [FARMIQ_SESSION_EV_WEIGHT] = STAYS,
        [FARMIQ_SESSION_EV_IMAGE] = STAYS,
        [FARMIQ_SESSION_EV_INFERENCE] = STAYS,
        [FARMIQ_SESSION_EV_FINALIZED] = TO(FINALIZED),
        [FARMIQ_SESSION_EV_CANCELLED] = TO(CANCELLED),
    },
    [FARMIQ_SESSION_FINALIZED] = {
        [FARMIQ_SESSION_EV_CREATED] = REPEATS,
        [FARMIQ_SESSION_EV_WEIGHT] = STAYS,
        [FARMIQ_SESSION_EV_IMAGE] = STAYS,
        [FARMIQ_SESSION_EV_INFERENCE] = STAYS,
        [FARMIQ_SESSION_EV_FINALIZED] = REPEATS,
    },
    [FARMIQ_SESSION_CANCELLED] = {
        [FARMIQ_SESSION_EV_CREATED] = REPEATS,
        [FARMIQ_SESSION_EV_CANCELLED] = REPEATS,
    },
};

void farmiq_session_init(struct farmiq_session *session, size_t size)
{
    static const struct farmiq_session defaults = { 0 };

    farmiq__init(session, size, &defaults, sizeof defaults);
}

void farmiq_session_event_init(struct farmiq_session_event *event, size_t size)
{
    static const struct farmiq_session_event defaults = { 0 };

    farmiq__init(event, size, &defaults, sizeof defaults);
}

static int is_state(int32_t state) { return 0 <= state && state < STATES; }

uint32_t farmiq_session_accepts(int32_t state)
{
    uint32_t accepted = 0;

    for (uint32_t kind = 0; is_state(state) && kind < KINDS; kind++)
        if (table[state][kind] != FORBIDDEN)
            accepted |= UINT32_C(1) << kind;
    return accepted;
}

static int has_ended(const struct farmiq_session *session)
{
    return session->state == FARMIQ_SESSION_FINALIZED ||
           session->state == FARMIQ_SESSION_AWAITING;
}

static int apply_created(struct farmiq_session *session,
                         const struct farmiq_session_event *event)
{
    session->start_at_unix_ms = event->occurred_at_unix_ms;
    return FARMIQ_OK;
}

/* Order of (time, weight): the second decides only between readings of one moment. */
static int is_earlier(int64_t at, double kg, int64_t other_at, double other_kg)
{
    return at < other_at || (at == other_at && kg < other_kg);
}

static int apply_weight(struct farmiq_session *session,
                        const struct farmiq_session_event *event)
{
    int64_t at = event->occurred_at_unix_ms;
    double kg = event->weight_kg;

    if (!(kg > 0 && kg <= FARMIQ_SESSION_WEIGHT_MAX_KG)) /* a NaN is neither */
        return FARMIQ_E_RANGE;
    if (has_ended(session) && at > session->end_at_unix_ms) {
        session->late_weight_count++;
        session->flags |= FARMIQ_SESSION_LATE_WEIGHTS;
        return FARMIQ_OK;
    }
    if (session->weight_count == 0 ||
        is_earlier(at, kg, session->initial_weight_at_unix_ms,
                   session->initial_weight_kg)) {
        session->initial_weight_at_unix_ms = at;
        session->initial_weight_kg = kg;
    }
    if (session->weight_count == 0 ||
        is_earlier(session->final_weight_at_unix_ms, session->final_weight_kg, at, kg)) {
        session->final_weight_at_unix_ms = at;
        session->final_weight_kg = kg;
    }
    session->weight_count++;
    return FARMIQ_OK;
}

/* Counts come from the bindings, which only ever grow: the largest is the newest. */
static int apply_image(struct farmiq_session *session,
                       const struct farmiq_session_event *event)
{
    if (event->image_count == 0)
        return FARMIQ_E_ARG;
    if (event->image_count <= session->image_count)
        return FARMIQ_UNCHANGED;
    session->image_count = event->image_count;
    session->flags &= ~(uint32_t)FARMIQ_SESSION_INCOMPLETE;
    return FARMIQ_OK;
}

/* The result of an inference is kept beside the session, not in it. */
static int apply_inference(struct farmiq_session *session,
                           const struct farmiq_session_event *event)
{
    (void)session;
    (void)event;
    return FARMIQ_OK;
}

static int apply_finalized(struct farmiq_session *session,
                           const struct farmiq_session_event *event)
{
    if (session->final_weight_at_unix_ms > event->occurred_at_unix_ms)
        return FARMIQ_UNDEFINED;
    session->end_at_unix_ms = event->occurred_at_unix_ms;
    session->declared_image_count = event->image_count;
    return FARMIQ_OK;
}

static int apply_cancelled(struct farmiq_session *session,
                           const struct farmiq_session_event *event)
{
    session->end_at_unix_ms = event->occurred_at_unix_ms;
    return FARMIQ_OK;
}

static int created_agrees(const struct farmiq_session *session,
                          const struct farmiq_session_event *event)
{
    return session->start_at_unix_ms == event->occurred_at_unix_ms;
}

static int finalized_agrees(const struct farmiq_session *session,
                            const struct farmiq_session_event *event)
{
    return session->end_at_unix_ms == event->occurred_at_unix_ms &&
           session->declared_image_count == event->image_count;
}

static int cancelled_agrees(const struct farmiq_session *session,
                            const struct farmiq_session_event *event)
{
    return session->end_at_unix_ms == event->occurred_at_unix_ms;
}

static const struct {
    int (*apply)(struct farmiq_session *session,
                 const struct farmiq_session_event *event);
    int (*agrees)(const struct farmiq_session *session,
                  const struct farmiq_session_event *event);
} effects[KINDS] = {
    [FARMIQ_SESSION_EV_CREATED] = { apply_created, created_agrees },
    [FARMIQ_SESSION_EV_WEIGHT] = { apply_weight, NULL },
    [FARMIQ_SESSION_EV_IMAGE] = { apply_image, NULL },
    [FARMIQ_SESSION_EV_INFERENCE] = { apply_inference, NULL },
    [FARMIQ_SESSION_EV_FINALIZED] = { apply_finalized, finalized_agrees },
    [FARMIQ_SESSION_EV_CANCELLED] = { apply_cancelled, cancelled_agrees },
};

static int is_sound(const struct farmiq_session *session,
                    const struct farmiq_session_event *event)
{
    return farmiq__is_sized(session, sizeof *session) && is_state(session->state) &&
           farmiq__is_sized(event, sizeof *event) && event->kind > 0 &&
           event->kind < KINDS;
}

int farmiq_session_apply(struct farmiq_session *session,
                         const struct farmiq_session_event *event)
{
    uint8_t step;
    int r;

    if (!is_sound(session, event))
        return FARMIQ_E_ARG;
    if (event->occurred_at_unix_ms < 0)
        return FARMIQ_E_RANGE;
    step = table[session->state][event->kind];
    if (step == FORBIDDEN)
        return FARMIQ_E_STATE;
    if (step == REPEATS)
        return effects[event->kind].agrees(session, event) ? FARMIQ_UNCHANGED
                                                           : FARMIQ_CONFLICT;
    r = effects[event->kind].apply(session, event);
    if (r == FARMIQ_OK && step >= LEADS_TO)
        session->state = step - LEADS_TO;
    return r;
}

/* The end first, so that every weight knows on which side of it it lies; a cancellation
 * last, because nothing may follow it. */
enum { STAGE_END, STAGE_FACTS, STAGE_CANCELLATION, STAGES };

static int stage_of(const struct farmiq_session_event *event)
{
    switch (event->kind) {
    case FARMIQ_SESSION_EV_FINALIZED:
        return STAGE_END;
    case FARMIQ_SESSION_EV_CANCELLED:
        return STAGE_CANCELLATION;
    default:
        return STAGE_FACTS;
    }
}

static int replay_stage(struct farmiq_session *session, int stage,
                        const struct farmiq_session_event *event)
{
    int r = FARMIQ_OK;

    for (; event && r >= 0; event = event->next)
        if (stage_of(event) == stage)
            r = farmiq_session_apply(session, event);
    return r < 0 ? r : FARMIQ_OK;
}

int farmiq_session_replay(struct farmiq_session *session,
                          const struct farmiq_session_event *first)
{
    struct farmiq_session built;
    int r = FARMIQ_OK;

    if (!farmiq__is_sized(session, sizeof *session))
        return FARMIQ_E_ARG;
    farmiq_session_init(&built, sizeof built);
    for (int stage = 0; stage < STAGES && r == FARMIQ_OK; stage++)
        r = replay_stage(&built, stage, first);
    if (r != FARMIQ_OK)
        return r;
    built.size = session->size;
    if (built.image_count == 0)
        built.flags |= session->flags & FARMIQ_SESSION_INCOMPLETE;
    *session = built;
    return FARMIQ_OK;
}

int farmiq_session_sweep(struct farmiq_session *session, int64_t now_unix_ms,
                         int64_t limit_ms)
{
    if (!farmiq__is_sized(session, sizeof *session) || now_unix_ms < 0 || limit_ms < 0)
        return FARMIQ_E_ARG;
    if ((session->state != FARMIQ_SESSION_CREATED &&
         session->state != FARMIQ_SESSION_FINALIZED) ||
        session->image_count > 0 || session->flags & FARMIQ_SESSION_INCOMPLETE ||
        now_unix_ms - session->start_at_unix_ms <= limit_ms)
        return FARMIQ_UNCHANGED;
    session->flags |= FARMIQ_SESSION_INCOMPLETE;
    return FARMIQ_OK;
}

int farmiq_session_is_complete(const struct farmiq_session *session)
{
    return farmiq__is_sized(session, sizeof *session) &&
           session->state == FARMIQ_SESSION_FINALIZED && session->weight_count > 0 &&
           session->image_count > 0;
}
