/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of sessions by the passing of time: an image that does not come, an end
 * that waits for the rest, and age. */
#include "weighing.h"

#include "common/purge.h"
#include "common/text.h"
#include "queries.h"

#define SESSIONS_AT_ONCE 200

/* One round over the sessions that a query names. */
struct round {
    const struct farmiq_sql_query *query;
    int64_t before_unix_ms;
    int (*care)(struct sessions *sessions);
    uint32_t count;
};

static int want(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                uint32_t count)
{
    struct sessions *sessions = ctx;

    (void)row;
    (void)count;
    return sessions_want(sessions, text_copy(sessions->call, columns[0].text),
                         text_copy(sessions->call, columns[1].text))
               ? FARMIQ_OK
               : FARMIQ_E_NOMEM;
}

static int care_for(struct shim_call *call, void *arg)
{
    struct round *round = arg;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_integer(round->before_unix_ms),
        farmiq_sql_integer(SESSIONS_AT_ONCE),
    };
    struct sessions sessions;
    int r = sessions_open(&sessions, call, SESSIONS_AT_ONCE);

    if (r == FARMIQ_OK)
        r = farmiq_sql_run(call->store, round->query, NULL, params, 2, want, &sessions);
    round->count = sessions.groups.count;
    if (r == FARMIQ_OK)
        r = sessions_lock(&sessions);
    if (r == FARMIQ_OK)
        r = round->care(&sessions);
    return r < 0 ? r : sessions_save(&sessions);
}

static int run_round(struct shim_call *call, struct round *round)
{
    int r = shim_write(call, care_for, round);

    return r < 0 ? r : round->count == SESSIONS_AT_ONCE ? SHIM_AGAIN : FARMIQ_OK;
}

/* ## No image in time (spec edge 7.3): told once, by a counter */

static int flag(struct sessions *sessions)
{
    struct shim_call *call = sessions->call;
    int64_t limit_ms = shim_number(call, "SESSION_IMAGE_TIMEOUT");

    for (struct group *group = sessions->groups.first; group; group = group->next) {
        struct session *session = (struct session *)group;

        if (farmiq_session_sweep(&session->fold, call->now_unix_ms, limit_ms) !=
            FARMIQ_OK)
            continue;
        session->is_changed = 1;
        shim_count("farmiq_sessions_incomplete_total", NULL, 1);
        shim_log(call, SHIM_WARN, "session.incomplete",
                 "tenant_id=%.*s session_id=%.*s has no image",
                 (int)session_tenant(session).len, session_tenant(session).ptr,
                 (int)session_name(session).len, session_name(session).ptr);
    }
    return FARMIQ_OK;
}

int weighing_sweep(struct shim_call *call)
{
    struct round round = { &sql_sessions_bare,
                           call->now_unix_ms - shim_number(call, "SESSION_IMAGE_TIMEOUT"),
                           flag, 0 };

    return run_round(call, &round);
}

/* ## An end that has waited long enough for the rest */

static int tell(struct sessions *sessions) { return weighing_tell(sessions, NULL); }

int weighing_settle(struct shim_call *call)
{
    struct round round = { &sql_sessions_untold,
                           call->now_unix_ms - shim_number(call, "SESSION_SETTLE_MS"),
                           tell, 0 };

    return run_round(call, &round);
}

/* ## Facts whose session nobody has created */

int weighing_adopt(struct shim_call *call)
{
    struct round round = { &sql_sessions_orphaned,
                           call->now_unix_ms -
                               shim_number(call, "SESSION_ORPHAN_TIMEOUT"),
                           weighing_tell_orphans, 0 };

    return run_round(call, &round);
}

/* ## Age: a session goes with all its facts, once the cloud has what there is of it */

static int purge_old(struct shim_call *call, uint32_t *rows)
{
    static const struct farmiq_sql_query *const queries[] = { &sql_weights_purge,
                                                              &sql_media_purge,
                                                              &sql_sessions_purge, NULL };

    return purge_together(call, queries, "SESSION_RETENTION_DAYS", SESSIONS_AT_ONCE,
                          rows);
}

int weighing_purge(struct shim_call *call)
{
    static purge_step *const steps[] = { purge_old, NULL };

    return purge_run(call, steps);
}
