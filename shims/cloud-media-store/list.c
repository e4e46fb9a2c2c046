/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of images: one, a page of them, and how many there are. The order is by
 * time, then id, newest first; the cursor names the last of a page. */
#include "cloud_media.h"

#include "common/page.h"
#include "queries.h"

#define DEFAULT_LIMIT 100
#define MOST_LIMIT 1000
#define ROW_BYTES 8192 /* an object's key may take an escape for each byte */

static const struct rows_column columns[] = {
    { "id", ROWS_TEXT },           { "tenantId", ROWS_TEXT },
    { "farmId", ROWS_TEXT },       { "barnId", ROWS_TEXT },
    { "deviceId", ROWS_TEXT },     { "sessionId", ROWS_TEXT },
    { "bucket", ROWS_TEXT },       { "objectKey", ROWS_TEXT },
    { "etag", ROWS_TEXT },         { "mimeType", ROWS_TEXT },
    { "sizeBytes", ROWS_INTEGER }, { "capturedAt", ROWS_TIME },
    { "occurredAt", ROWS_TIME },   { "createdAt", ROWS_TIME },
    { "storedAt", ROWS_TIME },     { 0 },
};

int cloud_media_get_meta(struct shim_call *call)
{
    struct rows rows = { shim_json(call, 2 * ROW_BYTES), columns, 0 };
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_text(shim_path_part(call, "mediaId")),
    };
    int r;

    farmiq_json_open(rows.json, '{');
    farmiq_json_key(rows.json, "media");
    r = farmiq_sql_run(call->store, &sql_object_meta, NULL, params, 2, rows_write, &rows);
    if (r < 0)
        return r;
    if (!rows.count)
        return cloud_media_reply_none(call);
    farmiq_json_close(rows.json, '}');
    return shim_reply(call, 200);
}

int cloud_media_get_stats(struct shim_call *call)
{
    static const struct rows_column totals[] = {
        { "totalObjects", ROWS_INTEGER },
        { "storedObjects", ROWS_INTEGER },
        { "storedBytes", ROWS_INTEGER },
        { "lastCreatedAt", ROWS_TIME },
        { 0 },
    };
    struct farmiq_sql_value param = farmiq_sql_text(call->tenant_id);
    struct rows rows = { shim_json(call, ROWS_BYTES), totals, 0 };
    int r = farmiq_sql_run(call->store, &sql_totals, NULL, &param, 1, rows_write, &rows);

    return r < 0 ? r : shim_reply(call, 200);
}

/* ## A page */

static const struct page_kind page = {
    .columns = columns,
    .id_column = 0,
    .time_column = 12,
    .row_bytes = ROW_BYTES,
};

int cloud_media_list(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    int64_t limit = ask_limit(&ask, DEFAULT_LIMIT, MOST_LIMIT);
    struct farmiq_str session_id = ask_text(&ask, "sessionId|session_id");
    struct cursor after = cursor_ask(&ask);
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_integer(ask_time(&ask, ASK_FROM, 0)),
        farmiq_sql_integer(ask_time(&ask, ASK_TO, ASK_LAST_UNIX_MS)),
        farmiq_sql_text(ask_text(&ask, ASK_FARM)),
        farmiq_sql_text(ask_text(&ask, ASK_BARN)),
        farmiq_sql_text(ask_text(&ask, ASK_DEVICE)),
        farmiq_sql_integer(limit + 1),
        farmiq_sql_integer(after.unix_ms),
        farmiq_sql_text(after.id),
        farmiq_sql_text(session_id),
    };

    if (ask.is_refused)
        return FARMIQ_OK;
    return page_reply(call, &page, limit,
                      session_id.len ? &sql_objects_of_session : &sql_objects_page,
                      params, 10);
}
