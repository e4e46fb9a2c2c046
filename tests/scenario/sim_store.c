/* SPDX-License-Identifier: Apache-2.0 */
/* The stores of simulated processes: the real ones, with a death or a full disk at any
 * step, and with the planted bugs of the disk. */
#include "sim_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <farmiq/sql.h>
#include <farmiq/store_pg.h>
#include <farmiq/store_sqlite.h>

#include "sim_pg.h"

struct sim_store {
    struct farmiq_store real;
    struct sim_node *node;
    int is_writer;
    int depth;         /* of transactions */
    int has_written;   /* since the outermost begin: a commit needs no room otherwise */
    int owes_a_commit; /* SIM_BUG_LYING_COMMIT */
    struct sim_settled *settled;
    size_t settled_count, settled_room;
};

static const struct sim_store_watcher *watcher;
static enum sim_bug planted;

void sim_store_watch(const struct sim_store_watcher *who) { watcher = who; }
void sim_bug_plant(enum sim_bug bug) { planted = bug; }
int sim_bug_is(enum sim_bug bug) { return planted == bug; }

/* ## Steps */

/* One moment at which the process may die. Readers change nothing and do not count. */
static int survives(struct sim_store *store)
{
    struct sim_node *node = store->node;

    if (node->is_dead)
        return 0;
    if (!store->is_writer)
        return 1;
    node->store_steps++;
    if (node->store_steps == node->crash_at_step) {
        node->crashed_at_step = 1;
        sim_node_kill(node);
    } else if (sim_chance(node->crash_chance)) {
        sim_node_kill(node);
    }
    return !node->is_dead;
}

/* After the verb: it took effect, but a dead process does not learn of it. */
static int result_of(struct sim_store *store, int r)
{
    return survives(store) ? r : FARMIQ_E_STORE;
}

static int may_write(struct sim_store *store)
{
    if (!survives(store))
        return FARMIQ_E_STORE;
    if (store->node->disk_is_full && !sim_bug_is(SIM_BUG_FULL_DISK_IGNORED))
        return FARMIQ_E_NOSPACE;
    store->has_written = 1;
    return FARMIQ_OK;
}

/* ## What was settled, until it is durable */

