/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store next to what it is measured by: its own queue a hundred times
 * deeper, and bare SQLite making the same three inserts by hand.
 *
 * FARMIQ_BENCH_DEPTH: rows of the deep queue (1000000).
 * FARMIQ_BENCH_EVENTS: events written at each batch size (20000).
 * FARMIQ_BENCH_ROUNDS: interleaved rounds, of which the median counts (5). */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include <farmiq/sql.h>
#include <farmiq/store_sqlite.h>

#include "queue.h"

#define MAX_BATCH 256

static char dir[64];

static void remove_files(void)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        (void)unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
}

static struct farmiq_store open_store(const char *name)
{
    struct farmiq_store store;
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    bench_must(farmiq_store_open_sqlite(&store, path, NULL, NULL), "open");
    return store;
}

/* The durable triple --------------------------------------------------------------- */

static const struct farmiq_sql_query add_raw = {
    "bench.add_raw",
    "INSERT INTO telemetry_raw (tenant_id, farm_id, barn_id, device_id, metric_type,"
    " metric_value, unit, occurred_at, ingested_at, event_id)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    " ON CONFLICT (tenant_id, event_id) DO NOTHING",
    NULL
};
#define RAW_COLUMNS 10

static void add_raw_rows(struct farmiq_store *store, struct bench_item *items,
                         uint32_t count)
{
    static struct farmiq_sql_value params[MAX_BATCH * RAW_COLUMNS];
    struct farmiq_sql_value *p = params;

    for (uint32_t i = 0; i < count; i++) {
        const struct farmiq_event *e = &items[i].event;

        *p++ = farmiq_sql_text(e->tenant_id);
        *p++ = farmiq_sql_text(e->farm_id);
        *p++ = farmiq_sql_text(e->barn_id);
        *p++ = farmiq_sql_text(e->device_id);
        *p++ = farmiq_sql_text(bench_text("temperature"));
        *p++ = farmiq_sql_real(21.5);
        *p++ = farmiq_sql_text(bench_text("C"));
        *p++ = farmiq_sql_integer(e->occurred_at_unix_ms);
        *p++ = farmiq_sql_integer(e->occurred_at_unix_ms);
        *p++ = farmiq_sql_text(e->event_id);
    }
    bench_must(farmiq_sql_run_many(store, &add_raw, NULL, params, RAW_COLUMNS, count,
                                   NULL, NULL),
               "raw");
}

static void write_ours(struct farmiq_store *store, struct bench_item *items,
                       uint32_t count)
{
    int64_t now = items[0].event.occurred_at_unix_ms;

    bench_must(farmiq_store_begin(store), "begin");
    bench_must(
        farmiq_store_dedupe(store, "ingress", &items[0].sighting, now, now + 259200000),
        "dedupe");
    add_raw_rows(store, items, count);
    bench_must(farmiq_store_outbox_append(store, "sync", &items[0].row, now), "append");
    bench_must(farmiq_store_commit(store), "commit");
}

/* The same by hand: the same ledger and readings, and an outbox in one table with the
 * index that its claim needs. */
struct bare {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *dedupe, *raw, *outbox;
};

static const char bare_schema[] =
    "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA cache_size=-8192; PRAGMA secure_delete=OFF;"
    "CREATE TABLE dedupe (tenant_id TEXT NOT NULL, event_id TEXT NOT NULL,"
    " first_seen_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, topic TEXT NOT NULL,"
    " hash TEXT, PRIMARY KEY (tenant_id, event_id));"
    "CREATE INDEX dedupe_expires ON dedupe (expires_at);"
    "CREATE TABLE raw (id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, farm_id TEXT,"
    " barn_id TEXT, device_id TEXT NOT NULL, metric_type TEXT NOT NULL,"
    " metric_value REAL NOT NULL, unit TEXT, occurred_at INTEGER NOT NULL,"
    " ingested_at INTEGER NOT NULL, event_id TEXT NOT NULL,"
    " UNIQUE (tenant_id, event_id));"
    "CREATE INDEX raw_series ON raw (tenant_id, device_id, metric_type, occurred_at);"
    "CREATE INDEX raw_time ON raw (tenant_id, occurred_at);"
    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL,"
    " event_id TEXT NOT NULL, event_type TEXT NOT NULL, farm_id TEXT, barn_id TEXT,"
    " device_id TEXT, trace_id TEXT, schema_version TEXT, payload TEXT NOT NULL,"
    " occurred_at INTEGER NOT NULL, priority INTEGER NOT NULL, status TEXT NOT NULL,"
    " created_at INTEGER NOT NULL, UNIQUE (tenant_id, event_id));"
    "CREATE INDEX outbox_claim ON outbox (priority DESC, occurred_at, seq)"
    " WHERE status = 'pending';";

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;

    bench_must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL),
               sql);
    return stmt;
}

