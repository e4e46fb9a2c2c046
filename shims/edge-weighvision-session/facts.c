/* SPDX-License-Identifier: Apache-2.0 */
/* One fact per request: the routes of spec edge 4.3. */
#include "weighing.h"

/* One fact from the body, kept. Sets `*session`, or replies and leaves it NULL. */
static int keep_body(struct shim_call *call, int32_t kind, struct weigh_fact *fact,
                     struct session **session)
{
    struct sessions sessions;
    int r = weighing_read_body(call, kind, fact);

    *session = NULL;
    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    r = weighing_keep(call, fact, 1, &sessions);
    if (r < 0)
        return r;
    if (fact->refusal)
        return shim_reply_error(call, 409, "CONFLICT",
                                "the session has ended and takes no more of this");
    *session = fact->session;
    return FARMIQ_OK;
}

int weighing_post_session(struct shim_call *call)
{
    struct weigh_fact fact;
    struct session *session;
    int r = keep_body(call, FARMIQ_SESSION_EV_CREATED, &fact, &session);

    return session ? weighing_reply_session(call, 201, session) : r;
}

int weighing_post_weight(struct shim_call *call)
{
    struct weigh_fact fact;
    struct session *session;
    int r = keep_body(call, FARMIQ_SESSION_EV_WEIGHT, &fact, &session);

    return session ? weighing_reply_weight(call, &fact) : r;
}

int weighing_post_media(struct shim_call *call)
{
    struct weigh_fact fact;
    struct session *session;
    int r = keep_body(call, FARMIQ_SESSION_EV_IMAGE, &fact, &session);

    return session ? weighing_reply_binding(call, &fact) : r;
}

/* 202: remembered until created comes (spec edge 7.3). */
int weighing_finalize(struct shim_call *call)
{
    struct weigh_fact fact;
    struct session *session;
    int r = keep_body(call, FARMIQ_SESSION_EV_FINALIZED, &fact, &session);

    return session ? weighing_reply_session(
                         call, session_is_there(session->fold.state) ? 200 : 202, session)
                   : r;
}

/* By an operator only; nothing is told (spec edge 7.3). A session that is not there
 * cannot be cancelled, and leaves no trace. */
int weighing_cancel(struct shim_call *call)
{
    struct weigh_fact fact;
    struct sessions sessions;
    int r = weighing_read_body(call, FARMIQ_SESSION_EV_CANCELLED, &fact);

    if (r != FARMIQ_OK)
        return r < 0 ? r : FARMIQ_OK;
    r = weighing_keep(call, &fact, 1, &sessions);
    if (r < 0)
        return r;
    if (!session_is_there(fact.session->fold.state))
        return shim_reply_error(call, 404, "NOT_FOUND", "no such session");
    if (fact.refusal)
        return shim_reply_error(call, 409, "CONFLICT", "the session is finalized");
    return weighing_reply_session(call, 200, fact.session);
}
