/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of farmiq/store.h, asked of every store there is. */
#include "harness.h"

#include <stdio.h>

/* The ledger ----------------------------------------------------------------------- */

static struct farmiq_sighting sighting(const char *tenant, const char *id, uint64_t hash)
{
    struct farmiq_sighting s;

    farmiq_sighting_init(&s, sizeof s);
    s.tenant_id = text(tenant);
    s.event_id = text(id);
    s.source = text("iot/telemetry/t/f/b/d/temperature");
    s.content_hash = hash;
    return s;
}

static int see(struct fixture *f, struct farmiq_sighting *first, int64_t now_unix_ms)
{
    return farmiq_store_dedupe(&f->store, LEDGER, first, now_unix_ms,
                               now_unix_ms + 72 * HOUR_MS);
}

static int verdict(struct fixture *f, const char *tenant, const char *id, uint64_t hash,
                   int64_t now_unix_ms)
{
    struct farmiq_sighting s = sighting(tenant, id, hash);

    s.verdict = -99;
    assert_int_equal(see(f, &s, now_unix_ms), FARMIQ_OK);
    return s.verdict;
}

static void a_repeat_is_a_duplicate(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(verdict(f, "t", "e", 7, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t", "e", 7, T0 + 1), FARMIQ_DUPLICATE);
    assert_int_equal(verdict(f, "t", "f", 7, T0 + 2), FARMIQ_OK);
}

/* Reliability, section 1, (7): never silently "duplicate". */
static void the_same_key_with_other_content_is_a_conflict(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(verdict(f, "t", "e", 7, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t", "e", 8, T0), FARMIQ_CONFLICT);
    assert_int_equal(verdict(f, "t", "e", 7, T0), FARMIQ_DUPLICATE);
    assert_int_equal(verdict(f, "t", "e", 0, T0), FARMIQ_DUPLICATE);
    assert_int_equal(verdict(f, "t", "unknown", 0, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t", "unknown", 9, T0), FARMIQ_DUPLICATE);
}

static void tenants_do_not_share_event_ids(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(verdict(f, "t1", "e", 7, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t2", "e", 7, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t", "1e", 7, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t1", "e", 7, T0), FARMIQ_DUPLICATE);
}

static void a_chain_knows_its_own_repeats(void **state)
{
    struct fixture *f = *state;
    struct farmiq_sighting s[5] = { sighting("t", "a", 1), sighting("t", "b", 2),
                                    sighting("t", "a", 1), sighting("t", "b", 3),
                                    sighting("u", "a", 1) };
    static const int expected[] = { FARMIQ_OK, FARMIQ_OK, FARMIQ_DUPLICATE,
                                    FARMIQ_CONFLICT, FARMIQ_OK };

    for (int i = 0; i < 4; i++)
        s[i].next = &s[i + 1];
    assert_int_equal(see(f, s, T0), FARMIQ_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(s[i].verdict, expected[i]);
}

static void a_long_chain_is_judged_row_by_row(void **state)
{
    enum { N = 300 };
    static struct farmiq_sighting s[N];
    static char ids[N][16];
    struct fixture *f = *state;

    for (int i = 0; i < N; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i % 200);
        s[i] = sighting("t", ids[i], (uint64_t)(i / 250) + 1);
        s[i].next = i + 1 < N ? &s[i + 1] : NULL;
    }
    assert_int_equal(see(f, s, T0), FARMIQ_OK);
    for (int i = 0; i < N; i++)
        assert_int_equal(s[i].verdict, i < 200   ? FARMIQ_OK
                                       : i < 250 ? FARMIQ_DUPLICATE
                                                 : FARMIQ_CONFLICT);
}

/* Spec edge 2.10: overwrite only if the stored expires_at has passed. */
static void an_expired_key_counts_as_new(void **state)
{
    struct fixture *f = *state;
    int64_t expiry = T0 + 72 * HOUR_MS;

    assert_int_equal(verdict(f, "t", "e", 7, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t", "e", 8, expiry - 1), FARMIQ_CONFLICT);
    assert_int_equal(verdict(f, "t", "e", 8, expiry), FARMIQ_OK);
    assert_int_equal(verdict(f, "t", "e", 8, expiry + 1), FARMIQ_DUPLICATE);
    assert_int_equal(verdict(f, "t", "e", 7, expiry + 1), FARMIQ_CONFLICT);
}

/* Half a chain would be a lie: its sender repeats all of it. Stores without a bound are
 * full after more rows than this test has patience for, and take them. */
static void a_full_ledger_says_so_and_changes_nothing(void **state)
{
    enum { N = 1000 };
    static struct farmiq_sighting s[N];
    static char ids[N][16];
    struct fixture *f = *state;
    int r;

    for (int i = 0; i < N; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        s[i] = sighting("t", ids[i], 1);
        s[i].next = i + 1 < N ? &s[i + 1] : NULL;
    }
    r = see(f, s, T0);
    assert_true(r == FARMIQ_OK || r == FARMIQ_E_NOSPACE);
    assert_int_equal(verdict(f, "t", "0", 1, T0),
                     r == FARMIQ_OK ? FARMIQ_DUPLICATE : FARMIQ_OK);
}

static void the_purge_forgets_only_what_expired(void **state)
{
    struct fixture *f = *state;
    uint32_t purged = 99;

    for (int i = 0; i < 10; i++) {
        char id[8];

        snprintf(id, sizeof id, "e%d", i);
        assert_int_equal(verdict(f, "t", id, 7, T0 + i), FARMIQ_OK);
    }
    assert_int_equal(
        farmiq_store_dedupe_purge(&f->store, LEDGER, T0 + 72 * HOUR_MS + 4, 3, &purged),
        FARMIQ_OK);
    assert_int_equal(purged, 3);
    assert_int_equal(
        farmiq_store_dedupe_purge(&f->store, LEDGER, T0 + 72 * HOUR_MS + 4, 9, &purged),
        FARMIQ_OK);
    assert_int_equal(purged, 2);
    assert_int_equal(verdict(f, "t", "e5", 7, T0 + 5), FARMIQ_DUPLICATE);
    assert_int_equal(verdict(f, "t", "e4", 7, T0 + 5), FARMIQ_OK);
}

/* Append --------------------------------------------------------------------------- */

static void appended_rows_have_names_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct item items[3];

    make_items(items, 3, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(items[i].row.verdict, FARMIQ_OK);
        assert_true(items[i].row.seq > 0);
    }
    assert_true(items[0].row.seq != items[1].row.seq);
    assert_true(items[1].row.seq != items[2].row.seq);
    assert_stats(&f->store, 3, 0, 0, 0);
}

/* Spec edge 6.1: idempotent by id; with other content it is a conflict. */
static void an_event_is_appended_once(void **state)
{
    struct fixture *f = *state;
    struct item items[4];
    int64_t seq;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    seq = items[1].row.seq;
    make_items(items, 4, "e");
    items[0].event.payload = text("{\"n\":9}");
    items[3].event.event_id = items[2].event.event_id;
    items[3].event.payload = items[2].event.payload;
    items[3].event.occurred_at_unix_ms = items[2].event.occurred_at_unix_ms;
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    assert_int_equal(items[0].row.verdict, FARMIQ_CONFLICT);
    assert_int_equal(items[1].row.verdict, FARMIQ_DUPLICATE);
    assert_int_equal(items[1].row.seq, seq);
    assert_int_equal(items[2].row.verdict, FARMIQ_OK);
    assert_int_equal(items[3].row.verdict, FARMIQ_DUPLICATE);
    assert_stats(&f->store, 3, 0, 0, 0);
}

static void two_tenants_may_use_one_event_id(void **state)
{
    struct fixture *f = *state;
    struct item items[2];
    struct claimer c;

    make_items(items, 2, "e");
    items[1].event.event_id = items[0].event.event_id;
    items[1].event.tenant_id = text("tenant-2");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    assert_int_equal(items[1].row.verdict, FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 10, T0), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 2);
    assert_memory_equal(c.first->event->tenant_id.ptr, "tenant-1", 8);
    assert_memory_equal(c.first->next->event->tenant_id.ptr, "tenant-2", 8);
}

static void a_row_may_be_appended_for_later(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer c;

    make_items(items, 1, "later");
    items[0].row.next_attempt_at_unix_ms = T0 + HOUR_MS;
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    assert_stats(&f->store, 1, 0, 0, 0);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0 + HOUR_MS - 1), FARMIQ_NONE);
    assert_int_equal(claim(&f->store, &c, 1, T0 + HOUR_MS), FARMIQ_OK);
    assert_id(c.first, "later-0");
}

static void a_long_chain_is_appended_whole(void **state)
{
    static struct item items[300];
    struct fixture *f = *state;

    make_items(items, 300, "e");
    for (int i = 0; i < 300; i += 3)
        items[i].row.next_attempt_at_unix_ms = T0 + HOUR_MS;
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    for (int i = 0; i < 300; i++)
        assert_int_equal(items[i].row.verdict, FARMIQ_OK);
    assert_stats(&f->store, 300, 0, 0, 0);
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    for (int i = 0; i < 300; i++)
        assert_int_equal(items[i].row.verdict, FARMIQ_DUPLICATE);
}

/* Claim ---------------------------------------------------------------------------- */

static void assert_text(struct farmiq_str t, const char *expected)
{
    assert_int_equal(t.len, strlen(expected));
    assert_memory_equal(t.len ? t.ptr : "", expected, t.len);
}

static void a_claimed_row_is_what_was_appended(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer c;
    const struct farmiq_event *e;

    make_items(items, 1, "e");
    items[0].row.priority = -5;
    items[0].event.farm_id = text("farm");
    items[0].event.barn_id = text("barn");
    items[0].event.station_id = text("station");
    items[0].event.session_id = text("session");
    items[0].event.batch_id = text("flock");
    items[0].event.trace_id = text("trace");
    items[0].event.schema_version = text("1.0");
    items[0].event.payload = text("{\"text\":\"gr\xc3\xbc\xc3\x9f\"}");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_OK);
    assert_int_equal(c.first->seq, items[0].row.seq);
    assert_int_equal(c.first->status, FARMIQ_OUTBOX_CLAIMED);
    assert_int_equal(c.first->priority, -5);
    assert_int_equal(c.first->attempt_count, 0);
    assert_int_equal(c.first->claim_count, 1);
    assert_int_equal(c.first->token[0], c.claim.token[0]);
    assert_int_equal(c.first->token[1], c.claim.token[1]);
    e = c.first->event;
    assert_int_equal(e->size, sizeof *e);
    assert_int_equal(e->occurred_at_unix_ms, T0);
    assert_text(e->event_id, "e-0");
    assert_text(e->tenant_id, "tenant-1");
    assert_text(e->event_type, "telemetry.ingested");
    assert_text(e->farm_id, "farm");
    assert_text(e->barn_id, "barn");
    assert_text(e->device_id, "device-1");
    assert_text(e->station_id, "station");
    assert_text(e->session_id, "session");
    assert_text(e->batch_id, "flock");
    assert_text(e->trace_id, "trace");
    assert_text(e->schema_version, "1.0");
    assert_text(e->payload, "{\"text\":\"gr\xc3\xbc\xc3\x9f\"}");
}

static void absent_members_stay_absent(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer c;

    make_items(items, 1, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_OK);
    assert_int_equal(c.first->event->farm_id.len, 0);
    assert_int_equal(c.first->event->session_id.len, 0);
}

static void an_empty_queue_has_nothing(void **state)
{
    struct fixture *f = *state;
    struct claimer c;

    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_NONE);
    assert_null(c.first);
}

/* Seed 002, 7.3: priority descending, then occurred_at; ours: then seq. */
static void rows_come_by_priority_then_time_then_seq(void **state)
{
    static const struct {
        int32_t priority;
        int64_t after_ms;
    } given[] = { { 0, 5 }, { 1, 9 }, { 0, 3 }, { 1, 9 }, { -1, 0 }, { 2147483647, 7 } };
    static const char *const expected[] = { "e-5", "e-1", "e-3", "e-2", "e-0", "e-4" };
    struct fixture *f = *state;
    struct farmiq_outbox_row *row;
    struct item items[6];
    struct claimer c;

    make_items(items, 6, "e");
    for (int i = 0; i < 6; i++) {
        items[i].row.priority = given[i].priority;
        items[i].event.occurred_at_unix_ms = T0 + given[i].after_ms;
    }
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 10, T0), FARMIQ_OK);
    row = c.first;
    for (int i = 0; i < 6; i++, row = row->next)
        assert_id(row, expected[i]);
    assert_null(row);
}

static void the_limit_bounds_a_claim_in_rows(void **state)
{
    struct fixture *f = *state;
    struct item items[5];
    struct claimer a, b;

    make_items(items, 5, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&a, "a");
    make_claimer(&b, "b");
    assert_int_equal(claim(&f->store, &a, 2, T0), FARMIQ_OK);
    assert_int_equal(chain_length(a.first), 2);
    assert_stats(&f->store, 3, 2, 0, 0);
    assert_int_equal(claim(&f->store, &b, 100, T0), FARMIQ_OK);
    assert_int_equal(chain_length(b.first), 3);
    assert_id(b.first, "e-2");
}

/* The batch buffer is the limit: rows that do not fit are never claimed. */
static void the_memory_bounds_a_claim_in_bytes(void **state)
{
    struct fixture *f = *state;
    struct item items[5];
    struct claimer c;

    make_items(items, 5, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    c.claim.memory_bytes = 64;
    assert_int_equal(claim(&f->store, &c, 10, T0), FARMIQ_E_NOSPACE);
    assert_null(c.first);
    assert_stats(&f->store, 5, 0, 0, 0);
    c.claim.memory_bytes = 1100;
    assert_int_equal(claim(&f->store, &c, 10, T0), FARMIQ_OK);
    assert_in_range(chain_length(c.first), 1, 4);
    assert_id(c.first, "e-0");
    assert_stats(&f->store, 5 - chain_length(c.first), chain_length(c.first), 0, 0);
}

/* Settle --------------------------------------------------------------------------- */

static void acknowledged_rows_never_come_back(void **state)
{
    struct fixture *f = *state;
    struct item items[3];
    struct claimer c;

    make_items(items, 3, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 3, T0), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0 + 5), FARMIQ_OK);
    assert_stats(&f->store, 0, 0, 0, 3);
    assert_int_equal(claim(&f->store, &c, 3, T0 + 100 * HOUR_MS), FARMIQ_NONE);
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    assert_int_equal(items[0].row.verdict, FARMIQ_DUPLICATE);
}

static void settling_twice_finds_nothing(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer c;

    make_items(items, 1, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_settle(&f->store, QUEUE, c.first, T0),
                     FARMIQ_NONE);
    assert_stats(&f->store, 0, 0, 0, 1);
}

static void what_is_not_settled_stays_leased(void **state)
{
    struct fixture *f = *state;
    struct farmiq_outbox_row *second;
    struct item items[3];
    struct claimer c, d;

    make_items(items, 3, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    make_claimer(&d, "d");
    assert_int_equal(claim(&f->store, &c, 3, T0), FARMIQ_OK);
    second = c.first->next;
    c.first->next = second->next;
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    assert_stats(&f->store, 0, 1, 0, 2);
    assert_int_equal(claim(&f->store, &d, 3, T0 + LEASE_MS), FARMIQ_NONE);
    second->next = NULL;
    assert_int_equal(settle(&f->store, second, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    assert_stats(&f->store, 0, 0, 0, 3);
}

/* Spec edge 6.4; a row in backoff never stands in front of fresh work (13-C7). */
static void a_retry_waits_for_its_time(void **state)
{
    struct fixture *f = *state;
    struct item items[2], fresh[1];
    struct claimer c;
    int64_t due;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 2, T0), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_RETRY, T0), FARMIQ_OK);
    due = c.first->next_attempt_at_unix_ms;
    assert_true(due > T0);
    assert_stats(&f->store, 2, 0, 0, 0);
    make_items(fresh, 1, "fresh");
    assert_int_equal(append(&f->store, fresh, T0), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &c, 9, due - 1), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 1);
    assert_id(c.first, "fresh-0");
    assert_int_equal(claim(&f->store, &c, 9, due), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 2);
    assert_int_equal(c.first->attempt_count, 1);
    assert_int_equal(c.first->claim_count, 1);
}

