/* SPDX-License-Identifier: Apache-2.0 */
/* What only PostgreSQL can show: many claimers at once, a server that dies and comes
 * back, the caller's own connection, the database's clock. */
#include "harness_pg.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <farmiq/sql.h>
#include <farmiq/store_pg.h>

#include "pg_server.h"
#include "queue_queries.h"

static int64_t now_unix_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Statements ------------------------------------------------------------------------ */

static int prepares(PGconn *conn, const char *text, const char *queue)
{
    char sql[8192], *to = sql;
    PGresult *result;
    int is_good;

    for (const char *hole; (hole = strstr(text, "{queue}")); text = hole + 7)
        to += sprintf(to, "%.*s%s", (int)(hole - text), text, queue);
    sprintf(to, "%s", text);
    result = PQprepare(conn, "", sql, 0, NULL);
    is_good = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!is_good)
        print_error("%s", PQerrorMessage(conn));
    PQclear(result);
    return is_good;
}

/* Each verb has a spelling for PostgreSQL, and the server understands it. */
static void every_statement_prepares(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    int count = 0;

    for (; queue_queries[count]; count++) {
        const struct farmiq_sql_query *query = queue_queries[count];
        const char *queue = strstr(query->name, "sighting") ? LEDGER : QUEUE;

        if (!query->pg)
            fail_msg("%s has no spelling for PostgreSQL", query->name);
        if (!prepares(conn, query->pg, queue))
            fail_msg("%s", query->name);
    }
    assert_true(count > 30);
    PQfinish(conn);
}

/* Every type that a statement may take or give, alone and as an array, and NULL. */
static const struct farmiq_sql_query types_alone = {
    "test.types_alone", NULL,
    "SELECT $1::bigint, $2::integer, $3::smallint, $4::boolean, $5::timestamptz,"
    " $6::text, $7::bytea, $8::double precision, $9::bigint, $10::varchar, $11::json"
};
static const struct farmiq_sql_query types_many = {
    "test.types_many", NULL,
    "SELECT n, a, b, c, d, e, f, g, h, i, j, k FROM unnest($1::bigint[], $2::integer[],"
    " $3::smallint[], $4::boolean[], $5::timestamptz[], $6::text[], $7::bytea[],"
    " $8::double precision[], $9::bigint[], $10::varchar[], $11::json[])"
    " WITH ORDINALITY AS g (a, b, c, d, e, f, g, h, i, j, k, n) ORDER BY n DESC"
};

enum { TYPES = 11 };

struct expected {
    const struct farmiq_sql_value *params;
    uint32_t rows;
};

static void assert_same_value(const struct farmiq_sql_value *a,
                              const struct farmiq_sql_value *b)
{
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->integer, b->integer);
    assert_memory_equal(&a->real, &b->real, sizeof a->real);
    assert_int_equal(a->text.len, b->text.len);
    if (a->text.len)
        assert_memory_equal(a->text.ptr, b->text.ptr, a->text.len);
}

static int on_types(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                    uint32_t count)
{
    struct expected *e = ctx;

    assert_int_equal(count, TYPES);
    for (uint32_t i = 0; i < count; i++)
        assert_same_value(&columns[i], &e->params[row * TYPES + i]);
    e->rows++;
    return FARMIQ_OK;
}

static void make_values(struct farmiq_sql_value *v, int sign)
{
    static const struct farmiq_str bytes = { "\0\xff\x01", 3 };
    const struct farmiq_sql_value values[TYPES] = {
        farmiq_sql_integer(sign > 0 ? INT64_MAX : INT64_MIN),
        farmiq_sql_integer(sign > 0 ? INT32_MAX : INT32_MIN),
        farmiq_sql_integer(sign * 32767),
        farmiq_sql_integer(sign > 0),
        farmiq_sql_integer(sign * T0 + 7),
        farmiq_sql_text(text(sign > 0 ? "k\xc3\xa4lte" : "")),
        { .type = FARMIQ_SQL_BLOB, .text = bytes },
        farmiq_sql_real(sign * 21.25),
        farmiq_sql_null(),
        farmiq_sql_text(text("short")),
        farmiq_sql_text(text("{\"a\":1}")),
    };

    memcpy(v, values, sizeof values);
}

static void values_come_back_as_they_went(void **state)
{
    struct pg_place *p = *state;
    struct farmiq_sql_value values[3 * TYPES];
    struct expected e = { values, 0 };

    make_values(values, 1);
    make_values(values + TYPES, -1);
    make_values(values + 2 * TYPES, 1);
    assert_int_equal(
        farmiq_sql_run(&p->store, &types_alone, NULL, values, TYPES, on_types, &e), 0);
    assert_int_equal(e.rows, 1);
    assert_int_equal(
        farmiq_sql_run_many(&p->store, &types_many, NULL, values, TYPES, 3, on_types, &e),
        FARMIQ_OK);
    assert_int_equal(e.rows, 4);
}

static int on_any(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                  uint32_t count)
{
    (void)row, (void)columns, (void)count;
    ++*(int *)ctx;
    return FARMIQ_OK;
}

