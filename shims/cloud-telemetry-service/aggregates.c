/* SPDX-License-Identifier: Apache-2.0 */
/* GET aggregates (spec cloud 3.3). 5m, 1h and 1d are kept up to date with every reading;
 * 15m is put together from 5m, 1m from the readings, days of a time zone from hours. */
#include "telemetry.h"

#include "common/rows.h"
#include "common/text.h"
#include "queries.h"

#define MOST_ROWS 10000
#define MOST_5M_RANGE_MS (400 * 86400000ll)

static const struct resolution {
    const char *name;
    int64_t ms;
    const struct farmiq_sql_query *query;
} resolutions[] = {
    { "1m", 60000, &sql_aggregates_of_raw },    { "5m", 300000, &sql_aggregates_stored },
    { "15m", 900000, &sql_aggregates_of_5m },   { "1h", 3600000, &sql_aggregates_stored },
    { "1d", 86400000, &sql_aggregates_stored }, { 0 },
};

static const struct rows_column columns[] = {
    { "id", ROWS_TEXT },          { "tenantId", ROWS_TEXT },   { "farmId", ROWS_TEXT },
    { "barnId", ROWS_TEXT },      { "deviceId", ROWS_TEXT },   { "metric", ROWS_TEXT },
    { "bucketStart", ROWS_TIME }, { "bucketSize", ROWS_TEXT }, { "avgValue", ROWS_REAL },
    { "minValue", ROWS_REAL },    { "maxValue", ROWS_REAL },   { "count", ROWS_INTEGER },
    { "createdAt", ROWS_TIME },   { "updatedAt", ROWS_TIME },  { 0 },
};

static const struct resolution *ask_bucket(struct ask *ask)
{
    struct farmiq_str name = ask_text(ask, "bucket|aggregation");

    if (!name.len)
        name = shim_str("1h");
    for (const struct resolution *size = resolutions; size->name; size++)
        if (text_is(name, size->name))
            return size;
    ask_refuse(ask, "bucket must be 1m, 5m, 15m, 1h or 1d");
    return resolutions;
}

static void ask_range(struct ask *ask, const struct resolution *size,
                      const struct filters *filters)
{
    ask_required(ask, ASK_FROM);
    ask_required(ask, ASK_TO);
    if (size->ms <= 300000 &&
        filters->to_unix_ms - filters->from_unix_ms > MOST_5M_RANGE_MS)
        ask_refuse(ask, "the range is longer than 400 days: ask for a larger bucket");
}

/* A stored resolution of one device's metric has an index of its own. */
static const struct farmiq_sql_query *choose(const struct resolution *size,
                                             const struct filters *filters)
{
    int is_series = filters->device_id.text.len && filters->metric.text.len;

    return is_series && size->query == &sql_aggregates_stored ? &sql_aggregates_of_series
                                                              : size->query;
}

static int reply(struct shim_call *call, const struct farmiq_sql_query *query,
                 int64_t limit, const struct farmiq_sql_value *params, int is_page)
{
    struct farmiq_json_writer *json = shim_json(call, (size_t)(limit + 1) * ROWS_BYTES);
    struct rows rows = { json, columns, 0 };
    int r;

    if (is_page) {
        farmiq_json_open(json, '{');
        farmiq_json_key(json, "data");
        farmiq_json_open(json, '{');
        farmiq_json_key(json, "series");
    }
    farmiq_json_open(json, '[');
    r = farmiq_sql_run(call->store, query, NULL, params, 10, rows_write, &rows);
    farmiq_json_close(json, ']');
    if (is_page) {
        farmiq_json_close(json, '}');
        farmiq_json_key(json, "meta");
        farmiq_json_open(json, '{');
        farmiq_json_key(json, "limit");
        farmiq_json_int(json, limit);
        farmiq_json_close(json, '}');
        farmiq_json_close(json, '}');
    }
    return r < 0 ? r : shim_reply(call, 200);
}

/* Stored days are UTC's. */
static int is_of_zone(const struct resolution *size, const char *zone)
{
    return size->ms == 86400000 && !text_is(shim_str(zone), "UTC");
}

int telemetry_get_aggregates(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    const struct resolution *size = ask_bucket(&ask);
    const char *zone = telemetry_ask_zone(&ask);
    int64_t limit = ask_limit(&ask, MOST_ROWS, MOST_ROWS);
    int is_page = text_is(ask_text(&ask, "envelope"), "1");
    struct filters filters;
    int r;

    telemetry_ask_filters(&ask, &filters);
    ask_range(&ask, size, &filters);
    if (is_of_zone(size, zone))
        telemetry_ask_days(&ask, &filters);
    if (ask.is_refused)
        return 0;
    struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        farmiq_sql_integer(filters.from_unix_ms),
        farmiq_sql_integer(filters.to_unix_ms),
        filters.farm_id,
        filters.barn_id,
        filters.device_id,
        filters.metric,
        farmiq_sql_integer(limit),
        farmiq_sql_text(shim_str(size->name)),
        farmiq_sql_integer(size->ms),
    };
    if (!is_of_zone(size, zone))
        return reply(call, choose(size, &filters), limit, params, is_page);
    r = telemetry_days(call, zone, &filters, &params[8], &params[9]);
    return r < 0 ? r : reply(call, &sql_aggregates_of_days, limit, params, is_page);
}
