/* SPDX-License-Identifier: Apache-2.0 */
/* GET intake records (spec cloud 6.4), a page at a time. */
#include "common/cursor.h"
#include "common/feed.h"
#include "common/rows.h"
#include "common/text.h"
#include "records.h"
#include "queries.h"

#define DEFAULT_LIMIT 25
#define MOST_LIMIT 100
#define ROW_BYTES (16 * 1024) /* ten ids and the notes at their longest, all escaped */

#define ID_COLUMN 0
#define TIME_COLUMN 10

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

struct page {
    struct shim_call *call;
    struct rows rows;
    int64_t limit;
    struct cursor last;
    int has_more;
};

/* One row more than was asked for says that there is a page behind this. */
static int write_row(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                     uint32_t count)
{
    struct page *page = ctx;

    if (page->rows.count == page->limit) {
        page->has_more = 1;
        return 0;
    }
    page->last.unix_ms = values[TIME_COLUMN].integer;
    page->last.id = text_copy(page->call, values[ID_COLUMN].text);
    return rows_write(&page->rows, row, values, count);
}

static int reply(struct page *page, const struct farmiq_sql_value *params)
{
    struct farmiq_json_writer *json = page->rows.json;
    int r;

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "items");
    farmiq_json_open(json, '[');
    r = farmiq_sql_run(page->call->store, &sql_records, NULL, params, 11, write_row,
                       page);
    farmiq_json_close(json, ']');
    cursor_write(page->call, json, &page->last, !page->has_more);
    farmiq_json_close(json, '}');
    return r < 0 ? r : shim_reply(page->call, 200);
}

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
    struct page page = { .call = call,
                         .limit = ask_limit(&ask, DEFAULT_LIMIT, MOST_LIMIT) };
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
        farmiq_sql_integer(page.limit + 1),
        farmiq_sql_integer(after.unix_ms),
        farmiq_sql_text(after.id),
    };

    if (params[1].integer > params[2].integer)
        ask_refuse(&ask, "from is after to");
    if (ask.is_refused)
        return 0;
    page.rows = (struct rows){ shim_json(call, (size_t)(page.limit + 1) * ROW_BYTES),
                               columns, 0 };
    return reply(&page, params);
}
