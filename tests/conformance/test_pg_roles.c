/* SPDX-License-Identifier: Apache-2.0 */
/* deploy/postgres/roles.sql: a query that names no tenant shows nobody else's rows, and a
 * service may do its own work and no other's. */
#include "harness_pg.h"

#include <stdio.h>
#include <stdlib.h>

#include <farmiq/sql.h>
#include <farmiq/store_pg.h>

#include "pg_server.h"

static void apply_roles(PGconn *conn)
{
    FILE *file = fopen(ROLES_SQL, "r");
    static char sql[1 << 16];

    assert_non_null(file);
    sql[fread(sql, 1, sizeof sql - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    pg_must(conn, sql);
}

static const char *const users[] = { "gateway",   "telemetry", "sessions",
                                     "forwarder", "site",      "reader" };
static const char *const roles[] = { "farmiq_edge_ingress_gateway",
                                     "farmiq_edge_telemetry_timeseries",
                                     "farmiq_edge_weighvision_session",
                                     "farmiq_edge_sync_forwarder",
                                     "farmiq_edge",
                                     "farmiq_query" };

/* One user per role, as an operator makes them; twice, as after a new version. */
static int open_place(void **state)
{
    int r = pg_place_open(state);
    PGconn *conn = pg_place_connect(*state);
    char sql[300];

    pg_must(conn, "SET client_min_messages = error");
    apply_roles(conn);
    apply_roles(conn);
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        snprintf(sql, sizeof sql,
                 "DO $$BEGIN IF to_regrole('%s') IS NULL THEN"
                 " CREATE USER %s IN ROLE %s; END IF; END$$",
                 users[i], users[i], roles[i]);
        pg_must(conn, sql);
    }
    pg_must(conn, "INSERT INTO telemetry_raw (tenant_id, device_id, metric_type,"
                  " metric_value, occurred_at, ingested_at, event_id)"
                  " SELECT tenant, 'd', 'temperature', 1, now(), now(), n::text"
                  " FROM unnest(ARRAY['a', 'b']) AS tenant, generate_series(1, 3) AS n"
                  " WHERE tenant = 'b' OR n < 3");
    PQfinish(conn);
    return r;
}

static void conninfo_of(const struct pg_place *p, const char *user, char *out,
                        size_t room)
{
    snprintf(out, room, "host=%s user=%s dbname=postgres options='-c search_path=%s'",
             pg_harness_server()->dir, user, p->schema);
}

static PGconn *connect_as(const struct pg_place *p, const char *user)
{
    char conninfo[256];
    PGconn *conn;

    conninfo_of(p, user, conninfo, sizeof conninfo);
    conn = PQconnectdb(conninfo);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    return conn;
}

static struct farmiq_store open_as(const struct pg_place *p, const char *user,
                                   int read_only)
{
    struct farmiq_error error = { .size = sizeof error };
    struct farmiq_pg_options options;
    struct farmiq_store store;
    char conninfo[256];

    conninfo_of(p, user, conninfo, sizeof conninfo);
    farmiq_pg_options_init(&options, sizeof options);
    options.read_only = (uint32_t)read_only;
    if (farmiq_store_open_pg(&store, conninfo, &options, &error))
        fail_msg("%s: %s %s", user, error.field, error.detail);
    return store;
}

/* The tenant wall ------------------------------------------------------------------- */

static const struct farmiq_sql_query forgetful = {
    "test.forgetful", NULL,
    "SELECT count(*), count(DISTINCT tenant_id) FROM telemetry_raw"
};

static int on_count(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    (void)row, (void)count;
    *(int64_t *)ctx = columns[0].integer * 10 + columns[1].integer;
    return FARMIQ_OK;
}

static int64_t look(struct farmiq_store *store)
{
    int64_t seen = -1;

    assert_int_equal(farmiq_sql_run(store, &forgetful, NULL, NULL, 0, on_count, &seen),
                     FARMIQ_OK);
    return seen;
}

static void a_query_that_forgot_the_tenant_shows_only_his_rows(void **state)
{
    struct farmiq_store store = open_as(*state, "reader", 1);

    assert_int_equal(look(&store), 0);
    assert_int_equal(farmiq_pg_set_tenant(&store, text("a")), FARMIQ_OK);
    assert_int_equal(look(&store), 21);
    assert_int_equal(farmiq_pg_set_tenant(&store, text("b")), FARMIQ_OK);
    assert_int_equal(look(&store), 31);
    assert_int_equal(farmiq_pg_set_tenant(&store, text("c' OR true --")), FARMIQ_OK);
    assert_int_equal(look(&store), 0);
    assert_int_equal(farmiq_pg_set_tenant(&store, text("*")), FARMIQ_OK);
    assert_int_equal(look(&store), 52);
    farmiq_store_close(&store);
}

static void a_tenant_outlives_the_connection(void **state)
{
    struct farmiq_store store = open_as(*state, "reader", 1);

    assert_int_equal(farmiq_pg_set_tenant(&store, text("a")), FARMIQ_OK);
    pg_harness_exec("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE usename = 'reader'");
    assert_int_equal(look(&store), 21);
    farmiq_store_close(&store);
}

static void a_tenant_is_named_between_transactions(void **state)
{
    struct farmiq_store store = open_as(*state, "reader", 1), memory = { 0 };
    static int64_t room[4096];

    assert_int_equal(farmiq_store_begin(&store), FARMIQ_OK);
    assert_int_equal(farmiq_pg_set_tenant(&store, text("a")), FARMIQ_E_STATE);
    farmiq_store_rollback(&store);
    assert_int_equal(farmiq_pg_set_tenant(&store, text("")), FARMIQ_E_ARG);
    assert_int_equal(farmiq_store_open_memory(&memory, room, sizeof room), FARMIQ_OK);
    assert_int_equal(farmiq_pg_set_tenant(&memory, text("a")), FARMIQ_E_UNSUPPORTED);
    farmiq_store_close(&memory);
    farmiq_store_close(&store);
}

/* Least privilege ------------------------------------------------------------------- */

static void what_is_not_a_service_s_is_refused_to_it(void **state)
{
    static const struct {
        const char *user, *sql;
    } attempts[] = {
        { "gateway", "SELECT FROM telemetry_raw" },
        { "gateway", "INSERT INTO device_allowlist (tenant_id, device_id)"
                     " VALUES ('t', 'd')" },
        { "gateway", "INSERT INTO sync_ready VALUES (0, now(), 1, 0, 0)" },
        { "telemetry", "DELETE FROM sync_event" },
        { "telemetry", "UPDATE sync_event SET payload = ''" },
        { "telemetry", "SELECT FROM ingress_dedupe" },
        { "telemetry", "DROP TABLE telemetry_raw" },
        { "telemetry", "TRUNCATE telemetry_raw" },
        { "telemetry", "SELECT FROM telemetry_raw_other" },
        { "sessions", "SELECT FROM sync_batch" },
        { "forwarder", "SELECT FROM telemetry_raw" },
        { "forwarder", "SELECT telemetry_raw_drop(now())" },
        { "site", "CREATE TABLE mine (n integer)" },
        { "site", "DELETE FROM farmiq_migration" },
        { "reader", "DELETE FROM telemetry_raw" },
        { "reader", "UPDATE sync_event SET payload = ''" },
        { "reader", "SELECT FROM ingress_dedupe" },
        { "reader", "SELECT FROM sync_outbox" },
        { "reader", "SELECT telemetry_raw_make(now(), now())" },
    };

    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        PGconn *conn = connect_as(*state, attempts[i].user);
        PGresult *result = PQexec(conn, attempts[i].sql);
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

        if (!sqlstate || strcmp(sqlstate, "42501") != 0)
            fail_msg("%s: %s: %s", attempts[i].user, attempts[i].sql,
                     sqlstate ? sqlstate : "was done");
        PQclear(result);
        PQfinish(conn);
    }
}

