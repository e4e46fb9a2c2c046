/* SPDX-License-Identifier: Apache-2.0 */
/* Facts into their tables and their sessions, whatever order they come in. */
#include "common/session_private.h"

#include "common/text.h"
#include "common_queries.h"

/* ## Storing facts */

/* Rows of facts of one kind on their way into their table. */
struct storing {
    struct weigh_fact **facts; /* by row */
    struct farmiq_sql_value *params;
    uint32_t count;
};

static int note_new(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct storing *storing = ctx;

    (void)columns;
    (void)count;
    storing->facts[row]->is_new = 1;
    return 0;
}

#define MOST_COLUMNS 8

static void put_weight(struct farmiq_sql_value *to, struct weigh_fact *fact,
                       int64_t now_unix_ms)
{
    fact->is_told = session_is_there(fact->session->fold.state);
    to[0] = farmiq_sql_text(fact->tenant_id);
    to[1] = farmiq_sql_text(fact->session_id);
    to[2] = farmiq_sql_text(fact->event_id);
    to[3] = farmiq_sql_text_or_null(fact->trace_id);
    to[4] = farmiq_sql_real(fact->weight_kg);
    to[5] = farmiq_sql_integer(fact->occurred_at_unix_ms);
    to[6] = farmiq_sql_integer(now_unix_ms);
    to[7] = fact->is_told ? farmiq_sql_integer(now_unix_ms) : farmiq_sql_null();
}

static void put_medium(struct farmiq_sql_value *to, struct weigh_fact *fact,
                       int64_t now_unix_ms)
{
    to[0] = farmiq_sql_text(fact->tenant_id);
    to[1] = farmiq_sql_text(fact->session_id);
    to[2] = farmiq_sql_text(fact->media_id);
    to[3] = farmiq_sql_text(fact->event_id);
    to[4] = farmiq_sql_text_or_null(fact->trace_id);
    to[5] = farmiq_sql_integer(fact->occurred_at_unix_ms);
    to[6] = farmiq_sql_integer(now_unix_ms);
}

/* The kinds of facts that have a table. */
static const struct table {
    int32_t kind;
    uint32_t column_count;
    const struct farmiq_sql_query *add;
    void (*put)(struct farmiq_sql_value *to, struct weigh_fact *fact,
                int64_t now_unix_ms);
} tables[] = {
    { FARMIQ_SESSION_EV_WEIGHT, 8, &sql_session_weight_add, put_weight },
    { FARMIQ_SESSION_EV_IMAGE, 7, &sql_session_media_add, put_medium },
};

static int store_in(struct shim_call *call, const struct table *table,
                    struct weigh_fact *first, uint32_t most)
{
    struct storing storing = {
        shim_memory(call, (most + 1) * sizeof(struct weigh_fact *)),
        shim_memory(call, (size_t)(most + 1) * MOST_COLUMNS * sizeof *storing.params),
        0,
    };

    if (!storing.facts || !storing.params)
        return FARMIQ_E_NOMEM;
    for (struct weigh_fact *fact = first; fact; fact = fact->next)
        if (fact->kind == table->kind && !fact->refusal) {
            table->put(storing.params + (size_t)storing.count * table->column_count, fact,
                       call->now_unix_ms);
            storing.facts[storing.count++] = fact;
        }
    return storing.count ? farmiq_sql_run_many(call->store, table->add, NULL,
                                               storing.params, table->column_count,
                                               storing.count, note_new, &storing)
                         : FARMIQ_OK;
}

static int store_facts(struct shim_call *call, struct weigh_fact *first, uint32_t most)
{
    int r = FARMIQ_OK;

    for (size_t i = 0; i < sizeof tables / sizeof *tables && r == FARMIQ_OK; i++)
        r = store_in(call, &tables[i], first, most);
    return r;
}

/* ## Folding */

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
    return r < 0 ? r : FARMIQ_OK;
}

static int fold_media(struct sessions *sessions, const struct weigh_fact *first)
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

static int fold_kind(struct shim_call *call, struct weigh_fact *first, int32_t kind)
{
    int r = FARMIQ_OK;

    for (struct weigh_fact *fact = first; fact && r == FARMIQ_OK; fact = fact->next)
        if (fact->kind == kind && !fact->refusal &&
            (kind != FARMIQ_SESSION_EV_WEIGHT || fact->is_new))
            r = fold_fact(call, fact);
    return r;
}

