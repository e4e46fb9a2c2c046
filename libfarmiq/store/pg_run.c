/* SPDX-License-Identifier: Apache-2.0 */
/* Statements on a PostgreSQL connection. */
#include "pg_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Failures ------------------------------------------------------------------------- */

/* SQLSTATEs that mean something to a caller; all others are FARMIQ_E_STORE. */
static const struct {
    const char *sqlstate;
    int code;
} codes[] = {
    { "40001", FARMIQ_E_BUSY },    /* serialization_failure */
    { "40P01", FARMIQ_E_BUSY },    /* deadlock_detected */
    { "55P03", FARMIQ_E_BUSY },    /* lock_not_available */
    { "53100", FARMIQ_E_NOSPACE }, /* disk_full */
    { "22021", FARMIQ_E_ARG },     /* character_not_in_repertoire: not UTF-8 */
    { "22008", FARMIQ_E_ARG },     /* datetime_field_overflow */
};

int farmiq__pg_code(const char *sqlstate)
{
    for (size_t i = 0; sqlstate && i < sizeof codes / sizeof *codes; i++)
        if (strcmp(sqlstate, codes[i].sqlstate) == 0)
            return codes[i].code;
    return FARMIQ_E_STORE;
}

/* A server that was demoted under us still answers; the primary is elsewhere. */
static int is_read_only(const char *sqlstate)
{
    return sqlstate && strcmp(sqlstate, "25006") == 0;
}

int farmiq__pg_failed(struct farmiq__pg *s, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    snprintf(s->error_text, sizeof s->error_text, "%s: %s", sqlstate ? sqlstate : "-----",
             words ? words : PQerrorMessage(s->conn));
    if (PQstatus(s->conn) == CONNECTION_BAD ||
        (is_read_only(sqlstate) && !s->options.read_only))
        s->is_lost = 1;
    return farmiq__pg_code(sqlstate);
}

int farmiq__pg_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

int farmiq__pg_finish(struct farmiq__pg *s, PGresult *result)
{
    int r = farmiq__pg_is_good(result) ? FARMIQ_OK : farmiq__pg_failed(s, result);

    PQclear(result);
    return r;
}

int farmiq__pg_exec(struct farmiq__pg *s, const char *sql)
{
    return farmiq__pg_finish(s, PQexec(s->conn, sql));
}

/* Preparing ------------------------------------------------------------------------ */

static struct farmiq__pg_statement *find_statement(const struct farmiq__pg *s,
                                                   const struct farmiq_sql_query *query,
                                                   const char *queue)
{
    for (uint32_t i = 0; i < s->statement_count; i++)
        if (s->statements[i].query == query && strcmp(s->statements[i].queue, queue) == 0)
            return &s->statements[i];
    return NULL;
}

static struct farmiq__pg_statement *add_statement(struct farmiq__pg *s)
{
    if (s->statement_count == s->statement_room) {
        uint32_t room = s->statement_room ? s->statement_room * 2 : 64;
        struct farmiq__pg_statement *statements =
            realloc(s->statements, room * sizeof *statements);

        if (!statements)
            return NULL;
        s->statements = statements;
        s->statement_room = room;
    }
    return &s->statements[s->statement_count];
}

/* What types the server takes the parameters to be. */
static int describe(struct farmiq__pg *s, struct farmiq__pg_statement *statement)
{
    PGresult *result = PQdescribePrepared(s->conn, statement->name);
    int count = PQnparams(result);

    assert(count <= FARMIQ__PG_PARAMS);
    statement->param_count = (uint32_t)count;
    for (int i = 0; i < count; i++)
        statement->types[i] = PQparamtype(result, i);
    return farmiq__pg_finish(s, result);
}

/* Names are the store's own, as a wrapped connection may have others' statements. */
static int prepare(struct farmiq__pg *s, const struct farmiq_sql_query *query,
                   const char *queue, struct farmiq__pg_statement *statement)
{
    char *sql = farmiq__query_text(query->pg, queue);
    int r;

    if (!sql)
        return FARMIQ_E_NOMEM;
    statement->query = query;
    memcpy(statement->queue, queue, strlen(queue) + 1);
    snprintf(statement->name, sizeof statement->name, "farmiq_%p_%u", (void *)s,
             s->statement_serial++);
    r = farmiq__pg_finish(s, PQprepare(s->conn, statement->name, sql, 0, NULL));
    free(sql);
    return r ? r : describe(s, statement);
}

static int get_statement(struct farmiq__pg *s, const struct farmiq_sql_query *query,
                         const char *queue, const struct farmiq__pg_statement **statement)
{
    struct farmiq__pg_statement *added;
    int r;

    *statement = find_statement(s, query, queue);
    if (*statement)
        return FARMIQ_OK;
    if (!*queue && strstr(query->pg, "{queue}"))
        return FARMIQ_E_ARG;
    added = add_statement(s);
    if (!added)
        return FARMIQ_E_NOMEM;
    r = farmiq__pg_flush(s);
    if (!r)
        r = prepare(s, query, queue, added);
    if (r)
        return r;
    s->statement_count++;
    *statement = added;
    return FARMIQ_OK;
}

void farmiq__pg_forget_statements(struct farmiq__pg *s) { s->statement_count = 0; }

/* Running -------------------------------------------------------------------------- */

struct call {
    const struct farmiq__pg_statement *statement;
    const struct farmiq_sql_value *params;
    uint32_t row_count; /* 0: one row, not as arrays */
    farmiq_sql_row_fn on_row;
    void *row_ctx;
};