static struct bare open_bare(void)
{
    struct bare b;
    char path[128];

    snprintf(path, sizeof path, "%s/bare.db", dir);
    bench_must(
        sqlite3_open_v2(path, &b.db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL),
        "bare");
    bench_must(sqlite3_exec(b.db, bare_schema, NULL, NULL, NULL), "schema");
    b.begin = prepare(b.db, "BEGIN IMMEDIATE");
    b.commit = prepare(b.db, "COMMIT");
    b.dedupe = prepare(b.db, "INSERT INTO dedupe VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                             " ON CONFLICT DO NOTHING");
    b.raw =
        prepare(b.db, "INSERT INTO raw VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
                      " ?10) ON CONFLICT DO NOTHING");
    b.outbox =
        prepare(b.db, "INSERT INTO outbox VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                      " ?9, ?10, 0, 'pending', ?10) ON CONFLICT DO NOTHING");
    return b;
}

static void close_bare(struct bare *b)
{
    sqlite3_finalize(b->begin);
    sqlite3_finalize(b->commit);
    sqlite3_finalize(b->dedupe);
    sqlite3_finalize(b->raw);
    sqlite3_finalize(b->outbox);
    sqlite3_close(b->db);
}

static void put(sqlite3_stmt *stmt, int index, struct farmiq_str t)
{
    sqlite3_bind_text(stmt, index, t.ptr, (int)t.len, SQLITE_STATIC);
}

static void run(sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) != SQLITE_DONE)
        bench_must(1, sqlite3_sql(stmt));
    sqlite3_reset(stmt);
}

static void write_bare_dedupe(sqlite3_stmt *stmt, const struct bench_item *item)
{
    char hash[17];

    snprintf(hash, sizeof hash, "%016llx",
             (unsigned long long)item->sighting.content_hash);
    put(stmt, 1, item->event.tenant_id);
    put(stmt, 2, item->event.event_id);
    sqlite3_bind_int64(stmt, 3, item->event.occurred_at_unix_ms);
    sqlite3_bind_int64(stmt, 4, item->event.occurred_at_unix_ms + 259200000);
    put(stmt, 5, item->sighting.source);
    put(stmt, 6, bench_text(hash));
    run(stmt);
}

static void write_bare_raw(sqlite3_stmt *stmt, const struct bench_item *item)
{
    put(stmt, 1, item->event.tenant_id);
    put(stmt, 2, item->event.farm_id);
    put(stmt, 3, item->event.barn_id);
    put(stmt, 4, item->event.device_id);
    put(stmt, 5, bench_text("temperature"));
    sqlite3_bind_double(stmt, 6, 21.5);
    put(stmt, 7, bench_text("C"));
    sqlite3_bind_int64(stmt, 8, item->event.occurred_at_unix_ms);
    sqlite3_bind_int64(stmt, 9, item->event.occurred_at_unix_ms);
    put(stmt, 10, item->event.event_id);
    run(stmt);
}

static void write_bare_outbox(sqlite3_stmt *stmt, const struct bench_item *item)
{
    put(stmt, 1, item->event.tenant_id);
    put(stmt, 2, item->event.event_id);
    put(stmt, 3, item->event.event_type);
    put(stmt, 4, item->event.farm_id);
    put(stmt, 5, item->event.barn_id);
    put(stmt, 6, item->event.device_id);
    put(stmt, 7, item->event.trace_id);
    put(stmt, 8, item->event.schema_version);
    put(stmt, 9, item->event.payload);
    sqlite3_bind_int64(stmt, 10, item->event.occurred_at_unix_ms);
    run(stmt);
}

static void write_bare(struct bare *b, const struct bench_item *items, uint32_t count)
{
    run(b->begin);
    for (uint32_t i = 0; i < count; i++) {
        write_bare_dedupe(b->dedupe, &items[i]);
        write_bare_raw(b->raw, &items[i]);
        write_bare_outbox(b->outbox, &items[i]);
    }
    run(b->commit);
}

/* Events per second, ours and theirs, in one round over fresh files. */
static void triple_round(uint32_t batch, uint32_t events, double *ours, double *theirs)
{
    static struct bench_item items[MAX_BATCH];
    struct farmiq_store store = open_store("ours.db");
    struct bare bare = open_bare();
    double ours_s = 0, theirs_s = 0, start;

    for (uint32_t done = 0; done < events; done += batch) {
        bench_make_items(items, batch, done);
        start = bench_now_s();
        write_ours(&store, items, batch);
        ours_s += bench_now_s() - start;
        start = bench_now_s();
        write_bare(&bare, items, batch);
        theirs_s += bench_now_s() - start;
    }
    *ours = events / ours_s;
    *theirs = events / theirs_s;
    close_bare(&bare);
    farmiq_store_close(&store);
    remove_files();
}

