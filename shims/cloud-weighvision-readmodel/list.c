/* SPDX-License-Identifier: Apache-2.0 */
/* GET sessions, one or many (spec cloud 3.4). By start, then id, newest first.
 */
#include "readmodel.h"

#include "common/cursor.h"
#include "common/members.h"
#include "common/text.h"
#include "queries.h"

#define DEFAULT_LIMIT 100
#define MOST_LIMIT 1000
#define ASK_STATION "stationId|station_id"

static const char *status_of(const struct session *session)
{
    if (readmodel_has_ended(session))
        return "FINALIZED";
    return session->fold.state == FARMIQ_SESSION_CANCELLED ? "CANCELLED" : "RUNNING";
}

static int64_t started_at(const struct session *session)
{
    return session_is_there(session->fold.state)
               ? session->fold.start_at_unix_ms
               : session->time_unix_ms[SESSION_FIRST_FACT_AT];
}

static void member_weight(struct farmiq_json_writer *json, const char *key, int is_known,
                          double kg)
{
    if (is_known)
        member_real(json, key, kg);
    else
        member_null(json, key);
}

/* What was weighed goes before what the edge said at the end, and that before nothing. */
static void write_figures(struct farmiq_json_writer *json, const struct session *session)
{
    const struct farmiq_session *fold = &session->fold;
    int has_weight = fold->weight_count > 0;
    uint32_t images = fold->image_count > fold->declared_image_count
                          ? fold->image_count
                          : fold->declared_image_count;

    member_weight(json, "initialWeightKg", has_weight, fold->initial_weight_kg);
    member_weight(json, "finalWeightKg", has_weight || session->declared_weight_kg > 0,
                  has_weight ? fold->final_weight_kg : session->declared_weight_kg);
    member_int(json, "weightCount", fold->weight_count);
    member_int(json, "lateWeightCount", fold->late_weight_count);
    member_int(json, "imageCount", images);
    member_text_or_null(json, "inferenceResultId", session->text[SESSION_RESULT]);
}

static void write_session(struct farmiq_json_writer *json, const struct session *session,
                          const struct children *children, uint32_t index)
{
    farmiq_json_open(json, '{');
    member_text(json, "id", session->text[SESSION_ID]);
    member_text(json, "tenantId", session_tenant(session));
    member_text_or_null(json, "farmId", session->text[SESSION_FARM]);
    member_text_or_null(json, "barnId", session->text[SESSION_BARN]);
    member_text_or_null(json, "batchId", session->text[SESSION_BATCH]);
    member_text_or_null(json, "deviceId", session->text[SESSION_DEVICE]);
    member_text_or_null(json, "stationId", session->text[SESSION_STATION]);
    member_text(json, "sessionId", session_name(session));
    member_text(json, "status", shim_str(status_of(session)));
    member_time(json, "startedAt", started_at(session));
    member_time_or_null(json, "endedAt", session->fold.end_at_unix_ms);
    write_figures(json, session);
    member_time(json, "createdAt", session->time_unix_ms[SESSION_CREATED_AT]);
    member_time(json, "updatedAt", session->time_unix_ms[SESSION_UPDATED_AT]);
    children_write(json, children, index);
    farmiq_json_close(json, '}');
}

#define SESSION_BYTES 8192 /* a dozen ids at their longest, escaped */

static size_t room_for(uint32_t sessions, const struct children *children)
{
    return (size_t)(sessions + 1) * SESSION_BYTES + children_bytes(children);
}

/* ## One */

int readmodel_get_session(struct shim_call *call)
{
    struct sessions sessions;
    struct children *children;
    const struct session *session;
    int r = sessions_open(&sessions, call, 1);

    session = r < 0 ? NULL
                    : sessions_want(&sessions, call->tenant_id,
                                    shim_path_part(call, "sessionId"));
    if (!session)
        return FARMIQ_E_NOMEM;
    r = sessions_load(&sessions);
    if (r < 0)
        return r;
    if (!session->text[SESSION_ID].len)
        return shim_reply_error(call, 404, "NOT_FOUND", "no such session");
    r = children_load(call, &session, 1, 0, &children);
    if (r < 0)
        return r;
    write_session(shim_json(call, room_for(1, children)), session, children, 0);
    return shim_reply(call, 200);
}

