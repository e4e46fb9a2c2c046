/* SPDX-License-Identifier: Apache-2.0 */
/* Readings in monthly parts on PostgreSQL: none is refused, months are made ahead, and
 * whole months go away, but not what somebody still needs. */
#include "harness_pg.h"

#include <stdio.h>
#include <stdlib.h>

#include <farmiq/store_pg.h>

/* A reading that occurred at one time and arrived at another. */
static void add_reading(PGconn *conn, const char *id, const char *occurred_at,
                        const char *arrived_at)
{
    char sql[600];

    snprintf(sql, sizeof sql,
             "INSERT INTO telemetry_raw (tenant_id, device_id, metric_type, metric_value,"
             " occurred_at, ingested_at, event_id)"
             " VALUES ('t', 'd', 'temperature', 21.5, '%s', '%s', '%s')"
             " ON CONFLICT (tenant_id, event_id, occurred_at) DO NOTHING",
             occurred_at, arrived_at, id);
    pg_must(conn, sql);
}

static long long count(const struct pg_place *p, const char *from)
{
    char sql[400];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", from);
    return pg_ask(p, sql);
}

static void a_reading_of_any_year_is_kept_once(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    static const char *const times[] = { "1970-01-01Z", "1999-12-31 23:59:59.999Z",
                                         "2031-06-01Z", "today" };

    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
            char id[16];

            snprintf(id, sizeof id, "e-%zu", i);
            add_reading(conn, id, times[i], "now");
        }
    assert_int_equal(count(p, "telemetry_raw"), 4);
    assert_int_equal(count(p, "telemetry_raw_other"), 3);
    PQfinish(conn);
}

static void this_month_and_the_next_two_are_there_from_the_start(void **state)
{
    struct pg_place *p = *state;

    assert_int_equal(count(p, "telemetry_raw_parts"), 3);
    assert_int_equal(
        count(p, "telemetry_raw_parts WHERE first <= now() AND next > now()"), 1);
    assert_int_equal(pg_ask(p, "SELECT (max(next) > now() + interval '2 months')::integer"
                               " FROM telemetry_raw_parts"),
                     1);
}

static void a_month_that_is_made_takes_its_readings_out_of_the_rest(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);

    add_reading(conn, "before", "2031-05-31 23:59:59.999Z", "now");
    add_reading(conn, "first", "2031-06-01Z", "now");
    add_reading(conn, "last", "2031-06-30 23:59:59.999Z", "now");
    add_reading(conn, "after", "2031-07-01Z", "now");
    assert_int_equal(
        count(p, "telemetry_raw_make('2031-06-15 12:00Z', '2031-06-16Z') AS part"
                 " WHERE part = 'telemetry_raw_2031_06'"),
        1);
    assert_int_equal(count(p, "telemetry_raw_make('2031-06-15Z', '2031-06-16Z')"), 0);
    assert_int_equal(count(p, "telemetry_raw_2031_06"), 2);
    assert_int_equal(count(p, "telemetry_raw_other"), 2);
    add_reading(conn, "first", "2031-06-01Z", "now");
    assert_int_equal(count(p, "telemetry_raw"), 4);
    PQfinish(conn);
}

/* UTC decides, wherever the server or the session believes to be. */
static void a_month_is_that_of_utc(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);

    pg_must(conn, "SET timezone = 'Pacific/Auckland'");
    pg_must(conn, "SELECT telemetry_raw_make('2031-05-31 23:00Z', '2031-05-31 23:30Z')");
    assert_int_equal(count(p, "telemetry_raw_parts WHERE first = '2031-05-01Z'"
                              " AND next = '2031-06-01Z'"),
                     1);
    PQfinish(conn);
}

static void only_months_that_nobody_needs_are_dropped(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    struct item sent[1];

    pg_must(conn, "SELECT telemetry_raw_make('2020-01-01Z', '2020-05-31Z')");
    add_reading(conn, "old", "2020-01-15Z", "2020-01-15Z");
    add_reading(conn, "late", "2020-02-15Z", "2024-01-15Z");
    add_reading(conn, "e-0", "2020-03-15Z", "2020-03-15Z");
    add_reading(conn, "young", "2020-05-15Z", "2020-05-15Z");
    make_items(sent, 1, "e");
    sent[0].event.tenant_id = text("t");
    sent[0].event.occurred_at_unix_ms = INT64_C(1584230400000);
    assert_int_equal(append(&p->store, sent, T0), FARMIQ_OK);
    assert_int_equal(count(p, "telemetry_raw_drop('2020-05-01Z', 'sync_event') AS part"
                              " WHERE part IN ('telemetry_raw_2020_01',"
                              " 'telemetry_raw_2020_04')"),
                     2);
    assert_int_equal(count(p, "telemetry_raw"), 3);
    pg_must(conn, "DELETE FROM sync_event");
    assert_int_equal(count(p, "telemetry_raw_drop('2024-02-01Z', 'sync_event')"), 3);
    assert_int_equal(count(p, "telemetry_raw"), 0);
    PQfinish(conn);
}

/* Whoever holds the table for long does not make all the writers queue up behind us. */
static void who_would_have_to_wait_for_the_table_gives_up(void **state)
{
    struct pg_place *p = *state;
    PGconn *reader = pg_place_connect(p), *janitor = pg_place_connect(p);
    PGresult *result;

    pg_must(janitor, "SELECT telemetry_raw_make('2020-01-01Z', '2020-01-31Z')");
    pg_must(reader, "BEGIN; SELECT count(*) FROM telemetry_raw");
    result = PQexec(janitor, "SELECT telemetry_raw_drop('2021-01-01Z')");
    assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "55P03");
    PQclear(result);
    pg_must(reader, "COMMIT");
    pg_must(janitor, "SELECT telemetry_raw_drop('2021-01-01Z')");
    PQfinish(reader);
    PQfinish(janitor);
}

/* Two services that make the same month at once. */
static void makers_take_turns(void **state)
{
    struct pg_place *p = *state;
    PGconn *first = pg_place_connect(p), *second = pg_place_connect(p);

    pg_must(first, "BEGIN; SELECT telemetry_raw_make('2031-01-01Z', '2031-03-31Z')");
    assert_int_equal(
        PQsendQuery(second, "SELECT telemetry_raw_make('2031-01-01Z', '2031-03-31Z')"),
        1);
    pg_must(first, "COMMIT");
    for (PGresult *result; (result = PQgetResult(second)); PQclear(result)) {
        assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
        assert_int_equal(PQntuples(result), 0);
    }
    PQfinish(first);
    PQfinish(second);
}

#define SHOWS(test) cmocka_unit_test_setup_teardown(test, pg_place_open, pg_place_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHOWS(a_reading_of_any_year_is_kept_once),
        SHOWS(this_month_and_the_next_two_are_there_from_the_start),
        SHOWS(a_month_that_is_made_takes_its_readings_out_of_the_rest),
        SHOWS(a_month_is_that_of_utc),
        SHOWS(only_months_that_nobody_needs_are_dropped),
        SHOWS(who_would_have_to_wait_for_the_table_gives_up),
        SHOWS(makers_take_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
