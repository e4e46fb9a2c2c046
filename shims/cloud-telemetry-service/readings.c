/* SPDX-License-Identifier: Apache-2.0 */
/* GET readings (spec cloud 3.3): a bare array, or with envelope=1 a page with a cursor
 * and figures about the whole range. */
#include "telemetry.h"

#include "common/cursor.h"
#include "common/rows.h"
#include "common/text.h"
#include "queries.h"

#define DEFAULT_LIMIT 1000
#define MOST_LIMIT 10000
#define ID_COLUMN 0
#define TIME_COLUMN 9
#define COVERAGE_MS 300000 /* a series is covered where each 5 minutes have a value */

static const struct rows_column columns[] = {
    { "id", ROWS_INTEGER },     { "tenantId", ROWS_TEXT },
    { "farmId", ROWS_TEXT },    { "barnId", ROWS_TEXT },
    { "deviceId", ROWS_TEXT },  { "batchId", ROWS_TEXT },
    { "metric", ROWS_TEXT },    { "value", ROWS_REAL },
    { "unit", ROWS_TEXT },      { "occurredAt", ROWS_TIME },
    { "traceId", ROWS_TEXT },   { "eventId", ROWS_TEXT },
    { "createdAt", ROWS_TIME }, { 0 },
};

/* Where a page ends. */
struct page {
    struct rows rows;
    int64_t limit;
    int64_t last_unix_ms, last_id;
    int has_next;
};

static int write_row(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                     uint32_t count)
{
    struct page *page = ctx;

    if (page->rows.count == page->limit) {
        page->has_next = 1;
        return 0;
    }
    page->last_id = values[ID_COLUMN].integer;
    page->last_unix_ms = values[TIME_COLUMN].integer;
    return rows_write(&page->rows, row, values, count);
}

static struct cursor ask_cursor(struct ask *ask, int64_t *id)
{
    struct cursor cursor = cursor_ask(ask);

    if (cursor.id.len && text_number(cursor.id, id) != FARMIQ_OK)
        ask_refuse(ask, "cursor is not one that was given");
    return cursor;
}

static void write_cursor(struct shim_call *call, struct farmiq_json_writer *json,
                         const struct page *page)
{
    const struct cursor last = { page->last_unix_ms,
                                 text_of_number(call, page->last_id) };

    cursor_write(call, json, &last, !page->has_next);
}

static const struct rows_column statistics_columns[] = {
    { "count", ROWS_INTEGER }, { "min", ROWS_REAL },    { "max", ROWS_REAL },
    { "avg", ROWS_REAL },      { "stddev", ROWS_REAL }, { 0 },
};

static int write_coverage(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                          uint32_t count)
{
    (void)row;
    (void)count;
    rows_value(ctx, ROWS_REAL, &values[0]);
    return 0;
}

/* Unknown while either end of the range is open. */
static int add_coverage(struct shim_call *call, struct farmiq_json_writer *json,
                        const struct filters *filters,
                        const struct farmiq_sql_value *params)
{
    int64_t first = filters->from_unix_ms / COVERAGE_MS;
    int64_t last = filters->to_unix_ms / COVERAGE_MS;
    struct farmiq_sql_value with[9];

    farmiq_json_key(json, "coverage_percent");
    if (filters->from_unix_ms == 0 || filters->to_unix_ms == ASK_LAST_UNIX_MS) {
        farmiq_json_null(json);
        return FARMIQ_OK;
    }
    for (int i = 0; i < 8; i++)
        with[i] = params[i];
    with[1] = farmiq_sql_integer(first * COVERAGE_MS);
    with[8] = farmiq_sql_integer(last - first + 1);
    return farmiq_sql_run(call->store, &sql_coverage, NULL, with, 9, write_coverage,
                          json);
}

static int reply_page(struct shim_call *call, const struct farmiq_sql_query *query,
                      const struct farmiq_sql_value *params,
                      const struct filters *filters, struct page *page)
{
    struct farmiq_json_writer *json = page->rows.json;
    struct rows statistics = { json, statistics_columns, 0 };
    int r;

    farmiq_json_open(json, '{');
    farmiq_json_key(json, "data");
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "readings");
    farmiq_json_open(json, '[');
    r = farmiq_sql_run(call->store, query, NULL, params, 10, write_row, page);
    farmiq_json_close(json, ']');
    farmiq_json_key(json, "statistics");
    if (r == FARMIQ_OK)
        r = farmiq_sql_run(call->store, &sql_statistics, NULL, params, 8, rows_write,
                           &statistics);
    if (r == FARMIQ_OK)
        r = add_coverage(call, json, filters, params);
    farmiq_json_close(json, '}');
    farmiq_json_key(json, "meta");
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "limit");
    farmiq_json_int(json, page->limit);
    write_cursor(call, json, page);
    farmiq_json_key(json, "hasNext");
    farmiq_json_bool(json, page->has_next);
    farmiq_json_close(json, '}');
    farmiq_json_close(json, '}');
    return r < 0 ? r : shim_reply(call, 200);
}

static int reply_array(struct shim_call *call, const struct farmiq_sql_query *query,
                       const struct farmiq_sql_value *params, struct page *page)
{
    int r;

    farmiq_json_open(page->rows.json, '[');
    r = farmiq_sql_run(call->store, query, NULL, params, 10, write_row, page);
    farmiq_json_close(page->rows.json, ']');
    return r < 0 ? r : shim_reply(call, 200);
}

int telemetry_get_readings(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct page page = { .limit = ask_limit(&ask, DEFAULT_LIMIT, MOST_LIMIT) };
    int is_page = text_is(ask_text(&ask, "envelope"), "1");
    const struct farmiq_sql_query *query = &sql_readings;
    struct filters filters;
    int64_t after_id = 0;
    struct cursor after = ask_cursor(&ask, &after_id);

    telemetry_ask_filters(&ask, &filters);
    if (ask.is_refused)
        return 0;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_integer(filters.from_unix_ms),
        farmiq_sql_integer(filters.to_unix_ms),
        filters.farm_id,
        filters.barn_id,
        filters.device_id,
        filters.metric,
        farmiq_sql_integer(page.limit + 1),
        farmiq_sql_integer(after.unix_ms),
        farmiq_sql_integer(after_id),
    };
    if (filters.device_id.text.len && filters.metric.text.len)
        query = &sql_readings_of_series;
    page.rows = (struct rows){ shim_json(call, (size_t)(page.limit + 2) * ROWS_BYTES),
                               columns, 0 };
    return is_page ? reply_page(call, query, params, &filters, &page)
                   : reply_array(call, query, params, &page);
}
