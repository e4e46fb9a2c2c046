/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas on PostgreSQL: which steps a database has, and how it gets the rest. One
 * process at a time takes steps, under an advisory lock; who finds nothing to do takes no
 * lock and needs no right to create anything. */
#include "pg_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(PGconn *conn, const PGresult *result, const char *field,
                struct farmiq_error *error)
{
    const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    return farmiq__fill_error(
        error, farmiq__pg_code(PQresultErrorField(result, PG_DIAG_SQLSTATE)), field,
        words ? words : PQerrorMessage(conn));
}

static int exec(PGconn *conn, const char *sql, const char *field,
                struct farmiq_error *error)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    int r = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                ? FARMIQ_OK
                : fail(conn, result, field, error);

    PQclear(result);
    return r;
}

/* One number, asked with up to three texts. */
static int ask(PGconn *conn, const char *sql, int count, const char *const *texts,
               int64_t *number, struct farmiq_error *error)
{
    PGresult *result = PQexecParams(conn, sql, count, NULL, texts, NULL, NULL, 0);
    int r = FARMIQ_OK;

    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1)
        *number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    else
        r = fail(conn, result, "farmiq_migration", error);
    PQclear(result);
    return r;
}

/* The last step of the schema that the database has; 0: none. */
static int read_version(PGconn *conn, const struct farmiq_migration *step,
                        int64_t *version, struct farmiq_error *error)
{
    int64_t is_there = 0;
    int r;

    *version = 0;
    /* Asked of the catalogue itself: to_regclass() may remember that it was not there. */
    r = ask(conn,
            "SELECT count(*) FROM pg_catalog.pg_class"
            " WHERE relname = 'farmiq_migration' AND pg_catalog.pg_table_is_visible(oid)",
            0, NULL, &is_there, error);
    if (r || !is_there)
        return r;
    return ask(conn,
               "SELECT coalesce(max(version), 0) FROM farmiq_migration"
               " WHERE schema = split_part($1, '/', 1)",
               1, &step->name, version, error);
}

static int write_version(PGconn *conn, const struct farmiq_migration *step,
                         struct farmiq_error *error)
{
    char version[16];
    const char *const texts[] = { step->name, version };
    int64_t written;

    snprintf(version, sizeof version, "%u", step->version);
    return ask(conn,
               "INSERT INTO farmiq_migration (schema, version, name)"
               " VALUES (split_part($1, '/', 1), $2::integer, $1) RETURNING version",
               2, texts, &written, error);
}

/* The table of steps, and the clock that judges leases. */
static const char foundation[] =
    "CREATE TABLE IF NOT EXISTS farmiq_migration ("
    " schema text NOT NULL, version integer NOT NULL, name text NOT NULL,"
    " migrated_at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (schema, version));"
    "CREATE OR REPLACE FUNCTION farmiq_now() RETURNS timestamptz LANGUAGE sql STABLE"
    " AS 'SELECT statement_timestamp()'";

/* Somebody else may have taken the step while we waited for the lock. */
static int take_step(PGconn *conn, const struct farmiq_migration *step,
                     struct farmiq_error *error)
{
    int64_t version;
    int r = exec(conn,
                 "SET LOCAL statement_timeout = 0;"
                 "SELECT pg_advisory_xact_lock(hashtextextended('farmiq_migration', 0))",
                 step->name, error);

    if (!r)
        r = read_version(conn, step, &version, error);
    if (r || version >= step->version)
        return r;
    if (!step->pg)
        return farmiq__fill_error(error, FARMIQ_E_UNSUPPORTED, step->name,
                                  "has no statements for PostgreSQL");
    if (step->version == 1)
        r = exec(conn, foundation, "farmiq_migration", error);
    if (!r)
        r = exec(conn, step->pg, step->name, error);
    return r ? r : write_version(conn, step, error);
}

/* A step is there whole or not at all. In the caller's transaction it is his. */
static int take_step_whole(PGconn *conn, const struct farmiq_migration *step,
                           struct farmiq_error *error)
{
    int is_his = PQtransactionStatus(conn) == PQTRANS_INTRANS;
    int r = exec(conn, is_his ? "SAVEPOINT farmiq" : "BEGIN", step->name, error);

    if (r)
        return r;
    r = take_step(conn, step, error);
    if (!r)
        r = exec(conn, is_his ? "RELEASE SAVEPOINT farmiq" : "COMMIT", step->name, error);
    if (r)
        (void)exec(conn,
                   is_his ? "ROLLBACK TO SAVEPOINT farmiq; RELEASE SAVEPOINT farmiq"
                          : "ROLLBACK",
                   step->name, NULL);
    return r;
}

int farmiq_pg_migrate(struct pg_conn *conn, const struct farmiq_migration *steps,
                      struct farmiq_error *error)
{
    int64_t version;
    int r;

    if (!conn || !steps || !steps->version)
        return FARMIQ_E_ARG;
    r = read_version(conn, steps, &version, error);
    if (!r && version > farmiq__last_version(steps))
        return farmiq__fill_error(error, FARMIQ_E_UNSUPPORTED, steps->name,
                                  "the database's schema is newer than this library");
    for (; !r && steps->version; steps++)
        if (steps->version > version)
            r = take_step_whole(conn, steps, error);
    return r;
}
