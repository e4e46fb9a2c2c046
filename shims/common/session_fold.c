/* SPDX-License-Identifier: Apache-2.0 */
/* What the facts come to: each into the fold of its session. */
#include "common/session_private.h"

#include "common/text.h"
#include "common_queries.h"

/* The bindings as the fold wants them: how many there are by now. */
static int count_media(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                       uint32_t count)
{
    struct session *session = ((struct session_answers *)ctx)->sessions[row];
    struct farmiq_session_event event;
    int r;

    (void)count;
    farmiq_session_event_init(&event, sizeof event);
    event.kind = FARMIQ_SESSION_EV_IMAGE;
    event.image_count = (uint32_t)columns[0].integer;
    r = farmiq_session_apply(&session->fold, &event);
    session->is_changed |= r == FARMIQ_OK;
    session->has_new_media =
        r == FARMIQ_OK; /* not if only a binding's event is another */
    return r < 0 ? r : FARMIQ_OK;
}

int session_fold_media(struct sessions *sessions, const struct weigh_fact *first)
{
    struct session **bound = session_list(sessions);
    uint32_t count = 0;

    if (!bound)
        return FARMIQ_E_NOMEM;
    for (const struct weigh_fact *fact = first; fact; fact = fact->next)
        if (fact->kind == FARMIQ_SESSION_EV_IMAGE && fact->is_new &&
            !fact->session->has_new_media) {
            fact->session->has_new_media = 1;
            bound[count++] = fact->session;
        }
    return session_ask(sessions->call, &sql_session_media_count, bound, count,
                       count_media);
}

/* Everything that is known of a session, chained. */
struct history {
    struct farmiq_session_event *events;
    uint32_t count;
};

static struct farmiq_session_event *remember(struct history *history, int32_t kind,
                                             int64_t at_unix_ms)
{
    struct farmiq_session_event *event = &history->events[history->count];

    farmiq_session_event_init(event, sizeof *event);
    event->kind = kind;
    event->occurred_at_unix_ms = at_unix_ms;
    if (history->count)
        history->events[history->count - 1].next = event;
    history->count++;
    return event;
}

/* Weights from after the end came before the end was known (decision 9): the session is
 * built again from everything, which the store has. */
static int replay(struct shim_call *call, struct farmiq_session *fold,
                  const struct session_weight *first,
                  const struct farmiq_session_event *end)
{
    struct history history = { NULL, 3 };

    for (const struct session_weight *weight = first; weight; weight = weight->next)
        history.count++;
    history.events = shim_memory(call, history.count * sizeof *history.events);
    if (!history.events)
        return FARMIQ_E_NOMEM;
    history.count = 0;
    remember(&history, end->kind, end->occurred_at_unix_ms)->image_count =
        end->image_count;
    if (session_is_there(fold->state))
        remember(&history, FARMIQ_SESSION_EV_CREATED, fold->start_at_unix_ms);
    if (fold->image_count)
        remember(&history, FARMIQ_SESSION_EV_IMAGE, 0)->image_count = fold->image_count;
    for (const struct session_weight *weight = first; weight; weight = weight->next)
        remember(&history, FARMIQ_SESSION_EV_WEIGHT, weight->occurred_at_unix_ms)
            ->weight_kg = weight->weight_kg;
    return farmiq_session_replay(fold, history.events);
}

static int apply(struct shim_call *call, struct session *session,
                 const struct farmiq_session_event *event)
{
    int r = farmiq_session_apply(&session->fold, event);
    struct session_weight *weights;

    if (r != FARMIQ_UNDEFINED)
        return r;
    r = sessions_weights(call, session, &weights);
    return r < 0 ? r : replay(call, &session->fold, weights, event);
}

/* The newest result stands; of two of one moment the one whose id is greater. */
static void take_result(struct session *session, struct weigh_fact *fact)
{
    int64_t *known_at = &session->time_unix_ms[SESSION_INFERENCE_AT];
    struct farmiq_str *known = &session->text[SESSION_RESULT];

    fact->is_new = fact->occurred_at_unix_ms > *known_at ||
                   (fact->occurred_at_unix_ms == *known_at &&
                    text_compare(fact->inference_result_id, *known) > 0);
    if (fact->is_new) {
        *known = fact->inference_result_id;
        *known_at = fact->occurred_at_unix_ms;
    }
}

static void take_end(struct session *session, const struct weigh_fact *fact,
                     int64_t now_unix_ms)
{
    session->declared_weight_kg = fact->weight_kg;
    session->text[SESSION_FINALIZED_EVENT] = fact->event_id;
    session->text[SESSION_FINALIZED_TRACE] = fact->trace_id;
    session->time_unix_ms[SESSION_FINALIZED_AT] = now_unix_ms;
}

/* A repeat that disagrees is counted; the first one stands. */
static int fold_fact(struct shim_call *call, struct weigh_fact *fact)
{
    struct session *session = fact->session;
    struct farmiq_session_event event;
    int r;

    farmiq_session_event_init(&event, sizeof event);
    event.kind = fact->kind;
    event.occurred_at_unix_ms = fact->occurred_at_unix_ms;
    event.weight_kg = fact->weight_kg;
    event.image_count = fact->image_count;
    r = apply(call, session, &event);
    if (r < 0)
        return r;
    if (r == FARMIQ_CONFLICT)
        shim_count("farmiq_session_conflicts_total", NULL, 1);
    fact->is_new = r == FARMIQ_OK;
    if (fact->is_new && fact->kind == FARMIQ_SESSION_EV_FINALIZED)
        take_end(session, fact, call->now_unix_ms);
    if (fact->kind == FARMIQ_SESSION_EV_INFERENCE)
        take_result(session, fact);
    session->is_changed |= fact->is_new;
    return FARMIQ_OK;
}

int session_fold_kind(struct shim_call *call, struct weigh_fact *first, int32_t kind)
{
    int r = FARMIQ_OK;

    for (struct weigh_fact *fact = first; fact && r == FARMIQ_OK; fact = fact->next)
        if (fact->kind == kind && !fact->refusal &&
            (kind != FARMIQ_SESSION_EV_WEIGHT || fact->is_new))
            r = fold_fact(call, fact);
    return r;
}
