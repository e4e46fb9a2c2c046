/* SPDX-License-Identifier: Apache-2.0 */
/* The queue on PostgreSQL: beside graphile-worker and pg-boss on the same server, each at
 * its best batch; at a deep backlog beside a shallow one; what it writes to the log; and
 * transactions of small units beside the same with every command sent by itself.
 *
 * Usage: bench_outbox_pg [peers] [depth] [churn] [wal] [groups]  nothing named: all of
 * them
 *
 * FARMIQ_BENCH_ROUNDS: interleaved rounds, of which the median counts (5).
 * FARMIQ_BENCH_JOBS: jobs of a round beside the peers (20000).
 * FARMIQ_BENCH_DEPTH: rows of the deep queue (1000000).
 * FARMIQ_BENCH_PEERS: the folder that the peers are installed to (by npm). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libpq-fe.h>

#include <farmiq/store_pg.h>

#include "../conformance/pg_server.h"
#include "queue.h"

static struct pg_server server = { .shared_buffers = "512MB" };

static PGconn *control(void)
{
    static PGconn *conn;
    char conninfo[256];

    if (!conn) {
        pg_server_conninfo(&server, "public", conninfo, sizeof conninfo);
        conn = PQconnectdb(conninfo);
    }
    bench_must(PQstatus(conn) != CONNECTION_OK, "connect");
    return conn;
}

/* One number, or nothing; either way it must not fail. */
static double ask(const char *sql)
{
    PGresult *result = PQexec(control(), sql);
    double answer = 0;

    bench_must(PQresultStatus(result) != PGRES_TUPLES_OK &&
                   PQresultStatus(result) != PGRES_COMMAND_OK,
               PQerrorMessage(control()));
    if (PQntuples(result) && PQnfields(result))
        answer = strtod(PQgetvalue(result, 0, 0), NULL);
    PQclear(result);
    return answer;
}

static struct farmiq_store open_store(const char *schema)
{
    struct farmiq_error error = { .size = sizeof error };
    struct farmiq_store store;
    char text[256];

    snprintf(text, sizeof text, "SET client_min_messages = error; CREATE SCHEMA %s",
             schema);
    ask(text);
    pg_server_conninfo(&server, schema, text, sizeof text);
    if (farmiq_store_open_pg(&store, text, NULL, &error))
        bench_must(1, error.detail);
    return store;
}

static void drop(struct farmiq_store *store, const char *schema)
{
    char sql[80];

    farmiq_store_close(store);
    snprintf(sql, sizeof sql, "DROP SCHEMA %s CASCADE", schema);
    ask(sql);
}

/* What the rounds before left behind is written before the next begins. */
static void settle_down(void) { ask("CHECKPOINT"); }

/* Beside the peers ------------------------------------------------------------------ */

/* Rows claimed and acknowledged in a second, by one claimer. */
static double drain(struct farmiq_store *store, uint32_t batch, uint32_t rows)
{
    double start = bench_now_s();
    uint32_t done = 0;

    while (done < rows) {
        static uint64_t token;
        struct farmiq_outbox_row *first = bench_claim(store, batch, ++token);

        bench_must(!first, "the queue is empty");
        bench_acknowledge(store, first);
        done += batch;
    }
    return done / (bench_now_s() - start);
}

static double run_ours(uint32_t batch, uint32_t jobs)
{
    struct farmiq_store store = open_store("ours");
    uint64_t next_id = 0;
    double rate;

    bench_fill(&store, jobs + batch, &next_id);
    ask("ANALYZE");
    settle_down();
    rate = drain(&store, batch, jobs);
    drop(&store, "ours");
    return rate;
}

/* The driver prints jobs per second; 0: it could not. */
static double run_peer(const char *peer, uint32_t batch, uint32_t jobs)
{
    const char *folder = getenv("FARMIQ_BENCH_PEERS");
    char command[600], line[80] = "0";
    FILE *driver;

    settle_down();
    snprintf(command, sizeof command, "node '%s/outbox_peers.mjs' '%s' '%s' %s %u %u",
             BENCH_DIR, folder ? folder : "peers", server.dir, peer, batch, jobs);
    driver = popen(command, "r");
    while (driver && fgets(line, sizeof line, driver))
        ;
    if (!driver || pclose(driver))
        return 0;
    return strtod(line, NULL);
}

struct contender {
    const char *name;
    uint32_t batch;
    double rates[BENCH_MAX_ROUNDS];
    double median;
};

enum { OURS, OURS_END = 3, GRAPHILE = OURS_END, BOSS = GRAPHILE + 1, CONTENDERS = 7 };

/* Of those from `first` on. */
static const struct contender *best(const struct contender *c, int first, int end)
{
    const struct contender *found = &c[first];

    for (int i = first + 1; i < end; i++)
        if (c[i].median > found->median)
            found = &c[i];
    return found;
}

