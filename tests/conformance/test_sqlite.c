/* SPDX-License-Identifier: Apache-2.0 */
/* What only SQLite can show: crashes, full disks, the caller's connection, schemas, the
 * sync_outbox view, and farmiq/sql.h. */
#include "harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include <farmiq/sql.h>
#include <farmiq/store_sqlite.h>

#define QUERY(symbol, sql)                                                               \
    static const struct farmiq_sql_query symbol = { #symbol, sql, NULL }

static int open_error(struct fixture *f, struct farmiq_store *out,
                      struct farmiq_error *error)
{
    farmiq_error_init(error, sizeof *error);
    return farmiq_store_open_sqlite(out, f->path, NULL, error);
}

/* One number from the file, by a connection of its own. */
static int64_t ask(const char *path, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3 *db;
    int64_t answer;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    answer = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return answer;
}

static int tell(const char *path, const char *sql)
{
    sqlite3 *db;
    int rc;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return rc;
}

/* Crashes -------------------------------------------------------------------------- */

enum { CRASH_BATCH = 7 };

/* Append for ever, and say after each commit how many are in. Never returns. */
static void append_until_killed(struct fixture *f, int fd, uint32_t round)
{
    static struct item items[CRASH_BATCH];
    struct farmiq_store store;
    char prefix[32];

    if (farmiq_store_open_sqlite(&store, f->path, NULL, NULL))
        _exit(1);
    for (uint32_t i = 1;; i++) {
        snprintf(prefix, sizeof prefix, "crash-%u-%u", round, i);
        make_items(items, CRASH_BATCH, prefix);
        if (append(&store, items, T0) || write(fd, &i, sizeof i) != sizeof i)
            _exit(2);
    }
}

/* The last number that arrived before the child died. */
static uint32_t acknowledged_by_killed_child(struct fixture *f, uint32_t round)
{
    uint32_t last = 0, next;
    int fds[2], status;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        append_until_killed(f, fds[1], round);
    close(fds[1]);
    while (last < 3 + round && read(fds[0], &next, sizeof next) == sizeof next)
        last = next;
    kill(child, SIGKILL);
    while (read(fds[0], &next, sizeof next) == sizeof next)
        last = next;
    close(fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return last;
}

/* What was acknowledged is never lost; what was not is there whole or not at all. */
static void acknowledged_rows_survive_kill(void **state)
{
    struct fixture *f = *state;
    char sql[128];

    farmiq_store_close(&f->store);
    for (uint32_t round = 0; round < 5; round++) {
        uint32_t acknowledged = acknowledged_by_killed_child(f, round);
        int64_t found;

        assert_int_equal(f->kind->open(f, &f->store, 0), FARMIQ_OK);
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM sync_outbox WHERE status = 'pending' AND"
                 " id LIKE 'crash-%u-%%'",
                 round);
        found = ask(f->path, sql);
        assert_true(found == CRASH_BATCH * acknowledged ||
                    found == CRASH_BATCH * (acknowledged + 1));
        farmiq_store_close(&f->store);
    }
}

/* Leave as a power cut leaves: no close. */
static void open_and_die(struct fixture *f)
{
    struct farmiq_store store;
    pid_t child = fork();

    if (child == 0)
        _exit(farmiq_store_open_sqlite(&store, f->path, NULL, NULL));
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Overwrite pages in the middle of the file. */
static void damage(struct fixture *f)
{
    static const char garbage[8192] = "\x0d this was a page";
    struct stat status;
    int fd = open(f->path, O_RDWR);

    assert_int_equal(fstat(fd, &status), 0);
    for (off_t at = 3 * 4096; at < status.st_size; at += (off_t)sizeof garbage)
        assert_int_equal(pwrite(fd, garbage, sizeof garbage, at), sizeof garbage);
    close(fd);
}

static void fill_and_close(struct fixture *f)
{
    static struct item items[200];

    make_items(items, 200, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    farmiq_store_close(&f->store);
}

static void an_unclean_stop_is_checked(void **state)
{
    struct fixture *f = *state;
    struct farmiq_error error;

    fill_and_close(f);
    open_and_die(f);
    damage(f);
    assert_int_equal(open_error(f, &f->store, &error), FARMIQ_E_STORE);
    assert_string_equal(error.field, "integrity");
    assert_true(strlen(error.detail) > 0);
    /* It is checked until somebody mends it. */
    assert_int_equal(open_error(f, &f->store, &error), FARMIQ_E_STORE);
    assert_string_equal(error.field, "integrity");
}

static void an_unclean_stop_of_a_sound_file_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct farmiq_error error;

    fill_and_close(f);
    open_and_die(f);
    assert_int_equal(open_error(f, &f->store, &error), FARMIQ_OK);
    assert_stats(&f->store, 200, 0, 0, 0);
    farmiq_store_close(&f->store);
    damage(f); /* after a clean stop nobody looks: the check costs a read of it all */
    assert_int_not_equal(open_error(f, &f->store, &error), FARMIQ_E_ARG);
    assert_string_not_equal(error.field, "integrity");
    farmiq_store_close(&f->store);
}

static void a_neighbour_in_the_file_is_no_unclean_stop(void **state)
{
    struct fixture *f = *state;
    char marker[128];
    struct stat status;
    struct farmiq_store second;

    snprintf(marker, sizeof marker, "%s-open", f->path);
    assert_int_equal(stat(marker, &status), 0);
    assert_true(status.st_size > 0);
    assert_int_equal(f->kind->open_again(f, &second), FARMIQ_OK);
    farmiq_store_close(&second);
    assert_int_equal(stat(marker, &status), 0);
    assert_true(status.st_size > 0); /* the first is still there */
    farmiq_store_close(&f->store);
    assert_int_equal(stat(marker, &status), 0);
    assert_int_equal(status.st_size, 0);
}

/* Full disks ----------------------------------------------------------------------- */

/* In a child: append until the disk is full, then see whether the store is honest.
 * 77: this machine does not let us mount. */
static int live_on_a_small_disk(struct fixture *f)
{
    static struct item items[100];
    struct farmiq_outbox_stats stats;
    struct farmiq_store store;
    uint64_t appended = 0;
    char prefix[16];
    int r = 0;

    if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS))
        return 77;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", f->dir, "tmpfs", 0, "size=2M"))
        return 77;
    if (f->kind->open(f, &store, 0))
        return 1;
    for (uint32_t i = 0; i < 1000 && !r; i++, appended += r ? 0 : 100) {
        snprintf(prefix, sizeof prefix, "%u", i);
        make_items(items, 100, prefix);
        r = append(&store, items, T0);
    }
    if (r != FARMIQ_E_NOSPACE)
        return 2;
    farmiq_outbox_stats_init(&stats, sizeof stats);
    if (farmiq_store_outbox_stats(&store, QUEUE, &stats) || stats.pending != appended)
        return 3;
    farmiq_store_close(&store);
    return appended < 500 ? 4 : 0;
}