/* What cannot be kept as it was given is refused before anything is sent. */
static void a_value_of_the_wrong_type_is_refused(void **state)
{
    static const struct farmiq_sql_query small = { "test.small", NULL,
                                                   "SELECT $1::smallint" },
                                         words = { "test.words", NULL,
                                                   "SELECT $1::text" },
                                         time = { "test.time", NULL,
                                                  "SELECT $1::timestamptz" };
    static const struct farmiq_str cut = { "a\0b", 3 };
    const struct farmiq_sql_value big = farmiq_sql_integer(32768),
                                  nul = farmiq_sql_text(cut),
                                  odd = farmiq_sql_text(text("\xff\xfe")),
                                  late = farmiq_sql_integer(INT64_MAX);
    struct pg_place *p = *state;
    int rows = 0;

    assert_int_equal(farmiq_sql_run(&p->store, &small, NULL, &big, 1, on_any, &rows),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(&p->store, &words, NULL, &nul, 1, on_any, &rows),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(&p->store, &words, NULL, &odd, 1, on_any, &rows),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(&p->store, &time, NULL, &late, 1, on_any, &rows),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(&p->store, &words, NULL, &nul, 2, on_any, &rows),
                     FARMIQ_E_ARG);
    assert_int_equal(rows, 0);
}

/* Failures -------------------------------------------------------------------------- */

/* The server's refusals have our names, and nothing of a refused append is left. */
static void refusals_have_our_names(void **state)
{
    static const struct {
        const char *sqlstate;
        int code;
    } refusals[] = { { "40001", FARMIQ_E_BUSY },
                     { "40P01", FARMIQ_E_BUSY },
                     { "55P03", FARMIQ_E_BUSY },
                     { "53100", FARMIQ_E_NOSPACE },
                     { "XX000", FARMIQ_E_STORE } };
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    struct item items[3];
    char sql[400];

    make_items(items, 3, "e");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        snprintf(sql, sizeof sql,
                 "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                 " $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '%s'; END$$;"
                 "CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON sync_ready"
                 " FOR EACH ROW EXECUTE FUNCTION refuse()",
                 refusals[i].sqlstate);
        pg_must(conn, sql);
        assert_int_equal(append(&p->store, items, T0), refusals[i].code);
        assert_memory_equal(farmiq_pg_error_text(&p->store), refusals[i].sqlstate, 5);
    }
    pg_must(conn, "DROP TRIGGER refuse ON sync_ready");
    assert_int_equal(append(&p->store, items, T0), FARMIQ_OK);
    assert_int_equal(items[2].row.verdict, FARMIQ_OK);
    assert_stats(&p->store, 3, 0, 0, 0);
    PQfinish(conn);
}

static void a_slow_statement_is_ended(void **state)
{
    static const struct farmiq_sql_query nap = { "test.nap", NULL,
                                                 "SELECT 1 FROM pg_sleep(20)" };
    struct pg_place *p = *state;
    struct farmiq_pg_options options;
    struct farmiq_store store;
    char conninfo[256];
    int64_t before = now_unix_ms();

    farmiq_pg_options_init(&options, sizeof options);
    options.statement_timeout_ms = 50;
    pg_server_conninfo(pg_harness_server(), p->schema, conninfo, sizeof conninfo);
    assert_int_equal(farmiq_store_open_pg(&store, conninfo, &options, NULL), FARMIQ_OK);
    assert_int_equal(farmiq_sql_run(&store, &nap, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_E_STORE);
    assert_true(now_unix_ms() - before < 10000);
    farmiq_store_close(&store);
}

/* What was acknowledged before the crash is there after it; what was in a transaction is
 * not; and the store finds the server again by itself. */
static void a_crashed_server_loses_nothing_committed(void **state)
{
    struct pg_place *p = *state;
    struct item kept[2], lost[3];
    int r = FARMIQ_E_STORE;

    make_items(kept, 2, "kept");
    make_items(lost, 3, "lost");
    assert_int_equal(append(&p->store, kept, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(append(&p->store, lost, T0), FARMIQ_OK);
    pg_server_kill(pg_harness_server());
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_E_STORE);
    assert_int_equal(append(&p->store, lost, T0), FARMIQ_E_STORE);
    farmiq_store_rollback(&p->store);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_E_STORE);
    pg_server_restart(pg_harness_server());
    pg_harness_connect();
    for (int tries = 0; tries < 100 && r == FARMIQ_E_STORE; tries++, usleep(20000))
        r = append(&p->store, lost, T0);
    assert_int_equal(r, FARMIQ_OK);
    assert_int_equal(lost[0].row.verdict, FARMIQ_OK);
    assert_stats(&p->store, 5, 0, 0, 0);
}

static void end_connections(void)
{
    pg_harness_exec("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE application_name = 'farmiq'");
}

/* A connection that went away while nothing was asked of it is nobody's business. */
static void an_idle_loss_is_not_noticed(void **state)
{
    struct pg_place *p = *state;
    struct item items[1];

    make_items(items, 1, "e");
    assert_int_equal(append(&p->store, items, T0), FARMIQ_OK);
    end_connections();
    assert_int_equal(append(&p->store, items, T0), FARMIQ_OK);
    assert_int_equal(items[0].row.verdict, FARMIQ_DUPLICATE);
}

/* The caller's connection ------------------------------------------------------------ */

static void the_callers_rows_share_the_outboxs_fate(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    struct farmiq_store store;
    struct item items[2];

    pg_must(conn, "CREATE TABLE own (n integer)");
    assert_int_equal(farmiq_store_wrap_pg(&store, conn), FARMIQ_OK);
    make_items(items, 2, "e");
    for (int is_kept = 0; is_kept <= 1; is_kept++) {
        pg_must(conn, "BEGIN; INSERT INTO own VALUES (1)");
        assert_int_equal(append(&store, items, T0), FARMIQ_OK);
        assert_int_equal(items[0].row.verdict, FARMIQ_OK);
        pg_must(conn, is_kept ? "COMMIT" : "ROLLBACK");
        assert_int_equal(pg_ask(p, "SELECT count(*) FROM own"), is_kept);
        assert_stats(&p->store, is_kept ? 2 : 0, 0, 0, 0);
    }
    farmiq_store_close(&store);
    assert_int_equal(PQstatus(conn), CONNECTION_OK);
    pg_must(conn, "SELECT 1");
    PQfinish(conn);
}

static void begin_in_the_callers_transaction_is_a_savepoint(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    struct farmiq_store store;
    struct item gone[1], kept[1];

    make_items(gone, 1, "gone");
    make_items(kept, 1, "kept");
    assert_int_equal(farmiq_store_wrap_pg(&store, conn), FARMIQ_OK);
    pg_must(conn, "BEGIN");
    assert_int_equal(append(&store, kept, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&store), FARMIQ_OK);
    assert_int_equal(append(&store, gone, T0), FARMIQ_OK);
    farmiq_store_rollback(&store);
    assert_int_equal(farmiq_store_begin(&store), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&store), FARMIQ_OK);
    assert_stats(&p->store, 0, 0, 0, 0);
    pg_must(conn, "COMMIT");
    assert_stats(&p->store, 1, 0, 0, 0);
    farmiq_store_close(&store);
    PQfinish(conn);
}

