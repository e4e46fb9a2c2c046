/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud is told (spec edge 6.1): created, every weight, finalized, each once and
 * in the transaction of what it tells. Nothing is told of a session before it is there,
 * and its end only when it is complete or has had time to become so: thus the rows are
 * the same whatever order the facts came in (decision 13). */
#include "weighing.h"

#include "common/members.h"
#include "common/text.h"
#include "queries.h"

struct telling {
    struct shim_call *call;
    struct farmiq_outbox_row *first, **end;
};

/* One event to be told. */
struct news {
    const struct session *session;
    const char *event_type;
    void (*write)(struct farmiq_json_writer *json, const void *news);
    struct farmiq_str event_id, trace_id;
    double weight_kg;
    int64_t occurred_at_unix_ms;
};

static struct farmiq_str text_of(const struct news *news, enum session_text which)
{
    return news->session->text[which];
}

static void write_place(struct farmiq_json_writer *json, const struct news *news)
{
    member_text(json, "session_id", session_name(news->session));
    member_text(json, "tenant_id", session_tenant(news->session));
    member_text_or_null(json, "farm_id", text_of(news, SESSION_FARM));
    member_text_or_null(json, "barn_id", text_of(news, SESSION_BARN));
    member_text_or_null(json, "device_id", text_of(news, SESSION_DEVICE));
    member_text_or_null(json, "station_id", text_of(news, SESSION_STATION));
    member_text_or_null(json, "batch_id", text_of(news, SESSION_BATCH));
    member_text(json, "source_event_id", news->event_id);
}

static void write_created(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;

    farmiq_json_open(json, '{');
    write_place(json, news);
    member_time(json, "start_at", news->occurred_at_unix_ms);
    farmiq_json_close(json, '}');
}

static void write_weight(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;

    farmiq_json_open(json, '{');
    write_place(json, news);
    member_real(json, "weight_kg", news->weight_kg);
    member_time(json, "occurred_at", news->occurred_at_unix_ms);
    farmiq_json_close(json, '}');
}

static void write_finalized(struct farmiq_json_writer *json, const void *ctx)
{
    const struct news *news = ctx;
    const struct farmiq_session *fold = &news->session->fold;

    farmiq_json_open(json, '{');
    write_place(json, news);
    if (fold->weight_count)
        member_real(json, "final_weight_kg", fold->final_weight_kg);
    else
        member_null(json, "final_weight_kg");
    member_int(json, "image_count", fold->image_count);
    member_time(json, "end_at", fold->end_at_unix_ms);
    member_text(json, "status", shim_str("finalized"));
    member_text_or_null(json, "inference_result_id", text_of(news, SESSION_RESULT));
    farmiq_json_close(json, '}');
}

/* Under the id that it travels with (13-A5). */
static int name_event(struct shim_call *call, const struct news *news,
                      struct farmiq_event *event)
{
    char *id = shim_memory(call, FARMIQ_UUID_STRLEN + 1);
    int r;

    if (!id)
        return FARMIQ_E_NOMEM;
    event->event_id = (struct farmiq_str){ id, FARMIQ_UUID_STRLEN };
    r = farmiq_event_id_normalize(event->tenant_id.ptr, event->tenant_id.len,
                                  news->event_id.ptr, news->event_id.len, id);
    event->trace_id = news->trace_id.len ? news->trace_id : event->event_id;
    return r < 0 ? r : FARMIQ_OK;
}

static int tell(struct telling *telling, const struct news *news)
{
    struct farmiq_outbox_row *row = shim_memory(telling->call, sizeof *row);
    struct farmiq_event *event = shim_memory(telling->call, sizeof *event);
    int r;

    if (!row || !event)
        return FARMIQ_E_NOMEM;
    farmiq_outbox_row_init(row, sizeof *row);
    farmiq_event_init(event, sizeof *event);
    row->event = event;
    event->event_type = shim_str(news->event_type);
    event->tenant_id = session_tenant(news->session);
    event->session_id = session_name(news->session);
    event->farm_id = text_of(news, SESSION_FARM);
    event->barn_id = text_of(news, SESSION_BARN);
    event->device_id = text_of(news, SESSION_DEVICE);
    event->station_id = text_of(news, SESSION_STATION);
    event->batch_id = text_of(news, SESSION_BATCH);
    event->occurred_at_unix_ms = news->occurred_at_unix_ms;
    r = name_event(telling->call, news, event);
    if (r == FARMIQ_OK)
        r = scratch_build(telling->call, 1024, news->write, news, &event->payload);
    *telling->end = row;
    telling->end = &row->next;
    return r;
}

static int tell_weight(struct telling *telling, const struct session *session,
                       const struct session_weight *weight)
{
    const struct news news = { session,
                               "weighvision.weight.recorded",
                               write_weight,
                               weight->event_id,
                               weight->trace_id,
                               weight->weight_kg,
                               weight->occurred_at_unix_ms };

    return tell(telling, &news);
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
    int r = sessions_weights(telling->call, session, &weight);

    for (; weight && r == FARMIQ_OK; weight = weight->next)
        if (!weight->is_told)
            r = tell_weight(telling, session, weight);
    return r < 0 ? r
                 : farmiq_sql_run(telling->call->store, &sql_weights_told, NULL, params,
                                  3, NULL, NULL);
}

static int tell_created(struct telling *telling, const struct weigh_fact *fact)
{
    const struct news news = { fact->session,
                               "weighvision.session.created",
                               write_created,
                               fact->event_id,
                               fact->trace_id,
                               0,
                               fact->occurred_at_unix_ms };
    int r = tell(telling, &news);

    return r < 0 ? r : tell_waiting(telling, fact->session);
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
    const struct news news = { session,
                               "weighvision.session.finalized",
                               write_finalized,
                               session->text[SESSION_FINALIZED_EVENT],
                               session->text[SESSION_FINALIZED_TRACE],
                               0,
                               session->fold.end_at_unix_ms };

    session->time_unix_ms[SESSION_TOLD_AT] = telling->call->now_unix_ms;
    session->is_changed = 1;
    compare_images(telling->call, session);
    return tell(telling, &news);
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