static void the_outbox_s_writers_and_its_forwarder_do_their_work(void **state)
{
    static const char *const writers[] = { "telemetry", "sessions" };
    static const int32_t outcomes[] = { FARMIQ_OUTCOME_ACKED, FARMIQ_OUTCOME_REFUSED,
                                        FARMIQ_OUTCOME_RETRY };
    struct farmiq_store forwarder = open_as(*state, "forwarder", 0);
    struct farmiq_outbox_stats stats;
    struct claimer c;
    uint32_t count;

    for (size_t i = 0; i < 2; i++) {
        struct farmiq_store writer = open_as(*state, writers[i], 0);
        struct item items[3];

        make_items(items, 3, writers[i]);
        items[2].row.next_attempt_at_unix_ms = T0 + 1;
        assert_int_equal(append(&writer, items, T0), FARMIQ_OK);
        assert_int_equal(append(&writer, items, T0), FARMIQ_OK);
        assert_int_equal(items[0].row.verdict, FARMIQ_DUPLICATE);
        farmiq_store_close(&writer);
    }
    make_claimer(&c, "c");
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        assert_int_equal(claim(&forwarder, &c, 2, T0 + 2), FARMIQ_OK);
        assert_int_equal(settle(&forwarder, c.first, outcomes[i], T0 + 2), FARMIQ_OK);
    }
    farmiq_outbox_stats_init(&stats, sizeof stats);
    assert_int_equal(farmiq_store_outbox_stats(&forwarder, QUEUE, &stats), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_redrive(&forwarder, QUEUE, NULL, 0, text("me"),
                                                 text("why"), T0, &count),
                     FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_purge(&forwarder, QUEUE, 2 * T0, 10, &count),
                     FARMIQ_OK);
    farmiq_store_close(&forwarder);
}