/* The bytes of all parameters, and where each begins: the buffer may move meanwhile. */
static int put_params(struct farmiq__pg *s, const struct call *call, size_t *offsets,
                      int *lengths)
{
    const struct farmiq__pg_statement *statement = call->statement;
    int r = FARMIQ_OK;

    s->buffer.len = 0;
    for (uint32_t i = 0; i < statement->param_count && !r; i++) {
        offsets[i] = s->buffer.len;
        r = call->row_count
                ? farmiq__pg_put_array(&s->buffer, statement->types[i], call->params + i,
                                       statement->param_count, call->row_count,
                                       &lengths[i])
                : farmiq__pg_put(&s->buffer, statement->types[i], call->params + i,
                                 &lengths[i]);
    }
    return r;
}

/* Ahead of it go the commands that waited. */
static PGresult *exec_prepared(struct farmiq__pg *s, const char *name, int count,
                               const char *const *values, const int *lengths,
                               const int *formats)
{
    int is_sent;

    if (!s->pending_count)
        return PQexecPrepared(s->conn, name, count, values, lengths, formats, 1);
    is_sent = farmiq__pg_send_pending(s) &&
              PQsendQueryPrepared(s->conn, name, count, values, lengths, formats, 1);
    return farmiq__pg_read_answers(s, is_sent, 1);
}

static int send(struct farmiq__pg *s, const struct call *call, PGresult **result)
{
    const char *values[FARMIQ__PG_PARAMS];
    size_t offsets[FARMIQ__PG_PARAMS];
    int lengths[FARMIQ__PG_PARAMS], formats[FARMIQ__PG_PARAMS];
    int count = (int)call->statement->param_count;
    int r = put_params(s, call, offsets, lengths);

    if (r)
        return r;
    for (int i = 0; i < count; i++) {
        values[i] = lengths[i] < 0 ? NULL : s->buffer.bytes + offsets[i];
        formats[i] = 1;
    }
    *result = exec_prepared(s, call->statement->name, count, values, lengths, formats);
    return FARMIQ_OK;
}

/* Results are read in place; so many columns are enough for every table there is. */
#define RESULT_COLUMNS 64

/* The first column of a statement over many rows says which of them it is about. */
static int give_row(const struct call *call, const PGresult *result, int row)
{
    struct farmiq_sql_value columns[RESULT_COLUMNS];
    int count = PQnfields(result), skip = call->row_count > 0, r = FARMIQ_OK;

    assert(count <= RESULT_COLUMNS);
    for (int i = 0; i < count && !r; i++)
        r = farmiq__pg_get(result, row, i, &columns[i]);
    if (r)
        return r;
    if (!skip)
        return call->on_row(call->row_ctx, (uint32_t)row, columns, (uint32_t)count);
    if (columns[0].integer < 1 || columns[0].integer > call->row_count)
        return FARMIQ_E_STORE;
    return call->on_row(call->row_ctx, (uint32_t)columns[0].integer - 1, columns + 1,
                        (uint32_t)count - 1);
}

/* A statement over many rows that tells nothing of them is written wrong. */
static int give_change(const struct call *call, PGresult *result)
{
    if (call->row_count)
        return FARMIQ_E_ARG;
    if (strtoull(PQcmdTuples(result), NULL, 10) == 0)
        return FARMIQ_OK;
    return call->on_row(call->row_ctx, 0, NULL, 0);
}

static int give_rows(const struct call *call, PGresult *result)
{
    int count = PQntuples(result), r = FARMIQ_OK;

    if (!call->on_row)
        return FARMIQ_OK;
    if (PQnfields(result) == 0)
        return give_change(call, result);
    for (int row = 0; row < count && !r; row++)
        r = give_row(call, result, row);
    return r;
}

static int run(struct farmiq__pg *s, const struct call *call)
{
    PGresult *result;
    int r = send(s, call, &result);

    if (r)
        return r;
    r = farmiq__pg_is_good(result) ? give_rows(call, result)
                                   : farmiq__pg_failed(s, result);
    PQclear(result);
    return r;
}

static int prepare_and_run(struct farmiq__pg *s, const struct farmiq_sql_query *query,
                           const char *queue, uint32_t param_count, struct call *call)
{
    int r = farmiq__pg_connected(s);

    if (!r)
        r = get_statement(s, query, queue, &call->statement);
    if (r)
        return r;
    return call->statement->param_count == param_count ? run(s, call) : FARMIQ_E_ARG;
}

/* A reader changes nothing, and the first statement of a transaction nothing that lasts,
 * so whatever met the loss of its connection may be asked again; of a result that did not
 * arrive whole no row was given. */
static int may_ask_again(const struct farmiq__pg *s)
{
    return s->is_lost && s->is_ours &&
           (farmiq__pg_is_untouched(s) || (s->options.read_only && s->depth == 0));
}

int farmiq__pg_run(void *ctx, const struct farmiq_sql_query *query, const char *queue,
                   const struct farmiq_sql_value *params, uint32_t param_count,
                   uint32_t row_count, farmiq_sql_row_fn on_row, void *row_ctx)
{
    struct farmiq__pg *s = ctx;
    struct call call = { NULL, params, row_count, on_row, row_ctx };
    int was_lost = s->is_lost, r;

    if (!query->pg)
        return FARMIQ_E_UNSUPPORTED;
    if (!*query->pg)
        return FARMIQ_OK;
    if (!queue)
        queue = "";
    if (!farmiq__is_queue_name(queue))
        return FARMIQ_E_ARG;
    r = prepare_and_run(s, query, queue, param_count, &call);
    if (r && !was_lost && may_ask_again(s))
        r = prepare_and_run(s, query, queue, param_count, &call);
    if (r && s->is_lost)
        s->pending_count = 0;
    return r;
}
