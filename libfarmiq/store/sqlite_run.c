/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and transactions on an SQLite connection. */
#include "sqlite_private.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* SQLite's words for it, in ours. A write that the disk has no room for comes as FULL,
 * whether the disk or max_page_count refused. */
int farmiq__sqlite_code(int sqlite_code)
{
    switch (sqlite_code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return FARMIQ_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return FARMIQ_E_BUSY;
    case SQLITE_FULL:
        return FARMIQ_E_NOSPACE;
    case SQLITE_NOMEM:
        return FARMIQ_E_NOMEM;
    default:
        return FARMIQ_E_STORE;
    }
}

/* The cache ------------------------------------------------------------------------ */

static uint32_t slot_of(const struct farmiq__sqlite *s,
                        const struct farmiq_sql_query *query, const char *queue)
{
    uint64_t hash = (uint64_t)(uintptr_t)query;

    for (; *queue; queue++)
        hash = hash * 31 + (unsigned char)*queue;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32) & (s->statement_room - 1);
}

/* The statement's slot, or the free one where it belongs. */
static struct farmiq__statement *find_slot(const struct farmiq__sqlite *s,
                                           const struct farmiq_sql_query *query,
                                           const char *queue)
{
    uint32_t i = slot_of(s, query, queue);

    while (s->statements[i].query && (s->statements[i].query != query ||
                                      strcmp(s->statements[i].queue, queue) != 0))
        i = (i + 1) & (s->statement_room - 1);
    return &s->statements[i];
}

static int grow_cache(struct farmiq__sqlite *s)
{
    struct farmiq__sqlite grown = *s;

    if (s->statement_count * 4 < s->statement_room * 3)
        return FARMIQ_OK;
    grown.statement_room = s->statement_room ? s->statement_room * 2 : 64;
    grown.statements = calloc(grown.statement_room, sizeof *grown.statements);
    if (!grown.statements)
        return FARMIQ_E_NOMEM;
    for (uint32_t i = 0; i < s->statement_room; i++)
        if (s->statements[i].query)
            *find_slot(&grown, s->statements[i].query, s->statements[i].queue) =
                s->statements[i];
    free(s->statements);
    s->statements = grown.statements;
    s->statement_room = grown.statement_room;
    return FARMIQ_OK;
}

void farmiq__sqlite_forget_statements(struct farmiq__sqlite *s)
{
    for (uint32_t i = 0; i < s->statement_room; i++)
        sqlite3_finalize(s->statements[i].stmt);
    free(s->statements);
    s->statements = NULL;
    s->statement_count = s->statement_room = 0;
}

/* Preparing ------------------------------------------------------------------------ */

/* SQLite would number $1 by its first appearance; ?1 is the first in any case. */
static void number_params(char *sql)
{
    for (; (sql = strchr(sql, '$')) != NULL; sql++)
        if (sql[1] >= '0' && sql[1] <= '9')
            *sql = '?';
}

static int prepare(struct farmiq__sqlite *s, const struct farmiq_sql_query *query,
                   const char *queue, sqlite3_stmt **stmt)
{
    char *sql;
    int rc;

    if (!query->sqlite)
        return FARMIQ_E_UNSUPPORTED;
    if (!*queue && strstr(query->sqlite, "{queue}"))
        return FARMIQ_E_ARG;
    sql = farmiq__query_text(query->sqlite, queue);
    if (!sql)
        return FARMIQ_E_NOMEM;
    number_params(sql);
    rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    free(sql);
    return farmiq__sqlite_code(rc);
}

/* A statement that is free to run. One that is running already, because a row function
 * asks the same again, gets a twin (`*is_twin`) that is finalized after use. */
static int get_statement(struct farmiq__sqlite *s, const struct farmiq_sql_query *query,
                         const char *queue, sqlite3_stmt **stmt, int *is_twin)
{
    struct farmiq__statement *slot;
    int r = grow_cache(s);

    if (r)
        return r;
    *is_twin = 0;
    slot = find_slot(s, query, queue);
    if (slot->query && !sqlite3_stmt_busy(slot->stmt)) {
        *stmt = slot->stmt;
        return FARMIQ_OK;
    }
    r = prepare(s, query, queue, stmt);
    if (r)
        return r;
    if (slot->query) {
        *is_twin = 1;
        return FARMIQ_OK;
    }
    slot->query = query;
    slot->stmt = *stmt;
    memcpy(slot->queue, queue, strlen(queue) + 1);
    s->statement_count++;
    return FARMIQ_OK;
}

/* Running -------------------------------------------------------------------------- */

/* Nothing is copied: the caller's text outlives the step. A NUL inside a text would
 * cut it short for every other reader of the table, and is refused. */
static int bind_text(sqlite3_stmt *stmt, int index, struct farmiq_str text)
{
    if (text.len > INT_MAX)
        return SQLITE_TOOBIG;
    if (!text.len)
        return sqlite3_bind_text(stmt, index, "", 0, SQLITE_STATIC);
    if (memchr(text.ptr, '\0', text.len))
        return SQLITE_MISUSE;
    return sqlite3_bind_text(stmt, index, text.ptr, (int)text.len, SQLITE_STATIC);
}

