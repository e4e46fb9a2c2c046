/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FARMIQ_SQL_H
#define FARMIQ_SQL_H

#include <farmiq/base.h>
#include <farmiq/store.h>

FARMIQ_BEGIN

/** Named statements on a store's engine, in the store's transaction.
 *
 * A statement is written once, in a `queries.sql`, with placeholders $1, $2, ...;
 * where the engines must differ it is written twice (`name@sqlite`, `name@pg`).
 * Times are INTEGER milliseconds in SQLite and timestamptz in PostgreSQL; on both
 * they cross this interface as `_unix_ms` integers.
 *
 * The memory store has no SQL: every function answers FARMIQ_E_UNSUPPORTED. */

/** One statement. Generated from queries.sql; `name` is unique in the program.
 * The text may hold `{queue}`, which stands for the name of a queue. Frozen. */
struct farmiq_sql_query {
    const char *name;
    const char *sqlite;
    const char *pg;
};

enum farmiq_sql_type {
    FARMIQ_SQL_NULL = 0,
    FARMIQ_SQL_INTEGER = 1,
    FARMIQ_SQL_REAL = 2,
    FARMIQ_SQL_TEXT = 3,
    FARMIQ_SQL_BLOB = 4
};

/** A parameter or a column. Text of a column lives until the row function
 * returns. Frozen. */
struct farmiq_sql_value {
    int32_t type; /* enum farmiq_sql_type */
    uint32_t reserved;
    int64_t integer;
    double real;
    struct farmiq_str text; /* TEXT and BLOB */
};

FARMIQ_API struct farmiq_sql_value farmiq_sql_null(void);
FARMIQ_API struct farmiq_sql_value farmiq_sql_integer(int64_t value);
FARMIQ_API struct farmiq_sql_value farmiq_sql_real(double value);
FARMIQ_API struct farmiq_sql_value farmiq_sql_text(struct farmiq_str value);
/** Like farmiq_sql_text(), but NULL when empty. */
FARMIQ_API struct farmiq_sql_value farmiq_sql_text_or_null(struct farmiq_str value);

/** Called for each result row. A result other than 0 ends the statement and is
 * returned by it. `row` counts from 0; for farmiq_sql_run_many() it is the index of
 * the parameter row that produced it. A statement that writes and returns no columns
 * gives one row without columns if it changed anything: that is how to learn which
 * rows of an `INSERT ... ON CONFLICT DO NOTHING` were new. (On SQLite that is much
 * cheaper than RETURNING.) */
typedef int (*farmiq_sql_row_fn)(void *ctx, uint32_t row,
                                 const struct farmiq_sql_value *columns, uint32_t count);

/** Run one statement. `queue` may be NULL if the text has no {queue}. `on_row` may
 * be NULL.
 * Returns FARMIQ_OK; FARMIQ_E_BUSY (lost a race: run the whole transaction again);
 * FARMIQ_E_NOSPACE (disk full or over quota); FARMIQ_E_STORE; FARMIQ_E_UNSUPPORTED;
 * FARMIQ_E_ARG; or what `on_row` returned. */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_sql_run(struct farmiq_store *store, const struct farmiq_sql_query *query,
               const char *queue, const struct farmiq_sql_value *params,
               uint32_t param_count, farmiq_sql_row_fn on_row, void *ctx);

/** Run one statement for `row_count` rows of `param_count` parameters each, laid
 * out row by row. SQLite steps a prepared statement per row; PostgreSQL sends each
 * parameter as one array, and its text unnests them with their ordinality, which
 * it returns as the first column (taken off again before `on_row`).
 * Codes as farmiq_sql_run(). */
FARMIQ_API FARMIQ_MUST_USE int
farmiq_sql_run_many(struct farmiq_store *store, const struct farmiq_sql_query *query,
                    const char *queue, const struct farmiq_sql_value *params,
                    uint32_t param_count, uint32_t row_count, farmiq_sql_row_fn on_row,
                    void *ctx);

FARMIQ_END

#endif
