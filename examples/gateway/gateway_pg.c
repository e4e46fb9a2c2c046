/* SPDX-License-Identifier: Apache-2.0 */
/* The same gateway on PostgreSQL: envelopes on standard input, one per line, end in the
 * gateway's own table and in the outbox to the cloud, in one transaction.
 *
 *     cc gateway_pg.c $(pkg-config --cflags --libs farmiq-pg libpq) -o gateway_pg
 *     ./gateway_pg "postgresql://user@host/database" < envelopes.jsonl
 */
#include <farmiq/farmiq.h>
#include <farmiq/store_pg.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t scratch[FARMIQ_ENVELOPE_MAX_BYTES / 8];
static char line[FARMIQ_ENVELOPE_MAX_BYTES];

static int run(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    int r = PQresultStatus(result) == PGRES_COMMAND_OK ? FARMIQ_OK : FARMIQ_E_STORE;

    PQclear(result);
    return r;
}

static int append(struct farmiq_store *store, const struct farmiq_envelope *env)
{
    struct farmiq_event event;
    struct farmiq_outbox_row row;
    int r;

    farmiq_event_init(&event, sizeof event);
    farmiq_outbox_row_init(&row, sizeof row);
    event.event_id = env->event_id;
    event.event_type = env->event_type;
    event.tenant_id = env->tenant_id;
    event.device_id = env->device_id;
    event.payload = env->payload;
    event.occurred_at_unix_ms = env->ts_unix_ms;
    row.event = &event;
    r = farmiq_store_outbox_append(store, "sync", &row, (int64_t)time(NULL) * 1000);
    return r == FARMIQ_OK ? row.verdict : r;
}

/* Our row and the outbox row commit together, or neither does: what is a duplicate there
 * leaves nothing here. */
static int keep(PGconn *conn, struct farmiq_store *store,
                const struct farmiq_envelope *env)
{
    int verdict, r = run(conn, "BEGIN; INSERT INTO seen (at) VALUES (now())");

    verdict = r == FARMIQ_OK ? append(store, env) : r;
    r = run(conn, verdict == FARMIQ_OK ? "COMMIT" : "ROLLBACK");
    return r == FARMIQ_OK ? verdict : r;
}

int main(int argc, char **argv)
{
    PGconn *conn = PQconnectdb(argc == 2 ? argv[1] : "");
    struct farmiq_store store;
    struct farmiq_error error;
    int r;

    farmiq_error_init(&error, sizeof error);
    if (argc != 2 || PQstatus(conn) != CONNECTION_OK ||
        farmiq_pg_migrate(conn, farmiq_schema_edge(), &error) < 0 ||
        farmiq_store_wrap_pg(&store, conn) < 0)
        return fprintf(stderr, "usage: gateway_pg CONNINFO %s\n", error.detail), 2;
    run(conn, "CREATE TABLE IF NOT EXISTS seen (at timestamptz)");
    while (fgets(line, sizeof line, stdin)) {
        struct farmiq_envelope env;

        farmiq_envelope_init(&env, sizeof env);
        r = farmiq_envelope_parse(&env, NULL, line, strlen(line), scratch, sizeof scratch,
                                  &error);
        r = r < 0 ? r : keep(conn, &store, &env);
        printf("%s %s\n", farmiq_errname(r), r < 0 ? error.field : "");
    }
    farmiq_store_close(&store);
    PQfinish(conn);
    return 0;
}