/* Round trips ------------------------------------------------------------------------ */

static void assert_trips(uint32_t count) { assert_int_equal(pg_server_trips(), count); }

static const struct farmiq_sql_query
    add = { "test.add", NULL, "INSERT INTO note VALUES (1)" },
    fail = { "test.fail", NULL, "INSERT INTO note VALUES (1 / (SELECT 0))" },
    empty = { "test.empty", NULL, "DELETE FROM note" },
    end = { "test.end", NULL, "ROLLBACK" };

static int run(struct farmiq_store *store, const struct farmiq_sql_query *query)
{
    return farmiq_sql_run(store, query, NULL, NULL, 0, NULL, NULL);
}

static int add_note(struct farmiq_store *store) { return run(store, &add); }

static int fail_note(struct farmiq_store *store) { return run(store, &fail); }

/* Both statements are prepared when this returns. */
static void make_notes(struct pg_place *p)
{
    PGconn *conn = pg_place_connect(p);

    pg_must(conn, "CREATE TABLE note (n integer)");
    PQfinish(conn);
    assert_int_equal(fail_note(&p->store), FARMIQ_E_STORE);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(run(&p->store, &empty), FARMIQ_OK);
    (void)pg_server_trips();
}

static void assert_notes(const struct pg_place *p, int count)
{
    assert_int_equal(pg_ask(p, "SELECT count(*) FROM note"), count);
}

static void begins_and_releases_cost_no_round_trip(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    for (uint32_t unit = 0; unit < 3; unit++) {
        assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
        assert_trips(0);
        assert_int_equal(add_note(&p->store), FARMIQ_OK);
        assert_trips(1);
        assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    }
    assert_trips(0);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_trips(1);
    assert_notes(p, 3);
}

static void what_is_given_up_untouched_is_never_sent(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    for (int is_kept = 0; is_kept <= 1; is_kept++) {
        assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
        assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
        farmiq_store_rollback(&p->store);
        if (is_kept)
            assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
        else
            farmiq_store_rollback(&p->store);
        assert_trips(0);
        assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_E_STATE);
    }
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

/* As many levels as anybody nests, and more. */
static void any_depth_of_savepoints_holds(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    for (uint32_t depth = 0; depth < 20; depth++)
        assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    for (uint32_t depth = 0; depth < 19; depth++)
        assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 0);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

/* The begin of both travelled with the statement that fails. */
static void a_failure_right_after_begin_undoes_its_savepoint_alone(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(fail_note(&p->store), FARMIQ_E_STORE);
    assert_memory_equal(farmiq_pg_error_text(&p->store), "22012", 5);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_E_STORE);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_E_STORE);
    farmiq_store_rollback(&p->store);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(fail_note(&p->store), FARMIQ_E_STORE);
    farmiq_store_rollback(&p->store);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

/* The first unit's savepoint waits to be released when what is around it is undone. */
static void a_savepoint_is_undone_with_those_released_in_it(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    farmiq_store_rollback(&p->store);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

/* The transaction was ended behind the store's back, so that the savepoint that waits is
 * refused: nothing more runs, or it would be committed by itself. */
static void a_begin_that_fails_late_ends_the_whole_transaction(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(run(&p->store, &end), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_E_STORE);
    assert_memory_equal(farmiq_pg_error_text(&p->store), "25P01", 5);
    farmiq_store_rollback(&p->store);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_E_STORE);
    assert_int_equal(add_note(&p->store), FARMIQ_E_STORE);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_E_STORE);
    farmiq_store_rollback(&p->store);
    assert_notes(p, 0);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

static void a_loss_before_the_first_statement_is_not_noticed(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    end_connections();
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 0);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

/* Neither the rest of it, nor what was released but not committed, is there after. */
static void a_loss_after_the_first_statement_is_the_transactions(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    end_connections();
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_E_STORE);
    assert_int_equal(add_note(&p->store), FARMIQ_E_STORE);
    farmiq_store_rollback(&p->store);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_E_STORE);
    farmiq_store_rollback(&p->store);
    assert_notes(p, 0);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

