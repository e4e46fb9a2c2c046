/* SPDX-License-Identifier: Apache-2.0 */
/* The server of the scenarios on PostgreSQL: each database of a farm is a namespace. */
#include "sim_pg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "../conformance/pg_server.h"
#include "sim.h"

static struct pg_server server;
static PGconn *control;
static uint32_t places;

static void must(const char *sql)
{
    PGresult *result = PQexec(control, sql);

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(control));
        abort();
    }
    PQclear(result);
}

int sim_pg_start(void)
{
    char conninfo[256];

    pg_server_start(&server);
    pg_server_conninfo(&server, "public", conninfo, sizeof conninfo);
    control = PQconnectdb(conninfo);
    if (PQstatus(control) != CONNECTION_OK)
        return 0;
    must("SET synchronous_commit = off");
    must("CREATE TABLE sim_clock (now_unix_ms bigint)");
    must("INSERT INTO sim_clock VALUES (0)");
    return 1;
}

void sim_pg_stop(void)
{
    if (!control)
        return;
    PQfinish(control);
    control = NULL;
    pg_server_stop(&server);
}

int sim_pg_is_on(void) { return control != NULL; }

#define PLACE "search_path%3Dplace_"

void sim_pg_make_place(char *url, size_t room)
{
    char sql[64];

    snprintf(sql, sizeof sql, "CREATE SCHEMA place_%u", ++places);
    must(sql);
    snprintf(url, room,
             "postgresql://farmiq@/postgres?host=%s&options=-c%%20%s%u"
             "%%20-c%%20synchronous_commit%%3Doff%%20-c%%20lock_timeout%%3D20",
             server.dir, PLACE, places);
}

void sim_pg_take_clock(const char *url)
{
    char sql[256];

    snprintf(sql, sizeof sql,
             "CREATE OR REPLACE FUNCTION place_%d.farmiq_now() RETURNS timestamptz"
             " LANGUAGE sql STABLE AS 'SELECT to_timestamp(now_unix_ms / 1000.0)"
             " FROM public.sim_clock'",
             atoi(strstr(url, PLACE) + strlen(PLACE)));
    must(sql);
}

void sim_pg_set_clock(void)
{
    char sql[80];

    if (!control)
        return;
    snprintf(sql, sizeof sql, "UPDATE sim_clock SET now_unix_ms = %" PRId64,
             sim_now_ms());
    must(sql);
}