/* An outage pauses the endpoint, not the row. */
static void an_unreached_row_is_due_at_once(void **state)
{
    struct fixture *f = *state;
    struct item items[3];
    struct claimer c;

    make_items(items, 3, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    for (int i = 0; i < 60; i++) {
        assert_int_equal(claim(&f->store, &c, 2, T0 + i), FARMIQ_OK);
        assert_id(c.first, "e-0");
        assert_int_equal(c.first->claim_count, 1);
        assert_int_equal(c.first->attempt_count, 0);
        assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_UNREACHED, T0 + i),
                         FARMIQ_OK);
    }
    assert_stats(&f->store, 3, 0, 0, 0);
}

static void one_settlement_may_say_four_things(void **state)
{
    static const int32_t outcomes[] = { FARMIQ_OUTCOME_ACKED, FARMIQ_OUTCOME_RETRY,
                                        FARMIQ_OUTCOME_REFUSED,
                                        FARMIQ_OUTCOME_UNREACHED };
    struct fixture *f = *state;
    struct farmiq_outbox_row *row;
    struct item items[8];
    struct claimer c;

    make_items(items, 8, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 8, T0), FARMIQ_OK);
    row = c.first;
    for (int i = 0; i < 8; i++, row = row->next)
        assert_int_equal(farmiq_outbox_settle(row, NULL, outcomes[i % 4], T0, 0), 0);
    assert_int_equal(farmiq_store_outbox_settle(&f->store, QUEUE, c.first, T0),
                     FARMIQ_OK);
    assert_stats(&f->store, 4, 0, 2, 2);
    assert_int_equal(claim(&f->store, &c, 8, T0), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 2);
    assert_id(c.first, "e-3");
    assert_id(c.first->next, "e-7");
}