static void copy_text(char *out, size_t room, struct farmiq_str text)
{
    snprintf(out, room, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
}

static void note_settled(struct sim_store *store, const char *queue,
                         const struct farmiq_outbox_row *row)
{
    struct sim_settled *note;

    if (store->settled_count == store->settled_room) {
        store->settled_room = store->settled_room ? store->settled_room * 2 : 64;
        store->settled =
            realloc(store->settled, store->settled_room * sizeof *store->settled);
        if (!store->settled)
            abort();
    }
    note = &store->settled[store->settled_count++];
    note->depth = store->depth;
    snprintf(note->queue, sizeof note->queue, "%s", queue);
    note->seq = row->seq;
    note->status = row->status;
    note->occurred_at_unix_ms = row->event->occurred_at_unix_ms;
    copy_text(note->tenant_id, sizeof note->tenant_id, row->event->tenant_id);
    copy_text(note->event_id, sizeof note->event_id, row->event->event_id);
}

static void forget_settled(struct sim_store *store, int depth)
{
    while (store->settled_count &&
           store->settled[store->settled_count - 1].depth >= depth)
        store->settled_count--;
}

static void tell_settled(struct sim_store *store)
{
    for (size_t i = 0; i < store->settled_count; i++) {
        if (store->depth)
            store->settled[i].depth = store->depth;
        else if (watcher)
            watcher->on_settled(&store->settled[i]);
    }
    if (!store->depth)
        store->settled_count = 0;
}

/* ## Transactions */

static void pay_commit(struct sim_store *store)
{
    if (store->owes_a_commit && !store->node->is_dead)
        (void)!farmiq_store_commit(&store->real);
    else if (store->owes_a_commit)
        farmiq_store_rollback(&store->real);
    store->owes_a_commit = 0;
}

static int sim_begin(void *ctx)
{
    struct sim_store *store = ctx;
    int r;

    if (!store->depth && sim_fiber_current() && sim_chance(store->node->pause_chance))
        sim_sleep(sim_between(1, store->node->pause_ms));
    if (!survives(store))
        return FARMIQ_E_STORE;
    pay_commit(store);
    if (!store->depth)
        store->has_written = 0;
    r = farmiq_store_begin(&store->real);
    store->depth += r >= 0;
    return r;
}

static int sim_commit(void *ctx)
{
    struct sim_store *store = ctx;
    int r = store->has_written ? may_write(store) : result_of(store, FARMIQ_OK);

    if (r < 0)
        return r;
    if (store->depth == 1 && sim_bug_is(SIM_BUG_LYING_COMMIT)) {
        store->owes_a_commit = 1;
    } else {
        r = farmiq_store_commit(&store->real);
        if (r < 0)
            return r;
    }
    store->depth--;
    tell_settled(store);
    return result_of(store, r);
}

static void sim_rollback(void *ctx)
{
    struct sim_store *store = ctx;

    if (!store->depth)
        return;
    farmiq_store_rollback(&store->real);
    forget_settled(store, store->depth);
    store->depth--;
}

static void sim_close_store(void *ctx)
{
    struct sim_store *store = ctx;

    pay_commit(store);
    while (store->depth)
        sim_rollback(store);
    farmiq_store_close(&store->real);
    free(store->settled);
    free(store);
}

/* A planted bug: what was written so far is durable on its own. */
static void commit_so_far(struct sim_store *store)
{
    for (int i = 0; i < store->depth; i++)
        (void)!farmiq_store_commit(&store->real);
    for (int i = 0; i < store->depth; i++)
        (void)!farmiq_store_begin(&store->real);
}

/* ## Verbs */

static int dedupe_blindly(struct sim_store *store, const char *ledger,
                          struct farmiq_sighting *first, int64_t now_unix_ms,
                          int64_t expires_at_unix_ms)
{
    for (struct farmiq_sighting *s = first; s; s = s->next)
        s->tenant_id = (struct farmiq_str){ "everybody", 9 };
    return farmiq_store_dedupe(&store->real, ledger, first, now_unix_ms,
                               expires_at_unix_ms);
}

static int sim_dedupe(void *ctx, const char *ledger, struct farmiq_sighting *first,
                      int64_t now_unix_ms, int64_t expires_at_unix_ms)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    if (r < 0)
        return r;
    r = sim_bug_is(SIM_BUG_TENANT_BLIND) && *ledger == 'i'
            ? dedupe_blindly(store, ledger, first, now_unix_ms, expires_at_unix_ms)
            : farmiq_store_dedupe(&store->real, ledger, first, now_unix_ms,
                                  expires_at_unix_ms);
    if (r >= 0 && ((sim_bug_is(SIM_BUG_EDGE_DEDUPE_FIRST) && *ledger == 'i') ||
                   (sim_bug_is(SIM_BUG_CLOUD_DEDUPE_FIRST) && *ledger == 'c')))
        commit_so_far(store);
    return result_of(store, r);
}

static int sim_dedupe_purge(void *ctx, const char *ledger, int64_t now_unix_ms,
                            uint32_t limit, uint32_t *purged)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    return r < 0
               ? r
               : result_of(store, farmiq_store_dedupe_purge(&store->real, ledger,
                                                            now_unix_ms, limit, purged));
}

static int sim_append(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                      int64_t now_unix_ms)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    if (r == FARMIQ_OK && store->node->disk_is_full)
        return FARMIQ_OK; /* SIM_BUG_FULL_DISK_IGNORED */
    return r < 0 ? r
                 : result_of(store, farmiq_store_outbox_append(&store->real, queue, first,
                                                               now_unix_ms));
}

