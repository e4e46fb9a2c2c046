/* SPDX-License-Identifier: Apache-2.0 */
/* farmiq/store.h and farmiq/sql.h as a store's author and a caller meet them: which
 * method is called, what is refused before it, and the fingerprint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <farmiq/sql.h>
#include <farmiq/store.h>

/* A store that only remembers which method was asked. */
static const char *asked;

static int note_begin(void *ctx)
{
    (void)ctx;
    asked = "begin";
    return FARMIQ_OK;
}

static void note_rollback(void *ctx)
{
    (void)ctx;
    asked = "rollback";
}

static void note_close(void *ctx) { *(int *)ctx += 1; }

static int note_append(void *ctx, const char *queue, struct farmiq_outbox_row *first,
                       int64_t now_unix_ms)
{
    (void)ctx, (void)first;
    asked = queue;
    return now_unix_ms == 7 ? FARMIQ_E_BUSY : FARMIQ_OK;
}

static int note_sql(void *ctx, const struct farmiq_sql_query *query, const char *queue,
                    const struct farmiq_sql_value *params, uint32_t param_count,
                    uint32_t row_count, farmiq_sql_row_fn on_row, void *row_ctx)
{
    (void)ctx, (void)query, (void)queue, (void)params, (void)on_row, (void)row_ctx;
    return (int)(param_count * 100 + row_count);
}

static const struct farmiq_store_ops noting = { .size = sizeof noting,
                                                .begin = note_begin,
                                                .rollback = note_rollback,
                                                .close = note_close,
                                                .outbox_append = note_append,
                                                .sql_run = note_sql };
static const struct farmiq_store_ops nothing = { .size = sizeof nothing };

static struct farmiq_event event;
static struct farmiq_outbox_row row;
static struct farmiq_sighting sighting;
static struct farmiq_outbox_claim claim;
static struct farmiq_outbox_stats stats;
static int64_t memory[64];

static int reset(void **state)
{
    (void)state;
    asked = NULL;
    farmiq_event_init(&event, sizeof event);
    event.tenant_id.ptr = event.event_id.ptr = "x";
    event.tenant_id.len = event.event_id.len = 1;
    event.event_type = event.payload = event.event_id;
    farmiq_outbox_row_init(&row, sizeof row);
    row.event = &event;
    farmiq_sighting_init(&sighting, sizeof sighting);
    sighting.tenant_id = event.tenant_id;
    sighting.event_id = event.event_id;
    farmiq_outbox_claim_init(&claim, sizeof claim);
    claim.token[0] = 1;
    claim.memory = memory;
    claim.memory_bytes = sizeof memory;
    farmiq_outbox_stats_init(&stats, sizeof stats);
    return 0;
}

/* Call every verb with good arguments; all must answer the same. */
static void assert_every_verb(struct farmiq_store *store, int expected)
{
    static const struct farmiq_sql_query query = { "q", "SELECT 1", "SELECT 1" };
    const uint64_t token[2] = { 1, 0 };
    const struct farmiq_str none = { NULL, 0 };
    struct farmiq_outbox_row settled = row, *first = NULL;
    struct farmiq_outbox_replay replay;
    uint32_t n = 0;

    settled.status = FARMIQ_OUTBOX_ACKED;
    assert_int_equal(farmiq_store_begin(store), expected);
    assert_int_equal(farmiq_store_commit(store), expected);
    assert_int_equal(farmiq_store_dedupe(store, "l", &sighting, 0, 1), expected);
    assert_int_equal(farmiq_store_dedupe_purge(store, "l", 0, 1, &n), expected);
    assert_int_equal(farmiq_store_outbox_append(store, "q", &row, 0), expected);
    assert_int_equal(farmiq_store_outbox_claim(store, "q", &claim, &first), expected);
    assert_int_equal(farmiq_store_outbox_renew(store, "q", token, 0, 1), expected);
    assert_int_equal(farmiq_store_outbox_settle(store, "q", &settled, 0), expected);
    assert_int_equal(farmiq_store_outbox_stats(store, "q", &stats), expected);
    assert_int_equal(farmiq_store_outbox_redrive(store, "q", NULL, 0, none, none, 0, &n),
                     expected);
    assert_int_equal(farmiq_store_outbox_unclaim(store, "q", 0, 0, &n), expected);
    assert_int_equal(farmiq_store_outbox_purge(store, "q", 0, 1, &n), expected);
    assert_int_equal(farmiq_store_outbox_purge_dead(store, "q", 0, 1, &n), expected);
    farmiq_outbox_replay_init(&replay, sizeof replay);
    assert_int_equal(farmiq_store_outbox_replay(store, "q", &replay, &n), expected);
    assert_int_equal(farmiq_sql_run(store, &query, NULL, NULL, 0, NULL, NULL), expected);
    assert_int_equal(farmiq_sql_run_many(store, &query, NULL, NULL, 0, 1, NULL, NULL),
                     expected);
    farmiq_store_rollback(store);
}