static void the_stats_know_the_times(void **state)
{
    struct fixture *f = *state;
    struct farmiq_outbox_stats stats;
    struct item old[1], young[1];
    struct claimer c;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    assert_int_equal(farmiq_store_outbox_stats(&f->store, QUEUE, &stats), FARMIQ_OK);
    assert_int_equal(stats.oldest_pending_unix_ms, 0);
    assert_int_equal(stats.last_acked_unix_ms, 0);
    make_items(old, 1, "old");
    make_items(young, 1, "young");
    assert_int_equal(append(&f->store, old, T0), FARMIQ_OK);
    assert_int_equal(append(&f->store, young, T0 + 50), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_stats(&f->store, QUEUE, &stats), FARMIQ_OK);
    assert_int_equal(stats.oldest_pending_unix_ms, T0);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 9, T0 + 60), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0 + 70),
                     FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_stats(&f->store, QUEUE, &stats), FARMIQ_OK);
    assert_int_equal(stats.oldest_pending_unix_ms, 0);
    assert_int_equal(stats.last_acked_unix_ms, T0 + 70);
}

static int64_t oldest_pending(struct fixture *f)
{
    struct farmiq_outbox_stats stats;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    assert_int_equal(farmiq_store_outbox_stats(&f->store, QUEUE, &stats), FARMIQ_OK);
    return stats.oldest_pending_unix_ms;
}

