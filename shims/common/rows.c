/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a statement as a JSON array of objects. */
#include "common/rows.h"

void rows_value(struct farmiq_json_writer *json, int32_t kind,
                const struct farmiq_sql_value *value)
{
    double real =
        value->type == FARMIQ_SQL_INTEGER ? (double)value->integer : value->real;

    if (value->type == FARMIQ_SQL_NULL) {
        farmiq_json_null(json);
        return;
    }
    switch (kind) {
    case ROWS_TEXT:
        farmiq_json_str(json, value->text);
        break;
    case ROWS_INTEGER:
        farmiq_json_int(json, value->integer);
        break;
    case ROWS_REAL:
        farmiq_json_double(json, real);
        break;
    case ROWS_TIME:
        farmiq_json_time(json, value->integer);
        break;
    case ROWS_FLAG:
        farmiq_json_bool(json, value->integer != 0);
        break;
    case ROWS_JSON:
        farmiq_json_raw(json, value->text);
        break;
    }
}

int rows_write(void *ctx, uint32_t row, const struct farmiq_sql_value *values,
               uint32_t count)
{
    struct rows *rows = ctx;

    (void)row;
    farmiq_json_open(rows->json, '{');
    for (uint32_t i = 0; i < count && rows->columns[i].name; i++) {
        farmiq_json_key(rows->json, rows->columns[i].name);
        rows_value(rows->json, rows->columns[i].kind, &values[i]);
    }
    farmiq_json_close(rows->json, '}');
    rows->count++;
    return 0;
}

static int note_row(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row;
    (void)columns;
    (void)count;
    *(int *)ctx = 1;
    return 0;
}

int rows_exist(struct shim_call *call, const struct farmiq_sql_query *query,
               const struct farmiq_sql_value *params, uint32_t param_count)
{
    int found = 0;
    int r =
        farmiq_sql_run(call->store, query, NULL, params, param_count, note_row, &found);

    return r < 0 ? r : found;
}

int rows_array(struct shim_call *call, struct farmiq_json_writer *json, const char *name,
               const struct rows_column *columns, const struct farmiq_sql_query *query,
               const char *queue, const struct farmiq_sql_value *params,
               uint32_t param_count, uint32_t *written)
{
    struct rows rows = { json, columns, 0 };
    int r;

    farmiq_json_key(json, name);
    farmiq_json_open(json, '[');
    r = farmiq_sql_run(call->store, query, queue, params, param_count, rows_write, &rows);
    farmiq_json_close(json, ']');
    if (written)
        *written = rows.count;
    return r;
}

int rows_reply(struct shim_call *call, int64_t limit, const char *name,
               const struct rows_column *columns, const struct farmiq_sql_query *query,
               const char *queue, const struct farmiq_sql_value *params,
               uint32_t param_count)
{
    struct farmiq_json_writer *json = shim_json(call, (size_t)(limit + 1) * ROWS_BYTES);
    uint32_t written = 0;
    int r;

    farmiq_json_open(json, '{');
    r = rows_array(call, json, name, columns, query, queue, params, param_count,
                   &written);
    farmiq_json_key(json, "count");
    farmiq_json_int(json, written);
    farmiq_json_close(json, '}');
    return r < 0 ? r : shim_reply(call, 200);
}