static void a_missing_method_is_unsupported(void **state)
{
    struct farmiq_store store = { &nothing, NULL };

    (void)state;
    assert_every_verb(&store, FARMIQ_E_UNSUPPORTED);
    assert_null(asked);
}

/* A table compiled against an older header simply ends sooner. */
static void a_method_beyond_the_size_is_not_there(void **state)
{
    struct farmiq_store_ops old = noting;
    struct farmiq_store store = { &old, NULL };

    (void)state;
    old.size = offsetof(struct farmiq_store_ops, outbox_append);
    assert_int_equal(farmiq_store_begin(&store), FARMIQ_OK);
    assert_int_equal(farmiq_store_outbox_append(&store, "q", &row, 0),
                     FARMIQ_E_UNSUPPORTED);
    old.size = offsetof(struct farmiq_store_ops, outbox_claim);
    assert_int_equal(farmiq_store_outbox_append(&store, "q", &row, 0), FARMIQ_OK);
    old.size = 0;
    assert_every_verb(&store, FARMIQ_E_UNSUPPORTED);
}

static void a_store_that_is_none_is_an_argument_error(void **state)
{
    struct farmiq_store closed = { NULL, NULL };

    (void)state;
    assert_every_verb(&closed, FARMIQ_E_ARG);
    assert_every_verb(NULL, FARMIQ_E_ARG);
    farmiq_store_close(&closed);
    farmiq_store_close(NULL);
}

static void the_methods_answer_is_the_verbs(void **state)
{
    struct farmiq_store store = { &noting, NULL };

    (void)state;
    assert_int_equal(farmiq_store_outbox_append(&store, "jobs", &row, 7), FARMIQ_E_BUSY);
    assert_string_equal(asked, "jobs");
    farmiq_store_rollback(&store);
    assert_string_equal(asked, "rollback");
}

static void close_forgets(void **state)
{
    int closed = 0;
    struct farmiq_store store = { &noting, &closed };

    (void)state;
    farmiq_store_close(&store);
    farmiq_store_close(&store);
    assert_int_equal(closed, 1);
    assert_null(store.ops);
    assert_null(store.ctx);
}

#define REFUSED(call) assert_int_equal((call), FARMIQ_E_ARG)

static void rows_that_cannot_be_kept_are_refused(void **state)
{
    struct farmiq_store store = { &noting, NULL };
    const struct farmiq_outbox_row good = row;
    const struct farmiq_event good_event = event;

    (void)state;
    REFUSED(farmiq_store_outbox_append(&store, NULL, &row, 0));
    REFUSED(farmiq_store_outbox_append(&store, "q", NULL, 0));
    row.event = NULL;
    REFUSED(farmiq_store_outbox_append(&store, "q", &row, 0));
    row = good;
    row.size = 8;
    REFUSED(farmiq_store_outbox_append(&store, "q", &row, 0));
    row = good;
    row.status = FARMIQ_OUTBOX_CLAIMED;
    REFUSED(farmiq_store_outbox_append(&store, "q", &row, 0));
    row = good;
    event.tenant_id.len = 0;
    REFUSED(farmiq_store_outbox_append(&store, "q", &row, 0));
    event = good_event;
    event.event_id.len = 0;
    REFUSED(farmiq_store_outbox_append(&store, "q", &row, 0));
    event = good_event;
    event.event_type.len = 0;
    REFUSED(farmiq_store_outbox_append(&store, "q", &row, 0));
    event = good_event;
    event.payload.len = 0;
    REFUSED(farmiq_store_outbox_append(&store, "q", &row, 0));
    event = good_event;
    assert_int_equal(farmiq_store_outbox_append(&store, "q", &row, 0), FARMIQ_OK);
}