static void a_full_disk_is_nospace_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t child;

    farmiq_store_close(&f->store);
    child = fork();
    if (child == 0)
        _exit(live_on_a_small_disk(f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_batch_that_does_not_fit_leaves_nothing_of_itself(void **state)
{
    static struct item items[1000];
    struct fixture *f = *state;
    struct item small[1];

    farmiq_store_close(&f->store);
    assert_int_equal(f->kind->open(f, &f->store, 240 << 10), FARMIQ_OK);
    make_items(small, 1, "small");
    make_items(items, 1000, "e");
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, items, T0), FARMIQ_E_NOSPACE);
    farmiq_store_rollback(&f->store);
    assert_stats(&f->store, 0, 0, 0, 0);
    assert_int_equal(append(&f->store, small, T0), FARMIQ_OK);
    assert_stats(&f->store, 1, 0, 0, 0);
}

/* In a child: a limit that makes the kernel refuse writes, as a broken disk does. */
static int live_with_write_errors(struct fixture *f)
{
    static struct item items[1000];
    struct rlimit limit = { 100 << 10, RLIM_INFINITY };
    struct farmiq_outbox_stats stats;
    struct item before[1];

    signal(SIGXFSZ, SIG_IGN);
    make_items(before, 1, "before");
    make_items(items, 1000, "e");
    if (append(&f->store, before, T0) || setrlimit(RLIMIT_FSIZE, &limit))
        return 1;
    if (farmiq_store_begin(&f->store))
        return 2;
    if (append(&f->store, items, T0) == 0 && farmiq_store_commit(&f->store) == 0)
        return 3;
    farmiq_store_rollback(&f->store);
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) || append(&f->store, items, T0))
        return 4;
    farmiq_outbox_stats_init(&stats, sizeof stats);
    if (farmiq_store_outbox_stats(&f->store, QUEUE, &stats) || stats.pending != 1001)
        return 5;
    return 0;
}

static void write_errors_fail_and_pass(void **state)
{
    struct fixture *f = *state;
    int status;
    pid_t child;

    farmiq_store_close(&f->store);
    child = fork();
    if (child == 0)
        _exit(f->kind->open(f, &f->store, 0) ? 9 : live_with_write_errors(f));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

QUERY(roll_back, "ROLLBACK");

/* SQLite ends a transaction by itself when a disk fails badly enough. What follows must
 * not commit on its own, as if nothing had been lost. */
static void a_lost_transaction_runs_nothing_more(void **state)
{
    struct fixture *f = *state;
    struct item lost[1], after[1];

    make_items(lost, 1, "lost");
    make_items(after, 1, "after");
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, lost, T0), FARMIQ_OK);
    assert_int_equal(farmiq_sql_run(&f->store, &roll_back, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_OK);
    assert_int_equal(append(&f->store, after, T0), FARMIQ_E_STORE);
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_E_STORE);
    assert_int_equal(farmiq_store_commit(&f->store), FARMIQ_E_STORE);
    farmiq_store_rollback(&f->store);
    assert_int_equal(append(&f->store, after, T0), FARMIQ_E_STORE);
    farmiq_store_rollback(&f->store);
    assert_stats(&f->store, 0, 0, 0, 0);
    assert_int_equal(append(&f->store, after, T0), FARMIQ_OK);
}

/* The caller's connection ---------------------------------------------------------- */

struct wrapped {
    sqlite3 *db;
    struct farmiq_store store;
};

static struct wrapped wrap(struct fixture *f)
{
    struct wrapped w;
    char path[128];

