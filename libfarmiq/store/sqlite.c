/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store: opening, wrapping, closing. */
#include "sqlite_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct farmiq_sqlite_options default_options = {
    .busy_ms = 5000, .access = FARMIQ_SQLITE_WRITE, .cache_kib = 8192
};

void farmiq_sqlite_options_init(struct farmiq_sqlite_options *options, size_t size)
{
    if (!options || size < sizeof options->size)
        return;
    memset(options, 0, size);
    memcpy(options, &default_options,
           size < sizeof default_options ? size : sizeof default_options);
    options->size = (uint32_t)size;
}

int farmiq_sqlite_omit_statistics(void)
{
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) ? FARMIQ_E_STATE : FARMIQ_OK;
}

static int is_in_transaction(const struct farmiq__engine *engine)
{
    return !sqlite3_get_autocommit(((const struct farmiq__sqlite *)engine)->db);
}

static void close_store(void *ctx)
{
    struct farmiq__sqlite *s = ctx;

    while (s->depth)
        farmiq__sqlite_rollback(s);
    farmiq__sqlite_forget_statements(s);
    if (s->is_ours && sqlite3_close(s->db) == SQLITE_OK)
        farmiq__marker_close(s->marker);
    farmiq__engine_fini(&s->engine);
    free(s);
}

static const struct farmiq_store_ops ops = {
    .size = sizeof ops,
    .begin = farmiq__sqlite_begin,
    .commit = farmiq__sqlite_commit,
    .rollback = farmiq__sqlite_rollback,
    .close = close_store,
    FARMIQ__ENGINE_VERBS,
    .sql_run = farmiq__sqlite_run,
};

static struct farmiq__sqlite *new_store(void)
{
    struct farmiq__sqlite *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->marker = -1;
    if (farmiq__engine_init(&s->engine, &ops, is_in_transaction)) {
        free(s);
        return NULL;
    }
    return s;
}

/* Opening -------------------------------------------------------------------------- */

struct opening {
    struct farmiq__sqlite *s;
    const char *path;
    struct farmiq_sqlite_options options;
    enum farmiq__marker found;
    struct farmiq_error *error;
};

static int pragma(const struct opening *o, const char *format, long long value)
{
    char sql[96];

    snprintf(sql, sizeof sql, format, value);
    return farmiq__sqlite_fail(o->s->db, sqlite3_exec(o->s->db, sql, NULL, NULL, NULL),
                               sql, o->error);
}

static int connect(struct opening *o)
{
    int is_reader = o->options.access == FARMIQ_SQLITE_READ;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (is_reader ? 0 : SQLITE_OPEN_CREATE);
    int rc = sqlite3_open_v2(o->path, &o->s->db, flags, NULL);

    o->s->is_ours = 1;
    o->s->is_reader = is_reader;
    if (rc)
        return farmiq__sqlite_fail(o->s->db, rc, "path", o->error);
    sqlite3_busy_timeout(o->s->db, (int)o->options.busy_ms);
    return FARMIQ_OK;
}

/* A database without a file (":memory:", "") has no neighbours and no past. */
static int find_marker(struct opening *o)
{
    if (o->options.access == FARMIQ_SQLITE_READ || !*o->path || *o->path == ':')
        return FARMIQ_OK;
    o->s->marker = farmiq__marker_open(o->path, &o->found);
    if (o->s->marker < 0)
        return farmiq__fill_error(o->error, FARMIQ_E_STORE, "path",
                                  "the marker beside the database cannot be written");
    return FARMIQ_OK;
}

/* How the database is used. auto_vacuum must come before the first page. */
static int configure(struct opening *o)
{
    const struct farmiq_sqlite_options *options = &o->options;
    int is_reader = options->access == FARMIQ_SQLITE_READ;
    int r = pragma(o, "PRAGMA cache_size = -%lld", options->cache_kib);

    if (!r)
        r = pragma(o, "PRAGMA trusted_schema = OFF", 0);
    /* What a savepoint may have to undo, and what a query sorts, stays in memory: it is
     * small, and a file would be written and thrown away with every transaction. */
    if (!r)
        r = pragma(o, "PRAGMA temp_store = MEMORY", 0);
    if (is_reader)
        return r ? r : pragma(o, "PRAGMA query_only = ON", 0);
    /* Some distributions' default: zeros over every page that is given up, written to
     * the log and to the file. It would hide nothing: their neighbours are still there.
     */
    if (!r)
        r = pragma(o, "PRAGMA secure_delete = OFF", 0);
    if (!r)
        r = pragma(o, "PRAGMA auto_vacuum = INCREMENTAL", 0);
    if (!r)
        r = pragma(o, "PRAGMA journal_mode = WAL", 0);
    if (!r)
        r = pragma(o, "PRAGMA journal_size_limit = %lld", 64 << 20);
    if (!r) /* pages: a checkpoint writes each page once, however often it changed */
        r = pragma(o, "PRAGMA wal_autocheckpoint = %lld", 8192);
    return r ? r : pragma(o, "PRAGMA synchronous = %lld", options->normal_sync ? 1 : 2);
}

