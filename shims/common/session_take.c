/* SPDX-License-Identifier: Apache-2.0 */
/* Facts into their tables and their sessions, whatever order they come in. */
#include "common/session_private.h"

#include "common/text.h"

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
    int r = session_fold_kind(sessions->call, first, FARMIQ_SESSION_EV_CREATED);

    if (r == FARMIQ_OK)
        r = session_store_facts(sessions->call, first, count);
    if (r == FARMIQ_OK)
        r = session_fold_media(sessions, first);

    for (size_t i = 0; i < sizeof order / sizeof *order && r == FARMIQ_OK; i++)
        r = session_fold_kind(sessions->call, first, order[i]);
    return r;
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