static void bench_triple(uint32_t events, uint32_t rounds)
{
    static const uint32_t batches[] = { 1, 16, 64, 256 };

    printf("durable triple (dedupe + reading + outbox), WAL, synchronous=FULL\n");
    printf("%8s %14s %14s %8s\n", "batch", "farmiq ev/s", "bare ev/s", "ratio");
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        double ours[BENCH_MAX_ROUNDS], theirs[BENCH_MAX_ROUNDS], ratio[BENCH_MAX_ROUNDS];
        uint32_t some = batches[i] == 1 ? events / 10 + 1 : events;

        for (uint32_t r = 0; r < rounds; r++) {
            triple_round(batches[i], some, &ours[r], &theirs[r]);
            ratio[r] = ours[r] / theirs[r];
        }
        printf("%8u %14.0f %14.0f %8.2f\n", batches[i], bench_median(ours, rounds),
               bench_median(theirs, rounds), bench_median(ratio, rounds));
    }
}

/* Depth ---------------------------------------------------------------------------- */

enum { APPEND, CLAIM, SETTLE, STATS, VERBS };
static const char *const verbs[VERBS] = { "append", "claim", "settle", "stats" };

struct drain {
    double seconds[VERBS];
};

static double time_stats(struct farmiq_store *store)
{
    struct farmiq_outbox_stats stats;
    double start = bench_now_s();

    farmiq_outbox_stats_init(&stats, sizeof stats);
    bench_must(farmiq_store_outbox_stats(store, "sync", &stats), "stats");
    return bench_now_s() - start;
}

/* Append a hundred, claim a hundred, acknowledge them: the depth stays. */
static struct drain drain(struct farmiq_store *store, uint32_t cycles, uint64_t *next_id)
{
    static struct bench_item items[100];
    struct drain d = { { 0 } };

    for (uint32_t i = 0; i < cycles; i++, *next_id += 100) {
        struct farmiq_outbox_row *first;
        double start;

        bench_make_items(items, 100, *next_id);
        start = bench_now_s();
        bench_must(farmiq_store_outbox_append(store, "sync", &items[0].row, 1), "append");
        d.seconds[APPEND] += bench_now_s() - start;
        start = bench_now_s();
        first = bench_claim(store, 100, *next_id + 1);
        d.seconds[CLAIM] += bench_now_s() - start;
        start = bench_now_s();
        bench_acknowledge(store, first);
        d.seconds[SETTLE] += bench_now_s() - start;
        d.seconds[STATS] += time_stats(store);
    }
    return d;
}

static void print_depth(const char *verb, const double *shallow, const double *deep,
                        uint32_t rounds)
{
    double a[BENCH_MAX_ROUNDS], b[BENCH_MAX_ROUNDS];

    memcpy(a, shallow, rounds * sizeof *a);
    memcpy(b, deep, rounds * sizeof *b);
    printf("%8s %12.0f us %12.0f us %8.2f\n", verb, bench_median(a, rounds) * 1e6,
           bench_median(b, rounds) * 1e6,
           bench_median(b, rounds) / bench_median(a, rounds));
}

static void bench_depth(uint32_t depth, uint32_t rounds)
{
    enum { CYCLES = 40, SHALLOW = 10000 };
    struct farmiq_store stores[2] = { open_store("shallow.db"), open_store("deep.db") };
    uint64_t ids[2] = { 0, 0 };
    double figures[VERBS][2][BENCH_MAX_ROUNDS];

    bench_fill(&stores[0], SHALLOW, &ids[0]);
    bench_fill(&stores[1], depth, &ids[1]);
    for (uint32_t r = 0; r < rounds; r++)
        for (int s = 0; s < 2; s++) {
            struct drain d = drain(&stores[s], CYCLES, &ids[s]);

            for (int v = 0; v < VERBS; v++)
                figures[v][s][r] = d.seconds[v] / CYCLES;
        }
    printf("\nbatches of 100 at a backlog of %d and %u rows\n", SHALLOW, depth);
    for (int v = 0; v < VERBS; v++)
        print_depth(verbs[v], figures[v][0], figures[v][1], rounds);
    farmiq_store_close(&stores[0]);
    farmiq_store_close(&stores[1]);
    remove_files();
}

int main(void)
{
    uint32_t rounds = bench_setting("FARMIQ_BENCH_ROUNDS", 5);
    const char *base = getenv("TMPDIR");

    if (rounds < 1 || rounds > BENCH_MAX_ROUNDS)
        rounds = BENCH_MAX_ROUNDS;
    snprintf(dir, sizeof dir, "%s/farmiq-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    bench_triple(bench_setting("FARMIQ_BENCH_EVENTS", 20000), rounds);
    bench_depth(bench_setting("FARMIQ_BENCH_DEPTH", 1000000), rounds);
    return rmdir(dir) != 0;
}