/* What the urgent keep waiting is seen, and what waits for its next attempt. */
static void the_oldest_of_each_priority_counts(void **state)
{
    struct fixture *f = *state;
    struct item neglected[1], urgent[1], later[1];

    make_items(neglected, 1, "neglected");
    make_items(urgent, 1, "urgent");
    make_items(later, 1, "later");
    urgent[0].row.priority = 9;
    later[0].row.next_attempt_at_unix_ms = T0 + HOUR_MS;
    assert_int_equal(append(&f->store, urgent, T0 + 50), FARMIQ_OK);
    assert_int_equal(oldest_pending(f), T0 + 50);
    assert_int_equal(append(&f->store, neglected, T0 + 20), FARMIQ_OK);
    assert_int_equal(oldest_pending(f), T0 + 20);
    assert_int_equal(append(&f->store, later, T0 + 10), FARMIQ_OK);
    assert_int_equal(oldest_pending(f), T0 + 10);
}

/* Leases --------------------------------------------------------------------------- */

/* Reliability, finding 1 and section 1, (3) and (4). */
static void a_crashed_claimers_batch_is_taken_over_whole(void **state)
{
    struct fixture *f = *state;
    struct item items[5];
    struct claimer dead, heir;

    make_items(items, 5, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&dead, "dead");
    make_claimer(&heir, "heir");
    assert_int_equal(claim(&f->store, &dead, 3, T0), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &heir, 9, T0 + LEASE_MS + 1), FARMIQ_OK);
    assert_int_equal(chain_length(heir.first), 3);
    assert_id(heir.first, "e-0");
    assert_id(heir.first->next->next, "e-2");
    assert_int_equal(heir.first->claim_count, 2);
    assert_stats(&f->store, 2, 3, 0, 0);
}

static void a_live_lease_is_not_taken_over(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer a, b;

    make_items(items, 1, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&a, "a");
    make_claimer(&b, "b");
    assert_int_equal(claim(&f->store, &a, 1, T0), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &b, 1, T0 + LEASE_MS), FARMIQ_NONE);
    assert_int_equal(claim(&f->store, &b, 1, T0 - 1), FARMIQ_NONE);
    assert_int_equal(claim(&f->store, &b, 1, T0 + LEASE_MS + 1), FARMIQ_OK);
}

static void an_heir_with_less_room_leaves_the_rest(void **state)
{
    struct fixture *f = *state;
    struct item items[4];
    struct claimer a, b;

    make_items(items, 4, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&a, "a");
    make_claimer(&b, "b");
    assert_int_equal(claim(&f->store, &a, 4, T0), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &b, 1, T0 + LEASE_MS + 1), FARMIQ_OK);
    assert_int_equal(chain_length(b.first), 1);
    assert_stats(&f->store, 3, 1, 0, 0);
    b.claim.memory_bytes = 64;
    assert_int_equal(claim(&f->store, &b, 4, T0 + 2 * LEASE_MS + 2), FARMIQ_E_NOSPACE);
    assert_stats(&f->store, 3, 1, 0, 0);
}

/* The token, not the name, proves the lease (13-C13): here both claimers are "c". */
static void a_lost_lease_can_write_nothing(void **state)
{
    struct fixture *f = *state;
    struct item items[2];
    struct claimer old, new;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&old, "c");
    make_claimer(&new, "c");
    assert_int_equal(claim(&f->store, &old, 2, T0), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &new, 2, T0 + LEASE_MS + 1), FARMIQ_OK);
    assert_int_equal(settle(&f->store, old.first, FARMIQ_OUTCOME_REFUSED, T0),
                     FARMIQ_NONE);
    assert_int_equal(
        farmiq_store_outbox_renew(&f->store, QUEUE, old.claim.token, T0, LEASE_MS),
        FARMIQ_NONE);
    assert_stats(&f->store, 0, 2, 0, 0);
    assert_int_equal(settle(&f->store, new.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    assert_stats(&f->store, 0, 0, 0, 2);
}

static void a_row_that_is_not_held_settles_nothing(void **state)
{
    struct fixture *f = *state;
    struct item items[2];
    struct claimer c;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 1, T0), FARMIQ_OK);
    items[1].row.status = FARMIQ_OUTBOX_ACKED;
    items[1].row.token[0] = c.claim.token[0];
    items[1].row.token[1] = c.claim.token[1];
    c.first->status = FARMIQ_OUTBOX_ACKED;
    c.first->next = &items[1].row;
    assert_int_equal(farmiq_store_outbox_settle(&f->store, QUEUE, c.first, T0),
                     FARMIQ_NONE);
    assert_stats(&f->store, 1, 1, 0, 0);
}

static void a_row_that_is_there_twice_settles_nothing(void **state)
{
    struct fixture *f = *state;
    struct farmiq_outbox_row again;
    struct item items[2];
    struct claimer c;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 2, T0), FARMIQ_OK);
    again = *c.first;
    again.next = NULL;
    c.first->next->next = &again;
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_NONE);
    assert_stats(&f->store, 0, 2, 0, 0);
}

static void a_renewed_lease_lasts_longer(void **state)
{
    struct fixture *f = *state;
    struct item items[1];
    struct claimer a, b;
    int64_t later = T0 + LEASE_MS - 1;

    make_items(items, 1, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&a, "a");
    make_claimer(&b, "b");
    assert_int_equal(claim(&f->store, &a, 1, T0), FARMIQ_OK);
    assert_int_equal(
        farmiq_store_outbox_renew(&f->store, QUEUE, a.claim.token, later, LEASE_MS),
        FARMIQ_OK);
    assert_int_equal(claim(&f->store, &b, 1, later + LEASE_MS), FARMIQ_NONE);
    assert_int_equal(claim(&f->store, &b, 1, later + LEASE_MS + 1), FARMIQ_OK);
}