/* Its first statement failed for good, so the next one is not to be committed alone. */
static void a_transaction_that_found_no_server_stays_failed(void **state)
{
    struct pg_place *p = *state;

    make_notes(p);
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    pg_server_kill(pg_harness_server());
    assert_int_equal(add_note(&p->store), FARMIQ_E_STORE);
    pg_server_restart(pg_harness_server());
    pg_harness_connect();
    usleep(300000);
    assert_int_equal(add_note(&p->store), FARMIQ_E_STORE);
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_E_STORE);
    farmiq_store_rollback(&p->store);
    assert_notes(p, 0);
    assert_int_equal(add_note(&p->store), FARMIQ_OK);
    assert_notes(p, 1);
}

/* A schema's steps run in the transaction, however little it has done before. */
static void a_schema_added_in_a_transaction_goes_with_it(void **state)
{
    static const char is_there[] = "SELECT count(*) FROM farmiq_migration"
                                   " WHERE schema = 'agent'";
    struct pg_place *p = *state;

    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_int_equal(farmiq_pg_add_schema(&p->store, farmiq_schema_agent(), NULL),
                     FARMIQ_OK);
    farmiq_store_rollback(&p->store);
    assert_int_equal(pg_ask(p, is_there), 0);
}

/* At every moment he may go on by himself: begin, commit and rollback were done. */
static void the_callers_connection_has_done_what_he_was_told(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    struct farmiq_store store;

    pg_must(conn, "CREATE TABLE note (n integer)");
    assert_int_equal(farmiq_store_wrap_pg(&store, conn), FARMIQ_OK);
    pg_must(conn, "BEGIN");
    for (int is_kept = 0; is_kept <= 1; is_kept++) {
        assert_int_equal(farmiq_store_begin(&store), FARMIQ_OK);
        assert_int_equal(PQpipelineStatus(conn), PQ_PIPELINE_OFF);
        pg_must(conn, "INSERT INTO note VALUES (1)");
        assert_int_equal(add_note(&store), FARMIQ_OK);
        assert_int_equal(PQpipelineStatus(conn), PQ_PIPELINE_OFF);
        if (is_kept)
            assert_int_equal(farmiq_store_commit(&store), FARMIQ_OK);
        else
            farmiq_store_rollback(&store);
        assert_int_equal(PQpipelineStatus(conn), PQ_PIPELINE_OFF);
    }
    pg_must(conn, "COMMIT");
    assert_notes(p, 2);
    farmiq_store_close(&store);
    PQfinish(conn);
}

/* Leases ----------------------------------------------------------------------------- */

/* A worker whose clock is years ahead takes nothing over; one whose clock is years
 * behind holds its lease no longer than others. */
static void only_the_databases_clock_judges_leases(void **state)
{
    struct pg_place *p = *state;
    struct item items[2];
    struct claimer honest, fast, slow;
    uint32_t unclaimed = 9;

    make_items(items, 2, "e");
    make_claimer(&honest, "honest");
    make_claimer(&fast, "fast");
    make_claimer(&slow, "slow");
    assert_int_equal(append(&p->store, items, T0), FARMIQ_OK);
    assert_int_equal(claim(&p->store, &honest, 1, now_unix_ms()), FARMIQ_OK);
    slow.claim.lease_ms = 1;
    assert_int_equal(claim(&p->store, &slow, 1, T0), FARMIQ_OK);
    usleep(20000);
    assert_int_equal(claim(&p->store, &fast, 10, 2 * T0), FARMIQ_OK);
    assert_id(fast.first, "e-1");
    assert_int_equal(chain_length(fast.first), 1);
    assert_int_equal(claim(&p->store, &slow, 10, 2 * T0), FARMIQ_NONE);
    assert_int_equal(farmiq_store_outbox_unclaim(&p->store, QUEUE, 2 * T0, 0, &unclaimed),
                     FARMIQ_OK);
    assert_int_equal(unclaimed, 0);
    assert_int_equal(settle(&p->store, honest.first, FARMIQ_OUTCOME_ACKED, now_unix_ms()),
                     FARMIQ_OK);
}

/* Resuming --------------------------------------------------------------------------- */

/* Two stores on one queue: what one appends, the other claims. Ten rows are there, and
 * the claimer has had the first two. */
struct pair {
    struct farmiq_store other;
    struct claimer claimer;
    int64_t now;
};

static void make_pair(struct pg_place *p, struct pair *pair)
{
    static struct item items[10];

    make_items(items, 10, "e");
    pair->now = now_unix_ms();
    assert_int_equal(pg_harness_open_plain(p->schema, &pair->other), FARMIQ_OK);
    assert_int_equal(append(&p->store, items, T0), FARMIQ_OK);
    make_claimer(&pair->claimer, "c");
    assert_int_equal(claim(&p->store, &pair->claimer, 2, pair->now), FARMIQ_OK);
    assert_id(pair->claimer.first, "e-0");
}

static void append_one(struct farmiq_store *store, const char *prefix,
                       int64_t occurred_at_unix_ms, int32_t priority)
{
    struct item item[1];

    make_items(item, 1, prefix);
    item[0].event.occurred_at_unix_ms = occurred_at_unix_ms;
    item[0].row.priority = priority;
    assert_int_equal(append(store, item, T0), FARMIQ_OK);
}

