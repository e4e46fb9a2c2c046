/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger events in any order, told twice, and those that are refused. */
#include "ledger_story.h"

/* Late events and events told twice give the same book, bit for bit. */
static void the_order_of_telling_does_not_matter(void **state)
{
    static const double windows[][2] = { { -1, 40 }, { 7, 14 }, { 3, 20 }, { 16, 16 } };
    uint64_t seed = 31;

    (void)state;
    tell_a_long_story();
    for (size_t w = 0; w < COUNT(windows); w++) {
        struct farmiq_ledger first = book(windows[w][0], windows[w][1]);

        for (int i = 0; i < 100; i++) {
            struct farmiq_ledger again;

            shuffle(&seed);
            again = book(windows[w][0], windows[w][1]);
            assert_memory_equal(&again, &first, sizeof first);
        }
    }
}

static void a_repeat_counts_once(void **state)
{
    struct farmiq_ledger first, again;
    uint64_t seed = 32;
    size_t n;

    (void)state;
    tell_a_long_story();
    first = book(-1, 40);
    n = story.count;
    for (size_t i = 0; i < n; i++)
        story.events[story.count++] = story.events[i];
    story.events[story.count++] = story.events[0];
    shuffle(&seed);
    again = book(-1, 40);
    assert_int_equal(first.duplicates, 0);
    assert_int_equal(again.duplicates, n + 1);
    again.duplicates = 0;
    assert_memory_equal(&again, &first, sizeof first);
}

static void one_id_must_not_tell_two_stories(void **state)
{
    static const size_t fields = 5;

    for (size_t field = 0; field < fields; field++) {
        struct farmiq_ledger_event *twin;
        struct farmiq_ledger b;
        struct farmiq_error error;

        new_story(state);
        placed(0, 100, 50);
        weighed(1, 10, 0.6);
        twin = &story.events[story.count++];
        *twin = story.events[1];
        twin->at_unix_ms += field == 0;
        twin->head += field == 1;
        twin->amount += field == 2;
        twin->sd_kg += field == 3;
        if (field == 4)
            twin->kind = FARMIQ_LEDGER_CULL;
        assert_int_equal(try_book(-1, 9, &b, &error), FARMIQ_CONFLICT);
        assert_string_equal(error.field, "event_id");
        assert_int_equal(error.offset, 2);
    }
}

static void two_stories_are_enough_for_a_conflict(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 100, 50);
    story.events[story.count++] = story.events[0];
    story.events[1].head++;
    assert_int_equal(try_book(-1, 9, &b, NULL), FARMIQ_CONFLICT);
}

/* An id that merely begins like another is another. */
static void ids_are_compared_whole(void **state)
{
    struct farmiq_ledger b;

    (void)state;
    placed(0, 10, 10);
    placed(0, 20, 20);
    story.events[1].event_id = (struct farmiq_str){ "e00", 3 };
    assert_int_equal(book(-1, 1).entered_head, 30);
    story.events[0].event_id = (struct farmiq_str){ "e00", 2 };
    story.events[1].event_id = (struct farmiq_str){ "e00", 3 };
    b = book(-1, 1);
    assert_true(b.entered_head == 30 && b.duplicates == 0);
}

/* A truck that brings and takes at one instant makes no negative herd. */
static void arrivals_come_before_departures(void **state)
{
    (void)state;
    sold(1, 50, 100);
    placed(1, 50, 90);
    assert_int_equal(book(0, 2).closing_head, 0);
}

/* --- Refusals ------------------------------------------------------------- */

static void refuses(struct farmiq_ledger_event event, int code, const char *field)
{
    struct farmiq_ledger b;
    struct farmiq_error error;

    story.events[1] = event;
    story.count = 2;
    assert_int_equal(try_book(-1, 9, &b, &error), code);
    assert_string_equal(error.field, field);
    assert_int_equal(error.offset, 1);
    assert_int_equal(b.entered_head, 0);
}