static void a_clock_that_jumped_back_an_hour_strands_nothing(void **state)
{
    struct fixture *f = *state;
    struct item items[2];
    struct claimer a, b;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&a, "a");
    make_claimer(&b, "b");
    assert_int_equal(claim(&f->store, &a, 2, T0 + HOUR_MS), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &b, 2, T0), FARMIQ_OK);
    assert_int_equal(chain_length(b.first), 2);
    assert_int_equal(settle(&f->store, a.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_NONE);
    assert_int_equal(settle(&f->store, b.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
}

/* What was to wait two seconds does not wait an hour because the clock was wrong when it
 * was told to; what was to wait an hour does, and a small step back changes nothing. */
static void a_clock_that_jumped_back_does_not_lengthen_a_wait(void **state)
{
    struct fixture *f = *state;
    struct item items[2];
    struct claimer c;

    make_items(items, 2, "e");
    items[1].row.next_attempt_at_unix_ms = T0 + 3 * HOUR_MS;
    assert_int_equal(append(&f->store, items, T0 + HOUR_MS), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 2, T0 + HOUR_MS), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_RETRY, T0 + HOUR_MS),
                     FARMIQ_OK);
    assert_int_equal(claim(&f->store, &c, 2, T0 + HOUR_MS - 1000), FARMIQ_NONE);
    assert_int_equal(claim(&f->store, &c, 2, T0), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 1);
    assert_id(c.first, "e-0");
    assert_int_equal(c.first->attempt_count, 1);
}

/* 13-C12: a row that crashes whoever claims it must stop somewhere. */
static void poison_is_diverted_after_max_claims(void **state)
{
    struct fixture *f = *state;
    struct item items[2];
    struct claimer c;
    int64_t now = T0;

    make_items(items, 2, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    c.claim.max_claims = 3;
    for (uint32_t n = 1; n <= 3; n++, now += LEASE_MS + 1) {
        assert_int_equal(claim(&f->store, &c, 1, now), FARMIQ_OK);
        assert_id(c.first, "e-0");
        assert_int_equal(c.first->claim_count, n);
    }
    assert_int_equal(claim(&f->store, &c, 1, now), FARMIQ_OK);
    assert_id(c.first, "e-1");
    assert_stats(&f->store, 0, 1, 1, 0);
}

static void unclaim_ends_lapsed_leases(void **state)
{
    struct fixture *f = *state;
    struct item items[4];
    struct claimer a, b;
    uint32_t unclaimed = 99;
    int64_t now = T0 + LEASE_MS + 1000;

    make_items(items, 4, "e");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&a, "a");
    make_claimer(&b, "b");
    assert_int_equal(claim(&f->store, &a, 3, T0), FARMIQ_OK);
    assert_int_equal(claim(&f->store, &b, 1, T0 + 1000), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_unclaim(&f->store, QUEUE, now, 1000, &unclaimed),
                     FARMIQ_OK);
    assert_int_equal(unclaimed, 0);
    assert_int_equal(farmiq_store_outbox_unclaim(&f->store, QUEUE, now, 999, &unclaimed),
                     FARMIQ_OK);
    assert_int_equal(unclaimed, 3);
    assert_stats(&f->store, 3, 1, 0, 0);
    assert_int_equal(settle(&f->store, a.first, FARMIQ_OUTCOME_ACKED, now), FARMIQ_NONE);
    assert_int_equal(claim(&f->store, &a, 9, now), FARMIQ_OK);
    assert_int_equal(a.first->claim_count, 2);
}

/* Care ----------------------------------------------------------------------------- */

static void bury(struct fixture *f, struct item *items, uint32_t count)
{
    struct claimer c;

    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, count, T0), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_REFUSED, T0), FARMIQ_OK);
    assert_stats(&f->store, 0, 0, count, 0);
}

/* 13-C16: by seq or all; never what is not dead. */
static void the_dead_can_be_redriven(void **state)
{
    struct fixture *f = *state;
    struct item items[4];
    struct claimer c;
    int64_t seqs[2];
    uint32_t redriven = 99;

    make_items(items, 4, "e");
    bury(f, items, 4);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 4, T0 + 100 * HOUR_MS), FARMIQ_NONE);
    seqs[0] = items[2].row.seq;
    seqs[1] = items[2].row.seq + 1000;
    assert_int_equal(farmiq_store_outbox_redrive(&f->store, QUEUE, seqs, 2, text("ann"),
                                                 text("fixed"), T0, &redriven),
                     FARMIQ_OK);
    assert_int_equal(redriven, 1);
    assert_int_equal(claim(&f->store, &c, 4, T0), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 1);
    assert_id(c.first, "e-2");
    assert_int_equal(c.first->attempt_count, 0);
    assert_int_equal(c.first->claim_count, 1);
    assert_int_equal(farmiq_store_outbox_redrive(&f->store, QUEUE, NULL, 0, text("ann"),
                                                 text("all"), T0, &redriven),
                     FARMIQ_OK);
    assert_int_equal(redriven, 3);
    assert_stats(&f->store, 3, 1, 0, 0);
    assert_int_equal(farmiq_store_outbox_redrive(&f->store, QUEUE, NULL, 0, text("ann"),
                                                 text("all"), T0, &redriven),
                     FARMIQ_OK);
    assert_int_equal(redriven, 0);
}

static void ack(struct fixture *f, const char *prefix, uint32_t count, int64_t now)
{
    static struct item items[200];
    static struct claimer c;

    make_items(items, count, prefix);
    assert_int_equal(append(&f->store, items, now), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, count, now), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, now), FARMIQ_OK);
}

static uint32_t purge(struct fixture *f, int64_t before_unix_ms, uint32_t limit)
{
    uint32_t purged = 99;

    assert_int_equal(
        farmiq_store_outbox_purge(&f->store, QUEUE, before_unix_ms, limit, &purged),
        FARMIQ_OK);
    return purged;
}

/* Spec edge 5.8: only what is acknowledged and old, never pending, claimed or dead. */
static void the_purge_deletes_only_old_acknowledged_rows(void **state)
{
    struct fixture *f = *state;
    struct item pending[2], dead[1];

    make_items(dead, 1, "dead");
    bury(f, dead, 1);
    ack(f, "a", 10, T0 + 100);
    ack(f, "b", 10, T0 + 200);
    make_items(pending, 2, "p");
    assert_int_equal(append(&f->store, pending, T0), FARMIQ_OK);
    assert_stats(&f->store, 2, 0, 1, 20);
    assert_int_equal(purge(f, T0 + 100, 100), 0);
    assert_int_equal(purge(f, T0 + 101, 4), 4);
    assert_stats(&f->store, 2, 0, 1, 16);
    assert_int_equal(purge(f, T0 + 201, 9), 9);
    assert_stats(&f->store, 2, 0, 1, 7);
    assert_int_equal(purge(f, T0 + HOUR_MS, 100), 7);
    assert_stats(&f->store, 2, 0, 1, 0);
}

