/* SPDX-License-Identifier: Apache-2.0 */
/* Commands whose answer nobody waits for. BEGIN, SAVEPOINT and RELEASE stay here until
 * there is something to ask; then they travel ahead of it, in one pipeline, and cost no
 * round trip. What ends before anything was asked in it is never sent.
 *
 * Only on a connection of ours: with his own, the caller may go on at any moment, and
 * finds there what he was told is done. */
#include "pg_private.h"

#include <assert.h>

static const char *const commands[] = {
    [FARMIQ__PG_BEGIN] = "BEGIN",
    [FARMIQ__PG_SAVEPOINT] = "SAVEPOINT farmiq",
    [FARMIQ__PG_RELEASE] = "RELEASE SAVEPOINT farmiq",
};

int farmiq__pg_is_untouched(const struct farmiq__pg *s)
{
    return s->pending_count && s->pending[0] == FARMIQ__PG_BEGIN;
}

/* In a transaction that failed the server refuses it, and the caller hears so at once. */
int farmiq__pg_defer(struct farmiq__pg *s, enum farmiq__pg_command command)
{
    int r = FARMIQ_OK;

    if (!s->is_ours || PQtransactionStatus(s->conn) == PQTRANS_INERROR)
        return farmiq__pg_exec(s, commands[command]);
    if (s->pending_count == FARMIQ__PG_PENDING)
        r = farmiq__pg_flush(s);
    if (!r)
        s->pending[s->pending_count++] = command;
    return r;
}

int farmiq__pg_take_back(struct farmiq__pg *s)
{
    if (!s->pending_count || s->pending[s->pending_count - 1] == FARMIQ__PG_RELEASE)
        return 0;
    s->pending_count--;
    return 1;
}

/* The pipeline ---------------------------------------------------------------------- */

static int send_command(struct farmiq__pg *s, const char *sql)
{
    return PQsendQueryParams(s->conn, sql, 0, NULL, NULL, NULL, NULL, 0);
}

int farmiq__pg_send_pending(struct farmiq__pg *s)
{
    int is_sent;

    assert(s->is_ours);
    is_sent = PQenterPipelineMode(s->conn);
    for (uint32_t i = 0; i < s->pending_count && is_sent; i++)
        is_sent = send_command(s, commands[s->pending[i]]);
    return is_sent;
}

/* What one command was answered; nothing, where the connection is gone. */
static PGresult *read_result(PGconn *conn)
{
    PGresult *result = PQgetResult(conn), *rest;

    while ((rest = PQgetResult(conn)))
        PQclear(rest);
    return result;
}

/* The last of `count` results, or the first that is a failure: the server skips what
 * follows it. */
static PGresult *read_results(struct farmiq__pg *s, uint32_t count, uint32_t *good_count)
{
    PGresult *result = NULL;

    *good_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        PGresult *next = read_result(s->conn);

        if (*good_count < i) {
            PQclear(next);
            continue;
        }
        PQclear(result);
        result = next;
        *good_count += (uint32_t)farmiq__pg_is_good(result);
    }
    PQclear(PQgetResult(s->conn)); /* of the sync */
    return result;
}

/* Where a command that waited has failed, the server has other savepoints than we think,
 * and nothing but the end of the transaction is safe to ask for. What met the loss of its
 * connection goes on waiting, as none of it can have happened. */
PGresult *farmiq__pg_read_answers(struct farmiq__pg *s, int is_sent, uint32_t more)
{
    uint32_t count = s->pending_count + more, good_count;
    PGresult *result;

    if (!is_sent || !PQpipelineSync(s->conn)) {
        s->is_lost = 1;
        return NULL;
    }
    result = read_results(s, count, &good_count);
    if (PQstatus(s->conn) == CONNECTION_BAD || !PQexitPipelineMode(s->conn))
        s->is_lost = 1;
    else if (good_count < s->pending_count)
        s->is_broken = 1;
    if (!s->is_lost || good_count == count)
        s->pending_count = 0;
    return result;
}

int farmiq__pg_flush(struct farmiq__pg *s)
{
    if (!s->pending_count)
        return FARMIQ_OK;
    return farmiq__pg_finish(s,
                             farmiq__pg_read_answers(s, farmiq__pg_send_pending(s), 0));
}

int farmiq__pg_exec_behind(struct farmiq__pg *s, const char *sql)
{
    int is_sent;

    if (!s->pending_count)
        return farmiq__pg_exec(s, sql);
    is_sent = farmiq__pg_send_pending(s) && send_command(s, sql);
    return farmiq__pg_finish(s, farmiq__pg_read_answers(s, is_sent, 1));
}