static int get_number(sqlite3 *db, const char *sql, int64_t *number)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc)
        return rc;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int set_quota(struct opening *o)
{
    int64_t page_bytes = 4096;
    int rc;

    if (!o->options.quota_bytes)
        return FARMIQ_OK;
    rc = get_number(o->s->db, "PRAGMA page_size", &page_bytes);
    if (rc)
        return farmiq__sqlite_fail(o->s->db, rc, "quota", o->error);
    return pragma(o, "PRAGMA max_page_count = %lld",
                  (long long)o->options.quota_bytes / page_bytes);
}

static int on_check(void *ctx, int count, char **values, char **names)
{
    struct opening *o = ctx;

    (void)names;
    if (count != 1 || !values[0] || strcmp(values[0], "ok") == 0)
        return 0;
    farmiq__fill_error(o->error, FARMIQ_E_STORE, "integrity", values[0]);
    return 1;
}

/* After an unclean stop SQLite recovers by itself; what it cannot see is a disk or a
 * hand that changed the file. Better to refuse than to lose quietly. */
static int check_integrity(struct opening *o)
{
    int rc;

    if (o->found != FARMIQ__UNCLEAN)
        return FARMIQ_OK;
    rc = sqlite3_exec(o->s->db, "PRAGMA quick_check(1)", on_check, o, NULL);
    if (rc == SQLITE_ABORT)
        return FARMIQ_E_STORE;
    return farmiq__sqlite_fail(o->s->db, rc, "integrity", o->error);
}

static int migrate(struct opening *o)
{
    const struct farmiq_migration *steps = o->options.migrations;

    if (o->options.access == FARMIQ_SQLITE_READ)
        return FARMIQ_OK;
    return farmiq_sqlite_migrate(o->s->db, steps ? steps : farmiq_schema_edge(),
                                 o->error);
}

static int open_steps(struct opening *o)
{
    static int (*const steps[])(struct opening *) = { connect,         find_marker,
                                                      check_integrity, configure,
                                                      set_quota,       migrate };
    int r = FARMIQ_OK;

    for (size_t i = 0; i < sizeof steps / sizeof *steps && !r; i++)
        r = steps[i](o);
    if (!r && o->s->marker >= 0 && o->found != FARMIQ__IN_USE)
        farmiq__marker_share(o->s->marker);
    return r;
}

/* A failed open leaves the file as it found it, marker included. */
static void give_up(struct farmiq__sqlite *s, enum farmiq__marker found)
{
    if (found == FARMIQ__UNCLEAN) {
        int marker = s->marker;

        s->marker = -1;
        close_store(s);
        farmiq__marker_leave(marker);
        return;
    }
    close_store(s);
}

int farmiq_store_open_sqlite(struct farmiq_store *out, const char *path,
                             const struct farmiq_sqlite_options *options,
                             struct farmiq_error *error)
{
    struct opening o = { .path = path, .options = default_options, .error = error };
    int r;

    if (!out || !path || (options && options->size < sizeof *options))
        return FARMIQ_E_ARG;
    if (options)
        o.options = *options;
    o.s = new_store();
    if (!o.s)
        return farmiq__fill_error(error, FARMIQ_E_NOMEM, "", "out of memory");
    r = open_steps(&o);
    if (r) {
        give_up(o.s, o.found);
        return r;
    }
    *out = o.s->engine.store;
    return FARMIQ_OK;
}

int farmiq_store_wrap_sqlite(struct farmiq_store *out, struct sqlite3 *db)
{
    struct farmiq__sqlite *s;

    if (!out || !db)
        return FARMIQ_E_ARG;
    s = new_store();
    if (!s)
        return FARMIQ_E_NOMEM;
    s->db = db;
    *out = s->engine.store;
    return FARMIQ_OK;
}

/* Of any store whose table is ours; other stores have no such context. */
static struct farmiq__sqlite *sqlite_of(const struct farmiq_store *store)
{
    return store && store->ops == &ops ? store->ctx : NULL;
}

int farmiq_sqlite_vacuum(struct farmiq_store *store, uint32_t pages)
{
    struct farmiq__sqlite *s = sqlite_of(store);
    char sql[64];

    if (!s)
        return FARMIQ_E_ARG;
    snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%u)", pages);
    return farmiq__sqlite_code(sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

int farmiq_sqlite_add_schema(struct farmiq_store *store,
                             const struct farmiq_migration *steps,
                             struct farmiq_error *error)
{
    struct farmiq__sqlite *s = sqlite_of(store);

    return s ? farmiq_sqlite_migrate(s->db, steps, error) : FARMIQ_E_ARG;
}

const char *farmiq_sqlite_error_text(const struct farmiq_store *store)
{
    struct farmiq__sqlite *s = sqlite_of(store);

    return s ? sqlite3_errmsg(s->db) : "";
}