static void claims_need_memory_and_a_token(void **state)
{
    struct farmiq_store_ops all = nothing;
    struct farmiq_store store = { &all, NULL };
    struct farmiq_outbox_row *first = NULL;
    const struct farmiq_outbox_claim good = claim;

    (void)state;
    claim.token[0] = claim.token[1] = 0;
    REFUSED(farmiq_store_outbox_claim(&store, "q", &claim, &first));
    claim = good;
    claim.limit = 0;
    REFUSED(farmiq_store_outbox_claim(&store, "q", &claim, &first));
    claim = good;
    claim.memory = NULL;
    REFUSED(farmiq_store_outbox_claim(&store, "q", &claim, &first));
    claim = good;
    claim.memory = (char *)memory + 1;
    REFUSED(farmiq_store_outbox_claim(&store, "q", &claim, &first));
    claim = good;
    REFUSED(farmiq_store_outbox_claim(&store, "q", NULL, &first));
    REFUSED(farmiq_store_outbox_claim(&store, "q", &claim, NULL));
}

static void settlements_carry_one_token_and_an_outcome(void **state)
{
    struct farmiq_store store = { &nothing, NULL };
    struct farmiq_outbox_row a = row, b = row;

    (void)state;
    a.status = b.status = FARMIQ_OUTBOX_ACKED;
    a.next = &b;
    assert_int_equal(farmiq_store_outbox_settle(&store, "q", &a, 0),
                     FARMIQ_E_UNSUPPORTED);
    b.token[1] = 1;
    REFUSED(farmiq_store_outbox_settle(&store, "q", &a, 0));
    b = a;
    b.next = NULL;
    for (int32_t status = FARMIQ_OUTBOX_CLAIMED; status <= FARMIQ_OUTBOX_SENT; status++) {
        b.status = status;
        REFUSED(farmiq_store_outbox_settle(&store, "q", &a, 0));
    }
    b.status = 8;
    REFUSED(farmiq_store_outbox_settle(&store, "q", &a, 0));
}

static void outputs_are_required(void **state)
{
    struct farmiq_store store = { &nothing, NULL };
    const struct farmiq_str none = { NULL, 0 };
    uint32_t n = 0;

    (void)state;
    REFUSED(farmiq_store_dedupe_purge(&store, "l", 0, 1, NULL));
    REFUSED(farmiq_store_outbox_renew(&store, "q", NULL, 0, 1));
    REFUSED(farmiq_store_outbox_stats(&store, "q", NULL));
    REFUSED(farmiq_store_outbox_purge(&store, "q", 0, 1, NULL));
    REFUSED(farmiq_store_outbox_unclaim(&store, "q", 0, 0, NULL));
    REFUSED(farmiq_store_outbox_replay(&store, "q", NULL, &n));
    REFUSED(farmiq_store_outbox_purge_dead(&store, "q", 0, 1, NULL));
    REFUSED(farmiq_store_outbox_redrive(&store, "q", NULL, 1, none, none, 0, &n));
    REFUSED(farmiq_store_outbox_redrive(&store, "q", NULL, 0, none, none, 0, NULL));
    sighting.event_id.len = 0;
    REFUSED(farmiq_store_dedupe(&store, "l", &sighting, 0, 1));
    REFUSED(farmiq_store_dedupe(&store, "l", NULL, 0, 1));
}

