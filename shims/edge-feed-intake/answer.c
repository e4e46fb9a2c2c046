/* SPDX-License-Identifier: Apache-2.0 */
/* Feedings as JSON, and what there is of them. */
#include "common/ask.h"
#include "common/members.h"
#include "common/rows.h"
#include "feedings.h"
#include "queries.h"

/* The payload of feed.intake.recorded, and the answer to who wrote one down. */
void feeding_write(struct farmiq_json_writer *json, const struct feeding *feeding)
{
    farmiq_json_open(json, '{');
    member_text(json, "event_id", feeding->event_id);
    member_text_or_null(json, "external_ref", feeding->external_ref);
    member_text(json, "tenant_id", feeding->tenant_id);
    member_text(json, "farm_id", feeding->farm_id);
    member_text(json, "barn_id", feeding->barn_id);
    member_text_or_null(json, "batch_id", feeding->batch_id);
    member_text_or_null(json, "device_id", feeding->device_id);
    member_text(json, "source", feeding->source);
    member_text_or_null(json, "feed_formula_id", feeding->feed_formula_id);
    member_text_or_null(json, "feed_lot_id", feeding->feed_lot_id);
    member_real(json, "quantity_kg", feeding->quantity_kg);
    if (feeding->sequence >= 0)
        member_int(json, "sequence", feeding->sequence);
    member_text_or_null(json, "notes", feeding->notes);
    member_time(json, "occurred_at", feeding->occurred_at_unix_ms);
    farmiq_json_close(json, '}');
}

static const struct rows_column record_columns[] = {
    { "event_id", ROWS_TEXT },        { "external_ref", ROWS_TEXT },
    { "tenant_id", ROWS_TEXT },       { "farm_id", ROWS_TEXT },
    { "barn_id", ROWS_TEXT },         { "batch_id", ROWS_TEXT },
    { "device_id", ROWS_TEXT },       { "source", ROWS_TEXT },
    { "feed_formula_id", ROWS_TEXT }, { "feed_lot_id", ROWS_TEXT },
    { "quantity_kg", ROWS_REAL },     { "sequence", ROWS_INTEGER },
    { "notes", ROWS_TEXT },           { "occurred_at", ROWS_TIME },
    { "ingested_at", ROWS_TIME },     { 0 },
};

int feed_get_records(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_str tenant_id = ask_required(&ask, ASK_TENANT);
    int64_t limit = ask_limit(&ask, 100, 1000);
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(tenant_id),
        farmiq_sql_integer(ask_time(&ask, ASK_FROM, 0)),
        farmiq_sql_integer(ask_time(&ask, ASK_TO, ASK_LAST_UNIX_MS)),
        farmiq_sql_text(ask_text(&ask, ASK_BARN)),
        farmiq_sql_integer(limit),
    };

    if (ask.is_refused)
        return 0;
    return rows_reply(call, limit, "records", record_columns, &sql_feedings, NULL, params,
                      5);
}

static int reply_row(struct shim_call *call, const struct farmiq_sql_query *query,
                     const struct rows_column *columns)
{
    struct rows rows = { shim_json(call, ROWS_BYTES), columns, 0 };
    int r = farmiq_sql_run(call->store, query, NULL, NULL, 0, rows_write, &rows);

    return r < 0 ? r : shim_reply(call, 200);
}

int feed_get_status(struct shim_call *call)
{
    static const struct rows_column columns[] = {
        { "total_records", ROWS_INTEGER },
        { "last_ingested_at", ROWS_TIME },
        { "silos", ROWS_INTEGER },
        { "last_level_at", ROWS_TIME },
        { 0 },
    };

    return reply_row(call, &sql_feed_status, columns);
}

/* Of the feedings, what the cloud does not have yet. */
int feed_get_backlog(struct shim_call *call)
{
    static const struct rows_column columns[] = {
        { "pending_count", ROWS_INTEGER },
        { "dlq_count", ROWS_INTEGER },
        { "oldest_pending_at", ROWS_TIME },
        { 0 },
    };

    return reply_row(call, &sql_feed_backlog, columns);
}
