/* SPDX-License-Identifier: Apache-2.0 */
/* The PostgreSQL store: connecting, transactions, closing. */
#include "pg_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct farmiq_pg_options default_options = {
    .statement_timeout_ms = 30000,
    .connect_timeout_s = 10,
    .reconnect_ms = 100,
    .reconnect_max_ms = 30000,
};

void farmiq_pg_options_init(struct farmiq_pg_options *options, size_t size)
{
    if (!options || size < sizeof options->size)
        return;
    memset(options, 0, size);
    memcpy(options, &default_options,
           size < sizeof default_options ? size : sizeof default_options);
    options->size = (uint32_t)size;
}

static int is_in_transaction(const struct farmiq__engine *engine)
{
    const struct farmiq__pg *s = (const struct farmiq__pg *)engine;

    return s->depth > 0 || PQtransactionStatus(s->conn) == PQTRANS_INTRANS;
}

/* Connecting ----------------------------------------------------------------------- */

int64_t farmiq__pg_monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int name_tenant(struct farmiq__pg *s)
{
    const char *tenant = s->tenant;
    PGresult *result =
        PQexecParams(s->conn, "SELECT set_config('farmiq.tenant_id', $1, false)", 1, NULL,
                     &tenant, NULL, NULL, 0);
    int r = PQresultStatus(result) == PGRES_TUPLES_OK ? FARMIQ_OK
                                                      : farmiq__pg_failed(s, result);

    PQclear(result);
    return r;
}

/* How a connection of ours is used. The statements are written for READ COMMITTED. They
 * find their rows by keys, and their plans are kept: made while the tables were empty, a
 * plan that scans would still scan when they are not. */
static int configure(struct farmiq__pg *s)
{
    char sql[320];
    int r;

    snprintf(sql, sizeof sql,
             "SET statement_timeout = %u;"
             "SET default_transaction_isolation = 'read committed';"
             "SET enable_seqscan = off; SET enable_hashjoin = off;"
             "SET enable_mergejoin = off; SET jit = off;"
             "SET client_min_messages = warning",
             s->options.statement_timeout_ms);
    r = farmiq__pg_exec(s, sql);
    if (!r && s->options.read_only)
        r = farmiq__pg_exec(s, "SET default_transaction_read_only = on");
    return r || !*s->tenant ? r : name_tenant(s);
}

/* After each failed attempt there is a pause, twice as long as the one before. */
static int reconnect(struct farmiq__pg *s)
{
    int64_t now_ms = farmiq__pg_monotonic_ms();

    if (now_ms < s->retry_at_ms)
        return FARMIQ_E_STORE;
    farmiq__pg_forget_statements(s);
    PQreset(s->conn);
    if (PQstatus(s->conn) == CONNECTION_OK && configure(s) == FARMIQ_OK) {
        s->is_lost = 0;
        s->pause_ms = 0;
        return FARMIQ_OK;
    }
    farmiq__pg_connect_failure(s->conn, s->error_text, sizeof s->error_text);
    s->pause_ms = s->pause_ms ? s->pause_ms * 2 : s->options.reconnect_ms;
    if (s->pause_ms > s->options.reconnect_max_ms)
        s->pause_ms = s->options.reconnect_max_ms;
    s->retry_at_ms = farmiq__pg_monotonic_ms() + s->pause_ms;
    return FARMIQ_E_STORE;
}

/* The server may have gone while nothing was asked of it; then its last words and the end
 * are there to be read. Whatever is asked first shall not fail for that. */
static void listen_for_the_end(struct farmiq__pg *s)
{
    (void)PQconsumeInput(s->conn);
    (void)PQconsumeInput(s->conn);
    if (PQstatus(s->conn) == CONNECTION_BAD)
        s->is_lost = 1;
}

/* What a transaction has written so far is gone with its connection: until it has been
 * rolled back nothing runs, or the rest of it would be committed alone. */
int farmiq__pg_connected(struct farmiq__pg *s)
{
    int may_reconnect = s->is_ours && (s->depth == 0 || farmiq__pg_is_untouched(s));

    if (s->is_broken)
        return FARMIQ_E_STORE;
    if (!s->is_lost && s->is_ours && s->depth == 0)
        listen_for_the_end(s);
    if (!s->is_lost)
        return FARMIQ_OK;
    return may_reconnect ? reconnect(s) : FARMIQ_E_STORE;
}

/* Transactions --------------------------------------------------------------------- */

static int is_outermost(const struct farmiq__pg *s)
{
    return s->depth == 1 && !s->is_savepoint;
}

static int begin(void *ctx)
{
    struct farmiq__pg *s = ctx;
    int is_savepoint = s->depth > 0, r = farmiq__pg_connected(s);

    if (r)
        return r;
    is_savepoint |= PQtransactionStatus(s->conn) == PQTRANS_INTRANS;
    r = farmiq__pg_defer(s, is_savepoint ? FARMIQ__PG_SAVEPOINT : FARMIQ__PG_BEGIN);
    if (r)
        return r;
    if (s->depth++ == 0)
        s->is_savepoint = is_savepoint;
    return FARMIQ_OK;
}

/* The server answers COMMIT after a failure with a rollback, and calls it a success. */
static int commit_transaction(struct farmiq__pg *s)
{
    if (PQtransactionStatus(s->conn) != PQTRANS_INTRANS)
        return FARMIQ_E_STORE;
    return farmiq__pg_exec_behind(s, "COMMIT");
}

static int commit(void *ctx)
{
    struct farmiq__pg *s = ctx;
    int r = FARMIQ_OK;

    if (s->depth == 0)
        return FARMIQ_E_STATE;
    if (s->is_lost || s->is_broken)
        return FARMIQ_E_STORE;
    if (!farmiq__pg_take_back(s))
        r = is_outermost(s) ? commit_transaction(s)
                            : farmiq__pg_defer(s, FARMIQ__PG_RELEASE);
    if (!r)
        s->depth--;
    return r;
}