    snprintf(path, sizeof path, "%s/his.db", f->dir);
    assert_int_equal(sqlite3_open(path, &w.db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(w.db,
                                  "PRAGMA user_version = 42;"
                                  "CREATE TABLE IF NOT EXISTS his (n INTEGER)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(farmiq_sqlite_migrate(w.db, farmiq_schema_edge(), NULL), FARMIQ_OK);
    assert_int_equal(farmiq_store_wrap_sqlite(&w.store, w.db), FARMIQ_OK);
    return w;
}

static int64_t count_in(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;
    int64_t count;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    count = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return count;
}

static void write_both(struct wrapped *w, const char *prefix)
{
    struct item items[2];

    make_items(items, 2, prefix);
    assert_int_equal(
        sqlite3_exec(w->db, "BEGIN; INSERT INTO his VALUES (1)", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(append(&w->store, items, T0), FARMIQ_OK);
}

/* Architecture, decision 4: the whole point of a transactional outbox. */
static void his_row_and_ours_commit_or_vanish_together(void **state)
{
    struct wrapped w = wrap(*state);

    write_both(&w, "gone");
    assert_int_equal(sqlite3_exec(w.db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(count_in(w.db, "SELECT count(*) FROM his"), 0);
    assert_stats(&w.store, 0, 0, 0, 0);
    write_both(&w, "kept");
    assert_int_equal(sqlite3_exec(w.db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(count_in(w.db, "SELECT count(*) FROM his"), 1);
    assert_stats(&w.store, 2, 0, 0, 0);
    farmiq_store_close(&w.store);
    assert_int_equal(count_in(w.db, "SELECT count(*) FROM sync_outbox"), 2);
    assert_int_equal(count_in(w.db, "PRAGMA user_version"), 42);
    assert_int_equal(sqlite3_close(w.db), SQLITE_OK);
}

static void our_begin_in_his_transaction_is_a_savepoint(void **state)
{
    struct wrapped w = wrap(*state);
    struct item items[1];

    write_both(&w, "his");
    make_items(items, 1, "ours");
    assert_int_equal(farmiq_store_begin(&w.store), FARMIQ_OK);
    assert_int_equal(append(&w.store, items, T0), FARMIQ_OK);
    farmiq_store_rollback(&w.store);
    assert_false(sqlite3_get_autocommit(w.db));
    assert_int_equal(farmiq_store_begin(&w.store), FARMIQ_OK);
    assert_int_equal(append(&w.store, items, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&w.store), FARMIQ_OK);
    assert_false(sqlite3_get_autocommit(w.db));
    assert_int_equal(sqlite3_exec(w.db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_stats(&w.store, 3, 0, 0, 0);
    farmiq_store_close(&w.store);
    sqlite3_close(w.db);
}

static void without_his_transaction_ours_is_a_whole_one(void **state)
{
    struct wrapped w = wrap(*state);
    struct item items[1];

    make_items(items, 1, "e");
    assert_int_equal(farmiq_store_begin(&w.store), FARMIQ_OK);
    assert_int_equal(append(&w.store, items, T0), FARMIQ_OK);
    farmiq_store_rollback(&w.store);
    assert_true(sqlite3_get_autocommit(w.db));
    assert_stats(&w.store, 0, 0, 0, 0);
    farmiq_store_close(&w.store);
    sqlite3_close(w.db);
}

/* Schemas -------------------------------------------------------------------------- */

static void a_newer_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct farmiq_error error;

    farmiq_store_close(&f->store);
    assert_int_equal(tell(f->path, "INSERT INTO farmiq_migration (schema, version, name)"
                                   " VALUES ('edge', 9999, 'edge/9999_later')"),
                     SQLITE_OK);
    assert_int_equal(open_error(f, &f->store, &error), FARMIQ_E_UNSUPPORTED);
    assert_int_equal(error.code, FARMIQ_E_UNSUPPORTED);
    assert_true(strlen(error.detail) > 0);
}

static const struct farmiq_migration growing[] = {
    { 1, 0, "grow/0001_a", "CREATE TABLE grow_a (n INTEGER) STRICT", NULL },
    { 2, 0, "grow/0002_b",
      "CREATE TABLE grow_b (n INTEGER) STRICT; "
      "INSERT INTO grow_a VALUES (1)",
      NULL },
    { 0, 0, NULL, NULL, NULL }
};
static const struct farmiq_migration broken[] = {
    { 1, 0, "grow/0001_a", "CREATE TABLE grow_a (n INTEGER) STRICT", NULL },
    { 2, 0, "grow/0002_b",
      "CREATE TABLE grow_c (n INTEGER) STRICT; "
      "INSERT INTO grow_a VALUES ('text')",
      NULL },
    { 0, 0, NULL, NULL, NULL }
};

static void a_step_is_there_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    struct farmiq_error error;

    farmiq_error_init(&error, sizeof error);
    assert_int_equal(farmiq_sqlite_add_schema(&f->store, broken, &error), FARMIQ_E_STORE);
    assert_string_equal(error.field, "grow/0002_b");
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sqlite_schema"
                                  " WHERE name LIKE 'grow_%'"),
                     1);
    for (int again = 0; again < 2; again++)
        assert_int_equal(farmiq_sqlite_add_schema(&f->store, growing, &error), FARMIQ_OK);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM grow_a"), 1);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM grow_b"), 0);
}

static void schemas_share_a_file(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(farmiq_sqlite_add_schema(&f->store, farmiq_schema_agent(), NULL),
                     FARMIQ_OK);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM agent_event"), 0);
    assert_int_equal(ask(f->path, "SELECT count(DISTINCT schema) FROM farmiq_migration"),
                     2);
}

static void the_cloud_schema_has_its_names(void **state)
{
    struct fixture *f = *state;
    struct farmiq_sqlite_options options;
    char path[128];

    farmiq_sqlite_options_init(&options, sizeof options);
    options.migrations = farmiq_schema_cloud();
    farmiq_store_close(&f->store);
    snprintf(path, sizeof path, "%s/cloud.db", f->dir);
    assert_int_equal(farmiq_store_open_sqlite(&f->store, path, &options, NULL),
                     FARMIQ_OK);
    assert_int_equal(ask(path, "SELECT count(*) FROM ingestion_dedupe"), 0);
    assert_int_equal(ask(path, "SELECT count(*) FROM edge_replay"), 0);
    assert_int_equal(ask(path, "SELECT count(*) FROM bus_telemetry_ready"), 0);
    assert_int_equal(ask(path, "SELECT count(*) FROM telemetry_agg"), 0);
}

static void freed_pages_go_back_to_the_disk(void **state)
{
    static struct item items[500];
    static struct claimer c;
    struct fixture *f = *state;
    uint32_t purged;
    int64_t before;

    make_items(items, 500, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    before = ask(f->path, "PRAGMA page_count");
    make_claimer(&c, "c");
    while (claim(&f->store, &c, 100, T0) == FARMIQ_OK)
        assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_purge(&f->store, QUEUE, T0 + 1, 500, &purged),
                     FARMIQ_OK);
    assert_int_equal(purged, 500);
    assert_true(ask(f->path, "PRAGMA freelist_count") > 5);
    assert_int_equal(farmiq_sqlite_vacuum(&f->store, 100000), FARMIQ_OK);
    assert_int_equal(ask(f->path, "PRAGMA freelist_count"), 0);
    assert_true(ask(f->path, "PRAGMA page_count") < before);
}

/* Readers -------------------------------------------------------------------------- */

static struct farmiq_store open_reader(struct fixture *f)
{
    struct farmiq_sqlite_options options;
    struct farmiq_store reader;

    farmiq_sqlite_options_init(&options, sizeof options);
    options.access = FARMIQ_SQLITE_READ;
    assert_int_equal(farmiq_store_open_sqlite(&reader, f->path, &options, NULL),
                     FARMIQ_OK);
    return reader;
}

static void a_reader_sees_what_is_committed_and_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct farmiq_store reader = open_reader(f);
    struct item items[2], more[1];

    make_items(items, 2, "e");
    make_items(more, 1, "more");
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    assert_stats(&reader, 0, 0, 0, 0);
    assert_int_equal(farmiq_store_commit(&f->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&reader), FARMIQ_OK);
    assert_stats(&reader, 2, 0, 0, 0);
    assert_int_equal(append(&f->store, more, T0), FARMIQ_OK);
    assert_stats(&reader, 2, 0, 0, 0); /* its transaction is a snapshot */
    assert_int_equal(farmiq_store_commit(&reader), FARMIQ_OK);
    assert_stats(&reader, 3, 0, 0, 0);
    assert_int_equal(append(&reader, items, T0), FARMIQ_E_STORE);
    farmiq_store_close(&reader);
}

static void a_reader_creates_nothing(void **state)
{
    struct fixture *f = *state;
    struct farmiq_sqlite_options options;
    struct farmiq_store reader = { NULL, NULL };
    struct farmiq_error error;
    char path[128];

    snprintf(path, sizeof path, "%s/none.db", f->dir);
    farmiq_error_init(&error, sizeof error);
    farmiq_sqlite_options_init(&options, sizeof options);
    options.access = FARMIQ_SQLITE_READ;
    assert_int_equal(farmiq_store_open_sqlite(&reader, path, &options, &error),
                     FARMIQ_E_STORE);
    assert_null(reader.ops);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_string_equal(error.field, "path");
}

/* The view ------------------------------------------------------------------------- */

static int64_t with_status(struct fixture *f, const char *status)
{
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT count(*) FROM sync_outbox WHERE status = '%s'",
             status);
    return ask(f->path, sql);
}

/* Seed 002, 7.2: people and tools see one table with a status. */
static void the_view_tells_every_status(void **state)
{
    struct fixture *f = *state;
    struct farmiq_outbox_row *row;
    struct item items[6];
    struct claimer c;

    make_items(items, 6, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "barn-1");
    assert_int_equal(claim(&f->store, &c, 5, T0), FARMIQ_OK);
    row = c.first;
    assert_int_equal(farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_ACKED, T0, 0), 0);
    row = row->next;
    assert_int_equal(farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_REFUSED, T0, 0), 0);
    row->last_error_code = text("CLOUD_EVENT_REJECTED");
    row = row->next;
    row->attempt_count = 9;
    assert_int_equal(farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_RETRY, T0, 0), 0);
    row = row->next;
    assert_int_equal(farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_RETRY, T0, 0), 0);
    row->next = NULL; /* the fifth stays claimed */
    assert_int_equal(farmiq_store_outbox_settle(&f->store, QUEUE, c.first, T0),
                     FARMIQ_OK);
    assert_int_equal(with_status(f, "acked"), 1);
    assert_int_equal(with_status(f, "failed"), 1);
    assert_int_equal(with_status(f, "dlq"), 1);
    assert_int_equal(with_status(f, "pending"), 2);
    assert_int_equal(with_status(f, "claimed"), 1);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_outbox WHERE"
                                  " status = 'claimed' AND claimed_by = 'barn-1' AND"
                                  " claim_count = 1 AND lease_expires_at > claimed_at"),
                     1);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_outbox WHERE"
                                  " last_error_code = 'CLOUD_EVENT_REJECTED' AND"
                                  " dlq_reason = 'refused' AND attempt_count = 1"),
                     1);
    assert_int_equal(ask(f->path, "SELECT payload_size_bytes FROM sync_outbox"
                                  " WHERE id = 'e-0'"),
                     (int64_t)strlen(items[0].payload));
}

