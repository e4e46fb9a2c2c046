/* SPDX-License-Identifier: Apache-2.0 */
/* Weigh sessions in a store (shims/common/sessions.c) on SQLite: every order of a
 * session's facts, split into batches in any way and repeated, leaves the same row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include <farmiq/schema.h>

#include "common/sessions.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ## The kit: memory, a name, a counter */

static void *blocks[65536];
static size_t block_count;
static uint64_t conflicts;

void *shim_memory(struct shim_call *call, size_t bytes)
{
    (void)call;
    assert_true(block_count < COUNT(blocks));
    return blocks[block_count++] = calloc(1, bytes ? bytes : 1);
}

static void free_blocks(void)
{
    while (block_count)
        free(blocks[--block_count]);
}

struct farmiq_str shim_str(const char *text)
{
    return (struct farmiq_str){ text, text ? strlen(text) : 0 };
}

struct farmiq_str shim_uuid(struct shim_call *call)
{
    (void)call;
    return shim_str("018f1a84-bb0e-7d3f-b2e4-9e8b5f8e0001");
}

void shim_count(const char *metric, const char *label, uint64_t n)
{
    (void)metric;
    (void)label;
    conflicts += n;
}

/* ## The facts */

struct said {
    int32_t kind;
    const char *id; /* of the event */
    int64_t at_s;
    double kg;
    const char *medium; /* IMAGE */
};

static const struct said facts[] = {
    { FARMIQ_SESSION_EV_CREATED, "created", 0, 0, NULL },
    { FARMIQ_SESSION_EV_WEIGHT, "first", 10, 100, NULL },
    { FARMIQ_SESSION_EV_WEIGHT, "last", 60, 110, NULL },
    { FARMIQ_SESSION_EV_WEIGHT, "late", 200, 150, NULL },
    { FARMIQ_SESSION_EV_IMAGE, "captured", 16, 0, "m-1" },
    { FARMIQ_SESSION_EV_IMAGE, "stored", 15, 0, "m-1" },
    { FARMIQ_SESSION_EV_FINALIZED, "finalized", 120, 0, NULL },
};

#define FACTS COUNT(facts)

static sqlite3 *database;
static struct farmiq_store store;
static struct shim_call call = { .store = &store, .now_unix_ms = 1000000 };

static struct weigh_fact fact_of(const struct said *said, const char *tenant)
{
    int is_creation = said->kind == FARMIQ_SESSION_EV_CREATED;

    return (struct weigh_fact){
        .kind = said->kind,
        .tenant_id = shim_str(tenant),
        .session_id = shim_str("s-1"),
        .event_id = shim_str(said->id),
        .trace_id = shim_str("trace"),
        .farm_id = shim_str(is_creation ? "farm" : ""),
        .batch_id = shim_str(is_creation ? "batch" : ""),
        .media_id = shim_str(said->medium),
        .weight_kg = said->kg,
        .occurred_at_unix_ms = 1000 * (said->at_s + 1),
    };
}

/* The facts of one batch, chained, into the store. */
static void take(const struct said *const *batch, size_t count, const char *tenant)
{
    struct weigh_fact chain[2 * FACTS];
    struct sessions sessions;

    for (size_t i = 0; i < count; i++) {
        chain[i] = fact_of(batch[i], tenant);
        if (i)
            chain[i - 1].next = &chain[i];
    }
    assert_int_equal(sessions_open(&sessions, &call, (uint32_t)count), FARMIQ_OK);
    assert_int_equal(sessions_take(&sessions, chain), FARMIQ_OK);
    assert_int_equal(sessions_save(&sessions), FARMIQ_OK);
    free_blocks();
}

/* ## The row */

static const char *row_of(const char *tenant)
{
    static char text[1024];
    sqlite3_stmt *row = NULL;
    int r = sqlite3_prepare_v2(
        database,
        "SELECT json_array(state, start_at, end_at, initial_weight_kg, final_weight_kg,"
        " initial_weight_at, final_weight_at, weight_count, late_weight_count,"
        " image_count, flags, farm_id, batch_id, first_fact_at, finalized_event_id,"
        " (SELECT json_group_array(media_object_id || ' ' || event_id || ' ' ||"
        " occurred_at) FROM weigh_media AS m WHERE m.tenant_id = s.tenant_id))"
        " FROM weigh_session AS s WHERE tenant_id = ?1",
        -1, &row, NULL);

    assert_int_equal(r, SQLITE_OK);
    sqlite3_bind_text(row, 1, tenant, -1, SQLITE_STATIC);
    text[0] = '\0';
    if (sqlite3_step(row) == SQLITE_ROW)
        snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(row, 0));
    sqlite3_finalize(row);
    return text;
}