static int bind_blob(sqlite3_stmt *stmt, int index, struct farmiq_str bytes)
{
    if (bytes.len > INT_MAX)
        return SQLITE_TOOBIG;
    return sqlite3_bind_blob(stmt, index, bytes.len ? bytes.ptr : "", (int)bytes.len,
                             SQLITE_STATIC);
}

static int bind(sqlite3_stmt *stmt, int index, const struct farmiq_sql_value *value)
{
    switch (value->type) {
    case FARMIQ_SQL_NULL:
        return sqlite3_bind_null(stmt, index);
    case FARMIQ_SQL_INTEGER:
        return sqlite3_bind_int64(stmt, index, value->integer);
    case FARMIQ_SQL_REAL:
        return sqlite3_bind_double(stmt, index, value->real);
    case FARMIQ_SQL_TEXT:
        return bind_text(stmt, index, value->text);
    case FARMIQ_SQL_BLOB:
        return bind_blob(stmt, index, value->text);
    default:
        return SQLITE_MISUSE;
    }
}

static int bind_all(sqlite3_stmt *stmt, const struct farmiq_sql_value *params,
                    uint32_t param_count)
{
    for (uint32_t i = 0; i < param_count; i++) {
        int rc = bind(stmt, (int)i + 1, &params[i]);

        if (rc == SQLITE_MISUSE || rc == SQLITE_TOOBIG)
            return FARMIQ_E_ARG;
        if (rc)
            return farmiq__sqlite_code(rc);
    }
    return FARMIQ_OK;
}

static void read_column(sqlite3_stmt *stmt, int index, struct farmiq_sql_value *value)
{
    memset(value, 0, sizeof *value);
    switch (sqlite3_column_type(stmt, index)) {
    case SQLITE_INTEGER:
        value->type = FARMIQ_SQL_INTEGER;
        value->integer = sqlite3_column_int64(stmt, index);
        break;
    case SQLITE_FLOAT:
        value->type = FARMIQ_SQL_REAL;
        value->real = sqlite3_column_double(stmt, index);
        break;
    case SQLITE_TEXT:
        value->type = FARMIQ_SQL_TEXT;
        value->text.ptr = (const char *)sqlite3_column_text(stmt, index);
        value->text.len = (size_t)sqlite3_column_bytes(stmt, index);
        break;
    case SQLITE_BLOB:
        value->type = FARMIQ_SQL_BLOB;
        value->text.ptr = sqlite3_column_blob(stmt, index);
        value->text.len = (size_t)sqlite3_column_bytes(stmt, index);
        break;
    default:
        break;
    }
}

/* Results are read in place; so many columns are enough for every table there is. */
#define RESULT_COLUMNS 64

static int give_row(sqlite3_stmt *stmt, uint32_t row, farmiq_sql_row_fn on_row,
                    void *row_ctx)
{
    struct farmiq_sql_value columns[RESULT_COLUMNS];
    int count = sqlite3_column_count(stmt);

    assert(count <= RESULT_COLUMNS);
    for (int i = 0; i < count; i++)
        read_column(stmt, i, &columns[i]);
    return on_row(row_ctx, row, columns, (uint32_t)count);
}

/* One execution. `fixed_row` is the number its result rows carry, or NULL to count
 * them. */
static int run_once(sqlite3_stmt *stmt, const uint32_t *fixed_row,
                    farmiq_sql_row_fn on_row, void *row_ctx)
{
    uint32_t row = fixed_row ? *fixed_row : 0;
    int rc, r = FARMIQ_OK;

    while (!r && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
        if (rc != SQLITE_ROW)
            r = farmiq__sqlite_code(rc);
        else if (on_row)
            r = give_row(stmt, row, on_row, row_ctx);
        row += !fixed_row;
    }
    if (!r && on_row && sqlite3_column_count(stmt) == 0 &&
        sqlite3_changes(sqlite3_db_handle(stmt)) > 0)
        r = on_row(row_ctx, row, NULL, 0);
    sqlite3_reset(stmt);
    return r;
}

static int run_rows(sqlite3_stmt *stmt, const struct farmiq_sql_value *params,
                    uint32_t param_count, uint32_t row_count, farmiq_sql_row_fn on_row,
                    void *row_ctx)
{
    int r = FARMIQ_OK;

    if (sqlite3_bind_parameter_count(stmt) != (int)param_count)
        return FARMIQ_E_ARG;
    for (uint32_t row = 0; row < row_count && !r; row++) {
        r = bind_all(stmt, params + (size_t)row * param_count, param_count);
        if (!r)
            r = run_once(stmt, &row, on_row, row_ctx);
    }
    return r;
}

static int run_single(sqlite3_stmt *stmt, const struct farmiq_sql_value *params,
                      uint32_t param_count, farmiq_sql_row_fn on_row, void *row_ctx)
{
    int r;

    if (sqlite3_bind_parameter_count(stmt) != (int)param_count)
        return FARMIQ_E_ARG;
    r = bind_all(stmt, params, param_count);
    return r ? r : run_once(stmt, NULL, on_row, row_ctx);
}