/* The last acknowledgement is remembered when its rows are gone: in a long outage that
 * is the time that matters. */
static void the_last_acknowledgement_outlives_its_rows(void **state)
{
    struct fixture *f = *state;
    struct farmiq_outbox_stats stats;

    farmiq_outbox_stats_init(&stats, sizeof stats);
    for (int i = 0; i < 3; i++) {
        ack(f, "e", 5, T0 + i);
        assert_int_equal(purge(f, T0 + HOUR_MS, 100), 5);
        assert_int_equal(purge(f, T0 + HOUR_MS, 100), 0);
        assert_int_equal(farmiq_store_outbox_stats(&f->store, QUEUE, &stats), FARMIQ_OK);
        assert_int_equal(stats.acked, 0);
        assert_int_equal(stats.last_acked_unix_ms, T0 + i);
    }
}

static void the_dead_that_nobody_came_for_are_purged(void **state)
{
    struct fixture *f = *state;
    struct item dead[3], again[3];
    uint32_t purged = 99;
    int64_t long_after_unix_ms = T0 + 1000 * HOUR_MS;

    make_items(dead, 3, "dead");
    bury(f, dead, 3);
    ack(f, "a", 2, T0);
    assert_int_equal(farmiq_store_outbox_purge_dead(&f->store, QUEUE, T0, 9, &purged),
                     FARMIQ_OK);
    assert_int_equal(purged, 0);
    assert_int_equal(
        farmiq_store_outbox_purge_dead(&f->store, QUEUE, long_after_unix_ms, 2, &purged),
        FARMIQ_OK);
    assert_int_equal(purged, 2);
    assert_stats(&f->store, 0, 0, 1, 2);
    assert_int_equal(
        farmiq_store_outbox_purge_dead(&f->store, QUEUE, long_after_unix_ms, 2, &purged),
        FARMIQ_OK);
    assert_int_equal(purged, 1);
    make_items(again, 3, "dead");
    assert_int_equal(append(&f->store, again, long_after_unix_ms), FARMIQ_OK);
    assert_int_equal(again[2].row.verdict, FARMIQ_OK);
    assert_stats(&f->store, 3, 0, 0, 2);
}

static void a_purged_event_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct item again[1];

    ack(f, "e", 1, T0);
    assert_int_equal(purge(f, T0 + 1, 10), 1);
    make_items(again, 1, "e");
    assert_int_equal(append(&f->store, again, T0 + 2), FARMIQ_OK);
    assert_int_equal(again[0].row.verdict, FARMIQ_OK);
    assert_int_equal(purge(f, T0 + HOUR_MS, 10), 0);
    assert_stats(&f->store, 1, 0, 0, 0);
}

static struct farmiq_outbox_replay replay_between(int64_t since_unix_ms,
                                                  int64_t before_unix_ms)
{
    struct farmiq_outbox_replay replay;

    farmiq_outbox_replay_init(&replay, sizeof replay);
    replay.since_unix_ms = since_unix_ms;
    replay.before_unix_ms = before_unix_ms;
    return replay;
}

/* Call by call, to the end. */
static uint32_t replay_all(struct fixture *f, struct farmiq_outbox_replay replay)
{
    uint32_t total = 0, replayed = 99;
    int r;

    do {
        r = farmiq_store_outbox_replay(&f->store, QUEUE, &replay, &replayed);
        assert_true(r == FARMIQ_OK || r == FARMIQ_NONE);
        total += replayed;
    } while (r == FARMIQ_OK);
    return total;
}

/* Spec cloud 8.6: what a restored cloud has forgotten is sent again. */
static void acknowledged_rows_can_be_replayed(void **state)
{
    struct fixture *f = *state;
    struct claimer c;

    ack(f, "a", 10, T0 + 100);
    ack(f, "b", 10, T0 + 200);
    ack(f, "c", 10, T0 + 300);
    assert_int_equal(replay_all(f, replay_between(T0 + 200, T0 + 300)), 10);
    assert_stats(&f->store, 10, 0, 0, 20);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 20, T0 + 400), FARMIQ_OK);
    assert_int_equal(chain_length(c.first), 10);
    assert_id(c.first, "b-0");
    assert_int_equal(c.first->attempt_count, 0);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0 + 400),
                     FARMIQ_OK);
    assert_int_equal(replay_all(f, replay_between(T0 + 200, T0 + 400)), 10);
    assert_stats(&f->store, 10, 0, 0, 20);
}

static void a_replay_goes_on_where_it_stopped(void **state)
{
    struct fixture *f = *state;
    struct farmiq_outbox_replay replay = replay_between(0, T0 + 100);

    for (int i = 0; i < 30; i++) {
        char prefix[8];

        snprintf(prefix, sizeof prefix, "p%d", i);
        ack(f, prefix, 3, T0 + i / 10);
    }
    replay.limit = 7;
    assert_int_equal(replay_all(f, replay), 90);
    assert_int_equal(replay_all(f, replay), 0);
    assert_stats(&f->store, 90, 0, 0, 0);
}

static void a_replay_may_be_one_tenants(void **state)
{
    struct fixture *f = *state;
    struct farmiq_outbox_replay replay = replay_between(T0, T0 + 100);
    struct item items[6];
    struct claimer c;

    make_items(items, 6, "e");
    for (int i = 0; i < 6; i += 2)
        items[i].event.tenant_id = text("other");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 6, T0), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    replay.tenant_id = text("other");
    assert_int_equal(replay_all(f, replay), 3);
    assert_int_equal(replay_all(f, replay), 0);
    assert_stats(&f->store, 3, 0, 0, 3);
    assert_int_equal(purge(f, T0 + 1, 10), 3);
    replay.tenant_id = text("nobody");
    assert_int_equal(replay_all(f, replay), 0);
}

