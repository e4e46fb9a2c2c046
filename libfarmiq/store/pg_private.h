/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the PostgreSQL store share. */
#ifndef FARMIQ_STORE_PG_PRIVATE_H
#define FARMIQ_STORE_PG_PRIVATE_H

#include <libpq-fe.h>

#include <farmiq/store_pg.h>
#include <farmiq/topic.h>

#include "engine.h"
#include "query_text.h"
#include "steps.h"

#define FARMIQ__PG_PARAMS 32
/* Commands that wait, at most; the next one sends them. */
#define FARMIQ__PG_PENDING 8

/* Commands that can wait for the next one. */
enum farmiq__pg_command { FARMIQ__PG_BEGIN, FARMIQ__PG_SAVEPOINT, FARMIQ__PG_RELEASE };

/* A prepared statement, under the query and the queue it was prepared for, with the
 * types that the server wants its parameters in. */
struct farmiq__pg_statement {
    const struct farmiq_sql_query *query;
    char queue[FARMIQ__QUEUE_BYTES];
    char name[48];
    uint32_t param_count;
    Oid types[FARMIQ__PG_PARAMS];
};

/* Parameters on their way: their bytes one after the other. */
struct farmiq__pg_buffer {
    char *bytes;
    size_t len, room;
};

struct farmiq__pg {
    struct farmiq__engine engine; /* first: the verbs' context */
    PGconn *conn;
    int is_ours;      /* close it with the store, and reconnect */
    int is_lost;      /* the connection is gone, or its server takes no writes any more */
    int depth;        /* begins not yet ended */
    int is_savepoint; /* the outermost begin found the caller's transaction */
    int is_broken;    /* the transaction can only be rolled back, as a whole */
    enum farmiq__pg_command pending[FARMIQ__PG_PENDING];
    uint32_t pending_count;
    struct farmiq_pg_options options;
    int64_t retry_at_ms, pause_ms; /* of reconnecting; monotonic */
    struct farmiq__pg_statement *statements;
    uint32_t statement_count, statement_room, statement_serial;
    struct farmiq__pg_buffer buffer;
    char tenant[FARMIQ_ID_MAX_BYTES + 1]; /* "": none was named */
    char error_text[192];
};

/* pg.c */
/* A connection that is not known to be lost, if one can be had now. */
int farmiq__pg_connected(struct farmiq__pg *s);
int64_t farmiq__pg_monotonic_ms(void);

/* pg_connect.c */
/* Codes as farmiq_store_open_pg(). `*out`, if it is set, is the caller's to finish. */
int farmiq__pg_connect(PGconn **out, const char *conninfo,
                       const struct farmiq_pg_options *options,
                       struct farmiq_error *error);
/* Why there is no connection, for the log. */
void farmiq__pg_connect_failure(PGconn *conn, char *out, size_t room);

/* pg_pending.c */
/* Is there a transaction of which the server has heard nothing yet? */
int farmiq__pg_is_untouched(const struct farmiq__pg *s);
/* Keep a command until the next one is sent; or send it, where it cannot wait. */
int farmiq__pg_defer(struct farmiq__pg *s, enum farmiq__pg_command command);
/* Was the begin of what now ends still waiting? Then it is forgotten. */
int farmiq__pg_take_back(struct farmiq__pg *s);
/* Send what waits, alone or ahead of `sql`. */
int farmiq__pg_flush(struct farmiq__pg *s);
int farmiq__pg_exec_behind(struct farmiq__pg *s, const char *sql);
/* The two halves of that, for what else travels behind: begin a pipeline with what waits;
 * end it, with so many `more` sent, and give the last result or the first failure. */
int farmiq__pg_send_pending(struct farmiq__pg *s);
PGresult *farmiq__pg_read_answers(struct farmiq__pg *s, int is_sent, uint32_t more);

/* pg_run.c */
int farmiq__pg_code(const char *sqlstate);
/* The code of a result that is not what was asked for; remembers the words. */
int farmiq__pg_failed(struct farmiq__pg *s, const PGresult *result);
int farmiq__pg_is_good(const PGresult *result);
/* The code of a result, which ends with it. */
int farmiq__pg_finish(struct farmiq__pg *s, PGresult *result);
int farmiq__pg_exec(struct farmiq__pg *s, const char *sql);
int farmiq__pg_run(void *ctx, const struct farmiq_sql_query *query, const char *queue,
                   const struct farmiq_sql_value *params, uint32_t param_count,
                   uint32_t row_count, farmiq_sql_row_fn on_row, void *row_ctx);
void farmiq__pg_forget_statements(struct farmiq__pg *s);

/* pg_values.c */
/* Append one parameter in the server's binary format: FARMIQ_OK, FARMIQ_E_ARG (the value
 * is not of that type) or FARMIQ_E_NOMEM. `*len` is -1 for NULL. */
int farmiq__pg_put(struct farmiq__pg_buffer *buffer, Oid type,
                   const struct farmiq_sql_value *value, int *len);
/* The same for a column of values, `stride` apart, as one array. */
int farmiq__pg_put_array(struct farmiq__pg_buffer *buffer, Oid type,
                         const struct farmiq_sql_value *values, uint32_t stride,
                         uint32_t count, int *len);
int farmiq__pg_get(const PGresult *result, int row, int column,
                   struct farmiq_sql_value *value);

#endif
