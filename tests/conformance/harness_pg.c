/* SPDX-License-Identifier: Apache-2.0 */
/* The stores under test on PostgreSQL: one server for the program, a namespace for each
 * test. */
#include "harness_pg.h"

#include <stdio.h>
#include <stdlib.h>

#include <farmiq/store_pg.h>

#include "pg_server.h"

static struct pg_server server;
static PGconn *control; /* sets the clock, makes namespaces */
static uint32_t serial; /* of namespaces */

/* Leases are judged by the database's clock. So that the suite's times mean there what
 * they mean elsewhere, it sets that clock before each verb that judges. */
static struct farmiq_store_ops clocked;
static const struct farmiq_store_ops *plain;

struct pg_server *pg_harness_server(void) { return &server; }

void pg_harness_exec(const char *sql)
{
    PGresult *result = PQexec(control, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(control));
    PQclear(result);
}

void pg_harness_connect(void)
{
    char conninfo[256];

    PQfinish(control);
    pg_server_conninfo(&server, "public", conninfo, sizeof conninfo);
    control = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(control), CONNECTION_OK);
    pg_harness_exec("SET synchronous_commit = off; SET client_min_messages = error");
}

static void stop(void)
{
    PQfinish(control);
    pg_server_stop(&server);
}

static void start(void)
{
    if (control)
        return;
    pg_server_start(&server);
    pg_harness_connect();
    pg_harness_exec("CREATE TABLE test_clock (now_unix_ms bigint);"
                    "INSERT INTO test_clock VALUES (0)");
    atexit(stop);
}

void pg_harness_schema(char *out, size_t room)
{
    char sql[80];

    start();
    snprintf(out, room, "t%u", ++serial);
    snprintf(sql, sizeof sql, "CREATE SCHEMA %s", out);
    pg_harness_exec(sql);
}

static void set_clock(int64_t now_unix_ms)
{
    char sql[80];

    snprintf(sql, sizeof sql, "UPDATE test_clock SET now_unix_ms = %lld",
             (long long)now_unix_ms);
    pg_harness_exec(sql);
}

static int clocked_claim(void *ctx, const char *queue,
                         const struct farmiq_outbox_claim *claim_,
                         struct farmiq_outbox_row **first)
{
    set_clock(claim_->now_unix_ms);
    return plain->outbox_claim(ctx, queue, claim_, first);
}

static int clocked_renew(void *ctx, const char *queue, const uint64_t token[2],
                         int64_t now_unix_ms, uint32_t lease_ms)
{
    set_clock(now_unix_ms);
    return plain->outbox_renew(ctx, queue, token, now_unix_ms, lease_ms);
}

static int clocked_unclaim(void *ctx, const char *queue, int64_t now_unix_ms,
                           int64_t older_than_ms, uint32_t *unclaimed)
{
    set_clock(now_unix_ms);
    return plain->outbox_unclaim(ctx, queue, now_unix_ms, older_than_ms, unclaimed);
}

static void set_clock_of(struct farmiq_store *store)
{
    plain = store->ops;
    clocked = *plain;
    clocked.outbox_claim = clocked_claim;
    clocked.outbox_renew = clocked_renew;
    clocked.outbox_unclaim = clocked_unclaim;
    store->ops = &clocked;
}

int pg_harness_open_plain(const char *schema, struct farmiq_store *out)
{
    struct farmiq_error error = { .size = sizeof error };
    char conninfo[256];
    int r;

    pg_server_conninfo(&server, schema, conninfo, sizeof conninfo);
    r = farmiq_store_open_pg(out, conninfo, NULL, &error);
    if (r)
        print_error("%s: %s\n", error.field, error.detail);
    return r;
}

int pg_harness_open_again(struct fixture *f, struct farmiq_store *out)
{
    int r = pg_harness_open_plain(f->path, out);

    if (!r)
        set_clock_of(out);
    return r;
}

/* The namespace's name lies where the other stores keep a file's. */
int pg_harness_open(struct fixture *f, struct farmiq_store *out, uint64_t quota_bytes)
{
    char sql[256];
    int r;

    (void)quota_bytes;
    pg_harness_schema(f->path, sizeof f->path);
    r = pg_harness_open_again(f, out);
    snprintf(sql, sizeof sql,
             "CREATE OR REPLACE FUNCTION %s.farmiq_now() RETURNS timestamptz"
             " LANGUAGE sql STABLE AS 'SELECT to_timestamp(now_unix_ms / 1000.0)"
             " FROM public.test_clock'",
             f->path);
    if (!r)
        pg_harness_exec(sql);
    return r;
}

int pg_place_open(void **state)
{
    struct pg_place *p = calloc(1, sizeof *p);

    assert_non_null(p);
    pg_harness_schema(p->schema, sizeof p->schema);
    assert_int_equal(pg_harness_open_plain(p->schema, &p->store), FARMIQ_OK);
    *state = p;
    return 0;
}

int pg_place_close(void **state)
{
    struct pg_place *p = *state;

    farmiq_store_close(&p->store);
    free(p);
    return 0;
}

PGconn *pg_place_connect(const struct pg_place *p)
{
    char conninfo[256];
    PGconn *conn;

    pg_server_conninfo(pg_harness_server(), p->schema, conninfo, sizeof conninfo);
    conn = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return conn;
}

void pg_must(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
}

long long pg_ask(const struct pg_place *p, const char *sql)
{
    PGconn *conn = pg_place_connect(p);
    PGresult *result = PQexec(conn, sql);
    long long number;

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    number = atoll(PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return number;
}

const struct store_kind pg_kind = { "postgresql", pg_harness_open,
                                    pg_harness_open_again };
