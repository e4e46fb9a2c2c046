/* SPDX-License-Identifier: Apache-2.0 */
/* Two stores, one random history: whatever is asked of both, both answer the same. The
 * memory store is simple where the others are fast, so each is the other's model. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include <farmiq/sql.h>

enum { STORES = 2, CLAIMERS = 3, IDS = 60, STEPS = 400, SEEDS = 12, BYTES = 4 << 20 };

struct world {
    struct farmiq_store stores[STORES];
    struct claimer claimers[CLAIMERS][STORES];
    int64_t now_unix_ms;
    uint64_t tokens;
    uint32_t random;
    uint32_t depth;
};

static uint32_t draw(struct world *w, uint32_t below)
{
    w->random = w->random * 1664525 + 1013904223;
    return (w->random >> 8) % below;
}

/* The same rows twice, as each store writes verdicts into its own. */
static void do_append(struct world *w)
{
    static struct item items[STORES][8];
    uint32_t count = 1 + draw(w, 8), seed = w->random;
    int r[STORES];

    for (int s = 0; s < STORES; s++) {
        w->random = seed;
        make_items(items[s], count, "e");
        for (uint32_t i = 0; i < count; i++) {
            struct item *item = &items[s][i];

            snprintf(item->id, sizeof item->id, "e-%u", draw(w, IDS));
            snprintf(item->payload, sizeof item->payload, "{\"v\":%u}", draw(w, 3) / 2);
            item->event.event_id = text(item->id);
            item->event.payload = text(item->payload);
            item->event.tenant_id = text(draw(w, 4) ? "tenant-1" : "tenant-2");
            item->event.occurred_at_unix_ms = T0 + draw(w, 20);
            item->row.priority = (int32_t)draw(w, 3) - 1;
            if (draw(w, 6) == 0)
                item->row.next_attempt_at_unix_ms = w->now_unix_ms + draw(w, LEASE_MS);
        }
        r[s] = append(&w->stores[s], items[s], w->now_unix_ms);
    }
    assert_int_equal(r[0], FARMIQ_OK);
    assert_int_equal(r[1], FARMIQ_OK);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(items[0][i].row.verdict, items[1][i].row.verdict);
}

static void assert_same_rows(const struct farmiq_outbox_row *a,
                             const struct farmiq_outbox_row *b)
{
    for (; a && b; a = a->next, b = b->next) {
        assert_int_equal(a->event->event_id.len, b->event->event_id.len);
        assert_memory_equal(a->event->event_id.ptr, b->event->event_id.ptr,
                            a->event->event_id.len);
        assert_memory_equal(a->event->tenant_id.ptr, b->event->tenant_id.ptr, 8);
        assert_memory_equal(a->event->payload.ptr, b->event->payload.ptr,
                            a->event->payload.len);
        assert_int_equal(a->attempt_count, b->attempt_count);
        assert_int_equal(a->claim_count, b->claim_count);
        assert_int_equal(a->priority, b->priority);
    }
    assert_null(a);
    assert_null(b);
}

static void do_claim(struct world *w)
{
    struct claimer *c = w->claimers[draw(w, CLAIMERS)];
    uint32_t limit = 1 + draw(w, 6);
    int r[STORES];

    w->tokens++;
    for (int s = 0; s < STORES; s++) {
        c[s].claim.limit = limit;
        c[s].claim.now_unix_ms = w->now_unix_ms;
        c[s].claim.token[0] = w->tokens;
        /* How many are poison of those that a longer claim finds is a store's own. */
        c[s].claim.max_claims = limit == 1 ? 4 : 100000;
        c[s].first = NULL;
        r[s] = farmiq_store_outbox_claim(&w->stores[s], QUEUE, &c[s].claim, &c[s].first);
    }
    assert_int_equal(r[0], r[1]);
    assert_same_rows(c[0].first, c[1].first);
}

/* A part of the batch, from its head, each row with an outcome of its own. */
static void do_settle(struct world *w)
{
    struct claimer *c = w->claimers[draw(w, CLAIMERS)];
    uint32_t count = 1 + draw(w, 6), seed = w->random;
    int r[STORES];

    if (!c[0].first)
        return;
    for (int s = 0; s < STORES; s++) {
        struct farmiq_outbox_row *row = c[s].first, *last = row, *rest;

        w->random = seed;
        for (uint32_t i = 0; i < count && row; i++, row = row->next) {
            assert_int_equal(farmiq_outbox_settle(row, NULL, 1 + (int32_t)draw(w, 4),
                                                  w->now_unix_ms, 0),
                             0);
            last = row;
        }
        rest = last->next;
        last->next = NULL;
        r[s] =
            farmiq_store_outbox_settle(&w->stores[s], QUEUE, c[s].first, w->now_unix_ms);
        c[s].first = rest;
    }
    assert_int_equal(r[0], r[1]);
}