/* Neither what waits, nor the dead, nor what is in somebody's hand. */
static void a_replay_leaves_alone_what_is_not_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct item dead[2], held[2], pending[2];
    struct claimer c;

    make_items(dead, 2, "dead");
    bury(f, dead, 2);
    make_items(held, 2, "held");
    assert_int_equal(append(&f->store, held, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 2, T0), FARMIQ_OK);
    make_items(pending, 2, "p");
    assert_int_equal(append(&f->store, pending, T0), FARMIQ_OK);
    assert_int_equal(replay_all(f, replay_between(0, T0 + HOUR_MS)), 0);
    assert_stats(&f->store, 2, 2, 2, 0);
}

/* Transactions --------------------------------------------------------------------- */

static void a_rollback_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct item kept[2], gone[3];
    struct claimer c;

    make_items(kept, 2, "kept");
    make_items(gone, 3, "gone");
    assert_int_equal(append(&f->store, kept, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, gone, T0), FARMIQ_OK);
    assert_int_equal(verdict(f, "t", "e", 7, T0), FARMIQ_OK);
    make_claimer(&c, "c");
    assert_int_equal(claim(&f->store, &c, 4, T0), FARMIQ_OK);
    assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    assert_stats(&f->store, 1, 0, 0, 4);
    farmiq_store_rollback(&f->store);
    assert_stats(&f->store, 2, 0, 0, 0);
    assert_int_equal(verdict(f, "t", "e", 8, T0), FARMIQ_OK);
    assert_int_equal(append(&f->store, gone, T0), FARMIQ_OK);
    assert_int_equal(gone[0].row.verdict, FARMIQ_OK);
}

/* Architecture, decision 7: a neighbour's transaction is a savepoint of the caller's. */
static void an_inner_rollback_undoes_only_itself(void **state)
{
    struct fixture *f = *state;
    struct item outer[1], inner[1], deep[1];

    make_items(outer, 1, "outer");
    make_items(inner, 1, "inner");
    make_items(deep, 1, "deep");
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, outer, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, inner, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, deep, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&f->store), FARMIQ_OK);
    farmiq_store_rollback(&f->store);
    assert_int_equal(farmiq_store_commit(&f->store), FARMIQ_OK);
    assert_stats(&f->store, 1, 0, 0, 0);
    assert_int_equal(append(&f->store, deep, T0), FARMIQ_OK);
    assert_int_equal(deep[0].row.verdict, FARMIQ_OK);
}

static void an_outer_rollback_undoes_inner_commits(void **state)
{
    struct fixture *f = *state;
    struct item inner[1];

    make_items(inner, 1, "inner");
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(farmiq_store_begin(&f->store), FARMIQ_OK);
    assert_int_equal(append(&f->store, inner, T0), FARMIQ_OK);
    assert_int_equal(farmiq_store_commit(&f->store), FARMIQ_OK);
    farmiq_store_rollback(&f->store);
    assert_stats(&f->store, 0, 0, 0, 0);
    assert_int_equal(farmiq_store_commit(&f->store), FARMIQ_E_STATE);
    farmiq_store_rollback(&f->store);
}

/* Room ----------------------------------------------------------------------------- */

/* A full store says so, changes nothing, goes on serving, and recovers (I8). */
static void a_full_store_says_so_and_recovers(void **state)
{
    static struct item items[50];
    static struct claimer c;
    struct fixture *f = *state;
    char prefix[16];
    uint32_t batches = 0;
    int r = FARMIQ_OK;

    if (!f->kind->has_quota)
        skip();
    farmiq_store_close(&f->store);
    remove_dir(f);
    make_dir(f);
    assert_int_equal(f->kind->open(f, &f->store, 600 << 10), FARMIQ_OK);
    for (; batches < 1000 && !r; batches++) {
        snprintf(prefix, sizeof prefix, "%u", batches);
        make_items(items, 50, prefix);
        r = append(&f->store, items, T0);
    }
    assert_int_equal(r, FARMIQ_E_NOSPACE);
    assert_true(--batches > 3);
    assert_stats(&f->store, batches * 50, 0, 0, 0);
    make_claimer(&c, "c");
    for (uint32_t i = 0; i < batches; i++) {
        assert_int_equal(claim(&f->store, &c, 50, T0), FARMIQ_OK);
        assert_int_equal(settle(&f->store, c.first, FARMIQ_OUTCOME_ACKED, T0), FARMIQ_OK);
    }
    assert_int_equal(purge(f, T0 + 1, 1000000), batches * 50);
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    assert_int_equal(items[49].row.verdict, FARMIQ_OK);
}

/* Two claimers --------------------------------------------------------------------- */

enum { ROWS = 40, CLAIMERS = 3, STEPS = 1500 };

struct race {
    struct farmiq_store stores[CLAIMERS]; /* all on the same data */
    struct claimer claimers[CLAIMERS];
    int64_t lease_end[CLAIMERS]; /* 0: holds nothing */
    int acks[ROWS];
    int64_t now_unix_ms;
    uint32_t random;
};

static uint32_t draw(struct race *race, uint32_t below)
{
    race->random = race->random * 1664525 + 1013904223;
    return (race->random >> 8) % below;
}

static uint32_t number_of(const struct farmiq_outbox_row *row)
{
    uint32_t n = 0;

    for (size_t i = 2; i < row->event->event_id.len; i++)
        n = n * 10 + (uint32_t)(row->event->event_id.ptr[i] - '0');
    return n;
}

static int holds(const struct race *race, int who, int64_t seq)
{
    const struct farmiq_outbox_row *row;

    if (race->lease_end[who] < race->now_unix_ms)
        return 0;
    for (row = race->claimers[who].first; row; row = row->next)
        if (row->seq == seq)
            return 1;
    return 0;
}

/* Two live leases never share a row. */
static void race_claim(struct race *race, int who)
{
    struct claimer *c = &race->claimers[who];
    int r = claim(&race->stores[who], c, 1 + draw(race, 8), race->now_unix_ms);

    race->lease_end[who] = 0;
    if (r == FARMIQ_NONE)
        return;
    assert_int_equal(r, FARMIQ_OK);
    for (const struct farmiq_outbox_row *row = c->first; row; row = row->next)
        for (int other = 0; other < CLAIMERS; other++)
            assert_false(other != who && holds(race, other, row->seq));
    race->lease_end[who] = race->now_unix_ms + LEASE_MS;
}