static void print_ratio(const struct contender *ours, const struct contender *peer)
{
    if (peer->median <= 0)
        printf("%s: skipped, npm could not install it or node could not run it\n",
               peer->name);
    else
        printf("%.1f x %s at its best batch (%u); the target is 3\n",
               ours->median / peer->median, peer->name, peer->batch);
}

static void bench_peers(uint32_t rounds)
{
    struct contender c[CONTENDERS] = {
        { "farmiq", 100, { 0 }, 0 },   { "farmiq", 500, { 0 }, 0 },
        { "farmiq", 1000, { 0 }, 0 },  { "graphile-worker", 500, { 0 }, 0 },
        { "pg-boss", 100, { 0 }, 0 },  { "pg-boss", 500, { 0 }, 0 },
        { "pg-boss", 1000, { 0 }, 0 },
    };
    uint32_t jobs = bench_setting("FARMIQ_BENCH_JOBS", 20000);

    for (uint32_t r = 0; r < rounds; r++)
        for (int i = 0; i < CONTENDERS; i++)
            c[i].rates[r] = i < OURS_END ? run_ours(c[i].batch, jobs)
                                         : run_peer(c[i].name, c[i].batch, jobs);
    printf("claim and settle, one claimer, %u jobs, fsync on\n", jobs);
    for (int i = 0; i < CONTENDERS; i++) {
        c[i].median = bench_median(c[i].rates, rounds);
        printf("%16s batch %4u %10.0f jobs/s\n", c[i].name, c[i].batch, c[i].median);
    }
    print_ratio(best(c, OURS, OURS_END), best(c, GRAPHILE, BOSS));
    print_ratio(best(c, OURS, OURS_END), best(c, BOSS, CONTENDERS));
}

/* Depth ----------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* A queue that stays as deep as it is, and what its claims cost. */
struct depth {
    const char *schema;
    uint32_t rows;
    struct farmiq_store store;
    uint64_t next_id;
    double claim_p50[BENCH_MAX_ROUNDS], rate[BENCH_MAX_ROUNDS];
};

enum { CYCLES = 200, BATCH = 100 };

static void measure_depth(struct depth *d, uint32_t round)
{
    double times[CYCLES], claim_s = 0, settle_s = 0;

    for (int i = 0; i < CYCLES; i++) {
        double start = bench_now_s();
        struct farmiq_outbox_row *first =
            bench_claim(&d->store, BATCH, d->next_id + (uint64_t)i + 1);

        times[i] = bench_now_s() - start;
        claim_s += times[i];
        bench_acknowledge(&d->store, first);
        settle_s += bench_now_s() - start - times[i];
    }
    qsort(times, CYCLES, sizeof *times, by_time);
    d->claim_p50[round] = times[CYCLES / 2];
    d->rate[round] = CYCLES * BATCH / (claim_s + settle_s);
    bench_fill(&d->store, CYCLES * BATCH, &d->next_id);
}

static void fill_depth(struct depth *d)
{
    d->store = open_store(d->schema);
    for (uint32_t done = 0; done < d->rows; done += 10000)
        bench_fill(&d->store, 10000, &d->next_id);
    ask("VACUUM ANALYZE");
}

static void bench_depth(uint32_t rounds)
{
    struct depth d[2] = {
        { .schema = "shallow", .rows = 20000 },
        { .schema = "deep", .rows = bench_setting("FARMIQ_BENCH_DEPTH", 1000000) },
    };
    double p50[2], rate[2];

    for (int i = 0; i < 2; i++)
        fill_depth(&d[i]);
    settle_down();
    for (uint32_t r = 0; r < rounds; r++)
        for (int i = 0; i < 2; i++)
            measure_depth(&d[i], r);
    printf("\nbatches of %d, %u of them from each queue, refilled meanwhile\n", BATCH,
           CYCLES * rounds);
    for (int i = 0; i < 2; i++) {
        p50[i] = bench_median(d[i].claim_p50, rounds);
        rate[i] = bench_median(d[i].rate, rounds);
        printf("%10u rows: claim p50 %7.0f us, claim and settle %8.0f rows/s\n",
               d[i].rows, p50[i] * 1e6, rate[i]);
        drop(&d[i].store, d[i].schema);
    }
    printf("claim p50 is %.2f x that of the shallow queue; the target is at most 1.5\n",
           p50[1] / p50[0]);
}

/* Churn ----------------------------------------------------------------------------- */

/* Draining a backlog that no vacuum tidies up behind: each claim leaves dead entries
 * where the next would begin to look. */
static void bench_churn(void)
{
    enum { PARTS = 4, CLAIMS = 500 };
    struct farmiq_store store = open_store("churn");
    double rates[PARTS];
    uint64_t next_id = 0;

    ask("ALTER TABLE churn.sync_ready SET (autovacuum_enabled = false)");
    for (uint32_t done = 0; done < (PARTS + 1) * CLAIMS * BATCH; done += 10000)
        bench_fill(&store, 10000, &next_id);
    settle_down();
    for (int i = 0; i < PARTS; i++)
        rates[i] = drain(&store, BATCH, CLAIMS * BATCH);
    printf("\nbatches of %d, %d rows drained without a vacuum: %.0f rows/s in the first"
           " quarter, %.0f in the last: %.2f x\n",
           BATCH, PARTS * CLAIMS * BATCH, rates[0], rates[PARTS - 1],
           rates[PARTS - 1] / rates[0]);
    drop(&store, "churn");
}

