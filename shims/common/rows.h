/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a statement as a JSON array of objects: the columns are a table. */
#ifndef COMMON_ROWS_H
#define COMMON_ROWS_H

#include "kit/shim.h"

enum rows_kind {
    ROWS_TEXT = 1,
    ROWS_INTEGER,
    ROWS_REAL,
    ROWS_TIME,
    ROWS_FLAG,
    ROWS_JSON
};

/* In the order of the select list; ended by a zeroed entry. */
struct rows_column {
    const char *name;
    int32_t kind; /* enum rows_kind */
};

struct rows {
    struct farmiq_json_writer *json;
    const struct rows_column *columns;
    uint32_t count; /* written so far */
};

#define ROWS_BYTES 2048 /* room for one row: every id at its longest */

/* A farmiq_sql_row_fn; `rows` is a struct rows. */
int rows_write(void *rows, uint32_t row, const struct farmiq_sql_value *values,
               uint32_t count);

/* One value; SQL NULL becomes null. */
void rows_value(struct farmiq_json_writer *json, int32_t kind,
                const struct farmiq_sql_value *value);

/* 1: the statement finds a row; 0: none; or as farmiq_sql_run(). */
int rows_exist(struct shim_call *call, const struct farmiq_sql_query *query,
               const struct farmiq_sql_value *params, uint32_t param_count);

/* Write `"name": [rows]` into an open object. Codes as farmiq_sql_run(). */
int rows_array(struct shim_call *call, struct farmiq_json_writer *json, const char *name,
               const struct rows_column *columns, const struct farmiq_sql_query *query,
               const char *queue, const struct farmiq_sql_value *params,
               uint32_t param_count, uint32_t *written);

/* Reply `{"name": [rows], "count": n}`; `limit` sizes the answer. */
int rows_reply(struct shim_call *call, int64_t limit, const char *name,
               const struct rows_column *columns, const struct farmiq_sql_query *query,
               const char *queue, const struct farmiq_sql_value *params,
               uint32_t param_count);

#endif