static void assert_next(struct pg_place *p, struct pair *pair, int64_t now,
                        const char *id)
{
    assert_int_equal(claim(&p->store, &pair->claimer, 1, now), FARMIQ_OK);
    assert_id(pair->claimer.first, id);
}

static void an_older_row_of_another_process_waits_a_second_at_most(void **state)
{
    struct pg_place *p = *state;
    struct pair pair;

    make_pair(p, &pair);
    append_one(&pair.other, "old", T0 - HOUR_MS, 0);
    assert_next(p, &pair, pair.now + 999, "e-2");
    assert_next(p, &pair, pair.now + 1001, "old-0");
    assert_next(p, &pair, pair.now + 1001, "e-3");
    append_one(&pair.other, "older", T0 - 2 * HOUR_MS, 0);
    assert_next(p, &pair, pair.now - 1, "older-0"); /* the clock jumped back */
    farmiq_store_close(&pair.other);
}

static void an_older_row_is_found_when_nothing_else_is_left(void **state)
{
    struct pg_place *p = *state;
    struct pair pair;

    make_pair(p, &pair);
    assert_int_equal(claim(&p->store, &pair.claimer, 20, pair.now), FARMIQ_OK);
    append_one(&pair.other, "old", T0 - HOUR_MS, 0);
    assert_next(p, &pair, pair.now, "old-0");
    assert_int_equal(claim(&p->store, &pair.claimer, 1, pair.now), FARMIQ_NONE);
    farmiq_store_close(&pair.other);
}

static void another_priority_is_seen_at_once(void **state)
{
    struct pg_place *p = *state;
    struct pair pair;

    make_pair(p, &pair);
    append_one(&pair.other, "urgent", T0, 5);
    append_one(&pair.other, "later", T0 - HOUR_MS, -5);
    assert_next(p, &pair, pair.now, "urgent-0");
    append_one(&pair.other, "urgent2", T0 + 1, 5);
    assert_next(p, &pair, pair.now, "urgent2-0");
    assert_next(p, &pair, pair.now, "e-2");
    farmiq_store_close(&pair.other);
}

static void what_this_store_appends_or_gives_back_is_seen_at_once(void **state)
{
    struct pg_place *p = *state;
    struct pair pair;

    make_pair(p, &pair);
    append_one(&p->store, "old", T0 - HOUR_MS, 0);
    assert_next(p, &pair, pair.now, "old-0");
    assert_int_equal(
        settle(&p->store, pair.claimer.first, FARMIQ_OUTCOME_UNREACHED, pair.now),
        FARMIQ_OK);
    assert_next(p, &pair, pair.now, "old-0");
    assert_int_equal(farmiq_store_begin(&p->store), FARMIQ_OK);
    assert_next(p, &pair, pair.now, "e-2");
    farmiq_store_rollback(&p->store);
    assert_next(p, &pair, pair.now, "e-2");
    farmiq_store_close(&pair.other);
}

enum { THREADS = 8, RACE_BATCH = 100, APPEND_ROWS = 500 };
enum { RACE_ROWS = 20000, SOAK_RACE_ROWS = 1000000 }; /* FARMIQ_SOAK=1: the second */

struct racer;

/* What the claimers did, seen from outside: who was given a row, and until when. */
struct race {
    const struct pg_place *place;
    uint32_t rows;
    pthread_mutex_t lock;
    int64_t *leased_until; /* 0: nobody holds it */
    const struct racer **holders;
    uint8_t *acks;
    int shared, failed, lost; /* rows under two live leases; errors; leases that ended */
    uint32_t acked;
};

struct racer {
    struct race *race;
    struct farmiq_store store;
    struct claimer claimer;
    int64_t room[32 * 1024];
    uint32_t random;
    uint64_t claims;
};

static uint32_t draw(struct racer *r, uint32_t below)
{
    r->random = r->random * 1664525 + 1013904223;
    return (r->random >> 8) % below;
}

static uint32_t number_of(const struct farmiq_outbox_row *row)
{
    return (uint32_t)strtoul(row->event->event_id.ptr + 2, NULL, 10);
}

/* A lease begins no earlier than the claim was asked for, and so ends no earlier than
 * `lease_ms` after that: until then nobody else may have the row. */
static void note_claim(const struct racer *r, int64_t asked_at, int64_t lease_ms)
{
    struct race *race = r->race;
    const struct farmiq_outbox_row *row;
    int64_t now, until = asked_at + lease_ms;

    pthread_mutex_lock(&race->lock);
    now = now_unix_ms();
    for (row = r->claimer.first; row && until > now; row = row->next) {
        uint32_t n = number_of(row);

        race->shared += race->leased_until[n] > now || race->acks[n];
        race->leased_until[n] = until;
        race->holders[n] = r;
    }
    pthread_mutex_unlock(&race->lock);
}

/* Before the settlement is asked for, as afterwards another may have the rows. */
static void note_release(const struct racer *r)
{
    struct race *race = r->race;
    const struct farmiq_outbox_row *row;

    pthread_mutex_lock(&race->lock);
    for (row = r->claimer.first; row; row = row->next)
        if (race->holders[number_of(row)] == r)
            race->leased_until[number_of(row)] = 0;
    pthread_mutex_unlock(&race->lock);
}