/* Groups ---------------------------------------------------------------------------- */

/* A transaction of small units, each in a savepoint of its own, as the writer makes. */
static void append_group(struct farmiq_store *store, uint32_t units, uint64_t *next_id)
{
    struct bench_item item;

    bench_must(farmiq_store_begin(store), "begin");
    for (uint32_t i = 0; i < units; i++) {
        bench_make_items(&item, 1, (*next_id)++);
        bench_must(farmiq_store_begin(store), "begin");
        bench_must(farmiq_store_outbox_append(store, "sync", &item.row, 1), "append");
        bench_must(farmiq_store_commit(store), "commit");
    }
    bench_must(farmiq_store_commit(store), "commit");
}

/* On the caller's connection each command is sent when it is asked for. */
struct group_side {
    struct farmiq_store store;
    uint64_t next_id;
    double times[BENCH_MAX_ROUNDS];
    uint32_t trips;
};

static void measure_groups(struct group_side *side, uint32_t units, uint32_t round)
{
    enum { GROUPS = 200 };
    double start;

    append_group(&side->store, units, &side->next_id); /* prepares, the first time */
    (void)pg_server_trips();
    start = bench_now_s();
    for (int i = 0; i < GROUPS; i++)
        append_group(&side->store, units, &side->next_id);
    side->times[round] = (bench_now_s() - start) / GROUPS;
    side->trips = pg_server_trips() / GROUPS;
}

static void print_groups(struct group_side sides[2], uint32_t units, uint32_t rounds)
{
    double ours = bench_median(sides[0].times, rounds),
           wrapped = bench_median(sides[1].times, rounds);

    printf("groups of %2u units: %.0f us in %u round trips; with each command sent by"
           " itself %.0f us in %u: %.2f x\n",
           units, ours * 1e6, sides[0].trips, wrapped * 1e6, sides[1].trips,
           ours / wrapped);
}

static void bench_groups(uint32_t rounds)
{
    static const uint32_t units[] = { 1, 8, 64 };
    struct group_side sides[2] = { { .store = open_store("apart") },
                                   { .next_id = UINT64_C(1) << 32 } };
    struct farmiq_store *wrapped = &sides[1].store;

    ask("SET search_path = apart; SET enable_seqscan = off; SET enable_hashjoin = off;"
        "SET enable_mergejoin = off; SET jit = off");
    bench_must(farmiq_store_wrap_pg(wrapped, control()), "wrap");
    printf("\n");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        settle_down();
        for (uint32_t r = 0; r < rounds; r++)
            for (int side = 0; side < 2; side++)
                measure_groups(&sides[side], units[i], r);
        print_groups(sides, units[i], rounds);
    }
    farmiq_store_close(wrapped);
    ask("RESET ALL; SET client_min_messages = error");
    drop(&sides[0].store, "apart");
}

/* The log --------------------------------------------------------------------------- */

static void bench_wal(void)
{
    static const char written[] = "SELECT pg_current_wal_insert_lsn() - '0/0'";
    enum { ROWS = 102400 };
    struct farmiq_store store = open_store("wal");
    uint64_t next_id = 0;
    double start, appended, settled;

    settle_down();
    start = ask(written);
    for (uint32_t done = 0; done < ROWS; done += 256)
        bench_fill(&store, 256, &next_id);
    appended = ask(written);
    drain(&store, 100, ROWS);
    settled = ask(written);
    printf("\nwritten to the log per row: append %.0f bytes, claim and settle %.0f bytes;"
           " together %.2f KB, the target is at most 1.2\n",
           (appended - start) / ROWS, (settled - appended) / ROWS,
           (settled - start) / ROWS / 1024);
    drop(&store, "wal");
}

static int is_wanted(int argc, char **argv, const char *part)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], part) == 0)
            return 1;
    return argc == 1;
}

int main(int argc, char **argv)
{
    uint32_t rounds = bench_setting("FARMIQ_BENCH_ROUNDS", 5);

    if (rounds < 1 || rounds > BENCH_MAX_ROUNDS)
        rounds = BENCH_MAX_ROUNDS;
    pg_server_start(&server);
    if (is_wanted(argc, argv, "peers"))
        bench_peers(rounds);
    if (is_wanted(argc, argv, "depth"))
        bench_depth(rounds);
    if (is_wanted(argc, argv, "churn"))
        bench_churn();
    if (is_wanted(argc, argv, "wal"))
        bench_wal();
    if (is_wanted(argc, argv, "groups"))
        bench_groups(rounds);
    PQfinish(control());
    pg_server_stop(&server);
    return 0;
}
