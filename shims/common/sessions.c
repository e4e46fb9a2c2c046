/* SPDX-License-Identifier: Apache-2.0 */
/* Weigh sessions in a store. */
#include "common/sessions.h"

#include "common/session_private.h"
#include "common/text.h"
#include "common_queries.h"

struct farmiq_str session_tenant(const struct session *session)
{
    return session->group.key.part[0];
}

struct farmiq_str session_name(const struct session *session)
{
    return session->group.key.part[1];
}

int session_is_there(int32_t state)
{
    return state != FARMIQ_SESSION_NEW && state != FARMIQ_SESSION_AWAITING;
}

int sessions_open(struct sessions *sessions, struct shim_call *call, uint32_t expected)
{
    sessions->call = call;
    return groups_open(&sessions->groups, call, expected, sizeof(struct session));
}

struct session *sessions_want(struct sessions *sessions, struct farmiq_str tenant_id,
                              struct farmiq_str session_id)
{
    const struct group_key key = { { tenant_id, session_id }, 0 };
    struct session *session = groups_find(&sessions->groups, sessions->call, &key);

    if (session && !session->fold.size)
        farmiq_session_init(&session->fold, sizeof session->fold);
    return session;
}

/* ## Loading and saving */

struct session **session_list(const struct sessions *sessions)
{
    struct session **all =
        shim_memory(sessions->call, (sessions->groups.count + 1) * sizeof *all);
    uint32_t count = 0;

    for (struct group *group = all ? sessions->groups.first : NULL; group;
         group = group->next)
        all[count++] = (struct session *)group;
    return all;
}

static int load_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct session_answers *back = ctx;

    (void)count;
    return session_row_get(back->call, back->sessions[row], columns);
}

int session_ask(struct shim_call *call, const struct farmiq_sql_query *query,
                struct session **sessions, uint32_t count, farmiq_sql_row_fn on_row)
{
    struct session_answers back = { call, sessions };
    struct farmiq_sql_value *params = shim_memory(call, (count + 1) * 2 * sizeof *params);

    if (!params)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        params[2 * i] = farmiq_sql_text(session_tenant(sessions[i]));
        params[2 * i + 1] = farmiq_sql_text(session_name(sessions[i]));
    }
    return count ? farmiq_sql_run_many(call->store, query, NULL, params, 2, count, on_row,
                                       &back)
                 : FARMIQ_OK;
}

static int ask_all(struct sessions *sessions, const struct farmiq_sql_query *query,
                   farmiq_sql_row_fn on_row)
{
    struct session **all = session_list(sessions);

    return all ? session_ask(sessions->call, query, all, sessions->groups.count, on_row)
               : FARMIQ_E_NOMEM;
}

int sessions_load(struct sessions *sessions)
{
    return ask_all(sessions, &sql_session_load, load_row);
}

int sessions_lock(struct sessions *sessions)
{
    int r = ask_all(sessions, &sql_session_lock, NULL);

    return r < 0 ? r : sessions_load(sessions);
}

int sessions_save(struct sessions *sessions)
{
    struct shim_call *call = sessions->call;
    struct farmiq_sql_value *params = shim_memory(
        call, (size_t)(sessions->groups.count + 1) * SESSION_SAVED * sizeof *params);
    uint32_t count = 0;

    if (!params)
        return FARMIQ_E_NOMEM;
    for (struct group *group = sessions->groups.first; group; group = group->next) {
        struct session *session = (struct session *)group;

        if (!session->is_changed)
            continue;
        session->time_unix_ms[SESSION_UPDATED_AT] = call->now_unix_ms;
        session_row_put(params + (size_t)count++ * SESSION_SAVED, session);
    }
    return count ? farmiq_sql_run_many(call->store, &sql_session_save, NULL, params,
                                       SESSION_SAVED, count, NULL, NULL)
                 : FARMIQ_OK;
}

struct weight_list {
    struct shim_call *call;
    struct session_weight **end;
};

static int add_weight(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    struct weight_list *weights = ctx;
    struct session_weight *weight = shim_memory(weights->call, sizeof *weight);

    (void)row;
    (void)count;
    if (!weight)
        return FARMIQ_E_NOMEM;
    weight->event_id = text_copy(weights->call, columns[0].text);
    weight->trace_id = text_copy(weights->call, columns[1].text);
    weight->weight_kg = columns[2].real;
    weight->occurred_at_unix_ms = columns[3].integer;
    weight->created_at_unix_ms = columns[4].integer;
    weight->is_told = columns[5].type != FARMIQ_SQL_NULL;
    *weights->end = weight;
    weights->end = &weight->next;
    return 0;
}

int sessions_weights(struct shim_call *call, const struct session *session,
                     struct session_weight **first)
{
    struct weight_list weights = { call, first };
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(session_tenant(session)),
        farmiq_sql_text(session_name(session)),
    };

    *first = NULL;
    return farmiq_sql_run(call->store, &sql_session_weights, NULL, params, 2, add_weight,
                          &weights);
}
