/* SPDX-License-Identifier: Apache-2.0 */
/* GET latest: the sensor matrix, each device with its newest values; and which metrics
 * there are (spec cloud 3.3). */
#include "telemetry.h"

#include "common/rows.h"
#include "common/text.h"
#include "queries.h"

#define MOST_SERIES 10000
#define TREND_MS 3600000 /* an hour of 5-minute averages */

/* The rows come sorted by device: one object is open at a time. */
struct matrix {
    struct shim_call *call;
    struct farmiq_json_writer *json;
    struct farmiq_str device_id, farm_id, barn_id; /* the open one's; empty: none is */
    struct farmiq_sql_value trend[5];
    int64_t stale_before_unix_ms;
};

static int write_point(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                       uint32_t count)
{
    (void)row;
    (void)count;
    rows_value(ctx, ROWS_REAL, &values[0]);
    return 0;
}

/* Called between rows of another statement; statements do not disturb each other. */
static int close_sensor(struct matrix *matrix)
{
    int r;

    if (!matrix->device_id.len)
        return FARMIQ_OK;
    farmiq_json_close(matrix->json, ']');
    farmiq_json_key(matrix->json, "mini_trend");
    farmiq_json_open(matrix->json, '[');
    r = farmiq_sql_run(matrix->call->store, &sql_trend, NULL, matrix->trend, 5,
                       write_point, matrix->json);
    farmiq_json_close(matrix->json, ']');
    farmiq_json_close(matrix->json, '}');
    matrix->device_id.len = 0;
    return r;
}

static void write_text(struct farmiq_json_writer *json, const char *key,
                       struct farmiq_str text)
{
    farmiq_json_key(json, key);
    farmiq_json_str(json, text);
}

enum { FARM, BARN, DEVICE, METRIC, VALUE, UNIT, TIME };

static void open_sensor(struct matrix *matrix, const struct farmiq_sql_value *values)
{
    struct farmiq_json_writer *json = matrix->json;

    matrix->farm_id = text_copy(matrix->call, values[FARM].text);
    matrix->barn_id = text_copy(matrix->call, values[BARN].text);
    matrix->device_id = text_copy(matrix->call, values[DEVICE].text);
    matrix->trend[1] = farmiq_sql_text(matrix->farm_id);
    matrix->trend[2] = farmiq_sql_text(matrix->device_id);
    matrix->trend[3] = farmiq_sql_text(text_copy(matrix->call, values[METRIC].text));
    farmiq_json_open(json, '{');
    write_text(json, "device_id", matrix->device_id);
    write_text(json, "device_name", matrix->device_id);
    write_text(json, "farm_id", matrix->farm_id);
    write_text(json, "barn_id", matrix->barn_id);
    farmiq_json_key(json, "metrics");
    farmiq_json_open(json, '[');
}

static int write_series(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                        uint32_t count)
{
    struct matrix *matrix = ctx;
    struct farmiq_json_writer *json = matrix->json;
    int is_same = text_equal(matrix->device_id, values[DEVICE].text) &&
                  text_equal(matrix->barn_id, values[BARN].text) &&
                  text_equal(matrix->farm_id, values[FARM].text);
    int r = is_same ? FARMIQ_OK : close_sensor(matrix);

    (void)row;
    (void)count;
    if (!is_same)
        open_sensor(matrix, values);
    farmiq_json_open(json, '{');
    write_text(json, "metric_type", values[METRIC].text);
    farmiq_json_key(json, "value");
    rows_value(json, ROWS_REAL, &values[VALUE]);
    farmiq_json_key(json, "unit");
    rows_value(json, ROWS_TEXT, &values[UNIT]);
    farmiq_json_key(json, "status");
    farmiq_json_text(
        json, values[TIME].integer < matrix->stale_before_unix_ms ? "stale" : "online");
    farmiq_json_key(json, "timestamp");
    rows_value(json, ROWS_TIME, &values[TIME]);
    farmiq_json_close(json, '}');
    return r;
}

int telemetry_get_latest(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct matrix matrix = { .call = call };
    struct filters filters;
    int r;

    telemetry_ask_filters(&ask, &filters);
    if (ask.is_refused)
        return 0;
    const struct farmiq_sql_value params[] = {
        farmiq_sql_text(call->tenant_id),
        filters.farm_id,
        filters.barn_id,
        filters.device_id,
        filters.metric,
        farmiq_sql_integer(MOST_SERIES),
    };
    matrix.json = shim_json(call, (MOST_SERIES + 1) * ROWS_BYTES);
    matrix.stale_before_unix_ms = call->now_unix_ms - shim_number(call, "STALE_AFTER_MS");
    matrix.trend[0] = params[0];
    matrix.trend[4] = farmiq_sql_integer(call->now_unix_ms - TREND_MS);
    farmiq_json_open(matrix.json, '{');
    farmiq_json_key(matrix.json, "data");
    farmiq_json_open(matrix.json, '{');
    farmiq_json_key(matrix.json, "sensors");
    farmiq_json_open(matrix.json, '[');
    r = farmiq_sql_run(call->store, &sql_latest, NULL, params, 6, write_series, &matrix);
    if (r == FARMIQ_OK)
        r = close_sensor(&matrix);
    farmiq_json_close(matrix.json, ']');
    farmiq_json_close(matrix.json, '}');
    farmiq_json_close(matrix.json, '}');
    return r < 0 ? r : shim_reply(call, 200);
}

static int write_name(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
                      uint32_t count)
{
    (void)row;
    (void)count;
    farmiq_json_str(ctx, values[0].text);
    return 0;
}

int telemetry_get_metrics(struct shim_call *call)
{
    struct ask ask = { call, 0 };
    struct farmiq_json_writer *json;
    struct filters filters;
    int r;

    telemetry_ask_filters(&ask, &filters);
    if (ask.is_refused)
        return 0;
    const struct farmiq_sql_value params[] = { farmiq_sql_text(call->tenant_id),
                                               filters.farm_id, filters.barn_id,
                                               filters.device_id,
                                               farmiq_sql_integer(MOST_SERIES) };
    json = shim_json(call, MOST_SERIES * FARMIQ_ID_MAX_BYTES);
    farmiq_json_open(json, '{');
    farmiq_json_key(json, "metrics");
    farmiq_json_open(json, '[');
    r = farmiq_sql_run(call->store, &sql_metrics, NULL, params, 5, write_name, json);
    farmiq_json_close(json, ']');
    farmiq_json_close(json, '}');
    return r < 0 ? r : shim_reply(call, 200);
}