static void do_renew(struct world *w)
{
    struct claimer *c = w->claimers[draw(w, CLAIMERS)];
    int r[STORES];

    for (int s = 0; s < STORES; s++)
        r[s] = farmiq_store_outbox_renew(&w->stores[s], QUEUE, c[s].claim.token,
                                         w->now_unix_ms, LEASE_MS);
    assert_int_equal(r[0], r[1]);
}

static int replay(struct farmiq_store *store, int64_t since_unix_ms, uint32_t *replayed)
{
    struct farmiq_outbox_replay replay;
    int r;

    farmiq_outbox_replay_init(&replay, sizeof replay);
    replay.since_unix_ms = since_unix_ms;
    replay.before_unix_ms = since_unix_ms + 1000;
    r = farmiq_store_outbox_replay(store, QUEUE, &replay, replayed);
    return r == FARMIQ_NONE ? FARMIQ_OK : r;
}

static void do_care(struct world *w)
{
    uint32_t verb = draw(w, 5), limit = draw(w, 10), n[STORES] = { 77, 77 };
    int64_t age_ms = draw(w, 2) ? 0 : LEASE_MS;
    int r[STORES];

    for (int s = 0; s < STORES; s++)
        r[s] = verb == 0 ? farmiq_store_outbox_unclaim(&w->stores[s], QUEUE,
                                                       w->now_unix_ms, age_ms, &n[s])
               : verb == 1
                   ? farmiq_store_outbox_redrive(&w->stores[s], QUEUE, NULL, 0, text("a"),
                                                 text("b"), w->now_unix_ms, &n[s])
               : verb == 4 ? replay(&w->stores[s], w->now_unix_ms - age_ms, &n[s])
               : verb == 2
                   ? farmiq_store_outbox_purge(&w->stores[s], QUEUE,
                                               w->now_unix_ms - age_ms, limit, &n[s])
                   /* Which go first of those that expire together is a store's own. */
                   : farmiq_store_dedupe_purge(&w->stores[s], LEDGER, w->now_unix_ms,
                                               1000, &n[s]);
    assert_int_equal(r[0], FARMIQ_OK);
    assert_int_equal(r[1], FARMIQ_OK);
    assert_int_equal(n[0], n[1]);
}

static void do_dedupe(struct world *w)
{
    struct farmiq_sighting s[STORES][6];
    char ids[6][16];
    uint32_t count = 1 + draw(w, 6), seed = w->random;

    for (int k = 0; k < STORES; k++) {
        w->random = seed;
        for (uint32_t i = 0; i < count; i++) {
            snprintf(ids[i], sizeof ids[i], "k-%u", draw(w, IDS));
            farmiq_sighting_init(&s[k][i], sizeof s[k][i]);
            s[k][i].tenant_id = text("tenant-1");
            s[k][i].event_id = text(ids[i]);
            s[k][i].source = text("topic");
            s[k][i].content_hash = draw(w, 3);
            s[k][i].next = i + 1 < count ? &s[k][i + 1] : NULL;
        }
        assert_int_equal(farmiq_store_dedupe(&w->stores[k], LEDGER, s[k], w->now_unix_ms,
                                             w->now_unix_ms + 20 * LEASE_MS),
                         FARMIQ_OK);
    }
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(s[0][i].verdict, s[1][i].verdict);
}

static void do_transaction(struct world *w)
{
    uint32_t what = draw(w, 3);

    for (int s = 0; s < STORES; s++) {
        if (what == 0 && w->depth < 3)
            assert_int_equal(farmiq_store_begin(&w->stores[s]), FARMIQ_OK);
        else if (what == 1 && w->depth > 0)
            assert_int_equal(farmiq_store_commit(&w->stores[s]), FARMIQ_OK);
        else if (what == 2 && w->depth > 0)
            farmiq_store_rollback(&w->stores[s]);
    }
    if (what == 0)
        w->depth += w->depth < 3;
    else
        w->depth -= w->depth > 0;
}