static int sim_claim(void *ctx, const char *queue,
                     const struct farmiq_outbox_claim *claim,
                     struct farmiq_outbox_row **first)
{
    struct sim_store *store = ctx;
    struct farmiq_outbox_claim longer = *claim;
    int r = may_write(store);

    if (r < 0)
        return r;
    sim_pg_set_clock();
    if (sim_bug_is(SIM_BUG_LEASE_FOR_EVER))
        longer.lease_ms = UINT32_MAX;
    r = farmiq_store_outbox_claim(&store->real, queue, &longer, first);
    if (r == FARMIQ_OK && watcher)
        watcher->on_claimed(queue, *first);
    return result_of(store, r);
}

static int sim_renew(void *ctx, const char *queue, const uint64_t token[2],
                     int64_t now_unix_ms, uint32_t lease_ms)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    sim_pg_set_clock();
    return r < 0 ? r
                 : result_of(store, farmiq_store_outbox_renew(&store->real, queue, token,
                                                              now_unix_ms, lease_ms));
}

static int sim_settle(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                      int64_t now_unix_ms)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    if (r < 0)
        return r;
    r = farmiq_store_outbox_settle(&store->real, queue, first, now_unix_ms);
    if (r == FARMIQ_NONE && sim_bug_is(SIM_BUG_NO_FENCE))
        r = FARMIQ_OK;
    for (struct farmiq_outbox_row *row = first; r == FARMIQ_OK && row; row = row->next)
        note_settled(store, queue, row);
    return result_of(store, r);
}

static int sim_stats(void *ctx, const char *queue, struct farmiq_outbox_stats *stats)
{
    struct sim_store *store = ctx;

    if (!survives(store))
        return FARMIQ_E_STORE;
    return farmiq_store_outbox_stats(&store->real, queue, stats);
}

static int sim_redrive(void *ctx, const char *queue, const int64_t *seqs,
                       uint32_t seq_count, struct farmiq_str by, struct farmiq_str reason,
                       int64_t now_unix_ms, uint32_t *redriven)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    return r < 0 ? r
                 : result_of(store, farmiq_store_outbox_redrive(&store->real, queue, seqs,
                                                                seq_count, by, reason,
                                                                now_unix_ms, redriven));
}

static int sim_unclaim(void *ctx, const char *queue, int64_t now_unix_ms,
                       int64_t older_than_ms, uint32_t *unclaimed)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    sim_pg_set_clock();
    return r < 0 ? r
                 : result_of(store,
                             farmiq_store_outbox_unclaim(&store->real, queue, now_unix_ms,
                                                         older_than_ms, unclaimed));
}

static int sim_purge(void *ctx, const char *queue, int64_t before_unix_ms, uint32_t limit,
                     uint32_t *purged)
{
    struct sim_store *store = ctx;
    int r = may_write(store);

    return r < 0 ? r
                 : result_of(store,
                             farmiq_store_outbox_purge(&store->real, queue,
                                                       before_unix_ms, limit, purged));
}

static int is_reading(const struct farmiq_sql_query *query)
{
    return strncmp(query->sqlite, "SELECT", 6) == 0;
}

static int sim_sql_run(void *ctx, const struct farmiq_sql_query *query, const char *queue,
                       const struct farmiq_sql_value *params, uint32_t param_count,
                       uint32_t row_count,
                       int (*on_row)(void *row_ctx, uint32_t row,
                                     const struct farmiq_sql_value *columns,
                                     uint32_t count),
                       void *row_ctx)
{
    struct sim_store *store = ctx;
    int r = FARMIQ_OK;

    if (!is_reading(query))
        r = may_write(store);
    else if (!survives(store))
        r = FARMIQ_E_STORE;
    if (r < 0)
        return r;
    r = store->real.ops->sql_run(store->real.ctx, query, queue, params, param_count,
                                 row_count, on_row, row_ctx);
    return is_reading(query) ? r : result_of(store, r);
}

