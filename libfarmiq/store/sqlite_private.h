/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite store share. */
#ifndef FARMIQ_STORE_SQLITE_PRIVATE_H
#define FARMIQ_STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>

#include <farmiq/store_sqlite.h>

#include "engine.h"
#include "query_text.h"
#include "steps.h"

/* A prepared statement, under the query and the queue it was prepared for. */
struct farmiq__statement {
    const struct farmiq_sql_query *query; /* NULL: the slot is free */
    char queue[FARMIQ__QUEUE_BYTES];
    sqlite3_stmt *stmt;
};

struct farmiq__sqlite {
    struct farmiq__engine engine; /* first: the verbs' context */
    sqlite3 *db;
    int is_ours; /* close it with the store */
    int is_reader;
    int depth;        /* begins not yet ended */
    int is_savepoint; /* the outermost begin found the caller's transaction */
    int marker;       /* file descriptor, or -1 */
    struct farmiq__statement *statements; /* open addressing */
    uint32_t statement_count, statement_room;
};

/* sqlite_run.c */
int farmiq__sqlite_code(int sqlite_code);
int farmiq__sqlite_run(void *ctx, const struct farmiq_sql_query *query, const char *queue,
                       const struct farmiq_sql_value *params, uint32_t param_count,
                       uint32_t row_count, farmiq_sql_row_fn on_row, void *row_ctx);
void farmiq__sqlite_forget_statements(struct farmiq__sqlite *s);
int farmiq__sqlite_begin(void *ctx);
int farmiq__sqlite_commit(void *ctx);
void farmiq__sqlite_rollback(void *ctx);

/* sqlite_schema.c */
int farmiq__sqlite_fail(sqlite3 *db, int sqlite_code, const char *field,
                        struct farmiq_error *error);

/* FARMIQ_E_UNSUPPORTED: the file has nothing of this schema, or steps that are newer. */
int farmiq__sqlite_check_schema(sqlite3 *db, const struct farmiq_migration *steps,
                                struct farmiq_error *error);

/* sqlite_marker.c: was the last stop clean? A file beside the database says so: its
 * writers hold a shared lock on it, and the last one to leave empties it. */
enum farmiq__marker { FARMIQ__CLEAN, FARMIQ__UNCLEAN, FARMIQ__IN_USE };

/* The descriptor, or -1 and errno. `*found` tells how the last writers left. Unless it
 * is in use we are alone with the file: others wait until farmiq__marker_share(). */
int farmiq__marker_open(const char *database, enum farmiq__marker *found);
void farmiq__marker_share(int marker);
void farmiq__marker_close(int marker);
/* Let go without a word about how it was left. */
void farmiq__marker_leave(int marker);

#endif