/* created first, so that weights know whether they are told; the end last, so that a
 * replay finds all weights in the store. */
static int store_and_fold(struct sessions *sessions, struct weigh_fact *first,
                          uint32_t count)
{
    static const int32_t order[] = {
        FARMIQ_SESSION_EV_WEIGHT,
        FARMIQ_SESSION_EV_INFERENCE,
        FARMIQ_SESSION_EV_FINALIZED,
        FARMIQ_SESSION_EV_CANCELLED,
    };
    int r = fold_kind(sessions->call, first, FARMIQ_SESSION_EV_CREATED);

    if (r == FARMIQ_OK)
        r = store_facts(sessions->call, first, count);
    if (r == FARMIQ_OK)
        r = fold_media(sessions, first);

    for (size_t i = 0; i < sizeof order / sizeof *order && r == FARMIQ_OK; i++)
        r = fold_kind(sessions->call, first, order[i]);
    return r;
}

/* ## What a fact says beside what the fold knows */

/* created says where the session is; until it comes, any fact is believed. */
static void take_place(struct session *session, const struct weigh_fact *fact)
{
    const struct farmiq_str said[] = {
        [SESSION_FARM] = fact->farm_id,     [SESSION_BARN] = fact->barn_id,
        [SESSION_DEVICE] = fact->device_id, [SESSION_STATION] = fact->station_id,
        [SESSION_BATCH] = fact->batch_id,
    };
    int is_creation = fact->kind == FARMIQ_SESSION_EV_CREATED && fact->is_new;

    for (int i = SESSION_FARM; i <= SESSION_BATCH; i++)
        if (said[i].len && (is_creation || !session->text[i].len)) {
            session->is_changed |= !text_equal(session->text[i], said[i]);
            session->text[i] = said[i];
        }
}

static void take_time(struct session *session, const struct weigh_fact *fact,
                      int64_t now_unix_ms)
{
    int64_t *first_at = &session->time_unix_ms[SESSION_FIRST_FACT_AT];
    int64_t *created_at = &session->time_unix_ms[SESSION_CREATED_AT];

    if (!*created_at || fact->occurred_at_unix_ms < *first_at) {
        *first_at = fact->occurred_at_unix_ms;
        session->is_changed = 1;
    }
    if (!*created_at)
        *created_at = now_unix_ms;
}

static void take_details(struct shim_call *call, const struct weigh_fact *first)
{
    for (const struct weigh_fact *fact = first; fact; fact = fact->next) {
        struct session *session = fact->session;

        if (fact->refusal)
            continue;
        if (!session->text[SESSION_ID].len)
            session->text[SESSION_ID] = shim_uuid(call);
        take_place(session, fact);
        take_time(session, fact, call->now_unix_ms);
    }
}

/* ## The whole */

static int name_sessions(struct sessions *sessions, struct weigh_fact *first,
                         uint32_t *count)
{
    for (struct weigh_fact *fact = first; fact; fact = fact->next) {
        if (fact->refusal)
            continue;
        fact->session = sessions_want(sessions, fact->tenant_id, fact->session_id);
        if (!fact->session)
            return FARMIQ_E_NOMEM;
        ++*count;
    }
    return FARMIQ_OK;
}

/* Before anything of them is stored. No fact of a batch takes from its session the right
 * to the others: only a cancellation would, which comes alone. */
static void refuse_late(struct weigh_fact *first)
{
    for (struct weigh_fact *fact = first; fact; fact = fact->next)
        if (!fact->refusal && !(farmiq_session_accepts(fact->session->fold.state) &
                                UINT32_C(1) << fact->kind))
            fact->refusal = fact->session->fold.state == FARMIQ_SESSION_CANCELLED
                                ? "SESSION_CANCELLED"
                                : "SESSION_STATE";
}

int sessions_take(struct sessions *sessions, struct weigh_fact *first)
{
    struct shim_call *call = sessions->call;
    uint32_t count = 0;
    int r = name_sessions(sessions, first, &count);

    if (r == FARMIQ_OK)
        r = sessions_lock(sessions);
    if (r < 0)
        return r;
    refuse_late(first);
    r = store_and_fold(sessions, first, count);
    if (r == FARMIQ_OK)
        take_details(call, first);
    return r;
}