/* Some failures (a full disk, an I/O error) end SQLite's transaction under us. What
 * follows would then commit on its own: nothing runs until it is rolled back. */
static int is_transaction_lost(const struct farmiq__sqlite *s)
{
    return s->depth > 0 && sqlite3_get_autocommit(s->db);
}

/* The log may be many times as long as the data in it (8192 pages: see configure()). On
 * a disk that is nearly full it would take all the room that it should be emptied into,
 * and nothing would move again. So a disk that was full once is treated as a small one:
 * the log is emptied every megabyte. */
static void keep_log_short(struct farmiq__sqlite *s)
{
    if (s->is_ours)
        (void)sqlite3_wal_autocheckpoint(s->db, 256);
}

static int run_statement(struct farmiq__sqlite *s, const struct farmiq_sql_query *query,
                         const char *queue, const struct farmiq_sql_value *params,
                         uint32_t param_count, uint32_t row_count,
                         farmiq_sql_row_fn on_row, void *row_ctx)
{
    sqlite3_stmt *stmt;
    int is_twin, r;

    r = get_statement(s, query, queue, &stmt, &is_twin);
    if (r)
        return r;
    r = row_count ? run_rows(stmt, params, param_count, row_count, on_row, row_ctx)
                  : run_single(stmt, params, param_count, on_row, row_ctx);
    if (is_twin)
        sqlite3_finalize(stmt);
    if (r == FARMIQ_E_NOSPACE)
        keep_log_short(s);
    return r;
}

int farmiq__sqlite_run(void *ctx, const struct farmiq_sql_query *query, const char *queue,
                       const struct farmiq_sql_value *params, uint32_t param_count,
                       uint32_t row_count, farmiq_sql_row_fn on_row, void *row_ctx)
{
    struct farmiq__sqlite *s = ctx;
    int is_unit = row_count > 1 && sqlite3_get_autocommit(s->db);
    int r;

    if (is_transaction_lost(s))
        return FARMIQ_E_STORE;
    if (query->sqlite && !*query->sqlite)
        return FARMIQ_OK;
    if (!queue)
        queue = "";
    if (!farmiq__is_queue_name(queue))
        return FARMIQ_E_ARG;
    r = is_unit ? farmiq__sqlite_begin(s) : FARMIQ_OK;
    if (r)
        return r;
    r = run_statement(s, query, queue, params, param_count, row_count, on_row, row_ctx);
    if (is_unit && r >= 0) {
        int committed = farmiq__sqlite_commit(s);

        r = committed ? committed : r;
    }
    if (is_unit && r < 0)
        farmiq__sqlite_rollback(s);
    return r;
}

/* Transactions --------------------------------------------------------------------- */

static const struct farmiq_sql_query begin_write = { "begin_write", "BEGIN IMMEDIATE" },
                                     begin_read = { "begin_read", "BEGIN" },
                                     commit = { "commit", "COMMIT" },
                                     rollback = { "rollback", "ROLLBACK" },
                                     save = { "save", "SAVEPOINT farmiq" },
                                     release = { "release", "RELEASE farmiq" },
                                     undo = { "undo", "ROLLBACK TO farmiq" };

static int run_plain(struct farmiq__sqlite *s, const struct farmiq_sql_query *query)
{
    return run_statement(s, query, "", NULL, 0, 0, NULL, NULL);
}

int farmiq__sqlite_begin(void *ctx)
{
    struct farmiq__sqlite *s = ctx;
    int is_savepoint = !sqlite3_get_autocommit(s->db);
    int r;

    if (is_transaction_lost(s))
        return FARMIQ_E_STORE;
    r = run_plain(s, is_savepoint ? &save : s->is_reader ? &begin_read : &begin_write);
    if (r)
        return r;
    if (s->depth++ == 0)
        s->is_savepoint = is_savepoint;
    return FARMIQ_OK;
}

static int is_outermost(const struct farmiq__sqlite *s)
{
    return s->depth == 1 && !s->is_savepoint;
}

int farmiq__sqlite_commit(void *ctx)
{
    struct farmiq__sqlite *s = ctx;
    int r;

    if (s->depth == 0)
        return FARMIQ_E_STATE;
    if (is_transaction_lost(s))
        return FARMIQ_E_STORE;
    r = run_plain(s, is_outermost(s) ? &commit : &release);
    if (!r)
        s->depth--;
    return r;
}

/* Cannot fail: where SQLite has rolled back by itself there is nothing left to undo. */
void farmiq__sqlite_rollback(void *ctx)
{
    struct farmiq__sqlite *s = ctx;

    if (s->depth == 0)
        return;
    if (!is_transaction_lost(s)) {
        if (is_outermost(s)) {
            (void)run_plain(s, &rollback);
        } else {
            (void)run_plain(s, &undo);
            (void)run_plain(s, &release);
        }
    }
    s->depth--;
}