static void a_foreign_writer_appends_the_seeds_way(void **state)
{
    struct fixture *f = *state;
    struct claimer c;
    static const char insert[] =
        "INSERT INTO sync_outbox (id, tenant_id, event_type, occurred_at, payload_json,"
        " priority) VALUES ('f-1', 't', 'media.stored', 5, '{}', 3)";

    assert_int_equal(tell(f->path, insert), SQLITE_OK);
    assert_int_equal(tell(f->path, insert), SQLITE_OK); /* idempotent by id */
    assert_int_equal(tell(f->path, "INSERT INTO sync_outbox (tenant_id, event_type,"
                                   " payload_json) VALUES ('t', 'x', '{}')"),
                     SQLITE_OK);
    assert_stats(&f->store, 2, 0, 0, 0);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 9, T0), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 2);
    assert_id(c.first, "f-1");
    assert_int_equal(c.first->priority, 3);
    assert_int_equal(c.first->next->event->event_id.len, 36);
}

/* 13-C16: an audit row per dead letter and per redrive. */
static void deaths_and_redrives_are_audited(void **state)
{
    struct fixture *f = *state;
    struct item items[2];
    struct claimer c;
    uint32_t redriven;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 2, T0), FARMIQ_OK);
    c.first->last_error_message = text("farm_id is missing");
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_REFUSED, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_redrive(&f->store, QUEUE, NULL, 0, text("ann"),
                                                 text("cloud mended"), T0 + 1, &redriven),
                     FARMIQ_OK);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_audit WHERE"
                                  " action = 'died' AND reason = 'refused'"),
                     2);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_audit WHERE"
                                  " action = 'redriven' AND actor = 'ann' AND"
                                  " reason = 'cloud mended'"),
                     2);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_audit WHERE"
                                  " last_error_message = 'farm_id is missing'"),
                     2);
}