static void assert_same_stats(struct world *w)
{
    struct farmiq_outbox_stats stats[STORES];

    for (int s = 0; s < STORES; s++) {
        farmiq_outbox_stats_init(&stats[s], sizeof stats[s]);
        assert_int_equal(farmiq_store_outbox_stats(&w->stores[s], QUEUE, &stats[s]),
                         FARMIQ_OK);
    }
    assert_memory_equal(&stats[0], &stats[1], sizeof stats[0]);
}

static const struct farmiq_sql_query recount = {
    "agree.recount",
    "SELECT (SELECT count(*) FROM sync_ready) + (SELECT count(*) FROM sync_retry),"
    " (SELECT coalesce(sum(json_array_length(seqs)), 0) FROM sync_batch),"
    " (SELECT count(*) FROM sync_dead),"
    " (SELECT coalesce(sum(json_array_length(seqs)), 0) FROM sync_receipt),"
    " (SELECT count(*) FROM sync_event)",
    "SELECT (SELECT count(*) FROM sync_ready) + (SELECT count(*) FROM sync_retry),"
    " (SELECT coalesce(sum(cardinality(seqs)), 0)::bigint FROM sync_batch),"
    " (SELECT count(*) FROM sync_dead),"
    " (SELECT coalesce(sum(cardinality(seqs)), 0)::bigint FROM sync_receipt),"
    " (SELECT count(*) FROM sync_event)"
};

static int on_recount(void *ctx, uint32_t row, const struct farmiq_sql_value *columns,
                      uint32_t count)
{
    const struct farmiq_outbox_stats *stats = ctx;

    (void)row, (void)count;
    assert_int_equal(stats->pending, columns[0].integer);
    assert_int_equal(stats->claimed, columns[1].integer);
    assert_int_equal(stats->dlq, columns[2].integer);
    assert_int_equal(stats->acked, columns[3].integer);
    assert_int_equal(stats->pending + stats->claimed + stats->dlq + stats->acked,
                     columns[4].integer);
    return 1;
}

/* The numbers that are kept are those that counting would give. */
static void assert_counted(struct world *w)
{
    struct farmiq_outbox_stats stats;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    assert_int_equal(farmiq_store_outbox_stats(&w->stores[1], QUEUE, &stats), FARMIQ_OK);
    assert_int_equal(
        farmiq_sql_run(&w->stores[1], &recount, NULL, NULL, 0, on_recount, &stats), 1);
}

/* The clock mostly creeps, sometimes leaps past leases, and rarely jumps back. */
static void step(struct world *w)
{
    static void (*const verbs[])(
        struct world *) = { do_append, do_append, do_claim, do_claim,  do_settle,
                            do_settle, do_renew,  do_care,  do_dedupe, do_transaction };

    w->now_unix_ms += 1 + (draw(w, 8) ? draw(w, 5000) : LEASE_MS);
    if (draw(w, 60) == 0)
        w->now_unix_ms -= HOUR_MS / 4;
    verbs[draw(w, sizeof verbs / sizeof *verbs)](w);
    assert_same_stats(w);
    assert_counted(w);
}

/* The second store is of this kind. */
static void live(const struct store_kind *kind, uint32_t seed)
{
    static struct world w;
    struct fixture f = { .kind = kind };
    void *memory = malloc(BYTES);

    memset(&w, 0, sizeof w);
    w.random = seed;
    w.now_unix_ms = T0;
    assert_non_null(memory);
    assert_int_equal(farmiq_store_open_memory(&w.stores[0], memory, BYTES), FARMIQ_OK);
    make_dir(&f);
    assert_int_equal(kind->open(&f, &w.stores[1], 0), FARMIQ_OK);
    for (int c = 0; c < CLAIMERS; c++)
        for (int s = 0; s < STORES; s++)
            make_claimer(&w.claimers[c][s], "c");
    for (int c = 0; c < CLAIMERS; c++)
        w.claimers[c][0].claim.token[0] = w.claimers[c][1].claim.token[0] = ++w.tokens;
    for (int i = 0; i < STEPS; i++)
        step(&w);
    for (int s = 0; s < STORES; s++)
        farmiq_store_close(&w.stores[s]);
    remove_dir(&f);
    free(memory);
}

static void sqlite_tells_the_same_history(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        live(&sqlite_kind, seed);
}

static void postgresql_tells_the_same_history(void **state)
{
    (void)state;
    if (!pg_kind.open)
        skip();
    for (uint32_t seed = 1; seed <= SEEDS; seed++)
        live(&pg_kind, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sqlite_tells_the_same_history),
                                        cmocka_unit_test(
                                            postgresql_tells_the_same_history) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