static void note_settled(struct race *race, const struct farmiq_outbox_row *first,
                         int32_t outcome, int r)
{
    pthread_mutex_lock(&race->lock);
    race->failed += r < 0;
    race->lost += r == FARMIQ_NONE;
    for (; first && r == FARMIQ_OK && outcome == FARMIQ_OUTCOME_ACKED;
         first = first->next) {
        race->acks[number_of(first)]++;
        race->acked++;
    }
    pthread_mutex_unlock(&race->lock);
}

static int is_over(struct race *race)
{
    int over;

    pthread_mutex_lock(&race->lock);
    over = race->acked >= race->rows || race->failed || race->shared;
    pthread_mutex_unlock(&race->lock);
    return over;
}

static int race_claim(struct racer *r, int64_t lease_ms)
{
    struct farmiq_outbox_claim *c = &r->claimer.claim;
    int64_t asked_at = now_unix_ms();
    int result;

    c->limit = RACE_BATCH;
    c->lease_ms = (uint32_t)lease_ms;
    c->max_claims = 100000;
    c->memory = r->room;
    c->memory_bytes = sizeof r->room;
    c->now_unix_ms = asked_at;
    c->token[0] = (uint64_t)(uintptr_t)r;
    c->token[1] = ++r->claims;
    result = farmiq_store_outbox_claim(&r->store, QUEUE, c, &r->claimer.first);
    if (result == FARMIQ_OK)
        note_claim(r, asked_at, lease_ms);
    return result;
}

/* Some settle at once, some after their lease has ended, some never. */
static void race_once(struct racer *r)
{
    int is_short = draw(r, 10) == 0;
    int32_t outcome = draw(r, 8) ? FARMIQ_OUTCOME_ACKED : FARMIQ_OUTCOME_UNREACHED;
    int result = race_claim(r, is_short ? 5 : 60000);
    int64_t now = now_unix_ms();

    if (result != FARMIQ_OK) {
        note_settled(r->race, NULL, outcome, result < 0 ? result : FARMIQ_OK);
        usleep(2000);
        return;
    }
    if (is_short) {
        usleep(draw(r, 20) * 1000);
        if (draw(r, 2))
            return; /* crashed */
    }
    note_release(r);
    for (struct farmiq_outbox_row *row = r->claimer.first; row; row = row->next)
        result |= farmiq_outbox_settle(row, NULL, outcome, now, 0);
    result = farmiq_store_outbox_settle(&r->store, QUEUE, r->claimer.first, now);
    note_settled(r->race, r->claimer.first, outcome, result);
}

static void *race_thread(void *arg)
{
    struct racer *r = arg;

    while (!is_over(r->race))
        race_once(r);
    return NULL;
}

static void append_race_rows(struct pg_place *p, uint32_t rows)
{
    static struct item items[APPEND_ROWS];

    for (uint32_t first = 0; first < rows; first += APPEND_ROWS) {
        make_items(items, APPEND_ROWS, "r");
        for (uint32_t i = 0; i < APPEND_ROWS; i++) {
            snprintf(items[i].id, sizeof items[i].id, "r-%07u", first + i);
            items[i].event.event_id = text(items[i].id);
        }
        assert_int_equal(append(&p->store, items, T0), FARMIQ_OK);
    }
}

static struct race make_race(const struct pg_place *p)
{
    const char *soak = getenv("FARMIQ_SOAK");
    struct race race = { .place = p, .lock = PTHREAD_MUTEX_INITIALIZER };

    race.rows = soak && *soak == '1' ? SOAK_RACE_ROWS : RACE_ROWS;
    race.leased_until = calloc(race.rows, sizeof *race.leased_until);
    race.holders = calloc(race.rows, sizeof *race.holders);
    race.acks = calloc(race.rows, sizeof *race.acks);
    assert_true(race.leased_until && race.holders && race.acks);
    return race;
}

static void assert_won(const struct race *race)
{
    struct pg_place *p = (struct pg_place *)(uintptr_t)race->place;

    assert_int_equal(race->shared, 0);
    assert_int_equal(race->failed, 0);
    assert_true(race->lost > 0);
    for (uint32_t i = 0; i < race->rows; i++)
        assert_int_equal(race->acks[i], 1);
    assert_stats(&p->store, 0, 0, 0, race->rows);
    assert_int_equal(pg_ask(p, "SELECT count(*) FROM sync_outbox"
                               " WHERE status <> 'acked'"),
                     0);
    assert_int_equal(pg_ask(p, "SELECT deadlocks FROM pg_stat_database"
                               " WHERE datname = current_database()"),
                     0);
}

/* Eight claimers, leases that end under them, some that crash: no row is ever under two
 * live leases, none is stranded, none is acknowledged twice, and nobody is told of a
 * deadlock or of any other failure. */