/* 13-C14: a row that comes due again and then kills its claimers is buried with what its
 * last attempt came to; and is forgotten whole. */
static void the_dead_keep_their_last_error(void **state)
{
    static const char told[] = "SELECT count(*) FROM sync_outbox WHERE"
                               " last_error_code = 'CLOUD_BUSY' AND"
                               " last_error_message = 'later'";
    struct fixture *f = *state;
    struct item items[1];
    struct claimer c;

    make_items(items, 1, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_OK);
    c.first->last_error_code = text("CLOUD_BUSY");
    c.first->last_error_message = text("later");
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_RETRY, T0), FARMIQ_OK);
    assert_int_equal(ask(f->path, told), 1);
    assert_int_equal(claim(&f->store, &c, 1, T0 + HOUR_MS), FARMIQ_OK);
    assert_int_equal(ask(f->path, told), 1);
    c.claim.max_claims = 1;
    assert_int_equal(claim(&f->store, &c, 1, T0 + 2 * HOUR_MS), FARMIQ_NONE);
    assert_int_equal(with_status(f, "dlq"), 1);
    assert_int_equal(ask(f->path, told), 1);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_audit WHERE"
                                  " last_error_message = 'later'"),
                     1);
}

static void a_purged_event_leaves_no_error(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer c;
    uint32_t purged;

    make_items(items, 1, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_OK);
    c.first->last_error_message = text("later");
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_RETRY, T0), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &c, 1, T0 + HOUR_MS), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_error"), 1);
    assert_int_equal(farmiq_store_outbox_purge(&f->store, QUEUE, T0 + 1, 9, &purged),
                     FARMIQ_OK);
    assert_int_equal(ask(f->path, "SELECT count(*) FROM sync_error"), 0);
}

/* 13-C14: the row's own reason, at most 500 bytes, whole characters. */
static void an_error_text_is_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer c;
    char message[600];

    for (size_t i = 0; i < sizeof message; i += 3)
        memcpy(message + i, "\xe2\x82\xac", 3);
    make_items(items, 1, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_OK);
    c.first->last_error_message.ptr = message;
    c.first->last_error_message.len = sizeof message;
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_REFUSED, T0), FARMIQ_OK);
    assert_int_equal(ask(f->path, "SELECT length(CAST(last_error_message AS BLOB))"
                                  " FROM sync_error"),
                     498);
}

/* farmiq/sql.h --------------------------------------------------------------------- */

QUERY(make_table, "CREATE TABLE things (n INTEGER, r REAL, t TEXT, b BLOB)");
QUERY(add_thing, "INSERT INTO things VALUES ($1, $2, $3, $4)");
QUERY(get_things, "SELECT n, r, t, b, NULL FROM things ORDER BY n");
QUERY(swapped, "SELECT $2, $1");
QUERY(add_unique, "INSERT INTO device_last_seen (tenant_id, device_id, last_seen_at,"
                  " last_topic) VALUES ($1, $2, $3, '') ON CONFLICT DO NOTHING");
QUERY(add_strictly, "INSERT INTO device_last_seen (tenant_id, device_id, last_seen_at,"
                    " last_topic) VALUES ($1, $2, $3, '')");
QUERY(count_seen, "SELECT count(*) FROM device_last_seen");
QUERY(no_table, "SELECT 1 FROM no_such_table");
QUERY(of_queue, "SELECT count(*) FROM {queue}_event");

struct gathered {
    uint32_t rows, last_row;
    struct farmiq_sql_value columns[8];
    char text[8][32];
    int answer;
};

static int gather(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                  uint32_t count)
{
    struct gathered *g = ctx;

    g->rows++;
    g->last_row = row;
    for (uint32_t i = 0; i < count && i < 8; i++) {
        g->columns[i] = columns[i];
        if (columns[i].text.len < 32 && columns[i].text.ptr)
            memcpy(g->text[i], columns[i].text.ptr, columns[i].text.len);
    }
    return g->answer;
}