static void the_gateway_keeps_its_ledger(void **state)
{
    struct farmiq_store gateway = open_as(*state, "gateway", 0);
    struct farmiq_sighting sighting;
    uint32_t purged;

    farmiq_sighting_init(&sighting, sizeof sighting);
    sighting.tenant_id = text("a");
    sighting.event_id = text("e");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            farmiq_store_dedupe(&gateway, LEDGER, &sighting, T0, T0 + HOUR_MS),
            FARMIQ_OK);
        assert_int_equal(sighting.verdict, i ? FARMIQ_DUPLICATE : FARMIQ_OK);
    }
    assert_int_equal(
        farmiq_store_dedupe_purge(&gateway, LEDGER, T0 + 2 * HOUR_MS, 10, &purged),
        FARMIQ_OK);
    assert_int_equal(purged, 1);
    farmiq_store_close(&gateway);
}

/* The months are tables, and the telemetry service makes and drops them none the less. */
static void the_telemetry_service_has_its_months(void **state)
{
    PGconn *conn = connect_as(*state, "telemetry");

    pg_must(conn, "SELECT telemetry_raw_make('2020-01-01Z', '2020-02-01Z')");
    pg_must(conn, "INSERT INTO telemetry_raw (tenant_id, device_id, metric_type,"
                  " metric_value, occurred_at, ingested_at, event_id)"
                  " VALUES ('a', 'd', 'm', 1, '2020-01-05Z', '2020-01-05Z', 'old')");
    pg_must(conn, "SELECT telemetry_raw_drop('2020-03-01Z', 'sync_event')");
    PQfinish(conn);
    assert_int_equal(pg_ask(*state, "SELECT count(*) FROM telemetry_raw_parts"
                                    " WHERE first < '2021-01-01Z'"),
                     0);
}

#define SHOWS(test) cmocka_unit_test_setup_teardown(test, open_place, pg_place_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHOWS(a_query_that_forgot_the_tenant_shows_only_his_rows),
        SHOWS(a_tenant_outlives_the_connection),
        SHOWS(a_tenant_is_named_between_transactions),
        SHOWS(what_is_not_a_service_s_is_refused_to_it),
        SHOWS(the_outbox_s_writers_and_its_forwarder_do_their_work),
        SHOWS(the_gateway_keeps_its_ledger),
        SHOWS(the_telemetry_service_has_its_months),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