static void eight_claimers_share_nothing_and_strand_nothing(void **state)
{
    static struct racer racers[THREADS];
    struct pg_place *p = *state;
    struct race race = make_race(p);
    pthread_t threads[THREADS];
    int64_t before;

    append_race_rows(p, race.rows);
    before = now_unix_ms();
    for (uint32_t i = 0; i < THREADS; i++) {
        racers[i].race = &race;
        racers[i].random = i;
        make_claimer(&racers[i].claimer, "racer");
        assert_int_equal(pg_harness_open_plain(p->schema, &racers[i].store), FARMIQ_OK);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race_thread, &racers[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    print_message("%u rows, %d claimers: %lld ms, %d leases ended under their holder\n",
                  race.rows, THREADS, (long long)(now_unix_ms() - before), race.lost);
    for (int i = 0; i < THREADS; i++) {
        if (race.failed)
            print_error("%s\n", farmiq_pg_error_text(&racers[i].store));
        farmiq_store_close(&racers[i].store);
    }
    assert_won(&race);
    free(race.leased_until);
    free(race.holders);
    free(race.acks);
}

/* News ------------------------------------------------------------------------------- */

static void on_topic(void *ctx, const char *topic) { snprintf(ctx, 16, "%s", topic); }

static struct farmiq_pg_listener *listen_to(const struct pg_place *p)
{
    struct farmiq_pg_listener *listener;
    char conninfo[256];

    pg_server_conninfo(pg_harness_server(), p->schema, conninfo, sizeof conninfo);
    assert_int_equal(farmiq_pg_listen(&listener, conninfo, NULL), FARMIQ_OK);
    return listener;
}

static void news_reach_the_others_at_once(void **state)
{
    struct farmiq_pg_listener *a = listen_to(*state), *b = listen_to(*state);
    char heard[16] = "";
    int64_t before = now_unix_ms();

    assert_true(farmiq_pg_listener_fd(b) >= 0);
    assert_int_equal(farmiq_pg_listener_wait(b, 0, on_topic, heard), FARMIQ_NONE);
    assert_int_equal(farmiq_pg_listener_tell(a, "sync"), FARMIQ_OK);
    assert_int_equal(farmiq_pg_listener_wait(b, 10000, on_topic, heard), FARMIQ_OK);
    assert_string_equal(heard, "sync");
    assert_true(now_unix_ms() - before < 5000);
    assert_int_equal(farmiq_pg_listener_wait(a, 0, on_topic, heard), FARMIQ_NONE);
    assert_int_equal(farmiq_pg_listener_wait(b, 0, on_topic, heard), FARMIQ_NONE);
    farmiq_pg_listener_close(a);
    farmiq_pg_listener_close(b);
}

/* What was told meanwhile is lost: so everything may have news. */
static void a_lost_listener_comes_back_and_looks_everywhere(void **state)
{
    struct farmiq_pg_listener *listener = listen_to(*state);
    char heard[16] = "nothing";
    int r = FARMIQ_E_STORE;

    end_connections();
    for (int tries = 0; tries < 100 && r != FARMIQ_OK; tries++)
        r = farmiq_pg_listener_wait(listener, 100, on_topic, heard);
    assert_int_equal(r, FARMIQ_OK);
    assert_string_equal(heard, "");
    farmiq_pg_listener_close(listener);
}

/* Appending -------------------------------------------------------------------------- */

static void *append_thread(void *arg)
{
    struct farmiq_store store;
    static const uint32_t rows = 100;
    struct item *items = calloc(rows, sizeof *items);
    struct pg_place *p = arg;
    intptr_t fresh = 0;

    if (!items || pg_harness_open_plain(p->schema, &store))
        return (void *)-1;
    for (int round = 0; round < 20; round++) {
        char prefix[16];

        snprintf(prefix, sizeof prefix, "p%d", round);
        make_items(items, rows, prefix);
        if (append(&store, items, T0))
            return (void *)-1;
        for (uint32_t i = 0; i < rows; i++)
            fresh += items[i].row.verdict == FARMIQ_OK;
    }
    farmiq_store_close(&store);
    free(items);
    return (void *)fresh;
}

/* Four writers of the same events: each event is new to exactly one of them, its number
 * is its own, and the numbers that are counted agree. */
static void writers_of_the_same_events_agree(void **state)
{
    struct pg_place *p = *state;
    pthread_t threads[4];
    intptr_t fresh = 0;

    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_thread, p), 0);
    for (int i = 0; i < 4; i++) {
        void *part;

        assert_int_equal(pthread_join(threads[i], &part), 0);
        assert_true((intptr_t)part >= 0);
        fresh += (intptr_t)part;
    }
    assert_int_equal(fresh, 2000);
    assert_stats(&p->store, 2000, 0, 0, 0);
    assert_int_equal(
        pg_ask(p, "SELECT count(*) FROM sync_ready JOIN sync_event USING (seq)"), 2000);
}

/* The schema ------------------------------------------------------------------------- */

static void the_view_is_the_seeds_table(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    struct claimer c;

    pg_must(conn, "INSERT INTO sync_outbox (id, tenant_id, event_type, payload_json)"
                  " VALUES ('a', 't', 'x', '{}'), ('a', 't', 'x', '{}'),"
                  " (NULL, 't', 'x', '{}')");
    PQfinish(conn);
    assert_stats(&p->store, 2, 0, 0, 0);
    make_claimer(&c, "c");
    assert_int_equal(claim(&p->store, &c, 1, now_unix_ms()), FARMIQ_OK);
    assert_id(c.first, "a");
    assert_int_equal(pg_ask(p, "SELECT count(*) FROM sync_outbox WHERE status = 'pending'"
                               " AND claim_count = 0"),
                     1);
    assert_int_equal(pg_ask(p, "SELECT count(*) FROM sync_outbox WHERE status = 'claimed'"
                               " AND claimed_by = 'c' AND claim_count = 1"
                               " AND lease_expires_at > now()"),
                     1);
    assert_int_equal(settle(&p->store, c.first, FARMIQ_OUTCOME_REFUSED, now_unix_ms()),
                     FARMIQ_OK);
    assert_int_equal(pg_ask(p, "SELECT count(*) FROM sync_outbox WHERE status = 'failed'"
                               " AND dlq_reason = 'refused'"),
                     1);
}