static void values_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    struct gathered g = { 0 };
    struct farmiq_str bytes = { "a\0b", 3 };
    struct farmiq_sql_value values[4] = { farmiq_sql_integer(INT64_MIN),
                                          farmiq_sql_real(0.1),
                                          farmiq_sql_text(text("")),
                                          { 0 } };

    values[3].type = FARMIQ_SQL_BLOB;
    values[3].text = bytes;
    assert_int_equal(farmiq_sql_run(&f->store, &make_table, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_sql_run(&f->store, &add_thing, NULL, values, 4, NULL, NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_sql_run(&f->store, &get_things, NULL, NULL, 0, gather, &g),
                     FARMIQ_OK);
    assert_int_equal(g.rows, 1);
    assert_int_equal(g.columns[0].type, FARMIQ_SQL_INTEGER);
    assert_true(g.columns[0].integer == INT64_MIN);
    assert_int_equal(g.columns[1].type, FARMIQ_SQL_REAL);
    assert_true(g.columns[1].real == 0.1);
    assert_int_equal(g.columns[2].type, FARMIQ_SQL_TEXT); /* empty, not NULL */
    assert_int_equal(g.columns[2].text.len, 0);
    assert_int_equal(g.columns[3].type, FARMIQ_SQL_BLOB);
    assert_memory_equal(g.text[3], "a\0b", 3);
    assert_int_equal(g.columns[4].type, FARMIQ_SQL_NULL);
}

/* SQLite numbers $2 before $1 when it stands first; we must not. */
static void parameters_go_by_their_number(void **state)
{
    struct fixture *f = *state;
    struct gathered g = { 0 };
    const struct farmiq_sql_value values[] = { farmiq_sql_integer(1),
                                               farmiq_sql_integer(2) };

    assert_int_equal(farmiq_sql_run(&f->store, &swapped, NULL, values, 2, gather, &g),
                     FARMIQ_OK);
    assert_int_equal(g.columns[0].integer, 2);
    assert_int_equal(g.columns[1].integer, 1);
}

static void wrong_calls_are_refused(void **state)
{
    static const struct farmiq_sql_query pg_only = { "pg_only", NULL, "SELECT 1" };
    struct fixture *f = *state;
    struct farmiq_str nul = { "a\0b", 3 };
    const struct farmiq_sql_value values[] = { farmiq_sql_text(nul),
                                               farmiq_sql_integer(2) };
    struct farmiq_store *s = &f->store;

    assert_int_equal(farmiq_sql_run(s, &swapped, NULL, values + 1, 1, NULL, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(s, &swapped, NULL, values, 2, NULL, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(s, &pg_only, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_E_UNSUPPORTED);
    assert_int_equal(farmiq_sql_run(s, &no_table, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_E_STORE);
    assert_non_null(strstr(farmiq_sqlite_error_text(s), "no_such_table"));
    assert_int_equal(farmiq_sql_run(s, &of_queue, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(
        farmiq_sql_run(s, &of_queue, "sync; DROP TABLE x", NULL, 0, NULL, NULL),
        FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(s, &of_queue, "a_name_that_is_longer_than_31_chars",
                                    NULL, 0, NULL, NULL),
                     FARMIQ_E_ARG);
    assert_int_equal(farmiq_sql_run(s, &of_queue, "sync", NULL, 0, NULL, NULL),
                     FARMIQ_OK);
}

static void the_row_function_may_stop_the_statement(void **state)
{
    struct fixture *f = *state;
    struct gathered g = { .answer = FARMIQ_EXHAUSTED };
    struct farmiq_sql_value values[8];

    for (int i = 0; i < 8; i++)
        values[i] = i % 4 ? farmiq_sql_null() : farmiq_sql_integer(i);
    assert_int_equal(farmiq_sql_run(&f->store, &make_table, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_OK);
    assert_int_equal(
        farmiq_sql_run_many(&f->store, &add_thing, NULL, values, 4, 2, NULL, NULL),
        FARMIQ_OK);
    assert_int_equal(farmiq_sql_run(&f->store, &get_things, NULL, NULL, 0, gather, &g),
                     FARMIQ_EXHAUSTED);
    assert_int_equal(g.rows, 1);
    g.answer = 0;
    assert_int_equal(farmiq_sql_run(&f->store, &get_things, NULL, NULL, 0, gather, &g),
                     FARMIQ_OK);
    assert_int_equal(g.rows, 3);
    assert_int_equal(g.last_row, 1);
}

static void seen_params(struct farmiq_sql_value *p, const char *device)
{
    p[0] = farmiq_sql_text(text("t"));
    p[1] = farmiq_sql_text(text(device));
    p[2] = farmiq_sql_integer(T0);
}

static void many_rows_tell_which_were_new(void **state)
{
    struct fixture *f = *state;
    struct gathered g = { 0 };
    struct farmiq_sql_value params[9];

    seen_params(params, "a");
    seen_params(params + 3, "a");
    seen_params(params + 6, "b");
    assert_int_equal(
        farmiq_sql_run_many(&f->store, &add_unique, NULL, params, 3, 3, gather, &g),
        FARMIQ_OK);
    assert_int_equal(g.rows, 2);
    assert_int_equal(g.last_row, 2);
}

static void many_rows_are_one_transaction(void **state)
{
    struct fixture *f = *state;
    struct gathered g = { 0 };
    struct farmiq_sql_value params[6];

    seen_params(params, "a");
    seen_params(params + 3, "a");
    assert_int_equal(
        farmiq_sql_run_many(&f->store, &add_strictly, NULL, params, 3, 2, NULL, NULL),
        FARMIQ_E_STORE);
    assert_int_equal(farmiq_sql_run(&f->store, &count_seen, NULL, NULL, 0, gather, &g),
                     FARMIQ_OK);
    assert_int_equal(g.columns[0].integer, 0);
}

struct nested {
    struct farmiq_store *store;
    struct gathered inner;
};

static int ask_again(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                     uint32_t count)
{
    struct nested *n = ctx;

    (void)row, (void)columns, (void)count;
    return farmiq_sql_run(n->store, &get_things, NULL, NULL, 0, gather, &n->inner);
}

static void a_statement_may_run_inside_itself(void **state)
{
    struct fixture *f = *state;
    struct nested n = { .store = &f->store };
    struct farmiq_sql_value values[12];

    for (int i = 0; i < 12; i++)
        values[i] = farmiq_sql_null();
    assert_int_equal(farmiq_sql_run(&f->store, &make_table, NULL, NULL, 0, NULL, NULL),
                     FARMIQ_OK);
    assert_int_equal(
        farmiq_sql_run_many(&f->store, &add_thing, NULL, values, 4, 3, NULL, NULL),
        FARMIQ_OK);
    assert_int_equal(farmiq_sql_run(&f->store, &get_things, NULL, NULL, 0, ask_again, &n),
                     FARMIQ_OK);
    assert_int_equal(n.inner.rows, 9);
}

static void many_statements_stay_prepared(void **state)
{
    static struct farmiq_sql_query some[300];
    static char sql[300][32];
    struct fixture *f = *state;

    for (int again = 0; again < 2; again++)
        for (int i = 0; i < 300; i++) {
            struct gathered g = { 0 };

            snprintf(sql[i], sizeof sql[i], "SELECT %d", i);
            some[i].name = some[i].sqlite = sql[i];
            assert_int_equal(
                farmiq_sql_run(&f->store, &some[i], NULL, NULL, 0, gather, &g),
                FARMIQ_OK);
            assert_int_equal(g.columns[0].integer, i);
        }
}

/* Threads -------------------------------------------------------------------------- */

enum { SHARED_ROWS = 400, FORWARDERS = 2 };

struct forwarder {
    struct fixture *f;
    pthread_t thread;
    uint32_t acked;
    int result;
};

static uint32_t acks[SHARED_ROWS];

static void count_acks(struct forwarder *fw, const struct farmiq_outbox_row *row)
{
    for (; row; row = row->next, fw->acked++)
        __atomic_add_fetch(&acks[atoi(row->event->event_id.ptr + 2)], 1,
                           __ATOMIC_RELAXED);
}

/* Claim, sometimes dawdle past the lease, settle; until nothing is left. */
static int forward(struct forwarder *fw, struct farmiq_store *store, struct claimer *c)
{
    static int64_t clock = T0;
    int r, idle = 0;

    while (idle < 3) {
        int64_t now = __atomic_add_fetch(&clock, LEASE_MS / 4, __ATOMIC_RELAXED);

        c->claim.token[1] = (uint64_t)fw->thread;
        c->claim.token[0] = (uint64_t)now;
        c->claim.limit = 16;
        c->claim.now_unix_ms = now;
        c->claim.max_claims = 10000;
        r = farmiq_store_outbox_claim(store, QUEUE, &c->claim, &c->first);
        if (r < 0)
            return r;
        idle = r == FARMIQ_NONE ? idle + 1 : 0;
        if (r == FARMIQ_NONE)
            continue;
        for (struct farmiq_outbox_row *row = c->first; row; row = row->next)
            if ((r = farmiq_outbox_settle(row, NULL, FARMIQ_OUTCOME_ACKED, now, 0)))
                return r;
        if (now % 3 == 0)
            sched_yield();
        r = farmiq_store_outbox_settle(store, QUEUE, c->first, now);
        if (r < 0)
            return r;
        if (r == FARMIQ_OK)
            count_acks(fw, c->first);
    }
    return FARMIQ_OK;
}

static void *forwarder_main(void *arg)
{
    struct forwarder *fw = arg;
    struct farmiq_store store;
    struct claimer *c = malloc(sizeof *c);

    make_claimer(c, "forwarder");
    fw->result = fw->f->kind->open_again(fw->f, &store);
    if (!fw->result) {
        fw->result = forward(fw, &store, c);
        farmiq_store_close(&store);
    }
    free(c);
    return NULL;
}

/* Two threads, two connections, leases that expire under them: each row is acknowledged
 * exactly once, whoever thinks what. */
static void threads_acknowledge_each_row_once(void **state)
{
    static struct item items[SHARED_ROWS];
    struct forwarder forwarders[FORWARDERS];
    struct fixture *f = *state;

    memset(acks, 0, sizeof acks);
    make_items(items, SHARED_ROWS, "r");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    for (int i = 0; i < FORWARDERS; i++) {
        memset(&forwarders[i], 0, sizeof forwarders[i]);
        forwarders[i].f = f;
        assert_int_equal(
            pthread_create(&forwarders[i].thread, NULL, forwarder_main, &forwarders[i]),
            0);
    }
    for (int i = 0; i < FORWARDERS; i++) {
        pthread_join(forwarders[i].thread, NULL);
        assert_int_equal(forwarders[i].result, FARMIQ_OK);
    }
    for (int i = 0; i < SHARED_ROWS; i++)
        assert_int_equal(acks[i], 1);
    assert_stats(&f->store, 0, 0, 0, SHARED_ROWS);
}

/* Backup --------------------------------------------------------------------------- */

struct copied {
    struct fixture *f;
    uint32_t calls;
    int answer;
};

/* The writer is not held up, and its work does not make the copy begin again. */
static int write_meanwhile(void *ctx, uint64_t copied, uint64_t total)
{
    struct copied *c = ctx;
    struct item items[1];
    char prefix[16];

    assert_true(copied <= total && total > 0);
    snprintf(prefix, sizeof prefix, "late%u", c->calls++);
    make_items(items, 1, prefix);
    assert_int_equal(append(&c->f->store, items, T0), FARMIQ_OK);
    return c->answer;
}

static uint64_t pending_in(const char *path)
{
    struct farmiq_sqlite_options options;
    struct farmiq_outbox_stats stats;
    struct farmiq_store store;

    farmiq_sqlite_options_init(&options, sizeof options);
    farmiq_outbox_stats_init(&stats, sizeof stats);
    options.access = FARMIQ_SQLITE_READ;
    assert_int_equal(farmiq_store_open_sqlite(&store, path, &options, NULL), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_stats(&store, QUEUE, &stats), FARMIQ_OK);
    farmiq_store_close(&store);
    return stats.pending;
}

static void append_many(struct fixture *f, uint32_t chains)
{
    static struct item items[100];
    char prefix[16];

    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    for (uint32_t i = 0; i < chains; i++) {
        snprintf(prefix, sizeof prefix, "c%u", i);
        make_items(items, 100, prefix);
        assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    }
    assert_int_equal(farmiq_store_commit(&f->store), FARMIQ_OK);
}

static void a_backup_is_of_one_moment(void **state)
{
    struct fixture *f = *state;
    struct copied c = { f, 0, FARMIQ_OK };
    char copy[128];

    snprintf(copy, sizeof copy, "%s/copy", f->dir);
    append_many(f, 500);
    assert_int_equal(farmiq_sqlite_backup(f->path, copy, write_meanwhile, &c, NULL),
                     FARMIQ_OK);
    assert_true(c.calls > 1);
    assert_int_equal(pending_in(copy), 50000);
    assert_int_equal(pending_in(f->path), 50000 + c.calls);
    assert_int_equal(farmiq_sqlite_backup(f->path, copy, NULL, NULL, NULL),
                     FARMIQ_E_STORE);
}

static void a_backup_that_is_stopped_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct copied c = { f, 0, FARMIQ_E_UNREACHABLE };
    char copy[128], partial[140];

    snprintf(copy, sizeof copy, "%s/copy", f->dir);
    snprintf(partial, sizeof partial, "%s.partial", copy);
    assert_int_equal(farmiq_sqlite_backup(f->path, copy, write_meanwhile, &c, NULL),
                     FARMIQ_E_UNREACHABLE);
    assert_int_not_equal(access(copy, F_OK), 0);
    assert_int_not_equal(access(partial, F_OK), 0);
    c.answer = FARMIQ_OK;
    assert_int_equal(farmiq_sqlite_backup(f->path, copy, write_meanwhile, &c, NULL),
                     FARMIQ_OK);
}

static void a_restore_waits_for_no_one_and_harms_no_one(void **state)
{
    struct fixture *f = *state;
    struct farmiq_error error;
    char copy[128];

    farmiq_error_init(&error, sizeof error);
    snprintf(copy, sizeof copy, "%s/copy", f->dir);
    append_many(f, 1);
    assert_int_equal(farmiq_sqlite_backup(f->path, copy, NULL, NULL, NULL), FARMIQ_OK);
    append_many(f, 1);
    assert_int_equal(
        farmiq_sqlite_restore(copy, f->path, farmiq_schema_edge(), NULL, NULL, &error),
        FARMIQ_E_BUSY);
    farmiq_store_close(&f->store);
    assert_int_equal(
        farmiq_sqlite_restore(copy, f->path, farmiq_schema_cloud(), NULL, NULL, &error),
        FARMIQ_E_UNSUPPORTED);
    assert_int_equal(
        farmiq_sqlite_restore(copy, f->path, farmiq_schema_edge(), NULL, NULL, &error),
        FARMIQ_OK);
    assert_int_equal(pending_in(f->path), 100);
    assert_int_equal(farmiq_store_open_sqlite(&f->store, f->path, NULL, &error),
                     FARMIQ_OK);
    assert_stats(&f->store, 100, 0, 0, 0);
}

static void *open_and_close(void *arg)
{
    struct farmiq_store store;
    int r = farmiq_store_open_sqlite(&store, arg, NULL, NULL);

    if (!r)
        farmiq_store_close(&store);
    return (void *)(intptr_t)r;
}

/* Services that start together create one file between them. */
static void openers_may_race_for_a_new_file(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[4];
    char path[128];

    snprintf(path, sizeof path, "%s/new.db", f->dir);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, path), 0);
    for (int i = 0; i < 4; i++) {
        void *result;

        pthread_join(threads[i], &result);
        assert_int_equal((intptr_t)result, FARMIQ_OK);
    }
    assert_int_equal(ask(path, "SELECT count(DISTINCT schema) FROM farmiq_migration"), 1);
}

#define SHOWS(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SHOWS(acknowledged_rows_survive_kill),
        SHOWS(an_unclean_stop_is_checked),
        SHOWS(an_unclean_stop_of_a_sound_file_is_forgotten),
        SHOWS(a_neighbour_in_the_file_is_no_unclean_stop),
        SHOWS(a_full_disk_is_nospace_and_loses_nothing),
        SHOWS(a_batch_that_does_not_fit_leaves_nothing_of_itself),
        SHOWS(write_errors_fail_and_pass),
        SHOWS(a_lost_transaction_runs_nothing_more),
        SHOWS(his_row_and_ours_commit_or_vanish_together),
        SHOWS(our_begin_in_his_transaction_is_a_savepoint),
        SHOWS(without_his_transaction_ours_is_a_whole_one),
        SHOWS(a_newer_file_is_refused),
        SHOWS(a_step_is_there_whole_or_not_at_all),
        SHOWS(schemas_share_a_file),
        SHOWS(the_cloud_schema_has_its_names),
        SHOWS(freed_pages_go_back_to_the_disk),
        SHOWS(a_reader_sees_what_is_committed_and_writes_nothing),
        SHOWS(a_reader_creates_nothing),
        SHOWS(the_view_tells_every_status),
        SHOWS(a_foreign_writer_appends_the_seeds_way),
        SHOWS(deaths_and_redrives_are_audited),
        SHOWS(a_backup_is_of_one_moment),
        SHOWS(a_backup_that_is_stopped_leaves_nothing),
        SHOWS(a_restore_waits_for_no_one_and_harms_no_one),
        SHOWS(the_dead_keep_their_last_error),
        SHOWS(a_purged_event_leaves_no_error),
        SHOWS(an_error_text_is_cut_between_characters),
        SHOWS(values_come_back_as_they_went),
        SHOWS(parameters_go_by_their_number),
        SHOWS(wrong_calls_are_refused),
        SHOWS(the_row_function_may_stop_the_statement),
        SHOWS(many_rows_tell_which_were_new),
        SHOWS(many_rows_are_one_transaction),
        SHOWS(a_statement_may_run_inside_itself),
        SHOWS(many_statements_stay_prepared),
        SHOWS(threads_acknowledge_each_row_once),
        SHOWS(openers_may_race_for_a_new_file),
    };

    current_kind = &sqlite_kind;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