/* Savepoints inside a savepoint have its name, and are released before it is undone. */
static void undo(struct farmiq__pg *s)
{
    if (s->is_lost)
        return;
    if (is_outermost(s))
        (void)farmiq__pg_exec(s, "ROLLBACK");
    else if (!s->is_broken && farmiq__pg_flush(s) == FARMIQ_OK)
        (void)farmiq__pg_exec(s, "ROLLBACK TO SAVEPOINT farmiq;RELEASE SAVEPOINT farmiq");
}

/* Cannot fail: where the connection is gone there is nothing left to undo. */
static void rollback(void *ctx)
{
    struct farmiq__pg *s = ctx;

    if (s->depth == 0)
        return;
    farmiq__resume_forget(&s->engine.resumes, NULL);
    if (!farmiq__pg_take_back(s))
        undo(s);
    if (--s->depth == 0) {
        s->pending_count = 0;
        s->is_broken = 0;
    }
}

/* Opening and closing --------------------------------------------------------------- */

/* A wrapped connection gets its room back. */
static void deallocate(struct farmiq__pg *s)
{
    char sql[80];

    for (uint32_t i = 0; i < s->statement_count && !s->is_lost; i++) {
        snprintf(sql, sizeof sql, "DEALLOCATE \"%s\"", s->statements[i].name);
        (void)farmiq__pg_exec(s, sql);
    }
}

static void close_store(void *ctx)
{
    struct farmiq__pg *s = ctx;

    while (s->depth)
        rollback(s);
    if (s->is_ours)
        PQfinish(s->conn);
    else
        deallocate(s);
    free(s->statements);
    free(s->buffer.bytes);
    farmiq__engine_fini(&s->engine);
    free(s);
}

static const struct farmiq_store_ops ops = {
    .size = sizeof ops,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .close = close_store,
    FARMIQ__ENGINE_VERBS,
    .sql_run = farmiq__pg_run,
};

static struct farmiq__pg *new_store(const struct farmiq_pg_options *options)
{
    struct farmiq__pg *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->options = options ? *options : default_options;
    if (farmiq__engine_init(&s->engine, &ops, is_in_transaction)) {
        free(s);
        return NULL;
    }
    s->engine.does_whole_verbs = 1;
    return s;
}

static int open_steps(struct farmiq__pg *s, const char *conninfo,
                      struct farmiq_error *error)
{
    const struct farmiq_migration *steps = s->options.migrations;
    int r = farmiq__pg_connect(&s->conn, conninfo, &s->options, error);

    s->is_ours = 1;
    s->engine.owns_transactions = 1;
    if (r)
        return r;
    r = configure(s);
    if (r)
        return farmiq__fill_error(error, r, "conninfo", s->error_text);
    if (s->options.read_only)
        return FARMIQ_OK;
    return farmiq_pg_migrate(s->conn, steps ? steps : farmiq_schema_edge(), error);
}

int farmiq_store_open_pg(struct farmiq_store *out, const char *conninfo,
                         const struct farmiq_pg_options *options,
                         struct farmiq_error *error)
{
    struct farmiq__pg *s;
    int r;

    if (!out || !conninfo || (options && options->size < sizeof *options))
        return FARMIQ_E_ARG;
    s = new_store(options);
    if (!s)
        return farmiq__fill_error(error, FARMIQ_E_NOMEM, "", "out of memory");
    r = open_steps(s, conninfo, error);
    if (r)
        close_store(s);
    else
        *out = s->engine.store;
    return r;
}

int farmiq_store_wrap_pg(struct farmiq_store *out, struct pg_conn *connection)
{
    struct farmiq__pg *s;

    if (!out || !connection)
        return FARMIQ_E_ARG;
    s = new_store(NULL);
    if (!s)
        return FARMIQ_E_NOMEM;
    s->conn = connection;
    *out = s->engine.store;
    return FARMIQ_OK;
}

/* Of any store whose table is ours; other stores have no such context. */
static struct farmiq__pg *pg_of(const struct farmiq_store *store)
{
    return store && store->ops == &ops ? store->ctx : NULL;
}

int farmiq_pg_add_schema(struct farmiq_store *store, const struct farmiq_migration *steps,
                         struct farmiq_error *error)
{
    struct farmiq__pg *s = pg_of(store);
    int r;

    if (!s)
        return FARMIQ_E_ARG;
    r = farmiq__pg_flush(s);
    return r ? farmiq__fill_error(error, r, "", s->error_text)
             : farmiq_pg_migrate(s->conn, steps, error);
}

int farmiq_pg_set_tenant(struct farmiq_store *store, struct farmiq_str tenant_id)
{
    struct farmiq__pg *s = pg_of(store);
    int r;

    if (!s)
        return FARMIQ_E_UNSUPPORTED;
    if (tenant_id.len >= sizeof s->tenant || !tenant_id.len)
        return FARMIQ_E_ARG;
    if (is_in_transaction(&s->engine))
        return FARMIQ_E_STATE;
    r = farmiq__pg_connected(s);
    if (r || (strlen(s->tenant) == tenant_id.len &&
              memcmp(s->tenant, tenant_id.ptr, tenant_id.len) == 0))
        return r;
    memcpy(s->tenant, tenant_id.ptr, tenant_id.len);
    s->tenant[tenant_id.len] = '\0';
    r = name_tenant(s);
    if (r)
        s->tenant[0] = '\0';
    return r;
}

const char *farmiq_pg_error_text(const struct farmiq_store *store)
{
    struct farmiq__pg *s = pg_of(store);

    return s ? s->error_text : "";
}