static void *open_thread(void *arg)
{
    struct farmiq_store store;
    int r = pg_harness_open_plain(arg, &store);

    if (!r)
        farmiq_store_close(&store);
    return (void *)(intptr_t)r;
}

static void openers_may_race_for_a_new_schema(void **state)
{
    char schema[32];
    pthread_t threads[THREADS];

    (void)state;
    pg_harness_schema(schema, sizeof schema);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_thread, schema), 0);
    for (int i = 0; i < THREADS; i++) {
        void *r;

        assert_int_equal(pthread_join(threads[i], &r), 0);
        assert_int_equal((intptr_t)r, FARMIQ_OK);
    }
}

static void a_newer_schema_is_refused(void **state)
{
    struct pg_place *p = *state;
    PGconn *conn = pg_place_connect(p);
    struct farmiq_error error = { .size = sizeof error };

    pg_must(conn, "INSERT INTO farmiq_migration (schema, version, name)"
                  " VALUES ('edge', 9999, 'edge/9999_later')");
    assert_int_equal(farmiq_pg_migrate(conn, farmiq_schema_edge(), &error),
                     FARMIQ_E_UNSUPPORTED);
    PQfinish(conn);
}

static void all_schemas_share_a_server(void **state)
{
    struct farmiq_error error = { .size = sizeof error };
    struct pg_place *p = *state;
    struct pg_place cloud;
    PGconn *conn;

    assert_int_equal(farmiq_pg_add_schema(&p->store, farmiq_schema_agent(), &error),
                     FARMIQ_OK);
    assert_int_equal(pg_ask(p, "SELECT count(DISTINCT schema) FROM farmiq_migration"), 2);
    pg_harness_schema(cloud.schema, sizeof cloud.schema);
    conn = pg_place_connect(&cloud);
    if (farmiq_pg_migrate(conn, farmiq_schema_cloud(), &error))
        fail_msg("%s: %s", error.field, error.detail);
    PQfinish(conn);
    assert_int_equal(pg_ask(&cloud, "SELECT count(*) FROM bus_telemetry_event"), 0);
}

static void the_rest_is_refused(void **state)
{
    struct farmiq_error error = { .size = sizeof error };
    struct farmiq_store store = { 0 };
    struct pg_place *p = *state;

    assert_int_equal(farmiq_store_open_pg(&store, "host=/nowhere", NULL, &error),
                     FARMIQ_E_STORE);
    assert_string_equal(error.field, "conninfo");
    assert_null(store.ops);
    assert_int_equal(farmiq_store_open_pg(NULL, "", NULL, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_store_wrap_pg(&store, NULL), FARMIQ_E_ARG);
    assert_int_equal(farmiq_pg_add_schema(&store, farmiq_schema_edge(), NULL),
                     FARMIQ_E_ARG);
    assert_string_equal(farmiq_pg_error_text(&store), "");
    assert_int_equal(farmiq_store_commit(&p->store), FARMIQ_E_STATE);
}

#define SHOWS(test) cmocka_unit_test_setup_teardown(test, pg_place_open, pg_place_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHOWS(every_statement_prepares),
        SHOWS(values_come_back_as_they_went),
        SHOWS(a_value_of_the_wrong_type_is_refused),
        SHOWS(refusals_have_our_names),
        SHOWS(a_slow_statement_is_ended),
        SHOWS(an_idle_loss_is_not_noticed),
        SHOWS(the_callers_rows_share_the_outboxs_fate),
        SHOWS(begin_in_the_callers_transaction_is_a_savepoint),
        SHOWS(begins_and_releases_cost_no_round_trip),
        SHOWS(what_is_given_up_untouched_is_never_sent),
        SHOWS(any_depth_of_savepoints_holds),
        SHOWS(a_failure_right_after_begin_undoes_its_savepoint_alone),
        SHOWS(a_savepoint_is_undone_with_those_released_in_it),
        SHOWS(a_begin_that_fails_late_ends_the_whole_transaction),
        SHOWS(a_loss_before_the_first_statement_is_not_noticed),
        SHOWS(a_loss_after_the_first_statement_is_the_transactions),
        SHOWS(a_schema_added_in_a_transaction_goes_with_it),
        SHOWS(the_callers_connection_has_done_what_he_was_told),
        SHOWS(only_the_databases_clock_judges_leases),
        SHOWS(an_older_row_of_another_process_waits_a_second_at_most),
        SHOWS(an_older_row_is_found_when_nothing_else_is_left),
        SHOWS(another_priority_is_seen_at_once),
        SHOWS(what_this_store_appends_or_gives_back_is_seen_at_once),
        SHOWS(eight_claimers_share_nothing_and_strand_nothing),
        SHOWS(news_reach_the_others_at_once),
        SHOWS(a_lost_listener_comes_back_and_looks_everywhere),
        SHOWS(writers_of_the_same_events_agree),
        SHOWS(the_view_is_the_seeds_table),
        SHOWS(openers_may_race_for_a_new_schema),
        SHOWS(a_newer_schema_is_refused),
        SHOWS(all_schemas_share_a_server),
        SHOWS(the_rest_is_refused),
        SHOWS(a_transaction_that_found_no_server_stays_failed),
        SHOWS(a_crashed_server_loses_nothing_committed),
    };

    cmocka_set_test_filter(getenv("FARMIQ_TEST"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