static const char whole[] = "[2,1000,121000,100.0,110.0,11000,61000,2,1,1,2,\"farm\","
                            "\"batch\",1000,\"finalized\",[\"m-1 stored 16000\"]]";

static int open_store(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &database), SQLITE_OK);
    assert_int_equal(farmiq_sqlite_migrate(database, farmiq_schema_edge(), NULL),
                     FARMIQ_OK);
    assert_int_equal(farmiq_store_wrap_sqlite(&store, database), FARMIQ_OK);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    farmiq_store_close(&store);
    sqlite3_close(database);
    free_blocks();
    return 0;
}

/* ## Orders */

static void swap(size_t *a, size_t *b)
{
    size_t kept = *a;

    *a = *b;
    *b = kept;
}

static int next_order(size_t order[FACTS])
{
    size_t i = FACTS - 1, j = FACTS - 1;

    while (i > 0 && order[i - 1] > order[i])
        i--;
    if (i == 0)
        return 0;
    while (order[j] < order[i - 1])
        j--;
    swap(&order[i - 1], &order[j]);
    for (j = FACTS - 1; i < j; i++, j--)
        swap(&order[i], &order[j]);
    return 1;
}

/* `per_batch` facts at a time; and then all of them once more. */
static void walk_all_orders(size_t per_batch)
{
    size_t order[FACTS], orders = 0;

    for (size_t i = 0; i < FACTS; i++)
        order[i] = i;
    do {
        const struct said *batch[FACTS];

        assert_int_equal(farmiq_store_begin(&store), FARMIQ_OK);
        for (size_t turn = 0; turn < 2; turn++) {
            for (size_t from = 0; from < FACTS; from += per_batch) {
                size_t count = FACTS - from < per_batch ? FACTS - from : per_batch;

                for (size_t i = 0; i < count; i++)
                    batch[i] = &facts[order[from + i]];
                take(batch, count, "t1");
            }
            assert_string_equal(row_of("t1"), whole);
        }
        farmiq_store_rollback(&store);
        orders++;
    } while (next_order(order));
    assert_int_equal(orders, 5040);
    assert_int_equal(conflicts, 0);
}

static void every_order_leaves_the_same_row_fact_by_fact(void **state)
{
    (void)state;
    walk_all_orders(1);
}

static void and_two_at_a_time(void **state)
{
    (void)state;
    walk_all_orders(2);
}

static void and_all_at_once(void **state)
{
    (void)state;
    walk_all_orders(FACTS);
}

/* ## What else a store must do */

static void a_batch_may_hold_a_fact_twice(void **state)
{
    const struct said *batch[2 * FACTS];

    (void)state;
    for (size_t i = 0; i < 2 * FACTS; i++)
        batch[i] = &facts[i % FACTS];
    take(batch, 2 * FACTS, "t1");
    assert_string_equal(row_of("t1"), whole);
}

static void tenants_do_not_see_each_others_sessions(void **state)
{
    const struct said *all[FACTS];

    (void)state;
    for (size_t i = 0; i < FACTS; i++)
        all[i] = &facts[i];
    take(all, 1, "t1");
    take(all, FACTS, "t2");
    assert_string_equal(row_of("t2"), whole);
    assert_non_null(strstr(row_of("t1"), "[1,1000,null,null,"));
}

static void an_end_that_disagrees_is_counted_and_the_first_stands(void **state)
{
    const struct said other = { FARMIQ_SESSION_EV_FINALIZED, "other", 130, 0, NULL };
    const struct said *all[FACTS + 1];

    (void)state;
    for (size_t i = 0; i < FACTS; i++)
        all[i] = &facts[i];
    all[FACTS] = &other;
    take(all, FACTS + 1, "t1");
    assert_string_equal(row_of("t1"), whole);
    assert_int_equal(conflicts, 1);
}

static int reset(void **state)
{
    conflicts = 0;
    return open_store(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, close_store)
    const struct CMUnitTest tests[] = {
        TEST(every_order_leaves_the_same_row_fact_by_fact),
        TEST(and_two_at_a_time),
        TEST(and_all_at_once),
        TEST(a_batch_may_hold_a_fact_twice),
        TEST(tenants_do_not_see_each_others_sessions),
        TEST(an_end_that_disagrees_is_counted_and_the_first_stands),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