static const struct farmiq_store_ops sim_ops = {
    .size = sizeof sim_ops,
    .begin = sim_begin,
    .commit = sim_commit,
    .rollback = sim_rollback,
    .close = sim_close_store,
    .dedupe = sim_dedupe,
    .dedupe_purge = sim_dedupe_purge,
    .outbox_append = sim_append,
    .outbox_claim = sim_claim,
    .outbox_renew = sim_renew,
    .outbox_settle = sim_settle,
    .outbox_stats = sim_stats,
    .outbox_redrive = sim_redrive,
    .outbox_unclaim = sim_unclaim,
    .outbox_purge = sim_purge,
    .sql_run = sim_sql_run,
};

/* ## Opening: the linker sends the kit's calls here (--wrap) */

int __real_farmiq_store_open_sqlite(struct farmiq_store *out, const char *path,
                                    const struct farmiq_sqlite_options *options,
                                    struct farmiq_error *error);
int __wrap_farmiq_store_open_sqlite(struct farmiq_store *out, const char *path,
                                    const struct farmiq_sqlite_options *options,
                                    struct farmiq_error *error);
int __real_farmiq_store_open_pg(struct farmiq_store *out, const char *conninfo,
                                const struct farmiq_pg_options *options,
                                struct farmiq_error *error);
int __wrap_farmiq_store_open_pg(struct farmiq_store *out, const char *conninfo,
                                const struct farmiq_pg_options *options,
                                struct farmiq_error *error);

/* Between the process and its store, which is open. */
static void stand_between(struct farmiq_store *store, int is_writer)
{
    struct sim_node *node = sim_is_open() ? sim_node_current() : NULL;
    struct sim_store *between;

    if (!node)
        return;
    between = calloc(1, sizeof *between);
    if (!between)
        abort();
    between->real = *store;
    between->node = node;
    between->is_writer = is_writer;
    store->ops = &sim_ops;
    store->ctx = between;
}

int __wrap_farmiq_store_open_sqlite(struct farmiq_store *out, const char *path,
                                    const struct farmiq_sqlite_options *options,
                                    struct farmiq_error *error)
{
    int r = __real_farmiq_store_open_sqlite(out, path, options, error);

    if (r == FARMIQ_OK)
        stand_between(out, options->access == FARMIQ_SQLITE_WRITE);
    return r;
}

int __wrap_farmiq_store_open_pg(struct farmiq_store *out, const char *conninfo,
                                const struct farmiq_pg_options *options,
                                struct farmiq_error *error)
{
    int r = __real_farmiq_store_open_pg(out, conninfo, options, error);

    if (r == FARMIQ_OK && !options->read_only)
        sim_pg_take_clock(conninfo);
    if (r == FARMIQ_OK)
        stand_between(out, !options->read_only);
    return r;
}

/* ## Beside the processes */

int sim_store_open_beside(struct farmiq_store *out, const char *url, int reads_only)
{
    struct farmiq_sqlite_options sqlite;
    struct farmiq_pg_options pg;

    farmiq_sqlite_options_init(&sqlite, sizeof sqlite);
    farmiq_pg_options_init(&pg, sizeof pg);
    sqlite.access = reads_only ? FARMIQ_SQLITE_READ : FARMIQ_SQLITE_WRITE;
    pg.read_only = (uint32_t)reads_only;
    return strncmp(url, "sqlite:", 7) == 0
               ? __real_farmiq_store_open_sqlite(out, url + 7, &sqlite, NULL)
               : __real_farmiq_store_open_pg(out, url, &pg, NULL);
}

/* Nobody listens: what waits for a socket would not wait in simulated time. Each process
 * looks by itself. */
int __wrap_farmiq_pg_listen(struct farmiq_pg_listener **out, const char *conninfo,
                            struct farmiq_error *error);

int __wrap_farmiq_pg_listen(struct farmiq_pg_listener **out, const char *conninfo,
                            struct farmiq_error *error)
{
    (void)out, (void)conninfo, (void)error;
    return FARMIQ_E_UNSUPPORTED;
}
