/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud is told (spec edge 6.1): created, every weight, finalized, each once and
 * in the transaction of what it tells. Nothing is told of a session before it is there,
 * and its end only when it is complete or has had time to become so: thus the rows are
 * the same whatever order the facts came in (decision 13). An image that is bound after
 * its session's end was told is told by itself. */
#include "news.h"

#include "queries.h"

static int tell_weight(struct telling *telling, const struct session *session,
                       const struct session_weight *weight)
{
    const struct news news = {
        .session = session,
        .event_type = "weighvision.weight.recorded",
        .write = news_write_weight,
        .event_id = weight->event_id,
        .trace_id = weight->trace_id,
        .weight_kg = weight->weight_kg,
        .occurred_at_unix_ms = weight->occurred_at_unix_ms,
    };

    return news_tell(telling, &news);
}

/* The weights that have waited for created, or for its not coming. */
static int tell_waiting(struct telling *telling, const struct session *session)
{
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(session_tenant(session)),
        farmiq_sql_text(session_name(session)),
        farmiq_sql_integer(telling->call->now_unix_ms),
    };
    struct session_weight *weight = NULL;
    int r = sessions_weights(telling->call, session, &weight), waited = 0;

    for (; weight && r == FARMIQ_OK; weight = weight->next)
        if (!weight->is_told) {
            r = tell_weight(telling, session, weight);
            waited = 1;
        }
    return r < 0 || !waited ? r
                            : farmiq_sql_run(telling->call->store, &sql_weights_told,
                                             NULL, params, 3, NULL, NULL);
}

static int tell_created(struct telling *telling, const struct weigh_fact *fact)
{
    const struct news news = {
        .session = fact->session,
        .event_type = "weighvision.session.created",
        .write = news_write_created,
        .event_id = fact->event_id,
        .trace_id = fact->trace_id,
        .occurred_at_unix_ms = fact->occurred_at_unix_ms,
    };
    int r = news_tell(telling, &news);

    return r < 0 ? r : tell_waiting(telling, fact->session);
}

/* The end has told how many images there are, and the media store tells of each whose
 * session it knows. One that is bound after that, the cloud can hear of only here. */
static int tell_late_image(struct telling *telling, const struct weigh_fact *fact)
{
    const struct news news = {
        .session = fact->session,
        .event_type = "weighvision.image.captured",
        .write = news_write_image,
        .event_id = fact->event_id,
        .trace_id = fact->trace_id,
        .media_id = fact->media_id,
        .occurred_at_unix_ms = fact->occurred_at_unix_ms,
    };

    return fact->session->has_new_media && fact->session->time_unix_ms[SESSION_TOLD_AT]
               ? news_tell(telling, &news)
               : FARMIQ_OK;
}

static int tell_fact(struct telling *telling, const struct weigh_fact *fact)
{
    const struct session_weight weight = { .event_id = fact->event_id,
                                           .trace_id = fact->trace_id,
                                           .weight_kg = fact->weight_kg,
                                           .occurred_at_unix_ms =
                                               fact->occurred_at_unix_ms };

    if (fact->refusal || !fact->is_new)
        return FARMIQ_OK;
    if (fact->kind == FARMIQ_SESSION_EV_CREATED)
        return tell_created(telling, fact);
    if (fact->kind == FARMIQ_SESSION_EV_IMAGE)
        return tell_late_image(telling, fact);
    return fact->is_told ? tell_weight(telling, fact->session, &weight) : FARMIQ_OK;
}

static int is_due(const struct shim_call *call, const struct session *session)
{
    int64_t waited_ms = call->now_unix_ms - session->time_unix_ms[SESSION_FINALIZED_AT];

    return session->fold.state == FARMIQ_SESSION_FINALIZED &&
           !session->time_unix_ms[SESSION_TOLD_AT] &&
           (farmiq_session_is_complete(&session->fold) || waited_ms < 0 ||
            waited_ms >= shim_number(call, "SESSION_SETTLE_MS"));
}

/* The device's own count is only compared (spec edge 7.3). */
static void compare_images(const struct shim_call *call, const struct session *session)
{
    const struct farmiq_session *fold = &session->fold;

    if (!fold->declared_image_count || fold->declared_image_count == fold->image_count)
        return;
    shim_count("farmiq_session_image_mismatches_total", NULL, 1);
    shim_log(call, SHIM_WARN, "session.images", "session_id=%.*s: %u of %u images",
             (int)session_name(session).len, session_name(session).ptr, fold->image_count,
             fold->declared_image_count);
}

static int tell_finalized(struct telling *telling, struct session *session)
{
    const struct news news = {
        .session = session,
        .event_type = "weighvision.session.finalized",
        .write = news_write_finalized,
        .event_id = session->text[SESSION_FINALIZED_EVENT],
        .trace_id = session->text[SESSION_FINALIZED_TRACE],
        .occurred_at_unix_ms = session->fold.end_at_unix_ms,
    };

    session->time_unix_ms[SESSION_TOLD_AT] = telling->call->now_unix_ms;
    session->is_changed = 1;
    compare_images(telling->call, session);
    return news_tell(telling, &news);
}

static int append(const struct telling *telling)
{
    if (!telling->first)
        return FARMIQ_OK;
    shim_wake(telling->call, "sync_once");
    return farmiq_store_outbox_append(telling->call->store, "sync", telling->first,
                                      telling->call->now_unix_ms);
}

int weighing_tell(struct sessions *sessions, const struct weigh_fact *first)
{
    struct telling telling = { sessions->call, NULL, &telling.first };
    int r = FARMIQ_OK;

    for (const struct weigh_fact *fact = first; fact && r == FARMIQ_OK; fact = fact->next)
        r = tell_fact(&telling, fact);
    for (struct group *group = sessions->groups.first; group && r == FARMIQ_OK;
         group = group->next)
        if (is_due(sessions->call, (struct session *)group))
            r = tell_finalized(&telling, (struct session *)group);
    return r < 0 ? r : append(&telling);
}

/* What a device said is not lost because it never said that it began. Should created
 * come after all, it is told then. */
int weighing_tell_orphans(struct sessions *sessions)
{
    struct telling telling = { sessions->call, NULL, &telling.first };
    int r = FARMIQ_OK;

    for (struct group *group = sessions->groups.first; group && r == FARMIQ_OK;
         group = group->next) {
        struct session *session = (struct session *)group;

        r = tell_waiting(&telling, session);
        if (r == FARMIQ_OK && session->fold.state == FARMIQ_SESSION_AWAITING &&
            !session->time_unix_ms[SESSION_TOLD_AT])
            r = tell_finalized(&telling, session);
        shim_count("farmiq_sessions_orphaned_total", NULL, 1);
    }
    return r < 0 ? r : append(&telling);
}
