/* SPDX-License-Identifier: Apache-2.0 */
/* GET intake records (spec cloud 6.4), a page at a time. */
#include "common/feed.h"
#include "common/page.h"
#include "common/text.h"
#include "records.h"
#include "queries.h"

#define DEFAULT_LIMIT 25
#define MOST_LIMIT 100
#define ROW_BYTES (16 * 1024) /* ten ids and the notes at their longest, all escaped */

static const struct rows_column columns[] = {
    { "id", ROWS_TEXT },
    { "tenantId", ROWS_TEXT },
    { "farmId", ROWS_TEXT },
    { "barnId", ROWS_TEXT },
    { "batchId", ROWS_TEXT },
    { "deviceId", ROWS_TEXT },
    { "source", ROWS_TEXT },
    { "feedFormulaId", ROWS_TEXT },
    { "feedLotId", ROWS_TEXT },
    { "quantityKg", ROWS_REAL },
    { "occurredAt", ROWS_TIME },
    { "ingestedAt", ROWS_TIME },
    { "eventId", ROWS_TEXT },
    { "externalRef", ROWS_TEXT },
    { "sequence", ROWS_INTEGER },
    { "notes", ROWS_TEXT },
    { "createdAt", ROWS_TIME },
    { "updatedAt", ROWS_TIME },
    { 0 },
};

static const struct page_kind page = {
    .columns = columns,
    .id_column = 0,
    .time_column = 10,
    .row_bytes = ROW_BYTES,
};

static struct farmiq_str ask_source(struct ask *ask)
{
    struct farmiq_str source = ask_text(ask, "source");

    if (source.len && !feed_is_source(source))
        ask_refuse(ask, FEED_SOURCE_FAULT);
    return source;
}

int records_get(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    int64_t limit = ask_limit(&ask, DEFAULT_LIMIT, MOST_LIMIT);
    struct cursor after = cursor_ask(&ask);
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_integer(ask_time(&ask, ASK_FROM, 0)),
        farmiq_sql_integer(ask_time(&ask, ASK_TO, ASK_LAST_UNIX_MS)),
        farmiq_sql_text(ask_text(&ask, ASK_FARM)),
        farmiq_sql_text(ask_text(&ask, ASK_BARN)),
        farmiq_sql_text(ask_text(&ask, ASK_BATCH)),
        farmiq_sql_text(ask_text(&ask, "feedLotId|feed_lot_id")),
        farmiq_sql_text(ask_source(&ask)),
        farmiq_sql_integer(limit + 1),
        farmiq_sql_integer(after.unix_ms),
        farmiq_sql_text(after.id),
    };

    if (params[1].integer > params[2].integer)
        ask_refuse(&ask, "from is after to");
    if (ask.is_refused)
        return 0;
    return page_reply(call, &page, limit, &sql_records, params, 11);
}