/* Whoever settles late, after a takeover, must be told so, and have no effect. */
static void race_settle(struct race *race, int who)
{
    struct farmiq_outbox_row *first = race->claimers[who].first;
    int32_t outcome = draw(race, 3) ? FARMIQ_OUTCOME_ACKED : FARMIQ_OUTCOME_UNREACHED;
    int is_live = race->lease_end[who] >= race->now_unix_ms;
    int r;

    if (!race->lease_end[who])
        return;
    r = settle(&race->stores[who], first, outcome, race->now_unix_ms);
    assert_true(r == FARMIQ_OK || (r == FARMIQ_NONE && !is_live));
    for (; first && !r && outcome == FARMIQ_OUTCOME_ACKED; first = first->next)
        race->acks[number_of(first)]++;
    race->lease_end[who] = 0;
}

static void race_step(struct race *race)
{
    int who = (int)draw(race, CLAIMERS);

    race->now_unix_ms += draw(race, 10) ? draw(race, 1000) : LEASE_MS;
    if (!race->lease_end[who])
        race_claim(race, who);
    else if (draw(race, 4))
        race_settle(race, who);
    else if (draw(race, 2))
        race->lease_end[who] = 0; /* crashed, and forgot */
}

/* Claimers that crash, dawdle and come back late: every row is acknowledged once. */
static void claimers_never_share_and_lose_nothing(void **state)
{
    static struct race race;
    static struct item items[ROWS];
    struct fixture *f = *state;

    memset(&race, 0, sizeof race);
    race.now_unix_ms = T0;
    race.random = 12345;
    for (int i = 0; i < CLAIMERS; i++) {
        make_claimer(&race.claimers[i], "c");
        race.claimers[i].claim.max_claims = 1000;
        race.stores[i] = f->store;
        if (i && f->kind->open_again)
            assert_int_equal(f->kind->open_again(f, &race.stores[i]), FARMIQ_OK);
    }
    make_items(items, ROWS, "r");
    assert_int_equal(append(&f->store, items, T0), FARMIQ_OK);
    for (int i = 0; i < STEPS; i++)
        race_step(&race);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(race.acks[i], 1);
    assert_stats(&f->store, 0, 0, 0, ROWS);
    for (int i = 1; i < CLAIMERS && f->kind->open_again; i++)
        farmiq_store_close(&race.stores[i]);
}

#define CONFORMS(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

static const struct CMUnitTest ledger_tests[] = {
    CONFORMS(a_repeat_is_a_duplicate),
    CONFORMS(the_same_key_with_other_content_is_a_conflict),
    CONFORMS(tenants_do_not_share_event_ids),
    CONFORMS(a_chain_knows_its_own_repeats),
    CONFORMS(a_long_chain_is_judged_row_by_row),
    CONFORMS(an_expired_key_counts_as_new),
    CONFORMS(the_purge_forgets_only_what_expired),
    CONFORMS(a_full_ledger_says_so_and_changes_nothing),
};

static const struct CMUnitTest queue_tests[] = {
    CONFORMS(appended_rows_have_names_of_their_own),
    CONFORMS(an_event_is_appended_once),
    CONFORMS(two_tenants_may_use_one_event_id),
    CONFORMS(a_row_may_be_appended_for_later),
    CONFORMS(a_long_chain_is_appended_whole),
    CONFORMS(a_claimed_row_is_what_was_appended),
    CONFORMS(absent_members_stay_absent),
    CONFORMS(an_empty_queue_has_nothing),
    CONFORMS(rows_come_by_priority_then_time_then_seq),
    CONFORMS(the_limit_bounds_a_claim_in_rows),
    CONFORMS(the_memory_bounds_a_claim_in_bytes),
    CONFORMS(acknowledged_rows_never_come_back),
    CONFORMS(settling_twice_finds_nothing),
    CONFORMS(what_is_not_settled_stays_leased),
    CONFORMS(a_retry_waits_for_its_time),
    CONFORMS(an_unreached_row_is_due_at_once),
    CONFORMS(one_settlement_may_say_four_things),
    CONFORMS(the_stats_know_the_times),
    CONFORMS(the_oldest_of_each_priority_counts),
    CONFORMS(a_crashed_claimers_batch_is_taken_over_whole),
    CONFORMS(a_live_lease_is_not_taken_over),
    CONFORMS(an_heir_with_less_room_leaves_the_rest),
    CONFORMS(a_lost_lease_can_write_nothing),
    CONFORMS(a_row_that_is_not_held_settles_nothing),
    CONFORMS(a_row_that_is_there_twice_settles_nothing),
    CONFORMS(a_renewed_lease_lasts_longer),
    CONFORMS(a_clock_that_jumped_back_an_hour_strands_nothing),
    CONFORMS(a_clock_that_jumped_back_does_not_lengthen_a_wait),
    CONFORMS(poison_is_diverted_after_max_claims),
    CONFORMS(unclaim_ends_lapsed_leases),
    CONFORMS(the_dead_can_be_redriven),
    CONFORMS(the_purge_deletes_only_old_acknowledged_rows),
    CONFORMS(the_last_acknowledgement_outlives_its_rows),
    CONFORMS(a_purged_event_is_forgotten),
    CONFORMS(the_dead_that_nobody_came_for_are_purged),
    CONFORMS(acknowledged_rows_can_be_replayed),
    CONFORMS(a_replay_goes_on_where_it_stopped),
    CONFORMS(a_replay_may_be_one_tenants),
    CONFORMS(a_replay_leaves_alone_what_is_not_acknowledged),
    CONFORMS(a_rollback_leaves_nothing),
    CONFORMS(an_inner_rollback_undoes_only_itself),
    CONFORMS(an_outer_rollback_undoes_inner_commits),
    CONFORMS(a_full_store_says_so_and_recovers),
    CONFORMS(claimers_never_share_and_lose_nothing),
};

/* All stores, or the one that is named. */
int main(int argc, char **argv)
{
    int failed = 0;

    for (size_t i = 0; i < store_kind_count; i++) {
        current_kind = store_kinds[i];
        if (!current_kind->open)
            continue;
        if (argc > 1 && strcmp(argv[1], current_kind->name) != 0)
            continue;
        failed +=
            cmocka_run_group_tests_name(current_kind->name, ledger_tests, NULL, NULL);
        if (!current_kind->has_no_queues)
            failed +=
                cmocka_run_group_tests_name(current_kind->name, queue_tests, NULL, NULL);
    }
    return failed != 0;
}
