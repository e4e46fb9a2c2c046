/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway in sixty lines: envelopes on standard input, one per line, end in the
 * gateway's own table and in the outbox to the cloud, in one transaction.
 *
 *     cc gateway.c $(pkg-config --cflags --libs farmiq-sqlite sqlite3) -o gateway
 *     ./gateway site.db < envelopes.jsonl
 */
#include <farmiq/farmiq.h>
#include <farmiq/store_sqlite.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t scratch[FARMIQ_ENVELOPE_MAX_BYTES / 8];
static char line[FARMIQ_ENVELOPE_MAX_BYTES];

/* Our row and the outbox row commit together, or neither does: what is a duplicate there
 * leaves nothing here. */
static int keep(sqlite3 *db, struct farmiq_store *store,
                const struct farmiq_envelope *env)
{
    struct farmiq_event event;
    struct farmiq_outbox_row row;
    int r;

    farmiq_event_init(&event, sizeof event);
    farmiq_outbox_row_init(&row, sizeof row);
    event.event_id = env->event_id;
    event.event_type = env->event_type;
    event.tenant_id = env->tenant_id;
    event.farm_id = (struct farmiq_str){ "farm-1", 6 };
    event.barn_id = (struct farmiq_str){ "barn-1", 6 };
    event.device_id = env->device_id;
    event.payload = env->payload;
    event.occurred_at_unix_ms = env->ts_unix_ms;
    row.event = &event;
    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    sqlite3_exec(db, "INSERT INTO seen (at) VALUES (datetime())", NULL, NULL, NULL);
    r = farmiq_store_outbox_append(store, "sync", &row, (int64_t)time(NULL) * 1000);
    if (r == FARMIQ_OK)
        r = row.verdict;
    sqlite3_exec(db, r == FARMIQ_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int main(int argc, char **argv)
{
    struct farmiq_store store;
    struct farmiq_error error;
    sqlite3 *db;
    int r;

    farmiq_error_init(&error, sizeof error);
    if (argc != 2 || sqlite3_open(argv[1], &db) != SQLITE_OK ||
        farmiq_sqlite_migrate(db, farmiq_schema_edge(), &error) < 0 ||
        farmiq_store_wrap_sqlite(&store, db) < 0)
        return fprintf(stderr, "usage: gateway DATABASE %s\n", error.detail), 2;
    sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS seen (at TEXT)", NULL, NULL, NULL);
    while (fgets(line, sizeof line, stdin)) {
        struct farmiq_envelope env;

        farmiq_envelope_init(&env, sizeof env);
        r = farmiq_envelope_parse(&env, NULL, line, strlen(line), scratch, sizeof scratch,
                                  &error);
        r = r < 0 ? r : keep(db, &store, &env);
        printf("%s %s\n", farmiq_errname(r), r < 0 ? error.field : "");
    }
    farmiq_store_close(&store);
    return sqlite3_close(db) != SQLITE_OK;
}