static void many_rows_of_none_are_done_already(void **state)
{
    static const struct farmiq_sql_query query = { "q", "SELECT 1", "SELECT 1" };
    struct farmiq_store store = { &noting, NULL };
    struct farmiq_sql_value value = farmiq_sql_null();

    (void)state;
    assert_int_equal(farmiq_sql_run_many(&store, &query, NULL, &value, 1, 0, NULL, NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_sql_run_many(&store, &query, NULL, &value, 1, 3, NULL, NULL),
                     103);
    assert_int_equal(farmiq_sql_run(&store, &query, NULL, &value, 1, NULL, NULL), 100);
    REFUSED(farmiq_sql_run(&store, &query, NULL, NULL, 1, NULL, NULL));
    REFUSED(farmiq_sql_run(&store, NULL, NULL, NULL, 0, NULL, NULL));
}

static void values_are_what_they_say(void **state)
{
    struct farmiq_str text = { "abc", 3 }, none = { NULL, 0 };

    (void)state;
    assert_int_equal(farmiq_sql_null().type, FARMIQ_SQL_NULL);
    assert_int_equal(farmiq_sql_integer(-3).type, FARMIQ_SQL_INTEGER);
    assert_int_equal(farmiq_sql_integer(-3).integer, -3);
    assert_int_equal(farmiq_sql_real(0.5).type, FARMIQ_SQL_REAL);
    assert_true(farmiq_sql_real(0.5).real == 0.5);
    assert_int_equal(farmiq_sql_text(text).type, FARMIQ_SQL_TEXT);
    assert_ptr_equal(farmiq_sql_text(text).text.ptr, text.ptr);
    assert_int_equal(farmiq_sql_text(none).type, FARMIQ_SQL_TEXT);
    assert_int_equal(farmiq_sql_text_or_null(none).type, FARMIQ_SQL_NULL);
    assert_int_equal(farmiq_sql_text_or_null(text).type, FARMIQ_SQL_TEXT);
}

/* Every length from 0 to 40 and every flipped bit gives another fingerprint. */
static void the_fingerprint_sees_every_bit(void **state)
{
    char bytes[40];
    uint64_t seen[41 * 8 * 40 + 41];
    size_t count = 0;

    (void)state;
    memset(bytes, 'a', sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        seen[count++] = farmiq_content_hash(bytes, len);
        for (size_t bit = 0; bit < len * 8; bit++) {
            bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
            seen[count++] = farmiq_content_hash(bytes, len);
            bytes[bit / 8] = 'a';
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(seen[i] != 0);
        for (size_t j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
    }
    assert_true(farmiq_content_hash(NULL, 0) == farmiq_content_hash("", 0));
}

/* Databases keep it: it must not change with the machine or the version. */
static void the_fingerprint_is_stable(void **state)
{
    (void)state;
    assert_true(farmiq_content_hash("", 0) == UINT64_C(0x0ddc53b24861854b));
    assert_true(farmiq_content_hash("{\"t\":21.5}", 10) == UINT64_C(0x898ffdbd739041d9));
}

static void the_memory_store_wants_memory(void **state)
{
    static int64_t small[16];
    struct farmiq_store store = { NULL, NULL };

    (void)state;
    assert_int_equal(farmiq_store_open_memory(&store, small, sizeof small),
                     FARMIQ_E_NOSPACE);
    assert_int_equal(farmiq_store_open_memory(NULL, small, sizeof small), FARMIQ_E_ARG);
    assert_int_equal(farmiq_store_open_memory(&store, NULL, 100000), FARMIQ_E_ARG);
    assert_int_equal(farmiq_store_open_memory(&store, (char *)small + 1, 100000),
                     FARMIQ_E_ARG);
    assert_null(store.ops);
}

#define WITH_RESET(test) cmocka_unit_test_setup(test, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RESET(a_missing_method_is_unsupported),
        WITH_RESET(a_method_beyond_the_size_is_not_there),
        WITH_RESET(a_store_that_is_none_is_an_argument_error),
        WITH_RESET(the_methods_answer_is_the_verbs),
        WITH_RESET(close_forgets),
        WITH_RESET(rows_that_cannot_be_kept_are_refused),
        WITH_RESET(claims_need_memory_and_a_token),
        WITH_RESET(settlements_carry_one_token_and_an_outcome),
        WITH_RESET(outputs_are_required),
        WITH_RESET(many_rows_of_none_are_done_already),
        WITH_RESET(values_are_what_they_say),
        WITH_RESET(the_fingerprint_sees_every_bit),
        WITH_RESET(the_fingerprint_is_stable),
        WITH_RESET(the_memory_store_wants_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