static void every_kind_refuses_a_head_or_amount_it_cannot_have(void **state)
{
    static const struct {
        uint32_t kind;
        uint64_t bad_head;
        double bad_amount;
    } rows[] = {
        { FARMIQ_LEDGER_PLACEMENT, 0, 0 },       { FARMIQ_LEDGER_TRANSFER_IN, 0, 0 },
        { FARMIQ_LEDGER_WEIGHING, 0, 0 },        { FARMIQ_LEDGER_MORTALITY, 0, -1 },
        { FARMIQ_LEDGER_CULL, 0, -1 },           { FARMIQ_LEDGER_SALE, 0, 0 },
        { FARMIQ_LEDGER_TRANSFER_OUT, 0, 0 },    { FARMIQ_LEDGER_FEED_DELIVERY, 1, -1 },
        { FARMIQ_LEDGER_FEED_REMOVED, 1, -1 },   { FARMIQ_LEDGER_FEED_STOCK, 1, -1 },
        { FARMIQ_LEDGER_FEED_DISPENSED, 1, -1 }, { FARMIQ_LEDGER_WATER, 1, -1 },
        { FARMIQ_LEDGER_EGGS, 1000000001, 1 },
    };

    (void)state;
    placed(0, 10, 10);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct farmiq_ledger_event event = { .at_unix_ms = START,
                                             .event_id = { "x", 1 },
                                             .kind = rows[i].kind };

        event.head = rows[i].bad_head;
        event.amount = rows[i].kind == FARMIQ_LEDGER_EGGS ? 0 : 1;
        refuses(event, FARMIQ_E_RANGE, "head");
        event.head = rows[i].kind >= FARMIQ_LEDGER_FEED_DELIVERY ? 0 : 1;
        event.amount = rows[i].bad_amount;
        refuses(event, FARMIQ_E_RANGE, "amount");
        for (size_t k = 0; k < COUNT(not_finite); k++) {
            event.amount = not_finite[k];
            refuses(event, FARMIQ_E_RANGE, "amount");
        }
    }
}

static void events_have_limits(void **state)
{
    const struct farmiq_ledger_event good = { .at_unix_ms = START,
                                              .event_id = { "x", 1 },
                                              .head = 5,
                                              .amount = 1,
                                              .sd_kg = 0.1,
                                              .kind = FARMIQ_LEDGER_WEIGHING };
    const int64_t last_ms = INT64_C(1) << 53;
    struct farmiq_ledger_event event;

    (void)state;
    placed(0, 10, 10);
#define REFUSES(member, bad, code, field)                                                \
    (event = good, event.member = (bad), refuses(event, code, field))
    REFUSES(kind, 0, FARMIQ_E_ARG, "kind");
    REFUSES(kind, 14, FARMIQ_E_ARG, "kind");
    REFUSES(kind, UINT32_MAX, FARMIQ_E_ARG, "kind");
    REFUSES(event_id.ptr, NULL, FARMIQ_E_ARG, "event_id");
    REFUSES(event_id.len, 0, FARMIQ_E_ARG, "event_id");
    REFUSES(at_unix_ms, last_ms + 1, FARMIQ_E_RANGE, "at_unix_ms");
    REFUSES(at_unix_ms, -last_ms - 1, FARMIQ_E_RANGE, "at_unix_ms");
    REFUSES(head, 1000000001, FARMIQ_E_RANGE, "head");
    REFUSES(amount, 1.1e12, FARMIQ_E_RANGE, "amount");
    REFUSES(sd_kg, NAN, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(sd_kg, -0.1, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(sd_kg, 1.1e12, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(head, 1, FARMIQ_E_RANGE, "sd_kg");
    REFUSES(kind, FARMIQ_LEDGER_SALE, FARMIQ_E_RANGE, "sd_kg");
    story.events[0].kind = 0; /* the first event is looked at, too */
    assert_int_equal(try_book(-1, 9, &(struct farmiq_ledger){ 0 }, NULL), FARMIQ_E_ARG);
    story.events[0].kind = FARMIQ_LEDGER_PLACEMENT;
    story.events[1] = good;
    story.events[1].at_unix_ms = last_ms;
    story.events[1].head = 1000000000;
    story.events[1].amount = 1e12;
    story.events[1].sd_kg = 1e12;
    (void)book(-1, 9);
    story.events[1].head = 2;
    story.events[1].at_unix_ms = -last_ms;
    (void)book(-1, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_story(the_order_of_telling_does_not_matter),
        with_story(a_repeat_counts_once),
        with_story(one_id_must_not_tell_two_stories),
        with_story(two_stories_are_enough_for_a_conflict),
        with_story(ids_are_compared_whole),
        with_story(arrivals_come_before_departures),
        with_story(every_kind_refuses_a_head_or_amount_it_cannot_have),
        with_story(events_have_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