/* ## A page */

struct page {
    struct shim_call *call;
    struct sessions sessions;
    int64_t limit;
    int has_more;
};

static int want(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                uint32_t count)
{
    struct page *page = ctx;

    (void)count;
    if (row == page->limit) {
        page->has_more = 1;
        return FARMIQ_OK;
    }
    return sessions_want(&page->sessions, page->call->tenant_id,
                         text_copy(page->call, columns[0].text))
               ? FARMIQ_OK
               : FARMIQ_E_NOMEM;
}

static void write_cursor(struct page *page, struct farmiq_json_writer *json)
{
    const struct session *session = (const struct session *)page->sessions.groups.last;
    struct cursor last = { 0 };

    if (session)
        last = (struct cursor){ started_at(session), session->text[SESSION_ID] };
    cursor_write(page->call, json, &last, !page->has_more || !session);
    member_flag(json, "hasMore", page->has_more);
}

static int reply(struct page *page)
{
    uint32_t count = page->sessions.groups.count, i = 0;
    const struct session **sessions =
        shim_memory(page->call, (count + 1) * sizeof *sessions);
    struct farmiq_json_writer *json;
    struct children *children;
    int r;

    if (!sessions)
        return FARMIQ_E_NOMEM;
    for (struct group *group = page->sessions.groups.first; group; group = group->next)
        sessions[i++] = (const struct session *)group;
    r = children_load(page->call, sessions, count, 1, &children);
    if (r < 0)
        return r;
    json = shim_json(page->call, room_for(count, children));
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "items");
    farmiq_json_open(json, '[');
    for (i = 0; i < count; i++)
        write_session(json, sessions[i], children, i);
    farmiq_json_close(json, ']');
    write_cursor(page, json);
    farmiq_json_close(json, '}');
    return shim_reply(page->call, 200);
}

static struct farmiq_str ask_status(struct ask *ask)
{
    struct farmiq_str status = ask_text(ask, "status");

    if (status.len && !text_is(status, "RUNNING") && !text_is(status, "FINALIZED") &&
        !text_is(status, "CANCELLED"))
        ask_refuse(ask, "status must be RUNNING, FINALIZED or CANCELLED");
    return status;
}

int readmodel_get_sessions(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct page page = { .call = call,
                         .limit = ask_limit(&ask, DEFAULT_LIMIT, MOST_LIMIT) };
    struct cursor after = cursor_ask(&ask);
    int r;

    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_integer(ask_time(&ask, ASK_FROM, 0)),
        farmiq_sql_integer(ask_time(&ask, ASK_TO, ASK_LAST_UNIX_MS)),
        farmiq_sql_text(ask_text(&ask, ASK_FARM)),
        farmiq_sql_text(ask_text(&ask, ASK_BARN)),
        farmiq_sql_text(ask_text(&ask, ASK_BATCH)),
        farmiq_sql_text(ask_text(&ask, ASK_STATION)),
        farmiq_sql_text(ask_status(&ask)),
        farmiq_sql_integer(page.limit + 1),
        farmiq_sql_integer(after.unix_ms),
        farmiq_sql_text(after.id),
    };
    if (ask.is_refused)
        return 0;
    r = sessions_open(&page.sessions, call, (uint32_t)page.limit);
    if (r == FARMIQ_OK)
        r = farmiq_sql_run(call->store, &sql_sessions_page, NULL, params, 11, want,
                           &page);
    if (r == FARMIQ_OK)
        r = sessions_load(&page.sessions);
    return r < 0 ? r : reply(&page);
}
